"""The byte-for-byte writer against pyjls, against files of old releases, and against the format's worked example."""

import hashlib
import math
import struct

import numpy as np
import pyjls
import pytest
from hypothesis import HealthCheck, assume, given, settings

from xjls.testing.demo import write_demo
from xjls.testing.jls2 import (
    RELEASES,
    SAMPLE_TYPES,
    Annotation,
    Call,
    Definition,
    Fsr,
    Release,
    Source,
    UserData,
    Vsr,
    chunks_of,
    encode,
    encode_calls,
    encode_definition,
    flip,
    iter_calls,
    numbered_signals,
    truncate,
    truth_of,
    write,
    zero,
)
from xjls.testing.jls2.records import MAGIC, pack_samples
from xjls.testing.scenarios import SCENARIOS
from xjls.testing.sparse import write_sparse
from xjls.testing.strategies import recordings

TINY = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}


# ---- pyjls takes the same calls ----------------------------------------------------------------------------------


def replay(path, definition):
    """Return the bytes that pyjls leaves after the calls that our writer takes."""
    writer = pyjls.Writer(str(path))
    try:
        for call in iter_calls(definition):
            _PYJLS_CALLS[call.verb](writer, call)
        if not definition.closed:
            writer.flush()
            return path.read_bytes()
    finally:
        writer.close()
    return path.read_bytes()


def _source(writer, call):
    s = call.subject
    writer.source_def(s.source_id, s.name, s.vendor, s.model, s.version, s.serial_number)


def _signal(writer, call):
    writer.flush()  # samples wait in a queue, definitions do not
    s = call.subject
    if isinstance(s, Vsr):
        how = {"signal_type": 1, "annotation_decimate_factor": s.annotation_decimate}
    else:
        how = {
            "data_type": s.kind.data_type(s.q),
            "sample_rate": s.rate_hz,
            "samples_per_data": s.samples_per_data,
            "sample_decimate_factor": s.sample_decimate,
            "entries_per_summary": s.entries_per_summary,
            "summary_decimate_factor": s.summary_decimate,
            "annotation_decimate_factor": s.annotation_decimate,
            "utc_decimate_factor": s.utc_decimate,
        }
    writer.signal_def(s.signal_id, s.source, name=s.name, units=s.units, **how)
    if isinstance(s, Fsr) and s.omit != "none":
        writer.fsr_omit_data(s.signal_id, False)  # inverted in pyjls 0.17: this turns omission on


def _samples(writer, call):
    s, (start, stop) = call.subject, call.detail
    samples = s.array[start:stop].copy()
    if s.kind.bits < 8:
        samples = np.frombuffer(pack_samples(samples, s.kind), np.uint8).copy()
    writer.fsr(s.signal_id, s.first_id + start, samples)


def _annotation(writer, call):
    a = call.detail
    writer.annotation(call.subject.signal_id, a.timestamp, a.y, a.type, a.group, a.data)


_PYJLS_CALLS = {
    "source": _source,
    "signal": _signal,
    "user_data": lambda writer, call: writer.user_data(call.subject.meta, call.subject.data),
    "samples": _samples,
    "tie": lambda writer, call: writer.utc(call.subject.signal_id, *call.detail),
    "annotation": _annotation,
}


def pyjls_can_write(definition):
    """Tell whether pyjls can be given these samples: whole bytes, and only its own habits."""
    signals = [s for s in definition.signals if isinstance(s, Fsr)]
    return definition.release == Release() and all(
        len(s.array) * s.kind.bits % 8 == 0 and s.omit in ("none", "constant") for s in signals
    )


BEYOND_PYJLS = {
    "closed_tails", "exact_parameters", "lossy_omission", "nan_levels", "odd_bits", "omitted_tail", "sample_std",
    "whole_summaries", "wrong_timestamps", "every_type", "offset_ids",
}  # fmt: skip
"""Scenarios of other releases, and those that end inside a byte: pyjls takes sub-byte samples by the byte."""


