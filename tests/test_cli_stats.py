"""``xjls stats``: the numbers are NumPy's, and what does not count is said."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from xjls.cli.main import main
from xjls.testing.jls2 import Fsr, Source, chunks_of, flip, write

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(10_000)
CURRENT = (np.sin(K * 0.01) * 1e-3).astype("f4")
HOLED = np.where(K % 1000 < 3, np.nan, 1.0).astype("f4")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    ties = [(i * 1000, EPOCH + i * SECOND) for i in range(11)]
    signals = [
        Fsr("current", CURRENT, units="A", ties=ties, **SMALL),
        Fsr("holed", HOLED, units="V", **SMALL),
        Fsr("late", np.arange(100), dtype="u8", first_id=9_000, **SMALL),
        Fsr("counter", K.astype("i4"), dtype="i32", rate_hz=500, **SMALL),
    ]
    return str(write(tmp_path_factory.mktemp("stats") / "run.jls", [Source("s")], signals))


def told(capsys, *arguments):
    assert main(["stats", *arguments]) == 0
    return capsys.readouterr().out


def test_all_signals_as_json(path, capsys):
    found = json.loads(told(capsys, path, "--json", "--ddof", "1"))
    assert list(found["signals"]) == ["current", "holed", "late", "counter"]
    (current,) = found["signals"]["current"]
    values = CURRENT.astype("f8")
    wanted = {"mean": values.mean(), "std": values.std(ddof=1), "min": values.min(), "max": values.max()}
    for name, value in wanted.items():
        assert current[name] == pytest.approx(value, rel=1e-6, abs=1e-9)
    assert current["integral"] == pytest.approx(values.sum() / 1000, rel=1e-6)
    assert (current["start_time"], current["stop_time"]) == ("2026-03-01T10:00:00Z", "2026-03-01T10:00:10Z")
    assert (current["units"], current["integral_units"], current["exact"]) == ("A", "C", True)
    assert (found["signals"]["holed"][0]["count"], found["signals"]["holed"][0]["nan"]) == (9970, 30)
    assert found["signals"]["counter"][0]["start_time"] is None


def test_a_part_of_it(path, capsys):
    """Times are UTC or seconds, and sample ids; the end is not included."""
    ways = [("2026-03-01T10:00:01", "2026-03-01T10:00:03"), ("1", "3s"), ("1000ms", "#3000")]
    for start, stop in ways:
        found = json.loads(told(capsys, path, "--from", start, "--to", stop, "-s", "current", "--json"))
        (only,) = found["signals"]["current"]
        assert (only["start"], only["stop"], only["count"]) == (1000, 3000, 2000)


def test_columns(path, capsys):
    found = json.loads(told(capsys, path, "-s", "current", "--columns", "4", "--json"))["signals"]["current"]
    assert [one["count"] for one in found] == [2500] * 4
    for i, one in enumerate(found):
        assert one["max"] == CURRENT[i * 2500 : (i + 1) * 2500].max()
    text = told(capsys, path, "-s", "current", "--columns", "4")
    assert text.startswith("current, 4 columns of 2.5 s\n")
    assert len(text.splitlines()) == 6


def test_as_people_read_it(path, capsys):
    text = told(capsys, path)
    assert "holed: 30 samples are NaN or infinite, and do not count" in text
    line = next(line for line in text.splitlines() if line.split()[0] == "current")
    assert "10,000" in line
    assert "1 mA" in line
    assert "mC" in line or "µC" in line


def test_signals_that_have_nothing_there_are_left_out(path, capsys):
    """Without names, those with samples in the time; a name that has none is an error that says where it is."""
    found = json.loads(told(capsys, path, "--from", "1", "--to", "2", "--json"))["signals"]
    assert list(found) == ["current", "holed", "counter"]
    assert main(["stats", path, "--from", "1", "--to", "2", "-s", "late"]) == 2
    assert "'late' has no sample from 1 to 2" in capsys.readouterr().err
    assert main(["stats", path, "--from", "1h"]) == 2
    assert "has no sample from 1h" in capsys.readouterr().err


def test_what_is_not_exact_is_said(path, capsys):
    text = told(capsys, path, "--nans", "trust", "-s", "current")
    assert "current: from summaries that may hide single NaN; --nans count looks at every sample" in text
    assert "may hide" not in told(capsys, path, "--nans", "count", "-s", "current")


def test_lost_samples_are_counted(path, tmp_path, capsys):
    data = Path(path).read_bytes()
    chunk = next(c for c in chunks_of(data) if c.tag == 0x22 and c.meta == 4)
    bad = tmp_path / "bad.jls"
    bad.write_bytes(flip(data, chunk.offset + 60))
    text = told(capsys, str(bad), "-s", "counter", "--from", "#3", "--to", "#13")
    assert "counter: 10 samples are missing, and do not count; see xjls check" in text
    assert "–" in text
    found = json.loads(told(capsys, str(bad), "-s", "counter", "--from", "#3", "--to", "#13", "--json"))
    (only,) = found["signals"]["counter"]
    assert (only["count"], only["lost"], only["mean"]) == (0, 10, None)
    assert not any(isinstance(value, float) and math.isnan(value) for value in only.values())


@pytest.mark.parametrize("arguments", [["--columns", "0"], ["--columns", "many"], ["--nans", "maybe"], ["--ddof", "2"]])
def test_bad_options_are_refused(path, capsys, arguments):
    with pytest.raises(SystemExit):
        main(["stats", path, *arguments])
    assert "xjls stats: error: argument" in capsys.readouterr().err


def test_a_number_that_is_none_is_said(path, capsys):
    with pytest.raises(SystemExit):
        main(["stats", path, "--columns", "2.5"])
    assert "'2.5' is no whole number" in capsys.readouterr().err


def test_a_name_that_is_not_there(path, capsys):
    assert main(["stats", path, "-s", "voltage"]) == 2
    assert "no signal 'voltage'" in capsys.readouterr().err
