"""Pieces of samples that are inserted into a recording, whatever their length: copied, until a record is full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xjls.capturing.buffer.fields import STATS_FIELD_NAMES
from xjls.compat.joulescope.stored import absent, are_codes, encode_samples, plain, reductions_of
from xjls.errors import SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls1.writer import Writer

_RECORDED = frozenset({*STATS_FIELD_NAMES, "raw"})


class _Piece(NamedTuple):
    """What a dictionary of samples says."""

    start: int
    """Sample id of the first one."""
    length: int
    rate_hz: float
    values: dict[str, NDArray[Any]]
    voltage_range: int
    """Of words; 0 without."""


class Gathering:
    """Write samples that are given piece by piece.

    Parameters
    ----------
    told
        The first piece, which says what all have: words, or only numbers; nothing of it is taken yet.
    writer
        Where to.

    Raises
    ------
    SelectionError
        It has nothing that can be recorded: words have all six fields beside them, of which reductions are.
    """

    def __init__(self, told: Mapping[str, Any], writer: Writer) -> None:
        piece = _decoded(told)
        self._has_raw = "raw" in piece.values
        self._fields = [field for field in STATS_FIELD_NAMES if field in piece.values]
        lacking = [field for field in STATS_FIELD_NAMES if field not in self._fields]
        if lacking and (self._has_raw or not self._fields):
            raise SelectionError(f"samples have no {', '.join(lacking)}", "Leave out fields= of samples_get.")
        self._writer = writer
        self._first_id, self._rate_hz = piece.start, piece.rate_hz
        self._filled = 0
        """Samples that wait for their record to be full."""
        self._voltage_range = 0
        """Of the first one of them."""
        self._codes = False
        room = writer.sizes.samples_per_tlv
        self._words = np.empty((room if self._has_raw else 0, 2), "<u2")
        self._samples = {field: np.empty(room, np.float32) for field in self._fields}
        writer.begin(piece.rate_hz, "raw" if self._has_raw else "float32_v2")

    def take(self, told: Mapping[str, Any]) -> None:
        """Take a piece that follows the one before; what was taken already is left out.

        Raises
        ------
        SelectionError
            Samples are missing before it, or it has other fields or another rate.
        """
        piece = _decoded(told)
        self._require(piece)
        self._codes = self._codes or are_codes(piece.values)
        at = max(self._next_id - piece.start, 0)
        while at < piece.length or self._filled == self._room:
            if self._filled == self._room:
                self._write()
                continue
            n = min(self._room - self._filled, piece.length - at)
            self._copy(piece, at, n)
            at += n
            self._filled += n

    def finish(self) -> None:
        """Write what is left."""
        if self._filled:
            self._write()

    @property
    def _room(self) -> int:
        return self._writer.sizes.samples_per_tlv

    @property
    def _next_id(self) -> int:
        return self._first_id + self._writer.size + self._filled

    def _require(self, piece: _Piece) -> None:
        lacking = [field for field in (*self._fields, *(["raw"] if self._has_raw else [])) if field not in piece.values]
        if lacking and piece.length:
            raise SelectionError(f"samples have no {', '.join(lacking)}", "Give the same fields each time.")
        if piece.rate_hz != self._rate_hz:
            raise SelectionError(
                f"samples have a rate of {piece.rate_hz} Hz, those before {self._rate_hz}", "Begin another recording."
            )
        if piece.start > self._next_id and piece.length:
            raise SelectionError(
                f"samples [{self._next_id:_}, {piece.start:_}) are missing", "Insert all, or begin another recording."
            )

    def _copy(self, piece: _Piece, at: int, n: int) -> None:
        if not self._filled:
            self._voltage_range = piece.voltage_range
        if self._has_raw:
            self._words[self._filled : self._filled + n] = piece.values["raw"][at : at + n]
        for field, samples in self._samples.items():
            values = piece.values[field][at : at + n]
            samples[self._filled : self._filled + n] = plain(field, values, coded=self._codes)

    def _write(self) -> None:
        """Write a record of all that waits."""
        n = self._filled
        samples = {
            field: self._samples[field][:n] if field in self._samples else absent(field, n)
            for field in STATS_FIELD_NAMES
        }  # fmt: skip
        reductions = reductions_of(samples, self._writer.sizes.samples_per_reduction)
        about = {"sample_id": self._first_id + self._writer.size}
        if self._has_raw:
            about["v_range"] = self._voltage_range
            self._writer.write(self._words[:n].reshape(-1).view(np.uint8).data, n, reductions, about)
        else:
            self._writer.write(encode_samples(samples), n, reductions, about)
        self._filled = 0


def _decoded(told: Mapping[str, Any]) -> _Piece:
    """Return what a dictionary as of ``samples_get`` says."""
    try:
        start, stop = (int(end) for end in told["time"]["sample_id_range"]["value"])
        rate = told["time"]["sampling_frequency"]["value"]
        rate = rate if isinstance(rate, int) else float(rate)
        signals = told["signals"].items()
        values = {name: np.atleast_1d(signal["value"]) for name, signal in signals if name in _RECORDED}
        voltage_range = int(told["signals"]["raw"]["voltage_range"]) if "raw" in values else 0
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SelectionError(
            f"this is no dictionary of samples ({type(error).__name__}: {error})", "Give what samples_get returns."
        ) from None
    if start == stop:  # of which Joulescope's buffers give the whole ring
        values = {name: array[:0] for name, array in values.items()}
    wrong = [f"{len(array):_} of {name}" for name, array in values.items() if len(array) != stop - start]
    if wrong:
        raise SelectionError(
            f"there are {', '.join(wrong)} of samples [{start:_}, {stop:_})", "Give what samples_get returns."
        )
    for name, array in values.items():
        _require_numbers(name, array)
    return _Piece(start, stop - start, rate, values, voltage_range)


def _require_numbers(name: str, array: NDArray[Any]) -> None:
    """Raise unless an array has two words of each sample, or one number."""
    columns, kinds = ((2,), "ui") if name == "raw" else ((), "fuib")
    if len(array) and (array.shape[1:] != columns or array.dtype.kind not in kinds):
        raise SelectionError(
            f"{name} is {array.dtype} in shape {array.shape}, expected {'words' if columns else 'numbers'} in shape "
            f"{(len(array), *columns)}", "Give what samples_get returns.",
        )  # fmt: skip
