"""Zarr stores that grow for long: a flush costs what is new, and times and gaps are those of all that was told."""

import sys
from fractions import Fraction

import numpy as np
import pytest
import zarr
from hypothesis import example, given, settings
from hypothesis import strategies as st

import xjls
from tests.zarr_stores import begun, described, make_small, note, size_of
from xjls.formats.zarr import objects, pages, root
from xjls.formats.zarr.folder import LocalFolder
from xjls.formats.zarr.skipping import GrowingGaps
from xjls.formats.zarr.ties import TieList
from xjls.formats.zarr.times import TieLine, tie_points
from xjls.model.annotation import Tie, UserData
from xjls.model.clock import Clock
from xjls.model.window import Gap, Gaps, Window

SECOND = 10**9
EPOCH = 1_772_000_000 * SECOND


@pytest.fixture
def small(monkeypatch):
    """Make objects so small that little has many."""
    make_small(monkeypatch)


def calls_of(work):
    """Return how many functions, of Python and below it, some work calls."""
    calls = 0

    def count(frame, event, value):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


# ---- what it costs -------------------------------------------------------------------------------------------------


def test_twice_as_many_gaps_are_twice_the_work(tmp_path):
    """Of writing, flushing, opening, reading and asking: 20 000 gaps, and half of them."""

    def write(store, n):
        with begun(store, described("x"), described("y", "i16", number=2)) as writer:
            for i in range(n):
                writer.write("x", i * 8, np.ones(7, "f4"))
                writer.write("y", i * 8, np.ones(7, "i2"))
            writer.flush()

    def read(store, n):
        with xjls.open_recording(store) as recording:
            for name in ("x", "y"):
                assert len(recording.skipped(name)) == n - 1
                assert recording.statistics(name).count == 7 * n
                assert recording.columns(name, None, 50).count.sum() == 7 * n
            for start in range(0, 8 * n - 80, 80):
                assert len(recording.read_with_gaps("y", (start, start + 80))[1]) == 10

    costs = []
    for n in (10_000, 20_000):
        store = tmp_path / f"{n}.zarr"
        write(tmp_path / f"warm-{n}.zarr", 100)
        costs.append((calls_of(lambda s=store, n=n: write(s, n)), calls_of(lambda s=store, n=n: read(s, n))))
    for half, whole in zip(*costs, strict=True):
        assert whole < 2.2 * half


class Counting(LocalFolder):
    """A folder that counts the bytes that it takes."""

    n_bytes = 0

    def put(self, key, parts):
        self.n_bytes += sum(map(len, parts))
        super().put(key, parts)


def test_a_flush_costs_what_is_new(tmp_path):
    """A tie and a note a second, a gap each minute: an hour and ten hours into it, where there is one level more."""
    folder = Counting(str(tmp_path / "run.zarr"))
    writer = begun(folder, described("x", rate=2), described("y", "u8", number=2, rate=2))

    def go(start, stop):
        for second in range(start, stop):
            for name in ("x", "y"):
                writer.tie(name, Tie(sample_id=2 * second, time_ns=EPOCH + second * SECOND + second % 7))
                gap = second % 60 == 0
                writer.write(name, 2 * second + gap, np.ones(2 - gap, "f4" if name == "x" else "u1"))
            writer.annotate(note(2 * second))
            writer.add_user_data(UserData(meta=1, data="x" * 10))

    costs = []
    for start, stop in ((0, 4200), (4200, 41_064)):  # as many ties over whole chunks
        go(start, stop - 5)
        writer.flush()
        go(stop - 5, stop)
        before = folder.n_bytes
        calls = calls_of(writer.flush)
        costs.append((calls, folder.n_bytes - before))
    writer.close()
    for early, late in zip(*costs, strict=True):
        assert late < 2 * early
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert len(recording.annotations) == len(recording.user_data) == len(recording.ties("x")) == 41_064
        assert len(recording.skipped("y")) == 41_064 // 60
        assert len((tmp_path / "run.zarr/zarr.json").read_bytes()) < 200_000


