"""Sources and signals by what people call them: numbers, names, ``"source.signal"`` and pairs.

A name is tried before the number that it may also be, but of a signal in a pair the number first, as pyjls has it. Of
equal names the lowest number counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from xjls.compat.pyjls.errors import UnknownError
from xjls.compat.pyjls.structs import SignalDef, SourceDef

_Definition = TypeVar("_Definition", SourceDef, SignalDef)


def find_source(sources: Mapping[int, SourceDef], spec: Any) -> SourceDef:
    """Return a source by name or number.

    Examples
    --------
    >>> sources = {1: SourceDef(1, "bench"), 2: SourceDef(2, "1")}
    >>> [find_source(sources, spec).source_id for spec in (1, "bench", "1", "2")]
    [1, 1, 2, 2]
    """
    found = _by_name_or_number(sources, spec)
    if found is None:
        raise UnknownError(f"no source {spec!r}", _listed("Sources", sources))
    return found


def find_signal(sources: Mapping[int, SourceDef], signals: Mapping[int, SignalDef], spec: Any) -> SignalDef:
    """Return a signal by name, ``"source.signal"``, number, or a pair of source and signal.

    Examples
    --------
    >>> sources = {1: SourceDef(1, "a"), 2: SourceDef(2, "b")}
    >>> signals = {3: SignalDef(3, 1, name="i"), 4: SignalDef(4, 2, name="i"), 5: SignalDef(5, 2, name="4")}
    >>> [find_signal(sources, signals, spec).signal_id for spec in ("i", "b.i", 3, "3", "4", [2, "i"], ("b", 4))]
    [3, 4, 3, 3, 5, 4, 4]
    """
    for part in _parts(spec):
        if isinstance(part, tuple):
            source = _by_name_or_number(sources, part[0])
            within = {n: s for n, s in signals.items() if source is not None and s.source_id == source.source_id}
            found = _by_number(within, part[1]) or _by_name(within, part[1])
        else:
            found = part(signals, spec)
        if found is not None:
            return found
    raise UnknownError(f"no signal {spec!r}", _listed("Signals", signals))


def _parts(spec: Any) -> Iterator[Any]:
    """Yield the ways to read what was asked for, in their order: lookups of the whole, and pairs."""
    if isinstance(spec, (list, tuple)):
        if len(spec) == 2:
            yield tuple(spec)
        return
    yield _by_name
    if isinstance(spec, str):
        cuts = [i for i, character in enumerate(spec) if character == "."]
        yield from ((spec[:i], spec[i + 1 :]) for i in cuts)
    yield _by_number


def _by_name_or_number(definitions: Mapping[int, _Definition], spec: Any) -> _Definition | None:
    found = _by_name(definitions, spec)
    return _by_number(definitions, spec) if found is None else found


def _by_name(definitions: Mapping[int, _Definition], spec: Any) -> _Definition | None:
    return next((d for d in definitions.values() if isinstance(spec, str) and d.name == spec), None)


def _by_number(definitions: Mapping[int, _Definition], spec: Any) -> _Definition | None:
    try:
        return definitions.get(int(spec))
    except (TypeError, ValueError):
        return None


def _listed(what: str, definitions: Mapping[int, _Definition]) -> str:
    names = ", ".join(f"{number} ({definition.name})" for number, definition in definitions.items())
    return f"{what}: {names}."
