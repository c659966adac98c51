"""A Dataset to a JLS v2 file: what can be written is checked first, then samples go over chunk by chunk.

What came from a recording keeps its stored type, its sample ids and its ties; its annotations and user data go along.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.backend.answers import rate_of
from xjls.backend.index import TimeIndex
from xjls.backend.provenance import origin_of
from xjls.backend.rates import is_even
from xjls.backend.sampled import PIECE, Sampled, sampled
from xjls.errors import SelectionError
from xjls.formats.jls2.datatypes import encode_data_type
from xjls.formats.jls2.events import annotation_record
from xjls.formats.jls2.wire import AnnotationRecord, SignalDef, SourceDef, ns_to_jls_time
from xjls.formats.jls2.writer import MOST_IDS, Jls2Writer, new_file

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xjls.backend.provenance import Origin
    from xjls.model.recording import Recording

__all__ = ["write_jls"]

Progress = Callable[[int, int], None]

_TYPES = {
    "b1": "u1", "u1": "u8", "i1": "i8", "u2": "u16", "i2": "i16", "u4": "u32", "i4": "i32", "u8": "u64", "i8": "i64",
    "f4": "f32", "f8": "f64",
}  # fmt: skip
"""The format's types by NumPy's."""
_UNEVEN = 0.01
"""Of a sample period: labels that are farther from a straight line are not those of one rate."""
_DRIFT, _ROUNDING = 1e-3, 1e-9
"""How far labels of UTC, which follow a real clock, and others may be from a whole rate."""
_LONG_BEFORE_S = 3600
"""Readers do not look at ties so long before the first sample."""
_SOURCE = ("source", "vendor", "model", "version", "serial_number")


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """One signal on its way."""

    one: Sampled
    origin: Origin | None
    rate_hz: int
    first_id: int
    data_type: int
    unscaled: float
    """What values are multiplied by before they are stored."""
    dtype: np.dtype[Any]
    source: tuple[str, ...]
    ties: list[tuple[int, int]]
    """Sample ids, and UTC in ns."""

    @property
    def edges(self) -> list[int]:
        """Where the samples are cut: as dask has them, or in pieces of some millions."""
        chunks = self.one.variable.chunks
        lengths = chunks[0] if chunks is not None else [PIECE] * -(-self.one.length // PIECE)
        edges: list[int] = np.minimum(np.cumsum([0, *lengths]), self.one.length).tolist()
        return edges

    def piece(self, start: int, stop: int) -> NDArray[Any]:
        """Compute samples as they are stored."""
        span = {self.one.dim: slice(start, stop)}
        if self.one.valid is not None and not self.one.valid.isel(span).values.all():
            raise SelectionError(
                f"samples of {self.one.name!r} are lost, and JLS has no mark for that in {self.one.variable.dtype}",
                'Convert it first: .astype("f4").where(ds[f"{name}_valid"]).',
            )
        values = self.one.variable.isel(span).values
        scaled = values if self.unscaled == 1 else np.rint(values * self.unscaled)
        return scaled.astype(self.dtype, copy=False)


def write_jls(
    dataset: xr.Dataset,
    path: str | os.PathLike[str],
    signals: str | Iterable[str] | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write the signals of a Dataset; see `xjls.backend.accessor.XjlsAccessor.to_jls`."""
    with new_file(path, overwrite=overwrite) as part:
        outgoing = [_outgoing(dataset, one) for one in sampled(dataset, signals)]
        if len(outgoing) > MOST_IDS:
            raise SelectionError(
                f"{len(outgoing)} signals are more than a JLS file holds", f"Choose {MOST_IDS} at most."
            )
        with Jls2Writer(part) as writer:
            _write(writer, outgoing, _recording(outgoing), progress)
    return Path(path)


def _write(
    writer: Jls2Writer, outgoing: list[_Outgoing], recording: Recording | None, progress: Progress | None
) -> None:
    sources = {source: i for i, source in enumerate(dict.fromkeys(out.source for out in outgoing), 1)}
    for source, number in sources.items():
        writer.define_source(SourceDef(number, *source))
    for number, out in enumerate(outgoing, 1):
        blocks = (0, 0, 0, 0, 0, 0)  # the library's defaults
        texts = out.one.name, out.one.units
        writer.define_signal(SignalDef(number, sources[out.source], 0, out.data_type, out.rate_hz, *blocks, *texts))
    if recording is not None:
        for record in recording.user_data:
            writer.user_data(record.meta, record.data)
    for number, out in enumerate(outgoing, 1):
        for sample_id, time_ns in out.ties:
            writer.tie(number, sample_id, ns_to_jls_time(time_ns))
    for number, note in _notes(outgoing, recording):
        writer.annotate(number, note)
    done, total = 0, sum(out.one.length for out in outgoing)
    for number, out, start, stop in _in_turn(outgoing):
        writer.write(number, out.first_id + start, out.piece(start, stop))
        done += stop - start
        if progress is not None:
            progress(done, total)


def _in_turn(outgoing: list[_Outgoing]) -> Iterator[tuple[int, _Outgoing, int, int]]:
    """Yield the pieces of all signals by the time at which they end, as a recorder would have written them."""
    pieces = [
        (stop / out.rate_hz, number, start, stop)
        for number, out in enumerate(outgoing, 1)
        for start, stop in zip(out.edges[:-1], out.edges[1:], strict=True)
    ]
    for _, number, start, stop in sorted(pieces):
        yield number, outgoing[number - 1], start, stop


