"""Random recordings: written by one Writer, read by the other Reader, and every member compared.

What pyjls gets wrong is left out where it is compared, with the reason; test_compat_pyjls_faults.py has the right
answers to it.
"""

import dataclasses
import os
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyjls
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xjls.compat.pyjls as compat
from xjls.testing.strategies import recordings

EXAMPLES = os.environ.get("XJLS_EXAMPLES")
property_test = settings(
    max_examples=int(EXAMPLES or 40), derandomize=EXAMPLES is None, database=None, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def write(lib, path, definition):
    """Make the calls of a definition, samples in two parts."""
    with lib.Writer(str(path)) as writer:
        for number, source in enumerate(definition.sources, 1):
            texts = source.name, source.vendor, source.model, source.version, source.serial_number
            writer.source_def_from_struct(lib.SourceDef(number, *texts))
        for record in definition.user_data:
            writer.user_data(record.meta, record.data)
        for signal in definition.signals:
            define(writer, signal)
        for signal in definition.signals:
            fill(writer, signal)


def define(writer, signal):
    if not hasattr(signal, "array"):
        how = {"signal_type": 1, "annotation_decimate_factor": signal.annotation_decimate}
    else:
        how = {
            "data_type": signal.kind.data_type(signal.q), "sample_rate": signal.rate_hz,
            "samples_per_data": signal.samples_per_data, "sample_decimate_factor": signal.sample_decimate,
            "entries_per_summary": signal.entries_per_summary, "summary_decimate_factor": signal.summary_decimate,
            "annotation_decimate_factor": signal.annotation_decimate, "utc_decimate_factor": signal.utc_decimate,
        }  # fmt: skip
    writer.signal_def(signal.signal_id, signal.source, name=signal.name, units=signal.units or None, **how)


def fill(writer, signal):
    for note in signal.annotations:
        # pyjls has no annotation of no bytes
        writer.annotation(signal.signal_id, note.timestamp, note.y, note.type, note.group, note.data)
    if not hasattr(signal, "array"):
        return
    packed = stored(signal)
    half = len(packed) // 2
    for part, at in ((packed[:half], 0), (packed[half:], half)):
        if len(part):
            writer.fsr(signal.signal_id, signal.first_id + at * max(1, 8 // signal.kind.bits), part)
    for tie in signal.ties:
        writer.utc(signal.signal_id, *tie)


def stored(signal):
    """Return whole bytes of samples, as both writers take them."""
    samples = signal.array
    if signal.kind.bits >= 8:
        return samples.copy()
    samples = samples[: len(samples) - len(samples) % (8 // signal.kind.bits)].view(np.uint8)
    if signal.kind.bits == 1:
        return np.packbits(samples, bitorder="little")
    return (samples[::2] & 15) | ((samples[1::2] & 15) << 4)


def collected(call, *args):
    found = []
    call(*args, lambda *items: found.append(items))
    return found


@property_test
@given(drawn=recordings(max_samples=3000), seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("writer", [pyjls, compat], ids=["pyjls", "xjls"])
def test_both_readers_say_the_same(writer, drawn, seed):
    definition, rng = drawn[0], np.random.default_rng(seed)
    numbered = [dataclasses.replace(signal, signal_id=number) for number, signal in enumerate(definition.signals, 1)]
    definition = dataclasses.replace(definition, signals=numbered)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jls")
        write(writer, path, definition)
        with pyjls.Reader(str(path)) as theirs, compat.Reader(path) as ours:
            compare_definitions(theirs, ours)
            assert collected(ours.user_data) == collected(theirs.user_data)
            for number in ours.signals:
                notes = [collected(reader.annotations, number, -(1 << 61)) for reader in (theirs, ours)]
                assert notes[1] == notes[0]
            for signal in definition.signals:
                if hasattr(signal, "array"):
                    compare_samples(theirs, ours, signal, rng)
                    compare_pairs(theirs, ours, signal)


def compare_definitions(theirs, ours):
    assert {n: dataclasses.astuple(s) for n, s in ours.sources.items()} == {
        n: dataclasses.astuple(s) for n, s in theirs.sources.items()
    }
    assert list(ours.signals) == list(theirs.signals)
    for number, signal in ours.signals.items():
        found, wanted = dataclasses.asdict(signal), dataclasses.asdict(theirs.signals[number])
        # It loses the tail after whole blocks
        assert found.pop("length") >= wanted.pop("length")
        assert found == wanted


def compare_samples(theirs, ours, signal, rng):
    number, length = signal.signal_id, theirs.signals[signal.signal_id].length
    assert ours.signals[number].length == stored(signal).size * max(1, 8 // signal.kind.bits)
    if not length:
        return
    step = max(1, 8 // signal.kind.bits)
    windows = [(0, length // step * step)]
    # Inside bytes, it reads sub-byte samples at their end wrong; and wherever it is when the first id is inside one
    windows += [tuple(sorted(rng.integers(0, length + 1, 2).tolist())) for _ in range(4 * (step == 1))]
    if signal.first_id * signal.kind.bits % 8:
        windows = []
    for start, stop in windows:
        if start < stop:
            found, wanted = (reader.fsr(number, start, stop - start) for reader in (ours, theirs))
            assert (found.dtype, found.tobytes()) == (wanted.dtype, wanted.tobytes())
    compare_statistics(theirs, ours, signal, length)


def compare_statistics(theirs, ours, signal, length):
    """One span from the first sample on, within a level-1 entry: there pyjls reads samples, and is exact."""
    span = min(length, signal.blocks.sample_decimate - 1, 100)
    samples = signal.array[:span].astype("f8")
    if signal.kind.name in ("f64", "i64", "u64") or not np.isfinite(samples).all() or span < 2:
        return
    if signal.first_id * signal.kind.bits % 8 or (signal.kind.bits < 8 and span % 8):
        return
    found, wanted = (reader.fsr_statistics(signal.signal_id, 0, span, 1) for reader in (ours, theirs))
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6 * max(1, abs(samples).max()))


def compare_pairs(theirs, ours, signal):
    number = signal.signal_id
    for seek in (-(1 << 61), 0, 7):
        found, wanted = ([block.tolist() for (block,) in collected(r.utc, number, seek)] for r in (ours, theirs))
        # An index without a pair that it asks for ends its search early, where sample ids do not rise
        if seek < 0 or np.all(np.diff([i for i, _ in signal.ties]) > 0):
            assert found == wanted
    ids = np.array([i for i, _ in signal.ties], np.int64) - ours.signals[number].sample_id_offset
    if len(ids) < 2 or ids[0] < 0 or np.any(np.diff(ids) <= 0):
        return  # it drops early pairs, and fails on those before the first sample
    assert ours.time_map_length(number) == theirs.time_map_length(number)
    assert [tuple(pair) for pair in ours.time_map_get(number).tolist()] == theirs.time_map_get(number).tolist()
    compare_times(theirs, ours, number, ids, np.array([t for _, t in signal.ties], np.int64))


def compare_times(theirs, ours, number, ids, times):
    inside = np.linspace(ids[0], ids[-1], 9).astype(np.int64)
    found, wanted = (reader.sample_id_to_timestamp(number, inside) for reader in (ours, theirs))
    # It computes in float64, which has 53 bits for 59
    assert np.abs(found - wanted).max() <= 2 + abs(np.diff(times)).max() / 2**50
    if np.all(np.diff(times) > 0):
        assert ours.timestamp_to_sample_id(number, times).tolist() == ids.tolist()
        assert np.abs(ours.timestamp_to_sample_id(number, wanted) - inside).max() <= 1


@property_test
@given(time=st.integers(-(1 << 62), 1 << 62), seconds=st.floats(-1e9, 1e10))
def test_times_convert_alike(time, seconds):
    ours, theirs = compat.time64, pyjls.time64
    assert ours.as_timestamp(time) == pytest.approx(theirs.as_timestamp(time), rel=1e-15)
    assert abs(ours.as_time64(seconds) - theirs.as_time64(seconds)) <= 2**11
    assert abs((ours.as_datetime(time) - theirs.as_datetime(time)).total_seconds()) <= 2e-6
    assert compat.utc_to_jls(compat.jls_to_utc(time >> 12 << 12)) == pytest.approx(time >> 12 << 12, abs=2**11)


@property_test
@given(
    microseconds=st.integers(-(2 * 10**15), 6 * 10**15),
    seconds=st.integers(-(2**30), 2**31).map(lambda ticks: 1_514_764_800 + ticks / 4),
)
def test_times_are_exact(microseconds, seconds):
    """A microsecond, and a quarter of a second, survive the way there and back."""
    time64 = compat.time64
    moment = time64.as_datetime(0) + microseconds * (time64.as_datetime(1000) - time64.as_datetime(0))
    assert time64.as_datetime(time64.as_time64(moment)) == moment
    assert time64.as_time64(moment) == round(Fraction(microseconds * 2**30, 10**6))
    assert time64.as_timestamp(time64.as_time64(seconds)) == seconds
