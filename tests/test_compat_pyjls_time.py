"""Times as code written for pyjls counts on them: each test holds for pyjls and for xjls.compat.pyjls alike."""

import datetime
import inspect

import numpy as np
import pyjls
import pytest

import xjls.compat.pyjls as compat

SECOND = 1 << 30


@pytest.fixture(params=[pyjls, compat], ids=["pyjls", "xjls"])
def lib(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run.jls")


def collected(call, *args):
    """Return what a callback is called with."""
    found = []
    call(*args, found.append)
    return found


def tied(lib, path, offset=0, count=100, **how):
    """Write a tie a second, the first after a common year, with the first sample."""
    rate = 1_000_000
    with lib.Writer(path) as writer:
        writer.source_def(1, name="bench")
        writer.signal_def(3, 1, sample_rate=rate, name="current", **how)
        writer.fsr(3, offset, np.arange(4, dtype="f4"))
        for number in range(count):
            writer.utc(3, number * rate + offset, number * SECOND + lib.time64.YEAR)
    return np.array([(n * rate, n * SECOND + lib.time64.YEAR) for n in range(count)])


@pytest.mark.parametrize("offset", [0, 1_000_000])
def test_utc_pairs_come_back_zero_based(lib, path, offset):
    pairs = tied(lib, path, offset)
    year = lib.time64.YEAR
    with lib.Reader(path) as reader:
        assert reader.signals[3].sample_id_offset == offset
        assert np.array_equal(np.concatenate(collected(reader.utc, 3, 0)), pairs)
        assert reader.sample_id_to_timestamp(3, 0) == year
        assert reader.timestamp_to_sample_id(3, year) == 0
        times = reader.sample_id_to_timestamp(3, (0, 1_000_000))
        assert (times.dtype, times.tolist()) == (np.int64, [year, year + SECOND])
        assert reader.timestamp_to_sample_id(3, times).tolist() == [0, 1_000_000]
        assert type(reader.sample_id_to_timestamp(3, np.int64(5))) is type(reader.timestamp_to_sample_id(3, 5)) is int


def test_utc_pairs_begin_at_a_place(lib, path):
    pairs = tied(lib, path)
    with lib.Reader(path) as reader:
        assert np.array_equal(np.concatenate(collected(reader.utc, 3, int(pairs[50, 0]))), pairs[50:])
        assert np.array_equal(np.concatenate(collected(reader.utc, 3, int(pairs[50, 0]) - 1)), pairs[50:])
        assert collected(reader.utc, 3, int(pairs[-1, 0]) + 1) == []


def test_utc_pairs_arrive_in_blocks(lib, path):
    tied(lib, path, count=37, utc_decimate_factor=10)
    with lib.Reader(path) as reader:
        blocks = collected(reader.utc, 3, 5_000_000)
        assert [len(block) for block in blocks] == [5, 10, 10, 7]
        assert (blocks[0].dtype, blocks[0].shape) == (np.int64, (5, 2))
        seen = []
        reader.utc(3, 0, lambda block: seen.append(len(block)) or len(seen) == 2)
        assert seen == [10, 10]


def test_the_time_map_is_indexed(lib, path):
    pairs = tied(lib, path)
    with lib.Reader(path) as reader:
        assert reader.time_map_length(3) == 100
        whole = reader.time_map_get(3)
        assert np.array_equal(whole["sample_id"], pairs[:, 0])
        assert np.array_equal(whole["timestamp"], pairs[:, 1])
        assert reader.time_map_get(3, 5).tolist() == [tuple(pairs[5])]
        assert reader.time_map_get(3, -1).tolist() == [tuple(pairs[99])]
        for index in [(90, 95), (90, -5), (-10, -5), (-10, 95), [90, 95]]:
            assert reader.time_map_get(3, index).tolist() == whole[90:95].tolist()
        assert len(reader.time_map_get(3, (3, 2))) == len(reader.time_map_get(3, (3, 3))) == 0
        with pytest.raises(ValueError, match=r"are asked for, there are 100|out of range"):
            reader.time_map_get(3, 100)
        with pytest.raises(ValueError, match=r"are asked for, there are 100|out of range"):
            reader.time_map_get(3, (0, 101))


def test_a_time_map_is_a_view_of_its_reader(lib, path):
    pairs = tied(lib, path)
    with lib.Reader(path) as reader:
        with lib.TimeMap(reader, 3) as times:
            assert len(times) == 100
        assert len(times) == 100, "it does not close its reader"
        assert times.sample_id_to_timestamp(pairs[5, 0]) == pairs[5, 1]
        assert np.array_equal(times.sample_id_to_timestamp(pairs[:, 0]), pairs[:, 1])
        assert times.timestamp_to_sample_id(pairs[5, 1]) == pairs[5, 0]
        assert np.array_equal(times.timestamp_to_sample_id(pairs[:, 1]), pairs[:, 0])
        assert times.time_map_get((90, -5)).tolist() == times.time_map_get()[90:95].tolist()


def test_times_are_rounded_to_the_nearest(lib, path):
    with lib.Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(3, 1, sample_rate=1000)
        writer.fsr(3, 100, np.zeros(10, "f4"))
        writer.utc(3, 100, SECOND)
        writer.utc(3, 1100, 2 * SECOND + 7)
    with lib.Reader(path) as reader:
        ids = [0, 1, 500, -100, -1000, 2000]
        times = [1_073_741_824, 1_074_815_566, 1_610_612_740, 966_367_641, -7, 3_221_225_486]
        assert reader.sample_id_to_timestamp(3, ids).tolist() == times
        assert [reader.timestamp_to_sample_id(3, time) for time in times] == ids
        assert reader.timestamp_to_sample_id(3, 1e9) == -69
        assert reader.sample_id_to_timestamp(3, []).tolist() == []


def test_a_signal_without_pairs_begins_in_2018(lib, path):
    with lib.Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(3, 1, sample_rate=1000)
        writer.fsr(3, 500, np.zeros(10, "f4"))
    with lib.Reader(path) as reader:
        assert (reader.time_map_length(3), reader.time_map_get(3).tolist()) == (1, [(0, 0)])
        assert reader.sample_id_to_timestamp(3, 1000) == SECOND
        assert reader.timestamp_to_sample_id(3, SECOND) == 1000


def test_times_convert(lib):
    time64 = lib.time64
    units = [time64.SECOND, time64.MINUTE, time64.HOUR, time64.DAY, time64.YEAR]
    assert [unit // SECOND for unit in units] == [1, 60, 3600, 86_400, 365 * 86_400]
    now = datetime.datetime.now(tz=datetime.UTC)
    assert time64.as_timestamp(time64.as_time64(now.timestamp())) == now.timestamp()
    assert time64.as_datetime(time64.as_time64(now.timestamp())) == now
    assert abs(time64.now() - time64.as_time64(now)) < time64.MINUTE
    assert lib.utc_to_jls(1_514_764_800.25) == SECOND // 4
    assert lib.jls_to_utc(SECOND // 4) == 1_514_764_800.25
    assert lib.utc_to_jls(0) == -1_514_764_800 * SECOND


def test_constants_of_time_are_the_same():
    names = [name for name in vars(pyjls.time64) if name.isupper()]
    assert {n: getattr(compat.time64, n) for n in names} == {n: getattr(pyjls.time64, n) for n in names}
    calls = [name for name, value in vars(pyjls.time64).items() if inspect.isfunction(value) and name[0] != "_"]
    for name in calls:
        ours, theirs = (inspect.signature(getattr(module.time64, name)) for module in (compat, pyjls))
        assert list(ours.parameters) == list(theirs.parameters), name


def test_files_are_named_by_time(lib):
    start = datetime.datetime(2023, 4, 5, 6, 7, 8, tzinfo=datetime.UTC)
    assert lib.time64.filename("_x.txt", start) == "20230405_060708_x.txt"
    assert lib.time64.filename(t=lib.time64.as_time64(start)) == "20230405_060708.jls"
    assert lib.time64.filename().endswith(".jls")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(1, 1), (1.5, 1.5), ("1", 1), ("1s", 1), ("1.5", 1.5), ("1.5s", 1.5), ("1m", 60), ("1.5m", 90), ("1h", 3600),
     ("1d", 86_400)],
)  # fmt: skip
def test_durations_have_units(lib, text, seconds):
    assert lib.time64.duration_to_seconds(text) == seconds


@pytest.mark.parametrize("text", [None, "", "hello"])
def test_durations_that_are_none_are_refused(lib, text):
    with pytest.raises(ValueError, match=r"no duration|convert"):
        lib.time64.duration_to_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "2018-01-01T00:00:00.000000Z"), (1, "2018-01-01T00:00:01.000000Z"), (86_400, "2018-01-02T00:00:00.000000Z"),
     (365 * 86_400, "2019-01-01T00:00:00.000000Z"), (5_743_353_600, "2200-01-01T00:00:00.000000Z")],
)  # fmt: skip
def test_times_are_text(lib, seconds, text):
    assert lib.time64.as_time64(text) == seconds * SECOND
    assert lib.time64.as_isostr(text) == lib.time64.as_isostr(seconds * SECOND) == text
