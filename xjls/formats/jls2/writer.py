"""A recording to a JLS v2 file: definitions, samples, ties, annotations and user data, in the order of the calls.

The bytes are those that the JLS library (0.17) leaves after the same calls, but for what it does wrong: SUMMARY chunks
of 64-bit entries are complete, and no index leaves out the last chunks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.jls2.chunks import MOST_ID
from xjls.formats.jls2.datatypes import type_of
from xjls.formats.jls2.gaps import GAP_META, encode_gap, encode_resumed
from xjls.formats.jls2.heads import TrackChunks
from xjls.formats.jls2.layout import PAIRS, Blocks, with_blocks
from xjls.formats.jls2.pairs import PairTrack
from xjls.formats.jls2.past import Past
from xjls.formats.jls2.resume import Resumed
from xjls.formats.jls2.stream import SampleTrack
from xjls.formats.jls2.tape import Tape
from xjls.formats.jls2.wire import (
    SignalDef,
    SourceDef,
    Tag,
    encode_annotation,
    encode_signal,
    encode_source,
    encode_storage,
)
from xjls.model.sink import NOT_DELIVERED, ClosedByWith
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.wire import AnnotationRecord
    from xjls.model.annotation import Json
    from xjls.model.signal import Signal

_GLOBAL_SOURCE = SourceDef(0, "global_annotation_source", "jls", "-", "1.0.0", "-")
_GLOBAL_SIGNAL = SignalDef(0, 0, 1, 0x2004, 0, 10, 10, 10, 10, 0, 0, "global_annotation_signal", "")
MOST_IDS = 255
MOST_PAYLOAD = 1_048_572
"""Bytes of a record that the JLS library 0.17 reads."""
FILL_SAMPLES = 1 << 20
"""Samples that fill a gap, held at a time."""


@dataclass(slots=True)
class _Signal:
    """What is being written of one signal."""

    name: str
    kind: DataType | None
    samples: SampleTrack | None
    notes: PairTrack
    ties: PairTrack | None


class Jls2Writer(ClosedByWith):
    """Write a JLS v2 file.

    Parameters
    ----------
    path
        A file that does not exist yet.
    append
        Go on with one that does, of any writer, closed or not: `resume` says how.
    shows_all
        Whether `flush` makes all samples readable, also those that fill no chunk: these as a chunk that the next one
        replaces, and whose bytes stay in the file. Else the bytes are those of the JLS library.

    Raises
    ------
    OSError
        As the operating system says, here and from every call: what was written before stays readable.
    FormatError
        The file to go on with is damaged, or of a release that xjls does not write; it is left as it is.

    Notes
    -----
    For one thread. A ``with`` block closes it, and abandons it when it raises. Samples are gathered to chunks, and
    chunks to pieces of two megabytes: `flush` writes what is there.

    Examples
    --------
    >>> import tempfile, xjls
    >>> path = tempfile.mkdtemp() + "/run.jls"
    >>> with Jls2Writer(path) as writer:
    ...     writer.define_source(SourceDef(1, "bench", "", "", "", ""))
    ...     writer.define_signal(SignalDef(1, 1, 0, 0x2004, 1000, 0, 0, 0, 0, 0, 0, "current", "A"))
    ...     writer.write(1, 0, np.arange(5, dtype="f4"))
    >>> xjls.open_recording(path).read("current")
    array([0., 1., 2., 3., 4.], dtype=float32)
    """

    def __init__(self, path: str, *, append: bool = False, shows_all: bool = False) -> None:
        self.described: tuple[Signal, ...] = ()
        """The signals that the file had already, as readers know them."""
        self._shows_all = shows_all
        self._sources: set[int] = set()
        self._signals: dict[int, _Signal] = {}
        if append:
            past = Past(os.fspath(path))
            self.described = past.described
            self._go_on(Resumed(past))
            return
        self._tape = Tape(os.fspath(path))
        self._tape.append(Tag.USER_DATA, 0, b"")
        self._define_source(_GLOBAL_SOURCE)
        self._define_signal(_GLOBAL_SIGNAL)

    def define_source(self, source: SourceDef) -> None:
        """Define an instrument by a number from 1 to 255, once."""
        _require_id("source", source.id, self._sources)
        self._define_source(source)

    def define_signal(self, signal: SignalDef) -> None:
        """Define a signal by a number from 1 to 255, once; its source comes first.

        Block parameters of 0 take the library's defaults; others are rounded as it does.
        """
        _require_id("signal", signal.id, self._signals)
        if signal.source_id not in self._sources:
            raise SelectionError(f"source {signal.source_id} of {signal.name!r} is not defined", "Define it first.")
        if not signal.signal_type and not (0 < signal.rate_hz < 1 << 32 and signal.rate_hz == int(signal.rate_hz)):
            raise SelectionError(
                f"{signal.name!r} has a rate of {signal.rate_hz} Hz", "Give it a whole number above 0, and below 2³²."
            )
        self._define_signal(signal)

    def write(self, signal_id: int, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples; the first call tells where the signal begins.

        Parameters
        ----------
        signal_id
            Of a signal at a fixed rate.
        first_id
            Sample id of the first of them. Where it is beyond the next one, what is missing is skipped: see `skip`. Of
            samples that are there already, the first ones stay.
        samples
            Shape (time,), in the signal's type: bool for one bit, (u)int8 for four.
        """
        track, kind = self._sampled(signal_id)
        _require_samples(samples, kind, signal_id)
        first_id = index(first_id)
        _require_ids(Window(first_id, first_id + len(samples)))
        if (next_id := track.next_id) is not None:
            samples = samples[max(next_id - first_id, 0) :]
            if first_id > next_id and len(samples):
                self.skip(signal_id, Gap(Window(next_id, first_id), NOT_DELIVERED))
        if len(samples):
            track.write(max(first_id, next_id or first_id), samples)

    def skip(self, signal_id: int, gap: Gap) -> None:
        """Count samples that nobody delivered: as a record that xjls reads back, and as the filling of the format.

        Parameters
        ----------
        signal_id
            Of a signal at a fixed rate.
        gap
            What is missing, and why. What is between it and the samples that are there was not delivered either; what
            of it is there already stays.

        Raises
        ------
        OSError
            The disk has no room for the filling (``ENOSPC``); nothing of it is written.
        """
        track, kind = self._sampled(signal_id)
        _require_ids(gap.window)
        next_id = gap.window.start if track.next_id is None else track.next_id
        self._tape.require(self.gap_bytes(signal_id, max(gap.window.stop - next_id, 0)))
        for part in (Gap(Window(next_id, max(next_id, gap.window.start)), NOT_DELIVERED), gap):
            window = Window(max(next_id, part.window.start), max(next_id, part.window.stop))
            if window.length:
                self.user_data(GAP_META, encode_gap(signal_id, Gap(window, part.reason)))
                self._fill(track, kind, window)
            next_id = window.stop

    def gap_bytes(self, signal_id: int, samples: int) -> int:
        """Return the bytes that fill a gap of so many samples; levels and checksums add a twentieth or so."""
        _, kind = self._sampled(signal_id)
        return -(-samples * kind.bits // 8)

    def tie(self, signal_id: int, sample_id: int, time: int) -> None:
        """Say when a sample was taken, in JLS time: see `xjls.formats.jls2.wire.ns_to_jls_time`."""
        self._sampled(signal_id)
        ties = self._signals[signal_id].ties
        assert ties is not None, "signals at a fixed rate have ties"  # noqa: S101 - an invariant, not input
        ties.tie(sample_id, time)

    def annotate(self, signal_id: int, note: AnnotationRecord) -> None:
        """Write an annotation; of signal 0 it is one of the whole recording, at a JLS time."""
        _require_readable(encode_annotation(note))
        self._signal(signal_id).notes.annotate(note)

    def user_data(self, meta: int, data: str | bytes | Json) -> None:
        """Leave a record of the application's own, with a number of 12 bits."""
        if not 0 <= meta < 1 << 12:
            raise SelectionError(f"the number {meta} of user data has more than 12 bits", "Choose one below 4096.")
        storage, payload = encode_storage(data)
        _require_readable(payload)
        self._tape.drain()
        self._tape.append(Tag.USER_DATA, storage << 12 | meta, payload)

    def flush(self, *, sync: bool = False) -> None:
        """Write what is there, with ``shows_all`` to the last sample; with ``sync`` wait until the disk has it."""
        for signal in self._signals.values():
            if self._shows_all and signal.samples is not None:
                signal.samples.show()
        self._tape.write(sync=sync)
        if sync and self._shows_all:
            self._tape.mark()

    def close(self) -> None:
        """Write what is left, the levels and END; twice is harmless. What the disk refused can be tried again."""
        for _, signal in sorted(self._signals.items()):
            for track in (signal.samples, signal.notes, signal.ties):
                if track is not None:
                    track.close()
        if self._signals:
            self._tape.finish()
        self._signals = {}

    def abandon(self) -> None:
        """Close the file as it stands: what was written stays, and opens as a recording that was not closed."""
        self._signals = {}
        self._tape.close()

    def _define_source(self, source: SourceDef) -> None:
        self._tape.append(Tag.SOURCE_DEF, source.id, encode_source(source))
        self._sources.add(source.id)

    def _define_signal(self, signal: SignalDef) -> None:
        kind = type_of(signal, self._tape.path)
        signal = with_blocks(signal, kind.bits)
        self._tape.append(Tag.SIGNAL_DEF, signal.id, encode_signal(signal))
        fixed_rate = signal.signal_type == 0
        chunks = TrackChunks(self._tape, signal.id, Tag.FSR_DEF if fixed_rate else Tag.VSR_DEF)
        samples = SampleTrack(chunks, kind, Blocks.of(signal, kind)) if fixed_rate else None
        chunks = TrackChunks(self._tape, signal.id, Tag.ANNOTATION_DEF)
        notes = PairTrack(chunks, signal.annotation_decimate)
        if fixed_rate:
            chunks = TrackChunks(self._tape, signal.id, Tag.UTC_DEF)
        ties = PairTrack(chunks, signal.utc_decimate) if fixed_rate else None
        self._signals[signal.id] = _Signal(signal.name, kind, samples, notes, ties)

    def _go_on(self, file: Resumed) -> None:
        """Take over a file's definitions, and of its tracks what their writer knew."""
        self._tape = file.tape()
        try:
            self._sources = file.sources
            self._signals = {number: self._resumed(file, signal) for number, signal in file.signals.items()}
            self._tape.begin_again()
            for number, signal in self._signals.items():
                file.restore_pairs(signal.notes, number, Tag.ANNOTATION_HEAD)
                if signal.samples is not None and signal.ties is not None:
                    file.restore_pairs(signal.ties, number, Tag.UTC_HEAD)
                    if file.restore_samples(signal.samples, number):
                        # A gap was told of that its writer had no time to fill
                        self.user_data(GAP_META, encode_resumed(number, signal.samples.next_id or 0))
        except BaseException:
            self._tape.close()
            raise

    def _resumed(self, file: Resumed, signal: SignalDef) -> _Signal:
        """Return a signal on the tape, not yet with what its writer knew."""
        kind = type_of(signal, self._tape.path)
        notes = file.pair_chunks(self._tape, signal.id, Tag.ANNOTATION_HEAD)
        annotations = PairTrack(notes, signal.annotation_decimate or PAIRS)
        if signal.signal_type:
            return _Signal(signal.name, kind, None, annotations, None)
        samples = SampleTrack(file.sample_chunks(self._tape, signal.id), kind, Blocks.of(signal, kind))
        ties = PairTrack(file.pair_chunks(self._tape, signal.id, Tag.UTC_HEAD), signal.utc_decimate or PAIRS)
        return _Signal(signal.name, kind, samples, annotations, ties)

    def _fill(self, track: SampleTrack, kind: DataType, window: Window) -> None:
        value = np.nan if kind.floating else 0
        for at in range(window.start, window.stop, FILL_SAMPLES):
            track.skip(at, np.full(min(FILL_SAMPLES, window.stop - at), value, kind.dtype))

    def _signal(self, signal_id: int) -> _Signal:
        if signal_id not in self._signals:
            raise SelectionError(f"no signal {signal_id} is being written", f"Signals: {sorted(self._signals)}.")
        return self._signals[signal_id]

    def _sampled(self, signal_id: int) -> tuple[SampleTrack, DataType]:
        signal = self._signal(signal_id)
        if signal.samples is None or signal.kind is None:
            raise SelectionError(f"{signal.name!r} has annotations only", "Define it with signal_type=0.")
        return signal.samples, signal.kind


def _require_id(what: str, number: int, known: object) -> None:
    if not 1 <= number <= MOST_IDS:
        raise SelectionError(f"{what} {number} is not between 1 and {MOST_IDS}", "Choose another number.")
    if number in known:  # type: ignore[operator]
        raise SelectionError(f"{what} {number} is defined already", "Choose another number.")


def _require_samples(samples: NDArray[Any], kind: DataType, signal_id: int) -> None:
    if samples.ndim != 1 or samples.dtype != kind.dtype:
        raise SelectionError(
            f"samples are {samples.dtype}{list(samples.shape)}, those of signal {signal_id} are {kind.dtype}[n]",
            f"Give them as .astype({kind.dtype.name!r}), with one dimension.",
        )
    if kind.bits == 4 and samples.size:
        low, high = (-8, 7) if kind.signed_nibbles else (0, 15)
        if samples.min() < low or samples.max() > high:
            problem = f"samples of signal {signal_id} reach from {samples.min()} to {samples.max()}"
            raise SelectionError(problem, f"Four bits hold {low} to {high}: clip them, or define it with eight.")


def _require_ids(window: Window) -> None:
    if not (window.start > -MOST_ID and window.stop < MOST_ID):
        raise SelectionError(f"sample ids {window} are beyond any recording", f"Count from 0; ±{MOST_ID:_} is the end.")


def _require_readable(payload: bytes) -> None:
    """Refuse what the JLS library cannot read: it hangs on some sizes, and fails on all above."""
    if len(payload) > MOST_PAYLOAD:
        raise SelectionError(
            f"a record of {len(payload):_} bytes is more than JLS readers take, {MOST_PAYLOAD:_}", "Split it."
        )
