"""PicoStream files that are none, cut off, locked, never flushed or broken: each says what it is and what to do.

HDF5 has no checksums, so that a broken count is another count; but whatever byte is broken, nothing crashes, hangs, or
takes the computer's memory, and what opens can be read. ``python -m tests.campaigns.fuzz`` goes on from here.
"""

import contextlib
import faulthandler
import hashlib
import multiprocessing
import os
import re
import resource
import struct
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

import xjls
from xjls.errors import CorruptError, FormatError, NotRecognizedError, TruncatedError, UnsupportedError
from xjls.testing.jls2 import flip, truncate, zero
from xjls.testing.laws import equal_values
from xjls.testing.picostream import GrowingPicoStream, counts_of, write_picostream

CASE_S = 60
"""A case that takes longer ends its process, with a traceback: HDF5 may first make room for a text of 2 GiB."""
MEMORY_BYTES = 3 << 30
"""Address space of a process that looks at broken files, most of it numba's."""
LOOKED_AT = 5000
"""Samples that are read of a broken file, at either end."""


@pytest.fixture
def target(tmp_path):
    return tmp_path / "run.hdf5"


def opening(path, **options):
    return xjls.open_recording(path, **options)


# ---- other files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "found"),
    [(b"", "there are none"), (b"a note", "61 20 6e 6f 74 65"), (b"\x89HDF", "89 48 44 46"), (b"\0" * 5000, "00 00 ")],
)
def test_what_is_no_hdf5_is_not_recognized(target, data, found):
    target.write_bytes(data)
    with pytest.raises(
        NotRecognizedError, match=rf"no format claims the first bytes, {found}.*tried: JLS v2, Zarr, Pico.*Is it a rec"
    ):
        opening(target)


def test_what_is_not_there_is_not_found(target):
    with pytest.raises(FileNotFoundError, match=r"run\.hdf5"):
        opening(target)


def test_a_netcdf_file_is_not_pico_streams(target):
    with h5py.File(target, "w") as file:
        file.attrs["_NCProperties"] = "version=2,netcdf=4.9.2"
        file["time"], file["temperature"] = np.arange(3.0), np.zeros((3, 2))
    with pytest.raises(
        UnsupportedError,
        match=r"not one of PicoStream: the dataset 'adc_counts' is missing \(there is: temperature, time\): .*run\.hdf5"
        r"\. Open it with h5py, or with the program that wrote it\.",
    ):
        opening(target)


def test_an_empty_hdf5_file_is_not_pico_streams(target):
    h5py.File(target, "w").close()
    with pytest.raises(UnsupportedError, match=r"'adc_counts' is missing \(there is: nothing\)"):
        opening(target)


@pytest.mark.parametrize("what", ["group", "dangling", "elsewhere"])
def test_counts_that_are_no_dataset_are_refused(target, what):
    with h5py.File(target, "w") as file:
        if what == "group":
            file.create_group("adc_counts")
        else:
            link = h5py.SoftLink("/gone") if what == "dangling" else h5py.ExternalLink("gone.hdf5", "/counts")
            file["adc_counts"] = link
    message = {"group": "is a group", "dangling": "is missing", "elsewhere": "is missing"}[what]
    with pytest.raises(UnsupportedError, match=rf"the dataset 'adc_counts' {message}"):
        opening(target)


@pytest.mark.parametrize(
    ("counts", "holds"),
    [
        (np.zeros(5, "u2"), "uint16[5]"),
        (np.zeros(5, "i4"), "int32[5]"),
        (np.zeros(5, "i1"), "int8[5]"),
        (np.zeros(5, "f4"), "float32[5]"),
        (np.zeros((5, 2), "i2"), "int16[5, 2]"),
        (np.int16(3), "int16[]"),
        (h5py.Empty("i2"), "int16[]"),
        ("text", "object[]"),
        (np.zeros(4, [("a", "i2")]), "[('a', '<i2')][4]"),
    ],
)
def test_other_numbers_are_refused(target, counts, holds):
    write_picostream(target, [])
    with h5py.File(target, "r+") as file:
        del file["adc_counts"]
        file["adc_counts"] = counts
    with pytest.raises(UnsupportedError, match=re.escape(f"'adc_counts' holds {holds}, expected int16[n]")):
        opening(target)


