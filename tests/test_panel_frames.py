"""The capture panel of a device with frames: the newest one is pushed, losses are told, and a picture is kept."""

import base64
import io
import threading

import numpy as np
import pytest

import xjls
from tests.frame_devices import LOST, SLOTS, Scope, check_frames, mask_of, sent, signals_of
from tests.panels import Browser, made_panels, recorded, wait_until
from xjls.capturing.device import STOPPED
from xjls.capturing.last_frames import LastFrames
from xjls.capturing.until import Until
from xjls.cli.live_picture import draw_last
from xjls.cli.live_terminal import LiveTerminal
from xjls.errors import CaptureError
from xjls.widget.panel.pictures import EVERY_S, Pictures

pytest.importorskip("anywidget")


class Album(Browser):
    """A browser that keeps the frames that were pushed."""

    def __init__(self, panel, **how):
        self.frames = []
        super().__init__(panel, **how)

    def take(self, content, buffers):
        for told in content["frames"] if content["state"] != "idle" else ():
            pixels = np.frombuffer(buffers[0], "u1", told["width"] * told["height"], told["at"])
            missing = np.zeros(len(pixels), bool)
            for start, stop in told["missing"]:
                missing[start:stop] = True
            self.frames.append((told, pixels.reshape(told["height"], -1), missing.reshape(told["height"], -1)))
        super().take(content, buffers)


def goes_on(scope, outlet, stop):
    """Send a frame each 5 ms, until it is stopped."""
    frame = 1000
    while not stop.wait(0.005):
        scope.send(outlet, frame, frame + 1)
        frame += 1
    return STOPPED


@pytest.fixture
def panels(monkeypatch, tmp_path):
    """Give panels whose devices are scopes: ``make(play, store, **told)``."""
    for make in made_panels(monkeypatch, tmp_path):

        def made(play=goes_on, store=None, *, side=16, is_live=True, make=make, **told):
            def open_scope(*_, **__):
                scope = Scope(play, side=side, fps=200, is_live=is_live)
                scope.tallies = {"duplicate buffers": 2, "late buffers": 0}
                return scope

            monkeypatch.setattr("xjls.widget.panel.streaming.open_device", open_scope)
            return make("scope", store, rate=None, **told)

        yield made


