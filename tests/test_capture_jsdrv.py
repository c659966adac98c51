"""Joulescopes through the maker's driver: what its messages say is what arrives, held to the maker's own recorder.

A stand-in with the driver's calls hands out the messages; see ``xjls.testing.jsdrv``.
"""

import sys
from fractions import Fraction
from itertools import pairwise
from threading import Event

import numpy as np
import pyjls
import pyjoulescope_driver
import pytest

import xjls
from xjls.capturing.devices import jsdrv
from xjls.capturing.devices.jsdrv.models import MODELS
from xjls.capturing.devices.jsdrv.opening import open_device as open_with
from xjls.capturing.registry import KINDS, open_device
from xjls.capturing.session import Session
from xjls.capturing.target import open_target
from xjls.errors import DeviceError, MissingDependencyError, SelectionError
from xjls.model.window import Window
from xjls.testing.jsdrv import Joulescope, StandInDriver, plugged_in, values
from xjls.testing.outlet import BEGIN_NS, ListOutlet, Run, SteppedTiming

ALL = ("current", "voltage", "power", "current_range", *(f"gpi[{i}]" for i in range(4)), "trigger_in")
ALL_JS110 = ALL[:6]
PATHS = {"js110": "u/js110/000123", "js220": "u/js220/000415", "js320": "u/js320/8w2a"}
NS = 10**9


def captured(script, signals, *, rate=None, **settings):
    """Return what arrives of an instrument that plays its script, how it ended, and the driver."""
    outlet = ListOutlet()
    with plugged_in(script) as driver:
        device = open_device("jsdrv", signals=signals, rate=rate, settings=settings)
        with Run(device, outlet) as run:
            driver.wait_until_played(len(device.signals))
        device.close()
    assert run.error is None
    return outlet, run, driver


def stepped(script, signals, stop_at_s, *, rate=None, outlet=None):
    """Return the same of a device whose time the test steps, at once."""
    outlet, timing = outlet or ListOutlet(), SteppedTiming(stop_at_s=stop_at_s)
    with plugged_in(script, timing=timing) as driver:
        request = xjls.capturing.device.Request(signals=signals, rate_hz=rate)
        device = open_with(request, timing=timing)
        with Run(device, outlet) as run:
            run.wait()
        device.close()
    return outlet, run, driver


