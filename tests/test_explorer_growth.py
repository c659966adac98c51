"""What grows, and what lies beside and over a recording: the explorer without a browser tells all of it."""

import json

import numpy as np
import pytest

import xjls
from tests.views import BENCH, recorded, signal
from xjls.formats.memory.sink import MemorySink
from xjls.testing import write_demo
from xjls.widget.explorer import following
from xjls.widget.page import write_page
from xjls.widget.view.lane import Source
from xjls.widget.view.view import View


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def growing():
    """Return a sink, an explorer of what it has so far, and the clock that the explorer goes by."""
    sink, clock = MemorySink(), Clock()
    sink.add_source(BENCH)
    sink.add_signal(signal("current", rate=1000))
    sink.write("current", 0, np.linspace(0, 1, 10_000, dtype="f4"))
    explorer = xjls.explore(sink.recording)
    explorer.following = following.Following(explorer, clock)
    yield sink, explorer, clock
    explorer.close()
    sink.close()


def ask_tile(explorer):
    answers = []
    explorer.send = lambda told, buffers=None: answers.append(told)
    explorer._handle_custom_msg({"type": "tile", "id": 1, "x0": 0, "x1": 1e12, "columns": 100}, [])
    assert answers[0]["type"] == "tile", answers
    json.dumps(answers[0], allow_nan=False)
    return answers[0]


def test_reach_and_overview_grow_with_the_recording(growing):
    sink, explorer, clock = growing
    assert explorer.facts["lanes"][0]["reach"] == [0, 1]
    sink.write("current", 10_000, np.full(5000, 7, "f4"))
    clock.now_s = following.SHOW_S
    ask_tile(explorer)
    assert explorer.facts["lanes"][0]["reach"] == [0, 7]
    assert explorer.facts["extent"] == [0, 15e9]
    assert explorer.facts["lanes"][0]["tracks"][0]["extent"] == [0, 15e9]
    assert (explorer.overview["x1"], explorer.overview["view"]["current"]["n"]) == (15e9, 15_000)


def test_facts_and_overview_are_not_sent_with_every_look(growing):
    sink, explorer, clock = growing
    sent = []
    explorer.observe(lambda change: sent.append(change["name"]), ["facts", "overview"])
    for i in range(30):
        sink.write("current", 10_000 + 100 * i, np.full(100, i, "f4"))
        clock.now_s += following.LOOK_S
        assert ask_tile(explorer)["extent"][1] == pytest.approx((10_000 + 100 * (i + 1)) * 1e6)
    assert sent.count("overview") in (2, 3)
    clock.now_s += following.SHOW_S
    ask_tile(explorer)
    assert explorer.overview["x1"] == 13e9, "what was held back is told once it is time"


def test_the_end_of_a_recording_is_told_at_once(growing):
    sink, explorer, clock = growing
    sink.write("current", 10_000, np.full(40, -2, "f4"))
    clock.now_s += following.LOOK_S
    ask_tile(explorer)
    assert explorer.overview["x1"] == 10_040e6
    sink.write("current", 10_040, np.full(10, -3, "f4"))
    sink.close()
    clock.now_s += following.LOOK_S
    assert not ask_tile(explorer)["grows"]
    assert explorer.facts["lanes"][0]["reach"] == [-3, 1]
    assert explorer.overview["x1"] == 10_050e6


def test_numbers_of_every_track_are_told(tmp_path):
    samples = [np.random.default_rng(seed).normal(seed, 0.1, 40_000).astype("f4") for seed in range(3)]
    short = recorded((signal("voltage", units="V"), samples[0]), (signal("current"), samples[2][:10_000]))
    both = [recorded((signal("current"), samples[i])) for i in range(2)]
    view = View([Source(one, label=str(i)) for i, one in enumerate([*both, short])])
    x0, x1 = 1e8, 3e8
    numbers = view.measure(x0, x1)["current"]
    tracks = view.lane("current").tracks
    assert len(numbers["others"]) == len(tracks) - 1 == 2
    for told, track, part in zip(
        [numbers, *numbers["others"]], tracks, [*samples[:2], samples[2][:10_000]], strict=True
    ):
        window = track.window(x0, x1)
        inside = part[window.start - 1000 : window.stop - 1000].astype("f8")
        assert told["n"] == len(inside) > 0
        assert (told["min"], told["max"]) == (inside.min(), inside.max())
        assert told["mean"] == pytest.approx(inside.mean(), rel=1e-6)
    assert "others" not in view.measure(x0, x1)["voltage"]
    moment = view.measure(x0, None)["current"]
    at = tracks[1].first_at_or_after(x0) - 1000
    assert moment["others"][0]["value"] in samples[1][[at - 1, at]]
    beyond = view.measure(5e8, 6e8)["current"]
    assert [one["n"] > 0 for one in (beyond, *beyond["others"])] == [True, True, False]
    assert beyond["others"][1]["mean"] is None


def test_tiles_and_pages_tell_every_track(tmp_path):
    paths = [write_demo(tmp_path / f"{i}.jls", seconds=0.2, seed=i) for i in range(2)]
    explorer = xjls.explore(paths, "current", align="start")
    assert len(explorer.first["view"]["current"]["others"]) == 1
    assert len(explorer.statistics()["current"]["others"]) == 1
    assert explorer.statistics()["current"]["others"][0]["mean"] != explorer.statistics()["current"]["mean"]
    _, page = explorer.page(100)
    assert '"others":[{' in page
    explorer.close()


@pytest.mark.parametrize("how", ["cut", "not a recording", "a broken byte"])
def test_a_damaged_sidecar_is_said(tmp_path, how):
    run = write_demo(tmp_path / "run.jls", seconds=0.1)
    explorer = xjls.explore(run)
    explorer.add_note("2026-03-01T10:00:00.05", "here", "current")
    explorer.save("sidecar")
    explorer.close()
    beside = tmp_path / "run.anno.jls"
    data = bytearray(beside.read_bytes())
    at = data.index(b"here")
    data[at] ^= 0xFF
    broken = {"cut": data[:40], "not a recording": b"no recording at all" * 9, "a broken byte": data}[how]
    beside.write_bytes(bytes(broken))
    with pytest.warns(xjls.DamageWarning, match=r"run\.anno\.jls (cannot be read|is damaged)") as warned:
        explorer = xjls.explore(run)
    assert {one.filename for one in warned} == {__file__}
    assert "run.anno.jls" in explorer.facts["status"]
    assert "here" not in [note["text"] for note in explorer.notes]
    assert "run.anno.jls" in ask_tile(explorer)["status"], "it does not vanish with the next tile"
    explorer.close()
    with xjls.open_recording(run) as recording, pytest.warns(xjls.DamageWarning, match=r"run\.anno\.jls"):
        page = write_page(recording, tmp_path / "a.html", columns=10)
    assert "run.anno.jls" in page.read_text("utf-8")
