"""A JS110's words become what Joulescope's own processor makes of them, bit by bit, however they are cut up."""

import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.errors import SelectionError
from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.processor import Block, RawProcessor
from xjls.formats.jls1.suppression import Suppression
from xjls.kernels.joulescope import LONGEST, MISSING, Outputs, process, start

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # buffers and processor, without a driver
from joulescope.v0.stream_buffer import RawProcessor as Oracle
from joulescope.v0.stream_buffer import StreamBuffer

REAL = Calibration(
    current_offset=(-2807.1, -2810.2, -2811.9, -2813.3, -2823.8, -2815.5, -2817.25),
    current_gain=(6.829e-4, 1.6375e-4, 1.4626e-5, 1.49376e-6, 1.49705e-7, 1.49839e-8, 1.49845e-9),
    voltage_offset=(-1150.6, -2041.7), voltage_gain=(9.468e-4, 2.934e-4),
)  # fmt: skip
SPECS = (
    "normal", "off", "interp_1_m_1", "interp_1_0_1", "interp_0_12_0", "mean_1_n_1", "mean_8_m_8", "mean_0_n_3",
    "mean_3_4_0", "mean_2_1_0", "mean_0_n_0", "nan_0_n_0", "nan_0_m_0", "nan_3_7_2", "off_1_2_1",
)  # fmt: skip
FIELDS = Block.__slots__[1:]
ORACLE_BEARS = 55
"""Samples that a window may be open for before Joulescope's processor writes past the end of its memory."""


def words_of(ranges, seed=0, missing=()):
    """Return words with these current ranges and any codes."""
    rng = np.random.default_rng(seed)
    ranges = np.asarray(ranges)
    codes = rng.integers(0, 1 << 14, (len(ranges), 2))
    words = np.empty((len(ranges), 2), "u2")
    words[:, 0] = codes[:, 0] << 2 | ranges & 3
    words[:, 1] = codes[:, 1] << 2 | (np.arange(len(ranges)) & 1) << 1 | ranges >> 2
    words[list(missing)] = 0xFFFF
    return words


def random_words(seed, length=None, chatter=3):
    """Return words whose ranges stay, switch, and switch back; some are missing."""
    rng = np.random.default_rng(seed)
    ranges, missing = [], []
    length = length or int(rng.integers(1, 600))
    while len(ranges) < length:
        for _ in range(rng.integers(1, chatter + 1)):
            ranges += [int(rng.integers(0, 8))] * int(rng.integers(1, 10))
            if rng.random() < 0.2:
                missing += range(len(ranges), len(ranges) + int(rng.integers(1, 30)))
                ranges += [0] * (missing[-1] + 1 - len(ranges))
        ranges += [ranges[-1]] * int(rng.integers(30, 120))
    missing = [i for i in missing if i < length]
    return words_of(ranges[:length], seed, missing)


