"""PicoScopes: what the driver writes into its buffers is what arrives, and what it loses is told.

Twice: with a library in Python, and with picosdk's wrapper as it is over a compiled one, where there is a compiler.
"""

import ctypes
import re
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from threading import Event

import h5py
import numpy as np
import picosdk.library
import pytest

import xjls
from xjls.capturing.device import Request
from xjls.capturing.devices import ps5000a
from xjls.capturing.devices.ps5000a import words
from xjls.capturing.devices.ps5000a.opening import open_device as open_with
from xjls.capturing.registry import KINDS, open_device
from xjls.capturing.session import Session
from xjls.capturing.target import open_target
from xjls.errors import DeviceError, MissingDependencyError, SelectionError
from xjls.formats.picostream.telling import told_of
from xjls.model.window import Window
from xjls.testing.outlet import BEGIN_NS, LONG_S, ListOutlet, Run, SteppedTiming
from xjls.testing.ps5000a import StandInLibrary, counts, downsampled, plugged_in

SOURCE = Path(__file__).parent / "data" / "ps5000a.c"
DEFAULTS = {setting.name: setting.default for setting in ps5000a.SETTINGS}
NS = 10**9


def request(signals=None, rate=None, address="", **settings):
    rate_hz = None if rate is None else Fraction(rate)
    return Request(address=address, signals=signals, rate_hz=rate_hz, settings=DEFAULTS | settings)


