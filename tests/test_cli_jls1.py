"""Each command on JLS v1 files: what it prints and writes is what the fixtures' own formulas say of the words."""

import csv
import json
import re

import numpy as np
import pytest

import xjls
from xjls.cli.main import main
from xjls.testing.jls1 import Definition, Floats, Sizes, encode, ranges_of, records_of, truth_of, words_of
from xjls.testing.laws import equal_values

SIZES = Sizes(20, 4, 3)
LENGTH = 2117
MISSING = ((0, 5), (333, 360), (1201, 1202))
NOTES = {"user_data": {"board": "B7"}, "footer_user_data": {"verdict": "good"}}
RAW = Definition(words=words_of(ranges_of(LENGTH), seed=3, missing=MISSING), sizes=SIZES, v_ranges=(0, 1), **NOTES)
NOT_DELIVERED = "not delivered by the instrument"


def floats(producer):
    rng = np.random.default_rng(9)
    current = rng.normal(1e-3, 1e-4, LENGTH).astype("f4")
    current[500:520] = np.nan
    made = {"current": current, "voltage": np.full(LENGTH, 3.3, "f4"), "power": current * np.float32(3.3)}
    whole = {name: rng.integers(0, most, LENGTH).astype("f4") for name, most in
             (("current_range", 8), ("gpi0", 2), ("gpi1", 2))}  # fmt: skip
    return Definition(floats=Floats(**made, **whole, producer=producer), sizes=SIZES, rate_hz=1000, **NOTES)


DEFINITIONS = {
    "raw": RAW, "no calibration": Definition(words=RAW.words, sizes=SIZES, calibration=None),
    "floats": floats("c"), "floats that were scaled twice": floats("b"),
}  # fmt: skip


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "20210304_050607.jls"
    path.write_bytes(encode(RAW))
    return path


def told(capsys, *arguments, status=0):
    assert main([str(argument) for argument in arguments]) == status
    out, err = capsys.readouterr()
    return err if status == 2 else out


def windows(gaps):
    return [(gap.window.start, gap.window.stop) for gap in gaps]


def holds(path, truth, start=0, stop=LENGTH):
    """Hold a recording, of any format, to the truth about a part of a file: samples, and which of them are none."""
    with xjls.open_recording(path) as recording:
        assert list(recording.signals) == list(truth.signals)
        for name, wanted in truth.signals.items():
            signal = recording.signal(name)
            gone = [(max(lo, start), min(hi, stop)) for lo, hi in truth.gone(name)]
            gone = [(lo, hi) for lo, hi in gone if lo < hi]
            assert (signal.window, signal.units) == (xjls.Window(start, stop), truth.units[name])
            assert windows(recording.skipped(name)) == gone
            there = np.ones(LENGTH, bool)
            for lo, hi in gone:
                there[lo:hi] = False
            found = recording.read(name)
            assert found.dtype == wanted.dtype
            assert equal_values(found[there[start:stop]], wanted[start:stop][there[start:stop]]), name
            assert np.array_equal(recording.read_valid(name), there[start:stop]), name


def test_info_says_what_the_file_says(old, capsys):
    text = told(capsys, "info", old)
    assert f"JLS v1, {old.stat().st_size / 1000:.3g} kB, closed" in text
    assert "0123456789abcdef0123456789abcdef" in text
    assert re.search(r"current +f32 +A +2 MHz +2,117 +1.0585 ms +– +20 400", text)
    assert re.search(r"gpi1 +u1 +2 MHz", text)
    assert re.search(r"suppression +interp_1_n_1", text)
    facts = json.loads(told(capsys, "info", "--json", old))
    assert [record["meta"] for record in facts["user_data"]] == [0, 1, 2]
    assert facts["user_data"][2]["data"]["calibration"]["voltage"]["gain"] == pytest.approx([9.468e-4, 2.934e-4])