def test_values_that_are_elsewhere_are_refused(target):
    """Nobody expects a recording to name other files to be read, and HDF5 does not survive damage to such names."""
    with h5py.File(target, "w") as file:
        file.create_dataset("adc_counts", (10,), "i2", external=[(str(target) + ".raw", 0, h5py.h5f.UNLIMITED)])
    with pytest.raises(UnsupportedError, match="in other datasets or files"):
        xjls.open_recording(target)
    layout = h5py.VirtualLayout((10,), "i2")
    with h5py.File(target, "w") as file:
        layout[:] = h5py.VirtualSource(file.create_dataset("other", data=np.zeros(10, "i2")))
        file.create_virtual_dataset("adc_counts", layout)
    with pytest.raises(UnsupportedError, match="in other datasets or files"):
        xjls.open_recording(target)


def test_chunks_that_take_too_much_memory_to_unpack_are_refused(target):
    write_picostream(target, [], chunks=(1 << 30,), compression="gzip")
    with pytest.raises(UnsupportedError, match=r"compressed chunks of 1_073_741_824 values, .*h5repack"):
        opening(target)


# ---- attributes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vintage", ["F0", "F1"])
@pytest.mark.parametrize("key", ["timeIntervalns", "chARange"])
def test_the_group_of_the_oldest_files_must_say_all(target, vintage, key):
    write_picostream(target, [1], vintage=vintage)
    with h5py.File(target, "r+") as file:
        del file["metadata"].attrs[key]
    with pytest.raises(FormatError, match=r"are missing: sample_interval_ns, voltage_range_v \(there are: none\)"):
        opening(target)


@pytest.mark.parametrize("key", ["sample_interval_ns", "voltage_range_v"])
def test_what_counts_cannot_do_without_is_named(target, key):
    write_picostream(target, [1])
    with h5py.File(target, "r+") as file:
        del file.attrs[key]
    with pytest.raises(FormatError, match=rf"what counts mean are missing: {key} \(there are: .*Add them with h5py"):
        opening(target)


NONSENSE = [0, -1, np.nan, np.inf, "16", b"x", [1, 2], h5py.Empty("f8"), True, 1 + 2j]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize("key", ["sample_interval_ns", "voltage_range_v", "max_adc", "hardware_downsample_ratio"])
def test_numbers_that_make_no_sense_are_named(target, key, value):
    write_picostream(target, [1], extra={key: value})
    with pytest.raises(FormatError, match=rf"its attribute '{key}' is .*, expected a.*number.*Put it right with h5py"):
        opening(target)


@pytest.mark.parametrize("value", [0.5, 1e300, 2**50], ids=repr)
@pytest.mark.parametrize("key", ["max_adc", "hardware_downsample_ratio"])
def test_numbers_that_must_be_whole_are_named(target, key, value):
    write_picostream(target, [1], extra={key: value})
    with pytest.raises(FormatError, match=rf"'{key}' is .*, expected a whole number from 1 to"):
        opening(target)


@pytest.mark.parametrize("value", NONSENSE[2:], ids=repr)
def test_an_offset_that_makes_no_sense_is_named(target, value):
    write_picostream(target, [1], extra={"analog_offset_v": value})
    with pytest.raises(FormatError, match=r"its attribute 'analog_offset_v' is .*, expected a finite number"):
        opening(target)


