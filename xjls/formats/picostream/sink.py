"""A recording of one channel to a PicoStream file: counts as they come, attributes as they were, the rest beside."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.picostream.attributes import LOST
from xjls.formats.picostream.body import Body
from xjls.formats.picostream.counts import DTYPE
from xjls.formats.picostream.extras import Extras, plain_extras
from xjls.formats.picostream.fitting import require_counts, require_fitting, require_samples, require_whole
from xjls.formats.picostream.telling import Told, told_of
from xjls.formats.picostream.written import WrittenSignal
from xjls.model.bounds import BOUNDS
from xjls.model.sink import NOT_DELIVERED, rest_of
from xjls.model.window import Gap, Window
from xjls.storage.settling import settle

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from xjls.formats.picostream.past import Past
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal, Source

FEWEST, MOST = 1 << 12, 10_000_000
"""Values of a chunk, which is a second of them otherwise."""
_FILL = 1 << 20
"""Lost samples that are marked at a time."""


class PicoSink:
    """Write a signal of int16 counts, or a pair of minimum and maximum, to a file; fulfils `xjls.model.sink.Sink`.

    Parameters
    ----------
    path
        A file that does not exist yet.
    grows
        Make it one of its kind as soon as its signals are defined, not only when there are samples.
    keep_s
        Keep the last samples only, those of so many seconds at least; None keeps all, or as many as before.
    append
        Go on with a file that does exist: its signals and sources are defined already.

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
    >>> with xjls.open_recording(path) as recording:
    ...     recording.read("probe").tolist(), recording.signal("probe").scale_factor
    ([0, 1, 2], 0.001)
    """

    def __init__(self, path: str, *, grows: bool = False, keep_s: float | None = None, append: bool = False) -> None:
        self._body = Body(path, exists=append)
        self._path = path
        self._sources: list[Source] = []
        self._signals: dict[str, WrittenSignal] = {}
        """In the order in which their values lie in the file."""
        self._told = Told()
        self._annotations: list[Annotation] = []
        self._user_data: list[UserData] = []
        self._grows = grows or append
        self._keep_s = keep_s
        if self._body.past is not None:
            try:
                self._resume(self._body.past)
            except BaseException:
                self._body.close()
                raise

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
        before, self._signals = self._signals, {one.signal.name: one for one in both}
        if self._grows and len(both) == self._each:
            try:
                self.flush()
            except OSError:
                self._signals = before
                raise

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
            self._append(one, samples)

    def skip(self, name: str, gap: Gap) -> None:
        """Mark samples that nobody delivered; see `Sink`."""
        one = self._one(name)
        self._begin(one, gap.window.start)
        self._mark(one, rest_of(gap, name, one.next_id))

    def gap_bytes(self, name: str, samples: int) -> int:
        """Return the bytes that mark a gap of so many samples."""
        self._one(name)
        return samples * DTYPE.itemsize

    def settle(self) -> None:
        """Wait for the disk; see `Sink`."""
        settle(self._path)

    def flush(self, *, sync: bool = False) -> None:
        """Write all that there is, of a pair what both halves have; see `Sink`."""
        self._require_open()
        if self._grows or self._first_id is not None:
            self._put_all(self._chunk)
        self._body.commit(sync=sync)

    def close(self) -> None:
        """Write what is left; see `Sink`."""
        if self._body.is_open:
            self._complete()
            # What is short, and not written before the end, is cut to its length
            self._put_all(min(self._chunk, max(self._each * self._waiting, 1)))
        self._body.end()

    def abandon(self) -> None:
        """Leave what was flushed as it stands; see `Sink`."""
        self._body.close()

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

    # -- samples on their way ----------------------------------------------------------------------------------------

    @property
    def _each(self) -> int:
        """Values of a timestep: two of a pair."""
        return 1 + any(one.signal.bound is not None for one in self._signals.values())

    @property
    def _first_id(self) -> int | None:
        """Sample id of the first sample that was ever written; None before there is one."""
        return next((one.first_id for one in self._signals.values() if one.first_id is not None), None)

    @property
    def _waiting(self) -> int:
        """Timesteps that wait, and that all signals have."""
        return min(one.n_waiting for one in self._signals.values())

    @property
    def _rate_hz(self) -> int:
        """Values a second."""
        return round(max((one.signal.rate_hz for one in self._signals.values()), default=0)) * self._each

    @property
    def _keep(self) -> int | None:
        """Values to keep."""
        return None if self._keep_s is None else math.ceil(self._keep_s * self._rate_hz)

    @property
    def _chunk(self) -> int:
        """Values of a chunk, whole timesteps: those of a second."""
        return min(max(self._rate_hz, FEWEST * self._each), MOST)

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
        """Append markers for a gap, and say why as far as they are there."""
        marks = np.full(min(gap.window.length, _FILL), LOST, DTYPE)
        while (start := one.next_id) < gap.window.stop:
            try:
                self._append(one, marks[: gap.window.stop - start])
            finally:
                one.note(gap & Window(start, one.next_id))

    def _append(self, one: WrittenSignal, samples: NDArray[Any]) -> None:
        """Append samples; those of a pair, and the first of all, by way of memory."""
        if self._body.is_due:
            self.flush()
        if self._body.begun and self._each == 1:
            before = self._body.count
            try:
                self._body.append(np.ascontiguousarray(samples, DTYPE))
            finally:
                one.length += self._body.count - before
            return
        one.add(samples)
        # In a chunk at least while nobody has asked for less
        if self._waiting * self._each >= (1 if self._body.begun else self._chunk):
            self._put_waiting(self._chunk)

    def _complete(self) -> None:
        """Mark what one half of a pair has and the other has not."""
        signals = self._signals.values()
        require_whole([one.signal for one in signals])
        first_id = self._first_id or 0
        stop = first_id + max(one.length for one in signals)
        for one in signals:
            self._begin(one, first_id)
            self._mark(one, Gap(Window(one.next_id, stop), NOT_DELIVERED, skipped=True))

    def _put_waiting(self, chunk: int) -> None:
        """Put what waits, as far as all signals have it; ``chunk`` is of the dataset, if there is none yet."""
        if not self._body.begun:
            self._body.begin(self._told, chunk, paired=self._each > 1, keep=self._keep)
        count, signals = self._waiting, self._signals.values()
        values = np.empty((count, len(signals)), DTYPE)
        for i, one in enumerate(signals):
            values[:, i] = one.peek(count)
        before = self._body.count
        try:
            self._body.append(values.reshape(-1))
        finally:
            for one in signals:
                one.drop((self._body.count - before) // len(signals))

    # -- what is said of them ----------------------------------------------------------------------------------------

    def _put_all(self, chunk: int) -> None:
        """Write all that there is; ``chunk`` is of the dataset, if there is none yet."""
        self._put_waiting(chunk)
        if self._body.is_due:
            self._body.roll()
            self._forget(self._stored_id)
        self._body.say(self._extras())

    @property
    def _stored_id(self) -> int:
        """Sample id of the first sample in the file."""
        one = next(iter(self._signals.values()))
        return one.next_id - one.n_waiting - self._body.length // self._each

    def _forget(self, first_id: int) -> None:
        """Forget what is said of samples before one."""
        for one in self._signals.values():
            one.drop_before(first_id)
        self._annotations = [note for note in self._annotations if note.sample_id is None or note.sample_id >= first_id]

    def _extras(self) -> Extras:
        """Return what there is beside the counts; of what the attributes tell already, what is plain."""
        signals, told = self._signals.values(), self._body.place()
        one, plain = next(iter(signals)).signal, plain_extras(paired=self._each > 1)
        origin_id = self._first_id if one.origin_id is None and self._keep_s is not None else one.origin_id
        place = self._stored_id, origin_id
        first_id, origin_id = (None, None) if self._first_id is None or place == told else place
        return Extras(
            signals=tuple(each.stored for each in signals), sources=tuple(self._sources),
            quantity=plain.quantity if one.bound is None else one.bound[0], first_id=first_id, origin_id=origin_id,
            keep_s=self._keep_s, facts=self._told.left, annotations=tuple(self._annotations),
            user_data=tuple(self._user_data),
        )  # fmt: skip

    def _resume(self, past: Past) -> None:
        """Take down what the file holds."""
        if self._keep_s is not None and past.extras.keep_s is None:
            raise SelectionError(
                f"{self._body.path} keeps all samples, and keep_s={self._keep_s:g} would drop some of them",
                "Leave keep_s out, or write another file.",
            )
        self._signals = {one.signal.name: one for one in past.signals}
        self._told, self._sources = past.told, list(past.extras.sources)
        self._annotations, self._user_data = list(past.extras.annotations), list(past.extras.user_data)
        self._keep_s = past.extras.keep_s if self._keep_s is None else self._keep_s
        self._body.resume(past, keep=self._keep)

    def _one(self, name: str) -> WrittenSignal:
        self._require_open()
        if name not in self._signals:
            names = ", ".join(self._signals) or "none"
            raise SelectionError(f"no signal {name!r} is being written", f"Signals: {names}.")
        return self._signals[name]

    def _require_open(self) -> None:
        if not self._body.is_open:
            raise ValueError("the file is closed. Make another one")
