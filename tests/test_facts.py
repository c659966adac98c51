"""What a signal says beside its name, units and type comes back from every format, and others see what they can."""

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyjls
import pytest
import xarray as xr

import xjls
from xjls.errors import CorruptError, SelectionError
from xjls.formats.jls2.signal_record import SIGNAL_META, decode_signal_record
from xjls.formats.jls2.wire import SignalDef, SourceDef
from xjls.formats.jls2.writer import Jls2Writer
from xjls.model.facts import decode_facts, encode_facts, with_facts
from xjls.model.window import Gap, Window

SCOPE = xjls.Source(id=1, name="scope")
PLAIN = xjls.Signal(
    id=1, name="a", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(10**6), source=SCOPE, stored_type="i16"
)
SCALE, OFFSET, LOST = 2 / 32767, -0.7, -32768
TOLD = {"probe": "×10", "n": 3, "x": 1.0, "on": True, "none": None, "list": [1, 2.5, "a"], "deep": {"a": [{}]}}
SCALED = replace(
    PLAIN, scale_factor=SCALE, add_offset=OFFSET, missing_value=LOST, origin_id=-5, bound=("a", "min"), facts=TOLD
)
DEFINITION = SignalDef(1, 1, 0, 0x1001, 10**6, 0, 0, 0, 0, 0, 0, "a", "V")
"""Of `PLAIN`, in JLS."""
COUNTS = (np.arange(6000) % 1000 - 500).astype("i2")
FORMATS = ("zarr", "jls")
FACTS = ("scale_factor", "add_offset", "missing_value", "origin_id", "bound", "facts")


def write(path, *signals, samples=COUNTS, gap=None):
    """Write signals, which all have the same samples, and return the path."""
    with xjls.new_recording(path) as sink:
        sink.add_source(SCOPE)
        for signal in signals:
            sink.add_signal(signal)
        for signal in signals:
            sink.write(signal.name, 100, samples)
            if gap is not None:
                sink.skip(signal.name, gap)
    return str(path)


def facts_in(path, name="a"):
    """Return a signal's facts as they are read."""
    with xjls.open_recording(path) as recording:
        signal = recording.signal(name)
        return {fact: getattr(signal, fact) for fact in FACTS}


def facts_of(signal):
    return {fact: getattr(signal, fact) for fact in FACTS}


# ---- the document --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", [{}, *({fact: getattr(SCALED, fact)} for fact in FACTS)], ids=str)
def test_a_document_has_what_is_not_the_default(changed):
    signal = replace(PLAIN, **changed)
    document = json.loads(json.dumps(encode_facts(signal), allow_nan=False))
    assert set(document) == set(changed)
    assert with_facts(PLAIN, document) == signal


def test_numbers_that_are_no_json_are_kept():
    facts = {"nan": math.nan, "far": [math.inf, -math.inf]}
    document = json.loads(json.dumps(encode_facts(replace(PLAIN, facts=facts)), allow_nan=False))
    found = with_facts(PLAIN, document).facts
    assert math.isnan(found["nan"])
    assert found["far"] == facts["far"]


REFUSED = {
    "'a' has a scale of 0. Give it one": {"scale_factor": 0.0},
    "'a' has a scale of nan": {"scale_factor": math.nan},
    "'a' has an offset of -inf. Give it a finite one": {"add_offset": -math.inf},
    "'a' has the missing value 40_000, which int16 does not hold": {"missing_value": 40_000},
    "the facts of 'a' are not what JSON can say": {"facts": {"when": object()}},
}


@pytest.mark.parametrize("message", REFUSED)
@pytest.mark.parametrize("ending", [*FORMATS, "hdf5"])
def test_facts_that_make_no_sense_are_refused_before_anything_is_written(tmp_path, ending, message):
    signal = replace(PLAIN, **REFUSED[message])
    with pytest.raises(SelectionError, match=message):
        write(tmp_path / f"run.{ending}", signal)
    assert list(tmp_path.iterdir()) == []


