"""Where formats are found by id: in the user's folder of mio, and among those of mio itself. Nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xjls.compat.errors import RefusedError
from xjls.errors import CorruptError
from xjls.formats.miniscope.header_files import read_yaml
from xjls.formats.miniscope.positions import SD_POSITIONS, STREAM_POSITIONS

_SHIPPED: Mapping[str, Mapping[str, Any]] = {
    "stream-buffer-header": {
        "mio_model": "mio.models.stream.StreamBufferHeaderFormat",
        "mio_version": "v5.0.0",
        **STREAM_POSITIONS,
    },
    "sd-buffer-header": SD_POSITIONS,
    "wirefree-sd-layout": SD_POSITIONS,
    "wirefree-sd-layout-battery": {**SD_POSITIONS, "write_timestamp": 9, "battery_voltage": 10},
}


class UnknownIdError(RefusedError, KeyError):
    """No format has this id.

    Examples
    --------
    >>> issubclass(UnknownIdError, KeyError)
    True
    """


def config_folder() -> Path:
    """Return the folder of the user's own files: ``MIO_CONFIG_DIR``, or mio's default. It need not exist."""
    told = os.environ.get("MIO_CONFIG_DIR")
    if told:
        return Path(told)
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "mio" / "config"


def facts_by_id(id: str) -> Mapping[str, Any]:  # noqa: A002  # as mio's argument is called
    """Return what the first file with an id says, the user's before those of mio.

    Raises
    ------
    UnknownIdError
        None has it.
    """
    ids = []
    for facts in _files():
        if facts.get("id") == id:
            return facts
        ids.append(str(facts.get("id")))
    if id in _SHIPPED:
        return {"id": id, **_SHIPPED[id]}
    raise UnknownIdError(f"no header format has the id {id!r}", f"Ids: {', '.join([*ids, *_SHIPPED])}.")


def facts_of_file(path: Path) -> Mapping[str, Any]:
    """Return the positions that a YAML file says, and its id.

    It may be a format's, a layout of SD cards with a section ``buffer``, or have ``POSITIONS`` of mio from 0.11 on.

    Raises
    ------
    FormatError
        It says none.
    OSError
        It cannot be read.
    """
    facts = read_yaml(path)
    if not isinstance(facts, Mapping):
        raise CorruptError(f"a header format is a mapping, not {type(facts).__name__}", os.fspath(path))
    for section in ("POSITIONS", "positions", "buffer"):
        if isinstance(facts.get(section), Mapping):
            return {"id": facts.get("id", path.stem), **facts[section]}
    return {"id": path.stem, **facts}


def _files() -> Iterator[Mapping[str, Any]]:
    """Yield what the user's files say; those that cannot be read are none."""
    for path in sorted(config_folder().rglob("*.y*ml")):
        try:
            yield facts_of_file(path)
        except (CorruptError, OSError):
            continue
