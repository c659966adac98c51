"""Buffers that come one after the other -> frames, in the order of their numbers.

A frame is done when all its buffers are there, or when one comes of a frame so far ahead that nothing more is waited
for. Those behind it wait for it, so that numbers only rise.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.miniscope.trust import HELD_FRAMES
from xjls.formats.miniscope.unpacking import unpack_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xjls.formats.miniscope.shape import FrameShape

__all__ = ["Assembled", "FrameAssembler", "FrameCounts"]

_REMEMBERED = 64
"""Frames that are done, of which it is known which buffers they had."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assembled:
    """A frame that is done, or frames in a row of which nothing came."""

    first: int
    """Number of the first frame."""
    pixels: NDArray[Any] | None
    """u8 or u16[height, width], 0 where buffers are missing; None: nothing came."""
    present: NDArray[np.bool_]
    """Which buffers there are, bool[frame, slot]."""
    time_s: float = math.nan
    """When the first of its buffers was filled, by the instrument; NaN: nothing came, or nobody can tell."""
    received_s: float = math.nan
    """When the first of its buffers was received, by the host."""


@dataclass(slots=True)
class FrameCounts:
    """What came of frames so far."""

    frames: int = 0
    """From the first to the last that is done, those of which nothing came among them."""
    complete: int = 0
    empty: int = 0
    missing: int = 0
    """Buffers that frames lack."""
    duplicates: int = 0
    """Buffers that came again: in place of the first while their frame was held, in vain afterwards."""
    late: int = 0
    """Buffers that came when their frame was done without them."""


@dataclass(slots=True, eq=False)
class Pending:
    """A frame that may get further buffers."""

    rows: NDArray[np.uint8]
    """Bytes of all buffers, u8[byte]."""
    present: NDArray[np.bool_]
    times_s: dict[int, tuple[float, float]] = field(default_factory=dict)
    """By slot: the instrument's time, and the host's."""


class FrameAssembler:
    """Put buffers into frames.

    Parameters
    ----------
    shape
        What frames are made of.
    first
        Number of the first frame; buffers of frames ahead of it come too late.

    Notes
    -----
    Frames that are not done are at most `HELD_FRAMES`: from the oldest that lacks a buffer on. Memory is theirs, and a
    list of the buffers of some frames that were done last.

    Examples
    --------
    >>> from xjls.formats.miniscope.shape import FrameShape
    >>> assembler = FrameAssembler(FrameShape(width=2, height=2, payload_bytes=3), first=7)
    >>> assembler.add(7, 1, np.array([4, 0, 0], np.uint8))
    []
    >>> [(frame.first, frame.pixels.tolist()) for frame in assembler.add(7, 0, np.array([1, 2, 3], np.uint8))]
    [(7, [[1, 2], [3, 4]])]
    """

    def __init__(self, shape: FrameShape, first: int) -> None:
        self._shape, self._sizes = shape, shape.sizes.tolist()
        self.next = first
        """Number of the oldest frame that is not done."""
        self.counts = FrameCounts()
        self._newest = first - 1
        self._pending: dict[int, Pending] = {}
        self._done: OrderedDict[int, NDArray[np.bool_]] = OrderedDict()

    def add(
        self, frame: int, slot: int, payload: NDArray[np.uint8] | None, time_s: float = math.nan,
        received_s: float = math.nan,
    ) -> list[Assembled]:  # fmt: skip
        """Take a buffer; return the frames that are done by that.

        Parameters
        ----------
        frame, slot
            Where it belongs.
        payload
            Its pixels, u8[byte]; None: they are not all there, but the frame is.
        time_s, received_s
            When it was filled, by the instrument, and received, by the host.
        """
        if frame < self.next:
            self._count_late(frame, slot)
            return []
        self._newest = max(self._newest, frame)
        found = list(self._given_up())
        if payload is not None:
            self._put(frame, slot, payload, (time_s, received_s))
        return found + list(self._complete())

    def flush(self) -> list[Assembled]:
        """Return the frames that are held, whatever they lack."""
        return list(self._until(self._newest + 1))

    def _put(self, frame: int, slot: int, payload: NDArray[np.uint8], times_s: tuple[float, float]) -> None:
        pending = self._pending.get(frame)
        if pending is None:
            n_bytes = self._shape.n_slots * self._shape.payload_bytes
            pending = Pending(np.zeros(n_bytes, np.uint8), np.zeros(self._shape.n_slots, np.bool_))
            self._pending[frame] = pending
        self.counts.duplicates += bool(pending.present[slot])
        first, size = slot * self._shape.payload_bytes, self._sizes[slot]
        pending.rows[first : first + size] = payload[:size]
        pending.present[slot] = True
        pending.times_s[slot] = times_s

    def _count_late(self, frame: int, slot: int) -> None:
        present = self._done.get(frame)
        if present is not None and present[slot]:
            self.counts.duplicates += 1
        else:
            self.counts.late += 1

    def _given_up(self) -> Iterator[Assembled]:
        """Yield the frames that nothing is waited for any more."""
        yield from self._until(self._newest - HELD_FRAMES + 1)

    def _complete(self) -> Iterator[Assembled]:
        """Yield the oldest frames, as long as all their buffers are there."""
        while (pending := self._pending.get(self.next)) is not None and pending.present.all():
            yield self._finished()

    def _until(self, stop: int) -> Iterator[Assembled]:
        """Yield frames up to a number, and those behind that are complete."""
        while self.next < stop:
            if self.next in self._pending:
                yield self._finished()
            else:
                yield self._nothing(min([number for number in self._pending if number < stop], default=stop))
        yield from self._complete()

    def _nothing(self, stop: int) -> Assembled:
        first, n = self.next, stop - self.next
        self.next = stop
        self.counts.frames += n
        self.counts.empty += n
        self.counts.missing += n * self._shape.n_slots
        return Assembled(first=first, pixels=None, present=np.zeros((n, self._shape.n_slots), np.bool_))

    def _finished(self) -> Assembled:
        """Return the oldest frame, of which some buffer came."""
        number, pending = self.next, self._pending.pop(self.next)
        self.next += 1
        missing = int(np.count_nonzero(~pending.present))
        self.counts.frames += 1
        self.counts.complete += missing == 0
        self.counts.missing += missing
        self._done[number] = pending.present
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        time_s, received_s = pending.times_s[min(pending.times_s)]
        return Assembled(
            first=number, pixels=self._pixels(pending), present=pending.present[None], time_s=time_s,
            received_s=received_s,
        )  # fmt: skip

    def _pixels(self, pending: Pending) -> NDArray[Any]:
        shape = self._shape
        out = np.empty((1, shape.width * shape.height), shape.dtype)
        unpack_pixels(shape, pending.rows[None, : shape.frame_bytes], out)
        if shape.packing != "bytes":  # a pixel may be of two buffers
            for slot in np.flatnonzero(~pending.present).tolist():
                first, stop = shape.pixels_of(slot)
                out[0, first:stop] = 0
        return out.reshape(shape.height, shape.width)
