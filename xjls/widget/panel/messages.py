"""What a push holds: what is new of the picture, the numbers, how the capture does, and how far the recording is."""

from __future__ import annotations

import time
from threading import RLock
from typing import TYPE_CHECKING, Any

from xjls.widget.panel.feed import SPARE, Feed, lane_of
from xjls.widget.panel.health import Health, progress_of
from xjls.widget.panel.marks import Marks
from xjls.widget.panel.numbers import read_out
from xjls.widget.panel.pictures import Pictures, losses_of, picture_facts

if TYPE_CHECKING:
    from xjls.widget.panel.pushing import Push
    from xjls.widget.panel.streaming import Streaming

NUMBERS_S = 0.2
"""Between two read-outs: faster ones cannot be read."""
KEPT_BYTES = 40_000
"""Of columns, of a picture that is kept with the notebook."""
KEPT_PIXELS = 40_000
"""Of a frame that is kept."""
KEPT_MARKS = 50
COLUMN_BYTES = 17
"""What a column takes: four float32 and its fill."""
NS = 10**9


class Messages:
    """Make the pushes of one stream; from any thread.

    Parameters
    ----------
    streaming
        What is told of.
    window_s
        Seconds that the picture shows.

    Examples
    --------
    >>> from xjls.widget.panel.streaming import Streaming
    >>> streaming = Streaming("sim", signals=["voltage"], rate="10 kHz")
    >>> messages = Messages(streaming, 5)
    >>> content, _ = messages.make(0)
    >>> content["reset"], [lane["key"] for lane in content["facts"]["lanes"]], content["lanes"]
    (True, ['voltage'], [])
    >>> messages.make(0)[0]["reset"], streaming.session.close()
    (False, None)
    """

    def __init__(self, streaming: Streaming, window_s: float) -> None:
        self._streaming = streaming
        self._rates = {signal.name: float(signal.rate_hz) for signal in streaming.signals}
        self._health = Health(self._rates, streaming.session.counts.counted)
        self._feed = Feed(streaming.watch.histories, window_s)
        self._marks = Marks(streaming.watch)
        self._pictures = Pictures(streaming.watch.frames)
        self._window_s = window_s
        self._is_new = True
        self._has_origin = False
        self._numbers_s = -NUMBERS_S
        self._told: dict[str, Any] = {}
        self._lock = RLock()

    def again(self, window_s: float | None = None) -> None:
        """Tell everything once more, next time; of another window, if one is given."""
        if window_s is not None:
            self._window_s = window_s
        self._is_new = True

    def make(self, skipped: int) -> Push:
        """Return the next push."""
        with self._lock:
            return self._made(skipped)

    def _made(self, skipped: int) -> Push:
        has_begun = self._feed.begin_ns is not None
        reset = self._is_new or (has_begun and not self._has_origin)
        if reset:
            self._feed = Feed(self._streaming.watch.histories, self._window_s)
            self._marks = Marks(self._streaming.watch)
            self._pictures = Pictures(self._streaming.watch.frames)
            self._is_new = False
            self._has_origin = has_begun
        content, data = self._picture(self._feed, self._marks, self._pictures)
        content |= {"reset": reset, "skipped": skipped, **self._slow()}
        if reset:
            content["facts"] = self._facts()
        return content, [data]

    def _picture(self, feed: Feed, marks: Marks, pictures: Pictures, **how: int) -> tuple[dict[str, Any], bytes]:
        """Return what is new of columns, marks and frames."""
        newest, window = feed.newest_ns(), round(self._window_s * NS)
        lanes, data = feed.news()
        frames, pixels = pictures.news(len(data))
        new = marks.news(feed.begin_ns, newest - window, **how)
        return {"window": window, "newest": newest, "lanes": lanes, "marks": new, "frames": frames}, data + pixels

    def kept(self, skipped: int) -> dict[str, Any]:
        """Return a push, its buffer within, of as few bytes as a notebook may keep; ``{}`` before there is a sample."""
        with self._lock:
            watch = self._streaming.watch
            columns = KEPT_BYTES * SPARE // ((SPARE + 1) * COLUMN_BYTES * max(len(watch.histories), 1))
            feed = Feed(watch.histories, self._window_s, max(columns, 1))
            if feed.begin_ns is None and all(one.newest is None for one in watch.frames.values()):
                return {}
            pictures = Pictures(watch.frames, KEPT_PIXELS)
            content, data = self._picture(feed, Marks(watch), pictures, most=KEPT_MARKS)
            told = {"type": "push", "id": 0, "kept": True, "reset": True, "skipped": skipped, "facts": self._facts()}
            return told | content | self._slow() | {"data": data}

    def _slow(self) -> dict[str, Any]:
        """Return what people read, made anew a few times a second."""
        if (now := time.monotonic()) - self._numbers_s < NUMBERS_S and self._told:
            return self._told
        self._numbers_s = now
        streaming = self._streaming
        counts = streaming.session.counts
        health = self._health.told(counts)
        health["is_well"] = health["is_well"] and not streaming.session.failed
        part = streaming.part
        self._told = {
            "state": "ended" if streaming.session.has_ended() else "streaming",
            "numbers": read_out(streaming.watch.histories, self._window_s),
            "health": health, "elapsed_s": counts.elapsed_s, "recorded_s": float(counts.recorded_s),
            "recording": None if part is None else progress_of(part, health["bytes_per_s"]),
            "is_recording": streaming.is_recording, "pictures": losses_of(streaming.watch.frames),
        }  # fmt: skip
        return self._told

    @property
    def recording(self) -> dict[str, Any] | None:
        """How far the recording was when it was last told of."""
        return self._told.get("recording")

    def refresh(self) -> dict[str, Any]:
        """Return what people read, as it is now."""
        with self._lock:
            self._told = {}
            return self._slow()

    def _facts(self) -> dict[str, Any]:
        """Return what stays as it is, but for the origin of times, which the first tie tells."""
        origin, watch = self._origin_ns(), self._streaming.watch
        return {
            "title": self._streaming.device, "utc": origin is not None, "origin": str(origin or 0),
            "since": "the first sample", "lanes": [lane_of(one.signal) for one in watch.histories.values()],
            "pictures": [picture_facts(one) for one in watch.frames.values()],
        }  # fmt: skip

    def _origin_ns(self) -> int | None:
        recording = self._streaming.watch.recording
        for name, history in self._streaming.watch.histories.items():
            if history.first_id is not None and (clock := recording.clock(name)).utc:
                begin_ns = round(history.first_id * NS / history.signal.rate_hz) - (self._feed.begin_ns or 0)
                return clock.time(history.first_id) - begin_ns
        return None
