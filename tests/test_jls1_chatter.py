"""Ranges that switch for longer than any window: currents there are unknown, and the same wherever one begins to look.

A window of up to `LONGEST` samples is decided where it closes; of a longer one only those at its end are known that
count for a mean, or for a line.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.formats.jls1.calibration import Calibration as OurCalibration
from xjls.formats.jls1.processor import RawProcessor
from xjls.formats.jls1.raw import RawSamples
from xjls.formats.jls1.suppression import MODES, Suppression
from xjls.kernels.joulescope import LONGEST
from xjls.testing.jls1 import Calibration, Definition, Sizes, suppress, truth_of, words_of, write_jls1
from xjls.testing.jls1.words import absent
from xjls.testing.laws import equal_values

NUMBERS = Calibration()
OURS = OurCalibration.decode(NUMBERS.encode())
SPECS = (
    "normal", "interp_1_m_1", "interp_1_12_1", "nan_0_n_0", "nan_0_12_0", "mean_1_n_1", "mean_8_12_8", "mean_2_m_0",
    "mean_4_n_3", "mean_1_n_4", "mean_0_m_5", "mean_3_7_6", "mean_1_n_7", "mean_0_n_8",
)  # fmt: skip
KEPT = {"interp": lambda _: 1, "nan": lambda _: 0, "mean": lambda spec: Suppression.of(spec).post}
"""Currents at the end of a window that stay as they are."""
CALM = 100
MOST_READ = 4 * LONGEST
"""Words that a small read may need: twice a longest window ahead of it, and one behind."""
SIZES = Sizes(100, 20, 3)


def signals_of(words, spec):
    """Return current and voltage of a whole run as the slow description has them, and the ranges."""
    scales = NUMBERS.scales()
    ranges = np.where(absent(words), 8, words[:, 0] & 3 | (words[:, 1] & 1) << 2).astype("i8")
    codes = (words >> 2).astype("f4")
    current = (codes[:, 0] + scales[0, ranges]) * scales[1, ranges]
    voltage = (codes[:, 1] + scales[0, 9]) * scales[1, 9]
    voltage[ranges == 8] = np.nan
    return *suppress(spec, ranges, current, voltage), current


def converted(words, spec, cuts=()):
    """Return current, voltage and power as the kernel has them, given in pieces."""
    processor = RawProcessor(OURS, suppression=spec)
    found = []
    for piece in np.split(words, sorted(cuts)):
        block = processor.process(piece)
        found.append([block.current.copy(), block.voltage.copy(), block.power.copy()])
    block = processor.finish()
    found.append([block.current.copy(), block.voltage.copy(), block.power.copy()])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def switching(n, calm=CALM, seed=0):
    """Return words whose ranges switch with each of ``n`` samples, between two times in which they do not."""
    return words_of(np.concatenate([np.full(calm, 3), 4 - np.arange(n) % 2, np.full(calm, 3 + n % 2)]), seed=seed)


def window_of(words, spec):
    """Return where the window begins that switches open behind the calm, and where it ends."""
    suppression = Suppression.of(spec)
    table, last = suppression.windows(), len(words) - CALM - 1
    ranges = (words[:, 0] & 3 | (words[:, 1] & 1) << 2).astype(int)
    at = np.flatnonzero(np.diff(ranges)) + 1
    ends = at + table[ranges[at], ranges[at - 1]] + suppression.post
    assert at[-1] == last
    return CALM, int(ends.max())


# ---- the longest window --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beyond", [-1, 0, 1, 2, LONGEST - 1, LONGEST, LONGEST + 1, 9000])
@pytest.mark.parametrize("spec", SPECS)
def test_a_window_is_decided_up_to_the_longest_and_unknown_beyond_it(spec, beyond):
    """All of a longer one but its last samples, wherever a multiple of the longest lies in it."""
    suppression = Suppression.of(spec)
    first, stop = window_of(switching(2), spec)
    words = switching(2 + LONGEST + beyond - (stop - first))
    first, stop = window_of(words, spec)
    assert abs(stop - first - LONGEST - beyond) < 4  # a switch is felt for longer in one direction
    current, voltage, power = converted(words, spec)
    expected, volts, measured = signals_of(words, spec)
    assert equal_values(current, expected)
    assert equal_values(voltage, volts)
    assert equal_values(power, expected * volts)
    inside, kept = current[first:stop], KEPT[suppression.mode](spec)
    if stop - first > LONGEST:
        assert np.isnan(inside[: len(inside) - kept]).all()
        assert equal_values(inside[len(inside) - kept :], measured[stop - kept : stop])
    else:
        assert np.isnan(inside).all() if suppression.mode == "nan" else np.isfinite(inside).all()
    assert equal_values(current[stop:], measured[stop:])


def test_lengths_around_the_longest_are_all_met():
    """What the test above says of both sides is said of some."""
    lengths = {spec: set() for spec in SPECS}
    for spec in SPECS:
        for n in range(LONGEST - 24, LONGEST + 4):
            first, stop = window_of(switching(n), spec)
            lengths[spec].add(stop - first)
    assert all({LONGEST - 1, LONGEST, LONGEST + 1} & found for found in lengths.values())
    assert all(min(found) <= LONGEST < max(found) for found in lengths.values())


@pytest.mark.parametrize("spec", SPECS)
def test_every_length_around_the_longest_is_as_it_is_described(spec):
    for n in range(LONGEST - 24, LONGEST + 4):
        words = switching(n, calm=30, seed=n)
        current, voltage, _ = converted(words, spec, [n // 2])
        expected, volts, _ = signals_of(words, spec)
        assert equal_values(current, expected), n
        assert equal_values(voltage, volts), n


# ---- whole runs ----------------------------------------------------------------------------------------------------


LENGTHS = st.one_of(st.integers(1, 60), st.integers(LONGEST - 30, LONGEST + 10), st.integers(2 * LONGEST - 20, 9000))
PARTS = st.lists(st.tuples(LENGTHS, st.sampled_from(["calm", "two", "any", "missing", "slow"])), min_size=1, max_size=5)


def words_in(parts, seed):
    """Return words of calm and switching parts."""
    rng = np.random.default_rng(seed)
    made, missing, at = [], [], 0
    for length, kind in parts:
        n = min(length, 200) if kind in ("calm", "missing") else length
        made.append({
            "calm": lambda n: np.full(n, rng.integers(0, 8)),
            "two": lambda n: 3 + np.arange(n) % 2,
            "any": lambda n: rng.integers(0, 8, n),
            "missing": lambda n: np.full(n, 5),
            "slow": lambda n: np.repeat(rng.integers(0, 7, n // 6 + 1), 6)[:n],
        }[kind](n))  # fmt: skip
        missing += [(at, at + n)] if kind == "missing" else []
        at += n
    return words_of(np.concatenate(made), seed=seed, missing=missing)


@settings(max_examples=50)
@given(parts=PARTS, spec=st.sampled_from(SPECS), seed=st.integers(0, 1 << 20), cuts=st.lists(st.integers(0, 20_000)))
def test_a_whole_run_is_as_it_is_described_however_it_is_cut(parts, spec, seed, cuts):
    words = words_in(parts, seed)
    expected, volts, _ = signals_of(words, spec)
    current, voltage, power = converted(words, spec, [min(cut, len(words)) for cut in cuts])
    assert equal_values(current, expected)
    assert equal_values(voltage, volts)
    assert equal_values(power, expected * volts)


@settings(max_examples=40)
@given(
    parts=PARTS, spec=st.sampled_from(SPECS), seed=st.integers(0, 1 << 20),
    edges=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([-LONGEST, 0, LONGEST]), st.integers(-60, 60),
                             st.integers(0, 300)), min_size=8, max_size=16),
)  # fmt: skip
def test_windows_around_the_longest_are_the_cut_of_the_whole(tmp_path_factory, parts, spec, seed, edges):
    """Of every signal, and wherever parts begin and end."""
    words = words_in(parts, seed)
    definition = Definition(words=words, sizes=SIZES, v_ranges=(0, 1), rows="none")
    path = write_jls1(tmp_path_factory.mktemp("chatter") / "run.jls", definition)
    truth = truth_of(definition, suppressed=spec)
    borders = [0, *np.cumsum([min(n, 200) if kind in ("calm", "missing") else n for n, kind in parts]).tolist()]
    with xjls.open_recording(path, format_options={"suppress": spec}) as recording:
        for number, far, near, length in edges:
            start = int(np.clip(borders[number % len(borders)] + far + near, 0, len(words)))
            window = start, min(start + length, len(words))
            for name, values in truth.signals.items():
                assert equal_values(recording.read(name, window), values[slice(*window)]), (name, window)


# ---- small reads ---------------------------------------------------------------------------------------------------


ENDLESS = 40_000
"""Samples that switch all the time."""


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    definition = Definition(words=switching(ENDLESS, seed=9), sizes=SIZES, rows="none", v_ranges=(0, 1))
    return definition, write_jls1(tmp_path_factory.mktemp("endless") / "run.jls", definition)


@pytest.fixture
def looked_at(monkeypatch):
    """Return a list to which every number of words is added that are looked at, or converted."""
    found = []
    words, process = RawSamples.words, RawProcessor.process

    def counted_words(self, window, **how):
        found.append(window.length)
        return words(self, window, **how)

    def counted_process(self, raw, *how):
        found.append(len(raw))
        return process(self, raw, *how)

    monkeypatch.setattr(RawSamples, "words", counted_words)
    monkeypatch.setattr(RawProcessor, "process", counted_process)
    return found


@pytest.mark.parametrize("spec", SPECS)
def test_a_small_read_in_long_chatter_reads_little_and_is_the_cut_of_the_whole(endless, looked_at, spec):
    definition, path = endless
    truth = truth_of(definition, suppressed=spec)
    total = len(definition.words)
    starts = [0, 90, CALM + LONGEST - 5, CALM + LONGEST + 3, 2 * LONGEST + 77, 25_000, total - 130, total - 10]
    with xjls.open_recording(path, format_options={"suppress": spec}) as recording:
        for start in starts:
            for name, values in truth.signals.items():
                looked_at.clear()
                assert equal_values(recording.read(name, (start, start + 10)), values[start : start + 10]), (
                    name,
                    start,
                )
                assert 10 <= sum(looked_at) <= MOST_READ, (name, start)


def test_a_read_of_what_is_not_suppressed_reads_no_more_than_that(endless, looked_at):
    definition, path = endless
    truth = truth_of(definition, suppressed="off")
    with xjls.open_recording(path, format_options={"suppress": "off"}) as recording:
        for name, values in truth.signals.items():
            looked_at.clear()
            assert equal_values(recording.read(name, (25_000, 25_010)), values[25_000:25_010])
            assert sum(looked_at) == 10


def test_a_small_read_between_switches_reads_some_hundred_words(tmp_path, looked_at):
    words = words_of(3 + np.arange(40_000) // 200 % 2, seed=3)
    definition = Definition(words=words, sizes=SIZES, rows="none")
    truth = truth_of(definition)
    with xjls.open_recording(write_jls1(tmp_path / "run.jls", definition)) as recording:
        for start in range(20_000, 20_400, 37):
            looked_at.clear()
            assert equal_values(
                recording.read("current", (start, start + 10)), truth.signals["current"][start : start + 10]
            )
            assert sum(looked_at) < 700


def test_every_way_of_suppression_is_tried():
    assert {Suppression.of(spec).mode for spec in SPECS} == set(MODES) - {"off"}
    assert {Suppression.of(spec).post for spec in SPECS} == set(range(9)) - {2}
