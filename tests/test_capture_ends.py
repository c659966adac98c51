"""How captures end, what they are told, and what is refused."""

import math
import os
import signal as signals_of_the_system
import threading
from datetime import timedelta

import numpy as np
import psutil
import pytest

import xjls
from tests.captures import STORES, captured, refusing, signals, uri
from xjls.capturing.plan import plan_of
from xjls.capturing.registry import open_device
from xjls.capturing.run import run
from xjls.capturing.session import Session
from xjls.capturing.target import PAUSED, open_target
from xjls.capturing.until import Until
from xjls.capturing.writing import Pace
from xjls.errors import CaptureError, DeviceError, SelectionError
from xjls.model.annotation import text_at
from xjls.testing.captured import RefusingSink, check_captured
from xjls.testing.simulated_time import SimulatedTiming


def test_it_ends_after_so_many_samples_or_bytes(tmp_path):
    assert captured(tmp_path / "a.jls", "sim?speed=max", samples=12_345).counts.signals["gpi[0]"].samples == 12_345
    outcome = captured(tmp_path / "b.jls", "sim?speed=max", size="1 MB", names=["current"])
    assert outcome.reason == "it has as many bytes as were asked for"
    assert 1_000_000 <= outcome.counts.n_bytes < 20_000_000


def test_it_ends_when_it_is_told_to_and_all_that_was_measured_is_there(tmp_path):
    device = open_device("sim?speed=1", rate=100_000)
    with Session(device, [open_target(tmp_path / "run.zarr", device.signals)]) as session:
        assert not session.has_ended(0.3)
    outcome = session.wait()
    assert outcome.reason == "it was stopped"
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        lengths = {one.length for one in recording.signals.values()}
        assert lengths == {outcome.counts.signals["current"].samples}
        assert lengths.pop() >= 20_000
        check_captured(recording)


def test_the_system_ends_it_cleanly(tmp_path):
    plan = plan_of({"device": "sim?speed=1", "store": tmp_path / "run.jls", "rate": 10_000})
    outcome = run(plan, look=lambda _: os.kill(os.getpid(), signals_of_the_system.SIGINT))
    assert outcome.reason == "it was interrupted"
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert recording.was_closed


def test_a_device_that_refuses_to_start_says_so(tmp_path):
    device = open_device("sim?speed=max")
    device.run = lambda outlet, stop: (_ for _ in ()).throw(DeviceError("it does not answer", "sim", "Plug it in."))
    with pytest.raises(DeviceError, match=r"it does not answer: sim\. Plug it in\."):
        Session(device, [open_target(tmp_path / "run.jls", device.signals)]).start().wait()


def test_a_device_that_does_not_stop_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr("xjls.capturing.session.DEVICE_S", 0.1)
    device, never = open_device("sim?speed=max"), threading.Event()

    def run_on(outlet, stop):
        outlet.write("current", 0, np.zeros(10, "f4"))
        never.wait(20)
        return "at last"

    device.run = run_on
    full = refusing(tmp_path / "run.jls", lambda verb: verb == "write")
    session = Session(device, [full], pace=Pace(patience_s=0)).start()
    try:
        with pytest.raises(CaptureError, match="No space left on device"):
            session.wait()
    finally:
        never.set()


def test_it_ends_when_a_condition_holds(tmp_path):
    plan = plan_of({
        "device": "sim?speed=max", "store": tmp_path / "run.jls", "rate": 100_000, "until": "std(voltage) > 0.001",
    })  # fmt: skip
    assert run(plan).reason == "std(voltage) > 0.001"
    seen = []
    outcome = run(plan_of({"device": "sim", "rate": 1000, "until": lambda recording: seen.append(recording) or True}))
    assert seen
    assert outcome.reason == "its condition holds"
    assert repr(outcome).startswith("<xjls.Outcome: the capture ended because its condition holds; ")
    assert outcome.is_live
    assert outcome.open().signal("current").length == outcome.counts.signals["current"].samples


def test_a_condition_on_nothing_is_refused_before_anything_begins(tmp_path):
    plan = plan_of({"device": "sim", "store": tmp_path / "run.jls", "until": "max(curent) > 1"})
    with pytest.raises(SelectionError, match="no signal 'curent'"):
        run(plan)
    assert not (tmp_path / "run.jls").exists()
    device = open_device("sim")
    with pytest.raises(SelectionError, match="a condition is asked of the last seconds"):
        Session(device, [], until=Until.of(condition="current > 1"))


def test_what_was_only_shown_is_no_recording():
    device = open_device("sim?speed=max")
    outcome = Session(device, [], until=Until.of(samples=10)).start().wait()
    with pytest.raises(SelectionError, match="nothing was recorded"):
        outcome.open()


def test_what_happens_before_the_first_sample_has_its_place_when_it_goes_on(tmp_path):
    captured(tmp_path / "run.jls", "sim?speed=max&start_ns=1000000000000000000", rate=1000, duration="1s")
    target = open_target(tmp_path / "run.jls", open_device("sim", rate=1000).signals)
    target.tie("current", xjls.Tie(sample_id=500, time_ns=10**18 + 3 * 10**9))
    target.annotate(text_at("current", 505, "here"))
    target.write("current", 500, np.zeros(100, "f4"), 0)
    target.close()
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert [(note.sample_id, note.data) for note in recording.annotations] == [(3005, "here")]
        assert recording.clock("current").time(3000) == 10**18 + 3 * 10**9


