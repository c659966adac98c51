"""A recording into any sink: annotations find their samples, and what a format cannot hold is refused before that."""

from dataclasses import replace
from fractions import Fraction

import fsspec
import numpy as np
import pyjls
import pytest
import xarray as xr

import xjls
from xjls.cli.main import main
from xjls.errors import NotRecognizedError, SelectionError
from xjls.formats.carry import carry, nearest
from xjls.model.clock import NEVER, Clock
from xjls.testing import laws
from xjls.testing.jls2 import Annotation, Fsr, Source, write

START_NS = 1_772_359_200 * 10**9
FIRST_ID = 100
BENCH = xjls.Source(id=1, name="bench")
X = xjls.Signal(
    id=1, name="x", units="V", dtype=np.dtype("f4"), rate_hz=Fraction(1000), source=BENCH, stored_type="f32"
)
EVENTS = replace(X, id=2, name="events", rate_hz=Fraction(0))
NOTE = xjls.Annotation(signal="x", sample_id=None, time_ns=None, kind="text", group=0, y=None, data="bang")
SAMPLES = np.arange(1000, dtype="f4")
FORWARD = ((FIRST_ID, START_NS), (FIRST_ID + 999, START_NS + 999_000_000))
BACKWARD = ((FIRST_ID, START_NS), (FIRST_ID + 500, START_NS - 5), (FIRST_ID + 999, START_NS + 999_000_000))


def begin(sink):
    for what, one in (("add_source", BENCH), ("add_signal", X), ("add_signal", EVENTS)):
        getattr(sink, what)(one)


def noted(path, notes, ties=FORWARD):
    """Write a recording with annotations as they are given, which Zarr keeps."""
    with xjls.new_recording(path) as sink:
        begin(sink)
        for sample_id, time_ns in ties:
            sink.tie("x", xjls.Tie(sample_id=sample_id, time_ns=time_ns))
        for note in notes:
            sink.annotate(note)
        sink.write("x", FIRST_ID, SAMPLES)
    return str(path)


def timed(ms, **facts):
    """Return an annotation that has a time only, so many milliseconds after the first sample."""
    return replace(NOTE, time_ns=START_NS + round(ms * 10**6), **facts)


# ---- annotations ---------------------------------------------------------------------------------------------------

TIMED = {0: FIRST_ID, 0.4: FIRST_ID, 0.6: FIRST_ID + 1, 500.2: FIRST_ID + 500, 2000: FIRST_ID + 2000, -3: FIRST_ID - 3}
"""Milliseconds after the first sample, and the id of the sample that is nearest."""


def test_a_time_on_a_signal_with_samples_becomes_the_nearest_of_them(tmp_path):
    """Also before the first one and behind the last, and as pyjls reads it: the rest of a note stays as it is."""
    notes = [timed(ms, data=f"at {ms}", y=1.5, group=7) for ms in TIMED]
    others = [timed(7.25, signal="events"), timed(8.25, signal=""), replace(NOTE, sample_id=FIRST_ID + 9)]
    store = noted(tmp_path / "run.zarr", [*notes, *others])
    assert main(["convert", store, str(tmp_path / "run.jls")]) == 0
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        found = {note.data: note for note in recording.annotations if note.signal == "x"}
        for ms, sample_id in TIMED.items():
            note = found[f"at {ms}"]
            assert note.sample_id == sample_id
            assert abs(note.time_ns - START_NS - ms * 10**6) <= 500_001
            assert (note.y, note.group, note.kind) == (1.5, 7, "text")
        assert found["bang"].sample_id == FIRST_ID + 9
        rest = {note.signal: note.time_ns for note in recording.annotations if note.signal != "x"}
        assert rest == {"events": START_NS + 7_250_000, "": START_NS + 8_250_000}
    with pyjls.Reader(str(tmp_path / "run.jls")) as reader:
        seen = []
        reader.annotations(1, -1000, lambda *note: seen.append(note) and None)
    assert {note[-1]: note[0] + FIRST_ID for note in seen if note[-1] != "bang"} == {
        f"at {ms}": at for ms, at in TIMED.items()
    }


