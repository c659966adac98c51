"""Every scenario of JLS v2 carried into a Zarr store, held to the laws of a recording, and read by zarr-python."""

import itertools

import fsspec
import numpy as np
import pytest
import xarray as xr
import zarr

import xjls
from xjls.formats.carry import carry
from xjls.formats.jls2.sink import Jls2Sink
from xjls.formats.zarr.writer import ZarrWriter
from xjls.testing.laws import LAWS, closing_twice_is_harmless, equal_values
from xjls.testing.scenarios import SCENARIOS

HOLED = {"lossy_omission", "omitted_tail", "unclosed_omission"}
"""Scenarios in which samples are lost: in a store they are samples that nobody delivered."""
NAMES = [make.__name__ for make in SCENARIOS]
WHOLE = [name for name in NAMES if name not in HOLED]
SMALL = {
    "xjls.formats.zarr.stream.SHARD_SAMPLES": 8192,
    "xjls.formats.zarr.stream.CHUNK_SAMPLES": 2048,
    "xjls.formats.zarr.stream.CHUNK_ENTRIES": 30,
    "xjls.formats.zarr.stream.FEWEST_ENTRIES": 3,
    "xjls.formats.zarr.ties.CHUNK_TIES": 16,
    "xjls.formats.zarr.records.PAGE_RECORDS": 3,
}
"""Sizes of the writer with which small recordings have many objects."""
SMALL_READS = {
    "xjls.formats.zarr.objects.KEEP_BYTES": 4096,
    "xjls.formats.zarr.objects.KEEP_OBJECTS": 2,
    "xjls.formats.zarr.places.BLOCK_ENTRIES": 20,
    "xjls.formats.zarr.places.BLOCK_SAMPLES": 100,
    "xjls.formats.zarr.track.STEP_ENTRIES": 40,
    "xjls.formats.zarr.track.STEP_SAMPLES": 300,
}
"""What is kept, or done at a time, so little that it is done again and again."""
CODECS = [None, "zstd", "blosc"]


@pytest.fixture(scope="module")
def store(scenario, tmp_path_factory):
    """Return the store of a scenario and what is expected of it; written once, with small objects."""
    folder = tmp_path_factory.mktemp("stores")
    made = {}

    def store_and_truth(name, codec=None):
        if (name, codec) not in made:
            path, expected = scenario(name)
            with pytest.MonkeyPatch.context() as patch, xjls.open_recording(path, on_damage="gap") as recording:
                for bound, value in SMALL.items():
                    patch.setattr(bound, value)
                with ZarrWriter(folder / f"{name}-{codec}.zarr", codec=codec) as writer:
                    carry(recording, writer)
                    if codec == "blosc":  # what was flushed is cut another way
                        writer.flush()
            made[name, codec] = folder / f"{name}-{codec}.zarr", expected
        return made[name, codec]

    return store_and_truth