@pytest.mark.parametrize("value", [-1, 12, 2.5, "20V"], ids=repr)
def test_a_range_that_no_scope_has_is_named(target, value):
    write_picostream(target, [1], vintage="F1")
    with h5py.File(target, "r+") as file:
        file["metadata"].attrs["chARange"] = value
    expected = "a finite number" if isinstance(value, str) else "the number of a range, 0 to 11"
    with pytest.raises(FormatError, match=rf"'chARange' is .*, expected {expected}"):
        opening(target)


@pytest.mark.parametrize(("interval_ns", "ratio"), [(1e-300, 1), (1e300, 1), (1e15, 1 << 40)])
def test_times_that_no_clock_holds_are_refused(target, interval_ns, ratio):
    write_picostream(target, [1], interval_ns=interval_ns, ratio=ratio)
    with pytest.raises(FormatError, match=r"more digits than 64 bits hold: .*format_options=.*sample_interval_ns"):
        opening(target)
    if ratio == 1:
        with opening(target, format_options={"sample_interval_ns": 16}) as recording:
            assert recording.signal("channel_a").rate_hz == 62_500_000


# ---- writers -------------------------------------------------------------------------------------------------------

WRITER = """
import sys
from xjls.testing.picostream import GrowingPicoStream
growing = GrowingPicoStream(sys.argv[1], block=int(sys.argv[2]), flush=sys.argv[3] == "flush")
for number in range(3):
    growing.append([number] * int(sys.argv[2]))
print("written", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def writer(path, block, flush):
    """Run a program that has written three blocks and keeps the file open; kill it in the end."""
    command = [sys.executable, "-c", WRITER, path, str(block), "flush" if flush else "hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"written\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("block", [1000, 500_000])
def test_a_capture_that_was_never_flushed_is_locked(target, block):
    with (
        writer(target, block, flush=False),
        pytest.raises(
            FormatError,
            match=r"another program has it open to write \(it holds the file's lock\), .*was not flushed.*Wait until "
            r"the capture has ended; a writer that flushes as it goes can be followed",
        ),
    ):
        opening(target)


@pytest.mark.parametrize("block", [1000, 500_000])
def test_a_killed_capture_that_was_never_flushed_is_gone(target, block):
    with writer(target, block, flush=False) as process:
        process.kill()
        process.wait()
        with pytest.raises(FormatError, match=r"writer was killed before it flushed"):
            opening(target)


@pytest.mark.parametrize("block", [1000, 500_000])
def test_a_capture_that_is_flushed_is_read_while_it_runs_and_after(target, block):
    with writer(target, block, flush=True) as process:
        counts = np.repeat(np.arange(3, dtype="i2"), block)
        with opening(target) as recording:
            assert not recording.was_closed
            assert equal_values(recording.read("channel_a"), counts)
        process.kill()
        process.wait()
        with opening(target) as recording:
            assert recording.was_closed, "nobody holds its lock"
            assert equal_values(recording.read("channel_a"), counts)


@pytest.mark.parametrize("flush", [False, True])
def test_a_capture_of_the_same_process_is_read_while_it_runs(target, flush):
    """HDF5 shares what it holds within a process: also what is not in the file yet."""
    with GrowingPicoStream(target, flush=flush) as growing:
        for number in range(3):
            growing.append(np.full(1000, number))
            with opening(target) as recording:
                assert not recording.was_closed
                assert recording.signal("channel_a").length == 1000 * (number + 1)
                assert recording.read("channel_a", (1000 * number, None)).tolist() == [number] * 1000
    with opening(target) as recording:
        assert recording.was_closed


# ---- cut off -------------------------------------------------------------------------------------------------------


def test_a_file_that_is_cut_anywhere_says_so(target):
    write_picostream(target, counts_of("average", 300), block=100)
    data = target.read_bytes()
    for size in [*range(48, len(data), 97), len(data) - 1]:
        target.write_bytes(data[:size])
        with pytest.raises(TruncatedError, match=rf"cut off: it has {size:_} of {len(data):_} bytes.*Copy it again"):
            opening(target)
    for size in (8, 24, 40):
        target.write_bytes(data[:size])
        with pytest.raises(FormatError, match=r"(cannot be read: it is damaged|cut off)"):
            opening(target)


def test_a_file_with_something_behind_it_is_read(target):
    write_picostream(target, counts_of("average", 300), block=100)
    target.write_bytes(target.read_bytes() + b"\0" * 1000)
    with opening(target) as recording:
        assert equal_values(recording.read("channel_a"), counts_of("average", 300))


def test_a_heap_that_hdf5_would_never_leave_is_refused(target):
    write_picostream(target, counts_of("average", 90), block=30)
    data = target.read_bytes()
    heap = data.index(b"GCOL")
    for offset, value in ((heap + 8, 1 << 20), (heap + 24, 1 << 11)):
        target.write_bytes(data[:offset] + struct.pack("<Q", value) + data[offset + 8 :])
        with pytest.raises(CorruptError, match=r"a heap of texts is damaged: .* at byte .*Look for an intact copy"):
            opening(target)


@pytest.mark.parametrize("variety", [2, 3, 5, 9, 15])
def test_a_text_that_hdf5_would_not_survive_is_left_out(target, variety):
    """What varies in length is a sequence, 0, or a text, 1: of anything else, reading it ends the process."""
    write_picostream(target, counts_of("average", 90), block=30)
    data = bytearray(target.read_bytes())
    place = data.index(b"\x19\x01\x01\0", data.index(b"channel_a_coupling"))
    data[place + 1] = variety
    target.write_bytes(data)
    with opening(target) as recording:
        facts = recording.signal("channel_a").facts
        assert "channel_a_coupling" not in facts
        assert facts["channel_a_range"] == "PS5000A_2V"
        assert equal_values(recording.read("channel_a"), counts_of("average", 90))


@pytest.mark.parametrize("size", [0, 3])
def test_a_chunk_that_is_shorter_than_its_checksum_is_lost(target, size):
    """Reading it would end the process."""
    counts = counts_of("average", 3000)
    write_picostream(target, counts, fletcher32=True)
    with h5py.File(target) as file:
        chunk = file["adc_counts"].id.get_chunk_info(1)
    data = target.read_bytes()
    key = struct.pack("<IIQQQ", chunk.size, 0, 1000, 0, chunk.byte_offset)
    target.write_bytes(data.replace(key, struct.pack("<I", size) + key[4:]))
    with opening(target, on_damage="gap") as recording:
        valid = recording.read_valid("channel_a")
        assert np.flatnonzero(~valid).tolist() == list(range(1000, 2000))
        assert equal_values(recording.read("channel_a")[valid], counts[valid])


def test_counts_of_a_type_that_nobody_knows_are_refused(target):
    with h5py.File(target, "w") as file:
        h5py.h5d.create(file.id, b"adc_counts", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((4,)))
    with pytest.raises(FormatError, match=r"cannot be read: .*No NumPy equivalent"):
        opening(target)


def test_a_chunk_that_cannot_be_unpacked_is_lost(target):
    counts = counts_of("average", 4000)
    write_picostream(target, counts, compression="gzip", fletcher32=True)
    with h5py.File(target) as file:
        chunk = file["adc_counts"].id.get_chunk_info(2)
    data = target.read_bytes()
    target.write_bytes(flip(data, chunk.byte_offset + chunk.size // 2, 3))
    with opening(target) as recording:
        with pytest.raises(
            xjls.LostSamplesError, match=r"samples 2_000–3_000 of 'channel_a' are not in .*cannot be unpacked"
        ):
            recording.read("channel_a")
        assert equal_values(recording.read("channel_a", (3000, 4000)), counts[3000:])
    with opening(target, on_damage="gap") as recording:
        valid = recording.read_valid("channel_a")
        assert np.flatnonzero(~valid).tolist() == list(range(2000, 3000))
        assert equal_values(recording.read("channel_a")[valid], counts[valid])
        recording.check()
        assert not recording.status.complete
        assert recording.statistics("channel_a").lost == 1000


# ---- any byte ------------------------------------------------------------------------------------------------------

FRAGILE = {
    "plain": lambda path: write_picostream(path, counts_of("average", 90), block=30),
    "packed": lambda path: write_picostream(
        path, counts_of("average", 90), block=30, compression="gzip", shuffle=True, fletcher32=True
    ),
    "latest": lambda path: write_picostream(
        path, counts_of("average", 90), block=30, file_options={"libver": "latest"}
    ),
    "oldest": lambda path: write_picostream(
        path, counts_of("aggregate", 90, ratio=4), block=30, vintage="F1", extra={"interleaved_format": True}
    ),
}
"""Small files that show all there is to break."""


def looks_right(path):
    """Require that a broken file is refused, or that all that it says it has can be asked for; return whether it opens.

    Its numbers may be others: nothing in HDF5 tells.
    """
    try:
        with xjls.open_recording(path, on_damage="gap") as recording:
            for name, signal in recording.signals.items():
                assert signal.dtype == np.dtype("<i2")
                assert signal.rate_hz > 0
                assert np.isfinite([signal.scale_factor, signal.add_offset]).all()
                assert repr(signal.facts)
                ends = min(signal.length, LOOKED_AT)
                first, stop = signal.window.start, signal.window.stop
                for window in ((first, first + ends), (stop - ends, stop)):
                    samples, gaps = recording.read_with_gaps(name, window)
                    assert samples.size == ends
                    assert all(window[0] <= gap.window.start < gap.window.stop <= window[1] for gap in gaps)
                found = recording.statistics(name)
                assert found.count + found.lost == signal.length
                assert recording.read_statistics(name).count == found.count
                assert sum(column.count for column in recording.columns(name, None, 7)) == found.count
                recording.clock(name).time(first)
            recording.check()
            assert str(recording.status)
    except (xjls.XjlsError, OSError):
        return False
    return True


def damages(data, count):
    """Yield (what, bytes): bits flipped and bytes zeroed at about ``count`` places, whatever their distance from 8."""
    for offset in range(0, len(data), len(data) // count | 1):
        yield f"flip {offset}", flip(data, offset, offset % 8)
        yield f"zero {offset}", zero(data, offset, offset + 8)
        yield f"high {offset}", data[:offset] + b"\xff" * 4 + data[offset + 4 :]
        yield f"cut {offset}", truncate(data, offset)


def withstand(path, count):
    """Hold a file that is damaged at about ``count`` places to `looks_right`; return how many opened."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    data, opened = path.read_bytes(), 0
    assert looks_right(path)
    for what, broken in damages(data, count):
        path.write_bytes(broken)
        faulthandler.dump_traceback_later(CASE_S, exit=True)
        try:
            opened += looks_right(path)
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        assert path.read_bytes() == broken, f"{what}: the file was changed"
    faulthandler.cancel_dump_traceback_later()
    return opened


@pytest.mark.parametrize("kind", FRAGILE)
def test_whatever_is_broken_nothing_crashes_or_hangs(target, kind):
    """In a process of its own: HDF5 is a program in C."""
    FRAGILE[kind](target)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        opened = pool.submit(withstand, target, 100).result()
    assert opened > 20


def test_a_broken_file_is_not_touched(tmp_path):
    path = Path(write_picostream(tmp_path / "run.hdf5", counts_of("average", 300), block=100))
    data = path.read_bytes()
    path.write_bytes(data[:-500])
    before = hashlib.sha256(path.read_bytes()).digest()
    path.chmod(0o444)
    with pytest.raises(TruncatedError, match="cut off"):
        opening(path)
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert os.listdir(tmp_path) == ["run.hdf5"]  # noqa: PTH208 - names
