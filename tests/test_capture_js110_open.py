"""A JS110 is found, opened, calibrated and set up; or the error says what is wrong, and what to do now."""

import contextlib
import os
from fractions import Fraction
from threading import Event

import pytest
import usb.backend.libusb0
import usb.backend.libusb1
import usb.backend.openusb

from xjls.capturing import registry
from xjls.capturing.devices import js110
from xjls.capturing.devices.js110 import link
from xjls.errors import DeviceError, SelectionError
from xjls.formats.jls1.calibration import Calibration
from xjls.testing.js110 import CALIBRATION, EmulatedJs110, Mishap, emulated_js110
from xjls.testing.outlet import ListOutlet, SteppedTiming

os.environ.setdefault("JOULESCOPE_BACKEND", "none")

from tests.js110_captures import IDLE, RUNNING, N, assert_delivered, opened

# -- opening ---------------------------------------------------------------------------------------------------------


def test_settings_that_are_in_force_are_not_sent():
    instrument = EmulatedJs110(speed=None)
    with opened(instrument):
        pass
    assert instrument.received == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"voltage_range": "5 V"}, "0180c002"),
        ({"voltage_range": "5v", "current_range": "1.8mA"}, "0110c002"),
        ({"current_range": "180 µA"}, "0120c000"),
        ({"current_range": "10A"}, "0101c000"),
        ({"current_range": "off"}, "0100c000"),
    ],
)
def test_settings_are_sent_and_waited_for(told, expected):
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing, busy_polls=30)
    with opened(instrument, timing=timing, **told):
        assert instrument.received == [(3, bytes.fromhex("0110010000000000" + expected + "00000000"))]
    assert timing.elapsed_s() == pytest.approx(0.3)


def test_an_instrument_that_was_off_is_powered_once():
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing)
    instrument.settings = bytes.fromhex("0110010000000000 0000000000000000")
    with opened(instrument, timing=timing):
        assert instrument.received == [(3, IDLE)]


def test_what_is_kept_stays_in_force():
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing)
    instrument.settings = bytes.fromhex("0110010000000000 0140c00200000000")
    with opened(instrument, timing=timing, current_range="keep", voltage_range="keep") as device:
        assert (device.settings["current_range"], device.settings["voltage_range"]) == ("18 uA", "5 V")
    assert instrument.received == []


def test_a_stream_that_another_program_left_running_is_stopped():
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing)
    instrument.settings = RUNNING
    with opened(instrument, timing=timing):
        assert instrument.received == [(3, IDLE)]


def test_firmware_that_does_not_tell_its_settings_gets_them():
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing, refuses=[9, 10])
    instrument.settings = bytes(16)
    with opened(instrument, timing=timing, current_range="keep") as device:
        assert instrument.received == [(3, IDLE)]
        assert device.settings["io_voltage"] == "unknown"
        assert device.source.version == ""


@pytest.mark.parametrize(("polls", "result", "message"), [
    (10**6, 0, "its settings are not in force after 3 s: js110:000123. Plug it in again"),
    (2, 7, "it refuses its settings, with result 7: js110:000123"),
])  # fmt: skip
def test_settings_that_never_come_into_force(polls, result, message):
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing, busy_polls=polls, result=result)
    with pytest.raises(DeviceError, match=message), opened(instrument, timing=timing, voltage_range="5 V"):
        pass
    assert timing.elapsed_s() < 3.1


@pytest.mark.parametrize(
    ("signals", "io", "expected"),
    [
        (["gpi[0]"], "keep", "00 00 02 00 00 00 00 00 00000000 e40c0000"),
        (["gpi[1]", "gpi[0]"], 5, "00 00 02 03 00 00 00 00 00000000 88130000"),
        (["gpi[1]"], "1.8 V", "00 00 00 03 00 00 00 00 00000000 08070000"),
        (["current"], "off", "00 00 00 00 00 00 00 00 00000000 00000000"),
        (["current"], 3.3, ""),
    ],
)
def test_inputs_take_the_place_of_a_bit_where_they_are_recorded(signals, io, expected):
    instrument = EmulatedJs110(speed=None)
    with opened(instrument, signals=signals, io_voltage=io):
        sent = bytes.fromhex("0118030000000000" + expected)
        assert instrument.received == ([(9, sent)] if expected else [])


def test_inputs_that_another_program_mapped_are_bits_again():
    instrument = EmulatedJs110(speed=None)
    unmapped, instrument.extio = instrument.extio, instrument.extio[:10] + b"\2\3" + instrument.extio[12:]
    with opened(instrument):
        assert instrument.extio == unmapped


def test_firmware_without_inputs():
    with (
        pytest.raises(DeviceError, match=r"does not tell how inputs and outputs are set: js110:000123\. Leave out gpi"),
        opened(EmulatedJs110(refuses=[9]), signals=["gpi[0]"]),
    ):
        pass


