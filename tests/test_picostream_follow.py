"""A PicoStream file that grows is followed, in this process and another; one that is emptied begins a new epoch."""

import contextlib
import fcntl
import multiprocessing
import os
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

import xjls
from xjls.errors import LostSamplesError
from xjls.formats.picostream import container
from xjls.formats.picostream.file import File
from xjls.storage.local import LocalFile
from xjls.testing.picostream import GrowingPicoStream, write_picostream

BLOCK = 1000
COUNTS = np.arange(30 * BLOCK).astype("i2")


def block(number):
    return COUNTS[number * BLOCK : (number + 1) * BLOCK]


def elsewhere(path, options, orders, done):
    """Write a file in another process, as it is told."""
    with GrowingPicoStream(path, block=BLOCK, **options) as file:
        for order in iter(orders.get, None):
            name, *values = order
            getattr(file, name)(*values)
            file.flush()
            done.put(order[0])
    done.put("closed")


class Elsewhere:
    """The same calls as those of `GrowingPicoStream`, in another process, flushed after each."""

    def __init__(self, path, **options):
        spawn = multiprocessing.get_context("spawn")
        self._orders, self._done = spawn.Queue(), spawn.Queue()
        self._process = spawn.Process(target=elsewhere, args=(str(path), options, self._orders, self._done))
        self._process.start()
        self._do("flush")

    def append(self, values):
        self._do("append", values)

    def reset(self):
        self._do("reset")

    def close(self):
        if self._process.is_alive():
            self._orders.put(None)
            assert self._done.get(timeout=60) == "closed"
            self._process.join(60)

    def _do(self, *order):
        self._orders.put(order)
        assert self._done.get(timeout=60) == order[0]


class Here(GrowingPicoStream):
    """A writer of this process, flushed now and then only: HDF5 knows what is not in the file yet."""

    def __init__(self, path, **options):
        super().__init__(path, block=BLOCK, **options)


@pytest.fixture(params=[Elsewhere, Here])
def growing(request, tmp_path):
    made = []

    def make(**options):
        path = tmp_path / "live.hdf5"
        made.append(request.param(path, **options))
        return made[-1], path

    yield make
    for file in made:
        file.close()


def test_what_is_added_is_seen(growing):
    file, path = growing()
    file.append(block(0))
    recording = xjls.open_recording(path)
    assert not recording.was_closed
    assert recording.signal("channel_a").length == BLOCK
    assert recording.statistics("channel_a").count == BLOCK
    before = xjls.open(path, format_options={"units": "mV"})
    for number in range(1, 4):
        file.append(block(number))
        assert recording.refresh()
        assert np.array_equal(recording.read("channel_a"), COUNTS[: (number + 1) * BLOCK])
        assert recording.statistics("channel_a").count == (number + 1) * BLOCK
    assert before.channel_a.size == BLOCK
    assert before.channel_a.values[-1] == pytest.approx(float(COUNTS[BLOCK - 1]) * 2000 / 32767)
    file.close()
    assert before.channel_a.values[0] == 0  # closing drops nothing
    assert recording.refresh()
    assert recording.was_closed
    assert recording.epoch == 0
    assert np.array_equal(recording.read("channel_a"), COUNTS[: 4 * BLOCK])


def test_following_yields_each_sample_once_and_ends_with_the_recording(growing):
    file, path = growing()
    file.append(block(0))
    numbers = iter(range(1, 6))

    def wait(_seconds):
        if (number := next(numbers, None)) is None:
            file.close()
        else:
            file.append(block(number))

    recording = xjls.open_recording(path)
    read = [recording.read("channel_a", new["channel_a"]) for new in recording.follow(from_start=True, wait=wait)]
    assert np.array_equal(np.concatenate(read), COUNTS[: 6 * BLOCK])


def test_a_reset_without_a_total_is_a_new_epoch(growing):
    file, path = growing()
    for number in range(5):
        file.append(block(number))
    recording = xjls.open_recording(path)
    acts = iter([file.reset, lambda: file.append(block(5)), lambda: file.append(block(6)), file.close])
    seen = []
    for new in recording.follow(from_start=True, wait=lambda _seconds: next(acts)()):
        seen.append((recording.epoch, new["channel_a"].start, new["channel_a"].stop))
        values = recording.read("channel_a", new["channel_a"])
    assert seen == [(0, 0, 5 * BLOCK), (1, 0, BLOCK), (1, BLOCK, 2 * BLOCK)]
    assert np.array_equal(values, block(6))


def test_with_a_total_sample_ids_go_on_and_what_was_dropped_unseen_is_passed_over(growing):
    file, path = growing(total_name="total_samples_written")
    for number in range(5):
        file.append(block(number))
    recording = xjls.open_recording(path)
    assert recording.signal("channel_a").origin_id == 0

    def dropped():
        file.append(block(5))
        file.reset()
        file.append(block(6))
        file.append(block(7))

    acts = iter([dropped, file.close])
    windows = []
    for new in recording.follow(from_start=True, wait=lambda _seconds: next(acts)()):
        windows.append((new["channel_a"].start, new["channel_a"].stop))
        values = recording.read("channel_a", new["channel_a"])
    assert windows == [(0, 5 * BLOCK), (6 * BLOCK, 8 * BLOCK)]
    assert recording.epoch == 0
    assert np.array_equal(values, COUNTS[6 * BLOCK : 8 * BLOCK])
    assert recording.clock("channel_a").time(6 * BLOCK) == 6 * BLOCK * 16


