"""A stream that comes in pieces of any size -> its buffers, as soon as each is whole.

Bits are looked at once the buffer that would begin with them is there to its end. So what is kept of a stream is less
than one buffer, whatever comes: noise, preambles everywhere, one byte at a time, or nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.buffers import Buffers, find_buffers
from xjls.formats.miniscope.checks import BufferFlag
from xjls.formats.miniscope.grid import needed_columns
from xjls.formats.miniscope.header_format import HeaderFlag
from xjls.formats.miniscope.trust import Judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xjls.formats.miniscope.config import StreamConfig
    from xjls.formats.miniscope.fields import Columns
    from xjls.formats.miniscope.trust import Verdict

__all__ = ["Arrived", "StreamParser"]

Fed: TypeAlias = "bytes | bytearray | memoryview | NDArray[np.uint8]"
_PIECE_BYTES = 1 << 16
"""Bytes of what is fed that are looked at together."""
_PREAMBLE_BITS = 32
_SPARE_PREAMBLES = 1 << 16
_GROUP = 4
_ROWS_OF_A_CLAIM = 4
"""Rows that are kept for each header that may be held back: the others cannot be believed, whatever comes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrived:
    """Buffers in the order of the stream, about which all is decided."""

    buffers: Buffers
    """Where they are, their headers, and what is wrong with each; `Buffers.whole` tells of which all pixels came."""
    payload: tuple[NDArray[np.uint8] | None, ...]
    """Pixels of each as the instrument has them in memory, u8[byte]; None of those that cannot be believed."""
    received_s: NDArray[np.float64]
    """When the piece came in which each ended, as it was fed, f64[buffer]."""
    frame: NDArray[np.int64]
    """Numbers of frames, which go on past 2**32; -1 of those that cannot be believed, i64[buffer]."""
    stretch: NDArray[np.int64]
    """How many times the instrument had started anew before each, i64[buffer]."""
    is_stray: NDArray[np.bool_]
    """Which are believed, but are of no frame near those that came before and behind, bool[buffer]."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.buffers)


@dataclass(slots=True, eq=False)
class Rows:
    """Buffers, some of which may be undecided."""

    bit_offset: NDArray[np.int64]
    words: NDArray[np.uint32]
    columns: Columns
    flags: NDArray[np.uint8]
    payload: list[NDArray[np.uint8] | None]
    received_s: NDArray[np.float64]
    frame: NDArray[np.int64]
    stretch: NDArray[np.int64]
    is_stray: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.bit_offset)

    def __getitem__(self, some: slice) -> Rows:
        return Rows(*(_sliced(getattr(self, name), some) for name in self.__slots__))

    def __add__(self, other: Rows) -> Rows:
        return Rows(*(_joined(getattr(self, name), getattr(other, name)) for name in self.__slots__))

    def put(self, at: int, verdict: Verdict) -> None:
        """Write down what was decided about one."""
        self.flags[at] |= np.uint8(verdict.flag)
        self.frame[at] = verdict.frame if verdict.flag == 0 else -1
        self.stretch[at], self.is_stray[at] = verdict.stretch, verdict.is_stray


class StreamParser:
    """Find buffers in a stream that comes in pieces.

    It finds those that `find_buffers` finds in the whole stream, at the same bits, with the same words. What is wrong
    with each is decided as `xjls.formats.miniscope.trust` says: some are held back until others tell, at most
    `most_held` believable ones, in order with what is between them.

    Parameters
    ----------
    config
        How the stream is sent.

    Raises
    ------
    SelectionError
        The header format does not say where buffers belong.

    Examples
    --------
    >>> from xjls.formats.miniscope.config import load_config
    >>> config = load_config(frame_width=8, frame_height=2, buffer_block_length=1, block_size=64)
    >>> words = np.array([0x78563412, 0, 7, 7, 0, 7, 0, 350, 16, 0, 190, 30, *range(4)], "<u4").tobytes()
    >>> parser = StreamParser(config)
    >>> sum(len(parser.feed(words[at : at + 1])) for at in range(len(words)))
    0
    >>> last = parser.flush()
    >>> last.buffers.bit_offset, last.frame, last.payload[0]
    (array([0]), array([7]), array([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0], dtype=uint8))
    """

    def __init__(self, config: StreamConfig) -> None:
        needed_columns(find_buffers(np.empty(0, np.uint8), config))
        self._config = config
        self._judge = Judge(config)
        self._payload_bytes = -(-config.payload_bytes // _GROUP) * _GROUP
        self._span_bits = config.header_len + 8 * self._payload_bytes
        self._sizes = config.shape.sizes
        self._held = bytearray()
        self._first_byte = 0  # of what is held
        self._searched = 0  # bits at which no buffer begins that was not found
        self._nothing = _no_rows(config)
        self._rows, self._first_row, self._n_found = self._nothing, 0, 0
        self.n_sound = 0
        """Headers so far that nothing is wrong with by themselves, those that are held back among them."""

    @property
    def n_bytes(self) -> int:
        """Bytes that were fed."""
        return self._first_byte + len(self._held)

    @property
    def held_bytes(self) -> int:
        """Bytes of the stream that are kept: less than a buffer and its preamble."""
        return len(self._held)

    @property
    def most_held(self) -> int:
        """Buffers that may be believed and are held back, at most."""
        return self._judge.most_held

    def prepare(self) -> None:
        """Load what looks at bits, which takes up to seconds, ahead of the first bytes."""
        held = np.frombuffer(self._config.pattern.to_bytes(4, "big"), np.uint8)
        from xjls.kernels.bitstream import take_slices

        for offsets in self._preambles(held, 0, 1):
            take_slices(held, offsets, np.empty((len(offsets), _GROUP), np.uint8))

    def feed(self, data: Fed, received_s: float = math.nan) -> Arrived:
        """Take the next bytes; return the buffers that are decided by now.

        Raises
        ------
        SelectionError
            There are far more preambles than buffers have room for: the preamble is another one.
        """
        view = memoryview(data)  # type: ignore[arg-type]  # arrays are buffers too, which NumPy says from Python 3.12 on
        found = [self._decided()]
        for first in range(0, len(view), _PIECE_BYTES):
            self._held += view[first : first + _PIECE_BYTES]
            self._search(8 * self.n_bytes - self._span_bits + 1, received_s)
            if len(self._rows) > _ROWS_OF_A_CLAIM * self._judge.most_held:
                self._judged(self._judge.settle())
            found.append(self._decided())
        return self._arrived(found)

    def settle(self) -> Arrived:
        """Decide about all buffers that are whole, as nothing may come for long."""
        self._judged(self._judge.settle())
        return self._arrived([self._decided()])

    def flush(self, received_s: float = math.nan) -> Arrived:
        """Return what is left at the end of the stream, the buffers among it in which it ends."""
        self._search(8 * self.n_bytes - _PREAMBLE_BITS + 1, received_s)
        return self.settle()

    # ---- bits ------------------------------------------------------------------------------------------------------

    def _search(self, stop_bit: int, received_s: float) -> None:
        """Find the buffers that begin in bits up to `stop_bit`, and forget the bytes ahead of it."""
        if stop_bit <= self._searched:
            return
        held = np.frombuffer(self._held, np.uint8)
        before = 8 * self._first_byte
        for offsets in self._preambles(held, self._searched - before, stop_bit - before):
            self._take(held, offsets, received_s)
        del held  # as long as it is there, bytes cannot be forgotten
        self._searched = stop_bit
        done = stop_bit // 8 - self._first_byte
        del self._held[:done]
        self._first_byte += done

    def _preambles(self, held: NDArray[np.uint8], first_bit: int, stop_bit: int) -> Iterator[NDArray[np.int64]]:
        from xjls.kernels.bitstream import find_preambles

        searched = held[: (stop_bit + _PREAMBLE_BITS + 6) // 8]
        out = np.empty(256 + len(searched) // 64, np.int64)
        while first_bit < stop_bit:
            count = find_preambles(searched, self._config.pattern, out, first_bit)
            offsets = out[:count][out[:count] < stop_bit]
            if offsets.size:
                yield offsets
            if count < len(out):
                return
            first_bit = int(out[-1]) + 1

    def _take(self, held: NDArray[np.uint8], offsets: NDArray[np.int64], received_s: float) -> None:
        """Take the buffers that begin at bits of what is held."""
        from xjls.kernels.bitstream import Reversal, take_slices

        config = self._config
        self._n_found += len(offsets)
        self._refuse_too_many()
        read = np.empty((len(offsets), 4 * config.header_words), np.uint8)
        take_slices(held, offsets + _PREAMBLE_BITS, read, Reversal(config.header_reversal))
        words = read.view("<u4").astype(np.uint32, copy=False)
        is_cut = offsets + config.header_len > 8 * len(held)
        words[is_cut] = 0
        columns = config.header_format.decode(words)
        flags = config.header_format.check(words, columns, pixel_counts=self._sizes.tolist())
        flags &= np.uint8(0xFF & ~HeaderFlag.COUNTERS)
        flags[is_cut] = BufferFlag.CUT_OFF
        sound = np.flatnonzero(flags == 0)
        pixels = np.empty((len(sound), self._payload_bytes), np.uint8)
        take_slices(held, offsets[sound] + config.header_len, pixels, Reversal(config.payload_reversal))
        payload: list[NDArray[np.uint8] | None] = [None] * len(offsets)
        for row, at in enumerate(sound.tolist()):
            payload[at] = pixels[row, : config.payload_bytes]
        self.n_sound += len(sound)
        claims = self._judge.claims(self._first_row + len(self._rows), columns, flags == 0)
        made = Rows(
            offsets + 8 * self._first_byte, words, columns, flags, payload, np.full(len(offsets), received_s),
            np.full(len(offsets), -1, np.int64), np.zeros(len(offsets), np.int64), np.zeros(len(offsets), np.bool_),
        )  # fmt: skip
        self._rows = self._rows + made if len(self._rows) else made
        self._judged(self._judge.decide(claims))

    def _refuse_too_many(self) -> None:
        room = self.n_bytes // self._config.buffer_bytes
        if self._n_found > 64 * room + _SPARE_PREAMBLES:
            raise SelectionError(
                f"the preamble {self._config.preamble:#010x} stands {self._n_found} times in {self.n_bytes} bytes, "
                f"where {room} buffers have room",
                "Is 'preamble' right, and are the flags 'reverse_header_bits' and 'reverse_header_bytes'?",
            )

    # ---- rows ------------------------------------------------------------------------------------------------------

    def _judged(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            self._rows.put(verdict.row - self._first_row, verdict)

    def _decided(self) -> Rows:
        """Return the rows ahead of the first that is undecided, and forget them."""
        first = self._judge.first_held
        n = len(self._rows) if first is None else first - self._first_row
        if n == len(self._rows):
            found, self._rows = self._rows, self._nothing
        else:
            found, self._rows = self._rows[:n], self._rows[n:]
        self._first_row += n
        return found

    def _arrived(self, pieces: list[Rows]) -> Arrived:
        filled = [rows for rows in pieces if len(rows)]
        rows = filled[0] if filled else pieces[0]
        for more in filled[1:]:
            rows = rows + more
        config = self._config
        held = zip(rows.payload, rows.flags.tolist(), strict=True)
        payload = [None if flag else pixels for pixels, flag in held]
        return Arrived(
            buffers=_buffers_of(config, rows, self.n_bytes), payload=tuple(payload), received_s=rows.received_s,
            frame=rows.frame, stretch=rows.stretch, is_stray=rows.is_stray,
        )  # fmt: skip


def _buffers_of(config: StreamConfig, rows: Rows, n_bytes: int) -> Buffers:
    return Buffers(
        shape=config.shape, format=config.header_format, bit_offset=rows.bit_offset, words=rows.words,
        columns=rows.columns, flags=rows.flags, payload_bit=config.header_len,
        payload_reversal=config.payload_reversal, n_bytes=n_bytes,
    )  # fmt: skip


def _sliced(held: Any, some: slice) -> Any:
    return {name: column[some] for name, column in held.items()} if isinstance(held, Mapping) else held[some]


def _joined(one: Any, two: Any) -> Any:
    if isinstance(one, Mapping):
        return {name: np.concatenate([column, two[name]]) for name, column in one.items()}
    return one + two if isinstance(one, list) else np.concatenate([one, two])


def _no_rows(config: StreamConfig) -> Rows:
    i8, words = np.empty(0, np.int64), np.empty((0, config.header_words), np.uint32)
    return Rows(
        i8, words, config.header_format.decode(words), np.empty(0, np.uint8), [], np.empty(0), i8, i8,
        np.empty(0, np.bool_),
    )  # fmt: skip
