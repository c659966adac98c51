"""Hypothesis strategies: recordings of every shape that a release can write, small enough to try by the hundred."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from xjls.testing.jls2 import (
    RELEASES,
    SAMPLE_TYPES,
    Annotation,
    Blocks,
    Definition,
    Fsr,
    SampleType,
    Source,
    Truth,
    UserData,
    Vsr,
    truth_of,
)

_JSON = st.recursive(st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("aé☃", max_size=3),
                     lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner,
                                                                                 max_size=2), max_leaves=4)  # fmt: skip
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
_FIRST_IDS = st.sampled_from([0, 1, 1000, -77, -(2**40), 2**52 + 3]) | st.integers(-5000, 5000)
_TIMES = st.integers(-(2**56), 2**58)


@st.composite
def recordings(
    draw: st.DrawFn,
    *,
    max_signals: int = 4,
    max_samples: int = 5000,
    releases: Sequence[str] = ("0.17",),
    closed: bool | None = True,
    omit: bool = False,
) -> tuple[Definition, Truth]:
    """Draw a recording and what a perfect reader finds in it.

    Parameters
    ----------
    max_signals, max_samples
        Bounds on the number of signals (at least one of them with samples) and on the samples of each.
    releases
        Names in ``RELEASES`` to draw habits from.
    closed
        Whether the writer closed the file; ``None`` draws it.
    omit
        Draw signals whose constant data chunks are left out as well.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from xjls.testing.jls2 import chunks_of, encode_definition
    >>> @settings(max_examples=5, database=None)
    ... @given(recordings())
    ... def ends_with_end(drawn):
    ...     definition, truth = drawn
    ...     assert chunks_of(encode_definition(definition))[-1].tag == 0xFF
    >>> ends_with_end()
    """
    sources = draw(st.lists(st.builds(Source, *[_TEXTS] * 5), min_size=1, max_size=2))
    names = [f"s{number}" for number in range(draw(st.integers(1, max_signals)))]
    signals: list[Fsr | Vsr] = []
    for name in names:
        source = draw(st.integers(1, len(sources)))
        if signals and draw(st.integers(0, 5)) == 0:
            signals.append(draw(vsr_signals(name, source=source)))
        else:
            signals.append(draw(fsr_signals(name, source=source, max_samples=max_samples, omit=omit)))
    definition = Definition(
        signals,
        sources,
        draw(st.lists(user_data(), max_size=3)),
        RELEASES[draw(st.sampled_from(list(releases)))],
        draw(st.booleans()) if closed is None else closed,
        draw(st.sampled_from(["time", "signal"])),
    )
    return definition, truth_of(definition)


@st.composite
def fsr_signals(
    draw: st.DrawFn,
    name: str = "signal",
    *,
    source: int = 1,
    dtype: str | None = None,
    max_samples: int = 5000,
    omit: bool = False,
) -> Fsr:
    """Draw a fixed-rate signal of any type, with small blocks so that a few samples make several levels."""
    kind = SAMPLE_TYPES[dtype or draw(st.sampled_from(list(SAMPLE_TYPES)))]
    asked = draw(_blocks(kind))
    size = draw(_sizes(asked.normalised(kind.bits), max_samples))
    first_id = draw(_FIRST_IDS)
    return Fsr(
        name,
        draw(_samples(kind, size)),
        dtype=kind.name,
        rate_hz=draw(st.sampled_from([1, 1000, 999_983, 2_000_000])),
        units=draw(st.sampled_from(["", "A", "µV"])),
        source=source,
        first_id=first_id,
        q=0 if kind.basetype == 4 else draw(st.sampled_from([0, 0, 8, -3])),
        samples_per_data=asked.samples_per_data,
        sample_decimate=asked.sample_decimate,
        entries_per_summary=asked.entries_per_summary,
        summary_decimate=asked.summary_decimate,
        annotation_decimate=draw(st.sampled_from([0, 2, 3])),
        utc_decimate=draw(st.sampled_from([0, 2, 3])),
        ties=draw(_ties(first_id, size)),
        annotations=draw(st.lists(signal_annotations(first_id, first_id + size + 1), max_size=12)),
        omit=draw(st.sampled_from(["none", "constant", "all-constant"])) if omit else "none",
        define=draw(st.sampled_from(["early", "early", "late"])),
    )


@st.composite
def holed_signals(
    draw: st.DrawFn, name: str = "signal", *, dtype: str | None = None, max_samples: int = 4000, by_entry: bool = False
) -> Fsr:
    """Draw a float signal with runs of NaN and ±Inf that begin and end where entries and blocks of any level do.

    At these borders, a few samples beside them, or anywhere; single ones, many at once, and nothing else at all.
    ``by_entry`` makes every run cover one whole entry of level 1 at least: the levels alone tell of all of them then.
    """
    kind = SAMPLE_TYPES[dtype or draw(st.sampled_from(["f32", "f32", "f32", "f64"]))]
    asked = draw(_blocks(kind))
    blocks = asked.normalised(kind.bits)
    size = draw(st.integers(max_samples // 2, max_samples) | _sizes(blocks, max_samples))
    samples = draw(_samples(kind, size, holes=0))
    for start, stop in draw(st.lists(_runs(blocks, size), min_size=1, max_size=6)):
        if by_entry:
            step = blocks.sample_decimate
            stop = max(stop, (-(-start // step) + 1) * step)  # noqa: PLW2901 - the run goes on
        if not by_entry or stop <= size:
            samples[start:stop] = draw(st.sampled_from([np.nan, np.nan, np.nan, np.inf, -np.inf]))
    if draw(st.integers(0, 19)) == 0:
        samples[:] = np.nan
    return Fsr(
        name, samples, dtype=kind.name, first_id=draw(_FIRST_IDS), samples_per_data=asked.samples_per_data,
        sample_decimate=asked.sample_decimate, entries_per_summary=asked.entries_per_summary,
        summary_decimate=asked.summary_decimate,
    )  # fmt: skip


@st.composite
def questions(draw: st.DrawFn, blocks: Blocks, first_id: int, size: int) -> tuple[str, dict[str, Any]]:
    """Draw a question about a signal: the method of a recording, and its arguments but for the name and ``nans``.

    Windows begin and end at the borders of entries and blocks, beside them, or anywhere.
    """
    start, stop = sorted((draw(_places(blocks, size)), draw(_places(blocks, size))))
    how: dict[str, Any] = {"window": (first_id + start, first_id + stop), "ddof": draw(st.sampled_from([0, 0, 1]))}
    if draw(st.booleans()):
        return "statistics", how
    if draw(st.integers(0, 3)) == 0:
        edges = draw(st.lists(_places(blocks, size), min_size=1, max_size=20).map(sorted))
        return "columns_between", {"edges": np.array(edges, np.int64) + first_id, "ddof": how["ddof"]}
    if draw(st.booleans()):
        how["n"] = draw(st.sampled_from([1, 2, 3, 7, 50]))
    else:
        how["increment"] = draw(st.sampled_from([blocks.sample_decimate, blocks.step(2)]) | st.integers(1, size + 1))
        how["window"] = (max(how["window"][0], how["window"][1] - 100 * how["increment"]), how["window"][1])
    return "columns", how | {"snap": draw(st.integers(0, 3)) == 0}


def _places(blocks: Blocks, size: int) -> st.SearchStrategy[int]:
    """Draw positions at borders of entries and blocks of any level, a little beside them, or anywhere."""
    steps = [1, blocks.samples_per_data, *(blocks.step(level) for level in range(1, 5))]
    steps += [blocks.entries_per_summary * blocks.step(level) for level in range(1, 4)]
    near = st.builds(
        lambda step, number, off: max(0, min(size, number % (size // step + 1) * step + off)),
        st.sampled_from([step for step in steps if step <= max(size, 1)]),
        st.integers(0, 10_000),
        st.sampled_from([0, 0, -1, 1, -3, 3]),
    )
    return near | st.integers(0, size)


def _runs(blocks: Blocks, size: int) -> st.SearchStrategy[tuple[int, int]]:
    """Draw half-open runs of positions: single ones, ones of about an entry, from one border to another."""
    ends = st.tuples(_places(blocks, size), _places(blocks, size)).map(lambda pair: (min(pair), max(pair)))
    lengths = st.sampled_from([1, 1, 1, 1, 2, blocks.sample_decimate - 1, blocks.sample_decimate, blocks.step(2)])
    return ends | st.tuples(_places(blocks, size), lengths).map(lambda run: (run[0], min(run[0] + run[1], size)))


@st.composite
def vsr_signals(draw: st.DrawFn, name: str = "events", *, source: int = 1) -> Vsr:
    """Draw a variable-rate signal: annotations at JLS times."""
    notes = draw(st.lists(signal_annotations(0, 2**58), max_size=8))
    return Vsr(name, source=source, annotations=notes, annotation_decimate=draw(st.sampled_from([0, 2])))


@st.composite
def signal_annotations(draw: st.DrawFn, first: int, last: int) -> Annotation:
    """Draw an annotation of any kind with a timestamp in ``[first, last]``."""
    return Annotation(
        draw(st.integers(first, last)),
        draw(st.sampled_from(["user", "text", "vmarker", "hmarker"])),
        draw(st.integers(0, 255)),
        draw(st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)),
        data=draw(st.binary(min_size=1, max_size=9) | _TEXTS | _JSON.filter(_is_json)),
    )


def user_data() -> st.SearchStrategy[UserData]:
    """Draw user data of any kind."""
    return st.builds(UserData, st.integers(0, 4095), st.binary(max_size=9) | _TEXTS | _JSON.filter(_is_json))


def _is_json(data: Any) -> bool:
    """Tell whether the library would store ``data`` as JSON; a string it stores as such, None as nothing."""
    return data is not None and not isinstance(data, str)


@st.composite
def _blocks(draw: st.DrawFn, kind: SampleType) -> Blocks:
    """Draw what a caller asks for: not yet normalised."""
    decimate = draw(st.integers(10, 40))
    smallest = Blocks(10, decimate, 10, 10).normalised(kind.bits).sample_decimate
    per_data = draw(st.integers(1, 4)) * smallest + draw(st.integers(0, 3))
    return Blocks(per_data, decimate, draw(st.integers(10, 30)), draw(st.integers(10, 12)))


def _sizes(blocks: Blocks, most: int) -> st.SearchStrategy[int]:
    """Draw lengths around the edges of data chunks, entries and blocks of every level."""
    edges = {blocks.samples_per_data}
    for level in range(1, 6):
        edges |= {blocks.step(level), blocks.entries_per_summary * blocks.step(level)}
    near = sorted(edge for edge in edges if edge <= most)
    if not near:
        return st.integers(0, most)
    around = st.builds(
        lambda edge, times, off: max(0, min(most, edge * min(times, most // edge) + off)),
        st.sampled_from(near),
        st.integers(1, 5),
        st.integers(-2, 2),
    )
    return around | st.integers(0, most)


@st.composite
def _samples(draw: st.DrawFn, kind: SampleType, size: int, *, holes: int = 3) -> NDArray[Any]:
    """Draw samples by seed: noise over the type's whole range, a ramp, or steps; NaN runs where the type has NaN."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    shape = draw(st.sampled_from(["noise", "ramp", "steps"]))
    if kind.basetype == 4:
        made = {"noise": rng.normal(3, 2, size), "ramp": np.arange(size) * 0.25, "steps": _steps(rng, size)}[shape]
        samples = made.astype(kind.numpy_dtype)
        for _ in range(draw(st.integers(0, holes)) if size else 0):
            start = int(rng.integers(0, size))
            samples[start : start + int(rng.integers(1, 200))] = rng.choice([np.nan, np.nan, np.inf, -np.inf])
        return samples
    low, high = _range(kind)
    if shape == "noise":
        wide = np.uint64 if low == 0 else np.int64
        return rng.integers(low, high, size, dtype=wide, endpoint=True).astype(kind.numpy_dtype)
    made = np.arange(size) if shape == "ramp" else _steps(rng, size)
    return (made % min(high + 1, 2**20)).astype(kind.numpy_dtype)


def _steps(rng: np.random.Generator, size: int) -> NDArray[Any]:
    return np.repeat(rng.integers(0, 100, size // 300 + 1), 300)[:size]


def _range(kind: SampleType) -> tuple[int, int]:
    if kind.basetype == 1:
        return -(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1) - 1
    return 0, 2**kind.bits - 1


@st.composite
def _ties(draw: st.DrawFn, first_id: int, size: int) -> list[tuple[int, int]]:
    """Draw ties that advance in time with the samples, or any at all."""
    count = draw(st.sampled_from([0, 1, 2, 5, 12]))
    if draw(st.booleans()):
        start = draw(_TIMES)
        ids = np.linspace(first_id, first_id + size, count).astype(np.int64).tolist() if count else []
        return [(int(i), start + (int(i) - first_id) * 1000) for i in ids]
    return [(draw(st.integers(first_id - 10, first_id + size)), draw(_TIMES)) for _ in range(count)]