# -- samples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_every_signal_arrives_as_it_was_measured(model):
    names = ALL_JS110 if model == "js110" else ALL
    starts = {"voltage": 77, "gpi[1]": 64, "current_range": 5}
    script = Joulescope(path=PATHS[model], duration_s=0.25, starts=starts)
    outlet, run, _ = captured(script, names)
    assert run.reason == "it was stopped"
    for name in names:
        decimation = MODELS[model].decimation(MODELS[model].port(name), MODELS[model].top_hz)
        first = -(-script.first_tick // decimation) + starts.get(name, 0)
        found = outlet.of(name)
        assert found.window.start == first
        assert not found.gaps
        assert found.window.length >= 0.24 * MODELS[model].tick_hz / decimation
        np.testing.assert_array_equal(found.samples, values(name, first, found.window.stop))
        assert found.samples.dtype == {"current_range": "u1"}.get(name, "f4" if name in ALL[:3] else "?")


def test_what_signals_say_of_themselves():
    with plugged_in(Joulescope(path=PATHS["js220"])):
        device = open_device("jsdrv", signals=ALL, rate="100 kHz")
        device.close()
    assert [signal.name for signal in device.signals] == list(ALL)
    assert [signal.id for signal in device.signals] == list(range(1, 10))
    assert [signal.units for signal in device.signals] == ["A", "V", "W"] + [""] * 6
    assert [signal.stored_type for signal in device.signals] == ["f32"] * 3 + ["u4"] + ["u1"] * 5
    assert {signal.rate_hz for signal in device.signals[:3]} == {Fraction(100_000)}
    assert {signal.rate_hz for signal in device.signals[3:]} == {Fraction(2_000_000)}
    assert device.signals[0].facts == {"tick_rate_hz": 2_000_000, "decimate_factor": 20}
    assert device.is_live
    assert str(device.source) == "JS220-000415 Jetperch JS220 000415"
    assert device.source.version == "1.3.2"


@pytest.mark.parametrize(
    ("model", "rate", "rates"),
    [
        ("js110", None, (2_000_000, 2_000_000, 2_000_000)), ("js110", "1 kHz", (1000, 1000, 1000)),
        ("js220", None, (1_000_000, 2_000_000, 2_000_000)), ("js220", 500_000, (500_000, 2_000_000, 2_000_000)),
        ("js320", None, (1_000_000, 1_000_000, 1_000_000)), ("js320", "10 kHz", (10_000, 1_000_000, 1_000_000)),
    ],
)  # fmt: skip
def test_rates_are_those_of_the_model(model, rate, rates):
    with plugged_in(Joulescope(path=PATHS[model])) as driver:
        device = open_device("jsdrv", signals=["current", "current_range", "gpi[0]"], rate=rate)
        device.close()
    assert tuple(signal.rate_hz for signal in device.signals) == rates
    assert (f"{PATHS[model]}/h/fs", rates[0]) in driver.published


def test_current_voltage_and_power_come_unasked():
    outlet, *_ = captured(Joulescope(duration_s=0.1), None)
    assert set(outlet.writes) == {"current", "voltage", "power"}


def test_ids_that_are_counted_and_never_come_are_gaps():
    lost = {"current": ((510_000, 510_001), (530_100, 560_300)), "gpi[0]": ((1_000_064, 1_000_128),)}
    outlet, *_ = captured(Joulescope(lost=lost), ["current", "gpi[0]"])
    for name, windows in lost.items():
        found = outlet.of(name)
        assert [gap.window for gap in found.gaps] == [Window(*window) for window in windows]
        held = np.ones(found.window.length, bool)
        for start, stop in windows:
            held[start - found.window.start : stop - found.window.start] = False
        np.testing.assert_array_equal(found.samples, values(name, found.window.start, found.window.stop)[held])


def test_what_comes_twice_is_taken_once():
    script = Joulescope(repeated={"current": (0, 3)}, overlapping={"voltage": {2: 1234}, "current": {5: 1}})
    outlet, *_ = captured(script, ["current", "voltage"])
    for name in ("current", "voltage"):
        found = outlet.of(name)
        assert not found.gaps
        np.testing.assert_array_equal(found.samples, values(name, 500_000, found.window.stop))
    assert sum(len(samples) for _, samples in outlet.writes["current"]) == 500_000 + 2 * 50_000 + 1


@pytest.mark.parametrize("rate", [1000, 200, 20, 5, 1])
def test_bits_that_only_fill_a_byte_are_no_samples(rate):
    """A JS110's messages hold any number of bits; where they end is known only when the next one comes."""
    script = Joulescope(path=PATHS["js110"], duration_s=max(2.35, 9 / rate))
    outlet, *_ = captured(script, ["gpi[0]", "current"], rate=rate)
    found, beside = outlet.of("gpi[0]"), outlet.of("current")
    assert not found.gaps
    assert 0 <= beside.window.stop - found.window.stop < 8
    np.testing.assert_array_equal(found.samples, values("gpi[0]", found.window.start, found.window.stop))


def test_bits_before_a_gap_that_may_be_none_belong_to_it():
    at = 500 + 100
    script = Joulescope(path=PATHS["js110"], duration_s=1, lost={"gpi[1]": ((at + 3, at + 40),)})
    outlet, *_ = captured(script, ["gpi[1]"], rate="1 kHz")
    found = outlet.of("gpi[1]")
    (gap,) = found.gaps
    assert at < gap.window.start <= at + 3
    assert gap.window.stop == at + 40
    held = np.r_[values("gpi[1]", 500, gap.window.start), values("gpi[1]", at + 40, found.window.stop)]
    np.testing.assert_array_equal(found.samples, held)


# -- time -------------------------------------------------------------------------------------------------------------


def test_ties_come_first_then_every_ten_seconds_and_last():
    script = Joulescope(duration_s=35, starts={"voltage": 250})
    outlet, run, _ = stepped(script, ["current", "voltage"], 36, rate=1000)
    assert run.error is None
    for name in ("current", "voltage"):
        calls = [what for what, of in outlet.calls if of == name]
        assert calls[0] == "tie"
        assert calls.count("tie") == 5
        assert calls[-1] == "tie"
        ids = [tie.sample_id for tie in outlet.ties[name]]
        assert ids[0] == outlet.of(name).window.start
        assert all(10_000 <= b - a <= 10_050 for a, b in pairwise(ids[:4]))
        for tie in outlet.ties[name]:
            exact = Fraction(tie.sample_id * 2000 - script.first_tick) / Fraction(2_000_003.75) * NS + BEGIN_NS
            assert abs(tie.time_ns - exact) <= 1


def test_samples_that_a_js110_loses_without_a_trace_are_told_of():
    script = Joulescope(path=PATHS["js110"], duration_s=12, swallowed=(4.0, 0.75), clock_hz=0)
    outlet, run, _ = stepped(script, ["current", "voltage"], 14, rate=1000)
    assert run.error is None
    assert not outlet.of("current").gaps
    assert outlet.told == [
        "samples come 0.750 s later than before: as many may be missing, and sample ids do not count them"
    ]
    for name in ("current", "voltage"):
        before, after, _ = outlet.ties[name]
        assert 4000 < after.sample_id - 500 < 9000
        assert after.time_ns - before.time_ns == (after.sample_id - before.sample_id) * 1_000_000 + 750_000_000


def test_samples_that_come_after_all_are_told_of():
    """A machine that slept for seconds gets late what was measured meanwhile: the second time it is not late."""
    lane_late = [(1.0, 0.0)] * 3 + [(1.0, 0.4)] * 4 + [(1.0, 0.0)] * 5
    shortfall, at, found = xjls.capturing.shortfall.Shortfall(Fraction(1000)), 0.0, []
    for i, (step, late) in enumerate(lane_late):
        at += step
        found.append(shortfall.arrived(1000 * i, at + late))
    assert [round(more, 3) for more in found if more] == [0.4, -0.4]


def test_a_clock_that_is_off_loses_nothing():
    shortfall = xjls.capturing.shortfall.Shortfall(Fraction(1000))
    assert not any(shortfall.arrived(50 * i, 0.05 * i * (1 + 300e-6)) for i in range(400_000))


# -- ends and faults --------------------------------------------------------------------------------------------------


def test_unplugged():
    script = Joulescope(unplugged_at_s=0.31)
    outlet, run, driver = stepped(script, ["current"], 60)
    assert (run.error, run.reason) == (None, "it was unplugged")
    assert outlet.of("current").window == Window(500_000, 800_000)
    assert not driver.subscriptions
    assert driver.is_finalized


def test_another_one_that_is_unplugged_is_none_of_its_business():
    with plugged_in(Joulescope(), Joulescope(path="u/js220/000416")) as driver:
        outlet, device = ListOutlet(), open_device("jsdrv:000415")
        with Run(device, outlet) as run:
            driver.wait_until_played(3)
            for topic, callback in driver._callbacks:
                if topic == "@/!remove":
                    callback(topic, "u/js220/000416")
        device.close()
    assert run.reason == "it was stopped"


def test_silence_is_told_and_ends_the_run():
    outlet, run, _ = stepped(Joulescope(duration_s=0.5), ["current", "voltage"], 60)
    assert run.reason == "nothing came of it any more for 10 s"
    assert outlet.told == [f"nothing has come of {name} for 2.1 s" for name in ("current", "voltage")]
    assert outlet.of("current").window.length == 500_000


def test_a_signal_that_never_comes_is_told():
    outlet, run, _ = stepped(Joulescope(duration_s=5, starts={"voltage": 10**9}), ["current", "voltage"], 4)
    assert run.reason == "it was stopped"
    assert outlet.told == ["nothing has come of voltage for 2.1 s"]


def test_silence_that_comes_again_is_told_again():
    lost = ((1_000_000, 4_000_000), (5_000_000, 8_000_000))
    outlet, run, _ = stepped(Joulescope(duration_s=8, lost={"current": lost}), ["current"], 8)
    assert (run.reason, len(outlet.told)) == ("it was stopped", 2)
    assert [gap.window for gap in outlet.of("current").gaps] == [Window(*lost[0]), Window(*lost[1])]


def test_slow_signals_are_given_time():
    outlet, run, _ = stepped(Joulescope(path=PATHS["js110"], duration_s=30), ["current"], 28, rate=1)
    assert (run.reason, outlet.told) == ("it was stopped", [])
    assert outlet.of("current").window.length == 28


def test_nothing_at_all():
    _, run, driver = stepped(Joulescope(duration_s=0), ["current"], 60)
    with pytest.raises(DeviceError, match=r"^nothing came of it in 10 s: jsdrv:u/js220/000415\. Plug it in again"):
        raise run.error
    assert driver.published[-1] == ("u/js220/000415/s/i/ctrl", 0)


def test_a_rate_that_is_not_the_one_that_was_set():
    _, run, driver = stepped(Joulescope(decimations={"current": 4}), ["current"], 60)
    with pytest.raises(DeviceError, match=r"'current' comes at 500_000 Hz instead of 1_000_000 Hz.*another rate"):
        raise run.error
    assert not driver.raised
    assert not driver.subscriptions


def test_a_counter_that_begins_anew_ends_the_run():
    outlet, run, _ = stepped(Joulescope(duration_s=5, first_tick=10**7, anew_at_s=2.0), ["current"], 60)
    assert (run.error, run.reason) == (None, "its sample counter began anew")
    assert outlet.of("current").window == Window(5_000_000, 7_000_000)


def test_what_the_outlet_raises_ends_the_run():
    _, run, driver = stepped(Joulescope(), ["current"], 60, outlet=ListOutlet(fails_at=4))
    with pytest.raises(OSError, match="the outlet was told to fail"):
        raise run.error
    assert not driver.raised


def test_it_is_left_off_and_given_back():
    _, _, driver = captured(Joulescope(duration_s=0.1), ["current", "gpi[3]"])
    turned = [(topic.removeprefix("u/js220/000415/"), value) for topic, value in driver.published if "ctrl" in topic]
    assert turned == [("s/i/ctrl", 1), ("s/gpi/3/ctrl", 1), ("s/i/ctrl", 0), ("s/gpi/3/ctrl", 0)]
    assert not driver.subscriptions
    assert not driver.opened
    assert driver.is_finalized


def test_closing_twice_and_after_unplugging_is_harmless():
    with plugged_in(Joulescope(refusals={"!close": TimeoutError("late")})) as driver:
        device = open_device("jsdrv")
        device.close()
        device.close()
    assert driver.is_finalized


@pytest.mark.parametrize(
    ("refusals", "message"),
    [
        ({"s/v/ctrl": TimeoutError()}, r"it does not take 1 for s/v/ctrl \(TimeoutError\): jsdrv:u/js220/000415\."),
        ({"s/v/!data": RuntimeError("NOT_FOUND")}, r"it does not deliver s/v/!data \(NOT_FOUND\)"),
        ({"@/!remove": RuntimeError("CLOSED")}, r"it cannot be watched \(CLOSED\)"),
    ],
)
def test_a_start_that_fails_leaves_nothing_on(refusals, message):
    with plugged_in(Joulescope(refusals=refusals)) as driver:
        device = open_device("jsdrv")
        with pytest.raises(DeviceError, match=message):
            device.run(ListOutlet(), Event())
        assert not driver.subscriptions
        assert dict(driver.published).get("u/js220/000415/s/i/ctrl", 0) == 0
        device.close()


# -- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "path"),
    [("", "u/js110/000123"), ("000415", "u/js220/000415"), ("u/js320/8w2a", "u/js320/8w2a"), ("8W2A", "u/js320/8w2a")],
)
def test_which_one_is_opened(address, path):
    with plugged_in(Joulescope(path="u/&js220/000009"), *(Joulescope(path=path) for path in PATHS.values())) as driver:
        device = open_device(f"jsdrv:{address}")
        assert list(driver.opened) == [path]
        device.close()


