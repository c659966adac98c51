"""Following a recording that is being written: what is added is seen, and the writer is not disturbed."""

import gc
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
from fractions import Fraction

import numpy as np
import pyjls
import pytest

import xjls
from tests.campaigns.growing import GROWING
from tests.campaigns.killing import campaign
from xjls.formats.jls2.wire import AnnotationRecord, SignalDef, SourceDef
from xjls.formats.jls2.writer import Jls2Writer
from xjls.model.window import Window

SAMPLES = np.arange(200_000, dtype="f4")


def writer_of(path, *, shows_all=False):
    writer = Jls2Writer(str(path), shows_all=shows_all)
    writer.define_source(SourceDef(1, "s", "", "", "", ""))
    writer.define_signal(SignalDef(1, 1, 0, 0x2004, 1000, 64, 16, 20, 10, 5, 5, "x", ""))
    writer.flush()
    return writer


@pytest.mark.parametrize("shows_all", [False, True])
def test_what_is_added_is_seen(shows_all, tmp_path):
    """Samples, levels, ties, annotations and user data of each moment; a Recording of before stays as it was."""
    path = tmp_path / "run.jls"
    writer = writer_of(path, shows_all=shows_all)
    recording = xjls.open_recording(path)
    assert not recording.refresh()
    for step in range(1, 5):
        writer.write(1, (step - 1) * 5000, SAMPLES[(step - 1) * 5000 : step * 5000])
        writer.tie(1, step, step << 30)
        writer.annotate(1, AnnotationRecord(step, 1, 0, 0, f"note {step}"))
        writer.user_data(step, "x")
        writer.flush()
        before = xjls.open(path)
        assert recording.refresh()
        length = recording.signal("x").length
        assert length == step * 5000 if shows_all else step * 5000 - 64 < length <= step * 5000
        assert np.array_equal(recording.read("x"), SAMPLES[:length])
        assert recording.statistics("x").count == length
        assert recording.signal("x").levels
        assert len(recording.ties("x")) == len(recording.annotations) == len(recording.user_data) == step
        assert recording.status.damage == ()
        assert not recording.was_closed
    writer.close()
    assert recording.refresh()
    assert recording.was_closed
    assert recording.signal("x").length == 20_000
    assert before.x.size == length
    assert np.array_equal(before.x.values, SAMPLES[:length])


@pytest.mark.parametrize("from_start", [False, True])
def test_following_ends_with_the_recording(from_start, tmp_path):
    path = tmp_path / "run.jls"
    writer = writer_of(path)
    writer.write(1, 0, SAMPLES[:640])
    writer.flush()
    waits = []

    def wait(seconds):
        waits.append(seconds)
        at = 640 * len(waits)
        if len(waits) == 4:
            writer.close()
        else:
            writer.write(1, at, SAMPLES[at : at + 640 - 7 * (len(waits) == 3)])
            writer.flush()

    with xjls.open_recording(path) as recording:
        found = []
        for news in recording.follow(from_start=from_start, interval_s=0.5, wait=wait):
            assert np.array_equal(recording.read("x", news["x"]), SAMPLES[news["x"].start : news["x"].stop])
            found.append(news["x"])
    first = [Window(0, 640)] if from_start else []
    assert found == [*first, Window(640, 1280), Window(1280, 1920), Window(1920, 2496), Window(2496, 2553)]
    assert waits == [0.5] * 4


def test_following_ends_when_nothing_comes(tmp_path):
    path, waits = tmp_path / "run.jls", []
    with writer_of(path) as writer:
        writer.write(1, 0, SAMPLES[:640])
        writer.flush()
        with xjls.open_recording(path) as recording:
            assert list(recording.follow(timeout_s=2, interval_s=0.25, wait=waits.append)) == []
    assert waits == [0.25] * 8


def test_what_was_pickled_before_opens_after_a_refresh(tmp_path):
    """And not the closed recording that this process had shared."""
    path = tmp_path / "run.jls"
    with writer_of(path) as writer:
        recording = pickle.loads(pickle.dumps(xjls.open_recording(path)))
        early = pickle.dumps(recording)
        writer.write(1, 0, SAMPLES[:640])
        writer.flush()
        assert recording.refresh()
        recording.close()
        with pytest.warns(RuntimeWarning, match="has changed since"):
            again = pickle.loads(early)
        assert again.signal("x").length == 640
        again.close()


def test_a_recording_of_before_reads_on_while_the_file_is_gone_on_with(tmp_path):
    """Samples, levels and all that was written beside them, also what nobody had asked for until then."""
    path = tmp_path / "run.jls"
    with writer_of(path) as writer:
        for at in range(0, 5000, 500):
            writer.write(1, at, SAMPLES[at : at + 500])
            writer.tie(1, at, at << 20)
            writer.annotate(1, AnnotationRecord(at, 1, 0, 0, "note"))
            writer.user_data(1, "data")
    before = xjls.open_recording(path)
    with Jls2Writer(str(path), append=True) as writer:
        for at in range(5000, 20_000, 500):
            writer.write(1, at, SAMPLES[at : at + 500])
            writer.tie(1, at, at << 20)
            writer.annotate(1, AnnotationRecord(at, 1, 0, 0, "more"))
            writer.user_data(1, "more")
    with before:
        assert np.array_equal(before.read("x"), SAMPLES[:5000])
        assert before.statistics("x").count == 5000
        assert [note.data for note in before.annotations] == ["note"] * 10
        assert [record.data for record in before.user_data] == ["data"] * 10
        assert len(before.ties("x")) == 10
        assert before.status.complete