def test_a_look_at_a_growing_store_costs_one_object(tmp_path, monkeypatch, small):
    writer = begun(tmp_path / "run.zarr")
    opened, path = [], str(tmp_path / "run.zarr")
    real = root.open_storage
    for module in (root, objects, pages):
        monkeypatch.setattr(module, "open_storage", lambda path, *how: (opened.append(str(path)), real(path, *how))[1])
    recording = None
    for step in range(5):
        writer.write("x", step * 6000, np.ones(5990, "f4"))
        for i in range(10):
            writer.annotate(note(i))
        writer.flush()
        if recording is None:
            recording = xjls.open_recording(path)
        else:
            assert recording.refresh()
        assert recording.signal("x").length == step * 6000 + 5990
        assert recording.status.size_bytes > 0
        assert opened == [f"{path}/zarr.json"]
        opened.clear()
    assert len(recording.annotations) == 50
    assert f"{path}/records/annotations/c.0" in opened
    writer.abandon()


# ---- times ---------------------------------------------------------------------------------------------------------

AHEAD = st.one_of(st.just(0), st.integers(1, 60), st.integers(200, 900), st.integers(-500, -1))
"""Samples from the latest tie to the next: it is replaced, or beside, or in another entry; or the next is too late."""
STEPS = st.lists(
    st.tuples(st.lists(st.tuples(AHEAD, st.integers(-5, 5)), max_size=6), st.integers(0, 900)), min_size=1, max_size=12
)


@settings(max_examples=300)
@example(steps=[([(200, 0), (754, 0)], 7), ([(1, 0), (1, 1), (1, 0), (1, 0)], 0), ([], 0)], step=7, first_id=0, chunk=1)
@given(steps=STEPS, step=st.sampled_from([1, 7, 100]), first_id=st.sampled_from([0, 12_345]), chunk=st.integers(1, 5))
def test_tie_points_that_grow_are_those_of_all_ties(steps, step, first_id, chunk):
    """Ties in any order, replaced, ahead of samples or hours before them: what is settled, and what is not yet."""
    rate_hz, told = Fraction(1, 10), TieList()  # of which an hour is 360 samples
    line, length, latest, stored = TieLine(first_id, rate_hz, step), 0, first_id - 800, []
    for more, samples in steps:
        for ahead, jitter in more:
            at = latest + ahead
            told.append(Tie(sample_id=at, time_ns=EPOCH + at * 10 * SECOND + jitter * 10**6))
            latest = max(at, latest)
        length += samples // step
        if not len(told):
            continue
        line, found = line.grown(told, length, chunk=chunk)
        pairs = told.pairs()
        clock = Clock.from_ties(pairs[:, 0], pairs[:, 1], rate_hz=rate_hz, first_id=first_id)
        whole = tie_points(clock, first_id, length, step)
        if whole is None:
            assert found is None
            continue
        assert found.before % chunk == 0
        stored[found.before :] = list(zip(found.positions.tolist(), found.times_ns.tolist(), strict=True))
        assert stored == list(zip(whole.positions.tolist(), whole.times_ns.tolist(), strict=True))


