"""A recording from its definition: the calls that a recorder would make, in time order, and the file they leave.

``calls`` is a list that can be played to another writer as well: the tests play it to pyjls and compare bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, NamedTuple

from xjls.testing.jls2.definitions import (
    Definition,
    Fsr,
    Source,
    UserData,
    Vsr,
    numbered_signals,
    numbered_sources,
)
from xjls.testing.jls2.records import (
    Tag,
    Track,
    encode_signal,
    encode_source,
    encode_user_data,
)
from xjls.testing.jls2.releases import Release
from xjls.testing.jls2.sample_types import SAMPLE_TYPES, Blocks
from xjls.testing.jls2.tape import Tape, TrackChunks
from xjls.testing.jls2.tracks import FsrTrack, PairTrack, blocks_of

Verb = Literal["source", "signal", "user_data", "samples", "tie", "annotation"]

_GLOBAL_SOURCE = Source("global_annotation_source", "jls", "-", "1.0.0", "-", source_id=0)
_GLOBAL_SIGNAL = Vsr("global_annotation_signal", signal_id=0, source=0)


class Call(NamedTuple):
    """One call of a recorder to its writer."""

    verb: Verb
    subject: Source | Fsr | Vsr | UserData
    """What is defined, or the signal that receives."""
    detail: Any = None
    """Samples: the positions ``(start, stop)``. Tie: (raw sample id, JLS time). Annotation: the annotation."""


class _At(NamedTuple):
    time_s: float
    order: int
    call: Call


def encode(
    sources: Sequence[Source],
    signals: Sequence[Fsr | Vsr],
    user_data: Sequence[UserData] = (),
    *,
    release: Release | None = None,
    closed: bool = True,
    interleave: Literal["time", "signal"] = "time",
) -> bytes:
    """Return the bytes of a JLS v2 recording.

    Parameters
    ----------
    sources, signals, user_data
        What to write. Ids are given where they are missing.
    release
        Whose habits to imitate; those of 0.17 by default.
    closed
        False leaves the file as after a SIGKILL: no END, no length, only full data chunks and full blocks.
    interleave
        ``"time"``: as a recorder would, chunk after chunk of all signals as time passes; ``"signal"``: one signal after
        the other.

    Examples
    --------
    >>> data = encode([Source("js220")], [Fsr("current", [0.5, 1.5], rate_hz=1000)])
    >>> len(data), data[:6]
    (1792, b'jlsfmt')
    """
    return encode_definition(Definition(signals, sources, user_data, release or Release(), closed, interleave))


def encode_definition(definition: Definition) -> bytes:
    """Return the bytes of a JLS v2 recording that one value defines; see :func:`encode`."""
    return encode_calls(iter_calls(definition), definition.release, closed=definition.closed)


def encode_calls(calls: Iterable[Call], release: Release, *, closed: bool = True) -> bytes:
    """Return the bytes that a writer leaves after ``calls``, whatever their order.

    Examples
    --------
    >>> data = encode_calls([Call("source", Source(source_id=1))], Release())
    >>> len(data)
    952
    """
    return bytes(_play(calls, release, closed=closed))


def write(
    path: str | Path,
    sources: Sequence[Source],
    signals: Sequence[Fsr | Vsr],
    user_data: Sequence[UserData] = (),
    *,
    release: Release | None = None,
    closed: bool = True,
    interleave: Literal["time", "signal"] = "time",
) -> Path:
    """Write a JLS v2 recording and return its path; see :func:`encode`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/run.jls", [Source()], [Fsr("current", [1.0])]).stat().st_size
    1784
    """
    definition = Definition(signals, sources, user_data, release or Release(), closed, interleave)
    path = Path(path)
    path.write_bytes(_play(iter_calls(definition), definition.release, closed=closed))
    return path


def iter_calls(definition: Definition) -> Iterator[Call]:
    """Yield what a recorder calls, in order: definitions, user data, then what happens as time passes.

    Examples
    --------
    >>> for call in iter_calls(Definition([Fsr("a", range(9000), ties=[(0, 5)])])):
    ...     print(call.verb, call.detail)
    source None
    signal None
    tie (0, 5)
    samples (0, 8192)
    samples (8192, 9000)
    """
    signals = numbered_signals(definition.signals)
    for source in numbered_sources(definition.sources):
        yield Call("source", source)
    for signal in signals:
        if signal.define == "early" and signal.signal_id:
            yield Call("signal", signal)
    for user_data in definition.user_data:
        yield Call("user_data", user_data)
    yield from (at.call for at in _in_order(signals, definition))


def _in_order(signals: Sequence[Fsr | Vsr], definition: Definition) -> list[_At]:
    streams = [list(_stream(signal, order, definition.release)) for order, signal in enumerate(signals)]
    late = max((at.time_s for stream in streams for at in stream), default=0.0) / 2
    happenings: list[_At] = []
    for order, (signal, stream) in enumerate(zip(signals, streams, strict=True)):
        if signal.define == "late":
            happenings.append(_At(late, order, Call("signal", signal)))
            happenings += [at._replace(time_s=at.time_s + late) for at in stream]
        else:
            happenings += stream
    by_signal = definition.interleave == "signal"
    return sorted(happenings, key=lambda at: (at.order, at.time_s) if by_signal else at[:2])


def _stream(signal: Fsr | Vsr, order: int, release: Release) -> Iterator[_At]:
    """Yield what happens to one signal, each list in the order of its calls, with the time when it happens."""
    if isinstance(signal, Vsr):
        yield from (_At(0.0, order, Call("annotation", signal, note)) for note in signal.annotations)
        return
    ties = [Call("tie", signal, tie) for tie in signal.ties]
    notes = [Call("annotation", signal, note) for note in signal.annotations]
    for calls, ids in ((ties, [t[0] for t in signal.ties]), (notes, [a.timestamp for a in signal.annotations])):
        times = accumulate(((i - signal.first_id) / signal.rate_hz for i in ids), max)
        yield from (_At(max(0.0, time), order, call) for time, call in zip(times, calls, strict=True))
    size, step = len(signal.array), blocks_of(signal, release).samples_per_data
    for start in range(0, size, step):
        stop = min(start + step, size)
        yield _At(stop / signal.rate_hz, order, Call("samples", signal, (start, stop)))


def _play(calls: Iterable[Call], release: Release, *, closed: bool) -> bytearray:
    tape = Tape(release)
    tape.append(Tag.USER_DATA, 0, b"")
    recorder = _Recorder(tape, release)
    recorder.play([Call("source", _GLOBAL_SOURCE), Call("signal", _GLOBAL_SIGNAL)])
    recorder.play(calls)
    if closed:
        recorder.close()
    return tape.finish(closed=closed)


class _Recorder:
    """The signals defined so far and their tracks; a method for each verb of a call."""

    def __init__(self, tape: Tape, release: Release) -> None:
        self._tape = tape
        self._release = release
        self._samples: dict[int, FsrTrack] = {}
        self._annotations: dict[int, PairTrack] = {}
        self._ties: dict[int, PairTrack] = {}

    def play(self, calls: Iterable[Call]) -> None:
        for call in calls:
            getattr(self, call.verb)(call)

    def source(self, call: Call) -> None:
        source = call.subject
        assert isinstance(source, Source)
        self._tape.append(Tag.SOURCE_DEF, source.source_id or 0, encode_source(source))

    def user_data(self, call: Call) -> None:
        assert isinstance(call.subject, UserData)
        meta, payload = encode_user_data(call.subject)
        self._tape.append(Tag.USER_DATA, meta, payload)

    def signal(self, call: Call) -> None:
        signal = call.subject
        assert isinstance(signal, Fsr | Vsr)
        key = signal.signal_id or 0
        self._tape.append(Tag.SIGNAL_DEF, key, self._definition(signal))
        if isinstance(signal, Fsr):
            self._samples[key] = FsrTrack(self._tape, signal, self._release)
        else:
            TrackChunks(self._tape, key, Track.VSR)
        self._annotations[key] = PairTrack(self._tape, key, Track.ANNOTATION, signal.annotation_decimate)
        if isinstance(signal, Fsr):
            self._ties[key] = PairTrack(self._tape, key, Track.UTC, signal.utc_decimate)

    def samples(self, call: Call) -> None:
        self._samples[_id(call)].write(call.detail[1])

    def tie(self, call: Call) -> None:
        self._ties[_id(call)].write_tie(*call.detail)

    def annotation(self, call: Call) -> None:
        self._annotations[_id(call)].write_annotation(call.detail)

    def close(self) -> None:
        for key in sorted(self._annotations):
            for tracks in (self._samples, self._annotations, self._ties):
                if key in tracks:
                    tracks[key].close()

    def _definition(self, signal: Fsr | Vsr) -> bytes:
        if isinstance(signal, Fsr):
            return encode_signal(signal, signal.kind.data_type(signal.q), blocks_of(signal, self._release))
        asked = Blocks(10, 10, 10, 10) if signal.signal_id == 0 else Blocks(0, 0, 0, 0)
        blocks = asked if self._release.exact_parameters else asked.normalised(32)
        return encode_signal(signal, SAMPLE_TYPES["f32"].data_type(), blocks)


def _id(call: Call) -> int:
    return getattr(call.subject, "signal_id", None) or 0
