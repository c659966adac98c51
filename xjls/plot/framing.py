"""A picture of frames: a mosaic of some of them, and over time what was lost and what headers measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from xjls.errors import SelectionError
from xjls.model.grey import grey_limits
from xjls.model.window import Window
from xjls.plot import style
from xjls.plot.draw import Look, draw_lane
from xjls.plot.lanes import lanes_of
from xjls.plot.losses import SHARE, columns_of, lanes_asked, measured_trace, share_trace
from xjls.plot.marking import Placed
from xjls.plot.mosaic import (
    FRAMES,
    MOST_FRAMES,
    captions,
    mosaic_height,
    outline,
    rows_and_columns,
    shown_ids,
    tiles_of,
)
from xjls.plot.numbering import FrameCount
from xjls.plot.picture import draw_head, legend_of, set_time, width_px
from xjls.plot.timescale import ElapsedTime, duration_text
from xjls.plot.wording import words
from xjls.query.frames import PRESENT, require_frames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from xjls.model.recording import Recording
    from xjls.model.window import WindowLike
    from xjls.plot.lanes import Lane
    from xjls.plot.losses import Columns
    from xjls.plot.mosaic import Tile
    from xjls.plot.picture import FigSize

SINCE = "the device's clock began"
_MOSAIC_IN, _LANE_IN, _HEAD_IN = 3.9, 1.15, 0.85
"""Inches that the mosaic should take, about; each lane; and the title and the time axis."""
_MARGIN_IN = 0.4
_CAPTION_PT = style.SMALL_PT - 1
_LEAST_SHARE = 1.0
"""Percent that the axis of losses reaches at least."""
_NAMES_ROOM = 0.4
"""Of an axis, above several traces that share it."""


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """All that a picture of frames is made of."""

    tiles: Sequence[Tile]
    lanes: Sequence[Lane]
    columns: Columns
    aspect: float
    """Height of a frame, over its width."""
    title: str

    @property
    def shown_at(self) -> list[float]:
        """Where the tiles are on the axis of the lanes."""
        ids = [tile.frame_id + 0.5 for tile in self.tiles]
        return np.interp(ids, self.columns.edges, self.columns.at).tolist()


def wants_frames(recording: Recording, signals: Iterable[str] | None) -> bool:
    """Return whether a picture is one of frames: those are named, or there is nothing else to draw."""
    there = recording.signals
    if signals is None:
        alone = not any(one.is_series and one.length for one in there.values())
        return alone and any(one.axis for one in there.values())
    return any(there[name].axis for name in signals if name in there)


def plot_frames(
    recording: Recording,
    signals: Sequence[str] | None = None,
    window: WindowLike = None,
    *,
    frames: int,
    columns: int | None = None,
    look: Look,
    figsize: FigSize | None = None,
    title: str | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw frames of a recording; see `xjls.plot.plot_recording`."""
    made = _framed(recording, signals, window, frames, width_px(figsize, figure) if columns is None else columns, title)
    return _draw(made, look, figsize, figure)


def _framed(
    recording: Recording, signals: Sequence[str] | None, window: WindowLike, n: int, columns: int, title: str | None
) -> Framed:
    """Read what a picture is made of: some frames, and columns of all."""
    if not 1 <= n <= MOST_FRAMES:
        raise SelectionError(f"frames={n} makes no mosaic", f"Choose 1 to {MOST_FRAMES}.")
    if columns < 1:
        raise SelectionError(f"columns={columns} draws nothing", "Choose at least 1, about one a pixel.")
    others = [name for name in signals or () if not recording.signal(name).axis]
    if others:
        raise SelectionError(f"{', '.join(others)} cannot be drawn beside frames", "Draw them by themselves.")
    found = require_frames(recording)
    chosen = Window.of(window, found.image.window)
    if not chosen.length:
        raise SelectionError(f"the window {chosen} holds no frame", "Choose a longer one.")
    with_tiles = signals is None or found.image.name in signals
    tiles = tiles_of(found, shown_ids(chosen, n)) if with_tiles else []
    cut = columns_of(found, chosen, columns)  # behind the tiles, whose reading may meet damage
    measured = (measured_trace(found, name, cut) for name in lanes_asked(found, signals))
    traces = [trace for trace in measured if trace is not None]
    if signals is None or PRESENT in signals or not traces:
        traces.insert(0, share_trace(cut))
    height, width = found.image.sample_shape
    name = words(PurePath(recording.path).name, 40)
    told = _summary(name, chosen, cut, tiles) if title is None else title
    return Framed(tiles, lanes_of(traces), cut, height / width, told)


def _summary(name: str, window: Window, cut: Columns, tiles: Sequence[Tile]) -> str:
    """Return the file, how many frames in how much time, what of them is missing, and what is black and white."""
    facts = [name, f"{window.length:,} frame{'s' * (window.length != 1)}"]
    if cut.is_time:
        facts[-1] += f" in {duration_text(float(cut.at[-1] - cut.at[0]))}"
    share = float(np.average(cut.missing, weights=np.diff(cut.edges)))
    if not math.isnan(share):
        facts.append(f"{share:.2%} of buffers missing" if share else "no buffer missing")
    if tiles:
        low, high = _limits(tiles)
        facts.append(f"black {low:.4g}, white {high:.4g}")
    return " · ".join(facts)


