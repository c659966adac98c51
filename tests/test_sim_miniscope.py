"""The simulated miniscope: frames follow from their numbers, and what its link loses is counted."""

import threading

import numpy as np
import pytest

import xjls
from xjls.capturing.device import STOPPED, UNPLUGGED, Request
from xjls.capturing.devices import sim
from xjls.capturing.registry import open_device
from xjls.errors import SelectionError
from xjls.testing.outlet import BEGIN_NS, ListOutlet, SteppedTiming


def simulated(timing=None, **told):
    settings = {setting.name: setting.default for setting in sim.SETTINGS} | {
        "model": "miniscope", "speed": "max", "width": 40, "height": 30,
    } | told  # fmt: skip
    return sim.SimulatedMiniscope(Request(settings=settings), timing)


def test_frames_of_a_simulated_scope_follow_from_their_numbers():
    outlet = ListOutlet()
    assert simulated(seconds=2, first_id=100, start_ns=BEGIN_NS).run(outlet, threading.Event()) == sim.ENDED
    found = outlet.of("image")
    assert (found.window.start, found.window.stop, found.gaps) == (100, 140, ())
    np.testing.assert_array_equal(found.samples, [sim.expected_frame(k, 40, 30) for k in range(100, 140)])
    np.testing.assert_allclose(outlet.of("time").samples, np.arange(100, 140) / 20, atol=1e-3)
    np.testing.assert_allclose(outlet.of("host_time").samples - BEGIN_NS / 1e9, np.arange(40) / 20, atol=1e-6)
    assert len({bit % 8 for bit in outlet.of("bit_offset").samples.tolist()}) > 1


def test_what_a_link_loses_swaps_and_breaks_is_counted():
    device, outlet = simulated(seconds=10, width=200, height=200, loss=0.1, swaps=0.1, bit_errors=2e-6), ListOutlet()
    device.run(outlet, threading.Event())
    missing = outlet.of("n_missing")
    assert 60 < missing.samples.sum() < 320
    assert device.tallies["missing buffers"] == missing.samples.sum()
    assert device.tallies["late buffers"] == 0
    sizes = [5032] * 7 + [4776]
    wrong = 0
    for (first, samples), (at, present) in zip(outlet.writes["image"], outlet.writes["buffer_present"], strict=True):
        assert first == at
        there = np.repeat(present[0], sizes).reshape(200, 200)
        wrong += np.count_nonzero(samples[0][there] != sim.expected_frame(first)[there])
        assert not samples[0][~there].any()
    assert 0 < wrong < 500


@pytest.mark.parametrize(
    ("script", "ending", "gaps"),
    [("drop@1s:3", sim.ENDED, [20, 21, 22]), ("jump@1s:50", sim.ENDED, []), ("unplug@1s", UNPLUGGED, [])],
)
def test_scripts_are_played(script, ending, gaps):
    device, outlet = simulated(seconds=2, script=script), ListOutlet()
    assert device.run(outlet, threading.Event()) == ending
    found = outlet.of("image")
    told = outlet.skips.get("image", ())
    assert sorted({at for gap in told for at in range(gap.window.start, gap.window.stop)}) == gaps
    assert found.window.stop == (40 if gaps else 20)


@pytest.mark.parametrize("speed", [1, 4])
def test_a_simulated_scope_sends_when_frames_are_due(speed):
    timing, outlet = SteppedTiming(), ListOutlet()
    assert simulated(timing, seconds=2, speed=speed).run(outlet, threading.Event()) == sim.ENDED
    assert timing.elapsed_s() == pytest.approx(2 / speed, abs=0.02)
    stopped = SteppedTiming(stop_at_s=0.5)
    assert simulated(stopped).is_live is False
    assert simulated(stopped, speed=1).run(ListOutlet(), threading.Event()) == STOPPED


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"loss": 2}, "loss=2 is no share"), ({"swaps": "some"}, "swaps='some' is no share"),
        ({"width": 0}, "'frame_width' is 0"), ({"width": 1.5}, "width=1.5 is no whole number"),
        ({"script": "over@1s:4"}, "never over range"), ({"model": "microscope"}, "no simulated 'microscope'"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_refused(told, message):
    with pytest.raises(SelectionError, match=message):
        open_device("sim", settings={"model": "miniscope"} | told)


def test_a_capture_of_frames_holds_what_was_sent(tmp_path):
    path = str(tmp_path / "run.zarr")
    uri = "sim?model=miniscope&speed=max&seconds=3&width=40&height=30&script=drop@1s:2"
    outcome = xjls.capture(uri, path)
    assert outcome.reason == sim.ENDED
    with xjls.open_recording(path) as recording:
        frames, gaps = recording.read_with_gaps("image", xjls.Window(0, 60))
        assert [str(gap.window) for gap in gaps] == ["20–22"]
        for number in (0, 19, 22, 59):
            np.testing.assert_array_equal(frames[number], sim.expected_frame(number, 40, 30))
        assert recording.read("n_missing").tolist() == [0] * 20 + [1] * 2 + [0] * 38
