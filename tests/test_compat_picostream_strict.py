"""What strict=True takes over from PicoStream's reader, quirk by quirk; what is right is tested beside it."""

import warnings

import h5py
import numpy as np
import pytest

from xjls.compat.picostream import PicoStreamReader, RefusedError
from xjls.testing.picostream import LOST, write_picostream

DT = 16e-9


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run.hdf5")


@pytest.fixture
def ramp(path):
    """A hundred values, whose millivolts are their places."""
    return write(path, np.arange(100))


def write(path, counts, **how):
    return write_picostream(path, counts, **({"range_v": 32.767} | how))


def check(block, times, mv):
    assert block[0].dtype == block[1].dtype == np.float64
    np.testing.assert_allclose(block[0], np.asarray(times, float) * DT, rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(block[1], np.asarray(mv, float), rtol=1e-12, atol=1e-9)


def strict(path, **how):
    return PicoStreamReader(path, strict=True, **how)


# ---- windows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "start"), [(5, 100), (5, 1000), (0, 0), (0, 50), (-5, 0), (-5, 50), (10, -5)])
def test_windows_of_nothing_are_empty(ramp, size, start):
    """Beyond the end, of size 0, of a negative size, and where a slice would cross zero."""
    with strict(ramp) as reader:
        check(reader.get_block(size, start), [], [])


def test_a_window_past_the_end_is_short(ramp):
    with strict(ramp) as reader:
        check(reader.get_block(50, 97), [97, 98, 99], [97, 98, 99])


def test_a_negative_start_is_the_tail_with_negative_times(ramp):
    with strict(ramp) as reader:
        check(reader.get_block(5, -10), [-10, -9, -8, -7, -6], [90, 91, 92, 93, 94])


def test_times_are_spread_between_the_ends_of_a_block(ramp):
    with strict(ramp) as reader:
        times = reader.get_block(50, 7)[0]
    np.testing.assert_array_equal(times, np.linspace(7 * DT, 56 * DT, 50))


# ---- the cursor and the iterator -----------------------------------------------------------------------------------


def test_the_cursor_stands_still_at_0_and_goes_back_below(ramp):
    with strict(ramp) as reader:
        for _ in range(3):
            check(reader.get_next_block(0), [], [])
        check(reader.get_next_block(10), range(10), range(10))
        check(reader.get_next_block(-4), [], [])
        check(reader.get_next_block(10), range(6, 16), range(6, 16))


def test_the_last_block_is_short_and_none_is_behind_it(ramp):
    with strict(ramp) as reader:
        sizes = [reader.get_next_block(60)[1].size, reader.get_next_block(60)[1].size]
        assert (sizes, reader.get_next_block(60)) == ([60, 40], None)
        reader.reset()
        assert reader.get_next_block(1)[1].tolist() == [0]


def test_chunks_of_0_are_an_error_and_below_there_is_none(ramp):
    with strict(ramp) as reader:
        with pytest.raises(ValueError, match="must not be zero"):
            next(reader.get_block_iter(0))
        assert list(reader.get_block_iter(-3)) == []


def test_an_empty_file(path):
    write(path, [])
    with strict(path) as reader:
        assert list(reader.get_block_iter()) == []
        assert reader.get_next_block(10) is None


# ---- pairs ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pairs(path):
    return write(path, [0, 10, 1, 11, 2, 12, 3, 13, 4], mode="aggregate")


def test_pairs_at_an_even_start_have_equal_times(pairs):
    with strict(pairs) as reader:
        assert reader.num_samples == 9
        check(reader.get_block(4, 2), [1, 1, 2, 2], [1, 11, 2, 12])


def test_pairs_at_an_odd_start_are_mixed_and_half_a_step_off(pairs):
    with strict(pairs) as reader:
        check(reader.get_block(4, 1), [0.5, 0.5, 1.5, 1.5], [10, 1, 11, 2])
    with PicoStreamReader(pairs) as reader:
        check(reader.get_block(4, 1), [1, 1, 2, 2], [1, 11, 2, 12])


def test_pairs_of_an_odd_length_have_a_time_too_few(pairs):
    with strict(pairs) as reader:
        check(reader.get_block(9), [0, 0, 1, 1, 2, 2, 3, 3], [0, 10, 1, 11, 2, 12, 3, 13, 4])
    with PicoStreamReader(pairs) as reader:
        check(reader.get_block(9), [0, 0, 1, 1, 2, 2, 3, 3], [0, 10, 1, 11, 2, 12, 3, 13])


def test_pairs_are_decimated_as_one_stream(pairs):
    with strict(pairs) as reader:
        check(reader.get_block(9, 0, 4, "min_max"), [0, 0, 2, 2], [0, 11, 2, 13])
        check(reader.get_block(9, 0, 3, "min_max"), [0, 0, 1, 1, 3, 3], [0, 10, 2, 12, 3, 13])
        check(reader.get_block(8, 0, 4), [0, 2], [5.5, 7.5])


# ---- decimation ----------------------------------------------------------------------------------------------------


def test_the_tail_of_every_block_is_dropped(ramp):
    with strict(ramp) as reader:
        blocks = list(reader.get_block_iter(35, 10, "min_max"))
        assert [mv.size for _, mv in blocks] == [6, 6, 6]
        check(blocks[2], [70, 70, 80, 80, 90, 90], [70, 79, 80, 89, 90, 99])
    with PicoStreamReader(ramp) as reader:
        assert sum(mv.size for _, mv in reader.get_block_iter(35, 10, "min_max")) == 20


def test_groups_begin_anew_in_every_block(ramp):
    with strict(ramp) as reader:
        check(reader.get_block(20, 3, 10, "min_max"), [3, 3, 13, 13], [3, 12, 13, 22])
        check(reader.get_block(20, 3, 10), [3, 13], [7.5, 17.5])


@pytest.mark.parametrize("factor", [1, 0, -3, 21])
@pytest.mark.parametrize("mode", ["min_max", "mean"])
def test_small_factors_and_small_blocks_come_back_as_they_are(ramp, factor, mode):
    with strict(ramp) as reader:
        check(reader.get_block(20, 3, factor, mode), range(3, 23), range(3, 23))


def test_an_unknown_mode_is_refused(ramp):
    with strict(ramp) as reader, pytest.raises(RefusedError, match="decimation_mode='median' is none"):
        reader.get_block(20, 3, 2, "median")


# ---- values --------------------------------------------------------------------------------------------------------


def test_markers_of_lost_data_are_values(path):
    write(path, [0, LOST, 5, 7])
    with strict(path) as reader:
        check(reader.get_block(4), range(4), [0, LOST, 5, 7])
        check(reader.get_block(4, 0, 2, "min_max"), [0, 0, 2, 2], [LOST, 0, 5, 7])
        check(reader.get_block(4, 0, 2), [0, 2], [LOST / 2, 6])


def test_what_was_never_written_is_0(path):
    write(path, np.arange(10) + 5, block=10)
    with h5py.File(path, "r+") as file:
        file["adc_counts"].resize((30,))
    with strict(path) as reader:
        assert reader.num_samples == 30
        check(reader.get_block(30, 8), range(8, 30), [13, 14, *[0] * 20])


def test_the_offset_is_added_without_a_word(path):
    write(path, np.arange(10), offset_v=-1.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with strict(path) as reader:
            check(reader.get_block(10), range(10), np.arange(10) - 1200)
        with strict(path, offset_sign="subtract") as reader:
            check(reader.get_block(10), range(10), np.arange(10) + 1200)


@pytest.mark.parametrize(
    ("resolution", "theirs", "times"), [("12BIT", 2047, 16.007), ("8BIT", 127, 256), ("16BIT", 32767, 1)]
)
def test_files_without_a_maximum_count_are_out_by_their_missing_bits(path, resolution, theirs, times):
    write(path, np.arange(0, 1600, 16), vintage="F4", resolution=f"PS5000A_DR_{resolution}")
    with strict(path) as reader, PicoStreamReader(path) as honest:
        assert reader.max_adc_val == theirs
        ours, wrong = honest.get_block(100)[1], reader.get_block(100)[1]
    np.testing.assert_allclose(wrong, np.arange(0, 1600, 16) * 32767.0 / theirs, rtol=1e-12)
    np.testing.assert_allclose(wrong, ours * times, rtol=1e-3)


# ---- what is as it was ---------------------------------------------------------------------------------------------


def test_outside_of_with_it_is_refused_and_has_no_samples(ramp):
    reader = strict(ramp)
    assert reader.num_samples == 0
    with pytest.raises(RuntimeError, match="is not open"):
        reader.get_block(5)


def test_the_length_is_read_once_for_an_iterator(path):
    write(path, np.arange(100), block=100)
    with strict(path) as reader:
        blocks = reader.get_block_iter(60)
        first = next(blocks)
        with h5py.File(path, "r+") as file:
            file["adc_counts"].resize((200,))
        assert reader.num_samples == 200
        assert [mv.size for _, mv in (first, *blocks)] == [60, 40]
