"""PicoStreamReader as it is without strict: every sample once, groups aligned to the file, errors for what is wrong."""

import contextlib
import warnings
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.compat.picostream import PicoStreamReader, RefusedError
from xjls.errors import FormatError, LostSamplesError
from xjls.formats.picostream.file import File
from xjls.testing.picostream import LOST, VINTAGES, GrowingPicoStream, counts_of, write_picostream

RANGE_V, MAX_ADC, INTERVAL_NS = 2.0, 32752, 16


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run.hdf5")


def write(path, counts, **how):
    return write_picostream(path, counts, **({"range_v": RANGE_V, "max_adc": MAX_ADC} | how))


def in_mv(counts, offset_v=0.0):
    """The golden numbers: counts are shares of the range."""
    counts = np.asarray(counts, float)
    return np.where(counts == LOST, np.nan, counts * (RANGE_V * 1000) / MAX_ADC + offset_v * 1000)


def grouped(counts, factor, mode, each=1, start=0):
    """What groups of a window become, by NumPy, one by one: counts, and timesteps."""
    size, stop = factor * each, start + len(counts)
    edges = [start, *range((start // size + 1) * size, stop, size), stop] if start < stop else []
    found, steps = [], []
    for lo, hi in pairwise(edges):
        streams = counts[lo - start : hi - start].reshape(-1, each).T
        counted = [stream[stream != LOST] for stream in streams]
        if mode == "min_max":
            found += [reduce(one) if len(one) else np.nan for reduce, one in ((min, counted[0]), (max, counted[-1]))]
        else:
            found += [one.mean() if len(one) else np.nan for one in counted]
        steps += [lo // each] * (2 if mode == "min_max" else each)
    return np.array(found), np.array(steps)


def check(block, counts, steps, offset_v=0.0, step_ns=INTERVAL_NS):
    times, mv = block
    assert times.dtype == mv.dtype == np.float64
    np.testing.assert_array_equal(times, np.array(steps) * step_ns / 1e9)
    np.testing.assert_allclose(mv, in_mv(counts, offset_v), rtol=1e-14, atol=1e-12)


def joined(blocks):
    blocks = list(blocks)
    return tuple(np.concatenate([block[k] for block in blocks]) for k in (0, 1)) if blocks else (np.empty(0),) * 2


# ---- what a file says ----------------------------------------------------------------------------------------------


def test_placeholders_stand_until_it_is_opened_and_what_was_read_stays(path):
    reader = PicoStreamReader(path)
    assert (reader.num_samples, reader.sample_interval_ns, reader.voltage_range_v) == (0, 0.0, 0.0)
    assert (reader.max_adc_val, reader.analog_offset_v) == (0, 0.0)
    assert (reader.downsample_mode, reader.hardware_downsample_ratio) == ("average", 1)
    assert "not open" in repr(reader)
    write(path, np.arange(100), ratio=4)
    with reader as same:
        assert same is reader
        assert (reader.num_samples, reader.sample_interval_ns, reader.voltage_range_v) == (100, 64.0, 2.0)
        assert (reader.max_adc_val, reader.hardware_downsample_ratio) == (MAX_ADC, 4)
        assert "not open" not in repr(reader)
    assert (reader.num_samples, reader.sample_interval_ns) == (0, 64.0)
    with reader:
        assert reader.get_block(3)[1].size == 3


@pytest.mark.parametrize("vintage", VINTAGES)
def test_every_vintage(path, vintage):
    counts = counts_of("average", 3000)
    write(path, counts, vintage=vintage, max_adc=32767, range_v=5.0)
    with PicoStreamReader(path) as reader:
        assert (reader.voltage_range_v, reader.max_adc_val) == (5.0, 32767)
        assert reader.sample_interval_ns == (80 if vintage == "F0" else 16)
        times, mv = reader.get_block(3000)
        np.testing.assert_allclose(mv, counts * 5000.0 / 32767, rtol=1e-14, atol=1e-12)
        np.testing.assert_array_equal(times, np.arange(3000) * reader.sample_interval_ns / 1e9)


def test_what_had_to_be_assumed_is_logged(path, caplog):
    write(path, np.arange(10), vintage="F4", resolution="PS5000A_DR_8BIT")
    with PicoStreamReader(path) as reader:
        assert reader.max_adc_val == 32512
    assert "full scale is taken to be 32512 counts" in caplog.text


def test_numbers_are_those_of_a_recording(path):
    write(path, counts_of("average", 5000), offset_v=0.5)
    with PicoStreamReader(path, offset_sign="subtract") as reader:
        times, mv = reader.get_block(5000)
    with xjls.open_recording(path, format_options={"units": "mV"}) as recording:
        signal = recording.signal("channel_a")
        np.testing.assert_allclose(mv, signal.physical(recording.read("channel_a")), rtol=1e-14, atol=1e-12)
        assert times[1] == float(1 / signal.rate_hz)


@pytest.mark.parametrize(("sign", "factor"), [("subtract", -1), ("add", 1)])
@pytest.mark.parametrize("offset_v", [0.5, -1.2, 0.0])
def test_offset_as_it_is_asked_for(path, sign, factor, offset_v):
    counts = counts_of("average", 1000)
    write(path, counts, offset_v=offset_v)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with PicoStreamReader(path, offset_sign=sign) as reader:
            assert reader.analog_offset_v == offset_v
            check(reader.get_block(1000), counts, range(1000), factor * offset_v)
            found, steps = grouped(counts, 7, "min_max")
            check(reader.get_block(1000, 0, 7, "min_max"), found, steps, factor * offset_v)


def test_offset_that_nobody_spoke_of_is_subtracted_with_one_warning(path):
    write(path, np.arange(10), offset_v=0.5)
    reader = PicoStreamReader(path)
    with pytest.warns(UserWarning, match=r"offset of 0.5 V.*differ from these by \+1 V.*\"add\"") as told:
        reader.__enter__()
    with contextlib.ExitStack() as stack:
        stack.push(reader)
        check(reader.get_block(10), np.arange(10), range(10), -0.5)
    assert len(told) == 1
    assert told[0].filename == __file__


# ---- windows and groups --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["average", "aggregate"])
def recorded(request, tmp_path_factory):
    """A file with some lost samples, in chunks that no group fits, and how many values a timestep has."""
    each = 2 if request.param == "aggregate" else 1
    counts = counts_of(request.param, 5003, ratio=3)
    counts[[17, 400 * each, 400 * each + 1]] = LOST
    path = tmp_path_factory.mktemp("pico") / "run.hdf5"
    return write(path, counts, mode=request.param, block=321), counts, each


@settings(deadline=None, max_examples=60)
@given(
    chunk=st.integers(100, 12_000), factor=st.one_of(st.integers(1, 40), st.sampled_from([100, 321, 6000, 1 << 50])),
    mode=st.sampled_from(["mean", "min_max"]),
)  # fmt: skip
def test_law_blocks_joined_are_one_block(recorded, chunk, factor, mode):
    path, counts, each = recorded
    with PicoStreamReader(path) as reader:
        whole = reader.get_block(reader.num_samples, 0, factor, mode)
        by_iterator = joined(reader.get_block_iter(chunk, factor, mode))
        by_cursor = joined(iter(lambda: reader.get_next_block(chunk, factor, mode), None))
    check(whole, *grouped(counts, factor, mode, each))
    for found in (by_iterator, by_cursor):
        np.testing.assert_array_equal(found[0], whole[0])
        np.testing.assert_array_equal(found[1], whole[1])


@settings(deadline=None, max_examples=60)
@given(
    start=st.integers(0, 5000), size=st.integers(1, 6000), factor=st.integers(1, 400),
    mode=st.sampled_from(["mean", "min_max"]),
)  # fmt: skip
def test_a_window_has_the_pairs_that_begin_in_it(recorded, start, size, factor, mode):
    path, counts, each = recorded
    first = -(-start // each) * each
    stop = min(-(-(start + size) // each) * each, len(counts))
    with PicoStreamReader(path) as reader:
        found, steps = grouped(counts[first:stop], factor, mode, each, first)
        check(reader.get_block(size, start, factor, mode), found, steps)


def test_groups_of_a_window_are_aligned_to_the_file(path):
    write(path, np.arange(20))
    with PicoStreamReader(path) as reader:
        check(reader.get_block(9, 3, 4, "min_max"), [3, 3, 4, 7, 8, 11], [3, 3, 4, 4, 8, 8])
        check(reader.get_block(9, 3, 4), [3, 5.5, 9.5], [3, 4, 8])


def test_the_tail_is_a_short_group(path):
    write(path, np.arange(10))
    with PicoStreamReader(path) as reader:
        check(reader.get_block(10, 0, 4, "min_max"), [0, 3, 4, 7, 8, 9], [0, 0, 4, 4, 8, 8])
        check(reader.get_block(10, 0, 100, "min_max"), [0, 9], [0, 0])
        check(reader.get_block(10, 0, 100), [4.5], [0])


def test_extremes_are_two_numbers_a_group_whatever_the_factor(path):
    write(path, np.arange(3))
    with PicoStreamReader(path) as reader:
        check(reader.get_block(3, 0, 1, "min_max"), [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2])


def test_pairs_share_a_time_and_are_decimated_each_for_itself(path):
    write(path, [0, 10, 1, 30, 2, 20, 3, 60, 4, 50], mode="aggregate", ratio=4)
    with PicoStreamReader(path) as reader:
        assert (reader.num_samples, reader.sample_interval_ns, reader.downsample_mode) == (10, 64.0, "aggregate")
        check(reader.get_block(4), [0, 10, 1, 30], [0, 0, 1, 1], step_ns=64)
        check(reader.get_block(10, 0, 2, "min_max"), [0, 30, 2, 60, 4, 50], [0, 0, 2, 2, 4, 4], step_ns=64)
        check(reader.get_block(10, 0, 2), [0.5, 20, 2.5, 40, 4, 50], [0, 0, 2, 2, 4, 4], step_ns=64)
        check(reader.get_block(4, 3), [2, 20, 3, 60], [2, 2, 3, 3], step_ns=64)


def test_a_last_minimum_without_maximum_is_in_no_block(path):
    write(path, [0, 10, 1, 30, 2], mode="aggregate")
    with PicoStreamReader(path) as reader:
        assert reader.num_samples == 5
        check(reader.get_block(5), [0, 10, 1, 30], [0, 0, 1, 1])
        check(reader.get_block(1, 4), [], [])
        assert [times.size for times, _ in reader.get_block_iter(2)] == [2, 2]
        assert [reader.get_next_block(2)[0].size, reader.get_next_block(2)[0].size] == [2, 2]
        assert reader.get_next_block(2) is None


def test_lost_samples_are_nan_and_in_no_group(path):
    counts = np.arange(100, 112).astype("i2")
    counts[[1, 4, 5, 6, 7]] = LOST
    write(path, counts)
    with PicoStreamReader(path) as reader:
        check(reader.get_block(12), counts, range(12))
        check(reader.get_block(12, 0, 4, "min_max"), [100, 103, LOST, LOST, 108, 111], [0, 0, 4, 4, 8, 8])
        check(reader.get_block(12, 0, 4), [(100 + 102 + 103) / 3, LOST, 109.5], [0, 4, 8])


def test_lost_values_of_pairs_leave_the_other_one(path):
    write(path, [LOST, 10, 1, LOST, 2, 20], mode="aggregate")
    with PicoStreamReader(path) as reader:
        check(reader.get_block(6, 0, 2, "min_max"), [1, 10, 2, 20], [0, 0, 2, 2])
        check(reader.get_block(6, 0, 3), [1.5, 15], [0, 0])


def test_what_was_never_written_is_lost(path):
    write(path, np.arange(30) + 5, block=10)
    with h5py.File(path, "r+") as file:
        file["adc_counts"].resize((60,))
        file["adc_counts"][40:50] = 7
    with PicoStreamReader(path) as reader:
        assert reader.num_samples == 50
        expected = np.concatenate([np.arange(30) + 5, [LOST] * 10, [7] * 10])
        check(reader.get_block(100), expected, range(50))
        check(reader.get_block(100, 0, 25, "min_max"), [5, 29, 7, 34], [0, 0, 25, 25])


def test_what_was_never_written_keeps_the_rest_in_place(path):
    """Values are read where they lie, whatever is missing between them."""
    write(path, np.arange(30) + 5, block=10)
    with h5py.File(path, "r+") as file:
        file["adc_counts"].resize((60,))
        file["adc_counts"][40:50] = 7
    file = File(path)
    try:
        pieces = list(file.counts.pieces(5, 60, LOST))
        expected = np.concatenate([np.arange(10, 35), [LOST] * 10, [7] * 10, [LOST] * 10])
        np.testing.assert_array_equal(np.concatenate(pieces), expected)
        lying = [piece for piece in pieces if not (piece == LOST).all()]
        assert lying
        assert not any(piece.flags.owndata for piece in lying)
    finally:
        file.close()


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"chunks": None}, {"dtype": ">i2"}])
def test_however_it_is_stored(path, options):
    counts = counts_of("average", 25_000)
    write(path, counts, **options)
    with PicoStreamReader(path) as reader:
        check(reader.get_block(25_000), counts, range(25_000))
        found, steps = grouped(counts, 130, "min_max")
        check(joined(reader.get_block_iter(777, 130, "min_max")), found, steps)


def test_an_empty_file(path):
    write(path, [])
    with PicoStreamReader(path) as reader:
        assert reader.num_samples == 0
        assert list(reader.get_block_iter()) == []
        assert reader.get_next_block(10) is None
        check(reader.get_block(10), [], [])


# ---- the cursor ----------------------------------------------------------------------------------------------------


def test_cursor_iterator_and_get_block_do_not_move_each_other(path):
    write(path, np.arange(100))
    with PicoStreamReader(path) as reader:
        blocks = reader.get_block_iter(40)
        assert reader.get_next_block(30)[1].size == 30
        check(next(blocks), range(40), range(40))
        check(reader.get_block(5, 90), range(90, 95), range(90, 95))
        check(reader.get_next_block(30), range(30, 60), range(30, 60))
        check(next(blocks), range(40, 80), range(40, 80))
        reader.reset()
        check(reader.get_next_block(10), range(10), range(10))
        assert [block[0].size for block in blocks] == [20]
    with reader:
        check(reader.get_next_block(1), [0], [0])


def test_the_cursor_may_change_its_factor(path):
    write(path, np.arange(30))
    with PicoStreamReader(path) as reader:
        check(reader.get_next_block(7), range(7), range(7))
        check(reader.get_next_block(7, 10, "min_max"), [7, 9, 10, 19], [7, 7, 10, 10])
        check(reader.get_next_block(100, 4), [21.5, 25.5, 28.5], [20, 24, 28])
        assert reader.get_next_block(100, 4) is None


# ---- a file that grows ---------------------------------------------------------------------------------------------


def test_a_file_that_is_being_written_grows(path):
    with GrowingPicoStream(path, block=100, flush=True) as growing, PicoStreamReader(path) as reader:
        assert reader.get_next_block(50) is None
        for block in range(1, 4):
            growing.append(np.arange(100) * block)
            assert reader.num_samples == 100 * block
            assert reader.get_next_block(1000)[1].size == 100
            assert reader.get_next_block(1000) is None
        blocks = reader.get_block_iter(200)
        growing.append(np.arange(100))
        assert [times.size for times, _ in blocks] == [200, 100]


def test_a_file_that_is_opened_to_be_appended_to_grows(path):
    write(path, np.arange(100), block=100)
    with PicoStreamReader(path) as reader:
        assert reader.get_next_block(1000)[1].size == 100
        with h5py.File(path, "r+") as file:
            file["adc_counts"].resize((200,))
            file["adc_counts"][100:] = 3
        assert reader.num_samples == 200
        assert reader.get_next_block(1000)[1].size == 100


def test_a_file_that_is_removed_stays_as_it_was(path):
    write(path, np.arange(100))
    with PicoStreamReader(path) as reader:
        Path(path).unlink()
        check(reader.get_block(100), range(100), range(100))


def test_a_file_that_cannot_be_read_for_a_while_is_read_again(path):
    write(path, np.arange(100))
    with PicoStreamReader(path) as reader:
        whole = Path(path).read_bytes()
        Path(path).write_bytes(b"")
        with pytest.raises(FormatError, match="not an HDF5 file"):
            reader.get_block(100)
        Path(path).write_bytes(whole)
        check(reader.get_block(100), range(100), range(100))


def test_a_file_that_is_emptied_begins_anew(path):
    with GrowingPicoStream(path, block=100, flush=True) as growing:
        growing.append(np.arange(100))
        with PicoStreamReader(path) as reader:
            blocks = reader.get_block_iter(50)
            next(blocks)
            assert reader.get_next_block(100)[1].size == 100
            growing.reset()
            assert reader.num_samples == 0
            for call in (lambda: reader.get_next_block(100), lambda: next(blocks)):
                with pytest.raises(LostSamplesError, match=r"has dropped these samples.*reset\(\)"):
                    call()
            reader.reset()
            assert reader.get_next_block(100) is None


@pytest.mark.parametrize("refilled", [500, 1500, 2500])
def test_blocks_are_of_one_epoch(path, refilled):
    """However far that reaches which took the place of the samples: not to the last block, beyond it, beyond them."""
    with GrowingPicoStream(path, block=100, flush=True, max_adc=MAX_ADC) as growing:
        growing.append(np.ones(2000))
        with PicoStreamReader(path) as reader, PicoStreamReader(path, strict=True) as strict:
            blocks, quirky = reader.get_block_iter(500), strict.get_block_iter(500)
            for start in (0, 500):
                check(next(blocks), np.ones(500), range(start, start + 500))
                check(reader.get_next_block(500), np.ones(500), range(start, start + 500))
                next(quirky)
            growing.reset()
            growing.append(np.full(refilled, 2))
            for call in (lambda: next(blocks), lambda: reader.get_next_block(500)):
                with pytest.raises(LostSamplesError, match="has dropped these samples"):
                    call()
            assert reader.get_block(10)[1].size == 10
            with pytest.raises(LostSamplesError):
                reader.get_next_block(500)
            reader.reset()
            check(reader.get_next_block(500), np.full(500, 2), range(500))
            check(next(reader.get_block_iter(500)), np.full(500, 2), range(500))
            assert sum(len(mv) for _, mv in quirky) == min(max(refilled, 1000), 2000) - 1000


def test_a_cursor_that_has_read_nothing_has_lost_nothing(path):
    growing = GrowingPicoStream(path, block=100, flush=True, max_adc=MAX_ADC)
    with growing, PicoStreamReader(path) as reader:
        growing.append(np.ones(200))
        assert reader.num_samples == 200
        growing.reset()
        growing.append(np.full(100, 2))
        check(reader.get_next_block(500), np.full(100, 2), range(100))


def test_a_block_looks_once_at_a_file_that_is_being_written(path, monkeypatch):
    with GrowingPicoStream(path, block=100, flush=True) as growing, PicoStreamReader(path) as reader:
        growing.append(np.arange(200))
        looks, refreshed = [], PicoStreamReader._refreshed
        monkeypatch.setattr(PicoStreamReader, "_refreshed", lambda self: looks.append(self) or refreshed(self))
        for block in (reader.get_next_block(100), reader.get_block(100), next(reader.get_block_iter(200))):
            assert block[1].size
        assert len(looks) == 4, "one each, and one for the length of an iterator"


def test_a_file_that_is_emptied_while_it_is_read_is_told(path, monkeypatch):
    with GrowingPicoStream(path, block=100, flush=True) as growing:
        growing.append(np.arange(100))
        with PicoStreamReader(path) as reader:
            monkeypatch.setattr("xjls.compat.picostream.reader.read_block", lambda *_: growing.reset())
            with pytest.raises(LostSamplesError, match="has dropped these samples"):
                reader.get_block(100)


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size is 0. Give 1 or more"),
        ({"size": -5}, "size is -5"),
        ({"size": 5, "start": -1}, "start is -1. Give 0 or more"),
        ({"size": 5, "start": 101}, "start=101 is beyond the end. There are 100 values"),
        ({"size": 5, "decimation_factor": 0}, "decimation_factor is 0"),
        ({"size": 5, "decimation_factor": 2.0}, "decimation_factor=2.0 is no whole number"),
        ({"size": 1e6}, "size=1000000.0 is no whole number. Give an int from 1 on"),
        ({"size": 5, "decimation_mode": "max"}, "decimation_mode='max' is none. Choose one of mean, min_max"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(path, arguments, message):
    write(path, np.arange(100))
    with PicoStreamReader(path) as reader, pytest.raises(RefusedError, match=message):
        reader.get_block(**arguments)


@pytest.mark.parametrize("chunk", [0, -1])
def test_chunks_of_nothing_are_refused_at_once(path, chunk):
    write(path, np.arange(100))
    with PicoStreamReader(path) as reader:
        for call in (reader.get_block_iter, reader.get_next_block):
            with pytest.raises(ValueError, match=f"chunk_size is {chunk}"):
                call(chunk)


def test_the_very_end_is_no_error(path):
    write(path, np.arange(100))
    with PicoStreamReader(path) as reader:
        check(reader.get_block(5, 100), [], [])
        check(reader.get_block(50, 98), [98, 99], [98, 99])


def test_outside_of_with_nothing_can_be_read(path):
    write(path, np.arange(100))
    reader = PicoStreamReader(path)
    for call in (lambda: reader.get_block(1), lambda: reader.get_next_block(1), reader.get_block_iter):
        with pytest.raises(RuntimeError, match=r"is not open\. Use the reader in a with statement"):
            call()


def test_an_unknown_sign_is_refused(path):
    with pytest.raises(RefusedError, match="offset_sign='minus' is no way"):
        PicoStreamReader(path, offset_sign="minus")


def test_a_bad_path_fails_at_with(path, tmp_path):
    for strict in (False, True):
        reader = PicoStreamReader(path, strict=strict)
        with pytest.raises(FileNotFoundError, match=r"run\.hdf5"), reader:
            pass
    (tmp_path / "run.hdf5").write_bytes(b"no HDF5 at all")
    with pytest.raises(FormatError, match="not an HDF5 file"), reader:
        pass
