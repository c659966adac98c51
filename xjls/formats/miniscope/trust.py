"""Which headers can be believed, as they come: what `xjls.formats.miniscope.checks` says of a whole stream.

Nobody knows yet what most headers will say, so the first ones are held back until enough of them agree; from then on
those are held back that disagree, until they are many in a row, which is another stretch of the stream, or until one
comes that is right, and they are broken. What differs from the whole stream's checks:

- The constant offset of counters, and of the ring, is that of most of the first headers, not of most of all.
- A frame is far when it is so from the newest one. Where neither counters nor a CRC confirm the number of a frame, a
  jump ahead needs a second buffer that confirms it.
- A run of headers whose frames go back, further than frames are held, is the instrument's new start: a new stretch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.miniscope.checks import BufferFlag, is_nearly_all, run_length, signed_step
from xjls.formats.miniscope.header_format import HeaderFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.config import StreamConfig
    from xjls.formats.miniscope.fields import Columns

__all__ = ["ABSENT_FRAMES", "HELD_FRAMES", "Judge", "Verdict"]

ABSENT_FRAMES = 100_000
"""Frames that may be missing between two."""
HELD_FRAMES = 4
"""Frames, from the oldest that is not complete on, in which a late buffer still finds its place."""
_MASK = 0xFFFF_FFFF
_MOST_OFFSETS = 64


@dataclass(slots=True)
class Claim:
    """A header that nothing is wrong with by itself, and what it claims."""

    row: int
    """Number of the buffer in the stream."""
    frame: int
    offsets: tuple[int, ...]
    """Count of buffers, less what frame and slot make of it: with and without those that the instrument dropped."""
    ring: int | None
    """Slot of the ring, less the count of buffers; None: it is outside the ring."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is made of one header."""

    row: int
    flag: int
    """What is wrong with it: 0, or a `HeaderFlag` or `BufferFlag`."""
    frame: int
    """Number of its frame, which goes on past 2**32; of no meaning where something is wrong."""
    stretch: int
    """How many times the instrument had started anew before it."""
    is_stray: bool = False
    """Whether it is believed, but nowhere near the others."""


@dataclass(slots=True)
class Offsets:
    """One reading of the counters: which constants are trusted, and how many headers had one of these."""

    trusted: list[int] = field(default_factory=list)
    score: int = 0

    def trust(self, offset: int) -> None:
        """Take a constant as right; of very many the oldest is forgotten."""
        if offset not in self.trusted:
            self.trusted = [*self.trusted, offset][-_MOST_OFFSETS:]