def ran(library, timing, signals=None, rate=None, outlet=None, **settings):
    """Return what arrives until the time that the test steps is over, how it ended, and the signals."""
    outlet = outlet or ListOutlet()
    with plugged_in(library):
        device = open_with(request(signals, rate, **settings), timing=timing)
        with Run(device, outlet) as run:
            run.wait()
        device.close()
    return outlet, run, device.signals


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Return the path of the compiled stand-in, which exports all that the wrapper binds."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler for the stand-in of PicoSDK's library")
    wrapper = (Path(picosdk.library.__file__).parent / "ps5000a.py").read_text()
    bound = re.findall(r'make_symbol\("\w+", "(\w+)"', wrapper)
    assert len(bound) == 71
    written = SOURCE.read_text()
    rest = [name for name in bound if f"uint32_t {name}(" not in written]
    folder = tmp_path_factory.mktemp("ps5000a")
    source = folder / "ps5000a.c"
    source.write_text(written + "".join(f"uint32_t {name}(void) {{ return 0x43; }}\n" for name in rest))
    library = folder / "libps5000a.so.2"
    flags = ["-O2", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", str(library), str(source)], check=True)
    return library


@pytest.fixture
def wrapper(compiled, monkeypatch):
    """Return picosdk's wrapper, unmodified, over the compiled stand-in; only where it looks for libraries is told."""
    monkeypatch.delitem(sys.modules, "picosdk.ps5000a", raising=False)
    monkeypatch.setattr(picosdk.library, "find_library", lambda _: str(compiled))
    library = ps5000a.opening.drivers.load_library()
    yield library
    for name, kind in (("elapsed_ns", ctypes.c_int64), ("status", ctypes.c_uint32), ("question", ctypes.c_uint32)):
        kind.in_dll(library._clib, f"stand_in_{name}").value = -1 if name == "elapsed_ns" else 0
    del sys.modules["picosdk.ps5000a"]


def knob(library, name, kind=ctypes.c_int32):
    """Return a variable of the compiled stand-in."""
    return kind.in_dll(library._clib, f"stand_in_{name}")


def followed(library, timing):
    """Have the compiled stand-in's clock go with the test's."""
    elapsed = knob(library, "elapsed_ns", ctypes.c_int64)
    elapsed.value = 0

    def follow():
        elapsed.value = round(timing.elapsed_s() * NS)

    timing.followers.append(follow)


@pytest.fixture(params=["python", "wrapper"])
def bench(request):
    """Return a library, and a clock that is stepped and that it goes by."""
    timing = SteppedTiming()
    if request.param == "python":
        return StandInLibrary(timing), timing
    library = request.getfixturevalue("wrapper")
    followed(library, timing)
    return library, timing


# -- samples ----------------------------------------------------------------------------------------------------------


def test_every_sample_arrives_around_the_end_of_the_buffer(bench):
    library, timing = bench
    timing.stop_at_s = 0.31
    outlet, run, _ = ran(library, timing, rate=6_250_000, buffer_s=0.05)
    assert (run.error, run.reason) == (None, "it was stopped")
    found = outlet.of("channel_a")
    assert found.window.start == 0
    assert 6_250_000 * 0.3 < found.window.stop <= 6_250_000 * 0.31
    assert not found.gaps
    np.testing.assert_array_equal(found.samples, counts(0, 0, found.window.stop))


def test_channels_go_side_by_side(bench):
    library, timing = bench
    timing.stop_at_s = 0.1
    outlet, _, signals = ran(library, timing, signals=["channel_c", "channel_a", "channel_b"], rate=1_000_000)
    assert [signal.name for signal in signals] == ["channel_a", "channel_b", "channel_c"]
    windows = {outlet.of(signal.name).window for signal in signals}
    assert len(windows) == 1
    for number, signal in enumerate(signals):
        found = outlet.of(signal.name)
        np.testing.assert_array_equal(found.samples, counts(number, 0, found.window.stop))


@pytest.mark.parametrize(("mode", "ratio"), [("average", 10), ("aggregate", 16), ("aggregate", 3), ("decimate", 7)])
def test_what_the_scope_makes_of_several_samples(bench, mode, ratio):
    library, timing = bench
    timing.stop_at_s = 0.1
    rate = Fraction(6_250_000, ratio)
    outlet, run, signals = ran(library, timing, ["channel_a", "channel_b"], rate, mode=mode, ratio=ratio, buffer_s=0.03)
    assert run.error is None
    assert {signal.rate_hz for signal in signals} == {rate}
    for number, name in enumerate(("channel_a", "channel_b")):
        stop = outlet.of(signals[0].name).window.stop
        assert stop > rate * 0.09
        made = downsampled(mode, ratio, number, 0, stop)
        if mode != "aggregate":
            np.testing.assert_array_equal(outlet.of(name).samples, made["max"])
            continue
        for bound in ("min", "max"):
            assert (name, bound) in [signal.bound for signal in signals]
            np.testing.assert_array_equal(outlet.of(f"{name}_{bound}").samples, made[bound])


def test_what_signals_say_of_themselves():
    settings = {"range_b": "500 mV", "offset_b": 0.2, "coupling_b": "AC", "range": 2, "resolution": 8}
    with plugged_in(StandInLibrary(SteppedTiming())):
        device = open_device("ps5000a", signals=["channel_a", "channel_b"], rate="62.5 MHz", settings=settings)
        device.close()
    a, b = device.signals
    assert (a.name, a.units, a.dtype, a.stored_type, a.rate_hz) == ("channel_a", "V", "i2", "i16", 62_500_000)
    assert (a.scale_factor, a.add_offset, a.missing_value) == (2 / 32512, 0, None)
    assert (b.scale_factor, b.add_offset) == (0.5 / 32512, -0.2)
    assert [signal.id for signal in device.signals] == [1, 2]
    assert (a.source.vendor, a.source.model, a.source.serial_number, a.source.version) == (
        "Pico Technology", "5444D", "AB123/0042", "1.7.16.0",
    )  # fmt: skip
    assert device.is_live
    assert device.settings["range_b"] == "0.5 V"
    assert set(device.settings) <= set(DEFAULTS)


@pytest.mark.parametrize(
    "settings",
    [
        {"range": "5 V"}, {"range": "500 mV", "offset": 0.3, "resolution": 16}, {"mode": "average", "ratio": 25},
        {"mode": "aggregate", "ratio": 4, "resolution": 8, "coupling": "AC"},
    ],
)  # fmt: skip
def test_facts_are_those_of_a_picostream_file(settings):
    """What the HDF5 sink writes to the root is what the driver was told, not what could be made of the signal."""
    with plugged_in(StandInLibrary(SteppedTiming())):
        device = open_device("ps5000a", settings=settings)
        device.close()
    signal = device.signals[0]
    told = told_of(signal, paired="mode" in settings and settings["mode"] == "aggregate")
    assert told.root == signal.facts
    read = told.settings()
    assert read.rate_hz == signal.rate_hz
    assert read.volts("subtract") == (signal.scale_factor, signal.add_offset)
    assert told.root["channel_a_coupling"] == f"PS5000A_{settings.get('coupling', 'DC')}"
    assert told.root["resolution"] == f"PS5000A_DR_{settings.get('resolution', 12)}BIT"
    assert not read.notes


# -- time -------------------------------------------------------------------------------------------------------------


def test_ties_are_of_the_soonest_arrivals():
    timing = SteppedTiming(stop_at_s=25)
    outlet, *_ = ran(StandInLibrary(timing), timing, rate=1000)
    ties = outlet.ties["channel_a"]
    assert len(ties) == 4
    for tie in ties:
        assert 0 <= tie.time_ns - BEGIN_NS - tie.sample_id * 1_000_000 <= 2_000_000


@pytest.mark.parametrize(
    ("rate", "resolution", "asked", "granted"),
    [
        (62_500_000, 12, (16, 2), 62_500_000), (125_000_000, 8, (8, 2), 125_000_000),
        (78_125_000, 8, (12_800, 1), Fraction(10**9, 16)), (3_000_000, 12, (333_333_333, 0), Fraction(10**9, 336)),
        (1, 12, (10**9, 2), 1), (Fraction(1, 60), 12, (60_000_000, 3), Fraction(1, 60)),
    ],
)  # fmt: skip
def test_the_interval_is_asked_exactly_and_the_one_that_is_granted_counts(rate, resolution, asked, granted):
    library = StandInLibrary(SteppedTiming())
    with plugged_in(library):
        device = open_with(request(rate=rate, resolution=resolution, buffer_s=0.01))
        device.close()
    (streamed,) = [call for call in library.calls if call[0] == "RunStreaming"]
    assert streamed[1:3] == asked
    assert streamed[3] == 0
    assert streamed[5:7] == (0, 1)
    assert streamed[4] == streamed[8] == int(rate * Fraction(1, 100)) + 1
    assert device.signals[0].rate_hz == granted


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_over_range_is_told_with_the_samples(bench):
    library, timing = bench
    timing.stop_at_s = 0.05
    if isinstance(library, StandInLibrary):
        library.over_range_every = 4
    else:
        knob(library, "over_range_every").value = 4
    outlet, *_ = ran(library, timing, signals=["channel_a", "channel_b"], rate=1_000_000)
    if not isinstance(library, StandInLibrary):
        knob(library, "over_range_every").value = 0
    blocks = [Window(first, first + len(samples)) for first, samples in outlet.writes["channel_a"]]
    assert outlet.over_ranges == {"channel_a": blocks[3::4]}
    assert len(blocks) > 20


def test_a_stall_ends_the_run(bench):
    library, timing = bench
    timing.stop_at_s, timing.sleeps = 1, {0.2: 0.3}
    outlet, run, _ = ran(library, timing, rate=1_000_000, buffer_s=0.1)
    assert run.reason == "the driver's buffer stalled, and an unknown number of samples was lost"
    found = outlet.of("channel_a")
    np.testing.assert_array_equal(found.samples, counts(0, 0, found.window.stop))
    assert 190_000 < found.window.stop < 210_000
    (note,) = outlet.notes
    assert note.sample_id == found.window.stop
    assert note.data.endswith("lost; nothing follows")


def test_after_a_stall_it_goes_on_where_that_is_wanted():
    timing = SteppedTiming(stop_at_s=6, sleeps={2.0: 0.3})
    library = StandInLibrary(timing)
    outlet, run, _ = ran(library, timing, rate=100_000, buffer_s=0.1, on_stall="go_on")
    assert (run.error, run.reason) == (None, "it was stopped")
    found = outlet.of("channel_a")
    at = outlet.notes[0].sample_id
    assert library.lost > 25_000
    rest = counts(0, at + library.lost, found.window.stop + library.lost)
    np.testing.assert_array_equal(found.samples, np.r_[counts(0, 0, at), rest])
    assert not found.gaps
    stalled, later = outlet.told
    assert stalled.endswith("lost: sample ids do not count them")
    assert later.startswith(f"samples come {library.lost / 100_000:.1f}")
    shifts = [(tie.time_ns - BEGIN_NS) / NS - tie.sample_id / 100_000 for tie in outlet.ties["channel_a"]]
    assert [round(shift, 2) for shift in shifts] == [0, 0, *[round(library.lost / 100_000, 2)] * (len(shifts) - 2)]
    # The clock is tied anew a second after the stall, not when the ten seconds are over
    third = [number for number, (what, _) in enumerate(outlet.calls) if what == "tie"][2]
    assert sum(len(samples) for _, samples in outlet.writes["channel_a"][: third - 3]) < at + 110_000


def test_stalls_in_a_row_are_one():
    timing = SteppedTiming(stop_at_s=1)
    library = StandInLibrary(timing, status_at={0.2: 0x1C, 0.1999: 0x1C, 0.7: 0x1C})
    outlet, run, _ = ran(library, timing, rate=100_000, on_stall="go_on")
    assert run.reason == "it was stopped"
    assert len(outlet.told) == 2


def test_samples_that_are_lost_without_a_word_are_told_of():
    timing = SteppedTiming(stop_at_s=9, sleeps={3.0: 0.5})
    library = StandInLibrary(timing, tells_stalls=False)
    outlet, run, _ = ran(library, timing, rate=10_000, buffer_s=0.1)
    assert run.reason == "it was stopped"
    (text,) = outlet.told
    assert text == (
        f"samples come {library.lost / 10_000:.3f} s later than before: as many may be missing,"
        " and sample ids do not count them"
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (0x03, "it was unplugged"), (0x0C, "it was unplugged"), (0x14, "streaming failed (0x14)"),
        (0x11A, "its power supply is not plugged in (0x11A), which ends its stream"), (0x999, "status 0x999"),
    ],
)  # fmt: skip
def test_what_ends_a_stream_is_returned(status, reason):
    timing = SteppedTiming(stop_at_s=5)
    library = StandInLibrary(timing, status_at={0.25: status})
    outlet, run, _ = ran(library, timing, rate=100_000)
    assert (run.error, run.reason) == (None, reason)
    found = outlet.of("channel_a")
    np.testing.assert_array_equal(found.samples, counts(0, 0, found.window.stop))
    assert 24_000 < found.window.stop <= 25_000
    assert (library.is_open, library.is_streaming) == (False, False)
    assert ("ChangePowerSource", status) in library.calls or status != 0x11A