def full_range(dtype, size):
    kind = SAMPLE_TYPES[dtype]
    rng = np.random.default_rng(kind.bits)
    if kind.basetype == 4:
        return rng.normal(3, 1, size)
    low, high = (-(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1)) if kind.basetype == 1 else (0, 2**kind.bits)
    return rng.integers(low, high, size, dtype=np.uint64 if low == 0 else np.int64)


def attached(first_id):
    return {
        "first_id": first_id,
        "ties": [(first_id + i * 100, i << 30) for i in range(11)],
        "annotations": [Annotation(first_id + i * 50, "text", 1, 1.5, data="x") for i in range(10)],
        "annotation_decimate": 3,
        "utc_decimate": 3,
    }


EDGES = [0, 8, 16, 56, 64, 72, 312, 320, 328, 336, 3192, 3200, 3208, 3368, 32_000, 32_008, 33_608]


@pytest.mark.parametrize("first_id", [0, 1000, -77])
@pytest.mark.parametrize("dtype", SAMPLE_TYPES)
def test_tiny_blocks_come_out_as_pyjls_writes_them(tmp_path, dtype, first_id):
    signals = [Fsr(f"{n}", full_range(dtype, n), dtype=dtype, units="V", **attached(first_id), **TINY) for n in EDGES]
    definition = Definition(signals, user_data=[UserData(0x123, "hi")])
    assert encode_definition(definition) == replay(tmp_path / "run.jls", definition)


@pytest.mark.parametrize("dtype", ["f32", "u8", "i16", "u1", "u4", "i32", "f64"])
def test_default_blocks_come_out_as_pyjls_writes_them(tmp_path, dtype):
    sizes = (120, 128, 8192, 8200, 81_912, 81_920, 81_928, 200_000)
    definition = Definition([Fsr(f"{n}", full_range(dtype, n), dtype=dtype, **attached(7)) for n in sizes])
    assert encode_definition(definition) == replay(tmp_path / "run.jls", definition)


def test_three_default_levels_come_out_as_pyjls_writes_them(tmp_path):
    definition = Definition([Fsr("sig", full_range("f32", 1_640_959))])
    assert encode_definition(definition) == replay(tmp_path / "run.jls", definition)


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_scenarios_come_out_as_pyjls_writes_them(tmp_path, make):
    scenario = make()
    assert pyjls_can_write(scenario.definition) == (scenario.name not in BEYOND_PYJLS)
    if scenario.name not in BEYOND_PYJLS:
        assert scenario.data == replay(tmp_path / "run.jls", scenario.definition)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(drawn=recordings(closed=None, max_samples=3000))
def test_drawn_recordings_come_out_as_pyjls_writes_them(tmp_path_factory, drawn):
    definition, _ = drawn
    assume(pyjls_can_write(definition))
    assert encode_definition(definition) == replay(tmp_path_factory.mktemp("drawn") / "run.jls", definition)


# ---- files of old releases, by the SHA-256 of what those libraries wrote ------------------------------------------

RAMP = {"units": "A", "rate_hz": 1000, "samples_per_data": 160, "sample_decimate": 16, "entries_per_summary": 10}
OLD_SOURCE = Source("n", "v", "m", "1", "sn", source_id=1)


def ramp_file(release, first_id):
    signal = Fsr("sig", np.arange(60_000), first_id=first_id, summary_decimate=10, **RAMP)
    return encode([OLD_SOURCE], [signal], release=RELEASES[release])


def two_signal_file(release, *, first_id=0, omit="none", signals=2):
    how = {"units": "A", "rate_hz": 1000, "first_id": first_id, "omit": omit}
    blocks = {"samples_per_data": 1024, "sample_decimate": 128, "entries_per_summary": 640, "summary_decimate": 20}
    ramp = Fsr("sig", np.arange(200_000), signal_id=1, **blocks, **how)
    fives = Fsr("u8", np.full(200_000, 5), dtype="u8", signal_id=2, **how)
    calls = [Call("source", OLD_SOURCE)]
    for signal in (ramp, fives)[:signals]:
        calls += [Call("signal", signal), Call("samples", signal, (0, 200_000))]
    calls += [Call("tie", ramp, (first_id + i * 500, i << 29)) for i in range(250)]
    calls += [Call("annotation", ramp, Annotation(first_id + 5, "text", 3, 1.5, data="hi"))]
    calls += [Call("user_data", UserData(0x12, "hello"))]
    return encode_calls(calls, RELEASES[release])


