"""The root's attributes: what is known of a recording beside its samples, as JSON and back.

What is read is checked for its shape: JSON that says something else is a damaged store, and not a Python error.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias, TypeVar

from xjls.errors import CorruptError
from xjls.formats.zarr.opening import KEY
from xjls.model.annotation import Annotation, UserData
from xjls.model.signal import Source
from xjls.model.window import Gap, Window

Document: TypeAlias = dict[str, Any]
T = TypeVar("T")

FORMAT = "Zarr"
"""Name of the format."""
SEAL = "crc32c"
"""Key of the checksum of all that stands beside it."""
KINDS = ("annotations", "user_data", "gaps")
"""Records of which there may be any number."""
LAYOUT = 1
"""Version of the layout. A reader of another one cannot know what it does not understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRecord:
    """What the root says of one signal."""

    id: int
    name: str
    array: str
    """What its arrays are called."""
    source: int
    """Number of its source."""
    units: str
    stored_type: str
    rate_hz: Fraction
    scale_factor: float
    first_id: int
    ties: str | None
    """The array in group ``ties`` that has its ties; None without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the root says of a recording."""

    closed: bool
    sources: tuple[Source, ...]
    signals: tuple[SignalRecord, ...]
    size_bytes: int
    """Of all objects but the root."""
    pages: Mapping[str, int]
    """By kind of record, `KINDS`, how many pages of them there are."""
    last: Mapping[str, Sequence[Document]]
    """Records that are in no page; as JSON."""


def encode_record(record: Record) -> Document:
    """Return what stands under `KEY`; `decode_record` undoes it."""
    return {
        "layout": LAYOUT,
        "closed": record.closed,
        "sources": [_encode_source(source) for source in record.sources],
        "signals": [_encode_signal(signal) for signal in record.signals],
        "size_bytes": record.size_bytes,
        "pages": {kind: record.pages[kind] for kind in KINDS},
        **{kind: list(record.last[kind]) for kind in KINDS},
    }


def decode_record(document: Any, path: str) -> Record:
    """Return what a root says.

    Raises
    ------
    CorruptError
        It is not what `encode_record` writes.
    """
    try:
        return Record(
            closed=bool(document["closed"]),
            sources=_all(document["sources"], _decode_source),
            signals=_all(document["signals"], _decode_signal),
            size_bytes=int(document["size_bytes"]),
            pages={kind: int(document["pages"][kind]) for kind in KINDS},
            last={kind: _all(document[kind], dict) for kind in KINDS},
        )
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise CorruptError(
            f"the attribute {KEY!r} of its root is not what xjls writes ({type(error).__name__}: {error})",
            path,
            remedy='What is left can be read with xr.open_datatree(path, engine="zarr").',
        ) from error


def _all(documents: Iterable[Any], decode: Callable[[Any], T]) -> tuple[T, ...]:
    return tuple(decode(document) for document in documents)


def _encode_source(source: Source) -> Document:
    facts = ("id", "name", "vendor", "model", "version", "serial_number")
    return {fact: getattr(source, fact) for fact in facts}


def _decode_source(document: Mapping[str, Any]) -> Source:
    texts = {key: str(document[key]) for key in ("name", "vendor", "model", "version", "serial_number")}
    return Source(id=int(document["id"]), **texts)


def _encode_signal(signal: SignalRecord) -> Document:
    return {
        "id": signal.id, "name": signal.name, "array": signal.array, "source": signal.source, "units": signal.units,
        "stored_type": signal.stored_type, "rate_hz": str(signal.rate_hz), "scale_factor": signal.scale_factor,
        "first_sample_id": signal.first_id, "ties": signal.ties,
    }  # fmt: skip


def _decode_signal(document: Mapping[str, Any]) -> SignalRecord:
    ties = document["ties"]
    return SignalRecord(
        id=int(document["id"]), name=str(document["name"]), array=str(document["array"]),
        source=int(document["source"]), units=str(document["units"]), stored_type=str(document["stored_type"]),
        rate_hz=Fraction(document["rate_hz"]), scale_factor=float(document["scale_factor"]),
        first_id=int(document["first_sample_id"]), ties=None if ties is None else str(ties),
    )  # fmt: skip


def encode_gap(signal: str, gap: Gap) -> Document:
    """Return a gap of a signal; `decode_gap` undoes it."""
    return {"signal": signal, "start": gap.window.start, "stop": gap.window.stop, "reason": gap.reason}


def decode_gap(document: Document) -> tuple[str, Gap]:
    """Return a signal's name, and its gap; raise where it is none."""
    window = Window(int(document["start"]), int(document["stop"]))
    return str(document["signal"]), Gap(window, str(document["reason"]), skipped=True)


def encode_user_data(record: UserData) -> Document:
    """Return a record of user data; `decode_user_data` undoes it."""
    return {"meta": record.meta, **_encode_data(record.data)}


def decode_user_data(document: Document) -> UserData:
    """Return a record of user data; raise where it is none."""
    return UserData(meta=int(document["meta"]), data=_decode_data(document))


def encode_annotation(note: Annotation) -> Document:
    """Return an annotation; `decode_annotation` undoes it."""
    # A note on a sample has the time that the clock says: what is known only once cannot contradict itself
    place = {"time_ns": note.time_ns} if note.sample_id is None else {"sample_id": note.sample_id}
    how = {"signal": note.signal, "kind": note.kind, "group": note.group, "y": _plain(note.y)}
    return how | place | _encode_data(note.data)


def decode_annotation(document: Document) -> Annotation:
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
