"""Recordings as devices: what they hold is delivered again, when it is due, with what is said of it."""

from fractions import Fraction
from threading import Event

import numpy as np
import pytest

import xjls
from xjls.capturing.device import STOPPED, Request
from xjls.capturing.devices import replay
from xjls.capturing.registry import open_device
from xjls.errors import SelectionError
from xjls.model.annotation import text_at
from xjls.testing import write_demo
from xjls.testing.outlet import BEGIN_NS, ListOutlet, SteppedTiming

BENCH = xjls.Source(id=7, name="bench")
RATE_HZ = 1000


def signal(number, name, *, source=BENCH, rate_hz=RATE_HZ):
    return xjls.Signal(
        id=number, name=name, units="V", dtype=np.dtype("f4"), rate_hz=Fraction(rate_hz), source=source,
        stored_type="f32",
    )  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Two signals, of 2 s and of the last 1 s of them, with gaps, ties and annotations."""
    path = str(tmp_path / "run.jls")
    with xjls.new_recording(path) as sink:
        sink.add_source(BENCH)
        for number, name in enumerate(("a", "b"), 1):
            sink.add_signal(signal(number, name))
        sink.tie("a", xjls.Tie(sample_id=5000, time_ns=BEGIN_NS))
        sink.write("a", 5000, np.arange(500, dtype="f4"))
        sink.skip("a", xjls.Gap(xjls.Window(5500, 5600), "unplugged", skipped=True))
        sink.write("a", 5600, np.arange(1400, dtype="f4"))
        sink.write("b", 6000, np.arange(1000, dtype="f4"))
        for at in (6100, 5050, 5500):
            sink.annotate(text_at("a", at, f"at {at}"))
        sink.annotate(text_at("", None, "of all", time_ns=BEGIN_NS))
    return path


def opened(path, timing=None, **told):
    settings = {setting.name: setting.default for setting in replay.SETTINGS} | told
    return replay.Replay(Request(address=path, settings=settings), timing)


def test_all_that_a_recording_holds_is_delivered(run):
    outlet, device = ListOutlet(), opened(run, speed="max")
    assert not device.is_live
    assert device.run(outlet, Event()) == replay.ENDED
    device.close()
    with xjls.open_recording(run) as recording:
        for name in ("a", "b"):
            found = outlet.of(name)
            assert found.window == recording.signal(name).window
            kept = np.concatenate([found.samples[:500], np.full(100, np.nan, "f4"), found.samples[500:]])
            np.testing.assert_array_equal(kept if name == "a" else found.samples, recording.read(name))
            assert tuple(outlet.ties.get(name, ())) == recording.ties(name)
    assert [(gap.window, gap.reason) for gap in outlet.skips["a"]] == [
        (xjls.Window(5500, 5550), "unplugged"), (xjls.Window(5550, 5600), "unplugged"),
    ]  # fmt: skip
    assert outlet.told == ["of all", "at 5050", "at 5500", "at 6100"]
    assert outlet.calls.index(("tie", "a")) < outlet.calls.index(("write", "a"))


@pytest.mark.parametrize(("speed", "seconds"), [(1, 2.0), (4, 0.5)])
def test_it_comes_when_it_is_due(run, speed, seconds):
    timing, outlet = SteppedTiming(), ListOutlet()
    device, at_s = opened(run, timing, speed=speed), []
    write = outlet.write
    outlet_of = type("Clocked", (), {
        "__getattr__": lambda _, verb: getattr(outlet, verb),
        "write": lambda _, *told: (at_s.append((told[1] + len(told[2]), timing.elapsed_s())), write(*told)),
    })  # fmt: skip
    assert device.is_live
    assert device.run(outlet_of(), Event()) == replay.ENDED
    device.close()
    assert timing.elapsed_s() == pytest.approx(seconds)
    # Nothing comes before it was measured, and all of it within one block
    assert all(0 <= now - (stop - 5000) / RATE_HZ / speed <= 0.05 + 1e-9 for stop, now in at_s)


def test_it_is_stopped_between_two_blocks(run):
    timing, outlet = SteppedTiming(stop_at_s=0.3), ListOutlet()
    device = opened(run, timing)
    assert device.run(outlet, Event()) == STOPPED
    device.close()
    assert outlet.of("a").window == xjls.Window(5000, 5250)
    at_once = opened(run, speed="max")
    stop = Event()
    stop.set()
    assert at_once.run(ListOutlet(), stop) == STOPPED
    at_once.close()


def test_annotations_come_in_the_order_of_their_samples(tmp_path):
    path, n = str(tmp_path / "run.jls"), 3000
    with xjls.new_recording(path) as sink:
        sink.add_source(BENCH)
        sink.add_signal(signal(1, "a"))
        sink.write("a", 0, np.zeros(n, "f4"))
        for at in reversed(range(n)):
            sink.annotate(text_at("a", at, str(at)))
    outlet, device = ListOutlet(), opened(path, speed="max", block_s="1ms")
    device.run(outlet, Event())
    device.close()
    assert outlet.told == [str(at) for at in range(n)]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"settings": {"speed": 0}}, "speed=0 is none"),
        ({"settings": {"speed": "fast"}}, "speed='fast' is none"),
        ({"settings": {"speed": "1/0"}}, "speed='1/0' is none"),
        ({"settings": {"block_s": 0}}, "0 is no length of time above 0"),
        ({"settings": {"block_s": "long"}}, "'long' is no length of time"),
        ({"signals": ["c"]}, "has no samples of 'c'"),
        ({"signals": []}, "no signals were asked for"),
        ({"rate": 500}, "has another rate than 500 Hz"),
    ],
)
def test_what_cannot_be_replayed_is_refused(run, told, message):
    with pytest.raises(SelectionError, match=message):
        open_device(f"replay:{run}", **told)


def test_recordings_of_several_instruments_are_replayed_one_by_one(tmp_path):
    path, other = str(tmp_path / "run.jls"), xjls.Source(id=8, name="other")
    with xjls.new_recording(path) as sink:
        for source, one in ((BENCH, signal(1, "a")), (other, signal(2, "b", source=other))):
            sink.add_source(source)
            sink.add_signal(one)
            sink.write(one.name, 0, np.zeros(10, "f4"))
    with pytest.raises(SelectionError, match="is of 2 instruments, and a device is one"):
        open_device(f"replay:{path}")
    device = open_device(f"replay:{path}", signals=["b"])
    assert (device.source.name, device.source.id) == ("other", 1)
    device.close()


def test_what_a_replay_holds_is_what_was_replayed(tmp_path):
    run, again = write_demo(str(tmp_path / "run.jls"), seconds=0.3), str(tmp_path / "again.jls")
    outcome = xjls.capture(f"replay:{run}?speed=max", again)
    assert outcome.reason == replay.ENDED
    with xjls.open_recording(run) as old, xjls.open_recording(again) as new:
        assert {name: new.statistics(name) for name in new.signals} == {
            name: old.statistics(name) for name in new.signals
        }
