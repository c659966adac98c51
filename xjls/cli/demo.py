"""``xjls demo``: make a recording, open it through xarray, print it with exact statistics, draw it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from xjls.cli.text import size
from xjls.errors import MissingDependencyError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

COLUMNS = 1200
WIDE_RANGE = 1000
"""A signal that spans more than this factor is drawn on a logarithmic axis."""
STATISTICS = ("count", "mean", "std", "min", "max")


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
        print(f"exact statistics, from all samples\n{statistics(dataset).to_dataframe().T}\n")
        draw(dataset, picture)
    print(f"wrote {picture}")
    return 0


def statistics(dataset: xr.Dataset) -> xr.Dataset:
    """Return count, mean, std, min and max of every signal over all its samples, in float64 and in one pass."""
    import xarray as xr

    samples = dataset.drop_dims([dim for dim in dataset.dims if dim != "time"]).astype("f8")
    found: xr.Dataset = xr.concat([getattr(samples, name)() for name in STATISTICS], "statistic")
    return found.assign_coords(statistic=list(STATISTICS)).compute()


def draw(dataset: xr.Dataset, picture: Path) -> None:
    """Draw every signal as a band from min to max and its mean, from the level that has about one entry a pixel."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    names = [str(name) for name, variable in dataset.data_vars.items() if variable.dims == ("time",)]
    heights = [3 if dataset[name].dtype.kind == "f" else 1 for name in names]
    figure = Figure(figsize=(10, 0.55 * sum(heights) + 1), layout="constrained")
    FigureCanvasAgg(figure)
    lanes = figure.subplots(len(names), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for lane, name in zip(lanes, names, strict=True):
        _draw_lane(lane, name, _level_for_screen(dataset, name))
    locator = AutoDateLocator()
    lanes[-1].xaxis.set(major_locator=locator, major_formatter=ConciseDateFormatter(locator))
    title = f"{dataset.sizes['time']:,} samples a signal: mean, and min to max, of the summary entries"
    lanes[0].set_title(title, size=10)
    figure.savefig(picture, dpi=100)


def _draw_lane(lane: Axes, name: str, level: xr.DataArray) -> None:
    time, low, high = level[level.dims[0]].values, level.sel(statistic="min").values, level.sel(statistic="max").values
    lane.fill_between(time, low, high, color="#9ecae1", step="post")
    lane.plot(time, level.sel(statistic="mean").values, color="#08519c", lw=0.7, drawstyle="steps-post")
    if level.attrs["units"]:
        lane.set_ylabel(f"{name} ({level.attrs['units']})")
    else:  # a few states, in a lane too low for a name that stands upright
        lane.set_ylabel(name, rotation="horizontal", ha="right", va="center")
    lane.margins(x=0)
    lane.grid(alpha=0.3)
    lane.spines[["top", "right"]].set_visible(False)
    if 0 < low.min() * WIDE_RANGE < high.max():
        lane.set_yscale("log")


def _level_for_screen(dataset: xr.Dataset, name: str) -> xr.DataArray:
    """Return the coarsest level of a signal with at least one entry a column of the picture, or its finest."""
    levels = [v for n, v in dataset.data_vars.items() if str(n).startswith(f"{name}_x") and "statistic" in v.dims]
    levels.sort(key=lambda level: level.sizes[level.dims[0]])
    fine = [level for level in levels if level.sizes[level.dims[0]] >= COLUMNS]
    return (fine or levels[-1:])[0]
