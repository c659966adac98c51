"""The way into the format: nothing in a stream tells what it is, so people say so. Loads the rest when it is needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from xjls.errors import NotRecognizedError, SelectionError
from xjls.model.recording import Recording
from xjls.storage import absolute_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xjls.formats.miniscope.config import ConfigSource
    from xjls.model.reader import OnDamage

OF_CONFIG = (
    "frame_width", "frame_height", "pix_depth", "packing", "fs", "preamble", "header_len", "buffer_block_length",
    "block_size", "num_buffers", "dummy_words", "reverse_header_bits", "reverse_header_bytes", "reverse_payload_bits",
    "reverse_payload_bytes", "header_format", "header_crc", "adc_scale",
)  # fmt: skip
"""Keys of a configuration, which take the place of those of ``config``."""
OPTIONS = ("config", "layout", "host_times", "settings_sector", *OF_CONFIG)
LAYOUTS = ("device", "mio")


def recognizes(head: bytes) -> bool:  # noqa: ARG001 - as every format has it
    """Return False: the first bytes of a stream are pixels like others."""
    return False


def open_miniscope(
    path: str, *, storage_options: Mapping[str, Any] | None, on_damage: OnDamage, verify: bool,
    config: ConfigSource = None, layout: str = "device", host_times: str | os.PathLike[str] | None = None,
    settings_sector: int | None = None, **changes: Any,
) -> Recording:  # fmt: skip
    """Open the raw stream of a miniscope, or the image of its SD card; see `xjls.open_recording`.

    Parameters
    ----------
    path, storage_options, on_damage, verify
        As there. Checksums of headers are verified whatever `verify` says: by them buffers are told from chance.
    config
        How the stream was sent: the id of a known configuration (``"wireless-200px"``), the path of a YAML file of
        mio, or a mapping with its keys. Without one, and without ``changes``, it is an SD card, which tells itself.
    layout
        ``"device"``: frames on the axis that the device counts, with those that were lost; ``"mio"``: the frames that
        mio makes of the same bytes, with its losses.
    host_times
        The CSV that mio wrote beside the stream: when the host received each buffer.
    settings_sector
        Of an SD card, where its settings are, if they are not where all known cards have them.
    **changes
        Keys of a configuration, in place of those of ``config``.
    """
    from xjls.formats.miniscope.config import load_config
    from xjls.formats.miniscope.reader import MiniscopeReader

    if layout not in LAYOUTS:
        raise SelectionError(f"layout={layout!r} is none", f"Choose one of {', '.join(LAYOUTS)}.")
    if unknown := sorted(changes.keys() - set(OF_CONFIG)):
        raise SelectionError(f"miniscope has no option {unknown[0]!r}", f"Options: {', '.join(OPTIONS)}.")
    is_card = config is None and not changes
    if is_card and layout == "mio":
        raise SelectionError("frames of SD cards are those of the device", "Leave layout= out.")
    told = {
        "storage_options": dict(storage_options) if storage_options else None,
        "config": None if is_card else load_config(config, **changes), "layout": layout,
        "host_times": None if host_times is None else absolute_path(os.fspath(host_times)),
        "settings_sector": settings_sector,
    }  # fmt: skip
    options = {name: value for name, value in told.items() if value is not None}
    try:
        return Recording(absolute_path(path), MiniscopeReader, options=options, on_damage=on_damage, verify=verify)
    except NotRecognizedError as error:
        if not is_card:
            raise
        raise NotRecognizedError(
            f"no SD card ({error.problem}), and nothing says how a stream was sent",
            path,
            error.offset,
            'Of a stream, give config=..., as format_options={"config": "wireless-200px"} or '
            f"-O config=wireless-200px. {error.remedy}",
        ) from None