def _draw(made: Framed, look: Look, figsize: FigSize | None, figure: Figure | SubFigure | None) -> Figure:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from xjls.plot.canvas import Picture

    wide = (figsize or (None,))[0] or style.WIDTH_IN
    if figure is not None:
        wide = figure.bbox.width / figure.canvas.figure.dpi
    mosaic_in = _MOSAIC_IN * max(1.0, math.sqrt(len(made.tiles) / FRAMES))
    grid = rows_and_columns(len(made.tiles), made.aspect, wide - _MARGIN_IN, mosaic_in) if made.tiles else (0, 1)
    heights = [mosaic_height(grid, made.aspect, wide - _MARGIN_IN), _LANE_IN * len(made.lanes) + _HEAD_IN]
    if figure is None:
        high = (figsize or (None, None))[1] or sum(heights) + _MARGIN_IN
        figure = Picture(figsize=(wide, high), dpi=style.DPI, layout=ConstrainedLayoutEngine(**style.PADS))
    width = width_px(figsize, figure)
    if not made.tiles:
        _draw_lanes(figure, made, look, width, made.title)
        return cast("Figure", figure)
    above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_mosaic(above, made, grid, (wide - _MARGIN_IN) / grid[1])
    _draw_lanes(below, made, look, width, "")
    return cast("Figure", figure)


def _draw_mosaic(figure: SubFigure, made: Framed, grid: tuple[int, int], tile_in: float) -> None:
    limits = _limits(made.tiles)
    texts = captions(made.tiles, tile_in * 72 / (_CAPTION_PT * style.CHARACTER_EM))
    figure.suptitle(made.title, x=0.01, ha="left", fontsize=style.TITLE_PT, parse_math=False)
    axes = figure.subplots(*grid, squeeze=False).ravel()
    for ax, tile, text in zip(axes, made.tiles, texts, strict=False):
        _draw_tile(ax, tile, limits, text)
    for ax in axes[len(made.tiles) :]:
        ax.set_axis_off()


def _limits(tiles: Sequence[Tile]) -> tuple[float, float]:
    """Return what is black and white in all tiles."""
    return grey_limits([tile.pixels[tile.there] for tile in tiles])


def _draw_tile(ax: Axes, tile: Tile, limits: tuple[float, float], caption: str) -> None:
    from matplotlib.patches import Polygon

    ax.imshow(np.ma.array(tile.pixels, mask=~tile.there), cmap="gray", vmin=limits[0], vmax=limits[1])
    for start, stop in tile.missing:
        ax.add_patch(Polygon(outline(start, stop, tile.pixels.shape[1]), **style.missing(is_damage=tile.is_damaged)))
    colour = style.NOTE if not tile.lack else style.MARK
    ax.set_title(caption, fontsize=_CAPTION_PT, color=colour, pad=2, parse_math=False, loc="left")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set(color=colour, linewidth=1.4 if tile.lack else 0.6)


def _draw_lanes(figure: Figure | SubFigure, made: Framed, look: Look, width: int, title: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    cut = made.columns
    low, high = float(cut.at[0]), float(cut.at[-1])
    axes = list(figure.subplots(len(made.lanes), sharex=True, squeeze=False)[:, 0])
    for ax, lane in zip(axes, made.lanes, strict=True):
        draw_lane(ax, lane, look, lambda times: times - low, width)
        _make_room(ax, lane)
    scale = ElapsedTime(low, SINCE) if cut.is_time else FrameCount(round(low))
    set_time(axes, scale, (high - low) or 1.0, width)
    figure.align_ylabels(axes)
    signs: list[tuple[Any, str]] = legend_of(made.lanes, look)
    if made.tiles:
        at = np.array(made.shown_at) - low
        axes[0].plot(at, np.ones(len(at)), transform=axes[0].get_xaxis_transform(), **style.SHOWN)
        signs.insert(0, (Line2D([], [], **style.SHOWN), "frames above"))
        if any(tile.missing for tile in made.tiles):
            signs.insert(0, (Patch(**style.missing(is_damage=False)), "pixels that did not arrive"))
    draw_head(axes, title, signs, Placed(0, 0))


def _make_room(ax: Axes, lane: Lane) -> None:
    """Let shares begin at 0, whatever they reach, and leave room for the names of several traces."""
    bottom, top = ax.get_ylim()
    if lane.traces[0].name == SHARE:
        most = max(lane.reach()[1], _LEAST_SHARE)
        bottom, top = -0.04 * most, 1.12 * most
    elif len(lane.traces) > 1:
        top += _NAMES_ROOM * (top - bottom)
    ax.set_ylim(bottom, top)
