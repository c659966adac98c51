"""Files as PicoStream writes them: one dataset of int16 that grows by whole blocks, everything else in attributes."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import h5py
import numpy as np

from xjls.testing.picostream.vintages import Capture, Mode, Vintage, attributes_of, group_of

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import ArrayLike

DATASET = "adc_counts"


class GrowingPicoStream:
    """A file that is being captured: it is open, and locked, until it is closed.

    Parameters
    ----------
    path
        Where to write; a file that is there is replaced.
    vintage
        How old the file is: ``"F0"`` to ``"F5"``.
    block
        Timesteps in a chunk of the file; aggregate files keep two values for each.
    extra
        More root attributes, which win over the vintage's own.
    total_name
        Root attribute that counts all values that were ever appended, as live-only files have it.
    flush
        Whether each block is flushed, as PicoStream never does.
    file_options
        For ``h5py.File``: ``libver``, ``userblock_size`` …
    dataset_options
        For ``create_dataset``: ``compression``, ``dtype``, ``chunks`` …
    **capture
        Fields of `Capture`: ``mode``, ``ratio``, ``interval_ns`` …

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/run.hdf5"
    >>> with GrowingPicoStream(path, block=4, total_name="total_samples") as growing:
    ...     growing.append([1, 2, 3, 4]), growing.append([5, 6, 7, 8])
    ...     growing.reset()
    ...     growing.append([9, 10, 11, 12])
    (4, 8)
    4
    >>> with h5py.File(path) as file:
    ...     file["adc_counts"][:].tolist(), int(file.attrs["total_samples"])
    ([9, 10, 11, 12], 12)
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        vintage: Vintage = "F5",
        block: int = 1000,
        extra: Mapping[str, Any] | None = None,
        total_name: str | None = None,
        flush: bool = False,
        file_options: Mapping[str, Any] | None = None,
        dataset_options: Mapping[str, Any] | None = None,
        **capture: Any,
    ) -> None:
        self.capture = Capture(**capture)
        self._total_name, self._total, self._flush = total_name, 0, flush
        self._vintage = vintage
        self._file = h5py.File(path, "w", **(file_options or {}))
        self._file.attrs.update(attributes_of(vintage, self.capture) | dict(extra or {}))
        chunk = block * self.capture.values_per_step
        # The first capture program made the dataset a chunk long before there was a sample
        options = {
            "shape": (chunk if vintage == "F0" else 0,),
            "dtype": "int16",
            "chunks": (chunk,),
            "maxshape": (None,),
        }
        self._data = self._file.create_dataset(DATASET, **(options | dict(dataset_options or {})))
        self._length = 0
        if group := group_of(vintage, self.capture, 0):
            self._file.create_group("metadata").attrs.update(group)

    def append(self, counts: ArrayLike) -> int:
        """Grow by a block of values, and return the length now: resize, then one assignment."""
        values = np.asarray(counts)
        start, self._length = self._length, self._length + values.size
        if self._data.chunks is not None:  # a contiguous one has its length from the start
            self._data.resize((self._length,))
        self._data[start : self._length] = values
        self._count(values.size)
        if self._flush:
            self._file.flush()
        return self._length

    def reset(self) -> None:
        """Drop all samples, as a live-only capture does when its buffer is full; the total goes on."""
        self._data.resize((0,))
        self._length = 0
        if self._flush:
            self._file.flush()

    def flush(self) -> None:
        """Write what HDF5 holds back: from here on a killed capture leaves a file that opens."""
        self._file.flush()

    def close(self) -> None:
        """Close the file, which ends the lock; closing twice is harmless."""
        if self._file:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _count(self, size: int) -> None:
        self._total += size
        if self._vintage == "F1":
            self._file["metadata"].attrs["cmaxSamples"] = self._total
        if self._total_name is not None:
            self._file.attrs[self._total_name] = self._total


def write_picostream(
    path: str | PathLike[str],
    counts: ArrayLike,
    *,
    vintage: Vintage = "F5",
    mode: Mode = "average",
    ratio: int | None = 1,
    interval_ns: Any = 16,
    range_v: Any = 2.0,
    max_adc: Any = 32767,
    offset_v: Any = 0.0,
    resolution: str | None = "PS5000A_DR_12BIT",
    block: int = 1000,
    extra: Mapping[str, Any] | None = None,
    file_options: Mapping[str, Any] | None = None,
    **dataset_options: Any,
) -> str:
    """Write a closed file block by block as PicoStream does, and return its path.

    Values of `Capture` that are None stay out of the file. A last block that is not full is kept, as no release of
    PicoStream does.

    Parameters
    ----------
    path
        Where to write; a file that is there is replaced.
    counts
        Values as they are stored: in an aggregate file minimum and maximum by turns.
    vintage
        How old the file is: ``"F0"`` to ``"F5"``.
    mode, ratio, interval_ns, range_v, max_adc, offset_v, resolution
        Fields of `Capture`.
    block
        Timesteps in a chunk of the file; aggregate files keep two values for each.
    extra
        More root attributes, which win over the vintage's own.
    file_options
        For ``h5py.File``: ``libver``, ``userblock_size`` …
    **dataset_options
        For ``create_dataset``: ``compression``, ``dtype``, ``chunks`` …; ``chunks=None`` makes the dataset contiguous.

    Examples
    --------
    >>> import tempfile
    >>> path = write_picostream(tempfile.mkdtemp() + "/run.hdf5", range(2500), range_v=5.0)
    >>> with h5py.File(path) as file:
    ...     file["adc_counts"].shape, file["adc_counts"].chunks, float(file.attrs["voltage_range_v"])
    ((2500,), (1000,), 5.0)
    """
    values = np.asarray(counts)
    if dataset_options.get("chunks", ...) is None:  # HDF5 lets only chunked datasets grow
        dataset_options |= {"maxshape": None, "shape": values.shape}
    growing = GrowingPicoStream(
        path, vintage=vintage, block=block, extra=extra, file_options=file_options, dataset_options=dataset_options,
        mode=mode, ratio=ratio, interval_ns=interval_ns, range_v=range_v, max_adc=max_adc, offset_v=offset_v,
        resolution=resolution,
    )  # fmt: skip
    with growing:
        step = block * growing.capture.values_per_step
        for start in range(0, values.size, step):
            growing.append(values[start : start + step])
    return str(path)
