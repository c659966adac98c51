"""``xjls plot``: a picture of a recording, or of a part of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.text import size
from xjls.cli.window import window_of
from xjls.errors import SelectionError
from xjls.formats import open_recording
from xjls.plot import plot_recording
from xjls.plot.figure import require_matplotlib
from xjls.plot.lanes import Scale
from xjls.plot.style import DPI, WIDTH_IN
from xjls.plot.traces import chosen_quantities

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    opening: Opening = PLAINLY,
) -> int:
    """Draw a recording into a file whose ending says its format, print what was written; return the exit status.

    Times are those of the first signal drawn; the others are cut to the same span. ``width`` and ``height`` are pixels.
    """
    with open_recording(path, on_damage="gap", **opening) as recording:
        chosen = chosen_quantities(recording, list(signals) or None)
        if not chosen:
            raise SelectionError(f"no signal of {path} has samples to draw", "See xjls info.")
        names, first = [quantity.name for quantity in chosen], chosen[0].signals[0].name
        window = None if start is None and stop is None else window_of(recording, first, start, stop)
        figure = plot_recording(
            recording, names, window, std=std, scale=scale, tz=tz, title=title,
            figsize=(width / DPI, None if height is None else height / DPI),
        )  # fmt: skip
        _save(figure, out)
        print(f"wrote {out}, {size(Path(out).stat().st_size)}")
        return 0


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
