"""Joulescope's `DataRecorder`: what a buffer gets, or pieces of samples, become a recording in JLS v1."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.compat.joulescope.following import Following
from xjls.compat.joulescope.gathering import Gathering
from xjls.compat.joulescope.refusing import refusing
from xjls.errors import SelectionError
from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.writer import Sizes, Writer
from xjls.model.sink import ClosedByWith

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xjls.compat.joulescope.following import Recordable
    from xjls.formats.jls1.tape import Writable


class DataRecorder(ClosedByWith):
    """Record a buffer, or pieces of samples, to a file in JLS v1.

    Parameters
    ----------
    filehandle
        A path; what is there is overwritten. Or a binary file that can seek, at its first byte: the caller closes it.
    calibration
        Of the instrument: the bytes of its container, an `xjls.formats.jls1.calibration.Calibration`, or an object with
        such bytes as ``data``, as Joulescope's. None: readers take the words of a recording as they are.
    user_data
        Anything that JSON has words for.
    samples_per_reduction, reductions_per_tlv, tlvs_per_block
        How samples are divided; Joulescope's numbers, unless there is a reason.

    Raises
    ------
    RefusedError
        The file is not at its beginning, or the calibration has no bytes; it is a ValueError.
    FormatError
        The calibration's bytes are none; it is a ValueError.
    OSError
        As the system says, here and from all that writes. What did not fit is written by the next call.

    Notes
    -----
    Buffers with words are recorded as words, others as float32. Samples are written in records of 400 000, five of
    which are a block; what was written is there after a kill. A block has one voltage range, of the time at which its
    first record was written: a change inside a block is not recorded.

    A buffer is registered with a driver by ``stream_process_register``; one thread calls at a time.

    Examples
    --------
    >>> import io, numpy as np
    >>> from xjls.compat.joulescope import StreamBuffer
    >>> buffer, file = StreamBuffer(1.0, [], 1000.0), io.BytesIO()
    >>> with DataRecorder(file, samples_per_reduction=100, reductions_per_tlv=5) as recorder:
    ...     recorder.stream_notify(buffer)
    ...     _ = buffer.insert_raw(np.full((700, 2), 400, "u2"))
    ...     buffer.process()
    ...     recorder.stream_notify(buffer)
    ...     recorder.size
    500
    >>> recorder.size
    700
    """

    def __init__(
        self,
        filehandle: str | os.PathLike[str] | Writable,
        calibration: bytes | Calibration | Any = None,
        user_data: Any = None,
        *,
        samples_per_reduction: int = 20_000,
        reductions_per_tlv: int = 20,
        tlvs_per_block: int = 5,
    ) -> None:
        with refusing():
            sizes = Sizes(
                samples_per_reduction=samples_per_reduction, reductions_per_tlv=reductions_per_tlv,
                tlvs_per_block=tlvs_per_block,
            )  # fmt: skip
            of_instrument, of_user = _calibration_bytes(calibration), _json_bytes(user_data)
            with _opened(filehandle) as (file, own):
                self._writer = Writer(file, calibration=of_instrument, user_data=of_user, sizes=sizes)
        self._own = own
        """What this opened, and closes."""
        self._is_closed = False
        self._following: Following | None = None
        self._gathering: Gathering | None = None

    @property
    def size(self) -> int:
        """Samples that were written."""
        return self._writer.size

    def stream_notify(self, stream_buffer: Recordable | None) -> None:
        """Write what a buffer has of complete records; called when something was processed.

        Parameters
        ----------
        stream_buffer
            The same each time; the first call says where the recording begins: at the buffer's end. None writes what is
            left, shorter than a record, after which nothing can follow.

        Raises
        ------
        RefusedError
            The buffer keeps less than a record, is another one, was reset, or has lost samples that were to come; it is
            a ValueError. What was written stays.
        """
        with refusing():
            self._require_open()
            if stream_buffer is not None:
                self._follow(stream_buffer).write()
            elif self._following is not None:
                self._following.write(all_of_it=True)

    def insert(self, data: Mapping[str, Any] | None) -> None:
        """Write a piece of samples, which are copied; None writes what is left.

        Parameters
        ----------
        data
            As ``samples_get`` gives it. Each piece begins where the one before ended, or before.

        Raises
        ------
        RefusedError
            Samples are missing before it, or fields; it is a ValueError.
        """
        with refusing():
            self._require_open()
            if data is not None:
                self._gather(data).take(data)
            elif self._gathering is not None:
                self._gathering.finish()

    def close(self, footer_user_data: Any = None) -> None:
        """Write what is left, and the end of the file; twice is harmless.

        Parameters
        ----------
        footer_user_data
            Anything that JSON has words for.

        Raises
        ------
        RefusedError
            The buffer has lost samples that were to come; the file is complete without them.
        """
        if self._is_closed:
            return
        of_user = _json_bytes(footer_user_data)
        try:
            self.stream_notify(None)
            self.insert(None)
        finally:
            self._is_closed = True
            try:
                self._writer.finish(of_user)
            finally:
                self._close_own()

    def abandon(self) -> None:
        """Leave what was written as it stands, without an end; a ``with`` block that raises does."""
        if not self._is_closed:
            self._is_closed = True
            self._close_own()

    def _close_own(self) -> None:
        if self._own is not None:
            self._own.close()

    def _follow(self, buffer: Recordable) -> Following:
        if self._gathering is not None:
            raise SelectionError("pieces were inserted into this recording", "Record the buffer to another one.")
        if self._following is None:
            self._following = Following(buffer, self._writer)
        if self._following.buffer is not buffer:
            raise SelectionError("the recording is of another buffer", "Record this one to another file.")
        return self._following

    def _gather(self, data: Mapping[str, Any]) -> Gathering:
        if self._following is not None:
            raise SelectionError("the recording is of a buffer", "Insert pieces into another one.")
        if self._gathering is None:
            self._gathering = Gathering(data, self._writer)
        return self._gathering

    def _require_open(self) -> None:
        if self._is_closed:
            raise SelectionError("the recording is closed", "Begin another one.")


@contextmanager
def _opened(file: str | os.PathLike[str] | Writable) -> Iterator[tuple[Writable, Any]]:
    """Give the file, and what was opened for it, if anything; close that where the caller fails."""
    if not isinstance(file, str | os.PathLike):
        yield file, None
        return
    own = Path(file).open("wb", buffering=0)  # noqa: SIM115 - the recorder closes it
    try:
        yield own, own
    except BaseException:
        own.close()
        raise


def _calibration_bytes(calibration: Any) -> bytes | None:
    """Return a calibration as a recording holds it."""
    if calibration is None:
        return None
    if isinstance(calibration, Calibration):
        return calibration.encode()
    data = (
        calibration if isinstance(calibration, bytes | bytearray | memoryview) else getattr(calibration, "data", None)
    )
    if data is None:
        raise SelectionError("the calibration has no bytes", "Set its data to what its save() returns.")
    Calibration.decode(bytes(data))  # what is none would make the recording unreadable
    return bytes(data)


def _json_bytes(value: Any) -> bytes | None:
    return None if value is None else json.dumps(value).encode()
