"""A file from its definition, as recording software writes it: metadata, blocks of records, and a footer."""

from __future__ import annotations

import json
import struct
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls1.definition import FIELDS, Definition
from xjls.testing.jls1.records import HEADER_BYTES, arrays, file_header, record
from xjls.testing.jls1.reductions import encode_rows, encode_v2, fields_of, padded, rows_of
from xjls.testing.jls1.truth import stored_of

OUTER, BLOCK = 0, 1
"""Numbers of collections."""


def write_jls1(path: str | PathLike[str], definition: Definition) -> Path:
    """Write a file and return its path."""
    Path(path).write_bytes(encode(definition))
    return Path(path)


def encode(definition: Definition) -> bytes:
    """Return the bytes of a file.

    Examples
    --------
    >>> len(encode(Definition(calibration=None)))
    416
    """
    tape = _Tape(definition)
    tape.begin()
    if definition.length:
        tape.blocks()
    if not definition.is_closed:
        return file_header(0) + bytes(tape.body)
    tape.end()
    return file_header(HEADER_BYTES + len(tape.body)) + bytes(tape.body)


def config_of(definition: Definition) -> dict[str, Any]:
    """Return what the config says.

    Examples
    --------
    >>> "data_format" in config_of(Definition(generation=1)), config_of(Definition())["data_format"]
    (False, 'none')
    """
    sizes, is_empty = definition.sizes, definition.data_format == "none"
    config: dict[str, Any] = {
        "type": "config",
        "data_recorder_format_version": str(definition.generation),
        "sampling_frequency": 0 if is_empty else definition.rate_hz,
        "samples_per_reduction": 0 if is_empty else sizes.reduction,
        "samples_per_tlv": 0 if is_empty else sizes.samples_per_tlv,
        "samples_per_block": 0 if is_empty else sizes.samples_per_block,
    }
    if definition.generation == 1:
        return config | ({"reduction_fields": list(FIELDS)} if definition.row_fields == 6 else {})
    formats = {"data_format": definition.data_format, "reduction_format": definition.rows}
    if definition.rows == "none":
        formats["reduction_format"] = "v2"
    return config | {"reduction_fields": list(FIELDS)} | formats


class _Tape:
    """Records behind each other; starts of collections are told where they end as soon as that is known."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.body = bytearray()

    def begin(self) -> None:
        """Append what stands before the samples."""
        definition = self.definition
        config = record("MJS", json.dumps(config_of(definition)).encode(), deflated=definition.deflated)
        before = [config] if definition.generation == 1 else []
        before += self._user_data(definition.user_data)
        if definition.calibration is not None:
            name = b"calibration".ljust(128, b"\0")
            before.append(record("SUB", name + definition.calibration.encode(), deflated=definition.deflated))
        for one in before if definition.generation == 1 else [*before, config]:
            self.body += one

    def blocks(self) -> None:
        """Append the samples, in blocks in a collection."""
        definition = self.definition
        fields, size = fields_of(definition), definition.sizes.samples_per_block
        outer = self._start(OUTER, b"")
        for number, first in enumerate(range(0, definition.length, size)):
            stop = min(first + size, definition.length)
            start = self._start(BLOCK, self._header_of(number, first))
            for at in range(first, stop, definition.sizes.samples_per_tlv):
                self.body += record("ABN", self._samples(at, min(at + definition.sizes.samples_per_tlv, stop)))
            if stop < definition.length or definition.is_closed:
                self._stop(start, self._rows(number, fields[:, first:stop]))
        if definition.is_closed:
            self._stop(outer, b"")

    def end(self) -> None:
        """Append what stands behind the samples."""
        definition = self.definition
        footer = {"type": "footer", "size": definition.length}
        self.body += record("MJS", json.dumps(footer).encode(), deflated=definition.deflated)
        for one in self._user_data(definition.footer_user_data):
            self.body += one
        self.body += record("END")

    def _user_data(self, data: Any) -> list[bytes]:
        if data is None:
            return []
        if isinstance(data, bytes):
            return [record("UBN", data, deflated=self.definition.deflated)]
        return [record("UJS", json.dumps(data).encode(), deflated=self.definition.deflated)]

    def _header_of(self, number: int, first: int) -> bytes:
        definition = self.definition
        if definition.block_header == "none":
            return b""
        # The first software counted a record too far
        late = definition.sizes.samples_per_tlv if definition.generation == 1 else 0
        said = {"v_range": definition.v_range_of(number)} if definition.block_header == "full" else {}
        return json.dumps(said | {"sample_id": definition.first_stream_id + first + late}).encode()

    def _samples(self, start: int, stop: int) -> bytes:
        definition = self.definition
        if definition.words is not None:
            return definition.words[start:stop].astype("<u2").tobytes()
        assert definition.floats is not None
        by_id = {number << 4 | 1: values[start:stop] for number, values in enumerate(stored_of(definition.floats))}
        return arrays(by_id, definition.sizes.samples_per_tlv if definition.is_inserted else None)

    def _rows(self, number: int, fields: NDArray[np.float64]) -> bytes:
        definition, sizes = self.definition, self.definition.sizes
        if not definition.is_inserted:
            return encode_rows(definition, fields)
        rows = -(-fields.shape[1] // sizes.samples_per_tlv) * sizes.tlv
        return encode_v2(*padded(*rows_of(fields, sizes.reduction), rows, is_first=number == 0))

    def _start(self, number: int, value: bytes) -> int:
        """Append the start of a collection, and return where it is."""
        at = len(self.body)
        self.body += record("CLS", struct.pack("<QHBB", 0, number, 0, 0) + value)
        return at

    def _stop(self, start: int, value: bytes) -> None:
        """Append the end of a collection, and tell its start."""
        end = HEADER_BYTES + len(self.body)
        size = struct.unpack_from("<I", self.body, start + 4)[0]
        kept = bytes(self.body[start + 16 : start + 8 + size])
        told = record("CLS", struct.pack("<Q", end) + kept)
        self.body[start : start + len(told)] = told
        self.body += record("CLE", value)
