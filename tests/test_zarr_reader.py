"""Opening Zarr stores: what is a recording and what is not, damage of every object, what opening does not import."""

import json
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import fsspec
import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given
from hypothesis import strategies as st

import xjls
from tests.zarr_stores import FIRST_ID, WAVE, truth, write_by_zarr_python, write_small
from xjls.errors import CorruptError, NotRecognizedError, SelectionError, UnsupportedError
from xjls.formats import guess_format
from xjls.formats.carry import carry
from xjls.formats.zarr.writer import ZarrWriter
from xjls.testing import laws, write_demo
from xjls.testing.laws import equal_values


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("reader") / "run.zarr")


@pytest.fixture
def store(whole, tmp_path):
    """Return a copy that may be damaged."""
    shutil.copytree(whole, tmp_path / "run.zarr")
    return tmp_path / "run.zarr"


# ---- what is a recording -------------------------------------------------------------------------------------------


def test_every_door_opens_it(whole):
    with xjls.open_recording(whole) as recording, xjls.open(f"{whole}/") as ds:
        assert (recording.format, recording.path) == ("Zarr", str(whole))
        assert repr(recording) == f"<xjls.Recording {str(whole)!r} (Zarr): x, y, z>"
        assert ds.xjls.recording.token[:-2] == recording.token[:-2]
    with xr.open_dataset(whole, engine="jls", chunks={}, group="1") as level:
        assert level.x.sizes == {"time": 30_000 // 128, "statistic": 4}
    with xr.open_datatree(whole, engine="jls") as tree:
        assert equal_values(tree["0/y"].values, WAVE.astype("i2"))
    with xr.open_dataset(whole.rename(whole.with_name("noname")), engine=None) as ds:
        assert ds.xjls.recording.format == "Zarr"
    whole.with_name("noname").rename(whole)


def test_the_engine_is_guessed_by_the_root(whole, tmp_path):
    assert guess_format(whole).name == "Zarr"
    assert guess_format("s3://lab/run.zarr/").name == "Zarr"
    xr.Dataset({"x": ("t", [1.0])}).to_zarr(tmp_path / "plain.zarr", consolidated=False)
    for path in (tmp_path, tmp_path / "plain.zarr", tmp_path / "nothing"):
        assert guess_format(path) is None


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_plain_zarr_is_refused_with_the_way_to_open_it(tmp_path):
    xr.Dataset({"x": ("t", [1.0])}).to_zarr(tmp_path / "plain.zarr")
    for how in (xjls.open_recording, xjls.open):
        with pytest.raises(NotRecognizedError, match=r'plain Zarr.*plain.zarr. Open it with .* engine="zarr"'):
            how(tmp_path / "plain.zarr")
    zarr.create_array(tmp_path / "array.zarr", shape=(3,), dtype="f4")
    with pytest.raises(NotRecognizedError, match="plain Zarr"):
        xjls.open_recording(tmp_path / "array.zarr")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            r"^Is a directory, and there is no zarr\.json in it.* Open a file in it, or a store; one is none before",
        ),
        (b"{", "not that of Zarr v3.* Is it damaged"),
        (b"[1]", "not that of Zarr v3.* Take another copy"),
    ],
)
def test_a_folder_that_is_no_store_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "zarr.json").write_bytes(content)
    with pytest.raises(NotRecognizedError, match=message):
        xjls.open_recording(tmp_path)


def test_what_is_not_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        xjls.open_recording(tmp_path / "nothing.zarr")
    with pytest.raises(FileNotFoundError):
        xjls.open_recording("memory://nowhere/nothing.zarr")


def test_a_remote_object_of_no_format_is_refused():
    files = fsspec.filesystem("memory")
    files.pipe_file("/odd/run.bin", b"something else")
    try:
        with pytest.raises(NotRecognizedError, match=r"no format claims the first bytes.*tried: JLS v2, Zarr"):
            xjls.open_recording("memory://odd/run.bin")
    finally:
        files.rm("/odd", recursive=True)


def test_an_address_is_opened_whatever_it_is_called(whole, tmp_path):
    demo = write_demo(tmp_path / "demo.jls", seconds=0.05)
    files = fsspec.filesystem("memory")
    try:
        files.put(str(whole), "/odd/called_so", recursive=True)
        files.put(str(demo), "/odd/demo.zarr")
        assert xjls.open_recording("memory://odd/called_so").format == "Zarr"
        assert xjls.open_recording("memory://odd/demo.zarr").format == "JLS v2"
    finally:
        files.rm("/odd", recursive=True)


