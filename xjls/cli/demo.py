"""``xjls demo``: make a recording, open it through xarray, print it with exact statistics, draw it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from xjls.cli.text import size
from xjls.errors import MissingDependencyError


def demo(directory: str, *, seconds: float) -> int:
    """Run the demonstration in a directory; return the exit status."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingDependencyError("matplotlib", "plot")
    import xjls
    from xjls.testing import write_demo

    Path(directory).mkdir(parents=True, exist_ok=True)
    path, picture = Path(directory, "demo.jls"), Path(directory, "demo.png")
    write_demo(str(path), seconds=seconds)
    print(f"wrote {path}, {size(path.stat().st_size)}\n")
    with xjls.open(path) as dataset:
        print(f"xjls.open({str(path)!r})\n{dataset}\n")
        print(f"dataset.xjls.statistics()\n{dataset.xjls.statistics().to_dataframe().T}\n")
        dataset.xjls.plot(tz="UTC").savefig(picture, dpi=100)
    print(f"wrote {picture}")
    return 0
