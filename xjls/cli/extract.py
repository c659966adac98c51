"""``xjls extract``: a part of a recording into a new one, with its ties, annotations and user data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xjls.cli.progress import shown
from xjls.cli.text import size
from xjls.cli.window import window_of
from xjls.errors import SelectionError

if TYPE_CHECKING:
    from xjls.model.recording import Recording


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
        windows = _windows(dataset.xjls.recording, [str(name) for name in dataset.data_vars], signals, start, stop)
        recording = dataset.xjls.recording
        spans = {}
        for name, (first, last) in windows.items():
            begin = recording.signal(name).first_id
            spans[dataset[name].dims[0]] = slice(first - begin, last - begin)
        dataset[list(windows)].isel(spans).xjls.to_jls(out, overwrite=overwrite, progress=shown())
    print(f"wrote {out}, {size(Path(out).stat().st_size)}")
    return 0


def _windows(
    recording: Recording, names: Sequence[str], asked: Sequence[str], start: str | None, stop: str | None
) -> dict[str, tuple[int, int]]:
    """Return the windows of the signals that have samples there; a name that was asked for must have some."""
    windows: dict[str, tuple[int, int]] = {}
    refused: SelectionError | None = None
    for name in names:
        try:
            windows[name] = window_of(recording, name, start, stop)
        except SelectionError as error:
            refused = error
            if name in asked:
                raise
    if not windows:
        raise refused or SelectionError(f"no signal of {recording.path} has samples", "See xjls info.")
    return windows
