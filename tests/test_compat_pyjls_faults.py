"""What pyjls 0.17 does wrong and xjls.compat.pyjls does not, one test for each."""

import gc
import itertools
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import xjls
from xjls.compat.pyjls import (
    DataType,
    Reader,
    RefusedError,
    Writer,
    copy,
    data_type_as_enum,
    data_type_as_str,
)
from xjls.compat.pyjls.time64 import SECOND
from xjls.testing.jls2 import Definition, Fsr, encode_definition


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run.jls")


def write(path, data, first_id=0, ties=(), **how):
    with Writer(path) as writer:
        writer.source_def(1, name="bench")
        writer.signal_def(1, 1, **({"sample_rate": 1000, "name": "s"} | how))
        if len(data):
            writer.fsr(1, first_id, data)
        for tie in ties:
            writer.utc(1, *tie)
    return path


def noise(count, seed=0):
    return np.random.default_rng(seed).normal(0, 1, count).astype("f4")


# ---- wrong numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [81_970, 1_640_959])
def test_the_tail_after_whole_blocks_is_there(path, length):
    samples = noise(length)
    with Reader(write(path, samples)) as reader:
        assert reader.signals[1].length == length
        assert np.array_equal(reader.fsr(1, length - 100, 100), samples[-100:])


@pytest.mark.parametrize("dtype", ["i32", "u32", "f64", "i64", "u64"])
def test_statistics_of_wide_types_are_right(path, dtype):
    ramp = np.arange(200_000).astype(f"{dtype[0]}{int(dtype[1:]) // 8}")
    with Reader(write(path, ramp, data_type=dtype)) as reader:
        whole, inner = reader.fsr_statistics(1, 0, 200_000, 1)[0], reader.fsr_statistics(1, 1, 199_990, 1)[0]
    assert whole.tolist() == pytest.approx([99_999.5, np.std(ramp, ddof=1), 0, 199_999], rel=1e-9)
    assert inner[0] == pytest.approx(99_995.5, rel=1e-12)


def test_every_span_has_its_own_statistics(path):
    """Borders inside entries, a spike beside one: exact, in one span, with the deviation of a sample."""
    samples = noise(300_000)
    samples[100_210] = 1000
    with Reader(write(path, samples)) as reader:
        for start, increment, count in [(0, 200, 1500), (1, 128, 1000), (7, 12_345, 20)]:
            found = reader.fsr_statistics(1, start, increment, count)
            spans = samples[start : start + increment * count].reshape(count, increment).astype("f8")
            wanted = np.stack([spans.mean(1), spans.std(1, ddof=1), spans.min(1), spans.max(1)], axis=1)
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
            assert np.count_nonzero(found[:, 3] == 1000) == 1


def test_nan_is_left_out_at_every_zoom(path):
    samples = noise(1_100_000)
    samples[256:384] = samples[5] = np.nan
    with Reader(write(path, samples)) as reader:
        for length in (100, 1280, 51_200, 1_024_000):
            finite = samples[:length][np.isfinite(samples[:length])].astype("f8")
            wanted = finite.mean(), finite.std(ddof=1), finite.min(), finite.max()
            assert reader.fsr_statistics(1, 0, length, 1)[0].tolist() == pytest.approx(wanted, rel=1e-5, abs=1e-7)
        assert np.isnan(reader.fsr_statistics(1, 260, 10, 2)).all()


