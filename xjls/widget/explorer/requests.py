"""What the browser asks of an explorer, and what it is answered: one function a question, in a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.errors import SelectionError, XjlsError
from xjls.widget.view.analysing import analyse
from xjls.widget.view.searching import find_extreme, find_next
from xjls.widget.view.wire import number

if TYPE_CHECKING:
    from xjls.widget.explorer.widget import Explorer
    from xjls.widget.view.analysing import Curve

Asked: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = "tuple[dict[str, Any], list[bytes]]"

MOST_COLUMNS = 20_000
"""Of a tile, whatever a browser asks for."""


def answer(explorer: Explorer, asked: Asked) -> Answer:
    """Return the answer to a message, also where it makes no sense: then it says why."""
    begun = time.perf_counter()
    try:
        question = QUESTIONS.get(str(asked.get("type")))
        if question is None:
            raise SelectionError(f"nobody answers {asked.get('type')!r}", f"Questions: {', '.join(QUESTIONS)}.")
        told, buffers = question(explorer, asked)
    except (XjlsError, OSError, ValueError) as error:
        told, buffers = {"type": "error", "text": str(error)}, []
    except (KeyError, TypeError) as error:  # of the message, and not of the recording
        told, buffers = {"type": "error", "text": f"the message is not whole: {error!r}"}, []
    return {**told, "id": asked.get("id"), "ms": round((time.perf_counter() - begun) * 1e3, 3)}, buffers


def _tile(explorer: Explorer, asked: Asked) -> Answer:
    explorer.look_again()
    view = explorer.lanes
    start, stop = _span(asked)
    columns = min(max(int(asked["columns"]), 1), MOST_COLUMNS)
    told, data = view.tile(start, stop, columns, asked.get("lanes"))
    measured = view.measured(asked.get("markers") or ())
    return {"type": "tile", **told, "markers": measured, "extent": list(view.extent), "grows": view.grows}, [data]


def _measure(explorer: Explorer, asked: Asked) -> Answer:
    return {"type": "measured", "markers": explorer.lanes.measured(asked["spans"])}, []


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
    found_id = find_next(track, float(asked["x"]), direction, kind, float(asked.get("level") or 0.0))
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
    return {"type": "noted", "key": explorer.add_note_at(float(asked["x"]), str(asked["text"]), lane)}, []


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
    start, stop = float(asked["x0"]), float(asked["x1"])
    if not (abs(start) < 2**62 and abs(stop) < 2**62):
        raise SelectionError(f"there is no time from {start} to {stop}", "Ask for finite times.")
    return min(start, stop), max(start, stop)


QUESTIONS: dict[str, Callable[[Explorer, Asked], Answer]] = {
    "tile": _tile, "measure": _measure, "search": _search, "analyse": _analyse, "note": _note, "forget": _forget,
    "save": _save, "export": _export, "shift": _shift,
}  # fmt: skip
