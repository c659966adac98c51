"""The nouns of a recording to the records of a JLS v2 file: `Jls2Writer` as a `Sink`."""

from __future__ import annotations

import contextlib
import math
import reprlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.formats.jls2.datatypes import encode_data_type
from xjls.formats.jls2.events import KINDS, annotation_record
from xjls.formats.jls2.layout import LIBRARY_BLOCKS, blocks_that_grow
from xjls.formats.jls2.rates import IDS_HZ, MOST_HZ, whole_rate
from xjls.formats.jls2.signal_record import SIGNAL_META, encode_signal_record
from xjls.formats.jls2.wire import SignalDef, SourceDef, encode_storage, ns_to_jls_time
from xjls.formats.jls2.writer import MOST_IDS, MOST_PAYLOAD, Jls2Writer
from xjls.model.sample_type import bits_of
from xjls.model.sink import ClosedByWith, require_series
from xjls.storage.new_file import local_target, new_file
from xjls.storage.settling import settle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal, Source
    from xjls.model.window import Gap

_OTHERWISE = "or write a Zarr store."
_MOST_GROUPS = _MOST_TYPES = 256
_MOST_Y = (2 - 2**-23) * 2.0**127
"""The largest number of a float of 32 bits."""
_TYPE = "type_"
"""Before the number of an annotation's kind that has no name."""


@contextlib.contextmanager
def new_jls2(
    path: str,
    *,
    overwrite: bool,
    option: str,
    codec: str | None,
    storage_options: Mapping[str, Any] | None,  # noqa: ARG001 - of the table; files are local
) -> Iterator[Jls2Sink]:
    """Give a sink for a new file; see `xjls.formats.new_recording`."""
    _require_plain(codec)
    with new_file(path, overwrite=overwrite, option=option) as part, Jls2Sink(part) as sink:
        yield sink


def grow_jls2(
    path: str,
    *,
    codec: str | None,
    keep_s: float | None,
    storage_options: Mapping[str, Any] | None,  # noqa: ARG001 - of the table; files are local
) -> Jls2Sink:
    """Give a sink for a file that is there at once; see `xjls.formats.grow_recording`."""
    _require_plain(codec)
    _require_all_kept(keep_s)
    return Jls2Sink(str(local_target(path)), shows_all=True)


def _require_plain(codec: str | None) -> None:
    if codec is not None:
        raise SelectionError(f"JLS does not compress samples, with {codec!r} or otherwise", "Choose a Zarr store.")


def resume_jls2(
    path: str,
    *,
    keep_s: float | None = None,
    storage_options: Mapping[str, Any] | None = None,  # noqa: ARG001 - of the table; files are local
) -> Jls2Sink:
    """Give a sink that goes on with a file; see `xjls.formats.continue_recording`."""
    _require_all_kept(keep_s)
    return Jls2Sink(str(local_target(path)), append=True, shows_all=True)


def _require_all_kept(keep_s: float | None) -> None:
    if keep_s is not None:
        raise SelectionError("a JLS file keeps all samples", "Choose a Zarr store, or keep all.")