@pytest.mark.parametrize("at_end", ["keep", "off"])
def test_the_load_stays_powered_unless_it_is_not_wanted(at_end):
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing, mishaps=[Mishap("mute", 10)])
    with opened(instrument, timing=timing, at_end=at_end) as device:
        device.run(ListOutlet(), Event())
    assert instrument.settings[9] == (0x80 if at_end == "keep" else 0)
    assert instrument.settings[12] == 0


def test_an_old_header_before_what_it_says_of_itself():
    with opened(EmulatedJs110(speed=None, old_info=True)) as device:
        assert device.source.version == "1.3.2"


def test_what_it_says_of_itself_may_be_anything(monkeypatch):
    for info in (b"", b"[1]", b'{"ctl": 3}', b"\xff" * 40):
        instrument = EmulatedJs110(speed=None)
        monkeypatch.setattr(instrument, "_info", lambda info=info: info)
        with opened(instrument) as device:
            assert device.source.version == ""


# -- calibration -----------------------------------------------------------------------------------------------------


def signed():
    """Return the emulator's calibration as Joulescope signs it."""
    from joulescope.v0.calibration import Calibration as Theirs

    theirs = Theirs()
    theirs.current_offset[:7], theirs.current_gain[:7] = CALIBRATION.current_offset, CALIBRATION.current_gain
    theirs.voltage_offset[:], theirs.voltage_gain[:] = CALIBRATION.voltage_offset, CALIBRATION.voltage_gain
    theirs.serial_number = CALIBRATION.serial_number
    return theirs.save(bytes(range(32)))


def test_a_signed_calibration_is_as_good():
    timing, outlet = SteppedTiming(), ListOutlet()
    instrument = EmulatedJs110(speed=None, timing=timing, mishaps=[Mishap("mute", 600)], calibration=signed())
    with opened(instrument, timing=timing, signals=["current"]) as device:
        device.run(outlet, Event())
    assert_delivered(outlet, "current", [], 600 * N, "normal")


def test_a_calibration_of_more_than_one_piece():
    long = Calibration(serial_number=CALIBRATION.serial_number, time="x" * 10_000, current_gain=(2.0,)).encode()
    instrument = EmulatedJs110(speed=None, calibration=long)
    with opened(instrument) as device:
        assert device._calibration.current_gain[0] == 2


def test_the_factory_calibration_on_demand():
    factory = Calibration(serial_number=CALIBRATION.serial_number, voltage_gain=(2.0,)).encode()
    with opened(EmulatedJs110(speed=None, calibration=b"", factory=factory), calibration="factory") as device:
        assert device._calibration.voltage_gain == (2, 2)
        assert device.settings["calibration"] == "factory"


GOOD = CALIBRATION.encode()


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        (b"", "the calibration cannot be used: the first 16 bytes are not"),
        (GOOD[:300], "the calibration cannot be used: 300 of .* bytes are there"),
        (GOOD[:300] + b"x" + GOOD[301:], "the calibration cannot be used: the CRC-32 of record 'AJS' is"),
        (Calibration(serial_number="b6" * 16).encode(), f"the calibration is of {'b6' * 16}, and the instrument is a5"),
    ],
    ids=["none", "short", "damaged", "another"],
)
def test_a_calibration_that_is_none(calibration, message):
    with (
        pytest.raises(DeviceError, match=f"{message}.*Try calibration=factory"),
        opened(EmulatedJs110(calibration=calibration)),
    ):
        pass


# -- which one -------------------------------------------------------------------------------------------------------


def test_an_instrument_is_chosen_by_its_serial_number():
    two = EmulatedJs110("000001", speed=None), EmulatedJs110("000002", speed=None)
    with opened(*two, address="000002") as device:
        assert device.source.serial_number == "000002"
    with opened(*two) as device:
        assert device.source.serial_number == "000001"
    with (
        pytest.raises(DeviceError, match=r"no JS110 with serial number '000003': js110\. There are: 000001, 000002"),
        opened(*two, address="000003"),
    ):
        pass


def test_there_is_none():
    instrument = EmulatedJs110()
    instrument.is_plugged_in = False
    with (
        pytest.raises(DeviceError, match=r"there is no JS110: js110:000009\. Plug it in"),
        opened(instrument, address="000009"),
    ):
        pass


def test_one_that_this_user_may_not_reach():
    with (
        pytest.raises(DeviceError, match=r'may not reach it: js110\. Put SUBSYSTEM=="usb", .* into /etc/udev/rules.d/'),
        opened(denied=True),
    ):
        pass
    with (
        pytest.raises(DeviceError, match="There are: one that this user may not reach"),
        opened(denied=True, address="000123"),
    ):
        pass
    with emulated_js110(EmulatedJs110(), denied=True):
        (found,) = js110.find_devices()
    assert (found.uri, str(found.source)) == ("js110", "JS110 that this user may not reach JS110")


