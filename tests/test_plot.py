"""Pictures, by what they are made of: axes, lines and bands equal to the columns, spans, words and their number."""

import io
import pickle
import sys
import threading
import warnings

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

import xjls
from xjls.backend.plotting import traces_of as dataset_traces
from xjls.errors import LostSamplesError, MissingDependencyError, SelectionError
from xjls.plot import Mark, Trace, plot_recording, plot_traces
from xjls.plot.traces import traces_of
from xjls.testing import write_demo, write_sparse
from xjls.testing.jls2 import Annotation, Fsr, Source, Vsr, chunks_of, encode, flip, write
from xjls.testing.picostream import write_picostream

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
START = np.datetime64("2026-03-01T10:00:00", "ns")
N = 40_000
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}


@pytest.fixture(autouse=True)
def _no_pyplot():
    """No picture may touch pyplot: its figures stay until someone closes them."""
    yield
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def ties(n, rate_hz=1000, late_s=0):
    start = EPOCH + round(late_s * SECOND)
    return [(0, start), (n, start + n * SECOND // rate_hz)]


def noise(n=N, seed=0):
    return np.random.default_rng(seed).normal(0.02, 0.004, n).astype("f4")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Return a recording of all kinds of signals, of different rates and starts, with annotations."""
    common = {"rate_hz": 1000, "ties": ties(N)}
    notes = [
        Annotation(1000, "text", y=0.02, data="boots $here"),
        Annotation(2000, "vmarker", data="1a"),
        Annotation(9000, "vmarker", data="1b"),
        Annotation(0, "hmarker", y=0.03, data="limit"),
        Annotation(30_000, "user", data=b"\x00\x01"),
    ]
    square = np.arange(N) // 5000 % 2
    signals = [
        Fsr("current", noise(), units="A", annotations=notes, **common),
        Fsr("_second", noise(seed=1) / 2, units="A", **common),
        Fsr("voltage", np.full(N, 3.3), units="V", **common),
        Fsr("range", square + 2, dtype="u4", **common),
        Fsr("in0", square, dtype="u1", **common),
        Fsr("in1", np.arange(N) % 2, dtype="u1", **common),
        Fsr("slow", np.arange(30) / 10, units="°C", rate_hz=1, ties=ties(30, 1, late_s=5)),
        Vsr("events", annotations=[Annotation(EPOCH + 20 * SECOND, "text", data="of all")]),
    ]
    path = write(tmp_path_factory.mktemp("plot") / "bench.jls", [Source("js220")], signals)
    with xjls.open_recording(path) as recording:
        yield recording


def steps(ax, *, filled):
    return [patch for patch in ax.patches if isinstance(patch, StepPatch) and patch.get_fill() == filled]


def words(ax):
    return [text.get_text() for text in ax.texts]


def spans(ax):
    """Return what is shaded: (start, stop) in seconds from the left edge."""
    return sorted(
        (path.vertices[:, 0].min(), path.vertices[:, 0].max())
        for collection in ax.collections
        if isinstance(collection, PolyCollection)
        for path in collection.get_paths()
    )


# ---- lanes and axes ------------------------------------------------------------------------------------------------


def test_one_axis_a_unit_then_states_then_logic(bench):
    figure = plot_recording(bench, tz="UTC")
    assert [ax.get_ylabel() for ax in figure.axes] == ["mA", "voltage (V)", "slow (°C)", "range", ""]
    legend = [text.get_text().strip() for text in figure.axes[0].artists[0].get_texts()]
    assert legend == ["current", "_second"]
    assert [label.get_text() for label in figure.axes[-1].get_yticklabels()] == ["in0", "in1"]
    assert figure.axes[-1].get_xlabel() == "time of day on 2026-03-01, UTC"


def test_signals_of_other_rates_and_starts_share_the_time(bench):
    figure = plot_recording(bench, ["current", "slow"], tz="UTC", annotations=False)
    top, below = figure.axes
    assert top.get_xlim() == below.get_xlim() == (0, 40)
    (line,) = below.lines
    assert np.allclose(line.get_xdata(), np.arange(30) + 5)
    assert steps(top, filled=False)[0].get_data().edges[[0, -1]].tolist() == [0, 40]


def test_units_are_those_of_the_largest_value(bench):
    figure = plot_recording(bench, ["current"], annotations=False, tz="UTC")
    figure.draw_without_rendering()
    (ax,) = figure.axes
    assert ax.get_ylabel() == "current (mA)"
    ticks = [label.get_text() for label in ax.get_yticklabels()]
    assert "20" in ticks
    assert len(set(ticks)) == len(ticks)


def test_states_have_whole_numbers(bench):
    figure = plot_recording(bench, ["range"], window=(0, 4000), tz="UTC")
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_ylim()
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels() if low <= label.get_position()[1] <= high]
    assert shown == ["2"]


# ---- bands and lines -----------------------------------------------------------------------------------------------


def test_band_and_line_are_the_columns(bench):
    figure = plot_recording(bench, ["current"], columns=200, std=True, annotations=False, tz="UTC")
    columns = bench.columns("current", None, n=200)
    (ax,) = figure.axes
    (mean,) = steps(ax, filled=False)
    band, spread = steps(ax, filled=True)
    assert np.array_equal(mean.get_data().values, columns.mean)
    assert np.array_equal(band.get_data().values, columns.max)
    assert np.array_equal(band.get_data().baseline, columns.min)
    assert np.allclose(spread.get_data().values, np.minimum(columns.mean + columns.std, columns.max))
    assert np.allclose(mean.get_data().edges, columns.edges / 1000)
    assert ((band.get_data().baseline <= mean.get_data().values) & (mean.get_data().values <= columns.max)).all()


@pytest.mark.parametrize(("options", "count"), [({"band": False}, (1, 0)), ({"mean": False}, (0, 1))])
def test_band_and_line_are_optional(bench, options, count):
    figure = plot_recording(bench, ["current"], annotations=False, **options)
    assert tuple(len(steps(figure.axes[0], filled=filled)) for filled in (False, True)) == count


def test_a_short_window_shows_its_samples(bench):
    figure = plot_recording(bench, ["current"], window=(100, 120), tz="UTC", annotations=False)
    (line,) = figure.axes[0].lines
    assert np.array_equal(line.get_ydata(), bench.read("current", (100, 120)).astype("f8"))
    assert np.allclose(line.get_xdata(), np.arange(20) / 1000)
    assert line.get_marker() == "o"
    assert "samples" in figure.axes[0].get_title(loc="left")
    assert not steps(figure.axes[0], filled=True)


def test_logic_is_drawn_with_steps_and_its_duty(bench):
    figure = plot_recording(bench, ["in0", "in1"], columns=80, tz="UTC")
    (ax,) = figure.axes
    upper, lower = steps(ax, filled=False)
    expected = bench.columns("in0", None, n=80).mean
    assert np.allclose(upper.get_data().values, 1 + 0.7 * expected)
    assert set(expected) == {0, 1}
    assert np.allclose(lower.get_data().values, 0.7 * 0.5)  # it toggles in every column, and is high half of the time
    band = steps(ax, filled=True)[2]
    assert np.allclose(band.get_data().values - band.get_data().baseline, 0.7)


def test_the_cost_follows_the_pixels(tmp_path):
    truth = write_sparse(tmp_path / "run.jls", 10**9, data_at=[5 * 10**8])
    with xjls.open_recording(truth.path) as recording:
        figure = plot_recording(recording, figsize=(4, 3), window=(499_990_528, 500_015_104), tz="UTC")
        assert len(steps(figure.axes[0], filled=False)[0].get_data().values) == 360
    for width in (2, 8):
        trace = Trace(
            name="a", units="", time=np.arange(101.0), mean=np.zeros(100), min=np.zeros(100), max=np.ones(100)
        )
        assert len(plot_traces([trace], figsize=(width, 2)).axes[0].patches) == 2


def test_shorter_signals_take_their_share_of_columns(bench):
    traces = {trace.name: trace for trace in traces_of(bench, ["current", "slow"], columns=20)}
    assert len(traces["current"]) == 20
    assert len(traces["slow"]) == 15


@pytest.mark.parametrize(
    ("values", "scale", "expected"),
    [
        ([1e-6, 0.5], "auto", "log"), ([1e-3, 0.5], "auto", "linear"), ([-1e-6, 0.5], "auto", "linear"),
        ([1e-3, 0.5], "log", "log"), ([-1e-3, 0.5], "log", "symlog"), ([1e-6, 0.5], "linear", "linear"),
        ([0.1, 0.1], "log", "linear"), ([np.nan, np.nan], "log", "linear"),
    ],
)  # fmt: skip
def test_scales(values, scale, expected):
    v = np.array(values)
    figure = plot_traces([Trace(name="i", units="A", time=np.arange(3.0), mean=v, min=v, max=v)], scale=scale)
    assert figure.axes[0].get_yscale() == expected
    figure.draw_without_rendering()


def test_logarithmic_ticks_have_prefixes_of_their_own():
    v = np.geomspace(1e-6, 1, 50)
    figure = plot_traces([Trace(name="i", units="A", time=np.arange(51.0), mean=v, min=v, max=v)])
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert {"1 µA", "1 mA", "100 mA"} <= set(labels)
    assert figure.axes[0].get_ylabel() == "i"


# ---- time ----------------------------------------------------------------------------------------------------------


def test_ten_microseconds_have_distinct_labels(tmp_path):
    n = 4000
    at = [(0, EPOCH), (n, EPOCH + n * SECOND // 2_000_000)]
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", noise(n), rate_hz=2_000_000, ties=at, units="A")])
    with xjls.open_recording(path) as recording:
        figure = plot_recording(recording, window=(2469, 2489), tz="UTC")
    figure.draw_without_rendering()
    ax = figure.axes[0]
    shown = [label for label in ax.get_xticklabels() if label.get_text()]
    assert [label.get_text() for label in shown] == ["236", "238", "240", "242", "244"]
    assert ax.get_xlabel() == "µs after 10:00:00.001 on 2026-03-01, UTC"
    assert np.allclose([label.get_position()[0] for label in shown], np.arange(1.5, 10, 2) * 1e-6, atol=2e-9)


def test_the_zone_shifts_labels_and_not_data(bench):
    here, there = (plot_recording(bench, ["voltage"], tz=tz, annotations=False) for tz in ("UTC", "Asia/Kathmandu"))
    for figure in (here, there):
        figure.draw_without_rendering()
    first = [figure.axes[0].get_xticklabels()[0].get_text() for figure in (here, there)]
    assert first == ["10:00:00", "15:45:00"]
    assert here.axes[0].get_xlim() == there.axes[0].get_xlim()
    assert there.axes[0].get_xlabel().endswith("UTC+0545")


def test_seconds_and_a_window_of_the_first_signal(bench):
    figure = plot_recording(bench, ["current", "slow"], (10_000, 20_000), time="seconds", annotations=False)
    below = figure.axes[1]
    assert np.allclose(below.lines[0].get_ydata(), np.arange(10, 20) / 10)  # `slow` counts from its own first sample
    assert below.get_xlabel() == "time since the first sample (s)"


def test_a_recording_without_utc_counts_seconds(tmp_path):
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", noise(), first_id=-500, units="A")])
    with xjls.open_recording(path) as recording:
        assert plot_recording(recording).axes[0].get_xlabel() == "time since the first sample (s)"
        with pytest.raises(SelectionError, match="UTC is not known for current"):
            plot_recording(recording, time="utc")


def test_seconds_count_from_what_is_known(tmp_path):
    """The file has 1000 samples more to tell of than it holds, and the picture says what its seconds count from."""
    path = write_picostream(tmp_path / "run.hdf5", np.arange(1000), extra={"total_samples": 2000})
    with xjls.open(path) as ds:
        figures = ds.xjls.plot(), ds.xjls.recording.plot(), (ds * 2).xjls.plot()
        assert {figure.axes[0].get_xlabel() for figure in figures} == {"time since the capture began (µs)"}
        figure = ds.assign_coords(time=np.arange(1000)).xjls.plot()
        assert figure.axes[0].get_xlabel().startswith("time since the first sample")


def test_time_that_runs_backwards_counts_seconds(tmp_path):
    back = [(0, EPOCH), (20_000, EPOCH + 20 * SECOND), (40_000, EPOCH + 19 * SECOND)]
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", noise(), ties=back, units="A")])
    with xjls.open_recording(path) as recording:
        (trace,) = traces_of(recording)
        assert not trace.is_utc
        assert (np.diff(trace.time) > 0).all()
        with pytest.raises(SelectionError, match="UTC runs backwards in current"):
            plot_recording(recording, time="utc")


def test_the_label_follows_when_someone_zooms(bench):
    figure = plot_recording(bench, ["current"], tz="UTC")
    figure.axes[-1].set_xlim(10, 10 + 1e-5)
    assert figure.axes[-1].get_xlabel() == "µs after 10:00:10.000 on 2026-03-01, UTC"


# ---- gaps and damage -----------------------------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path):
    """Return a recording with NaN from 10 s to 12 s, one at 20 s, and a broken chunk near 30 s: 64 samples."""
    values = noise()
    values[10_000:12_000] = values[20_000] = np.nan
    signals = [Fsr("current", values, units="A", ties=ties(N), **SMALL), Fsr("good", noise(), ties=ties(N))]
    data = encode([Source()], signals)
    chunk = [c for c in chunks_of(data) if (c.tag, c.meta) == (0x22, 1)][30_000 // 64]
    path = tmp_path / "broken.jls"
    path.write_bytes(flip(data, chunk.payload.start + 40))
    return path


def test_gaps_are_shaded_where_they_are(broken):
    with xjls.open_recording(broken, on_damage="gap") as recording:
        (trace,) = traces_of(recording, ["current"], columns=800)
        figure = plot_recording(recording, ["current"], columns=800, tz="UTC")
    gap, single, *damage = sorted(trace.gaps, key=lambda span: span.start)
    assert (gap.start - START, gap.stop - START) == (np.timedelta64(10, "s"), np.timedelta64(12, "s"))
    assert (gap.is_whole, gap.is_damage) == (True, False)
    assert (single.is_whole, single.is_damage) == (False, False)
    assert {span.is_damage for span in damage} == {True}
    assert np.allclose(spans(figure.axes[0])[0], (10, 12))
    assert np.allclose(spans(figure.axes[0])[1], (20, 20.05))
    start, stop = spans(figure.axes[0])[2][0], spans(figure.axes[0])[-1][1]
    assert 29.95 <= start <= 30 < stop <= 30.1
    mean = steps(figure.axes[0], filled=False)[0].get_data()
    assert np.isnan(mean.values[(mean.edges[:-1] >= 10) & (mean.edges[1:] <= 12)]).all()
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["min to max", "mean", "no samples", "damaged"]


def test_damage_is_exact_where_samples_are_shown(broken):
    with xjls.open_recording(broken, on_damage="gap") as recording:
        (trace,) = traces_of(recording, ["current"], (29_900, 30_100), columns=800)
    (span,) = trace.gaps
    assert (span.is_damage, span.is_whole) == (True, True)
    assert np.array_equal(np.array([span.start, span.stop]) - START, np.array([29_952, 30_016], "m8[ms]"))


def test_a_whole_recording_has_no_such_legend(bench):
    figure = plot_recording(bench, ["voltage"], tz="UTC")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["min to max", "mean"]
    assert spans(figure.axes[0]) == []


def test_samples_that_were_left_out_are_no_damage(unpacked):
    with xjls.open_recording(unpacked("om_v0.9.7"), on_damage="gap") as recording:
        assert recording.gaps("sig#3")
        (trace,) = traces_of(recording, ["sig#3"], (1000, 1500), columns=500)
        assert plot_recording(recording, ["sig#3"], (1000, 1500)).axes[0].get_legend() is not None
    (span,) = trace.gaps
    assert (span.is_whole, span.is_damage) == (True, False)
    assert np.isnan(trace.mean[280:]).all()
    assert np.isfinite(trace.mean[:280]).all()


def test_damage_raises_where_it_was_asked_to(broken):
    with xjls.open_recording(broken) as recording, pytest.raises(LostSamplesError, match="on_damage"):
        plot_recording(recording, ["current"], (29_900, 30_100))


def test_a_signal_of_nothing_but_nan_is_drawn(tmp_path):
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", np.full(5000, np.nan), units="A")])
    with xjls.open_recording(path) as recording:
        figure = plot_recording(recording, tz="UTC")
    figure.draw_without_rendering()
    assert np.allclose(spans(figure.axes[0]), [(0, 5)])


# ---- annotations ---------------------------------------------------------------------------------------------------


def test_annotations_are_drawn_with_their_words(bench):
    figure = plot_recording(bench, tz="UTC")
    top, *others = figure.axes
    assert {"boots $here", "1a", "1b", "limit: 30 mA", "of all"} <= set(words(top))
    for ax in figure.axes:
        (dashes,) = [c for c in ax.collections if isinstance(c, LineCollection)]
        assert np.allclose(sorted(segment[0, 0] for segment in dashes.get_segments()), [2, 9])
    (level,) = [line for line in top.lines if len(line.get_xdata()) == 2]
    assert np.allclose(level.get_ydata(), 0.03)
    assert not any(words(ax) for ax in others)


def test_annotations_stay_with_their_signal_and_window(bench):
    assert "1a" not in words(plot_recording(bench, ["voltage"], tz="UTC").axes[0])
    near = plot_recording(bench, ["current"], (500, 1500), tz="UTC").axes[0]
    assert {"boots $here", "limit: 30 mA"} <= set(words(near))
    assert not {"1a", "of all"} & set(words(near))
    assert words(plot_recording(bench, ["current"], annotations=False).axes[0]) == []


def test_annotations_in_seconds(bench):
    figure = plot_recording(bench, ["current"], time="seconds")
    (dashes,) = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert np.allclose(sorted(segment[0, 0] for segment in dashes.get_segments()), [2, 9])
    assert "of all" in words(figure.axes[0])


def test_annotations_of_a_recording_without_utc(tmp_path):
    notes = [Annotation(1500, "vmarker", data="1a"), Annotation(2500, "user", y=0.02, data="said")]
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", noise(), units="A", annotations=notes)])
    with xjls.open_recording(path) as recording:
        (ax,) = plot_recording(recording).axes
    (dashes,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    assert [segment[0, 0] for segment in dashes.get_segments()] == [1.5]
    assert words(ax) == ["1a", "said"]


def test_thousands_of_annotations_stay_few_artists(bench):
    times = np.arange(40.0 * 200) / 200
    marks = [Mark(kind="text", time=t, text=f"event {i}", y=0.02, signal="current") for i, t in enumerate(times)]
    marks += [Mark(kind="vertical", time=t, text=str(i)) for i, t in enumerate(times)]
    figure = plot_traces(traces_of(bench, ["current"], time="seconds"), marks)
    (ax,) = figure.axes
    assert len(ax.texts) < 150
    assert sum(len(line.get_xdata()) for line in ax.lines) <= 1000
    assert sum(len(c.get_segments()) for c in ax.collections if isinstance(c, LineCollection)) <= 1000
    (note,) = [text for text in words(ax) if "no room" in text]
    shown = len(ax.texts) - 1
    assert note == f"no room for the words of {len(marks) - shown:,} annotations"


def test_words_do_not_cover_each_other(bench):
    marks = [Mark(kind="text", time=20 + i / 50, text=f"event {i}", y=0.02, signal="current") for i in range(30)]
    figure = plot_traces(traces_of(bench, ["current"], time="seconds"), marks)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text().startswith("event")]
    assert len(boxes) >= 2
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_marker_above_the_trace_makes_room_and_one_far_away_does_not(bench):
    traces = traces_of(bench, ["voltage"], time="seconds")
    base = plot_traces(traces).axes[0].get_ylim()
    near, far = (
        plot_traces(traces, [Mark(kind="horizontal", time=0.0, y=y, signal="voltage")]).axes[0] for y in (3.7, 400)
    )
    assert near.get_ylim()[1] > 3.7
    assert "3.7 V" in words(near)
    assert far.get_ylim() == base
    assert words(far) == []


@pytest.mark.parametrize("text", ["$x^2", "\\frac{", "a\nb\x00", "_hidden", "x" * 500])
def test_any_text_can_be_drawn(text, tmp_path):
    note = [Annotation(100, "text", data=text), Annotation(50, "vmarker", data=text)]
    signals = [Fsr(name, noise(), units="A", annotations=note, ties=ties(N)) for name in ("$a_", f"{text[:40]}\t")]
    path = write(tmp_path / "$run$.jls", [Source()], signals)
    with xjls.open_recording(path) as recording:
        plot_recording(recording, tz="UTC").draw_without_rendering()


# ---- figures -------------------------------------------------------------------------------------------------------


def test_the_title_says_how_much_a_column_is(bench):
    figure = plot_recording(bench, ["current"], columns=400, tz="UTC")
    assert figure.axes[0].get_title(loc="left") == "bench.jls · 40 s · 100 samples a column"
    assert plot_recording(bench, ["current"], title="mine").axes[0].get_title(loc="left") == "mine"


def test_it_draws_into_what_it_is_given(bench):
    figure = Figure(figsize=(6, 4))
    left, right = figure.subfigures(1, 2)
    assert plot_recording(bench, ["current", "voltage"], figure=left) is left
    ax = right.subplots()
    plot_recording(bench, ["current", "_second"], ax=ax)
    assert len(left.axes) == 2
    assert len(steps(ax, filled=False)) == 2
    figure.draw_without_rendering()
    with pytest.raises(SelectionError, match="one axes cannot hold A, V"):
        plot_recording(bench, ["current", "voltage"], ax=ax)


def test_it_shows_itself_in_a_notebook_and_travels(bench):
    figure = plot_recording(bench, ["current"], figsize=(5, 2))
    png = figure._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 500
    again = pickle.loads(pickle.dumps(figure))
    again.savefig(io.BytesIO(), format="svg")


def test_it_draws_in_threads(bench):
    made = []

    def draw():
        file = io.BytesIO()
        plot_recording(bench, ["current", "in0"], tz="UTC").savefig(file)
        made.append(file.getvalue())

    plot_recording(bench, ["current"])  # imports are not what this is about
    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1


def test_importing_the_room_does_not_import_matplotlib():
    import subprocess

    code = "import sys, xjls.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- what cannot be drawn ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"signals": ["curent"]}, "no signal 'curent'"),
        ({"signals": ["events"]}, "'events' has no samples"),
        ({"signals": []}, "no signal of .* has samples to draw"),
        ({"columns": 0}, "columns=0 draws nothing"),
        ({"scale": "dB"}, "scale='dB' is no scale"),
        ({"time": "local"}, "time='local' is no way"),
        ({"tz": "Mars"}, "no time zone 'Mars'"),
        ({"window": (0, N + 1)}, "reaches outside"),
        ({"window": (5, 5)}, "holds no sample"),
    ],
)
def test_what_there_is_not_is_an_error(bench, arguments, match):
    with pytest.raises(SelectionError, match=match):
        plot_recording(bench, **arguments)


def test_no_traces_are_an_error():
    with pytest.raises(SelectionError, match="no trace to draw"):
        plot_traces([])


def test_utc_and_seconds_do_not_mix(bench):
    mixed = traces_of(bench, ["current"], time="seconds") + traces_of(bench, ["voltage"])
    with pytest.raises(SelectionError, match=r"some signals are in UTC .*, others in seconds"):
        plot_traces(mixed)


def test_a_trace_has_an_edge_more_than_columns():
    with pytest.raises(ValueError, match="3 columns have 4 edges, got 3"):
        Trace(name="a", units="", time=np.arange(3.0), mean=np.zeros(3), min=np.zeros(3), max=np.zeros(3))


def test_matplotlib_may_be_missing(bench, monkeypatch):
    monkeypatch.delitem(sys.modules, "xjls.plot.canvas", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"xjls\[plot\]"):
        plot_recording(bench, ["current"])


# ---- of a Dataset --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", ["utc", "seconds"])
def test_a_dataset_draws_what_its_recording_does(bench, time):
    with xjls.open(bench.path, signals=["current", "in0"], time=time) as ds:
        figure = ds.xjls.plot(columns=200, tz="UTC")
    expected = plot_recording(bench, ["current", "in0"], columns=200, time=time, tz="UTC")
    for mine, yours in zip(figure.axes, expected.axes, strict=True):
        assert mine.get_ylabel() == yours.get_ylabel()
        assert mine.get_xlabel() == yours.get_xlabel()
        assert words(mine) == words(yours)
        for a, b in zip(mine.patches, yours.patches, strict=True):
            assert np.allclose(a.get_data().values, b.get_data().values, equal_nan=True)
            assert np.allclose(a.get_data().edges, b.get_data().edges, rtol=0, atol=1e-8)
    assert figure.axes[0].get_title(loc="left") == expected.axes[0].get_title(loc="left")


def test_a_dataset_draws_its_selection(bench):
    with xjls.open(bench.path, signals=["current"]) as ds:
        figure = ds.sel(time=slice("2026-03-01T10:00:05", "2026-03-01T10:00:06.999")).xjls.plot(columns=50, tz="UTC")
    assert np.allclose(figure.axes[0].get_xlim(), (0, 2))
    values = steps(figure.axes[0], filled=False)[0].get_data().values
    assert np.allclose(values, bench.columns("current", (5000, 7000), n=50).mean)


def test_derived_values_are_drawn_without_annotations(bench):
    with xjls.open(bench.path, signals=["current"]) as ds, warnings.catch_warnings():
        figure = (ds * 2).xjls.plot(columns=50, tz="UTC")
    values = steps(figure.axes[0], filled=False)[0].get_data().values
    assert np.allclose(values, 2 * bench.columns("current", n=50).mean)
    assert not {"1a", "boots $here"} & set(words(figure.axes[0]))


def test_a_dataset_shades_damage(broken):
    with xjls.open(broken, signals=["current"], on_damage="gap") as ds:
        figure = ds.isel(time=slice(29_900, 30_100)).xjls.plot(tz="UTC")
    assert np.allclose(spans(figure.axes[0]), [(0.052, 0.116)])
    assert "damaged" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_one_signal_may_be_named_without_a_list(bench, monkeypatch):
    """And no other one is looked at."""
    asked = []
    columns_between = type(bench).columns_between
    monkeypatch.setattr(type(bench), "columns_between", lambda *a, **k: asked.append(a[1]) or columns_between(*a, **k))
    with xjls.open(bench.path, signals=["current", "in0"]) as ds:
        assert len(ds.xjls.plot("current", tz="UTC").axes) == 1
    assert asked == ["current"]


@pytest.mark.parametrize("dtype", ["M8[s]", "M8[ns]", "m8[ms]"])
def test_labels_of_any_resolution_are_drawn(dtype):
    """The end of the last column is in the units of the others."""
    labels = np.arange(4).astype(dtype)
    ds = xr.Dataset({"x": ("time", [1.0, 2.0, 3.0, 4.0])}, {"time": labels})
    (trace,) = dataset_traces(ds, 2, None, None)
    expected = np.arange(0, 5, 2).astype(dtype)
    if dtype.startswith("m"):
        expected = expected / np.timedelta64(1, "s")
    assert np.array_equal(trace.time, expected)
    assert isinstance(ds.xjls.columns(2).time.attrs["end"], int)
    assert ds.xjls.plot(columns=2, tz="UTC").axes


def test_columns_of_labels_that_are_no_times_have_positions():
    ds = xr.Dataset({"x": ("time", [1.0, 2.0, 3.0])}, {"time": list("abc")})
    assert ds.xjls.columns(increment=1).time.values.tolist() == [0, 1, 2]


def test_a_signal_that_a_dataset_lacks_is_an_error(bench):
    with xjls.open(bench.path, signals=["current"]) as ds, pytest.raises(SelectionError, match="'voltage'"):
        ds.xjls.plot(signals=["voltage"])


def test_the_demo_is_drawn_whole(tmp_path):
    path = write_demo(tmp_path / "demo.jls", seconds=1)
    with xjls.open_recording(path) as recording:
        figure = plot_recording(recording, tz="UTC")
    assert [ax.get_ylabel() for ax in figure.axes] == ["current", "voltage (V)", "power", "current_range", ""]
    assert [ax.get_yscale() for ax in figure.axes] == ["log", "linear", "log", "linear", "linear"]


def test_damage_is_shaded_where_its_signal_is_shown(tmp_path):
    """Whatever a variable is called: the shade follows the samples, not the name."""
    small = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
    path = tmp_path / "run.jls"
    write(path, [Source("s")], [Fsr(name, np.arange(20_000), **small) for name in "ab"])
    data = path.read_bytes()
    chunk = [c for c in chunks_of(data) if c.tag == 0x22 and c.meta == 1][50]
    path.write_bytes(flip(data, chunk.offset + 60))
    with xjls.open(path, on_damage="gap", levels=False) as ds:
        ds.a.values  # noqa: B018 - a read meets the damage
        for shown, name in ((ds, "a"), (ds.rename(a="b", b="a"), "b")):
            found = {trace.name: trace.gaps for trace in dataset_traces(shown, 100, shown.xjls.recording, None)}
            assert [bool(found[n]) for n in ("a", "b")] == [n == name for n in ("a", "b")]
            assert found[name][0].is_damage
