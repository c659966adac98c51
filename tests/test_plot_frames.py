"""Pictures of frames: tiles are the frames that were sent, what did not arrive is marked, and columns are few."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.path import Path

import xjls
from tests.miniscopes import MAKERS, how_to_open, recording_of
from xjls.cli.main import main
from xjls.errors import LostSamplesError, SelectionError
from xjls.plot import plot_recording
from xjls.plot.mosaic import outline, tiles_of
from xjls.query.frame_report import report_of
from xjls.query.frames import require_frames
from xjls.testing.miniscope import buffers_of, encode, noise, ramps, tiny
from xjls.widget.page.writing import write_page
from xjls.widget.view.lane import Source
from xjls.widget.view.view import View

SEVERAL = [
    "golden_200px", "lost_20_percent", "lost_60_percent", "frame_of_wrong_headers", "wide", "high", "depth_10_msb",
    "depth_12_lsb", "one_frame", "one_buffer_a_frame", "card_with_frame_lost", "card_with_tails_lost", "card_wide",
    "days_later", "black_and_white",
]  # fmt: skip
SKY = np.array([0x56, 0xB4, 0xE9])


def stream(path, config, frames, lost=()):
    """Write a stream of frames without some of its buffers, and open it."""
    buffers = buffers_of(config, frames)
    path.write_bytes(encode(config, [one for i, one in enumerate(buffers) if i not in set(lost)]).data)
    return xjls.open_recording(path, **how_to_open(config))


def store_of(recording, path, names, *, series=(), facts=None, named="time"):
    """Write some signals of a recording without gaps to a store, and signals in time beside them; no user data."""
    bench, scope = xjls.Source(id=1, name="bench"), xjls.Source(id=2, name="scope")
    with xjls.new_recording(path) as sink:
        for source in (bench, scope):
            sink.add_source(source)
        for number, name in enumerate(names, 1):
            signal = recording.signal(name)
            told = facts if facts is not None and signal.sample_shape and name == "image" else {}
            stored = named if name == "time" else name
            sink.add_signal(replace(signal, id=number, name=stored, source=scope, facts=told))
            sink.write(stored, signal.first_id, recording.read(name))
        for number, name in enumerate(series, len(names) + 1):
            made = xjls.Signal(
                id=number, name=name, units="A", dtype=np.dtype("f4"), rate_hz=Fraction(1000), source=bench,
                stored_type="f32",
            )  # fmt: skip
            sink.add_signal(made)
            sink.write(name, 0, np.arange(5000, dtype="f4"))
    return xjls.open_recording(path)


@pytest.fixture
def lossy(tmp_path):
    made = MAKERS["lost_60_percent"](tmp_path)
    with recording_of(made) as recording:
        yield made, recording


@pytest.fixture
def both(tmp_path):
    """Return a recording of frames and of a signal in time."""
    with recording_of(MAKERS["golden_tiny"](tmp_path)) as recording:
        made = store_of(recording, tmp_path / "both.zarr", ["image", "buffer_present", "time"], series=["current"])
    with made:
        yield made


def images(figure):
    return [ax.images[0] for ax in figure.axes if ax.images]


def lanes(figure):
    return [ax for ax in figure.axes if ax.get_ylabel()]


def title(ax):
    return ax.get_title(loc="left")


# ---- the mosaic ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEVERAL)
def test_tiles_are_the_frames_that_were_sent(tmp_path, name):
    made = MAKERS[name](tmp_path)
    truth = made.truth
    with recording_of(made) as recording:
        figure = recording.plot(frames=5)
    drawn = images(figure)
    assert len(drawn) == min(5, len(truth.frames))
    for image in drawn:
        at = int(title(image.axes).split()[0][1:]) - truth.device_frame[0]
        pixels = image.get_array()
        np.testing.assert_array_equal(np.ma.getmaskarray(pixels), ~truth.pixel_present[at])
        np.testing.assert_array_equal(pixels.filled(0), np.where(truth.pixel_present[at], truth.frames[at], 0))
        covered = np.zeros(pixels.size, np.bool_)
        lacks = int((~truth.present[at]).sum())
        assert ("missing" in title(image.axes) or "lost" in title(image.axes)) == (lacks > 0)
        for patch in image.axes.patches:
            path, width = patch.get_path(), pixels.shape[1]
            places = np.stack([np.arange(pixels.size) % width, np.arange(pixels.size) // width], axis=1)
            covered |= path.contains_points(places)
            assert patch.get_hatch() == "////"
        np.testing.assert_array_equal(covered.reshape(pixels.shape), ~truth.pixel_present[at])


def test_tiles_are_spread_over_the_window_and_say_when_they_were_taken(lossy):
    _, recording = lossy
    shown = [title(image.axes) for image in images(recording.plot())]
    assert len(shown) == 12
    assert shown[0] == "#12824 · 624.224 s\n3 of 4 buffers missing"
    assert shown[3] == "#12834\nlost"
    assert shown[-1].startswith("#12863 · 626.131 s")
    shown = [title(image.axes).split()[0] for image in images(recording.plot(window=(12830, 12833), frames=9))]
    assert shown == ["#12830", "#12831", "#12832"]


def test_captions_say_what_there_is_room_for(tmp_path):
    with recording_of(MAKERS["lost_20_percent"](tmp_path)) as recording:
        several = recording.plot(frames=40)
        many = recording.plot(frames=40, figsize=(2, 8))
    first, second = (title(image.axes) for image in images(several)[:2])
    assert (first, second.split("\n")[0]) == ("#12824\n624.218 s", "#12825")
    assert {title(image.axes).count("\n") for image in images(many)} == {0}


def test_the_greys_are_those_of_all_tiles(tmp_path):
    config = tiny()
    frames = np.tile(np.arange(256, dtype=np.uint8).reshape(16, 16), (4, 1, 1))
    frames[2] //= 2
    with stream(tmp_path / "run.bin", config, frames) as recording:
        figure = recording.plot()
    low, high = np.percentile(frames, [1, 99.5])
    assert {image.get_clim() for image in images(figure)} == {(low, high)}
    text = figure.subfigs[0].get_suptitle()
    assert text.startswith("run.bin · 4 frames in 196 ms · no buffer missing · black ")


@pytest.mark.parametrize("value", [0, 9])
def test_a_dark_frame_is_no_missing_one(tmp_path, value):
    config = tiny()
    with stream(tmp_path / "run.bin", config, np.full((2, 16, 16), value, np.uint8), lost=[5]) as recording:
        figure = recording.plot()
    figure.savefig(tmp_path / "run.png", dpi=figure.dpi)
    seen = np.round(imread(tmp_path / "run.png")[..., :3] * 255).astype(int)
    near = (np.abs(seen - SKY) < 12).all(axis=-1)
    whole, part = (image.axes.get_window_extent() for image in images(figure))
    boxes = [(slice(int(len(seen) - b.y1), int(len(seen) - b.y0)), slice(int(b.x0), int(b.x1))) for b in (whole, part)]
    assert not near[boxes[0]].any()
    assert 0.1 < near[boxes[1]].mean() < 0.4
    inside = seen[boxes[0]][5:-5, 5:-5]
    assert (inside == (0 if value == 0 else 255)).all()


def test_a_picture_is_no_higher_than_it_must_be(tmp_path):
    sizes = {}
    for name in ("one_frame", "high", "wide", "golden_tiny"):
        with recording_of(MAKERS[name](tmp_path)) as recording:
            sizes[name] = recording.plot().get_size_inches()
    assert all(width == 10 and 4 < height < 9.5 for width, height in sizes.values())
    with recording_of(MAKERS["wide"](tmp_path)) as recording:
        assert tuple(recording.plot(figsize=(6, 5)).get_size_inches()) == (6, 5)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 9))
def test_the_outline_of_pixels_is_around_all_of_them_and_no_other(start, length, width):
    n = -(-(start + length) // width) * width
    places = np.stack([np.arange(n) % width, np.arange(n) // width], axis=1)
    inside = Path(outline(start, start + length, width), closed=False).contains_points(places)
    np.testing.assert_array_equal(np.flatnonzero(inside), np.arange(start, start + length))


# ---- over time -----------------------------------------------------------------------------------------------------


def test_voltages_and_temperatures_are_drawn_where_headers_have_them(tmp_path):
    labels = {}
    for name in ("lost_20_percent", "stream_4_with_wrong_time", "card_of_9_words"):
        with recording_of(MAKERS[name](tmp_path)) as recording:
            labels[name] = [ax.get_ylabel() for ax in lanes(recording.plot())]
    assert labels["card_of_9_words"] == ["missing buffers\n(%)"]
    assert labels["lost_20_percent"] == ["missing buffers\n(%)", "V"]
    assert labels["stream_4_with_wrong_time"] == ["missing buffers\n(%)", "mcu temperature\n(°C)", "V"]


def test_pictures_of_long_recordings_read_few_frames_and_draw_few_points(tmp_path, monkeypatch):
    config, n = tiny(), 3000
    with stream(tmp_path / "run.bin", config, ramps(config, n), lost=range(100, 200)) as recording:
        seen, read = [], type(recording.reader).read

        def spied(self, signal, window, *rest):
            seen.append((signal.name, window.length))
            return read(self, signal, window, *rest)

        monkeypatch.setattr(type(recording.reader), "read", spied)
        figure = recording.plot()
    assert sum(length for name, length in seen if name == "image") == 12
    points = [len(patch.get_data().edges) for ax in lanes(figure) for patch in ax.artists + ax.patches]
    assert points
    assert max(points) <= 901
    assert sum(len(line.get_xdata()) for ax in figure.axes for line in ax.lines) < 100


def test_the_gap_is_marked_where_no_frame_arrived(lossy):
    _, recording = lossy
    figure = recording.plot(["image"])
    (lane,) = lanes(figure)
    legend = [text.get_text() for text in lane.get_legend().get_texts()]
    assert legend[:2] == ["pixels that did not arrive", "frames above"]
    assert "no samples" in legend
    assert lane.get_xlabel() == "time since the device's clock began (s)"
    low, high = lane.get_ylim()
    assert low < 0 < 100 < high


def test_only_what_is_named_is_drawn(lossy):
    _, recording = lossy
    figure = recording.plot(["battery_voltage", "write_timestamp"])
    assert not images(figure)
    assert [ax.get_ylabel() for ax in lanes(figure)] == ["battery voltage\n(V)", "write timestamp\n(s)"]
    assert len(lanes(recording.plot(["buffer_present"]))) == 1
    assert len(images(recording.plot("image", frames=3))) == 3


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"frames": 0}, "frames=0 makes no mosaic. Choose 1 to 200"),
        ({"frames": 201}, "makes no mosaic"),
        ({"columns": 0}, "columns=0 draws nothing"),
        ({"window": (12830, 12830)}, "holds no frame"),
        ({"window": (0, 5)}, "reaches outside"),
        ({"signals": ["image", "imgae"]}, "no signal 'imgae'"),
        ({"signals": ["image", "buffer_present", "black"]}, "no signal 'black'"),
        ({"scale": "cubic"}, "is no scale"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(lossy, options, match):
    with pytest.raises(SelectionError, match=match):
        plot_recording(lossy[1], **options)


def test_frames_need_a_figure(lossy):
    figure = Figure()
    with pytest.raises(SelectionError, match="one axes cannot hold a mosaic"):
        lossy[1].plot(ax=figure.subplots())
    figure = Figure(layout="constrained", figsize=(9, 9))
    half = figure.subfigures(1, 2)[1]
    assert lossy[1].plot(figure=half, frames=2) is half
    assert len(images(figure)) == 2


def test_a_card_without_buffers_has_nothing_to_draw(tmp_path):
    with (
        recording_of(MAKERS["card_without_buffers"](tmp_path)) as recording,
        pytest.raises(SelectionError, match="no frames"),
    ):
        recording.plot()


def test_buffers_alone_say_how_to_get_at_them(tmp_path):
    with recording_of(MAKERS["golden_tiny"](tmp_path)) as recording:
        made = store_of(recording, tmp_path / "run.zarr", ["bit_offset", "header_ok"])
    with made, pytest.raises(SelectionError, match=r"no frames to draw, only buffers. xjls export --axis buffer"):
        made.plot()


# ---- what a recording may lack -------------------------------------------------------------------------------------


def test_without_the_places_of_slots_the_title_and_the_border_tell(tmp_path):
    made = MAKERS["middle_buffer_lost"](tmp_path)
    names = ["image", "buffer_present", "time"]
    with recording_of(made) as recording:
        untold = store_of(recording, tmp_path / "untold.zarr", names)
        told = store_of(recording, tmp_path / "told.zarr", names, facts={"payload_bytes": 72, "pixel_bits": 8})
    at = int(np.flatnonzero(~made.truth.present.all(axis=1))[0])
    with untold, told:
        for recording, missing in ((untold, 0), (told, int((~made.truth.pixel_present[at]).sum()))):
            frames = require_frames(recording)
            (tile,) = tiles_of(frames, [frames.image.first_id + at])
            assert tile.lack == "1 of 4 buffers missing"
            assert np.count_nonzero(~tile.there) == missing
        assert "1 of 4 buffers missing" in [title(image.axes).partition("\n")[2] for image in images(untold.plot())]


def test_times_are_found_that_are_named_after_their_axis(tmp_path):
    with recording_of(MAKERS["golden_tiny"](tmp_path)) as recording:
        window, times = recording.signal("image").window, recording.read("time")
        made = store_of(recording, tmp_path / "run.zarr", ["image", "time"], named="time_frame")
    with made:
        frames = require_frames(made)
        assert "time" not in made.signals
        np.testing.assert_array_equal(frames.times(window), times)


def test_without_times_the_axis_counts_frames(tmp_path):
    with recording_of(MAKERS["golden_tiny"](tmp_path)) as recording:
        made = store_of(recording, tmp_path / "run.zarr", ["image"])
    with made:
        figure = made.plot()
        assert title(images(figure)[0].axes) == "#12824"
        (lane,) = lanes(figure)
        assert lane.get_xlabel() == "the device's number of the frame"
        figure.canvas.draw()
        assert lane.get_xticklabels()[0].get_text() == "#12824"


def test_a_damaged_frame_is_told_from_one_that_never_arrived(tmp_path):
    config = tiny()
    with stream(tmp_path / "run.bin", config, noise(config, 6)) as recording:
        store_of(recording, tmp_path / "run.zarr", ["image", "buffer_present"]).close()
    chunk = tmp_path / "run.zarr" / "0" / "image" / "c.0.0.0"
    data = bytearray(chunk.read_bytes())
    data[10] ^= 1
    chunk.write_bytes(data)
    with xjls.open_recording(tmp_path / "run.zarr") as recording, pytest.raises(LostSamplesError):
        recording.plot()
    with xjls.open_recording(tmp_path / "run.zarr", on_damage="gap") as recording:
        figure = recording.plot(frames=2)
        assert "damaged" in [text.get_text() for text in lanes(figure)[0].get_legend().get_texts()]
        recording.check()
        report = report_of(require_frames(recording))
    assert [title(image.axes) for image in images(figure)] == ["#12824\ndamaged", "#12829\ndamaged"]
    assert (report.complete, report.partial, report.empty, report.longest_lost) == (0, 0, 6, (12824, 12830))


# ---- beside signals in time ----------------------------------------------------------------------------------------


def test_where_there_are_signals_in_time_frames_are_drawn_when_they_are_named(both, tmp_path):
    figure = both.plot(time="seconds")
    assert [ax.get_ylabel() for ax in figure.axes] == ["current (kA)"]
    assert len(images(both.plot(["image"]))) == 8
    with pytest.raises(SelectionError, match="current cannot be drawn beside frames"):
        both.plot(["image", "current"])


def test_the_explorer_leaves_frames_out(both, lossy):
    assert [lane.key for lane in View([Source(both)]).lanes] == ["current"]
    with pytest.raises(SelectionError, match="'image' has a sample a frame, and none at a steady rate"):
        View([Source(both, ("image",))])
    with pytest.raises(SelectionError, match="count frames and buffers: none is a series in time"):
        View([Source(lossy[1])])


def test_a_page_leaves_frames_out(both, lossy, tmp_path):
    page = write_page(both, tmp_path / "run.html").read_text("utf-8")
    assert "current" in page
    with pytest.raises(SelectionError, match="none is a series in time"):
        write_page(lossy[1], tmp_path / "frames.html")
    assert not (tmp_path / "frames.html").exists()


def test_commands_leave_frames_out(both, tmp_path, capsys):
    assert main(["stats", both.path]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["signal", "current"]
    assert main(["export", both.path, str(tmp_path / "run.csv")]) == 0
    assert (tmp_path / "run.csv").read_text("utf-8").splitlines()[0] == "seconds,current"
    assert main(["extract", both.path, str(tmp_path / "part.jls"), "--from", "1"]) == 0
    with xjls.open_recording(tmp_path / "part.jls") as part:
        assert list(part.signals) == ["current"]
    assert main(["explore", both.path, "-o", str(tmp_path / "run.html"), "--from", "1"]) == 0
    capsys.readouterr()
    assert main(["info", both.path]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert [line[0] for line in lines if line[0] in ("signals", "current", "image")] == [
        "signals", "current", "signals", "image",
    ]  # fmt: skip
