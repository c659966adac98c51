"""What a file holds beside counts and attributes: names, ties, gaps, annotations and user data.

PicoStream has no place for them. They are JSON in a dataset of bytes, which it passes over. An attribute would end at
64 KiB, or leave its old bytes in the file each time that it is written again. A file without it says what
`plain_extras` says. The first line is all that there was when it was written; each further one says what has come
since, so that a file that grows is not written again and again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
    keep_s: float | None = None
    """Seconds that are kept while it grows; None for all."""
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
        "signals": [_encode_signal(signal) for signal in extras.signals], "quantity": extras.quantity,
        "facts": dict(extras.facts), "keep_s": extras.keep_s, **_encode_lists(extras),
    }  # fmt: skip
    return json.dumps(said).encode()


def encode_more(extras: Extras, before: Extras) -> bytes:
    """Return a further line: what is said now, and was not when the dataset was last written.

    Examples
    --------
    >>> first = plain_extras(paired=False)
    >>> from xjls.model.annotation import UserData
    >>> then = replace(first, user_data=(UserData(meta=7, data="hello"),))
    >>> decode_extras(encode_extras(first) + encode_more(then, first), "run.hdf5", paired=False) == then
    True
    """
    more = replace(
        extras, sources=extras.sources[len(before.sources) :], user_data=extras.user_data[len(before.user_data) :],
        annotations=extras.annotations[len(before.annotations) :],
    )  # fmt: skip
    both = zip(extras.signals, before.signals, strict=True)
    signals = [_encode_signal(_more_of(now, then)) for now, then in both]
    return b"\n" + json.dumps({"signals": signals, **_encode_lists(more)}).encode()


def _more_of(now: StoredSignal, then: StoredSignal) -> StoredSignal:
    """Return ties and gaps of a signal that are new; of gaps also the last one, if it goes on."""
    known = len(then.gaps)
    goes_on = bool(known) and now.gaps[known - 1] != then.gaps[-1]
    return replace(now, ties=now.ties[len(then.ties) :], gaps=now.gaps[known - goes_on :])


def _encode_lists(extras: Extras) -> Document:
    """Return what every line has."""
    return {
        "sources": [encode_source(source) for source in extras.sources],
        "first_id": extras.first_id, "origin_id": extras.origin_id,
        "annotations": [encode_annotation(note) for note in extras.annotations],
        "user_data": [encode_user_data(record) for record in extras.user_data],
    }  # fmt: skip


def decode_extras(data: bytes, path: str, *, paired: bool) -> Extras:
    """Return what the dataset says.

    Raises
    ------
    CorruptError
        It is not what `encode_extras` writes, or is of another number of signals.
    """
    try:
        first, *more = map(json.loads, data.split(b"\n"))
        for line in more:
            _add(first, line)
        return _decoded(first, 1 + paired)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptError(
            f"its dataset {DATASET!r} is not what xjls writes ({type(error).__name__}: {error})", path,
            remedy=f"Without it the counts can be read: delete it in a copy, h5py.File(copy, 'a').pop({DATASET!r}).",
        ) from error  # fmt: skip


def _add(said: Any, line: Any) -> None:
    """Add to a document what a further line says."""
    for name in ("sources", "annotations", "user_data"):
        said[name] += line[name]
    said["first_id"], said["origin_id"] = line["first_id"], line["origin_id"]
    for signal, more in zip(said["signals"], line["signals"], strict=True):
        signal["ties"] += more["ties"]
        if more["gaps"] and signal["gaps"] and more["gaps"][0]["start"] == signal["gaps"][-1]["start"]:
            signal["gaps"].pop()  # it went on
        signal["gaps"] += more["gaps"]


def _decoded(said: Any, n_signals: int) -> Extras:
    """Return what a document says; raise ValueError, or whatever a strange one provokes."""
    if len(said["signals"]) != n_signals:
        raise ValueError(f"{len(said['signals'])} signals where there are {n_signals}")
    return Extras(
        signals=tuple(_decode_signal(signal) for signal in said["signals"]), quantity=str(said["quantity"]),
        sources=tuple(decode_source(source) for source in said["sources"]),
        first_id=_whole(said["first_id"]), origin_id=_whole(said["origin_id"]), facts=dict(said["facts"]),
        keep_s=None if (keep_s := said.get("keep_s")) is None else float(keep_s),
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
