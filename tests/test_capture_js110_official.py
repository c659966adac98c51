"""The emulated JS110 is one for Joulescope's own host software too, which sees the same samples."""

import os
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import usb.backend.libusb0
import usb.backend.libusb1
import usb.backend.openusb

from xjls.formats.jls1.processor import RawProcessor
from xjls.testing.js110 import CALIBRATION, EmulatedJs110, Mishap, words_at
from xjls.testing.outlet import SteppedTiming

os.environ.setdefault("JOULESCOPE_BACKEND", "none")

from tests.js110_captures import IDLE, IDLE_5V, RUNNING, N, streamed

# -- the official host -----------------------------------------------------------------------------------------------


class OfficialBackend:
    """What joulescope's own host takes for a USB device: an emulated one."""

    def __init__(self, instrument):
        self._instrument = instrument
        self.serial_number = instrument.serial
        self._stream = None

    def __str__(self):
        return f"Joulescope:{self.serial_number}"

    def open(self, event_callback_fn=None):
        pass

    def close(self):
        self._stream = None

    def control_transfer_in(self, callback, recipient, type_, request, value, index, length):
        callback(self._answer(lambda: self._instrument.control_in(request, value, index, length)))

    def control_transfer_out(self, callback, recipient, type_, request, value=0, index=0, data=None):
        callback(self._answer(lambda: self._instrument.control_out(request, value, bytes(data or b""))))

    def _answer(self, ask):
        try:
            return SimpleNamespace(result=0, data=ask())
        except usb.core.USBError as error:
            return SimpleNamespace(result=error.errno, data=b"")

    def read_stream_start(self, endpoint_id, transfers, block_size, data_fn, process_fn, stop_fn):
        self._stream = block_size, data_fn, process_fn, stop_fn

    def read_stream_stop(self, endpoint_id):
        self._stream = None

    def status(self):
        return {}

    def signal(self):
        pass

    def process(self, timeout=None):
        if self._stream is None:
            return
        block_size, data_fn, process_fn, stop_fn = self._stream
        block = np.zeros(block_size, np.uint8)
        count = self._instrument.read(block, 100)
        if data_fn(block[:count].copy()) | bool(process_fn()):
            self._stream = None
            data_fn(None)
            stop_fn(0, "done")


@pytest.fixture
def official(monkeypatch):
    """Return joulescope's own host, which needs no libusb this way."""
    import joulescope.v0

    stand_in = types.ModuleType("joulescope.v0.usb")
    stand_in.__path__ = [str(Path(joulescope.v0.__file__).parent / "usb")]
    stand_in.BULK_IN_LENGTH, stand_in.get_error_str = 512, str
    stand_in.scan, stand_in.DeviceNotify = lambda name: [], object
    before = set(sys.modules)
    monkeypatch.setitem(sys.modules, "joulescope.v0.usb", stand_in)
    monkeypatch.setattr(joulescope.v0, "usb", stand_in, raising=False)
    import joulescope.v0.driver

    yield joulescope.v0.driver.Device
    for name in set(sys.modules) - before:
        if name.startswith(("joulescope.v0.driver", "joulescope.v0.usb")):
            del sys.modules[name]
    del joulescope.v0.driver


@pytest.mark.parametrize("voltage_range", ["15V", "5V"])
@pytest.mark.parametrize("lost", [0, 7])
def test_both_hosts_see_the_same_samples(official, lost, voltage_range):
    mishaps = [Mishap("lose", 3000, lost)]
    theirs = EmulatedJs110(speed=None, mishaps=mishaps)
    host = official(OfficialBackend(theirs))
    host.parameter_set("buffer_duration", 1)
    with host as device:
        for name, value in {"i_range": "auto", "v_range": voltage_range, "source": "raw"}.items():
            device.parameter_set(name, value)
        found = device.read(duration=0.2, out_format="samples_get")
        status = device.status()["buffer"]
    assert theirs.settings == (IDLE if voltage_range == "15V" else IDLE_5V)
    assert status["sample_missing_count"]["value"] == lost * N
    assert status["sample_sync_count"]["value"] == 0
    start, stop = found["time"]["sample_id_range"]["value"]
    assert stop - start > 300_000
    _, outlet, ours = streamed(*mishaps, until=stop // N + 10, voltage_range=voltage_range)
    assert ours.settings == theirs.settings
    here = np.ones(stop, bool)
    here[3000 * N : (3000 + lost) * N] = False
    names = {"current_lsb": "gpi[0]", "voltage_lsb": "gpi[1]"}
    for name in ("current", "voltage", "power", "current_range", "current_lsb", "voltage_lsb"):
        values = found["signals"][name]["value"]
        mine = np.zeros(stop, values.dtype)
        mine[here] = outlet.of(names.get(name, name)).samples[: np.count_nonzero(here)]
        np.testing.assert_array_equal(mine[start:][here[start:]], values[here[start:]], err_msg=name)
        if values.dtype == np.float32:
            assert np.count_nonzero(np.isnan(values[~here[start:]])) == lost * N


def test_the_official_host_understands_what_the_instrument_says_of_itself(official):
    instrument = EmulatedJs110(speed=None)
    host = official(OfficialBackend(instrument))
    host.parameter_set("buffer_duration", 1)
    with host as device:
        assert device.calibration.current_gain[3] == pytest.approx(CALIBRATION.current_gain[3])
        assert device.info()["ctl"]["fw"]["ver"] == "1.3.2"
        assert device.serial_number == CALIBRATION.serial_number
        assert device.extio_status()["io_voltage"]["value"] == 3300
        told = []
        device.statistics_callback_register(told.append, source="sensor")
        device.read(duration=0.1)
        instrument.settings = RUNNING
        device.status(), device.status()
    found = told[-1]["signals"]
    seen = RawProcessor(CALIBRATION, suppression="off").process(
        words_at(instrument._next * N - 20_000, instrument._next * N)
    )
    for name in ("current", "voltage", "power"):
        values = getattr(seen, name)
        for mark, value in {"µ": values.mean(), "min": values.min(), "max": values.max()}.items():
            assert found[name][mark]["value"] == pytest.approx(value, rel=1e-3, abs=1e-6), (name, mark)


# -- what the emulated one does ----------------------------------------------------------------------------------------


def test_loopback():
    instrument = EmulatedJs110()
    instrument.control_out(1, 0x1234, b"")
    assert instrument.control_in(1, 0, 0, 2) == b"\x34\x12"
    instrument.control_out(2, 0, bytes(range(16)))
    assert instrument.control_in(2, 0, 0, 132) == bytes(range(16))


@pytest.mark.parametrize("direction", ["in", "out"])
def test_what_it_does_not_know_stalls(direction):
    instrument = EmulatedJs110(refuses=[4])
    with pytest.raises(usb.core.USBError, match="Pipe error"):
        instrument.control_in(4, 0, 0, 8) if direction == "in" else instrument.control_out(6, 1, b"")


def test_in_real_time_a_second_lasts_a_second():
    timing = SteppedTiming()
    instrument = EmulatedJs110(timing=timing)
    instrument.control_out(3, 0, RUNNING)
    room = np.empty(512 * 512, np.uint8)
    packets = sum(instrument.read(room, 1000) // 512 for _ in range(31))
    assert packets == 31 * 512
    assert timing.elapsed_s() == pytest.approx(packets * N / 2e6)
    assert instrument.read(room, 10) // 512 == int(0.01 * 2e6 / N)
