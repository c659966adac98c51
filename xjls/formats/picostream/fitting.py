"""What a file can hold: one signal of int16 counts, or minimum and maximum of one. All else is refused at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.formats.picostream.attributes import LOST
from xjls.formats.picostream.counts import DTYPE
from xjls.model.facts import encode_facts
from xjls.model.sink import require_series, require_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.signal import Signal

_CHOOSE = "Choose one by xjls extract --signal NAME, or write a Zarr store or a JLS file."
_OTHERWISE = "Write a Zarr store (.zarr) or a JLS file (.jls)."


def require_counts(signal: Signal) -> None:
    """Refuse a signal that the file cannot hold."""
    encode_facts(signal)  # refuses what makes no sense
    require_series(signal, "a PicoStream file")
    if not signal.has_samples:
        raise SelectionError(f"{signal.name!r} has annotations only, and a PicoStream file holds counts", _CHOOSE)
    if signal.stored_type != "i16":
        raise SelectionError(
            f"{signal.name!r} is of type {signal.stored_type}, and PicoStream's HDF5 holds i16 counts only", _OTHERWISE
        )
    if signal.missing_value not in (None, LOST):
        raise SelectionError(
            f"{signal.name!r} marks lost samples by {signal.missing_value:_}, and PicoStream by {LOST:_}", _OTHERWISE
        )


def require_fitting(others: Sequence[Signal], signal: Signal) -> None:
    """Refuse a signal beside others, unless it is the other half of a pair."""
    for one in others:
        bounds = [bound for bound in (one.bound, signal.bound) if bound is not None]
        if len(others) > 1 or len(set(bounds)) < 2 or bounds[0][0] != bounds[1][0]:
            raise SelectionError(
                f"a PicoStream file holds one signal, or minimum and maximum of one; {signal.name!r} comes beside"
                f" {one.name!r}",
                _CHOOSE,
            )
        ours, theirs = _shared(one), _shared(signal)
        if differ := [fact for fact in ours | theirs if ours.get(fact) != theirs.get(fact)]:
            raise SelectionError(
                f"{one.name!r} and {signal.name!r} are a pair, and differ in {', '.join(differ)}", _OTHERWISE
            )


def _shared(signal: Signal) -> dict[str, Any]:
    """Return what a file says once of a pair."""
    return {fact: getattr(signal, fact) for fact in ("rate_hz", "units", "source")} | encode_facts(
        replace(signal, bound=None)
    )


def require_whole(signals: Sequence[Signal]) -> None:
    """Refuse half a pair, and nothing at all."""
    if not signals:
        raise SelectionError("a PicoStream file holds one signal, and there is none", "Define it.")
    if len(signals) == 1 and (bound := signals[0].bound) is not None:
        raise SelectionError(
            f"{signals[0].name!r} is the {bound[1]} of {bound[0]!r}, and a PicoStream file holds both bounds",
            f"Choose both. {_OTHERWISE}",
        )


def require_samples(signal: Signal, samples: NDArray[Any]) -> None:
    """Refuse samples of another type, and those that would be taken for lost ones."""
    require_type(signal.name, DTYPE, samples)
    if signal.missing_value is None and samples.size and samples.min() == LOST:
        raise SelectionError(
            f"{signal.name!r} has samples of {LOST:_}, which PicoStream takes for lost ones", f"Clip them. {_OTHERWISE}"
        )