PYJLS = """
import sys, numpy as np, pyjls
with pyjls.Writer(sys.argv[1]) as writer:
    writer.source_def(1, name="s", vendor="", model="", version="", serial_number="")
    writer.signal_def(1, 1, sample_rate=1000, name="x", samples_per_data=64, sample_decimate_factor=16,
                      entries_per_summary=20, summary_decimate_factor=10)
    at = 0
    for line in sys.stdin:
        writer.fsr(1, at, np.arange(at, at + 5000, dtype="f4"))
        at += 5000
        writer.flush()
        print(at, flush=True)
"""


def test_a_recording_of_pyjls_is_followed(tmp_path):
    """Another process writes with the JLS library: its file is read while it grows, and is whole in the end."""
    path = tmp_path / "run.jls"
    command = [sys.executable, "-c", PYJLS, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    recording = None
    with process:
        for _ in range(6):
            process.stdin.write("\n")
            process.stdin.flush()
            at = int(process.stdout.readline())
            recording = recording or xjls.open_recording(path)
            recording.refresh()
            found = recording.read("x")
            assert at - 64 <= len(found) <= at
            assert np.array_equal(found, SAMPLES[: len(found)])
            assert recording.statistics("x").count == len(found)
    recording.refresh()
    assert recording.was_closed
    recording.close()
    with pyjls.Reader(str(path)) as reader:
        assert np.array_equal(reader.fsr(1, 0, 30_000), SAMPLES[:30_000])


WRITING = """
import sys, numpy as np
from xjls.formats.jls2.wire import SourceDef, SignalDef
from xjls.formats.jls2.writer import Jls2Writer
writer = Jls2Writer(sys.argv[1], shows_all=bool(int(sys.argv[2])))
writer.define_source(SourceDef(1, "s", "", "", "", ""))
writer.define_signal(SignalDef(1, 1, 0, 0x2004, 1000, 64, 16, 20, 10, 5, 5, "x", ""))
writer.flush()
print("ready", flush=True)
for at in range(0, 1 << 40, 700):
    writer.write(1, at, (np.arange(at, at + 700) % 100_003).astype("f4"))
    if not at % 2100:
        writer.flush(sync=not at % 210_000)
"""


@pytest.mark.parametrize("shows_all", ["0", "1"])
def test_a_writer_at_full_speed_is_followed(shows_all, tmp_path):
    """It never waits: every look sees a prefix that is longer than the last, and no damage."""
    path = tmp_path / "run.jls"
    command = [sys.executable, "-c", WRITING, str(path), shows_all]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        with xjls.open_recording(path) as recording:
            looks = threading.Semaphore(40)
            for news in recording.follow(interval_s=0.01):
                window = news["x"]
                wanted = (np.arange(window.start, window.stop) % 100_003).astype("f4")
                assert np.array_equal(recording.read("x", window), wanted)
                status = recording.status
                assert all(damage.stop == status.size_bytes for damage in status.damage), "but for a chunk under way"
                if not looks.acquire(blocking=False):
                    break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("subject", GROWING, ids=lambda subject: subject.name)
def test_growing_recordings_are_killed_at_random_moments(subject, tmp_path):
    """A share of the campaign: what was flushed is there, and is gone on with, whatever the format."""
    told = []
    done, failed = campaign(subject, 5, random.SystemRandom().randrange(2**32), tmp_path / "failed", tell=told.append)
    assert done == 5
    assert not failed, told


@pytest.mark.parametrize("ending", [".jls", ".zarr"])
def test_who_follows_holds_no_more_files_the_longer_it_takes(tmp_path, ending):
    source = xjls.Source(id=1, name="bench")
    with xjls.grow_recording(tmp_path / f"run{ending}") as sink:
        sink.add_source(source)
        told = {"units": "A", "dtype": np.dtype("f4"), "rate_hz": Fraction(1000), "stored_type": "f32"}
        sink.add_signal(xjls.Signal(id=1, name="current", source=source, **told))
        sink.write("current", 0, np.zeros(5000, "f4"))
        sink.flush()
        with xjls.open_recording(tmp_path / f"run{ending}") as recording:
            gc.disable()  # readers that are not used any more go away without it
            try:
                held = []
                for i in range(12):
                    sink.write("current", 5000 + i * 1000, np.ones(1000, "f4"))
                    sink.flush()
                    assert recording.refresh()
                    assert recording.read("current", (5000 + i * 1000, None)).all()
                    assert recording.statistics("current").count == 6000 + i * 1000
                    held.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208 - numbers, not files
            finally:
                gc.enable()
    assert max(held[4:]) <= max(held[:4]) + 4, held
