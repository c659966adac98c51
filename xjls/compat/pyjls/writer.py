"""pyjls's Writer over the JLS v2 writer: its calls, in the order in which they are made, with errors that arrive.

Nothing waits in a queue: a call that returns has been taken, and what the disk refuses is raised by the call that met
it.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.compat.pyjls.enums import DataType, annotation_type_as_enum, data_type_as_enum
from xjls.compat.pyjls.errors import RefusedError, UnknownError, refusing
from xjls.compat.pyjls.packing import as_samples
from xjls.compat.pyjls.structs import SignalDef, SourceDef
from xjls.formats.jls2 import wire
from xjls.formats.jls2.datatypes import decode_data_type
from xjls.formats.jls2.writer import Jls2Writer

if TYPE_CHECKING:
    from types import TracebackType

    from xjls.formats.jls2.datatypes import DataType as SampleType
    from xjls.model.annotation import Json

_log = logging.getLogger(__name__)

_META_BITS = 0x0FFF


class Writer:
    """Write a JLS v2 file, and replace one that is there.

    Parameters
    ----------
    path
        Of a local file.

    Notes
    -----
    May be used by several threads. Close it: what is not whole yet is written then. Every call after `close` raises
    ValueError.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from xjls.compat.pyjls import Reader
    >>> path = tempfile.mkdtemp() + "/run.jls"
    >>> with Writer(path) as writer:
    ...     writer.source_def(1, name="bench")
    ...     writer.signal_def(1, 1, sample_rate=1000, name="current", units="A")
    ...     writer.fsr(1, 0, np.arange(5, dtype="f4"))
    >>> Reader(path).fsr(1, 0, 5)
    array([0., 1., 2., 3., 4.], dtype=float32)
    """

    FLAG_DROP_ON_OVERFLOW = 1
    """Of `flags`: drop samples rather than wait. Nothing overflows here."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        place = Path(path).resolve()
        if place.is_file():
            # Not cut to nothing, as pyjls does: those who read the old one keep it
            place.unlink()
        self._path = str(place)
        self._writer = Jls2Writer(self._path)
        self._kinds: dict[int, SampleType | None] = {0: None}
        self._lock = threading.RLock()
        self._closed = False
        self.flags = 0
        """Taken, and without effect: see `FLAG_DROP_ON_OVERFLOW`."""

    def close(self) -> None:
        """Write what is left and close the file; twice is harmless."""
        with self._lock:
            self._closed = True
            self._writer.close()

    def flush(self) -> None:
        """Wait until the disk has every whole chunk; a last, partial chunk stays in memory."""
        with self._lock:
            self._open_writer().flush(sync=True)

    def source_def(
        self,
        source_id: int,
        name: str | None = None,
        vendor: str | None = None,
        model: str | None = None,
        version: str | None = None,
        serial_number: str | None = None,
    ) -> None:
        """Define an instrument by a number from 1 to 255, once."""
        texts = (_text(value) for value in (name, vendor, model, version, serial_number))
        with self._lock, refusing():
            self._open_writer().define_source(wire.SourceDef(int(source_id), *texts))

    def source_def_from_struct(self, s: SourceDef) -> None:
        """Define an instrument."""
        self.source_def(s.source_id, s.name, s.vendor, s.model, s.version, s.serial_number)

    def signal_def(
        self,
        signal_id: int,
        source_id: int,
        signal_type: int | None = None,
        data_type: int | str | None = None,
        sample_rate: float | None = None,
        samples_per_data: int | None = None,
        sample_decimate_factor: int | None = None,
        entries_per_summary: int | None = None,
        summary_decimate_factor: int | None = None,
        annotation_decimate_factor: int | None = None,
        utc_decimate_factor: int | None = None,
        name: str | None = None,
        units: str | None = None,
    ) -> None:
        """Define a signal by a number from 1 to 255, once; its source comes first.

        Parameters
        ----------
        signal_id, source_id
            Numbers of the signal and of the instrument that it comes from.
        signal_type
            A `SignalType`, by default FSR.
        data_type
            A `DataType` or its name, by default F32.
        sample_rate
            Hz, a whole number above 0; of FSR signals only.
        samples_per_data, sample_decimate_factor, entries_per_summary, summary_decimate_factor
            How to cut it; None or 0 takes the library's defaults, others are rounded as it does.
        annotation_decimate_factor, utc_decimate_factor
            Annotations, and UTC pairs, of a summary chunk.
        name, units
            What it is called, and what its samples are in.
        """
        kind_of_signal, number = int(signal_type or 0), int(signal_id)
        if kind_of_signal not in (0, 1):
            raise RefusedError(f"{signal_type!r} is no type of signal", "Choose SignalType.FSR or SignalType.VSR.")
        stored_type = data_type_as_enum(DataType.F32 if data_type is None else data_type)
        rate_hz = 0 if kind_of_signal else _whole_rate(sample_rate, name)
        blocks = (samples_per_data, sample_decimate_factor, entries_per_summary, summary_decimate_factor)
        decimate = (annotation_decimate_factor, utc_decimate_factor)
        numbers = [int(value or 0) for value in (*blocks, *decimate)]
        definition = wire.SignalDef._make(
            [number, int(source_id), kind_of_signal, stored_type, rate_hz, *numbers, _text(name), _text(units)]
        )
        with self._lock, refusing():
            self._open_writer().define_signal(definition)
            self._kinds[number] = None if kind_of_signal else decode_data_type(stored_type)[0]

    def signal_def_from_struct(self, s: SignalDef) -> None:
        """Define a signal; its length and its first sample id are those of what is written."""
        self.signal_def(
            s.signal_id, s.source_id, s.signal_type, s.data_type, s.sample_rate, s.samples_per_data,
            s.sample_decimate_factor, s.entries_per_summary, s.summary_decimate_factor, s.annotation_decimate_factor,
            s.utc_decimate_factor, s.name, s.units,
        )  # fmt: skip

    def fsr(self, signal_id: int, sample_id: int, data: Any) -> None:
        """Append samples to a signal; the first call tells its first sample id.

        Parameters
        ----------
        signal_id
            Of a signal at a fixed rate.
        sample_id
            Of the first of them. What is missing before it is filled with NaN, or 0 in integer signals; of samples that
            are there already, the first ones stay.
        data
            An array of the signal's type, or a list. Of u1, u4 and i4 uint8 with eight or two samples each; or bool for
            u1, and int8 for i4, with one.
        """
        with self._lock, refusing():
            writer, kind = self._open_writer(), self._sampled(signal_id)
            writer.write(int(signal_id), _int64(sample_id), as_samples(data, kind))

    def fsr_f32(self, signal_id: int, sample_id: int, data: Any) -> None:
        """Append samples to a signal; the same as `fsr`."""
        self.fsr(signal_id, sample_id, data)

    def fsr_omit_data(self, signal_id: int, enable: Any) -> None:
        """Take notice that samples may be left out: all are written, whatever is said."""
        with self._lock:
            self._open_writer()
            self._sampled(signal_id)
            del enable

    def annotation(
        self,
        signal_id: int,
        timestamp: int,
        y: float | None,
        annotation_type: int | str,
        group_id: int,
        data: str | bytes | Json,
    ) -> None:
        """Annotate a signal, or with ``signal_id`` 0 the whole recording.

        Parameters
        ----------
        signal_id
            Of any signal.
        timestamp
            Sample id in the file; JLS time where a signal has no samples.
        y
            Value on the signal's axis; None or NaN leaves it to the viewer.
        annotation_type
            An `AnnotationType`, or its name.
        group_id
            0 to 255; 0 for none.
        data
            Text, bytes, or what JSON can say; None is b"".
        """
        kind = annotation_type_as_enum(annotation_type)
        height = math.nan if y is None else float(y)
        note = wire.AnnotationRecord(_int64(timestamp), kind, int(group_id or 0), height, b"" if data is None else data)
        with self._lock, refusing():
            self._require_defined(signal_id)
            self._open_writer().annotate(int(signal_id), note)

    def utc(self, signal_id: int, sample_id: int, utc_i64: int) -> None:
        """Say when a sample was taken: its id in the file, and the JLS time."""
        with self._lock, refusing():
            writer = self._open_writer()
            self._sampled(signal_id)
            writer.tie(int(signal_id), _int64(sample_id), _int64(utc_i64))

    def user_data(self, chunk_meta: int, data: str | bytes | Json) -> None:
        """Leave a record of the application's own: text, bytes, or what JSON can say; None is b"".

        Of ``chunk_meta`` the file keeps 12 bits; others are dropped, with a warning in the log.
        """
        meta = int(chunk_meta)
        if not 0 <= meta <= 0xFFFF:
            raise RefusedError(f"the number {meta} of user data has more than 16 bits", "Choose one below 4096.")
        if meta > _META_BITS:
            _log.warning("the number %#x of user data keeps its lower 12 bits only: %#x", meta, meta & _META_BITS)
        with self._lock, refusing():
            self._open_writer().user_data(meta & _META_BITS, b"" if data is None else data)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<xjls.compat.pyjls.Writer {self._path!r}{' closed' if self._closed else ''}>"

    def _open_writer(self) -> Jls2Writer:
        if self._closed:
            raise ValueError(f"the Writer of {self._path} is closed. Open another file.")
        return self._writer

    def _require_defined(self, signal_id: int) -> None:
        self._open_writer()
        if signal_id not in self._kinds:
            raise UnknownError(
                f"signal {signal_id!r} is not defined", f"Define it first; there are: {sorted(self._kinds)}."
            )

    def _sampled(self, signal_id: int) -> SampleType:
        self._require_defined(signal_id)
        kind = self._kinds[signal_id]
        if kind is None:
            raise RefusedError(
                f"signal {signal_id} has annotations only, no samples", "Define it with SignalType.FSR and a rate."
            )
        return kind


def _text(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise RefusedError(f"{value!r} is no text", "Give a string, or None.")
    return value or ""


def _int64(value: Any) -> int:
    """Return a sample id or a JLS time; refused now, where the file would have no room for it later."""
    number = int(value)
    if not -(1 << 63) <= number < 1 << 63:
        raise RefusedError(f"{number} does not fit 64 bits", "Sample ids and JLS times do: is it one of them?")
    return number


def _whole_rate(rate: float | None, name: str | None) -> int:
    """Return a rate as JLS keeps it; pyjls cuts fractions off, and times go wrong in silence."""
    if rate is None or int(rate) != float(rate) or not 0 < int(rate) < 1 << 32:
        raise RefusedError(
            f"{name!r} has a rate of {rate} Hz", "JLS keeps whole numbers from 1 to 4_294_967_295: give one of them."
        )
    return int(rate)