def by_the_book(words, spec, calibration=REAL, voltage_range=None):  # noqa: C901 - the book has it in one
    """Return what the rules say, sample by sample; how many are decided; and how long the longest window was open."""
    found, f4 = Suppression.of(spec), np.float32
    (offset, gain), table = calibration.scales(), found.windows()
    voltage_range = np.zeros(len(words), int) if voltage_range is None else voltage_range
    raw = words.astype(np.int64)
    absent = (raw == 0xFFFF).all(axis=1)
    ranges = np.where(absent, 8, raw[:, 0] & 3 | (raw[:, 1] & 1) << 2)
    measured = ((raw[:, 0] >> 2).astype("f4") + offset[ranges]) * gain[ranges]
    voltage = ((raw[:, 1] >> 2).astype("f4") + offset[9 + voltage_range]) * gain[9 + voltage_range]
    voltage[absent] = np.nan
    current = measured.copy()
    past = np.concatenate([np.full(8, np.nan, "f4"), measured])
    last, remaining, opened, g, longest = 7, 0, 0, f4(np.nan), 0
    for k, r in enumerate(ranges):
        window = int(table[r, last]) if r != last and found.mode != "off" else 0
        if window:
            if not remaining:
                opened, g = k, past[k - 1 + 8]
                if found.mode == "mean":
                    g = f4(0)
                    for back in range(found.pre, 0, -1):
                        g = f4(g + past[k - back + 8])
            remaining = max(remaining, window + found.post)
        if remaining == 1:
            count = k - opened + 1
            if found.mode == "interp":
                g = g if np.isfinite(g) else measured[k]
                step = f4(f4(measured[k] - g) / f4(count))
                for i in range(opened, k):
                    g = f4(g + step)
                    current[i] = g
            elif found.mode == "mean":
                total, n = (g, found.pre) if np.isfinite(g) else (f4(0), 0)
                for back in range(found.post):
                    total = f4(total + measured[k - back])
                n += found.post
                current[opened : k + 1 - found.post] = f4(total / f4(n)) if n else np.nan
            else:
                current[opened : k + 1] = voltage[opened : k + 1] = np.nan
        if remaining:
            longest = max(longest, k - opened + 1)
            remaining -= 1
        last = r
    decided = opened if remaining else len(words)
    bits = raw >> 2 & 1
    return (
        (current, voltage, current * voltage, ranges.astype("u1"), bits[:, 0] == 1, bits[:, 1] == 1),
        decided,
        longest,
    )


def all_of(blocks):
    """Return the fields of blocks that follow each other."""
    return [np.concatenate(column) for column in zip(*blocks, strict=True)]


def fields_of(block):
    return [getattr(block, name).copy() for name in FIELDS]


def assert_same(found, expected, what=""):
    for name, a, b in zip(FIELDS, found, expected, strict=True):
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a, b, err_msg=f"{name} {what}")
        if a.dtype == np.float32:
            ours, theirs = (x.view("u4")[~np.isnan(x)] for x in (a, b))
            np.testing.assert_array_equal(ours, theirs, err_msg=f"bits of {name} {what}")


def oracle_of(spec, calibration=REAL):
    oracle = Oracle()
    oracle.suppress_mode = spec
    c = calibration
    oracle.calibration_set(c.current_offset, c.current_gain, c.voltage_offset, c.voltage_gain)
    return oracle


@pytest.mark.parametrize("spec", SPECS)
def test_every_bit_is_that_of_joulescopes_own_processor(spec):
    oracle, ours, compared = oracle_of(spec), RawProcessor(REAL, suppression=spec), 0
    for seed in range(300):
        words = random_words(seed)
        _, decided, longest = by_the_book(words, spec)
        if longest >= ORACLE_BEARS:
            continue
        oracle.reset(), ours.reset()
        theirs, bits = oracle.process_bulk(words.reshape(-1))
        block = ours.process(words)
        assert len(block) == decided
        np.testing.assert_array_equal(block.current.view("u4"), theirs[:decided, 0].copy().view("u4"))
        np.testing.assert_array_equal(block.voltage.view("u4"), theirs[:decided, 1].copy().view("u4"))
        np.testing.assert_array_equal(block.current_range | block.gpi0 << 4 | block.gpi1 << 5, bits[:decided])
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(block.power, theirs[:decided, 0] * theirs[:decided, 1])
        compared += 1
    assert compared > 200


def test_what_the_vectors_convert_is_what_the_steps_convert():
    words = words_of(np.repeat([3, 3, 5, 5, 5, 0, 7, 7], 1000))
    words[5000] = 0xFFFF, 0x1234  # a saturated current of range 3, and no missing sample
    oracle, ours = oracle_of("normal"), RawProcessor(REAL)
    theirs, bits = oracle.process_bulk(words.reshape(-1))
    block = ours.process(words)
    np.testing.assert_array_equal(block.current.view("u4"), theirs[:, 0].copy().view("u4"))
    np.testing.assert_array_equal(block.voltage.view("u4"), theirs[:, 1].copy().view("u4"))
    np.testing.assert_array_equal(block.current_range | block.gpi0 << 4 | block.gpi1 << 5, bits)
    assert block.current_range[5000] == 3
    assert not block.current[-900:].any()  # off