def test_statuses_that_mean_nothing_are_nothing():
    timing = SteppedTiming(stop_at_s=0.2)
    library = StandInLibrary(timing, status_at=dict.fromkeys((), 0), statuses=[0x25, 0x18, 0x43, 0x27] * 5)
    outlet, run, _ = ran(library, timing, rate=100_000)
    assert run.reason == "it was stopped"
    assert outlet.of("channel_a").window.stop > 19_000


def test_what_was_measured_before_the_stop_arrives():
    """The last poll is after the stop, and the part of the buffer that begins anew comes with one more."""
    timing = SteppedTiming(stop_at_s=0.2)
    outlet, *_ = ran(StandInLibrary(timing), timing, rate=1_000_000, buffer_s=0.0031)
    assert outlet.of("channel_a").window.stop == 200_000_000 // 992


def test_what_the_outlet_raises_ends_the_run(bench):
    """Nothing may be raised into the driver: it is kept, and raised by the run."""
    library, timing = bench
    timing.stop_at_s = 5
    _, run, _ = ran(library, timing, rate=100_000, outlet=ListOutlet(fails_at=3))
    with pytest.raises(OSError, match="the outlet was told to fail"):
        raise run.error


def test_another_interval_than_before():
    timing = SteppedTiming(stop_at_s=1)
    library = StandInLibrary(timing)
    with plugged_in(library):
        device = open_with(request(rate=1_000_000), timing=timing)
        library._resolution = 8
        with pytest.raises(
            DeviceError, match=r"grants an interval of 1000 where it granted 992 before: ps5000a\. Open"
        ):
            device.run(ListOutlet(), Event())
        assert not library.is_streaming
        device.close()