NONSENSE = {
    "scale_factor": (0, "1", True, math.inf, None),
    "add_offset": ("much", math.nan, [1]),
    "missing_value": (1.5, True, "0"),
    "origin_id": (None, 2.0),
    "bound": ("min", ["a", "mean"], [1, "min"], {}),
    "facts": ("[]", "{", [1], 5),
}


@pytest.mark.parametrize(("fact", "value"), [(fact, value) for fact, values in NONSENSE.items() for value in values])
def test_documents_are_checked(fact, value):
    with pytest.raises(ValueError, match=rf"{fact} is|Expecting"):
        decode_facts({fact: value})


# ---- every format --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", FORMATS)
def test_facts_come_back(tmp_path, ending):
    other = replace(SCALED, id=2, name="b", bound=("a", "max"), add_offset=0.0, scale_factor=-0.3, origin_id=None)
    path = write(tmp_path / f"run.{ending}", SCALED, other, replace(PLAIN, id=3, name="c"))
    for signal in (SCALED, other, replace(PLAIN, name="c")):
        assert facts_in(path, signal.name) == facts_of(signal)
    with xjls.open_recording(path) as recording:
        assert recording.origin_id("a") == -5
        assert np.array_equal(recording.read("a"), COUNTS)
        found = recording.statistics("a")
        physical = COUNTS * SCALE + OFFSET
        np.testing.assert_allclose([found.mean, found.std], [physical.mean(), physical.std()], rtol=1e-6)
        np.testing.assert_allclose([found.min, found.max], [physical.min(), physical.max()], rtol=1e-6)
        assert recording.user_data == ()


@pytest.mark.parametrize("ending", FORMATS)
def test_a_signal_without_samples_has_facts(tmp_path, ending):
    path = tmp_path / f"run.{ending}"
    with xjls.new_recording(path) as sink:
        sink.add_source(SCOPE)
        sink.add_signal(replace(PLAIN, rate_hz=Fraction(0), dtype=np.dtype("f4"), stored_type="f32", facts=TOLD))
    assert facts_in(path)["facts"] == TOLD


@pytest.mark.parametrize("ending", FORMATS)
def test_a_gap_is_no_sample_whatever_fills_it(tmp_path, ending):
    path = write(tmp_path / f"run.{ending}", SCALED, gap=Gap(Window(6100, 6300), "marked", skipped=True))
    with xjls.open_recording(path) as recording:
        assert [str(gap.window) for gap in recording.skipped("a")] == ["6_100–6_300"]
        assert recording.statistics("a").count == len(COUNTS)
        filling = np.unique(recording.read("a", (6100, 6300))).tolist()
    assert filling == [LOST if ending == "zarr" else 0]


# ---- Zarr, for others ----------------------------------------------------------------------------------------------


@pytest.fixture
def small_shards(monkeypatch):
    for name, value in (("SHARD_SAMPLES", 512), ("CHUNK_SAMPLES", 256), ("CHUNK_ENTRIES", 4), ("FEWEST_ENTRIES", 2)):
        monkeypatch.setattr(f"xjls.formats.zarr.stream.{name}", value)


@pytest.mark.usefixtures("small_shards")
def test_plain_xarray_shows_physical_samples_and_nan(tmp_path):
    """Also where a whole shard was left out, since nobody delivered a sample of it."""
    store = write(tmp_path / "run.zarr", SCALED, gap=Gap(Window(6100, 8000), "off", skipped=True))
    assert not (tmp_path / "run.zarr" / "0" / "a" / "c.13").exists()
    with xr.open_datatree(store, engine="zarr") as tree:
        samples = tree["0"]["a"]
        assert samples.units == "V"
        np.testing.assert_allclose(samples.values[:6000], COUNTS * SCALE + OFFSET, rtol=0, atol=1e-6)
        assert np.isnan(samples.values[6000:]).all()
        level = tree["1"]["a"]
        assert (level.units, level.physical_units) == ("count", "V")
        entries = level.values[0] * level.physical_scale + np.array([1, 0, 1, 1]) * level.physical_offset
        first = COUNTS[:256] * SCALE + OFFSET
        np.testing.assert_allclose(entries, [first.mean(), first.std(), first.min(), first.max()], rtol=1e-6)
        assert "std is value ×" in level.comment
    with xjls.open_recording(store) as recording:
        assert set(recording.read("a")[6000:]) == {LOST}
        assert np.array_equal(recording.read_level("a", 1)[0], level.values[0])


