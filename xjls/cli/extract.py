"""``xjls extract``: a part of a recording into a new one, with its ties, annotations and user data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xjls.cli.text import size
from xjls.cli.window import windows_of
from xjls.progress import shown

if TYPE_CHECKING:
    pass


def extract(
    path: str,
    out: str,
    *,
    start: str | None = None,
    stop: str | None = None,
    signals: Sequence[str] = (),
    overwrite: bool = False,
) -> int:
    """Write signals between two moments to a new file, print what was written; return the exit status."""
    import xjls

    with xjls.open(path, signals=list(signals) or None, join="none", levels=False) as dataset:
        recording, spans = dataset.xjls.recording, {}
        windows = windows_of(recording, signals, start, stop)
        for name, (first, last) in windows.items():
            begin = recording.signal(name).first_id
            spans[dataset[name].dims[0]] = slice(first - begin, last - begin)
        part = dataset[list(windows)].isel(spans).xjls
        write = part.to_zarr if out.lower().rstrip("/").endswith(".zarr") else part.to_jls
        write(out, overwrite=overwrite, progress=shown())
    print(f"wrote {out}, {size(Path(out).stat().st_size)}")
    return 0
