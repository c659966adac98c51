"""Frames and buffers beside each other and beside series: what is chosen, joined, asked, tabulated and written."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xjls
from tests.miniscopes import MAKERS, SOURCE, frames_signal, how_to_open, opened, recorded, signal
from xjls.backend.dataset import Choice, open_groups, open_samples
from xjls.export import make_table, write_table
from xjls.formats.memory.sink import MemorySink
from xjls.model.signal import Source
from xjls.model.window import Gap, Window

# ---- what is chosen ------------------------------------------------------------------------------------------------


def test_signals_are_chosen_by_name(tmp_path):
    made, ds = opened(tmp_path, "lost_5_percent", signals=["image", "time", "frame_num"])
    with ds:
        assert (set(ds.data_vars), set(ds.coords)) == (
            {"image"}, {"frame", "buffer", "height", "width", "time", "frame_num"},
        )  # fmt: skip
        assert "ancillary_variables" not in ds.image.attrs
        assert ds.attrs["missing_buffers"] == made.truth.missing
    _, ds = opened(tmp_path, "lost_5_percent", drop_variables=["image", "frame", "timestamp", "buffer_present"])
    with ds:
        assert set(ds.data_vars) == {"n_missing"}
        assert {"frame", "timestamp"}.isdisjoint(ds.coords)
        assert "time_buffer" in ds.coords
    _, ds = opened(tmp_path, "lost_5_percent", signals="battery_voltage")
    with ds:
        assert not ds.data_vars
        assert ds.battery_voltage.mean() > 3
    with pytest.raises(xjls.SelectionError, match=r"no signal 'images'.*Signals: image"):
        opened(tmp_path, "lost_5_percent", signals="images")


def test_every_signal_can_have_an_axis_of_its_own(tmp_path):
    made, ds = opened(tmp_path, "lost_5_percent", join="none", signals=["image", "n_missing", "frame_num"])
    with ds:
        assert ds.image.dims == ("frame_image", "height", "width")
        assert (ds.n_missing.dims, ds.frame_num.dims) == (("frame_n_missing",), ("buffer_frame_num",))
        np.testing.assert_array_equal(ds.frame_image, made.truth.device_frame)


def with_ragged_ends(**facts):
    """Return frames 10 to 16, of which two signals have a part."""
    image = np.arange(60, dtype="u1").reshape(5, 4, 3)
    return image, recorded(
        (frames_signal(1, **facts), 10, image),
        (signal("n_missing", id=2, axis="frame", stored_type="u16", dtype=np.dtype("u2")), 12,
         np.arange(4, dtype="u2")),
        (signal("time", id=3, axis="frame", stored_type="f64", dtype=np.dtype("f8"), describes_axis=True), 10,
         np.arange(6) / 20),
    )  # fmt: skip


def test_extents_are_joined():
    image, recording = with_ragged_ends()
    with pytest.warns(UserWarning, match=r"different extents.*image .*2_?.*samples cut"):
        inner = open_samples(recording, Choice())
    assert inner.frame.values.tolist() == [12, 13, 14]
    np.testing.assert_array_equal(inner.image, image[2:])
    assert inner.time.values.tolist() == [0.1, 0.15, 0.2]
    outer = open_samples(recording, Choice(join="outer"))
    assert outer.frame.values.tolist() == list(range(10, 16))
    assert not outer.image[5].values.any()
    assert outer.image_valid.values.tolist() == [True] * 5 + [False]
    assert outer.n_missing_valid.values.tolist() == [False] * 2 + [True] * 4
    assert outer.image.attrs["ancillary_variables"] == "image_valid"
    assert outer.time.values.tolist() == [0, 0.05, 0.1, 0.15, 0.2, 0.25]


def test_frames_that_were_left_out_are_marked_unless_something_else_tells():
    image = np.ones((2, 4, 3), "u1")
    for told in ({}, {"facts": {"ancillary_variables": "present"}}):
        sink = MemorySink()
        sink.add_source(SOURCE)
        sink.add_signal(frames_signal(1, **told))
        sink.add_signal(signal("present", id=2, axis="frame", stored_type="u1", dtype=np.dtype("?")))
        sink.write("image", 7, image)
        sink.skip("image", Gap(Window(9, 12), "no room", skipped=True))
        sink.write("image", 12, image)
        sink.write("present", 7, np.array([1, 1, 0, 0, 0, 1, 1], "?"))
        sink.close()
        ds = open_samples(sink.recording, Choice())
        marks = {"image_valid"} - ({"image_valid"} if told else set())
        assert set(ds.data_vars) == {"image", "present"} | marks
        assert ds.image.attrs["ancillary_variables"] == ("present" if told else "image_valid")
        for mark in marks:
            assert ds[mark].values.tolist() == [True, True, False, False, False, True, True]


def test_damage_is_marked_where_it_may_be(tmp_path):
    _, ds = opened(tmp_path, "frames_lost", on_damage="gap", signals=["image", "buffer_present", "time"])
    with ds:
        empty = ds.buffer_present.sum("slot") == 0
        np.testing.assert_array_equal(ds.image_valid, ~empty)
        assert ds.image.attrs["ancillary_variables"] == "buffer_present image_valid"
        assert "time_valid" not in ds.coords


def mixed():
    """Return a recording of frames, of two sizes, and of numbers in time."""
    other = Source(id=2, name="second")
    small, large = np.arange(24, dtype="u1").reshape(2, 4, 3), np.arange(60, dtype="u2").reshape(2, 5, 6)
    series = np.arange(100, dtype="f4")
    seconds = signal("time", id=4, axis="frame", stored_type="f64", dtype=np.dtype("f8"), describes_axis=True)
    return recorded(
        (signal("current", id=1, units="A", dtype=np.dtype("f4"), stored_type="f32"), 0, series),
        (frames_signal(2, facts={"frames": 2}), 5, small),
        (frames_signal(3, "photo", source=other, sample_shape=(5, 6), dtype=np.dtype("u2"), stored_type="u16"), 9,
         large),
        (seconds, 5, np.array([0.5, 0.75])),
    )  # fmt: skip


def test_frames_and_series_are_in_one_dataset(tmp_path):
    ds = open_samples(mixed(), Choice())
    assert ds.current.dims == ("time",)
    assert ds.image.dims == ("frame", "height", "width")
    assert ds.photo.dims == ("frame_photo", "height_photo", "width_photo")
    assert ds.time_frame.values.tolist() == [0.5, 0.75]
    assert (ds.frame.values.tolist(), ds.frame_photo.values.tolist()) == ([5, 6], [9, 10])
    assert ds.attrs["frames"] == 2
    assert set(ds.xjls.statistics().data_vars) == set(ds.xjls.columns(4).data_vars) == {"current"}
    assert ds.xjls.statistics("current").current.sel(statistic="mean") == 49.5
    assert ds.xjls.sel(slice(1, 2)).sizes["frame"] == 2
    with pytest.raises(xjls.SelectionError, match=r"'image' is by frame and no series in time"):
        ds.xjls.to_jls(tmp_path / "all.jls")
    assert not (tmp_path / "all.jls").exists()
    with xjls.open(ds.xjls.to_zarr(tmp_path / "all.zarr"), levels=False) as back:
        assert back.sizes == {**ds.sizes, "height_photo": 5, "width_photo": 6}
        for name in ("current", "image", "photo", "time_frame"):
            np.testing.assert_array_equal(back[name].values, ds[name].values)
        assert back.xjls.recording.signals.keys() == ds.xjls.recording.signals.keys()
    with xjls.open(ds.rename(image="time_picture").xjls.to_zarr(tmp_path / "renamed.zarr"), levels=False) as back:
        assert {"time", "time_picture"} <= back.xjls.recording.signals.keys()
    with xjls.open(ds.xjls.to_jls(tmp_path / "run.jls", "current")) as back:
        np.testing.assert_array_equal(back.current.values, ds.current.values)
    groups = open_groups(mixed(), Choice())
    assert set(groups["/0"].data_vars) == {"current", "image", "photo"}
    assert all(set(group.data_vars) <= {"current"} for name, group in groups.items() if name != "/0")


@pytest.mark.parametrize("number", [1, 3])
def test_signals_that_take_the_names_of_axes_stand_apart(number):
    image = frames_signal(2), 0, np.zeros((2, 4, 3), "u1")
    clash = signal("height", id=number, axis="frame", stored_type="u8"), 0, np.array([5, 6], "u1")
    ds = open_samples(recorded(*sorted((image, clash), key=lambda made: made[0].id)), Choice())
    assert ds.height_frame.values.tolist() == [5, 6]
    assert ds.image.dims == ("frame", "height", "width")
    clash = signal("frame", id=number, axis="frame", stored_type="u8"), 0, np.array([5, 6], "u1")
    with pytest.raises(xjls.SelectionError, match=r"'frame' of .* is the name of a signal and of what xjls makes"):
        open_samples(recorded(image, clash), Choice())


def test_scaled_frames_become_physical():
    stored = np.arange(24, dtype="u1").reshape(2, 4, 3)
    recording = recorded((frames_signal(1, scale_factor=0.5, add_offset=-1.0, units="V"), 3, stored))
    ds = open_samples(recording, Choice())
    np.testing.assert_array_equal(ds.image, stored * 0.5 - 1)
    raw = open_samples(recording, Choice(scaled=False))
    np.testing.assert_array_equal(raw.image, stored)
    assert raw.image.attrs["scale_factor"] == 0.5


# ---- the accessor, tables and pictures -----------------------------------------------------------------------------


ASKED = {
    "statistics": lambda ds: ds.xjls.statistics(),
    "statistics of one": lambda ds: ds.xjls.statistics("image"),
    "of a coordinate": lambda ds: ds.xjls.statistics("battery_voltage"),
    "columns": lambda ds: ds.xjls.columns(3),
    "columns of one": lambda ds: ds.xjls.columns(3, "n_missing"),
    "integrate": lambda ds: ds.xjls.integrate(),
    "reduce": lambda ds: ds.xjls.reduce(),
    "histogram": lambda ds: ds.xjls.histogram(),
    "spectrum": lambda ds: ds.xjls.spectrum("n_missing"),
    "explore": lambda ds: ds.xjls.explore(),
}


@pytest.mark.parametrize("what", ASKED)
def test_what_is_asked_of_numbers_in_time_says_what_to_do(tmp_path, what):
    _, ds = opened(tmp_path, "lost_5_percent", {})
    with ds, pytest.raises(xjls.SelectionError, match=r"Reduce (it|those along 'frame') by xarray, as ds\.\w+\.mean\("):
        ASKED[what](ds)


@pytest.mark.parametrize("asked", [None, "image"])
def test_frames_that_are_shown_are_drawn(tmp_path, asked):
    pytest.importorskip("matplotlib")
    made, ds = opened(tmp_path, "golden_tiny", {})
    with ds:
        figure = ds.isel(frame=slice(2, 5)).xjls.plot(asked, frames=2)
        drawn = [axes.images[0].get_array() for axes in figure.axes if axes.images]
        shown = [np.ma.filled(np.ma.asarray(one), 0) for one in drawn]
        assert len(shown) == 2
        for one in shown:
            assert any(np.array_equal(one, frame) for frame in made.truth.frames[2:5])
        with pytest.raises(xjls.SelectionError, match=r"Reduce those along 'frame' by xarray"):
            ds.assign(image=ds.image * 2).xjls.plot()


def test_all_signals_that_are_named_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    ds = open_samples(mixed(), Choice())
    assert ds.xjls.plot(name for name in ["current"]).axes[0].get_ylabel()
    with pytest.raises(xjls.SelectionError, match="current"):
        ds.xjls.plot(["current", "image"])
    for names in (["image", "missing"], ["image", "derived"]):
        with pytest.raises(xjls.SelectionError, match=r"'image' lies along 'frame'"):
            ds.assign(derived=ds.current * 2).xjls.plot(names)
    _, ds = opened(tmp_path, "golden_tiny")
    with ds:
        figure = ds.isel(frame=slice(0, 3)).xjls.plot(["image", "battery_voltage"])
        assert figure.axes[-1].get_ylabel().startswith("battery voltage")
        assert sum(bool(axes.images) for axes in figure.axes) == 3


def test_the_accessor_knows_the_recording(tmp_path):
    made, ds = opened(tmp_path, "lost_20_percent", {})
    with ds:
        assert ds.xjls.recording.signal("image").axis == "frame"
        missing = f"{made.truth.missing:,} of {made.truth.present.size:,} buffers missing"
        assert any(note.startswith(missing) for note in ds.xjls.status.notes)
        assert ds.xjls.annotations.empty
        assert ds.xjls.ties.empty
        assert ds.xjls.recording.user_data[0].data["frame_width"] == made.config.frame_width
        assert "image" in ds.xjls._repr_html_()
        with pytest.raises(xjls.SelectionError, match=r"ds\.swap_dims\(frame='time'\)\.sel"):
            ds.xjls.sel(slice(0, 1))
        mean = ds.xjls.reduce(["mean"], dim="frame").n_missing.sel(statistic="mean")
        assert mean == (~made.truth.present).sum(axis=1).mean()


@pytest.mark.parametrize("name", ["image", "n_missing", "time_buffer"])
def test_recordings_have_no_statistics_of_frames(tmp_path, name):
    made = MAKERS["one_frame"](tmp_path)
    with xjls.open_recording(made.path, **how_to_open(made.config)) as recording:
        for ask in (recording.statistics, recording.columns, recording.read_statistics):
            with pytest.raises(xjls.SelectionError, match=rf"'{name}' has a sample for each .* is no series in time"):
                ask(name)


def test_seconds_of_series_do_not_count_from_frames():
    recording = mixed()
    assert (recording.origin_id("current"), recording.origin_id("image")) == (0, 5)


def test_buffers_are_tables(tmp_path):
    made = MAKERS["quarantine" if "quarantine" in MAKERS else "header_of_noise"](tmp_path)
    with xjls.open_recording(made.path, **how_to_open(made.config)) as recording:
        table = make_table(recording, axis="buffer")
        found = pd.read_csv(write_table(table, tmp_path / "buffers.csv"))
        assert len(found) == recording.signal("frame_num").length
        np.testing.assert_array_equal(found["buffer"], np.arange(len(found)))
        for name in found.columns[1:]:
            np.testing.assert_array_equal(found[name].to_numpy(), recording.read(name))
        assert {"header_ok", "bit_offset", "time_buffer", "battery_voltage"} <= set(found.columns)
        part = make_table(recording, ["n_missing", "time"], (12825, 12827))
        packed = pd.read_parquet(write_table(part, tmp_path / "frames.parquet"))
        assert list(packed.columns) == ["frame", "n_missing", "time"]
        assert packed["frame"].tolist() == [12825, 12826]
        assert part.facts["axis"] == "frame"


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({}, r"no signal of .* is a series in time.*axis='buffer'"),
        ({"signals": ["image"]}, r"a sample of 'image' has 16 × 16 numbers, which no cell holds"),
        ({"signals": ["n_missing", "frame_num"]}, "n_missing along frame; frame_num along buffer"),
        ({"signals": ["frame_num"], "axis": "frame"}, "nothing along frame"),
        ({"axis": "buffer", "every": 3}, "rows are single positions of 'buffer'"),
        ({"axis": "frame", "time": "utc"}, "told by their number, not by utc"),
        ({"axis": "image"}, "'image' has a sample for each frame, and no times"),
        ({"axis": "slot"}, "no signal 'slot'"),
    ],
)  # fmt: skip
def test_what_no_table_holds_is_refused(tmp_path, asked, match):
    made = MAKERS["lost_5_percent"](tmp_path)
    with (
        xjls.open_recording(made.path, **how_to_open(made.config)) as recording,
        pytest.raises(xjls.SelectionError, match=match),
    ):
        make_table(recording, **asked)


def test_tables_of_mixed_recordings_are_of_series():
    assert [column.name for column in make_table(mixed()).columns] == ["seconds", "current"]
    with pytest.raises(xjls.SelectionError, match="current along time; time along frame"):
        make_table(mixed(), ["current", "time"])


def test_annotations_of_frames_follow_the_labels():
    sink = MemorySink()
    sink.add_source(SOURCE)
    sink.add_signal(frames_signal(1))
    sink.write("image", 10, np.ones((5, 4, 3), "u1"))
    for frame in (11, 14):
        placed = {"signal": "image", "sample_id": frame, "time_ns": None}
        sink.annotate(xjls.Annotation(**placed, kind="text", group=0, y=0.0, data=f"at {frame}"))
    sink.close()
    ds = open_samples(sink.recording, Choice())
    assert ds.xjls.annotations.data.tolist() == ["at 11", "at 14"]
    assert ds.sel(frame=slice(12, None)).xjls.annotations.data.tolist() == ["at 14"]


# ---- written again -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [None, {}], ids=["lazy", "dask"])
@pytest.mark.parametrize(
    "name", ["frames_lost", "depth_12_msb", "layout_stream_protobuf", "card_wide", "header_of_noise"]
)
def test_a_dataset_is_written_and_opens_the_same(tmp_path, name, chunks):
    _, ds = opened(tmp_path, name, chunks)
    with ds, xjls.open(ds.xjls.to_zarr(tmp_path / "all.zarr")) as back:
        assert back.attrs == {**ds.attrs, "format": "Zarr"}
        assert back.xjls.recording.skipped("image") == ds.xjls.recording.skipped("image")
        assert [one.data for one in back.xjls.recording.user_data]
        for each in ds.variables:
            assert back[each].attrs.keys() == ds[each].attrs.keys()
        xr.testing.assert_equal(back.load(), ds.load())


def test_a_part_is_written_without_totals_of_the_whole(tmp_path):
    made, ds = opened(tmp_path, "lost_20_percent", {})
    with ds:
        part = ds.isel(frame=slice(3, 30), buffer=slice(10, 20))
        with xjls.open(part.xjls.to_zarr(tmp_path / "part.zarr")) as back:
            xr.testing.assert_equal(back.load(), part.load())
            assert {"missing_buffers", "frames"}.isdisjoint(back.attrs)
            for fact in ("payload_bytes", "pixel_bits", "frame_height", "frame_width", "buffers_per_frame"):
                assert back.image.attrs[fact] == ds.image.attrs[fact]
            assert back.frame_number.attrs["refers_to"] == "frame"
            np.testing.assert_array_equal(back.xjls.pixel_present(), made.truth.pixel_present[3:30])
        with xjls.open(part.isel(height=slice(4, 9)).xjls.to_zarr(tmp_path / "rows.zarr")) as back:
            assert {"payload_bytes", "pixel_bits", "frame_height"}.isdisjoint(back.image.attrs)
            assert back.header_flags.attrs["flag_masks"].tolist() == ds.header_flags.attrs["flag_masks"].tolist()
        with xjls.open(ds.xjls.to_zarr(tmp_path / "image.zarr", "image")) as back:
            assert set(back.data_vars) == {"image"}
            assert {"time", "frame", "height", "width"} == set(back.coords)
            np.testing.assert_array_equal(back.image.values, made.truth.frames)
        with pytest.raises(xjls.SelectionError, match=r"the labels of 'frame' do not count on.*Select a slice"):
            ds.isel(frame=[0, 2]).xjls.to_zarr(tmp_path / "holes.zarr")
        twice = ds.n_missing * ds.bit_offset
        with pytest.raises(xjls.SelectionError, match=r"'twice' lies along frame and buffer"):
            ds.assign(twice=twice).xjls.to_zarr(tmp_path / "twice.zarr")
        assert {path.name for path in tmp_path.glob("*.zarr")} == {"part.zarr", "rows.zarr", "image.zarr"}


def test_frames_by_time_are_not_written(tmp_path):
    _, ds = opened(tmp_path, "lost_5_percent")
    with ds, pytest.raises(xjls.SelectionError, match=r"'image' is labelled by 'time'.*ds\.swap_dims\(time='frame'\)"):
        ds.swap_dims(frame="time").xjls.to_zarr(tmp_path / "by_time.zarr")


def test_derived_frames_are_written_with_their_gaps(tmp_path):
    made, ds = opened(tmp_path, "frames_lost")
    with ds:
        host = xr.Variable("frame", np.arange(ds.sizes["frame"]) * 10**9 + 500, {"long_name": "host"})
        derived = ds.assign(
            image=(255 - ds.image).assign_attrs(ds.image.attrs),
            bright=ds.image.mean(("height", "width")).drop_attrs(),
        ).assign_coords(host_time=host.astype("M8[ns]"))
        with xjls.open(derived.xjls.to_zarr(tmp_path / "derived.zarr")) as back:
            empty = ~made.truth.present.any(axis=1)
            np.testing.assert_array_equal(back.image[~empty], 255 - made.truth.frames[~empty])
            assert not back.image[empty].values.any()
            lost = sum(gap.window.length for gap in back.xjls.recording.skipped("image"))
            assert lost == empty.sum() > 0
            np.testing.assert_array_equal(back.bright, derived.bright)
            np.testing.assert_array_equal(back.host_time, derived.host_time)
            assert back.image.attrs["nominal_rate_hz"] == 20
            assert back.bright.attrs["nominal_rate_hz"] == 1
            assert set(back.data_vars) == {"image", "bright", "buffer_present", "n_missing"}


# ---- which pixels arrived ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [None, {}, {"frame": 3}])
@pytest.mark.parametrize("name", ["lost_20_percent", "depth_12_msb", "wide", "frames_lost", "card_with_tails_lost"])
@pytest.mark.filterwarnings("ignore:The specified chunks separate the stored chunks")
def test_pixels_that_arrived_are_told(tmp_path, name, chunks):
    made, ds = opened(tmp_path, name, chunks=chunks)
    with ds:
        found = ds.xjls.pixel_present()
        assert found.dims == ds.image.dims
        assert found.chunks == ds.image.chunks
        np.testing.assert_array_equal(found, made.truth.pixel_present)
        some = ds.isel(frame=slice(1, 4)).xjls.pixel_present()
        np.testing.assert_array_equal(some, made.truth.pixel_present[1:4])


def test_pixels_of_frames_that_mio_makes_are_told(tmp_path):
    _, ds = opened(tmp_path, "lost_20_percent", options={"layout": "mio"})
    with ds:
        missing = ~ds.xjls.pixel_present().values
        assert missing.any()
        assert (ds.image.values[missing] == 0).all()


TURNED = {
    "transposed": lambda data: data.transpose("width", "height", ...),
    "flipped": lambda data: data.isel(height=slice(None, None, -1)),
    "cropped": lambda data: data.isel(height=slice(4, 11), width=[9, 2]),
    "a row": lambda data: data.isel(height=5),
    "a frame": lambda data: data.isel(frame=2),
    "pixels": lambda data: data.isel(frame=("p", [1, 2, 3]), height=("p", [0, 15, 8]), width=("p", [3, 3, 1])),
    "stacked": lambda data: data.transpose("width", "frame", "height", ...).stack(pixel=("height", "width")),
}


@pytest.mark.parametrize("chunks", [None, {}, {"frame": 3}])
@pytest.mark.parametrize("turned", TURNED)
@pytest.mark.parametrize("layout", ["device", "mio"])
@pytest.mark.filterwarnings("ignore:The specified chunks separate the stored chunks")
def test_pixels_are_told_by_their_labels(tmp_path, turned, chunks, layout):
    _, ds = opened(tmp_path, "lost_20_percent", chunks=chunks, options={"layout": layout})
    with ds:
        whole = ds.xjls.pixel_present().compute()
        assert 0 < whole.mean() < 1
        part = TURNED[turned](ds)
        found = part.xjls.pixel_present()
        assert found.dims == part.image.dims
        assert (found.chunks is None) == (chunks is None)
        np.testing.assert_array_equal(found, TURNED[turned](whole).transpose(*found.dims))
        assert found.coords.equals(part.image.coords)
        np.testing.assert_array_equal(ds.isel(slot=slice(None, None, -1)).xjls.pixel_present(), whole)


NOT_TOLD = {
    "has a part of the buffers": lambda ds: ds.isel(slot=[0, 1]),
    "has a part of the buffers .*": lambda ds: ds.isel(slot=0),
    "'image' has no labels along 'height'": lambda ds: ds.drop_vars("height"),
    "'image' has no labels along 'width'": lambda ds: ds.coarsen(width=2).mean(keep_attrs=True),
    "'buffer_present' has no labels along 'slot'": lambda ds: ds.drop_vars("slot"),
    "'image' does not tell in which order": lambda ds: ds.assign(image=ds.image.assign_attrs(sample_dims="")),
    "no variable.*buffer_present": lambda ds: ds[["n_missing"]],
}


@pytest.mark.parametrize("match", NOT_TOLD)
def test_pixels_that_no_labels_tell_are_refused(tmp_path, match):
    _, ds = opened(tmp_path, "lost_20_percent")
    with ds, pytest.raises(xjls.SelectionError, match=f"{match}.*(Mask it first|xjls.open)"):
        NOT_TOLD[match](ds).xjls.pixel_present()