@pytest.mark.parametrize(("dtype", "bits"), [("u1", 1), ("u4", 4), ("i4", 4)])
def test_sub_byte_windows_begin_and_end_anywhere(path, dtype, bits):
    """At sample ids, and in windows, inside bytes and over the borders of chunks; what fills the last byte is 0."""
    stored = np.random.default_rng(0).integers(0, 256, 3000 * bits // 8, dtype="u1")
    plain = np.unpackbits(stored, bitorder="little").reshape(-1, bits)
    how = {"data_type": dtype, "samples_per_data": 256, "sample_decimate_factor": 16}
    with Reader(write(path, stored, first_id=3, **how)) as reader:
        for start, length in [(0, 3000), (1, 2999), (3, 10), (255, 2), (700, 1999), (2999, 1)]:
            wanted = np.packbits(plain[start : start + length].ravel(), bitorder="little")
            assert reader.fsr(1, start, length).tolist() == wanted.tolist()


def test_overlapping_bits_keep_the_first(path):
    with Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(1, 1, data_type="u1", sample_rate=1000)
        writer.fsr(1, 0, np.full(4, 0xFF, "u1"))
        writer.fsr(1, 24, np.zeros(4, "u1"))
    with Reader(path) as reader:
        assert reader.fsr(1, 0, 56).tolist() == [255, 255, 255, 255, 0, 0, 0]


def test_gaps_of_integers_hold_zeros_that_do_not_count(path):
    with Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(1, 1, data_type="i16", sample_rate=1000)
        writer.fsr(1, 0, np.full(10, 7, "i2"))
        writer.fsr(1, 50_000, np.full(10, 7, "i2"))
    with Reader(path) as reader:
        assert reader.signals[1].length == 50_010
        assert reader.fsr(1, 0, 50_010).astype("i8").sum() == 140
        assert reader.fsr_statistics(1, 0, 50_010, 1).tolist() == [[7, 0, 7, 7]], "which are nobody's samples"
        assert np.isnan(reader.fsr_statistics(1, 10, 100, 5)).all()


def test_samples_that_were_left_out_are_not_invented(path, tmp_path):
    place = tmp_path / "omitted.jls"
    samples = np.ones(40_000, "f4")
    place.write_bytes(encode_definition(Definition([Fsr("s", samples, omit="lossy")])))
    with Reader(place) as reader, pytest.raises(xjls.LostSamplesError, match="left out when it was written"):
        reader.fsr(1, 0, 30_000)


def test_all_samples_are_written_whatever_is_omitted(path):
    with Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(1, 1, sample_rate=1000)
        writer.fsr_omit_data(1, False)
        writer.fsr(1, 0, np.ones(40_000, "f4"))
    with Reader(path) as reader:
        assert np.array_equal(reader.fsr(1, 0, 40_000), np.ones(40_000, "f4"))


def test_fixed_point_numbers_are_as_they_are_stored(path):
    with Reader(write(path, np.arange(10, dtype="i2"), data_type=DataType.I16 | 8 << 16)) as reader:
        assert reader.signals[1].data_type == DataType.I16 | 8 << 16
        assert data_type_as_str(reader.signals[1].data_type) == "i16"
        assert data_type_as_enum(np.int64(DataType.I16)) == DataType.I16
        assert reader.fsr_statistics(1, 0, 10, 1)[0, [0, 2, 3]].tolist() == [4.5, 0, 9]


# ---- time ----------------------------------------------------------------------------------------------------------


def test_early_pairs_are_not_dropped_for_nothing(path):
    """The only pair, three hours before the first sample: pyjls takes 2018 instead."""
    hours = 3 * 3600
    with Reader(write(path, np.zeros(10, "f4"), first_id=hours * 1000, ties=[(0, 77 * SECOND)])) as reader:
        assert reader.sample_id_to_timestamp(1, 0) == (77 + hours) * SECOND
        assert reader.time_map_get(1).tolist() == [(-hours * 1000, 77 * SECOND)]
        assert reader.timestamp_to_sample_id(1, [77 * SECOND]).tolist() == [-hours * 1000]


def test_a_bad_last_pair_does_not_bend_what_follows(path):
    """The last two pairs, 1 ms apart, say twice the rate; behind them the signal's own holds."""
    ties = [(0, 0), (10_000, 10 * SECOND), (10_001, 10 * SECOND + SECOND // 2000)]
    with Reader(write(path, np.zeros(10, "f4"), ties=ties)) as reader:
        assert reader.sample_id_to_timestamp(1, 20_001) == 20 * SECOND + SECOND // 2000
        assert reader.timestamp_to_sample_id(1, 20 * SECOND + SECOND // 2000) == 20_001


def test_times_are_exact_to_the_tick(path):
    """There and back, and in whole numbers of any size: float64 has 53 bits for 59."""
    ties = [(0, 1 << 58), (1_000_003, (1 << 58) + 999_983 * SECOND + 1)]
    with Reader(write(path, np.zeros(10, "f4"), ties=ties, sample_rate=1)) as reader:
        for sample_id in (1, 17, 500_000, 1_000_002):
            exact = (1 << 58) + (sample_id * (ties[1][1] - ties[0][1]) * 2 + 1_000_003) // 2_000_006
            assert reader.sample_id_to_timestamp(1, sample_id) == exact
            assert reader.timestamp_to_sample_id(1, exact) == sample_id
        assert reader.sample_id_to_timestamp(1, np.array([[0, 1_000_003]])).shape == (1, 2)
        assert reader.sample_id_to_timestamp(1, iter([0, 1_000_003])).tolist() == [ties[0][1], ties[1][1]]


def test_time_that_runs_backwards_still_answers(path):
    ties = [(0, 0), (1000, SECOND), (2000, SECOND // 2), (3000, 3 * SECOND)]
    with Reader(write(path, np.zeros(10, "f4"), ties=ties)) as reader:
        assert reader.sample_id_to_timestamp(1, [1000, 2000]).tolist() == [SECOND, SECOND // 2]
        assert reader.timestamp_to_sample_id(1, [SECOND // 2, 2 * SECOND]).tolist() == [500, 2000]


def test_times_and_ids_beyond_any_are_refused(path):
    with Reader(write(path, np.zeros(10, "f4"), ties=[(0, 1 << 61)], sample_rate=1)) as reader:
        with pytest.raises(RefusedError, match=r"further from the signal than its times can tell. Ask for those near"):
            reader.sample_id_to_timestamp(1, [1 << 40])
        assert reader.sample_id_to_timestamp(1, 1 << 40) == (1 << 61) + (1 << 70)
    with (
        Reader(write(path, np.zeros(10, "f4"), ties=[(0, 1 << 62)])) as reader,
        pytest.raises(RefusedError, match=r"outside the years 1882 to 2154. Read the pairs with utc\(\)"),
    ):
        reader.time_map_length(1)


# ---- crashes, hangs, what it does to files ---------------------------------------------------------------------------


def test_closing_twice_is_harmless_and_use_after_it_is_refused(path):
    writer = Writer(path)
    writer.source_def(1)
    writer.signal_def(1, 1, sample_rate=1000)
    writer.close()
    writer.close()
    assert repr(writer) == f"<xjls.compat.pyjls.Writer {path!r} closed>"
    for call in (
        writer.flush, lambda: writer.source_def(2), lambda: writer.signal_def(2, 1, sample_rate=1),
        lambda: writer.fsr(1, 0, [1.0]), lambda: writer.fsr_omit_data(1, 1), lambda: writer.utc(1, 0, 0),
        lambda: writer.annotation(1, 0, 0, 0, 0, "x"), lambda: writer.user_data(0, "x"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"the Writer of .* is closed. Open another file"):
            call()
    reader = Reader(path)
    reader.close()
    reader.close()
    assert repr(reader) == f"<xjls.compat.pyjls.Reader {path!r} closed>"
    for name, arguments in {
        "fsr": (1, 0, 0), "fsr_statistics": (1, 0, 1, 0), "annotations": (1, 0, print), "user_data": (print,),
        "utc": (1, 0, print), "sample_id_to_timestamp": (1, 0), "timestamp_to_sample_id": (1, 0),
        "time_map_length": (1,), "time_map_get": (1,),
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=r"the Reader of .* is closed. Open another one"):
            getattr(reader, name)(*arguments)


def test_a_file_that_was_not_closed_is_read_as_it_stands(path):
    """1.8 million samples: there pyjls crashes; a smaller file it would repair in place."""
    writer = Writer(path)
    writer.source_def(1, name="bench")
    writer.signal_def(1, 1, sample_rate=1000, name="s")
    samples = noise(1_800_000)
    writer.fsr(1, 0, samples)
    writer.annotation(1, 5, None, "text", 0, "kept")
    writer.utc(1, 0, SECOND)
    writer.flush()
    before = Path(path).stat()
    notes = []
    with Reader(path) as reader:
        length = reader.signals[1].length
        assert length == 1_800_000 // 8192 * 8192
        assert np.array_equal(reader.fsr(1, 0, length), samples[:length])
        reader.annotations(1, 0, lambda *note: notes.append(note[4]))
        assert (notes, reader.sample_id_to_timestamp(1, 0)) == (["kept"], SECOND)
    after = Path(path).stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    writer.close()


def test_threads_share_a_reader(path):
    samples = noise(500_000)
    wrong = []
    with Reader(write(path, samples)) as reader:

        def work(seed):
            rng = np.random.default_rng(seed)
            for _ in range(50):
                start, length = int(rng.integers(0, 400_000)), int(rng.integers(1, 100_000))
                if not np.array_equal(reader.fsr(1, start, length), samples[start : start + length]):
                    wrong.append((start, length))
                reader.fsr_statistics(1, start, max(length // 7, 1), 5)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_threads_share_a_writer(path):
    with Writer(path) as writer:
        writer.source_def(1)
        for number in range(1, 5):
            writer.signal_def(number, 1, sample_rate=1000, name=f"s{number}")

        def work(number):
            for at in range(0, 100_000, 1000):
                writer.fsr(number, at, np.full(1000, number, "f4"))
                writer.annotation(number, at, None, "text", 0, str(at))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Reader(path) as reader:
        for number in range(1, 5):
            assert (reader.fsr(number, 0, 100_000) == number).all()


def test_a_reader_pickles_by_its_path(path, tmp_path, monkeypatch):
    write(path, np.arange(5, dtype="f4"))
    monkeypatch.chdir(tmp_path)
    with Reader("run.jls") as reader:
        data = pickle.dumps(reader)
    monkeypatch.chdir("/")
    with pickle.loads(data) as again:
        assert again.fsr(1, 0, 5).tolist() == [0, 1, 2, 3, 4]


def test_paths_may_be_paths(tmp_path):
    place = tmp_path / "run.jls"
    with Writer(place) as writer:
        writer.user_data(1, "x")
    with Reader(place) as reader:
        assert sorted(reader.signals) == [0]


def test_a_file_is_replaced_and_its_readers_keep_the_old_one(path):
    with Reader(write(path, np.arange(5, dtype="f4"))) as old:
        with Reader(write(path, np.arange(7, dtype="f4"))) as new:
            assert (new.signals[1].length, old.signals[1].length) == (7, 5)
        assert old.fsr(1, 0, 5).tolist() == [0, 1, 2, 3, 4]


def test_callbacks_may_call_the_reader(path):
    with Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(1, 1, sample_rate=1000)
        writer.fsr(1, 0, np.arange(100, dtype="f4"))
        for at in (10, 20, 30):
            writer.annotation(1, at, None, "text", 0, "x")
            writer.user_data(at, "x")
    seen = []
    with Reader(path) as reader:
        reader.annotations(1, 0, lambda at, *_: seen.append(float(reader.fsr(1, at, 1)[0])))
        reader.user_data(lambda meta, _: seen.append(float(reader.fsr_statistics(1, meta, 1, 1)[0, 0])))
    assert seen == [10, 20, 30, 10, 20, 30]


def test_what_callbacks_raise_is_raised(path):
    with Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(1, 1, sample_rate=1000)
        writer.annotation(1, 0, None, "text", 0, "x")
        writer.user_data(0, "x")
        writer.utc(1, 0, 0)

    def fail(*_):
        raise ZeroDivisionError("mine")

    with Reader(path) as reader:
        for call in (
            lambda: reader.annotations(1, 0, fail),
            lambda: reader.user_data(fail),
            lambda: reader.utc(1, 0, fail),
        ):
            with pytest.raises(ZeroDivisionError, match="mine"):
                call()


def test_one_write_may_be_of_any_size(path):
    """pyjls drops a write of more than 64 MiB after five seconds."""
    samples = np.zeros(17_000_000, "f4")
    samples[-1] = 5
    with Reader(write(path, samples)) as reader:
        assert reader.signals[1].length == 17_000_000
        assert reader.fsr_statistics(1, 0, 17_000_000, 1)[0, 3] == 5


FULL = """
import resource, sys
import numpy as np
from xjls.compat.pyjls import Writer
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
writer = Writer(sys.argv[1])
writer.source_def(1)
writer.signal_def(1, 1, sample_rate=1000)
try:
    for at in range(0, 2_000_000, 100_000):
        writer.fsr(1, at, np.zeros(100_000, "f4"))
except OSError as error:
    print("refused at", at, error.strerror)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_what_the_disk_refuses_reaches_the_caller(path):
    """pyjls's calls all succeed, and most of the samples are gone."""
    shown = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("refused at")
    assert "File too large" in shown


def test_a_copy_says_what_is_lost(path, tmp_path):
    write(path, noise(100_000))
    with xjls.open_recording(path) as recording:
        assert recording.signals["s"].block_length == 8192
    content = bytearray(Path(path).read_bytes())
    content[200_000] ^= 1
    Path(path).write_bytes(content)
    lines, progress, target = [], [], tmp_path / "copy.jls"
    copy(path, target, lines.append, progress.append)
    assert any(line.startswith("s: samples ") and "lost" in line for line in lines), lines
    assert progress[-1] == 1.0
    assert Path(path).read_bytes() == content
    with Reader(target) as reader:
        assert reader.signals[1].length == 100_000
        assert np.isnan(reader.fsr(1, 0, 100_000)).sum() == 8192
    with xjls.open_recording(target) as recording:
        assert [gap.window.length for gap in recording.skipped("s")] == [8192]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_nothing_stays_open(path):
    """A Reader that is dropped gives its file back; pyjls keeps it."""
    write(path, np.zeros(10, "f4"))
    open_files = Path("/proc/self/fd")
    gc.collect()
    before = len(list(open_files.iterdir()))
    for _ in itertools.repeat(None, 20):
        Reader(path)
    gc.collect()
    assert len(list(open_files.iterdir())) == before
