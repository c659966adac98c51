"""Frames that are damaged, and whom frames are not for: what is said, and what is left."""

import numpy as np
import pytest

import xjls
from tests.frame_stores import SCOPE, TIME, H, W, framed, opened, pixels, small_frames, writing
from tests.zarr_stores import begun, described
from xjls.errors import LostSamplesError, SelectionError
from xjls.formats import carry
from xjls.formats.memory import MemorySink
from xjls.formats.zarr.writer import ZarrWriter
from xjls.model.window import Window
from xjls.testing.laws import equal_values


@pytest.fixture
def small(monkeypatch):
    small_frames(monkeypatch)


def test_a_damaged_chunk_of_frames_is_a_gap_that_names_them(tmp_path, small):
    store = tmp_path / "run.zarr"
    with writing(store, framed(), TIME, grows=True) as writer:
        writer.write("image", 1000, pixels(1000, 1100))
        writer.write("time", 1000, np.arange(1000, 1100) / 20)
    path = store / "0/image/c.1.0.0"
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    lost = Window(1060, 1075)
    with xjls.open_recording(store) as recording:
        with pytest.raises(LostSamplesError, match="frames 1_060–1_075 of 'image' are lost: its checksum differs"):
            recording.read("image")
        assert np.array_equal(recording.read("image", (1075, 1100)), pixels(1075, 1100))
        (damage,) = recording.check()
        assert damage.consequence == "frames 1_060–1_075 of 'image' are lost"
        frames, gaps = recording.read_with_gaps("image")
        assert [gap.window for gap in gaps] == [lost]
        assert not frames[60:75].any()
        assert np.array_equal(frames[:60], pixels(1000, 1060))
        with xjls.formats.new_recording(tmp_path / "copy.zarr") as sink:
            assert [gap.window for gap in carry(recording, sink)["image"]] == [lost]
    path.unlink()
    with xjls.open_recording(store) as recording:
        assert [gap.window for gap in recording.read_with_gaps("image")[1]] == [Window(1060, 1100)]


def test_a_damaged_tail_is_a_gap_that_names_frames(tmp_path, small):
    store = tmp_path / "run.zarr"
    writer = writing(store, framed(), TIME, grows=True)
    for at in (0, 10):
        writer.write("image", at, pixels(at, at + 10))
        writer.flush()
    writer.abandon()
    path = store / "tail/c.0"
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    with xjls.open_recording(store, on_damage="gap") as recording:
        assert np.array_equal(recording.read("image")[10:], pixels(10, 20))
        assert recording.read_valid("image").tolist() == [False] * 10 + [True] * 10
        assert [one.consequence for one in recording.status.damage] == ["frames 0–10 of 'image' are lost"]


def test_wrong_samples_and_arrays_are_refused(tmp_path):
    with writing(tmp_path / "run.zarr", framed()) as writer:
        for wrong in (np.zeros((2, W, H), "u1"), np.zeros((2, H, W), "i1"), np.zeros(H * W, "u1"), np.uint8(3)):
            with pytest.raises(SelectionError, match=r"those of 'image' are uint8\[n, 3, 4\]. Give .*3 dimensions"):
                writer.write("image", 0, np.asarray(wrong))
        writer.write("image", 0, pixels(0, 6))
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        for wrong in (np.empty((5, H, W), "u1"), np.empty(6 * H * W, "u1")):
            with pytest.raises(ValueError, match=r"uint8\[6, 3, 4\]. Make it with np\.empty"):
                recording.read("image", out=wrong)
        for wrong in (np.empty((6, H, W), "i1"), np.empty((W, H, 6), "u1").T):
            with pytest.raises(ValueError, match=r"needed is a writable, contiguous uint8\[6, 3, 4\]"):
                recording.read("image", out=wrong)
        assert recording.read("image", (2, 2)).shape == (0, H, W)


@pytest.mark.parametrize("make", [MemorySink, None])
@pytest.mark.parametrize(
    ("shape", "dims"), [((2, 0), ("height", "width")), ((2, 2), ("x", "x")), ((2,), ("frame",)), ((2,), ("",))]
)
def test_shapes_that_make_no_sense_are_refused(tmp_path, make, shape, dims):
    sink = ZarrWriter(tmp_path / "run.zarr") if make is None else make()
    sink.add_source(SCOPE)
    with pytest.raises(SelectionError, match=r"samples of 'image' are \[2.*Give them sizes from 1 on, and names"):
        sink.add_signal(framed(shape=shape, dims=dims))
    sink.abandon()


@pytest.mark.parametrize(("ending", "holds"), [("jls", "a JLS file"), ("hdf5", "a PicoStream file")])
def test_files_of_series_refuse_frames(tmp_path, ending, holds):
    recording, path = opened(tmp_path, "wide"), tmp_path / f"run.{ending}"
    with (
        pytest.raises(
            SelectionError, match=rf"'image' is by frame and no series in time, and {holds}.*Zarr, or choose signals="
        ),
        xjls.formats.new_recording(path) as sink,
    ):
        carry(recording, sink)
    assert not path.exists()
    assert list(tmp_path.glob(".*")) == []


def test_there_are_no_levels_of_frames(tmp_path):
    recording = opened(tmp_path, "card_wide")
    with pytest.raises(SelectionError, match=r"nothing to build: .* no series in time.* by frame and by buffer"):
        xjls.build_levels(recording.path, format="miniscope")
    with xjls.formats.new_recording(tmp_path / "run.zarr") as sink:
        carry(recording, sink)
    with pytest.raises(SelectionError, match=r"nothing to build: .* no series in time.* by frame and by buffer"):
        xjls.build_levels(tmp_path / "run.zarr", to=tmp_path / "levels.zarr")
    assert not (tmp_path / "levels.zarr").exists()


def test_frames_are_not_put_behind_others(tmp_path):
    recording, store = opened(tmp_path, "wide"), tmp_path / "run.zarr"
    with xjls.formats.new_recording(store) as sink:
        carry(recording, sink)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for by in ("auto", "id", "end"):
        with pytest.raises(SelectionError, match=r"'image' of .* is by frame.*placed behind.*Convert it to a store"):
            xjls.append(store, recording, by=by)
    assert before == {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_a_series_is_put_behind_a_store_of_frames(tmp_path):
    recording, store = opened(tmp_path, "wide"), tmp_path / "run.zarr"
    with xjls.formats.new_recording(store) as sink:
        carry(recording, sink)
    with begun(tmp_path / "more.zarr", described("x")) as writer:
        writer.write("x", 0, np.arange(1000, dtype="f4"))
    xjls.append(store, xjls.open_recording(tmp_path / "more.zarr"))
    with xjls.open_recording(store) as found:
        assert np.array_equal(found.read("x"), np.arange(1000))
        assert equal_values(found.read("image"), recording.read("image"))
