"""Tables in every format hold what recordings hold: every scenario, type and loss; and files are whole or not there."""

import io
import json
import os
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

import xjls
import xjls.export.columns
import xjls.export.table
from xjls.errors import MissingDependencyError, SelectionError
from xjls.export import make_table, write_table
from xjls.export.csv import write_csv
from xjls.testing.jls2 import Fsr, Source, chunks_of, flip, write
from xjls.testing.scenarios import SCENARIOS

EXAMPLES = int(os.environ.get("XJLS_EXAMPLES") or 30)
SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
START_NS = 1_772_359_200 * 10**9
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(10_000)
CURRENT = (np.sin(K * 0.01) * 1e-3).astype("f4")
FORMATS = (".csv", ".csv.gz", ".parquet", ".npz")


@pytest.fixture
def opened():
    """Open recordings that leave out what is lost, and close them afterwards."""
    kept = []

    def open_one(path):
        kept.append(xjls.open_recording(path, on_damage="gap"))
        return kept[-1]

    yield open_one
    for recording in kept:
        recording.close()


@pytest.fixture
def mixed(tmp_path, opened):
    """One source with two rates, with UTC; one of another source at one of these rates."""
    ties = [(0, EPOCH), (10_000, EPOCH + 10 * SECOND)]
    signals = [
        Fsr("current", CURRENT, units="A", ties=ties, **SMALL),
        Fsr("late", K[:5000] % 251, dtype="u8", first_id=7000, ties=ties, **SMALL),
        Fsr("gpi", K // 7 % 2, dtype="u1", rate_hz=2000, ties=[(0, EPOCH), (20_000, EPOCH + 10 * SECOND)], **SMALL),
        Fsr("slow", K[:40] - 20, dtype="i16", rate_hz=3, source=2, ties=[(0, EPOCH + SECOND // 2)], **SMALL),
    ]
    return opened(write(tmp_path / "mixed.jls", [Source("a", "v", "m", "1", "7"), Source("b")], signals))


def read_back(path):
    """Return a file's columns as (values, valid) in the types that the format keeps."""
    if path.name.endswith((".csv", ".csv.gz")):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        return {name: (column.to_numpy(), (column != "").to_numpy()) for name, column in frame.items()}
    if path.suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
        found = {}
        for name in table.column_names:
            column = table[name].combine_chunks()
            valid = ~column.is_null().to_numpy(zero_copy_only=False)
            found[name] = column.fill_null(False if column.type == pyarrow.bool_() else 0), valid
            found[name] = found[name][0].to_numpy(zero_copy_only=False), valid
        return found
    with np.load(path) as arrays:
        return {name: (arrays[name], np.ones(arrays[name].shape, "?")) for name in arrays["columns"].tolist()}


def assert_holds(path, name, values, valid):
    """Assert that a column of a file has these values, and none where none is valid."""
    found, present = read_back(path)[name]
    if path.suffix == ".npz":
        present = valid if values.dtype.kind == "f" else ~np.isnan(found) if found.dtype.kind == "f" else present
    nan = np.isnan(values) if values.dtype.kind == "f" and ".csv" in path.name else np.zeros(len(values), "?")
    assert np.array_equal(present, valid & ~nan)
    found, wanted = found[present], values[present]
    if found.dtype == object:
        found = found.astype("i1" if wanted.dtype == bool else "i8" if wanted.dtype.kind == "i" else wanted.dtype)
        assert wanted.dtype != bool or set(found.tolist()) <= {0, 1}
    np.testing.assert_array_equal(found, wanted)


def csv_of(table):
    write_csv(table, file := io.BytesIO())
    return file.getvalue().decode()


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_every_scenario(make, scenario, tmp_path, opened):
    path, expected = scenario(make.__name__)
    recording = opened(path)
    for number, signal in enumerate(expected.signals.values()):
        if signal.samples is None or not len(signal.samples):
            continue
        scale = recording.signal(signal.name).scale_factor
        values, valid = (signal.samples if scale == 1 else signal.samples * scale), signal.valid
        for ending in FORMATS:
            table = make_table(recording, [signal.name])
            wide = values.dtype.kind in "iu" and values.dtype.itemsize == 8
            if ending == ".npz" and wide and not valid.all():
                continue
            out = write_table(table, tmp_path / f"{number}{ending}")
            assert_holds(out, signal.name, values, valid)
            assert table.lost.get(signal.name, 0) == np.count_nonzero(~valid)


@pytest.mark.parametrize("ending", FORMATS)
def test_pieces_make_no_difference(mixed, tmp_path, monkeypatch, ending):
    def written(name, **how):
        return write_table(make_table(mixed, ["current", "late"], **how), tmp_path / f"{name}{ending}")

    whole = [written("whole"), written("rows", every=77)]
    monkeypatch.setattr(xjls.export.table, "SPAN_ROWS", 129)
    monkeypatch.setattr("xjls.export.csv.BATCH_CELLS", 32)
    pieces = [written("pieces"), written("row pieces", every=77)]
    for one, other in zip(whole, pieces, strict=True):
        for (name, found), again in zip(read_back(one).items(), read_back(other).values(), strict=True):
            np.testing.assert_array_equal(found[0], again[0], name)
            np.testing.assert_array_equal(found[1], again[1], name)
    if ending != ".parquet":
        assert whole[0].read_bytes() == pieces[0].read_bytes()


def test_signals_of_different_extent(mixed, tmp_path):
    """A row for each sample that any of them has; integers are missing before they begin, not 0."""
    for ending in FORMATS:
        out = write_table(make_table(mixed, ["current", "late"]), tmp_path / f"out{ending}")
        padded = np.concatenate([CURRENT, np.full(2000, np.nan, "f4")])
        assert_holds(out, "current", padded, ~np.isnan(padded))
        late = np.concatenate([np.zeros(7000, "u1"), (K[:5000] % 251).astype("u1")])
        assert_holds(out, "late", late, np.arange(12_000) >= 7000)


def test_times_are_the_clock_s(mixed, tmp_path):
    clock = mixed.clock("current")
    told = {
        "utc": (clock.times(K), [f"{text}Z" for text in np.datetime_as_string(clock.times(K).view("M8[ns]"))]),
        "seconds": (
            clock.seconds(K),
            [f"{ns // 10**9}.{ns % 10**9:09}" for ns in (clock.times(K) - START_NS).tolist()],
        ),
        "id": (K, [str(i) for i in K]),
    }
    for time, (values, texts) in told.items():
        for ending in FORMATS:
            out = write_table(make_table(mixed, ["current"], time=time), tmp_path / f"{time}{ending}")
            name = {"utc": "time", "seconds": "seconds", "id": "sample_id"}[time]
            found = read_back(out)[name][0]
            wanted = texts if ".csv" in ending else values.view("M8[ns]") if time == "utc" else values
            np.testing.assert_array_equal(found, wanted)


def test_parquet_knows_types_and_units(mixed, tmp_path):
    out = write_table(make_table(mixed, ["late", "current"], (8000, 8010)), tmp_path / "out.parquet")
    schema = pyarrow.parquet.read_schema(out)
    assert [str(kind) for kind in schema.types] == ["timestamp[ns, tz=UTC]", "uint8", "float"]
    assert schema.field("current").metadata == {b"units": b"A"}
    assert schema.field("late").metadata is None
    facts = {b"source": b"a", b"vendor": b"v", b"model": b"m", b"version": b"1", b"serial_number": b"7"}
    assert schema.metadata == facts | {b"sample_rate_hz": b"1000", b"first_sample_id": b"8000"}


def test_npz_has_names_and_units_in_their_order(tmp_path, opened):
    signals = [Fsr("units", K[:3], units="A", **SMALL), Fsr("a/b", K[:3], units="", **SMALL)]
    recording = opened(write(tmp_path / "run.jls", [], signals))
    with np.load(write_table(make_table(recording), tmp_path / "out.npz")) as arrays:
        assert arrays["columns"].tolist() == ["seconds", "units", "a/b"]
        assert arrays["units_"].tolist() == ["s", "A", ""]
        assert arrays["a/b"].tolist() == [0, 1, 2]


def test_npy_holds_one_column(mixed, tmp_path):
    out = write_table(make_table(mixed, ["late"], (7500, 7700)), tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(out), mixed.read("late", (7500, 7700)))
    with pytest.raises(SelectionError, match=r"\.npy holds one array, and these are 2: current, late"):
        write_table(make_table(mixed, ["current", "late"]), tmp_path / "two.npy")
    assert not (tmp_path / "two.npy").exists()


def test_names_that_csv_must_quote(tmp_path, opened):
    recording = opened(write(tmp_path / "run.jls", [], [Fsr('a,"b"', [1.5], units="V", **SMALL), Fsr("time", [2.5])]))
    write_csv(make_table(recording, time="id"), file := io.BytesIO(), units=True)
    assert pd.read_csv(io.BytesIO(file.getvalue())).columns.tolist() == ["sample_id", 'a,"b" [V]', "time"]
    tied = opened(write(tmp_path / "tied.jls", [], [Fsr("time", [2.5], ties=[(0, EPOCH)])]))
    assert csv_of(make_table(tied)).splitlines() == ["time_,time", "2026-03-01T10:00:00.000000000Z,2.5"]


def test_scaled_integers_are_physical(tmp_path, opened):
    raw = np.arange(-50, 50)
    recording = opened(write(tmp_path / "run.jls", [], [Fsr("v", raw, dtype="i16", q=8, **SMALL)]))
    for ending in FORMATS:
        out = write_table(make_table(recording), tmp_path / f"out{ending}")
        assert_holds(out, "v", raw / 256, np.ones(100, "?"))


def test_lost_samples_are_missing_and_counted(mixed, tmp_path, opened):
    """Also of integers, in every format; NumPy gets floats."""
    path = tmp_path / "bad.jls"
    data = (tmp_path / "mixed.jls").read_bytes()
    chunks = chunks_of(data)
    for signal_id in (1, 2, 3):
        chunk = [c for c in chunks if c.tag == 0x22 and c.meta & 0xFFF == signal_id][2]
        data = flip(data, chunk.offset + 40)
    path.write_bytes(data)
    recording = opened(path)
    for ending in FORMATS:
        table = make_table(recording, ["current", "late"])
        out = write_table(table, tmp_path / f"bad{ending}")
        assert table.lost == {name: n for name in ("current", "late") if (n := lost_of(recording, name))}
        assert set(table.lost) == {"current", "late"}
        for name in ("current", "late"):
            valid = np.zeros(12_000, "?")
            window = recording.signal(name).window
            valid[window.start : window.stop] = recording.read_valid(name)
            values = np.zeros(12_000, recording.signal(name).dtype)
            values[window.start : window.stop] = recording.read(name)
            if values.dtype.kind == "f":
                values[~valid] = np.nan
            assert_holds(out, name, values, valid)
    table = make_table(recording, ["gpi"], axis="current")
    write_csv(table, io.BytesIO())
    assert table.lost["gpi"] == lost_of(recording, "gpi") // 2
    table = make_table(recording, ["gpi"], every=100)
    write_csv(table, io.BytesIO())
    assert table.lost["gpi"] == lost_of(recording, "gpi")


def lost_of(recording, name):
    return int(np.count_nonzero(~recording.read_valid(name)))


def test_numpy_has_no_mark_for_wide_integers(tmp_path, opened):
    signals = [Fsr("a", K[:5], **SMALL), Fsr("wide", K[:3], dtype="i64", **SMALL)]
    recording = opened(write(tmp_path / "run.jls", [], signals))
    with pytest.raises(SelectionError, match="samples of 'wide' are missing, and NumPy has no mark for that in int64"):
        write_table(make_table(recording), tmp_path / "out.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["run.jls"]
    with np.load(write_table(make_table(recording, window=(0, 3)), tmp_path / "out.npz")) as arrays:
        assert arrays["wide"].dtype == np.int64


def test_what_fails_leaves_nothing_behind(mixed, tmp_path):
    def stop(_done, _total):
        raise KeyboardInterrupt

    for ending in (*FORMATS, ".npy"):
        with pytest.raises(KeyboardInterrupt):
            write_table(make_table(mixed, ["current"]), tmp_path / f"out{ending}", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["mixed.jls"]


@pytest.mark.parametrize("ending", [*FORMATS, ".npy"])
def test_progress_goes_from_piece_to_piece(mixed, tmp_path, monkeypatch, ending):
    monkeypatch.setattr(xjls.export.table, "SPAN_ROWS", 2048)
    seen = []
    table = make_table(mixed, ["current"])
    write_table(table, tmp_path / f"out{ending}", progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert len(seen) >= 5
    assert seen[-1] == (10_000, 10_000)


def test_a_file_that_is_there_stays(mixed, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("precious")
    with pytest.raises(FileExistsError, match=r"say overwrite=True"):
        write_table(make_table(mixed, ["current"]), out)
    assert out.read_text() == "precious"
    write_table(make_table(mixed, ["current"], (0, 1)), out, overwrite=True)
    assert len(out.read_text().splitlines()) == 2


def test_the_same_table_makes_the_same_bytes(mixed, tmp_path):
    for ending in FORMATS:
        files = [write_table(make_table(mixed, ["current"]), tmp_path / f"{i}{ending}") for i in range(2)]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_parquet_without_pyarrow(mixed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "xjls\[parquet\]"'):
        write_table(make_table(mixed, ["current"]), tmp_path / "out.parquet")
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == '["mixed.jls"]'
    write_table(make_table(mixed, ["current"]), tmp_path / "out.csv")


def test_endings(mixed, tmp_path):
    with pytest.raises(SelectionError, match=r"'out.xlsx' does not say what to write. Let it end in .csv, .csv.gz"):
        write_table(make_table(mixed, ["current"]), tmp_path / "out.xlsx")
    assert write_table(make_table(mixed, ["current"]), tmp_path / "OUT.CSV").exists()
