"""What is believed of JLS v1 files: reductions that samples contradict are none, and who made samples shows by them."""

import numpy as np
import pytest

import xjls
from xjls.testing.jls1 import Definition, Floats, Sizes, encode, record, records_of, truth_of, words_of, write_jls1
from xjls.testing.jls1.reductions import encode_v2, fields_of, rows_of
from xjls.testing.jls2 import flip, zero
from xjls.testing.laws.comparing import is_close, reduce_finite

SIZES = Sizes(20, 4, 3)
ROWS = SIZES.tlv * SIZES.block
"""In a block."""
BLOCKS = 40
"""Enough that most rows are not compared with samples."""
LENGTH = BLOCKS * SIZES.samples_per_block
STEADY = words_of(np.full(LENGTH, 3), seed=5)
CHOSEN = 20
"""A block that is neither the first nor the last."""
MEAN, SQUARES, LOW, HIGH = range(1, 5)
"""Numbers of statistics in the ids of arrays."""


def are_those_of_samples(recording, name):
    """Require that statistics of the whole, of every block, and entries of all levels, are those of the samples."""
    samples = recording.read(name).astype("f8")
    size = SIZES.samples_per_block
    for start, stop in [(0, len(samples)), *((at, at + size) for at in range(0, len(samples) - size + 1, size))]:
        found, inside = recording.statistics(name, (start, stop)), samples[start:stop]
        assert found.count == np.isfinite(inside).sum(), (name, start)
        numbers = [found.mean, found.std, found.min, found.max]
        assert is_close(np.array(numbers), reduce_finite(inside, len(inside))[0]), (name, start)
    for level in recording.signal(name).levels:
        wanted = reduce_finite(samples[: level.length * level.factor], level.factor)
        entries = recording.read_level(name, level.index)
        assert all(is_close(*pair) for pair in zip(entries, wanted, strict=True)), (name, level)


def with_rows(data, rows):
    """Return a file some of whose blocks end with other reductions: bytes of the same length, by block."""
    found = bytearray(data)
    ends = [span for span in records_of(data) if span.tag == "CLE" and span.size]
    for number, value in rows.items():
        span = ends[number]
        found[span.offset : span.stop] = record("CLE", value)
    assert len(found) == len(data)
    return bytes(found)


def rows_in(definition, block):
    """Return counts and statistics of a block, as its writer made them."""
    size = SIZES.samples_per_block
    return rows_of(fields_of(definition)[:, block * size : (block + 1) * size], SIZES.reduction)


# ---- reductions ----------------------------------------------------------------------------------------------------


