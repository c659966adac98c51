"""What a file holds beside counts and attributes: names, ties, gaps, annotations and user data.

PicoStream has no place for them. They are JSON in a dataset of bytes, which it passes over. An attribute would end at
64 KiB, or leave its old bytes in the file each time that it is written again. A file without it says what
`plain_extras` says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xjls.errors import CorruptError
from xjls.model.annotation import Tie
from xjls.model.bounds import BOUNDS
from xjls.model.documents import (
    decode_annotation,
    decode_gap,
    decode_source,
    decode_user_data,
    encode_annotation,
    encode_gap,
    encode_source,
    encode_user_data,
)
from xjls.model.signal import Source
from xjls.model.window import Gap, Gaps, Window

if TYPE_CHECKING:
    from xjls.model.annotation import Annotation, Json, UserData
    from xjls.model.documents import Document

DATASET = "xjls"
"""The dataset."""
_SCOPE = Source(id=1, name="PicoScope", vendor="Pico Technology")
_CHANNEL = "channel_a"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSignal:
    """One signal of a file."""

    id: int
    """Its number."""
    name: str
    source: int
    """Number of its source."""
    ties: tuple[Tie, ...] = ()
    gaps: tuple[Gap, ...] = ()
    """Those of its gaps that it is known of why; in the counts, they are marked as lost like others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """All that is said in the dataset."""

    signals: tuple[StoredSignal, ...]
    """The signals, in the order in which their values lie in the file: one, or minimum and maximum."""
    quantity: str = _CHANNEL
    """What minimum and maximum are of."""
    sources: tuple[Source, ...] = (_SCOPE,)
    first_id: int | None = None
    """Sample id of the first timestep; None where the attributes tell, as they do of files of PicoStream's own."""
    origin_id: int | None = None
    """Sample id from which seconds count, where ``first_id`` is given."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """What attributes cannot hold of the signals' facts."""
    annotations: tuple[Annotation, ...] = ()
    user_data: tuple[UserData, ...] = ()


def plain_extras(*, paired: bool) -> Extras:
    """Return what is so in a file that says nothing else: of one channel, or of pairs of minimum and maximum.

    Examples
    --------
    >>> [signal.name for signal in plain_extras(paired=True).signals]
    ['channel_a_min', 'channel_a_max']
    """
    names = [f"{_CHANNEL}_{bound}" for bound in BOUNDS] if paired else [_CHANNEL]
    return Extras(signals=tuple(StoredSignal(id=i, name=name, source=_SCOPE.id) for i, name in enumerate(names, 1)))


def explained(marked: Iterable[Gap], known: Gaps) -> Iterator[Gap]:
    """Yield runs of markers, and why they are there as far as that is known, in order.

    Examples
    --------
    >>> known = Gaps([Gap(Window(5, 8), "unplugged")])
    >>> [(str(gap.window), gap.reason) for gap in explained([Gap(Window(4, 10), "marked")], known)]
    [('4–5', 'marked'), ('5–8', 'unplugged'), ('8–10', 'marked')]
    """
    for run in marked:
        at = run.window.start
        for gap in known.within(run.window):
            if at < gap.window.start:
                yield run & Window(at, gap.window.start)
            yield gap
            at = gap.window.stop
        if at < run.window.stop:
            yield run & Window(at, run.window.stop)


def encode_extras(extras: Extras) -> bytes:
    """Return the bytes of the dataset; `decode_extras` undoes it.

    Examples
    --------
    >>> probe = StoredSignal(id=5, name="voltage", source=1, ties=(Tie(sample_id=0, time_ns=10**18),))
    >>> extras = Extras(signals=(probe,))
    >>> decode_extras(encode_extras(extras), "run.hdf5", paired=False) == extras
    True
    """
    said: Document = {
        "sources": [encode_source(source) for source in extras.sources],
        "signals": [_encode_signal(signal) for signal in extras.signals], "quantity": extras.quantity,
        "first_id": extras.first_id, "origin_id": extras.origin_id, "facts": dict(extras.facts),
        "annotations": [encode_annotation(note) for note in extras.annotations],
        "user_data": [encode_user_data(record) for record in extras.user_data],
    }  # fmt: skip
    return json.dumps(said).encode()


def decode_extras(data: bytes, path: str, *, paired: bool) -> Extras:
    """Return what the dataset says.

    Raises
    ------
    CorruptError
        It is not what `encode_extras` writes, or is of another number of signals.
    """
    try:
        return _decoded(json.loads(data), 1 + paired)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptError(
            f"its dataset {DATASET!r} is not what xjls writes ({type(error).__name__}: {error})", path,
            remedy=f"Without it the counts can be read: delete it in a copy, h5py.File(copy, 'a').pop({DATASET!r}).",
        ) from error  # fmt: skip


def _decoded(said: Any, n_signals: int) -> Extras:
    """Return what a document says; raise ValueError, or whatever a strange one provokes."""
    if len(said["signals"]) != n_signals:
        raise ValueError(f"{len(said['signals'])} signals where there are {n_signals}")
    return Extras(
        signals=tuple(_decode_signal(signal) for signal in said["signals"]), quantity=str(said["quantity"]),
        sources=tuple(decode_source(source) for source in said["sources"]),
        first_id=_whole(said["first_id"]), origin_id=_whole(said["origin_id"]), facts=dict(said["facts"]),
        annotations=tuple(decode_annotation(note) for note in said["annotations"]),
        user_data=tuple(decode_user_data(record) for record in said["user_data"]),
    )  # fmt: skip


def _encode_signal(signal: StoredSignal) -> Document:
    return {
        "id": signal.id, "name": signal.name, "source": signal.source,
        "ties": [[tie.sample_id, tie.time_ns] for tie in signal.ties],
        "gaps": [encode_gap(signal.name, gap) for gap in signal.gaps],
    }  # fmt: skip


def _decode_signal(document: Mapping[str, Any]) -> StoredSignal:
    return StoredSignal(
        id=int(document["id"]), name=str(document["name"]), source=int(document["source"]),
        ties=tuple(Tie(sample_id=int(sample_id), time_ns=int(time)) for sample_id, time in document["ties"]),
        gaps=tuple(decode_gap(gap)[1] for gap in document["gaps"]),
    )  # fmt: skip


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
