"""Recordings in JLS v1 for tests: of buffers that are fed, of pieces, and as Joulescope makes them."""

import contextlib
import io
import itertools
import os

import numpy as np
import pytest

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # no driver is loaded

from joulescope import data_recorder as oracle
from joulescope.data_recorder import DataReader
from joulescope.v0.calibration import Calibration as OracleCalibration

from xjls.compat import joulescope as ours
from xjls.formats.jls1.arrays import decode_arrays
from xjls.formats.jls1.datafile import Tag

FIELDS = list(ours.STATS_FIELD_NAMES)
SIZES = {"samples_per_reduction": 100, "reductions_per_tlv": 5, "tlvs_per_block": 3}
TLV, BLOCK = 500, 1500
EVERY = ((1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (5, 1))
"""What the newer driver publishes: fields and their indices."""


@contextlib.contextmanager
def small_oracle():
    """Have Joulescope's recorder write records as small as ours are here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle, "SAMPLES_PER_REDUCTION", SIZES["samples_per_reduction"])
        patch.setattr(oracle, "REDUCTIONS_PER_TLV", SIZES["reductions_per_tlv"])
        patch.setattr(oracle, "TLVS_PER_BLOCK", SIZES["tlvs_per_block"])
        yield


def calibrated():
    made = OracleCalibration()
    made.current_offset[:7], made.current_gain[:7] = -2800.5, [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9]
    made.voltage_offset[:2], made.voltage_gain[:2] = -1150.6, [1e-3, 3e-4]
    made.data = made.save(bytes(32))
    return made


def random_words(rng, n, *, missing=True):
    words = np.empty((n, 2), np.uint16)
    ranges = np.repeat(rng.integers(0, 7, n // 150 + 1), 150)[:n]
    words[:, 0] = rng.integers(0, 1 << 14, n) << 2 | ranges & 3
    words[:, 1] = rng.integers(0, 1 << 14, n) << 2 | (np.arange(n) & 1) << 1 | ranges >> 2
    if missing:
        words[60:64] = 0xFFFF
    return words


def newer_messages(start, count, rng, fields):
    """Yield what the newer driver publishes of consecutive samples, a multiple of 8."""
    for field_id, index in fields:
        if field_id == 5:
            data = rng.integers(0, 256, count // 8, "u1")
        else:
            data = rng.integers(0, 8, count, "u1") if field_id == 4 else rng.normal(size=count).astype("f4")
        yield {"field_id": field_id, "index": index, "sample_id": start, "data": data, "sample_rate": 1000,
               "decimate_factor": 1}  # fmt: skip


def record_both(buffer, feed, **closing):
    """Return the file that Joulescope's recorder makes of a buffer, and ours; ``feed`` inserts between notices."""
    files, given = [io.BytesIO(), io.BytesIO()], {"calibration": calibrated(), "user_data": {"mine": [1, "µ"]}}
    with small_oracle():
        recorders = [oracle.DataRecorder(files[0], **given), ours.DataRecorder(files[1], **given, **SIZES)]
        for _ in feed:
            for recorder in recorders:
                recorder.stream_notify(buffer)
        for recorder in recorders:
            recorder.close(**closing)
    return [file.getvalue() for file in files]


def record_ours(buffer, feed, **given):
    """Return the file of a buffer."""
    file = io.BytesIO()
    with ours.DataRecorder(file, **given, **SIZES) as recorder:
        for _ in feed:
            recorder.stream_notify(buffer)
    return file.getvalue()


def fed_words(buffer, rng, counts, ranges=None, *, missing=True):
    """Notify before and after each of some insertions."""
    yield
    for i, count in enumerate(counts):
        if ranges is not None:
            buffer.voltage_range = ranges[i]
        buffer.insert_raw(random_words(rng, count, missing=missing))
        buffer.process()
        yield


def fed_messages(buffer, rng, counts, fields=EVERY, start=8000):
    """Notify when the messages of all fields have come, each time."""
    for count in counts:
        for message in newer_messages(start, count, rng, fields):
            buffer.insert("", message)
        start += count
        yield


def read(data):
    """Return Joulescope's reader of a file."""
    return DataReader().open(io.BytesIO(data))


def values_of(records):
    """Return the arrays of all records of samples, joined, by field."""
    found = [decode_arrays(entry.value) for entry in records if entry.tag == Tag.DATA]
    return {field: np.concatenate([arrays[i << 4 | 1] for arrays in found]) for i, field in enumerate(FIELDS)}


def reductions_of(records):
    """Return the reductions of each block."""
    return [decode_arrays(entry.value) for entry in records if entry.tag == Tag.STOP and entry.value]


def pieces_of(buffer, lengths, fields=None):
    """Return consecutive pieces of a buffer's samples."""
    edges = np.cumsum([buffer.sample_id_range[0], *lengths]).tolist()
    return [buffer.samples_get(a, b, fields) for a, b in itertools.pairwise(edges)]


def inserted(pieces, **given):
    file = io.BytesIO()
    with ours.DataRecorder(file, **given, **SIZES) as recorder:
        for piece in pieces:
            recorder.insert(piece)
    return file.getvalue()


def filled(buffer, count, seed=9, **words):
    for _ in fed_words(buffer, np.random.default_rng(seed), [count], **words):
        pass
    return buffer


def a_piece(start=0, stop=10, rate=1000.0, **signals):
    signals = signals or {field: np.zeros(stop - start, "f4") for field in FIELDS}
    return {
        "time": {"sample_id_range": {"value": [start, stop]}, "sampling_frequency": {"value": rate}},
        "signals": {field: {"value": values} for field, values in signals.items()},
    }