class Judge:
    """Decide about headers in the order of the stream.

    Parameters
    ----------
    config
        How the stream is sent.

    Notes
    -----
    At most `most_held` headers are undecided at a time: some six frames of them until counters are known, and three
    afterwards.
    """

    def __init__(self, config: StreamConfig) -> None:
        names = set(config.header_format.names)
        self._n_slots, self._ring_size = config.shape.n_slots, config.num_buffers
        self._counts = {"frame_num", "buffer_count", "frame_buffer_count"} <= names
        self._has_drops = "dropped_buffer_count" in names
        self._has_ring = bool(config.num_buffers) and {"linked_list", "buffer_count"} <= names
        self._ahead = ABSENT_FRAMES if self._counts or config.header_format.crc is not None else HELD_FRAMES
        self.run = run_length(self._n_slots)
        """Headers in a row that make a stretch."""
        self.most_held = 2 * self.run
        self._readings = [Offsets() for _ in range(1 + self._has_drops)]
        self._held: list[Claim] = []
        self._is_learning = True
        self._newest, self._newest_number, self._stretch = 0, 0, 0
        self._ring: int | None = None
        self._ring_misses = 0

    def claims(self, first_row: int, columns: Columns, is_sound: NDArray[np.bool_]) -> list[Claim]:
        """Return what headers claim that are sound by themselves; the rows of `columns` are from `first_row` on."""
        rows = np.flatnonzero(is_sound)
        if not rows.size:
            return []
        some = {name: columns[name][rows].astype(np.int64) for name in _USED if name in columns}
        frame = some["frame_num"] & _MASK
        offsets = [np.zeros(len(rows), np.int64)] * len(self._readings)
        if self._counts:
            offsets[0] = (some["buffer_count"] - frame * self._n_slots - some["frame_buffer_count"]) & _MASK
            if self._has_drops:
                offsets[1] = (offsets[0] + some["dropped_buffer_count"]) & _MASK
        rings: list[int | None] = [None] * len(rows)
        if self._has_ring:
            slot, size = some["linked_list"], self._ring_size
            places = ((slot - some["buffer_count"]) % size).tolist()
            rings = [at if 0 <= one < size else None for at, one in zip(places, slot.tolist(), strict=True)]
        each = zip((rows + first_row).tolist(), frame.tolist(), zip(*(o.tolist() for o in offsets), strict=True), rings,
                   strict=True)  # fmt: skip
        return [Claim(*told) for told in each]

    def decide(self, claims: list[Claim]) -> list[Verdict]:
        """Take further claims; return what is decided by now, in order."""
        found: list[Verdict] = []
        for claim in claims:
            if self._is_learning:
                self._held.append(claim)
                if self._has_learned():
                    found += self._learn()
            else:
                found += self._decide_one(claim)
        return found

    def settle(self) -> list[Verdict]:
        """Decide about all that is held back, by what is known now."""
        found = self._learn() if self._is_learning and self._held else []
        return found + self._break()

    @property
    def first_held(self) -> int | None:
        """The row of the first header that is undecided."""
        return self._held[0].row if self._held else None

    # ---- the first headers -----------------------------------------------------------------------------------------

    def _has_learned(self) -> bool:
        if len(self._held) < self.run:
            return False
        return len(self._held) >= self.most_held or max(self._agreeing(0)[1], self._agreeing(-1)[1]) >= self.run

    def _agreeing(self, reading: int) -> tuple[int, int]:
        """Return the offset that most have of those held back, and how many; of equals the lowest."""
        values, counts = np.unique([claim.offsets[reading] for claim in self._held], return_counts=True)
        return int(values[counts.argmax()]), int(counts.max())

    def _learn(self) -> list[Verdict]:
        """Trust what most of the first headers say, and decide about all of them."""
        for reading, told in enumerate(self._readings):
            offset, told.score = self._agreeing(reading)
            told.trust(offset)
        first, self._held = self._held, []
        right = [claim for claim in first if self._is_trusted(claim)]
        for told in self._readings:
            told.score = 0
        near = (one for one, two in pairwise(right) if abs(signed_step(two.frame - one.frame)) < HELD_FRAMES)
        begin = next(near, right[0])
        self._newest = self._newest_number = begin.frame
        self._learn_ring(right)
        self._is_learning = False
        return [verdict for claim in first for verdict in self._decide_one(claim)]

    def _learn_ring(self, claims: list[Claim]) -> None:
        """Trust the place in the ring that most have; where there is none, headers do not tell of a ring."""
        inside = [claim.ring for claim in claims if claim.ring is not None]
        self._ring, self._ring_misses = None, 0
        if 2 * len(inside) > len(claims):
            values, counts = np.unique(inside, return_counts=True)
            if is_nearly_all(int(counts.max()), len(claims)):
                self._ring = int(values[counts.argmax()])

    # ---- one header after the other --------------------------------------------------------------------------------

    def _decide_one(self, claim: Claim) -> list[Verdict]:
        for reading, offset in zip(self._readings, claim.offsets, strict=True):
            reading.score += offset in reading.trusted
        if self._is_trusted(claim) and self._is_near(claim.frame, self._newest, self._ahead):
            return [*self._break(), self._accept(claim)]
        found = [] if not self._held or self._continues(claim) else self._break()
        self._held.append(claim)
        return found + self._begin_stretch() if len(self._held) >= self._needed() else found

    def _is_trusted(self, claim: Claim) -> bool:
        best = max(range(len(self._readings)), key=lambda number: self._readings[number].score)
        return claim.offsets[best] in self._readings[best].trusted

    def _is_near(self, frame: int, newest: int, ahead: int) -> bool:
        return -HELD_FRAMES < signed_step(frame - newest) <= ahead

    def _continues(self, claim: Claim) -> bool:
        last = self._held[-1]
        is_same = any(one == two for one, two in zip(claim.offsets, last.offsets, strict=True))
        return is_same and (not self._is_trusted(claim) or self._is_near(claim.frame, last.frame, self._ahead))

    def _needed(self) -> int:
        """Return how many headers in a row are believed that begin with the first of those held back."""
        first = self._held[0]
        is_ahead = self._is_trusted(first) and 0 < signed_step(first.frame - self._newest) <= ABSENT_FRAMES
        return 2 if is_ahead else self.run

    def _begin_stretch(self) -> list[Verdict]:
        """Believe those that are held back."""
        run, self._held = self._held, []
        for number, reading in enumerate(self._readings):
            reading.trust(run[-1].offsets[number])
        step = signed_step(run[0].frame - self._newest)
        if not -HELD_FRAMES < step <= ABSENT_FRAMES:
            self._stretch += 1
            self._newest = self._newest_number = run[0].frame
        if len(run) >= self.run:
            self._learn_ring(run)
        return [self._accept(claim) for claim in run]

    def _accept(self, claim: Claim) -> Verdict:
        number = self._number_of(claim)
        if self._ring is not None and claim.ring != self._ring:
            self._ring_misses += 1
            if self._ring_misses < self.run:
                return Verdict(claim.row, HeaderFlag.RING, number, self._stretch)
            self._ring = None
        self._ring_misses = 0
        if number > self._newest_number:
            self._newest, self._newest_number = claim.frame, number
        return Verdict(claim.row, 0, number, self._stretch)

    def _break(self) -> list[Verdict]:
        """Decide about those held back that no run has come of."""
        held, self._held = self._held, []
        return [self._reject(claim) for claim in held]

    def _reject(self, claim: Claim) -> Verdict:
        number = self._number_of(claim)
        if not self._is_trusted(claim):
            return Verdict(claim.row, HeaderFlag.COUNTERS, number, self._stretch)
        if abs(number - self._newest_number) > ABSENT_FRAMES:
            return Verdict(claim.row, BufferFlag.FAR, number, self._stretch)
        return Verdict(claim.row, 0, number, self._stretch, is_stray=True)

    def _number_of(self, claim: Claim) -> int:
        return self._newest_number + signed_step(claim.frame - self._newest)


_USED = ("frame_num", "buffer_count", "frame_buffer_count", "dropped_buffer_count", "linked_list")
