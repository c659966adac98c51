"""Frames between a device and whoever writes or shows them: the ring, the newest frame, and what it looks like."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.frame_devices import FIRST, SLOTS, Clock, Scope, mask_of, pixels_of, plays, signals_of
from xjls.capturing.grey import grey_of, missing_pixels, tinted
from xjls.capturing.last_frames import LOSS_S, MOST_WAITING, LastFrame, LastFrames
from xjls.capturing.ring import NO_ROOM, PIECES, Ring
from xjls.capturing.run import shown_s
from xjls.capturing.session import FRAMES_RING_S, LEAST_RING_BYTES, Session, _ring_bytes
from xjls.capturing.watching import Watch
from xjls.cli.live_frame import pictures
from xjls.errors import CaptureError
from xjls.formats.miniscope.shape import FrameShape

# ---- the ring -------------------------------------------------------------------------------------------------------


def test_the_ring_has_room_for_seconds_of_frames_by_their_bytes():
    assert _ring_bytes(signals_of()) == LEAST_RING_BYTES
    megapixels = _ring_bytes(signals_of(side=1024))
    assert megapixels >= 20 * FRAMES_RING_S * 1024 * 1024
    assert shown_s(signals_of(), 10) == 10


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_frames_come_out_as_they_were_put_in_or_are_gaps(data):
    side = data.draw(st.sampled_from([1, 3, 8]))
    image = next(one for one in signals_of(side) if one.name == "image")
    room = data.draw(st.integers(1, 40)) * side * side
    ring = Ring(room, waits=False, signals=[image])
    put, out, gaps, at = {}, {}, [], 7

    def take():
        calls = ring.take(0)
        for call in calls:
            if call.verb == "write":
                first, samples = call.arguments
                out.update((first + i, sample.copy()) for i, sample in enumerate(samples))
            else:
                gaps.append(call.arguments[0])
        ring.release(calls)

    for n in data.draw(st.lists(st.integers(0, 20), max_size=30)):
        if n == 0:
            take()
            continue
        frames = np.stack([pixels_of(at + i, side) for i in range(n)])
        frames = frames[:, :, ::-1] if n % 2 else frames  # also such as are not contiguous
        ring.write("image", at, frames)
        put |= {at + i: frame for i, frame in enumerate(frames)}
        at += n
    ring.finish()
    while not ring.is_drained:
        take()
    left_out = {frame for gap in gaps for frame in range(gap.window.start, gap.window.stop)}
    assert {gap.reason for gap in gaps} <= {NO_ROOM}
    assert out.keys() | left_out == put.keys()
    assert not out.keys() & left_out
    for frame, pixels in out.items():
        np.testing.assert_array_equal(pixels, put[frame])


def test_a_frame_larger_than_the_ring_would_be_finds_room_and_nobody_waits_for_ever():
    image = next(one for one in signals_of(side=64) if one.name == "image")
    ring = Ring(64, waits=True, signals=[image])
    assert ring.size_bytes // PIECES < 64 * 64
    for frame in range(9):
        ring.write("image", frame, pixels_of(frame, 64)[None])
        (call,) = ring.take(0)
        np.testing.assert_array_equal(call.arguments[1], pixels_of(frame, 64)[None])
        ring.release([call])


def test_a_device_that_delivers_another_shape_than_it_said_is_refused():
    ring = Ring(1 << 16, waits=False, signals=signals_of())
    with pytest.raises(CaptureError, match=r"delivers uint8\[1, 16\] of 'image', which is uint8\[n, 16, 16\]"):
        ring.write("image", 0, np.zeros((1, 16), "u1"))
    with pytest.raises(CaptureError, match=r"of 'n_missing', which is uint16\[n\]"):
        ring.write("n_missing", 0, np.zeros((1, 4), "u2"))


# ---- what is watched ------------------------------------------------------------------------------------------------


def test_the_newest_frame_is_shown_with_its_buffers_and_nothing_else_is_kept(tmp_path):
    scope = Scope(plays(FIRST + 500))
    watch = Watch(scope.signals, seconds=5)
    Session(scope, [], live=watch).start().wait()
    frames = watch.frames["image"]
    last = max(frame for frame in range(FIRST, FIRST + 500) if mask_of(frame).any())
    assert frames.newest.frame_id == last
    np.testing.assert_array_equal(frames.newest.present, mask_of(last))
    assert frames.n_bytes < 8 * 256 + 512 * SLOTS
    assert watch.histories == {}
    assert list(watch.recording.signals) == []
    masks = np.array([mask_of(frame) for frame in range(FIRST, FIRST + 500)])
    assert frames.lost == pytest.approx(1 - masks.mean(), abs=1e-9)


def test_losses_are_of_the_last_seconds_and_a_frame_without_word_of_its_buffers_is_shown_late():
    clock = Clock()
    image, mask = signals_of()[:2]
    frames = LastFrames(image, mask, clock.elapsed_s)
    assert (frames.newest, frames.lost) == (None, None)
    frames.write("buffer_present", 0, np.zeros((2, SLOTS), "?"))
    frames.skip("buffer_present", 2)
    frames.skip("image", 2)  # told by its mask
    assert frames.lost == 1
    clock.s += LOSS_S + 1
    assert frames.lost is None
    frames.write("buffer_present", 4, np.ones((1, SLOTS), "?"))
    frames.write("image", 4, pixels_of(4)[None])
    assert (frames.lost, frames.newest.frame_id, len(frames.newest.missing)) == (0, 4, 0)
    for frame in range(5, 5 + MOST_WAITING + 1):
        assert frames.newest.frame_id == 4
        frames.write("image", frame, pixels_of(frame)[None])
    assert (frames.newest.frame_id, frames.newest.present) == (5, None)


def test_frames_are_grey_between_their_percentiles_and_what_is_missing_is_red():
    image, mask = signals_of(side=32)[:2]
    frames = LastFrames(image, mask)
    frames.write("buffer_present", 1, np.array([[True, False, True, True]]))
    frames.write("image", 1, pixels_of(1, 32)[None])
    grey = grey_of(frames.newest, image, 1 << 20)
    assert grey.step == 1
    assert grey.missing[8:16].all()
    assert not grey.missing[:8].any()
    assert not grey.missing[16:].any()
    rgb = tinted(grey.pixels, grey.missing)
    np.testing.assert_array_equal(rgb[..., 0][~grey.missing], grey.pixels[~grey.missing])
    assert (rgb[grey.missing][:, 0] > 2 * rgb[grey.missing][:, 1]).all()
    small = grey_of(frames.newest, image, 100)
    assert small.pixels.size <= 121
    assert small.missing.any()


@pytest.mark.parametrize(("payload", "packing", "depth"), [(72, "bytes", 8), (50, "lsb", 12), (64, "u16", 10)])
def test_the_pixels_of_a_buffer_are_those_that_a_miniscope_has_in_it(payload, packing, depth):
    shape = FrameShape(width=17, height=9, payload_bytes=payload, packing=packing, pix_depth=depth)
    facts = {"payload_bytes": shape.payload_bytes, "pixel_bits": shape.pixel_bits}
    image = replace(signals_of()[0], sample_shape=(9, 17), dtype=shape.dtype, facts=facts)
    for slot in range(shape.n_slots):
        present = np.arange(shape.n_slots) != slot
        frame = LastFrame(1, np.zeros((9, 17), shape.dtype), present)
        start, stop = shape.pixels_of(slot)
        assert np.flatnonzero(missing_pixels(frame, image)).tolist() == list(range(start, stop))
    assert not missing_pixels(frame, replace(image, facts={})).any()  # nothing tells which


def test_a_few_bright_pixels_in_the_dark_are_seen():
    image = replace(signals_of(side=100)[0], facts={})
    dark = np.zeros((100, 100), "u1")
    dark.flat[:: 10_000 // 30] = 200
    grey = grey_of(LastFrame(1, dark, None), image, 1 << 20)
    np.testing.assert_array_equal(grey.pixels, np.where(dark, 255, 0))
    assert (grey.low, grey.high) == (0, 200)


def test_a_frame_is_shown_in_letters_with_red_where_a_buffer_is_missing():
    image, mask = signals_of(side=32)[:2]
    frames = LastFrames(image, mask)
    assert pictures({"image": frames}, 40, 20) == ["image: no frame has come yet"]
    frames.write("buffer_present", 1, np.array([[True, False, True, True]]))
    frames.write("image", 1, pixels_of(1, 32)[None])
    words, *lines = pictures({"image": frames}, 100, 17, colored=False)
    assert words.startswith("image  frame 1 | 1 of 4 buffers missing | 25")
    assert [set(line) == {"?"} for line in lines] == [False] * 4 + [True] * 4 + [False] * 8
    _, *lines = pictures({"image": frames}, 100, 17)
    assert ["38;5;124" in line for line in lines] == [False] * 4 + [True] * 4 + [False] * 8
    _, *lines = pictures({"image": frames}, 9, 6, colored=False)
    assert {len(line) for line in lines} <= set(range(1, 10))
    assert len(lines) <= 5
    assert pictures({"image": frames}, 40, 3) == []