@pytest.mark.parametrize("on_damage", ["raise", "gap"])
@pytest.mark.parametrize("law", [*LAWS, closing_twice_is_harmless], ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", WHOLE)
def test_every_law_holds(store, name, law, on_damage):
    path, expected = store(name)
    with xjls.open_recording(path, on_damage=on_damage) as recording:
        law(recording, expected)


@pytest.mark.parametrize("codec", CODECS[1:])
@pytest.mark.parametrize("name", WHOLE)
def test_every_law_holds_when_compressed(store, name, codec):
    path, expected = store(name, codec)
    for verify in (True, False):
        with xjls.open_recording(path, verify=verify) as recording:
            for law in LAWS:
                law(recording, expected)


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_depends_on_what_is_kept(store, name, monkeypatch):
    path, expected = store(name)
    for bound, value in SMALL_READS.items():
        monkeypatch.setattr(bound, value)
    with xjls.open_recording(path) as recording:
        for law in LAWS:
            law(recording, expected)


@pytest.mark.parametrize("name", WHOLE)
def test_a_remote_store_is_read_as_a_folder_is(store, name):
    path, expected = store(name)
    files = fsspec.filesystem("memory")
    try:
        files.put(str(path), "/stores/run.zarr", recursive=True)
        with xjls.open_recording("memory://stores/run.zarr") as recording:
            for law in LAWS:
                law(recording, expected)
    finally:
        files.rm("/stores", recursive=True)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("name", NAMES)
def test_zarr_python_reads_the_same(store, name, codec):
    """The oracle of the format: arrays, labels, and nothing that it does not know."""
    path, _ = store(name, codec)
    group = zarr.open_group(path, mode="r")
    with xjls.open_recording(path, on_damage="gap") as recording:
        arrays = {one["name"]: one["array"] for one in group.attrs["xjls"]["signals"]}
        for signal in recording.signals.values():
            if not signal.has_samples:
                continue
            array = group[f"0/{arrays[signal.name]}"]
            assert equal_values(np.asarray(array[:]), recording.read(signal.name))
            for level in signal.levels:
                entries = group[f"{level.index}/{arrays[signal.name]}"]
                assert entries.attrs["samples_per_entry"] == level.factor
                np.testing.assert_array_equal(np.asarray(entries[:]), recording.read_level(signal.name, level.index))
                assert list(group[f"{level.index}/statistic"][:]) == ["mean", "std", "min", "max"]
    unconsolidated = zarr.open_group(path, mode="r", use_consolidated=False)
    assert dict(unconsolidated.members(max_depth=None)).keys() == dict(group.members(max_depth=None)).keys()


@pytest.mark.parametrize("name", NAMES)
def test_plain_xarray_reads_the_tree(store, name):
    path, expected = store(name)
    if not any(signal.samples is not None for signal in expected.signals.values()):
        return
    with xr.open_datatree(path, engine="zarr", chunks={}) as tree, xjls.open_recording(path) as recording:
        nodes = set(tree.children) - {"ties", "records"}
        assert sorted(map(int, nodes)) == list(range(max(len(s.levels) for s in recording.signals.values()) + 1))
        assert not tree.to_dataset(inherit=False).variables
        arrays = {one["name"]: one["array"] for one in tree.attrs["xjls"]["signals"]}
        for signal in recording.signals.values():
            if signal.has_samples:
                variable = tree[f"0/{arrays[signal.name]}"]
                scale = signal.scale_factor
                np.testing.assert_array_equal(
                    variable.values, recording.read(signal.name) * (scale if scale != 1 else 1)
                )
                assert variable.attrs["units"] == signal.units
                assert variable.dims[0].startswith("time")


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("codec", [None, "blosc"])
def test_tie_points_tell_the_time(store, name, codec):
    """What CF says of them, exact up to the rounding of the straight lines, on samples and on every level."""
    path, _ = store(name, codec)
    group = zarr.open_group(path, mode="r")
    arrays = {one["name"]: one["array"] for one in group.attrs["xjls"]["signals"]}
    with xjls.open_recording(path) as recording:
        for signal in recording.signals.values():
            alone = [other for other in recording.signals.values() if recording.ties(other.name)]
            if not signal.length or (alone and not recording.ties(signal.name)):
                continue
            clock = recording.clock(signal.name)
            for index, factor in enumerate((1, *(level.factor for level in signal.levels))):
                data = group[f"{index}/{arrays[signal.name]}"]
                if "coordinate_interpolation" not in data.attrs:
                    continue
                times, how = data.attrs["coordinate_interpolation"].split(": ")
                (dim, positions, _) = group[f"{index}/{how}"].attrs["tie_point_mapping"].replace(":", "").split()
                assert dim == data.metadata.dimension_names[0]
                at, known = np.asarray(group[f"{index}/{positions}"][:]), np.asarray(group[f"{index}/{times}"][:])
                assert at[0] == 0
                assert at[-1] == data.shape[0] - 1
                asked = np.unique(np.linspace(0, data.shape[0] - 1, 50).astype(int))
                exact = np.array([clock.time(signal.first_id + int(i) * factor) for i in asked], dtype=object)
                told = [_interpolated(int(i), at.tolist(), known.tolist()) for i in asked]
                if times.endswith("_s"):
                    zero = clock.time(signal.first_id)
                    np.testing.assert_allclose(told, [(t - zero) / 1e9 for t in exact], atol=2e-9)
                else:
                    assert max(abs(a - b) for a, b in zip(told, exact, strict=True)) <= 1


def _interpolated(position, at, known):
    from fractions import Fraction

    after = min(max(np.searchsorted(at, position, "right"), 1), len(at) - 1)
    if len(at) == 1:
        return known[0]
    share = Fraction(position - at[after - 1], at[after] - at[after - 1])
    return (
        float(known[after - 1] + share * (known[after] - known[after - 1]))
        if isinstance(known[0], float)
        else (known[after - 1] + int(share * (known[after] - known[after - 1])))
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HOLED])
def test_a_recording_comes_back_from_a_store_noun_by_noun(store, scenario, tmp_path, name):
    """JLS to Zarr to JLS: samples, ties, annotations, user data, sources and all facts of signals."""
    original, _ = scenario(name)
    path, _ = store(name)
    with xjls.open_recording(path) as recording, Jls2Sink(str(tmp_path / "back.jls")) as sink:
        assert carry(recording, sink) == {}
    with (
        xjls.open_recording(original, on_damage="gap") as first,
        xjls.open_recording(path) as second,
        xjls.open_recording(tmp_path / "back.jls") as third,
    ):
        for one, other in itertools.pairwise((first, second, third)):
            assert_same(one, other)


