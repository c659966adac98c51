"""Annotations, user data and gaps of Zarr stores: any number of them, damaged ones, and writers that give up."""

import json

import numpy as np
import pytest
import xarray as xr

import xjls
from tests.zarr_stores import begun, described, make_small, note, size_of
from xjls.errors import CorruptError, SelectionError
from xjls.formats.zarr.codecs import encode_page
from xjls.model.annotation import Tie, UserData
from xjls.testing.laws import equal_values

SECOND = 10**9
EPOCH = 1_772_000_000 * SECOND


@pytest.fixture
def small(monkeypatch):
    """Make objects so small that little has many."""
    make_small(monkeypatch)


# ---- records -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flushes", [False, True])
def test_many_records_come_back_in_order(tmp_path, small, flushes):
    notes = [note(i, data, "yx"[i % 2]) for i, data in enumerate(["größer ☃", b"\0\xff", {"a": [1, None]}, ""] * 10)]
    kept = [UserData(meta=i, data={"i": i}) for i in range(13)]
    writer = begun(tmp_path / "run.zarr", described("x"), described("y", number=2))
    for i, one in enumerate(notes):
        writer.annotate(one)
        for record in kept[i : i + 1]:
            writer.add_user_data(record)
        writer.write("x", i * 10, np.ones(9, "f4"))
        writer.write("y", i * 10, np.ones(10, "f4"))
        if flushes:
            writer.flush()
            with xjls.open_recording(tmp_path / "run.zarr") as recording:
                assert sorted(recording.annotations, key=lambda one: one.sample_id) == notes[: i + 1]
                assert len(recording.skipped("x")) == i
                assert recording.status.size_bytes == size_of(tmp_path / "run.zarr")
    writer.close()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.annotations == (*notes[1::2], *notes[::2])
        assert recording.user_data == tuple(kept)
        assert [gap.window.start for gap in recording.skipped("x")] == list(range(9, 399, 10))
        assert recording.skipped("y") == ()
        assert recording.check() == ()
        assert recording.status.size_bytes == size_of(tmp_path / "run.zarr")
    with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
        texts = [text for text in tree["records/annotations"].values.tolist() if text]
        assert len(texts) == 40
        assert json.loads(texts[0])["data"] == "größer ☃"
    root = json.loads((tmp_path / "run.zarr/zarr.json").read_text())["attributes"]["xjls"]
    assert (root["pages"], root["annotations"]) == ({"annotations": 10, "user_data": 3, "gaps": 9}, [])


def test_large_records_do_not_stay_in_the_root(tmp_path):
    with begun(tmp_path / "run.zarr") as writer:
        for i in range(3):
            writer.add_user_data(UserData(meta=i, data=bytes(100_000)))
        writer.annotate(note(1, {"changed": "later"}))
    assert len((tmp_path / "run.zarr/zarr.json").read_bytes()) < 20_000
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert [record.data for record in recording.user_data] == [bytes(100_000)] * 3


def test_a_record_is_what_it_was_when_it_was_given(tmp_path):
    data = {"state": "then"}
    with begun(tmp_path / "run.zarr") as writer:
        writer.annotate(note(1, data))
        data["state"] = "now"
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert recording.annotations[0].data == {"state": "then"}


@pytest.fixture
def paged(tmp_path, small):
    """Return a store with pages of every kind."""
    with begun(tmp_path / "run.zarr", described("x", "i16")) as writer:
        for i in range(20):
            writer.write("x", i * 200, np.full(100, i, "i2"))
            writer.annotate(note(i))
            writer.add_user_data(UserData(meta=i, data="kept"))
            writer.tie("x", Tie(sample_id=i, time_ns=EPOCH + i * SECOND // 1000))
    return tmp_path / "run.zarr"


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "gone"])
def test_notes_of_damaged_pages_are_lost_and_named(paged, harm):
    for kind in ("annotations", "user_data"):
        damage(paged / f"records/{kind}/c.1", harm)
    with xjls.open_recording(paged) as recording:
        assert [one.sample_id for one in recording.annotations] == [*range(4), *range(8, 20)]
        assert [one.meta for one in recording.user_data] == [*range(4), *range(8, 20)]
        assert [damage.consequence for damage in recording.status.damage] == [
            "some annotations are lost", "some user data are lost",
        ]  # fmt: skip
        assert recording.status.damage[0].problem.startswith("records/annotations/c.1: ")
        assert recording.check() == recording.status.damage
        assert recording.statistics("x").count == 2000


def test_records_that_say_something_else_are_damage(paged):
    """Whole in themselves, and of another program: named, and no error of Python's."""
    path = paged / "records/annotations/c.1"
    path.write_bytes(b"".join(bytes(part) for part in encode_page(['{"a": 1}', "[2]", "3"], 4)))
    with xjls.open_recording(paged) as recording:
        assert len(recording.annotations) == 16
        assert recording.status.damage[0].problem.startswith("records/annotations/c.1: it is not what xjls writes (K")


@pytest.mark.parametrize("harm", ["flip", "gone"])
def test_without_its_gaps_no_sample_is_believed(paged, harm):
    """Filling would pass for samples, as it does in other programs."""
    damage(paged / "records/gaps/c.2", harm)
    damage(paged / "0/x/c.0", "gone")
    with xjls.open_recording(paged, on_damage="gap") as recording:
        for ask in (recording.read, recording.statistics, recording.skipped, recording.gaps):
            with pytest.raises(CorruptError, match=r"some gaps cannot be read: .*/gaps/c\.2\. xr\.open_datatree"):
                ask("x")
        assert any("some gaps are lost" in str(damage) for damage in recording.check())
        assert len(recording.annotations) == 20


def test_damaged_ties_are_found_by_a_check(paged):
    damage(paged / "ties/x/c.1.0", "flip")
    with xjls.open_recording(paged) as recording:
        (found,) = recording.check()
        assert str(found).endswith("ties/x/c.1.0: its checksum differs; ties of 'x' cannot be read")


def damage(path, harm):
    data = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    elif harm == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(data[: len(data) // 2 if harm == "cut" else 0])


# ---- blocks that raise ---------------------------------------------------------------------------------------------


def test_a_block_that_raises_leaves_what_was_flushed(tmp_path):
    writer = begun(tmp_path / "run.zarr")
    writer.write("x", 0, np.ones(100, "f4"))
    writer.flush()
    writer.write("x", 100, np.ones(100, "f4"))
    with pytest.raises(SelectionError, match="no signal 'y'"), writer:
        writer.write("y", 100, np.ones(100, "f4"))
    with pytest.raises(ValueError, match="the writer is closed"):
        writer.flush()
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert not recording.was_closed
        assert equal_values(recording.read("x"), np.ones(100, "f4"))


def test_a_new_recording_whose_block_raises_never_was(tmp_path):
    with pytest.raises(SelectionError, match="no signal 'y'"), xjls.new_recording(tmp_path / "run.zarr") as sink:
        sink.write("y", 100, np.ones(100, "f4"))
    assert list(tmp_path.iterdir()) == []
    with xjls.new_recording(tmp_path / "run.zarr") as sink:
        sink.add_source(xjls.Source(id=1, name="bench"))
    assert xjls.open_recording(tmp_path / "run.zarr").was_closed