def _outgoing(dataset: xr.Dataset, one: Sampled) -> _Outgoing:
    """Describe a signal as it will be written; raise where it cannot be."""
    if one.variable.ndim > 1:
        raise SelectionError(f"{one.name!r} has more dimensions than time", "Select one position of the others.")
    origin = origin_of(one.variable)
    rate = _whole_rate(dataset, one)
    _require_even(dataset, one, rate)
    data_type, dtype, unscaled = _stored_as(one, origin)
    first_id = origin.window.start if origin is not None else 0
    source = tuple(str(one.variable.attrs.get(key, "")) for key in _SOURCE)
    ties = _ties(dataset, one, origin, first_id, rate)
    return _Outgoing(one, origin, rate, first_id, data_type, unscaled, dtype, source, ties)


def _whole_rate(dataset: xr.Dataset, one: Sampled) -> int:
    """Return the nominal rate; raise where it is no whole number. Labels of UTC become ties, and tell the true one."""
    rate = rate_of(dataset, one)
    labelled = one.dim in dataset.coords and dataset[one.dim].dtype.kind == "M"
    if not rate >= 0.5 or abs(rate / max(round(rate), 1) - 1) > (_DRIFT if labelled else _ROUNDING):
        raise SelectionError(
            f"{one.name!r} has {rate:g} samples a second, and JLS keeps whole numbers of them",
            'Resample it, or set ds[name].attrs["sample_rate_hz"] to the nominal rate.',
        )
    return max(round(rate), 1)


def _stored_as(one: Sampled, origin: Origin | None) -> tuple[int, np.dtype[Any], float]:
    """Return the format's type, NumPy's, and what values are multiplied by: those of the recording where it is one."""
    if origin is not None:
        signal = origin.recording.signal(origin.name)
        q = round(-math.log2(signal.scale_factor))
        held = origin.window & signal.window
        if signal.dtype.kind == "f" or held == origin.window:
            unscaled = 1 / (origin.scale * signal.scale_factor)
            return encode_data_type(signal.stored_type, q), signal.dtype, unscaled
    dtype = one.variable.dtype
    if dtype.str[1:] not in _TYPES:
        raise SelectionError(f"{one.name!r} holds {dtype}, which JLS has not", 'Convert it first: .astype("f4").')
    return encode_data_type(_TYPES[dtype.str[1:]]), dtype.newbyteorder("="), 1.0


def _require_even(dataset: xr.Dataset, one: Sampled, rate: float) -> None:
    """Raise where the labels of samples are not those of one rate."""
    if is_even(dataset, one):
        return
    if isinstance(dataset.xindexes.get(one.dim), TimeIndex):
        raise SelectionError(
            f"the times of {one.name!r} have a gap, and JLS keeps one rate", "Write its parts one by one."
        )
    labels = dataset[one.dim].values
    unit = np.timedelta64(1, "s") if labels.dtype.kind in "mM" else 1
    steps = np.diff(labels) / unit * rate
    if not len(steps) or np.abs(steps - 1).max() <= _UNEVEN:
        return
    at = int(np.abs(steps - 1).argmax())
    raise SelectionError(
        f"samples {at} and {at + 1} of {one.name!r} are {steps[at]:g} periods apart, and JLS keeps one rate",
        "Resample it to even steps, or reindex it so that what is missing is NaN.",
    )


def _ties(
    dataset: xr.Dataset, one: Sampled, origin: Origin | None, first_id: int, rate_hz: int
) -> list[tuple[int, int]]:
    """Return the ties of a signal: the recording's own within it, and those of its first and last label."""
    if not one.length:
        return []
    ends = _ends(dataset, one, first_id)
    if origin is None:
        return ends
    ties = [(tie.sample_id, tie.time_ns) for tie in origin.recording.ties(origin.name)]
    if origin.window == origin.recording.signal(origin.name).window:
        return ties
    # A clock is straight between its ties: with one on either side it goes on as it did
    start, stop = origin.window.start, origin.window.stop - 1
    before = [tie for tie in ties if start - _LONG_BEFORE_S * rate_hz <= tie[0] <= start][-1:] or ends[:1]
    after = [tie for tie in ties if tie[0] >= stop][:1] or ends[1:]
    return [*before, *(tie for tie in ties if start < tie[0] < stop), *after]


def _ends(dataset: xr.Dataset, one: Sampled, first_id: int) -> list[tuple[int, int]]:
    """Return the ties of the first and the last label; none where these are not UTC."""
    if one.dim not in dataset.coords or dataset[one.dim].dtype.kind != "M":
        return []
    at = [0, one.length - 1] if one.length > 1 else [0]
    times = dataset[one.dim][at].values.astype("M8[ns]").view(np.int64).tolist()
    return [(first_id + i, time) for i, time in zip(at, times, strict=True)]


def _recording(outgoing: list[_Outgoing]) -> Recording | None:
    """Return the one recording that all signals come from, if they do."""
    found = {out.origin.recording.token: out.origin.recording for out in outgoing if out.origin is not None}
    return next(iter(found.values())) if len(found) == 1 and all(out.origin for out in outgoing) else None


def _notes(outgoing: list[_Outgoing], recording: Recording | None) -> Iterator[tuple[int, AnnotationRecord]]:
    """Yield the recording's annotations that belong to what is written, with the number of their signal."""
    if recording is None:
        return
    numbers: Mapping[str, tuple[int, _Outgoing]] = {
        out.origin.name: (number, out) for number, out in enumerate(outgoing, 1) if out.origin is not None
    }
    for note in recording.annotations:
        if not note.signal and note.time_ns is not None:
            yield 0, annotation_record(note, ns_to_jls_time(note.time_ns))
        elif note.signal in numbers and note.sample_id is not None:
            number, out = numbers[note.signal]
            if out.first_id <= note.sample_id < out.first_id + out.one.length:
                yield number, annotation_record(note, note.sample_id)
