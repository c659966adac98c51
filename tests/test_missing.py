"""Samples without a value: numbers, hatching, page and xarray count the same ones, whatever still answers for them."""

import numpy as np
import pytest

import xjls
from tests.test_page import arrays_of, data_of
from tests.views import recorded, signal
from xjls.testing import write_demo
from xjls.testing.jls2 import Fsr, write
from xjls.testing.jls2 import Source as Instrument
from xjls.widget.page import write_page
from xjls.widget.view.lane import Source
from xjls.widget.view.missing import knowledge
from xjls.widget.view.view import View

SPANS = [(0.0, 1.0), (0.1, 0.9), (0.3001, 0.3002), (0.33, 0.34), (0.2, 0.5)]


@pytest.fixture
def damaged(tmp_path):
    """Return a recording one data chunk of which is broken, while the entries above it are whole."""
    path = write_demo(tmp_path / "run.jls", seconds=0.5)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(bytes(data))
    return path


@pytest.fixture
def holed():
    """Return samples with a run of NaN, single ones that entries do not show, and an infinite one."""
    samples = np.random.default_rng(7).normal(1, 0.1, 300_000).astype("f4")
    samples[100_000:130_000] = np.nan
    samples[[5, 200_001, 250_007]] = np.nan
    samples[280_000] = np.inf
    return samples


def lane_with_losses(path):
    """Return the lane of the signal that the damage is in, its samples with gaps as NaN, and a fresh view of it."""
    with xjls.open_recording(path, on_damage="gap") as whole:
        for name in whole.signals:
            values = whole.read(name).astype("f8")
            if name in whole.status.gaps:
                values[~whole.read_valid(name)] = np.nan
                return name, values
    raise AssertionError("no signal lost samples")


def hatched(strip):
    """Return whether each column is hatched, by the spans that a browser gets."""
    middle = (strip.edges[1:] + strip.edges[:-1]) / 2
    inside = [(middle > span.start) & (middle < span.stop) for span in strip.spans]
    return np.any([np.zeros(len(middle), bool), *inside], axis=0)


def missing_by_column(strip, values, first_id):
    ids = np.append(strip.window.start + np.arange(len(strip)) * strip.step, strip.window.stop) - first_id
    inside = ~np.isfinite(values[: ids[-1]])
    return np.add.reduceat(inside.astype(int), ids[:-1])


@pytest.mark.parametrize("columns", [50, 400, 3000])
@pytest.mark.parametrize("span", SPANS)
def test_damage_is_counted_and_hatched_whatever_entries_answer_for(damaged, columns, span):
    name, values = lane_with_losses(damaged)
    with xjls.open_recording(damaged) as recording:
        view = View([Source(recording, (name,))])
        recording.read_with_gaps(name)  # what is damaged is known from now on
        low, high = view.extent
        x0, x1 = (low + share * (high - low) for share in span)
        numbers, ((_, _, strip),) = view.measure(x0, x1)[name], view.strips(x0, x1, columns)
        inside = view.lane(name).tracks[0].window(x0, x1)
        assert numbers["lost"] == np.isnan(values[inside.start : inside.stop]).sum()
        assert numbers["n"] + numbers["lost"] >= inside.length
        lost = missing_by_column(strip, values, 0)
        np.testing.assert_array_equal(strip.missing, lost)
        np.testing.assert_array_equal(hatched(strip), lost > 0)


def test_damage_that_numbers_come_upon_is_hatched_in_the_same_answer(damaged):
    name, values = lane_with_losses(damaged)
    at = int(np.flatnonzero(np.isnan(values))[0])
    explorer = xjls.explore(damaged, [name])
    view = explorer.lanes
    period = view.extent[1] / len(values)
    marker = {"key": "a", "x0": (at + 10) * period, "x1": (at + 4000.5) * period}
    explorer.send = lambda told, buffers: answers.append(told)
    answers = []
    whole = {"x0": 0, "x1": view.extent[1], "columns": 200}
    explorer._handle_custom_msg({"type": "tile", "id": 1, **whole, "markers": [marker]}, [])
    (told,) = answers
    assert told["markers"]["a"][name]["lost"] > 0
    assert "damage" in {kind for _, _, kind in told["strips"][0]["spans"]}
    assert "damaged in 1 place" in told["status"]
    explorer.close()


