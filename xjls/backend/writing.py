"""A Dataset to any sink: what can be written is checked first, then samples go over chunk by chunk.

Annotations and user data of a recording go along with its signals; with all of it signals that have nothing else, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.backend.outgoing import Outgoing, numbered, outgoing
from xjls.backend.provenance import origin_of
from xjls.backend.sampled import sampled
from xjls.errors import SelectionError
from xjls.formats.jls2.sink import Jls2Sink
from xjls.formats.jls2.writer import MOST_IDS
from xjls.progress import shown
from xjls.storage.new_file import new_file

if TYPE_CHECKING:
    import xarray as xr

    from xjls.model.annotation import Annotation
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.sink import Sink
    from xjls.progress import Progress

__all__ = ["write_jls", "write_zarr"]


def write_jls(
    dataset: xr.Dataset,
    path: str | os.PathLike[str],
    signals: str | Iterable[str] | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> Path:
    """Write the signals of a Dataset; see `xjls.backend.accessor.XjlsAccessor.to_jls`."""
    found = _found(dataset, signals)
    _require_jls(found)
    with new_file(path, overwrite=overwrite) as part, Jls2Sink(part) as sink:
        _write(sink, found, shown(anyway=True) if progress is True else progress or None)
    return Path(path)


def write_zarr(
    dataset: xr.Dataset,
    store: str | os.PathLike[str],
    signals: str | Iterable[str] | None = None,
    *,
    overwrite: bool = False,
    codec: str | None = None,
    progress: Progress | bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> str:
    """Write the signals of a Dataset; see `xjls.backend.accessor.XjlsAccessor.to_zarr`."""
    from xjls.formats.zarr.codecs import check_codec
    from xjls.formats.zarr.folder import new_folder
    from xjls.formats.zarr.writer import ZarrWriter

    check_codec(codec)
    found = _found(dataset, signals)
    with new_folder(store, storage_options, overwrite=overwrite) as folder:
        sink = ZarrWriter(folder, codec=codec)
        _write(sink, found, shown(anyway=True) if progress is True else progress or None)
        # Not where it fails: a store without a root is none, and a remote one has no other name to appear under
        sink.close()
    return os.fspath(store)


def _found(dataset: xr.Dataset, signals: str | Iterable[str] | None) -> list[Outgoing]:
    chosen = sampled(dataset, signals)
    origins = [(one.dim, origin) for one in sampled(dataset) if (origin := origin_of(one.variable)) is not None]
    # Of several on one axis, one that tells the time
    beside = dict(sorted(origins, key=lambda found: bool(found[1].recording.ties(found[1].name))))
    found = [outgoing(dataset, one, beside.get(one.dim)) for one in chosen]
    return numbered(found, anew=_recording(found) is None)


def _require_jls(found: list[Outgoing]) -> None:
    """Refuse what JLS cannot hold."""
    if len(found) > MOST_IDS:
        raise SelectionError(f"{len(found)} signals are more than a JLS file holds", f"Choose {MOST_IDS} at most.")
    for out in found:
        if out.signal.rate_hz.denominator != 1:
            raise SelectionError(
                f"{out.signal.name!r} has {float(out.signal.rate_hz):g} samples a second, and JLS keeps whole numbers"
                " of them",
                'Resample it, set ds[name].attrs["sample_rate_hz"] to the nominal rate, or write it with to_zarr.',
            )


def _write(sink: Sink, found: list[Outgoing], progress: Progress | None) -> None:
    recording = _recording(found)
    signals = [out.signal for out in found] + _without_samples(found, recording)
    for source in dict.fromkeys(signal.source for signal in signals):
        sink.add_source(source)
    for signal in signals:
        sink.add_signal(signal)
    for record in recording.user_data if recording is not None else ():
        sink.add_user_data(record)
    for out in found:
        for tie in out.ties:
            sink.tie(out.signal.name, tie)
    for note in _notes(found, signals[len(found) :], recording):
        sink.annotate(note)
    done, total = 0, sum(out.one.length for out in found)
    for out, start, stop in _in_turn(found):
        _write_piece(sink, out, start, stop)
        done += stop - start
        if progress is not None:
            progress(done, total)


def _write_piece(sink: Sink, out: Outgoing, start: int, stop: int) -> None:
    """Write samples, and the gaps between them."""
    name, at, base = out.signal.name, out.first_id + start, out.first_id + start
    samples, gaps = out.piece(start, stop)
    for gap in gaps:
        if gap.window.start > at:
            sink.write(name, at, samples[at - base : gap.window.start - base])
        sink.skip(name, gap)
        at = gap.window.stop
    if at - base < len(samples):
        sink.write(name, at, samples[at - base :])


def _in_turn(found: list[Outgoing]) -> Iterator[tuple[Outgoing, int, int]]:
    """Yield the pieces of all signals by the time at which they end, as a recorder would have written them."""
    pieces = [
        (float(stop / out.signal.rate_hz), order, start, stop)
        for order, out in enumerate(found)
        for start, stop in zip(out.edges[:-1], out.edges[1:], strict=True)
    ]
    for _, order, start, stop in sorted(pieces):
        yield found[order], start, stop


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
    whole = all(shown.get(signal.name) == signal.window for signal in signals if signal.has_samples)
    taken = {out.signal.name for out in found}
    return [signal for signal in signals if whole and not signal.has_samples and signal.name not in taken]


def _notes(found: list[Outgoing], bare: list[Signal], recording: Recording | None) -> Iterator[Annotation]:
    """Yield the recording's annotations that belong to what is written, under the names of its variables."""
    if recording is None:
        return
    plain = {"", *(signal.name for signal in bare)}
    shown = {out.origin.name: out for out in found if out.origin is not None}
    for note in recording.annotations:
        if note.signal in plain:
            yield note
        elif note.signal in shown and note.sample_id is not None:
            out = shown[note.signal]
            if out.first_id <= note.sample_id < out.first_id + out.one.length:
                yield replace(note, signal=out.signal.name)
