"""``xjls plot``: a picture of a recording, or of a part of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.frame_window import frame_window
from xjls.cli.text import size
from xjls.cli.window import window_of
from xjls.errors import SelectionError
from xjls.formats import open_recording
from xjls.plot import plot_recording
from xjls.plot.figure import require_matplotlib
from xjls.plot.framing import wants_frames
from xjls.plot.lanes import Scale
from xjls.plot.mosaic import FRAMES
from xjls.plot.style import DPI, WIDTH_IN
from xjls.plot.traces import chosen_quantities

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xjls.model.recording import Recording


def plot(
    path: str,
    out: str,
    *,
    start: str | None = None,
    stop: str | None = None,
    signals: Sequence[str] = (),
    width: int = round(WIDTH_IN * DPI),
    height: int | None = None,
    std: bool = False,
    scale: Scale = "auto",
    tz: str | None = None,
    title: str | None = None,
    frames: int = FRAMES,
    opening: Opening = PLAINLY,
) -> int:
    """Draw a recording into a file whose ending says its format, print what was written; return the exit status.

    Times are those of the first signal drawn; the others are cut to the same span. Of frames, times are seconds of the
    device's clock. ``width`` and ``height`` are pixels.
    """
    how: dict[str, Any] = {
        "std": std, "scale": scale, "tz": tz, "title": title,
        "figsize": (width / DPI, None if height is None else height / DPI),
    }  # fmt: skip
    with open_recording(path, on_damage="gap", **opening) as recording:
        names, window = _chosen(recording, signals, start, stop)
        _save(plot_recording(recording, names, window, frames=frames, **how), out)
        print(f"wrote {out}, {size(Path(out).stat().st_size)}")
        return 0


def _chosen(
    recording: Recording, signals: Sequence[str], start: str | None, stop: str | None
) -> tuple[list[str] | None, tuple[int, int] | None]:
    """Return what is drawn, None for all of a recording of frames, and the window of its first signal."""
    asked = list(signals) or None
    if wants_frames(recording, asked):
        return asked, frame_window(recording, start, stop)
    chosen = chosen_quantities(recording, asked)
    if not chosen:
        raise SelectionError(f"no signal of {recording.path} has samples to draw", "See xjls info.")
    first = chosen[0].signals[0].name
    window = None if start is None and stop is None else window_of(recording, first, start, stop)
    return [quantity.name for quantity in chosen], window


def require_picture(out: str) -> None:
    """Raise SelectionError where a file's ending names no format of pictures; see `require_matplotlib`, too."""
    require_matplotlib()
    from matplotlib.figure import Figure

    ending, known = Path(out).suffix.lstrip(".").lower(), Figure().canvas.get_supported_filetypes()
    if ending not in known:
        raise SelectionError(f"the ending of {out} names no format of pictures", f"Choose one of {', '.join(known)}.")


def _save(figure: Figure, out: str) -> None:
    """Write a figure as its file's ending says."""
    require_picture(out)
    with warnings.catch_warnings():
        # Names and notes may hold letters that the font lacks: they show as boxes, which says enough
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure.savefig(out, dpi=DPI)
