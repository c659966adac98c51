"""A stream in a file of its own, for examples."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xjls.testing.miniscope.buffers import buffers_of, idling, without
from xjls.testing.miniscope.config import StreamConfig, tiny
from xjls.testing.miniscope.pixels import ramps
from xjls.testing.miniscope.stream import encode

__all__ = ["write_stream"]


def write_stream(
    path: str | os.PathLike[str], n_frames: int = 8, *, lost: Sequence[tuple[int, int]] = (),
    config: StreamConfig | None = None,
) -> tuple[str, Mapping[str, Any]]:  # fmt: skip
    """Write a stream of small frames; return its path, and the configuration that it opens with.

    Parameters
    ----------
    path
        Of the new file.
    n_frames
        Frames that are sent.
    lost
        Frames and slots, from 0, of buffers that do not arrive.
    config
        How they are sent, with headers of layout 1; None for `tiny`.

    Examples
    --------
    >>> import tempfile, xjls
    >>> path, config = write_stream(tempfile.mkdtemp() + "/run.bin", lost=[(2, 0)])
    >>> with xjls.open_recording(path, format="miniscope", format_options={"config": config}) as recording:
    ...     recording.status.notes[0]
    '8 frames: 7 complete, 1 in part, 0 empty'
    """
    config = config or tiny()
    sent = without(idling(buffers_of(config, ramps(config, n_frames)), (77, 300, 5)), *lost)
    Path(path).write_bytes(encode(config, sent).data)
    facts = {key: value for key, value in asdict(config).items() if key != "layout"}
    return os.fspath(path), facts | {"header_format": config.layout}
