"""``xjls capture``: a device into recordings, until it is to end or Ctrl-C."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xjls.capturing.plan import plan_of, read_plan
from xjls.capturing.run import INTERRUPTED, run
from xjls.capturing.showing import part_done
from xjls.cli.text import written
from xjls.errors import SelectionError, XjlsError

if TYPE_CHECKING:
    from xjls.capturing.outcome import Outcome
    from xjls.capturing.session import Session
    from xjls.capturing.until import Until

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
    found = plan_of(known)
    found = replace(found, settings={**found.settings, **dict(settings or ())})
    if not found.stores:
        raise SelectionError("no recording is named", "Give one, as run.zarr or run.jls.")
    if plot is not None:
        from xjls.cli.plot import require_picture

        require_picture(plot)
    outcome = run(found, progress=False if quiet else None, look=None if plot is None else _drawing(plot))
    short = _short(outcome, found.until)
    if not quiet:
        print(*_told(outcome, short), sep="\n")
    if plot is not None and outcome.paths:
        _draw_whole(outcome, plot)
    return 0 if outcome.is_whole and not short else 1


def _drawing(out: str) -> Callable[[Session], None]:
    """Return what draws the last seconds into a picture, now and then."""
    drawn = time.monotonic()

    def look(session: Session) -> None:
        nonlocal drawn
        live = session.recording
        if live is None or time.monotonic() - drawn < DRAW_S:
            return
        live.refresh()
        # What is drawn was overwritten just then, or the disk is full: there is another chance
        with contextlib.suppress(XjlsError, OSError):
            live.plot().savefig(out)
        drawn = time.monotonic()

    return look


def _draw_whole(outcome: Outcome, out: str) -> None:
    with outcome.open() as recording:
        recording.plot().savefig(out)


def _short(outcome: Outcome, until: Until) -> str:
    """Return how much there is of what was asked for, where the device ended before that; ``""`` where it did not."""
    done = part_done(outcome.counts, until)
    if done is None or done == 1 or outcome.reason in (INTERRUPTED, until.text):
        return ""
    return f"that is {done:.0%} of what was asked for"


def _told(outcome: Outcome, short: str) -> list[str]:
    """Return what there is to say at the end."""
    late, used = f"{outcome.counts.most_lag_s:.2f} s", f"{outcome.counts.most_queued:.0%}"
    return [
        *outcome.lines,
        *([short] if short else []),
        *([f"the writer was {late} late at most; {used} of the ring was used"] if outcome.is_live else []),
        *(written(path) for path in outcome.paths if path not in outcome.failed),
    ]
