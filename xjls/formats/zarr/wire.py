"""The root's attributes: what is known of a recording beside its samples, as JSON and back.

What is read is checked for its shape: JSON that says something else is a damaged store, and not a Python error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
        "sources": [encode_source(source) for source in record.sources],
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
            sources=_all(document["sources"], decode_source),
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


def _encode_signal(signal: SignalRecord) -> Document:
    return {
        "id": signal.id, "name": signal.name, "array": signal.array, "source": signal.source, "units": signal.units,
        "stored_type": signal.stored_type, "rate_hz": str(signal.rate_hz), "first_sample_id": signal.first_id,
        "ties": signal.ties, "scale_factor": 1.0, **signal.facts,
    }  # fmt: skip


def _decode_signal(document: Mapping[str, Any]) -> SignalRecord:
    ties, facts = document["ties"], {key: document[key] for key in FACTS if key in document}
    decode_facts(facts)
    return SignalRecord(
        id=int(document["id"]), name=str(document["name"]), array=str(document["array"]),
        source=int(document["source"]), units=str(document["units"]), stored_type=str(document["stored_type"]),
        rate_hz=Fraction(document["rate_hz"]), facts=facts, first_id=int(document["first_sample_id"]),
        ties=None if ties is None else str(ties),
    )  # fmt: skip
