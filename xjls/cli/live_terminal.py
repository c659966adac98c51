"""``xjls capture --plot live``: the last seconds in the terminal, with a key for a picture and one to stop."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, TextIO

from xjls.capturing.showing import line
from xjls.capturing.watching import Watch
from xjls.cli.live_band import frame
from xjls.cli.live_frame import pictures
from xjls.cli.live_picture import draw_last
from xjls.errors import SelectionError, XjlsError
from xjls.storage import local_path

if TYPE_CHECKING:
    from xjls.capturing.session import Session
    from xjls.capturing.until import Until

EVERY_S = 0.2
"""Seconds between two frames."""
SECONDS = 10.0
"""That are shown."""
HELP = "s picture · p pause · q stop"
QUIT = "somebody pressed q"
_USUAL = os.terminal_size((80, 24))
_HEAD = 2
"""Lines that are no bands."""


class LiveTerminal:
    """Show the last seconds of a session in a terminal, on a thread of its own, and take keys.

    Parameters
    ----------
    until
        When the capture ends, for the line on how far it is.
    store
        The first recording: pictures that are asked for go beside it.
    screen, keys
        Where to, and where keys come from: the terminal.
    """

    def __init__(
        self, until: Until, store: str, *, screen: TextIO = sys.stderr, keys: TextIO | None = sys.stdin
    ) -> None:
        if not screen.isatty():
            raise SelectionError("there is no terminal that could show it", "Name a picture, as in --plot out.png.")
        self._until, self._screen = until, screen
        self._store = store
        self._keys = keys.fileno() if keys is not None and keys.isatty() else -1
        self._stop = Event()
        self._thread: Thread | None = None
        self._lines = 0
        self._paused = False
        self._told = ""

    def look(self, session: Session) -> None:
        """Begin, once there is a session to look at; called ten times a second."""
        if self._thread is None:
            self._thread = Thread(target=self._show, args=(session,), name="xjls terminal", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Show no more; the last frame stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _show(self, session: Session) -> None:
        with contextlib.suppress(OSError), _letters_at_once(self._keys):  # the terminal is gone: the capture goes on
            while not self._stop.is_set():
                if not self._paused:
                    self._draw(session)
                self._take_keys(session)
            self._paused = False
            self._draw(session)

    def _draw(self, session: Session) -> None:
        size = _size_of(self._screen)
        watch = session.live
        lines = _view(watch, size.columns - 1, size.lines - _HEAD - 1) if isinstance(watch, Watch) else []
        lines.append(line(session.counts, self._until, None, width=size.columns - 1))
        lines.append((self._told or HELP)[: size.columns - 1])
        back = f"\033[{self._lines}F" if self._lines else "\r"
        self._screen.write(f"{back}\033[J" + "\n".join(lines) + "\n")
        self._screen.flush()
        self._lines = len(lines)

    def _take_keys(self, session: Session) -> None:
        """Wait for the next frame, and do what keys say meanwhile."""
        if self._keys < 0:
            self._stop.wait(EVERY_S)
            return
        import select

        ready, _, _ = select.select([self._keys], [], [], EVERY_S)
        for key in os.read(self._keys, 64).decode(errors="ignore") if ready else "":
            self._press(key, session)

    def _press(self, key: str, session: Session) -> None:
        if key == "q":
            session.stop(QUIT)
        elif key == "p":
            self._paused = not self._paused
            self._told = "paused: the capture goes on · p to go on" if self._paused else ""
            self._draw(session)
        elif key == "s":
            self._told = self._picture(session)

    def _picture(self, session: Session) -> str:
        """Draw the last seconds beside the recording; return what there is to say."""
        place = Path(self._store) if local_path(self._store) is not None else Path(Path(self._store).name)
        out = place.with_name(f"{place.stem}_{datetime.now().astimezone():%H%M%S_%f}.png")
        try:
            return f"{HELP} · wrote {out.name}" if draw_last(session, str(out)) else f"{HELP} · nothing to draw yet"
        except (XjlsError, OSError) as error:
            return f"{HELP} · no picture: {error}"


def _view(watch: Watch, columns: int, rows: int) -> list[str]:
    """Return the newest frames, and the bands of signals in time below them."""
    if not watch.frames:
        return frame(watch.histories, columns, rows, SECONDS)
    lines = pictures(watch.frames, columns, rows // 2 if watch.histories else rows)
    return lines + (frame(watch.histories, columns, rows - len(lines), SECONDS) if watch.histories else [])


def _size_of(screen: TextIO) -> os.terminal_size:
    try:
        found = os.get_terminal_size(screen.fileno())
    except (OSError, ValueError):
        return _USUAL
    return found if found.columns and found.lines else _USUAL


@contextlib.contextmanager
def _letters_at_once(keys: int) -> Iterator[None]:
    """Get letters without waiting for Enter, and without showing them; Ctrl-C goes on to mean what it means."""
    if keys < 0:
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(keys)
    try:
        tty.setcbreak(keys)
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
