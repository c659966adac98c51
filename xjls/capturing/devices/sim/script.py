"""What goes wrong with a simulated instrument, and when: the text of its setting ``script``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from typing import Any

from xjls.errors import SelectionError
from xjls.model.amounts import seconds_of

__all__ = ["DROPPED", "ENDED", "Mishap", "parse_script", "whole_of"]

DROPPED = "dropped by the instrument"
ENDED = "it has no more"
_EVENT = re.compile(r"\s*(drop|jump|stall|over|unplug)@([^:;]+)(?::\s*([^:;]+))?\s*")


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that goes wrong at a moment."""

    kind: str
    at: int
    """Sample, counted from the first."""
    amount: Fraction
    """Samples, or seconds of a stall."""


def parse_script(text: str, rate_hz: Fraction) -> tuple[Mishap, ...]:
    """Return what goes wrong, in the order in which it does.

    Examples
    --------
    >>> [(event.kind, event.at, event.amount) for event in parse_script("stall@2s:500ms; drop@1s:20", Fraction(1000))]
    [('drop', 1000, Fraction(20, 1)), ('stall', 2000, Fraction(1, 2))]
    """
    parts = filter(None, (part.strip() for part in text.split(";")))
    return tuple(sorted((_mishap(part, rate_hz) for part in parts), key=lambda mishap: mishap.at))


def _mishap(text: str, rate_hz: Fraction) -> Mishap:
    try:
        kind, at, amount = _EVENT.fullmatch(text).groups()  # type: ignore[union-attr]  # caught below
        read = {"unplug": lambda _: Fraction(0), "stall": seconds_of}.get(kind, lambda samples: Fraction(int(samples)))
        return Mishap(kind, math.ceil(seconds_of(at) * rate_hz), read(amount))
    except (AttributeError, ValueError, TypeError, SelectionError):
        raise SelectionError(
            f"{text!r} is nothing that can go wrong", "Give drop@1.5s:5000, jump@2s:100, stall@3s:200ms, over@4s:10 or"
            " unplug@5s, with a semicolon between two of them.",
        ) from None  # fmt: skip


def whole_of(told: Mapping[str, Any], name: str) -> int:
    """Return a setting that is a whole number.

    Raises
    ------
    SelectionError
        It is none.

    Examples
    --------
    >>> whole_of({"first_id": 7}, "first_id")
    7
    """
    value = told[name]
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise SelectionError(f"{name}={value!r} is no whole number", "Give one.")
    return int(value)
