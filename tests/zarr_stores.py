"""What tests of Zarr share: signals, writers, and a small recording with many objects, by ours and by zarr-python."""

import json
from fractions import Fraction

import google_crc32c
import numpy as np
import pytest
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec

import xjls
from xjls.formats.zarr.writer import ZarrWriter
from xjls.model.sample_type import dtype_of
from xjls.testing.laws import Expected, ExpectedSignal, reduce_finite

SMALL = {"SHARD_SAMPLES": 8192, "CHUNK_SAMPLES": 2048, "CHUNK_ENTRIES": 30, "FEWEST_ENTRIES": 3}
WAVE = (np.sin(np.arange(30_000) * 0.003) * 1000).astype("f4")
VALUES = {"x": (WAVE, "f32", 128), "y": (WAVE.astype("i2"), "i16", 256), "z": (WAVE > 0, "u1", 1024)}
"""Samples, stored type, and samples in an entry of level 1."""
FIRST_ID = 77
TIES = tuple((FIRST_ID + i * 100, 1_772_000_000_000_000_000 + i * 10**8) for i in range(300))
NOTE = xjls.Annotation(signal="x", sample_id=FIRST_ID, time_ns=None, kind="user", group=0, y=None, data="note")


BENCH = xjls.Source(id=3, name="bench", vendor="-", model="JS220", version="1.0", serial_number="0042")


def described(name="x", stored_type="f32", *, number=1, rate=1000, scale=1.0, source=BENCH):
    """Return a signal that is to be written."""
    return xjls.Signal(
        id=number, name=name, units="A", dtype=dtype_of(stored_type), rate_hz=Fraction(rate), source=source,
        stored_type=stored_type, scale_factor=scale,
    )  # fmt: skip


def begun(store, *signals, **how):
    """Return a writer with signals, or with one that is called x."""
    writer = ZarrWriter(store, **how)
    writer.add_source(BENCH)
    for one in signals or (described(),):
        writer.add_signal(one)
    return writer


def make_small(monkeypatch):
    """Make objects of the writer so small that some hundred samples, ties and records have many."""
    for name, value in (("SHARD_SAMPLES", 4096), ("CHUNK_SAMPLES", 1024), ("CHUNK_ENTRIES", 7), ("FEWEST_ENTRIES", 2)):
        monkeypatch.setattr(f"xjls.formats.zarr.stream.{name}", value)
    monkeypatch.setattr("xjls.formats.zarr.ties.CHUNK_TIES", 8)
    monkeypatch.setattr("xjls.formats.zarr.records.PAGE_RECORDS", 4)


def make_growing_small(monkeypatch):
    """Make a store that grows so small that some thousand samples have many shards, chunks and checkpoints."""
    make_small(monkeypatch)
    monkeypatch.setattr("xjls.formats.zarr.cutting.SIZES", ((4096, 1024),))
    monkeypatch.setattr("xjls.formats.zarr.cutting.ENTRIES_PER_SHARD", 1024)
    monkeypatch.setattr("xjls.formats.zarr.cutting.FEWEST", 3)
    monkeypatch.setattr("xjls.formats.zarr.journal.MERGED", 3)
    monkeypatch.setattr("xjls.formats.zarr.journal.SETTLED", 7)
    monkeypatch.setattr("xjls.formats.zarr.journal.KEPT", 2)


def note(i, data="note", signal="x"):
    """Return an annotation of a sample."""
    return xjls.Annotation(signal=signal, sample_id=i, time_ns=None, kind="text", group=0, y=None, data=data)


def size_of(store):
    """Return the bytes of a store's files."""
    return sum(path.stat().st_size for path in store.rglob("*") if path.is_file())


def truth():
    """Return what is true of it."""
    signals = {
        name: ExpectedSignal(
            name=name, units="A", rate_hz=1000, first_id=FIRST_ID, samples=samples, ties=TIES if name == "x" else ()
        )
        for name, (samples, _, _) in VALUES.items()
    }  # fmt: skip
    return Expected(signals=signals, annotations=(NOTE,))


def write_small(store):
    """Write it by our writer; return where."""
    signals = [described(name, stored_type, number=i) for i, (name, (_, stored_type, _)) in enumerate(VALUES.items())]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(f"xjls.formats.zarr.stream.{name}", value)
        with begun(store, *signals) as writer:
            for name, (samples, _, _) in VALUES.items():
                writer.write(name, FIRST_ID, samples)
            for sample_id, time_ns in TIES:
                writer.tie("x", xjls.Tie(sample_id=sample_id, time_ns=time_ns))
            writer.annotate(NOTE)
    return store


def write_by_zarr_python(store):
    """Write it by zarr-python, from the page about the layout; return where."""
    root, facts = zarr.create_group(store), {}

    def put(path, values, chunk, shard=None, factor=None):
        group, name = path.split("/")
        array = root.require_group(group).create_array(
            name, shape=values.shape, dtype=values.dtype, chunks=(chunk, *values.shape[1:]),
            shards=None if shard is None else (shard,), serializer=BytesCodec(endian="little"),
            compressors=[Crc32cCodec()], fill_value=np.nan if values.dtype.kind == "f" else 0,
            chunk_key_encoding={"name": "default", "separator": "."}, config={"write_empty_chunks": True},
        )  # fmt: skip
        array[:] = values
        if factor is not None:
            array.attrs["samples_per_entry"] = factor
        facts[path] = [list(values.shape), values.dtype.name, chunk, shard or chunk, shard is not None, None, factor]

    signals = []
    for i, (name, (samples, stored_type, factor)) in enumerate(VALUES.items(), 1):
        put(f"0/{name}", samples, 1000, 5000)
        level = 1
        while factor <= len(samples):
            put(f"{level}/{name}", reduce_finite(samples, factor).astype("f4"), 50, factor=factor)
            level, factor = level + 1, factor * 20  # noqa: PLW2901
        signals.append({
            "id": i, "name": name, "array": name, "source": 1, "units": "A", "stored_type": stored_type,
            "rate_hz": "1000", "scale_factor": 1.0, "first_sample_id": FIRST_ID,
            "ties": "x" if name == "x" else None,
        })  # fmt: skip
    put("ties/x", np.array(TIES, "i8"), 64)
    source = {"id": 1, "name": "bench", "vendor": "", "model": "", "version": "", "serial_number": ""}
    note = {"signal": "x", "sample_id": FIRST_ID, "kind": "user", "group": 0, "y": None, "data": "note"}
    told = {
        "layout": 1, "closed": True, "sources": [source], "signals": signals, "annotations": [note], "user_data": [],
        "gaps": [], "pages": {"annotations": 0, "user_data": 0, "gaps": 0},
        "size_bytes": sum(path.stat().st_size for path in store.rglob("*") if path.is_file()),
    }  # fmt: skip
    told["crc32c"] = google_crc32c.value(json.dumps([told, facts], sort_keys=True).encode())
    root.attrs["xjls"] = told
    zarr.consolidate_metadata(store)
    return store
