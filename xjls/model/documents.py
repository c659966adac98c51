"""What a recording holds beside its samples, as JSON and back: for formats that have no records of their own for it.

Decoding raises what a strange document provokes (KeyError, TypeError, ValueError …): whose file it is says what that
means.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from xjls.model.annotation import Annotation, UserData
from xjls.model.signal import Source
from xjls.model.window import Gap, Window

Document: TypeAlias = dict[str, Any]

_TEXTS = ("name", "vendor", "model", "version", "serial_number")


def encode_source(source: Source) -> Document:
    """Return an instrument; `decode_source` undoes it."""
    return {fact: getattr(source, fact) for fact in ("id", *_TEXTS)}


def decode_source(document: Mapping[str, Any]) -> Source:
    """Return an instrument; raise where it is none."""
    texts = {key: str(document[key]) for key in _TEXTS}
    return Source(id=int(document["id"]), **texts)


def encode_gap(signal: str, gap: Gap) -> Document:
    """Return a gap of a signal; `decode_gap` undoes it."""
    return {"signal": signal, "start": gap.window.start, "stop": gap.window.stop, "reason": gap.reason}


def decode_gap(document: Mapping[str, Any]) -> tuple[str, Gap]:
    """Return a signal's name, and its gap; raise where it is none."""
    window = Window(int(document["start"]), int(document["stop"]))
    return str(document["signal"]), Gap(window, str(document["reason"]), skipped=True)


def encode_user_data(record: UserData) -> Document:
    """Return a record of user data; `decode_user_data` undoes it."""
    return {"meta": record.meta, **_encode_data(record.data)}


def decode_user_data(document: Mapping[str, Any]) -> UserData:
    """Return a record of user data; raise where it is none."""
    return UserData(meta=int(document["meta"]), data=_decode_data(document))


def encode_annotation(note: Annotation) -> Document:
    """Return an annotation; `decode_annotation` undoes it."""
    # A note on a sample has the time that the clock says: what is known only once cannot contradict itself
    place = {"time_ns": note.time_ns} if note.sample_id is None else {"sample_id": note.sample_id}
    how = {"signal": note.signal, "kind": note.kind, "group": note.group, "y": _plain(note.y)}
    return how | place | _encode_data(note.data)


def decode_annotation(document: Mapping[str, Any]) -> Annotation:
    """Return an annotation; raise where it is none."""
    sample_id, time_ns = (None if (at := document.get(key)) is None else int(at) for key in ("sample_id", "time_ns"))
    y = document["y"]
    return Annotation(
        signal=str(document["signal"]), sample_id=sample_id, time_ns=time_ns, kind=str(document["kind"]),
        group=int(document["group"]), y=None if y is None else float(y), data=_decode_data(document),
    )  # fmt: skip


def _plain(y: float | None) -> float | str | None:
    """Return a number as JSON has it, which knows neither NaN nor infinity."""
    return y if y is None or abs(y) < float("inf") else str(y)


def _encode_data(data: Any) -> Document:
    """Return text or JSON as they are, bytes as base64, and JSON that is none to others as a text."""
    if isinstance(data, bytes):
        return {"base64": base64.b64encode(data).decode("ascii")}
    try:
        json.dumps(data, allow_nan=False)
    except ValueError:
        return {"json": json.dumps(data)}
    return {"data": data}


def _decode_data(document: Mapping[str, Any]) -> Any:
    if "base64" in document:
        return base64.b64decode(document["base64"], validate=True)
    return json.loads(document["json"]) if "json" in document else document["data"]
