"""Statistics and columns against NumPy in float64: any window, type, NaN, damage, history, thread and storage.

The law behind all of them: an answer that calls itself exact is what NumPy says of the same samples, whatever was
asked before; ``nans="count"`` always is. What levels cannot tell is never invented.
"""

import contextlib
import math
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import xjls
from xjls.storage.residency import resident_fraction
from xjls.testing import write_sparse
from xjls.testing.jls2 import (
    RELEASES,
    SAMPLE_TYPES,
    Annotation,
    Definition,
    Fsr,
    Vsr,
    chunks_of,
    encode_definition,
    flip,
    truth_of,
    zero,
)
from xjls.testing.laws import Expected, ExpectedSignal, columns_are_statistics, damage_is_named, statistics_are_exact
from xjls.testing.laws.answers import ATOL, RTOL, check_statistics
from xjls.testing.scenarios.registry import full_range
from xjls.testing.strategies import fsr_signals, holed_signals, questions, recordings

EXAMPLES = os.environ.get("XJLS_EXAMPLES")
"""How many a test draws: a few, always the same, or that many new ones."""
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
TINY = {"samples_per_data": 16, "sample_decimate": 16, "entries_per_summary": 10, "summary_decimate": 10}
BOUNDS = {
    "xjls.query.blocks.KEEP_BYTES": [0, 3000],
    "xjls.query.blocks.LOOK_SAMPLES": [0, 700],
    "xjls.query.blocks.LOOK_SAMPLES_AFAR": [0, 700],
    "xjls.query.blocks.STEP_SAMPLES": [100],
    "xjls.query.blocks.MISSING": [1, 3],
    "xjls.query.pyramid.STREAM_SAMPLES": [10],
    "xjls.query.pyramid.STEP_SAMPLES": [100],
}
"""What is kept, looked at, or done in pieces, made so small that small recordings run into it."""