@settings(max_examples=200)
@given(
    seed=st.integers(0, 1 << 30), spec=st.sampled_from(SPECS), chatter=st.integers(1, 12),
    cuts=st.lists(st.integers(0, 700), max_size=12), parts=st.sampled_from([1, 2, 7]),
)  # fmt: skip
def test_cuts_change_nothing_and_no_sample_waits_longer_than_its_window(seed, spec, chatter, cuts, parts):
    words = random_words(seed, 700, chatter)
    ranges = np.random.default_rng(seed).integers(0, 2, 700)
    expected, decided, longest = by_the_book(words, spec, voltage_range=ranges)
    processor, blocks, given_in = RawProcessor(REAL, suppression=spec, first_id=1000), [], 0
    for lo, hi in pairwise([0, *sorted(cuts), 700]):
        for part in np.array_split(np.arange(lo, hi), parts):
            block = processor.process(words[part], ranges[part] if len(part) else 0)
            given_in += len(part)
            assert block.first_id == 1000 + sum(len(b[0]) for b in blocks)
            blocks.append(fields_of(block))
            assert block.stop == processor.first_id
            assert processor.next_id == 1000 + given_in
            assert processor.next_id - block.stop <= longest
    assert processor.first_id == 1000 + decided
    assert_same(all_of(blocks), [field[:decided] for field in expected], spec)
    rest = fields_of(processor.finish())
    assert np.isnan(rest[0]).all()
    assert np.isnan(rest[2]).all()
    np.testing.assert_array_equal(rest[3], expected[3][decided:])
    np.testing.assert_array_equal(rest[1], expected[1][decided:])
    assert processor.first_id == processor.next_id == 1700


def test_a_voltage_range_counts_for_its_part():
    words = words_of([3] * (4 * 126))
    ranges = np.array([0, 1, 1, 0], "u1")
    block = RawProcessor(REAL, suppression="off").process(words, ranges)
    offset, gain = REAL.scales()[:, 9 + np.repeat(ranges, 126)]
    np.testing.assert_array_equal(block.voltage, ((words[:, 1] >> 2).astype("f4") + offset) * gain)


@pytest.mark.parametrize("spec", ["normal", "mean_3_n_2", "nan_0_n_0"])
def test_switching_without_an_end_neither_waits_nor_fills_the_memory(spec):
    length = 10 * LONGEST
    words = words_of(np.concatenate([[3] * 50, 3 + np.arange(length) % 2, [3] * 50]))
    processor, blocks = RawProcessor(REAL, suppression=spec), []
    for at in range(0, len(words), 1000):
        blocks.append(fields_of(processor.process(words[at : at + 1000])))
        assert processor.next_id - processor.first_id < LONGEST
    current, voltage, power, ranges, *_ = all_of(blocks)
    assert len(current) == len(words)
    assert len(processor._outputs.current) <= LONGEST + 1000
    lost = np.isnan(current)
    assert lost[60 : 50 + LONGEST - 1].all()
    assert np.isfinite(current[-40:]).all()
    np.testing.assert_array_equal(lost, np.isnan(power))
    np.testing.assert_array_equal(ranges, np.concatenate([[3] * 50, 3 + np.arange(length) % 2, [3] * 50]))
    if spec == "normal":
        assert np.isfinite(voltage).all()