def changed_within(block, n_blocks=BLOCKS, rows=ROWS // 2):
    """Return a file whose voltage range changes in the middle of a block: only reductions saw it."""
    words = STEADY[: n_blocks * SIZES.samples_per_block]
    told = Definition(words=words, sizes=SIZES, v_ranges=tuple(int(k > block) for k in range(n_blocks)))
    real = Definition(words=words, sizes=SIZES, v_ranges=tuple(int(k >= block) for k in range(n_blocks)))
    (counts, before), (_, behind) = rows_in(told, block), rows_in(real, block)
    table = np.concatenate([before[:rows], behind[rows:]])
    return told, with_rows(encode(told), {block: encode_v2(counts, table)})


@pytest.mark.parametrize("block", [0, CHOSEN, BLOCKS - 2, BLOCKS - 1])
@pytest.mark.parametrize("rows", [0, ROWS // 2, ROWS - 1])
def test_a_voltage_range_that_changes_within_a_block_is_that_of_its_samples(tmp_path, block, rows):
    """The next block tells of it; behind the last one nothing does."""
    definition, data = changed_within(block, rows=rows)
    path = tmp_path / "run.jls"
    path.write_bytes(data)
    truth = truth_of(definition)
    with xjls.open_recording(path) as recording:
        for name in ("voltage", "power", "current"):
            assert np.array_equal(recording.read(name), truth.signals[name], equal_nan=True)
            are_those_of_samples(recording, name)


def test_a_voltage_range_that_changes_within_a_block_is_told_by_reductions_if_one_trusts_them(tmp_path):
    _, data = changed_within(CHOSEN)
    path = tmp_path / "run.jls"
    path.write_bytes(data)
    with xjls.open_recording(path, format_options={"reductions": "trust"}) as recording:
        entries = recording.read_level("voltage", 1, (CHOSEN * ROWS, (CHOSEN + 1) * ROWS))
        samples = recording.read("voltage", (CHOSEN * ROWS * 20, (CHOSEN + 1) * ROWS * 20)).astype("f8")
        alike = [is_close(*pair) for pair in zip(entries, reduce_finite(samples, 20), strict=True)]
        assert alike == [True] * (ROWS // 2) + [False] * (ROWS // 2)


def test_a_voltage_range_that_changes_ahead_of_a_lost_block_is_that_of_samples(tmp_path):
    """Nobody knows in which of the two it was."""
    _, data = changed_within(CHOSEN)
    starts = [span.offset for span in records_of(data) if span.tag == "CLS"]
    lost = CHOSEN + 1
    # The first start is that of the collection around all blocks
    data = zero(data, starts[1 + lost], starts[2 + lost])
    path = tmp_path / "run.jls"
    path.write_bytes(data)
    with xjls.open_recording(path, on_damage="gap") as recording:
        size = SIZES.samples_per_block
        gone = [(gap.window.start, gap.window.stop) for gap in recording.status.gaps["voltage"]]
        assert gone == [(lost * size, (lost + 1) * size)]
        window = CHOSEN * size, lost * size
        for name in ("voltage", "power"):
            found, samples = recording.statistics(name, window), recording.read(name, window).astype("f8")
            assert found.count == size
            assert found.mean == pytest.approx(samples.mean())
            assert found.max == samples.max()


def narrowest(table):
    """Return the row of a block that is not the one that is compared: that of the smallest span."""
    return int(np.argmin(table[:, 0, HIGH - 1] - table[:, 0, LOW - 1]))


def counted(number):
    return lambda counts, _, row: counts.__setitem__(row, number)


def put(statistic, change):
    def put_there(_, table, row):
        table[row, :, statistic - 1] = change(table[row])

    return put_there


WRONG = {
    "of no sample": counted(0),
    "of too many samples": counted(SIZES.reduction + 1),
    "of more samples than any file has": counted(1 << 60),
    "with negative squares": put(SQUARES, lambda row: -row[:, SQUARES - 1]),
    "with a minimum above the mean": put(LOW, lambda row: (row[:, MEAN - 1] + row[:, HIGH - 1]) / 2 + 1e-30),
    "with a maximum below the mean": put(HIGH, lambda row: (row[:, MEAN - 1] + row[:, LOW - 1]) / 2 - 1e-30),
    "with a mean that is none": put(MEAN, lambda row: row[:, MEAN - 1] * np.nan),
    "with infinite squares": put(SQUARES, lambda row: row[:, SQUARES - 1] + np.inf),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_row_that_cannot_be_is_made_of_samples(tmp_path, wrong):
    """Nobody compares it: others of its part of the recording are wider."""
    definition = Definition(words=STEADY, sizes=SIZES)
    counts, table = rows_in(definition, CHOSEN)
    WRONG[wrong](counts, table, narrowest(table))
    path = tmp_path / "run.jls"
    path.write_bytes(with_rows(encode(definition), {CHOSEN: encode_v2(counts, table)}))
    with xjls.open_recording(path) as recording:
        for name in ("current", "voltage", "power"):
            are_those_of_samples(recording, name)
        assert not recording.status.notes


@pytest.mark.parametrize("blocks", [[CHOSEN], range(BLOCKS)], ids=["one block", "all"])
def test_rows_that_count_nothing_are_made_of_samples(tmp_path, blocks):
    """So does what was recorded of a buffer that tells no counts."""
    definition = Definition(words=STEADY, sizes=SIZES)
    counts, table = rows_in(definition, CHOSEN)
    value = encode_v2(np.zeros_like(counts), np.full_like(table, np.nan))
    path = tmp_path / "run.jls"
    path.write_bytes(with_rows(encode(definition), dict.fromkeys(blocks, value)))
    with xjls.open_recording(path) as recording:
        for name in ("current", "voltage", "current_range"):
            are_those_of_samples(recording, name)


def test_rows_of_what_is_missing_still_count_nothing(tmp_path):
    size = SIZES.reduction
    words = words_of(np.full(LENGTH, 3), seed=5, missing=[(10 * size, 13 * size), (30 * size, 30 * size + 5)])
    path = write_jls1(tmp_path / "run.jls", Definition(words=words, sizes=SIZES))
    with xjls.open_recording(path) as recording:
        are_those_of_samples(recording, "current")
        entries = recording.read_level("current", 1)
        assert np.flatnonzero(np.isnan(entries).all(axis=1)).tolist() == [10, 11, 12]


# ---- reductions beside a loss --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suppressed", ["normal", "mean_1_n_1"])
@pytest.mark.parametrize("number", [0, 5, 11])
def test_a_lost_record_beside_a_switch_leaves_other_reductions_as_they_are(tmp_path, suppressed, number):
    """Its windows of suppression begin, or end, in what is lost: the rows next to it are others, and no others are."""
    size = SIZES.samples_per_tlv
    ranges = 3 + (np.arange(12 * size) + 2) // size % 2
    definition = Definition(words=words_of(ranges, seed=6), sizes=SIZES, rows_suppressed=suppressed)
    data = encode(definition)
    span = [span for span in records_of(data) if span.tag == "ABN"][number]
    path = tmp_path / "run.jls"
    path.write_bytes(flip(data, span.value.start + 9, 2))
    truth = truth_of(definition, suppressed=suppressed)
    with xjls.open_recording(path, on_damage="gap", format_options={"suppress": suppressed}) as recording:
        for name in truth.signals:
            entries = recording.read_level(name, 1)
            wanted = reduce_finite(truth.signals[name].astype("f8"), SIZES.reduction)
            far = np.abs(np.arange(len(entries)) * SIZES.reduction + 10 - (number + 0.5) * size) > size / 2 + 64
            assert all(is_close(*pair) for pair in zip(entries[far], wanted[far], strict=True)), name
        assert not [note for note in recording.status.notes if "reductions" in note]


def test_rows_of_another_session_are_still_told_where_a_record_is_lost(tmp_path):
    definition = Definition(
        words=words_of(3 + np.arange(LENGTH) // 50 % 2, seed=7), sizes=SIZES, rows_suppressed="mean_2_3_1"
    )
    data = encode(definition)
    span = [span for span in records_of(data) if span.tag == "ABN"][5]
    path = tmp_path / "run.jls"
    path.write_bytes(flip(data, span.value.start + 9, 2))
    with xjls.open_recording(path, on_damage="gap") as recording:
        window = SIZES.samples_per_block * 4, LENGTH
        found, samples = recording.statistics("current", window), recording.read("current", window).astype("f8")
        assert found.mean == pytest.approx(np.nanmean(samples), rel=1e-12)
        assert [note for note in recording.status.notes if note.startswith("current: reductions are not those")]


# ---- producers -----------------------------------------------------------------------------------------------------


def floats(ranges, inputs, producer):
    ranges = np.asarray(ranges, "f4")
    n = len(ranges)
    return Floats(
        current=np.linspace(1, 2, n, dtype="f4"), voltage=np.full(n, 3, "f4"), power=np.linspace(3, 6, n, dtype="f4"),
        current_range=ranges, gpi0=np.broadcast_to(np.float32(inputs), n).copy(), gpi1=np.zeros(n, "f4"),
        producer=producer,
    )  # fmt: skip


def opened(tmp_path, kept):
    definition = Definition(floats=kept, sizes=SIZES)
    return truth_of(definition), xjls.open_recording(write_jls1(tmp_path / "run.jls", definition))


@pytest.mark.parametrize("record_number", range(1, 60, 7))
def test_a_range_that_is_rare_is_no_sign_of_a_producer(tmp_path, record_number):
    """An instrument stays in its widest range, and is in another one for a record that nobody looks at."""
    size = SIZES.samples_per_tlv
    ranges = np.zeros(60 * size)
    ranges[record_number * size : (record_number + 1) * size] = 3
    truth, recording = opened(tmp_path, floats(ranges, np.arange(60 * size) % 2, "c"))
    with recording:
        assert not recording.status.notes
        for name, wanted in truth.signals.items():
            assert np.array_equal(recording.read(name), wanted), name
        assert np.array_equal(recording.read("current_range"), ranges)


@pytest.mark.parametrize("second", [3.5, 3.0625, 6.25, 3])
def test_ranges_that_were_scaled_twice_are_lost_whatever_became_of_them(tmp_path, second):
    """Inputs that are low tell nothing; fractions of ranges look as if they were ranges."""
    ranges = np.where(np.arange(4800) % 7 == 0, second, 3)
    truth, recording = opened(tmp_path, floats(ranges, 0, "b"))
    with recording:
        assert "current_range" not in recording.signals
        assert [note for note in recording.status.notes if note.startswith("current_range: its samples were scaled")]
        for name, wanted in truth.signals.items():
            assert np.array_equal(recording.read(name), wanted), name


@pytest.mark.parametrize("producer", ["a", "c"])
@pytest.mark.parametrize("second", [0, 0.96, 3.99, 7])
@pytest.mark.parametrize("first", [0, 1, 6])
def test_ranges_that_were_cut_off_are_kept(tmp_path, producer, first, second):
    ranges = np.where(np.arange(4800) % 7 == 0, second, first)
    ranges = ranges if producer == "a" else np.trunc(ranges)
    truth, recording = opened(tmp_path, floats(ranges, 1, producer))
    with recording:
        assert not recording.status.notes
        found = recording.read("current_range")
        assert np.array_equal(found, truth.signals["current_range"])
        assert (np.abs(found - ranges) < 1 / 16).all()
        assert (recording.read("gpi0") == 1).all()


def test_reductions_of_other_arrays_tell_of_no_producer(tmp_path):
    """Rows that count less than all their samples, as where some are missing, are of others than are stored."""
    kept = floats(np.full(4800, 3), 0, "c")
    definition = Definition(floats=kept, sizes=SIZES)
    counts, table = rows_in(definition, 0)
    table[:, 3, [MEAN - 1, HIGH - 1]] = 7
    rows = dict.fromkeys(range(4800 // SIZES.samples_per_block), encode_v2(counts - np.uint64(1), table))
    path = tmp_path / "run.jls"
    path.write_bytes(with_rows(encode(definition), rows))
    with xjls.open_recording(path) as recording:
        assert (recording.read("current_range") == 3).all()
