"""Where signals on axes end, by samples and by the clock: the courses alone, which are told what arrives when."""

from dataclasses import replace
from fractions import Fraction

from tests.frame_devices import signals_of
from xjls.capturing.courses import Courses
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