def test_what_was_dropped_is_not_read_as_what_took_its_place(growing):
    """HDF5 uses the same bytes again: who has not looked since must be told, not given other samples."""
    file, path = growing()
    for number in range(4):
        file.append(block(number))
    recording = xjls.open_recording(path)
    kept = xjls.open(path)
    assert np.array_equal(recording.read("channel_a"), COUNTS[: 4 * BLOCK])
    assert recording.statistics("channel_a").count == 4 * BLOCK
    file.reset()
    file.append(block(9))
    for ask in (
        lambda: recording.read("channel_a", (0, 10)),
        lambda: recording.statistics("channel_a"),
        lambda: kept.channel_a.values,
    ):
        with pytest.raises(LostSamplesError, match=r"has dropped these samples.*refresh"):
            ask()
    assert recording.refresh()
    assert np.array_equal(recording.read("channel_a"), block(9))


def test_what_was_refilled_is_told_by_its_first_samples(growing):
    """It is as long as before, and nothing counts the samples."""
    file, path = growing()
    for number in range(3):
        file.append(block(number))
    recording = xjls.open_recording(path)
    file.reset()
    for number in range(4, 8):
        file.append(block(number))
    with pytest.raises(LostSamplesError, match="has dropped these samples"):
        recording.read("channel_a", (2000, 2010))
    assert recording.refresh()
    assert recording.epoch == 1
    assert np.array_equal(recording.read("channel_a"), COUNTS[4 * BLOCK : 8 * BLOCK])


def test_time_stamps_of_just_now_are_not_trusted(growing):
    """Two changes within a tick of the system's clock bear one."""
    file, path = growing(total_name="total_samples")
    for number in range(3):
        file.append(block(number))
    tick = path.stat().st_mtime_ns + 10**12
    os.utime(path, ns=(tick, tick))
    recording = xjls.open_recording(path)
    file.reset()
    for number in range(4, 7):
        file.append(block(number))
    os.utime(path, ns=(tick, tick))
    with pytest.raises(LostSamplesError, match="has dropped these samples"):
        recording.read("channel_a", (0, 10))


@contextlib.contextmanager
def locked(path):
    """Hold the lock that HDF5 holds while it writes."""
    with Path(path).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_closing_may_change_nothing_but_the_lock(tmp_path):
    path = write_picostream(tmp_path / "live.hdf5", COUNTS)
    with locked(path):
        recording = xjls.open_recording(path)
        assert not recording.was_closed
        assert not recording.refresh()
    assert recording.refresh()
    assert recording.was_closed


def test_counts_that_are_just_being_made_are_waited_for(tmp_path, monkeypatch):
    path = write_picostream(tmp_path / "live.hdf5", block(0))
    move(path, "adc_counts", "later")
    monkeypatch.setattr(container, "time", SimpleNamespace(sleep=lambda _seconds: move(path, "later", "adc_counts")))
    with locked(path), contextlib.closing(File(path)) as file:
        assert np.array_equal(file.counts.read(0, BLOCK)[0], block(0))


def move(path, old, new):
    with h5py.File(path, "r+", locking=False) as file:
        file.move(old, new)


def test_places_that_were_read_from_a_file_of_two_moments_are_not_kept(tmp_path):
    """Its writer had counted a block, and not told yet that there is one more: samples seemed to be a block later."""
    path = write_picostream(tmp_path / "live.hdf5", COUNTS[: 3 * BLOCK], extra={"total_samples": 11 * BLOCK})
    with locked(path):
        recording = xjls.open_recording(path)
        assert recording.signal("channel_a").first_id == 8 * BLOCK
        with h5py.File(path, "r+", locking=False) as file:
            file["adc_counts"].resize((4 * BLOCK,))
            file["adc_counts"][3 * BLOCK :] = block(3)
        with pytest.raises(LostSamplesError, match="has dropped these samples"):
            recording.read("channel_a", (8 * BLOCK, 8 * BLOCK + 10))
        assert recording.refresh()
        assert np.array_equal(recording.read("channel_a", (7 * BLOCK, None)), COUNTS[: 4 * BLOCK])


def test_what_may_shrink_is_not_mapped(tmp_path, monkeypatch):
    """Touching what a mapping has lost kills the process."""
    path = write_picostream(tmp_path / "live.hdf5", COUNTS)
    with locked(path):
        monkeypatch.setattr(LocalFile, "mapping", None)
        recording = xjls.open_recording(path)
        assert np.array_equal(recording.read("channel_a"), COUNTS)
        assert recording.statistics("channel_a").max == COUNTS.max() * recording.signal("channel_a").scale_factor
        os.truncate(path, 20_000)
        for ask in (recording.read, recording.statistics):
            with pytest.raises(LostSamplesError, match="has dropped these samples"):
                ask("channel_a")


def test_a_live_only_file_without_a_total_says_that_its_origin_is_unknown(tmp_path):
    path = write_picostream(tmp_path / "live.hdf5", COUNTS[:5000], extra={"live_only": True, "max_buff_sec": 5.0})
    recording = xjls.open_recording(path)
    assert any("time origin is unknown" in note for note in recording.status.notes)
    assert recording.signal("channel_a").origin_id is None
    assert recording.signal("channel_a").first_id == 0
