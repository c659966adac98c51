"""What stands in a notebook where no kernel is: a picture of the view."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from xjls.errors import MissingDependencyError, XjlsError
from xjls.model.window import Window

if TYPE_CHECKING:
    from xjls.widget.view.view import View


def png_of(view: View, start: float, stop: float) -> bytes | None:
    """Return the first recording between two times as a PNG; None without matplotlib, or where nothing is there."""
    shown = {lane.tracks[0].name: lane.tracks[0].window(start, stop) for lane in view.lanes}
    names = [lane.tracks[0].name for lane in view.lanes if shown[lane.tracks[0].name].length]
    if not names:
        return None
    first: Window = shown[names[0]]
    out = io.BytesIO()
    try:
        with warnings.catch_warnings():
            # Names and notes may hold letters that the font lacks: they show as boxes, which says enough
            warnings.filterwarnings("ignore", "Glyph", UserWarning)
            figure = view.recording.plot(names, (first.start, first.stop), time="utc" if view.axis.utc else "seconds")
            figure.savefig(out, format="png")
    except MissingDependencyError:
        return None
    except XjlsError:  # a live recording lost just then what was to be drawn
        return None
    return out.getvalue()
