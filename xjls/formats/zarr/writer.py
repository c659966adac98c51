"""A recording to a Zarr store, in the order of the calls: samples and levels first, then what speaks of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.formats.zarr.codecs import AUTO, check_codec
from xjls.formats.zarr.cutting import growing_cut, row_bytes_of
from xjls.formats.zarr.expiry import Expired
from xjls.formats.zarr.folder import folder_of
from xjls.formats.zarr.journal import Journal
from xjls.formats.zarr.naming import array_name
from xjls.formats.zarr.publishing import Publisher, Tail
from xjls.formats.zarr.stream import SampleStream, usual_cut
from xjls.formats.zarr.written import WrittenSignal
from xjls.model.documents import encode_annotation, encode_user_data
from xjls.model.facts import encode_facts
from xjls.model.sample_type import bits_of, dtype_of, level_dtype_of
from xjls.model.sink import NOT_DELIVERED, ClosedByWith, require_shape, require_type, rest_of
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.folder import Folder
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal, Source


class ZarrWriter(ClosedByWith):
    """Write a new Zarr store; fulfils `xjls.model.sink.Sink`.

    Parameters
    ----------
    store
        A local path or an address that fsspec understands, where nothing is yet; or a `Folder`.
    codec
        ``"zstd"`` or ``"blosc"`` compress all samples, ``"auto"`` those of signals whose first ones become smaller by a
        quarter. None compresses only those of one and four bits, which Zarr keeps as bytes.
    storage_options
        For fsspec.
    grows
        Whether it is flushed again and again: then a flush writes what is new into one small object, the tail, and
        nobody else may write to the store meanwhile. Else it rewrites the last shard of each signal.
    keep_s
        Of a store that grows, keep the last samples only, those of so many seconds at least; None keeps all.

    Raises
    ------
    FileExistsError
        There is something already.
    BlockingIOError
        Somebody else writes there.
    OSError
        As the medium says, here and from every call: what was published before stays readable.

    Notes
    -----
    For one thread. Samples are gathered to shards: `flush` publishes them all, and so does `close`. A ``with`` block
    that raises abandons the store: it stays as of the last flush, and says that it was not closed. Of a store that
    drops old samples, `flush` and `close` drop them.

    Examples
    --------
    >>> import tempfile, numpy as np, xjls
    >>> from fractions import Fraction
    >>> store = tempfile.mkdtemp() + "/run.zarr"
    >>> bench = xjls.Source(id=1, name="bench")
    >>> with ZarrWriter(store) as writer:
    ...     writer.add_source(bench)
    ...     writer.add_signal(xjls.Signal(id=1, name="current", units="A", dtype=np.dtype("f4"),
    ...                                   rate_hz=Fraction(1000), source=bench, stored_type="f32"))
    ...     writer.write("current", 0, np.arange(5, dtype="f4"))
    >>> xjls.open_recording(store).read("current")
    array([0., 1., 2., 3., 4.], dtype=float32)
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | Folder,
        *,
        codec: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        grows: bool = False,
        keep_s: float | None = None,
    ) -> None:
        check_codec(codec)
        if isinstance(store, str | os.PathLike):
            store = folder_of(store, storage_options, alone=grows)
        self._folder: Folder = store
        self._codec = codec
        self._keep_s = keep_s
        self._publisher = Publisher(self._folder, keep_s)
        self._journal = Journal(self._folder) if grows else None
        self._expired = Expired()
        self._sources: dict[int, Source] = {}
        self._signals: dict[str, WrittenSignal] = {}
        self._open = True

    def add_source(self, source: Source) -> None:
        """Define an instrument; see `Sink`."""
        self._require_open()
        if source.id in self._sources:
            raise SelectionError(f"source {source.id} is defined already", "Give it another number.")
        self._sources[source.id] = source

    def add_signal(self, signal: Signal) -> None:
        """Define a signal; see `Sink`."""
        self._require_open()
        if signal.source.id not in self._sources:
            raise SelectionError(f"source {signal.source.id} of {signal.name!r} is not defined", "Define it first.")
        ids = {one.signal.id for one in self._signals.values()}
        if signal.name in self._signals or signal.id in ids:
            raise SelectionError(
                f"signal {signal.id}, {signal.name!r}, is defined already", "Give it another number and name."
            )
        encode_facts(signal)  # what cannot be published is refused now
        require_shape(signal)
        array = self._free_name(signal)
        self._signals[signal.name] = WrittenSignal(signal, array, self._stream(signal, array))

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples; see `Sink`."""
        stream = self._sampled(name)
        require_type(name, stream.dtype, samples, stream.shape)
        if (next_id := stream.next_id) is not None:
            samples = samples[max(next_id - first_id, 0) :]
            if first_id > next_id and len(samples):
                stream.skip(Gap(Window(next_id, first_id), NOT_DELIVERED, skipped=True))
            first_id = max(first_id, next_id)
        if len(samples):
            stream.write(first_id, samples)

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that nobody delivered; see `Sink`."""
        stream = self._sampled(name)
        rest = rest_of(gap, name, stream.next_id)
        if rest.window.length:
            stream.skip(rest)

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Sink`."""
        self._sampled(name)
        self._signals[name].ties.append(tie)

    def annotate(self, note: Annotation) -> None:
        """Write an annotation; see `Sink`."""
        self._require_open()
        if note.signal:
            self._signal(note.signal)
        self._publisher.add("annotations", encode_annotation(note))

    def add_user_data(self, record: UserData) -> None:
        """Keep a record of an application's own; see `Sink`."""
        self._require_open()
        self._publisher.add("user_data", encode_user_data(record))

    def gap_bytes(self, name: str, samples: int) -> int:
        """Return what is left to fill of the last shard: whole ones are left out; see `Sink`."""
        stream = self._sampled(name)
        return min(samples, -stream.length % stream.shard) * stream.sample_bytes

    def settle(self) -> None:
        """Wait for the disk; see `Sink`."""
        self._folder.settle()

    def flush(self, *, sync: bool = False) -> None:
        """Write all that there is, and publish it; see `Sink`."""
        self._require_open()
        self._publish(closed=False, sync=sync)

    def close(self) -> None:
        """Write what is left and say that it is complete; see `Sink`."""
        if self._open:
            if self._keep_s is not None:
                self._publish(closed=False, sync=False)  # drops samples, whose shards are removed before the next root
            self._publish(closed=True, sync=False)
            self.abandon()

    def abandon(self) -> None:
        """Leave what was published as it stands; see `Sink`."""
        self._open = False
        self._signals = {}
        self._folder.release()

    def go_on(
        self, sources: Iterable[Source], signals: Iterable[WrittenSignal], publisher: Publisher, journal: Journal
    ) -> None:  # fmt: skip
        """Continue what is in the folder; see `xjls.formats.zarr.resume`.

        Parameters
        ----------
        sources, signals
            As far as they are written.
        publisher, journal
            Which know what is there.
        """
        self._sources = {source.id: source for source in sources}
        self._signals = {one.signal.name: one for one in signals}
        self._publisher, self._journal = publisher, journal

    def _stream(self, signal: Signal, array: str) -> SampleStream | None:
        if not signal.has_samples:
            return None
        stored_type, row_bytes = signal.stored_type, row_bytes_of(signal)
        codec = "blosc" if bits_of(stored_type) < 8 and self._codec in (None, AUTO) else self._codec
        if self._journal is not None:
            cut = growing_cut(stored_type, signal.rate_hz, self._keep_s, row_bytes=row_bytes)
        else:
            cut = usual_cut(stored_type, row_bytes=row_bytes)
        return SampleStream(
            self._folder, array, dtype_of(stored_type), level_dtype_of(stored_type), cut, codec, signal.missing_value,
            signal.sample_shape,
        )  # fmt: skip

    def _free_name(self, signal: Signal) -> str:
        """Return what the arrays of a signal are called, unlike those of others and unlike axes of labels."""
        every = [signal, *(one.signal for one in self._signals.values())]
        taken = {dim for one in every for dim in (one.axis, *one.sample_dims)}
        taken |= {one.array for one in self._signals.values()}
        return array_name(signal.name, taken, has_axis=bool(signal.axis))

    def _publish(self, *, closed: bool, sync: bool) -> None:
        """Write samples first and what speaks of them afterwards; with ``sync``, in this order on the disk, too."""
        signals = sorted(self._signals.values(), key=lambda one: one.signal.id)
        self._put_samples({one.array: one.stream for one in signals if one.stream is not None}, closed=closed)
        self._expired.remove(self._publisher)
        if self._keep_s is not None and not closed:  # at the end nobody would remove it
            _drop(signals)
        if sync:
            self._folder.sync()
        sources = tuple(source for _, source in sorted(self._sources.items()))
        self._publisher.publish(signals, sources, closed=closed, tail=self._tail(closed=closed))
        if sync:
            self._folder.sync()
        self._expired = Expired() if self._keep_s is None else Expired.of(signals, self._publisher)
        if self._journal is not None and closed:
            self._journal.close()
        elif self._journal is not None:
            self._journal.commit(sync=sync)

    def _put_samples(self, streams: dict[str, SampleStream], *, closed: bool) -> None:
        """Write all samples that are in no object yet: to shards, or to the tail of a store that grows."""
        if self._journal is not None and not closed:
            self._journal.put(streams)
            return
        for stream in streams.values():
            stream.close() if closed and self._journal is None else stream.flush()

    def _tail(self, *, closed: bool) -> Tail | None:
        """Return what the root says of the tail."""
        if self._journal is None:
            return None
        numbers, n_bytes = ((), 0) if closed else (self._journal.numbers, self._journal.n_bytes)
        return Tail(numbers, self._journal.after, self._journal.identity, n_bytes)

    def _signal(self, name: str) -> WrittenSignal:
        self._require_open()
        if name not in self._signals:
            names = ", ".join(self._signals) or "none"
            raise SelectionError(f"no signal {name!r} is being written", f"Signals: {names}.")
        return self._signals[name]

    def _sampled(self, name: str) -> SampleStream:
        stream = self._signal(name).stream
        if stream is None:
            raise SelectionError(f"{name!r} has annotations only", "Define it with a rate.")
        return stream

    def _require_open(self) -> None:
        if not self._open:
            raise ValueError("the writer is closed. Make another one")


def _drop(signals: list[WrittenSignal]) -> None:
    """Let go of samples and ties that need not be kept."""
    for one in signals:
        if one.stream is not None and one.stream.drop():
            one.ties.forget((one.stream.first_id or 0) + one.stream.dropped)
