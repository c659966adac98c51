"""What a screen shows of recordings: columns, numbers and finds, held to NumPy on the same samples."""

import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.views import BENCH, FIELDS, RATE, recorded, signal
from xjls.errors import SelectionError
from xjls.formats.memory.sink import MemorySink
from xjls.model.window import Window
from xjls.widget.view.analysing import MOST_SAMPLES, analyse
from xjls.widget.view.cache import StripCache
from xjls.widget.view.lane import Axis, Source, lanes_of
from xjls.widget.view.moments import label_of, slice_of, time_of, times_of
from xjls.widget.view.searching import find_extreme, find_next
from xjls.widget.view.strip import step_for, strip_of
from xjls.widget.view.view import View


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(3).normal(1, 0.1, 300_000).astype("f4")


@pytest.fixture(scope="module", params=[True, False], ids=["utc", "seconds"])
def recording(request, noise):
    return recorded((signal("current"), noise), utc=request.param)


def track_of(recording, name="current"):
    return View([Source(recording, (name,))]).lane(name).tracks[0]


@settings(max_examples=60, deadline=None)
@given(start=st.floats(-0.1, 1), length=st.floats(0, 1.2), columns=st.integers(1, 3000))
def test_columns_are_numpys_and_cover_what_was_asked_for(recording, noise, start, length, columns):
    track = track_of(recording)
    low, high = track.extent
    x0, x1 = low + start * (high - low), low + (start + length) * (high - low)
    strip = strip_of(track, x0, x1, columns, StripCache())
    asked = track.window(x0, x1)
    assert strip.window.start <= asked.start
    assert strip.window.stop >= asked.stop or asked.length == 0
    ids = np.append(strip.window.start + np.arange(len(strip)) * strip.step, strip.window.stop) - 1000
    # The first column may begin within a step, where the samples do
    for i in range(0, len(strip), max(len(strip) // 7, 1)):
        part = noise[ids[i] : ids[i + 1]].astype("f8")
        assert (strip.min[i], strip.max[i]) == (part.min(), part.max())
        assert strip.mean[i] == pytest.approx(part.mean(), rel=1e-6)
        assert strip.std is None or strip.std[i] == pytest.approx(part.std(), rel=1e-4, abs=1e-7)
    assert np.array_equal(strip.edges, track.times(ids + 1000))
    assert (strip.fill == 1).all()


@given(per=st.floats(0.01, 1e15))
def test_a_column_is_whole_entries_and_not_much_shorter_than_asked_for(per):
    step = step_for(per, (128, 2560, 51200))
    assert step <= max(per, 1)
    assert step * 2 > per
    assert step < 128 or step % 128 == 0
    assert step == 1 or step < 2 or per / step < 2


def test_few_columns_of_a_long_recording_read_no_samples(noise):
    recording = recorded((signal("current"), noise))
    track = track_of(recording)
    reader, read = recording.reader, []
    original = type(reader).read
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(reader), "read", lambda self, s, w, *rest: read.append(w) or original(self, s, w, *rest))
        strip_of(track, *track.extent, 100, StripCache())
    assert sum(window.length for window in read) <= 2 * 128 * 100


@settings(max_examples=40, deadline=None)
@given(a=st.integers(0, 10**10), length=st.integers(1, 10**10))
def test_numbers_are_those_of_the_samples_that_the_slice_selects(recording, noise, a, length):
    view = View([Source(recording)])
    b = a + length
    x0, x1 = times_of(view.axis, slice_of(view.axis, a, b), view.extent)
    found = view.measure(x0, x1)["current"]
    times = view.lane("current").tracks[0].times(1000 + np.arange(len(noise)))
    part = noise[(times >= a) & (times < b)].astype("f8")
    assert found["n"] == len(part)
    if len(part):
        assert (found["min"], found["max"]) == (part.min(), part.max())
        assert found["mean"] == pytest.approx(part.mean(), rel=1e-6)
        assert found["rms"] == pytest.approx(np.sqrt((part**2).mean()), rel=1e-6)
        assert found["pp"] == pytest.approx(float(part.max()) - float(part.min()))
        assert found["integral"] == pytest.approx(part.sum() / RATE, rel=1e-6)


def test_a_slice_of_the_axis_selects_the_same_samples_in_xarray(tmp_path):
    from xjls.testing import write_demo

    path = write_demo(tmp_path / "run.jls", seconds=0.5)
    for how in ("utc", "seconds"):
        ds, view = xjls.open(path, time=how, levels=False), View([Source(xjls.open_recording(path))], time=how)
        for a, b in ((1e6, 2e6), (12_345_678.0, 400_000_001.0), (0.0, 2001.0), (2000.0, 4000.0)):
            selected = ds.current.sel(time=slice_of(view.axis, a, b))
            found = view.measure(a, b)["current"]
            assert found["n"] == selected.sizes["time"], (how, a, b)
            if found["n"]:
                assert found["max"] == float(selected.max())


def test_gaps_are_told_and_leave_no_numbers(noise):
    view = View([Source(recorded((signal("current"), noise), gaps=[(50_000, 100_000)]))])
    ((_, _, strip),) = view.strips(*view.extent, 1000)
    kinds = [(span.is_damage, span.is_whole) for span in strip.spans]
    assert (False, True) in kinds
    assert np.isnan(strip.mean[strip.fill == 0]).all()
    assert (strip.fill == 0).sum() * strip.step == pytest.approx(50_000, abs=2 * strip.step)
    assert view.measure(*view.extent)["current"]["lost"] == 50_000
    assert view.measure(*view.extent)["current"]["n"] == 250_000


def test_damage_is_a_gap_in_a_view_whatever_the_recording_says(tmp_path):
    from xjls.testing import write_demo

    path = write_demo(tmp_path / "run.jls", seconds=0.5)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(bytes(data))
    recording = xjls.open_recording(path, on_damage="raise")
    with pytest.raises(xjls.LostSamplesError):
        [recording.read(name) for name in recording.signals]
    view = View([Source(recording)])
    for _ in range(2):  # what was read once is known of the next time
        strips = view.strips(*view.extent, 250_000)
    assert any(span.is_damage for _, _, strip in strips for span in strip.spans)


@given(
    values=st.lists(st.integers(0, 3), min_size=1, max_size=400), level=st.sampled_from([0.5, 1.0, 2.5]),
    at=st.integers(-5, 405), event=st.sampled_from(["edge", "rise", "fall"]), direction=st.sampled_from([1, -1]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_searches_find_what_a_loop_finds(values, level, at, event, direction):
    repeat = 150
    samples = np.repeat(np.array(values, "u1"), repeat)
    recording = recorded((signal("state", "u1", units=""), samples))
    track = track_of(recording, "state")
    low, high = samples[:-1].astype(int), samples[1:].astype(int)
    happens = {"edge": low != high, "rise": (low < level) & (high >= level), "fall": (low >= level) & (high < level)}
    ids = np.flatnonzero(happens[event]) + 1
    place = at * repeat
    # Forward: events whose both samples are at the place or behind it; backward: before it
    wanted = ids[ids - 1 >= place] if direction > 0 else ids[ids < place]
    found = find_next(track, float(track.times(1000 + place)), direction, event, level)
    if not len(wanted):
        assert found is None
    else:
        expected = wanted[0] if direction > 0 else wanted[-1]
        assert (found.sample_id - 1000, found.value) == (expected, samples[expected])


def test_a_search_does_not_read_what_levels_rule_out():
    samples = np.zeros(4_000_000, "f4")
    samples[3_210_987:] = 1
    recording = recorded((signal("current"), samples))
    found = find_next(track_of(recording), 0, 1, "rise", 0.5)
    assert found.sample_id == 1000 + 3_210_987
    with pytest.raises(SelectionError, match="no search for 'wobble'"):
        find_next(track_of(recording), 0, 1, "wobble")


def test_the_busiest_stretch_is_the_one_of_a_loop(noise):
    samples = noise.copy()
    samples[123_000:127_000] += 1
    track = track_of(recorded((signal("current"), samples)))
    width_ns = 4000 / RATE * 1e9
    found = find_extreme(track, *track.extent, width_ns)
    assert found.length == 4000
    assert abs(found.start - 124_000) <= 4000 // 16
    means = np.convolve(samples.astype("f8"), np.ones(4000) / 4000, "valid")
    mean = samples[found.start - 1000 : found.stop - 1000].astype("f8").mean()
    assert mean >= means.max() - 0.07
    assert find_extreme(track, 0, 1e6, 1e9) is None
    lowest = find_extreme(track, *track.extent, width_ns, largest=False)
    assert not (123_000 < lowest.start - 1000 < 127_000)


def test_a_stretch_too_short_for_the_span_is_refused_and_one_without_samples_is_none(noise):
    track = track_of(recorded((signal("current"), noise), gaps=[(50_000, 250_000)]))
    found = find_extreme(track, *track.extent, 4000 / RATE * 1e9)
    assert not 50_000 - 2000 < found.start - 1000 < 250_000 - 2000
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("xjls.widget.view.searching._MOST_STEPS", 1000)
        with pytest.raises(SelectionError, match=r"300,000 stretches would have to be compared"):
            find_extreme(track, *track.extent, 1)


def test_years_between_recordings_do_not_round_their_times():
    rate = 100_000_000
    early = recorded((signal("current", rate=rate), np.arange(1000, dtype="f4")))
    with MemorySink() as sink:
        sink.add_source(BENCH)
        sink.add_signal(signal("current", rate=rate))
        sink.write("current", 0, np.arange(1000, dtype="f4"))
        sink.tie("current", xjls.Tie(sample_id=0, time_ns=1_800_000_000_000_000_001))
    view = View([Source(early), Source(sink.recording)])
    view.align_starts()
    track = view.lanes[0].tracks[1]
    assert track.times(np.arange(5)).tolist() == [0, 10, 20, 30, 40]
    assert track.window(100, 200) == Window(10, 20)


def test_a_signal_without_samples_moves_no_axis(noise):
    with MemorySink() as sink:
        sink.add_source(BENCH)
        for number, name in enumerate(("current", "empty"), 1):
            one = signal(name)
            sink.add_signal(xjls.Signal(**{**{f: getattr(one, f) for f in FIELDS}, "id": number}))
        sink.write("current", 1000, noise)
        sink.tie("current", xjls.Tie(sample_id=1000, time_ns=1_700_000_000_000_000_000))
        sink.tie("empty", xjls.Tie(sample_id=0, time_ns=1_600_000_000_000_000_000))
    view = View([Source(sink.recording, ("current", "empty"))])
    assert view.extent[1] - view.extent[0] == pytest.approx(len(noise) / RATE * 1e9)
    assert len(view.tile(*view.extent, 100)[0]["strips"]) == 2


def test_histogram_and_spectrum_are_numpys_and_scipys(noise):
    import scipy.signal

    track = track_of(recorded((signal("current"), noise)))
    curve = analyse(track, *track.extent, "histogram")
    counts, _ = np.histogram(noise, 256, (noise.min(), noise.max()))
    assert curve.y.sum() == len(noise)
    assert np.abs(curve.y - counts).max() <= 2  # float32 edges
    beyond = analyse(track, *track.extent, "ccdf")
    assert beyond.y[0] == 1
    assert (np.diff(beyond.y) <= 0).all()
    spectrum = analyse(track, *track.extent, "spectrum")
    frequency, power = scipy.signal.welch(noise.astype("f8"), RATE, nperseg=8192)
    assert np.allclose(spectrum.x, frequency)
    assert np.allclose(spectrum.y, power)
    assert spectrum.y_units == "A²/Hz"
    long = np.random.default_rng(5).normal(size=2_500_000).astype("f4")
    track_of_long = track_of(recorded((signal("current"), long)))
    found = analyse(track_of_long, *track_of_long.extent, "spectrum")
    assert np.allclose(found.y, scipy.signal.welch(long.astype("f8"), RATE, nperseg=8192)[1])
    with pytest.raises(SelectionError, match="no analysis 'wavelet'"):
        analyse(track, *track.extent, "wavelet")
    with pytest.raises(SelectionError, match="no sample of 'current'"):
        analyse(track, -2e9, -1e9, "histogram")


def test_long_spans_are_analysed_in_pieces_and_say_so(monkeypatch, noise):
    monkeypatch.setattr("xjls.widget.view.analysing.MOST_SAMPLES", 1 << 16)
    monkeypatch.setattr("xjls.widget.view.analysing._PIECE", 1 << 14)
    track = track_of(recorded((signal("current"), noise)))
    curve = analyse(track, *track.extent, "histogram")
    assert curve.text == "65,536 of 300,000 samples, in 4 pieces spread evenly"
    assert curve.y.sum() == 1 << 16
    assert analyse(track, *track.extent, "spectrum").text.startswith("65,536 of 300,000")
    assert MOST_SAMPLES > 1 << 20


def test_two_threads_get_the_same_tiles(noise):
    view = View([Source(recorded((signal("current"), noise), (signal("on", "?", units=""), noise > 1)))])
    spans = [(float(a), float(a) + 10.0**n) for a in range(0, 10**9, 10**8) for n in range(5, 10)]
    alone = [view.tile(*span, 500) for span in spans]
    view._cache.forget()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda span: view.tile(*span, 500), spans * 2))
    assert [json.dumps(told) for told, _ in together] == [json.dumps(told) for told, _ in alone * 2]
    assert [data for _, data in together] == [data for _, data in alone * 2]


def test_offset_signals_keep_their_microvolts():
    samples = (3.3 + 1e-7 * np.arange(1000)).astype("f8")
    one = xjls.Signal(
        id=1, name="v", units="V", dtype=np.dtype("f8"), rate_hz=Fraction(1000), source=BENCH, stored_type="f64"
    )
    with MemorySink() as sink:
        sink.add_source(BENCH)
        sink.add_signal(one)
        sink.write("v", 0, samples)
    view = View([Source(sink.recording)])
    told, data = view.tile(0, 1e9, 2000)
    strip = told["strips"][0]
    mean = np.frombuffer(data, "<f4", strip["n"], strip["at"]["mean"]).astype("f8") + strip["y0"]
    assert np.abs(mean - samples).max() < 1e-11


def test_recordings_are_laid_over_each_other_by_time_or_from_the_start(noise):
    first = recorded((signal("current"), noise))
    second = recorded((signal("current"), noise * 2), (signal("voltage", units="V"), noise), first_id=50_000)
    view = View([Source(first, label="a"), Source(second, label="b")])
    assert [(lane.key, len(lane.tracks)) for lane in view.lanes] == [("current", 2), ("voltage", 1)]
    assert [track.label for track in view.lanes[0].tracks] == ["a", "b"]
    view.shift(1, 5e9)
    assert view.lanes[0].tracks[1].extent[0] == 5e9
    assert view.lanes[1].tracks[0].extent[0] == 5e9
    view.align_starts()
    assert {track.extent[0] for lane in view.lanes for track in lane.tracks} == {0.0}
    with pytest.raises(SelectionError, match="no recording 7"):
        view.shift(7, 0)


def test_a_view_follows_a_recording_that_grows(noise):
    sink = MemorySink()
    sink.add_source(BENCH)
    sink.add_signal(signal("current"))
    sink.write("current", 0, noise[:100_000])
    view = View([Source(sink.recording)])
    before = view.extent[1]
    assert view.grows
    assert not view.refresh()
    sink.write("current", 100_000, noise[100_000:])
    assert view.refresh()
    assert view.extent[1] > before
    assert view.measure(*view.extent)["current"]["n"] == len(noise)
    ((_, _, strip),) = view.strips(*view.extent, 100)
    assert strip.max.max() == noise.max()
    sink.close()
    assert view.refresh()
    assert not view.grows


@given(ns=st.integers(-(2**40), 2**50), length=st.integers(1, 2**50), utc=st.booleans())
def test_labels_and_times_go_there_and_back(ns, length, utc):
    axis = Axis(1_700_000_000_123_456_789 if utc else 0, utc)
    span = slice_of(axis, float(ns), float(ns + length))
    start, stop = times_of(axis, span, (0.0, 1.0))
    tolerance = 0 if utc else 1 + abs(ns + length) * 2**-51
    assert abs(start - ns) <= tolerance
    assert abs(stop - (ns + length)) <= tolerance
    assert abs(time_of(axis, label_of(axis, float(ns))) - ns) <= tolerance


@pytest.mark.parametrize("label", ["no time", None, 1.5, float("nan"), "NaT", ["2026-01-01"]])
def test_what_is_no_moment_of_utc_is_refused(label):
    with pytest.raises(SelectionError, match="no moment"):
        time_of(Axis(0, True), label)


def test_moments_are_taken_as_people_have_them():
    from datetime import UTC, datetime, timedelta, timezone

    import pandas as pd

    axis = Axis(0, True)
    zurich = timezone(timedelta(hours=1))
    for label in (
        "1970-01-01T00:00:01", np.datetime64(1, "s"), datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 1, 0, 1, tzinfo=zurich), pd.Timestamp(1, unit="s"), pd.Timestamp(1, unit="s", tz="UTC"),
    ):  # fmt: skip
        assert time_of(axis, label) == 1e9, label