# -- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", [282, 286])
def test_questions_about_power_are_agreed_to(bench, question):
    library, timing = bench
    timing.stop_at_s = 0.05
    if isinstance(library, StandInLibrary):
        library.question = question
    else:
        knob(library, "question", ctypes.c_uint32).value = question
    outlet, run, _ = ran(library, timing, signals=["channel_b"], rate=100_000)
    assert run.error is None
    assert outlet.of("channel_b").window.stop > 4000


def test_power_that_is_asked_about_when_it_streams():
    class Asks(StandInLibrary):
        def run_streaming(self, *arguments):
            is_agreed = any(call[0] == "ChangePowerSource" for call in self.calls)
            return StandInLibrary.run_streaming(self, *arguments) if is_agreed else words.SUPPLY_NOT_CONNECTED

    timing = SteppedTiming()
    library = Asks(timing)
    with plugged_in(library):
        device = open_with(request(), timing=timing)
        device.close()
    assert ("ChangePowerSource", 0x11A) in library.calls


def test_what_nobody_wants_is_off_before_the_rest_is_on():
    library = StandInLibrary(SteppedTiming(), variant="5242D")
    with plugged_in(library):
        device = open_with(request(["channel_b"], offset_b=-2, range="2 V", coupling="AC", bandwidth="20 MHz"))
        device.close()
    names = [call[0] for call in library.calls]
    assert [call[1:] for call in library.calls if call[0] == "SetChannel"] == [
        (0, 0, 1, 0, 0.0), (1, 0, 1, 0, 0.0), (2, 0, 1, 0, 0.0), (3, 0, 1, 0, 0.0), (1, 1, 0, 7, -2.0),
    ]  # fmt: skip
    assert ("SetBandwidthFilter", 1, 1) in library.calls
    assert ("SetSimpleTrigger", 0) in library.calls
    order = ["OpenUnit", "MaximumValue", "SetChannel", "GetAnalogueOffset", "SetSimpleTrigger", "SetDataBuffer"]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)
    assert names[-3:] == ["RunStreaming", "Stop", "CloseUnit"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            request(["channel_a", "channel_b"], resolution=16),
            r"does not set channel_b up: too many .*\(0x121\): ps5000a",
        ),
        (request(rate=250_000_000), r"it does not stream so: the sample interval is not valid \(0x2B\).*lower rate"),
        (
            request(["channel_a", "channel_b"], rate=62_500_000),
            r"interval is not valid \(0x2B\).*shared by the channels",
        ),
        (request(offset=0.3, range="200 mV"), r"channel_a has no offset of 0.3 V at ±0.2 V.*from -0.25 V to 0.25 V"),
        (request(address="XY"), r"^no PicoScope XY is there: ps5000a:XY\. Is it plugged in"),
    ],
)
def test_what_the_driver_refuses(bench, asked, message):
    library, _ = bench
    with plugged_in(library):
        with pytest.raises(DeviceError, match=message):
            open_with(asked)
        assert [found.uri for found in ps5000a.find_devices()] == ["ps5000a:AB123/0042"]