def test_one_that_another_program_uses():
    with (
        pytest.raises(DeviceError, match=r"cannot be opened: another program uses it: js110:000123\. End that program"),
        opened(busy=True),
    ):
        pass


def test_without_libusb(monkeypatch):
    for module in (usb.backend.libusb1, usb.backend.openusb, usb.backend.libusb0):
        monkeypatch.setattr(module, "get_backend", lambda: None)
    with pytest.raises(
        DeviceError, match=r"libusb, which reaches instruments, is not installed: js110\. Install it: apt"
    ):
        link.find()
    kinds = {kind.name: (found, why) for kind, found, why in registry.find_devices()}
    assert "libusb" in kinds["js110"][1]


def test_a_bus_that_cannot_be_searched(monkeypatch):
    def fail(self):
        raise usb.core.USBError("Input/Output Error", -1, 5)

    with emulated_js110(EmulatedJs110()) as bus:
        monkeypatch.setattr(type(bus), "enumerate_devices", fail)
        with pytest.raises(DeviceError, match="USB could not be searched: Input/Output Error: js110"):
            link.find()


def test_an_instrument_that_goes_while_it_is_asked(monkeypatch):
    instrument = EmulatedJs110()
    monkeypatch.setattr(instrument, "_status", lambda: 1 / 0)
    answer = instrument.control_in

    def control_in(request, *rest):
        instrument.is_plugged_in = request != 3
        return answer(request, *rest)

    monkeypatch.setattr(instrument, "control_in", control_in)
    with pytest.raises(DeviceError, match="request SETTINGS has no answer: it was unplugged"), opened(instrument):
        pass


def test_an_instrument_that_goes_while_it_is_opened(monkeypatch):
    def gone(*_):
        raise usb.core.USBError("No such device", -4, 19)

    with emulated_js110(EmulatedJs110()) as bus:
        monkeypatch.setattr(type(bus), "get_configuration", gone)
        with pytest.raises(DeviceError, match="the instrument cannot be opened: it was unplugged: js110:000123"):
            registry.open_device("js110")
        assert bus.opened == 0


def test_an_instrument_that_goes_before_it_streams():
    instrument = EmulatedJs110(timing=SteppedTiming())
    with opened(instrument, timing=instrument._timing) as device:
        instrument.is_plugged_in = False
        with pytest.raises(DeviceError, match="request SETTINGS cannot be sent: it was unplugged"):
            device.run(ListOutlet(), Event())


def test_firmware_that_takes_no_settings():
    with (
        pytest.raises(
            DeviceError, match=r"SETTINGS cannot be sent: it refuses: .* and update its firmware if that does"
        ),
        opened(EmulatedJs110(refuses=[3])),
    ):
        pass


def test_a_kernel_driver_is_detached(monkeypatch):
    detached = []
    with emulated_js110(EmulatedJs110(speed=None)) as bus:
        monkeypatch.setattr(type(bus), "is_kernel_driver_active", lambda *_: True)
        monkeypatch.setattr(type(bus), "detach_kernel_driver", lambda *_: detached.append(1))
        with contextlib.closing(registry.open_device("js110:000123", signals=["voltage"])) as device:
            assert device.signals[0].name == "voltage"
        assert (detached, bus.opened) == ([1], 0)
        (found,) = js110.find_devices()
    assert (found.uri, found.source.serial_number) == ("js110:000123", "000123")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"signals": ["curent"]}, "a JS110 has no signal 'curent'. Signals: current, voltage, power, current_range"),
        ({"signals": []}, "no signals were asked for. Signals: current"),
        ({"rate": Fraction(1000)}, "a JS110 delivers 2 MS/s, and not 1000 S/s. Leave the rate out: recordings"),
        ({"current_range": "3 A"}, "current_range='3 A' is none. Choose one of auto, 10 A, 2 A"),
        ({"voltage_range": "2 V"}, "voltage_range='2 V' is none. Choose one of 15 V, 5 V, keep"),
        ({"io_voltage": 1.0}, "io_voltage=1.0 is none. Choose one of off, 1.8 V"),
        ({"calibration": "mine"}, "calibration='mine' is none. Choose one of active, factory"),
        ({"at_end": True}, "at_end=True is none. Choose one of keep, off"),
        ({"suppression": "best"}, "suppression 'best' is none"),
    ],
)  # fmt: skip
def test_what_it_cannot_do(asked, message):
    with pytest.raises(SelectionError, match=message), opened(**asked):
        pass


def test_two_million_samples_a_second_may_be_asked_for():
    with opened(rate=Fraction(2_000_000)) as device:
        assert device.signals[0].rate_hz == 2_000_000