def test_what_is_plugged_in():
    with plugged_in(Joulescope(path="u/&js220/000009"), *(Joulescope(path=path) for path in PATHS.values())) as driver:
        found = list(jsdrv.find_devices())
        assert driver.is_finalized
    assert [one.uri for one in found] == [f"jsdrv:{path}" for path in PATHS.values()]
    assert [one.source.model for one in found] == ["JS110", "JS220", "JS320"]


@pytest.mark.parametrize(
    ("paths", "uri", "message"),
    [
        ([], "jsdrv", r"^no Joulescope is there: jsdrv\. Is it plugged in"),
        (["u/js110/000123"], "jsdrv:7", r"^no such Joulescope is there: jsdrv:7\. There are: u/js110/000123\.$"),
        (["u/&js220/000009"], "jsdrv", r"^u/&js220/000009 is in its bootloader.*Unplug it"),
    ],
)
def test_none_that_could_be_opened(paths, uri, message):
    with plugged_in(*(Joulescope(path=path) for path in paths)) as driver:
        with pytest.raises(DeviceError, match=message):
            open_device(uri)
        assert driver.is_finalized


@pytest.mark.parametrize(
    ("refusals", "settings", "message"),
    [
        (
            {"!open": TimeoutError()},
            {},
            r"it does not open \(TimeoutError\): jsdrv:u/js220/000415\. Is another program",
        ),
        ({"h/fs": RuntimeError("PARAMETER_INVALID")}, {}, r"does not take 1000000 for h/fs.*Choose another rate"),
        (
            {"s/i/range/select": ValueError("bad")},
            {"current_range": "3 A"},
            r"'3 A' for s/i/range/select.*current_range",
        ),
    ],
)
def test_what_the_driver_refuses(refusals, settings, message):
    with plugged_in(Joulescope(refusals=refusals)) as driver:
        with pytest.raises(DeviceError, match=message):
            open_device("jsdrv", settings=settings)
        assert driver.is_finalized
        assert not driver.opened


