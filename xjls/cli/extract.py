"""``xjls extract``: a part of a recording into a new one, with its ties, annotations and user data."""

from __future__ import annotations

from collections.abc import Sequence

from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.convert import refuse_itself
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
    opening: Opening = PLAINLY,
) -> int:
    """Write signals between two moments to a new recording, print what was written; return the exit status."""
    import xjls
    from xjls.backend.writing import write_dataset

    if overwrite:
        refuse_itself(path, out)

    with xjls.open_recording(path, **opening) as recording:
        windows = windows_of(recording, signals, start, stop)
    with xjls.open(path, signals=list(windows), join="none", levels=False, **opening) as dataset:
        spans = {}
        for name, (first, last) in windows.items():
            begin = dataset[name].attrs["first_sample_id"]
            spans[dataset[name].dims[0]] = slice(first - begin, last - begin)
        part = dataset[list(windows)].isel(spans)
        write_dataset(part, out, overwrite=overwrite, option="--overwrite", progress=shown())
    print(written(out))
    return 0