@pytest.mark.parametrize(
    ("refusals", "message"),
    [
        ({"OpenUnit": 0x01}, r"it does not open: all units are open \(0x1\)"),
        ({"MaximumValue": 0x07}, r"it does not tell its counts: it does not answer \(0x7\)"),
        ({"SetChannel": 0x0D}, r"it does not turn channel a off: a parameter is not valid"),
        ({"GetAnalogueOffset": 0x0F}, r"does not have that range on channel_a: the range is not valid \(0xF\)"),
        ({"SetBandwidthFilter": 0x43}, r"does not set the bandwidth of channel_a.*Leave bandwidth out"),
        ({"SetSimpleTrigger": 0x0D}, "does not turn its trigger off"),
        ({"SetDataBuffer": 0x0D}, "does not take buffers"),
    ],
)
def test_what_fails_leaves_nothing_open(refusals, message):
    library = StandInLibrary(SteppedTiming(), refusals=refusals)
    with plugged_in(library), pytest.raises(DeviceError, match=message):
        open_with(request())
    assert not library.is_open


def test_units_that_cannot_be_listed():
    library = StandInLibrary(SteppedTiming(), refusals={"EnumerateUnits": 0x07})
    message = r"^the driver does not list units: it does not answer \(0x7\): ps5000a"
    with plugged_in(library), pytest.raises(DeviceError, match=message):
        ps5000a.find_devices()