def test_options_of_the_format_are_asked_for(old, tmp_path, capsys):
    text = told(capsys, "info", old, "-O", "start=name", "--option", "suppress=nan")
    assert re.search(r"current .* 2021-03-04T05:06:07Z", text)
    assert re.search(r"suppression +nan_0_n_0", text)
    assert "start=2021 is no time" in told(capsys, "info", old, "-O", "start=2021", status=2)
    assert "JLS v1 has no option 'units'. Options: suppress, start" in told(
        capsys, "info", old, "-O", "units=mV", status=2
    )
    bare = tmp_path / "bare.jls"
    bare.write_bytes(encode(DEFINITIONS["no calibration"]))
    assert re.search(r"current +f32 +count ", told(capsys, "info", bare))
    assert re.search(r"current +f32 +A ", told(capsys, "info", bare, "-O", f"calibration={old}"))


@pytest.mark.parametrize("suppressed", ["normal", "off", "nan"])
def test_stats_are_numpys_of_the_samples(old, suppressed, capsys):
    truth = truth_of(RAW, suppressed=suppressed)
    found = json.loads(
        told(capsys, "stats", "--json", "--from", "#100", "--to", "#2100", "-O", f"suppress={suppressed}", old)
    )["signals"]
    for name, samples in truth.signals.items():
        part = samples[100:2100].astype(np.float64)
        part = part[~np.isnan(part) & ~truth.not_delivered(name)[100:2100]]
        (one,) = found[name]
        assert one["count"] == part.size
        for key, value in (("mean", part.mean()), ("std", part.std()), ("min", part.min()), ("max", part.max())):
            assert one[key] == pytest.approx(value, rel=1e-6, abs=1e-15), (name, key)


def test_pictures_and_pages_are_made(old, tmp_path, capsys):
    out, page = tmp_path / "a.png", tmp_path / "a.html"
    assert f"wrote {out}" in told(capsys, "plot", old, "-o", out, "--from", "0.1ms", "-O", "start=name")
    assert out.read_bytes().startswith(b"\x89PNG")
    assert f"wrote {page}" in told(capsys, "explore", old, "-o", page)
    assert "current_range" in page.read_text()


def test_tables_hold_the_samples(old, tmp_path, capsys):
    out, truth = tmp_path / "a.csv", truth_of(RAW)
    text = told(capsys, "export", old, out, "--from", "#300", "--to", "#400", "-O", "start=name", status=1)
    assert "gpi0: 27 samples are lost or were never delivered" in text
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["time"] == "2021-03-04T05:06:07.000150000Z"
    found = np.array([row["voltage"] or "nan" for row in rows], "f4")
    assert equal_values(found, truth.signals["voltage"][300:400])
    assert [row["gpi1"] for row in rows[:33]] == [str(int(bit)) for bit in truth.signals["gpi1"][300:333]]
    assert {row["current_range"] for row in rows[33:60]} == {""}


@pytest.mark.parametrize("ending", ["jls", "zarr"])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_conversions_keep_everything(name, ending, tmp_path, capsys):
    """Every sample, gap, rate and unit, and what users and the calibration say, by numbers that tell them apart."""
    definition, source, out = DEFINITIONS[name], tmp_path / "20200102_030405.jls", tmp_path / f"new.{ending}"
    source.write_bytes(encode(definition))
    told(capsys, "convert", source, out, "-O", "start=name")
    holds(out, truth_of(definition))
    with xjls.open_recording(out) as new, xjls.open_recording(source) as was:
        assert new.user_data == was.user_data
        assert [r.meta for r in new.user_data] == [0, 1, 2][: 3 if definition.user_data else 0]
        assert new.sources == was.sources
        for signal in was.signals.values():
            made = new.signal(signal.name)
            assert (made.id, made.rate_hz, made.facts) == (signal.id, signal.rate_hz, signal.facts)
            assert made.stored_type == {"current_range": "u8", "gpi0": "u1", "gpi1": "u1"}.get(
                signal.name if definition.words is not None else "", "f32"
            )
            assert new.clock(signal.name).time(0) == 1_577_934_245_000_000_000
            assert {gap.reason for gap in new.skipped(signal.name)} <= {NOT_DELIVERED}


@pytest.mark.parametrize("ending", ["jls", "zarr"])
def test_parts_are_cut_out_of_the_whole(old, ending, tmp_path, capsys):
    out = tmp_path / f"part.{ending}"
    told(capsys, "extract", old, out, "--from", "#340", "--to", "#1500", "-O", "suppress=mean")
    with xjls.open_recording(out) as part:
        assert part.user_data[0].data == {"board": "B7"}
    holds(out, truth_of(RAW, suppressed="mean_1_n_1"), 340, 1500)