def test_levels_without_an_offset_are_physical_to_others(tmp_path):
    store = write(tmp_path / "run.zarr", replace(PLAIN, scale_factor=0.5))
    with xr.open_datatree(store, engine="zarr") as tree:
        np.testing.assert_allclose(tree["1"]["a"].values[0, 0], COUNTS[:256].mean() * 0.5)
        assert tree["0"]["a"].encoding["scale_factor"] == 0.5
        assert "add_offset" not in tree["0"]["a"].encoding


def test_a_root_with_facts_that_are_none_is_refused(tmp_path):
    store = write(tmp_path / "run.zarr", SCALED)
    root = json.loads((tmp_path / "run.zarr" / "zarr.json").read_text())
    root["attributes"]["xjls"]["signals"][0]["add_offset"] = "much"
    (tmp_path / "run.zarr" / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(CorruptError, match=r"is not what xjls writes \(ValueError: add_offset is 'much'"):
        xjls.open_recording(store)


# ---- JLS, and its record -------------------------------------------------------------------------------------------


def test_pyjls_sees_the_counts_and_a_record(tmp_path):
    path = write(tmp_path / "run.jls", SCALED)
    seen = []
    with pyjls.Reader(path) as reader:
        assert np.array_equal(reader.fsr(1, 0, len(COUNTS)), COUNTS)
        assert reader.signals[1].units == "V"
        reader.user_data(lambda meta, data: seen.append((meta, data)) and None)
    assert [meta for meta, _ in seen] == [SIGNAL_META]
    assert seen[0][1]["xjls_signal"]["add_offset"] == OFFSET


@pytest.mark.parametrize("scale", [0.25, 2.0**100, 1.0])
def test_powers_of_two_stand_in_the_definition_as_ever(tmp_path, scale):
    """Without another fact there is no record, and the bytes are those of the format's own fixed point."""
    q = -int(math.log2(scale))
    plain = write(tmp_path / "run.jls", replace(PLAIN, scale_factor=scale))
    with Jls2Writer(str(tmp_path / "same.jls")) as writer:
        writer.define_source(SourceDef(1, "scope", "", "", "", ""))
        kind = 0x1001 | (q & 0xFF) << 16
        writer.define_signal(DEFINITION._replace(data_type=kind))
        writer.write(1, 100, COUNTS)
    assert (tmp_path / "run.jls").read_bytes() == (tmp_path / "same.jls").read_bytes()
    assert facts_in(plain)["scale_factor"] == scale
    marked = write(tmp_path / "marked.jls", replace(PLAIN, scale_factor=scale, missing_value=LOST))
    assert facts_in(marked) == facts_of(replace(PLAIN, scale_factor=scale, missing_value=LOST))
    with pyjls.Reader(marked) as reader:
        assert reader.signals[1].data_type == kind


def test_any_scale_is_kept_to_the_last_bit(tmp_path):
    """Also of floats, and powers of two that the definition has no room for."""
    floats = replace(PLAIN, id=2, name="b", dtype=np.dtype("f4"), stored_type="f32", scale_factor=0.5)
    others = [replace(PLAIN, id=i, name=str(i), scale_factor=s) for i, s in enumerate((2.0**200, -0.5, 1e-9, 1 / 3), 3)]
    with xjls.new_recording(tmp_path / "run.jls") as sink:
        sink.add_source(SCOPE)
        for signal in (floats, *others):
            sink.add_signal(signal)
    for signal in (floats, *others):
        assert facts_in(tmp_path / "run.jls", signal.name)["scale_factor"] == signal.scale_factor


def test_a_rate_that_is_nearly_whole_is_kept_exactly(tmp_path):
    rate = Fraction(10**9, 48)
    path = write(tmp_path / "run.jls", replace(PLAIN, rate_hz=rate))
    with xjls.open_recording(path) as recording:
        assert recording.signal("a").rate_hz == rate
        clock = recording.clock("a")
        assert clock.time(recording.signal("a").first_id + 1000) - clock.time(recording.signal("a").first_id) == 48_000
    with pyjls.Reader(path) as reader:
        assert reader.signals[1].sample_rate == round(rate)
    with pytest.raises(SelectionError, match=r"has 1\.5 samples a second, and JLS keeps whole numbers"):
        write(tmp_path / "slow.jls", replace(PLAIN, rate_hz=Fraction(3, 2)))


def test_records_are_found_wherever_their_definitions_are(tmp_path):
    """Behind user data of an application, and of signals that are added to a file later."""
    path = tmp_path / "run.jls"
    mine = xjls.UserData(meta=SIGNAL_META, data={"mine": 1})
    with xjls.new_recording(path) as sink:
        sink.add_user_data(mine)
        sink.add_source(SCOPE)
        sink.add_signal(SCALED)
        sink.write("a", 100, COUNTS)
        sink.add_user_data(mine)
    with xjls.continue_recording(path) as sink:
        sink.write("a", 6100, COUNTS)
        sink.add_signal(replace(SCALED, id=7, name="late", add_offset=0.25))
        sink.write("late", 0, COUNTS)
    assert facts_in(path) == facts_of(SCALED)
    assert facts_in(path, "late")["add_offset"] == 0.25
    with xjls.open_recording(path) as recording:
        assert recording.user_data == (mine, mine)
        assert recording.signal("a").length == 2 * len(COUNTS)
    pyjls.copy(str(path), str(tmp_path / "copy.jls"))
    assert facts_in(tmp_path / "copy.jls", "late")["facts"] == TOLD


def test_facts_that_no_record_holds_are_refused_before_the_signal_is_defined(tmp_path):
    path = write(tmp_path / "run.jls", PLAIN)
    with xjls.continue_recording(path) as sink:
        with pytest.raises(SelectionError, match=r"facts of 'b' are more than a record of JLS holds.*or write a Zarr"):
            sink.add_signal(replace(PLAIN, id=2, name="b", facts={"a": "x" * 1_050_000}))
        sink.add_signal(replace(PLAIN, id=2, name="b"))
    assert facts_in(path, "b") == facts_of(PLAIN)


def test_a_killed_writer_leaves_them(tmp_path):
    path = write(tmp_path / "whole.jls", SCALED)
    with xjls.continue_recording(path) as sink:
        sink.abandon()
    assert facts_in(path) == facts_of(SCALED)
    (tmp_path / "cut.jls").write_bytes((tmp_path / "whole.jls").read_bytes()[:-3000])
    with xjls.open_recording(tmp_path / "cut.jls") as recording:
        assert not recording.was_closed
    assert facts_in(tmp_path / "cut.jls") == facts_of(SCALED)


def test_a_damaged_record_is_told(tmp_path):
    """Its signal would pass for counts: the status says so."""
    path = write(tmp_path / "run.jls", SCALED)
    data = bytearray((tmp_path / "run.jls").read_bytes())
    at = data.index(b"xjls_signal")
    data[at] ^= 0xFF
    (tmp_path / "run.jls").write_bytes(bytes(data))
    with xjls.open_recording(path) as recording:
        assert recording.signal("a").scale_factor == 1
        (damage,) = recording.status.damage
        assert damage.offset < at < damage.offset + 64
        assert damage.problem.startswith("payload CRC-32C is")
        assert damage.consequence == "scale and offset of 'a' may be lost: its values would be counts"


STRANGE = {
    "scale": ({"xjls_signal": {"signal": 1, "scale_factor": 0}}, r"makes no sense \(scale_factor is 0\)"),
    "unknown": ({"xjls_signal": {"signal": 1, "colour": "red"}}, r"makes no sense \('colour'\)"),
    "no rate": ({"xjls_signal": {"signal": 1, "rate_hz": "1/0"}}, r"makes no sense \(Fraction\(1, 0\)\)"),
    "rate": ({"xjls_signal": {"signal": 1, "rate_hz": "7/2"}}, "a rate of 7/2 Hz where the definition has 1000000"),
    "another": ({"xjls_signal": {"signal": 2, "scale_factor": 0.5}}, None),
    "not ours": ({"mine": {"signal": 1}}, None),
    "text": ("xjls_signal", None),
}


@pytest.mark.parametrize("what", STRANGE)
def test_strange_records_change_no_number(tmp_path, what):
    """What is nearly ours is told as damage; what is an application's own is that."""
    data, message = STRANGE[what]
    record = xjls.UserData(meta=SIGNAL_META, data=data)
    with Jls2Writer(str(tmp_path / "run.jls")) as writer:
        writer.define_source(SourceDef(1, "scope", "", "", "", ""))
        writer.define_signal(DEFINITION)
        writer.user_data(record.meta, record.data)
        writer.write(1, 0, COUNTS)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        signal = recording.signal("a")
        assert (signal.scale_factor, signal.rate_hz, signal.facts) == (1, 10**6, {})
        assert recording.user_data == ((record,) if what in ("not ours", "text") else ())
        assert len(recording.status.damage) == (message is not None)
    if message is None:
        assert decode_signal_record(record, DEFINITION) == {}
    else:
        with pytest.raises(CorruptError, match=f"a record says of signal 1 what .*{message}"):
            decode_signal_record(record, DEFINITION)


# ---- one behind the other ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "other", "says"),
    [
        ("scale_factor", 0.5, "has scale_factor 0.5, and 6.1"),
        ("add_offset", 0.5, r"has add_offset 0.5, and -0.7 in .*run\.jls\. Convert it to that first"),
        ("missing_value", None, "has missing_value None, and -32768"),
        ("bound", ("a", "max"), r"has bound \('a', 'max'\), and \('a', 'min'\)"),
    ],
)
def test_samples_that_mean_something_else_are_not_appended(tmp_path, fact, other, says):
    path = write(tmp_path / "run.jls", SCALED)
    more = write(tmp_path / "more.zarr", replace(SCALED, **{fact: other}))
    with xjls.open_recording(more) as recording, pytest.raises(SelectionError, match=says):
        xjls.append(path, recording, by="end")


