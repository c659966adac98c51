"""A switch of ranges is suppressed as Joulescope does it, bit by bit; any window of a file is the cut of the whole."""

import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.formats.jls1.calibration import Calibration as OurCalibration
from xjls.formats.jls1.processor import RawProcessor
from xjls.testing.jls1 import Calibration, Definition, Sizes, ranges_of, suppress, truth_of, words_of, write_jls1
from xjls.testing.jls1.words import absent
from xjls.testing.laws import equal_values

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # the processor, without a driver
from joulescope.v0.stream_buffer import RawProcessor as OracleProcessor

NUMBERS = Calibration()
SPECS = (
    "interp_1_n_1", "off", "interp_1_m_1", "interp_1_0_1", "mean_1_n_1", "mean_8_m_8", "mean_0_n_3", "mean_3_4_0",
    "mean_2_1_0", "mean_2_3_1", "nan_0_n_0", "nan_0_m_0", "nan_0_7_0", "mean_0_12_1", "interp_1_12_1",
)  # fmt: skip
EACH = 100
"""Random cases of each that are held to the reference: those of ``test_kernels_joulescope`` make it over 5000."""


@pytest.mark.parametrize("spec", SPECS)
def test_every_bit_is_that_of_the_reference(spec):
    """Of what reads files, and of what fixtures are checked by."""
    scales = NUMBERS.scales()
    reference = OracleProcessor()
    reference.suppress_mode = spec
    reference.calibration_set(scales[0, :7], scales[1, :7], scales[0, 9:], scales[1, 9:])
    ours = RawProcessor(OurCalibration.decode(NUMBERS.encode()), suppression=spec)
    for seed in range(1000, 1000 + EACH):
        rng = np.random.default_rng(seed)
        missing = [(int(at), int(at + rng.integers(1, 30))) for at in rng.integers(0, 250, 2)]
        words = words_of(ranges_of(300, seed=seed, chatter=2), seed=seed, missing=missing)
        reference.reset(), ours.reset()
        theirs, _ = reference.process_bulk(words.reshape(-1))
        block = ours.process(words)
        n = len(block)
        assert_bits(block.current, theirs[:n, 0])
        assert_bits(block.voltage, theirs[:n, 1])
        if seed % 4 == 0:
            ranges = np.where(absent(words), 8, words[:, 0] & 3 | (words[:, 1] & 1) << 2).astype("i8")
            chosen = np.stack([ranges, np.full(300, 9)], axis=1)
            measured = ((words >> 2).astype("f4") + scales[0, chosen]) * scales[1, chosen]
            measured[ranges == 8] = np.nan
            current, voltage = suppress(spec, ranges, measured[:, 0], measured[:, 1])
            assert_bits(current[:n], theirs[:n, 0])
            assert_bits(voltage[:n], theirs[:n, 1])


def assert_bits(found, wanted):
    found, wanted = np.ascontiguousarray(found), np.ascontiguousarray(wanted)
    there = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(found), ~there)
    np.testing.assert_array_equal(found.view("u4")[there], wanted.view("u4")[there])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1 << 30), spec=st.sampled_from(SPECS), chatter=st.sampled_from([0, 3, 100]),
    sizes=st.sampled_from([Sizes(20, 4, 3), Sizes(2, 1, 1), Sizes(7, 3, 2), Sizes(100, 5, 2)]), small=st.booleans(),
    edges=st.lists(st.integers(0, 900), min_size=6, max_size=12),
)  # fmt: skip
def test_any_window_is_the_cut_of_the_whole(tmp_path_factory, seed, spec, chatter, sizes, small, edges):
    """Also where ranges chatter for as long as the file is."""
    rng = np.random.default_rng(seed)
    missing = [(int(at), int(at + rng.integers(1, 200))) for at in rng.integers(0, 900, int(rng.integers(0, 4)))]
    ranges = ranges_of(900, seed=seed, chatter=chatter, dwell=(5, 60) if chatter > 3 else (40, 160))
    definition = Definition(words=words_of(ranges, seed=seed, missing=missing), sizes=sizes, v_ranges=(0, 1))
    path = write_jls1(tmp_path_factory.mktemp("windows") / "run.jls", definition)
    truth = truth_of(definition, suppressed=spec)
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr("xjls.formats.jls1.raw._AT_ONCE", 64)
            patch.setattr("xjls.formats.jls1.raw._LOOK_BACK", 16)
            patch.setattr("xjls.formats.jls1.raw._PART", 90)
        with xjls.open_recording(path, format_options={"suppress": spec}) as recording:
            for start, stop in pairwise(edges):
                lo, hi = sorted((start, stop))
                for window in ((lo, hi), (lo, min(lo + 1, 900)), (0, hi)):
                    for name, values in truth.signals.items():
                        found = recording.read(name, window)
                        assert equal_values(found, values[slice(*window)]), (name, window)
