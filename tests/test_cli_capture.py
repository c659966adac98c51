"""``xjls capture`` and ``xjls devices`` as people type them."""

import json
import os
import signal as signals_of_the_system
import subprocess
import sys
import time

import numpy as np
import pytest

import xjls
from xjls.capturing.counts import Counts, SignalCounts
from xjls.capturing.plan import KEYS, plan_of, read_plan
from xjls.capturing.showing import line
from xjls.capturing.until import Until
from xjls.cli.main import main
from xjls.errors import SelectionError
from xjls.testing import write_demo
from xjls.testing.captured import check_captured


def test_a_capture_is_told_of_and_its_status_is_0(tmp_path, capsys):
    store = str(tmp_path / "run.zarr")
    arguments = ["capture", "sim?speed=max", store, "-t", "0.5s", "--rate", "100kHz", "--signal", "current"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "50,000 samples of current: 0.5 s" in printed
    assert "nothing is lost" in printed
    assert f"wrote {store}" in printed
    with xjls.open_recording(store) as recording:
        assert list(recording.signals) == ["current"]
        check_captured(recording)


def test_what_is_missing_is_told_and_the_status_is_1(tmp_path, capsys):
    store = str(tmp_path / "run.jls")
    arguments = ["capture", "sim", store, "--duration", "1s", "--rate", "1e5", "--set", "speed=max"]
    assert main([*arguments, "--set", "script=drop@0.1s:7;over@0.2s:5"]) == 1
    printed = capsys.readouterr().out
    assert "lost: 7 of current in 1 gaps, 7 of voltage in 1 gaps, 7 of power in 1 gaps; the recording says" in printed
    assert "the input was over range in 3 blocks" in printed


def test_nothing_is_printed_where_it_is_to_be_quiet(tmp_path, capsys):
    assert main(["capture", "sim?speed=max", str(tmp_path / "run.jls"), "--samples", "10", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_several_recordings_are_written_at_once(tmp_path):
    stores = [str(tmp_path / name) for name in ("a.jls", "b.zarr")]
    assert main(["capture", "sim?speed=max", *stores, "--samples", "1000", "-q"]) == 0
    for store in stores:
        with xjls.open_recording(store) as recording:
            assert recording.signal("power").length == 1000


def test_a_plan_in_a_file_tells_all_and_arguments_come_first(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f'device = "sim"\nstore = "{tmp_path}/run.jls"\nrate = "10 kHz"\nduration = "1s"\nsignals = ["voltage"]\n'
        '[settings]\nspeed = "max"\nfirst_id = 5\n'
    )
    assert main(["capture", "--plan", str(plan), "--samples", "2000", "-q", "--set", "first_id=7"]) == 0
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert {name: one.window for name, one in recording.signals.items()} == {"voltage": xjls.Window(7, 2007)}


def test_a_picture_is_drawn(tmp_path):
    arguments = ["capture", "sim", str(tmp_path / "run.jls"), "-t", "1.5s", "--rate", "1000", "-q"]
    assert main([*arguments, "--plot", str(tmp_path / "run.png")]) == 0
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_a_recording_is_replayed_into_another_format(tmp_path):
    run = write_demo(str(tmp_path / "run.jls"), seconds=0.3)
    assert main(["capture", f"replay:{run}?speed=max", str(tmp_path / "again.zarr"), "-q"]) == 0
    with xjls.open_recording(run) as old, xjls.open_recording(tmp_path / "again.zarr") as new:
        assert list(new.signals) == [name for name, one in old.signals.items() if one.length]
        for name in new.signals:
            assert new.signal(name).window == old.signal(name).window
            np.testing.assert_array_equal(new.read(name), old.read(name))
            assert new.clock(name).time(5) == old.clock(name).time(5)
        assert [(note.signal, note.data) for note in new.annotations] == [
            (note.signal, note.data) for note in old.annotations
        ]


def test_ctrl_c_ends_it_and_the_recording_is_closed(tmp_path):
    store = tmp_path / "run.zarr"
    command = [sys.executable, "-m", "xjls", "capture", "sim", str(store), "--rate", "1e5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: samples_of(store) > 20_000)
            process.send_signal(signals_of_the_system.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert "it was interrupted" in out
    with xjls.open_recording(store) as recording:
        assert recording.was_closed
        check_captured(recording)


def test_the_line_tells_how_far_it_is():
    counts = Counts(elapsed_s=2.0, n_bytes=10**6, signals={"a": SignalCounts(samples=5, lost=7, gaps=2, over_range=1)})
    assert line(counts, Until()) == "0.0 s | 1.0 MB, 0.5 MB/s | lag 0 ms, queue 0% | 7 samples lost in 2 | over range"


def test_all_devices_are_listed(capsys):
    assert main(["devices"]) == 0
    printed = capsys.readouterr().out
    assert "sim?model=picoscope  simulated picoscope" in printed
    assert main(["devices", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)
    assert [kind["kind"] for kind in kinds] == ["sim", "replay", "js110", "jsdrv", "ps5000a"]
    assert main(["devices", "sim"]) == 0
    assert "speed     1             seconds of samples" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["capture"], "no device is named"),
        (["capture", "sim", "run.txt"], "no format to write is called like 'run.txt'"),
        (["capture", "nothing", "run.jls"], "there is no kind of device 'nothing'"),
        (["devices", "nothing"], "there is no kind of device 'nothing'"),
        (["capture", "replay:nowhere.jls", "run.jls"], "nowhere.jls"),
        (["capture", "sim", "run.jls", "--live-only", "10s"], "a JLS file keeps all samples"),
        (["capture", "sim", "run.jls", "--codec", "zstd"], "JLS does not compress samples"),
        (["capture", "sim", "/nowhere/run.jls"], "Make that folder first"),
        (["capture", "sim", "run.hdf5"], "PicoStream's HDF5 holds i16 counts only"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_left(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_plan_says_nothing_else(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('device = "sim"\ncolour = "red"\n')
    with pytest.raises(SelectionError, match="tells 'colour', which is nothing"):
        read_plan(plan)
    plan.write_text("device = sim\n")
    with pytest.raises(SelectionError, match="is no TOML"):
        read_plan(plan)
    with pytest.raises(SelectionError, match="a capture is not told 'colour'"):
        plan_of({"device": "sim", "colour": "red"})
    assert KEYS[:2] == ("device", "store")


def samples_of(store):
    try:
        with xjls.open_recording(store) as recording:
            return recording.signal("current").length
    except (OSError, ValueError):
        return 0


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it takes too long"
        os.sched_yield()
        time.sleep(0.02)