def lossy_file():
    wave = np.array([math.sin(0.01 * k) for k in range(13_000)]).astype(np.float32)
    how = {"units": "A", "samples_per_data": 1280, "sample_decimate": 128, "entries_per_summary": 640, "omit": "lossy"}
    scales = {"f32": 1, "f64": 1, "i16": 100, "i32": 1000}
    signals = [Fsr("sig", wave * scale, dtype=dtype, summary_decimate=20, **how) for dtype, scale in scales.items()]
    return encode([OLD_SOURCE], signals, interleave="signal")


OLD_FILES = {
    "2f8e28a25852c812c29d471b899832687aa031acb0e325f4930d3130eaaa51fe": ("0.6.3", lambda: ramp_file("0.6.3", 0)),
    "580ce3f915fbebc9c86bd725da872a93d7edf8efad5a085a596a8955c7d42908": ("0.7.3", lambda: ramp_file("0.7.3", 5000)),
    "3e76f9b816a032af6dc858b1fecb8d8f2e6986fe7dd90838273647430a71f757": (
        "0.3.4",
        lambda: two_signal_file("0.3.4", signals=1),
    ),
    "cba8a6c2cd5c5cf2065f28a65cbe73f2e45380418b5de161859c3ddc9dabdb9c": ("0.5.3", lambda: two_signal_file("0.5.3")),
    "3b3e11ef43a321b95ec5ac5dba6b2354d56a5dcda0933648eaf5fbccdd526ea2": ("0.6.1", lambda: two_signal_file("0.6.1")),
    "6d82ffae787b42774f8b9ee35d2a0b99615eed1e00c065a5b3d4efb16b6a45e4": (
        "0.8.2",
        lambda: two_signal_file("0.17", first_id=1000, omit="all-constant"),
    ),
    "5689d896f6ee8edbfbb27da27a0f9ec896628f7e75524cc28b04333d860930ec": ("0.9.7", lossy_file),
    "e5c9c57703acf815512537ad16bf0db8408f74ea118cc4148cb4e50a522d175b": ("0.13.2", lambda: two_signal_file("0.17")),
}
"""Digest of a file, the release that wrote it, and how we write it."""


@pytest.mark.parametrize("digest", OLD_FILES, ids=lambda digest: OLD_FILES[digest][0])
def test_old_releases_are_imitated_to_the_byte(digest):
    _, make = OLD_FILES[digest]
    assert hashlib.sha256(make()).hexdigest() == digest


# ---- the worked dump of the format --------------------------------------------------------------------------------

DUMP = {
    0x00: "6a6c73666d740d0a200a201a2020b21c d008000000000000 00000001 8a6c017b",
    0x20: "a006000000000000 0000000000000000 40000000 00000000 00000000 1025dd76",
    0x330: "01000100 51000000 80000000 9feb c765",
    0x340: "00" * 64 + "737263001f 76001f 6d001f 31001f 6e001f 000000 9d0db214",
    0x398: "4804000000000000 7802000000000000 02000100 88000000 51000000 a25e1f74",
    0x3B8: "01000000 03080000 e8030000 00800000 00040000 80020000 14000000 64000000 64000000" + "00" * 92,
    0x438: "736967001f 56001f 00000000 2b0e66a4",
    0x468: "1005000000000000 4804000000000000 21000100 80000000 88000000 06439634",
    0x488: "5007000000000000" + "00" * 120 + "00000000 4e14faf7",
    0x530: "d805000000000000 1005000000000000 31000100",
    0x550: "0807000000000000 9007000000000000 0000000000000000",
    0x618: "c806000000000000 2008000000000000 0000000000000000",
    0x6A0: "0000000000000000 2000000000000000 40002321 03000000",
    0x6C0: "686900 00 bb98 3e70",
    0x6D8: "3a000100 18000000",
    0x6E8: "0700000000000000 01000000 4000 0000 0000004000000000 00000000 4b3dda0c",
    0x718: "32000100 1f000000",
    0x728: "0800000000000000 0100000000000000 01020200 0000c03f 02000000 41001f 0000000000 a6d5fab4",
    0x750: "00" * 16 + "22000100 15000000 1f000000 65385886",
    0x770: "0700000000000000 05000000 0800 0000 0a141e2832 00000000000000 d7c2822b",
    0x7A0: "33000110",
    0x7C0: "0800000000000000 0807000000000000",
    0x808: "0800000000000000 01020000 0000c03f",
    0x850: "0700000000000000 c806000000000000",
    0x898: "0700000000000000 0000004000000000",
    0x8B0: "00" * 16 + "ff000000 00000000 20000000 e2e048be",
}
"""Offset and bytes of what section 19 shows."""


