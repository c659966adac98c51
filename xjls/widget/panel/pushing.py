"""Pushes to a browser, which says that it has drawn them: word of two is waited for, and then of one a second.

A channel to a browser takes what it is given without end. So who pushes waits for word; what is new meanwhile goes with
the next push, and the one that was left out is counted. But word may wait for a cell to end while the browser draws:
after a second without any, one more push goes out, and the oldest is waited for no more.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Event, RLock, Thread, current_thread
from typing import Any, TypeAlias

EVERY_S = 0.05
MOST_UNDERWAY = 2
PATIENCE_S = 1.0
"""Seconds without word, after which another push goes out."""

_log = logging.getLogger(__name__)

Push: TypeAlias = "tuple[dict[str, Any], list[bytes]]"


class Pusher:
    """Push what is new, again and again, on a thread of its own.

    Parameters
    ----------
    send
        Takes a push: numbers, and buffers.
    make
        Returns the next push, given how many were left out.
    look
        Called each time before; returns whether to go on.
    elapsed_s
        A clock.
    tell
        Called with the first thing that goes wrong on the thread, which goes on.
    again
        Called when a push did not go out: what was in it must be made once more.

    Examples
    --------
    >>> sent = []
    >>> pusher = Pusher(lambda content, buffers: sent.append(content["id"]), lambda skipped: ({}, []), lambda: True)
    >>> [pusher.push() for _ in range(4)], pusher.acknowledge(1), pusher.push(), sent, pusher.skipped
    ([True, True, False, False], None, True, [1, 2, 3], 2)
    """

    def __init__(
        self, send: Callable[[dict[str, Any], list[bytes]], object], make: Callable[[int], Push],
        look: Callable[[], bool], elapsed_s: Callable[[], float] = time.monotonic,
        tell: Callable[[Exception], object] | None = None, again: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self.skipped = 0
        """Pushes that were left out, as the browser had not drawn the ones before."""
        self.pushes = 0
        self.error: Exception | None = None
        """What went wrong first on its thread, since it was started."""
        self._send, self._make, self._look = send, make, look
        self._tell, self._again = tell, again
        self._ids = itertools.count(1)
        self._elapsed_s, self._pushed_s = elapsed_s, elapsed_s()
        self._underway: deque[int] = deque(maxlen=MOST_UNDERWAY)
        """Those of which word is waited for; the oldest gives way."""
        self._lock = RLock()
        self._stop = Event()
        self._thread: Thread | None = None

    def push(self, *, anyway: bool = False) -> bool:
        """Push what is new, unless word of two is waited for; return whether it did. From any thread."""
        with self._lock:
            waited_s = self._elapsed_s() - self._pushed_s
            if len(self._underway) >= MOST_UNDERWAY and waited_s < PATIENCE_S and not anyway:
                self.skipped += 1
                return False
            number = next(self._ids)
            self._pushed_s = self._elapsed_s()
            try:
                content, buffers = self._make(self.skipped)
                self._underway.append(number)
                self._send(content | {"type": "push", "id": number}, buffers)
            except BaseException:
                if number in self._underway:
                    self._underway.remove(number)  # nobody will say that it was drawn
                self._again()
                raise
            self.pushes += 1
            return True

    def attempt(self, act: Callable[[], object]) -> None:
        """Do something for the picture; whatever is raised is said once, and keeps nobody from what matters more."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - of a disk, a channel or a number: the stream must be looked after
            self._take_down(error)

    def acknowledge(self, number: int) -> None:
        """Take down that a push was drawn, and with it those before; from any thread."""
        with self._lock:
            while self._underway and self._underway[0] <= number:
                self._underway.popleft()

    def forget(self) -> None:
        """Wait no more for what is on its way: somebody else looks now."""
        with self._lock:
            self._underway.clear()

    def start(self) -> None:
        """Push until `stop`, or until there is nothing to look at any more."""
        self._stop.clear()
        self.error = None
        self._thread = Thread(target=self._run, name="xjls panel", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether its thread pushes."""
        return self._thread is not None and self._thread.is_alive() and not self._stop.is_set()

    def stop(self) -> None:
        """Push no more, and wait for the thread to end, unless it is the one that asks."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join()
            self._thread = None

    def _run(self) -> None:
        while self._goes_on() and not self._stop.is_set():
            self._stop.wait(EVERY_S)

    def _goes_on(self) -> bool:
        """Look and push once; return whether to go on, as it does whatever is raised: the next time may be better."""
        try:
            if not self._look():
                return False
            if not self._stop.is_set():
                self.push()
        except Exception as error:  # noqa: BLE001 - of a disk, a channel or a device: the stream must be looked after
            self._take_down(error)
        return True

    def _take_down(self, error: Exception) -> None:
        """Say the first of what goes wrong; what follows is mostly the same, twenty times a second."""
        if self.error is not None:
            return
        self.error = error
        _log.error("the panel could not be brought up to date", exc_info=error)
        if self._tell is not None:
            with contextlib.suppress(Exception):  # what tells may be what is broken: it is logged
                self._tell(error)
