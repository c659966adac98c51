"""A recording of one channel to a PicoStream file: counts as they come, attributes as they were, the rest beside."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from xjls.errors import SelectionError
from xjls.formats.picostream.counts import DTYPE
from xjls.formats.picostream.extras import DATASET, Extras, encode_extras, plain_extras
from xjls.formats.picostream.fitting import require_counts, require_fitting, require_samples, require_whole
from xjls.formats.picostream.medium import Medium
from xjls.formats.picostream.opening import COUNTS
from xjls.formats.picostream.telling import Told, told_of
from xjls.formats.picostream.written import WrittenSignal
from xjls.model.bounds import BOUNDS
from xjls.model.sink import NOT_DELIVERED
from xjls.model.window import Gap, Window
from xjls.storage.new_file import local_target, new_file

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal, Source

FEWEST, MOST = 1 << 12, 10_000_000
"""Values of a chunk, which is a second of them otherwise."""
_FILL = 1 << 20
"""Lost samples that are marked at a time."""
_BYTES = 1 << 16
"""Of a chunk of the dataset beside the counts."""


@contextlib.contextmanager
def new_picostream(
    path: str,
    *,
    overwrite: bool,
    option: str,
    codec: str | None,
    storage_options: Mapping[str, Any] | None,  # noqa: ARG001 - of the table; files are local
) -> Iterator[PicoSink]:
    """Give a sink for a new file; see `xjls.formats.new_recording`."""
    _require_plain(codec)
    with new_file(path, overwrite=overwrite, option=option) as part, PicoSink(part) as sink:
        yield sink


def grow_picostream(
    path: str,
    *,
    codec: str | None,
    keep_s: float | None,
    storage_options: Mapping[str, Any] | None,  # noqa: ARG001 - of the table; files are local
) -> PicoSink:
    """Give a sink for a file that is there at once; see `xjls.formats.grow_recording`."""
    _require_plain(codec)
    if keep_s is not None:
        raise SelectionError("PicoStream files keep all samples as yet", "Leave keep_s out.")
    return PicoSink(str(local_target(path)))


def _require_plain(codec: str | None) -> None:
    if codec is not None:
        raise SelectionError(
            f"PicoStream does not compress counts, with {codec!r} or otherwise", "Choose a Zarr store."
        )


class PicoSink:
    """Write a signal of int16 counts, or a pair of minimum and maximum, to a file; fulfils `xjls.model.sink.Sink`.

    Parameters
    ----------
    path
        A file that does not exist yet.

    Notes
    -----
    For one thread. Of a pair, what one half is ahead of the other is held in memory. Samples that nobody delivered are
    marked as the driver marks those that it lost, -32768.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from fractions import Fraction
    >>> path, scope = tempfile.mkdtemp() + "/run.hdf5", xjls.Source(id=1, name="scope")
    >>> with PicoSink(path) as sink:
    ...     sink.add_source(scope)
    ...     sink.add_signal(xjls.Signal(id=1, name="probe", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(10**6),
    ...                                 source=scope, stored_type="i16", scale_factor=0.001))
    ...     sink.write("probe", 0, np.arange(3, dtype="i2"))
    >>> with h5py.File(path) as file:
    ...     file["adc_counts"][:].tolist(), file.attrs["voltage_range_v"].item()
    ([0, 1, 2], 32.767)
    """

    def __init__(self, path: str) -> None:
        self._medium = Medium(path)
        self._file = h5py.File(self._medium, "w")
        self._counts: h5py.Dataset | None = None
        self._sources: list[Source] = []
        self._signals: dict[str, WrittenSignal] = {}
        """In the order in which their values lie in the file."""
        self._told = Told()
        self._annotations: list[Annotation] = []
        self._user_data: list[UserData] = []

    # -- what there is -----------------------------------------------------------------------------------------------

    def add_source(self, source: Source) -> None:
        """Define an instrument; see `Sink`."""
        self._require_open()
        if source.id in {known.id for known in self._sources}:
            raise SelectionError(f"source {source.id} is defined already", "Give it another number.")
        self._sources.append(source)

    def add_signal(self, signal: Signal) -> None:
        """Define the signal, or one of two; what the file cannot hold of it is refused; see `Sink`."""
        self._require_open()
        if signal.source.id not in {source.id for source in self._sources}:
            raise SelectionError(f"source {signal.source.id} of {signal.name!r} is not defined", "Define it first.")
        if signal.name in self._signals:
            raise SelectionError(f"signal {signal.name!r} is defined already", "Give it another name.")
        require_counts(signal)
        require_fitting([one.signal for one in self._signals.values()], signal)
        self._told = told_of(signal, paired=signal.bound is not None)
        both = [*self._signals.values(), WrittenSignal(signal)]
        both.sort(key=lambda one: BOUNDS.index(one.signal.bound[1]) if one.signal.bound else 0)
        self._signals = {one.signal.name: one for one in both}

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Sink`."""
        self._one(name).ties.append(tie)

    def annotate(self, note: Annotation) -> None:
        """Write an annotation; see `Sink`."""
        self._require_open()
        if note.signal:
            self._one(note.signal)
        self._annotations.append(note)

    def add_user_data(self, record: UserData) -> None:
        """Keep a record of an application's own; see `Sink`."""
        self._require_open()
        self._user_data.append(record)

    # -- samples -----------------------------------------------------------------------------------------------------

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Append counts; see `Sink`."""
        one = self._one(name)
        require_samples(one.signal, samples)
        if not len(samples):
            return
        self._begin(one, first_id)
        next_id = one.next_id
        samples = samples[max(next_id - first_id, 0) :]
        if len(samples):
            self._mark(one, Gap(Window(next_id, max(first_id, next_id)), NOT_DELIVERED, skipped=True))
            one.add(samples)
            self._drain()

    def skip(self, name: str, gap: Gap) -> None:
        """Mark samples that nobody delivered; see `Sink`."""
        one = self._one(name)
        self._begin(one, gap.window.start)
        if not gap.window.start <= one.next_id <= gap.window.stop:
            raise SelectionError(
                f"the gap {gap.window} does not continue {name!r}, whose next sample is {one.next_id:_}",
                "Write what is between, or a gap from there on.",
            )
        self._mark(one, replace(gap, window=Window(one.next_id, gap.window.stop)))

    def flush(self, *, sync: bool = False) -> None:
        """Write all that there is, of a pair what both halves have; see `Sink`."""
        self._require_open()
        self._put_all(self._chunk, sync=sync)

    def close(self) -> None:
        """Write what is left; see `Sink`."""
        if not self._file:
            return
        signals = self._signals.values()
        require_whole([one.signal for one in signals])
        first_id = next((one.first_id for one in signals if one.first_id is not None), 0)
        stop = first_id + max(one.length for one in signals)
        for one in signals:
            self._begin(one, first_id)
            self._mark(one, Gap(Window(one.next_id, stop), NOT_DELIVERED, skipped=True))
        # What is short, and not written before the end, is cut to its length
        self._put_all(min(self._chunk, max(len(signals) * (stop - first_id), 1)))
        with _as_the_system_says(self._medium):
            self._file.close()
        self._medium.close()

    def abandon(self) -> None:
        """Leave what was written as it stands; see `Sink`."""
        try:
            self._file.close()
        finally:
            self._medium.close()

    def __enter__(self) -> PicoSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.close()
        finally:
            self.abandon()

    @property
    def _chunk(self) -> int:
        """Values of a chunk: those of a second."""
        rate = round(max((one.signal.rate_hz for one in self._signals.values()), default=0))
        return min(max(rate, FEWEST) * max(len(self._signals), 1), MOST)

    def _begin(self, one: WrittenSignal, first_id: int) -> None:
        """Take down where a signal begins: both of a pair with the same sample."""
        if one.first_id is not None:
            return
        require_whole([each.signal for each in self._signals.values()])
        for other in self._signals.values():
            if other.first_id not in (None, first_id):
                raise SelectionError(
                    f"{one.signal.name!r} begins at sample {first_id:_}, its other half at {other.first_id:_}",
                    "Write the window that both have, or write a Zarr store or a JLS file.",
                )
        one.first_id = first_id

    def _mark(self, one: WrittenSignal, gap: Gap) -> None:
        """Append markers for a gap."""
        for start in range(gap.window.start, gap.window.stop, _FILL):
            one.mark(gap & Window(start, start + _FILL))
            self._drain()

    def _drain(self) -> None:
        """Write the samples that all signals have, once there is a chunk of them."""
        if len(self._signals) * min(one.n_waiting for one in self._signals.values()) >= self._chunk:
            self._put_counts(self._chunk)

    # -- the file ----------------------------------------------------------------------------------------------------

    def _create(self, chunk: int) -> h5py.Dataset:
        """Make the dataset of counts first, by whose name files are told, and the attributes."""
        # HDF5 would write every chunk twice, filled and with counts
        how = {"maxshape": (None,), "chunks": (chunk,), "fill_time": "never"}
        self._counts = self._file.create_dataset(COUNTS, (0,), DTYPE, **how)
        self._file.attrs.update(self._told.root)
        for name, attributes in self._told.groups.items():
            self._file.create_group(name).attrs.update(attributes)
        return self._counts

    def _put_all(self, chunk: int, *, sync: bool = False) -> None:
        """Write all that there is, once it has begun; ``chunk`` is of the dataset, if there is none yet."""
        if any(one.first_id is not None for one in self._signals.values()):
            self._put_counts(chunk)
            self._put_extras()
        with _as_the_system_says(self._medium, sync=sync):
            self._file.flush()

    def _put_counts(self, chunk: int) -> None:
        """Write the samples that all signals have, side by side."""
        signals = self._signals.values()
        count = min(one.n_waiting for one in signals)
        values = np.stack([one.peek(count) for one in signals], axis=1).reshape(-1)
        start = sum(one.length - one.n_waiting for one in signals)
        with _as_the_system_says(self._medium):
            counts = self._counts or self._create(chunk)
            counts.resize((start + len(values),))
            counts[start:] = values
        for one in signals:
            one.drop(count)

    def _put_extras(self) -> None:
        """Write what has no other place, if there is any, where it was written before."""
        plain = plain_extras(paired=len(self._signals) > 1)
        if (extras := self._extras(plain)) == plain:
            return
        data = np.frombuffer(encode_extras(extras), np.uint8)
        with _as_the_system_says(self._medium):
            if DATASET not in self._file:
                self._file.create_dataset(DATASET, (0,), "u1", maxshape=(None,), chunks=(min(len(data), _BYTES),))
            self._file[DATASET].resize((len(data),))
            self._file[DATASET][:] = data

    def _extras(self, plain: Extras) -> Extras:
        """Return what there is beside the counts; of what the attributes tell already, what is ``plain``."""
        signals = self._signals.values()
        one = next(iter(signals))
        place = one.first_id or 0, one.signal.origin_id
        values = sum(each.length - each.n_waiting for each in signals)
        first_id, origin_id = (None, None) if not one.length or place == self._told.place(values) else place
        quantity = plain.quantity if one.signal.bound is None else one.signal.bound[0]
        return Extras(
            signals=tuple(each.stored for each in signals), quantity=quantity, sources=tuple(self._sources),
            first_id=first_id, origin_id=origin_id, facts=self._told.left, annotations=tuple(self._annotations),
            user_data=tuple(self._user_data),
        )  # fmt: skip

    def _one(self, name: str) -> WrittenSignal:
        self._require_open()
        if name not in self._signals:
            names = ", ".join(self._signals) or "none"
            raise SelectionError(f"no signal {name!r} is being written", f"Signals: {names}.")
        return self._signals[name]

    def _require_open(self) -> None:
        if not self._file:
            raise ValueError("the file is closed. Make another one")


@contextlib.contextmanager
def _as_the_system_says(medium: Medium, *, sync: bool = False) -> Iterator[None]:
    """Raise what the medium refuses as OSError, without what HDF5 says of its insides."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        medium.require_written()
        raise OSError(errno.EIO, os.strerror(errno.EIO), medium.path) from error
    medium.require_written(sync=sync)