def dumped():
    signal = Fsr(
        "sig",
        [10, 20, 30, 40, 50],
        dtype="u8",
        units="V",
        first_id=7,
        ties=[(7, 1 << 30)],
        annotations=[Annotation(8, "text", 2, 1.5, data="A")],
    )
    return Definition([signal], [Source("src", "v", "m", "1", "n")], [UserData(0x123, "hi")])


def test_the_worked_dump_comes_out_byte_for_byte(tmp_path):
    data = encode_definition(dumped())
    assert len(data) == 2256
    for offset, shown in DUMP.items():
        expected = bytes.fromhex(shown.replace(" ", ""))
        assert data[offset : offset + len(expected)].hex(" ") == expected.hex(" "), hex(offset)
    assert data == replay(tmp_path / "run.jls", dumped())


# ---- what pyjls reads back ----------------------------------------------------------------------------------------


def test_pyjls_reads_back_everything(tmp_path):
    notes = [Annotation(3, "vmarker", 7, None, data="1a"), Annotation(9, "user", 0, -2.5, data=b"\x00\xff"),
             Annotation(12, "text", 255, 0.5, data={"a": [1, None]})]  # fmt: skip
    ties = [(1000, 5 << 30), (3000, 7 << 30)]
    user_data = [UserData(1, "text"), UserData(2, {"b": 2}), UserData(3, b"\x01")]
    samples = full_range("i16", 3000)
    signal = Fsr("current", samples, dtype="i16", first_id=1000, ties=ties, annotations=notes, **TINY)
    path = write(tmp_path / "run.jls", [Source("js220", serial_number="7")], [signal], user_data)
    found_notes, found_data = [], []
    with pyjls.Reader(str(path)) as reader:
        assert np.array_equal(reader.fsr(1, 0, 3000), samples)
        reader.annotations(1, -(2**60), lambda *note: found_notes.append(note) and None)
        reader.user_data(lambda *kept: found_data.append(kept) and None)
        assert reader.sample_id_to_timestamp(1, 1000) == 6 << 30
        assert reader.sources[1].serial_number == "7"
    assert found_data == [(1, "text"), (2, {"b": 2}), (3, b"\x01")]
    assert found_notes == [
        (-997, None, 2, 7, "1a"),
        (-991, -2.5, 0, 0, b"\x00\xff"),
        (-988, 0.5, 1, 255, {"a": [1, None]}),
    ]


def test_whole_summaries_give_pyjls_right_statistics(tmp_path):
    samples = np.arange(-3000, 3000)
    write(
        tmp_path / "run.jls",
        [Source()],
        [Fsr("i32", samples, dtype="i32", **TINY)],
        release=Release(half_summaries=False),
    )
    with pyjls.Reader(str(tmp_path / "run.jls")) as reader:
        mean, _, low, high = reader.fsr_statistics(1, 0, 6000, 1)[0]
    assert (round(mean, 9), low, high) == (-0.5, -3000, 2999)


