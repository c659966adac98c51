"""What a capture leaves: killed at any moment, kept to its last seconds, and opened by others than xjls."""

import contextlib
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.capturing.devices import sim
from xjls.capturing.registry import open_device
from xjls.capturing.target import PAUSED
from xjls.testing.captured import check_captured

START_NS = 1_772_359_200_000_000_000
STORES = {"run.zarr": "current", "run.jls": "current", "run.hdf5": "channel_a"}


def address(name, **told):
    model = "picoscope" if name.startswith("channel") else "joulescope"
    return f"sim?model={model}&" + "&".join(f"{key}={value}" for key, value in told.items())


def length_of(path, name):
    """Return the samples that others find just now; 0 while there is no recording yet."""
    with contextlib.suppress(OSError, ValueError, KeyError), xjls.open_recording(path) as recording:
        return recording.signal(name).length if name in recording.signals else 0
    return 0


@pytest.mark.parametrize(("store", "name"), STORES.items())
def test_a_capture_that_is_killed_leaves_all_that_was_seen_and_is_gone_on_with(tmp_path, store, name):
    path, seen = tmp_path / store, 0
    command = [sys.executable, "-m", "xjls", "capture", address(name), str(path), "--rate", "1e5", "-s", name, "-q"]
    with subprocess.Popen(command) as process:
        try:
            until = time.monotonic() + 60
            while seen < 50_000:
                assert time.monotonic() < until, "it takes too long"
                assert process.poll() is None
                seen = length_of(path, name)
        finally:
            process.kill()
    with xjls.open_recording(path) as recording:
        before = recording.signal(name).length
        assert before >= seen
        assert check_captured(recording) == {name: 0}
        end_ns = recording.clock(name).time(before)
    again = address(name, speed="max", start_ns=end_ns + 10**9)
    assert xjls.capture(again, path, rate=1e5, signals=[name], samples=20_000).is_whole
    with xjls.open_recording(path) as recording:
        assert recording.was_closed
        (gap,) = recording.skipped(name)
        assert (gap.window.start, gap.reason) == (before, PAUSED)
        assert abs(gap.window.length - 100_000) <= 1
        np.testing.assert_array_equal(recording.read(name, (0, before)), sim.expected(name, 0, before))
        np.testing.assert_array_equal(recording.read(name, (gap.window.stop, None)), sim.expected(name, 0, 20_000))


@pytest.mark.parametrize(("store", "name"), [one for one in STORES.items() if one[0] != "run.jls"])
def test_the_last_seconds_are_kept_with_the_ids_and_times_that_they_always_had(tmp_path, store, name):
    path = tmp_path / store
    told = {"rate": 10_000, "signals": [name], "live_only": "2s"}
    outcome = xjls.capture(address(name, speed="max", start_ns=START_NS), path, duration="60s", **told)
    assert (outcome.counts.samples, outcome.counts.lost) == (600_000, 0)
    with xjls.open_recording(path) as recording:
        window = recording.signal(name).window
        assert window.stop == 600_000
        assert 20_000 <= window.length < 300_000
        assert recording.clock(name).time(window.start) == START_NS + window.start * 100_000
        check_captured(recording)


def test_others_open_a_capture_too(tmp_path):
    path = str(tmp_path / "run.zarr")
    script = "drop@0.5s:1000"
    xjls.capture(address("current", speed="max", start_ns=START_NS, script=script), path, rate=1e5, duration="2s")
    with xr.open_datatree(path, engine="zarr") as theirs, xjls.open_recording(path) as ours:
        assert theirs["0"].sizes["time"] == 200_000
        for name in ("current", "voltage", "power"):
            np.testing.assert_array_equal(theirs["0"][name], ours.read(name))
        entries = theirs["1"]["current"]
        np.testing.assert_array_equal(entries, ours.read_level("current", 1)[: len(entries)])


@pytest.mark.parametrize("codec", ["auto", "blosc", "zstd"])
def test_what_is_compressed_is_the_same(tmp_path, codec):
    path = tmp_path / "run.zarr"
    outcome = xjls.capture(address("current", speed="max"), path, rate=1e6, duration="1s", codec=codec)
    assert outcome.is_whole
    with xjls.open_recording(path) as recording:
        assert set(check_captured(recording).values()) == {0}


@pytest.mark.parametrize("store", ["run.zarr", "run.hdf5"])
def test_what_is_closed_without_a_flush_has_dropped_what_it_need_not_keep(tmp_path, store):
    path, name = tmp_path / store, STORES[store]
    device = open_device(address(name), rate=10_000, signals=[name])
    with xjls.grow_recording(path, keep_s=2) as sink:
        sink.add_source(device.source)
        sink.add_signal(device.signals[0])
        for at in range(0, 600_000, 5_000):
            sink.write(name, at, sim.expected(name, at, at + 5_000))
    with xjls.open_recording(path) as recording:
        window = recording.signal(name).window
        assert window.stop == 600_000
        assert 20_000 <= window.length <= 50_000
        check_captured(recording)
    assert sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()) < 5e5