def test_facts_go_along_with_what_is_appended(tmp_path):
    path = write(tmp_path / "run.jls", SCALED)
    more = write(tmp_path / "more.zarr", replace(SCALED, facts={}), replace(SCALED, id=2, name="b", add_offset=0.0))
    with xjls.open_recording(more) as recording:
        xjls.append(path, recording, by="end")
    assert facts_in(path) == facts_of(SCALED)
    assert facts_in(path, "b") == facts_of(replace(SCALED, add_offset=0.0, origin_id=-5 + len(COUNTS)))


def test_jls_finds_the_record_of_each_signal_wherever_sources_are_defined(tmp_path):
    """Sources may be defined between signals; the lists of both are read one after the other."""
    path = tmp_path / "run.jls"
    with xjls.new_recording(path) as sink:
        for number in (1, 2, 3):
            source = xjls.Source(id=number, name=f"source {number}")
            sink.add_source(source)
            sink.add_signal(
                xjls.Signal(
                    id=number,
                    name=f"s{number}",
                    units="V",
                    dtype=np.dtype("i2"),
                    stored_type="i16",
                    source=source,
                    rate_hz=Fraction(1000),
                    scale_factor=0.1 * number,
                    add_offset=1.0,
                )
            )
            sink.write(f"s{number}", 0, np.arange(100, dtype="i2"))
    found = xjls.open_recording(path).signals
    assert [(signal.scale_factor, signal.add_offset) for signal in found.values()] == [(0.1, 1), (0.2, 1), (0.1 * 3, 1)]
