"""Each command on PicoStream's files: what it prints and writes is what NumPy says of the counts."""

import csv
import json
import re

import numpy as np
import pytest

import xjls
from xjls.cli.main import main
from xjls.testing.picostream import counts_of, write_picostream

COUNTS = counts_of("average", 40_000, seed=5)
PAIRS = counts_of("aggregate", 20_000, seed=6)
SCALE, OFFSET = 2.0 / 32767, 0.25
VOLTS = COUNTS * SCALE - OFFSET


@pytest.fixture
def scope(tmp_path):
    return write_picostream(tmp_path / "scope.hdf5", COUNTS, range_v=2.0, offset_v=OFFSET, interval_ns=1000)


@pytest.fixture
def pairs(tmp_path):
    return write_picostream(tmp_path / "pairs.hdf5", PAIRS, mode="aggregate", ratio=4, range_v=2.0, interval_ns=250)


def told(capsys, *arguments, status=0):
    assert main([str(argument) for argument in arguments]) == status
    out, err = capsys.readouterr()
    assert status or not err
    return err if status == 2 else out


def test_info_says_what_the_file_says(scope, capsys):
    text = told(capsys, "info", scope)
    assert re.search(r"channel_a +i16 +V +1 MHz +40,000 +40 ms", text)
    assert re.search(r"resolution +PS5000A_DR_12BIT", text)
    assert "the analogue offset of 0.25 V is subtracted" in text
    facts = json.loads(told(capsys, "info", "--json", scope))["signals"][0]
    assert (facts["scale_factor"], facts["add_offset"], facts["bound"]) == (SCALE, -OFFSET, None)
    assert facts["facts"]["voltage_range_v"] == 2.0


def test_options_of_the_format_are_asked_for(scope, capsys):
    facts = json.loads(told(capsys, "info", "--json", "-O", "units=mV", "--option", "offset_sign=add", scope))
    assert facts["signals"][0]["units"] == "mV"
    assert facts["signals"][0]["add_offset"] == 250
    assert "PicoStream has no option 'unit'. Options: units" in told(capsys, "info", "-O", "unit=V", scope, status=2)


def test_stats_are_numpys_of_volts(scope, pairs, capsys):
    (found,) = json.loads(told(capsys, "stats", "--json", "--from", "#100", "--to", "#30100", scope))["signals"][
        "channel_a"
    ]
    part = VOLTS[100:30_100]
    assert found["count"] == part.size
    for name, value in (("mean", part.mean()), ("std", part.std()), ("min", part.min()), ("max", part.max())):
        assert found[name] == pytest.approx(value, rel=1e-9), name
    both = json.loads(told(capsys, "stats", "--json", pairs))["signals"]
    assert both["channel_a_min"][0]["min"] == pytest.approx(PAIRS[::2].min() * SCALE)
    assert both["channel_a_max"][0]["max"] == pytest.approx(PAIRS[1::2].max() * SCALE)


def test_plots_are_drawn(scope, pairs, tmp_path, capsys):
    for path, *how in ((scope, "--from", "1ms", "--to", "2ms"), (pairs,), (pairs, "-s", "channel_a_max")):
        out = tmp_path / "a.png"
        assert f"wrote {out}" in told(capsys, "plot", path, "-o", out, *how)
        assert out.read_bytes().startswith(b"\x89PNG")


def test_tables_hold_volts(scope, tmp_path, capsys):
    out = tmp_path / "a.csv"
    told(capsys, "export", scope, out, "--to", "#1000")
    with out.open() as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose([float(row["channel_a"]) for row in rows], VOLTS[:1000], rtol=1e-12)
    np.testing.assert_allclose([float(row["seconds"]) for row in rows], np.arange(1000) * 1e-6, atol=1e-12)


def test_parts_and_copies_keep_the_counts(scope, pairs, tmp_path, capsys):
    for ending in ("zarr", "jls", "hdf5"):
        told(capsys, "convert", scope, tmp_path / f"all.{ending}")
        told(capsys, "extract", pairs, tmp_path / f"part.{ending}", "--from", "#50", "--to", "#700")
        assert np.array_equal(xjls.open_recording(tmp_path / f"all.{ending}").read("channel_a"), COUNTS)
        part = xjls.open_recording(tmp_path / f"part.{ending}")
        assert part.signal("channel_a_max").bound == ("channel_a", "max")
        assert np.array_equal(part.read("channel_a_min"), PAIRS[100:1400:2])


def test_levels_that_are_elsewhere_are_used_where_they_are_named(scope, tmp_path, capsys):
    levels = tmp_path / "levels"
    told(capsys, "index", scope, "--to", levels)
    assert re.search(r"channel_a .* none\n", told(capsys, "info", scope))
    assert re.search(r"channel_a .* 256 5,120\n", told(capsys, "info", scope, "--sidecar", levels))
    with_levels, without = (
        json.loads(told(capsys, "stats", "--json", scope, *how))["signals"] for how in (["--sidecar", str(levels)], [])
    )
    assert with_levels["channel_a"][0]["mean"] == pytest.approx(without["channel_a"][0]["mean"], rel=1e-7)


def test_check_reads_everything(scope, capsys):
    assert "whole" in told(capsys, "check", scope)
    marked = COUNTS.copy()
    marked[70:90] = -32768
    write_picostream(scope, marked)
    assert "20 samples are marked as lost by the driver" in told(capsys, "check", scope)
