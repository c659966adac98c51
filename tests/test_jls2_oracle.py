"""Random recordings against pyjls and NumPy: what either writer writes is read as it was meant.

pyjls is an oracle with faults of its own. They are listed in ``FAULTS`` and kept out by name; what it gets right is
compared number by number. ``python -m tests.campaigns.oracle`` runs the same laws for as long as one likes.
"""

import contextlib
import math
import os
import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyjls
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import xjls
from xjls.testing.jls2 import (
    RELEASES,
    Annotation,
    Definition,
    Fsr,
    Release,
    Vsr,
    encode_definition,
    iter_calls,
    truth_of,
)
from xjls.testing.jls2.records import pack_samples
from xjls.testing.laws import Expected, check, equal_values, jls_time_ns
from xjls.testing.strategies import fsr_signals, recordings

EXAMPLES = os.environ.get("XJLS_EXAMPLES")
"""How many a test draws: 40, always the same, or that many new ones."""
FAULTS = {
    "pyjls takes sub-byte samples by the byte": "is_writable",
    "it writes with the habits of 0.17 only": "is_writable",
    "it shifts sub-byte samples when the first id is inside a byte, and then corrupts the heap": "reads_samples",
    "it never returns from omitted i4 and i8, nor from an omitted chunk that is not full": "reads_samples",
    "it loses the tail after whole blocks": "compare_samples",
    "it reads no signal without samples": "compare_samples",
    "it fails on sub-byte windows that start or end inside a byte": "compare_samples",
    "it reads garbage for half of 64-bit summaries": "test_level_entries_are_those_that_pyjls_knows",
    "it recombines a population's deviations as a sample's": "test_level_entries_are_those_that_pyjls_knows",
    "it weighs NaN by whim": "test_level_entries_are_those_that_pyjls_knows",
    "it converts times through floats, and without ties from 2018": "test_times_are_those_that_pyjls_computes",
    "it extrapolates the end segments whatever their rate": "test_times_are_those_that_pyjls_computes",
}
"""What pyjls 0.17 gets wrong, and where that is kept out of the comparison."""

