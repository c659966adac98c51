"""The rows of a table: any window, signals of other rates, statistics of many samples; nothing invented, none twice."""

import io
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
import xjls.export.columns
import xjls.export.table
from xjls.errors import SelectionError
from xjls.export import make_table
from xjls.export.csv import write_csv
from xjls.model.window import Window
from xjls.testing.jls2 import Fsr, Source, Vsr, encode_definition, write
from xjls.testing.strategies import recordings

EXAMPLES = int(os.environ.get("XJLS_EXAMPLES") or 30)
SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
START_NS = 1_772_359_200 * 10**9
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(10_000)
CURRENT = (np.sin(K * 0.01) * 1e-3).astype("f4")


@pytest.fixture
def opened():
    """Open recordings that leave out what is lost, and close them afterwards."""
    kept = []

    def open_one(path):
        kept.append(xjls.open_recording(path, on_damage="gap"))
        return kept[-1]

    yield open_one
    for recording in kept:
        recording.close()


@pytest.fixture
def mixed(tmp_path, opened):
    """One source with two rates, with UTC; one of another source at one of these rates."""
    ties = [(0, EPOCH), (10_000, EPOCH + 10 * SECOND)]
    signals = [
        Fsr("current", CURRENT, units="A", ties=ties, **SMALL),
        Fsr("late", K[:5000] % 251, dtype="u8", first_id=7000, ties=ties, **SMALL),
        Fsr("gpi", K // 7 % 2, dtype="u1", rate_hz=2000, ties=[(0, EPOCH), (20_000, EPOCH + 10 * SECOND)], **SMALL),
        Fsr("slow", K[:40] - 20, dtype="i16", rate_hz=3, source=2, ties=[(0, EPOCH + SECOND // 2)], **SMALL),
    ]
    return opened(write(tmp_path / "mixed.jls", [Source("a", "v", "m", "1", "7"), Source("b")], signals))


def csv_of(table):
    write_csv(table, file := io.BytesIO())
    return file.getvalue().decode()


def as_float(cell):
    return float(cell or "nan")


@settings(max_examples=EXAMPLES, deadline=None)
@given(recordings(omit=True, closed=None), st.data())
def test_any_window_of_any_recording(tmp_path_factory, drawn, data):
    """Rows are the ids that some signal has; each value is the one that `read` gives."""
    definition, _ = drawn
    path = tmp_path_factory.mktemp("any") / "run.jls"
    path.write_bytes(encode_definition(definition))
    with xjls.open_recording(path, on_damage="gap") as recording:
        first = next((s for s in recording.signals.values() if s.length), None)
        if first is None:
            return
        kin = [s for s in recording.signals.values() if s.length and (s.source.id, s.rate_hz) == kind(first)]
        ends = sorted(data.draw(st.integers(first.window.start, first.window.stop)) for _ in range(2))
        names = [s.name for s in kin if (s.window & Window(*ends)).length]
        if first.name not in names:
            with pytest.raises(SelectionError, match="has no sample in"):
                make_table(recording, [first.name], tuple(ends))
            return
        table = make_table(recording, names, tuple(ends), time="id")
        ids = np.unique(np.concatenate([np.arange(*clipped(recording, name, ends)) for name in names]))
        lines = csv_of(table).splitlines()[1:]
        assert [line.split(",")[0] for line in lines] == [str(i) for i in ids.tolist()]
        for at, name in enumerate(names, 1):
            check_cells(recording, name, ids, [line.split(",")[at] for line in lines])


@settings(max_examples=EXAMPLES, deadline=None)
@given(recordings(omit=True, closed=None, max_samples=500), st.data())
def test_any_recording_on_any_axis(tmp_path_factory, drawn, data):
    """A row for each sample of the axis, or a reason why not; of every value some sample says so."""
    path = tmp_path_factory.mktemp("axis") / "run.jls"
    path.write_bytes(encode_definition(drawn[0]))
    with xjls.open_recording(path, on_damage="gap") as recording:
        names = [signal.name for signal in recording.signals.values() if signal.length]
        if not names:
            return
        axis = data.draw(st.sampled_from(names))
        refused = ""
        try:
            lines = csv_of(make_table(recording, axis=axis, time="id")).splitlines()
        except SelectionError as error:
            refused = str(error)
        if refused:
            reasons = ("come from different sources", "runs backwards", "run backwards", "beyond the years")
            assert any(reason in refused for reason in reasons), refused
            return
        assert len(lines) == 1 + recording.signal(axis).length
        for at, name in enumerate(names, 1):
            cells = {line.split(",")[at] for line in lines[1:]} - {""}
            if name != axis:
                alone = csv_of(make_table(recording, [name], time="id")).splitlines()
                assert cells <= {line.split(",")[1] for line in alone}


def kind(signal):
    return signal.source.id, signal.rate_hz


def clipped(recording, name, ends):
    window = recording.signal(name).window
    return max(ends[0], window.start), min(ends[1], window.stop)


def check_cells(recording, name, ids, cells):
    signal = recording.signal(name)
    values, valid = recording.read(name), recording.read_valid(name)
    if signal.scale_factor != 1:
        values = values * signal.scale_factor
    for at, cell in zip((ids - signal.first_id).tolist(), cells, strict=True):
        if not 0 <= at < signal.length or not valid[at] or np.isnan(values[at]):
            assert cell == ""
        else:
            assert values.dtype.type(float(cell) if values.dtype.kind == "f" else int(cell)) == values[at]


def test_no_rows_where_no_signal_has_samples(tmp_path, opened):
    signals = [Fsr("near", K[:3], **SMALL), Fsr("far", K[:2], first_id=2**40, **SMALL)]
    table = make_table(opened(write(tmp_path / "run.jls", [], signals)), time="id")
    assert csv_of(table).splitlines() == [
        "sample_id,near,far", "0,0.0,", "1,1.0,", "2,2.0,", f"{2**40},,0.0", f"{2**40 + 1},,1.0",
    ]  # fmt: skip


def test_nearest_sample_of_another_rate(mixed):
    """The sample nearest in time, of two the earlier one; missing before and after; of any source that knows UTC."""
    table = make_table(mixed, ["current", "gpi", "slow"], axis="current", time="id")
    lines = [line.split(",") for line in csv_of(table).splitlines()[1:]]
    assert len(lines) == 10_000
    times = mixed.clock("current").times(K)
    for at, name in ((2, "gpi"), (3, "slow")):
        signal, clock = mixed.signal(name), mixed.clock(name)
        samples = mixed.read(name).astype(int)
        near = np.arange(-2, signal.length + 2)
        distances = np.abs(clock.times(near) - times[::97, np.newaxis])
        nearest = near[distances.argmin(axis=1)]
        wanted = [str(samples[i]) if 0 <= i < signal.length else "" for i in nearest]
        assert [line[at] for line in lines[::97]] == wanted
    assert {line[3] for line in lines[:300]} == {""}


def test_halfway_the_earlier_one(mixed):
    table = make_table(mixed, ["current"], (0, 8), axis="gpi", time="id")
    cells = [line.split(",")[1] for line in csv_of(table).splitlines()[1:]]
    assert [np.float32(cell) for cell in cells] == [CURRENT[i // 2] for i in range(8)]


def test_halfway_the_earlier_one_whatever_the_rounding(tmp_path, opened):
    """Times are whole nanoseconds: those of 3 Hz and 6 Hz are cut off, and yet one halfway is not nearer to either."""
    signals = [Fsr("a", K[:60], rate_hz=6, **SMALL), Fsr("b", K[:30], dtype="u8", rate_hz=3, **SMALL)]
    lines = csv_of(make_table(opened(write(tmp_path / "run.jls", [], signals)), axis="a", time="id")).splitlines()[1:]
    assert [int(line.split(",")[2]) for line in lines] == (K[:60] // 2).tolist()


def test_few_samples_of_a_quick_signal_are_read_in_parts(mixed, monkeypatch):
    whole = csv_of(make_table(mixed, ["current", "gpi"], axis="slow"))
    monkeypatch.setattr(xjls.export.columns, "READ_SAMPLES", 100)
    assert csv_of(make_table(mixed, ["current", "gpi"], axis="slow")) == whole


def test_statistics_of_rows(mixed):
    table = make_table(mixed, ["current", "late"], every=700, statistics=[*xjls.export.columns.STATISTICS, "mean"])
    frame = pd.read_csv(io.StringIO(csv_of(table)), converters=dict.fromkeys(range(1, 13), as_float))
    edges = np.minimum(np.arange(0, 12_700, 700), 12_000)
    assert list(frame)[1:7] == [f"current_{name}" for name in xjls.export.columns.STATISTICS]
    for name in ("current", "late"):
        window = mixed.signal(name).window
        found = mixed.columns_between(name, edges.clip(window.start, window.stop))
        for statistic in xjls.export.columns.STATISTICS:
            wanted = getattr(found, statistic).astype("f8")
            wanted[(found.count == 0) & (statistic != "count")] = np.nan
            column = frame[f"{name}_{statistic}"].to_numpy()
            if name == "current" and statistic in ("min", "max"):
                column = column.astype("f4")
            np.testing.assert_array_equal(column, wanted)
    assert frame["late_count"].sum() == 5000
    assert frame["current_min"][0] == pytest.approx(float(CURRENT[:700].min()), rel=1e-7)


def test_rows_in_all(mixed):
    table = make_table(mixed, ["current"], (13, 1013), columns=7, statistics=["count"], time="id")
    edges = mixed.columns("current", (13, 1013), 7).edges
    rows = [tuple(map(int, line.split(","))) for line in csv_of(table).splitlines()[1:]]
    assert rows == list(zip(edges[:-1].tolist(), np.diff(edges).tolist(), strict=True))


@settings(max_examples=EXAMPLES, deadline=None)
@given(start=st.integers(0, 9_999), length=st.integers(1, 9000), every=st.integers(1, 4000))
def test_each_sample_is_in_one_row(tmp_path_factory, start, length, every):
    """Also of other rates: those whose time lies in the row, to the sample."""
    folder = tmp_path_factory.getbasetemp()
    path = folder / "rates.jls"
    if not path.exists():
        ties = [(0, EPOCH + 77), (9000, EPOCH + 9 * SECOND + 1234)]
        quick = [(5, EPOCH + 99), (18_000, EPOCH + 9 * SECOND + 4321)]
        write(path, [], [Fsr("a", K, ties=ties, **SMALL), Fsr("b", K, rate_hz=2000, ties=quick, **SMALL)])
    with xjls.open_recording(path) as recording:
        window = start, min(start + length, 10_000)
        table = make_table(recording, ["b"], window, axis="a", every=every, statistics=["count", "min", "max"])
        frame = pd.read_csv(io.StringIO(csv_of(table)))
        edges = np.append(np.arange(*window, every), window[1])
        times = recording.clock("a").times(edges)
        found = np.searchsorted(recording.clock("b").times(K), times)
        assert frame["b_count"].tolist() == np.diff(found).tolist()
        full = np.diff(found) > 0
        assert frame["b_min"][full].tolist() == found[:-1][full].tolist()
        assert frame["b_max"][full].tolist() == (found[1:][full] - 1).tolist()


def test_without_utc_a_source_is_placed_by_its_counters(tmp_path, opened):
    signals = [
        Fsr("a", K[:4], first_id=1000, **SMALL),
        Fsr("b", K[:9], dtype="u8", first_id=2002, rate_hz=2000, **SMALL),
    ]
    recording = opened(write(tmp_path / "run.jls", [], signals))
    assert csv_of(make_table(recording, axis="a")).splitlines() == [
        "seconds,a,b", "0.000000000,0.0,", "0.001000000,1.0,0", "0.002000000,2.0,2", "0.003000000,3.0,4",
    ]  # fmt: skip


def test_what_shares_no_axis_is_refused(mixed, tmp_path, opened):
    with pytest.raises(
        SelectionError, match=r"3 different time axes: current, late \(1,000 Hz, a v m 7\); gpi \(2,000 Hz"
    ):
        make_table(mixed)
    with pytest.raises(SelectionError, match="an axis, the signal at whose times all are shown, as 'current'"):
        make_table(mixed, ["current", "gpi"])
    sources = [Source("a"), Source("b")]
    signals = [Fsr("a", K[:4], **SMALL), Fsr("b", K[:4], source=2, **SMALL)]
    with pytest.raises(SelectionError, match="different sources, and UTC is not known of both"):
        make_table(opened(write(tmp_path / "two.jls", sources, signals)), axis="a")
    back = [(0, EPOCH), (50, EPOCH + SECOND), (100, EPOCH)]
    signals = [Fsr("a", K[:200], ties=back, **SMALL), Fsr("b", K[:200], rate_hz=2000, ties=[(0, EPOCH)], **SMALL)]
    with pytest.raises(SelectionError, match="UTC of 'a' runs backwards there"):
        make_table(opened(write(tmp_path / "back.jls", [], signals)), axis="a")


def test_a_statistic_that_is_not_exact_is_known(mixed, monkeypatch):
    table = make_table(mixed, ["current"], columns=1)
    assert table.inexact == ()
    asked = mixed.columns_between
    monkeypatch.setattr(mixed, "columns_between", lambda name, edges: asked(name, edges, nans="trust"))
    table = make_table(mixed, ["current", "late"], columns=1)
    write_csv(table, io.BytesIO())
    assert table.inexact == ("current",)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"signals": ["voltage"]}, "no signal 'voltage'"),
        ({"signals": []}, "no signal was chosen"),
        ({"axis": "voltage"}, "no signal 'voltage'"),
        ({"signals": ["current"], "window": (20_000, 20_001)}, "'current' has no sample in 20_000–20_001"),
        ({"signals": ["current", "late"], "window": (0, 10)}, "'late' has no sample in 0–10"),
        ({"signals": ["current"], "every": 0}, "rows of 0 samples have none"),
        ({"signals": ["current"], "columns": 0}, "0 columns are none"),
        ({"signals": ["current"], "every": 2, "columns": 2}, "two things"),
        ({"signals": ["current"], "every": 2, "statistics": ["median"]}, "'median' is no statistic"),
        ({"signals": ["current"], "statistics": ["mean"]}, "single samples have no statistics"),
        ({"signals": ["current"], "time": "local"}, "time='local' is no way to tell time"),
    ],
)
def test_what_cannot_be_is_said(mixed, how, says):
    with pytest.raises(SelectionError, match=says):
        make_table(mixed, **how)


def test_signals_without_samples(tmp_path, opened):
    recording = opened(write(tmp_path / "run.jls", [], [Fsr("a", K[:3], **SMALL), Fsr("none", []), Vsr("notes")]))
    assert csv_of(make_table(recording, time="id")).splitlines()[0] == "sample_id,a"
    for name in ("none", "notes"):
        with pytest.raises(SelectionError, match=f"'{name}' has no samples. Leave it out"):
            make_table(recording, [name])
        with pytest.raises(SelectionError, match=f"'{name}' has no samples"):
            make_table(recording, ["a"], axis=name)
    with pytest.raises(SelectionError, match="no UTC is known for 'a'"):
        make_table(recording, time="utc")
    empty = opened(write(tmp_path / "empty.jls", [], [Fsr("none", [])]))
    with pytest.raises(SelectionError, match=r"no signal of .* has samples"):
        make_table(empty)
