"""What the browser asks of an explorer, and what it is answered: one function a question, in a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.errors import SelectionError, XjlsError
from xjls.widget.view.analysing import analyse
from xjls.widget.view.moments import FARTHEST_NS
from xjls.widget.view.searching import find_extreme, find_next
from xjls.widget.view.wire import number

if TYPE_CHECKING:
    from xjls.widget.explorer.widget import Explorer
    from xjls.widget.view.analysing import Curve

Asked: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = "tuple[dict[str, Any], list[bytes]]"

LEAST_BYTES = 66_000
"""Of a tile: Jupyter's server holds smaller messages back for some 40 ms, until the browser's system has acknowledged
the one before (Nagle's algorithm; `TCP_NODELAY` is not set on its websockets)."""
MOST_TILE_COLUMNS = 20_000
"""That a browser gets, whatever it asks for: no screen is so wide."""


def answer(explorer: Explorer, asked: Asked) -> Answer:
    """Return the answer to a message, also where it makes no sense: then it says why."""
    begun = time.perf_counter()
    try:
        told, buffers = QUESTIONS.get(str(asked.get("type")), _unknown)(explorer, asked)
    except (XjlsError, OSError, ValueError) as error:
        told, buffers = {"type": "error", "text": str(error)}, []
    except Exception as error:  # noqa: BLE001 - whatever a message makes go wrong: without an answer the browser waits
        told, buffers = {"type": "error", "text": f"the message makes no sense: {error!r}"}, []
    return {**told, "id": asked.get("id"), "ms": round((time.perf_counter() - begun) * 1e3, 3)}, buffers


def _unknown(_explorer: Explorer, asked: Asked) -> Answer:
    raise SelectionError(f"nobody answers {asked.get('type')!r}", f"Questions: {', '.join(QUESTIONS)}.")


def _tile(explorer: Explorer, asked: Asked) -> Answer:
    explorer.following.look()
    view = explorer.lanes
    start, stop = _span(asked)
    columns = min(max(int(asked["columns"]), 1), MOST_TILE_COLUMNS)
    spans = _finite(asked.get("markers") or ())

    def ask() -> tuple[tuple[dict[str, Any], bytes], dict[str, Any]]:
        return view.tile(start, stop, columns, asked.get("lanes")), view.measured(spans)

    try:
        (told, data), measured = view.settled(ask)
    except SelectionError:  # a rolling recording lost just then what was asked for
        explorer.following.look()
        (told, data), measured = view.settled(ask)
    now = {"extent": list(view.extent), "grows": explorer.facts["grows"], "status": explorer.status}
    return {"type": "tile", **told, "markers": measured, **now}, [data.ljust(LEAST_BYTES, b"\0")]


def _measure(explorer: Explorer, asked: Asked) -> Answer:
    return {"type": "measured", "markers": explorer.lanes.measured(_finite(asked["spans"]))}, []


def _search(explorer: Explorer, asked: Asked) -> Answer:
    track = explorer.lanes.lane(asked["lane"]).tracks[0]
    kind, units = asked["kind"], track.signal.units
    if kind in ("maximum", "minimum"):
        start, stop = _span(asked) if "x0" in asked else explorer.window
        window = find_extreme(track, start, stop, float(asked["width"]), largest=kind == "maximum")
        if window is None:
            return _nothing(f"no stretch so long of {track.name} is in view")
        found = track.recording.statistics(track.signals[0], window)
        x0, x1 = track.times([window.start, window.stop]).tolist()
        return {"type": "found", "x0": x0, "x1": x1, "value": number(found.mean), "text": f"mean, {units}"}, []
    direction = 1 if asked["direction"] > 0 else -1
    found_id = find_next(track, _moment(asked["x"]), direction, kind, float(asked.get("level") or 0.0))
    if found_id is None:
        return _nothing(f"no {kind} of {track.name} {'behind' if direction > 0 else 'before'} that")
    at = float(track.times(found_id.sample_id))
    return {"type": "found", "x0": at, "x1": None, "value": number(found_id.value), "text": units}, []


def _nothing(text: str) -> Answer:
    return {"type": "found", "x0": None, "x1": None, "value": None, "text": text}, []


def _analyse(explorer: Explorer, asked: Asked) -> Answer:
    curve = analyse(explorer.lanes.lane(asked["lane"]).tracks[0], *_span(asked), asked["kind"])
    told = {"type": "analysed", "kind": asked["kind"], "lane": asked["lane"], **_axes(curve)}
    return told, [np.stack([curve.x, curve.y]).astype("<f8").tobytes()]


def _axes(curve: Curve) -> dict[str, Any]:
    scales = ["log" if is_log else "linear" for is_log in curve.is_log]
    x = {"label": "frequency" if curve.x_units == "Hz" else "value", "units": curve.x_units, "scale": scales[0]}
    y = {"label": curve.y_label, "units": curve.y_units, "scale": scales[1]}
    return {"title": curve.title, "x": x, "y": y, "n": len(curve.x), "text": curve.text}


def _note(explorer: Explorer, asked: Asked) -> Answer:
    lane = asked.get("lane")
    return {"type": "noted", "key": explorer.add_note_at(_moment(asked["x"]), str(asked["text"]), lane)}, []


def _forget(explorer: Explorer, asked: Asked) -> Answer:
    explorer.forget_note(asked["key"])
    return {"type": "noted", "key": asked["key"]}, []


def _save(explorer: Explorer, _asked: Asked) -> Answer:
    return {"type": "saved", "text": explorer.save()}, []


def _export(explorer: Explorer, asked: Asked) -> Answer:
    name, page = explorer.page(int(asked.get("columns") or 0) or None)
    return {"type": "exported", "name": name}, [page.encode()]


def _shift(explorer: Explorer, asked: Asked) -> Answer:
    explorer.shift(int(asked["recording"]), float(asked["shift"]))
    return {"type": "shifted"}, []


def _span(asked: Asked) -> tuple[float, float]:
    start, stop = _moment(asked["x0"]), _moment(asked["x1"])
    return min(start, stop), max(start, stop)


def _moment(told: Any) -> float:
    time = float(told)
    if not abs(time) < FARTHEST_NS:
        raise SelectionError(f"there is no time {time} ns from the beginning", "Ask for a finite one.")
    return time


def _finite(spans: Iterable[Asked]) -> list[Asked]:
    """Return spans that can be measured: what is no time at all is refused."""
    return [{**one, "x0": _moment(one["x0"]), "x1": None if one["x1"] is None else _moment(one["x1"])} for one in spans]


QUESTIONS: dict[str, Callable[[Explorer, Asked], Answer]] = {
    "tile": _tile, "measure": _measure, "search": _search, "analyse": _analyse, "note": _note, "forget": _forget,
    "save": _save, "export": _export, "shift": _shift,
}  # fmt: skip
