"""mio's positions -> `HeaderFormat`: a mapping of names to words, as its files of either generation have it.

mio 0.6 to 0.10 keep one in a file of its own; those of SD cards are in the section ``buffer`` of a layout. From 0.11 on
it is the ``POSITIONS`` of a class. Null: the header has no such word. Names that mio does not know are kept as fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xjls.errors import SelectionError
from xjls.formats.miniscope.header_facts import field_at, whole, without_mio
from xjls.formats.miniscope.header_format import HeaderFormat

__all__ = ["BASIC", "SD_POSITIONS", "STREAM_POSITIONS", "format_of_mio", "format_of_positions", "format_of_sd"]

BASIC = (
    "linked_list", "frame_num", "buffer_count", "frame_buffer_count", "write_buffer_count", "dropped_buffer_count",
    "timestamp", "write_timestamp",
)  # fmt: skip
"""What every header of mio has."""
STREAM_POSITIONS: Mapping[str, int | None] = {
    **dict(zip(BASIC[:-1], range(7), strict=True)), "write_timestamp": 8, "pixel_count": 7, "battery_voltage_raw": 9,
    "input_voltage_raw": 10,
}  # fmt: skip
"""mio's ``stream-buffer-header``."""
SD_POSITIONS: Mapping[str, int | None] = {
    **dict(zip(BASIC[:-1], range(1, 8), strict=True)), "write_timestamp": None, "length": 0, "data_length": 8,
    "battery_voltage": None,
}  # fmt: skip
"""What mio takes where a layout does not say."""
_NEEDED = {
    "BufferHeaderFormat": BASIC, "StreamBufferHeaderFormat": tuple(STREAM_POSITIONS), "SDBufferHeaderFormat": (),
}  # fmt: skip
"""What files of each of mio's models must have."""
_RAW = {"battery_voltage": "battery_voltage_raw"}
"""mio's names for integers that are called after what they mean."""


def format_of_positions(positions: Mapping[Any, Any], id: str) -> HeaderFormat:  # noqa: A002  # as the field is called
    """Return the format of headers with whole words at these positions.

    Raises
    ------
    SelectionError
        A position is no word; the message names its field.

    Examples
    --------
    >>> format_of_positions({"frame_num": 1, "timestamp": 6, "linked_list": None}, "mine").names
    ('frame_num', 'timestamp')
    """
    fields = [field_at(_RAW.get(name, name), place) for name, place in positions.items() if place is not None]
    fields.sort(key=lambda field: field.word)
    return HeaderFormat(id=id, parts=tuple(fields))


def format_of_sd(buffer: Any, id: str) -> HeaderFormat:  # noqa: A002  # as the field is called
    """Return the format that the section ``buffer`` of an SD layout says, and mio's own positions where it does not."""
    if not isinstance(buffer, Mapping):
        raise SelectionError("'buffer' is no mapping", "Give names and positions, as frame_num: 2.")
    return format_of_positions({**SD_POSITIONS, **without_mio(buffer)}, id)


def format_of_mio(facts: Mapping[Any, Any], id: str) -> HeaderFormat:  # noqa: A002  # as the field is called
    """Return the format of a file of one of mio's header formats, or of a bare mapping of names to positions.

    Where the file says which of mio's models it is of, that model's fields must be there, and what is no position is
    left out, as mio does.
    """
    model = str(facts.get("mio_model") or "").rpartition(".")[2]
    positions = without_mio(facts)
    missing = [name for name in _NEEDED.get(model, ()) if positions.get(name) is None]
    if missing:
        raise SelectionError(f"{model} lacks {', '.join(missing)}", "Give each the whole number of a word, from 0 on.")
    if model in _NEEDED:
        known = {*STREAM_POSITIONS, *SD_POSITIONS}
        positions = {name: place for name, place in positions.items() if name in known or _is_position(name, place)}
    if model == "SDBufferHeaderFormat":
        positions = {**SD_POSITIONS, **positions}
    return format_of_positions(positions, id)


def _is_position(name: Any, place: Any) -> bool:
    try:
        return whole(name, place) >= 0
    except SelectionError:
        return False