property_test = settings(
    max_examples=int(EXAMPLES or 40), derandomize=EXAMPLES is None, database=None, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@contextlib.contextmanager
def written(definition, *, by):
    """Give the path of a recording that pyjls, or our byte writer, wrote."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jls")
        if by == "pyjls":
            replay(path, definition)
        else:
            path.write_bytes(encode_definition(definition))
        yield path


def replay(path, definition):
    """Let pyjls make the calls that our writer takes."""
    writer = pyjls.Writer(str(path))
    try:
        for call in iter_calls(definition):
            CALLS[call.verb](writer, call)
    finally:
        writer.close()


def define_signal(writer, call):
    writer.flush()  # samples wait in a queue, definitions do not
    s = call.subject
    if isinstance(s, Vsr):
        how = {"signal_type": 1, "annotation_decimate_factor": s.annotation_decimate}
    else:
        how = {
            "data_type": s.kind.data_type(s.q), "sample_rate": s.rate_hz, "samples_per_data": s.samples_per_data,
            "sample_decimate_factor": s.sample_decimate, "entries_per_summary": s.entries_per_summary,
            "summary_decimate_factor": s.summary_decimate, "annotation_decimate_factor": s.annotation_decimate,
            "utc_decimate_factor": s.utc_decimate,
        }  # fmt: skip
    writer.signal_def(s.signal_id, s.source, name=s.name, units=s.units, **how)
    if isinstance(s, Fsr) and s.omit != "none":
        writer.fsr_omit_data(s.signal_id, False)  # inverted in pyjls 0.17: this turns omission on


def define_source(writer, call):
    s = call.subject
    writer.source_def(s.source_id, s.name, s.vendor, s.model, s.version, s.serial_number)


def write_samples(writer, call):
    s, (start, stop) = call.subject, call.detail
    samples = s.array[start:stop].copy()
    if s.kind.bits < 8:
        samples = np.frombuffer(pack_samples(samples, s.kind), np.uint8).copy()
    writer.fsr(s.signal_id, s.first_id + start, samples)


def write_annotation(writer, call):
    note = call.detail
    writer.annotation(call.subject.signal_id, note.timestamp, note.y, note.type, note.group, note.data)


CALLS = {
    "source": define_source,
    "signal": define_signal,
    "user_data": lambda writer, call: writer.user_data(call.subject.meta, call.subject.data),
    "samples": write_samples,
    "tie": lambda writer, call: writer.utc(call.subject.signal_id, *call.detail),
    "annotation": write_annotation,
}


def is_writable(definition):
    signals = [s for s in definition.signals if isinstance(s, Fsr)]
    return definition.release == Release() and definition.closed and all(
        s.array.size * s.kind.bits % 8 == 0 and s.omit in ("none", "constant") for s in signals
    )  # fmt: skip


# ---- whoever wrote it: the laws ------------------------------------------------------------------------------------


@property_test
@given(drawn=recordings())
def test_what_pyjls_writes_is_read(drawn):
    definition, truth = drawn
    assume(is_writable(definition))
    with written(definition, by="pyjls") as path:
        check(xjls.open_recording(path), Expected.of(truth))


@property_test
@given(
    drawn=recordings(closed=None, omit=True, releases=[name for name in RELEASES if name != "0.3.4"]),
    on_damage=st.sampled_from(["raise", "gap"]),
)
def test_what_any_release_writes_is_read(drawn, on_damage):
    definition, truth = drawn
    with written(definition, by="us") as path:
        check(xjls.open_recording(path, on_damage=on_damage), Expected.of(truth))


@property_test
@given(
    size=st.integers(0, 3000),
    per_data=st.integers(10, 200),
    decimate=st.integers(2, 30),
    entries=st.integers(2, 40),
    step=st.integers(2, 12),
    closed=st.booleans(),
)
def test_blocks_of_any_size_are_read(size, per_data, decimate, entries, step, closed):
    """Releases before 0.4 took block parameters as they were: nothing divides anything."""
    assume(per_data >= decimate)
    blocks = {
        "samples_per_data": per_data, "sample_decimate": decimate, "entries_per_summary": entries,
        "summary_decimate": step,
    }  # fmt: skip
    samples = np.random.default_rng(size).normal(3, 1, size)
    definition = Definition([Fsr("current", samples, **blocks)], release=RELEASES["0.3.4"], closed=closed)
    with written(definition, by="us") as path:
        check(xjls.open_recording(path), Expected.of(truth_of(definition)))


@pytest.mark.parametrize("dtype", ["f32", "u8", "i32", "f64"])
@pytest.mark.parametrize("telling", [slice(0, 100), slice(1500, 1600), slice(4900, 5000), slice(2000, 3000)], ids=str)
def test_std_habits_are_found_anywhere(tmp_path, dtype, telling):
    """Releases 0.4.0 to 0.6.0 wrote n - 1: wherever the samples that show it stand, and constant everywhere else."""
    samples = np.full(5000, 7)
    samples[telling] += np.arange(5000)[telling] % 5
    blocks = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
    definition = Definition([Fsr("s", samples, dtype=dtype, **blocks)], release=RELEASES["0.5.3"])
    with written(definition, by="us") as path:
        check(xjls.open_recording(path), Expected.of(truth_of(definition)))


# ---- against pyjls.Reader ------------------------------------------------------------------------------------------


def reads_samples(signal):
    """Tell whether pyjls reads a signal's samples right, and comes back."""
    if signal.kind.bits < 8 and signal.first_id * signal.kind.bits % 8:
        return False
    return signal.omit == "none" or (signal.omit == "constant" and signal.dtype in ("u1", "u4", "u8"))


@property_test
@given(drawn=recordings(omit=True), seed=st.integers(0, 2**32 - 1))
def test_samples_are_those_that_pyjls_reads(drawn, seed):
    definition, truth = drawn
    rng = np.random.default_rng(seed)
    with (
        written(definition, by="us") as path,
        xjls.open_recording(path) as recording,
        pyjls.Reader(str(path)) as reader,
    ):
        for signal in definition.signals:
            if isinstance(signal, Fsr) and reads_samples(signal):
                compare_samples(recording, reader, signal, truth.signals[signal.name], rng)


def compare_samples(recording, reader, signal, truth, rng):
    length = reader.signals[truth.signal_id].length
    assert length <= recording.signals[signal.name].length
    if not length:
        return
    assert reader.signals[truth.signal_id].sample_id_offset == recording.signals[signal.name].first_id
    windows = [(0, length - length % max(1, 8 // signal.kind.bits))]
    if signal.kind.bits >= 8:
        windows += [tuple(sorted(rng.integers(0, length + 1, 2).tolist())) for _ in range(10)]
    for start, stop in windows:
        if start == stop:
            continue
        packed = reader.fsr(truth.signal_id, start, stop - start)
        first = truth.first_id
        ours = recording.read(signal.name, (first + start, first + stop))
        assert equal_values(ours, unpacked_samples(packed, signal, stop - start))


def unpacked_samples(packed, signal, count):
    if signal.kind.bits == 1:
        return np.unpackbits(packed, count=count, bitorder="little").astype(bool)
    if signal.kind.bits == 4:
        nibbles = np.stack([packed & 15, packed >> 4], axis=1).ravel()[:count]
        return ((nibbles ^ 8).astype(np.int8) - np.int8(8)) if signal.dtype == "i4" else nibbles
    return packed


@property_test
@given(signal=fsr_signals(max_samples=4000), data=st.data())
def test_level_entries_are_those_that_pyjls_knows(signal, data):
    """Mean, minimum and maximum of windows whose borders are those of entries, of the types that it reads right."""
    assume(signal.kind.entry_dtype == np.float32 and signal.kind.bits >= 8)
    assume(np.isfinite(signal.array.astype(float)).all())
    factor = signal.blocks.sample_decimate
    assume(signal.array.size >= factor)
    with (
        written(Definition([signal]), by="us") as path,
        xjls.open_recording(path) as recording,
        pyjls.Reader(str(path)) as reader,
    ):
        for level in recording.signals[signal.name].levels:
            length = min(level.length, reader.signals[1].length // level.factor)
            if not length:
                continue
            start = data.draw(st.integers(0, length - 1))
            theirs = reader.fsr_statistics(1, start * level.factor, level.factor, 1)[0]
            (ours,) = recording.read_level(signal.name, level.index, (start, start + 1))
            np.testing.assert_allclose(ours[[0, 2, 3]], theirs[[0, 2, 3]], rtol=1e-5, atol=1e-5 * abs(theirs[2:]).max())


@st.composite
def clocked_signals(draw):
    """Draw a signal whose computer's clock runs a little apart from the instrument's, with a tie now and then."""
    rate = draw(st.sampled_from([1000, 44_100, 999_983, 2_000_000]))
    first = draw(st.sampled_from([0, 1, -500, 10**9 + 7]))
    start = draw(st.integers(0, 2**58))
    ids = sorted(set(draw(st.lists(st.integers(first, first + 3600 * rate), min_size=2, max_size=20))))
    ties, elapsed = [], Fraction(0)
    for before, after in zip([first, *ids], ids, strict=False):
        drift = Fraction(draw(st.integers(-500, 500)), 1_000_000)
        elapsed += Fraction(after - before, rate) * (1 + drift)
        ties.append((after, start + round(elapsed * 2**30)))
    assume(len(ties) > 1)
    return Fsr("current", np.zeros(100), rate_hz=rate, first_id=first, ties=ties)


@property_test
@given(signal=clocked_signals(), fraction=st.lists(st.floats(0, 1), min_size=20, max_size=20))
def test_times_are_those_that_pyjls_computes(signal, fraction):
    """Between the first and the last tie, to a tick of 2⁻³⁰ s and what a float leaves of an hour."""
    (first, _), (last, _) = signal.ties[0], signal.ties[-1]
    ids = [first + math.floor(f * (last - first)) for f in fraction]
    with (
        written(Definition([signal]), by="us") as path,
        xjls.open_recording(path) as recording,
        pyjls.Reader(str(path)) as reader,
    ):
        clock = recording.clock("current")
        for sample_id in ids:
            theirs = reader.sample_id_to_timestamp(1, sample_id - signal.first_id)
            tick = max(abs(jls_time_ns(theirs + off) - jls_time_ns(theirs)) for off in (-1, 1))
            assert abs(clock.time(sample_id) - jls_time_ns(theirs)) <= tick + 1
            assert exact_ns(signal.ties, sample_id) - clock.time(sample_id) == pytest.approx(0, abs=1.5)


def exact_ns(ties, sample_id):
    """Interpolate between ties in rational numbers."""
    for (a, ta), (b, tb) in pairwise(ties):
        if a <= sample_id <= b:
            ticks = ta + Fraction((tb - ta) * (sample_id - a), b - a)
            return ticks * 10**9 / 2**30 + 1_514_764_800 * 10**9
    raise AssertionError(f"{sample_id} is outside the ties")


@property_test
@given(drawn=recordings(max_samples=300))
def test_annotations_and_user_data_are_those_that_pyjls_reads(drawn):
    definition, truth = drawn
    kept, theirs = [], []
    with (
        written(definition, by="us") as path,
        xjls.open_recording(path) as recording,
        pyjls.Reader(str(path)) as reader,
    ):
        reader.user_data(lambda meta, data: kept.append((meta, data)) and None)
        for found in sorted(truth.signals.values(), key=lambda s: s.signal_id):
            offset = reader.signals[found.signal_id].sample_id_offset if found.samples is not None else 0
            notes = []
            reader.annotations(found.signal_id, -(2**61), lambda *note, into=notes: into.append(note) and None)
            theirs += [(found.name, time + offset, *rest) for time, *rest in notes]
        ours = [
            (note.signal, placed(note, truth), note.y, KINDS[note.kind], note.group, note.data)
            for note in recording.annotations
        ]
        assert ours == theirs
        assert [(record.meta, record.data) for record in recording.user_data] == kept
        sources = {
            s.source_id: (s.name, s.vendor, s.model, s.version, s.serial_number) for s in reader.sources.values()
        }
        for source in recording.sources:
            assert (source.name, source.vendor, source.model, source.version, source.serial_number) == sources[
                source.id
            ]


KINDS = {"user": 0, "text": 1, "vertical_marker": 2, "horizontal_marker": 3}


def placed(note, truth):
    """Return an annotation's place as the file has it: a sample id, or the JLS time that it was made of."""
    if note.sample_id is not None:
        return note.sample_id
    times = {jls_time_ns(a.timestamp): a.timestamp for a in truth.signals[note.signal].annotations}
    return times[note.time_ns]


def test_the_tail_that_pyjls_loses_is_read(tmp_path):
    samples = np.arange(81_970, dtype="f4")
    path = tmp_path / "run.jls"
    replay(path, Definition([Fsr("current", samples, annotations=[Annotation(3, data="x")])]))
    with pyjls.Reader(str(path)) as reader, xjls.open_recording(path) as recording:
        assert reader.signals[1].length == 81_920
        assert equal_values(recording.read("current"), samples)


def test_every_fault_names_a_place_that_keeps_it_out():
    assert set(FAULTS.values()) <= set(globals())
