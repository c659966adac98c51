"""pyjls's Reader over a Recording: samples and statistics from it, the rest from the file's records.

Everything is opened for reading only; a file that was not closed is read as it stands. Reads are thread-safe, and
callbacks may call the Reader.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.compat.pyjls.errors import RefusedError, UnknownError
from xjls.compat.pyjls.lookup import find_signal, find_source
from xjls.compat.pyjls.stored import read_notes, read_pairs, signal_defs, source_defs
from xjls.compat.pyjls.time_map import TickMap
from xjls.formats.jls2.reader import Jls2Reader
from xjls.kernels.packing import packed
from xjls.model.recording import Recording
from xjls.storage import local_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from numpy.typing import NDArray

    from xjls.compat.pyjls.structs import SignalDef, SourceDef
    from xjls.model.annotation import Json
    from xjls.model.signal import Signal


class Reader:
    """Read a JLS v2 file.

    Parameters
    ----------
    path
        A local path, or an address that fsspec understands.

    Raises
    ------
    NotRecognizedError, UnsupportedError
        It is no JLS v2 file, or of a version that is another format.
    OSError
        It cannot be opened.

    Notes
    -----
    Every call after `close` raises ValueError. Samples that are damaged, or were left out when they were written, raise
    `xjls.LostSamplesError`. A Reader pickles by its path.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.testing import write_demo
    >>> with Reader(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1)) as reader:
    ...     signal = reader.signal_lookup("current")
    ...     reader.fsr(signal.signal_id, 0, 1000).dtype, reader.fsr_statistics(signal.signal_id, 0, 100, 10).shape
    (dtype('float32'), (10, 4))
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        local = local_path(path)
        # An absolute path, so that a pickled Reader opens in a process that works elsewhere
        self._path = os.fspath(path) if local is None else os.path.abspath(local)  # noqa: PTH100 - str to str
        # Not self in the function: a circle would keep the file open until it is collected
        self._file = file = Jls2Reader(self._path)
        self._recording = Recording(self._path, lambda _: file)
        self._names: dict[int, str] = {}
        """Those of the Recording, of signals that it reads."""
        self._maps: dict[int, TickMap] = {}
        self._closed = False
        self.sources: dict[int, SourceDef] = source_defs(file.definitions)
        """By their numbers, with the file's own, 0."""
        self.signals: dict[int, SignalDef] = signal_defs(file.definitions)
        """By their numbers, with the file's own, 0."""
        for name, signal in self._recording.signals.items():
            self._names[signal.id] = name
            self.signals[signal.id].length = signal.length
            self.signals[signal.id].sample_id_offset = signal.first_id

    def close(self) -> None:
        """Give the file back; twice is harmless."""
        self._closed = True
        self._recording.close()

    def source_lookup(self, spec: Any) -> SourceDef:
        """Return a source by name or number."""
        return find_source(self.sources, spec)

    def signal_lookup(self, spec: Any) -> SignalDef:
        """Return a signal by name, ``"source.signal"``, number, or ``[source, signal]``."""
        return find_signal(self.sources, self.signals, spec)

    def fsr(self, signal_id: int, start_sample_id: int, length: int) -> NDArray[Any]:
        """Read samples.

        Parameters
        ----------
        signal_id
            Of a signal at a fixed rate.
        start_sample_id
            The first one, zero-based.
        length
            How many; all must be there.

        Returns
        -------
        ndarray
            A new array: one sample an element, or for u1, u4 and i4 bytes of eight or two samples, the first lowest,
            the last byte filled up with 0. Fixed-point samples are not scaled.
        """
        signal, window = self._window(signal_id, start_sample_id, length)
        samples = self._recording.read(signal.name, window)
        return packed(samples, int(signal.stored_type[1:]))

    def fsr_statistics(self, signal_id: int, start_sample_id: int, increment: int, length: int) -> NDArray[np.float64]:
        """Return exact statistics of consecutive spans.

        Parameters
        ----------
        signal_id
            Of a signal at a fixed rate.
        start_sample_id
            Where the first span begins, zero-based.
        increment
            Samples of each.
        length
            How many spans; all their samples must be there.

        Returns
        -------
        ndarray
            float64[length, 4]: mean, standard deviation of a sample (ddof=1; 0 of one sample), min and max, over the
            finite samples that were delivered; NaN where there is none. Of float signals, NaN that the file's levels do
            not show is looked for as `xjls.Recording.columns` does with ``nans="auto"``.
        """
        if int(increment) < 1 or int(length) < 0:
            raise RefusedError(
                f"{length} spans of {increment} samples are asked for", "Give 1 sample or more, and 0 spans or more."
            )
        signal, window = self._window(signal_id, start_sample_id, int(increment) * int(length))
        if not int(length):
            return np.empty((0, 4))
        # As the samples: fixed-point numbers are not scaled
        found = self._recording.columns(signal.name, window, increment=int(increment), ddof=1).as_stored()
        deviation = np.where(found.count == 1, 0.0, found.std)
        return np.stack([found.mean, deviation, found.min, found.max], axis=1)

    def annotations(
        self, signal_id: int, timestamp: int, cbk_fn: Callable[[int, float | None, int, int, str | bytes | Json], Any]
    ) -> None:
        """Call a function for each annotation of a signal, in the order in which they were written.

        Parameters
        ----------
        signal_id
            Of any signal; 0 for those of the whole recording.
        timestamp
            Where to begin: at the entry at this zero-based sample id (JLS time where there are no samples), else at the
            one before it.
        cbk_fn
            Called with timestamp, y or None, type, group and data; what is true ends the calls. What it raises is
            raised.
        """
        offset = self._signal(signal_id).sample_id_offset
        notes = read_notes(self._file, signal_id)
        at = next((i for i, note in enumerate(notes) if note.timestamp - offset >= timestamp), len(notes))
        if at == len(notes) or notes[at].timestamp - offset > timestamp:
            at = max(at - 1, 0)
        for note in notes[at:]:
            y = note.y if np.isfinite(note.y) else None
            if cbk_fn(note.timestamp - offset, y, note.kind, note.group, note.data):
                return

    def user_data(self, cbk_fn: Callable[[int, str | bytes | Json], Any]) -> None:
        """Call a function with number and data of each record of user data; what is true ends the calls."""
        self._require_open()
        for record in self._recording.user_data:
            if cbk_fn(record.meta, record.data):
                return

    def utc(self, signal_id: int, sample_id: int, cbk_fn: Callable[[NDArray[np.int64]], Any]) -> None:
        """Call a function with UTC pairs as they are stored, a block at a time.

        Parameters
        ----------
        signal_id
            Of any signal.
        sample_id
            Zero-based: each block begins at its first pair that is not before it.
        cbk_fn
            Called with int64[pair, 2], zero-based sample ids and JLS times; what is true ends the calls.
        """
        signal = self._signal(signal_id)
        pairs = self._pairs(signal)
        step = max(signal.utc_decimate_factor, 1)
        for at in range(0, len(pairs), step):
            block = pairs[at : at + step]
            reached = block[:, 0] >= sample_id
            if reached.any() and cbk_fn(block[int(reached.argmax()) :].copy()):
                return

    def sample_id_to_timestamp(self, signal_id: int, sample_id: Any) -> Any:
        """Return the JLS times of zero-based sample ids: an int of a number, int64 of anything iterable."""
        return self._tick_map(signal_id).to_timestamp(sample_id)

    def timestamp_to_sample_id(self, signal_id: int, utc_timestamp: Any) -> Any:
        """Return the zero-based sample ids at JLS times: an int of a number, int64 of anything iterable."""
        return self._tick_map(signal_id).to_sample_id(utc_timestamp)

    def time_map_length(self, signal_id: int) -> int:
        """Return how many UTC pairs the signal's times go through."""
        return len(self._tick_map(signal_id))

    def time_map_get(self, signal_id: int, index: Any = None) -> NDArray[np.void]:
        """Return UTC pairs that the signal's times go through, with the fields ``sample_id`` and ``timestamp``.

        Parameters
        ----------
        signal_id
            Of a signal at a fixed rate.
        index
            None for all, the number of one, or ``(start, stop)``; -1 is the last.
        """
        return self._tick_map(signal_id).get(index)

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Reader], tuple[str]]:
        return Reader, (self._path,)

    def __repr__(self) -> str:
        return f"<xjls.compat.pyjls.Reader {self._path!r}{' closed' if self._closed else ''}>"

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError(f"the Reader of {self._path} is closed. Open another one.")

    def _signal(self, signal_id: int) -> SignalDef:
        self._require_open()
        if signal_id not in self.signals:
            raise UnknownError(f"no signal {signal_id!r} in {self._path}", f"Signals: {sorted(self.signals)}.")
        return self.signals[signal_id]

    def _sampled(self, signal_id: int) -> Signal:
        """Return what the Recording says of a signal with samples."""
        definition = self._signal(signal_id)
        if definition.signal_type or signal_id not in self._names:
            raise RefusedError(
                f"signal {signal_id} ({definition.name!r}) has no samples that can be read, and no clock",
                "Choose one at a fixed rate, of up to 64 bits other than 24.",
            )
        return self._recording.signal(self._names[signal_id])

    def _window(self, signal_id: int, start: int, length: int) -> tuple[Signal, tuple[int, int]]:
        signal, start, length = self._sampled(signal_id), int(start), int(length)
        if start < 0 or length < 0 or start + length > signal.length:
            raise RefusedError(
                f"{length:_} samples of signal {signal_id} from {start:_} on are asked for, it has {signal.length:_}",
                "Choose a window inside them; ids count from 0.",
            )
        return signal, (signal.first_id + start, signal.first_id + start + length)

    def _pairs(self, signal: SignalDef) -> NDArray[np.int64]:
        """Return UTC pairs with zero-based sample ids."""
        pairs: NDArray[np.int64] = read_pairs(self._file, signal.signal_id) - np.array([signal.sample_id_offset, 0])
        return pairs

    def _tick_map(self, signal_id: int) -> TickMap:
        self._sampled(signal_id)
        if signal_id not in self._maps:
            definition = self.signals[signal_id]
            self._maps[signal_id] = TickMap(self._pairs(definition), definition.sample_rate)
        return self._maps[signal_id]
