"""``xjls capture`` and ``xjls devices`` as people type them."""

import errno
import io
import json
import os
import re
import signal as signals_of_the_system
import subprocess
import sys
import time
import types
from fractions import Fraction

import numpy as np
import pytest

import xjls
from xjls.capturing.counts import Counts, SignalCounts
from xjls.capturing.devices.sim import SETTINGS
from xjls.capturing.plan import KEYS, plan_of, read_plan
from xjls.capturing.records import CAPTURE_META
from xjls.capturing.registry import KINDS, open_device
from xjls.capturing.rehearsal import rehearse
from xjls.capturing.showing import line, numbers, shown
from xjls.capturing.until import Until
from xjls.cli.main import main
from xjls.errors import MissingDependencyError, SelectionError
from xjls.testing import write_demo
from xjls.testing.captured import check_captured


def test_a_capture_is_told_of_and_its_status_is_0(tmp_path, capsys):
    store = str(tmp_path / "run.zarr")
    arguments = ["capture", "sim?speed=max", store, "-t", "0.5s", "--rate", "100kHz", "--signal", "current"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "50,000 samples of current: 500 ms" in printed
    assert "late" not in printed  # the simulator waited
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
    assert "lost: 7 of current in 1 gap, 7 of voltage in 1 gap, 7 of power in 1 gap; the recording says" in printed
    assert "the input was over range in 3 blocks" in printed


UNPLUGGED = "sim?speed=max&script=unplug@0.5s"


@pytest.mark.parametrize(
    ("device", "until", "told"),
    [
        (UNPLUGGED, ["-t", "2s"], "that is 25% of what was asked for"),
        (UNPLUGGED, ["--samples", "1500"], "that is 33% of what was asked for"),
        (UNPLUGGED, ["-t", "500ms"], ""),
        (UNPLUGGED, [], ""),
        ("sim", ["-t", "1h", "--until", "current > 0"], ""),
    ],
)
def test_a_device_that_ends_too_soon_is_told_of_and_the_status_is_1(tmp_path, capsys, device, until, told):
    assert main(["capture", device, str(tmp_path / "run.jls"), "--rate", "1kHz", *until]) == (1 if told else 0)
    assert re.findall("^that is .*", capsys.readouterr().out, re.MULTILINE) == ([told] if told else [])


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


def test_a_picture_that_cannot_be_written_ends_nothing(tmp_path, capsys):
    arguments = ["capture", "sim", str(tmp_path / "run.jls"), "-t", "1.3s", "--rate", "1000"]
    assert main([*arguments, "--plot", str(tmp_path / "nowhere" / "run.png")]) == 2
    assert "it has what was asked for" in capsys.readouterr().out
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.signal("current").length == 1300


class Terminal(io.StringIO):
    """A terminal with lines of so many letters, which may be gone."""

    def __init__(self, columns, monkeypatch):
        super().__init__()
        self.is_gone = False
        monkeypatch.setattr(sys, "stderr", self)
        monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))

    def fileno(self):
        return 2

    def write(self, text):
        if self.is_gone:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(text)


@pytest.mark.parametrize(("columns", "most"), [(20, 19), (80, 79), (0, 199)])
def test_the_line_fits_the_terminal_and_may_be_seen_by_nobody(monkeypatch, columns, most):
    terminal = Terminal(columns, monkeypatch)
    show = shown(Until.of(duration="10s"), progress=True)
    session = types.SimpleNamespace(recording=None, counts=Counts(n_bytes=10**9, elapsed_s=2.0, signals={
        "current": SignalCounts(samples=5, lost=7 * 10**9, gaps=2 * 10**9, over_range=1),
    }))  # fmt: skip
    show(session)
    drawn = terminal.getvalue().removeprefix("\r\033[K")
    assert drawn == line(session.counts, Until.of(duration="10s"), width=most)
    assert 0 < len(drawn) <= most
    terminal.is_gone = True
    show(None)


def test_the_line_tells_how_far_it_is():
    counts = Counts(elapsed_s=2.0, n_bytes=10**6, signals={"a": SignalCounts(samples=5, lost=7, gaps=2, over_range=1)})
    whole = "0.0 s | 7 samples lost in 2 gaps | over range | 1.0 MB, 0.5 MB/s | lag 0 ms, queue 0%"
    assert line(counts, Until()) == whole
    assert line(counts, Until(), width=len(whole)) == whole
    assert line(counts, Until(), width=len(whole) - 1) == whole.rpartition(" | ")[0]
    assert line(counts, Until(), width=3) == "0.0"


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ({"duration": "1d"}, "  8% 2 h of 1 d"),
        ({"samples": 8000}, " 90% 2 h"),
        ({"size": "1 MB"}, " 50% 2 h"),
        ({"duration": "1d", "size": "1 MB"}, " 50% 2 h of 1 d"),
        ({"size": "1 kB"}, "100% 2 h"),
    ],
)
def test_the_line_knows_every_end(until, told):
    signals = {"fast": SignalCounts(samples=7000, lost=200), "slow": SignalCounts(samples=70)}
    counts = Counts(recorded_s=Fraction(7200), n_bytes=500_000, signals=signals)
    assert line(counts, Until.of(**until)).split(" | ")[0] == told


def test_the_line_shows_the_means_of_the_last_second():
    bench = xjls.Source(id=1, name="bench")
    buffer = xjls.StreamBuffer(
        [
            xjls.Signal(id=i, name=name, units=units, dtype=np.dtype("f4"), rate_hz=Fraction(100), source=bench)
            for i, (name, units) in enumerate([("current", "A"), ("level", "")], 1)
        ],
        seconds=5,
    )
    for name, value in (("current", 0.0123456), ("level", 0.25)):
        buffer.write(name, 0, np.full(100, 9, "f4"))
        buffer.write(name, 100, np.full(100, value, "f4"))
    assert numbers(buffer.recording) == ["current 12.35 mA", "level 0.25"]


