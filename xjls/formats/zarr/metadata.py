"""Metadata of arrays and groups, as Zarr v3 writes them in ``zarr.json``, and of the whole in the root's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

import google_crc32c
import numpy as np

from xjls.errors import CorruptError, NotRecognizedError, UnsupportedError
from xjls.formats.zarr.codecs import INDEX_CODECS, chunk_codecs, codec_of
from xjls.formats.zarr.opening import KEY
from xjls.formats.zarr.wire import LAYOUT, SEAL
from xjls.model.documents import Document
from xjls.model.signal import STATISTICS

MULTISCALES = {
    "schema_url": "https://raw.githubusercontent.com/zarr-conventions/multiscales/refs/tags/v1/schema.json",
    "spec_url": "https://github.com/zarr-conventions/multiscales/blob/v1/README.md",
    "uuid": "d35379db-88df-4056-af3a-620245f8e347",
    "name": "multiscales",
    "description": "Multiscale layout of zarr datasets",
}
CONVENTIONS = "CF-1.11"
_TEXTS = "string"
_TEXT_CODEC: Document = {"name": "vlen-utf8"}
_SEPARATORS = (".", "/")


@dataclass(frozen=True, slots=True)
class ArrayFacts:
    """What its metadata say of one array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk: int
    """Positions of the first axis in a chunk."""
    shard: int
    """Positions of the first axis in an object; as many as in a chunk where objects are chunks."""
    sharded: bool
    codec: str | None
    attributes: Mapping[str, Any]
    separator: str = "."
    """Between the numbers in the keys of objects."""

    @property
    def sealed(self) -> list[Any]:
        """What must not change unseen, as JSON has it."""
        factor = self.attributes.get("samples_per_entry")
        others = [] if self.separator == "." else [self.separator]
        return [list(self.shape), self.dtype.name, self.chunk, self.shard, self.sharded, self.codec, factor, *others]

    @property
    def row(self) -> int:
        """Numbers at a position of the first axis."""
        return math.prod(self.shape[1:])

    def key(self, number: int) -> str:
        """Return the key, below the array's, of an object of samples or entries."""
        return self.separator.join(["c", str(number), *("0" * (len(self.shape) - 1))])


def fill_of(dtype: np.dtype[Any], missing: int | None = None) -> Any:
    """Return what stands where there is no value: of integers, the one that is no sample, if there is one."""
    if dtype.kind == "f":
        return dtype.type(np.nan)
    return dtype.type(missing or 0)


def encode_array(
    dtype: np.dtype[Any],
    shape: Sequence[int],
    dims: Sequence[str],
    attributes: Mapping[str, Any],
    *,
    chunk: int,
    shard: int | None = None,
    codec: str | None = None,
    fill: Any = None,
    separator: str = ".",
) -> Document:
    """Return the metadata of an array, cut along its first axis; `decode_array` undoes it.

    Parameters
    ----------
    dtype, shape, dims, attributes
        Of the array.
    chunk, shard
        Positions in a chunk and in a shard; without shards every chunk is an object.
    codec
        What chunks are compressed with.
    fill
        What is read where there is no chunk; None for `fill_of` the type.
    separator
        Between the numbers in the keys of objects.
    """
    codecs = chunk_codecs(codec, dtype.itemsize)
    inner = [chunk, *shape[1:]]
    if shard is not None:
        codecs = [{
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": inner, "codecs": codecs, "index_codecs": INDEX_CODECS, "index_location": "end",
            },
        }]  # fmt: skip
    blank = "NaN" if dtype.kind == "f" else dtype.type(fill or 0).item()
    outer = inner if shard is None else [shard, *shape[1:]]
    return _array(dtype.name, shape, dims, attributes, outer, blank, codecs, separator)


def encode_scalar(attributes: Mapping[str, Any]) -> Document:
    """Return the metadata of an array without dimensions that is there for its attributes."""
    return _array("int8", [], [], attributes, [], 0, chunk_codecs(None, 1))


def encode_statistic() -> Document:
    """Return the metadata of the labels of an entry's numbers."""
    n = [len(STATISTICS)]
    return _array(_TEXTS, n, ["statistic"], {}, n, "", [_TEXT_CODEC])


def encode_texts_array(length: int, dim: str, chunk: int) -> Document:
    """Return the metadata of an array of texts whose chunks end with their checksums."""
    return _array(_TEXTS, [length], [dim], {}, [chunk], "", [_TEXT_CODEC, {"name": "crc32c"}])


def _array(
    data_type: str, shape: Sequence[int], dims: Sequence[str], attributes: Mapping[str, Any],
    chunk_shape: Sequence[int], fill: Any, codecs: list[Document], separator: str = ".",
) -> Document:  # fmt: skip
    return {
        "zarr_format": 3, "node_type": "array", "shape": list(shape), "data_type": data_type,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape)}},
        "chunk_key_encoding": _keys(separator),
        "fill_value": fill, "codecs": codecs, "attributes": dict(attributes), "dimension_names": list(dims),
        "storage_transformers": [],
    }  # fmt: skip


def _keys(separator: str) -> Document:
    return {"name": "default", "configuration": {"separator": separator}}


def decode_array(document: Any, path: str) -> ArrayFacts:
    """Return what an array's metadata say; raise where its chunks are not cut or coded as they are here.

    Raises
    ------
    UnsupportedError
        Another program has written the array anew in its own way.
    """
    try:
        return _decoded(document)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UnsupportedError(
            f"the array is not as xjls writes it ({type(error).__name__}: {error})",
            path,
            remedy='Was it copied by another program? xr.open_datatree(path, engine="zarr") opens it.',
        ) from error


