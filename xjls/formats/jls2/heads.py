"""One track of one signal on a tape: its DEF, its HEAD, and its chunks, which the HEAD leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xjls.formats.jls2.wire import LEVELS, Tag, encode_head

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from xjls.formats.jls2.tape import Tape


class TrackChunks:
    """One track of one signal on a tape: its DEF, its HEAD, and chunks that keep the HEAD right.

    Parameters
    ----------
    tape, signal_id
        Where to, and the signal's number there.
    definition
        The track's DEF tag.
    head
        Where its HEAD is, if it has one already.
    heads
        The offsets that it holds.
    """

    def __init__(
        self, tape: Tape, signal_id: int, definition: Tag, head: int = 0, heads: Sequence[int] = (0,) * LEVELS
    ) -> None:
        self._tape = tape
        self._id = signal_id
        self._definition = definition
        self._heads = list(heads)
        if not head:
            tape.append(definition, signal_id, b"")
        self._head = head or tape.append(definition + 1, signal_id, encode_head(self._heads))

    def resume(self, first: int, kept: Collection[int], *, at_once: bool) -> None:
        """Make the HEAD lead to the first DATA chunk, and to levels that are kept: at once, or with the next change."""
        heads = [first, *(offset if level in kept else 0 for level, offset in enumerate(self._heads[1:], 1))]
        if heads != self._heads:
            self._heads = heads
            if at_once:
                self._tape.replace_payload(self._definition, self._head, encode_head(heads))

    def restart(self) -> None:
        """Expect the first DATA chunk again: the one that is there was not full."""
        self._heads[0] = 0

    def keep_data(self, offset: int) -> None:
        """Take a DATA chunk that is in the file for the next one of its list."""
        self._noted(0, offset)

    def drain(self) -> None:
        """Write what is gathered once it is worth it; see `Tape.drain`."""
        self._tape.drain()

    def has_level(self, level: int) -> bool:
        """Whether a block of the level was written."""
        return self._heads[level] != 0

    def append_data(self, payload: bytes) -> int:
        """Append a DATA chunk and return its offset."""
        return self._noted(0, self._tape.append(self._definition + 2, self._id, payload))

    def append_tentative(self, payload: bytes) -> int:
        """Append a DATA chunk that the next one replaces, in the list and, if it is the first, in the HEAD."""
        is_first = not self._heads[0]
        offset = self._noted(0, self._tape.append(self._definition + 2, self._id, payload, tentative=True))
        if is_first:
            self.restart()
        return offset

    def append_samples(self, samples: NDArray[np.uint8], count: int, bits: int, first_id: int) -> range:
        """Append whole DATA chunks of samples; return their offsets."""
        offsets = self._tape.append_samples(samples, count, bits, first_id, self._id)
        self._noted(0, offsets[0])
        return offsets

    def append_block(self, level: int, index: bytes, summary: bytes) -> int:
        """Append INDEX and SUMMARY of a level; return the offset of the former."""
        meta = level << 12 | self._id
        offset = self._noted(level, self._tape.append(self._definition + 3, meta, index))
        self._tape.append(self._definition + 4, meta, summary)
        return offset

    def _noted(self, level: int, offset: int) -> int:
        """Note the first chunk of a level in the HEAD."""
        if not self._heads[level]:
            self._heads[level] = offset
            self._tape.replace_payload(self._definition, self._head, encode_head(self._heads))
        return offset