class Jls2Sink(ClosedByWith):
    """Write a recording to a JLS v2 file; fulfils `xjls.model.sink.Sink`.

    Parameters
    ----------
    path
        A file that does not exist yet.
    append
        Go on with one that does: its signals and sources are defined already.
    shows_all
        Whether what was flushed can be read to the last sample, at the price of some bytes in the file: see
        `Jls2Writer`.

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

    def __init__(self, path: str, *, append: bool = False, shows_all: bool = False) -> None:
        self.writer = Jls2Writer(path, append=append, shows_all=shows_all)
        self._path = path
        self._shows_all = shows_all
        found = self.writer.described
        self._ids = {"": 0} | {signal.name: signal.id for signal in found}
        self._sources: dict[int, int] = {}
        """Numbers in the file, by those that sources come with."""
        self._sampled = {signal.name for signal in found if signal.has_samples}
        self._without_samples = {s.name: s for s in found if s.has_samples and whole_rate(s.rate_hz) is None}

    @property
    def names(self) -> frozenset[str]:
        """The signals that are defined; ``""``, the whole recording, always is."""
        return frozenset(self._ids)

    def add_source(self, source: Source) -> None:
        """Define an instrument by its own number; see `Sink`."""
        texts = source.name, source.vendor, source.model, source.version, source.serial_number
        # 0 is the file's own there, and pyjls lets signals have it: here it is one like the others
        number = source.id or next(number for number in range(MOST_IDS, 0, -1) if number not in self._sources.values())
        self.writer.define_source(SourceDef(number, *texts))
        self._sources[source.id] = number

    def add_signal(self, signal: Signal) -> None:
        """Define a signal, by its own number where the format has it and it is free; see `Sink`."""
        self._define(signal, _require_rate(signal))

    def add_signal_of_ids(self, signal: Signal) -> None:
        """Define a signal that gets annotations and ties by its sample ids, and no samples: of any rate."""
        if (whole := whole_rate(signal.rate_hz)) is None:
            self._without_samples[signal.name] = signal
        self._define(signal, IDS_HZ if whole is None else whole)

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples; see `Sink`."""
        if name in self._without_samples:
            _require_rate(self._without_samples[name])
        self.writer.write(self._id(name), first_id, samples)

    def skip(self, name: str, gap: Gap) -> None:
        """Record samples that nobody delivered, and fill them; see `Sink`."""
        self.writer.skip(self._id(name), gap)

    def gap_bytes(self, name: str, samples: int) -> int:
        """Return about how many bytes `skip` would write for so many samples: the format fills what is missing."""
        return self.writer.gap_bytes(self._id(name), samples)

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken, to the nearest of the format's 0.93 ns; see `Sink`."""
        self.writer.tie(self._id(name), tie.sample_id, ns_to_jls_time(tie.time_ns))

    def annotate(self, note: Annotation) -> None:
        """Write an annotation: at its sample id where its signal has samples, else at its time; see `Sink`."""
        number = self._id(note.signal)
        _require_writable(note)
        self.writer.annotate(number, annotation_record(note, self._timestamp(note)))

    def add_user_data(self, record: UserData) -> None:
        """Keep a record; see `Sink`."""
        self.writer.user_data(record.meta, record.data)

    def settle(self) -> None:
        """Wait for the disk; see `Sink`."""
        settle(self._path)

    def flush(self, *, sync: bool = False) -> None:
        """Make what was written visible to others; see `Sink`."""
        self.writer.flush(sync=sync)

    def close(self) -> None:
        """Write what is left, the levels and END; see `Sink`."""
        self.writer.close()

    def abandon(self) -> None:
        """Leave the file as it stands; see `Sink`."""
        self.writer.abandon()

    def _define(self, signal: Signal, rate: int) -> None:
        """Write a signal's definition, with a rate that JLS has, and the record of what that does not say."""
        require_series(signal, "a JLS file")
        if signal.name in self._ids:
            raise SelectionError(f"signal {signal.name!r} is defined already", "Choose another name.")
        q, number = _exponent(signal), self._number(signal.id)
        record = encode_signal_record(number, signal, scaled=q != 0)
        if len(encode_storage(record)[1]) > MOST_PAYLOAD:
            raise SelectionError(
                f"the facts of {signal.name!r} are more than a record of JLS holds, {MOST_PAYLOAD:_} bytes",
                "Leave some out, " + _OTHERWISE,
            )
        kind, data_type = 0 if signal.has_samples else 1, encode_data_type(signal.stored_type, q)
        grows = self._shows_all and signal.has_samples
        blocks = blocks_that_grow(rate, bits_of(signal.stored_type)) if grows else LIBRARY_BLOCKS
        texts = signal.name, signal.units
        source = self._sources.get(signal.source.id, signal.source.id)
        self.writer.define_signal(SignalDef(number, source, kind, data_type, rate, *blocks, *texts))
        if record is not None:
            self.writer.user_data(SIGNAL_META, record)
        self._ids[signal.name] = number
        self._sampled |= {signal.name} if signal.has_samples else set()

    def _timestamp(self, note: Annotation) -> int:
        """Return where an annotation is: JLS has sample ids on signals with samples, and times on all others."""
        if note.signal in self._sampled:
            if note.sample_id is None:
                raise SelectionError(
                    f"{_told(note)} has no sample id, and JLS keeps no times on signals with samples",
                    "Give it the id of a sample, " + _OTHERWISE,
                )
            return note.sample_id
        if note.time_ns is None:
            raise SelectionError(f"{_told(note)} has no time", "Give it one: only signals with samples have ids.")
        return ns_to_jls_time(note.time_ns)

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
            raise SelectionError(
                f"more than {MOST_IDS} signals do not fit into a JLS file", "Choose some of them, " + _OTHERWISE
            )
        return free


def _exponent(signal: Signal) -> int:
    """Return q, where a definition says all of a scale: 2**-q, of integers, without an offset; else 0."""
    mantissa, exponent = math.frexp(signal.scale_factor)
    told = mantissa == 0.5 and -128 <= 1 - exponent < 128
    return 1 - exponent if told and not signal.add_offset and signal.dtype.kind != "f" else 0


def _require_rate(signal: Signal) -> int:
    """Return the rate that a definition has; refuse one that JLS has not."""
    if (whole := whole_rate(signal.rate_hz)) is None:
        raise SelectionError(
            f"{signal.name!r} has {float(signal.rate_hz):g} samples a second, and JLS keeps whole numbers of them, at"
            f" most {MOST_HZ:_}",
            'Resample it as a Dataset, set ds[name].attrs["sample_rate_hz"] to the nominal rate there, ' + _OTHERWISE,
        )
    return whole


def _require_writable(note: Annotation) -> None:
    """Refuse what an annotation's bytes cannot say."""
    number = note.kind.removeprefix(_TYPE)
    numbered = note.kind.startswith(_TYPE) and number.isdecimal() and int(number) < _MOST_TYPES
    if note.kind not in KINDS and not numbered:
        raise SelectionError(
            f"{_told(note)} is of the kind {note.kind!r}, which is none",
            f"Choose one of {', '.join(KINDS)}, or {_TYPE}<n> with n below {_MOST_TYPES}.",
        )
    if not 0 <= note.group < _MOST_GROUPS:
        raise SelectionError(f"{_told(note)} is in group {note.group}", f"Choose one from 0 to {_MOST_GROUPS - 1}.")
    if note.y is not None and _MOST_Y < abs(note.y) < math.inf:
        raise SelectionError(
            f"{_told(note)} is at {note.y:g}, which 32 bits do not hold", "Choose a value that they do."
        )


def _told(note: Annotation) -> str:
    """Name an annotation as a message does."""
    place = f"of {note.signal!r}" if note.signal else "of the whole recording"
    return f"the annotation {reprlib.repr(note.data)} {place}"