def test_half_summaries_store_half_the_entries():
    data = encode([Source()], [Fsr("f64", range(1600), dtype="f64", **TINY)])
    summary = next(chunk for chunk in chunks_of(data) if chunk.tag == 0x24)
    _, count, bits, _ = struct.unpack_from("<qIHH", data, summary.payload.start)
    assert (count, bits, summary.payload.stop - summary.payload.start) == (20, 256, 16 + 20 * 16)


@pytest.mark.parametrize(("orphans", "length"), [(True, 32_000), (False, 32_003)])
def test_pyjls_loses_orphan_tails_only(tmp_path, orphans, length):
    release = Release(orphan_tails=orphans)
    write(tmp_path / "run.jls", [Source()], [Fsr("current", range(32_003), **TINY)], release=release)
    with pyjls.Reader(str(tmp_path / "run.jls")) as reader:
        assert reader.signals[1].length == length
        assert np.array_equal(reader.fsr(1, 0, length), np.arange(length))


def test_entries_are_mean_std_min_max_of_the_samples():
    samples = full_range("f32", 3200).astype(np.float32)
    data = encode([Source()], [Fsr("current", samples, **TINY)])
    for level, step in ((1, 16), (2, 160), (3, 1600)):
        chunks = [c for c in chunks_of(data) if c.tag == 0x24 and c.level == level]
        entries = np.concatenate([np.frombuffer(data[c.payload][16:], "<f4").reshape(-1, 4) for c in chunks])
        windows = samples.astype(np.float64).reshape(-1, step)
        truth = np.stack([windows.mean(1), windows.std(1), windows.min(1), windows.max(1)], axis=1)
        np.testing.assert_allclose(entries, truth, rtol=1e-6)


def test_signals_take_turns_as_time_passes():
    signals = [Fsr("slow", range(640), rate_hz=1000, **TINY), Fsr("fast", range(1280), rate_hz=2000, **TINY)]
    data = [c.signal_id for c in chunks_of(encode([Source()], signals)) if c.tag == 0x22]
    assert data[:9] == [2, 1, 2, 2, 1, 2, 2, 1, 2]
    data = [c.signal_id for c in chunks_of(encode([Source()], signals, interleave="signal")) if c.tag == 0x22]
    assert data == [1] * 10 + [2] * 20


def test_a_late_signal_is_defined_between_data():
    signals = [Fsr("early", range(640), **TINY), Fsr("late", range(640), define="late", **TINY)]
    tags = [(c.tag, c.meta) for c in chunks_of(encode([Source()], signals))]
    assert tags.index((0x22, 1)) < tags.index((0x02, 2)) < tags.index((0x22, 2))


# ---- scenarios, damage, truth --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_every_list_of_a_scenario_is_linked_both_ways(make):
    scenario = make()
    chunks = {chunk.offset: chunk for chunk in chunks_of(scenario.data)}
    assert chunks[max(chunks)].stop == len(scenario.data)
    assert (chunks[max(chunks)].tag == 0xFF) == scenario.definition.closed
    for chunk in chunks.values():
        assert not chunk.item_next or chunks[chunk.item_next].item_prev == chunk.offset
        assert not chunk.item_prev or chunks[chunk.item_prev].item_next == chunk.offset


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_the_truth_of_a_scenario_is_in_its_data_chunks(make):
    scenario = make()
    check_truth(scenario.data, scenario.definition, scenario.truth)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=recordings(closed=None, omit=True, releases=["0.17", "0.7.3", "0.6.1", "0.5.3"]))
def test_the_truth_of_drawn_recordings_is_in_their_data_chunks(drawn):
    definition, truth = drawn
    data = encode_definition(definition)
    assert chunks_of(data)[-1].stop == len(data)
    check_truth(data, definition, truth)


