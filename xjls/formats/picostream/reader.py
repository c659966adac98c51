"""From a file to a Recording: counts, what they mean, and when they were taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError
from xjls.formats.picostream.attributes import LOST, MARKED, plain_facts
from xjls.formats.picostream.counts import DTYPE
from xjls.formats.picostream.extras import explained
from xjls.formats.picostream.file import File
from xjls.formats.picostream.opening import UNITS
from xjls.formats.picostream.places import Places
from xjls.model.bounds import BOUNDS
from xjls.model.signal import Signal, Source
from xjls.model.status import Status
from xjls.model.window import Gap, Gaps, Window, merge_gaps, runs
from xjls.storage.pool import array_to_fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.picostream.attributes import OffsetSign, Settings
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.reader import OnDamage
    from xjls.model.signal import Level
    from xjls.model.status import Damage

FORMAT = "PicoStream"
UNWRITTEN = "never written, or cannot be unpacked"
_STEP = 1 << 22
"""Samples that `check` looks at together."""


class PicoReader:
    """Fulfil `xjls.model.reader.Reader` for PicoStream's HDF5 files.

    Parameters
    ----------
    path, storage_options
        A local file, or an address that fsspec understands.
    units, offset_sign, max_adc, sample_interval_ns
        See `xjls.formats.picostream.opening.open_picostream`.
    """

    format = FORMAT
    restarts = True

    def __init__(
        self, path: str, storage_options: Mapping[str, Any] | None = None, *, units: str = "V",
        offset_sign: OffsetSign = "subtract", max_adc: int | None = None, sample_interval_ns: float | None = None,
    ) -> None:  # fmt: skip
        self.file = File(path, storage_options, max_adc=max_adc, sample_interval_ns=sample_interval_ns)
        self._container, self._settings, self._counts = self.file.container, self.file.settings, self.file.counts
        self.token: tuple[object, ...] = (*self.file.token, units, offset_sign, max_adc, sample_interval_ns)
        try:
            factor, offset = self._settings.volts(offset_sign)
        except BaseException:
            self.file.close()
            raise
        self._told: dict[str, Any] = {
            "units": units, "scale_factor": factor * UNITS[units], "add_offset": offset * UNITS[units],
            "facts": plain_facts(self._container.root, self._container.groups) | dict(self.file.extras.facts),
        }  # fmt: skip
        self.was_closed = not self._container.is_growing
        self.sources: tuple[Source, ...] = self.file.extras.sources
        self._stored = {stored.name: stored for stored in self.file.extras.signals}
        self._known = {name: Gaps(stored.gaps) for name, stored in self._stored.items()}
        """Gaps that it is known of why, by signal."""
        self.names: tuple[str, ...] = tuple(self._stored)
        self._window = self.file.window
        self._offset_note = _note_of_offset(self._settings, offset_sign)
        self._marker_notes: list[str] = []
        """What `check` found."""
        self._lost: tuple[Gap, ...] = ()
        self._lock = threading.Lock()

    def describe(self, name: str) -> Signal:
        """Return a signal's facts; see `Reader`."""
        stored, extras, each = self._stored[name], self.file.extras, self._settings.values_per_step
        source = next((one for one in self.sources if one.id == stored.source), None)
        counted = None if self._settings.total is None else 0
        bound = (extras.quantity, BOUNDS[self.names.index(name)]) if each > 1 else None
        return Signal(
            id=stored.id, name=name, dtype=DTYPE, stored_type="i16",
            source=source or Source(id=stored.source, name=f"source {stored.source}"),
            rate_hz=self._settings.rate_hz, window=self._window, missing_value=LOST,
            block_length=max(self._container.chunk // each, 1),
            origin_id=counted if extras.first_id is None else extras.origin_id, bound=bound, **self._told,
        )  # fmt: skip

    def read(
        self, signal: Signal, window: Window, out: NDArray[Any] | None, on_damage: OnDamage,
        verify: bool,  # noqa: ARG002 - no checksums
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:  # fmt: skip
        """Read counts, markers among them; see `Reader`."""
        each = self._settings.values_per_step
        phase = BOUNDS.index(signal.bound[1]) if signal.bound else 0
        start, stop = (each * (at - self._window.start) for at in (window.start, window.stop))
        if start == stop:
            return array_to_fill(out, 0, DTYPE), ()
        try:
            values, missing, lowest = self._counts.read(start, stop, out, step=each, phase=phase)
        finally:
            # Also of a file that has shrunk: this says why
            self.file.require_kept()
        gaps = self._unwritten(missing)
        if gaps:
            with self._lock:
                self._lost = merge_gaps((*self._lost, *gaps))
            if on_damage == "raise":
                raise LostSamplesError(
                    f"samples {gaps[0].window} of {signal.name!r} are not in the file: {UNWRITTEN}", self.file.path,
                    remedy='Open with on_damage="gap" to read the rest.',
                )  # fmt: skip
        if lowest != LOST:
            return values, gaps
        # Of a pair that lies in two chunks one half may be missing, and the other marked: it is lost once
        known = Gaps((*self._known[signal.name], *gaps))
        return values, merge_gaps((*gaps, *explained(_marked(values, window.start), known)))

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool  # noqa: ARG002 - no levels
    ) -> NDArray[Any]:  # fmt: skip
        """Return nothing: there are no levels, so nobody can ask for one; see `Reader`."""
        return np.empty((entries.length, 4), np.float32)

    def places(self, signal: Signal, verify: bool) -> Places:  # noqa: ARG002 - no checksums
        """Return where a signal's counts lie; see `Reader`."""
        return Places(self._counts, signal.length, paired=signal.bound is not None, require_kept=self.file.require_kept)

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return what was never written, and those that xjls wrote; see `Reader`."""
        runs = self._container.runs
        edges = np.concatenate([[0], np.stack([runs.starts, runs.stops], axis=1).ravel()]).tolist()
        holes = [(lo, hi) for lo, hi in zip(edges[::2], edges[1::2], strict=False) if lo < hi]
        return merge_gaps((*self._unwritten(holes), *self._known[signal.name]))

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:
        """Return those that xjls wrote: the driver's markers show on reading only; see `Reader`."""
        return tuple(self._known[signal.name])

    def ties(self, signal: Signal) -> tuple[Tie, ...]:
        """Return those that xjls wrote: PicoStream knows no wall-clock time; see `Reader`."""
        return self._stored[signal.name].ties

    def annotations(self) -> tuple[Annotation, ...]:
        """Return those that xjls wrote; see `Reader`."""
        return self.file.extras.annotations

    def user_data(self) -> tuple[UserData, ...]:
        """Return those that xjls wrote; see `Reader`."""
        return self.file.extras.user_data

    def status(self) -> Status:
        """Return what is known of the file's health; see `Reader`."""
        notes = [*self._settings.notes, *self._offset_note]
        if beyond := self._container.declared - self._container.length:
            notes.append(f"the last {beyond:_} values were never written, and are left out")
        elif self._container.length % self._settings.values_per_step:
            notes.append("the last minimum has no maximum, and is left out")
        with self._lock:
            gaps = dict.fromkeys(self.names, self._lost) if self._lost else {}
            notes += self._marker_notes
        return Status(self.was_closed, self.file.size_bytes, gaps=gaps, notes=tuple(notes))

    def check(self, progress: Callable[[int, int], None] | None) -> tuple[Damage, ...]:
        """Read every count; what cannot be read is in `status`, as samples. HDF5 has no checksums; see `Reader`."""
        done, notes = 0, []
        for signal in map(self.describe, self.names):
            marked = 0
            for start in range(signal.first_id, signal.window.stop, _STEP):
                window = Window(start, min(start + _STEP, signal.window.stop))
                _, gaps = self.read(signal, window, None, "gap", True)
                marked += sum(gap.window.length for gap in gaps if gap.skipped)
                done += window.length
                if progress is not None:
                    progress(done, signal.length * len(self.names))
            notes += [f"{signal.name}: {marked:,} samples are {MARKED}"] if marked else []
        with self._lock:
            self._marker_notes = notes
        return ()

    def _unwritten(self, spans: list[tuple[int, int]]) -> tuple[Gap, ...]:
        """Return the gaps that spans of values leave."""
        each, first = self._settings.values_per_step, self._window.start
        windows = (Window(first + lo // each, first - (-hi // each)) & self._window for lo, hi in spans)
        return merge_gaps(Gap(window, UNWRITTEN) for window in windows)

    def close(self) -> None:
        """Give back what is held; see `Reader`."""
        self.file.close()


def _note_of_offset(settings: Settings, sign: OffsetSign) -> list[str]:
    """Return what must be said where xjls and PicoStream give different volts."""
    if not settings.offset_v or sign == "add":
        return []
    subtracted = f"the analogue offset of {settings.offset_v:g} V is subtracted, which gives the input"
    return [f'{subtracted}; PicoStream adds it: format_options={{"offset_sign": "add"}}']


def _marked(values: NDArray[np.int16], first_id: int) -> list[Gap]:
    """Return the runs of markers among counts."""
    return [Gap(Window(first_id + lo, first_id + hi), MARKED, skipped=True) for lo, hi in runs(values == LOST)]
