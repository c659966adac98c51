"""What arrays and axes are called: like their signals, where every store and every reader takes that."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T")

_UNSAFE = re.compile(r"[^\w.()\[\]+-]")
"""What a file system, an address or a path in a tree could take for something else."""
_RESERVED = re.compile(r"(time|statistic|zarr\.json)(_.*)?|__.*|\.*", re.IGNORECASE)
"""Names of axes and labels, and those that Zarr keeps for itself."""
_KEPT_BY_ZARR = re.compile(r"(statistic|zarr\.json)(_.*)?|__.*|\.*", re.IGNORECASE)
"""Those of them that also what is on an axis of its own is not called: times of frames are `time`."""
_LONGEST = 64


def array_name(name: str, taken: Collection[str], *, has_axis: bool = False) -> str:
    """Return what the arrays of a signal are called, unlike those of others even where case does not count.

    Parameters
    ----------
    name
        Of the signal.
    taken
        What others are called.
    has_axis
        Whether the signal is on an axis of its own, and may be called like that of time.

    Examples
    --------
    >>> array_name("current", []), array_name("gpi[0]", []), array_name("Strom µA/Δ", []), array_name("time", [])
    ('current', 'gpi[0]', 'Strom_µA_Δ', 'signal_time')
    >>> array_name("Current", ["current"])
    'Current_2'
    """
    safe = _UNSAFE.sub("_", name)[:_LONGEST]
    if (_KEPT_BY_ZARR if has_axis else _RESERVED).fullmatch(safe):
        safe = f"signal_{safe}"
    used = {one.casefold() for one in taken}
    found, number = safe, 2
    while found.casefold() in used:
        found, number = f"{safe}_{number}", number + 1
    return found


def axes(
    members: Iterable[tuple[str, T]], shared_by: Callable[[T], Hashable], root: str = "time"
) -> dict[str, list[tuple[str, T]]]:
    """Group what shares an axis, by its dimension: ``root`` the first group, others by the name of their first member.

    Parameters
    ----------
    members
        Names of arrays, and what they are of.
    shared_by
        What is equal for those on one axis.
    root
        What the first axis is called, and what the names of others begin with.

    Examples
    --------
    >>> axes([("a", 1), ("b", 2), ("c", 1)], lambda rate: rate)
    {'time': [('a', 1), ('c', 1)], 'time_b': [('b', 2)]}
    """
    groups: dict[Hashable, list[tuple[str, T]]] = {}
    for name, member in members:
        groups.setdefault(shared_by(member), []).append((name, member))
    found = list(groups.values())
    return {root if i == 0 else f"{root}_{group[0][0]}": group for i, group in enumerate(found)}
