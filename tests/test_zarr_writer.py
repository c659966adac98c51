"""Writing Zarr stores: any sequence of calls against what it means, killed writers, and what is refused."""

import errno
import json
import os
from fractions import Fraction
from pathlib import Path

import fsspec
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.zarr_stores import BENCH, begun, described
from xjls.errors import SelectionError
from xjls.formats.zarr import stream
from xjls.formats.zarr.folder import LocalFolder, new_folder
from xjls.formats.zarr.naming import array_name
from xjls.formats.zarr.writer import ZarrWriter
from xjls.model.annotation import Annotation, Tie, UserData
from xjls.model.sample_type import dtype_of
from xjls.model.signal import Source
from xjls.model.window import Gap, Window
from xjls.testing.laws import equal_values
from xjls.testing.laws.answers import check_statistics
from xjls.testing.laws.expected import ExpectedSignal

K = np.arange(20_000)


@pytest.fixture
def small(monkeypatch):
    """Make objects so small that some thousand samples have many."""
    monkeypatch.setattr(stream, "SHARD_SAMPLES", 4096)
    monkeypatch.setattr(stream, "CHUNK_SAMPLES", 1024)
    monkeypatch.setattr(stream, "CHUNK_ENTRIES", 7)
    monkeypatch.setattr(stream, "FEWEST_ENTRIES", 2)


@pytest.fixture
def memory():
    yield "memory://written/run.zarr"
    files = fsspec.filesystem("memory")
    if files.exists("/written"):
        files.rm("/written", recursive=True)


# ---- what it means -------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(-700, 3000), st.integers(0, 6000)),
        st.tuples(st.just("skip"), st.integers(0, 0), st.integers(0, 6000)),
        st.tuples(st.just("flush"), st.integers(0, 0), st.integers(0, 0)),
    ),
    max_size=8,
)


