"""Header formats from YAML files: mio's of either generation, or our own. Files are only ever read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xjls.errors import CorruptError, SelectionError
from xjls.formats.miniscope.header_facts import format_of_facts
from xjls.formats.miniscope.header_format import HeaderFormat
from xjls.formats.miniscope.layouts import find_layout
from xjls.formats.miniscope.positions import format_of_mio, format_of_positions, format_of_sd
from xjls.storage import open_storage

__all__ = ["header_format_of", "load_header_format", "read_header_file", "read_yaml"]

_MOST_BYTES = 1 << 20
_SUFFIXES = (".yaml", ".yml")
_OF_A_DEVICE = {"header_len", "bitstream", "buffer_block_length"}


def load_header_format(source: HeaderFormat | Mapping[Any, Any] | str | os.PathLike[str]) -> HeaderFormat:
    """Return a header format by whatever names it: itself, a mapping, an id, or the path of a YAML file.

    Raises
    ------
    SelectionError
        No known format has this id, or the mapping describes none.
    CorruptError
        The file describes none.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> load_header_format("stream-3").crc.bits
    24
    >>> load_header_format({"frame_num": 1, "timestamp": 6}).words
    7
    """
    if isinstance(source, HeaderFormat):
        return source
    if isinstance(source, Mapping):
        return header_format_of(source)
    path = os.fspath(source)
    return read_header_file(path) if path.lower().endswith(_SUFFIXES) else find_layout(path)


def read_header_file(path: str | os.PathLike[str]) -> HeaderFormat:
    """Read a header format from a YAML file; one that says no id is called after the file.

    Raises
    ------
    CorruptError
        It describes none; the message names the file, the field and what is allowed.
    OSError
        The file cannot be read.
    """
    facts = read_yaml(path)
    try:
        return header_format_of(facts, re.sub(r"[^\w\-]+", "-", Path(path).stem) or "header")
    except SelectionError as error:
        raise CorruptError(error.problem, os.fspath(path), -1, error.remedy) from None


def header_format_of(facts: Any, default_id: str = "header") -> HeaderFormat:
    """Return the format that the contents of a file describe.

    Known are: our own description (``fields`` or ``protobuf``, see `header_facts`), ``POSITIONS`` of mio from 0.11 on,
    the section ``buffer`` of its SD layouts, and its files of names and positions before that.

    Raises
    ------
    SelectionError
        They describe none; the message names the field and what is allowed.
    """
    if not isinstance(facts, Mapping):
        raise SelectionError(f"a header format is a mapping, not {type(facts).__name__}", "Give names and positions.")
    own_id = facts.get("id", default_id)
    if not isinstance(own_id, str):
        raise SelectionError(f"'id' is {own_id!r}", "Give text of letters, digits and any of _ - / #.")
    if _OF_A_DEVICE & facts.keys():
        raise SelectionError(
            "this is the configuration of a device, which has no positions", "Give the file of its header format."
        )
    for key in ("POSITIONS", "positions"):
        if key in facts:
            if not isinstance(facts[key], Mapping):
                raise SelectionError(f"{key!r} is no mapping", "Give names and positions, as frame_num: 1.")
            return format_of_positions(facts[key], own_id)
    if "fields" in facts or "protobuf" in facts:
        return format_of_facts(facts, default_id)
    if "buffer" in facts or "sectors" in facts:
        return format_of_sd(facts.get("buffer") or {}, own_id)
    return format_of_mio(facts, own_id)


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """Read what a YAML file says: plain values only.

    Raises
    ------
    CorruptError
        It is no YAML, or too long for a description.
    OSError
        It cannot be read.
    """
    import yaml

    place = os.fspath(path)
    with open_storage(path) as file:
        content = file.read(0, _MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise CorruptError(f"a description has at most {_MOST_BYTES:_} bytes", place, -1, "Is it the right file?")
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise CorruptError(f"it is no YAML ({problem})", place, -1, "Is it the right file?") from None
