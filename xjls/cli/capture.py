"""``xjls capture``: a device into recordings, until it is to end or Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xjls.capturing.plan import plan_of, read_plan
from xjls.capturing.run import INTERRUPTED, run
from xjls.capturing.showing import part_done
from xjls.cli.text import written
from xjls.errors import SelectionError

if TYPE_CHECKING:
    from xjls.capturing.outcome import Outcome
    from xjls.capturing.plan import Plan
    from xjls.capturing.until import Until
    from xjls.cli.live_picture import LivePicture
    from xjls.cli.live_terminal import LiveTerminal

LIVE = "live"
"""Instead of a picture's name: the view in the terminal."""


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
    view = _view_of(plot, found)
    with _closing(view):
        outcome = run(
            found, progress=False if quiet or plot == LIVE else None, look=None if view is None else view.look,
            watched=plot == LIVE,
        )  # fmt: skip
    short = _short(outcome, found.until)
    if not quiet:
        print(*_told(outcome, short), sep="\n")
    if plot is not None and plot != LIVE and outcome.paths:
        _draw_whole(outcome, plot)
    return 0 if outcome.is_whole and not short else 1


def _view_of(plot: str | None, plan: Plan) -> LivePicture | LiveTerminal | None:
    """Return what shows the last seconds while it runs, where that was asked for."""
    if plot is None:
        return None
    if plot == LIVE:
        from xjls.cli.live_terminal import LiveTerminal

        return LiveTerminal(plan.until, plan.stores[0])
    from xjls.cli.live_picture import LivePicture
    from xjls.cli.plot import require_picture

    require_picture(plot)
    return LivePicture(plot)


@contextlib.contextmanager
def _closing(view: LivePicture | LiveTerminal | None) -> Iterator[None]:
    try:
        yield
    finally:
        if view is not None:
            view.close()


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