def test_a_page_counts_and_hatches_the_same_losses(damaged, tmp_path):
    name, values = lane_with_losses(damaged)
    at = int(np.flatnonzero(np.isnan(values))[0])
    with xjls.open_recording(damaged) as recording:
        period = 1 / float(recording.signal(name).rate_hz)
        zero = np.datetime64(recording.clock(name).time(0), "ns")
        ends = [zero + np.timedelta64(round((at + i) * period * 1e9), "ns") for i in (10, 4000)]
        page = write_page(recording, tmp_path / "a.html", signals=[name], columns=500, markers=[slice(*ends)])
    data = data_of(page)
    (table,), whole = data["tables"], data["exact"][0]["lanes"][name]
    packed = table["missing"] if table["lost"] is None else table["lost"]
    assert whole["lost"] == arrays_of(data)[packed].sum() == np.isnan(values).sum()
    assert "damage" in {kind for _, _, kind in table["spans"]}
    assert "damaged in 1 place" in data["traits"]["facts"]["status"], "it was met while the page was made"


def test_nan_is_never_silent(holed, tmp_path):
    recording = xjls.open_recording(write(tmp_path / "run.jls", [Instrument()], [Fsr("current", holed, units="A")]))
    view = View([Source(recording, is_owned=True)])
    known = knowledge(view.lanes[0].tracks[0])
    (_, _, before), *_ = view.strips(*view.extent, 500)
    numbers = view.measure(*view.extent)["current"]
    assert numbers["lost"] == numbers["nan"] == (~np.isfinite(holed)).sum() == 30_004
    assert numbers["n"] + numbers["lost"] == len(holed)
    assert numbers["mean"] == pytest.approx(holed[np.isfinite(holed)].astype("f8").mean())
    assert knowledge(view.lanes[0].tracks[0]) != known
    ((_, _, strip),) = view.strips(*view.extent, 500)
    np.testing.assert_array_equal(strip.missing, missing_by_column(strip, holed, 0))
    np.testing.assert_array_equal(hatched(strip), strip.missing > 0)
    assert before.missing.sum() < strip.missing.sum(), "entries do not show single NaN"
    view.close()


def test_a_page_counts_nan_as_its_numbers_do(holed, tmp_path):
    run = write(tmp_path / "run.jls", [Instrument()], [Fsr("a", holed, units="A", rate_hz=1000)])
    with xjls.open_recording(run) as recording:
        data = data_of(write_page(recording, tmp_path / "a.html", columns=500))
    (table,), whole = data["tables"], data["exact"][0]["lanes"]["a"]
    assert (whole["lost"], whole["nan"]) == (30_004, 30_004)
    assert (arrays_of(data)[table["missing"]].sum(), table["lost"]) == (30_004, None)


@pytest.mark.parametrize(("dtype", "units"), [("f4", "A"), ("i2", "V"), ("?", "")])
def test_what_nobody_delivered_is_lost_and_not_nan(dtype, units):
    samples = (np.arange(200_000) // 1000 % 2).astype(dtype)
    gaps = [(50_000, 80_000), (120_003, 120_010)]
    view = View([Source(recorded((signal("x", dtype, units=units), samples), gaps=gaps))])
    numbers = view.measure(*view.extent)["x"]
    assert (numbers["n"], numbers["lost"], numbers["nan"]) == (169_993, 30_007, 0)
    ((_, _, strip),) = view.strips(*view.extent, 700)
    assert strip.missing.sum() == 30_007
    np.testing.assert_array_equal(hatched(strip), strip.missing > 0)


def test_lost_is_what_isnull_says(holed, tmp_path):
    run = write(tmp_path / "run.jls", [Instrument()], [Fsr("a", holed[:280_000], units="A", rate_hz=1000)])
    ds = xjls.open(run, levels=False)
    explorer = ds.xjls.explore()
    for start, stop in ((0, 279_999), (99_990, 130_100), (200_000, 200_005)):
        explorer.selection = slice(ds.time.values[start], ds.time.values[stop])
        numbers, part = explorer.statistics()["a"], ds.a.sel(time=explorer.selection)
        assert (numbers["n"], numbers["lost"]) == (int(part.count()), int(part.isnull().sum()))
    explorer.close()
