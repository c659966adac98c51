"""The explorer's traits between Python and the browser: labels of time here, nanoseconds of the axis there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import traitlets

from xjls.errors import SelectionError
from xjls.widget.view.marker import Marker, decode, encode
from xjls.widget.view.moments import slice_of, times_of

if TYPE_CHECKING:
    from xjls.widget.explorer.widget import Explorer


class RefusedError(SelectionError, traitlets.TraitError):
    """What a trait cannot be; as traitlets wants it said, so that the trait stays as it was."""


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Say of whatever goes wrong with a value that the value is refused."""
    try:
        yield
    except SelectionError as error:
        raise RefusedError(*error.args) from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise RefusedError(f"that makes no sense here: {error!r}", "See the documentation of the trait.") from error


def _encoded(name: str, value: Any, explorer: Explorer) -> Any | None:
    """Return what the browser told of a value, so that it hears the same to the last bit; else None."""
    decoded, told = explorer.told.get(name, (None, None))
    return told if decoded is not None and decoded == value else None


def view_to_json(value: slice, explorer: Explorer) -> list[float]:
    """Return a slice of labels as the browser has it."""
    return _encoded("view", value, explorer) or list(times_of(explorer.lanes.axis, value, explorer.lanes.extent))


def view_from_json(told: list[float], explorer: Explorer) -> slice:
    """Return the slice of labels of what the browser shows."""
    with refusing():
        found = slice_of(explorer.lanes.axis, *told)
    explorer.told["view"] = (found, told)
    return found


def markers_to_json(value: tuple[Marker, ...], explorer: Explorer) -> list[dict[str, Any]]:
    """Return markers as the browser has them."""
    view = explorer.lanes
    known = _encoded("markers", value, explorer)
    return known if known is not None else [encode(marker, view.axis, view.extent) for marker in value]


def markers_from_json(told: list[dict[str, Any]], explorer: Explorer) -> tuple[Marker, ...]:
    """Return the markers that the browser tells."""
    with refusing():
        found = tuple(decode(one, explorer.lanes.axis) for one in told)
    explorer.told["markers"] = (found, told)
    return found
