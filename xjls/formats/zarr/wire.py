"""The root's attributes: what is known of a recording beside its samples, as JSON and back.

What is read is checked for its shape: JSON that says something else is a damaged store, and not a Python error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from xjls.errors import CorruptError
from xjls.formats.zarr.opening import KEY
from xjls.model.documents import decode_source, encode_source
from xjls.model.facts import FACTS, decode_facts

if TYPE_CHECKING:
    from xjls.model.documents import Document
    from xjls.model.signal import Source

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
    facts: Document
    """As `xjls.model.facts` has them."""
    first_id: int
    ties: str | None
    """The array in group ``ties`` that has its ties; None without any."""
    length: int | None = None
    """Samples, with those that are in the tail; None where the array has all."""
    stored: int | None = None
    """Samples in shards, where these are more than the array's shape tells; None where that tells."""
    factors: tuple[int, ...] | None = None
    """Samples an entry of each level covers, also of levels of which nothing is stored yet; None where arrays tell."""
    dropped: int = 0
    """Samples that are not there any more, from the first one on."""
    first_tie: int = 0
    """Position of the first tie that is there."""
    ties_beside: Sequence[Sequence[int]] = ()
    """Behind those of the array of the same name: sample ids, and UTC in nanoseconds."""


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
    first_pages: Mapping[str, int] = field(default_factory=dict)
    """By kind of record, the first page that is there, where that is not the very first."""
    tail: tuple[int, ...] = ()
    """Numbers of the objects that have what is in no shard yet."""
    next_tail: int = 0
    """Number of the next such object."""
    identity: str = ""
    """What tells a store that has a tail, or had one, from every other."""
    keep_s: float | None = None
    """Seconds that are kept of every signal; None for all."""


def encode_record(record: Record) -> Document:
    """Return what stands under `KEY`; `decode_record` undoes it."""
    return {
        "layout": LAYOUT,
        "closed": record.closed,
        "sources": [encode_source(source) for source in record.sources],
        "signals": [_encode_signal(signal) for signal in record.signals],
        "size_bytes": record.size_bytes,
        "pages": {kind: record.pages[kind] for kind in KINDS},
        **{kind: list(record.last[kind]) for kind in KINDS},
        **_encode_growth(record),
    }


def _encode_growth(record: Record) -> Document:
    """Return what only a store says that grows, or did."""
    said: Document = {}
    if record.first_pages:
        said["first_pages"] = dict(record.first_pages)
    if record.identity:
        said["tail"] = {"objects": list(record.tail), "next": record.next_tail, "identity": record.identity}
    if record.keep_s is not None:
        said["keep_s"] = record.keep_s
    return said


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
            sources=_all(document["sources"], decode_source),
            signals=_all(document["signals"], _decode_signal),
            size_bytes=int(document["size_bytes"]),
            pages={kind: int(document["pages"][kind]) for kind in KINDS},
            last={kind: _all(document[kind], dict) for kind in KINDS},
            **_decode_growth(document),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise CorruptError(
            f"the attribute {KEY!r} of its root is not what xjls writes ({type(error).__name__}: {error})",
            path,
            remedy='What is left can be read with xr.open_datatree(path, engine="zarr").',
        ) from error


def _decode_growth(document: Mapping[str, Any]) -> dict[str, Any]:
    tail, keep_s = document.get("tail", {"objects": (), "next": 0, "identity": ""}), document.get("keep_s")
    return {
        "first_pages": {str(kind): int(page) for kind, page in document.get("first_pages", {}).items()},
        "tail": _all(tail["objects"], int),
        "next_tail": int(tail["next"]),
        "identity": str(tail["identity"]),
        "keep_s": None if keep_s is None else float(keep_s),
    }


def _all(documents: Iterable[Any], decode: Callable[[Any], T]) -> tuple[T, ...]:
    return tuple(decode(document) for document in documents)


def _encode_signal(signal: SignalRecord) -> Document:
    return {
        "id": signal.id, "name": signal.name, "array": signal.array, "source": signal.source, "units": signal.units,
        "stored_type": signal.stored_type, "rate_hz": str(signal.rate_hz), "first_sample_id": signal.first_id,
        "ties": signal.ties, "scale_factor": 1.0, **signal.facts, **_encode_extent(signal),
    }  # fmt: skip


def _encode_extent(signal: SignalRecord) -> Document:
    """Return what only a signal says that grows, or of which not all is kept."""
    said: Document = {}
    if signal.length is not None:
        said["length"] = signal.length
    if signal.stored is not None:
        said["stored"] = signal.stored
    if signal.factors is not None:
        said["level_factors"] = list(signal.factors)
    if signal.dropped:
        said["dropped"] = signal.dropped
    if signal.first_tie:
        said["first_tie"] = signal.first_tie
    if signal.ties_beside:
        said["ties_beside"] = [list(pair) for pair in signal.ties_beside]
    return said


def _decode_signal(document: Mapping[str, Any]) -> SignalRecord:
    ties, facts = document["ties"], {key: document[key] for key in FACTS if key in document}
    decode_facts(facts)
    length, factors = document.get("length"), document.get("level_factors")
    stored = document.get("stored")
    return SignalRecord(
        id=int(document["id"]), name=str(document["name"]), array=str(document["array"]),
        source=int(document["source"]), units=str(document["units"]), stored_type=str(document["stored_type"]),
        rate_hz=Fraction(document["rate_hz"]), facts=facts, first_id=int(document["first_sample_id"]),
        ties=None if ties is None else str(ties), length=None if length is None else int(length),
        stored=None if stored is None else int(stored), factors=None if factors is None else _all(factors, int),
        dropped=int(document.get("dropped", 0)),
        first_tie=int(document.get("first_tie", 0)),
        ties_beside=_all(document.get("ties_beside", ()), _decode_pair),
    )  # fmt: skip


def _decode_pair(document: Sequence[Any]) -> tuple[int, int]:
    sample_id, time_ns = document
    return int(sample_id), int(time_ns)
