"""``xjls convert`` and ``xjls append``: all of a recording elsewhere, and one recording behind another."""

import json
import lzma
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyjls
import pytest

import xjls
from xjls.cli.main import main
from xjls.formats.appending import append
from xjls.formats.jls2.writer import Jls2Writer
from xjls.model.window import Gap, Window
from xjls.testing import laws, write_demo
from xjls.testing.jls2 import Annotation, Fsr, Source, UserData, Vsr, chunks_of, flip, truth_of, write
from xjls.testing.scenarios import SCENARIOS

DATA = Path(__file__).parent / "data"
SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(10_000)


def part(path, start, stop, *, ties=True, shift=0, rate=1000, name="bench"):
    """Write samples [start, stop) of one run, with sample ids from ``shift`` on."""
    at = range(start, stop, 1000)
    moments = [(i - start + shift, EPOCH + i * SECOND // 1000) for i in (*at, stop)] if ties else []
    notes = [Annotation(i - start + shift, data=f"at {i}") for i in at]
    signals = [
        Fsr("current", K[start:stop].astype("f4"), units="A", first_id=shift, rate_hz=rate, ties=moments,
            annotations=notes, **SMALL),
        Fsr("range", K[start:stop] % 7, dtype="u4", first_id=shift, rate_hz=rate, ties=moments, **SMALL),
        Vsr("events", annotations=[Annotation(EPOCH + i * SECOND // 1000, data=f"event {i}") for i in at]),
    ]  # fmt: skip
    return str(write(path, [Source(name)], signals, [UserData(3, f"from {start}")]))


def same(one, other):
    """Hold two recordings to each other, noun by noun."""
    with xjls.open_recording(one) as found, xjls.open_recording(other) as wanted:
        assert found.sources == wanted.sources
        assert list(found.signals) == list(wanted.signals)
        assert found.annotations == wanted.annotations
        assert found.user_data == wanted.user_data
        for name, signal in wanted.signals.items():
            for fact in ("id", "name", "units", "dtype", "rate_hz", "source", "scale_factor", "stored_type"):
                assert getattr(found.signal(name), fact) == getattr(signal, fact), (name, fact)
            if signal.has_samples:
                assert laws.equal_values(found.read(name), wanted.read(name))
                assert not signal.length or found.signal(name).window == signal.window
                assert found.ties(name) == wanted.ties(name)
                assert [(g.window, g.reason) for g in found.skipped(name)] == [
                    (g.window, g.reason) for g in wanted.skipped(name)
                ]


@pytest.mark.parametrize("source", ["demo", "out_v0.13.2.jls.xz", "so_v0.7.3.jls.xz"])
def test_there_and_back_again(source, tmp_path, capsys):
    """JLS to Zarr to JLS keeps every sample, tie, annotation and record, of a real recording of several signals."""
    path = tmp_path / "run.jls"
    if source == "demo":
        write_demo(str(path), seconds=0.3)
    else:
        path.write_bytes(lzma.decompress((DATA / source).read_bytes()))
    for step in (["convert", path, tmp_path / "run.zarr"], ["convert", tmp_path / "run.zarr", tmp_path / "again.jls"]):
        assert main([str(argument) for argument in step]) == 0
    out = capsys.readouterr().out
    assert f"wrote {tmp_path / 'run.zarr'}" in out
    same(tmp_path / "run.zarr", path)
    same(tmp_path / "again.jls", path)
    with pyjls.Reader(str(tmp_path / "again.jls")) as found, pyjls.Reader(str(path)) as wanted:
        assert {i: s.length for i, s in found.signals.items()} == {i: s.length for i, s in wanted.signals.items()}


def test_what_is_damaged_is_told_and_the_rest_comes_over(tmp_path, capsys):
    path = part(tmp_path / "run.jls", 0, 10_000)
    data = Path(path).read_bytes()
    chunk = [c for c in chunks_of(data) if c.tag == 0x22 and c.meta == 2][10]
    Path(path).write_bytes(flip(data, chunk.offset + 60))
    assert main(["convert", path, str(tmp_path / "out.zarr")]) == 1
    assert "range: samples 640–704 are lost" in capsys.readouterr().out
    with xjls.open_recording(tmp_path / "out.zarr") as recording:
        assert [gap.window for gap in recording.skipped("range")] == [Window(640, 704)]
        assert recording.statistics("range").count == 10_000 - 64


def test_refusals(tmp_path, capsys):
    path = part(tmp_path / "run.jls", 0, 1000)
    for arguments, text in (
        ([path, str(tmp_path / "out.txt")], "Give it one of these endings: .jls, .zarr"),
        ([path, path], "--overwrite"),
        ([path, str(tmp_path / "out.jls"), "--codec", "zstd"], "JLS does not compress samples"),
    ):
        assert main(["convert", *arguments]) == 2
        assert text in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.jls"]


def test_appended_by_time(tmp_path, capsys):
    """Where UTC says: a run that was interrupted for two seconds goes on with a gap of two seconds."""
    path, more = part(tmp_path / "run.jls", 0, 4000), part(tmp_path / "more.jls", 6000, 10_000, shift=500)
    assert main(["append", path, more]) == 0
    out = capsys.readouterr().out
    assert "current: 4,000 samples from #6000 on, behind a gap of 2,000 samples (2 s)" in out
    with xjls.open_recording(path) as recording:
        assert recording.was_closed
        assert recording.check() == ()
        wanted = K.astype("f4")
        wanted[4000:6000] = np.nan
        assert laws.equal_values(recording.read("current"), wanted)
        assert [gap.window for gap in recording.skipped("range")] == [Window(4000, 6000)]
        assert recording.statistics("range").count == 8000
        whole = xjls.open_recording(part(tmp_path / "whole.jls", 0, 10_000))
        clock, single = recording.clock("current"), whole.clock("current")
        assert [clock.time(i) for i in range(0, 10_000, 500)] == [single.time(i) for i in range(0, 10_000, 500)]
        assert {note.data for note in recording.annotations} == {
            f"{what} {i}" for what in ("at", "event") for i in (0, 1000, 2000, 3000, 6000, 7000, 8000, 9000)
        }
        assert [record.data for record in recording.user_data] == ["from 0", "from 6000"]
    with pyjls.Reader(path) as reader:
        assert reader.signals[1].length == 10_000


def test_appended_at_the_end_and_by_id(tmp_path, capsys):
    """Without UTC: right behind what is there, as often as one likes, or where sample ids say."""
    cases = {"auto": (9000, 1, 4000), "end": (4000, 2, 4000), "id": (9000, 1, 9000)}
    for by, (shift, times, begin) in cases.items():
        path = part(tmp_path / f"{by}.jls", 0, 4000, ties=False)
        more = part(tmp_path / "more.jls", 0, 1000, shift=shift, ties=False)
        assert main(["append", path, *[more] * times, "--by", by]) == 0
        with xjls.open_recording(path) as recording:
            found = recording.read("current")
            assert len(found) == begin + 1000 * times
            assert np.array_equal(found[begin:], np.tile(K[:1000].astype("f4"), times))
            assert len(recording.skipped("range")) == (1 if begin > 4000 else 0)
    capsys.readouterr()
    later = part(tmp_path / "later.jls", 0, 1000, shift=100, ties=False)
    assert main(["append", str(tmp_path / "id.jls"), later, "--by", "id"]) == 2
    assert "would begin at sample 100, 9_900 before" in capsys.readouterr().err


def test_appended_signals_must_be_alike(tmp_path, capsys):
    path = part(tmp_path / "run.jls", 0, 4000)
    before = Path(path).read_bytes()
    other = str(write(tmp_path / "other.jls", [Source("bench")], [Fsr("current", K, dtype="i16", **SMALL)]))
    assert main(["append", path, other]) == 2
    assert "'current' has stored_type i16, and f32 in" in capsys.readouterr().err
    untimed = part(tmp_path / "untimed.jls", 0, 100, ties=False)
    assert main(["append", path, untimed, "--by", "time"]) == 2
    assert "untimed.jls has no UTC to go by" in capsys.readouterr().err
    assert Path(path).read_bytes() == before
    with xjls.open_recording(untimed) as more, pytest.raises(xjls.SelectionError, match="no way to place samples"):
        append(path, more, by="luck")


def test_new_signals_and_sources_are_added(tmp_path):
    path = part(tmp_path / "run.jls", 0, 4000)
    extra = str(write(tmp_path / "x.jls", [Source("scope")], [Fsr("probe", K.astype("f8"), rate_hz=50, **SMALL)]))
    with xjls.open_recording(extra) as more:
        placed, lost = append(path, more)
    assert (placed["probe"].first_id, placed["probe"].length, lost) == (0, 10_000, {})
    with xjls.open_recording(path) as recording:
        assert [source.name for source in recording.sources] == ["bench", "scope"]
        assert recording.signal("probe").source.name == "scope"
        assert recording.signal("probe").rate_hz == Fraction(50)
        assert np.array_equal(recording.read("probe"), K.astype("f8"))
        assert recording.signal("current").length == 4000


def test_instruments_of_one_name_stay_apart(tmp_path):
    """Three of a kind, by their serial numbers."""
    paths = []
    for serial in ("001", "002", "003"):
        signals = [Fsr(f"current {serial}", K.astype("f4"), **SMALL)]
        paths.append(str(write(tmp_path / f"{serial}.jls", [Source("JS220", serial_number=serial)], signals)))
    assert main(["append", *paths]) == 0
    with xjls.open_recording(paths[0]) as recording:
        assert [source.serial_number for source in recording.sources] == ["001", "002", "003"]
        assert {s.name: s.source.serial_number for s in recording.signals.values()} == {
            f"current {serial}": serial for serial in ("001", "002", "003")
        }


def test_a_signal_of_the_files_own_source_is_converted(tmp_path):
    """Number 0: pyjls lets signals have it."""
    with pyjls.Writer(str(tmp_path / "zero.jls")) as writer:
        writer.signal_def(1, source_id=0, sample_rate=1000, name="x", data_type=pyjls.DataType.F32)
        writer.fsr(1, 0, K.astype("f4"))
    assert main(["convert", str(tmp_path / "zero.jls"), str(tmp_path / "out.jls")]) == 0
    with xjls.open_recording(tmp_path / "out.jls") as recording:
        assert np.array_equal(recording.read("x"), K.astype("f4"))


def test_what_begins_with_a_gap_is_appended(tmp_path):
    path, more = part(tmp_path / "run.jls", 0, 3000), tmp_path / "more.jls"
    with xjls.open_recording(part(tmp_path / "x.jls", 4000, 8000)) as source, xjls.new_recording(more) as sink:
        sink.add_source(source.sources[0])
        for name in ("current", "range"):
            sink.add_signal(source.signals[name])
            for tie in source.ties(name):
                sink.tie(name, tie)
            sink.skip(name, Gap(Window(0, 100), "starting up"))
            sink.write(name, 100, source.read(name, (100, None)))
    assert main(["append", path, str(more)]) == 0
    with xjls.open_recording(path) as recording:
        assert [(gap.window, gap.reason) for gap in recording.skipped("range")] == [
            (Window(3000, 4000), "not delivered"), (Window(4000, 4100), "starting up"),
        ]  # fmt: skip
        assert np.array_equal(recording.read("current", (4100, None)), K[4100:8000].astype("f4"))


def test_what_is_lost_of_the_other_becomes_a_gap(tmp_path, capsys):
    path, more = part(tmp_path / "run.jls", 0, 4000), part(tmp_path / "more.jls", 4000, 8000)
    data = Path(more).read_bytes()
    chunk = [c for c in chunks_of(data) if c.tag == 0x22 and c.meta == 1][10]
    Path(more).write_bytes(flip(data, chunk.offset + 60))
    assert main(["append", path, more]) == 1
    assert "current: samples 640–704 of" in capsys.readouterr().out
    with xjls.open_recording(path) as recording:
        assert [gap.window for gap in recording.skipped("current")] == [Window(4640, 4704)]
        assert np.isnan(recording.read("current")).sum() == 64


def test_zarr_goes_behind_jls(tmp_path):
    path, more = part(tmp_path / "run.jls", 0, 4000), part(tmp_path / "more.jls", 4000, 8000)
    assert main(["convert", more, str(tmp_path / "more.zarr")]) == 0
    assert main(["append", path, str(tmp_path / "more.zarr")]) == 0
    with xjls.open_recording(path) as recording:
        assert np.array_equal(recording.read("current"), K[:8000].astype("f4"))


@pytest.mark.parametrize(
    "made", [made for made in SCENARIOS if made().definition.closed], ids=lambda made: made.__name__
)
def test_every_scenario_is_converted(made, tmp_path):
    scenario = made()
    (tmp_path / "run.jls").write_bytes(scenario.data)
    status = main(["convert", str(tmp_path / "run.jls"), str(tmp_path / "out.zarr")])
    expected = laws.Expected.of(truth_of(scenario.definition))
    assert status == (1 if any(truth.lost for truth in expected.signals.values()) else 0)
    if not status:
        same(tmp_path / "out.zarr", tmp_path / "run.jls")


def test_gaps_keep_their_reasons(tmp_path, capsys):
    path = part(tmp_path / "run.jls", 0, 4000)
    with Jls2Writer(path, append=True) as writer:
        writer.skip(2, Gap(Window(4000, 4100), "unplugged"))
    assert main(["convert", path, str(tmp_path / "a.zarr")]) == 0
    assert main(["convert", str(tmp_path / "a.zarr"), str(tmp_path / "b.jls")]) == 0
    same(tmp_path / "b.jls", path)
    with xjls.open_recording(tmp_path / "b.jls") as recording:
        assert [gap.reason for gap in recording.skipped("range")] == ["unplugged"]
    capsys.readouterr()
    for name in ("b.jls", "a.zarr"):
        assert main(["info", str(tmp_path / name)]) == 0
        assert "gaps\n  range  samples 4_000–4_100  100 ms  unplugged" in capsys.readouterr().out
        assert main(["info", "--json", str(tmp_path / name)]) == 0
        facts = {signal["name"]: signal for signal in json.loads(capsys.readouterr().out)["signals"]}
        assert facts["range"]["gaps"] == [{"start": 4000, "stop": 4100, "reason": "unplugged"}]
        assert facts["current"]["gaps"] == []
