"""Recordings that join and leave in mid-stream: all signals of a device have exactly the same span of time in them."""

import math
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.captures import PATIENT, STORES, signals, uri
from xjls.capturing.aligning import APART_S, ids_at_once
from xjls.capturing.device import STOPPED
from xjls.capturing.registry import open_device
from xjls.capturing.run import record
from xjls.capturing.session import Session
from xjls.capturing.target import memory_target
from xjls.model.window import Gap, Window
from xjls.testing.captured import check_captured

NAMES = ("current", "voltage", "power")
SAME, SEVERAL = (1000, 1000, 1000), (1000, 2000, 500)


class Played:
    """A device that delivers what a play says, from a moment on, and in the end has all signals come to one."""

    def __init__(self, rates_hz, play, first_s=3):
        self.session, self.play = None, play
        self.device = open_device("sim?speed=max", rate=1000, signals=list(NAMES))
        self.device.signals = tuple(
            replace(one, rate_hz=Fraction(rate_hz)) for one, rate_hz in zip(self.device.signals, rates_hz, strict=True)
        )
        self.rates_hz = dict(zip(NAMES, rates_hz, strict=True))
        self.first = {name: first_s * rate_hz for name, rate_hz in self.rates_hz.items()}
        self.next = dict(self.first)
        self.there = {name: [] for name in NAMES}
        self.parts, self.open = [], []
        self.device.run = self.run

    def run(self, outlet, stop):
        for verb, *told in self.play:
            getattr(self, verb)(outlet, *told)
        end_s = math.ceil(max(Fraction(at, self.rates_hz[name]) for name, at in self.next.items())) + 1
        for name, rate_hz in self.rates_hz.items():
            self.write(outlet, name, end_s * rate_hz - self.next[name])
        return STOPPED

    def write(self, outlet, name, n):
        at = self.next[name]
        outlet.write(name, at, np.arange(at, at + n, dtype="f4"))
        self.there[name].append(np.arange(at, at + n))
        self.next[name] += n

    def skip(self, outlet, name, n):
        outlet.skip(name, Gap(Window(self.next[name], self.next[name] + n), "it was busy", skipped=True))
        self.next[name] += n

    def jump(self, _, name, n):
        if self.next[name] != self.first[name]:  # all begin at one moment
            self.next[name] += n

    def join(self, _):
        self.parts.append(self.session.record(memory_target()))
        self.open.append(self.parts[-1])

    def leave(self, _):
        if self.open:
            self.session.release(self.open.pop())

    def drain(self, _):
        ring = self.session._ring
        while ring._calls or ring.queued_bytes or self.session._writer._wishes:
            assert not self.session.has_ended(0.001)

    def captured(self):
        self.session = Session(self.device, [], pace=PATIENT)
        outcome = self.session.start().wait()
        assert (outcome.error, outcome.reason) == (None, STOPPED)
        assert [part.error for part in self.parts if part.error is not None] == []
        return [part.open() for part in self.parts]


names = st.sampled_from(NAMES)
steps = st.one_of(
    st.tuples(st.just("write"), names, st.integers(1, 100)),
    st.tuples(st.just("write"), names, st.integers(1, 9)),
    st.tuples(st.sampled_from(["skip", "jump"]), names, st.integers(1, 100)),
    st.tuples(st.sampled_from(["join", "leave", "drain"])),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([SAME, SEVERAL]), st.lists(steps, max_size=24))
def test_all_signals_of_a_recording_have_the_same_span_of_time(rates_hz, play):
    played = Played(rates_hz, play)
    for recording in played.captured():
        spans = set()
        for name, rate_hz in played.rates_hz.items():
            window = recording.signal(name).window
            if window.length:
                spans.add((Fraction(window.start, rate_hz), Fraction(window.stop, rate_hz)))
            else:
                spans.add(())
        assert len(spans) == 1, spans
        for name in NAMES:
            window = recording.signal(name).window
            ids = np.arange(window.start, window.stop)
            there = np.isin(ids, np.concatenate([*played.there[name], np.empty(0, int)]))
            np.testing.assert_array_equal(recording.read(name), np.where(there, ids, np.nan).astype("f4"))


@pytest.mark.parametrize("store", STORES)
def test_the_simulator_at_full_speed_is_recorded_evenly(tmp_path, store):
    device = open_device(uri(store, speed="max"), rate=100_000, signals=signals(store))
    with Session(device, [], pace=PATIENT) as session:
        for i in range(4):
            before = session.counts.samples
            while session.counts.samples == before:
                assert not session.has_ended(0.001)
            part = record(session, device.signals, tmp_path / f"{i}{store}")
            while not part.counts.samples:
                assert not session.has_ended(0.001)
            session.release(part)
            assert part.ended.wait(30)
            assert part.reason == STOPPED
    for i in range(4):
        with xjls.open_recording(tmp_path / f"{i}{store}") as recording:
            windows = {(one.window.start, one.window.stop) for one in recording.signals.values()}
            assert len(windows) == 1, windows
            assert not any(check_captured(recording).values())


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_silent_signal_is_waited_for_no_more_than_seconds(goes_on):
    played = Played(SAME, [])
    released = threading.Event()

    def run(outlet, stop):
        for name in NAMES:
            outlet.write(name, 0, np.zeros(100, "f4"))
        outlet.write("current", 100, np.zeros(300, "f4"))
        played.drain(outlet)
        played.session.release(part)
        played.drain(outlet)
        released.set()
        at = 400
        while goes_on and not part.ended.is_set() and not stop.is_set():
            outlet.write("current", at, np.zeros(1000, "f4"))
            at += 1000
        stop.wait(60)
        return STOPPED

    played.device.run = run
    session = played.session = Session(played.device, [], pace=PATIENT)
    part = session.record(memory_target())
    with session:
        assert released.wait(30)
        assert part.ended.wait(30)
    assert part.reason == STOPPED + (", but of voltage, power, of which no more came" if goes_on else "")
    assert {name: one.samples for name, one in part.counts.signals.items()} == dict(
        zip(NAMES, (400, 100, 100), strict=True)
    )


def test_a_signal_that_counts_from_elsewhere_is_taken_as_it_comes():
    far = 10**9
    played = Played(SAME, [("write", "current", 300), ("drain",), ("join",), ("drain",)])
    played.first["voltage"] = played.next["voltage"] = far
    played.play += [
        ("write", "power", 300),
        ("jump", "current", far),
        ("jump", "power", far),
        ("write", "voltage", 100),
    ]
    [recording] = played.captured()
    assert recording.signal("voltage").window.start == far


def test_ids_at_once_are_of_one_moment():
    assert ids_at_once({}, {"a": Fraction(1000)}) == {}
    assert ids_at_once({"a": 1}, {"a": Fraction(1000), "b": Fraction(3, 2)}) == {"a": 1, "b": 1}  # they meet too seldom
    assert ids_at_once({"a": 1, "b": 1}, {"a": Fraction(1000), "b": Fraction(2)}) == {"a": 500, "b": 1}
    far = ids_at_once({"a": 1000 * (APART_S + 2), "b": 2}, {"a": Fraction(1000), "b": Fraction(2)})
    assert far == {"a": 1000 * (APART_S + 2), "b": 2}
