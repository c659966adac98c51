"""Notes beside a recording: sidecars that are written, gone on with, damaged, of other programs, and of any rate."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import xjls
from xjls.errors import DamageWarning, SelectionError
from xjls.formats.jls2.wire import Tag
from xjls.formats.notes import notes_beside, sidecar_of, sidecars, write_beside
from xjls.model.annotation import Tie, text_at
from xjls.model.signal import Signal, Source
from xjls.testing import write_demo

BEGIN_NS = 1_772_359_200_000_000_000
FIRST_ID = 7
SOURCE = Source(id=1, name="logger", vendor="acme", serial_number="5")
RATES = [Fraction(1, 3), Fraction(3, 2), Fraction(5 * 10**9), Fraction(10**9, 12), Fraction(1000)]


@pytest.fixture
def run(tmp_path):
    """Give a JLS recording of half a second."""
    with xjls.open_recording(write_demo(tmp_path / "run.jls", seconds=0.5)) as recording:
        yield recording


def slow(rate_hz, **facts):
    signal = {"id": 3, "name": "slow", "units": "A", "dtype": np.dtype("f4"), "stored_type": "f32", **facts}
    return Signal(rate_hz=rate_hz, source=SOURCE, **signal)


def write_slow(path, rate_hz, *, tied=(FIRST_ID, FIRST_ID + 600)):
    """Write a recording of a thousand samples at some rate, some of them tied to UTC."""
    with xjls.new_recording(path) as sink:
        sink.add_source(SOURCE)
        sink.add_signal(slow(rate_hz))
        sink.write("slow", FIRST_ID, np.arange(1000, dtype="f4"))
        for at in tied:
            sink.tie("slow", Tie(sample_id=at, time_ns=BEGIN_NS + round((at - FIRST_ID) * 10**9 / rate_hz)))
    return xjls.open_recording(path)


def texts(notes):
    return [note.data for note in notes]


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


def annotation_offset(path, number):
    """Return where the chunk of an annotation of ``current`` is."""
    from xjls.formats.jls2.reader import Jls2Reader

    reader = Jls2Reader(str(path))
    signal_id = reader.describe("current").id
    start = reader.definitions.heads[signal_id, Tag.ANNOTATION_HEAD][0]
    offsets = [chunk.offset for chunk, _ in reader.records(start, Tag.ANNOTATION_DATA, signal_id)]
    reader.close()
    return offsets[number]


def test_one_sidecar_takes_all_notes(run):
    whole = text_at("", None, "of all", time_ns=BEGIN_NS)
    assert write_beside(run, [text_at("current", 500, "a"), whole]) == sidecar_of(run)
    assert write_beside(run, [text_at("voltage", 3, "b"), text_at("current", 4, "c")]) == sidecar_of(run)
    found = {(note.signal, note.data): note for note in notes_beside(run)}
    assert set(found) == {("current", "a"), ("", "of all"), ("voltage", "b"), ("current", "c")}
    assert found["current", "a"].sample_id == 500
    assert found["current", "a"].time_ns == run.clock("current").time(500)
    assert found["", "of all"] == whole
    assert sidecars(run) == [sidecar_of(run)]
    assert xjls.open_recording(sidecar_of(run)).status.complete


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("utc", [True, False])
def test_any_rate_comes_back_to_the_sample(tmp_path, rate_hz, utc):
    recording = write_slow(tmp_path / "run.zarr", rate_hz, **({} if utc else {"tied": ()}))
    ids = [FIRST_ID, FIRST_ID + 1, 313, FIRST_ID + 999]
    path = write_beside(recording, [text_at("slow", at, str(at)) for at in ids[:2]])
    assert write_beside(recording, [text_at("slow", at, str(at)) for at in ids[2:]]) == path
    clock = recording.clock("slow")
    wanted = [(at, clock.time(at) if utc else None, str(at)) for at in ids]
    again = xjls.open_recording(tmp_path / "run.zarr")
    assert [(note.sample_id, note.time_ns, note.data) for note in notes_beside(again)] == wanted
    beside = xjls.open_recording(path)
    assert beside.signal("slow").rate_hz == rate_hz
    assert [(note.sample_id, note.data) for note in beside.annotations] == [(at, str(at)) for at in ids]
    assert [note.time_ns is not None for note in beside.annotations] == [utc] * 4
    assert beside.status.complete


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("tied", [(FIRST_ID,), (FIRST_ID, FIRST_ID + 600), (FIRST_ID + 999,)])
def test_oracle_finds_the_time_of_a_note(tmp_path, rate_hz, tied):
    pyjls = pytest.importorskip("pyjls")
    recording = write_slow(tmp_path / "run.zarr", rate_hz, tied=tied)
    ids = [FIRST_ID, 300, 800, FIRST_ID + 999]
    path = write_beside(recording, [text_at("slow", at, str(at)) for at in ids])
    found = []
    with pyjls.Reader(str(path)) as reader:
        number = next(i for i, signal in reader.signals.items() if signal.name == "slow")
        reader.annotations(number, 0, lambda at, _y, _kind, _group, text: found.append((at, text)) or False)
        times = [reader.sample_id_to_timestamp(number, at) for at, _ in found]
    assert found == [(at, str(at)) for at in ids]
    for at, time in zip(ids, times, strict=True):
        time_ns = (1_514_764_800 << 30) * 10**9 + time * 10**9 >> 30
        assert abs(time_ns - recording.clock("slow").time(at)) <= 2


def test_a_sidecar_of_such_a_rate_takes_no_samples(tmp_path):
    recording = write_slow(tmp_path / "run.zarr", Fraction(1, 3))
    path = write_beside(recording, [text_at("slow", 9, "here")])
    with (
        pytest.raises(SelectionError, match=r"has 0\.333333 samples a second, and JLS keeps whole numbers"),
        xjls.continue_recording(path) as sink,
    ):
        sink.write("slow", 0, np.zeros(3, "f4"))


def test_times_alone_are_placed_on_samples(run):
    time_ns = run.clock("current").time(1234)
    write_beside(run, [text_at("current", None, "then", time_ns=time_ns)])
    assert [(note.sample_id, note.time_ns) for note in notes_beside(run)] == [(1234, time_ns)]


@pytest.mark.parametrize("harm", ["head", "cut", "empty", "text", "definition", "folder", "link"])
def test_a_damaged_sidecar_stays_and_the_next_one_takes_notes(run, harm):
    first = write_beside(run, [text_at("current", 1, "one"), text_at("current", 2, "two")])
    if harm == "head":
        flip(first, 3)
    elif harm == "cut":
        first.write_bytes(first.read_bytes()[: annotation_offset(first, 1) + 40])
    elif harm == "empty":
        first.write_bytes(b"")
    elif harm == "text":
        flip(first, annotation_offset(first, 1) + 32 + 29)
    elif harm == "definition":
        flip(first, 0x60)
    else:
        first.unlink()
        first.mkdir() if harm == "folder" else first.symlink_to(first.with_name("nowhere"))
    before = first.read_bytes() if first.is_file() else None
    second = write_beside(run, [text_at("current", 3, "three")])
    assert second.name == "run.anno2.jls"
    assert write_beside(run, [text_at("voltage", 4, "four")]) == second
    assert (first.read_bytes() if first.is_file() else None) == before
    with pytest.warns(DamageWarning, match=r"run\.anno\.jls") as caught:
        notes = notes_beside(run)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    if harm not in ("folder", "link"):
        assert "byte" in str(caught[0].message)
    whole = {"text": ["one"], "cut": ["one"], "definition": ["one", "two"]}
    assert texts(notes) == [*whole.get(harm, []), "three", "four"]


def test_all_sidecars_are_read_in_order(run):
    for number in range(1, 12):
        if number > 1:
            previous = sidecar_of(run, number - 1)
            previous.rename(previous.with_suffix(".kept"))
            previous.write_bytes(b"")
        assert write_beside(run, [text_at("current", number, str(number))]) == sidecar_of(run, number)
    for number in range(1, 11):
        path = sidecar_of(run, number)
        path.with_suffix(".kept").replace(path)
    sidecar_of(run).with_name("run.annotated.jls").write_bytes(b"no sidecar")
    assert texts(notes_beside(run)) == [str(number) for number in range(1, 12)]


def test_a_sidecar_that_is_written_by_another_process_is_let_alone(run):
    first = write_beside(run, [text_at("current", 1, "one")])
    with xjls.continue_recording(first) as sink:
        assert write_beside(run, [text_at("current", 2, "two")]).name == "run.anno2.jls"
        sink.annotate(text_at("current", 3, "three"))
    assert texts(notes_beside(run)) == ["one", "three", "two"]


def test_other_programs_sidecars_count_on_a_grid_of_their_own(run):
    """As Joulescope's program writes them: a nominal rate, sample ids from 0, and ties for the time."""
    origin_ns, rate_hz = run.clock("current").time(1000), 1_000_000
    path = sidecar_of(run)
    with xjls.new_recording(path) as sink:
        sink.add_source(SOURCE)
        sink.add_signal(slow(Fraction(rate_hz), name="current", id=1))
        for at in (0, rate_hz):
            sink.tie("current", Tie(sample_id=at, time_ns=origin_ns + at * 1000))
        sink.annotate(text_at("current", 200, "theirs"))
    before = path.read_bytes()
    assert write_beside(run, [text_at("current", 5, "ours")]).name == "run.anno2.jls"
    theirs, ours = notes_beside(run)
    assert path.read_bytes() == before
    assert theirs.time_ns == origin_ns + 200_000
    assert theirs.sample_id == 1000 + 200_000 * run.signal("current").rate_hz // 10**9
    assert (ours.sample_id, ours.data) == (5, "ours")


def test_sample_ids_without_ties_are_the_recordings_where_the_rate_is(run):
    signal = run.signal("current")
    with xjls.new_recording(sidecar_of(run)) as sink:
        sink.add_source(signal.source)
        sink.add_signal(signal)
        sink.annotate(text_at("current", 200, "by id"))
    with xjls.new_recording(sidecar_of(run, 2)) as sink:
        sink.add_source(SOURCE)
        sink.add_signal(slow(Fraction(50), name="current"))
        sink.annotate(text_at("current", 200, "on no grid of ours"))
    assert [(note.sample_id, note.data) for note in notes_beside(run)] == [(200, "by id"), (None, "on no grid of ours")]


def test_a_recording_without_sidecars_has_none(run, tmp_path):
    assert notes_beside(run) == []
    (tmp_path / "else").mkdir()
    moved = xjls.open_recording(run.path)
    moved.path = str(tmp_path / "gone" / "run.jls")
    assert sidecars(moved) == []
    moved.path = "s3://lab/run.jls"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert notes_beside(moved) == []
