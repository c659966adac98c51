"""Columns of frames: they count what was sent, and no wrong time moves another frame."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xjls
from tests.miniscopes import MAKERS, recording_of
from xjls.errors import SelectionError
from xjls.model.window import Gap, Window
from xjls.plot.losses import columns_of, measured_of, measured_trace, within
from xjls.query.frames import Frames, require_frames
from xjls.query.rising import rising, times_at

SEVERAL = [
    "golden_200px", "lost_20_percent", "lost_60_percent", "frame_of_wrong_headers", "wide", "high", "depth_10_msb",
    "depth_12_lsb", "one_frame", "one_buffer_a_frame", "card_with_frame_lost", "card_with_tails_lost", "card_wide",
    "days_later", "black_and_white",
]  # fmt: skip


def store_of(recording, path, names, cut):
    """Write some signals to a store, of the images only a window, and open it."""
    with xjls.new_recording(path) as sink:
        sink.add_source(recording.signal("image").source)
        for name in names:
            signal = recording.signal(name)
            sink.add_signal(signal)
            window = cut if name == "image" else signal.window
            sink.write(name, window.start, recording.read_with_gaps(name, (window.start, window.stop))[0])
    return xjls.open_recording(path)


@pytest.fixture
def lossy(tmp_path):
    made = MAKERS["lost_60_percent"](tmp_path)
    with recording_of(made) as recording:
        yield made, recording


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("n", [1, 4, 1000])
def test_columns_count_what_did_not_arrive(tmp_path, name, n):
    made = MAKERS[name](tmp_path)
    truth = made.truth
    with recording_of(made) as recording:
        frames = require_frames(recording)
        found = columns_of(frames, frames.image.window, n)
    edges = found.edges - truth.device_frame[0]
    assert len(found) == min(n, len(truth.frames))
    parts = [truth.present[a:b] for a, b in pairwise(edges)]
    np.testing.assert_allclose(found.missing, [1 - part.mean() for part in parts])
    np.testing.assert_allclose(found.empty, [(~part.any(axis=1)).mean() for part in parts])
    assert found.is_time
    assert (np.diff(found.at) > 0).all()
    assert not found.damaged.any()


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_a_trace_of_buffers_is_their_mean_in_each_column(lossy, n):
    _, recording = lossy
    frames = require_frames(recording)
    cut = columns_of(frames, Window(12826, 12860), n)
    found = measured_trace(frames, "bit_offset", cut)
    of_frame, values = recording.read("frame_num").astype(int), recording.read("bit_offset").astype(float)
    good = recording.read("header_ok")
    for i, (start, stop) in enumerate(pairwise(cut.edges)):
        mine = values[good & (of_frame >= start) & (of_frame < stop)]
        told = (found.mean[i], found.min[i], found.max[i])
        expected = (mine.mean(), mine.min(), mine.max()) if mine.size else (np.nan,) * 3
        np.testing.assert_allclose(told, expected)


@given(st.lists(st.integers(-5, 5), max_size=9))
def test_the_longest_run_that_never_falls_is_kept(values):
    found = rising(np.array(values, np.float64))
    kept = [values[i] for i in found]
    assert kept == sorted(kept)
    assert list(found) == sorted(set(found.tolist()))
    every = (mask for mask in range(1 << len(values)))
    chosen = ([v for i, v in enumerate(values) if mask >> i & 1] for mask in every)
    assert len(kept) == max(len(one) for one in chosen if one == sorted(one))


def test_a_wrong_time_moves_no_other_frame():
    ids, times = np.arange(100), np.arange(100) * 0.05
    wrong = times.copy()
    wrong[40] += 2.0**20
    np.testing.assert_allclose(times_at(ids, ids, wrong, 1.0), times)
    np.testing.assert_allclose(times_at(np.array([-2, 120]), ids, wrong, 1.0), [-0.1, 6.0])


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=6), st.sets(st.integers(0, 30), min_size=2))
def test_gaps_are_counted_in_the_columns_that_they_lie_in(spans, edges):
    cuts = np.array(sorted(edges), np.int64)
    lost = np.zeros(60, np.bool_)
    for start, length in spans:
        lost[start : start + length] = True
    found = within([Gap(Window(start, start + length), "lost") for start, length in spans], cuts)
    assert found.tolist() == [lost[a:b].sum() for a, b in pairwise(cuts)]


def test_over_a_clock_that_began_anew_frames_are_numbers(lossy, monkeypatch):
    _, recording = lossy
    frames = require_frames(recording)
    window = frames.image.window
    times = frames.times(window)
    half = window.length // 2
    anew = np.concatenate([times[:half] + 25, times[half:]])
    monkeypatch.setattr(Frames, "times", lambda _, piece: anew[piece.start - window.start : piece.stop - window.start])
    cut = columns_of(frames, window, 7)
    assert not cut.is_time
    np.testing.assert_array_equal(cut.at, cut.edges)


def test_buffers_stay_with_their_frames_where_the_first_frames_are_cut_off(lossy, tmp_path):
    _, recording = lossy
    cut = Window(12830, 12860)
    with store_of(recording, tmp_path / "part.zarr", ["image", "frame_number", "bit_offset"], cut) as part:
        found, expected = (
            measured_trace(frames, "bit_offset", columns_of(frames, cut, 30))
            for frames in (require_frames(part), require_frames(recording))
        )
    np.testing.assert_array_equal(found.mean, expected.mean)


def test_voltages_of_which_nobody_tells_the_frame_are_not_drawn_unasked(tmp_path):
    with recording_of(MAKERS["golden_200px"](tmp_path)) as recording:
        cut = recording.signal("image").window
        assert [one.name for one in measured_of(require_frames(recording))] == ["battery_voltage", "input_voltage"]
        with store_of(recording, tmp_path / "untold.zarr", ["image", "battery_voltage"], cut) as untold:
            frames = require_frames(untold)
            assert measured_of(frames) == []
            with pytest.raises(SelectionError, match="'battery_voltage' is no number of frames or of their buffers"):
                measured_trace(frames, "battery_voltage", columns_of(frames, cut, 3))


def test_frames_are_read_in_pieces(lossy, monkeypatch):
    _, recording = lossy
    frames = require_frames(recording)
    whole = columns_of(frames, frames.image.window, 7)
    monkeypatch.setattr("xjls.query.frames.PIECE", 12)
    assert [piece.length for piece in Frames(recording, frames.image).pieces(Window(0, 7))] == [3, 3, 1]
    pieces = columns_of(frames, frames.image.window, 7)
    np.testing.assert_array_equal(pieces.missing, whole.missing)
    np.testing.assert_array_equal(pieces.at, whole.at)
