"""``xjls index``: what it says, and its exit status."""

import os
import shutil

import numpy as np
import pytest

import xjls
from tests.levels_files import files_of, sidecar_of, small_blocks, write_counts
from xjls.cli.main import main
from xjls.testing import write_demo
from xjls.testing.picostream import GrowingPicoStream

__all__ = ["small_blocks"]


@pytest.fixture
def path(tmp_path, small_blocks, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_counts("run.hdf5")
    return "run.hdf5"


def test_it_builds_once(path, capsys):
    assert main(["index", path]) == 0
    told = capsys.readouterr().out
    assert told.startswith("wrote run.hdf5.levels.zarr, ")
    assert ": levels of 300,000 samples, built in " in told
    assert main(["index", path]) == 0
    assert capsys.readouterr().out.startswith("run.hdf5.levels.zarr fits run.hdf5: there is nothing to do")
    assert main(["index", path, "--force", "--workers", "1"]) == 0
    assert capsys.readouterr().out.startswith("wrote")
    with xjls.open_recording(path) as recording:
        assert len(recording.signal("channel_a").levels) == 3


def test_it_builds_where_it_is_told(path, capsys):
    assert main(["index", path, "--to", "elsewhere"]) == 0
    assert capsys.readouterr().out.startswith("wrote elsewhere, ")
    assert main(["index", path, "--to", "nowhere/elsewhere"]) == 2
    assert "Make that folder first" in capsys.readouterr().err


def test_check_looks_at_all_of_it(path, capsys):
    assert main(["index", path, "--check"]) == 1
    assert capsys.readouterr().out == "run.hdf5.levels.zarr: there is none; xjls index without --check builds it\n"
    main(["index", path])
    capsys.readouterr()
    assert main(["index", path, "--check"]) == 0
    assert capsys.readouterr().out.startswith("run.hdf5.levels.zarr: whole, and fits the recording, ")
    shard = sidecar_of(path) / "1/channel_a/c.1.0"
    content = bytearray(shard.read_bytes())
    content[7] ^= 1
    content[-7] ^= 1
    shard.write_bytes(content)
    (sidecar_of(path) / "2/channel_a/c.0.0").unlink()
    assert main(["index", path, "--check"]) == 1
    told = capsys.readouterr().out
    assert "1 of 9 chunks are damaged; its index is damaged, which only other programs read" in told
    assert "2/channel_a/c.0.0: there is no such file" in told


def test_check_looks_at_the_content_even_of_a_file_of_the_same_time(path, capsys):
    main(["index", path])
    before = sidecar_of(path).with_name("kept")
    shutil.copytree(sidecar_of(path), before)
    time_ns = os.stat(path).st_mtime_ns  # noqa: PTH116 - path is a str
    write_counts(path, marks=[(0, 300_000)])
    os.utime(path, ns=(time_ns, time_ns))
    capsys.readouterr()
    assert main(["index", path, "--check"]) == 1
    assert "not used, the file's content is not what it was" in capsys.readouterr().out
    assert files_of(before) == files_of(sidecar_of(path))


def test_a_recording_that_may_grow_says_that_levels_will_not_fit(tmp_path, capsys):
    with GrowingPicoStream(tmp_path / "live.hdf5", flush=True) as growing:
        growing.append(np.arange(1000))
        assert main(["index", str(tmp_path / "live.hdf5")]) == 0
        told = capsys.readouterr().out
        assert "live.hdf5 is not closed by its writer: once it grows, they are not used until" in told
    main(["index", str(tmp_path / "live.hdf5"), "--force"])
    assert "not closed" not in capsys.readouterr().out


def test_what_cannot_be_done_says_why(tmp_path, capsys):
    assert main(["index", str(write_demo(tmp_path / "run.jls", seconds=0.1))]) == 2
    assert "there is nothing to build: " in capsys.readouterr().err
    assert main(["index", "memory://lab/run.hdf5"]) == 2
    assert "Say where they go, with to= or --to" in capsys.readouterr().err


def test_what_is_asked_of_the_file_changes_no_entry(path, capsys):
    assert main(["index", path, "--option", "units=mV"]) == 0
    with xjls.open_recording(path) as volts, xjls.open_recording(path, format_options={"units": "mV"}) as millivolts:
        assert millivolts.statistics("channel_a").mean == pytest.approx(1000 * volts.statistics("channel_a").mean)
        np.testing.assert_array_equal(volts.read_level("channel_a", 1), millivolts.read_level("channel_a", 1))
