"""``xjls capture --plot out.png``: the last seconds in a picture, drawn again and again beside the capture."""

from __future__ import annotations

import contextlib
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from xjls.capturing.watching import Watch
from xjls.errors import LostSamplesError, XjlsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xjls.capturing.session import Session
    from xjls.model.recording import Recording

DRAW_S = 1.0
"""Seconds between two pictures."""
TRIES = 3
"""To draw the last seconds: what is compiled for the first one may take so long that they are gone meanwhile."""


class LivePicture:
    """Draw the last seconds of a session into a file, on a thread of its own: nobody waits for a slow picture.

    Parameters
    ----------
    out
        The file; its ending says the format.
    """

    def __init__(self, out: str) -> None:
        self._out = out
        self._stop = Event()
        self._thread: Thread | None = None

    def look(self, session: Session) -> None:
        """Begin, once there is a session to look at; called ten times a second."""
        if self._thread is None:
            self._thread = Thread(target=self._draw, args=(session,), name="xjls picture", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Draw no more, and wait for the picture that is being drawn."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _draw(self, session: Session) -> None:
        while not self._stop.wait(DRAW_S):
            # What is drawn was overwritten just then, or the disk is full: there is another chance
            with contextlib.suppress(XjlsError, OSError):
                draw_last(session, self._out)


def draw_last(session: Session, out: str) -> bool:
    """Draw the last seconds of a session into a file, at once; return whether there were any."""
    figure = _figure(session)
    if figure is None:
        return False
    place = Path(out)
    new = place.with_name(f".{place.name}.new{place.suffix}")
    try:
        figure.savefig(new)
        new.replace(place)
    finally:
        new.unlink(missing_ok=True)
    return True


def _figure(session: Session) -> Figure | None:
    """Return a picture of the last seconds, or of the newest frame where there is nothing else; None of nothing."""
    live = session.recording
    if live is not None and any(signal.length for signal in live.signals.values()):
        return _plotted(live)
    watch = session.live
    if not isinstance(watch, Watch) or not watch.frames:
        return None
    from xjls.widget.panel.still_frame import newest_figure

    return newest_figure(next(iter(watch.frames.values())))


def _plotted(live: Recording) -> Figure:
    for _ in range(TRIES - 1):
        try:
            return live.plot()
        except LostSamplesError:  # newer ones are in their place: those are drawn
            live.refresh()
    return live.plot()
