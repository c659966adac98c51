"""What hangs on samples: ties, annotations, user data, names, scaling, several rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from xjls.testing.jls2 import Annotation, Definition, Fsr, Source, UserData, Vsr
from xjls.testing.scenarios.registry import EPOCH, SECOND, SMALL, one, scenario, steps, wave


@scenario
def annotations_only() -> Definition:
    """Hang annotations on a VSR signal and on the recording's own, at times instead of sample ids (section 13)."""
    notes = [Annotation(EPOCH + i * SECOND, data=f"event {i}") for i in range(3)]
    return Definition([Vsr("events", annotations=notes), Vsr("global", signal_id=0, annotations=notes[:1])])


@scenario
def without_data() -> Definition:
    """Hang ties and annotations on a signal without samples, as a viewer's annotation files do (section 10)."""
    ties = [(0, EPOCH), (1_000_000, EPOCH + SECOND)]
    notes = [Annotation(3, "vmarker", data="1a"), Annotation(1, "hmarker", y=0.5, data="1")]
    empty = Fsr("empty", rate_hz=1_000_000, ties=ties, annotations=notes)
    return Definition([empty, Fsr("current", wave(1000), **SMALL)])


@scenario
def many_annotations() -> Definition:
    """Write annotations of every type and storage, unsorted, into three levels of INDEX (section 10)."""
    kinds: list[Any] = ["user", "text", "vmarker", "hmarker"]
    data = ["plain", b"\x00\xff", {"json": [1, 2]}, "größer ☃", ""]
    notes = [
        Annotation((i * 7919) % 10_000, kinds[i % 4], i % 256, None if i % 3 else i / 4, data=data[i % 5])
        for i in range(250)
    ]
    return one(wave(10_000), annotations=notes, annotation_decimate=10, **SMALL)


@scenario
def many_ties() -> Definition:
    """Write more ties than an INDEX holds: at close level 2 has an entry that its SUMMARY lacks (section 9)."""
    ties = [(i * 40, EPOCH + i * SECOND // 25) for i in range(250)]
    return one(wave(10_000), ties=ties, **SMALL)


@scenario
def unsorted_ties() -> Definition:
    """Write ties that go back, repeat a sample id, or run backwards in time (section 9)."""
    ids_seconds = [(0, 0), (5000, 5), (5000, 6), (2000, 2), (8000, 7), (9000, 6)]
    return one(wave(10_000), ties=[(i, EPOCH + s * SECOND) for i, s in ids_seconds], **SMALL)


@scenario
def user_data_of_every_kind() -> Definition:
    """Keep bytes, text, JSON and an empty text under application numbers (section 11)."""
    kept = [(0, "notes"), (0x400, {"zoom": 3}), (7, b"\x00\x01"), (7, [1]), (9, "")]
    return Definition([Fsr("current", wave(100))], user_data=[UserData(*one) for one in kept])


@scenario
def fixed_point() -> Definition:
    """Give integers fractional bits, which no release applies: samples and entries are raw counts (section 6)."""
    fine = Fsr("fine", np.arange(4000) - 2000, dtype="i16", q=8, **SMALL)
    return Definition([fine, Fsr("coarse", np.arange(4000), dtype="u16", q=-2, **SMALL)])


@scenario
def different_rates() -> Definition:
    """Interleave signals of three rates and two sources that end apart in time."""
    signals = [
        Fsr("current", wave(10_000), rate_hz=1000, **SMALL),
        Fsr("gpi", steps(20_064), dtype="u1", rate_hz=2000, **SMALL),
        Fsr("temperature", wave(500), rate_hz=50, source=2, **SMALL),
    ]
    return Definition(signals, [Source("js220"), Source("probe")])


@scenario
def odd_names() -> Definition:
    """Give names beyond ASCII, with dots and slashes, and empty texts (section 5.1)."""
    names = ["Strom µA/Δ", "gpi[0]", "a.b"]
    return Definition([Fsr(name, wave(300), units="Ω" if name == "a.b" else "") for name in names], [Source("")])