def test_spans_that_are_none_are_refused():
    for span in (5, slice(2.0, 1.0), slice(1.0, 2.0, 1), slice(1.0, 0.5)):
        with pytest.raises(SelectionError, match=r"span of time|holds no time"):
            times_of(Axis(0, False), span, (0.0, 1e9))


@pytest.mark.parametrize("rate", [1000, 3, 44_100, Fraction(1, 3), 999_983])
def test_seconds_select_what_they_select_in_xarray(rate):
    with MemorySink() as sink:
        sink.add_source(BENCH)
        sink.add_signal(signal("current", rate=rate))
        sink.write("current", 0, np.arange(20_000, dtype="f4"))
    view, clock = View([Source(sink.recording)]), sink.recording.clock("current")
    labels = clock.seconds(np.arange(20_000))
    for first in range(0, 19_000, 97):
        span = slice(float(labels[first]), float(labels[first + 50]))
        start, stop = times_of(view.axis, span, view.extent)
        assert view.measure(start, stop)["current"]["n"] == 51, span
        assert times_of(view.axis, slice_of(view.axis, start, stop), view.extent) == (start, stop)


def test_a_text_at_the_end_names_all_that_it_says():
    axis = Axis(1_772_359_200_000_000_000, True)
    for text, ns in (("2026-03-01T10:00", 60e9), ("2026-03-01T10:00:00", 1e9), ("2026-03-01T10:00:00.000", 1e6)):
        assert times_of(axis, slice("2026-03-01T10:00:00", text), (0.0, 1.0)) == (0.0, ns)
    assert times_of(axis, slice("2026-03-01T11:00:00+01:00", "2026-03-01T10:00:01Z"), (0.0, 1.0)) == (0.0, 1e9 + 1)
    for text in ("now", "2500-01-01", "10:00", "2026-13-01"):
        with pytest.raises(SelectionError, match="no moment"):
            time_of(axis, text)


def test_lanes_that_do_not_exist_are_named(recording):
    view = View([Source(recording)])
    with pytest.raises(SelectionError, match=r"no lane 'volts'.*Lanes: current"):
        view.tile(0, 1e9, 10, ["volts"])
    with pytest.raises(SelectionError, match="no recording to look at"):
        lanes_of([])