@pytest.mark.parametrize(
    ("model", "asked", "message"),
    [
        ("js110", {"signals": ["gpi[2]"]}, r"a JS110 has no signal 'gpi\[2\]'\. Signals: current, .*gpi\[1\]\.$"),
        ("js220", {"signals": []}, "no signals were asked for. Signals: current"),
        ("js220", {"rate": "2 MHz"}, "a JS220 does not sample at 2_000_000 Hz. Rates in Hz: 1_000_000, 500_000"),
        ("js110", {"rate": 3}, "a JS110 does not sample at 3 Hz"),
        ("js320", {"settings": {"filter": "sinc1"}}, "a JS320 has no setting 'filter'. Settings: open, current_range"),
        ("js220", {"settings": {"open": "raw"}}, "open='raw' is no way to open.*defaults or restore"),
        ("js220", {"settings": {"filter": "sinc1"}, "rate": 500_000}, "250 kHz where 500 kHz.*filter=wideband"),
    ],
)
def test_what_it_does_not_have(model, asked, message):
    with plugged_in(Joulescope(path=PATHS[model])) as driver:
        with pytest.raises(SelectionError, match=message):
            open_device("jsdrv", **asked)
        assert not driver.opened


@pytest.mark.parametrize(
    ("model", "settings", "published"),
    [
        ("js110", {}, [("s/i/range/select", "auto"), ("s/v/range/select", "15 V"), ("h/fs", 2_000_000)]),
        ("js220", {}, [("s/i/range/mode", "auto"), ("s/v/range/mode", "auto"), ("h/fs", 1_000_000)]),
        ("js320", {}, [("s/i/range/mode", "auto"), ("h/fs", 1_000_000)]),
        ("js220", {"open": "restore"}, [("h/fs", 1_000_000)]),
        (
            "js220", {"open": "restore", "current_range": "18 mA", "filter": "wideband", "gpio_voltage": "3.3V"},
            [("s/i/range/select", "18 mA"), ("s/i/range/mode", "manual"), ("h/filter", "wideband"),
             ("c/gpio/vref", "3.3V"), ("h/fs", 1_000_000)],
        ),
        (
            "js110", {"open": "restore", "suppression": "nan", "gpio_voltage": "5.0V"},
            [("s/i/range/mode", "nan"), ("s/extio/voltage", "5.0V"), ("h/fs", 2_000_000)],
        ),
    ],
)  # fmt: skip
def test_what_settings_publish(model, settings, published):
    with plugged_in(Joulescope(path=PATHS[model])) as driver:
        device = open_device("jsdrv", settings=settings)
        assert driver.opened == {PATHS[model]: settings.get("open", "defaults")}
        device.close()
    prefix = f"{PATHS[model]}/"
    assert [(topic.removeprefix(prefix), value) for topic, value in driver.published] == published
    told = {name: value for name, value in settings.items() if value is not None}
    assert told.items() <= device.settings.items()
    assert set(device.settings) <= {setting.name for setting in jsdrv.SETTINGS}


