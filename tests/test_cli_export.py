"""``xjls export``: what it writes, what it says, what it refuses; and pyjls's own export beside it."""

import argparse
import contextlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyjls
import pytest
from pyjls.entry_points import export as pyjls_export

import xjls
from xjls.cli import parser
from xjls.cli.main import main
from xjls.export import columns
from xjls.testing.jls2 import Fsr, Source, chunks_of, flip, write

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(10_000)
CURRENT = (np.sin(K * 0.01) * 1e-3).astype("f4")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    ties = [(i * 1000, EPOCH + i * SECOND) for i in range(11)]
    signals = [
        Fsr("current", CURRENT, units="A", ties=ties, **SMALL),
        Fsr("range", K // 1000, dtype="u4", ties=ties, **SMALL),
        Fsr("late", np.arange(100), dtype="u8", first_id=9_000, ties=ties, **SMALL),
    ]
    return str(write(tmp_path_factory.mktemp("export") / "run.jls", [Source("s")], signals))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    ties = [(0, EPOCH)]
    signals = [Fsr("current", K[:10], ties=ties, **SMALL), Fsr("gpi", K[:20] % 2, dtype="u1", rate_hz=2000, ties=ties)]
    return str(write(tmp_path_factory.mktemp("mixed") / "run.jls", [Source("s")], signals))


def test_a_window_of_all_signals(path, tmp_path, capsys):
    """Signals that have nothing there are left out."""
    out = tmp_path / "out.csv"
    assert main(["export", path, str(out), "--from", "1", "--to", "1.003"]) == 0
    told = capsys.readouterr().out
    assert told == f"wrote {out}, {out.stat().st_size} B: 3 rows of time, current, range\n"
    frame = pd.read_csv(out, parse_dates=["time"])
    assert frame["current"].astype("f4").tolist() == CURRENT[1000:1003].tolist()
    assert frame["range"].tolist() == [1, 1, 1]
    assert frame["time"].tolist() == pd.date_range("2026-03-01T10:00:01Z", periods=3, freq="ms").tolist()


@pytest.mark.parametrize(
    ("window", "ids"),
    [
        (["--from", "2026-03-01T10:00:01", "--to", "2026-03-01T10:00:03"], (1000, 3000)),
        (["--from", "#17", "--to", "#18"], (17, 18)),
        (["--from", "-5", "--to", "10ms"], (0, 10)),
        (["--from", "9.9"], (9900, 10_000)),
        ([], (0, 10_000)),
    ],
)
def test_windows(path, tmp_path, window, ids):
    out = tmp_path / "out.npy"
    window = [f"--from={window[1]}", *window[2:]] if window else []
    assert main(["export", path, str(out), "-s", "current", *window]) == 0
    np.testing.assert_array_equal(np.load(out), CURRENT[slice(*ids)])


def test_standard_output_has_the_table_alone(path, capsys):
    assert main(["export", path, "-", "-s", "range", "--columns", "2", "--statistic", "mean", "--time", "seconds"]) == 0
    told = capsys.readouterr()
    assert told.out == "seconds,range_mean\n0.000000000,2.0\n5.000000000,7.0\n"
    assert told.err == "2 rows of seconds, range_mean\n"


def test_units_and_ids(path, capsys):
    arguments = ["-s", "current", "--every", "6000", "--statistic", "count", "--statistic", "integral", "--units"]
    assert main(["export", path, "-", *arguments, "--time", "id"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sample_id,current_count,current_integral [C]"
    assert [line.rsplit(",", 1)[0] for line in lines[1:]] == ["0,6000", "6000,4000"]


def test_different_rates_need_an_axis(mixed, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert main(["export", mixed, str(out)]) == 2
    assert "2 different time axes: current (1,000 Hz, s); gpi (2,000 Hz, s)" in capsys.readouterr().err
    assert main(["export", mixed, str(out), "--axis", "gpi", "--from", "2ms"]) == 0
    frame = pd.read_csv(out)
    assert frame["gpi"].tolist() == (K[4:20] % 2).tolist()
    assert frame["current"].tolist() == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    assert main(["export", mixed, str(tmp_path / "gpi.csv"), "-s", "gpi"]) == 0


def test_what_cannot_be_done_is_said(path, tmp_path, capsys):
    out = tmp_path / "out.csv"
    out.write_text("precious")
    for arguments, says in [
        ([], "exists. Choose another name, or say --overwrite."),
        (["-s", "late", "--from", "1", "--to", "2", "--overwrite"], "'late' has no sample from 1 to 2"),
        (["--from", "1h", "--overwrite"], "'current' has no sample from 1h"),
        (["--from", "now", "--overwrite"], "'now' names no moment"),
        (["-s", "voltage", "--overwrite"], "no signal 'voltage'"),
    ]:
        assert main(["export", path, str(out), *arguments]) == 2
        assert says in capsys.readouterr().err
        assert out.read_text() == "precious"
    assert main(["export", path, str(tmp_path / "no" / "out.csv")]) == 2
    assert "No such file or directory" in capsys.readouterr().err
    assert main(["export", path, str(out), "--overwrite"]) == 0
    assert len(out.read_text().splitlines()) == 10_001


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--every", "0"], "0 is not at least 1"),
        (["--every", "2.5"], "'2.5' is no whole number"),
        (["--every", "5", "--columns", "5"], "not allowed with argument"),
        (["--statistic", "median"], "invalid choice: 'median'"),
        (["--time", "local"], "invalid choice: 'local'"),
    ],
)
def test_bad_options_are_refused(path, capsys, arguments, says):
    with pytest.raises(SystemExit):
        main(["export", path, "-", *arguments])
    assert says in capsys.readouterr().err


def test_the_statistics_are_those_of_a_table():
    assert parser.STATISTICS == columns.STATISTICS


def test_tables_are_not_written_to_addresses(path, capsys):
    assert main(["export", path, "s3://lab/out.csv"]) == 2
    assert "single files are written to local disks, and s3://lab/out.csv is on none" in capsys.readouterr().err


def test_lost_samples_are_told(path, tmp_path, capsys):
    data = Path(path).read_bytes()
    chunk = [c for c in chunks_of(data) if c.tag == 0x22 and c.meta == 1][3]
    bad = tmp_path / "bad.jls"
    bad.write_bytes(flip(data, chunk.offset + 60))
    assert main(["export", str(bad), str(tmp_path / "out.csv"), "-s", "current"]) == 1
    told = capsys.readouterr().out
    assert "  current: 64 samples are lost or were never delivered, and missing here; see xjls info" in told
    with (tmp_path / "out.csv").open() as lines:
        assert sum(line.endswith(",\n") for line in lines) == 64
    assert main(["export", str(bad), str(tmp_path / "out.csv"), "-s", "current", "--to", "#100", "--overwrite"]) == 0


def test_what_is_not_exact_is_told(path, tmp_path, capsys, monkeypatch):
    asked = xjls.Recording.columns_between
    monkeypatch.setattr(
        xjls.Recording, "columns_between", lambda *arguments: asked(*arguments, nans="trust"), raising=True
    )
    assert main(["export", path, str(tmp_path / "out.csv"), "-s", "current", "--columns", "1"]) == 0
    assert "  current: from summaries that may hide single NaN; see xjls stats --nans count" in capsys.readouterr().out


def test_an_unclosed_recording(scenario, tmp_path, capsys):
    unclosed, expected = scenario("unclosed")
    assert main(["export", str(unclosed), str(tmp_path / "out.parquet")]) == 0
    frame = pd.read_parquet(tmp_path / "out.parquet")
    for name, signal in expected.signals.items():
        np.testing.assert_array_equal(frame[name].dropna(), signal.samples)


@pytest.fixture(scope="module")
def by_pyjls(tmp_path_factory):
    """A file of pyjls's own."""
    made = tmp_path_factory.mktemp("pyjls") / "pyjls.jls"
    with pyjls.Writer(str(made)) as writer:
        writer.source_def(1, name="s")
        writer.signal_def(1, source_id=1, sample_rate=1000, data_type="f32", name="current", units="A")
        writer.signal_def(2, source_id=1, sample_rate=1000, data_type="u8", name="state")
        writer.fsr(1, 0, CURRENT)
        writer.fsr(2, 0, (K % 251).astype("u1"))
    return str(made)


@pytest.mark.parametrize(("name", "start", "length"), [("current", 0, 10_000), ("state", 17, 500)])
def test_pyjls_exports_the_same_samples(by_pyjls, tmp_path, name, start, length):
    """pyjls's times are left out: they count from 0 in every window."""
    theirs, ours = tmp_path / "theirs.csv", tmp_path / "ours.csv"
    run = pyjls_export.parser_config(parser := argparse.ArgumentParser())
    asked = [by_pyjls, str(theirs), "--signal", name, "--start", str(start), "--length", str(length)]
    with contextlib.redirect_stdout(io.StringIO()):
        run(parser.parse_args(asked))
    window = ["--from", f"#{start}", "--to", f"#{start + length}"]
    assert main(["export", by_pyjls, str(ours), "-s", name, *window]) == 0
    frame = pd.read_csv(ours)
    np.testing.assert_array_equal(frame[name].astype("f4"), np.loadtxt(theirs).astype("f4"))
    assert frame["seconds"].tolist() == ((start + np.arange(length)) / 1000).tolist()