@pytest.mark.parametrize("verb", ["tie", "annotate", "skip", "write"])
def test_what_waited_for_its_place_outlives_a_disk_that_is_full_for_a_while(tmp_path, verb):
    path, start_ns = tmp_path / "run.jls", 10**18
    captured(path, f"sim?speed=max&start_ns={start_ns}", rate=1000, duration="1s", names=["current"])
    target = open_target(path, open_device("sim", rate=1000, signals=["current"]).signals)
    refused = []
    target._sink = RefusingSink(target._sink, lambda called: called == verb and not refused and not refused.append(1))
    target.tie("current", xjls.Tie(sample_id=500, time_ns=start_ns + 3 * 10**9))
    target.tie("current", xjls.Tie(sample_id=550, time_ns=start_ns + 4 * 10**9))
    target.annotate(text_at("current", 505, "here"))
    with pytest.raises(OSError, match="No space left"):
        target.write("current", 500, np.zeros(100, "f4"), 0)
    target.write("current", 500, np.zeros(100, "f4"), 0)
    target.close()
    with xjls.open_recording(path) as recording:
        assert [(note.sample_id, note.data) for note in recording.annotations] == [(3005, "here")]
        ties = [(tie.sample_id, tie.time_ns - start_ns) for tie in recording.ties("current")][-2:]
        assert ties == [(3000, 3 * 10**9), (3050, 4 * 10**9)]
        assert recording.skipped("current") == (xjls.Gap(xjls.Window(1000, 3000), PAUSED, skipped=True),)
        assert recording.signal("current").length == 3100


# -- what is refused -------------------------------------------------------------------------------------------------


def test_what_is_there_and_is_another_signal_is_not_gone_on_with(tmp_path):
    captured(tmp_path / "run.jls", "sim?speed=max", samples=100)
    with pytest.raises(SelectionError, match="rate_hz"):
        captured(tmp_path / "run.jls", "sim?speed=max", samples=100, rate=1000)


@pytest.mark.parametrize(
    ("address", "how", "message"),
    [
        ("sim?model=meter", {}, "there is no simulated 'meter'"),
        ("sim?speed=-1", {}, "speed=-1 is none"),
        ("sim?speed=fast", {}, "speed='fast' is none"),
        ("sim?speed=1/0", {}, "speed='1/0' is none"),
        ("sim?block_s=0", {}, "0 is no length of time above 0"),
        ("sim?block_s=long", {}, "'long' is no length of time"),
        ("sim?seconds=-1", {}, "-1 is no length of time above 0"),
        ("sim?first_id=1.5", {}, "first_id=1.5 is no whole number"),
        ("sim?start_ns=now", {}, "start_ns='now' is no whole number"),
        ("sim", {"signals": []}, "no signals were asked for"),
        ("sim?script=drop", {}, "'drop' is nothing that can go wrong"),
        ("sim?script=drop@1s:x", {}, "is nothing that can go wrong"),
        ("sim?colour=red", {}, "sim has no setting 'colour'"),
        ("sin", {}, "there is no kind of device 'sin'"),
        ("sim", {"signals": ["curent"]}, "has no signal 'curent'"),
        ("sim", {"rate": "fast"}, "'fast' is no rate"),
        ("sim", {"rate": 0}, "0 is no rate above 0"),
        ("replay", {}, "replay needs a recording"),
    ],
)
def test_what_cannot_be_is_refused(address, how, message):
    with pytest.raises(SelectionError, match=message.replace("?", r"\?")):
        open_device(address, **how)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"duration": "soon"}, "'soon' is no length of time"),
        ({"duration": "-1s"}, "is no length of time"),
        ({"duration": timedelta(0)}, "is no length of time above 0"),
        ({"duration": timedelta(seconds=-1)}, "is no length of time above 0"),
        ({"size": "big"}, "'big' is no size"),
        ({"samples": 0}, "samples=0 is no number of samples"),
        ({"samples": 1.5}, "samples=1.5 is no number of samples"),
        ({"samples": math.nan}, "samples=nan is no number of samples"),
        ({"samples": math.inf}, "samples=inf is no number of samples"),
        ({"samples": True}, "samples=True is no number of samples"),
        ({"condition": "current is large"}, "'current is large' is no condition"),
        ({"condition": "current > high"}, "'current > high' is no condition"),
    ],
)
def test_an_end_that_cannot_be_meant_is_refused(told, message):
    with pytest.raises(SelectionError, match=message):
        Until.of(**told)


@pytest.mark.parametrize("store", STORES)
def test_long_captures_take_no_more_memory_than_short_ones(tmp_path, store):
    device = open_device(uri(store, start_ns=10**18), rate=1000, signals=signals(store))
    session = Session(
        device, [open_target(tmp_path / store, device.signals)], until=Until.of(duration="4min"), ring_bytes=1 << 13,
        timing=SimulatedTiming(device, 10**18),
    )  # fmt: skip
    memory, process = {}, psutil.Process()
    session.start()
    while not session.has_ended(0.01):
        memory[int(device.delivered_s / 60)] = process.memory_info().rss
    assert session.wait().is_whole
    assert memory[3] - memory[1] < 4e6
    with xjls.open_recording(tmp_path / store) as recording:
        check_captured(recording)
        assert recording.signal(signals(store)[0]).length == 240_000
