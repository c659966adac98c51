"""An enormous recording in a few megabytes: a sparse file whose chunks lie where a recorder would have put them.

Only the chunks on the way from the top level to chosen positions are written; the rest of the file is a hole. Chunk for
chunk it equals the whole recording of the same samples, but for ``payload_prev_length``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls2.damage import chunks_of
from xjls.testing.jls2.definitions import Definition, Fsr, Source
from xjls.testing.jls2.layout import TIE_BYTES, Layout, chunk_bytes
from xjls.testing.jls2.records import (
    HEADER_BYTES,
    LEVELS,
    Header,
    Kind,
    Tag,
    Track,
    encode_body,
    encode_entries,
    encode_file_header,
    encode_head,
    encode_offsets,
    encode_pairs,
    encode_samples,
    encode_tie,
    track_tag,
)
from xjls.testing.jls2.releases import Release
from xjls.testing.jls2.sample_types import SAMPLE_TYPES, Blocks
from xjls.testing.jls2.summaries import reduce_entries, reduce_samples
from xjls.testing.jls2.writer import encode_definition

_KIND = SAMPLE_TYPES["f32"]
_BLOCKS = Blocks(0, 0, 0, 0).normalised(_KIND.bits)
_PERIOD = 1000
_SIGNAL_ID = 1
_START_TIME = 257_594_400 << 30
"""JLS time of 2026-03-01T10:00:00Z."""


@dataclass(frozen=True, slots=True)
class SparseTruth:
    """What an enormous recording holds, and where it can be read.

    Examples
    --------
    >>> truth = SparseTruth(Path("run.jls"), 10**11, 2_000_000, "current", (), ())
    >>> truth.values(2001, 2004).tolist() == np.float32([0.001, 0.002, 0.003]).tolist()
    True
    """

    path: Path
    samples: int
    rate_hz: int
    name: str
    ties: tuple[tuple[int, int], ...]
    """(sample id, JLS time) at the start and at the end."""
    windows: tuple[tuple[int, int], ...]
    """Half-open windows of samples whose data chunks exist, sorted; all other samples lie in holes."""

    @property
    def blocks(self) -> Blocks:
        """The signal's block parameters."""
        return _BLOCKS

    def values(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples ``[start, stop)``: sample k is ``float32((k % 1000) * 1e-3)``."""
        return _values(start, stop)

    def entries(self, level: int, start: int, stop: int) -> NDArray[Any]:
        """Return the entries ``[start, stop)`` of ``level``, shape ``(n, 4)``: mean, std, min, max."""
        return _Entries().window(level, start, stop)

    def summary(self, start: int, stop: int) -> tuple[float, float, float, float]:
        """Return mean, population std, min and max of the samples ``[start, stop)``, without making them.

        Examples
        --------
        >>> truth = SparseTruth(Path("run.jls"), 10**11, 2_000_000, "current", (), ())
        >>> truth.summary(10, 10**11)[2:] == (0.0, float(np.float32(0.999)))
        True
        """
        if stop - start < _PERIOD:
            values = self.values(start, stop).astype(np.float64)
            return float(values.mean()), float(values.std()), float(values.min()), float(values.max())
        period = _values(0, _PERIOD).astype(np.float64)
        centre = float(period.mean())
        whole, rest = divmod(stop - start, _PERIOD)
        distances = period - centre
        ends = np.roll(distances, -(start % _PERIOD))[:rest]
        mean = float(ends.sum()) / (stop - start)
        square = (whole * float((distances**2).sum()) + float((ends**2).sum())) / (stop - start)
        return centre + mean, math.sqrt(square - mean**2), float(period[0]), float(period[-1])


def write_sparse(
    path: str | Path,
    samples: int = 10**11,
    *,
    rate_hz: int = 2_000_000,
    name: str = "current",
    units: str = "A",
    data_at: Iterable[int] = (),
    columns: Iterable[tuple[int, int, int]] = (),
) -> SparseTruth:
    """Write an f32 recording of any length as a sparse file that opens, navigates and ends like a whole one.

    Parameters
    ----------
    path
        Where to write; a file that is there is replaced. The file system must support holes.
    samples
        Length; 10**11 is 14 hours at 2 MHz and 414 GB on paper.
    rate_hz
        Sample rate.
    name, units
        Of the signal.
    data_at
        Positions that can be read: their data chunk, the INDEX and SUMMARY chunks above it, and the two neighbours of
        each exist; so do all INDEX chunks that one of those lists. Those of the first and of the last sample always do.
        Every other chunk is a hole: it reads as zeros.
    columns
        (start, stop, n) of windows whose statistics, and whose n equal columns, can be asked with ``nans="trust"``:
        the entries of their middles and the samples of their ends exist as well. 2000 columns of 10**10 samples take
        some 400 MB on the disk and six seconds to write.

    Returns
    -------
    SparseTruth
        What it holds.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = write_sparse(f"{folder}/run.jls", 10**9, data_at=[5 * 10**8])
    ...     truth.path.stat().st_size, truth.windows
    (4140935976, ((0, 16384), (499990528, 500015104), (999989248, 1000000000)))
    """
    if samples < 1:
        raise ValueError(f"a sparse recording has at least one sample, got {samples}")
    wanted = sorted({0, samples - 1, *data_at})
    if wanted[0] < 0 or wanted[-1] >= samples:
        raise ValueError(f"data_at lies in 0..{samples - 1}")
    signal = Fsr(name, rate_hz=rate_hz, units=units, signal_id=_SIGNAL_ID)
    ties = ((0, _START_TIME), (samples, _START_TIME + round(Fraction(samples << 30, rate_hz))))
    path = Path(path)
    near = _with_neighbours({position // _BLOCKS.samples_per_data for position in wanted}, samples)
    asked = [_needed(*window, samples) for window in columns]
    numbers = sorted({*near, *(number for needed in asked for number in needed[0])})
    with path.open("wb") as file:
        blocks = {level: {number for needed in asked for number in needed[level]} for level in range(1, LEVELS)}
        _Writer(file, signal, samples, ties).write(numbers, blocks)
    return SparseTruth(path, samples, rate_hz, name, ties, _windows(numbers, samples))


def _with_neighbours(numbers: set[int], samples: int) -> list[int]:
    last = (samples - 1) // _BLOCKS.samples_per_data
    return sorted({near for number in numbers for near in (number - 1, number, number + 1) if 0 <= near <= last})


def _needed(start: int, stop: int, n: int, samples: int) -> list[set[int]]:
    """Return the data chunks, and by level the blocks, that n columns of a window and its statistics need."""
    if not 0 <= start < stop <= samples or n < 1:
        raise ValueError(f"columns lie in 0..{samples}, got ({start}, {stop}, {n})")
    n = min(n, stop - start)
    whole, rest = divmod(stop - start, n)
    i = np.arange(n + 1, dtype=np.int64)
    edges = start + i * whole + i * rest // n
    first, last = np.append(edges[:-1], start), np.append(edges[1:], stop)
    needed = [_blocks_at(first, last, _BLOCKS.samples_per_data)]
    for level in range(1, LEVELS):
        step = min(_BLOCKS.step(level), samples + 1)
        inner, outer = -(-first // step), last // step
        some = inner < outer
        needed.append(_blocks_at(inner[some], outer[some], _BLOCKS.entries_per_summary))
    return needed


def _blocks_at(first: NDArray[np.int64], last: NDArray[np.int64], size: int) -> set[int]:
    """Return the blocks, of so many items, in which ranges of items begin and end; they have no others between."""
    return {int(number) for number in np.concatenate([first, last - 1]) // size} if len(first) else set()


def _windows(numbers: Sequence[int], samples: int) -> tuple[tuple[int, int], ...]:
    """Return the samples of data chunks as windows, neighbours joined."""
    step = _BLOCKS.samples_per_data
    windows: list[tuple[int, int]] = []
    for start in (number * step for number in numbers):
        joined = windows.pop()[0] if windows and windows[-1][1] == start else start
        windows.append((joined, min(start + step, samples)))
    return tuple(windows)


def _values(start: int, stop: int) -> NDArray[np.float32]:
    positions = np.arange(start, stop, dtype=np.int64)
    return (positions % _PERIOD * 1e-3).astype(np.float32)


class _Entries:
    """Entries of every level: the samples repeat after 1000, so entries repeat after a few."""

    def __init__(self) -> None:
        self._tables: dict[int, NDArray[Any]] = {}

    def window(self, level: int, start: int, stop: int) -> NDArray[Any]:
        table = self._table(level)
        return table[np.arange(start, stop, dtype=np.int64) % len(table)]

    def _table(self, level: int) -> NDArray[Any]:
        if level not in self._tables:
            step = _BLOCKS.step(level)
            period = _PERIOD // math.gcd(_PERIOD, step)
            if level == 1:
                made = reduce_samples(_values(0, period * step), step, _KIND.entry_dtype)
            else:
                below = self.window(level - 1, 0, period * _BLOCKS.summary_decimate)
                made = reduce_entries(below, _BLOCKS.summary_decimate)
            self._tables[level] = made
        return self._tables[level]


class _Writer:
    """Writes the chunks of one sparse recording that are not holes."""

    def __init__(self, file: BinaryIO, signal: Fsr, samples: int, ties: Sequence[tuple[int, int]]) -> None:
        self._file = file
        self._ties = ties
        self._entries = _Entries()
        definition = Definition([signal], [Source("js220", "Joulescope", "JS220")], closed=False)
        self._definitions = encode_definition(definition)
        self._first_tie = len(self._definitions)
        self._layout = Layout(self._first_tie + TIE_BYTES, samples, _BLOCKS)

    def write(self, data_numbers: Sequence[int], blocks: Mapping[int, set[int]]) -> None:
        """Write the definitions, what leads to the data chunks and blocks of these numbers, the ties, and END."""
        self._file.write(self._definitions)
        for number in data_numbers:
            self._write_data(number)
        above = set[int]()
        for level in self._layout.levels:
            above = {number // _BLOCKS.summary_decimate for number in above} | blocks[level]
            above |= {number // self._layout.data_per_block(level) for number in data_numbers}
            for number in self._siblings(above):
                self._write_index(level, number)
            for number in {near for block in above for near in (block - 1, block, block + 1)}:
                self._write_index(level, number)
                self._write_summary(level, number)
        self._write_head(Track.FSR, [self._layout.offset(level, 0) for level in range(len(self._layout.levels) + 1)])
        stop = self._write_ties()
        self._put(stop, Tag.END, 0, b"", (0, 0))
        length = stop + HEADER_BYTES
        self._file.seek(0)
        self._file.write(encode_file_header(length, Release().version))

    def _write_data(self, number: int) -> None:
        start, stop = self._layout.entry_window(0, number)
        offset, *links = (self._layout.offset(0, number + step) for step in (0, 1, -1))
        self._put_track(offset, Kind.DATA, 0, encode_samples(start, _values(start, stop), _KIND), links)

    def _siblings(self, numbers: set[int]) -> set[int]:
        """Return all blocks that one INDEX lists together with any of these."""
        step = _BLOCKS.summary_decimate
        return {first + i for first in {number - number % step for number in numbers} for i in range(step)}

    def _write_index(self, level: int, number: int) -> None:
        offset, *links = (self._layout.offset(level, number + step) for step in (0, 1, -1))
        if offset:
            timestamp = self._layout.entry_window(level, number)[0] * _BLOCKS.step(level)
            payload = encode_offsets(timestamp, self._layout.children(level, number))
            self._put_track(offset, Kind.INDEX, level, payload, links)

    def _write_summary(self, level: int, number: int) -> None:
        offset, *links = (self._summary_offset(level, number + step) for step in (0, 1, -1))
        if offset:
            start, stop = self._layout.entry_window(level, number)
            entries = self._entries.window(level, start, stop)
            payload = encode_entries(start * _BLOCKS.step(level), entries, half=False)
            self._put_track(offset, Kind.SUMMARY, level, payload, links)

    def _summary_offset(self, level: int, number: int) -> int:
        offset = self._layout.offset(level, number)
        return offset and offset + chunk_bytes(16 + 8 * len(self._layout.children(level, number)))

    def _write_ties(self) -> int:
        """Write both ties and their level, and return the offset where END goes."""
        offsets = [self._first_tie, self._layout.last_tie]
        links = [(offsets[1], 0), (0, offsets[0])]
        for offset, tie, link in zip(offsets, self._ties, links, strict=True):
            self._put_track(offset, Kind.DATA, 0, encode_tie(*tie), link, Track.UTC)
        index = self._layout.stop
        pairs = encode_pairs([(tie[0], offset) for tie, offset in zip(self._ties, offsets, strict=True)])
        self._put_track(index, Kind.INDEX, 1, pairs, (0, 0), Track.UTC)
        summary = index + chunk_bytes(len(pairs))
        self._put_track(summary, Kind.SUMMARY, 1, encode_pairs(self._ties), (0, 0), Track.UTC)
        self._write_head(Track.UTC, [self._first_tie, index])
        return summary + chunk_bytes(len(pairs))

    def _write_head(self, track: Track, offsets: list[int]) -> None:
        tag = track_tag(track, Kind.HEAD)
        chunk = next(chunk for chunk in chunks_of(self._definitions) if chunk.tag == tag and chunk.meta == _SIGNAL_ID)
        self._file.seek(chunk.payload.start)
        self._file.write(encode_body(encode_head(offsets + [0] * (LEVELS - len(offsets)))))

    def _put_track(
        self, offset: int, kind: Kind, level: int, payload: bytes, links: Sequence[int], track: Track = Track.FSR
    ) -> None:
        self._put(offset, track_tag(track, kind), _SIGNAL_ID | level << 12, payload, links)

    def _put(self, offset: int, tag: int, meta: int, payload: bytes, links: Sequence[int]) -> None:
        """Write one chunk; ``payload_prev_length``, which no reader can rely on, stays 0."""
        item_next, item_prev = links
        self._file.seek(offset)
        self._file.write(Header(item_next, item_prev, tag, meta, len(payload), 0).encode())
        self._file.write(encode_body(payload))