def test_the_driver_is_loaded_when_it_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyjoulescope_driver", None)
    assert KINDS[3].settings == jsdrv.SETTINGS
    with pytest.raises(MissingDependencyError, match=r"pyjoulescope_driver is not installed.*xjls\[joulescope\]"):
        open_device("jsdrv")


def test_a_driver_that_does_not_start(monkeypatch):
    def refuse():
        raise RuntimeError("no backend")

    monkeypatch.setattr(pyjoulescope_driver, "Driver", refuse)
    with pytest.raises(DeviceError, match=r"pyjoulescope_driver does not start \(no backend\): jsdrv\. Is libusb"):
        open_device("jsdrv")


def test_the_stand_in_has_the_calls_of_the_driver():
    calls = {name for name in vars(StandInDriver) if not name.startswith("_")}
    calls -= {"joulescopes", "timing", "speed", "published", "raised", "opened", "is_finalized", "subscriptions"}
    assert calls - {"wait_until_played"} == {
        name for name in calls if callable(getattr(pyjoulescope_driver.Driver, name, None))
    }


# -- the maker's recorder, and a session ------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_makers_recorder_keeps_the_same(model, tmp_path):
    """pyjoulescope_driver's ``Record`` with the same messages; its current_range is wrong (two nibbles a byte)."""
    names = ("current", "voltage", "power", "gpi[0]", "gpi[1]")
    script = Joulescope(path=PATHS[model], duration_s=0.4, starts={"voltage": 32, "gpi[1]": 64})
    outlet, *_ = captured(script, names)
    driver = StandInDriver((script,))
    driver.open(script.path)
    record = pyjoulescope_driver.Record(driver, script.path, signals=",".join(names))
    record.open(str(tmp_path / "theirs.jls"))
    driver.wait_until_played(len(names))
    record.close()
    driver.finalize()
    with xjls.open_recording(tmp_path / "theirs.jls") as theirs, pyjls.Reader(str(tmp_path / "theirs.jls")) as reader:
        for number, name in enumerate(names, 1):
            ours, signal = outlet.of(name), theirs.signal(name)
            stop = min(ours.window.stop, signal.window.stop)
            assert signal.window.start == ours.window.start
            assert ours.window.stop - stop <= 8
            np.testing.assert_array_equal(
                theirs.read(name, (ours.window.start, stop)), ours.samples[: stop - ours.window.start]
            )
            assert theirs.signal(name).rate_hz == reader.signals[number].sample_rate
            assert theirs.ties(name)[0] == outlet.ties[name][0]


