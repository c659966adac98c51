"""The explorer without a browser: what it tells, what it answers, and what people set and read."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

import xjls
from xjls.errors import MissingDependencyError, SelectionError
from xjls.testing import write_demo
from xjls.widget.explorer.requests import answer


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("explorer") / "run.jls", seconds=2)


@pytest.fixture
def copied(tmp_path):
    return write_demo(tmp_path / "run.jls", seconds=0.3)


class Front:
    """What a browser does, without one: it asks, and hears."""

    def __init__(self, explorer):
        self.explorer = explorer
        self.heard = []
        explorer.send = lambda content, buffers=None: self.heard.append((content, buffers or []))
        self.next_id = 0

    def ask(self, **content):
        self.next_id += 1
        self.explorer._handle_custom_msg({**content, "id": self.next_id}, [])
        told, buffers = self.heard[-1]
        assert told["id"] == self.next_id
        json.dumps(told, allow_nan=False)  # or a browser refuses it
        return told, buffers


@pytest.fixture
def explorer(path):
    made = xjls.explore(path)
    yield made
    made.close()


@pytest.fixture
def front(explorer):
    return Front(explorer)


def values(strip, buffer, name):
    return np.frombuffer(buffer, "<f4", strip["n"], strip["at"][name]).astype("f8")


def test_the_first_picture_needs_no_message(explorer):
    state = explorer.get_state()
    assert [lane["key"] for lane in state["facts"]["lanes"]] == [
        "current",
        "voltage",
        "power",
        "current_range",
        "gpi[0]",
    ]
    assert state["facts"]["lanes"][0]["reach"][1] == pytest.approx(0.16, abs=0.01)
    assert state["first"]["strips"][0]["n"] >= 1600
    assert isinstance(state["first"]["data"], bytes)
    assert len(state["overview"]["strips"]) == 5
    assert state["view"] == state["facts"]["extent"]
    assert {note["kind"] for note in state["notes"]} == {"vertical", "horizontal", "text"}
    json.dumps(state["facts"], allow_nan=False)


def test_a_tile_is_what_was_recorded(front, path):
    told, (buffer,) = front.ask(type="tile", x0=1e8, x1=2e8, columns=500, lanes=["voltage"], markers=[])
    (strip,) = told["strips"]
    samples = xjls.open_recording(path).read("voltage")
    first = round(strip["x0"] / 2000.0065) if "x0" in strip else 0
    part = samples[first : first + strip["per"] * strip["n"]].reshape(-1, strip["per"]).astype("f8")
    assert np.allclose(values(strip, buffer, "max") + strip["y0"], part.max(axis=1), atol=1e-6)
    assert np.allclose(values(strip, buffer, "mean") + strip["y0"], part.mean(axis=1), atol=1e-6)
    assert np.allclose(values(strip, buffer, "std"), part.std(axis=1), rtol=1e-3, atol=1e-8)
    assert told["ms"] >= 0


def test_numbers_of_markers_come_with_the_tile(front, path):
    spans = [{"key": "a", "x0": 1e8, "x1": 3e8}, {"key": "b", "x0": 5e8, "x1": None}]
    told, _ = front.ask(type="tile", x0=0, x1=1e9, columns=100, lanes=None, markers=spans)
    ds = xjls.open(path, levels=False)
    start = ds.time.values[0]
    ns = np.timedelta64(1, "ns")
    part = ds.sel(time=slice(start + 100_000_000 * ns, start + (300_000_000 - 1) * ns))
    for name in ("current", "voltage"):
        mine, samples = told["markers"]["a"][name], part[name].values.astype("f8")
        assert (mine["n"], mine["min"], mine["max"]) == (len(samples), samples.min(), samples.max())
        assert mine["mean"] == pytest.approx(samples.mean(), rel=1e-6)
    single = told["markers"]["b"]["current"]
    assert single["value"] == float(ds.current.sel(time=start + 500_000_000 * ns, method="ffill"))
    assert told["markers"]["b"]["gpi[0]"]["value"] in (0.0, 1.0)


def test_the_selection_selects_in_xarray(explorer, path):
    ds = xjls.open(path, levels=False)
    explorer.selection = slice("2026-03-01T10:00:00.25", "2026-03-01T10:00:00.75")
    assert [(m.key, m.color) for m in explorer.markers] == [("1", 0)]
    assert explorer.selected == "1"
    part = ds.sel(time=explorer.selection)
    assert explorer.statistics()["current"]["n"] == part.sizes["time"]
    assert explorer.statistics()["current"]["max"] == float(part.current.max())


def test_the_browser_selects_and_python_hears(explorer):
    heard = []
    explorer.observe(lambda change: heard.append(change["new"]), "selection")
    marker = {"key": "7", "x0": 123456789.25, "x1": 223456789.75, "label": "burst", "color": 2}
    explorer.set_state({"markers": [marker], "selected": "7"})
    assert explorer.markers == (xjls.Marker(heard[-1], "burst", "7", 2),)
    # What the browser told goes back to it to the last bit, or views would creep
    assert explorer.get_state("markers")["markers"] == [marker]
    explorer.set_state({"view": [5.5, 1e9 + 0.25]})
    assert explorer.get_state("view")["view"] == [5.5, 1e9 + 0.25]
    explorer.set_state({"selected": ""})
    assert explorer.selection is None
    assert heard[-1] is None


def test_python_moves_what_is_selected(explorer):
    explorer.markers = [slice("2026-03-01T10:00:00.1", "2026-03-01T10:00:00.2"), "2026-03-01T10:00:01"]
    explorer.selected = "1"
    explorer.selection = slice("2026-03-01T10:00:00.3", "2026-03-01T10:00:00.4")
    assert len(explorer.markers) == 2
    assert explorer.markers[0].at == explorer.selection
    explorer.selection = None
    assert explorer.selected == ""
    assert len(explorer.markers) == 2
    explorer.selection = slice("2026-03-01T10:00:00.3", "2026-03-01T10:00:00.4")
    assert (explorer.selected, len(explorer.markers)) == ("1", 2), "the marker that is there is selected"
    explorer.view = slice("2026-03-01T10:00:00.5", np.datetime64("2026-03-01T10:00:01.5", "ns"))
    assert explorer.window[1] - explorer.window[0] == pytest.approx(1e9, abs=2)


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("view", slice("2026-03-02", "2026-03-01"), "holds no time"),
        ("view", 5, "no span of time"),
        ("markers", ["no time"], "no moment"),
        ("markers", [xjls.Marker(1, key="a"), xjls.Marker(2, key="a")], "two markers"),
        ("settings", {"colour": "red"}, "no setting 'colour'"),
        ("settings", {"digits": 17}, "digits=17"),
        ("settings", {"visible": {"volts": False}}, "no lane 'volts'"),
        ("settings", {"statistics": ["median"]}, "no number 'median'"),
        ("selection", slice(3, 1), "no moment"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(explorer, name, value, match):
    before = getattr(explorer, name)
    with pytest.raises(SelectionError, match=match):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before


@pytest.mark.parametrize(
    "message",
    [
        {"type": "nonsense"}, {"type": "tile"}, {"type": "tile", "x0": 0, "x1": float("nan"), "columns": 5},
        {"type": "tile", "x0": 0, "x1": 1e300, "columns": 5}, {"type": "tile", "x0": "a", "x1": 1, "columns": 5},
        {"type": "tile", "x0": 0, "x1": 1, "columns": 5, "lanes": ["volts"]},
        {"type": "measure", "spans": [{"key": 1}]}, {"type": "search", "lane": "current", "kind": "wobble",
         "x": 0, "direction": 1}, {"type": "analyse", "lane": "current", "x0": 0, "x1": 0, "kind": "histogram"},
        {"type": "note", "x": 0, "lane": "volts", "text": "a"}, {"type": "note", "x": 0, "lane": None, "text": "  "},
        {"type": "forget", "key": "n0"}, {"type": "shift", "recording": 5, "shift": 1},
    ],
    ids=lambda message: "-".join(map(str, message.values()))[:40],
)  # fmt: skip
def test_a_message_that_makes_no_sense_gets_an_error_and_nothing_breaks(front, message):
    told, _ = front.ask(**message)
    assert told["type"] == "error"
    assert len(told["text"]) > 10
    assert front.ask(type="tile", x0=0, x1=1e9, columns=10)[0]["type"] == "tile"


def test_a_tile_of_absurdly_many_columns_is_bounded(front):
    told, (buffer,) = front.ask(type="tile", x0=0, x1=2e9, columns=10**12)
    assert len(buffer) < 10 << 20
    assert told["strips"][0]["n"] <= 40_000


def test_searches_and_analyses_are_answered(front, path):
    gpi = xjls.open_recording(path).read("gpi[0]")
    rise = int(np.flatnonzero(np.diff(gpi.astype("i1")) > 0)[0]) + 1
    told, _ = front.ask(type="search", lane="gpi[0]", x=0, direction=1, kind="edge")
    assert (told["type"], told["value"]) == ("found", 1.0)
    assert round(told["x0"] / 2000.0065) == rise
    assert front.ask(type="search", lane="gpi[0]", x=0, direction=-1, kind="edge")[0]["x0"] is None
    told, _ = front.ask(type="search", lane="current", x=0, direction=1, kind="maximum", width=1e7)
    assert told["x1"] - told["x0"] == pytest.approx(1e7, rel=1e-3)
    told, (buffer,) = front.ask(type="analyse", lane="current", x0=0, x1=1e9, kind="histogram")
    assert np.frombuffer(buffer).reshape(2, told["n"])[1].sum() == pytest.approx(500_000, abs=5)


def test_two_threads_are_answered_alike(path):
    explorer = xjls.explore(path)

    def ask(i):
        span = {"x0": i * 1e6, "x1": 1e9}
        told, buffers = answer(
            explorer, {"type": "tile", "id": i, **span, "columns": 300, "markers": [{"key": 1, **span}]}
        )
        del told["ms"]
        return told, buffers[0]

    alone = [ask(i) for i in range(40)]
    assert len({buffer for _, buffer in alone}) > 1, "answers that are all alike would show nothing"
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ask, range(40))) == alone
    explorer.close()


def test_notes_go_into_a_sidecar_and_come_back(copied):
    before = copied.read_bytes()
    explorer = xjls.explore(copied)
    front = Front(explorer)
    told, _ = front.ask(type="note", x=1e8, lane="voltage", text="droop")
    assert told["type"] == "noted"
    explorer.add_note("2026-03-01T10:00:00.2", "whole")
    assert [note["saved"] for note in explorer.notes[-2:]] == [False, False]
    assert front.ask(type="save")[0]["text"] == "2 notes in run.anno.jls"
    assert all(note["saved"] for note in explorer.notes)
    assert explorer.save() == "there was nothing to save"
    explorer.add_note("2026-03-01T10:00:00.25", "later", "current")
    explorer.save()
    assert copied.read_bytes() == before
    again = xjls.explore(copied)
    assert {"droop", "whole", "later"} <= {note["text"] for note in again.notes}
    assert {note["text"]: note["lane"] for note in again.notes}["droop"] == "voltage"
    droop = next(note for note in again.notes if note["text"] == "droop")
    assert droop["x"] == pytest.approx(1e8, abs=3000)
    explorer.close()
    again.close()


@pytest.mark.parametrize("kind", ["jls", "zarr"])
def test_notes_go_into_the_recording_itself(copied, tmp_path, kind):
    path = str(copied)
    if kind == "zarr":
        path = xjls.open(copied).xjls.to_zarr(tmp_path / "run.zarr")
    samples = xjls.open_recording(path).read("current")
    explorer = xjls.explore(path)
    assert explorer.facts["saves"] == ("store" if kind == "zarr" else "sidecar")
    explorer.add_note("2026-03-01T10:00:00.1", "here", "current")
    explorer.save("store")
    recording = xjls.open_recording(path)
    assert "here" in [note.data for note in recording.annotations if note.signal == "current"]
    assert np.array_equal(recording.read("current"), samples)
    assert recording.status.complete
    assert not list(tmp_path.glob("*.anno*"))
    with pytest.raises(SelectionError, match="cannot be saved to 'cloud'"):
        explorer.save("cloud")
    explorer.close()


def test_notes_that_are_not_saved_can_be_taken_back(front, explorer):
    key = front.ask(type="note", x=1e8, lane="current", text="oops")[0]["key"]
    assert front.ask(type="forget", key=key)[0]["type"] == "noted"
    assert "oops" not in [note["text"] for note in explorer.notes]


def test_what_stays_in_the_notebook_is_a_picture(explorer):
    data, _ = explorer._repr_mimebundle_()
    assert data["image/png"].startswith("iVBOR")
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"].startswith("<xjls.Explorer of run.jls: current, voltage")
    assert explorer.picture[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_dataset_is_explored_as_it_is(path):
    ds = xjls.open(path)
    part = ds.sel(time=slice("2026-03-01T10:00:00.5", "2026-03-01T10:00:01"))[["current", "gpi[0]"]]
    explorer = part.assign(double=part.current * 2).xjls.explore()
    assert [lane["key"] for lane in explorer.facts["lanes"]] == ["current", "double", "gpi[0]"]
    whole = explorer.statistics(slice(None, None))
    assert whole["current"]["n"] == whole["double"]["n"] == part.sizes["time"]
    assert whole["double"]["max"] == pytest.approx(2 * whole["current"]["max"])
    assert explorer.facts["lanes"][0]["tracks"][0]["extent"] == pytest.approx(explorer.facts["extent"], abs=2000)
    explorer.close()


def test_what_was_done_to_names_and_labels_is_shown(path):
    ds = xjls.open(path, levels=False)[["current"]]
    late = ds.assign_coords(time=ds.time.values + np.timedelta64(1, "h"))
    milli = ds.copy()
    milli.current.attrs["units"] = "mA"
    for made, lanes in (
        (ds.rename(current="i"), ["i"]), (ds.assign(again=ds.current), ["current", "again"]), (late, ["current"]),
        (milli, ["current"]),
    ):  # fmt: skip
        explorer = made.xjls.explore()
        assert [lane["key"] for lane in explorer.facts["lanes"]] == lanes
        assert explorer.facts["lanes"][0]["units"] == made[lanes[0]].attrs["units"]
        explorer.selection = slice(made.time.values[1000], made.time.values[250_999])
        assert {found["n"] for found in explorer.statistics().values()} == {250_000}
        explorer.close()


def test_computed_variables_lie_where_their_labels_are(path):
    ds = xjls.open(path, time="seconds", levels=False, signals="current").isel(time=slice(5000, 10_000))
    explorer = ds.assign(double=ds.current * 2).xjls.explore()
    explorer.selection = slice(0.0101, 0.0103)
    found = explorer.statistics()
    assert found["current"]["n"] == found["double"]["n"] == ds.sel(time=explorer.selection).sizes["time"]
    assert found["double"]["max"] == pytest.approx(2 * found["current"]["max"])
    explorer.close()


@pytest.mark.parametrize("state", [
    {"markers": [{"key": "1", "x0": 5.0, "x1": 5.0}]}, {"view": [7.0, 7.0]}, {"view": "all"}, {"markers": [{"key": 1}]},
    {"settings": {"digits": 99}}, {"settings": {"theme": []}},
])  # fmt: skip
def test_what_a_browser_must_not_say_changes_nothing(explorer, state):
    before = explorer.get_state()
    with contextlib.suppress(SelectionError):
        explorer.set_state(state)
    assert explorer.get_state() == before
    assert explorer.statistics()


def test_a_recording_that_is_taken_away_is_shown_as_far_as_it_was_seen(tmp_path):
    sink = xjls.grow_recording(tmp_path / "run.jls")
    source = xjls.Source(id=1, name="bench")
    sink.add_source(source)
    sink.add_signal(xjls.Signal(
        id=1, name="current", units="A", dtype=np.dtype("f4"), rate_hz=Fraction(1000), source=source, stored_type="f32"
    ))  # fmt: skip
    sink.write("current", 0, np.ones(50_000, "f4"))
    sink.flush()
    explorer = xjls.explore(tmp_path / "run.jls")
    sink.abandon()
    (tmp_path / "run.jls").unlink()
    front = Front(explorer)
    told, _ = front.ask(type="tile", x0=0, x1=5e10, columns=100)
    assert told["type"] == "tile"
    assert told["strips"][0]["n"] >= 100
    assert not told["grows"]
    assert "not followed any more" in explorer.facts["status"]
    explorer.close()


def test_marks_of_a_growing_recording_are_notes(tmp_path):
    with xjls.start_capture("sim", tmp_path / "run.zarr", rate="10 kHz", signals=["current"]) as session:
        while session.counts.samples < 2000:
            session.has_ended(0.05)
        explorer = xjls.explore(session.recording)
        front = Front(explorer)
        session.mark("door opened")
        while not explorer.notes:
            session.has_ended(0.05)
            front.ask(type="tile", x0=0, x1=1e12, columns=10)
        assert [note["text"] for note in explorer.notes] == ["door opened"]
    explorer.close()


def test_a_dataset_in_seconds_is_explored_in_seconds(path):
    explorer = xjls.open(path, time="seconds").xjls.explore("current")
    assert not explorer.facts["utc"]
    explorer.selection = slice(0.5, 0.75)
    assert (
        explorer.statistics()["current"]["n"]
        == xjls.open(path, time="seconds").sel(time=explorer.selection).sizes["time"]
    )
    explorer.close()


def test_too_much_to_compute_is_refused(path, monkeypatch):
    monkeypatch.setattr("xjls.backend.exploring.MOST_BYTES", 1000)
    ds = xjls.open(path, signals="current")
    with pytest.raises(SelectionError, match=r"double would take .* bytes of memory"):
        ds.assign(double=ds.current * 2).xjls.explore()


def test_two_recordings_are_laid_over_each_other(path, tmp_path):
    other = write_demo(tmp_path / "other.jls", seconds=1, seed=5)
    explorer = xjls.explore([path, other], "current", align="start")
    tracks = explorer.facts["lanes"][0]["tracks"]
    assert [track["label"] for track in tracks] == ["run.jls", "other.jls"]
    assert Front(explorer).ask(type="shift", recording=1, shift=2.5e8)[0]["type"] == "shifted"
    assert explorer.facts["lanes"][0]["tracks"][1]["extent"][0] == pytest.approx(2.5e8)
    with pytest.raises(SelectionError, match="align='middle'"):
        xjls.explore(path, align="middle")
    explorer.close()


def test_a_capture_is_followed_while_it_runs(tmp_path):
    with xjls.start_capture("sim", tmp_path / "run.jls", rate="20 kHz") as session:
        while session.counts.samples < 3000:
            session.has_ended(0.05)
        explorer = xjls.explore(session.recording, ["current"])
        front, seen = Front(explorer), explorer.facts["extent"][1]
        assert explorer.facts["grows"]
        told = {"extent": [0, seen]}
        while told["extent"][1] <= seen:
            session.has_ended(0.05)
            told, _ = front.ask(type="tile", x0=0, x1=1e12, columns=100)
            assert told["type"] == "tile"
    explorer.close()


def test_without_anywidget_the_extra_is_named(path, monkeypatch):
    import builtins
    import sys

    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("anywidget"):
            raise ImportError("No module named 'anywidget'", name="anywidget")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, "xjls.widget.explorer.widget", raising=False)
    with pytest.raises(MissingDependencyError, match=r"xjls\[notebook\]"):
        xjls.explore(path)
