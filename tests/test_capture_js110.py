"""A JS110 over USB: every sample that it sends is delivered with its id, and every other one is in a gap."""

from fractions import Fraction
from itertools import pairwise
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.js110_captures import (
    ALL,
    IDLE,
    RUNNING,
    N,
    assert_delivered,
    opened,
    samples_of,
    skipped,
    streamed,
    windows_of,
)
from xjls import open_recording
from xjls.capturing.devices import js110
from xjls.capturing.devices.js110 import wire
from xjls.capturing.devices.js110.packets import Packets
from xjls.capturing.devices.js110.stream import (
    BAD,
    BLIND,
    JUMPED,
    LOST,
    ODD_STATUS,
    REPEATED_TOGGLE,
    SILENT,
    STOPPED,
    UNPLUGGED,
)
from xjls.capturing.run import capture
from xjls.errors import DeviceError
from xjls.model.window import Window
from xjls.testing.js110 import EmulatedJs110, Mishap, emulated_js110, words_at
from xjls.testing.outlet import BEGIN_NS, ListOutlet, SteppedTiming

# -- what it delivers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suppression", ["normal", "mean_2_m_1", "off"])
def test_every_sample_is_what_its_words_say(suppression):
    reason, outlet, instrument = streamed(suppression=suppression)
    assert reason == SILENT
    for name in ALL:
        assert_delivered(outlet, name, [], 2000 * N, suppression)
        assert outlet.of(name).samples.dtype == js110.instrument.dtype_of(js110.instrument.SIGNALS[name][1])
    assert instrument.settings == IDLE
    assert instrument.received[-2:] == [(3, RUNNING), (3, IDLE)]


def test_what_it_says_of_itself():
    with opened(EmulatedJs110("000415", speed=None), signals=["gpi[1]", "current"]) as device:
        assert [(s.id, s.name, s.units, s.stored_type) for s in device.signals] == [
            (1, "current", "A", "f32"), (6, "gpi[1]", "", "u1"),
        ]  # fmt: skip
        assert {s.rate_hz for s in device.signals} == {Fraction(2_000_000)}
        source = device.source
        assert (source.name, source.vendor, source.version) == ("JS110-000415", "Jetperch", "1.3.2")
        assert source.serial_number == "000415"
        assert device.settings == {
            "current_range": "auto", "voltage_range": "15 V", "suppression": "interp_1_n_1", "io_voltage": "3.3 V",
            "calibration": "active", "at_end": "keep",
        }  # fmt: skip
        assert device.is_live


def test_unasked_it_delivers_current_voltage_and_power():
    _, outlet, _ = streamed(signals=None, until=100)
    assert list(outlet.writes) == ["current", "voltage", "power"]


@settings(max_examples=40)
@given(
    lose=st.lists(st.tuples(st.integers(1, 1490), st.integers(1, 600)), max_size=4),
    bad=st.lists(st.tuples(st.integers(1, 1490), st.sampled_from(["type", "length"])), max_size=4),
    odd=st.lists(st.integers(0, 1490), max_size=2),
)
def test_what_was_lost_is_in_the_gaps_and_nothing_else_is_missing(lose, bad, odd):
    mishaps = [Mishap("lose", at, n) for at, n in lose] + [Mishap(kind, at, 2) for at, kind in bad]
    reason, outlet, _ = streamed(*mishaps, *(Mishap("status", at, 5) for at in odd), until=1500, suppression="off")
    lost = {p for at, n in lose for p in range(at, at + n)} | {at for at, _ in bad}
    stop = max(set(range(1500)) - lost) + 1
    assert reason == SILENT
    gaps = windows_of(p for p in lost if p < stop)
    for name in ("current", "voltage", "current_range", "gpi[0]"):
        assert_delivered(outlet, name, gaps, stop * N, "off")
    there = [at for at in odd if at not in lost]
    assert outlet.told == ([ODD_STATUS] if there else [])
    if there:
        assert outlet.notes[0].sample_id == min(there) * N