@settings(max_examples=60)
@given(steps=STEPS, stored_type=st.sampled_from(["f32", "u1", "i16", "f64"]), first_id=st.integers(-5000, 5000))
def test_any_calls_make_the_recording_that_they_mean(tmp_path_factory, steps, stored_type, first_id):
    """Blocks that continue, overlap or leave a gap, gaps that are told, flushes: the same as an array and a mask."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "SHARD_SAMPLES", 4096)
        patch.setattr(stream, "CHUNK_SAMPLES", 1024)
        patch.setattr(stream, "CHUNK_ENTRIES", 7)
        patch.setattr(stream, "FEWEST_ENTRIES", 2)
        store = tmp_path_factory.mktemp("any") / "run.zarr"
        rng = np.random.default_rng(len(steps))
        samples, valid = [], []
        with begun(store, described("x", stored_type)) as writer:
            for step, at, length in steps:
                if step == "flush":
                    writer.flush()
                    assert_is(store, stored_type, first_id, samples, valid, closed=False)
                elif step == "skip":
                    start = first_id + len(samples)
                    writer.skip("x", Gap(Window(start, start + length), "switched off"))
                    samples += [0] * length
                    valid += [False] * length
                else:
                    block = values(rng, stored_type, length)
                    begin = first_id + len(samples) + (at if samples else 0)
                    writer.write("x", begin, block)
                    fresh = block[max(first_id + len(samples) - begin, 0) :]
                    missing = max(begin - first_id - len(samples), 0) if len(fresh) else 0
                    samples += [0] * missing + fresh.tolist()
                    valid += [False] * missing + [True] * len(fresh)
        assert_is(store, stored_type, first_id, samples, valid, closed=True)


def values(rng, stored_type, length):
    if stored_type == "u1":
        return rng.integers(0, 2, length).astype("?")
    return (rng.normal(0, 1000, length)).astype(dtype_of(stored_type))


def assert_is(store, stored_type, first_id, samples, valid, *, closed):
    dtype = dtype_of(stored_type)
    truth, valid = np.array(samples, dtype), np.array(valid, "?")
    lost = tuple(_runs(~valid))
    with xjls.open_recording(store) as recording:
        assert recording.was_closed == closed
        found = recording.signal("x")
        assert found.length == len(truth)
        if not len(truth):
            return
        assert found.first_id == first_id
        truth[~valid] = np.nan if dtype.kind == "f" else 0
        assert equal_values(recording.read("x"), truth)
        assert np.array_equal(recording.read_valid("x"), valid)
        for level in found.levels:
            entries = recording.read_level("x", level.index)
            rows = np.where(valid, truth, np.nan)[: level.length * level.factor].reshape(-1, level.factor)
            inside = np.isfinite(rows).any(axis=1)
            assert np.array_equal(np.isfinite(entries[:, 0]), inside)
            np.testing.assert_array_equal(entries[inside, 2], np.nanmin(rows[inside], axis=1).astype(entries.dtype))
        half = len(truth) // 3, len(truth) - len(truth) // 5
        for start, stop in ((0, len(truth)), half):
            left = truth[start:stop][valid[start:stop]].astype("f8")
            answer = recording.statistics("x", (first_id + start, first_id + stop))
            assert answer.count == left.size
            if left.size:
                assert (answer.min, answer.max) == (left.min(), left.max())
                np.testing.assert_allclose(answer.mean, left.mean(), rtol=1e-6, atol=1e-4)
        if not lost:
            whole = ExpectedSignal(name="x", units="A", rate_hz=1000, first_id=first_id, samples=truth)
            check_statistics(recording, whole, recording.statistics("x"))


def _runs(flags):
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).tolist()
    return zip(edges[::2], edges[1::2], strict=True)


def test_rates_that_are_no_whole_numbers_are_kept(tmp_path):
    with begun(tmp_path / "run.zarr", described(rate=Fraction(44_100, 7))) as writer:
        writer.write("x", 0, np.zeros(10, "f4"))
    assert xjls.open_recording(tmp_path / "run.zarr").signal("x").rate_hz == Fraction(6300)
    with begun(tmp_path / "odd.zarr", described(rate=Fraction(1_000_000, 3))) as writer:
        writer.write("x", 0, np.zeros(10, "f4"))
    assert xjls.open_recording(tmp_path / "odd.zarr").signal("x").rate_hz == Fraction(1_000_000, 3)


def test_everything_beside_samples_is_kept(tmp_path):
    notes = [
        Annotation(signal="", sample_id=None, time_ns=5, kind="text", group=0, y=None, data="of all"),
        Annotation(signal="x", sample_id=7, time_ns=None, kind="user", group=3, y=0.25, data={"a": [1, None]}),
        Annotation(signal="x", sample_id=3, time_ns=None, kind="vertical_marker", group=1, y=float("inf"), data="1a"),
        Annotation(signal="x", sample_id=3, time_ns=None, kind="user", group=1, y=None, data=b"\0\xff"),
        Annotation(signal="events", sample_id=None, time_ns=9, kind="type_7", group=255, y=None, data="größer ☃"),
    ]
    records = [UserData(meta=0, data=""), UserData(meta=4095, data=[1.5, "a"]), UserData(meta=7, data=b"")]
    not_json = UserData(meta=8, data={"none": float("nan")})
    with begun(tmp_path / "run.zarr", described(), described("events", number=9, rate=0)) as writer:
        for note in notes[::-1]:
            writer.annotate(note)
        for record in (*records, not_json):
            writer.add_user_data(record)
        writer.add_source(Source(id=1, name="unused"))
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.annotations == (notes[0], *notes[3:0:-1], notes[4])
        assert recording.user_data[:3] == tuple(records)
        assert np.isnan(recording.user_data[3].data["none"])
        assert [source.id for source in recording.sources] == [1, 3]
        assert recording.sources[1] == BENCH
    json.loads((tmp_path / "run.zarr/zarr.json").read_text(), parse_constant=pytest.fail)


def test_many_ties_are_kept_once(tmp_path):
    ties = [Tie(sample_id=i * 1000, time_ns=1_772_000_000_000_000_000 + i * 10**9 + i % 7) for i in range(10_000)]
    with begun(tmp_path / "run.zarr", described("x"), described("y", number=2)) as writer:
        for name in ("x", "y"):
            for tie in ties:
                writer.tie(name, tie)
        for name in ("x", "y"):
            writer.write(name, 0, np.zeros(10, "f4"))
            writer.skip(name, Gap(Window(10, 10_000_000), "off"))
        writer.tie("y", ties[0])
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.ties("x") == tuple(ties)
        assert recording.ties("y") == (*ties, ties[0])
        assert recording.clock("x").time(5_000_500) == (ties[5000].time_ns + ties[5001].time_ns) // 2
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        assert tree["0"].sizes["time_tie"] == 10_001


def test_signals_share_an_axis_where_they_lie_on_one_grid(tmp_path):
    signals = [
        described("a", number=1), described("b", "u8", number=2), described("c", number=3, rate=500),
        described("d", number=4), described("e", number=5),
    ]  # fmt: skip
    with begun(tmp_path / "run.zarr", *signals) as writer:
        writer.write("a", 5, np.zeros(3000, "f4"))
        writer.write("b", 5, np.zeros(3000, "u1"))
        writer.write("c", 5, np.zeros(3000, "f4"))
        writer.write("d", 6, np.zeros(3000, "f4"))
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        dims = {name: tree[f"0/{name}"].dims for name in "abcde"}
        assert dims == {"a": ("time",), "b": ("time",), "c": ("time_c",), "d": ("time_d",), "e": ("time_e",)}
        assert tree["1/a"].dims == ("time", "statistic")
        assert tree["1/b"].dims == ("time_b", "statistic")


def test_names_that_no_store_would_take_are_changed_and_come_back(tmp_path):
    names = [
        "Strom µA/Δ",
        "Strom µA?Δ",
        "time",
        "TIME",
        "statistic",
        "a",
        "A",
        "..",
        "",
        "c",
        "zarr.json",
        "__x",
        "x" * 99,
    ]
    signals = [described(name, number=i) for i, name in enumerate(names, 1)]
    with begun(tmp_path / "run.zarr", *signals) as writer:
        for i, name in enumerate(names):
            writer.write(name, 0, np.full(200, i, "f4"))
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert list(recording.signals) == names
        assert [int(recording.read(name)[0]) for name in names] == list(range(len(names)))
        assert len(recording.read_level("", 1)) == 1
    arrays = [path.name for path in (tmp_path / "run.zarr/0").iterdir() if path.is_dir()]
    assert len({name.casefold() for name in arrays}) == len(arrays)
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        assert tree["0/Strom_µA_Δ"].attrs["long_name"] == "Strom µA/Δ"
        assert tree["0/signal_time"].attrs["long_name"] == "time"
    assert array_name("time_x", []) == "signal_time_x"


def test_numbers_are_scaled_for_plain_xarray(tmp_path):
    with begun(tmp_path / "run.zarr", described("x", "i16", scale=2.0**-8)) as writer:
        writer.write("x", 0, (K - 10_000).astype("i2"))
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree, xjls.open(tmp_path / "run.zarr") as ds:
        np.testing.assert_array_equal(tree["0/x"].values, (K - 10_000) / 256)
        np.testing.assert_array_equal(ds.x.values, (K - 10_000) / 256)
        np.testing.assert_array_equal(tree["1/x"].values, ds.x_x256.values)


@pytest.mark.parametrize("codec", ["zstd", "blosc"])
def test_codecs_make_stores_smaller(tmp_path, codec):
    for name, how in (("plain", None), ("packed", codec)):
        with begun(tmp_path / name, codec=how) as writer:
            writer.write("x", 0, np.tile((K // 100).astype("f4"), 10))
    plain, packed = (xjls.open_recording(tmp_path / name) for name in ("plain", "packed"))
    assert equal_values(packed.read("x"), plain.read("x"))
    assert packed.status.size_bytes < plain.status.size_bytes / 2
    assert packed.check() == ()


def test_bits_are_compressed_in_any_case(tmp_path):
    with begun(tmp_path / "run.zarr", described("x", "u1")) as writer:
        writer.write("x", 0, np.arange(1_000_000) // 1000 % 2 == 1)
    assert xjls.open_recording(tmp_path / "run.zarr").status.size_bytes < 100_000


def test_a_gap_of_hours_takes_little_room(tmp_path, bounded_memory):
    with begun(tmp_path / "run.zarr") as writer:
        writer.write("x", 0, np.ones(1000, "f4"))
        writer.write("x", 100_000_000, np.ones(1000, "f4"))
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.status.size_bytes < 50_000_000
        found = recording.statistics("x")
        assert (found.count, found.nan, found.mean) == (2000, 99_999_000, 1)
        assert recording.check() == ()


def test_memory_is_bounded_by_shards(tmp_path, bounded_memory):
    """Half a gigabyte of samples goes through less than that of address space."""
    block = np.zeros(1_000_000, "f4")
    with begun(tmp_path / "run.zarr") as writer:
        for i in range(150):
            writer.write("x", i * len(block), block)
    assert xjls.open_recording(tmp_path / "run.zarr").signal("x").length == 150_000_000


# ---- where to ------------------------------------------------------------------------------------------------------


def test_a_store_is_written_to_an_address(memory, small):
    with begun(memory) as writer:
        writer.write("x", 0, np.sin(K * 0.01).astype("f4"))
        writer.flush(sync=True)
    with xjls.open_recording(memory) as recording:
        assert equal_values(recording.read("x"), np.sin(K * 0.01).astype("f4"))
        assert recording.check() == ()
        assert recording.status.size_bytes > 80_000
    with pytest.raises(FileExistsError, match=r"memory://written/run.zarr exists\. Choose another name\.$"):
        ZarrWriter(memory)
    with (
        pytest.raises(FileExistsError, match=r"exists\. Choose another name, or say overwrite=True\."),
        new_folder(memory),
    ):
        pass
    with pytest.raises(FileExistsError, match=r"or say --force\."), new_folder(memory, option="--force"):
        pass
    with new_folder(memory, overwrite=True) as folder, begun(folder) as writer:
        writer.write("x", 0, np.zeros(3, "f4"))
    assert xjls.open_recording(memory).signal("x").length == 3


def test_a_remote_folder_that_is_no_store_is_not_replaced(memory):
    fsspec.filesystem("memory").pipe_file("/written/run.zarr/precious", b"1")
    with pytest.raises(FileExistsError, match="is no Zarr store"), new_folder(memory, overwrite=True):
        pass


def test_a_folder_that_is_no_store_is_not_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/precious").write_text("1")
    with pytest.raises(FileExistsError, match="is no Zarr store"), new_folder(tmp_path / "home", overwrite=True):
        pass
    with pytest.raises(FileExistsError, match=r"exists\. Choose another name"):
        ZarrWriter(tmp_path / "home")
    assert (tmp_path / "home/precious").read_text() == "1"


def test_a_store_whose_place_was_taken_stays_aside(tmp_path, monkeypatch):
    """What was there comes back where the last step fails."""
    with begun(tmp_path / "run.zarr") as writer:
        writer.write("x", 0, np.zeros(3, "f4"))
    rename = Path.rename

    def fail(self, target):
        if self.name.endswith(".part"):
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no"), new_folder(tmp_path / "run.zarr", overwrite=True):
        pass
    assert xjls.open_recording(tmp_path / "run.zarr").signal("x").length == 3
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]


# ---- refused -------------------------------------------------------------------------------------------------------


def test_calls_that_mean_nothing_are_refused(tmp_path):
    writer = begun(tmp_path / "run.zarr", described(), described("events", number=2, rate=0))
    note = Annotation(signal="z", sample_id=3, time_ns=None, kind="user", group=1, y=None, data="")
    with pytest.raises(SelectionError, match="source 3 is defined already"):
        writer.add_source(BENCH)
    with pytest.raises(SelectionError, match="source 8 of 'y' is not defined"):
        writer.add_signal(described("y", number=4, source=Source(id=8, name="other")))
    for other in (described("x", number=5), described("y", number=1)):
        with pytest.raises(SelectionError, match="is defined already"):
            writer.add_signal(other)
    with pytest.raises(SelectionError, match=r"no signal 'z' is being written. Signals: x, events."):
        writer.annotate(note)
    with pytest.raises(SelectionError, match="'events' has annotations only"):
        writer.write("events", 0, np.zeros(3, "f4"))
    for wrong in (np.zeros(3), np.zeros((3, 1), "f4")):
        with pytest.raises(SelectionError, match=r"those of 'x' are float32\[n\]"):
            writer.write("x", 0, wrong)
    writer.write("x", 10, np.zeros(3, "f4"))
    for window in ((0, 12), (14, 20)):
        with pytest.raises(SelectionError, match=r"does not continue 'x', whose next sample is 13"):
            writer.skip("x", Gap(Window(*window), "off"))
    writer.skip("x", Gap(Window(5, 13), "known already"))
    assert list(writer._sampled("x").skipped) == []
    writer.close()
    for call in (writer.flush, lambda: writer.tie("x", Tie(sample_id=0, time_ns=0)), lambda: writer.add_source(BENCH)):
        with pytest.raises(ValueError, match="the writer is closed"):
            call()


def test_a_codec_that_is_none_is_refused(tmp_path):
    with pytest.raises(SelectionError, match=r"codec='gzip' is none. Choose one of 'zstd', 'blosc', 'auto', or None"):
        ZarrWriter(tmp_path / "run.zarr", codec="gzip")
    assert list(tmp_path.iterdir()) == []


def test_a_type_that_does_not_exist_is_refused():
    with pytest.raises(SelectionError, match="there is no sample type 'u24'"):
        dtype_of("u24")


def test_what_the_disk_refused_is_waited_for_again(tmp_path, monkeypatch):
    folder, synced, sync = LocalFolder(str(tmp_path / "run.zarr")), [], os.fsync

    def once(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        if len(synced) == 2:
            raise OSError(errno.EIO, "the disk does not answer")
        sync(descriptor)

    folder.put("0/a/c.0", [b"a"])
    folder.put("0/b/c.0", [b"b"])
    monkeypatch.setattr("os.fsync", once)
    with pytest.raises(OSError, match="does not answer"):
        folder.sync()
    assert synced == ["c.0", "c.0"]
    folder.sync()
    assert synced[2:4] == ["c.0", "c.0"]