def test_what_is_settled_is_kept_short():
    """Of entries that cover a thousand ties, a week's ties leave a few."""
    line, told = TieLine(0, Fraction(1000), 1_000_000), TieList()
    for second in range(20_000):
        told.append(Tie(sample_id=second * 1000, time_ns=EPOCH + second * SECOND))
        if second % 100 == 99:
            line, points = line.grown(told, second // 1000 + 1, chunk=16)
            assert len(line.knots) < 8
            assert len(points.positions) < 20


def test_times_that_nanoseconds_cannot_tell_are_left_out(tmp_path):
    writer = begun(tmp_path / "run.zarr", described(rate=1))
    for i in range(3):
        writer.write("x", i * 1000, np.ones(1000, "f4"))
        writer.tie("x", Tie(sample_id=i * 1000, time_ns=2**63 - 10 - (2 - i) * 1000 * SECOND))
        writer.flush()
    writer.close()
    assert "coordinate_interpolation" not in zarr.open_group(tmp_path / "run.zarr", mode="r")["0/x"].attrs
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert len(recording.ties("x")) == 3


@pytest.mark.parametrize("how", ["alike", "apart", "in turn"])
def test_a_store_that_grew_tells_the_times_of_one_that_did_not(tmp_path, small, how):
    """Signals of one axis that are tied alike, that part, or of which one lags behind at every other flush."""
    samples = np.arange(300, dtype="f4")
    grown, once = (begun(tmp_path / name, described("x"), described("y", number=2)) for name in ("grown", "once"))
    late = []
    for i in range(60):
        for writer in (grown, once):
            for name in ("x", "y"):
                writer.write(name, i * 300, samples)
            writer.tie("x", Tie(sample_id=i * 300 + i % 5, time_ns=EPOCH + i * 300_000_000 + i * i))
        apart = how == "apart" and i > 20
        late.append(Tie(sample_id=i * 300 + i % 5 + apart, time_ns=EPOCH + i * 300_000_000 + i * i))
        if how != "in turn" or i % 2:
            for tie in late:
                for writer in (grown, once):
                    writer.tie("y", tie)
            late.clear()
        grown.flush()
        with xjls.open_recording(tmp_path / "grown") as recording:
            assert len(recording.ties("x")) == i + 1
            assert recording.status.size_bytes == size_of(tmp_path / "grown")
        assert_tells_the_time(tmp_path / "grown")
    grown.close()
    once.close()
    assert_tells_the_time(tmp_path / "grown")
    one, other = (xjls.open_recording(tmp_path / name) for name in ("grown", "once"))
    groups = [zarr.open_group(tmp_path / name, mode="r") for name in ("grown", "once")]
    for name in ("x", "y"):
        assert one.ties(name) == other.ties(name)
        for axis in ("0/time_tie_index", "0/time_tie_utc", "1/time_tie_index", "1/time_tie_utc"):
            assert np.array_equal(groups[0][axis][:], groups[1][axis][:])
    assert ("y" in groups[0]["ties"]) == (how == "apart")


def assert_tells_the_time(store):
    """Hold what zarr-python reads of tie points to the clock."""
    group = zarr.open_group(store, mode="r")
    with xjls.open_recording(store) as recording:
        clock = recording.clock("x", "y")
        for level, factor in ((0, 1), (1, 128)):
            if str(level) in group:
                at, utc = (group[f"{level}/time_tie_{what}"][:] for what in ("index", "utc"))
                assert utc.tolist() == clock.times(at * factor).tolist()
                assert at[-1] == group[f"{level}/x"].shape[0] - 1


# ---- gaps ----------------------------------------------------------------------------------------------------------


@given(
    pieces=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.sampled_from("ab")), max_size=12),
    start=st.integers(0, 60),
    length=st.integers(1, 30),
)
def test_gaps_that_grow_are_gaps(pieces, start, length):
    growing, all_of_them, at = GrowingGaps(), [], 0
    for before, size, reason in pieces:
        gap = Gap(Window(at + before, at + before + size), reason, skipped=True)
        growing.append(gap)
        all_of_them.append(gap)
        at = gap.window.stop
    gaps, window = Gaps(all_of_them), Window(start, start + length)
    assert (list(growing), len(growing)) == (list(gaps), len(gaps))
    assert tuple(growing.within(window)) == gaps.within(window)
    inside = {i for gap in gaps for i in range(gap.window.start, gap.window.stop)}
    assert growing.covers(window) == (set(range(window.start, window.stop)) <= inside)


def test_a_gap_that_the_medium_refuses_is_noted_as_far_as_it_is_counted(tmp_path, small):
    class Full(LocalFolder):
        left = 10_000

        def put(self, key, parts):
            if not self.left:
                raise OSError(28, "No space left on device", key)
            self.left -= 1
            super().put(key, parts)

    folder = Full(str(tmp_path / "run.zarr"))
    writer = begun(folder, described("x", "i16"))
    writer.write("x", 0, np.ones(10_000, "i2"))
    folder.left = 0
    with pytest.raises(OSError, match="No space left"):
        writer.skip("x", Gap(Window(10_000, 30_000), "off"))
    noted = [str(gap.window) for gap in writer._sampled("x").skipped]
    assert noted == ["10_000–12_288"]
    assert writer._sampled("x").next_id == 12_288
    folder.left = 10_000
    writer.skip("x", Gap(Window(12_288, 30_000), "still off"))
    writer.write("x", 30_000, np.ones(10, "i2"))
    writer.close()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert [(gap.window.length, gap.reason) for gap in recording.skipped("x")] == [
            (2288, "off"), (17_712, "still off"),
        ]  # fmt: skip
        assert recording.statistics("x").count == 10_010
        assert recording.check() == ()
    assert not (tmp_path / "run.zarr/0/x/c.4").exists()  # of two gaps, and so of no sample
