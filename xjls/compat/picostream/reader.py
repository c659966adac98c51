"""PicoStream's class: which window of the file a call is about, and what is refused."""

from __future__ import annotations

import logging
import operator
import os
import warnings
from typing import TYPE_CHECKING, Any, Self

from xjls.compat.errors import RefusedError
from xjls.compat.picostream.blocks import MODES, read_block
from xjls.compat.picostream.quirks import quirky_block, quirky_max_adc
from xjls.storage import absolute_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from xjls.compat.picostream.blocks import Block
    from xjls.formats.picostream.attributes import OffsetSign
    from xjls.formats.picostream.file import File

_LOG = logging.getLogger(__name__)
_SIGNS = ("subtract", "add")


class PicoStreamReader:
    """Read a PicoStream file block by block, in seconds and millivolts.

    Parameters
    ----------
    hdf5_path
        Opened by ``with``, and closed behind it.
    strict
        Whether to return what PicoStream's own reader returns, its faults included.
    offset_sign
        What becomes of the analogue offset, which the scope adds to its input: ``"subtract"`` gives the voltage at the
        input, ``"add"`` PicoStream's numbers. None is ``"add"`` if strict, else ``"subtract"``, with a warning where a
        file has an offset.

    Raises
    ------
    FormatError
        By ``with``: it is no such file, or is damaged; see `xjls.open_recording`.
    OSError
        By ``with``: it cannot be opened.

    Notes
    -----
    Times count from the file's first timestep, and are exact: i × interval, rounded once. A sample that the driver
    marked as lost, or that was never written, is NaN, and counts in no group.

    In files of the mode ``"aggregate"`` a timestep is a pair of values, a minimum and a maximum, of one time. Sizes and
    places count values there, as ``num_samples`` does, factors timesteps. A window has the pairs that begin in it; a
    last minimum without maximum is in none. Minima and maxima are decimated each for themselves, to pairs again.

    One thread at a time may use a reader.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from xjls.testing.picostream import write_picostream
    >>> path = write_picostream(tempfile.mkdtemp() + "/run.hdf5", np.arange(1000, dtype="i2"), range_v=32.767)
    >>> with PicoStreamReader(path) as reader:
    ...     for times, mv in reader.get_block_iter(chunk_size=600, decimation_factor=250, decimation_mode="min_max"):
    ...         print(times * 1e6, mv)
    [0. 0. 4. 4. 8. 8.] [  0. 249. 250. 499. 500. 749.]
    [12. 12.] [750. 999.]
    """

    def __init__(
        self, hdf5_path: str | os.PathLike[str], *, strict: bool = False, offset_sign: OffsetSign | None = None
    ) -> None:
        if offset_sign not in (None, *_SIGNS):
            raise RefusedError(f"offset_sign={offset_sign!r} is no way to treat the offset", 'Say "subtract" or "add".')
        self.hdf5_path = os.fspath(hdf5_path)
        self.sample_interval_ns = 0.0
        """Nanoseconds between timesteps, the scope's downsampling included; this and what follows from ``with`` on."""
        self.voltage_range_v = 0.0
        """Full scale, to one side."""
        self.max_adc_val = 0
        """The count of full scale."""
        self.analog_offset_v = 0.0
        """As the file has it."""
        self.downsample_mode = "average"
        """``"average"``, or ``"aggregate"``: pairs of minimum and maximum."""
        self.hardware_downsample_ratio = 1
        """Samples of the converter in a timestep."""
        self._strict = strict
        self._sign = offset_sign
        self._file: File | None = None
        self._epoch = 0
        """How often the writer was seen to have emptied the file."""
        self._cursor = 0
        self._cursor_epoch = 0

    @property
    def num_samples(self) -> int:
        """Values in the file by now, of pairs both; 0 when it is not open."""
        if self._file is None:
            return 0
        container = self._refreshed().container
        return container.declared if self._strict else container.length

    def get_block_iter(
        self, chunk_size: int = 1_000_000, decimation_factor: int = 1, decimation_mode: str = "mean"
    ) -> Iterator[Block]:
        """Yield the whole file, as long as it is now, block by block.

        Parameters
        ----------
        chunk_size
            Values that a block is made of; more where they would not be whole groups.
        decimation_factor
            Timesteps of a group.
        decimation_mode
            ``"mean"``, or ``"min_max"``: two numbers a group, whatever the factor, the minimum first.

        Yields
        ------
        times, mv
            float64[time] both, of the same length: seconds, that of each group's first timestep, and millivolts.

        Raises
        ------
        LostSamplesError
            The writer has emptied the file since the first block: what is there now is of another time.
        """
        chunk, factor = self._asked(decimation_factor, decimation_mode, chunk_size=chunk_size)
        end = self._end()
        return self._blocks(end, self._epoch, self._rounded(chunk, factor), factor, decimation_mode)

    def get_next_block(
        self, chunk_size: int, decimation_factor: int = 1, decimation_mode: str = "mean"
    ) -> Block | None:
        """Return the block behind the one before; None at the end, until the file has grown.

        Neither `get_block` nor an iterator moves it. Parameters and errors as of `get_block_iter`; behind a
        `LostSamplesError`, `reset` begins with what is there now.
        """
        chunk, factor = self._asked(decimation_factor, decimation_mode, chunk_size=chunk_size)
        start, end = self._cursor, self._end()
        if start == 0:
            self._cursor_epoch = self._epoch
        self._require_epoch(self._cursor_epoch)
        if start >= end:
            return None
        stop = min(self._rounded(start + chunk, factor), end)
        block = self._read(start, stop, factor, decimation_mode)
        self._cursor = stop
        return block

    def get_block(self, size: int, start: int = 0, decimation_factor: int = 1, decimation_mode: str = "mean") -> Block:
        """Return a window of the file.

        Parameters
        ----------
        size
            Values, at least 1; fewer where the file ends before.
        start
            Of the first one, from 0 to ``num_samples``.
        decimation_factor, decimation_mode
            As of `get_block_iter`. Groups begin at multiples of the factor from the file's first timestep on,
            wherever the window begins: it may cut off its first and its last one.

        Returns
        -------
        times, mv
            float64[time] both, of the same length: seconds and millivolts.
        """
        size, factor = self._asked(decimation_factor, decimation_mode, size=size)
        length = self.num_samples
        if self._strict:
            return self._read(start, start + size, factor, decimation_mode)
        first, end, each = _whole_number("start", start, 0), self._whole(length), self._each
        if first > length:
            raise RefusedError(f"start={first} is beyond the end", f"There are {length} values.")
        first, stop = (min(-(-at // each) * each, end) for at in (first, first + size))
        return self._read(first, stop, factor, decimation_mode)

    def reset(self) -> None:
        """Let `get_next_block` begin anew."""
        self._cursor = 0

    def __enter__(self) -> Self:
        from xjls.formats.picostream.file import File

        self._close()
        self._file = file = File(absolute_path(self.hdf5_path))
        settings = file.settings
        self.sample_interval_ns = float(settings.interval_ns * settings.ratio)
        self.voltage_range_v, self.analog_offset_v = settings.range_v, settings.offset_v
        self.max_adc_val = quirky_max_adc(file) if self._strict else settings.max_adc
        self.downsample_mode, self.hardware_downsample_ratio = settings.mode, settings.ratio
        self.reset()
        if not self._strict:
            self._say_what_is_assumed(file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __repr__(self) -> str:
        return f"<xjls.compat.picostream.PicoStreamReader {self.hdf5_path!r}{'' if self._file else ' not open'}>"

    @property
    def _each(self) -> int:
        """Values of a timestep."""
        return 2 if self.downsample_mode == "aggregate" else 1

    def _opened(self) -> File:
        if self._file is None:
            raise RefusedError(f"{self.hdf5_path} is not open", "Use the reader in a with statement.")
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _refreshed(self) -> File:
        """Look at the file again if it has changed, or is being written; return it as it is now."""
        from xjls.formats.picostream.file import File

        before = self._opened()
        if before.may_have_changed:
            self._file = File(before.path)
            before.close()
            self._epoch += before.dropped_by(self._file)
        return self._opened()

    def _require_epoch(self, epoch: int) -> None:
        """Raise where the writer has emptied the file since then; PicoStream goes on with what took its place."""
        if epoch != self._epoch and not self._strict:
            self._opened().raise_dropped()

    def _end(self) -> int:
        """Return how many values there are to read by now."""
        return self._whole(self.num_samples)

    def _whole(self, length: int) -> int:
        """Return the values of whole timesteps; PicoStream takes a half for one."""
        return length if self._strict else length - length % self._each

    def _read(self, start: int, stop: int, factor: int, mode: str) -> Block:
        """Return values [start, stop) of the file as it was looked at last, and still is."""
        file = self._opened()
        if self._strict:
            return quirky_block(file, stop - start, start, factor, mode, self._sign or "add")
        block = read_block(file, start, stop, factor, mode, self._sign or "subtract")
        file.require_kept()
        return block

    def _asked(self, factor: Any, mode: str, **size: Any) -> tuple[int, int]:
        """Return size and factor of a call, if it can be fulfilled."""
        self._opened()
        if mode not in MODES:
            raise RefusedError(f"decimation_mode={mode!r} is none", f"Choose one of {', '.join(MODES)}.")
        ((name, value),) = size.items()
        if self._strict:
            return value, factor
        return _whole_number(name, value, 1), _whole_number("decimation_factor", factor, 1)

    def _rounded(self, at: int, factor: int) -> int:
        """Return the end of the group that a place is in; PicoStream begins groups where blocks begin."""
        size = 1 if self._strict else factor * self._each
        return -(-at // size) * size

    def _blocks(self, length: int, epoch: int, chunk: int, factor: int, mode: str) -> Iterator[Block]:
        for start in range(0, length, chunk):
            self._refreshed()
            self._require_epoch(epoch)
            yield self._read(start, min(start + chunk, length), factor, mode)

    def _say_what_is_assumed(self, file: File) -> None:
        for note in file.settings.notes:
            _LOG.warning("%s: %s", file.path, note)
        if self._sign is None and (offset := file.settings.offset_v):
            warnings.warn(
                f"{self.hdf5_path} has an analogue offset of {offset:g} V, which is subtracted here and added by"
                f' PicoStream: its voltages differ from these by {2 * offset:+g} V. Say offset_sign="subtract" for the'
                ' voltage at the input, or "add" for those numbers.',
                UserWarning, stacklevel=3,
            )  # fmt: skip


def _whole_number(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise RefusedError(f"{name}={value!r} is no whole number", f"Give an int from {least} on.") from None
    if number < least:
        raise RefusedError(f"{name} is {number}", f"Give {least} or more.")
    return number