def test_a_gap_says_why():
    _, outlet, _ = streamed(
        Mishap("lose", 100, 3), Mishap("type", 200, 0x80), Mishap("length", 201, 64), Mishap("type", 600, 0x80),
        Mishap("lose", 601, 1), Mishap("length", 511, 0), Mishap("length", 512, 0),
    )  # fmt: skip
    assert skipped(outlet, "power") == [
        (Window(100 * N, 103 * N), LOST), (Window(200 * N, 202 * N), BAD), (Window(511 * N, 513 * N), BAD),
        (Window(600 * N, 602 * N), LOST),
    ]  # fmt: skip


def test_what_a_window_had_to_decide_before_a_gap_is_nan_and_no_more():
    first = 397 * N  # the range switches two samples before it
    _, outlet, _ = streamed(Mishap("lose", 397, 1), until=500, words=lambda a, b: words_at(a - 20, b - 20))
    current = outlet.of("current").samples
    assert np.isnan(current[first - 2 : first]).all()
    assert np.isfinite(current[: first - 2]).all()
    assert np.isfinite(current[first:]).all()
    assert np.isfinite(outlet.of("voltage").samples).all()


def test_packet_numbers_begin_anew():
    _, outlet, _ = streamed(
        Mishap("lose", 65_530, 10), Mishap("lose", 131_071, 1), until=132_000, signals=["gpi[0]"]
    )  # fmt: skip
    gaps = windows_of([*range(65_530, 65_540), 131_071])
    assert_delivered(
        outlet, "gpi[0]", gaps, 132_000 * N, field=np.tile(samples_of("gpi[0]", 0, 4096 * N), 33)[: 132_000 * N]
    )


def test_ids_begin_where_the_first_packet_says():
    _, outlet, _ = streamed(Mishap("lose", 0, 5), until=100, signals=["voltage"])
    assert outlet.of("voltage").window == Window(5 * N, 100 * N)
    assert not outlet.skips


def test_the_voltage_range_is_that_of_each_packet():
    _, outlet, _ = streamed(Mishap("voltage", 700, 1), Mishap("voltage", 900, 0), signals=["voltage"])
    ranges = np.zeros(2000, int)
    ranges[700:900] = 1
    expected = samples_of("voltage", 0, 2000 * N, voltage_range=ranges)
    np.testing.assert_array_equal(outlet.of("voltage").samples, expected)


def test_a_sample_that_is_missing_inside_a_packet_is_told():
    def words(start, stop):
        found = words_at(start, stop)
        at = np.arange(start, stop)
        found[at >= 50_000] ^= np.array([0, 2], "u2")
        return found

    _, outlet, _ = streamed(words=words, signals=["voltage", "current"])
    assert outlet.told == [REPEATED_TOGGLE]
    assert 0 <= 50_000 - outlet.notes[0].sample_id < 512 * N
    assert outlet.notes[0].signal == "current"


def test_ties_come_from_when_packets_arrive():
    timing = SteppedTiming()
    reason, outlet, _ = streamed(
        Mishap("stall", 80_000, 0.5), until=190_000, signals=["gpi[1]"], timing=timing, speed=1
    )
    assert reason == SILENT
    ties = outlet.ties["gpi[1]"]
    assert len(ties) == 3  # of the first second, of the next ten, and of the rest
    for tie in ties:
        late_s = (tie.time_ns - BEGIN_NS) / 1e9 - tie.sample_id / 2e6
        assert 0 <= late_s - (0.5 if tie.sample_id > 80_000 * N else 0) < 0.2
    assert outlet.of("gpi[1]").window == Window(0, 190_000 * N)


# -- how it ends -----------------------------------------------------------------------------------------------------


class Slow(ListOutlet):
    """An outlet that does not return for some seconds, once."""

    timing = None
    seconds = 0.0

    def write(self, name, first_id, samples):
        super().write(name, first_id, samples)
        if first_id > 60_000 and self.seconds:
            seconds, self.seconds = self.seconds, 0.0
            self.timing.wait(Event(), seconds)


def test_what_was_measured_before_it_was_stopped_is_delivered():
    timing, outlet, stop = SteppedTiming(), Slow(), Event()
    outlet.timing, outlet.seconds = timing, 0.4
    instrument = EmulatedJs110(timing=timing)
    timing.followers.append(lambda: timing.elapsed_s() > 0.31 and stop.set())
    with opened(instrument, timing=timing, signals=["current"]) as device:
        assert device.run(outlet, stop) == STOPPED
        measured = instrument._limit * N
    assert 800_000 < measured < 1_000_000
    assert_delivered(outlet, "current", [], measured, "normal")
    assert instrument.settings == IDLE