def test_all_devices_are_listed(capsys):
    assert main(["devices"]) == 0
    printed = capsys.readouterr().out
    assert "sim?model=picoscope  simulated picoscope" in printed
    assert main(["devices", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)
    assert [kind["kind"] for kind in kinds] == ["sim", "replay", "js110", "jsdrv", "ps5000a", "miniscope"]
    assert main(["devices", "sim"]) == 0
    assert "speed 1 seconds of samples" in " ".join(capsys.readouterr().out.split())
    assert main(["devices", "sim", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == [{"name": one.name, "default": one.default, "meaning": one.meaning} for one in SETTINGS]


def test_it_is_said_that_no_device_is_there(monkeypatch, capsys):
    kinds = tuple(kind for kind in KINDS if kind.name in ("replay", "js110"))
    monkeypatch.setattr("xjls.cli.devices.find_devices", lambda: [(kind, (), "") for kind in kinds])
    assert main(["devices"]) == 0
    replay, js110, none = capsys.readouterr().out.splitlines()
    assert (replay.split()[0], js110.split()[0], none.strip()) == ("replay", "js110", "none is there")


def test_info_tells_of_captures(tmp_path, capsys):
    store = str(tmp_path / "run.jls")
    for script in ("", "drop@0.1s:7"):
        main(["capture", f"sim?speed=max&script={script}", store, "-t", "200ms", "--rate", "10kHz", "-q"])
    with xjls.grow_recording(tmp_path / "killed.jls") as sink:
        begun = {"capture": "begun", "utc": "2026-03-01T10:00:00Z", "device": "sim"}
        sink.add_user_data(xjls.UserData(meta=CAPTURE_META, data=begun))
        sink.add_user_data(xjls.UserData(meta=1, data="by hand"))
    capsys.readouterr()
    assert main(["info", store]) == 0
    printed = capsys.readouterr().out
    captures = re.findall(r"^  20\S+Z  20\S+Z  sim\S+ +(\d+)  (.*)$", printed, re.MULTILINE)
    assert captures == [("0", "it has what was asked for"), ("21", "it has what was asked for")]
    assert "user data" not in printed
    main(["info", str(tmp_path / "killed.jls")])
    printed = capsys.readouterr().out
    assert re.search(r"^  2026-03-01T10:00:00Z  – +sim +–  –$", printed, re.MULTILINE)
    assert "user data: 1\n  1  by hand" in printed


@pytest.mark.parametrize("error", [OSError("no bus"), RuntimeError("no bus"), MissingDependencyError("usb", "usb")])
def test_a_driver_that_fails_hides_no_other_device(monkeypatch, capsys, error):
    def find():
        raise error

    monkeypatch.setattr("xjls.capturing.devices.js110.find_devices", find)
    assert main(["devices", "--json"]) == 0
    kinds = {kind["kind"]: kind for kind in json.loads(capsys.readouterr().out)}
    assert str(error) in kinds["js110"]["problem"]
    assert len(kinds["sim"]["found"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["capture"], "no device is named"),
        (["capture", "sim", "run.txt"], "no format to write is called like 'run.txt'"),
        (["capture", "sim"], "no recording is named. Give one, as run.zarr or run.jls."),
        (["capture", "nothing", "run.jls"], "there is no kind of device 'nothing'"),
        (["capture", "replay:run.jls?speed=max", "./run.jls"], "./run.jls is named twice"),
        (["capture", "sim", "s3x://lab/run.zarr"], "s3x://lab/run.zarr cannot be reached"),
        (["info", "s3x://lab/run.zarr"], "cannot be reached: Protocol not known"),
        (["devices", "nothing"], "there is no kind of device 'nothing'"),
        (["capture", "replay:nowhere.jls", "run.jls"], "nowhere.jls"),
        (["capture", "sim", "run.jls", "--live-only", "10s"], "a JLS file keeps all samples"),
        (["capture", "sim", "run.jls", "--codec", "zstd"], "JLS does not compress samples"),
        (["capture", "sim", "/nowhere/run.jls"], "Make that folder first"),
        (["capture", "sim", "run.hdf5"], "PicoStream's HDF5 holds i16 counts only"),
        (["capture", "sim", "run.jls", "--plot", "run.xyz"], "the ending of run.xyz names no format of pictures"),
        (["capture", "sim", "run.jls", "./run.jls"], "./run.jls is named twice"),
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


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("device = 5", "device is 5. Give a text"), ("store = 5", "5 is no name, and not several"),
        ("store = [5]", r"\[5\] is no name"), ("signals = [1, 2]", r"\[1, 2\] is no name"),
        ("settings = 5", "settings is 5. Give a table"), ("until = 5", "until is 5. Give a text"),
        ('samples = "many"', "samples is 'many'. Give a number"), ("codec = 5", "codec is 5. Give a text"),
        ("duration = true", "True is no length of time"), ("storage_options = 5", "storage_options is 5"),
    ],
)  # fmt: skip
def test_a_plan_says_nothing_that_cannot_be_meant(tmp_path, capsys, told, message):
    plan = tmp_path / "plan.toml"
    plan.write_text(told + ("" if told.startswith("device") else '\ndevice = "sim"\n'))
    store = [] if told.startswith(("device", "store")) else ["sim", str(tmp_path / "run.jls")]
    assert main(["capture", "--plan", str(plan), "-q", "--set", "speed=max", *store]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_place_for_temporary_files_that_is_full_does_not_keep_from_capturing(monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("xjls.capturing.rehearsal.TemporaryDirectory", full)
    rehearse(["run.jls"], None, open_device("sim", rate=12_345).signals)


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
