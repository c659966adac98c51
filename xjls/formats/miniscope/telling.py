"""What was lost of a stream, in words and numbers: for attributes, notes and lists of damage."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import NotRecognizedError
from xjls.formats.miniscope.checks import BufferFlag
from xjls.formats.miniscope.header_format import HeaderFlag
from xjls.model.status import Damage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.grid import Grid

__all__ = ["damage_of", "notes_of", "require_headers", "totals_of", "usual_reason"]

_MOST_DAMAGE = 50
"""Broken headers that are named one by one."""
_WRONG = {
    int(HeaderFlag.CRC): "its CRC differs",
    int(HeaderFlag.COUNTERS): "its counters contradict each other",
    int(HeaderFlag.RING): "its slot of the ring contradicts its counter",
    int(HeaderFlag.PIXELS): "it counts other pixels than its place in a frame has",
    int(HeaderFlag.SLOT): "frames have no such place",
    int(HeaderFlag.MESSAGE): "its message cannot be decoded",
    int(BufferFlag.CUT_OFF): "data end inside it",
    int(BufferFlag.FAR): "its frame is far from all others",
}


def require_headers(grid: Grid, path: str) -> None:
    """Refuse data of which not one header can be believed: they are of another stream than the configuration.

    Raises
    ------
    NotRecognizedError
        The message tells what headers there are, and what is wrong with most of them.
    """
    flags = grid.buffers.flags
    if (flags == 0).any():  # of a good one mio may make no frame
        return
    if not len(flags):
        raise NotRecognizedError(
            f"no buffer begins in its {grid.buffers.n_bytes:,} bytes", path, 0,
            "Is the configuration that of this stream? 'preamble' and 'reverse_header_bits' tell what is looked for.",
        )  # fmt: skip
    raise NotRecognizedError(
        f"none of {len(flags):,} headers can be believed: of most, {usual_reason(flags)}", path,
        int(grid.buffers.bit_offset[0]) // 8,
        "Is the configuration that of this stream? Compare frame_width, frame_height, header_len, block_size and "
        "dummy_words with the instrument's.",
    )  # fmt: skip


def totals_of(grid: Grid) -> dict[str, Any]:
    """Return the totals of a stream, as attributes of its frames."""
    losses = asdict(grid.losses())
    told = {
        "frames": losses["frames"], "complete_frames": losses["complete"], "empty_frames": losses["empty"],
        "buffers": len(grid.buffers), "missing_buffers": losses["missing"],
        "lost_between": losses["lost_between"], "duplicate_buffers": losses["duplicates"],
        "quarantined_buffers": losses["quarantined"], "cut_buffers": losses["cut"],
        "buffers_per_frame": grid.buffers.shape.n_slots, "header_format": grid.buffers.format.id,
        **grid.shape.facts,
    }  # fmt: skip
    counts = grid.buffers.columns.get("buffer_count")
    good = grid.buffers.header_ok
    if counts is not None and good.any():
        ends = np.flatnonzero(good)[[0, -1]]
        told["first_buffer_count"], told["last_buffer_count"] = (int(count) for count in counts[ends])
    dropped = grid.buffers.columns.get("dropped_buffer_count")
    if dropped is not None and good.any():
        told["dropped_by_device"] = int(dropped[good].max())
    return told


def notes_of(grid: Grid) -> tuple[str, ...]:
    """Return what people should know of a stream's losses, a sentence each."""
    losses, n_slots, n_found = grid.losses(), grid.shape.n_slots, len(grid.buffers)
    partial = losses.frames - losses.complete - losses.empty
    notes = [f"{losses.frames:,} frames: {losses.complete:,} complete, {partial:,} in part, {losses.empty:,} empty"]
    if losses.missing:
        wanted = losses.frames * n_slots
        notes.append(f"{losses.missing:,} of {wanted:,} buffers missing ({losses.missing / wanted:.2%})")
    if losses.duplicates:
        notes.append(f"{losses.duplicates:,} of {n_found:,} buffers came twice; the last one counts")
    if losses.quarantined:
        notes.append(f"{losses.quarantined:,} of {n_found:,} headers not believed; their buffers are in no frame")
    if losses.cut:
        notes.append(f"{losses.cut:,} of {n_found:,} buffers cut off by the end of data")
    return tuple(notes)


def damage_of(grid: Grid) -> tuple[Damage, ...]:
    """Return the headers that cannot be believed, by offset; of very many the first ones."""
    buffers = grid.buffers
    wrong = np.flatnonzero((buffers.flags != 0) & (buffers.flags != BufferFlag.CUT_OFF))  # an end is no damage
    length = buffers.payload_bit // 8
    found = []
    for row in wrong[:_MOST_DAMAGE].tolist():
        offset = int(buffers.bit_offset[row]) // 8
        stop = min(offset + length, buffers.n_bytes)
        problem = f"header {row}: {_reasons(int(buffers.flags[row]))}"
        found.append(Damage(offset, stop, problem, "its buffer is in no frame"))
    if len(wrong) > _MOST_DAMAGE:
        rest = int(buffers.bit_offset[wrong[_MOST_DAMAGE]]) // 8
        more, why = buffers.flags[wrong[_MOST_DAMAGE:]], usual_reason(buffers.flags[wrong])
        problem = f"{len(more):,} more headers cannot be believed: of most, {why}"
        found.append(Damage(rest, buffers.n_bytes, problem, "their buffers are in no frame"))
    return tuple(found)


def usual_reason(flags: NDArray[np.uint8]) -> str:
    """Return what is wrong with most of some headers.

    Examples
    --------
    >>> usual_reason(np.array([8, 8, 1], np.uint8))
    'it counts other pixels than its place in a frame has'
    """
    found, counts = np.unique(flags, return_counts=True)
    return _reasons(int(found[counts.argmax()]))


def _reasons(flags: int) -> str:
    return "; ".join(why for flag, why in _WRONG.items() if flags & flag)