def test_opening_imports_neither_zarr_nor_numba(whole, tmp_path):
    write_demo(tmp_path / "demo.jls", seconds=0.05)
    code = (
        "import sys, xjls; r = xjls.open_recording(sys.argv[1]); r.signals, r.annotations, r.status, r.ties('x'), r;"
        "assert not {'zarr', 'numcodecs', 'numba', 'xarray'} & set(sys.modules), 'opened';"
        "j = xjls.open_recording(sys.argv[2]); j.signals, j.read('current', (0, 5));"
        "assert not {'zarr', 'numcodecs'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(whole), str(tmp_path / "demo.jls")], check=True)


def test_a_store_that_is_gone_is_not_found(store):
    pickled = pickle.dumps(xjls.open_recording(store))
    shutil.rmtree(store)
    with pytest.raises(FileNotFoundError, match=r"run\.zarr"):
        pickle.loads(pickled)


def test_a_store_pickles_and_opens_elsewhere(whole):
    with xjls.open_recording(whole) as recording:
        copies = [pickle.loads(pickle.dumps(recording)) for _ in range(2)]
        assert copies[0] is copies[1]
        assert equal_values(copies[0].read("x"), WAVE)


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_a_store_by_another_hand_is_read(tmp_path):
    """Written by zarr-python from the description of the layout: every law holds."""
    expected = truth()
    with xjls.open_recording(write_by_zarr_python(tmp_path / "run.zarr")) as recording:
        for law in laws.LAWS:
            law(recording, expected)
        assert recording.check() == ()


@given(a=st.integers(0, 30_000), b=st.integers(0, 30_000), name=st.sampled_from("xyz"))
def test_any_window_is_a_slice(whole, a, b, name):
    start, stop = sorted((a, b))
    samples = truth().signals[name].samples[start:stop]
    recording = xjls.open_recording(whole)
    assert equal_values(recording.read(name, (FIRST_ID + start, FIRST_ID + stop)), samples)
    found = recording.statistics(name, (FIRST_ID + start, FIRST_ID + stop))
    assert found.count == len(samples)
    assert found.exact
    if len(samples):
        assert (found.min, found.max) == (samples.min(), samples.max())
        np.testing.assert_allclose(found.mean, samples.mean(dtype="f8"), rtol=1e-6, atol=1e-3)
        np.testing.assert_allclose(found.std, samples.std(dtype="f8"), rtol=1e-5, atol=1e-3)


def test_threads_read_the_same(whole):
    rng = np.random.default_rng(0)
    windows = np.sort(rng.integers(0, len(WAVE), (400, 2)), axis=1).tolist()
    with xjls.open_recording(whole) as recording, ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda w: recording.read("x", (FIRST_ID + w[0], FIRST_ID + w[1])), windows))
    assert all(equal_values(values, WAVE[a:b]) for values, (a, b) in zip(found, windows, strict=True))


# ---- other programs ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_a_store_that_zarr_python_consolidates_again_opens(store):
    zarr.consolidate_metadata(store)
    with xjls.open_recording(store) as recording:
        laws.windows_are_slices(recording, truth())
        laws.levels_are_reductions(recording, truth())


def test_an_attribute_beside_ours_changes_nothing(store):
    zarr.open_group(store, mode="r+").attrs["comment"] = "mine"
    assert xjls.open_recording(store).signal("x").length == len(WAVE)


def changed(store, change):
    root = json.loads((store / "zarr.json").read_text())
    change(root)
    (store / "zarr.json").write_text(json.dumps(root))


def ours(root):
    return root["attributes"]["xjls"]


def array(root):
    return root["consolidated_metadata"]["metadata"]["0/x"]


def shards(root):
    return array(root)["codecs"][0]["configuration"]


CHANGES = {
    "layout": (lambda r: ours(r).update(layout=2), UnsupportedError, "layout 2 of Zarr recordings.* reads layout 1"),
    "id": (lambda r: ours(r)["signals"][0].update(first_sample_id=5), CorruptError, "checksum of its root differs"),
    "rate": (lambda r: ours(r)["signals"][0].update(rate_hz="1/0"), CorruptError, "is not what xjls writes"),
    "key": (lambda r: ours(r).pop("sources"), CorruptError, r"not what xjls writes \(KeyError: 'sources'"),
    "consolidated": (lambda r: r.pop("consolidated_metadata"), CorruptError, r"not consolidated.*consolidate_metadata"),
    "array": (
        lambda r: r["consolidated_metadata"]["metadata"].pop("0/x"),
        CorruptError,
        r"an array '0/x' and does not.*consolidate_metadata",
    ),
    "shape": (lambda r: array(r).update(shape=[30_001]), CorruptError, "checksum of its root differs"),
    "keys": (
        lambda r: array(r)["chunk_key_encoding"].update(name="v2"),
        UnsupportedError,
        "keys of chunks are written",
    ),
    "codec": (lambda r: shards(r)["codecs"].pop(), UnsupportedError, "chunks are coded by"),
    "index": (lambda r: shards(r).update(index_location="start"), UnsupportedError, "shards have another index"),
    "chunk": (lambda r: shards(r).update(chunk_shape=[5]), UnsupportedError, r"chunks are \[5\]"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_root_that_says_something_else_is_refused(store, what):
    change, error, message = CHANGES[what]
    changed(store, change)
    with pytest.raises(error, match=message):
        xjls.open_recording(store)


def test_a_closed_store_refuses_reads(whole):
    recording = xjls.open_recording(whole)
    recording.statistics("x")
    recording.close()
    for read in (lambda: recording.read("x"), lambda: recording.read_level("x", 1), lambda: recording.statistics("x")):
        with pytest.raises(ValueError, match="is closed"):
            read()


def test_checking_tells_how_far_it_is(whole):
    seen = []
    assert xjls.open_recording(whole).check(lambda done, total: seen.append((done, total))) == ()
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_a_target_that_does_not_fit_is_refused(whole):
    with pytest.raises(ValueError, match=r"needed is a writable, contiguous float32\[5\]"):
        xjls.open_recording(whole).read("x", (FIRST_ID, FIRST_ID + 5), out=np.zeros(4, "f4"))


def test_no_signal_is_made_up(whole):
    with pytest.raises(SelectionError, match="no signal 'w'"):
        xjls.open_recording(whole).read("w")


def test_a_store_is_carried_into_another(whole, tmp_path):
    with xjls.open_recording(whole) as recording, ZarrWriter(tmp_path / "copy.zarr", codec="zstd") as writer:
        assert carry(recording, writer) == {}
    with xjls.open_recording(tmp_path / "copy.zarr") as copy:
        for law in laws.LAWS:
            law(copy, truth())