def test_a_part_has_the_annotations_within_it(tmp_path):
    store = noted(tmp_path / "run.zarr", [timed(ms, data=f"at {ms}") for ms in TIMED])
    with xjls.open(store) as ds:
        part = ds.isel(time=slice(1, 501)).rename(x="y")
        for new in (part.xjls.to_jls(tmp_path / "part.jls"), part.xjls.to_zarr(tmp_path / "part.zarr")):
            with xjls.open_recording(new) as recording:
                assert {(note.signal, note.data, note.sample_id) for note in recording.annotations} == {
                    ("y", "at 0.6", FIRST_ID + 1), ("y", "at 500.2", FIRST_ID + 500)
                }  # fmt: skip


@pytest.mark.parametrize("ties", [(), BACKWARD], ids=["none", "backward"])
def test_a_time_that_no_clock_places_is_refused_by_jls_and_kept_by_zarr(tmp_path, capsys, ties):
    store = noted(tmp_path / "run.zarr", [timed(5), timed(6, signal="events")], ties)
    assert main(["convert", store, str(tmp_path / "run.jls")]) == 2
    said = capsys.readouterr().err
    assert "the annotation 'bang' of 'x' has no sample id, and JLS keeps no times" in said
    assert "or write a Zarr store." in said
    with xjls.open(store, time="seconds") as ds:
        with pytest.raises(SelectionError, match="has no sample id"):
            ds.xjls.to_jls(tmp_path / "run.jls")
        ds.xjls.to_zarr(tmp_path / "written.zarr")
    assert main(["convert", store, str(tmp_path / "copy.zarr")]) == 0
    for copy in ("copy.zarr", "written.zarr"):
        with xjls.open_recording(store) as old, xjls.open_recording(tmp_path / copy) as new:
            assert new.annotations == old.annotations
    assert not (tmp_path / "run.jls").exists()


def test_annotations_of_another_recording_go_behind_by_their_times(tmp_path):
    """As samples do: their ids move with these."""
    more = noted(tmp_path / "more.zarr", [timed(3)])
    path = noted(tmp_path / "run.jls", [])
    with xjls.open_recording(more) as recording:
        placed, lost = xjls.append(path, recording, by="end")
    assert (placed["x"].first_id, lost) == (FIRST_ID + 1000, {})
    with xjls.open_recording(path) as recording:
        assert [note.sample_id for note in recording.annotations] == [FIRST_ID + 1003]