def test_the_newest_frames_are_pushed_as_they_arrived(panels, tmp_path):
    panel = panels(store=tmp_path / "run.zarr", window="5s")
    album = Album(panel)
    panel.start()
    wait_until(lambda: len(album.frames) > 5)
    recorded(panel, 0.2)
    panel.stop()
    ids = [told["id"] for told, _, _ in album.frames]
    assert ids == sorted(set(ids))
    for told, pixels, missing in album.frames:
        frame = told["id"]
        slots = np.repeat(~mask_of(frame), 16 * 16 // SLOTS).reshape(16, 16)
        np.testing.assert_array_equal(missing, slots)
        assert (told["absent"], told["buffers"], told["step"]) == (np.count_nonzero(~mask_of(frame)), SLOTS, 1)
        grey = ((sent(frame) - told["low"]) * (255 / (told["high"] - told["low"]))).clip(0, 255)
        assert np.abs(grey - pixels)[~missing].max() <= 0.51
    facts = next(push["facts"] for push in album.pushes if "facts" in push)
    assert (facts["lanes"], [one["key"] for one in facts["pictures"]]) == ([], ["image"])
    last = album.pushes[-1]
    assert 0 < last["pictures"]["image"]["lost"] < 1
    assert last["health"]["nominal_hz"] == 200
    assert last["health"]["tallies"] == [["duplicate buffers", 2]]
    assert last["health"]["lost"] == panel.outcome.counts.signals["image"].lost
    with xjls.open_recording(panel.part.path) as recording:
        check_frames(recording, reasons=(LOST,))


def test_frames_are_pushed_ten_times_a_second_at_most_however_many_come():
    clock = [0.0]
    image, _ = signals_of()[:2]
    frames = LastFrames(image, None, lambda: clock[0])
    pictures = Pictures({"image": frames}, elapsed_s=lambda: clock[0])
    told = []
    for frame in range(1000):
        frames.write("image", frame, np.full((1, 16, 16), frame % 256, "u1"))
        told += [one["id"] for one in pictures.news(0)[0]]
        clock[0] += 0.001
    assert len(told) == pytest.approx(1 / EVERY_S, abs=1)
    clock[0] += EVERY_S
    assert [one["id"] for one in pictures.news(0)[0]] in ([], [999])
    clock[0] += EVERY_S
    assert pictures.news(0)[0] == []  # each is told once


def test_what_no_browser_takes_is_not_waited_for_and_the_newest_comes_next(panels, monkeypatch):
    monkeypatch.setattr("xjls.widget.panel.pushing.PATIENCE_S", 1e9)
    panel = panels()
    album = Album(panel, answers=False)
    panel.start()
    wait_until(lambda: panel._pusher.skipped > 20)
    before = len(album.frames)
    newest = panel.session.live.frames["image"].newest.frame_id
    album.answers = True
    album.say({"type": "ack", "id": album.pushes[-1]["id"]})
    wait_until(lambda: len(album.frames) > before)
    assert album.frames[before][0]["id"] >= newest
    panel.stop()


def test_who_comes_later_gets_the_frame_and_recordings_join_and_leave(panels, tmp_path):
    panel = panels()
    first = Album(panel)
    panel.start()
    wait_until(lambda: first.frames)
    part = panel.record(tmp_path / "run.zarr")
    recorded(panel, 0.1)
    panel.mark("now")
    assert panel.stop_recording() is part
    second = Album(panel)
    second.say({"type": "hello"})
    wait_until(lambda: second.frames)
    assert second.pushes[0]["reset"]
    panel.stop()
    with xjls.open_recording(part.path) as recording:
        windows, _ = check_frames(recording)
        assert len({windows[name] for name in ("image", "buffer_present", "n_missing", "time")}) == 1
        assert [note.data for note in recording.annotations] == ["now"]


def test_the_last_frame_is_kept_with_the_notebook_and_drawn(panels):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    def play(scope, outlet, stop):
        scope.send(outlet, 1000, 1022)  # of the last one a part is missing
        return "there are no more"

    panel = panels(play, is_live=False, side=256)
    panel.start().wait()
    kept = panel._canvas.last
    (told,) = kept["frames"]
    assert (kept["kept"], told["id"], told["step"], told["absent"]) == (True, 1021, 2, 1)
    assert len(kept["data"]) < 70_000
    picture = imread(io.BytesIO(base64.b64decode(panel._repr_mimebundle_()["image/png"])), format="png")
    is_red = (picture[..., 0] > 2 * picture[..., 1]) & (picture[..., 0] > 0.3)
    assert 0.05 < is_red.mean() < 0.5


def test_a_panel_of_frames_before_the_first_one_keeps_nothing(panels):
    waits = threading.Event()

    def play(scope, outlet, stop):
        waits.set()
        stop.wait()
        return STOPPED

    panel = panels(play)
    album = Album(panel)
    panel.start()
    wait_until(lambda: waits.is_set() and album.pushes)
    assert panel._canvas.last == {}
    assert "image/png" not in panel._repr_mimebundle_()
    assert panel.numbers["pictures"]["image"]["lost"] is None
    with pytest.raises(CaptureError, match="nothing is recorded that could keep a mark"):
        panel.mark("now")
    panel.stop()


def test_a_picture_beside_a_capture_is_the_newest_frame(panels, tmp_path):
    pytest.importorskip("matplotlib")

    def play(scope, outlet, stop):
        scope.send(outlet, 1000, 1022)  # of which three never arrive, and of the last one a buffer
        stop.wait()
        return STOPPED

    panel = panels(play)
    panel.start()
    wait_until(lambda: panel.session.live.frames["image"].newest is not None)
    wait_until(lambda: panel.session.counts.each["frame"].lost == 3)
    assert draw_last(panel.session, str(tmp_path / "now.png"))
    assert (tmp_path / "now.png").read_bytes()[1:4] == b"PNG"
    screen = io.StringIO()
    screen.isatty = lambda: True
    view = LiveTerminal(Until(), "run.zarr", screen=screen, keys=None)
    view._draw(panel.session)
    panel.stop()
    lines = screen.getvalue().split("\n")
    assert "image  frame 1,021 | 1 of 4 buffers missing" in lines[0]
    assert any("\033[38;5;" in line for line in lines)
    assert any("3 frames lost in 3 gaps, 2 duplicate buffers" in line for line in lines[1:])
