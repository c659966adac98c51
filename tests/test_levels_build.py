"""Levels that are built for recordings without any: what they hold, and what becomes of a build that is cut short."""

import errno
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.levels_files import (
    PIECE,
    bare,
    files_of,
    hide_levels,
    make_small,
    next_level,
    open_bare,
    require_same_answers,
    sidecar_of,
    small_blocks,
    true_entries,
    write_bare,
    write_counts,
)
from xjls.errors import FormatError, SelectionError
from xjls.formats.levels import journal, pieces
from xjls.formats.levels.build import build
from xjls.model.sample_type import SAMPLE_TYPES, dtype_of, level_dtype_of, level_factors_of
from xjls.storage import locks
from xjls.testing import write_demo
from xjls.testing.jls2 import encode_definition
from xjls.testing.picostream import write_picostream
from xjls.testing.strategies import recordings

__all__ = ["bare", "small_blocks"]
INSIDE = (5_000, 5_100)
MARKS = (INSIDE, (70_000, 73_000), (299_990, 300_000))
"""Markers within an entry, over several entries, and at the end."""


# ---- what is built ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored_type", SAMPLE_TYPES)
def test_entries_are_those_of_numpy_from_float64_rows(tmp_path, bare, small_blocks, stored_type):
    rng = np.random.default_rng(3)
    factors = level_factors_of(stored_type)
    n = factors[2] * 2 + factors[0] + 5
    between = {"u1": (0, 2), "u4": (0, 16), "i4": (-8, 8)}.get(stored_type, (1, 120))
    samples = rng.integers(*between, n).astype(dtype_of(stored_type))
    if samples.dtype.kind == "f":
        samples += rng.standard_normal(n).astype(samples.dtype)
        samples[[3, 5000, 5001]] = np.nan
        samples[200 * factors[0] : 203 * factors[0]] = np.nan
    path = write_bare(tmp_path / "run.jls", samples, stored_type, first_id=77)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        described = recording.signal("x")
        assert described.level_factors == factors
        assert [level.length for level in described.levels] == [n // factor for factor in factors[:3]]
        wanted = true_entries(samples, factors[0])
        for level in described.levels:
            found = recording.read_level("x", level.index)
            assert found.dtype == level_dtype_of(stored_type)
            np.testing.assert_allclose(found, wanted.astype(found.dtype), rtol=1e-6 if found.itemsize == 4 else 1e-12)
            wanted = next_level(wanted)


def test_they_are_the_levels_that_a_recorder_wrote(tmp_path, monkeypatch):
    path = write_demo(tmp_path / "run.jls", seconds=0.5)
    with xjls.open_recording(path) as recorded:
        wanted = {name: [recorded.read_level(name, i + 1) for i in range(len(one.levels))]
                  for name, one in recorded.signals.items()}  # fmt: skip
    hide_levels(monkeypatch)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        for name, levels in wanted.items():
            assert len(recording.signal(name).levels) == len(levels) > 1
            for i, entries in enumerate(levels):
                # What those merge was rounded to float32: a deviation is less exact than a mean
                found = recording.read_level(name, i + 1)
                np.testing.assert_allclose(found, entries, rtol=2e-6, atol=1e-7 * np.abs(entries).max())


def test_higher_levels_are_not_made_of_rounded_ones(tmp_path, bare):
    samples = (3.3 + np.random.default_rng(2).normal(0, 1e-4, 128 * 400)).astype("f4")
    path = write_bare(tmp_path / "run.jls", samples)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        fine, coarse = recording.read_level("x", 1), recording.read_level("x", 2)
    wanted = next_level(true_entries(samples, 128))
    np.testing.assert_allclose(coarse, wanted, rtol=1e-7)
    assert np.abs(next_level(fine.astype("f8")) / wanted - 1).max() > 1e-6  # of what float32 leaves of level 1


def test_what_drivers_mark_as_lost_counts_in_no_entry(tmp_path, small_blocks):
    path, counts = write_counts(tmp_path / "run.hdf5", marks=MARKS)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        wanted = true_entries(counts, 256)
        np.testing.assert_allclose(recording.read_level("channel_a", 1), wanted, rtol=1e-5, atol=1e-3)
        assert np.isnan(wanted[275]).all()  # within the second run
        gaps = recording.skipped("channel_a")
        assert [(gap.window.start, gap.window.stop) for gap in gaps] == list(MARKS)
        assert all(gap.skipped for gap in gaps)
    assert require_same_answers(path) == 3


@pytest.mark.parametrize("chunk", [{"block": 7_001}, {"block": 50_000, "compression": "gzip"}])
def test_where_samples_lie_makes_no_difference(tmp_path, small_blocks, chunk):
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir()
    plain, _ = write_counts(folders[0] / "run.hdf5", marks=MARKS)
    packed, _ = write_counts(folders[1] / "run.hdf5", marks=MARKS, **chunk)
    for path in (plain, packed):
        xjls.build_levels(path, workers=2)
    with xjls.open_recording(plain) as a, xjls.open_recording(packed) as b:
        for level in (1, 2, 3):
            np.testing.assert_array_equal(a.read_level("channel_a", level), b.read_level("channel_a", level))
        assert a.skipped("channel_a") == b.skipped("channel_a")


def test_minima_and_maxima_each_have_levels(tmp_path, small_blocks):
    path, counts = write_counts(tmp_path / "run.hdf5", 200_000, mode="aggregate", marks=[(40_000, 40_001)])
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        for i, name in enumerate(("channel_a_min", "channel_a_max")):
            found = recording.read_level(name, 1)
            np.testing.assert_allclose(found, true_entries(counts[i::2], 256), rtol=1e-5, atol=1e-3)
    require_same_answers(path)


@given(drawn=recordings(max_samples=4000), workers=st.integers(1, 3))
@settings(max_examples=40)
def test_any_recording_answers_as_without(tmp_path_factory, drawn, workers):
    definition, _ = drawn
    with pytest.MonkeyPatch.context() as patch:
        hide_levels(patch)
        make_small(patch)
        path = tmp_path_factory.mktemp("drawn") / "run.jls"
        path.write_bytes(encode_definition(definition))
        try:
            xjls.build_levels(path, workers=workers)
        except SelectionError as error:
            assert "nothing to build" in str(error)  # noqa: PT017 - one of many lengths, most of which do not raise
        else:
            require_same_answers(path)
        shutil.rmtree(path.parent)


def test_it_says_how_far_it_is(tmp_path, small_blocks):
    path, counts = write_counts(tmp_path / "run.hdf5")
    seen = []
    xjls.build_levels(path, progress=lambda done, total: seen.append((done, total)))
    whole = len(counts) // 256 * 256
    assert seen[-1] == (whole, whole)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert len(seen) == -(-whole // (PIECE * 256)) == 3


# ---- plain Zarr ------------------------------------------------------------------------------------------------------


def test_zarr_python_reads_and_verifies_it(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5", 2_000_000)
    root = zarr.open_group(xjls.build_levels(path), mode="r")
    assert (sidecar_of(path) / "1/channel_a/c.7.0").is_file()
    with xjls.open_recording(path) as recording:
        for level in recording.signal("channel_a").levels:
            array = root[f"{level.index}/channel_a"]
            assert array.attrs["samples_per_entry"] == level.factor
            np.testing.assert_array_equal(array[:], recording.read_level("channel_a", level.index))
    assert list(root["1/statistic"][:]) == ["mean", "std", "min", "max"]
    shard = sidecar_of(path) / "1/channel_a/c.0.0"
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(data)
    with pytest.raises(ValueError, match="checksum"):
        root["1/channel_a"][:20]


def test_nothing_in_it_says_where_it_was_made(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5", marks=MARKS)
    xjls.build_levels(path)
    assert not [name for name, data in files_of(sidecar_of(path)).items() if str(tmp_path).encode() in data]


# ---- where it goes ---------------------------------------------------------------------------------------------------


def test_it_goes_where_it_is_told(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5")
    place = tmp_path / "levels"
    assert xjls.build_levels(path, to=place) == str(place)
    assert not sidecar_of(path).exists()
    with xjls.open_recording(path, sidecar=place) as recording, xjls.open_recording(path) as without:
        assert len(recording.signal("channel_a").levels) == 3
        assert without.signal("channel_a").levels == ()


def test_what_fits_is_left_alone(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5")
    sidecar = Path(xjls.build_levels(path))
    before = (sidecar / "zarr.json").stat().st_ino
    xjls.build_levels(path)
    assert (sidecar / "zarr.json").stat().st_ino == before
    xjls.build_levels(path, force=True)
    assert (sidecar / "zarr.json").stat().st_ino != before


def test_a_stale_one_is_replaced(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5")
    xjls.build_levels(path)
    write_counts(path, 400_000)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        assert recording.signal("channel_a").levels[0].length == 400_000 // 256
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.hdf5", "run.hdf5.levels.zarr"]


def test_what_is_no_sidecar_is_not_replaced(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5")
    place = tmp_path / "mine"
    place.mkdir()
    (place / "thesis.txt").write_text("do not lose")
    with pytest.raises(FileExistsError, match="is no sidecar"):
        xjls.build_levels(path, to=place)
    assert (place / "thesis.txt").read_text() == "do not lose"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert xjls.build_levels(path, to=empty) == str(empty)


def test_links_are_followed(tmp_path, small_blocks):
    (tmp_path / "real").mkdir()
    path, _ = write_counts(tmp_path / "real/run.hdf5")
    link = tmp_path / "link.hdf5"
    link.symlink_to(path)
    xjls.build_levels(path)
    with xjls.open_recording(link) as recording:
        assert len(recording.signal("channel_a").levels) == 3
    place = tmp_path / "moved"
    sidecar_of(path).rename(place)
    sidecar_of(path).symlink_to(place)
    xjls.build_levels(path, force=True)
    assert sidecar_of(path).is_symlink()
    with xjls.open_recording(path) as recording:
        assert len(recording.signal("channel_a").levels) == 3


# ---- nothing to build ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 255])
def test_what_is_short_has_nothing_to_build(tmp_path, n):
    path = write_picostream(tmp_path / "run.hdf5", np.zeros(n, "i2"), block=1)
    with pytest.raises(SelectionError, match=r"nothing to build: no signal of .* covers 256 samples or more"):
        xjls.build_levels(path)
    assert not sidecar_of(path).exists()


@pytest.mark.parametrize("n", [256, 257, 5120])
def test_one_entry_is_enough(tmp_path, n):
    path = write_picostream(tmp_path / "run.hdf5", np.arange(n, dtype="i2"), block=1)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        assert recording.read_level("channel_a", 1)[0, [2, 3]].tolist() == [0, 255]
        assert len(recording.signal("channel_a").levels) == 1 + n // 5120


def test_what_has_levels_has_nothing_to_build(tmp_path):
    path = write_demo(tmp_path / "run.jls", seconds=0.1)
    with pytest.raises(SelectionError, match=r"nothing to build: no signal of .* lacks levels"):
        xjls.build_levels(path)


def test_a_folder_has_no_sidecar(tmp_path, monkeypatch):
    path = write_demo(tmp_path / "run.jls", seconds=0.1)
    recording = open_bare(str(path), storage_options=None, on_damage="gap", verify=True)
    with recording:
        recording.path = str(tmp_path)
        with pytest.raises(SelectionError, match="is a folder"):
            build(recording, tmp_path / "x")


def test_an_address_needs_a_place_on_this_machine(tmp_path):
    with pytest.raises(SelectionError, match="Say where they go"):
        xjls.build_levels("memory://lab/run.hdf5")


# ---- cut short -------------------------------------------------------------------------------------------------------


class Cut(BaseException):
    """Stands for whatever ends a process at once."""


def cut_after(patch, count):
    """End the build in its n-th write, of which half arrives."""
    writes = {"left": count}
    lock = threading.Lock()

    def limited(write):
        def cut(file, data, *offset):
            with lock:
                writes["left"] -= 1
                if writes["left"] < 0:
                    raise Cut
                if not writes["left"]:
                    write(file, bytes(data)[: len(data) // 2], *offset)
                    raise Cut
                return write(file, data, *offset)

        return cut

    patch.setattr(os, "pwrite", limited(os.pwrite))
    patch.setattr(os, "write", limited(os.write))


def test_a_build_that_was_cut_short_is_gone_on_with(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5", marks=MARKS)
    wanted = files_of(Path(xjls.build_levels(path)))
    for count in range(1, 40):
        shutil.rmtree(sidecar_of(path))
        with pytest.MonkeyPatch.context() as patch:
            cut_after(patch, count)
            try:
                xjls.build_levels(path, workers=1 + count % 2)
            except Cut:
                assert not sidecar_of(path).exists()
            else:
                assert count > 10
                break
        with xjls.open_recording(path) as recording:
            assert not recording.signal("channel_a").levels
        xjls.build_levels(path)
        assert files_of(sidecar_of(path)) == wanted
        assert not list(tmp_path.glob(".*"))
    else:
        pytest.fail("never complete")


def test_pieces_that_are_done_are_not_made_again(tmp_path, small_blocks, monkeypatch):
    path, _ = write_counts(tmp_path / "run.hdf5", 1_500_000)  # 15 pieces
    with pytest.MonkeyPatch.context() as patch:
        cut_after(patch, 20)  # the head of the journal, and three writes a piece, or four across two files
        with pytest.raises(Cut):
            xjls.build_levels(path, workers=1)
    (part,) = tmp_path.glob(".*.part")
    shard = part / "1/channel_a/c.0.0"
    data = bytearray(shard.read_bytes())
    data[5] ^= 1
    shard.write_bytes(data)
    made = []
    real = pieces.SignalBuild._made
    monkeypatch.setattr(pieces.SignalBuild, "_made", lambda self, levels, n: made.append(n) or real(self, levels, n))
    xjls.build_levels(path, workers=1)
    assert made == [0, *range(5, 15)]  # the first was damaged meanwhile


def test_what_was_begun_of_another_file_is_not_gone_on_with(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5")
    with pytest.MonkeyPatch.context() as patch:
        cut_after(patch, 8)
        with pytest.raises(Cut):
            xjls.build_levels(path)
    counts = np.arange(250_000, dtype="i2")
    write_picostream(path, counts)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        np.testing.assert_allclose(recording.read_level("channel_a", 1), true_entries(counts, 256), rtol=1e-5)
    with pytest.MonkeyPatch.context() as patch:
        cut_after(patch, 10**6)
        fresh = files_of(sidecar_of(path))
        xjls.build_levels(path, force=True)
    assert files_of(sidecar_of(path)) == fresh


KILLED = """
    import os, signal, sys
    import xjls
    from xjls.formats.levels import layout
    layout.BLOCK_ENTRIES, layout.PIECE_BLOCKS, layout.SHARD_BLOCKS = 20, 20, 50
    left = [int(sys.argv[2])]
    for name in ("pwrite", "write"):
        def limited(*arguments, write=getattr(os, name)):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments)
        setattr(os, name, limited)
    xjls.build_levels(sys.argv[1])
"""


@pytest.mark.parametrize("writes", [1, 7, 13])
def test_a_killed_build_is_gone_on_with(tmp_path, small_blocks, writes):
    path, _ = write_counts(tmp_path / "run.hdf5", marks=MARKS)
    wanted = files_of(Path(xjls.build_levels(path, to=tmp_path / "wanted")))
    program = textwrap.dedent(KILLED)
    ended = subprocess.run([sys.executable, "-c", program, str(path), str(writes)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not sidecar_of(path).exists()
    xjls.build_levels(path)
    assert files_of(sidecar_of(path)) == wanted


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_nothing(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5", 3_000_000)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(
            OSError, match=r"no room for the levels\. Say where else they go, with to= or --to"
        ) as caught:
            xjls.build_levels(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    assert [p.name for p in tmp_path.iterdir()] == ["run.hdf5"]
    assert path.read_bytes() == before


def build_as_nobody(path, queue):
    try:
        os.setgid(65534)
        os.setuid(65534)
        xjls.build_levels(path)
    except BaseException as error:  # noqa: BLE001 - the parent shows it
        queue.put((type(error).__name__, str(error)))
    else:
        queue.put(("", ""))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_folder_that_cannot_be_written_to_names_the_way_out():
    folder = Path(tempfile.mkdtemp())  # others than root cannot look into pytest's own
    try:
        path, _ = write_counts(folder / "run.hdf5")
        folder.chmod(0o555)
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        process = context.Process(target=build_as_nobody, args=(str(path), queue))
        process.start()
        kind, text = queue.get()
        process.join()
        assert kind == "PermissionError"
        assert "levels cannot be put there. Say where else they go, with to= or --to" in text
        assert [p.name for p in folder.iterdir()] == ["run.hdf5"]
    finally:
        shutil.rmtree(folder)


def test_a_file_that_changes_meanwhile_has_no_levels(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5")

    def touch(done, total):
        os.utime(path, ns=(done, done))

    with pytest.raises(FormatError, match="was changed while its levels were built"):
        xjls.build_levels(path, progress=touch)
    assert [p.name for p in tmp_path.iterdir()] == ["run.hdf5"]


def test_another_error_is_its_own(tmp_path, small_blocks):
    path, _ = write_counts(tmp_path / "run.hdf5")

    def refuse(done, total):
        raise OSError(errno.EIO, "the screen is broken")

    with pytest.raises(OSError, match="the screen is broken"):
        xjls.build_levels(path, progress=refuse)
    assert not sidecar_of(path).exists()


def test_what_was_done_until_the_network_failed_is_gone_on_with(tmp_path, small_blocks, monkeypatch):
    path, _ = write_counts(tmp_path / "run.hdf5", 1_500_000)  # 15 pieces
    wanted = files_of(Path(xjls.build_levels(path, to=tmp_path / "wanted")))
    made = []
    real = pieces.SignalBuild._made

    def fail_at_ten(self, levels, number):
        if number == 10:
            raise OSError(errno.ETIMEDOUT, "the network is down")
        made.append(number)
        return real(self, levels, number)

    with monkeypatch.context() as patch:
        patch.setattr(pieces.SignalBuild, "_made", fail_at_ten)
        with pytest.raises(OSError, match="the network is down"):
            xjls.build_levels(path, workers=1)
    monkeypatch.setattr(pieces.SignalBuild, "_made", lambda self, levels, n: made.append(n) or real(self, levels, n))
    xjls.build_levels(path, workers=1)
    assert sorted(made) == list(range(15))  # each once
    assert files_of(sidecar_of(path)) == wanted
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("workers", [0, -1])
def test_somebody_must_build(tmp_path, workers):
    path, _ = write_counts(tmp_path / "run.hdf5")
    with pytest.raises(SelectionError, match=f"workers={workers} build nothing. Give 1 or more"):
        xjls.build_levels(path, workers=workers)


# ---- two at once -----------------------------------------------------------------------------------------------------


def test_two_builders_do_not_disturb_each_other(tmp_path, small_blocks, monkeypatch):
    path, _ = write_counts(tmp_path / "run.hdf5", 1_000_000)
    wanted = files_of(Path(xjls.build_levels(path, to=tmp_path / "wanted")))
    made = []
    real = pieces.SignalBuild._made
    monkeypatch.setattr(pieces.SignalBuild, "_made", lambda self, levels, n: made.append(n) or real(self, levels, n))
    threads = [threading.Thread(target=xjls.build_levels, args=(path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files_of(sidecar_of(path)) == wanted
    assert sorted(made) == list(range(-(-1_000_000 // 256 // PIECE)))  # once
    assert not list(tmp_path.glob(".*"))


def test_where_files_have_no_locks_levels_are_built(tmp_path, small_blocks, monkeypatch):
    path, _ = write_counts(tmp_path / "run.hdf5")
    monkeypatch.setattr(locks, "fcntl", None)
    xjls.build_levels(path)
    assert sidecar_of(path).is_dir()


def test_a_journal_that_is_damaged_counts_as_far_as_it_is_whole(tmp_path):
    piece = journal.Piece((1,), np.zeros((1, 4)), ())
    with journal.Journal(tmp_path / "part") as kept:
        kept.begin({"of": "x"})
        for number in range(3):
            kept.add(0, number, piece)
    file = tmp_path / "part" / journal.NAME
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], lines[2][:-9], b"\n", lines[3]]))
    with journal.Journal(tmp_path / "part") as found:
        found.begin({"of": "x"})
        assert [found.find(0, number) is not None for number in range(3)] == [True, False, False]
        found.add(0, 2, piece)
    with journal.Journal(tmp_path / "part") as found:
        found.begin({"of": "x"})
        assert found.find(0, 2).digests == (1,)
