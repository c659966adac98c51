"""What people marked while they watched, as the picture draws it: at a time, in a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xjls.capturing.writing import OVER_RANGE

if TYPE_CHECKING:
    from xjls.capturing.watching import Watch
    from xjls.model.annotation import Annotation

MOST = 200
"""That are told at once: the last ones."""
LETTERS = 80
"""Of a text, that a picture has room for."""
NS = 10**9


class Marks:
    """Tell of marks that are new.

    Parameters
    ----------
    watch
        Which takes them.

    Examples
    --------
    >>> from xjls.capturing.registry import open_device
    >>> from xjls.capturing.watching import Watch
    >>> from xjls.model.annotation import text_at
    >>> watch = Watch(open_device("sim", signals=["current"], rate="1 kHz").signals, seconds=1)
    >>> watch.annotate(text_at("current", 1500, "now"))
    >>> marks = Marks(watch)
    >>> marks.news(1000, 0), marks.news(1000, 0)
    ([{'key': 1, 'x': 1499999000.0, 'lane': 'current', 'text': 'now'}], [])
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._told = 0

    def news(self, begin_ns: int | None, oldest_ns: float, most: int = MOST) -> list[dict[str, Any]]:
        """Return those that were not told yet and lie in the picture, the last ones.

        Parameters
        ----------
        begin_ns
            Nanoseconds of the first sample of all signals, from sample id 0 on; None before there is one.
        oldest_ns
            Where the picture begins, from that sample on.
        most
            How many.
        """
        if begin_ns is None:
            return []
        new = [(number, note) for number, note in self._watch.texts if number > self._told]
        self._told = max((number for number, _ in new), default=self._told)
        told = [self._mark(number, note, begin_ns) for number, note in new if self._is_mark(note)]
        return [mark for mark in told if mark["x"] >= oldest_ns][-most:]

    def _is_mark(self, note: Annotation) -> bool:
        """Whether it is a text at a sample, and none that says how the device does: the line on its health has that."""
        is_text = isinstance(note.data, str) and note.data != OVER_RANGE
        return is_text and note.sample_id is not None and note.signal in self._watch.histories

    def _mark(self, number: int, note: Annotation, begin_ns: int) -> dict[str, Any]:
        x = (note.sample_id or 0) * NS / self._watch.histories[note.signal].signal.rate_hz - begin_ns
        return {"key": number, "x": float(x), "lane": note.signal, "text": str(note.data)[:LETTERS]}
