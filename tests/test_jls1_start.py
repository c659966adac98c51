"""When a JLS v1 recording began, as whoever opens it tells: any moment that int64 holds in ns, and no other."""

import numpy as np
import pytest

import xjls
from xjls.errors import SelectionError
from xjls.testing.jls1 import Definition, words_of, write_jls1


@pytest.fixture
def target(tmp_path):
    return tmp_path / "run.jls"


@pytest.mark.parametrize(
    "moment",
    [
        "9999-01-01", "1600-01-01", "2262-12-01", "1677-01-01T00:00:00", np.datetime64("9999-01-01"),
        np.datetime64("1500-01-01T00:00:00"), "9999-12-31T23:59:59.999999999+14:00",
    ],
    ids=str,
)  # fmt: skip
def test_a_start_that_has_no_nanoseconds_is_refused(target, moment):
    write_jls1(target, Definition(words=words_of([3] * 100)))
    with pytest.raises(SelectionError, match=r"is no time.*Give a year from 1678 to 2261"):
        xjls.open_recording(target, format_options={"start": moment})


def test_a_name_that_tells_of_no_such_year_is_refused(tmp_path):
    path = write_jls1(tmp_path / "99990101_000000.jls", Definition(words=words_of([3] * 100)))
    with pytest.raises(SelectionError, match=r"is no time.*Give a year from 1678 to 2261"):
        xjls.open_recording(path, format_options={"start": "name"})


@pytest.mark.parametrize("digits", range(13))
def test_a_start_may_have_any_number_of_digits(target, digits):
    """Those behind the ninth are left out."""
    write_jls1(target, Definition(words=words_of([3] * 100)))
    fraction = "123456789012"[:digits]
    moment = "2021-03-04T05:06:07" + ("." + fraction if digits else "")
    with xjls.open_recording(target, format_options={"start": moment}) as recording:
        told = recording.reader.ties(recording.signal("current"))[0].time_ns
        assert told == np.datetime64("2021-03-04T05:06:07", "ns").astype("i8") + int(fraction[:9].ljust(9, "0"))


@pytest.mark.parametrize("moment", ["1679-01-01T00:00:00", "2261-01-01T00:00:00", "1970-01-01T00:00:00+00:00"])
def test_a_start_of_any_other_year_is_that(target, moment):
    write_jls1(target, Definition(words=words_of([3] * 100)))
    with xjls.open_recording(target, format_options={"start": moment}) as recording:
        told = np.datetime64(recording.reader.ties(recording.signal("current"))[0].time_ns, "ns")
        assert told == np.datetime64(moment[:19], "ns")
