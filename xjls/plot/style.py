"""Colours and strokes: told apart by those who see few colours, on paper, and at 100 dpi."""

from __future__ import annotations

from typing import Any

DPI = 100
WIDTH_IN = 10.0
PADS: dict[str, Any] = {"w_pad": 0.08, "h_pad": 0.07}
"""Inches around the axes and between them."""

# After Okabe and Ito, "Color Universal Design" (2008); yellow is left out, as too pale for a line
_BY_UNIT = {"A": "#0072B2", "V": "#00805E", "W": "#B0630A"}
_OTHERS = ("#0072B2", "#B0630A", "#00805E", "#AA4488", "#2A9FD0", "#555555")
STEPS = "#555555"
LOGIC = "#5D4B9C"

BAND: dict[str, Any] = {"alpha": 0.28, "linewidth": 0}
SPREAD: dict[str, Any] = {"alpha": 0.38, "linewidth": 0}
LINE: dict[str, Any] = {"linewidth": 1.0}
GAP = "#808080"
DAMAGE = "#D1007F"
MARK = "#7A1E3A"
NOTE = "#222222"
QUIET = "#666666"
SHOWN: dict[str, Any] = {"marker": "v", "color": MARK, "markersize": 4, "linestyle": "none", "clip_on": False}
"""Where on the axis of time a frame is that is shown."""

TITLE_PT = 10
LABEL_PT = 9
SMALL_PT = 8
CHARACTER_EM = 0.6
"""Width of a letter of the default font, on the generous side."""


def colours(units: str, count: int) -> list[str]:
    """Return the colours of the traces of one lane: a quantity keeps its colour in all pictures.

    Examples
    --------
    >>> colours("mV", 1), len(set(colours("A", 6)))
    (['#00805E'], 6)
    """
    first = _BY_UNIT.get(units[-1:], _OTHERS[3])
    order = [first, *(colour for colour in _OTHERS if colour != first)]
    return [order[i % len(order)] for i in range(count)]


def shading(*, is_damage: bool, is_whole: bool) -> dict[str, Any]:
    """Return how a span without samples is filled; its edge keeps a span narrower than a pixel visible.

    Examples
    --------
    >>> shading(is_damage=False, is_whole=True)["hatch"], shading(is_damage=True, is_whole=False)["hatch"]
    ('////', None)
    """
    colour = DAMAGE if is_damage else GAP
    hatch = ("xxxx" if is_damage else "////") if is_whole else None
    return {
        "facecolor": (colour, 0.16), "edgecolor": (colour, 0.45 if is_whole else 0.20),
        "hatch": hatch, "linewidth": 0.6, "zorder": 0.5,
    }  # fmt: skip


def missing(*, is_damage: bool) -> dict[str, Any]:
    """Return how pixels that are not there are filled: in a colour, as greys are what pixels have.

    Examples
    --------
    >>> missing(is_damage=False)["hatch"], missing(is_damage=True)["facecolor"]
    ('////', '#D1007F')
    """
    return {
        "facecolor": DAMAGE if is_damage else "#56B4E9", "edgecolor": "white", "hatch": "xxxx" if is_damage else "////",
        "linewidth": 0.0, "zorder": 2,
    }  # fmt: skip