def test_no_units_are_no_error():
    with plugged_in(StandInLibrary(SteppedTiming(), serials=())):
        assert list(ps5000a.find_devices()) == []


def test_power_that_is_not_enough():
    library = StandInLibrary(SteppedTiming(), question=words.SUPPLY_UNDERVOLTAGE)
    with (
        plugged_in(library),
        pytest.raises(DeviceError, match=r"does not open: its power supply is too weak \(0x11C\)"),
    ):
        open_with(request())
    assert not library.is_open


def test_a_question_that_is_asked_for_ever():
    timing = SteppedTiming()
    library = StandInLibrary(timing, refusals={"RunStreaming": 0x11A, "ChangePowerSource": 0x11A})
    with plugged_in(library), pytest.raises(DeviceError, match="does not run on the power there is: its power supply"):
        open_with(request())
    assert not library.is_open


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"signals": ["channel_e"]}, "a PicoScope has no signal 'channel_e'. Signals: channel_a, .*channel_d"),
        ({"signals": []}, "no signals were asked for"),
        ({"settings": {"resolution": 13}}, "resolution=13 is none. Choose one of 8, 12, 14, 15, 16"),
        ({"settings": {"range": "3 V"}}, "there is no range '3 V'. Ranges: 0.01 V, .*, 50 V"),
        ({"settings": {"range_b": "wide"}, "signals": ["channel_b"]}, "there is no range 'wide'"),
        ({"settings": {"coupling": "GND"}}, "coupling='GND' is none"),
        ({"settings": {"bandwidth": "1 MHz"}}, "bandwidth='1 MHz' is none"),
        ({"settings": {"offset": "high"}}, "offset='high' is no number"),
        ({"settings": {"mode": "sum", "ratio": 2}}, "mode='sum' is none. Choose one of none, aggregate"),
        ({"settings": {"mode": "average"}}, "mode='average' does not go with ratio=1"),
        ({"settings": {"ratio": 4}}, "mode='none' does not go with ratio=4"),
        ({"settings": {"ratio": 0}}, "ratio=0 is none. Give a whole number"),
        ({"settings": {"buffer_s": 0}}, "buffer_s=0 is no length of time"),
        ({"settings": {"buffer_s": 4000}}, "buffer_s=4000.0 makes buffers of 25_000_000_001 samples"),
        ({"settings": {"on_stall": "hide"}}, "on_stall='hide' is none"),
        ({"rate": 1e-12}, "s from sample to sample is none that a scope has"),
    ],
)
def test_what_makes_no_sense(asked, message):
    library = StandInLibrary(SteppedTiming())
    with plugged_in(library), pytest.raises(SelectionError, match=message):
        open_device("ps5000a", **asked)
    assert not library.is_open


