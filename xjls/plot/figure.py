"""Pictures to ask for: of a recording, or of traces from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from xjls.errors import MissingDependencyError, SelectionError
from xjls.plot.draw import Look
from xjls.plot.framing import plot_frames, wants_frames
from xjls.plot.marks import marks_of
from xjls.plot.mosaic import FRAMES
from xjls.plot.picture import assemble, summary, width_px
from xjls.plot.timescale import zone
from xjls.plot.timing import timings_of
from xjls.plot.traces import chosen_quantities, traces_of
from xjls.plot.wording import words

if TYPE_CHECKING:
    from datetime import tzinfo

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from xjls.model.recording import Recording
    from xjls.model.window import WindowLike
    from xjls.plot.lanes import Scale
    from xjls.plot.picture import FigSize
    from xjls.plot.timing import TimeUnit
    from xjls.plot.trace import Mark, Trace


def plot_recording(
    recording: Recording,
    signals: Iterable[str] | None = None,
    window: WindowLike = None,
    *,
    columns: int | None = None,
    band: bool = True,
    mean: bool = True,
    std: bool = False,
    annotations: bool = True,
    time: TimeUnit = "auto",
    tz: str | tzinfo | None = None,
    scale: Scale = "auto",
    frames: int = FRAMES,
    figsize: FigSize | None = None,
    title: str | None = None,
    figure: Figure | SubFigure | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw signals of a recording: smallest to largest and mean of each column, at a cost that follows the pixels.

    Of a recording of frames: a mosaic of some, and below it, over the time of the device's clock, the share of buffers
    that did not arrive, voltages and temperatures. Pixels that did not arrive are coloured and hatched; all tiles have
    the same black and white, the 1st and the 99.5th percentile of their pixels.

    Parameters
    ----------
    recording
        What to draw.
    signals
        Names; None takes all that have samples. One axis a unit; below them signals of few states, then logic signals.
        Of a recording of frames: ``"image"`` for the mosaic, ``"buffer_present"`` for the losses, and numbers of frames
        or buffers.
    window
        Sample ids ``(start, stop)`` of the first signal, half-open; the others are cut to the same time. Of frames
        their numbers.
    columns
        How many; None takes about one a pixel. Where there are fewer samples than that, the samples are drawn.
    band, mean, std
        Whether to draw the range of each column, its mean, and the mean ± standard deviation.
    annotations
        Whether to draw them: markers as dashed lines, texts beside a dot.
    time
        ``"utc"``, ``"seconds"`` from the beginning, or ``"auto"``: UTC where all signals have it.
    tz
        Time zone of the labels, as ``"UTC"`` or ``"Europe/Zurich"``; None takes this computer's.
    scale
        Of values: ``"linear"``, ``"log"``, or ``"auto"``: logarithmic where they are positive and span three decades.
    frames
        How many the mosaic has, spread evenly over the window.
    figsize
        Inches, at 100 dpi: width and height, None is 10 wide, and as high as the axes need.
    title
        None names the recording, the time span and the samples a column.
    figure, ax
        Draw into these instead of a new figure; into ``ax`` only what has one unit.

    Returns
    -------
    Figure
        It shows itself in a notebook; ``savefig`` writes it. pyplot knows nothing of it.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    SelectionError
        There is no such signal, window, scale or time zone, or nothing to draw; frames into ``ax``.
    LostSamplesError
        Samples are damaged, and the recording was opened with ``on_damage="raise"``.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> figure = plot_recording(recording, ["current", "gpi[0]"], tz="UTC")
    >>> [ax.get_ylabel() for ax in figure.axes], figure.axes[-1].get_xlabel()
    (['current (µA)', ''], 'time of day on 2026-03-01, UTC')
    """
    require_matplotlib()
    look, tz = Look(band, mean, std, checked(scale)), zone(tz)
    asked = None if signals is None else [signals] if isinstance(signals, str) else list(signals)
    if wants_frames(recording, asked):
        if ax is not None:
            raise SelectionError("one axes cannot hold a mosaic of frames", "Give a figure.")
        return plot_frames(
            recording, asked, window, frames=frames, columns=columns, look=look, figsize=figsize, title=title,
            figure=figure,
        )  # fmt: skip
    chosen = chosen_quantities(recording, asked)
    names, drawn = [one.name for one in chosen], [signal for one in chosen for signal in one.signals]
    width = columns if columns is not None else width_px(figsize, figure, ax)
    traces = traces_of(recording, names, window, columns=width, time=time)
    marks = marks_of(recording, timings_of(recording, drawn, time)) if annotations else []
    title = f"{words(PurePath(recording.path).name, 40)} · {summary(traces)}" if title is None else title
    return assemble(traces, marks, look, tz, figsize, title, figure, ax)


def plot_traces(
    traces: Sequence[Trace],
    marks: Sequence[Mark] = (),
    *,
    band: bool = True,
    mean: bool = True,
    std: bool = False,
    tz: str | tzinfo | None = None,
    scale: Scale = "auto",
    figsize: FigSize | None = None,
    title: str | None = None,
    figure: Figure | SubFigure | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw traces and marks, wherever they come from; see `plot_recording` for what the arguments mean.

    Examples
    --------
    >>> import numpy as np
    >>> from xjls.plot import Trace
    >>> v = np.array([0.01, 0.04, 0.02])
    >>> trace = Trace(name="current", units="A", time=np.arange(4) / 1e3, mean=v, min=v - 0.01, max=v + 0.01)
    >>> figure = plot_traces([trace], title="three columns")
    >>> figure.axes[0].get_ylabel(), figure.axes[0].get_xlabel()
    ('current (mA)', 'time since the first sample (ms)')
    """
    require_matplotlib()
    look, tz = Look(band, mean, std, checked(scale)), zone(tz)
    return assemble(traces, marks, look, tz, figsize, summary(traces) if title is None else title, figure, ax)


def checked(scale: Scale) -> Scale:
    """Return a scale that exists, before anything is read for it."""
    if scale not in ("auto", "linear", "log"):
        raise SelectionError(f"scale={scale!r} is no scale", 'Choose "auto", "linear" or "log".')
    return scale


def require_matplotlib() -> None:
    """Raise MissingDependencyError where matplotlib is not installed."""
    try:
        import xjls.plot.canvas  # noqa: F401
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise MissingDependencyError("matplotlib", "plot") from None
