"""From a file to a Recording: what JLS v1 holds, calibrated and suppressed as it is read."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError
from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.file import File
from xjls.formats.jls1.floats import DTYPE, FloatSamples
from xjls.formats.jls1.layout import UNKNOWN
from xjls.formats.jls1.levels import Levels
from xjls.formats.jls1.places import Places
from xjls.formats.jls1.raw import DTYPES, MISSING_RANGE, RawSamples
from xjls.formats.jls1.reductions import MAX, MIN, Reductions
from xjls.formats.jls1.suppression import Suppression
from xjls.model.annotation import Tie
from xjls.model.sample_type import STEP
from xjls.model.signal import Signal, Source
from xjls.model.status import Damage, Status
from xjls.model.window import Gap, Gaps, Window
from xjls.storage.pool import array_to_fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls1.levels import Use
    from xjls.model.annotation import Annotation, UserData
    from xjls.model.reader import OnDamage
    from xjls.model.signal import Level
    from xjls.storage import Storage

FORMAT = "JLS v1"
_UNITS = {"current": "A", "voltage": "V", "power": "W", "current_range": "", "gpi0": "", "gpi1": ""}
_COUNTED_UNITS = {"current": "count", "voltage": "count", "power": "count²"}
"""Of recordings without a calibration."""
_STORED_TYPES = {"f": "f32", "u": "u8", "b": "u1"}
_OF_CURRENT = ("current", "power")
"""Signals that are NaN where the current is."""
_COMPARED = 8
"""Reductions of current ranges that are compared with samples, to tell who made them."""
_SAME_RANGE = 1e-3
"""By how much voltages of one range may differ, relatively: those of two ranges do by far more."""
_STEP = 1 << 20
"""Samples that are looked at together."""


class Jls1Reader:
    """Fulfil `xjls.model.reader.Reader` for JLS v1.

    Parameters
    ----------
    path, storage_options
        A local file, or an address that fsspec understands.
    suppress, reductions, calibration
        See `xjls.formats.jls1.opening.open_jls1`.
    start_ns
        UTC of the first sample, ns since 1970; None where nobody knows.
    storage
        What is read instead of the path: closed with this.
    """

    format = FORMAT
    restarts = False

    def __init__(
        self, path: str, storage_options: Mapping[str, Any] | None = None, *, suppress: str = "normal",
        start_ns: int | None = None, reductions: Use = "auto", calibration: str = "", storage: Storage | None = None,
    ) -> None:  # fmt: skip
        self.file = File(path, storage_options, calibration, storage)
        self.token: tuple[object, ...] = (*self.file.storage.token, suppress, start_ns, reductions, calibration)
        self.was_closed = self.file.was_closed
        self.suppression = Suppression.of(suppress)
        self._start_ns = start_ns
        self._use: Use = reductions
        self._lock = threading.RLock()
        self._reductions_made: Reductions | None = None
        self._complete: NDArray[np.bool_] | None = None
        self._levels: dict[str, Levels] = {}
        self._lost: dict[str, Gaps] = {}
        """What reading has found to be lost, by signal."""
        self._notes: dict[str, None] = {}
        self._source = self._described_source()
        self.sources: tuple[Source, ...] = (self._source,)
        self.samples = self._opened_samples()
        self.names: tuple[str, ...] = self._named()

    # -- reading -----------------------------------------------------------------------------------------------------

    def describe(self, name: str) -> Signal:
        """Return a signal's facts; see `Reader`."""
        file, raw = self.file, isinstance(self.samples, RawSamples)
        config, dtype = file.config, DTYPES[name] if raw else DTYPE
        factor, length = file.samples_per_row, file.length
        units = _UNITS if file.calibration is not None or not raw else _UNITS | _COUNTED_UNITS
        return Signal(
            id=list(_UNITS).index(name) + 1, name=name, units=units[name], dtype=dtype,
            rate_hz=config.rate_hz, source=self._source, window=Window(0, length), block_length=config.samples_per_tlv,
            level_dtype=np.dtype("f8"), level_factors=_factors(factor, length), stored_type=_STORED_TYPES[dtype.kind],
            missing_value=MISSING_RANGE if name == "current_range" and raw else None,
            facts={"suppression": str(self.suppression)} if raw and name in ("current", "power") else {},
        )  # fmt: skip

    def read(
        self, signal: Signal, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read samples; see `Reader`."""
        values = array_to_fill(out, window.length, signal.dtype)
        # Checked first: there may be a mapping without a file
        self.file.storage.hold()
        gaps = self.samples.read(signal.name, window, values, verify=verify) if window.length else ()
        lost = [gap for gap in gaps if not gap.skipped]
        if lost:
            with self._lock:
                self._lost[signal.name] = Gaps((*self._lost.get(signal.name, ()), *lost))
            if on_damage == "raise":
                gap = lost[0]
                raise LostSamplesError(
                    f"samples {gap.window} of {signal.name!r} are lost: {gap.reason}", self.file.storage.path,
                    gap.offset, 'Open with on_damage="gap" to read the rest.',
                )  # fmt: skip
        return values, gaps

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[Any]:
        """Read entries of a level, made of samples where the file's are none of these; see `Reader`."""
        found, known = self.levels(signal.name).entries(level.index, entries.start, entries.stop)
        for i in np.flatnonzero(~known).tolist():
            found[i] = self._made(signal, level.factor, entries.start + i, on_damage, verify)
        return found

    def places(self, signal: Signal, verify: bool) -> Places:  # noqa: ARG002 - samples lie nowhere
        """Return where a signal's entries lie; see `Reader`."""
        # Not self: a circle would keep the file open until it is collected
        reader, name = weakref.ref(self), signal.name
        kept: list[Levels] = []

        def levels() -> Levels:
            if not kept and (there := reader()) is not None:
                kept.append(there.levels(name))
            return kept[0]

        return Places(levels, self.file.storage.hold)

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return the samples that were counted and have no record; see `Reader`."""
        return tuple(Gaps((*self.file.records.missing(), *self._lost.get(signal.name, ()))))

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:  # noqa: ARG002 - of all signals
        """Return nothing: which samples were not delivered shows on reading; see `Reader`."""
        return ()

    def ties(self, signal: Signal) -> tuple[Tie, ...]:  # noqa: ARG002 - of all signals
        """Return what the caller knew: the format tells no time; see `Reader`."""
        return () if self._start_ns is None else (Tie(sample_id=0, time_ns=self._start_ns),)

    def annotations(self) -> tuple[Annotation, ...]:
        """Return nothing: the format has none; see `Reader`."""
        return ()

    def user_data(self) -> tuple[UserData, ...]:
        """Return user data of the beginning (0) and the end (1), and the calibration's facts (2); see `Reader`."""
        return self.file.user_data

    def status(self) -> Status:
        """Return what is known of the recording's health; see `Reader`."""
        made = self._reductions_made
        damage = {*self.file.damage, *self.file.records.faults, *(made.damage if made else ())}
        missing = tuple(self.file.records.missing())
        with self._lock:
            found = {name: Gaps((*missing, *self._lost.get(name, ()))) for name in self.names}
            notes = tuple(self._notes)
        gaps = {name: tuple(gaps) for name, gaps in found.items() if len(gaps)}
        return Status(self.was_closed, self.file.storage.size, tuple(sorted(damage)), gaps, notes)

    def check(self, progress: Callable[[int, int], None] | None) -> tuple[Damage, ...]:
        """Verify every record, and count what was not delivered; see `Reader`."""
        signals = [self.describe(name) for name in self.names]
        done, total, absent = 0, self.file.length, 0
        unsure = any(block.voltage_range == UNKNOWN for block in self.file.layout.blocks.values())
        self._reductions()
        for start in range(0, total, _STEP):
            window = Window(start, min(start + _STEP, total))
            _, gaps = self.read(signals[0], window, None, "gap", True)
            absent += sum(gap.window.length for gap in gaps if gap.skipped)
            # All signals are of the same records: they are asked where there is something to tell
            if unsure or any(not gap.skipped for gap in gaps):
                for signal in signals[1:]:
                    self.read(signal, window, None, "gap", True)
            done += window.length
            if progress is not None:
                progress(done, total)
        if absent:
            self._note(f"{absent:,} samples were not delivered by the instrument")
        return self.status().damage

    def close(self) -> None:
        """Give the file back; see `Reader`."""
        self.file.close()

    # -- levels ------------------------------------------------------------------------------------------------------

    def levels(self, name: str) -> Levels:
        """Return the levels of a signal, made on first use."""
        if (kept := self._levels.get(name)) is not None:
            return kept
        with self._lock:
            if name not in self._levels:
                self._levels[name] = self._made_levels(name)
            return self._levels[name]

    def _made_levels(self, name: str) -> Levels:
        signal = self.describe(name)

        def read(start: int, stop: int) -> tuple[NDArray[np.float64], bool]:
            values, gaps = self.read(signal, Window(start, stop) & signal.window, None, "gap", True)
            found = values.astype(np.float64)
            for gap in gaps:
                found[gap.window.start - start : gap.window.stop - start] = np.nan
            return found, all(gap.skipped for gap in gaps)

        made = Levels(
            self._reductions(),
            name,
            read,
            self._use,
            partial=name in _OF_CURRENT,
            floating=signal.dtype.kind == "f",
            apt=self._apt_rows(name),
        )
        if not made.agrees and self._use == "auto":
            self._note(f"{name}: reductions are not those of the samples as they are read, and are made anew")
        return made

    def _apt_rows(self, name: str) -> NDArray[np.bool_] | None:
        """Return which reductions can be of the samples as they are read; None for all.

        A block has one voltage range, that of its beginning: where the next one has another, nobody knows since when.
        Behind the last one nothing tells of that but its last row.
        """
        complete, reductions = self._complete_rows(), self._reductions()
        if name not in ("voltage", "power") or not isinstance(self.samples, RawSamples) or self._use != "auto":
            return complete
        apt = np.ones(reductions.length, np.bool_) if complete is None else complete.copy()
        per_block = self.file.config.samples_per_block // max(reductions.factor, 1)
        last = self._contradicted_end(reductions)
        changing = self.file.layout.changing_blocks() + ([] if last is None else [last // per_block])
        for number in changing:
            apt[number * per_block : (number + 1) * per_block] = False
        return apt

    def _contradicted_end(self, reductions: Reductions) -> int | None:
        """Return the last row, where its voltages are none of its samples, as a change of their range would show."""
        rows, known = reductions.rows("voltage")
        if not known.any():
            return None
        last = int(np.flatnonzero(known)[-1])
        window = Window(last * reductions.factor, (last + 1) * reductions.factor)
        values, _ = self.read(self.describe("voltage"), window, None, "gap", True)
        there = values[np.isfinite(values)].astype(np.float64)
        ends = [there.min(initial=np.inf), there.max(initial=-np.inf)]
        return None if np.allclose(rows[last, [MIN, MAX]], ends, rtol=_SAME_RANGE) else last

    def _complete_rows(self) -> NDArray[np.bool_] | None:
        """Return which reductions are of samples that are all there, where they do not say: all words are looked at."""
        reductions = self._reductions()
        if reductions.are_counted or not isinstance(self.samples, RawSamples) or self._use != "auto":
            return None
        with self._lock:
            if self._complete is None:
                self._complete = self.samples.complete(reductions.factor, reductions.length)
            return self._complete

    def _reductions(self) -> Reductions:
        with self._lock:
            if self._reductions_made is None:
                file = self.file
                factor, length = file.samples_per_row, file.length
                self._reductions_made = Reductions(file.walk, file.layout, file.config, factor, length)
            return self._reductions_made

    def _made(self, signal: Signal, factor: int, number: int, on_damage: OnDamage, verify: bool) -> NDArray[np.float64]:
        """Return an entry made of samples, however many it covers."""
        from xjls.kernels.moments import merge_rows, moments

        rows = []
        for start in range(number * factor, (number + 1) * factor, _STEP):
            window = Window(start, min(start + _STEP, (number + 1) * factor))
            values, gaps = self.read(signal, window, None, on_damage, verify)
            if gaps and signal.dtype.kind != "f":
                values = values.astype(np.float64)
                for gap in gaps:
                    values[gap.window.start - start : gap.window.stop - start] = np.nan
            rows.append(moments(values))
        count, _, mean, squares, low, high = merge_rows(np.stack(rows))
        if not count:
            return np.full(4, np.nan)
        return np.array([mean, np.sqrt(squares / count), low, high])

    # -- opening -----------------------------------------------------------------------------------------------------

    def _described_source(self) -> Source:
        calibration = self.file.calibration
        if calibration is None:
            return Source(id=1, name="Joulescope", vendor="Jetperch")
        serial = calibration.serial_number
        return Source(id=1, name="JS110", vendor="Jetperch", model="JS110", serial_number=serial)

    def _opened_samples(self) -> RawSamples | FloatSamples:
        file = self.file
        if file.config.data_format != "float32_v2":
            if file.calibration is None and file.config.data_format == "raw":
                self._note("there is no calibration: values are the converters' counts")
            return RawSamples(file.records, file.calibration or Calibration(), self.suppression)
        samples = FloatSamples(file.records, self._reductions().highest_ranges(_COMPARED))
        if samples.scaled_twice:
            self._note("current_range: its samples were scaled twice as they were written, and are lost")
        return samples

    def _named(self) -> tuple[str, ...]:
        if self.file.config.data_format == "none":
            return ()
        return self.samples.names if isinstance(self.samples, FloatSamples) else tuple(DTYPES)

    def _note(self, text: str) -> None:
        with self._lock:
            self._notes[text] = None


def _factors(factor: int, length: int) -> tuple[int, ...]:
    """Return the samples in an entry of each level, from fine to coarse."""
    found = []
    while factor and factor <= length:
        found.append(factor)
        factor *= STEP
    return tuple(found)
