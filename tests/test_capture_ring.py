"""The ring between a device and its writer: in order, complete, and never in the device's way."""

from threading import Thread

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xjls.capturing.joining import joined
from xjls.capturing.ring import NO_ROOM, Ring
from xjls.model.annotation import Annotation, Tie
from xjls.model.window import Gap, Window

BYTES = 1 << 12
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from("ab"), st.integers(0, 900)),
        st.tuples(st.just("jump"), st.sampled_from("ab"), st.integers(1, 50)),
        st.tuples(st.just("skip"), st.sampled_from("ab"), st.integers(1, 50)),
        st.tuples(st.just("take"), st.just(""), st.integers(1, 5)),
    ),
    max_size=60,
)


class Reader:
    """Takes everything, and holds it to what sample ids say: sample i of a signal has the value i."""

    def __init__(self):
        self.next = {}
        self.gaps = {"a": [], "b": []}

    def take(self, ring, most=10**9):
        for _ in range(most):
            if not (calls := ring.take(0)):
                return
            for call in joined(calls):
                self.see(call)
            ring.release(calls)

    def see(self, call):
        if call.verb == "write":
            first_id, samples = call.arguments
            expected = np.arange(first_id, first_id + len(samples), dtype="i4")
            np.testing.assert_array_equal(samples, expected)
            self.pass_over(call.name, first_id, "jumped")
            self.next[call.name] = first_id + len(samples)
        elif call.verb == "skip":
            (gap,) = call.arguments
            self.pass_over(call.name, gap.window.start, "jumped")
            self.gaps[call.name].append((gap.window, gap.reason))
            self.next[call.name] = gap.window.stop

    def pass_over(self, name, start, why):
        before = self.next.get(name, start)
        assert start >= before
        if start > before:
            self.gaps[name].append((Window(before, start), why))


@given(steps=STEPS)
def test_what_finds_no_room_is_a_gap_and_nothing_else_is(steps):
    ring, reader, at, told = Ring(BYTES, waits=False), Reader(), {"a": 10, "b": -5}, {"a": set(), "b": set()}
    sent = {"a": set(), "b": set()}
    for what, name, n in steps:
        if what == "take":
            reader.take(ring, n)
        elif what == "write":
            ring.write(name, at[name], np.arange(at[name], at[name] + n, dtype="i4"))
            sent[name] |= set(range(at[name], at[name] + n))
            at[name] += n
        else:
            if what == "skip":
                ring.skip(name, Gap(Window(at[name], at[name] + n), "lost on the way"))
                told[name] |= set(range(at[name], at[name] + n))
            at[name] += n
    ring.finish()
    reader.take(ring)
    assert ring.is_drained
    for name, gaps in reader.gaps.items():
        by_reason = {}
        for window, why in gaps:
            by_reason.setdefault(why, set()).update(range(window.start, window.stop))
        assert by_reason.get("lost on the way", set()) == told[name]
        assert by_reason.get(NO_ROOM, set()) <= sent[name]
        assert not by_reason.get("jumped", set()) & (sent[name] | told[name])
        if sent[name] | told[name]:
            assert reader.next[name] == max(sent[name] | told[name]) + 1


def test_a_patient_device_waits_for_room_and_loses_nothing():
    ring, reader = Ring(BYTES, waits=True), Reader()

    def deliver():
        for at in range(0, 200_000, 700):
            ring.write("a", at, np.arange(at, at + 700, dtype="i4"))
        ring.finish()

    thread = Thread(target=deliver)
    thread.start()
    while not ring.is_drained:
        reader.take(ring, 3)
    thread.join()
    assert reader.next == {"a": 200_200}
    assert reader.gaps == {"a": [], "b": []}


def test_nobody_waits_for_room_when_the_writer_has_given_up():
    ring = Ring(BYTES, waits=True)
    thread = Thread(target=ring.write, args=("a", 0, np.zeros(100_000, "f8")))
    thread.start()
    ring.give_up()
    thread.join(10)
    assert not thread.is_alive()


def test_what_was_delivered_before_is_left_out():
    ring = Ring(BYTES, waits=False)
    ring.write("a", 0, np.arange(10, dtype="i4"))
    ring.write("a", 6, np.arange(6, 12, dtype="i4"))
    ring.skip("a", Gap(Window(8, 12), "lost"))
    calls = ring.take(0)
    assert [(call.arguments[0], call.arguments[1].tolist()) for call in calls[:2]] == [
        (0, [*range(10)]),
        (10, [10, 11]),
    ]
    assert len(calls) == 2


def test_all_else_comes_in_the_order_in_which_it_was_said():
    ring = Ring(BYTES, waits=False, elapsed_s=iter([1.0, 2.0, 3.0, 4.0]).__next__)
    ring.tie("a", Tie(sample_id=0, time_ns=5))
    ring.write("a", 0, np.zeros(4, "?"))
    ring.over_range("a", Window(0, 4))
    note = Annotation(signal="a", sample_id=2, time_ns=None, kind="text", group=0, y=None, data="here")
    ring.annotate(note)
    calls = ring.take(0)
    assert [(call.verb, call.arrived_s) for call in calls] == [("tie", 1.0), ("write", 2.0), ("over_range", 3.0),
                                                              ("annotate", 4.0)]  # fmt: skip
    assert calls[3].arguments == (note,)
    assert calls[1].arguments[1].dtype == np.bool_


def test_how_full_it_is_is_known():
    ring = Ring(BYTES, waits=False)
    for at in range(3):
        ring.write("a", at * 64, np.zeros(64, "i4"))
    assert ring.queued_bytes == 3 * 256
    first = ring.take(0)[:1]
    ring.release(first)
    assert (ring.queued_bytes, ring.most_bytes, ring.size_bytes) == (2 * 256, 3 * 256, BYTES)