def test_unplugged_while_it_streams():
    timing, outlet = SteppedTiming(), ListOutlet()
    instrument = EmulatedJs110(speed=None, timing=timing, mishaps=[Mishap("unplug", 1234)])
    with opened(instrument, timing=timing, signals=ALL) as device:
        assert device.run(outlet, Event()) == UNPLUGGED
    for name in ALL:  # what came in the read that failed is there too
        assert_delivered(outlet, name, [], 1234 * N, "normal")


@pytest.mark.parametrize("lost", [0, 20])
def test_a_halted_endpoint_is_let_go_on(lost):
    reason, outlet, _ = streamed(Mishap("halt", 700), Mishap("lose", 700, lost), signals=["power"])
    assert reason == SILENT
    assert_delivered(outlet, "power", windows_of(range(700, 700 + lost)), 2000 * N, "normal")


def test_unplugged_when_the_halt_is_cleared(monkeypatch):
    instrument = EmulatedJs110(speed=None, timing=SteppedTiming(), mishaps=[Mishap("halt", 700)])

    def clear_halt():
        instrument.is_plugged_in = False
        instrument._check()

    monkeypatch.setattr(instrument, "clear_halt", clear_halt)
    outlet = ListOutlet()
    with opened(instrument, timing=instrument._timing) as device:
        assert device.run(outlet, Event()) == UNPLUGGED
    assert outlet.of("current").window == Window(0, 700 * N)


def test_a_pause_is_no_gap():
    reason, outlet, _ = streamed(Mishap("stall", 300, 0.9), signals=["voltage"])
    assert reason == SILENT
    assert_delivered(outlet, "voltage", [], 2000 * N)


def test_it_stops_sending():
    timing = SteppedTiming()
    reason, _, _ = streamed(Mishap("stall", 300, 1.5), timing=timing, speed=1)
    assert reason == SILENT
    assert timing.elapsed_s() == pytest.approx(1.3, abs=0.3)


def test_a_host_that_was_busy_has_not_heard_silence():
    outlet = Slow()
    outlet.timing, outlet.seconds = SteppedTiming(), 3.0
    stall = Mishap("stall", 1024, 0.5)  # from when the host listens again
    reason, _, _ = streamed(stall, timing=outlet.timing, outlet=outlet, signals=["current"], until=3000)
    assert reason == SILENT
    assert outlet.of("current").window.stop == 3000 * N


def test_it_never_sends():
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing, mishaps=[Mishap("mute", 0)])
    message = "the instrument does not stream: it stopped sending: js110:000123"
    with opened(instrument, timing=timing) as device, pytest.raises(DeviceError, match=message):
        device.run(ListOutlet(), Event())


@pytest.mark.parametrize(("seconds", "expected"), [(3.5, SILENT), (4.2, BLIND)])
def test_where_numbers_may_have_begun_anew_the_stream_ends(seconds, expected):
    outlet = Slow()
    outlet.timing, outlet.seconds = SteppedTiming(), seconds
    reason, _, _ = streamed(timing=outlet.timing, outlet=outlet, signals=["current"], until=3000)
    assert reason == expected
    assert outlet.of("current").window.stop == (3000 * N if expected == SILENT else 1024 * N)


def test_more_was_lost_than_there_was_time_for():
    stalls = [Mishap("stall", at, 0.9) for at in (100, 200, 300)]
    lose = Mishap("lose", 1000, 30_000)
    reason, outlet, instrument = streamed(*stalls, lose, until=40_000, signals=["current"])
    assert reason == JUMPED
    assert outlet.of("current").window == Window(0, 1000 * N)
    assert instrument.settings == IDLE


def test_what_another_program_left_over_is_not_recorded():
    timing, outlet = SteppedTiming(), ListOutlet()
    instrument = EmulatedJs110(speed=None, timing=timing, left_over=700, mishaps=[Mishap("mute", 100)])
    with opened(instrument, timing=timing, signals=["voltage"]) as device:
        device.run(outlet, Event())
    assert_delivered(outlet, "voltage", [], 100 * N)