def test_a_recording_is_not_replaced_by_what_is_made_of_it(old, tmp_path, capsys):
    before, link = old.read_bytes(), tmp_path / "link.jls"
    link.symlink_to(old)
    assert "exists. Choose another name, or say --overwrite" in told(capsys, "convert", old, old, status=2)
    for command in ("convert", "recover", "extract"):
        for out in (old, link):
            assert "is the recording itself" in told(capsys, command, old, out, "--overwrite", status=2)
    assert old.read_bytes() == before


def test_nothing_is_added_to_it_or_built_for_it(old, tmp_path, capsys):
    new = tmp_path / "new.jls"
    told(capsys, "convert", old, new)
    assert "JLS v1 is only read, and not gone on with" in told(capsys, "append", old, new, status=2)
    assert "there is nothing to build" in told(capsys, "index", old, status=2)
    assert "current: 2,117 samples from #2117 on" in told(capsys, "append", new, old)
    with xjls.open_recording(new) as recording:
        assert windows(recording.skipped("voltage")) == [*MISSING, *((a + LENGTH, b + LENGTH) for a, b in MISSING)]


def test_check_names_bytes_and_samples(old, capsys):
    text = told(capsys, "check", old)
    assert "whole" in text
    assert "33 samples were not delivered by the instrument" in text
    data = bytearray(old.read_bytes())
    span = [span for span in records_of(bytes(data)) if span.tag == "ABN"][7]
    data[span.offset + 100] ^= 0x10
    old.write_bytes(data)
    text = told(capsys, "check", old, status=1)
    assert f"bytes {span.offset:_}–{span.stop:_}" in text
    assert "gpi1: samples 560–640 are lost" in text
    status = json.loads(told(capsys, "check", "--json", old, status=1))
    assert (status["complete"], status["closed"]) == (False, True)
    old.write_bytes(b"nothing")
    assert "no format claims" in told(capsys, "check", old, status=2)


@pytest.mark.parametrize("ending", ["jls", "zarr"])
def test_what_is_damaged_becomes_a_gap(old, ending, tmp_path, capsys):
    data, out = bytearray(old.read_bytes()), tmp_path / f"new.{ending}"
    span = [span for span in records_of(bytes(data)) if span.tag == "ABN"][7]
    data[span.offset + 100] ^= 0x10
    old.write_bytes(data)
    assert "current: samples 560–640 are lost" in told(capsys, "recover", old, out, status=1)
    holds(out, truth_of(RAW, lost=((560, 640),)))


@pytest.mark.parametrize("whole", range(0, 27, 5))
def test_recovered_is_every_whole_record(old, whole, tmp_path, capsys):
    """A file that was cut, or whose program was killed: so many records of samples are there, and part of the next."""
    data, out = old.read_bytes(), tmp_path / "out.jls"
    spans = [span for span in records_of(data) if span.tag == "ABN"]
    old.write_bytes(data[: spans[whole].offset + 33])
    size = SIZES.samples_per_tlv * whole
    status = told(capsys, "info", old)
    assert "not closed by its writer" in status
    assert "bytes early" in status
    told(capsys, "recover", old, out)
    truth = truth_of(RAW, size=size)
    with xjls.open_recording(out) as recording:
        assert recording.was_closed
        for name, samples in truth.signals.items():
            there = ~truth.not_delivered(name)
            assert recording.signal(name).length == size
            assert equal_values(recording.read(name)[there], samples[there])
        assert [record.meta for record in recording.user_data] == [0, 2]


def test_a_file_whose_program_was_killed_is_recovered(tmp_path, capsys):
    path, out = tmp_path / "live.jls", tmp_path / "out.jls"
    path.write_bytes(encode(Definition(words=RAW.words, sizes=SIZES, v_ranges=(0, 1), is_closed=False)))
    assert "not closed by its writer" in told(capsys, "check", path, status=1)
    told(capsys, "recover", path, out)
    holds(out, truth_of(RAW))
