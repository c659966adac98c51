"""Recordings in memory: every scenario held to the laws, any calls against what they mean; reading while writing."""

import contextlib
import copy
import pickle
import threading
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.captures import running
from tests.zarr_stores import BENCH, FIRST_ID, NOTE, TIES, VALUES, described, note, truth
from xjls.backend.dataset import Choice, open_samples
from xjls.errors import SelectionError
from xjls.formats.carry import carry
from xjls.formats.memory import MemorySink
from xjls.model.annotation import Tie, UserData
from xjls.model.sample_type import SAMPLE_TYPES, dtype_of
from xjls.model.window import Gap, Window
from xjls.testing.laws import (
    LAWS,
    closing_twice_is_harmless,
    equal_values,
    levels_are_reductions,
    pickles_read_the_same,
    reduce_finite,
)
from xjls.testing.laws.answers import check_statistics
from xjls.testing.laws.comparing import assert_close
from xjls.testing.laws.expected import ExpectedSignal
from xjls.testing.scenarios import SCENARIOS

HOLED = {"lossy_omission", "omitted_tail", "unclosed_omission"}
"""Scenarios in which samples are lost: in memory they are samples that nobody delivered."""
WHOLE = [make.__name__ for make in SCENARIOS if make.__name__ not in HOLED]


def entries_are_exact(recording, expected):
    """Require of every level that its entries are those of their samples: its rows count, whatever is NaN below."""
    for signal in expected.signals.values():
        for level in recording.signal(signal.name).levels:
            found = recording.read_level(signal.name, level.index)
            wanted = reduce_finite(signal.samples, level.factor)
            scale = np.nanmax(np.abs(wanted), initial=1e-300)
            assert_close(found, wanted, f"{signal.name} level {level.index}", scale=scale if scale < np.inf else 1.0)


KEPT = [law for law in LAWS if law not in (levels_are_reductions, pickles_read_the_same)]
KEPT += [entries_are_exact, closing_twice_is_harmless]


def begun(*signals):
    sink = MemorySink()
    sink.add_source(BENCH)
    for one in signals or (described(),):
        sink.add_signal(one)
    return sink


@pytest.fixture
def small(monkeypatch):
    """Make blocks so small that some thousand samples have many."""
    monkeypatch.setattr("xjls.formats.memory.track.BLOCK_SAMPLES", 1024)
    monkeypatch.setattr("xjls.formats.memory.track.BLOCK_ROWS", 7)
    monkeypatch.setattr("xjls.formats.memory.summary.PIECE_ROWS", 3)
    monkeypatch.setattr("xjls.formats.memory.places.Places.block_samples", 1024)
    monkeypatch.setattr("xjls.formats.memory.places.Places.block_entries", 7)


# ---- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.usefixtures("small")
def test_every_law_holds(scenario, name):
    path, expected = scenario(name)
    sink = MemorySink()
    with xjls.open_recording(path, on_damage="gap") as recording, sink:
        carry(recording, sink)
    recording = sink.recording
    for law in KEPT:
        law(recording, expected)


def test_blocks_of_the_usual_size_keep_the_laws():
    sink = begun(*(described(name, kind, number=i) for i, (name, (_, kind, _)) in enumerate(VALUES.items())))
    for name, (samples, _, _) in VALUES.items():
        for start in range(0, len(samples), 7001):
            sink.write(name, FIRST_ID + start, samples[start : start + 7001])
    for sample_id, time_ns in TIES:
        sink.tie("x", Tie(sample_id=sample_id, time_ns=time_ns))
    sink.annotate(NOTE)
    for law in KEPT:
        law(sink.recording, truth())
    sink.abandon()


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "skip", "refresh"]), st.integers(-700, 3000), st.integers(0, 6000)), max_size=8
)


@pytest.mark.usefixtures("small")
@settings(max_examples=60)
@given(steps=STEPS, stored_type=st.sampled_from(["f32", "u1", "i16", "f64", "u4"]), first_id=st.integers(-5000, 5000))
def test_any_calls_make_the_recording_that_they_mean(steps, stored_type, first_id):
    """Blocks that continue, overlap or leave a gap, gaps that are told: the same as an array and a mask."""
    rng = np.random.default_rng(len(steps))
    samples, valid = [], []
    sink = begun(described("x", stored_type))
    recording = sink.recording
    recording.on_damage = "gap"
    for step, at, length in steps:
        if step == "skip":
            start = first_id + len(samples)
            sink.skip("x", Gap(Window(start, start + length), "switched off"))
            samples += [0] * length
            valid += [False] * length
        elif step == "write":
            block = values(rng, stored_type, length)
            begin = first_id + len(samples) + (at if samples else 0)
            sink.write("x", begin, block)
            fresh = block[max(first_id + len(samples) - begin, 0) :]
            missing = max(begin - first_id - len(samples), 0) if len(fresh) else 0
            samples += [0] * missing + fresh.tolist()
            valid += [False] * missing + [True] * len(fresh)
        else:
            recording.refresh()
            assert_is(recording, stored_type, first_id, samples, valid)
    sink.close()
    assert recording.refresh()
    assert recording.was_closed
    assert_is(recording, stored_type, first_id, samples, valid)


