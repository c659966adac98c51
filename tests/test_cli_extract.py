"""``xjls extract``: the part that was asked for, and nothing overwritten."""

import re

import fsspec
import numpy as np
import pytest

import xjls
from xjls.cli.main import main
from xjls.testing.jls2 import Annotation, Fsr, Source, UserData, write

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(10_000)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    ties = [(i * 1000, EPOCH + i * SECOND) for i in range(11)]
    notes = [Annotation(1500, data="in"), Annotation(8000, data="out")]
    signals = [
        Fsr("current", K.astype("f4"), units="A", ties=ties, annotations=notes, **SMALL),
        Fsr("gpi", K % 2, dtype="u1", rate_hz=500, **SMALL),
        Fsr("late", np.arange(100), dtype="u8", first_id=9_000, **SMALL),
    ]
    return str(write(tmp_path_factory.mktemp("extract") / "run.jls", [Source("s")], signals, [UserData(3, "kept")]))


def test_a_part_of_all_signals(path, tmp_path, capsys):
    out = str(tmp_path / "part.jls")
    assert main(["extract", path, "--from", "1", "--to", "3", out]) == 0
    assert capsys.readouterr().out.startswith(f"wrote {out}, ")
    recording = xjls.open_recording(out)
    assert list(recording.signals) == ["current", "gpi"]
    assert np.array_equal(recording.read("current"), K[1000:3000].astype("f4"))
    assert np.array_equal(recording.read("gpi"), K[500:1500] % 2 == 1)
    assert (recording.signal("current").first_id, recording.signal("gpi").first_id) == (1000, 500)
    assert [note.data for note in recording.annotations] == ["in"]
    assert [record.data for record in recording.user_data] == ["kept"]
    old = xjls.open_recording(path).clock("current")
    assert recording.clock("current").time(2222) == old.time(2222)


def test_whole_and_named(path, tmp_path):
    out = str(tmp_path / "late.jls")
    assert main(["extract", path, "-s", "late", out]) == 0
    assert np.array_equal(xjls.open_recording(out).read("late"), np.arange(100))


def test_a_part_into_a_store(path, tmp_path, capsys):
    """The ending says it; the size is that of all its objects."""
    out = tmp_path / "part.zarr"
    assert main(["extract", path, "--from", "1", "--to", "3", str(out), "-s", "current"]) == 0
    n_bytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    assert n_bytes > 8000
    assert capsys.readouterr().out == f"wrote {out}, {n_bytes / 1000:.3g} kB\n"
    recording = xjls.open_recording(out)
    assert recording.format == "Zarr"
    assert np.array_equal(recording.read("current"), K[1000:3000].astype("f4"))
    assert [note.data for note in recording.annotations] == ["in"]
    assert main(["extract", path, str(out)]) == 2
    assert "or say --overwrite." in capsys.readouterr().err


def test_a_part_to_an_address(path, capsys):
    """As convert: what is there is not asked how large it is."""
    files = fsspec.filesystem("memory")
    try:
        for command, name, *window in (("extract", "part", "--from", "1", "--to", "3"), ("convert", "whole")):
            out = f"memory://extracted/{name}.zarr"
            assert main([command, path, out, *window]) == 0
            assert re.match(f"wrote {out}(: 20,100 of 20,100 samples)?\n", capsys.readouterr().out)
            assert xjls.open_recording(out).signal("current").length == (2000 if window else 10_000)
    finally:
        files.rm("/extracted", recursive=True)


def test_what_cannot_be_done_is_said(path, tmp_path, capsys):
    out = tmp_path / "part.jls"
    out.write_bytes(b"precious")
    assert main(["extract", path, str(out)]) == 2
    assert "exists. Choose another name, or say --overwrite." in capsys.readouterr().err
    assert out.read_bytes() == b"precious"
    assert main(["extract", path, str(tmp_path / "part.foo")]) == 2
    assert "Give it one of these endings: .jls, .zarr, .hdf5, .h5." in capsys.readouterr().err
    assert main(["extract", path, "-s", "late", "--from", "1", "--to", "2", str(tmp_path / "x.jls")]) == 2
    assert "'late' has no sample from 1 to 2" in capsys.readouterr().err
    assert main(["extract", path, str(out), "--overwrite"]) == 0
    assert xjls.open_recording(out).was_closed
