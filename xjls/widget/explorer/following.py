"""A recording that grows: when it is looked at again, and what of the explorer's traits grows with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING

from xjls.errors import XjlsError

if TYPE_CHECKING:
    from xjls.widget.explorer.widget import Explorer

LOOK_S = 0.1
"""Between two looks."""
SHOW_S = 1.0
"""Between two times that facts and overview are sent, some 100 kB each."""
SHARE = 20
"""So many times longer than making them takes, at least, where that is slow."""


class Following:
    """Look at what grows when a browser asks for a tile: not too often, and in any thread.

    Parameters
    ----------
    explorer
        Whose recordings.
    now
        Seconds on a clock that never goes back.
    """

    def __init__(self, explorer: Explorer, now: Callable[[], float] = time.monotonic) -> None:
        self._explorer = explorer
        self._now = now
        self._lock = RLock()
        self._look_at_s = self._show_at_s = now()
        self._keys = explorer.lane_keys
        self._is_behind = False

    def look(self) -> None:
        """Look again, where it is time; what is gone is shown as far as it was seen."""
        explorer = self._explorer
        with self._lock:
            now = self._now()
            if not (explorer.facts["grows"] or self._is_behind) or now < self._look_at_s:
                return
            self._look_at_s = now + LOOK_S
            try:
                self._follow(now)
            except (XjlsError, OSError) as error:
                self._is_behind = False
                explorer.stop_following(str(error))

    def _follow(self, now: float) -> None:
        explorer = self._explorer
        if explorer.facts["grows"] and explorer.lanes.refresh():
            self._is_behind = True
            explorer.show_new_notes()
        # Other lanes, and the end, are shown at once: nobody may ask again
        is_urgent = explorer.lane_keys != self._keys or not explorer.lanes.grows
        if self._is_behind and (is_urgent or now >= self._show_at_s):
            self._is_behind, self._keys = False, explorer.lane_keys
            explorer.show_extent()
            took = self._now() - now
            self._show_at_s = now + max(SHOW_S, SHARE * took)
