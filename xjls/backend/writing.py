"""A Dataset to any sink: what can be written is checked first, then samples go over chunk by chunk.

Annotations and user data of a recording go along with its signals; with all of it signals that have nothing else, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xjls.backend.outgoing import Outgoing, numbered, outgoing
from xjls.backend.outgoing_labels import names_on_labels, outgoing_on_labels
from xjls.backend.provenance import origin_of
from xjls.backend.sampled import names_of_samples, sampled
from xjls.formats import new_recording
from xjls.formats.carry import Contents, placed, write_all
from xjls.progress import shown

if TYPE_CHECKING:
    import xarray as xr

    from xjls.backend.provenance import Origin
    from xjls.model.annotation import Annotation
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.sink import Sink
    from xjls.progress import Progress

__all__ = ["write_dataset", "write_into"]


def write_dataset(
    dataset: xr.Dataset,
    path: str | os.PathLike[str],
    signals: str | Iterable[str] | None = None,
    *,
    format_name: str | None = None,
    overwrite: bool = False,
    option: str = "overwrite=True",
    codec: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | bool | None = None,
) -> None:
    """Write the signals of a Dataset to a new recording; see `xjls.backend.accessor.XjlsAccessor.to_jls`.

    Parameters
    ----------
    dataset, signals, progress
        As of `to_jls`.
    path, format_name, overwrite, option, codec, storage_options
        As of `xjls.new_recording`.
    """
    found = _found(dataset, signals)
    how: dict[str, Any] = {"overwrite": overwrite, "option": option, "codec": codec}
    with new_recording(path, format_name=format_name, storage_options=storage_options, **how) as sink:
        _write(sink, found, progress)


def write_into(
    sink: Sink, dataset: xr.Dataset, signals: str | Iterable[str] | None = None, progress: Progress | bool | None = None
) -> None:
    """Write the signals of a Dataset to a sink; see `write_dataset`."""
    _write(sink, _found(dataset, signals), progress)


def _write(sink: Sink, found: list[Outgoing], progress: Progress | bool | None) -> None:
    pieces = [piece for out in found for piece in out.pieces()]
    write_all(sink, _contents(found), pieces, shown(anyway=True) if progress is True else progress or None)


def _found(dataset: xr.Dataset, signals: str | Iterable[str] | None) -> list[Outgoing]:
    named = [signals] if isinstance(signals, str) else None if signals is None else list(signals)
    on_labels = names_on_labels(dataset, named)
    if named is None:
        in_time = names_of_samples(dataset, required=not on_labels)
    else:
        in_time = [name for name in named if name not in on_labels]
    chosen = sampled(dataset, in_time) if in_time or not on_labels else []
    beside = _beside(dataset) if chosen else {}
    found = [outgoing(dataset, one, beside.get(one.dim)) for one in chosen]
    found += [outgoing_on_labels(dataset, name) for name in on_labels]
    return numbered(found, anew=_recording(found) is None)


def _beside(dataset: xr.Dataset) -> dict[str, Origin]:
    """Return by time axis the untouched signal that tells its time; of several one that has ties."""
    names = names_of_samples(dataset, required=False)
    series = sampled(dataset, names) if names else []
    origins = [(one.dim, origin) for one in series if (origin := origin_of(one.variable)) is not None]
    return dict(sorted(origins, key=lambda found: bool(found[1].recording.ties(found[1].name))))


def _contents(found: list[Outgoing]) -> Contents:
    """Return what goes along with samples."""
    recording = _recording(found)
    bare = _without_samples(found, recording)
    signals = [*(out.signal for out in found), *bare]
    return Contents(
        sources=dict.fromkeys(signal.source for signal in signals),
        signals=signals,
        user_data=recording.user_data if recording is not None else (),
        ties=((out.signal.name, tie) for out in found for tie in out.ties),
        notes=_notes(found, bare, recording),
    )


def _recording(found: list[Outgoing]) -> Recording | None:
    """Return the one recording that all signals come from, if they do."""
    tokens = {out.origin.recording.token: out.origin.recording for out in found if out.origin is not None}
    return next(iter(tokens.values())) if len(tokens) == 1 and all(out.origin for out in found) else None


def _without_samples(found: list[Outgoing], recording: Recording | None) -> list[Signal]:
    """Return the signals of a recording that have annotations only, if all others are written from end to end."""
    if recording is None:
        return []
    shown = {out.origin.name: out.origin.window for out in found if out.origin is not None}
    signals = recording.signals.values()
    whole = all(shown.get(signal.name) == signal.window for signal in signals if signal.is_series)
    taken = {out.signal.name for out in found}
    return [signal for signal in signals if whole and not signal.has_samples and signal.name not in taken]


def _notes(found: list[Outgoing], bare: list[Signal], recording: Recording | None) -> Iterator[Annotation]:
    """Yield the recording's annotations that belong to what is written, under the names of its variables.

    What has a time only, which no clock places on its signal, belongs to every part of that.
    """
    if recording is None:
        return
    plain = {"", *(signal.name for signal in bare)}
    shown = {out.origin.name: out for out in found if out.origin is not None}
    for note in recording.annotations:
        if note.signal in plain:
            yield note
        elif note.signal in shown:
            out, at = shown[note.signal], placed(recording, note)
            if at.sample_id is None or out.window.start <= at.sample_id < out.window.stop:
                yield replace(at, signal=out.signal.name)