@pytest.mark.parametrize("suffix", ["jls", "zarr"])
def test_a_session_writes_what_was_measured(suffix, tmp_path):
    lost = {"current": ((510_000, 512_000),)}
    with plugged_in(Joulescope(lost=lost, duration_s=0.3)) as driver:
        device = open_device("jsdrv", signals=["current", "current_range", "gpi[0]"])
        session = Session(device, [open_target(str(tmp_path / f"run.{suffix}"), device.signals)], uri="jsdrv")
        session.start()
        driver.wait_until_played(3)
        session.stop()
        outcome = session.wait()
    assert outcome.counts.lost == 2000
    with xjls.open_recording(tmp_path / f"run.{suffix}") as recording:
        for name in ("current", "current_range", "gpi[0]"):
            window = recording.signal(name).window
            gaps = recording.gaps(name)
            assert [gap.window for gap in gaps] == [Window(*window) for window in lost.get(name, ())]
            for start, stop in ((window.start, window.start + 9999), (window.stop - 9999, window.stop)):
                np.testing.assert_array_equal(recording.read(name, (start, stop)), values(name, start, stop))
            assert recording.ties(name)[0].sample_id == window.start


def test_in_real_time():
    outlet = ListOutlet()
    with plugged_in(Joulescope(duration_s=0.4), speed=8) as driver:
        device = open_device("jsdrv", signals=["current"])
        with Run(device, outlet):
            driver.wait_until_played(1)
        device.close()
    np.testing.assert_array_equal(outlet.of("current").samples, values("current", 500_000, 900_000))


# -- the stand-ins themselves -----------------------------------------------------------------------------------------


def test_the_stand_in_refuses_what_the_driver_refuses():
    driver = StandInDriver((Joulescope(),))
    for call, message in (
        (lambda: driver.open("u/js220/1"), "u/js220/1: NOT_FOUND"),
        (lambda: driver.close("u/js220/000415"), "jsdrv_close u/js220/000415 failed: CLOSED"),
        (lambda: driver.query("u/js220/000415/h/fs"), "jsdrv_query .*h/fs failed: NOT_FOUND"),
        (lambda: driver.unsubscribe("@/!remove", print), "jsdrv_unsubscribe @/!remove failed: NOT_FOUND"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()


def test_the_outlet_refuses_two_threads_at_once():
    outlet = ListOutlet()
    with outlet._lock, pytest.raises(AssertionError, match="write was called while another thread was in the outlet"):
        outlet.write("current", 0, np.zeros(1))
