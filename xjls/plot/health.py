"""A recording's health in words, for whatever shows it in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xjls.model.amounts import counted

if TYPE_CHECKING:
    from xjls.model.status import Status

LEFT_OUT = "left out"
"""How the reason of a gap begins that is no damage: its writer chose not to store the samples."""


def ending(status: Status) -> str:
    """Return how a recording ended, where its writer did not close it; else ``""``."""
    return "" if status.closed else "not closed by its writer"


def damage(status: Status) -> str:
    """Return in how many places a recording is damaged; ``""`` where none is known.

    Examples
    --------
    >>> from xjls.model.status import Damage, Status
    >>> damage(Status(closed=True, size_bytes=90, damage=(Damage(40, 50, "checksum differs"),)))
    'damaged in 1 place'
    """
    return f"damaged in {counted(len(status.damage), 'place')}" if status.damage else ""


def losses(status: Status) -> str:
    """Return in how many places samples are known to be damaged; ``""`` where none is. Those left out are no damage.

    Examples
    --------
    >>> from xjls.model.status import Status
    >>> from xjls.model.window import Gap, Window
    >>> gaps = {"current": (Gap(Window(0, 9), "checksum differs"), Gap(Window(20, 30), "left out by its writer"))}
    >>> losses(Status(closed=True, size_bytes=90, gaps=gaps))
    'samples damaged in 1 place'
    """
    known = (gap for gaps in status.gaps.values() for gap in gaps)
    number = sum(not (gap.skipped or gap.reason.startswith(LEFT_OUT)) for gap in known)
    return f"samples damaged in {counted(number, 'place')}" if number else ""


def health(status: Status) -> str:
    """Return what is wrong with a recording as one sentence; ``""`` where nothing is known to be.

    Examples
    --------
    >>> from xjls.model.status import Status
    >>> health(Status(closed=False, size_bytes=90)), health(Status(closed=True, size_bytes=90))
    ('not closed by its writer', '')
    """
    return ", ".join(filter(None, (ending(status), damage(status), losses(status))))