def values(rng, stored_type, length):
    if stored_type == "u1":
        return rng.integers(0, 2, length).astype("?")
    if stored_type == "u4":
        return rng.integers(0, 16, length).astype("u1")
    return rng.normal(0, 1000, length).astype(dtype_of(stored_type))


def assert_is(recording, stored_type, first_id, samples, valid):
    truth, valid = np.array(samples, dtype_of(stored_type)), np.array(valid, "?")
    found = recording.signal("x")
    assert found.length == len(truth)
    if not len(truth):
        return
    assert found.first_id == first_id
    truth[~valid] = np.nan if truth.dtype.kind == "f" else 0
    assert equal_values(recording.read("x"), truth)
    assert np.array_equal(recording.read_valid("x"), valid)
    lost = [(gap.window.start - first_id, gap.window.stop - first_id) for gap in recording.skipped("x")]
    expected = ExpectedSignal(name="x", units="A", rate_hz=1000, first_id=first_id, samples=truth, lost=tuple(lost))
    for window in ((None, None), (first_id + len(truth) // 3, first_id + len(truth) // 3 * 2)):
        statistics = recording.statistics("x", window)
        assert statistics.exact
        inside = valid[statistics.window.start - first_id : statistics.window.stop - first_id]
        assert (statistics.nan if truth.dtype.kind == "f" else statistics.lost) == (~inside).sum()
        check_statistics(recording, expected, statistics)
    columns = recording.columns("x", None, 7)
    assert int(columns.count.sum()) == valid.sum()


def test_a_gap_of_hours_takes_little_memory_and_time():
    sink = begun(described("x"), described("y", "i16", number=2))
    for name, dtype in (("x", "f4"), ("y", "i2")):
        sink.write(name, 0, np.ones(10, dtype))
        sink.write(name, 10**10, np.full(1000, 3, dtype))
    assert sink.gap_bytes("x", 10) == 40
    assert sink.gap_bytes("x", 10**9) < 10**6
    for name in ("x", "y"):
        track = sink._tracks[name]
        distinct = {id(block): block.nbytes for store in (track.samples, *track.levels) for block in store._blocks}
        assert sum(distinct.values()) < 4 * 10**6
    recording = sink.recording
    recording.on_damage = "gap"
    for name in ("x", "y"):
        assert recording.skipped(name) == (Gap(Window(10, 10**10), "not delivered", skipped=True),)
        found = recording.statistics(name, (10**10 - 5_000_000, None))
        assert (found.count, found.mean, found.exact) == (1000, 3, True)
        assert found.lost == (5_000_000 if name == "y" else 0)
        assert np.isnan(recording.read_level(name, 3, (5, 7))).all()
    sink.close()


# ---- what is not of samples ----------------------------------------------------------------------------------------


def test_annotations_ties_and_user_data_are_kept():
    sink = begun(described("x"), described("events", rate=0, number=2))
    sink.write("x", 5, np.zeros(10, "f4"))
    sink.tie("x", Tie(sample_id=5, time_ns=10**18))
    sink.annotate(note(7))
    sink.annotate(xjls.Annotation(signal="", sample_id=None, time_ns=5, kind="text", group=0, y=None, data="all"))
    sink.add_user_data(UserData(meta=1, data="mine"))
    recording = sink.recording
    assert [one.signal for one in recording.annotations] == ["", "x"]
    assert recording.annotations[1].time_ns == 10**18 + 2 * 10**6
    assert recording.user_data == (UserData(meta=1, data="mine"),)
    assert recording.check() == ()
    assert recording.status.complete is False
    assert recording.read("events").size == 0
    assert recording.signal("events").length == 0
    progress = []
    recording.check(lambda done, of: progress.append((done, of)))
    assert progress[0][0] == progress[0][1] == recording.status.size_bytes > 0
    sink.close()
    recording.refresh()
    assert recording.status.complete


# ---- reading while writing -----------------------------------------------------------------------------------------


def test_what_was_opened_before_stays_as_it_was():
    sink = begun()
    sink.write("x", 0, np.arange(1000, dtype="f4"))
    recording, later = sink.recording, sink.recording
    sink.write("x", 1000, np.arange(1000, 3000, dtype="f4"))
    assert later.refresh()
    assert not later.refresh()
    assert (recording.signal("x").length, later.signal("x").length) == (1000, 3000)
    assert recording.token != later.token
    assert recording.statistics("x").max == 999
    assert recording.read("x").tolist() == list(range(1000))
    sink.close()


def test_follow_yields_each_sample_once():
    sink = begun()
    seen = []
    written = iter(range(0, 5000, 500))

    def write_more(_seconds):
        if (start := next(written, None)) is None:
            sink.close()
        else:
            sink.write("x", start, np.arange(start, start + 500, dtype="f4"))

    recording = sink.recording
    for news in recording.follow(wait=write_more):
        seen += recording.read("x", news["x"]).tolist()
    assert seen == list(range(5000))


def test_threads_read_a_prefix_while_one_writes():
    sink = begun(described("x"), described("y", "i32", number=2))
    stop, failures, looks = threading.Event(), [], []

    def read():
        recording = sink.recording
        while not stop.is_set():
            recording.refresh()
            for name in ("x", "y"):
                if n := recording.signal(name).length:
                    found = recording.statistics(name)
                    if (found.count, found.min, found.max) != (n, 0, n - 1):
                        failures.append(found)
                    if not np.array_equal(recording.read(name, (max(n - 500, 0), n)), np.arange(max(n - 500, 0), n)):
                        failures.append(name)
                    looks.append(n)

    with running(read, read, stop=stop):
        deadline, at = time.monotonic() + 30, 0
        while (len(looks) < 50 or at < 200_000) and time.monotonic() < deadline and not failures:
            for name, dtype in (("x", "f4"), ("y", "i4")):
                sink.write(name, at, np.arange(at, at + 777).astype(dtype))
            at += 777
            time.sleep(0)  # lets the others have the interpreter
    sink.close()
    assert not failures
    assert len(looks) >= 50


def test_a_dataset_stays_as_it_was_opened():
    sink = begun()
    sink.write("x", 0, np.arange(5000, dtype="f4"))
    dataset = open_samples(sink.recording, Choice()).chunk(time=700)
    copied = copy.deepcopy(dataset)
    sink.write("x", 5000, np.full(5000, np.nan, "f4"))
    assert float(dataset.x.mean().compute(scheduler="threads")) == 2499.5
    assert dataset.x_x128.sizes == {"time_x128": 39, "statistic": 4}
    assert float(copied.x.max().compute()) == 4999
    assert dataset.time.values[-1] == 4.999
    sink.close()


def test_it_does_not_pickle_and_says_why():
    sink = begun()
    sink.write("x", 0, np.arange(1000, dtype="f4"))
    recording = sink.recording
    assert copy.deepcopy(recording).read("x").sum() == recording.read("x").sum()
    with pytest.raises(SelectionError, match=r"^memory:\d+ is in the memory of this process, and no other one can"):
        pickle.dumps(recording)
    sink.close()


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_nonsense_is_refused():
    sink = begun(described("x"), described("events", rate=0, number=2))
    samples = np.zeros(3, "f4")
    sink.write("x", 10, samples)
    refused = [
        (lambda: sink.add_source(BENCH), "source 3 is defined already"),
        (lambda: sink.add_signal(described("x", number=9)), "signal 9, 'x', is defined already"),
        (
            lambda: sink.add_signal(described("z", source=xjls.Source(id=9, name="no"))),
            "source 9 of 'z' is not defined",
        ),
        (lambda: sink.write("x", 13, samples.astype("f8")), r"samples are float64\[3\], those of 'x' are float32\[n\]"),
        (lambda: sink.write("y", 0, samples), "no signal 'y' is being written. Signals: x, events"),
        (lambda: sink.write("events", 0, samples), "'events' has annotations only"),
        (lambda: sink.annotate(note(0, signal="y")), "no signal 'y' is being written"),
        (lambda: sink.skip("x", Gap(Window(15, 20), "off")), "does not continue 'x', whose next sample is 13"),
        (lambda: sink.add_signal(described("w", number=5, scale=0.0)), "'w' has a scale of 0"),
    ]
    for call, message in refused:
        with pytest.raises(SelectionError, match=message):
            call()
    recording = sink.recording
    sink.close()
    sink.close()
    for call in (
        lambda: sink.write("x", 13, samples),
        sink.flush,
        lambda: sink.add_user_data(UserData(meta=1, data="")),
    ):
        with pytest.raises(ValueError, match="the sink is closed"):
            call()
    recording.close()
    with pytest.raises(ValueError, match="the recording is closed"):
        recording.read("x")


def test_what_raises_inside_leaves_it_unclosed():
    with contextlib.suppress(KeyError), begun() as sink:
        sink.write("x", 0, np.zeros(3, "f4"))
        raise KeyError
    assert not sink.recording.was_closed
    assert sink.recording.signal("x").length == 3


@pytest.mark.parametrize("stored_type", SAMPLE_TYPES)
def test_every_type_is_read_back(stored_type):
    samples = values(np.random.default_rng(1), "u1" if stored_type == "u1" else "f64", 3000)
    samples = np.abs(samples).clip(0, 7).astype(dtype_of(stored_type))
    with begun(described("x", stored_type)) as sink:
        sink.write("x", 3, samples)
    recording = sink.recording
    assert equal_values(recording.read("x"), samples)
    assert recording.statistics("x").mean == pytest.approx(samples.mean(dtype="f8"))
    assert recording.signal("x").rate_hz == Fraction(1000)
