"""What stands at the axes of a picture: units with prefixes, and times that can be told apart at every zoom."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xjls.errors import SelectionError
from xjls.plot.engineering import AxisUnit, numbers, with_prefix
from xjls.plot.timescale import ElapsedTime, ZonedTime, duration_text, zone

START = 1_772_359_200_000_000_000  # 2026-03-01T10:00:00Z
ZURICH = ZoneInfo("Europe/Zurich")


# ---- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "largest", "label"),
    [
        ("A", 3e-6, "µA"), ("A", 0.9999, "mA"), ("A", 1.0, "A"), ("A", 0.001, "mA"), ("V", 3.3, "V"), ("W", 0.0, "W"),
        ("mA", 5.0, "mA"), ("mA", 2e3, "A"), ("uA", 0.5, "nA"), ("Hz", 2e6, "MHz"), ("A", 1e-20, "fA"),
        ("°C", 0.001, "°C"), ("%", 1e4, "%"), ("", 5e6, ""), ("min", 1e-3, "min"), ("A", np.nan, "A"),
    ],
)  # fmt: skip
def test_an_axis_takes_the_prefix_of_its_largest_value(units, largest, label):
    unit = AxisUnit.of(units, largest)
    assert unit.label == label
    if label != units:
        assert 1 - 1e-6 <= largest * unit.factor < 1000 or unit.label == "fA"


def test_trailing_zeros_of_whole_numbers_stay():
    """Trimming zeros by a pattern once turned 150 mA into 15 mA."""
    assert numbers([0, 50, 100, 150]) == ["0", "50", "100", "150"]
    assert with_prefix(0.15, "A") == "150 mA"


@given(st.floats(-1e6, 1e6), st.integers(-9, 6), st.sampled_from([1, 2, 2.5, 5]), st.integers(2, 9))
def test_numbers_are_distinct_and_as_long_as_they_need_to_be(start, power, factor, count):
    step = factor * 10.0**power
    first = round(start / step)
    ticks = [(first + i) * step for i in range(count)]
    made = [float(text.replace("−", "-")) for text in numbers(ticks)]
    assert len(set(made)) == count
    assert np.allclose(made, ticks, rtol=0, atol=0.01 * step + 1e-9)


# ---- time ----------------------------------------------------------------------------------------------------------


@given(
    st.integers(0, 200 * 86_400 * 10**9), st.integers(50, 10**16), st.integers(2, 12),
    st.sampled_from(["UTC", "Europe/Zurich", "Asia/Kathmandu", "America/New_York", "seconds"]),
)  # fmt: skip
def test_ticks_lie_inside_and_are_called_differently(offset, span_ns, most, where):
    """From 50 ns to months, in any zone, over changes of the clocks: but for the hour that a zone repeats."""
    scale = ElapsedTime(offset / 1e9) if where == "seconds" else ZonedTime(START + offset, zone(where))
    high = span_ns / 1e9
    ticks = scale.ticks(0, high, most)
    assert len(ticks) <= most + 1
    assert all(-1e-9 <= tick <= high * (1 + 1e-9) + 1e-9 for tick in ticks)
    assert ticks == sorted(set(ticks))
    labels = scale.labels(ticks, 0)
    if len(ticks) > 1 and ticks[1] - ticks[0] < 3600 and ticks[-1] - ticks[0] < 23 * 3600:
        assert len(set(labels)) >= len(ticks) - 2
    assert max(map(len, labels), default=0) <= 12


def test_ten_microseconds_of_2026():
    scale = ZonedTime(START + 123_456_789, zone("UTC"))
    ticks = scale.ticks(0, 10e-6, 9)
    assert scale.labels(ticks, 0) == ["458", "460", "462", "464", "466"]
    assert scale.title(ticks, 0, 10e-6) == "µs after 10:00:00.123 on 2026-03-01, UTC"
    assert START + 123_456_789 + round(ticks[0] * 1e9) == START + 123_458_000


def test_a_window_over_the_end_of_a_millisecond_counts_on():
    scale = ZonedTime(START + 999_996_000, zone("UTC"))
    ticks = scale.ticks(0, 8e-6, 4)
    assert scale.labels(ticks, 0) == ["996", "998", "1000", "1002", "1004"]
    assert "10:00:00.999 " in scale.title(ticks, 0, 8e-6)


def test_hundred_nanoseconds():
    scale = ZonedTime(START + 1_500, zone("UTC"))
    ticks = scale.ticks(0, 100e-9, 5)
    assert scale.labels(ticks, 0) == ["500", "520", "540", "560", "580", "600"]
    assert scale.title(ticks, 0, 100e-9) == "ns after 10:00:00.000001 on 2026-03-01, UTC"


def test_labels_are_local_and_dates_stand_at_local_midnight():
    scale = ZonedTime(START, ZURICH)
    ticks = scale.ticks(0, 2 * 86_400, 8)
    assert scale.labels(ticks, 0)[:5] == ["12:00", "18:00", "2 Mar", "06:00", "12:00"]
    assert scale.title(ticks, 0, 2 * 86_400) == "time of day, 2026-03-01 to 2026-03-03, CET"


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_midnights_stay_midnights_when_the_clocks_change(day):
    origin = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZURICH)
    scale = ZonedTime(round(origin.timestamp()) * 10**9, ZURICH)
    ticks = scale.ticks(-86_400, 3 * 86_400, 5)
    times = [datetime.fromtimestamp(origin.timestamp() + tick, ZURICH) for tick in ticks]
    assert {(time.hour, time.minute) for time in times} == {(0, 0)}
    assert "CET/CEST" in (title := scale.title(ticks, -86_400, 3 * 86_400)) or "CEST/CET" in title


def test_the_zone_of_this_computer_is_the_default():
    here = datetime.fromtimestamp(START // 10**9, UTC).astimezone()
    scale = ZonedTime(START, zone(None))
    assert scale.labels([0.0, 60.0], 0)[0] == f"{here:%H:%M}"


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", ""])
def test_a_zone_that_does_not_exist_is_an_error(name):
    with pytest.raises(SelectionError, match="no time zone"):
        zone(name)


@pytest.mark.parametrize(
    ("origin", "low", "high", "labels", "title"),
    [
        (0, 0, 0.04, ["0", "10", "20", "30", "40"], "time since the first sample (ms)"),
        (0, 0, 4, ["0", "1", "2", "3", "4"], "time since the first sample (s)"),
        (0, 0, 4e-6, ["0", "1", "2", "3", "4"], "time since the first sample (µs)"),
        (3600, 0, 40, ["1:00:00", "1:00:10", "1:00:20", "1:00:30", "1:00:40"], "time since the first sample (h:mm:ss)"),
        (0, 0, 7200, ["0:00", "0:30", "1:00", "1:30", "2:00"], "time since the first sample (h:mm)"),
        (-2, 0, 4, ["−2", "−1", "0", "1", "2"], "time since the first sample (s)"),
        (86_400, 0, 4e-6, ["0", "1", "2", "3", "4"], "µs after 86400.000 s since the first sample"),
    ],
)
def test_seconds_take_a_prefix(origin, low, high, labels, title):
    scale = ElapsedTime(origin)
    ticks = scale.ticks(low, high, 4)
    assert scale.labels(ticks, low) == labels
    assert scale.title(ticks, low, high) == title


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ns"), (59.99, "59.99 s"), (61, "1 min 1 s"), (3600, "1 h"), (3 * 86_400 + 5, "3 d"), (2e-9, "2 ns")],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text
