"""A stream as it comes -> rows of the signals that a recording of it has: of each buffer, and of each frame.

What `xjls.formats.miniscope.reader` tells of a whole stream is told here as soon as it is known, and when it came. The
numbers of frames are the instrument's; where it starts anew they go on, and a note says what they were.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.assembly import FrameAssembler, FrameCounts
from xjls.formats.miniscope.checks import BufferFlag, signed_step
from xjls.formats.miniscope.push import Arrived, StreamParser
from xjls.formats.miniscope.tables import (
    BUFFER,
    FRAME,
    IMAGE,
    Column,
    header_columns,
    made_column,
    missing_column,
    stamps_of,
)
from xjls.formats.miniscope.telling import usual_reason
from xjls.model.sample_type import name_of
from xjls.model.signal import Signal, Source
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.assembly import Assembled
    from xjls.formats.miniscope.config import StreamConfig
    from xjls.formats.miniscope.push import Fed

__all__ = ["Delivery", "LiveStream", "Lost"]

NOTHING_CAME = "no buffer arrived"
_MS = 1000
_PLAUSIBLE_MS = 1 << 30
"""A step of the instrument's clock that may be true, 12 days."""
_DOUBTED = 32
"""Headers without one that can be believed that are too many."""
_PIECE_FRAMES = 1024
"""Lost frames that are told together."""