def check_truth(data, definition, expected):
    """Compare every stored data chunk with the truth; what is not stored must be omitted or lost."""
    chunks = chunks_of(data)
    for truth in expected.signals.values():
        if truth.samples is None:
            continue
        signal = next(s for s in definition.signals if s.name == truth.name)
        stored = 0
        for chunk in chunks:
            if chunk.tag != 0x22 or chunk.signal_id != truth.signal_id:
                continue
            first, count, bits, _ = struct.unpack_from("<qIHH", data, chunk.payload.start)
            start = first - truth.first_id
            assert bits == signal.kind.bits
            assert data[chunk.payload][16:] == pack_samples(truth.samples[start : start + count], signal.kind)
            assert not any(low < start + count and start < high for low, high in truth.lost)
            stored += count
        lost = sum(stop - start for start, stop in truth.lost)
        assert stored + lost <= len(truth.samples)
        assert signal.omit != "none" or (stored, lost) == (len(truth.samples), 0)


def test_omission_leaves_out_what_its_release_does():
    constant = Fsr("a", np.full(5000, 3), dtype="u8", omit="constant", **TINY)
    stored = [c for c in chunks_of(encode([Source()], [constant])) if c.tag == 0x22]
    assert len(stored) == 2  # the first, and the partial one at close
    signal = Fsr("a", np.arange(5000) % 100, dtype="i16", omit="lossy", **TINY)
    found = truth_of(Definition([signal])).signals["a"]
    assert found.lost == ((64, 4992),)
    assert len(found.samples) == 4992


def test_pyjls_fills_omitted_chunks_as_the_truth_says(tmp_path):
    samples = np.repeat([0, 7, 3], 2000)
    for omit, length in (("constant", 6000), ("all-constant", 5984)):
        signal = Fsr("a", samples, dtype="u8", omit=omit, **TINY)
        write(tmp_path / "run.jls", [Source()], [signal])
        assert len(truth_of(Definition([signal])).signals["a"].samples) == length
        with pyjls.Reader(str(tmp_path / "run.jls")) as reader:
            assert reader.signals[1].length == length
            assert np.array_equal(reader.fsr(1, 0, length), samples[:length])


def test_unclosed_recordings_count_whole_data_chunks():
    definition = Definition([Fsr("a", range(1000), first_id=5, **TINY)], closed=False)
    data = encode_definition(definition)
    assert data[16:24] == bytes(8)
    assert chunks_of(data)[-1].stop == len(data)
    assert 0xFF not in {chunk.tag for chunk in chunks_of(data)}
    assert len(truth_of(definition).signals["a"].samples) == 960


def test_omitted_chunks_after_the_last_index_of_a_dead_writer_are_lost():
    scenario = next(make for make in SCENARIOS if make.__name__ == "unclosed_omission")()
    assert scenario.lost == {"current": ((6400, 6912),)}
    assert len(scenario.signals["current"]) == 6976


def test_damage_is_aimed_by_chunks():
    data = encode_definition(dumped())
    chunk = next(c for c in chunks_of(data) if c.tag == 0x22)
    assert chunks_of(flip(data, chunk.payload.start))[-1].stop == chunk.offset
    assert chunks_of(zero(data, chunk.offset, chunk.offset + 32))[-1].stop == chunk.offset
    assert chunks_of(truncate(data, chunk.stop - 1))[-1].stop == chunk.offset
    assert chunks_of(truncate(data, chunk.stop))[-1] == chunk
    assert len(zero(data, len(data) - 2, len(data) + 9)) == len(data)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Fsr("a", [1], dtype="f16"), "no sample type 'f16'"),
        (lambda: Fsr("a", [16], dtype="u4"), r"u4 samples lie in 0\.\.15"),
        (lambda: Fsr("a", [[1.0]]), "one-dimensional"),
        (lambda: Fsr("a", [1.0], q=3), "q scales integers"),
        (lambda: Fsr("a", utc_decimate=1), "index without end"),
        (lambda: encode([Source()], [Fsr("a")], release=RELEASES["0.3.4"]), "give all four"),
        (lambda: Vsr("a", annotation_decimate=1), "index without end"),
        (lambda: Vsr("a", signal_id=256), "0 to 255"),
        (lambda: UserData(4096), "12 bits"),
        (lambda: write_sparse("x.jls", 0), "at least one sample"),
        (lambda: write_sparse("x.jls", 10, data_at=[10]), r"0\.\.9"),
        (lambda: write_demo("x.jls", seconds=0), "at least one sample"),
    ],
)
def test_definitions_that_no_library_writes_are_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_ids_are_given_where_they_are_missing():
    signals = numbered_signals([Vsr("a", signal_id=1), Fsr("b"), Fsr("c", signal_id=3), Fsr("d")])
    assert [signal.signal_id for signal in signals] == [1, 2, 3, 4]


