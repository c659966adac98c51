"""``xjls demo``: make a recording, open it through xarray, print it with exact statistics, draw it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from xjls.cli.text import quantity, size
from xjls.errors import MissingDependencyError

if TYPE_CHECKING:
    import xarray as xr

COLUMNS = 1200


def demo(directory: str, *, seconds: float) -> int:
    """Run the demonstration in a directory; return the exit status."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "plot") from error
    mpl.use("Agg")
    import xjls
    from xjls.testing import write_demo

    Path(directory).mkdir(parents=True, exist_ok=True)
    path, picture = Path(directory, "demo.jls"), Path(directory, "demo.png")
    write_demo(str(path), seconds=seconds)
    print(f"wrote {path}, {size(path.stat().st_size)}\n")
    start = time.perf_counter()
    with xjls.open(path) as dataset:
        print(f"opened in {quantity(round(time.perf_counter() - start, 6), 's')}: ds = xjls.open({str(path)!r})\n")
        print(dataset, "\n")
        print(statistics(dataset).to_string(), "\n")
        draw(dataset, picture)
    print(f"wrote {picture}")
    return 0


def statistics(dataset: xr.Dataset) -> xr.Dataset:
    """Return count, mean, std, min and max of every signal over all its samples, computed in float64."""