class Taker(Protocol):
    """Who is handed the rows of signals: the part of a capture's outlet that matters here."""

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Take consecutive samples."""
        ...

    def skip(self, name: str, gap: Gap) -> None:
        """Take down that samples will not come."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """Consecutive samples of a signal."""

    name: str
    first_id: int
    samples: NDArray[Any]
    """[time, *sample_shape]."""

    def into(self, taker: Taker, names: Collection[str]) -> None:
        """Hand it over, if it is of one of these signals."""
        if self.name in names:
            taker.write(self.name, self.first_id, self.samples)


@dataclass(frozen=True, slots=True)
class Lost:
    """Samples of a signal that will not come."""

    name: str
    gap: Gap

    def into(self, taker: Taker, names: Collection[str]) -> None:
        """Hand it over, if it is of one of these signals."""
        if self.name in names:
            taker.skip(self.name, self.gap)


class LiveStream:
    """Make rows of signals of a stream that comes in pieces.

    Parameters
    ----------
    config
        How the stream is sent.

    Examples
    --------
    >>> from xjls.formats.miniscope.config import load_config
    >>> config = load_config(frame_width=8, frame_height=2, buffer_block_length=1, block_size=64)
    >>> words = np.array([0x78563412, 0, 7, 7, 0, 7, 0, 350, 16, 0, 190, 30, *range(4)], "<u4").tobytes()
    >>> stream = LiveStream(config)
    >>> told = [*stream.feed(words, 1_772_359_200.5), *stream.flush(1_772_359_200.5)]
    >>> {row.name: row.samples.tolist() for row in told if row.name in ("frame_num", "time", "host_time")}
    {'frame_num': [7], 'time': [0.35], 'host_time': [1772359200.5]}
    >>> [(row.first_id, row.samples.shape) for row in told if row.name == "image"]
    [(7, (1, 2, 8))]
    """

    def __init__(self, config: StreamConfig) -> None:
        self._config = config
        self._parser = StreamParser(config)
        self._assembler: FrameAssembler | None = None
        self._first_id, self._shift, self._stretch = 0, 0, 0
        self._next_buffer, self._stamp_ms = 0, -1
        self._quarantined, self._cut, self._stray = 0, 0, 0
        self._is_doubted = False
        self.notes: list[str] = []
        """What people should know of what was returned last, a sentence each."""
        self.n_new_frames = 0
        """Frames that were returned last; those that were lost together count as one."""

    def signals(self, source: Source, wanted: Sequence[str] | None = None) -> tuple[Signal, ...]:
        """Return what a recording of the stream holds, in the order of a file's: those wanted, or all.

        Raises
        ------
        SelectionError
            There is none of these names; the message lists what there is.
        """
        every = self._all_signals(source)
        names = [signal.name for signal in every]
        if wanted is not None and not wanted:
            raise SelectionError("no signals were asked for", f"Signals: {', '.join(names)}.")
        if unknown := [name for name in wanted or () if name not in names]:
            raise SelectionError(f"a miniscope has no signal {unknown[0]!r}", f"Signals: {', '.join(names)}.")
        return tuple(signal for signal in every if wanted is None or signal.name in wanted)

    def _all_signals(self, source: Source) -> tuple[Signal, ...]:
        shape, fps = self._config.shape, Fraction(self._config.fs).limit_denominator(1_000_000)
        empty = self._parser.settle()
        image = Column(
            name=IMAGE, values=np.empty((0, shape.height, shape.width), shape.dtype), dims=("height", "width"),
            measures=True,
            facts={
                "buffers_per_frame": shape.n_slots, "header_format": self._config.header_format.id, **shape.facts,
                "ancillary_variables": "buffer_present",
            },
        )  # fmt: skip
        present = np.empty((0, shape.n_slots), np.bool_)
        frames = [image, *self._frame_columns(present, np.empty(0), np.empty(0))]
        buffers = self._buffer_columns(empty, np.empty(0, np.int64), np.empty(0))
        told = [(column, FRAME, fps) for column in frames] + [
            (column, BUFFER, fps * shape.n_slots) for column in buffers
        ]
        return tuple(
            Signal(
                id=number, name=column.name, source=source, axis=axis, rate_hz=rate_hz, units=column.units,
                dtype=column.values.dtype, stored_type=name_of(column.values.dtype),
                sample_shape=column.values.shape[1:], sample_dims=column.dims, describes_axis=not column.measures,
                facts=column.facts,
            )
            for number, (column, axis, rate_hz) in enumerate(told, 1)
        )  # fmt: skip

    @property
    def counts(self) -> FrameCounts:
        """What came of frames so far."""
        return FrameCounts() if self._assembler is None else self._assembler.counts

    @property
    def tallies(self) -> dict[str, int]:
        """What did not come as it should have, beside the frames of which nothing came, by what it is called."""
        counts = self.counts
        return {
            "missing buffers": counts.missing, "duplicate buffers": counts.duplicates,
            "late buffers": counts.late + self._stray, "quarantined buffers": self._quarantined,
            "cut buffers": self._cut,
        }  # fmt: skip

    @property
    def has_begun(self) -> bool:
        """Whether any buffer was believed yet."""
        return self._assembler is not None

    @property
    def n_sound(self) -> int:
        """Headers that came so far and that nothing is wrong with by themselves, undecided ones among them."""
        return self._parser.n_sound

    def prepare(self) -> None:
        """Load what is needed ahead of the first bytes; see `StreamParser.prepare`."""
        self._parser.prepare()

    def feed(self, data: Fed, now_s: float) -> list[Delivery | Lost]:
        """Take the next bytes, and when they came, s since 1970 UTC; return what is known by now.

        Raises
        ------
        SelectionError
            The preamble of the configuration is another one; see `StreamParser.feed`.
        """
        return self._told(self._of(self._parser.feed(data, now_s)))

    def settle(self) -> list[Delivery | Lost]:
        """Return what is held back, as nothing may come for long."""
        return self._told(chain(self._of(self._parser.settle()), self._frames_held()))

    def flush(self, now_s: float) -> list[Delivery | Lost]:
        """Return all that is left at the end of the stream."""
        return self._told(chain(self._of(self._parser.flush(now_s)), self._frames_held()))

    def _told(self, rows: Iterable[Delivery | Lost]) -> list[Delivery | Lost]:
        self.notes, self.n_new_frames = [], 0
        return list(rows)

    # ---- buffers ---------------------------------------------------------------------------------------------------

    def _of(self, arrived: Arrived) -> Iterator[Delivery | Lost]:
        """Yield the rows of buffers, and then those of the frames that they make."""
        if not len(arrived):
            return
        good = arrived.buffers.header_ok
        is_cut = arrived.buffers.flags == BufferFlag.CUT_OFF
        self._quarantined += int(np.count_nonzero(~good & ~is_cut))
        self._cut += int(np.count_nonzero(good & ~arrived.buffers.whole | is_cut))
        self._doubt(arrived.buffers.flags[~good])
        frames: list[Delivery | Lost] = []
        numbers, times_s = self._placed(arrived, good, frames)
        first_id, self._next_buffer = self._next_buffer, self._next_buffer + len(arrived)
        for column in self._buffer_columns(arrived, numbers, times_s):
            yield Delivery(column.name, first_id, column.values)
        yield from frames

    def _doubt(self, flags: NDArray[np.uint8]) -> None:
        """Say once that no header can be believed, as with the configuration of another instrument."""
        if self._assembler is None and not self._is_doubted and self._quarantined >= _DOUBTED:
            self._is_doubted = True
            self.notes.append(
                f"none of {self._quarantined} headers can be believed: of most, {usual_reason(flags)}. Is the "
                "configuration that of this instrument?"
            )

    def _placed(
        self, arrived: Arrived, good: NDArray[np.bool_], frames: list[Delivery | Lost]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return ids on the frame axis, -1 of none, and times of buffers; add the frames that they make."""
        numbers, times_s = np.full(len(arrived), -1, np.int64), np.full(len(arrived), np.nan)
        stamps = stamps_of(arrived.buffers.columns)
        slots, is_whole = arrived.buffers.columns["frame_buffer_count"], arrived.buffers.whole
        for row in np.flatnonzero(good).tolist():
            if stamps is not None:
                times_s[row] = self._unwrapped_ms(int(stamps[row])) / _MS
            if arrived.is_stray[row] or arrived.frame[row] < 0:
                self._stray += 1
                continue
            number, assembler = self._number_of(arrived, row, frames)
            if number >= self._first_id:  # others are of frames ahead of all that are told
                numbers[row] = number
            payload = arrived.payload[row] if is_whole[row] else None
            done = assembler.add(number, int(slots[row]), payload, float(times_s[row]), float(arrived.received_s[row]))
            frames.extend(self._frame_rows(done))
        return numbers, times_s

    def _number_of(self, arrived: Arrived, row: int, frames: list[Delivery | Lost]) -> tuple[int, FrameAssembler]:
        """Return the number of a buffer's frame in the recording, and who puts frames together by now."""
        stretch = int(arrived.stretch[row])
        same = (arrived.frame >= 0) & ~arrived.is_stray & (arrived.stretch == stretch)
        if self._assembler is None:
            self._first_id, self._stretch = int(arrived.frame[same].min()), stretch
            self._assembler = FrameAssembler(self._config.shape, self._first_id)
        elif stretch != self._stretch:
            frames.extend(self._frame_rows(self._assembler.flush()))
            begin, self._first_id = int(arrived.frame[same].min()), self._assembler.next
            self._shift, self._stretch = self._first_id - begin, stretch
            self.notes.append(
                f"the instrument started anew: its frame {begin} is frame {self._assembler.next} of the recording"
            )
        return int(arrived.frame[row]) + self._shift, self._assembler

    def _unwrapped_ms(self, stamp: int) -> int:
        """Return a time past the 49 days that 32 bits count, on from the one before; one wrong stamp moves no other."""
        if self._stamp_ms < 0:
            self._stamp_ms = stamp
        step = signed_step(stamp - self._stamp_ms)
        found = self._stamp_ms + step
        if abs(step) < _PLAUSIBLE_MS:
            self._stamp_ms = found
        return found

    def _buffer_columns(
        self, arrived: Arrived, numbers: NDArray[np.int64], times_s: NDArray[np.float64]
    ) -> Iterator[Column]:
        yield from header_columns(arrived.buffers)
        yield made_column("frame_number", numbers)
        if stamps_of(arrived.buffers.columns) is not None:
            yield made_column("time_buffer", times_s)
        yield made_column("host_time_buffer", arrived.received_s)

    # ---- frames ----------------------------------------------------------------------------------------------------

    def _frames_held(self) -> Iterator[Delivery | Lost]:
        if self._assembler is not None:
            yield from self._frame_rows(self._assembler.flush())

    def _frame_rows(self, frames: list[Assembled]) -> Iterator[Delivery | Lost]:
        for frame in frames:
            n = len(frame.present)
            self.n_new_frames += 1
            if frame.pixels is not None:
                yield Delivery(IMAGE, frame.first, frame.pixels[None])
            else:
                yield Lost(IMAGE, Gap(Window(frame.first, frame.first + n), NOTHING_CAME, skipped=True))
            for first in range(0, n, _PIECE_FRAMES):
                some = frame.present[first : first + _PIECE_FRAMES]
                times = (np.full(len(some), told_s) for told_s in (frame.time_s, frame.received_s))
                for column in self._frame_columns(some, *times):
                    yield Delivery(column.name, frame.first + first, column.values)

    def _frame_columns(
        self, present: NDArray[np.bool_], times_s: NDArray[np.float64], received_s: NDArray[np.float64]
    ) -> Iterator[Column]:
        yield made_column("buffer_present", present)
        yield missing_column(present)
        if stamps_of(dict.fromkeys(self._config.header_format.names, times_s)) is not None:
            yield made_column("time", times_s)
        yield made_column("host_time", received_s)