# ---- sparse and demo -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 127, 8192, 8193, 81_920, 81_970, 1_638_400, 1_640_959, 1_720_321])
def test_a_sparse_recording_without_holes_is_the_dense_one(tmp_path, size):
    truth = write_sparse(tmp_path / "run.jls", size, data_at=range(0, size, 8192))
    sparse = (tmp_path / "run.jls").read_bytes()
    signal = Fsr("current", truth.values(0, size), rate_hz=2_000_000, units="A", signal_id=1)
    full = size - size % 8192
    calls = [Call("source", Source("js220", "Joulescope", "JS220", source_id=1)), Call("signal", signal)]
    calls += [Call("tie", signal, truth.ties[0]), Call("samples", signal, (0, full))]
    calls += [Call("tie", signal, truth.ties[1]), Call("samples", signal, (full, size))]
    dense = encode_calls(calls, Release(orphan_tails=False))
    assert chunks_of(sparse) == chunks_of(dense)
    assert len(sparse) == len(dense) == chunks_of(sparse)[-1].stop
    assert all(sparse[chunk.payload] == dense[chunk.payload] for chunk in chunks_of(dense))


def test_an_enormous_recording_takes_little_room_and_opens(tmp_path):
    size = 10**11
    truth = write_sparse(tmp_path / "run.jls", data_at=[12_345_678_901, 5 * 10**10])
    assert truth.path.stat().st_size > 4 * size
    assert truth.path.stat().st_blocks * 512 < 4_000_000
    with pyjls.Reader(str(truth.path)) as reader:
        assert reader.signals[1].length == size
        assert len(truth.windows) == 4
        for start, stop in truth.windows:
            assert np.array_equal(reader.fsr(1, start, stop - start), truth.values(start, stop))
        mean, _, low, high = reader.fsr_statistics(1, 0, size, 1)[0]
    assert (low, high) == (0, np.float32(0.999))
    assert mean == pytest.approx(0.4995, rel=1e-6)


def test_entries_of_an_enormous_recording_follow_from_its_samples(tmp_path):
    truth = write_sparse(tmp_path / "run.jls", 10**9)
    samples = truth.values(2560 * 7, 2560 * 9).astype(np.float64).reshape(2, 2560)
    assert truth.blocks.step(2) == 2560
    np.testing.assert_allclose(truth.entries(2, 7, 9)[:, 0], samples.mean(1), rtol=1e-6)
    np.testing.assert_allclose(truth.entries(2, 7, 9)[:, 1], samples.std(1), rtol=1e-6)


def test_the_demo_is_the_same_for_a_seed_and_reads_like_a_recording(tmp_path):
    first, second = (write_demo(tmp_path / f"{i}.jls", seconds=2.2).read_bytes() for i in range(2))
    assert first == second
    assert write_demo(tmp_path / "other.jls", seconds=2.2, seed=1).read_bytes() != first
    notes = []
    with pyjls.Reader(str(tmp_path / "0.jls")) as reader:
        signals = {s.name: (s.units, s.length) for s in reader.signals.values() if s.signal_id}
        current, voltage, power = (reader.fsr(i, 0, 1_100_000) for i in (1, 2, 3))
        reader.annotations(1, 0, lambda *note: notes.append(note[-1]) and None)
        assert len(reader.time_map_get(1)) == 4
    units = {"current": "A", "voltage": "V", "power": "W", "current_range": "", "gpi[0]": ""}
    assert signals == {name: (unit, 1_100_000) for name, unit in units.items()}
    assert np.array_equal(power, current * voltage)
    assert {"1", "1a", "1b", "transmit 1"} <= set(notes)
    assert first.startswith(MAGIC)