def property_test(examples=40):
    return settings(
        max_examples=int(EXAMPLES or examples), derandomize=EXAMPLES is None, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@contextlib.contextmanager
def opened(definition, **options):
    """Give a recording of a definition, of one signal in it the truth, and the file's path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jls")
        path.write_bytes(definition if isinstance(definition, bytes) else encode_definition(definition))
        with xjls.open_recording(path, **options) as recording:
            yield recording


def truths(definition):
    return [one for one in Expected.of(truth_of(definition)).signals.values() if one.samples is not None]


@contextlib.contextmanager
def small_bounds(draw, *, but=""):
    """Draw some of the bounds to be small."""
    with pytest.MonkeyPatch.context() as patch:
        for bound, values in BOUNDS.items():
            value = draw(st.sampled_from([None, *values]))
            if value is not None and not (but and but in bound):
                patch.setattr(bound, value)
        yield


def ask(recording, name, question, **how):
    """Ask, and return the answer as a list of `Statistics`."""
    verb, arguments = question
    found = getattr(recording, verb)(name, **arguments, **how)
    return [found] if verb == "statistics" else list(found)


def hold(recording, truth, answers, *, nans):
    """Hold answers to the samples: those that are exact wholly, the others as far as levels can tell."""
    for found in answers:
        if found.exact:
            check_statistics(recording, truth, found)
        else:
            assert nans != "count", found
            assert truth.samples.dtype.kind == "f", found
            trusted_is_sound(truth, found)


def trusted_is_sound(truth, found):
    """Hold entries that were taken at their word to what they know: extremes, and no sample is there twice."""
    samples = finite_of(truth, found)
    assert found.count + found.nan + found.lost == found.window.length
    assert found.nan >= 0
    assert found.count >= samples.size
    if samples.size:
        assert (found.min, found.max) == (samples.min(), samples.max()), found
        slack = RTOL * np.abs(samples).max()
        assert found.min - slack <= found.mean <= found.max + slack
        free = found.count - found.ddof
        assert free <= 0 or found.std <= (found.max - found.min) / 2 * math.sqrt(found.count / free) + slack


def finite_of(truth, found):
    span = slice(found.window.start - truth.first_id, found.window.stop - truth.first_id)
    samples = truth.samples[span].astype(np.float64)
    return samples[np.isfinite(samples)]


def same(one, other):
    """Whether two answers are the same but for the last digits: entries may have been summed up from samples."""
    assert (one.window, one.count, one.nan, one.lost, one.exact) == (
        other.window, other.count, other.nan, other.lost, other.exact,
    )  # fmt: skip
    assert_equal = np.testing.assert_equal
    assert_equal((one.min, one.max), (other.min, other.max))
    largest = 0 if math.isnan(one.max) else max(abs(one.min), abs(one.max))
    for name in ("mean", "std"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=RTOL, atol=ATOL * largest)


# ---- any recording -------------------------------------------------------------------------------------------------


@property_test(60)
@given(
    drawn=recordings(max_signals=2, closed=None, omit=True, releases=sorted(set(RELEASES) - {"0.3.4"})),
    on_damage=st.sampled_from(["raise", "gap"]),
    data=st.data(),
)
def test_any_question_about_any_recording_is_answered_as_numpy_does(drawn, on_damage, data):
    """All 13 types, NaN, omitted chunks with and without loss, dead writers, and every release."""
    definition, _ = drawn
    blocks = {s.name: s.blocks for s in definition.signals if isinstance(s, Fsr)}
    with small_bounds(data.draw), opened(definition, on_damage=on_damage) as recording:
        for truth in truths(definition):
            for _ in range(8):
                question = data.draw(questions(blocks[truth.name], truth.first_id, truth.samples.size))
                nans = data.draw(st.sampled_from(["auto", "count"]))
                try:
                    answers = ask(recording, truth.name, question, nans=nans)
                except xjls.LostSamplesError:
                    assert on_damage == "raise"
                    assert not truth.valid.all()
                    continue
                for found in answers:
                    if found.exact or truth.lost:
                        check_statistics(recording, truth, found)
                    else:
                        assert nans == "auto"
                        trusted_is_sound(truth, found)


@property_test(25)
@given(
    size=st.integers(0, 3000), per_data=st.integers(10, 200), decimate=st.integers(2, 30), entries=st.integers(2, 40),
    step=st.integers(2, 12), closed=st.booleans(), holes=st.booleans(),
)  # fmt: skip
def test_blocks_of_any_size_give_exact_answers(size, per_data, decimate, entries, step, closed, holes):
    """Releases before 0.4 took block parameters as they were: nothing divides anything."""
    assume(per_data >= decimate)
    rng = np.random.default_rng(size)
    samples = rng.normal(3, 1, size)
    if holes and size:
        start = int(rng.integers(0, size))
        samples[start : start + int(rng.integers(1, 300))] = np.nan
    blocks = {
        "samples_per_data": per_data, "sample_decimate": decimate, "entries_per_summary": entries,
        "summary_decimate": step,
    }  # fmt: skip
    definition = Definition([Fsr("current", samples, **blocks)], release=RELEASES["0.3.4"], closed=closed)
    with opened(definition) as recording:
        for law in (statistics_are_exact, columns_are_statistics):
            law(recording, Expected.of(truth_of(definition)))


@pytest.mark.parametrize("dtype", SAMPLE_TYPES)
def test_the_whole_range_of_a_type_is_summed_up(dtype):
    """No overflow at the ends of integers, far from sample id 0, closed or not."""
    signal = Fsr("s", full_range(dtype, 3333), dtype=dtype, first_id=-(2**40) - 3, **SMALL)
    for closed in (True, False):
        definition = Definition([signal], closed=closed)
        with opened(definition) as recording:
            for law in (statistics_are_exact, columns_are_statistics):
                law(recording, Expected.of(truth_of(definition)))


def test_small_steps_on_a_large_offset_keep_their_deviation():
    """1 µA of noise on 1 A of float64: the squares are not lost in the offset's."""
    samples = 1.0 + np.random.default_rng(0).normal(0, 1e-6, 20_000)
    with opened(Definition([Fsr("s", samples, dtype="f64", **SMALL)])) as recording:
        for start, stop in [(0, 20_000), (3, 19_999), (17, 1000), (5, 15)]:
            found = recording.statistics("s", (start, stop))
            assert found.std == pytest.approx(samples[start:stop].std(), rel=1e-6)
            assert found.mean == pytest.approx(samples[start:stop].mean(), rel=1e-14)


def test_a_signal_without_samples_or_levels_is_answered_or_refused():
    """Nothing, one sample, and a signal that carries annotations only."""
    signals = [Fsr("none", []), Fsr("one", [7.0]), Vsr("events", annotations=[Annotation(1, data="x")])]
    with opened(Definition(signals)) as recording:
        nothing = recording.statistics("none")
        assert (nothing.count, nothing.nan, nothing.lost, nothing.integral, nothing.exact) == (0, 0, 0, 0, True)
        assert math.isnan(nothing.mean)
        one = recording.statistics("one", ddof=1)
        assert (one.count, one.mean, one.min, one.max) == (1, 7, 7, 7)
        assert math.isnan(one.std)
        for ask_events in (recording.statistics, recording.columns):
            with pytest.raises(xjls.SelectionError, match=r"'events' has no samples, only annotations"):
                ask_events("events")


def test_what_makes_no_sense_is_refused():
    """A misspelt way to treat NaN would be taken for trust; half samples for others."""
    with opened(Definition([Fsr("s", np.arange(1000), first_id=5, **SMALL)])) as recording:
        for nans in ("Count", "exact", None):
            with pytest.raises(xjls.SelectionError, match=r"no way to treat NaN.*'auto', 'count', 'trust'"):
                recording.statistics("s", nans=nans)
            with pytest.raises(xjls.SelectionError, match="no way to treat NaN"):
                recording.columns("s", nans=nans)
        for how in ({"n": 0}, {"n": -1}, {"increment": 0}, {"increment": -5}):
            with pytest.raises(xjls.SelectionError, match=r"none"):
                recording.columns("s", **how)
        for window in ((4, 10), (5, 1006), (10, 9), (1005, 1006)):
            for verb in (recording.statistics, recording.columns):
                with pytest.raises(xjls.SelectionError, match=r"window"):
                    verb("s", window)
        for window in (5, slice(5, 7), (5.0, 7.0), (5, 6, 7), "5:7"):
            for verb in (recording.statistics, recording.read_statistics, recording.columns, recording.read):
                with pytest.raises(xjls.SelectionError, match=r"is no window\. Give \(start, stop\)"):
                    verb("s", window)
        for edges in ([], [7, 6], [5.5, 6.5], [[5, 6]]):
            with pytest.raises(xjls.SelectionError, match=r"do not rise"):
                recording.columns_between("s", np.array(edges))
        for edges in ([4, 6], [5, 1006]):
            with pytest.raises(xjls.SelectionError, match=r"outside"):
                recording.columns_between("s", np.array(edges))
        assert len(recording.columns("s", increment=10**30)) == 0
        assert len(recording.columns("s", n=10**30)) == 1000


RAMPS = {"out_v0.3.4": 200_000, "out_v0.5.3": 200_000, "out_v0.6.1": 200_000, "out_v0.8.2": 200_000,
         "out_v0.13.2": 200_000, "s_v0.6.3": 60_000, "so_v0.7.3": 60_000}  # fmt: skip
"""Recordings that other releases wrote, and the length of the ramp in them."""


@pytest.mark.parametrize("name", RAMPS)
def test_recordings_of_other_releases_have_the_statistics_of_a_ramp(unpacked, name):
    """Sample deviations, NaN levels, wrong timestamps: a ramp's mean, deviation and charge come out of all of them."""
    size = RAMPS[name]
    with xjls.open_recording(unpacked(name)) as recording:
        first = recording.signal("sig").first_id
        for start, stop in [(0, size), (1, size - 1), (12_345, 54_321)]:
            found = recording.statistics("sig", (first + start, first + stop))
            n = stop - start
            assert (found.count, found.min, found.max, found.exact) == (n, start, stop - 1, True)
            assert found.mean == pytest.approx((start + stop - 1) / 2, rel=1e-7)
            assert found.std == pytest.approx(math.sqrt((n * n - 1) / 12), rel=1e-6)
            assert found.integral == pytest.approx(n * (start + stop - 1) / 2 / 1000, rel=1e-7)
            assert found.integral_units == "C"
        if "u8" in recording.signals:
            constant = recording.statistics("u8")
            assert (constant.mean, constant.std, constant.min, constant.max) == (5, 0, 5, 5)


# ---- NaN -----------------------------------------------------------------------------------------------------------


@property_test(80)
@given(
    signal=holed_signals(), release=st.sampled_from(sorted(set(RELEASES) - {"0.3.4"})), closed=st.booleans(),
    data=st.data(),
)  # fmt: skip
def test_every_nan_is_counted_wherever_it_hides(signal, release, closed, data):
    """Single ones, and runs that cover entries and blocks of any level wholly or in part."""
    definition = Definition([signal], release=RELEASES[release], closed=closed)
    with small_bounds(data.draw), opened(definition) as recording:
        (truth,) = truths(definition)
        for _ in range(6):
            question = data.draw(questions(signal.blocks, truth.first_id, truth.samples.size))
            hold(recording, truth, ask(recording, truth.name, question, nans="count"), nans="count")


@property_test(80)
@given(signal=holed_signals(by_entry=True), release=st.sampled_from(["0.17", "0.6.1", "0.6.3"]), data=st.data())
def test_levels_tell_of_runs_of_nan_that_cover_an_entry(signal, release, data):
    """Trusted entries give the right numbers then, borders of every level included, and say that they were trusted."""
    definition = Definition([signal], release=RELEASES[release])
    with opened(definition) as recording:
        (truth,) = truths(definition)
        factor = signal.blocks.sample_decimate
        for _ in range(6):
            question = data.draw(questions(signal.blocks, truth.first_id, truth.samples.size))
            answers = ask(recording, truth.name, question, nans="trust")
            for found in answers:
                trusted = replace_exact(found)
                check_statistics(recording, truth, trusted)
            starts, stops = np.array([(a.window.start, a.window.stop) for a in answers] or [(0, 0)]).T - truth.first_id
            assert all(a.exact for a in answers) == bool((stops // factor <= -(-starts // factor)).all() or not answers)


def replace_exact(found):
    """Return an answer as if nothing had been trusted."""
    return type(found)(found.signal, found.window.start, found.window.stop, found._row, found.ddof, True)


@pytest.mark.parametrize("at", [0, 15, 16, 159, 160, 1599, 1600, 2345, 4799, 4800, 4863])
@pytest.mark.parametrize("before", [(), ("trust",), ("trust", "count")], ids=str)
def test_a_single_nan_is_counted_at_every_level(at, before):
    """It leaves no trace in any entry, and blocks that were used on trust before are not used again."""
    samples = np.random.default_rng(0).normal(3, 1, 1600 * 3 + 64).astype("f4")
    samples[at] = np.nan
    with opened(Definition([Fsr("s", samples, **TINY)])) as recording:
        for nans in before:
            recording.columns("s", n=50, nans=nans)
            recording.statistics("s", nans=nans)
        for step in (4864, 1600, 160, 16, 1):
            start = min(at // step * step, 4864 - step)
            assert recording.statistics("s", (start, start + step), nans="count").nan == 1
            columns = recording.columns("s", (0, 4864), increment=step, nans="count")
            assert np.flatnonzero(columns.nan).tolist() == ([at // step] if at < columns.edges[-1] else [])
            assert columns.exact


def test_a_signal_without_levels_is_summed_up_as_it_is_read(monkeypatch):
    """In steps that cut columns anywhere."""
    monkeypatch.setattr("xjls.query.pyramid.STREAM_SAMPLES", 10)
    monkeypatch.setattr("xjls.query.pyramid.STEP_SAMPLES", 100)
    samples = np.random.default_rng(0).normal(3, 1, 4000).astype("f4")
    samples[1777] = np.nan
    samples[2000:2300] = np.inf
    with opened(Definition([Fsr("s", samples, sample_decimate=5000)])) as recording:
        assert recording.signal("s").levels == ()
        truth = ExpectedSignal(name="s", units="", rate_hz=1000, first_id=0, samples=samples)
        for start, stop in [(0, 4000), (7, 3999), (95, 305), (1990, 2310), (2000, 2300), (5, 5)]:
            check_statistics(recording, truth, recording.statistics("s", (start, stop)))
            for n in (1, 3, 50):
                for found in recording.columns("s", (start, stop), n):
                    check_statistics(recording, truth, found)


def test_a_run_of_nan_that_goes_on_where_a_level_ends_is_counted():
    """Its beginning hides in the last entry of levels 2 and 3; only level 1 has the entry that is all NaN."""
    samples = np.random.default_rng(0).normal(3, 1, 1600 * 3 + 64).astype("f4")
    samples[4795 : 4800 + 48] = np.nan
    with opened(Definition([Fsr("s", samples, **TINY)])) as recording:
        for start in (0, 1600, 3200, 4640):
            assert recording.statistics("s", (start, 4800), nans="trust").nan == 5


def test_nan_beside_a_summary_that_is_damaged_is_counted():
    """Whether its neighbour begins with an entry of NaN is then unknown: a block's own word is not enough."""
    samples = np.random.default_rng(0).normal(3, 1, 1600).astype("f4")
    samples[315:352] = np.nan
    data = encode_definition(Definition([Fsr("s", samples, **SMALL)]))
    second = [c for c in chunks_of(data) if c.tag == 0x24 and c.level == 1][1]
    with opened(flip(data, second.payload.start + 40)) as recording:
        for start in (16, 176):  # down to level 2, and to level 1 only
            assert recording.statistics("s", (start, 320), nans="trust").nan == 5


@property_test(60)
@given(
    signal=holed_signals(), release=st.sampled_from(["0.17", "0.6.1", "0.5.3"]),
    where=st.sampled_from(["file", "memory"]), data=st.data(),
)  # fmt: skip
def test_an_answer_does_not_depend_on_what_was_asked_before(signal, release, where, data):
    """A recording with a history answers as a fresh one: what it remembers of NaN, and the blocks that it made."""
    definition = Definition([signal], release=RELEASES[release])
    with small_bounds(data.draw), recording_at(where, definition) as (path, recording):
        (truth,) = truths(definition)
        for _ in range(12):
            question = data.draw(questions(signal.blocks, truth.first_id, truth.samples.size))
            nans = data.draw(st.sampled_from(["auto", "count", "trust"]))
            answers = ask(recording, truth.name, question, nans=nans)
            hold(recording, truth, answers, nans=nans)
            if nans == "count":
                with xjls.open_recording(path) as fresh:
                    for one, other in zip(answers, ask(fresh, truth.name, question, nans=nans), strict=True):
                        same(one, other)


@contextlib.contextmanager
def recording_at(where, definition):
    """Give a path, or an address in fsspec's memory, and the recording that is there."""
    if where == "file":
        with opened(definition) as recording:
            yield recording.path, recording
        return
    files = fsspec.filesystem("memory")
    files.pipe("/exact/run.jls", encode_definition(definition))
    try:
        with xjls.open_recording("memory://exact/run.jls") as recording:
            yield "memory://exact/run.jls", recording
    finally:
        files.rm("/exact", recursive=True)


# ---- one window asked in many ways ---------------------------------------------------------------------------------


def merged(parts):
    """Merge answers over consecutive spans: count, mean, squares, min, max."""
    counts = np.array([part.count for part in parts])
    some = [part for part in parts if part.count]
    mean = sum(part.mean * part.count for part in some) / max(counts.sum(), 1)
    squares = sum(part.std**2 * part.count + part.count * (part.mean - mean) ** 2 for part in some)
    low, high = min((part.min for part in some), default=np.nan), max((part.max for part in some), default=np.nan)
    return counts.sum(), mean, squares, low, high


@property_test(40)
@given(signal=fsr_signals(max_samples=4000) | holed_signals(), n=st.integers(1, 60), data=st.data())
def test_columns_of_a_window_are_its_statistics_in_parts(signal, n, data):
    """And half of a window with the other half: counts, extremes, charge add up."""
    with opened(Definition([signal])) as recording:
        (truth,) = truths(Definition([signal]))
        ends = st.integers(truth.first_id, truth.first_id + truth.samples.size)
        start, stop = sorted(data.draw(st.tuples(ends, ends)))
        whole = recording.statistics(signal.name, (start, stop))
        middle = (start + stop) // 2
        halves = [recording.statistics(signal.name, part) for part in ((start, middle), (middle, stop))]
        largest = 0 if not whole.count else max(abs(whole.min), abs(whole.max))
        for parts in (list(recording.columns(signal.name, (start, stop), n)), halves):
            count, mean, squares, low, high = merged(parts)
            assert (count, sum(part.nan for part in parts)) == (whole.count, whole.nan)
            if count:
                assert (low, high) == (whole.min, whole.max)
                np.testing.assert_allclose(mean, whole.mean, rtol=RTOL, atol=ATOL * largest)
                np.testing.assert_allclose(math.sqrt(squares / count), whole.std, rtol=RTOL, atol=2 * ATOL * largest)
                charge = sum(part.integral for part in parts)
                slack = ATOL * largest * count / float(whole.signal.rate_hz)
                np.testing.assert_allclose(charge, whole.integral, rtol=RTOL, atol=slack)


def test_data_get_of_a_counter():
    """StreamBuffer's own examples: [length, mean, Σ(x − mean)², min, max] of each row (stream-buffer §7, item 11)."""
    with opened(Definition([Fsr("counter", np.arange(0, 1000, 2), dtype="f32")])) as recording:

        def data_get(start, stop, increment):
            found = recording.columns("counter", (start, stop), increment=increment)
            return np.stack([found.count, found.mean, found.std**2 * found.count, found.min, found.max], axis=1)

        np.testing.assert_allclose(data_get(0, 21, 5)[:, 1], [4, 14, 24, 34])
        np.testing.assert_allclose(data_get(0, 21, 5)[0], [5, 4, 40, 0, 8])
        assert len(data_get(0, 21, 5)) == 4, "what is left at the end is in no row"
        np.testing.assert_allclose(data_get(0, 20, 10)[0], [10, 9, 330, 0, 18])
        np.testing.assert_allclose(data_get(0, 40, 20)[0], [20, 19, 2660, 0, 38])
        np.testing.assert_allclose(data_get(3, 5, 1), [[1, 6, 0, 6, 6], [1, 8, 0, 8, 8]])
        assert data_get(7, 7, 5).shape == (0, 5)


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 160), (0, 1600), (160, 480), (155, 160), (160, 165), (155, 1765), (1, 3333), (0, 4000), (17, 17)],
)
def test_statistics_get_equals_the_mean_of_samples(start, stop):
    """Ranges that are reductions exactly, lead, trail, or go over one or several of them (§7, item 13)."""
    samples = (np.arange(4000) * 2).astype("f4")
    with opened(Definition([Fsr("counter", samples, **TINY)])) as recording:
        found = recording.statistics("counter", (start, stop))
        assert found.count == stop - start
        if found.count:
            wanted = samples[start:stop].astype("f8")
            assert (found.min, found.max) == (wanted.min(), wanted.max())
            np.testing.assert_allclose([found.mean, found.std], [wanted.mean(), wanted.std()], rtol=1e-6)


# ---- what is lost --------------------------------------------------------------------------------------------------


@property_test(50)
@given(
    signal=fsr_signals(max_samples=3000, omit=True) | holed_signals(max_samples=3000), closed=st.booleans(),
    tags=st.lists(st.sampled_from([0x22, 0x23, 0x24]), min_size=1, max_size=4), seed=st.integers(0, 2**32),
    data=st.data(),
)  # fmt: skip
def test_damage_costs_what_is_lost_and_no_more(signal, closed, tags, seed, data):
    """DATA, INDEX and SUMMARY chunks, one or several: what is left is summed up, what is gone is counted or raises."""
    definition = Definition([signal], closed=closed)
    broken, rng = encode_definition(definition), random.Random(seed)
    chunks = [c for c in chunks_of(broken) if c.payload.stop > c.payload.start]
    for tag in tags:
        if hit := [c for c in chunks if c.tag == tag]:
            chunk = rng.choice(hit)
            at = rng.randrange(chunk.offset, chunk.payload.start if rng.random() < 0.3 else chunk.payload.stop)
            broken = flip(broken, at, rng.randrange(8)) if rng.random() < 0.8 else zero(broken, at, chunk.stop)
    expected, laws = Expected.of(truth_of(definition)), (statistics_are_exact, columns_are_statistics)
    with small_bounds(data.draw, but="LOOK"), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jls")
        path.write_bytes(broken)
        damage_is_named(lambda on_damage: xjls.open_recording(path, on_damage=on_damage), expected, laws=laws)


@pytest.fixture
def torn(tmp_path):
    """Return a recording whose DATA chunk of samples 128 to 192 and the entries over it are damaged."""
    samples = np.arange(2000, dtype="f4")
    data = encode_definition(Definition([Fsr("f32", samples, **SMALL), Fsr("i16", samples, dtype="i16", **SMALL)]))
    chunks = chunks_of(data)
    for meta in (1, 2):
        third = [c for c in chunks if (c.tag, c.signal_id) == (0x22, meta)][2]
        first = next(c for c in chunks if c.tag == 0x24 and c.signal_id == meta)
        for chunk in (third, first):
            data = flip(data, chunk.payload.start + 20)
    (tmp_path / "run.jls").write_bytes(data)
    return tmp_path / "run.jls", samples


@pytest.mark.parametrize("name", ["f32", "i16"])
def test_lost_samples_are_left_out_and_counted(torn, name):
    path, samples = torn
    with xjls.open_recording(path, on_damage="gap") as recording:
        for start, stop in [(100, 200), (130, 150), (0, 159), (128, 192), (1, 320)]:
            found = recording.statistics(name, (start, stop))
            lost = samples[128:160] if stop == 320 else samples[128:192]  # one entry of level 2 is whole: 160 to 320
            left = np.setdiff1d(samples[start:stop], lost)
            assert (found.count, found.nan) == (left.size, 0)
            assert found.lost == stop - start - left.size
            if left.size:
                assert (found.min, found.max) == (left.min(), left.max())
                assert found.mean == pytest.approx(left.mean(), rel=1e-6)
        assert "lost" in repr(recording.statistics(name, (100, 200)))
        assert name in recording.status.gaps


@pytest.mark.parametrize("name", ["f32", "i16"])
def test_lost_samples_raise_and_name_themselves(torn, name):
    path, _ = torn
    with xjls.open_recording(path) as recording:
        for ask_it in (recording.statistics, recording.columns):
            for window in ((100, 200), (1, 320), (130, 131)):
                with pytest.raises(xjls.LostSamplesError, match=rf"of '{name}' are lost.*on_damage=\"gap\""):
                    ask_it(name, window)
        assert recording.statistics(name, (0, 128)).count == 128
        assert recording.statistics(name, (192, 2000)).count == 1808


@pytest.mark.parametrize("dtype", ["i16", "f32"])
def test_entries_tell_of_samples_that_are_gone(dtype):
    """With their SUMMARY whole, lost samples are still in the mean of a window that covers their entries."""
    samples = np.arange(2000)
    data = encode_definition(Definition([Fsr("s", samples, dtype=dtype, **SMALL)]))
    data = flip(data, [c for c in chunks_of(data) if c.tag == 0x22][2].payload.start + 20)
    with opened(data) as recording:
        for window in (None, (112, 192), (128, 144), (5, 1999)):
            found = recording.statistics("s", window)
            start, stop = found.window.start, found.window.stop
            assert (found.count, found.lost, found.mean) == (stop - start, 0, pytest.approx((start + stop - 1) / 2))
            assert found.exact == (dtype == "i16"), "whether NaN are among the lost, nobody knows"
        with pytest.raises(xjls.LostSamplesError, match=r"samples 128.130 of 's' are lost"):
            recording.statistics("s", (0, 130))


def test_unverified_questions_are_answered_from_what_is_there(torn):
    path, samples = torn
    with xjls.open_recording(path, verify=False) as recording:
        found = recording.statistics("i16", (100, 200))
        assert (found.count, found.lost) == (100, 0)
    whole = encode_definition(Definition([Fsr("s", samples, **SMALL)]))
    with opened(whole, verify=False) as recording:
        truth = ExpectedSignal(name="s", units="", rate_hz=1000, first_id=0, samples=samples)
        for start, stop in [(0, 2000), (3, 1777), (5, 6)]:
            check_statistics(recording, truth, recording.statistics("s", (start, stop)))


def test_a_writer_that_died_leaves_statistics_of_what_it_wrote():
    """Nothing after the last full block has an entry anywhere: they are made of samples."""
    for size in (63, 64, 640, 1300, 12_864, 20_000):
        definition = Definition([Fsr("s", np.random.default_rng(size).normal(3, 1, size), **SMALL)], closed=False)
        with opened(definition) as recording:
            for law in (statistics_are_exact, columns_are_statistics):
                law(recording, Expected.of(truth_of(definition)))


# ---- threads, processes, closing -----------------------------------------------------------------------------------


SIZE = 300_000


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Return the path of a recording of two signals, one with holes of all kinds, and the truth."""
    rng = np.random.default_rng(3)
    holed = rng.normal(3, 1, SIZE).astype("f4")
    for start, size in zip(rng.integers(0, SIZE, 60).tolist(), rng.integers(1, 400, 60).tolist(), strict=True):
        holed[start : start + size] = np.nan
    counts = rng.integers(-99, 99, SIZE)
    definition = Definition([Fsr("holed", holed, **SMALL), Fsr("i32", counts, dtype="i32", **SMALL)])
    path = tmp_path_factory.mktemp("exact") / "run.jls"
    path.write_bytes(encode_definition(definition))
    return path, {truth.name: truth for truth in truths(definition)}


def ask_at_random(recording, truths, seed, times=20):
    """Ask about random windows and hold the answers to the truth; return how many there were."""
    rng = np.random.default_rng(seed)
    for i in range(times):
        start, stop = np.sort(rng.integers(0, SIZE + 1, 2)).tolist()
        for name, truth in truths.items():
            check_statistics(recording, truth, recording.statistics(name, (start, stop)))
            if i % 4 == 0:
                for found in recording.columns(name, (start, stop), 7):
                    check_statistics(recording, truth, found)
    return times


@pytest.fixture
def eager_threads():
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(action, count=6):
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        return action(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.parametrize("keep", [0, 20_000, 1 << 28])
def test_threads_ask_one_recording(long, keep, monkeypatch, eager_threads):
    """An answer is exact whoever looks for NaN, makes blocks, or forgets them all at the same moment."""
    path, truths = long
    monkeypatch.setattr("xjls.query.blocks.KEEP_BYTES", keep)
    for round_ in range(2):
        with xjls.open_recording(path) as recording:
            assert together(lambda i, r=recording, n=round_: ask_at_random(r, truths, 10 * n + i)) == [20] * 6


def test_threads_name_the_same_losses(eager_threads):
    """Every thread gets the error that says where, not one that only says that."""

    def fails(recording, number):
        for start in range(1500, 2700, 200):
            with pytest.raises(xjls.LostSamplesError, match=r"samples [\d_]+–[\d_]+ of"):
                recording.statistics(("f32", "i16")[number % 2], (start + number, start + 190))
        return True

    signals = [Fsr(name, np.arange(3000), dtype=name, **SMALL) for name in ("f32", "i16")]
    data = encode_definition(Definition(signals))
    for chunk in [c for c in chunks_of(data) if c.tag == 0x24 or (c.tag == 0x22 and c.offset > 9000)]:
        data = flip(data, chunk.payload.start + 20)
    for _ in range(10):
        with opened(data) as recording:
            assert all(together(lambda i, r=recording: fails(r, i)))


ASK_AND_CLOSE = """
import sys, threading
import numpy as np, xjls

def ask(recording, seed, size, under_way, ended):
    rng = np.random.default_rng(seed)
    try:
        while True:
            start, stop = np.sort(rng.integers(0, size, 2)).tolist()
            recording.columns("holed", (start, stop), 300)
            recording.statistics("i32", (start, stop))
            under_way.set()
    except ValueError as error:
        ended.append("closed" in str(error))

for attempt in range(25):
    recording = xjls.open_recording(sys.argv[1])
    size = recording.signals["holed"].length
    under_way, ended = threading.Event(), []
    threads = [threading.Thread(target=ask, args=(recording, i, size, under_way, ended)) for i in range(4)]
    for thread in threads:
        thread.start()
    under_way.wait()
    recording.close()
    for thread in threads:
        thread.join()
    assert ended == [True] * 4, ended
print("survived")
"""


def test_closing_under_questions_is_an_answer_or_an_error(long):
    """In an interpreter of its own: addresses into a file that is not mapped any more would end it."""
    command = [sys.executable, "-c", ASK_AND_CLOSE, str(long[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("survived\n", 0), done.stderr[-2000:]


@pytest.mark.parametrize("where", ["file", "memory"])
def test_a_closed_recording_answers_nothing(where):
    """Not even from what it has in memory."""
    with recording_at(where, Definition([Fsr("s", np.arange(5000), **SMALL)])) as (_, recording):
        recording.statistics("s")
        recording.close()
        for ask_it in (recording.statistics, recording.columns):
            for window in (None, (5, 60), (0, 0)):
                with pytest.raises(ValueError, match="is closed"):
                    ask_it("s", window)


def test_a_file_that_shrinks_under_questions_is_named(long, tmp_path):
    path = tmp_path / "run.jls"
    path.write_bytes(long[0].read_bytes())
    with xjls.open_recording(path) as recording:
        recording.statistics("i32")
        os.truncate(path, 100_000)
        for ask_it in (recording.statistics, recording.columns):
            for window in (None, (0, 100), (200_000, 300_000)):
                with pytest.raises(xjls.TruncatedError, match="shrank"):
                    ask_it("i32", window)


def test_a_pickled_recording_answers_the_same(long):
    """Blocks in memory stay behind; options do not."""
    path, truths = long
    with xjls.open_recording(path, on_damage="gap") as recording:
        questions_ = [(name, (7, SIZE - 3)) for name in truths]
        before = [recording.statistics(*one) for one in questions_]
        pickled = pickle.dumps(recording)
        assert len(pickled) < 4096
        with pickle.loads(pickled) as copy:
            assert [copy.statistics(*one) for one in questions_] == before


def answer(recording, truths, queue):
    queue.put(ask_at_random(recording, truths, os.getpid(), 5))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_asks_an_open_recording(long):
    path, truths = long
    with xjls.open_recording(path) as recording:
        ask_at_random(recording, truths, 1, 5)
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        children = [context.Process(target=answer, args=(recording, truths, queue)) for _ in range(2)]
        for child in children:
            child.start()
        ask_at_random(recording, truths, 2, 5)
        assert [queue.get() for _ in children] == [5, 5]
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0]


# ---- lengths that nobody could read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [10**6, 10**8, 10**10])
def test_columns_of_any_length_come_from_the_levels(tmp_path, samples):
    """Of 10¹⁰ samples 2000 columns and the whole: nothing is there to be read but what they need, in little memory."""
    windows = [(0, samples, 2000), (samples // 3 + 7, samples // 3 + 7 + samples // 50, 2000), (1, samples - 1, 1)]
    truth = write_sparse(tmp_path / "run.jls", samples, columns=windows)
    with xjls.open_recording(truth.path) as recording:
        recording.statistics("current", (0, 10))
        tracemalloc.start()
        for start, stop, n in windows:
            columns = recording.columns("current", (start, stop), n, nans="trust")
            wanted = np.array([truth.summary(*edges) for edges in pairwise(columns.edges.tolist())])
            found = np.stack([columns.mean, columns.std, columns.min, columns.max], axis=1)
            np.testing.assert_allclose(found, wanted, rtol=RTOL, atol=ATOL)
            assert (columns.count.sum(), columns.lost.sum()) == (stop - start, 0)
            whole = recording.statistics("current", (start, stop), nans="trust")
            numbers = whole.mean, whole.std, whole.min, whole.max
            np.testing.assert_allclose(numbers, truth.summary(start, stop), rtol=RTOL)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 50 << 20


def test_columns_bring_only_what_they_need_into_memory(tmp_path):
    """A thousand small reads all over a file do not make the whole of it be read."""
    size = 10**8
    truth = write_sparse(tmp_path / "run.jls", size, columns=[(0, size, 100)])
    with xjls.open_recording(truth.path) as recording:
        assert recording.columns("current", (0, size), 100, nans="trust").count.sum() == size
    assert not resident_fraction(str(truth.path)) > 0.2
