"""Growing Zarr stores whose writers are killed, gone on with, and killed again; and who reads meanwhile."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import xarray as xr

import xjls
from tests.zarr_stores import begun, described, make_growing_small, note
from xjls.formats.zarr.opening import grow_zarr
from xjls.model.annotation import Tie
from xjls.model.window import Gap, Window
from xjls.testing.laws import equal_values

LONGEST_S = 0.25
KEEP_S = 20
TYPES = {"x": "f32", "y": "i16", "z": "u1"}
SIZE = 333
"""Samples of a step."""


def values(name, start, stop):
    """Return samples by their ids."""
    found = np.arange(start, stop) * 7 % 251
    return found % 2 == 1 if name == "z" else found.astype(described(name, TYPES[name]).dtype)


def is_gap(step):
    return step % 11 == 10 or 40 <= step % 200 < 60


def write(store, keep_s, told):
    """Write, or go on with, a store; tell on a pipe which steps are flushed."""
    if (store / "zarr.json").exists():
        with xjls.open_recording(store) as recording:
            first = recording.signal("x").window.stop // SIZE
        writer = xjls.continue_recording(store)
    else:
        first = 0
        signals = [described(name, stored, number=i) for i, (name, stored) in enumerate(TYPES.items(), 1)]
        writer = begun(store, *signals, grows=True, keep_s=keep_s)
    for step in range(first, 1 << 40):
        at = step * SIZE
        for name in TYPES:
            if is_gap(step):
                writer.skip(name, Gap(Window(at, at + SIZE), "off"))
            else:
                writer.write(name, at, values(name, at, at + SIZE))
        writer.tie("x", Tie(sample_id=at, time_ns=10**18 + step))
        writer.annotate(note(at, f"step {step}"))
        if step % 3 == 0:
            writer.flush(sync=step % 60 == 0)
            os.write(told, f"{step}\n".encode())


def killed_after(store, keep_s, seconds):
    """Run a writer in a process of its own and kill it; return the last step that it had flushed, -1 without any."""
    reads, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            write(store, keep_s, told)
        finally:
            os._exit(1)
    os.close(told)
    time.sleep(seconds)  # whenever it comes, what is left must be right
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reads, "rb") as pipe:
        lines = pipe.read().split(b"\n")
    assert os.WIFSIGNALED(status), f"the writer ended by itself, after {lines[-2:]}"
    return int(lines[-2]) if len(lines) > 1 else -1


def check(store, keep_s, flushed):
    """Hold what is left of a store to what was written."""
    with xjls.open_recording(store) as recording:
        assert recording.check() == ()
        stops = {recording.signal(name).window.stop for name in TYPES}
        assert len(stops) == 1
        stop = stops.pop()
        assert stop % SIZE == 0
        assert stop >= (flushed + 1) * SIZE, f"{stop} after {flushed}"
        for name in TYPES:
            window = recording.signal(name).window
            assert window.start == 0 or keep_s
            assert window.length >= min(stop, (keep_s or stop) * 1000)
            lost = np.array([is_gap(step) for step in range(stop // SIZE)]).repeat(SIZE)[window.start :]
            valid = recording.read_valid(name)
            assert np.array_equal(valid, ~lost)
            assert equal_values(recording.read(name)[valid], values(name, *window_of(window))[valid])
            assert recording.statistics(name).count == valid.sum()
            for level in recording.signal(name).levels:
                assert len(recording.read_level(name, level.index)) == window.length // level.factor
        notes = [one.data for one in recording.annotations]
        assert notes == [f"step {i}" for i in range(stop // SIZE - len(notes), stop // SIZE)]
        assert len(notes) == stop // SIZE or keep_s
    with xr.open_datatree(store, engine="zarr") as tree:
        found = tree.load()["0/y"].values
        start, end = min(window.start, len(found)), len(found)
        assert np.array_equal(found[start:end][~lost[: end - start]], values("y", start, end)[~lost[: end - start]])


def window_of(window):
    return window.start, window.stop


def campaign(folder, kills, seed, keep_s):
    """Kill writers of one store again and again."""
    rng, flushed, store = random.Random(seed), -1, folder / f"{seed}.zarr"
    for _ in range(kills):
        flushed = max(flushed, killed_after(store, keep_s, rng.random() ** 2 * LONGEST_S))
        if (store / "zarr.json").exists():
            check(store, keep_s, flushed)
        else:
            assert flushed < 0
            if store.exists():
                for path in sorted(store.rglob("*"), reverse=True):
                    path.unlink() if path.is_file() else path.rmdir()
    return flushed


@pytest.mark.parametrize("keep_s", [None, KEEP_S])
def test_what_is_killed_is_there_and_is_gone_on_with(tmp_path, monkeypatch, keep_s):
    make_growing_small(monkeypatch)
    warm = begun(tmp_path / "warm.zarr", grows=True)  # what compiles now need not in each of the processes
    warm.write("x", 0, values("x", 0, 5000))
    warm.close()
    for seed in range(2):
        campaign(tmp_path, 5, seed, keep_s)
    assert any(tmp_path.glob("[01].zarr/zarr.json"))


WRITER = """
    import sys
    import numpy as np
    sys.path.insert(0, sys.argv[2])
    import pytest
    from tests.test_zarr_kills import TYPES, values
    from tests.zarr_stores import begun, described, make_growing_small
    make_growing_small(pytest.MonkeyPatch())
    signals = [described(name, stored, number=i) for i, (name, stored) in enumerate(TYPES.items(), 1)]
    writer = begun(sys.argv[1], *signals, grows=True)
    at = 0
    for i in range(500):
        n = 50 + 977 * i % 700
        for name in TYPES:
            writer.write(name, at, values(name, at, at + n))
        at += n
        writer.flush()
        if i == 3:
            print("going", flush=True)
    writer.close()
    print(at, flush=True)
"""


def test_following_at_full_speed_sees_no_wrong_sample(tmp_path):
    """Another process writes as fast as it can, and puts away what it has written; all that is seen is right."""
    store = tmp_path / "run.zarr"
    root = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - for the other process, a text
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(store), root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "going\n"
        seen = dict.fromkeys(TYPES, 0)
        with xjls.open_recording(store) as recording:
            for news in recording.follow(from_start=True, interval_s=0, wait=lambda _: None):
                for name, window in news.items():
                    assert window.start == seen[name]
                    assert equal_values(recording.read(name, window), values(name, *window_of(window)))
                    assert recording.statistics(name).count == window.stop
                    seen[name] = window.stop
            assert recording.was_closed
        assert set(seen.values()) == {int(process.stdout.readline())}


def test_a_store_that_grows_is_there_at_once(tmp_path):
    with grow_zarr(str(tmp_path / "run.zarr"), codec="auto", keep_s=None, storage_options=None) as writer:
        writer.add_source(described().source)
        writer.add_signal(described())
        writer.flush()
        with xjls.open_recording(tmp_path / "run.zarr") as recording:
            assert (recording.was_closed, recording.signal("x").length) == (False, 0)
            writer.write("x", 7, values("x", 0, 100))
            writer.flush()
            assert recording.refresh()
            assert recording.signal("x").window == Window(7, 107)
    with pytest.raises(FileExistsError, match="Choose another name"):
        grow_zarr(str(tmp_path / "run.zarr"), codec=None, keep_s=None, storage_options=None)
