"""What tests of the JS110 share: an emulated one that is opened, and what it should have delivered."""

import contextlib
from threading import Event

import numpy as np

from xjls.capturing.device import Request
from xjls.capturing.devices import js110
from xjls.formats.jls1.processor import RawProcessor
from xjls.model.window import Window
from xjls.testing.js110 import CALIBRATION, EmulatedJs110, Mishap, emulated_js110, words_at
from xjls.testing.outlet import ListOutlet, SteppedTiming

N = 126
ALL = tuple(js110.instrument.SIGNALS)
FIELDS = {"gpi[0]": "gpi0", "gpi[1]": "gpi1"}
IDLE_5V = bytes.fromhex("0110010000000000 0180c00200000000")
IDLE = bytes.fromhex("0110010000000000 0180c00000000000")
RUNNING = bytes.fromhex("0110010000000000 0180c00003000000")
DEFAULTS = {setting.name: setting.default for setting in js110.SETTINGS}


@contextlib.contextmanager
def opened(*instruments, timing=None, signals=None, address="", rate=None, denied=False, busy=False, **told):
    """Open an emulated instrument; look afterwards that it was given back."""
    instruments = instruments or (EmulatedJs110(speed=None),)
    with emulated_js110(*instruments, denied=denied, busy=busy) as bus:
        try:
            asked = Request(address=address, signals=signals, rate_hz=rate, settings=DEFAULTS | told)
            device = js110.open_device(asked, timing=timing)
            with contextlib.closing(device):
                yield device
            device.close()
        finally:
            assert bus.opened == 0


def streamed(*mishaps, until=2000, signals=ALL, timing=None, outlet=None, words=words_at, speed=None, **told):
    """Let an instrument stream so many packets and fall silent; return why it ended, the outlet and the instrument."""
    timing = timing or SteppedTiming()
    outlet = outlet or ListOutlet()
    instrument = EmulatedJs110(
        speed=speed, timing=timing, mishaps=[*mishaps, Mishap("mute", until)], words=words
    )  # fmt: skip
    with opened(instrument, timing=timing, signals=signals, **told) as device:
        reason = device.run(outlet, Event())
    return reason, outlet, instrument


def samples_of(name, start, stop, suppression="normal", voltage_range=0):
    """Return the samples of a signal where nothing goes wrong."""
    processor = RawProcessor(CALIBRATION, suppression=suppression)
    ranges = np.full(stop // N, voltage_range) if np.isscalar(voltage_range) else voltage_range
    field = FIELDS.get(name, name)
    decided = getattr(processor.process(words_at(0, stop), ranges), field).copy()
    return np.concatenate([decided, getattr(processor.finish(), field)])[start:stop]


def windows_of(packets):
    """Return the windows of consecutive packets, by their numbers."""
    packets = sorted(set(packets))
    starts = [p for p in packets if p - 1 not in packets]
    stops = [p + 1 for p in packets if p + 1 not in packets]
    return [Window(a * N, b * N) for a, b in zip(starts, stops, strict=True)]


def skipped(outlet, name):
    return [(gap.window, gap.reason) for gap in outlet.skips.get(name, ())]


def assert_delivered(outlet, name, gaps, stop, suppression="normal", field=None):
    """Every sample from 0 on is there, but for the gaps."""
    valid = np.ones(stop, bool)
    for window in gaps:
        valid[window.start : window.stop] = False
    expected = samples_of(name, 0, stop, suppression) if field is None else field
    found = outlet.of(name)
    assert found.window == Window(0, stop)
    assert [window for window, _ in skipped(outlet, name)] == list(gaps)
    np.testing.assert_array_equal(found.samples, expected[valid])