def test_an_outlet_that_fails_ends_the_stream():
    timing = SteppedTiming()
    instrument = EmulatedJs110(speed=None, timing=timing)
    with (
        opened(instrument, timing=timing) as device,
        pytest.raises(OSError, match="the outlet was told to fail"),
    ):
        device.run(ListOutlet(fails_at=7), Event())
    assert instrument.settings == IDLE


def test_what_cannot_be_told_to_stop_is_logged(monkeypatch, caplog):
    timing, stop = SteppedTiming(), Event()
    instrument = EmulatedJs110(timing=timing)

    def unplug():
        if timing.elapsed_s() > 0.3:
            stop.set()
            instrument.is_plugged_in = False

    timing.followers.append(unplug)
    outlet = ListOutlet()
    with opened(instrument, timing=timing, at_end="off") as device:
        reason = device.run(outlet, stop)
    assert reason in (STOPPED, UNPLUGGED)
    assert "it was unplugged" in caplog.text
    assert "the load may be powered still" in caplog.text
    assert outlet.of("current").window.length > 500_000


# -- end to end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run.zarr", "run.jls"])
def test_a_capture_is_a_recording(tmp_path, name):
    path = tmp_path / name
    mishaps = [Mishap("lose", 1000, 20), Mishap("unplug", 3000)]
    with emulated_js110(EmulatedJs110("000123", mishaps=mishaps)):
        outcome = capture("js110:000123", path, signals=ALL, settings={"suppression": "off"}, progress=False)
    assert outcome.reason == UNPLUGGED
    assert {counts.lost for counts in outcome.counts.signals.values()} == {20 * N}
    with open_recording(path) as recording:
        for signal in ALL:
            samples, gaps = recording.read_with_gaps(signal, Window(0, 3000 * N))
            assert [gap.window for gap in gaps] == [Window(1000 * N, 1020 * N)]
            expected = samples_of(signal, 0, 3000 * N, "off")
            for lo, hi in pairwise([0, 1000 * N, 1020 * N, 3000 * N]):
                if lo != 1000 * N:
                    np.testing.assert_array_equal(samples[lo:hi], expected[lo:hi])


# -- any bytes -------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    reads=st.lists(
        st.lists(
            st.tuples(
                st.sampled_from([1, 1, 1, 1, 0x0501, 0, 0x80]), st.sampled_from([512, 512, 0x8200, 0, 0xFFFF]),
                st.integers(0, 5) | st.integers(0, 0xFFFF),
            ),
            max_size=6,
        ),
        max_size=5,
    )
)  # fmt: skip
def test_any_packets_are_runs_with_what_is_missing_between(reads):
    packets, expected, found = Packets(6), [], []
    after, bad = None, 0
    for heads in reads:
        packets.clear()
        rows = np.frombuffer(packets.buffer, "<u2").reshape(6, 256)
        rows[: len(heads), :3] = np.array(heads, "u2").reshape(-1, 3)
        for kind, length, index in heads:
            if kind & 0xFF != 1 or length & 0x7FFF != 512:
                bad += 1
                continue
            expected.append((index, 0 if after is None else (index - after) % 65_536, length >> 15, kind >> 8))
            after, bad = (index + 1) % 65_536, 0
        assert packets.arrived() <= 6
        for run in packets.runs(len(heads)):
            each = zip(run.voltage_ranges.tolist(), run.statuses.tolist(), strict=True)
            for i, (low, status) in enumerate(each):
                found.append(((run.index + i) % 65_536, 0 if i else run.missing, low, status))
            assert run.words.shape == (len(run.statuses), N, 2)
    assert found == expected


@given(
    st.binary(max_size=140) | st.binary(max_size=100).map(lambda data: b"\1" + bytes([len(data) + 3]) + b"\2" + data)
)
def test_any_answer_is_one_or_none(data):
    assert wire.decode_settings(data) is None or len(data) >= 16
    assert wire.decode_extio(data) is None or len(data) >= 24
    assert wire.decode_status(data) is None or len(data) >= 12
    assert isinstance(wire.decode_info(data), dict)