def _decoded(document: Any) -> ArrayFacts:
    """Return what an array's metadata say; raise ValueError, or whatever a strange document provokes."""
    shape = tuple(int(n) for n in document["shape"])
    outer = [int(n) for n in document["chunk_grid"]["configuration"]["chunk_shape"]]
    inner, codecs = outer, document["codecs"]
    sharded = codecs[0]["name"] == "sharding_indexed"
    if sharded:
        how = codecs[0]["configuration"]
        inner, codecs = [int(n) for n in how["chunk_shape"]], how["codecs"]
        index = [codec["name"] for codec in how["index_codecs"]]
        if len(document["codecs"]) > 1 or how.get("index_location", "end") != "end" or index != ["bytes", "crc32c"]:
            raise ValueError("shards have another index")
    if tuple(outer[1:]) != shape[1:] or inner[1:] != outer[1:] or inner[0] < 1 or outer[0] % inner[0]:
        raise ValueError(f"chunks are {inner} in {outer}")
    separators = [one for one in _SEPARATORS if document["chunk_key_encoding"] == _keys(one)]
    if not separators:
        raise ValueError("keys of chunks are written another way")
    dtype = np.dtype(document["data_type"])
    codec, attributes = codec_of(codecs), document["attributes"]
    return ArrayFacts(shape, dtype, inner[0], outer[0], sharded, codec, attributes, separators[0])


def arrays_of(told: Mapping[str, Any], members: Mapping[str, Document], path: str) -> dict[str, ArrayFacts]:
    """Return what there is to know of the arrays that a recording is read from, by their paths: samples, levels, ties.

    Raises
    ------
    CorruptError, UnsupportedError
        There is no such array, or it is cut or coded another way than here.
    """
    wanted = [f"0/{signal['array']}" for signal in told["signals"] if signal["rate_hz"] != "0"]
    for first in tuple(wanted):
        levels = (f"{level}/{first.removeprefix('0/')}" for level in count(1))
        wanted += takewhile(members.__contains__, levels)
    wanted += {f"ties/{signal['ties']}": None for signal in told["signals"] if signal["ties"] is not None}
    if missing := [name for name in wanted if name not in members]:
        raise CorruptError(
            f"its root speaks of an array {missing[0]!r} and does not describe it",
            path,
            remedy="If it is there, zarr.consolidate_metadata(path) describes it again. If not, take another copy.",
        )
    return {name: decode_array(members[name], f"{path}/{name}") for name in wanted}


def encode_group(attributes: Mapping[str, Any] | None = None) -> Document:
    """Return the metadata of a group."""
    return {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes or {})}


def encode_root(attributes: Mapping[str, Any], members: Mapping[str, Document]) -> Document:
    """Return the metadata of the root, with those of all groups and arrays, by their paths."""
    consolidated = {"kind": "inline", "must_understand": False, "metadata": dict(sorted(members.items()))}
    return encode_group(attributes) | {"consolidated_metadata": consolidated}


def encode_json(document: Document) -> bytes:
    """Return a document as the bytes of a ``zarr.json``."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def decode_root(data: bytes, path: str) -> tuple[Any, Mapping[str, Document]]:
    """Return what stands under `KEY` in a root, and the metadata of its members.

    Raises
    ------
    NotRecognizedError
        It is no root of a recording.
    UnsupportedError
        Of a layout that xjls does not read.
    CorruptError
        Its members are not consolidated any more.
    """
    try:
        document = json.loads(data)
        attributes = document.get("attributes", {})
        told = attributes.get(KEY) if document.get("node_type") == "group" else None
    except (ValueError, AttributeError) as error:
        raise NotRecognizedError(
            f"its zarr.json is not that of Zarr v3 ({error})", path, remedy="Is it damaged? Take another copy of it."
        ) from error
    if not isinstance(told, dict):
        raise NotRecognizedError(
            "this is plain Zarr, which no recording was written to",
            path,
            remedy='Open it with xr.open_dataset(path, engine="zarr"); ds.xjls works there too.',
        )
    if told.get("layout") != LAYOUT:
        raise UnsupportedError(
            f"layout {told.get('layout')!r} of Zarr recordings, written by another release of xjls",
            path,
            remedy=f"This one reads layout {LAYOUT}.",
        )
    try:
        return told, dict(document["consolidated_metadata"]["metadata"])
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(
            "the metadata of its arrays are not consolidated in its root any more",
            path,
            remedy="zarr.consolidate_metadata(path) puts them back.",
        ) from error


def seal(told: Mapping[str, Any], arrays: Mapping[str, ArrayFacts]) -> int:
    """Return the checksum of what a root says of a recording and of its arrays, whatever way it is written down."""
    said = {key: value for key, value in told.items() if key != SEAL}
    facts = {path: array.sealed for path, array in arrays.items()}
    text = json.dumps([said, facts], sort_keys=True, ensure_ascii=True)
    return int(google_crc32c.value(text.encode()))


def multiscales(steps: Sequence[int]) -> Document:
    """Return the attributes that say how levels follow from each other; ``steps`` from each level to the next."""
    layout: list[Document] = [{"asset": "0", "transform": {"scale": [1.0], "translation": [0.0]}}]
    for level, step in enumerate(steps, 1):
        # A label is that of an entry's first sample, so that levels begin where samples do
        transform = {"scale": [float(step)], "translation": [0.0]}
        layout.append({"asset": str(level), "derived_from": str(level - 1), "transform": transform})
    return {"zarr_conventions": [MULTISCALES], "multiscales": {"layout": layout, "resampling_method": "average"}}
