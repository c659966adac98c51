"""A device with frames that does what a test says, and the law of what is captured of it."""

from fractions import Fraction

import numpy as np

import xjls
from xjls.capturing.device import STOPPED
from xjls.model.sample_type import name_of
from xjls.model.window import Gap, Window

SIDE, SLOTS = 16, 4
SOURCE = xjls.Source(id=1, name="scope", vendor="tests")
LOST = "no buffer arrived"
FIRST = 12_830
FRAME, BUFFER = ("image", "buffer_present", "n_missing", "time"), ("frame_num", "header_ok", "frame_number")


def pixels_of(frame, side=SIDE):
    """Return the pixels that the device sends of a frame, u8[height, width]."""
    y, x = np.ogrid[:side, :side]
    return ((x + 2 * y + 7 * frame) % 256).astype("u1")


def mask_of(frame):
    """Return which parts arrive of a frame, bool[slot]: every seventh is lost, and of every fifth a part."""
    found = np.full(SLOTS, frame % 7 != 3)
    found[frame % SLOTS] &= frame % 5 != 1
    return found


def frame_numbers(numbers):
    """Return the frames that buffers are of, i64[buffer], by what headers say; -1 where that is not known."""
    return np.where(numbers % 11 == 5, -1, numbers.astype("i8"))


def sent(frame, side=SIDE):
    """Return a frame as it arrives: 0 where a part is missing."""
    pixels = pixels_of(frame, side).reshape(SLOTS, -1)
    return np.where(mask_of(frame)[:, None], pixels, 0).astype("u1").reshape(side, side)


def signals_of(side=SIDE, fps=20):
    """Return the signals, on two axes."""

    def signal(number, name, dtype, axis, **told):
        rate = fps * (1 if axis == "frame" else SLOTS)
        stored = name_of(np.dtype(dtype))
        told = {"units": "", "describes_axis": axis == "buffer"} | told
        return xjls.Signal(
            id=number, name=name, dtype=np.dtype(dtype), stored_type=stored, axis=axis, rate_hz=Fraction(rate),
            source=SOURCE, **told,
        )  # fmt: skip

    facts = {"payload_bytes": side * side // SLOTS, "pixel_bits": 8}
    shape = {"sample_shape": (side, side), "sample_dims": ("height", "width"), "facts": facts}
    return (
        signal(1, "image", "u1", "frame", **shape),
        signal(2, "buffer_present", "?", "frame", sample_shape=(SLOTS,), sample_dims=("slot",)),
        signal(3, "n_missing", "u2", "frame"),
        signal(4, "time", "f8", "frame", units="s", describes_axis=True),
        signal(5, "frame_num", "u4", "buffer"),
        signal(6, "header_ok", "?", "buffer"),
        signal(7, "frame_number", "i8", "buffer", facts={"refers_to": "frame"}),
    )


class Scope:
    """A device: ``play`` is called with it, the outlet and the stop event, and returns why it ends, or None."""

    def __init__(self, play, *, side=SIDE, fps=20, is_live=False, names=None):
        self.source, self.settings, self.is_live = SOURCE, {}, is_live
        self.signals = tuple(one for one in signals_of(side, fps) if names is None or one.name in names)
        self.play, self.side = play, side
        self.next_buffer = 0
        self.tallies = {}
        self.was_run = self.is_closed = False

    def run(self, outlet, stop):
        self.was_run = True
        return self.play(self, outlet, stop) or STOPPED

    def close(self):
        self.is_closed = True

    def send(self, outlet, start, stop):
        """Deliver frames ``[start, stop)``: what is known of buffers first, then frame signals."""
        frames = np.arange(start, stop)
        masks = np.array([mask_of(frame) for frame in frames])
        numbers = np.repeat(frames, masks.sum(axis=1)).astype("u4")
        self.put(outlet, "frame_num", self.next_buffer, numbers)
        self.put(outlet, "header_ok", self.next_buffer, np.ones(len(numbers), "?"))
        self.put(outlet, "frame_number", self.next_buffer, frame_numbers(numbers))
        self.next_buffer += len(numbers)
        for frame in frames:
            if mask_of(frame).any():
                self.put(outlet, "image", frame, sent(frame, self.side)[None])
            elif "image" in {one.name for one in self.signals}:
                outlet.skip("image", Gap(Window(int(frame), int(frame) + 1), LOST, skipped=True))
        self.put(outlet, "buffer_present", start, masks)
        self.put(outlet, "n_missing", start, (~masks).sum(axis=1).astype("u2"))
        self.put(outlet, "time", start, frames * 0.05)

    def put(self, outlet, name, first_id, samples):
        if name in {one.name for one in self.signals} and len(samples):
            outlet.write(name, int(first_id), samples)


def check_frames(recording, *, side=SIDE, reasons=(LOST,), shift=0):
    """Hold what was captured to what was sent, by ids; return windows by signal and ids of frames that are no image.

    Frames that are missing are those of which nothing arrived, and those of gaps with another reason than that.
    """
    windows = {name: recording.signal(name).window for name in recording.signals}
    image, gaps = recording.read_with_gaps("image")
    assert {gap.reason for gap in gaps} <= set(reasons)
    missing = {frame for gap in gaps for frame in range(gap.window.start, gap.window.stop)}
    for frame, pixels in zip(range(windows["image"].start, windows["image"].stop), image, strict=True):
        if frame not in missing:
            np.testing.assert_array_equal(pixels, sent(frame - shift, side))
        else:
            assert not pixels.any()
    for name, of in {"buffer_present": mask_of, "n_missing": lambda frame: (~mask_of(frame)).sum()}.items():
        rows, gaps = recording.read_with_gaps(name)
        absent = {frame for gap in gaps for frame in range(gap.window.start, gap.window.stop)}
        for frame, row in zip(range(windows[name].start, windows[name].stop), rows, strict=True):
            if frame not in absent:
                np.testing.assert_array_equal(row, of(frame - shift))
    if {"frame_num", "frame_number"} <= windows.keys():
        check_frame_numbers(recording, shift)
    return windows, missing


def check_frame_numbers(recording, shift=0, start=0):
    """Hold the frames that buffers are of, from one buffer on, to what headers say, by ids."""
    found = {}
    for name in ("frame_num", "frame_number"):
        values, gaps = recording.read_with_gaps(name)
        window = recording.signal(name).window
        absent = {buffer for gap in gaps for buffer in range(gap.window.start, gap.window.stop)}
        ids = range(window.start, window.stop)
        found[name] = {i: value for i, value in zip(ids, values, strict=True) if i >= start and i not in absent}
    both = sorted(found["frame_num"].keys() & found["frame_number"].keys())
    assert both or not (found["frame_num"] and found["frame_number"])
    of = frame_numbers(np.array([found["frame_num"][i] for i in both], "i8"))
    told = np.array([found["frame_number"][i] for i in both], "i8")
    np.testing.assert_array_equal(told, np.where(of < 0, -1, of + shift))


def plays(stop_at, step=3, start=FIRST):
    """Return a play of frames up to one, some at a time, or until it is stopped."""

    def play(scope, outlet, stop):
        for frame in range(start, stop_at, step):
            if stop.is_set():
                return STOPPED
            scope.send(outlet, frame, min(frame + step, stop_at))
        return "there are no more"

    return play


class Clock:
    """A timing whose clock tests move."""

    def __init__(self):
        self.s = 100.0

    def now_ns(self):
        return 10**18 + round(self.s * 1e9)

    def elapsed_s(self):
        return self.s

    def wait(self, event, seconds):
        return event.wait(min(seconds, 0.001))
