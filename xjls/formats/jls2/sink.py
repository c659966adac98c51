"""The nouns of a recording to the records of a JLS v2 file: `Jls2Writer` as a `Sink`."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.formats.jls2.datatypes import encode_data_type
from xjls.formats.jls2.events import annotation_record
from xjls.formats.jls2.reader import Jls2Reader
from xjls.formats.jls2.wire import SignalDef, SourceDef, ns_to_jls_time
from xjls.formats.jls2.writer import MOST_IDS, Jls2Writer
from xjls.storage.new_file import new_file

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal, Source
    from xjls.model.window import Gap


@contextlib.contextmanager
def new_jls2(path: str, *, overwrite: bool, option: str, codec: str | None) -> Iterator[Jls2Sink]:
    """Give a sink for a new file; see `xjls.formats.new_recording`."""
    if codec is not None:
        raise SelectionError(f"JLS does not compress samples, with {codec!r} or otherwise", "Choose a Zarr store.")
    with new_file(path, overwrite=overwrite, option=option) as part, Jls2Sink(part) as sink:
        yield sink


class Jls2Sink:
    """Write a recording to a JLS v2 file; fulfils `xjls.model.sink.Sink`.

    Parameters
    ----------
    path
        A file that does not exist yet.
    append
        Go on with one that does: its signals and sources are defined already.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> path = tempfile.mkdtemp() + "/copy.jls"
    >>> with Jls2Sink(path) as sink:
    ...     current = recording.signals["current"]
    ...     sink.add_source(current.source)
    ...     sink.add_signal(current)
    ...     sink.write("current", current.first_id, recording.read("current"))
    >>> xjls.open_recording(path).statistics("current") == recording.statistics("current")
    True
    """

    def __init__(self, path: str, *, append: bool = False) -> None:
        self.writer = Jls2Writer(path, append=append)
        self._ids = {"": 0}
        self._sampled: set[str] = set()
        if append:
            with contextlib.closing(Jls2Reader(path)) as reader:
                found = [reader.describe(name) for name in reader.names]
            self._ids |= {signal.name: signal.id for signal in found}
            self._sampled |= {signal.name for signal in found if signal.has_samples}

    def add_source(self, source: Source) -> None:
        """Define an instrument by its own number; see `Sink`."""
        texts = source.name, source.vendor, source.model, source.version, source.serial_number
        self.writer.define_source(SourceDef(source.id, *texts))

    def add_signal(self, signal: Signal) -> None:
        """Define a signal, by its own number where the format has it and it is free; see `Sink`."""
        if signal.name in self._ids:
            raise SelectionError(f"signal {signal.name!r} is defined already", "Choose another name.")
        q, rate = -math.log2(signal.scale_factor), signal.rate_hz
        if rate.denominator != 1:
            raise SelectionError(
                f"{signal.name!r} has {float(rate):g} samples a second, and JLS keeps whole numbers of them",
                "Open it as a Dataset, resample it, and write that.",
            )
        if not (q.is_integer() and -128 <= q < 128) or (q and signal.dtype.kind == "f"):
            raise SelectionError(
                f"{signal.name!r} has a scale of {signal.scale_factor:g}, and JLS has powers of two for integers",
                'Open it as a Dataset, and write its values: .astype("f4").',
            )
        kind = 0 if signal.has_samples else 1
        data_type = encode_data_type(signal.stored_type, int(q))
        blocks = (0, 0, 0, 0, 0, 0)  # the library's defaults
        number = self._number(signal.id)
        texts = signal.name, signal.units
        self.writer.define_signal(SignalDef(number, signal.source.id, kind, data_type, int(rate), *blocks, *texts))
        self._ids[signal.name] = number
        self._sampled |= {signal.name} if signal.has_samples else set()

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples; see `Sink`."""
        self.writer.write(self._id(name), first_id, samples)

    def skip(self, name: str, gap: Gap) -> None:
        """Record samples that nobody delivered, and fill them; see `Sink`."""
        self.writer.skip(self._id(name), gap)

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken, to the nearest of the format's 0.93 ns; see `Sink`."""
        self.writer.tie(self._id(name), tie.sample_id, ns_to_jls_time(tie.time_ns))

    def annotate(self, note: Annotation) -> None:
        """Write an annotation: at its sample id where its signal has samples, else at its time; see `Sink`."""
        timestamp = note.sample_id if note.signal in self._sampled else None
        if timestamp is None:
            timestamp = 0 if note.time_ns is None else ns_to_jls_time(note.time_ns)
        self.writer.annotate(self._id(note.signal), annotation_record(note, timestamp))

    def add_user_data(self, record: UserData) -> None:
        """Keep a record; see `Sink`."""
        self.writer.user_data(record.meta, record.data)

    def flush(self, *, sync: bool = False) -> None:
        """Write every whole chunk; see `Sink`."""
        self.writer.flush(sync=sync)

    def close(self) -> None:
        """Write what is left, the levels and END; see `Sink`."""
        self.writer.close()

    def abandon(self) -> None:
        """Leave the file as it stands; see `Sink`."""
        self.writer.abandon()

    def __enter__(self) -> Jls2Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _id(self, name: str) -> int:
        if name not in self._ids:
            raise SelectionError(f"no signal {name!r} is being written", f"Signals: {', '.join(self._ids) or 'none'}.")
        return self._ids[name]

    def _number(self, wanted: int) -> int:
        """Return a signal's number: the one that is wanted, or else the first free one."""
        taken = set(self._ids.values())
        if 1 <= wanted <= MOST_IDS and wanted not in taken:
            return wanted
        free = next((number for number in range(1, MOST_IDS + 1) if number not in taken), None)
        if free is None:
            raise SelectionError(f"more than {MOST_IDS} signals do not fit into a JLS file", "Choose some of them.")
        return free