def test_samples_that_are_missing_leave_nothing_behind():
    words = words_of([3] * 100 + [4] * 3 + [5] * 200)
    processor = RawProcessor(REAL)
    whole = fields_of(processor.process(words[:103]))
    assert len(whole[0]) == 100
    held = processor.skip(126 * 7)
    assert (held.first_id, len(held), processor.first_id) == (100, 3, 103 + 126 * 7)
    assert np.isnan(held.current).all()
    assert np.isfinite(held.voltage).all()
    after = processor.process(words[103:])
    assert (after.first_id, len(after)) == (103 + 126 * 7, 200)
    expected, *_ = by_the_book(
        np.concatenate([words[:103], np.full((126 * 7, 2), 0xFFFF, "u2"), words[103:]]), "normal"
    )
    assert_same(fields_of(after), [field[-200:] for field in expected])


def test_a_toggle_that_did_not_tells_of_a_sample_that_is_missing():
    words = np.delete(words_of([3] * 4000), [100, 2000, 2001, 3001], axis=0)
    processor = RawProcessor(REAL)
    for at in range(0, len(words), 777):
        processor.process(words[at : at + 777])
    assert processor.repeated_toggles == 2  # two in a row do not show
    buffer = StreamBuffer(1, [], 1_000_000)
    buffer.insert_raw(words)
    buffer.process()
    assert buffer.status()["sample_sync_count"]["value"] == processor.repeated_toggles
    processor.skip(126)
    processor.process(words[:10])
    assert processor.repeated_toggles == 2


def test_the_tables_are_joulescopes():
    for spec in SPECS:
        oracle = Oracle()
        oracle.suppress_mode = spec
        assert str(Suppression.of(spec)) == oracle.suppress_mode
    assert Suppression.of("") == Suppression.of("OFF") == Suppression.of("none") == Suppression(mode="off")
    assert Suppression.of("interpolate_1_n_1") == Suppression.of("normal")


@pytest.mark.parametrize("spec", ["mean_0_", "mean_0_0", "best_1_n_1", "mean_-1_n_1", "mean_1_x_1", "mean 1 n 1"])
def test_a_spec_that_is_none(spec):
    with pytest.raises(SelectionError, match=r"suppression .* is none\. Give normal, off, or MODE_PRE_WINDOW_POST"):
        Suppression.of(spec)


@pytest.mark.parametrize("spec", ["mean_9_n_1", "mean_1_13_1", "mean_1_n_9"])
def test_a_spec_that_reaches_too_far(spec):
    with pytest.raises(SelectionError, match=r"reaches too far\. At most 8 samples before and behind, and 12 inside"):
        Suppression.of(spec)


def test_what_does_not_fit_is_refused():
    words = np.zeros(10, "u4")
    scales, windows = REAL.scales(), Suppression.of("off").windows()
    arrays = [np.empty(10, "f4") for _ in range(3)], np.empty(10, "u1"), np.empty(10, "?"), np.empty(10, "?")
    outputs = Outputs(*arrays[0], *arrays[1:])
    with pytest.raises(ValueError, match="10 words are not 3 equal parts"):
        process(words, np.zeros(3, "u1"), scales, windows, (0, 0, 0), start(), outputs, 0)
    with pytest.raises(ValueError, match="10 words are not 0 equal parts"):
        process(words, np.zeros(0, "u1"), scales, windows, (0, 0, 0), start(), outputs, 0)
    with pytest.raises(ValueError, match="outputs must be of one length, and have room for 1 \\+ 10 samples"):
        process(words, np.zeros(1, "u1"), scales, windows, (0, 0, 0), start(), outputs, 1)
    with pytest.raises(ValueError, match="outputs must be of one length"):
        process(
            words, np.zeros(1, "u1"), scales, windows, (0, 0, 0), start(), outputs._replace(power=np.empty(9, "f4")), 0
        )
    assert MISSING == 8


def test_nothing_in_nothing_out():
    processor = RawProcessor()
    assert len(processor.process(np.empty((0, 2), "u2"))) == len(processor.finish()) == 0
    assert len(processor.skip(126)) == 0
    assert processor.first_id == 126