def test_the_wrapper_is_loaded_when_it_is_asked_for(monkeypatch):
    monkeypatch.delitem(sys.modules, "picosdk.ps5000a", raising=False)
    monkeypatch.setitem(sys.modules, "picosdk", None)
    assert KINDS[4].settings == ps5000a.SETTINGS
    with pytest.raises(MissingDependencyError, match=r"picosdk is not installed.*xjls\[picoscope\]"):
        open_device("ps5000a")


def test_a_wrapper_without_its_library(monkeypatch):
    monkeypatch.delitem(sys.modules, "picosdk.ps5000a", raising=False)
    monkeypatch.setattr(picosdk.library, "find_library", lambda _: None)
    with pytest.raises(DeviceError, match=r"cannot be used \(PicoSDK \(ps5000a\) not found.*Install PicoSDK"):
        open_device("ps5000a")


# -- the machine's clock, and a session -------------------------------------------------------------------------------


def test_by_the_machines_clock(wrapper):
    """The wrapper as it is, in real time; the buffer is longer than any machine sleeps."""
    outlet, arrived = ListOutlet(), 0
    device = open_device("ps5000a", rate="1 MHz", settings={"buffer_s": 30, "resolution": 8})
    with Run(device, outlet) as run:
        deadline_s = time.monotonic() + LONG_S
        while arrived < 300_000 and time.monotonic() < deadline_s:
            run.stop.wait(0.01)
            arrived = sum(len(samples) for _, samples in outlet.writes.get("channel_a", ()))
    device.close()
    assert (run.error, run.reason) == (None, "it was stopped")
    assert [knob(wrapper, name).value for name in ("is_open", "is_streaming")] == [0, 0]
    found = outlet.of("channel_a")
    assert found.window.stop >= 300_000
    np.testing.assert_array_equal(found.samples, counts(0, 0, found.window.stop))


@pytest.mark.parametrize("suffix", ["jls", "zarr", "hdf5"])
def test_a_session_writes_what_was_measured(suffix, tmp_path):
    timing = SteppedTiming(stop_at_s=0.4)
    path = tmp_path / f"run.{suffix}"
    with plugged_in(StandInLibrary(timing, over_range_every=50)):
        device = open_with(request(rate=1_000_000, range="2 V"), timing=timing)
        outcome = Session(device, [open_target(str(path), device.signals)], uri="ps5000a").start().wait()
    assert outcome.error is None
    with xjls.open_recording(path) as recording:
        signal = recording.signal("channel_a")
        assert signal.length == outcome.counts.signals["channel_a"].samples >= 396_000
        np.testing.assert_array_equal(recording.read("channel_a"), counts(0, 0, signal.length))
        assert (signal.scale_factor, signal.rate_hz) == (2 / 32767, Fraction(10**9, 992))
    if suffix == "hdf5":
        with h5py.File(path) as file:
            assert file.attrs["voltage_range_v"] == 2.0
            assert file.attrs["channel_a_range"] == "PS5000A_2V"


def test_the_stand_in_has_the_drivers_functions_only():
    with pytest.raises(AttributeError, match="PICO_STATUS"):
        _ = StandInLibrary(SteppedTiming()).PICO_STATUS
    with pytest.raises(AttributeError, match="set_ets"):
        _ = StandInLibrary(SteppedTiming()).ps5000aSetEts
