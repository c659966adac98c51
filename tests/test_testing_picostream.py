"""PicoStream fixtures: h5py finds in them what PicoStream's own files have, and their truths hold."""

import subprocess
import sys
from fractions import Fraction

import h5py
import numpy as np
import pytest

from xjls.testing.picostream import (
    LOST,
    VINTAGES,
    Capture,
    GrowingPicoStream,
    counts_of,
    truth_of,
    write_picostream,
)
from xjls.testing.picostream.scenarios import SCENARIOS

FLAT = {"sample_interval_ns", "voltage_range_v", "max_adc"}
NAMED = {"resolution", "channel_a_coupling", "channel_a_range", "hardware_downsample_ratio", "downsample_mode"}
SAID = {
    "F0": set(),
    "F1": set(),
    "F2": FLAT,
    "F3": FLAT | NAMED | {"data_format_version", "interleaved_format"},
    "F4": FLAT - {"max_adc"} | NAMED | {"data_format_version", "interleaved_format"},
    "F5": FLAT | NAMED | {"data_format_version", "analog_offset_v"},
}
"""Root attributes of an average file of each vintage."""


@pytest.fixture
def target(tmp_path):
    return tmp_path / "run.hdf5"


# ---- the file ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vintage", VINTAGES)
def test_a_file_says_what_its_vintage_says(target, vintage):
    write_picostream(target, counts_of("average", 2000), vintage=vintage)
    with h5py.File(target) as file:
        assert set(file.attrs) == SAID[vintage]
        assert set(file) == {"adc_counts"} | ({"metadata"} if vintage in ("F0", "F1") else set())


@pytest.mark.parametrize(("vintage", "said"), [("F0", (2560, 80, 8, 32767)), ("F1", (2000, 16, 8, 32767))])
def test_the_oldest_files_have_a_group(target, vintage, said):
    write_picostream(target, counts_of("average", 2000), vintage=vintage, range_v=5.0)
    with h5py.File(target) as file:
        assert dict(file["metadata"].attrs) == dict(
            zip(("cmaxSamples", "timeIntervalns", "chARange", "maxADC"), said, strict=True)
        )


def test_attributes_have_the_types_of_todays_files(target):
    write_picostream(target, [], offset_v=-0.5, range_v=0.05)
    said = {
        "sample_interval_ns": np.int64(16), "hardware_downsample_ratio": np.int64(1), "downsample_mode": "average",
        "voltage_range_v": np.float64(0.05), "max_adc": np.int64(32767), "analog_offset_v": np.float64(-0.5),
        "resolution": "PS5000A_DR_12BIT", "channel_a_coupling": "PS5000A_DC", "channel_a_range": "PS5000A_50MV",
        "data_format_version": "2.0",
    }  # fmt: skip
    with h5py.File(target) as file:
        found = dict(file.attrs)
        assert found == said
        assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in said.items()}
        assert file.attrs.get_id("resolution").get_type().is_variable_str()


def test_aggregate_files_say_so(target):
    write_picostream(target, [1, 2], mode="aggregate", ratio=10)
    with h5py.File(target) as file:
        assert file.attrs["aggregate_format"] == "interleaved_min_max"
        assert set(file.attrs) == SAID["F5"] | {"aggregate_format", "aggregate_description"}
    write_picostream(target, [1, 2], mode="aggregate", ratio=10, vintage="F3")
    with h5py.File(target) as file:
        assert file.attrs["interleaved_format"].dtype == bool
        assert file.attrs["interleaved_format"]


def test_the_dataset_is_as_pico_stream_makes_it(target):
    write_picostream(target, counts_of("aggregate", 3000, ratio=10), mode="aggregate", ratio=10)
    assert target.read_bytes()[8] == 0, "superblock 0"
    with h5py.File(target) as file:
        data = file["adc_counts"]
        assert (data.dtype, data.shape, data.maxshape, data.chunks) == (np.dtype("<i2"), (6000,), (None,), (2000,))
        assert (data.compression, data.shuffle, data.fletcher32, data.fillvalue) == (None, False, False, 0)
        assert not data.attrs
        assert data.id.get_num_chunks() == 3


def test_what_is_none_stays_out_and_what_is_extra_wins(target):
    write_picostream(target, [], max_adc=None, ratio=None, extra={"resolution": "none", "mine": [1, 2]})
    with h5py.File(target) as file:
        assert not {"max_adc", "hardware_downsample_ratio"} & set(file.attrs)
        assert file.attrs["resolution"] == "none"
        assert file.attrs["mine"].tolist() == [1, 2]


