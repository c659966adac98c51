"""Every oddity of the format, through every access path: the laws of a recording, and xarray's doors."""

import pickle

import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.testing.laws import LAWS, closing_twice_is_harmless, equal_values
from xjls.testing.scenarios import SCENARIOS

NAMES = [make.__name__ for make in SCENARIOS]
SAMPLED = [name for name in NAMES if name != "annotations_only"]
IN_TREES = [name for name in NAMES if name != "odd_names"]
"""Scenarios whose signals' names a DataTree can hold."""
CHUNKS = {"lazy": None, "dask": {}}


@pytest.mark.parametrize("on_damage", ["raise", "gap"])
@pytest.mark.parametrize("law", [*LAWS, closing_twice_is_harmless], ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_every_law_holds(scenario, name, law, on_damage):
    path, expected = scenario(name)
    with xjls.open_recording(path, on_damage=on_damage) as recording:
        law(recording, expected)


@pytest.mark.parametrize("name", NAMES)
def test_unverified_reads_are_the_same(scenario, name):
    path, expected = scenario(name)
    with xjls.open_recording(path, on_damage="gap", verify=False) as recording:
        for law in LAWS[:5]:
            law(recording, expected)


SMALL_BOUNDS = {
    "xjls.formats.jls2.chunks.GUESS": 48,
    "xjls.formats.jls2.chunks.RESYNC_BYTES": 512,
    "xjls.formats.jls2.levels.STEP_ENTRIES": 40,
    "xjls.formats.jls2.levels.STEP_SAMPLES": 100,
    "xjls.formats.jls2.nodes.KEEP": 4,
    "xjls.formats.jls2.samples.PIECE_BYTES": 1000,
    "xjls.formats.jls2.track.SCAN_CHUNKS": 8,
    "xjls.formats.jls2.tree.KEEP_SEGMENTS": 2,
    "xjls.formats.jls2.tree.MOST_INDEX_BYTES": 64,
    "xjls.formats.jls2.tree.PREPARE_BYTES": 100,
    "xjls.formats.jls2.tree.SEGMENT_CHUNKS": 8,
    "xjls.storage.local.HEAD_BYTES": 64,
    "xjls.storage.pool.FROM_BYTES": 64,
    "xjls.storage.remote.BLOCK_BYTES": 256,
    "xjls.storage.remote.KEEP_BLOCKS": 3,
    "xjls.storage.remote.MERGE_BYTES": 100,
    "xjls.storage.residency.SMALL_BYTES": 1,
    "xjls.storage.residency.SPAN_BYTES": 4096,
}
"""What is done in pieces, kept, or looked up by blocks, made so small that small recordings need many of them."""


@pytest.mark.parametrize("name", NAMES)
def test_nothing_depends_on_the_size_of_a_step(scenario, name, monkeypatch):
    path, expected = scenario(name)
    for bound, value in SMALL_BOUNDS.items():
        monkeypatch.setattr(bound, value)
    with xjls.open_recording(path, on_damage="gap") as recording:
        for law in LAWS:
            law(recording, expected)


@pytest.mark.parametrize(
    ("name", "bounds"),
    [*((name, "small") for name in NAMES), *((name, "usual") for name in ("default_f32", "many_ties", "unclosed"))],
)
def test_a_remote_object_is_read_as_a_file_is(scenario, remote, name, bounds, monkeypatch):
    path, expected = scenario(name)
    if bounds == "small":
        for bound, value in SMALL_BOUNDS.items():
            monkeypatch.setattr(bound, value)
    for on_damage in ("raise", "gap"):
        with xjls.open_recording(remote(path), on_damage=on_damage) as recording:
            for law in LAWS:
                law(recording, expected)


def test_a_remote_object_closes_as_a_file_does(scenario, remote):
    path, expected = scenario("default_f32")
    closing_twice_is_harmless(xjls.open_recording(remote(path)), expected)


# ---- through xarray ------------------------------------------------------------------------------------------------


def sampled(expected):
    return [signal for signal in expected.signals.values() if signal.samples is not None]


def scaled(recording, signal):
    """Return what xarray shows of a signal's samples: physical values, NaN where a float can say so."""
    scale = recording.signals[signal.name].scale_factor
    return signal.read if scale == 1 else np.where(signal.valid, signal.read * scale, np.nan)


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_holds_the_samples(scenario, name, chunks):
    path, expected = scenario(name)
    options = {"join": "none", "on_damage": "gap", "levels": False}
    with xr.open_dataset(path, engine="jls", chunks=CHUNKS[chunks], **options) as ds:
        names = {str(variable) for variable in ds.data_vars if not str(variable).endswith("_valid")}
        assert names == {signal.name for signal in sampled(expected)}
        for signal in sampled(expected):
            variable = ds[signal.name]
            assert (variable.chunks is None) == (CHUNKS[chunks] is None)
            assert variable.attrs["units"] == signal.units
            assert equal_values(variable.values, scaled(ds.xjls.recording, signal))
            valid = f"{signal.name}_valid"
            if variable.dtype.kind == "f":
                assert valid not in ds
            else:
                assert variable.attrs["ancillary_variables"] == valid
                assert equal_values(ds[valid].values, signal.valid)


@pytest.mark.parametrize("name", SAMPLED)
def test_time_is_the_clock(scenario, name):
    path, expected = scenario(name)
    with xr.open_dataset(path, engine="jls", chunks={}, join="none", levels=False, on_damage="gap") as ds:
        recording = ds.xjls.recording
        for signal in sampled(expected):
            time = ds[f"time_{signal.name}"]
            assert time.sizes == {f"time_{signal.name}": signal.samples.size}
            clock = recording.clock(signal.name)
            assert time.dtype == np.dtype("M8[ns]" if signal.ties else "f8")
            for position in {0, signal.samples.size // 2, signal.samples.size - 1} if signal.samples.size else ():
                value = time.variable[position].values
                if clock.utc:
                    assert value.view(np.int64) == clock.time(signal.first_id + position)
                else:
                    assert float(value) == position / signal.rate_hz


@pytest.mark.parametrize("name", SAMPLED)
def test_levels_are_those_of_the_recording(scenario, name):
    path, expected = scenario(name)
    with xr.open_dataset(path, engine="jls", join="none", levels=True, on_damage="gap") as ds:
        recording = ds.xjls.recording
        for signal in sampled(expected):
            scale = recording.signals[signal.name].scale_factor
            for level in recording.signals[signal.name].levels:
                variable = ds[f"{signal.name}_x{level.factor}"]
                dim = f"time_{signal.name}_x{level.factor}"
                assert variable.sizes == {dim: level.length, "statistic": 4}
                entries = recording.read_level(signal.name, level.index)
                np.testing.assert_array_equal(variable.values, entries if scale == 1 else entries * scale)
                labels = ds[f"time_{signal.name}"].variable[:: level.factor][: level.length]
                np.testing.assert_array_equal(np.asarray(ds[dim].variable), np.asarray(labels))


@pytest.mark.parametrize("name", IN_TREES)
def test_the_tree_holds_the_pyramid(scenario, name):
    path, expected = scenario(name)
    options = {"join": "outer", "on_damage": "gap"}
    with xr.open_datatree(path, engine="jls", **options) as tree:
        signals = {s.name: s for s in sampled(expected)}
        recording = tree["0"].to_dataset().xjls.recording if signals else None
        top = max((len(recording.signals[name].levels) for name in signals), default=0)
        assert sorted(map(int, tree.children)) == list(range(top + 1))
        assert not tree.to_dataset(inherit=False).variables
        for index in range(1, top + 1):
            node = tree[str(index)].to_dataset()
            assert {str(v) for v in node.data_vars} == {
                name for name in signals if len(recording.signals[name].levels) >= index
            }
            for variable in node.data_vars.values():
                assert variable.attrs["level"] == index
            with xr.open_dataset(path, engine="jls", group=str(index), **options) as group:
                xr.testing.assert_identical(group.load(), node.load())
        groups = xr.open_groups(path, engine="jls", **options)
        assert set(groups) == {"/", *(f"/{i}" for i in range(top + 1))}
        groups["/0"].close()


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_pickles(scenario, name):
    path, _ = scenario(name)
    for chunks in CHUNKS.values():
        with xr.open_dataset(path, engine="jls", chunks=chunks, on_damage="gap", join="outer") as ds:
            pickled = pickle.dumps(ds)
            with pickle.loads(pickled) as copy:
                xr.testing.assert_identical(copy.load(), ds.load())


@pytest.mark.parametrize("name", SAMPLED)
def test_annotations_and_ties_are_tables(scenario, name):
    path, expected = scenario(name)
    with xr.open_dataset(path, engine="jls", join="none", levels=False, on_damage="gap") as ds:
        ties = [(s.name, i, t) for s in sampled(expected) for i, t in s.ties]
        table = ds.xjls.ties
        assert [(row.signal, row.sample_id, row.time.value) for row in table.itertuples()] == ties
        notes = ds.xjls.annotations
        inside = [n for n in expected.annotations if n.sample_id is None or _is_inside(n, expected.signals[n.signal])]
        assert sorted(map(_key, notes.itertuples())) == sorted(map(_key, inside))
        times = notes.time.dropna()
        assert times.is_monotonic_increasing


def _is_inside(note, signal):
    return signal.first_id <= note.sample_id < signal.first_id + signal.samples.size


def _key(note):
    return note.signal, note.kind, note.group, repr(note.data)


def test_annotations_without_samples_are_a_table_too(scenario):
    path, expected = scenario("annotations_only")
    with xjls.open(path) as ds:
        assert list(ds.xjls.annotations.data) == ["event 0", "event 0", "event 1", "event 2"]
        assert len(expected.annotations) == 4


def test_a_name_that_a_tree_cannot_hold_is_refused(scenario):
    path, _ = scenario("odd_names")
    with pytest.raises(xjls.SelectionError, match=r"'Strom µA/Δ'.*signals="):
        xr.open_datatree(path, engine="jls")
    with xr.open_datatree(path, engine="jls", signals=["gpi[0]", "a.b"]) as tree:
        assert set(tree["0"].data_vars) == {"gpi[0]", "a.b"}
