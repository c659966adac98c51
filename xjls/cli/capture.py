"""``xjls capture``: a device into recordings, until it is to end or Ctrl-C."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xjls.capturing.plan import plan_of, read_plan
from xjls.capturing.run import run
from xjls.cli.text import written
from xjls.errors import XjlsError

if TYPE_CHECKING:
    from xjls.capturing.session import Outcome, Session

DRAW_S = 1.0
"""Seconds between two pictures of the last seconds."""


def capture(
    *, plan: str | None = None, plot: str | None = None, stores: list[str] | None = None, quiet: bool = False,
    settings: list[tuple[str, Any]] | None = None, **told: Any,
) -> int:  # fmt: skip
    """Capture; return 0 when everything is there, 1 when something is missing."""
    known: dict[str, Any] = read_plan(plan) if plan is not None else {}
    known |= {name: value for name, value in told.items() if value is not None}
    if stores:
        known["store"] = stores
    known["settings"] = {**known.get("settings", {}), **dict(settings or ())}
    found = plan_of(known)
    outcome = run(found, progress=False if quiet else None, look=None if plot is None else _drawing(plot))
    if not quiet:
        print(*_told(outcome), sep="\n")
    if plot is not None and outcome.paths:
        _draw_whole(outcome, plot)
    return 0 if outcome.is_whole else 1


def _drawing(out: str) -> Callable[[Session], None]:
    """Return what draws the last seconds into a picture, now and then."""
    drawn = time.monotonic()

    def look(session: Session) -> None:
        nonlocal drawn
        live = session.recording
        if live is None or time.monotonic() - drawn < DRAW_S:
            return
        live.refresh()
        with contextlib.suppress(XjlsError):  # what is drawn was overwritten just then: there is another chance
            live.plot().savefig(out)
        drawn = time.monotonic()

    return look


def _draw_whole(outcome: Outcome, out: str) -> None:
    with outcome.open() as recording:
        recording.plot().savefig(out)


def _told(outcome: Outcome) -> list[str]:
    """Return what there is to say at the end."""
    late, used = f"{outcome.counts.most_lag_s:.2f} s", f"{outcome.counts.most_queued:.0%}"
    return [
        *outcome.lines, f"the writer was {late} late at most; {used} of the ring was used",
        *(written(path) for path in outcome.paths if path not in outcome.failed),
    ]  # fmt: skip
