"""From definitions to what people call things: sources, signals and their names."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.jls2.datatypes import decode_data_type
from xjls.model.signal import Signal, Source

if TYPE_CHECKING:
    from xjls.formats.jls2.definitions import Definitions
    from xjls.formats.jls2.track import Track
    from xjls.formats.jls2.wire import SignalDef, SourceDef

GLOBAL_SIGNAL = 0
"""Carries the annotations of the whole recording; never listed."""
GLOBAL_SOURCE = 0


def describe_source(definition: SourceDef) -> Source:
    """Return a source's description."""
    return Source(
        id=definition.id, name=definition.name, vendor=definition.vendor, model=definition.model,
        version=definition.version, serial_number=definition.serial_number,
    )  # fmt: skip


def describe_signal(definition: SignalDef, name: str, source: Source, track: Track | None) -> Signal:
    """Return a signal's description; without a track it carries annotations only."""
    _, stored_type, q = decode_data_type(definition.data_type)
    if track is None:
        return Signal(
            id=definition.id,
            name=name,
            units=definition.units,
            dtype=np.dtype("f4"),
            rate_hz=Fraction(0),
            source=source,
            stored_type=stored_type,
        )
    return Signal(
        id=definition.id,
        name=name,
        units=definition.units,
        dtype=track.kind.dtype,
        rate_hz=Fraction(definition.rate_hz),
        source=source,
        window=track.window,
        block_length=track.blocks.chunk,
        level_dtype=track.kind.entry_dtype,
        level_factors=track.blocks.factors,
        scale_factor=2.0**-q,
        stored_type=stored_type,
    )


def unique_names(definitions: Definitions) -> dict[int, str]:
    """Name each signal: by its own name, by ``source.signal`` where several share it, by its number where all fails."""
    plain = {i: d.name or f"signal_{i}" for i, d in definitions.signals.items() if i != GLOBAL_SIGNAL}
    if len(set(plain.values())) == len(plain):
        return plain
    sources = {i: s.name for i, s in definitions.sources.items()}
    shared = Counter(plain.values())
    full = {
        i: name if shared[name] == 1 else f"{sources.get(definitions.signals[i].source_id, '')}.{name}"
        for i, name in plain.items()
    }
    repeated = Counter(full.values())
    names = {i: name for i, name in full.items() if repeated[name] == 1}
    for i in sorted(full.keys() - names.keys()):
        name = f"{plain[i]}#{i}"
        while name in names.values():
            name += "#"
        names[i] = name
    return dict(sorted(names.items()))