def test_a_range_that_no_scope_has_is_kept_as_it_is(target):
    write_picostream(target, [], range_v=3.0)
    with h5py.File(target) as file:
        assert file.attrs["voltage_range_v"] == 3.0
        assert "channel_a_range" not in file.attrs


# ---- counts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "max_adc"), [(8, 32512), (12, 32752), (12, 32767), (16, 32767)])
def test_counts_fill_the_range_in_steps_of_the_converter(bits, max_adc):
    counts = counts_of("average", 20_000, bits=bits, max_adc=max_adc)
    step = 2 ** (16 - bits)
    assert not (counts % step).any()
    most = max_adc // step * step
    assert (counts.min(), counts.max()) == (-most, most)
    assert np.array_equal(counts, counts_of("average", 20_000, bits=bits, max_adc=max_adc))
    assert not np.array_equal(counts, counts_of("average", 20_000, bits=bits, max_adc=max_adc, seed=1))


def test_reduced_counts_are_those_of_the_raw_ones():
    raw = counts_of("average", 5000).astype("f8").reshape(500, 10)
    assert np.array_equal(counts_of("average", 500, ratio=10), np.trunc(raw.mean(axis=1)))
    pairs = counts_of("aggregate", 500, ratio=10)
    assert np.array_equal(pairs[::2], raw.min(axis=1))
    assert np.array_equal(pairs[1::2], raw.max(axis=1))


# ---- growing -------------------------------------------------------------------------------------------------------


def test_a_file_grows_by_blocks_and_is_emptied(target):
    with GrowingPicoStream(target, block=10, total_name="total_samples") as growing, h5py.File(target) as file:
        data = file["adc_counts"]
        for number in range(3):
            assert growing.append(np.full(10, number)) == len(data) == 10 * number + 10
        growing.reset()
        assert len(data) == 0
        growing.append(np.arange(10))
        assert data[:].tolist() == list(range(10))
        assert file.attrs["total_samples"] == 40
    growing.close()


def test_a_killed_writer_leaves_what_was_flushed(target):
    script = (
        "import os, sys, signal\n"
        "from xjls.testing.picostream import GrowingPicoStream\n"
        "growing = GrowingPicoStream(sys.argv[1], flush=True)\n"
        "growing.append(range(1000))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, target], check=False).returncode == -9
    with h5py.File(target) as file:
        assert np.array_equal(file["adc_counts"], range(1000))


# ---- truths --------------------------------------------------------------------------------------------------------


def test_a_truth_is_a_formula():
    counts = [0, 32767, LOST, -32767]
    truth = truth_of(counts, range_v=5.0, offset_v=0.5, ratio=4, interval_ns=8)
    np.testing.assert_allclose(truth.volts("channel_a"), [-0.5, 4.5, np.nan, -5.5])
    assert truth.rate_hz == Fraction(10**9, 32)
    assert truth_of(counts, vintage="F0").rate_hz == Fraction(10**9, 80)
    assert truth_of(counts, vintage="F4", max_adc=2047).scale_factor == 2.0 / 32767
    assert truth_of(counts, vintage="F4", resolution="PS5000A_DR_8BIT").scale_factor == 2.0 / 32512
    assert truth.valid("channel_a").tolist() == [True, True, False, True]
    holed = truth_of([1, 2, 3, 4, 5], written=[1, 0, 1, 1, 0], mode="aggregate")
    assert {name: counts.tolist() for name, counts in holed.signals.items()} == {
        "channel_a_min": [1, 3],
        "channel_a_max": [0, 4],
    }
    assert holed.missing.tolist() == [True, False]
    assert Capture(mode="aggregate").values_per_step == 2


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_h5py_finds_in_a_scenario_what_is_true(tmp_path, make):
    made = make(tmp_path)
    assert made.notes
    assert made.path.parent == tmp_path
    with h5py.File(made.path) as file:
        values, fill = file["adc_counts"][()], file["adc_counts"].fillvalue
    step, truth = len(made.truth.signals), made.truth
    for number, counts in enumerate(truth.signals.values()):
        found = values[number : counts.size * step : step]
        assert np.array_equal(found[~truth.missing], counts[~truth.missing])
        assert ((found == fill) | (found == counts))[truth.missing].all()
        rest = values[counts.size * step + number :: step]
        assert (rest[1:] == fill).all()  # but for a half of a pair
