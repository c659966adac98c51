"""Zarr stores that are damaged anywhere: what is left is right, what is gone is named, or it is refused."""

import shutil

import numpy as np
import pytest
import zarr

import xjls
from tests.zarr_stores import FIRST_ID, WAVE, truth, write_small
from xjls.errors import CorruptError, LostSamplesError
from xjls.testing import laws
from xjls.testing.laws import equal_values
from xjls.testing.laws.damage import damage_is_named


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("damage") / "run.zarr")


@pytest.fixture
def store(whole, tmp_path):
    """Return a copy that may be damaged."""
    shutil.copytree(whole, tmp_path / "run.zarr")
    return tmp_path / "run.zarr"


def test_a_flipped_byte_of_samples_is_named(store):
    path = store / "0/x/c.1"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    window = (FIRST_ID + 8192, FIRST_ID + 8192 + 2048)
    with xjls.open_recording(store) as recording:
        with pytest.raises(
            LostSamplesError,
            match=r"samples 8_269–10_317 of 'x' are lost: its checksum differs at byte 0 of .*0/x/c\.1",
        ):
            recording.read("x")
        assert equal_values(recording.read("x", (FIRST_ID, window[0])), WAVE[:8192])
        (damage,) = recording.check()
        assert damage.problem == "0/x/c.1: its checksum differs"
        assert damage.consequence == "samples 8_269–10_317 of 'x' are lost"
        assert not recording.status.complete
        (gap,) = recording.status.gaps["x"]
        assert (gap.window.start, gap.window.stop) == window
    with xjls.open_recording(store, on_damage="gap") as recording:
        samples = recording.read("x")
        assert np.isnan(samples[8192:10_240]).all()
        assert equal_values(samples[10_240:], WAVE[10_240:])
        found = recording.read_statistics("x")
        assert (found.lost, found.count) == (2048, len(WAVE) - 2048)
        assert recording.statistics("x", window).count + recording.statistics("x", window).lost == 2048
    with xjls.open_recording(store, verify=False) as recording:
        assert np.isfinite(recording.read("x")).all()


def test_a_missing_shard_is_lost_and_never_a_fill_value(store):
    """Where zarr-python says NaN or 0 in silence."""
    (store / "0/y/c.2").unlink()
    assert not zarr.open_group(store, mode="r")["0/y"][16_384:24_576].any()
    with (
        xjls.open_recording(store) as recording,
        pytest.raises(LostSamplesError, match=r"there is no such object: .*c\.2"),
    ):
        recording.read("y")
    with xjls.open_recording(store, on_damage="gap") as recording:
        assert recording.read_valid("y").sum() == len(WAVE) - 8192
        assert not recording.read("y", (FIRST_ID + 16_384, FIRST_ID + 24_576)).any()
        with xjls.open(store, on_damage="gap") as ds:
            assert (~ds.y_valid).sum() == 8192


@pytest.mark.parametrize("harm", ["cut", "empty", "index", "other"])
def test_a_broken_shard_is_lost(store, harm):
    path = store / "0/x/c.0"
    data = path.read_bytes()
    if harm == "index":
        data = data[:-10] + b"\xff" + data[-9:]
    elif harm == "other":
        data = (store / "0/x/c.3").read_bytes()
    path.write_bytes({"cut": data[:5000], "empty": b""}.get(harm, data))
    with xjls.open_recording(store) as recording:
        if harm == "other":  # its last chunks were never written
            assert len(recording.read("x", (FIRST_ID, FIRST_ID + 5))) == 5
        with pytest.raises(LostSamplesError, match=r"its index is damaged|never written"):
            recording.read("x", (FIRST_ID, FIRST_ID + 8192))
        assert equal_values(recording.read("x", (FIRST_ID + 8192, None)), WAVE[8192:])


def test_damaged_entries_are_made_anew(store):
    for index in (1, 2):
        for i, path in enumerate(sorted((store / f"{index}/x").glob("c.*"))):
            path.write_bytes(path.read_bytes()[:-9] + b"\0" * 9) if i % 2 else path.unlink()
    expected = truth()
    with xjls.open_recording(store) as recording:
        laws.levels_are_reductions(recording, expected)
        laws.statistics_are_exact(recording, expected)
        laws.columns_are_statistics(recording, expected)
        assert any("are made anew" in damage.consequence for damage in recording.status.damage)
        assert "x" not in recording.status.gaps


def test_entries_of_which_nothing_is_left_are_made_anew(store):
    for path in (store / "1/x").glob("c.*"):
        path.write_bytes(b"12")
    with xjls.open_recording(store) as recording:
        laws.levels_are_reductions(recording, truth())
        assert any("it is cut off" in damage.problem for damage in recording.status.damage)


def test_an_index_that_leads_elsewhere_is_damage(store):
    """Whole in itself, and of a longer object."""
    path = store / "0/x/c.0"
    data = path.read_bytes()
    path.write_bytes(data[:5000] + data[-(16 * 4 + 4) :])
    with (
        xjls.open_recording(store) as recording,
        pytest.raises(LostSamplesError, match="its index is of another object"),
    ):
        recording.read("x", (FIRST_ID, FIRST_ID + 5))


def test_damaged_ties_say_what_works_without_them(store):
    (path,) = (store / "ties/x").glob("c.*")
    path.write_bytes(path.read_bytes()[:-9])
    with (
        xjls.open_recording(store) as recording,
        pytest.raises(CorruptError, match=r'ties of .x. cannot.*time="seconds"'),
    ):
        recording.ties("x")


def test_a_file_that_shrinks_under_a_reader_is_named(store):
    with xjls.open_recording(store) as recording:
        recording.read("x", (FIRST_ID, FIRST_ID + 5))
        with (store / "0/x/c.0").open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(LostSamplesError, match="shrank"):
            recording.read("x", (FIRST_ID, FIRST_ID + 5000))


def test_any_damage_is_named_or_refused(whole, tmp_path):
    """Bytes flipped, objects cut or removed: right, or named, or refused; never wrong samples."""
    rng = np.random.default_rng(20)
    objects = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    vital = [path for path in objects if path.parts[0] in "01234" and path.name.startswith("c.")]
    opened = 0
    for turn in range(60):
        folder = tmp_path / f"{turn}.zarr"
        shutil.copytree(whole, folder)
        path = folder / (vital if turn % 3 else objects)[rng.integers(len(vital if turn % 3 else objects))]
        data = bytearray(path.read_bytes())
        how = turn // 3 % 3
        if how == 0:
            data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
            path.write_bytes(data)
        elif how == 1:
            path.write_bytes(data[: rng.integers(len(data))])
        else:
            path.unlink()
        opened += damage_is_named(lambda policy, f=folder: xjls.open_recording(f, on_damage=policy), truth())
        shutil.rmtree(folder)
    assert opened > 20


def test_every_byte_of_the_root_counts(whole, store):
    """A digit or a letter that was changed is refused, or makes no difference."""
    root = (whole / "zarr.json").read_bytes()
    rng = np.random.default_rng(21)
    for place in rng.integers(len(root), size=150).tolist():
        data = bytearray(root)
        data[place] ^= 1 << int(rng.integers(7))
        (store / "zarr.json").write_bytes(data)
        try:
            recording = xjls.open_recording(store)
        except xjls.XjlsError:
            continue
        with recording:
            assert dict(recording.signals) == dict(xjls.open_recording(whole).signals)
            assert equal_values(recording.read("x", (None, FIRST_ID + 3000)), WAVE[:3000])
