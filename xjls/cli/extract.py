"""``xjls extract``: a part of a recording into a new one, with its ties, annotations and user data."""

from __future__ import annotations

from collections.abc import Sequence

from xjls.cli.text import written
from xjls.cli.window import windows_of
from xjls.progress import shown


def extract(
    path: str,
    out: str,
    *,
    start: str | None = None,
    stop: str | None = None,
    signals: Sequence[str] = (),
    overwrite: bool = False,
) -> int:
    """Write signals between two moments to a new recording, print what was written; return the exit status."""
    import xjls
    from xjls.backend.writing import write_dataset

    with xjls.open(path, signals=list(signals) or None, join="none", levels=False) as dataset:
        recording, spans = dataset.xjls.recording, {}
        windows = windows_of(recording, signals, start, stop)
        for name, (first, last) in windows.items():
            begin = recording.signal(name).first_id
            spans[dataset[name].dims[0]] = slice(first - begin, last - begin)
        part = dataset[list(windows)].isel(spans)
        write_dataset(part, out, overwrite=overwrite, option="--overwrite", progress=shown())
    print(written(out))
    return 0
