"""Where signals on axes end, by samples and by the clock: the courses alone, which are told what arrives when."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from tests.frame_devices import signals_of
from xjls.capturing.courses import Courses
from xjls.capturing.joining import joined
from xjls.capturing.ring import Ring
from xjls.capturing.until import Until
from xjls.model.window import Window


def test_a_signal_that_stays_silent_holds_nothing_open():
    """Courses alone: time is told."""
    courses = Courses(signals_of(), Until.of(duration="2s"))
    for now, frame in ((10.0, 5), (11.0, 6), (12.5, 7)):
        courses.arrive(now)
        for name in ("image", "frame_num"):
            window = courses.at(name, frame).inside(Window(frame, frame + 1))
            if window.length:
                courses[name].take(window)
                courses.took(name)
    assert (courses["image"].next, courses["image"].is_complete, courses["n_missing"].is_complete) == (7, True, False)
    assert (courses.are_complete, courses.is_overdue, float(courses.recorded_s)) == (False, False, 2.0)
    courses.arrive(18.0)
    assert courses.is_overdue


def test_a_device_that_only_had_images_counts_those_and_other_axes_end_with_the_last():
    courses = Courses(signals_of(), Until.of(samples=10))
    courses.arrive(1.0)
    for name, first, stop in (("frame_num", 0, 33), ("image", 70, 95), ("buffer_present", 72, 95)):
        window = courses.at(name, first).inside(Window(first, stop))
        courses[name].take(window)
        courses.took(name)
    assert (courses["image"].next, courses["buffer_present"].next) == (80, 80)
    assert courses["frame_num"].end == float("inf")  # the rest of the frames' own axis may come yet
    courses.arrive(7.0)
    assert courses["frame_num"].end == 33
    assert courses.is_overdue


def test_what_is_measured_is_counted_and_not_what_tells_of_positions():
    told = replace(signals_of()[4], name="battery", dtype=np.dtype("f8"), describes_axis=True)
    courses = Courses([told, signals_of()[2]], Until.of(samples=5))
    assert courses.counted == "n_missing"
    assert Courses([told], Until.of(samples=5)).counted == "battery"


def test_an_axis_that_has_not_begun_ends_with_nothing():
    """What comes of it behind the end is none of what was asked for."""
    for until in (Until.of(samples=5), Until.of(duration="2s")):
        courses = Courses([signals_of()[2], signals_of()[5]], until)
        for now_s, first, stop in ((1.0, 70, 75), (3.5, 75, 76)):
            courses.arrive(now_s)
            window = courses.at("n_missing", first).inside(Window(first, stop))
            if window.length:
                courses["n_missing"].take(window)
                courses.took("n_missing")
        assert courses.are_complete
        for first in (0, 40):
            assert not courses.at("header_ok", first).inside(Window(first, first + 9)).length
        assert courses["header_ok"].counts.samples == courses["header_ok"].counts.lost == 0
        assert courses.are_complete
        assert (courses["n_missing"].next, courses["n_missing"].begin) == (75, 70)


def test_of_a_device_that_has_numbers_in_time_as_well_each_ends_by_its_own_measure():
    current = replace(signals_of()[2], name="current", axis="", rate_hz=Fraction(1000))
    for until, ends in ((Until.of(duration="1s"), (1050, 7)), (Until.of(samples=2), (80, 7))):
        courses = Courses([signals_of()[0], current], until)
        for now, name, first, stop in ((1.0, "current", 50, 80), (1.1, "image", 5, 7), (2.2, "current", 80, 81)):
            courses.arrive(now)
            window = courses.at(name, first).inside(Window(first, stop))
            if window.length:
                courses[name].take(window)
            courses.took(name)
        assert (courses["current"].end, courses["image"].end) == ends


def test_frames_that_are_joined_overtake_no_buffers():
    """Whatever the moments at which calls arrive, what is known of buffers comes ahead of their frames."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        clock = [0.0]
        ring = Ring(1 << 20, waits=False, elapsed_s=lambda clock=clock: clock[0])
        for frame in range(60):
            for name, first in (("frame_num", 4 * frame), ("image", frame)):
                clock[0] += rng.exponential(0.02)
                if name == "frame_num" or rng.random() < 0.9:
                    ring.write(name, first, np.zeros(4 if name == "frame_num" else 1))
        reached = 0
        for call in joined(ring.take(0), ("frame_num", "image")):
            first, samples = call.arguments
            if call.name == "frame_num":
                reached = first + len(samples)
            else:
                assert 4 * (first + len(samples)) <= reached
