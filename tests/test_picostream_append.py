"""PicoStream files that are gone on with, those of every age among them; and those that keep their last seconds."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest

import xjls
from xjls.cli.main import main
from xjls.errors import FormatError, LostSamplesError, SelectionError, UnsupportedError
from xjls.formats.picostream.medium import Medium
from xjls.formats.picostream.sink import PicoSink
from xjls.model.window import Gap, Window
from xjls.testing.picostream import VINTAGES, GrowingPicoStream, counts_of, write_picostream
from xjls.testing.picostream.scenarios import SCENARIOS

SCOPE = xjls.Source(id=4, name="scope", vendor="maker")
SIGNAL = xjls.Signal(
    id=3, name="probe", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(1000), source=SCOPE, stored_type="i16",
    scale_factor=0.001,
)  # fmt: skip
PAIR = tuple(replace(SIGNAL, id=i, name=f"p_{bound}", bound=("p", bound)) for i, bound in ((8, "min"), (9, "max")))
LOST = -32768
SECOND = 10**9
EPOCH = 1_700_000_000 * SECOND
HOURS = 5 * 3600


def counts(start, stop):
    return (np.arange(start, stop) * 7 % 30_011).astype("i2")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.hdf5"


def grown(path, *signals, **options):
    sink = xjls.grow_recording(path, **options)
    sink.add_source(SCOPE)
    for one in signals or (SIGNAL,):
        sink.add_signal(one)
    return sink


def attributes_in(path):
    with h5py.File(path, locking=False) as file:
        return dict(file.attrs)


# ---- going on ------------------------------------------------------------------------------------------------------

REFUSED = {
    "in one piece, which cannot grow": ("contiguous", "contiguous_big_endian", "contiguous_never_written", "compact"),
    r"may not be more than 4_000": ("latest_of_fixed_length", "latest_one_chunk"),
    "its chunks part the values of one time": (
        "odd_chunks_of_pairs", "hole_that_cuts_pairs", "hole_at_the_end_that_cuts_a_pair",
    ),
    "its counts are compressed, turned round, or not where a file of HDF5 begins": (
        "big_endian", "checked_only", "compressed_hole", "full_user_block", "gzip", "gzip_shuffled_and_checked",
        "lzf_pairs",
        "shuffled_only", "unfiltered_chunk", "user_block",
    ),
    "stays marked as open when its writer is killed": ("latest",),
}  # fmt: skip
WHY = {name: why for why, names in REFUSED.items() for name in names}


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_every_recording_is_gone_on_with_or_left_alone(tmp_path, make):
    """What was there stays, gaps and times included; what comes is behind it."""
    path = Path(make(tmp_path).path)
    before, name = path.read_bytes(), make.__name__
    if name in WHY:
        with pytest.raises(UnsupportedError, match=rf"not gone on with: .*{WHY[name]}.*Convert it to a new file first"):
            xjls.continue_recording(path)
        assert path.read_bytes() == before
        return
    with xjls.open_recording(path, on_damage="gap") as recording:
        old = {name: (signal, recording.read_with_gaps(name)) for name, signal in recording.signals.items()}
        clocks = {name: recording.clock(name) for name in old}
    begin = {name: signal.window.stop if signal.length else 5 for name, (signal, _) in old.items()}
    with xjls.continue_recording(path) as sink:
        for name, at in begin.items():
            sink.write(name, at, counts(0, 3000))
            sink.skip(name, Gap(Window(at + 3000, at + 3010), "unplugged", skipped=True))
            sink.write(name, at + 3010, counts(0, 10))
    with xjls.open_recording(path, on_damage="gap") as recording:
        for name, (signal, (values, gaps)) in old.items():
            at = begin[name]
            assert recording.signal(name).window == Window(signal.first_id if signal.length else 5, at + 3020)
            assert recording.signal(name).facts.keys() == signal.facts.keys()
            assert np.array_equal(recording.read(name, (at, at + 3000)), counts(0, 3000))
            assert np.array_equal(recording.read(name, (at + 3010, None)), counts(0, 10))
            (lost,) = recording.read_with_gaps(name, (at, None))[1]
            assert (lost.window, lost.reason) == (Window(at + 3000, at + 3010), "unplugged")
            if signal.length:
                again, kept = recording.read_with_gaps(name, signal.window)
                assert np.array_equal(again, values)
                assert kept == gaps
                times = np.array([signal.first_id, signal.window.stop - 1])
                assert np.array_equal(clocks[name].times(times), recording.clock(name).times(times))


@pytest.mark.parametrize("vintage", VINTAGES)
def test_of_a_file_of_picostream_only_the_counts_are_more(tmp_path, vintage):
    """No dataset is added, and no attribute, as long as there is nothing to say."""
    values = counts_of("average", 5000)
    path = write_picostream(tmp_path / "run.hdf5", values, vintage=vintage)
    before = attributes_in(path)
    with xjls.continue_recording(path) as sink:
        sink.write("channel_a", 5000, values[:1234])
        sink.flush()
    with h5py.File(path) as file:
        assert np.array_equal(file["adc_counts"][:], [*values, *values[:1234]])
        assert set(file) == {"adc_counts"} | ({"metadata"} if vintage in ("F0", "F1") else set())
    assert attributes_in(path) == before


def test_the_samples_in_all_go_on_counting(tmp_path):
    path = tmp_path / "live.hdf5"
    with GrowingPicoStream(path, block=1000, total_name="total_samples_written") as file:
        file.append(counts(0, 1000))
        file.reset()
        file.append(counts(1000, 2000))
    with xjls.continue_recording(path) as sink:
        sink.write("channel_a", 2000, counts(2000, 2500))
    assert attributes_in(path)["total_samples_written"] == 2500
    with xjls.open_recording(path) as recording:
        assert recording.signal("channel_a").window == Window(1000, 2500)
        assert recording.signal("channel_a").origin_id == 0
        assert np.array_equal(recording.read("channel_a"), counts(1000, 2500))


def test_nobody_else_writes_or_reads_with_a_lock_meanwhile(path):
    with grown(path) as sink:
        sink.write("probe", 0, counts(0, 10))
        with pytest.raises(BlockingIOError, match=r"Another program has it open.*run\.hdf5"):
            xjls.continue_recording(path)
    with h5py.File(path, "r"), pytest.raises(BlockingIOError, match="Another program has it open"):
        xjls.continue_recording(path)
    with xjls.open_recording(path), xjls.continue_recording(path) as sink:  # readers of xjls take none
        sink.write("probe", 10, counts(10, 20))


def test_what_is_damaged_is_left_as_it_is(path):
    with grown(path) as sink:
        sink.write("probe", 0, counts(0, 10))
    for cut in (1000, 5000):
        path.write_bytes(path.read_bytes()[:-cut])
        data = path.read_bytes()
        with pytest.raises(FormatError, match="the file was cut off: it has"):
            xjls.continue_recording(path)
        assert path.read_bytes() == data


def test_chunks_of_any_size_are_not_made_room_for(path, monkeypatch):
    """As a damaged file may tell them."""
    with grown(path) as sink:
        sink.write("probe", 0, counts(0, 10))
    monkeypatch.setattr("xjls.formats.picostream.past._MOST", 4000)
    with pytest.raises(UnsupportedError, match="its chunks are of 4_096 values"):
        xjls.continue_recording(path)


def test_a_pause_of_hours_is_told_by_ties_alone(path):
    """What it would cost in markers is told before; samples right behind have times of their own."""
    with grown(path) as sink:
        sink.write("probe", 0, counts(0, 10_000))
        for at in (0, 5000):
            sink.tie("probe", xjls.Tie(sample_id=at, time_ns=EPOCH + at * SECOND // 1000))
    with xjls.open_recording(path) as recording:
        last_ns = recording.clock("probe").time(9999)
    with xjls.continue_recording(path) as sink:
        assert sink.gap_bytes("probe", HOURS * 1000) == 2 * HOURS * 1000
        begin_ns = EPOCH + HOURS * SECOND
        sink.tie("probe", xjls.Tie(sample_id=9999, time_ns=last_ns))
        sink.tie("probe", xjls.Tie(sample_id=10_000, time_ns=begin_ns))
        sink.write("probe", 10_000, counts(10_000, 20_000))
        sink.tie("probe", xjls.Tie(sample_id=19_000, time_ns=begin_ns + 9 * SECOND))
    with xjls.open_recording(path) as recording:
        clock = recording.clock("probe")
        before, after = np.array([0, 4321, 9998, 9999]), np.array([10_000, 10_001, 15_000, 19_999])
        assert clock.times(before).tolist() == (EPOCH + before * SECOND // 1000).tolist()
        assert clock.times(after).tolist() == (begin_ns + (after - 10_000) * SECOND // 1000).tolist()
        assert np.array_equal(recording.read("probe"), counts(0, 20_000))
    assert path.stat().st_size < 100_000


def test_one_file_goes_behind_another_on_the_command_line(tmp_path, monkeypatch, capsys):
    """Of what the format can hold: gaps, ties and notes of both."""
    monkeypatch.chdir(tmp_path)
    for name, begin in (("run.hdf5", 0), ("more.hdf5", 3 * SECOND)):
        with xjls.new_recording(name) as sink:
            sink.add_source(SCOPE)
            sink.add_signal(SIGNAL)
            sink.tie("probe", xjls.Tie(sample_id=0, time_ns=EPOCH + begin))
            sink.write("probe", 0, counts(0, 1000))
            sink.skip("probe", Gap(Window(1000, 1005), "unplugged", skipped=True))
            sink.write("probe", 1005, counts(1005, 2000))
            sink.annotate(
                xjls.Annotation(signal="probe", sample_id=7, time_ns=None, kind="text", group=0, y=None, data=name)
            )
    assert main(["append", "run.hdf5", "more.hdf5"]) == 0
    assert "probe" in capsys.readouterr().out
    with xjls.open_recording("run.hdf5") as recording:
        assert recording.sources == (SCOPE,)
        assert [(str(gap.window), gap.reason) for gap in recording.skipped("probe")] == [
            ("1_000–1_005", "unplugged"), ("2_000–3_000", "not delivered"), ("4_000–4_005", "unplugged"),
        ]  # fmt: skip
        assert [(note.sample_id, note.data) for note in recording.annotations] == [(7, "run.hdf5"), (3007, "more.hdf5")]
        assert np.array_equal(recording.read("probe", (4005, 5000)), counts(1005, 2000))
        assert recording.clock("probe").time(3000) == EPOCH + 3 * SECOND
    with xjls.new_recording("other.hdf5") as sink:
        sink.add_source(SCOPE)
        sink.add_signal(replace(SIGNAL, name="other"))
        sink.write("other", 0, counts(0, 10))
    before = Path("run.hdf5").read_bytes()
    assert main(["append", "run.hdf5", "other.hdf5"]) == 2
    assert "a PicoStream file holds one signal, or minimum and maximum of one; 'other' comes beside 'probe'" in (
        capsys.readouterr().err
    )
    assert Path("run.hdf5").read_bytes() == before


def test_several_channels_are_refused_at_once(path):
    """Before anything is captured, and with what to do."""
    sink = grown(path)
    with pytest.raises(
        SelectionError,
        match=r"holds one signal, .*'b' comes beside 'probe'\. Choose one .* or write a Zarr store or a JLS",
    ):
        sink.add_signal(replace(SIGNAL, id=4, name="b"))
    sink.close()


# ---- the last seconds ----------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    for name, value in (("FEWEST", 1), ("MOST", 64)):
        monkeypatch.setattr(f"xjls.formats.picostream.sink.{name}", value)


@pytest.mark.parametrize("signals", [(SIGNAL,), PAIR], ids=["one", "pair"])
@pytest.mark.usefixtures("small")
def test_the_last_seconds_are_there_at_any_time_and_no_more_than_twice_as_much(path, signals):
    """With ids and times that count from the beginning, whatever was dropped; of what is said of it, as much stays."""
    sink, first, kept, sizes = grown(path, *signals, keep_s=2), 500, 2000, []
    for step in range(150):
        at = first + step * 100
        for one in signals:
            if step % 50 == 0:
                sink.tie(one.name, xjls.Tie(sample_id=at, time_ns=EPOCH + at * SECOND // 1000))
            sink.annotate(
                xjls.Annotation(signal=one.name, sample_id=at, time_ns=None, kind="text", group=0, y=None, data=str(at))
            )
            sink.skip(one.name, Gap(Window(at, at + 3), f"off {step}", skipped=True))
            sink.write(one.name, at + 3, counts(at + 3, at + 100))
        if step == 0:
            sink.add_user_data(xjls.UserData(meta=1, data="the beginning"))
        sink.flush()
        sizes.append(path.stat().st_size)
        with xjls.open_recording(path) as recording:
            for one in signals:
                window = recording.signal(one.name).window
                assert window.stop == at + 100
                assert min(kept, at + 100 - first) <= window.length <= 2 * kept + 100
                assert recording.signal(one.name).origin_id == first
                values, gaps = recording.read_with_gaps(one.name)
                expected = counts(*((window.start, window.stop)))
                expected[np.arange(window.start, window.stop) % 100 < 3] = LOST
                assert np.array_equal(values, expected)
                assert sum(gap.window.length for gap in gaps) == 3 * window.length // 100
                assert {gap.reason for gap in gaps} == {
                    f"off {i // 100 - 5}" for i in range(window.start, window.stop) if i % 100 < 3
                }
                assert recording.clock(one.name).time(window.start) == EPOCH + window.start * SECOND // 1000
                assert len(recording.ties(one.name)) <= 3
            assert len(recording.annotations) <= len(signals) * (2 * kept // 100 + 1)
            assert [record.data for record in recording.user_data] == ["the beginning"]
    assert attributes_in(path)["total_samples"] == 15_000 * len(signals)
    assert max(sizes[75:]) < 1.3 * max(sizes[:75])
    sink.close()
    with h5py.File(path) as file:
        assert set(file) == {"adc_counts", "xjls"}


@pytest.mark.usefixtures("small")
def test_a_file_that_keeps_seconds_goes_on_so(path):
    sink = grown(path, keep_s=1)
    for at in range(0, 4500, 100):
        sink.write("probe", at, counts(at, at + 100))
    sink.flush()
    sink.abandon()
    with xjls.continue_recording(path) as sink:
        for at in range(4500, 9000, 100):
            sink.write("probe", at, counts(at, at + 100))
            sink.flush()
            with xjls.open_recording(path) as recording:
                window = recording.signal("probe").window
                assert 1000 <= window.length <= 3000
                assert window.stop == at + 100
                assert np.array_equal(recording.read("probe"), counts(*((window.start, window.stop))))
    with xjls.continue_recording(path, keep_s=5) as sink:
        for at in range(9000, 16_000, 100):
            sink.write("probe", at, counts(at, at + 100))
    with xjls.open_recording(path) as recording:
        assert recording.signal("probe").length >= 5000
        assert recording.signal("probe").origin_id == 0


@pytest.mark.usefixtures("small")
def test_it_is_followed_while_it_drops_what_is_old(path):
    """Who looks often enough sees every sample once."""
    sink = grown(path, keep_s=1)
    sink.write("probe", 0, counts(0, 100))
    sink.flush()
    at, seen = 100, []

    def wait(_seconds):
        nonlocal at
        if at == 6000:
            sink.close()
            return
        sink.write("probe", at, counts(at, at + 100))
        sink.flush()
        at += 100

    with xjls.open_recording(path) as recording:
        for new in recording.follow(from_start=True, wait=wait):
            seen.append((new["probe"].start, new["probe"].stop))
            assert np.array_equal(recording.read("probe", new["probe"]), counts(*seen[-1]))
        assert recording.epoch == 0
    assert seen == [(start, start + 100) for start in range(0, 6000, 100)]


@pytest.mark.usefixtures("small")
def test_what_was_dropped_is_not_read_as_what_took_its_place(path):
    sink = grown(path, keep_s=0.5)
    for at in range(0, 900, 100):
        sink.write("probe", at, counts(at, at + 100))
    sink.flush()
    with xjls.open_recording(path) as recording:
        for at in range(900, 3000, 100):
            sink.write("probe", at, counts(at, at + 100))
        sink.flush()
        with pytest.raises(LostSamplesError, match="has dropped these samples"):
            recording.read("probe", (0, 100))
        assert recording.refresh()
        assert recording.signal("probe").first_id >= 2000
    sink.close()


@pytest.mark.parametrize("keep_s", [0, -1, float("inf"), float("nan")])
def test_times_to_keep_that_make_no_sense_are_refused(path, keep_s):
    with pytest.raises(SelectionError, match="is no time to keep samples for"):
        xjls.grow_recording(path, keep_s=keep_s)
    assert not path.exists()


def test_what_keeps_all_samples_goes_on_keeping_them(path):
    with grown(path) as sink:
        sink.write("probe", 0, counts(0, 1000))
    data = path.read_bytes()
    with pytest.raises(SelectionError, match=r"run\.hdf5 keeps all samples, and keep_s=1 would drop some of them"):
        xjls.continue_recording(path, keep_s=1)
    assert path.read_bytes() == data


def test_counts_are_not_compressed_as_they_grow(path):
    with pytest.raises(SelectionError, match="does not compress counts, with 'zstd'"):
        xjls.grow_recording(path, codec="zstd")


def test_what_is_abandoned_before_it_began_is_empty(path):
    sink = PicoSink(str(path))
    sink.abandon()
    sink.abandon()
    assert path.stat().st_size == 0
    with pytest.raises(FileExistsError), Medium(str(path)):
        pass