REFUSED = {
    "'bang' of 'x' has no sample id": NOTE,
    "'bang' of 'events' has no time. Give it one": replace(NOTE, signal="events", sample_id=5),
    "'bang' of the whole recording has no time": replace(NOTE, signal=""),
    "is of the kind 'circle', which is none. Choose one of user, text, vertical_marker": timed(0, kind="circle"),
    "is of the kind 'type_x'": timed(0, kind="type_x"),
    "is of the kind 'type_256'": timed(0, kind="type_256"),
    "is of the kind '9'": timed(0, kind="9"),
    "is in group 256. Choose one from 0 to 255": timed(0, group=256),
    "is at 1e\\+39, which 32 bits do not hold": timed(0, y=1e39),
    "no signal 'y' is being written": replace(NOTE, signal="y"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_annotations_that_jls_cannot_hold_are_refused(tmp_path, message):
    """By the sink, so that whoever writes is told; nothing is left behind."""
    with pytest.raises(SelectionError, match=message):
        noted(tmp_path / "run.jls", [REFUSED[message]])
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_is_said_on_the_command_line(tmp_path, capsys):
    store = noted(tmp_path / "run.zarr", [timed(0, kind="circle")])
    assert main(["convert", store, str(tmp_path / "run.jls")]) == 2
    assert "'circle', which is none" in capsys.readouterr().err


def test_kinds_that_have_no_name_keep_their_number(tmp_path):
    notes = [replace(NOTE, sample_id=FIRST_ID, kind=kind) for kind in ("type_7", "type_255", "horizontal_marker")]
    with xjls.open_recording(noted(tmp_path / "run.jls", notes)) as recording:
        assert [note.kind for note in recording.annotations] == ["type_7", "type_255", "horizontal_marker"]


def test_the_nearest_sample():
    clock = Clock.nominal(1000, origin_id=10)
    assert [nearest(clock, time_ns) for time_ns in (-1_400_000, -1, 499_999, 500_000)] == [9, 10, 10, 11]
    assert nearest(Clock.nominal(4 * 10**9, origin_id=2**62), 2**62) == NEVER


# ---- signals -------------------------------------------------------------------------------------------------------


def test_what_jls_cannot_hold_names_zarr(tmp_path):
    """Rates that it has not, scales that make no sense, and more signals than it has numbers."""
    for message, signal in {
        "has 3.5 samples a second.*or write a Zarr store": replace(X, rate_hz=Fraction(7, 2)),
        r"has 5e\+09 samples a second": replace(X, rate_hz=Fraction(5 * 10**9)),
        "has a scale of 0": replace(X, stored_type="i16", scale_factor=0.0),
        "has an offset of nan": replace(X, add_offset=float("nan")),
    }.items():
        with xjls.new_recording(tmp_path / "run.jls") as sink:
            sink.add_source(BENCH)
            with pytest.raises(SelectionError, match=message):
                sink.add_signal(signal)
        (tmp_path / "run.jls").unlink()
    many = {f"x{i}": ("time", np.zeros(2, "f4"), {"sample_rate_hz": 10}) for i in range(256)}
    with pytest.raises(SelectionError, match=r"more than 255 signals .* or write a Zarr store"):
        xr.Dataset(many).xjls.to_jls(tmp_path / "run.jls")
    assert list(tmp_path.iterdir()) == []


# ---- which format, and where ---------------------------------------------------------------------------------------


def test_the_format_may_be_named(tmp_path):
    """Whatever the ending says: `to_jls` writes JLS, and `to_zarr` a store."""
    ds = xr.Dataset({"x": ("time", SAMPLES, {"sample_rate_hz": 1000})})
    assert xjls.open_recording(ds.xjls.to_jls(tmp_path / "a.zarr")).format == "JLS v2"
    assert xjls.open_recording(ds.xjls.to_zarr(tmp_path / "b.jls")).format == "Zarr"
    assert xjls.open_recording(ds.xjls.to_jls(tmp_path / "c")).format == "JLS v2"
    with xjls.new_recording(tmp_path / "d.dat", format_name="Zarr") as sink:
        begin(sink)
    assert xjls.open_recording(tmp_path / "d.dat").format == "Zarr"
    with pytest.raises(SelectionError, match=r"there is no format 'HDF5'\. Formats: JLS v2, Zarr"):
        xjls.new_recording(tmp_path / "e.h5", format_name="HDF5")
    with pytest.raises(SelectionError, match="no format to write is called like"):
        xjls.new_recording(tmp_path / "e.dat")


def test_a_store_is_written_with_what_fsspec_needs(tmp_path):
    """Addresses that mean nothing without their options."""
    files, options = fsspec.filesystem("memory"), {"path": "/lab", "target_protocol": "memory"}
    try:
        with xjls.new_recording("dir://x.zarr", storage_options=options) as sink:
            begin(sink)
            sink.write("x", FIRST_ID, SAMPLES)
        with xjls.open("memory://lab/x.zarr", time="seconds") as ds:
            ds.xjls.to_zarr("dir://y.zarr", storage_options=options)
        for name in ("x", "y"):
            with (
                xjls.open_recording(f"memory://lab/{name}.zarr") as recording,
                xjls.new_recording(tmp_path / f"{name}.jls") as sink,
            ):
                assert carry(recording, sink) == {}
            assert laws.equal_values(xjls.open_recording(tmp_path / f"{name}.jls").read("x"), SAMPLES)
    finally:
        files.rm("/lab", recursive=True)


def test_a_codec_that_is_none_costs_nothing():
    """It is refused before what is there is replaced."""
    files = fsspec.filesystem("memory")
    try:
        store = noted("memory://lab/run.zarr", [])
        with (
            pytest.raises(SelectionError, match="codec='lz77' is none"),
            xjls.new_recording(store, overwrite=True, codec="lz77"),
        ):
            pass
        assert xjls.open_recording(store).signal("x").length == 1000
    finally:
        files.rm("/lab", recursive=True)


def test_what_cannot_be_gone_on_with_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noted("run.jls", [])
    (tmp_path / "x.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    for what, kind, message in (
        ("x.txt", NotRecognizedError, "no format claims the first bytes"),
        ("folder", NotRecognizedError, "no zarr.json in it"),
        ("nowhere.jls", FileNotFoundError, "No such file"),
        (
            "s3://lab/run.jls",
            SelectionError,
            "single files are written to local disks, and s3://lab/run.jls is on none",
        ),
    ):
        with pytest.raises(kind, match=message):
            xjls.continue_recording(what)
    files = fsspec.filesystem("memory")
    try:
        files.pipe_file("/lab/run.dat", (tmp_path / "run.jls").read_bytes())
        with pytest.raises(SelectionError, match=r"memory://lab/run\.dat is on none"):
            xjls.continue_recording("memory://lab/run.dat")
    finally:
        files.rm("/lab", recursive=True)


def test_a_block_that_raises_leaves_what_was_flushed(tmp_path):
    """And does not say that it is complete."""
    path = noted(tmp_path / "run.jls", [])
    with pytest.raises(ZeroDivisionError), xjls.continue_recording(path) as sink:  # noqa: PT012 - what it is about
        sink.write("x", FIRST_ID + 1000, np.zeros(100_000, "f4"))
        sink.flush()
        _ = 1 / 0
    with xjls.open_recording(path) as recording:
        assert not recording.was_closed
        assert recording.signal("x").length > 50_000
        assert laws.equal_values(recording.read("x", (FIRST_ID, FIRST_ID + 1000)), SAMPLES)


def test_homes_are_found(tmp_path, monkeypatch):
    """``~`` is one's home folder, of whatever is written or gone on with."""
    monkeypatch.setenv("HOME", str(tmp_path))
    ds = xr.Dataset({"x": ("time", SAMPLES, {"sample_rate_hz": 1000})})
    assert ds.xjls.to_jls("~/run.jls") == tmp_path / "run.jls"
    ds.xjls.to_zarr("~/run.zarr")
    with xjls.continue_recording("~/run.jls") as sink:
        sink.write("x", 1000, SAMPLES)
    assert xjls.open_recording("~/run.jls").signal("x").length == 2000
    assert main(["convert", "~/run.zarr", "~/again.jls"]) == 0
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["again.jls", "run.jls", "run.zarr"]


@pytest.mark.parametrize("ending", ["jls", "zarr"])
def test_folders_are_not_made(tmp_path, capsys, monkeypatch, ending):
    """One that is missing is a slip, and named as it was given."""
    monkeypatch.chdir(tmp_path)
    path = str(write("run.jls", [Source("s")], [Fsr("x", SAMPLES, annotations=[Annotation(5, data="in")])]))
    for given in ("no/such", str(tmp_path / "none"), "~nobody-of-that-name", "run.jls"):
        for command in ("convert", "extract"):
            assert main([command, path, f"{given}/out.{ending}"]) == 2
            assert capsys.readouterr().err == f"xjls: {given}: No such file or directory. Make that folder first.\n"
    with pytest.raises(FileNotFoundError, match="Make that folder first: 'no/such'"):
        xjls.new_recording(f"no/such/out.{ending}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.jls"]


def test_files_are_not_written_to_addresses_nor_over_folders(tmp_path, capsys):
    path = str(write(tmp_path / "run.jls", [Source("s")], [Fsr("x", SAMPLES)]))
    (tmp_path / "folder.jls").mkdir()
    for out, says in (
        ("s3://lab/out.jls", "s3://lab/out.jls is on none. Write it there and copy it, or write a Zarr store."),
        (str(tmp_path / "folder.jls"), "folder.jls is a folder. Choose another name."),
    ):
        for command in ("convert", "extract"):
            assert main([command, path, out, "--overwrite"]) == 2
            assert says in capsys.readouterr().err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder.jls", "run.jls"]