def assert_same(one, other):
    """Hold two recordings to each other."""
    facts = (
        "id",
        "name",
        "units",
        "dtype",
        "rate_hz",
        "source",
        "window",
        "level_dtype",
        "scale_factor",
        "stored_type",
    )
    assert one.sources == other.sources
    assert list(one.signals) == list(other.signals)
    for name, signal in one.signals.items():
        for fact in facts:
            assert getattr(signal, fact) == getattr(other.signal(name), fact), (name, fact)
        if signal.has_samples:
            assert equal_values(one.read(name), other.read(name)), name
            assert np.array_equal(one.read_valid(name), other.read_valid(name))
            assert one.ties(name) == other.ties(name)
            assert [gap.window for gap in one.gaps(name)] == [gap.window for gap in other.gaps(name)]
    assert one.annotations == other.annotations
    assert one.user_data == other.user_data


@pytest.mark.parametrize("name", sorted(HOLED))
def test_lost_samples_are_gaps_of_the_store(store, scenario, name):
    """They never raise, are NaN or 0, and statistics and columns leave them out."""
    original, _ = scenario(name)
    path, expected = store(name)
    with xjls.open_recording(original, on_damage="gap") as source, xjls.open_recording(path) as recording:
        for truth in expected.signals.values():
            valid = recording.read_valid(truth.name)
            assert np.array_equal(valid, truth.valid)
            assert equal_values(recording.read(truth.name), source.read(truth.name))
            assert [gap.window for gap in recording.skipped(truth.name)] == [
                xjls.Window(truth.first_id + a, truth.first_id + b) for a, b in truth.lost
            ]
            left = truth.samples[valid].astype("f8")
            for found in (recording.statistics(truth.name), recording.read_statistics(truth.name)):
                assert found.count == left.size
                assert found.count + found.lost + found.nan == valid.size
                assert (found.min, found.max) == (left.min(), left.max())
                np.testing.assert_allclose(found.mean, left.mean(), rtol=1e-6)
                np.testing.assert_allclose(found.std, left.std(), rtol=1e-5)
            columns = recording.columns(truth.name, None, 7)
            for column in columns:
                inside = slice(column.window.start - truth.first_id, column.window.stop - truth.first_id)
                assert column.count == truth.valid[inside].sum()


@pytest.mark.parametrize("name", WHOLE)
def test_xarray_opens_it_as_it_opens_the_original(store, scenario, name):
    """One engine, one result: variables, values, times and tables are those of the JLS file."""
    original, _ = scenario(name)
    path, _ = store(name)
    how = {"join": "none", "levels": False}
    with xr.open_dataset(original, engine="jls", **how) as ds, xr.open_dataset(path, engine="jls", **how) as back:
        one, other = ds.load(), back.load()
        other.attrs["format"] = one.attrs["format"]
        one.attrs.pop("recording_status", None)
        xr.testing.assert_identical(one, other)
        assert ds.xjls.annotations.equals(back.xjls.annotations)
