"""The simulator: each sample follows from its id, and no waveform ever loses its phase."""

import threading

import numpy as np
import pytest

from xjls.capturing.devices import sim
from xjls.capturing.registry import open_device

FAR = 10**17
"""A sample id behind which a float no longer tells neighbours apart."""
BORDERS = (0, 1 << 20, 1_200_000, 3 << 20, FAR)


def ids(middle):
    return range(middle - 3000, middle + 3000)


@pytest.mark.parametrize("middle", BORDERS)
def test_waveforms_are_functions_of_the_id_alone_in_integers(middle):
    start, stop = middle - 3000, middle + 3000
    phase = np.array([i % 20_000 for i in ids(middle)])
    np.testing.assert_allclose(
        sim.expected("voltage", start, stop), 3.3 + 0.01 * np.sin(np.pi * phase / 1e4), atol=1e-6
    )
    in_burst = np.array([i % 200_000 < 30_000 for i in ids(middle)])
    np.testing.assert_array_equal(sim.expected("current", start, stop) > 0.012, in_burst)
    np.testing.assert_array_equal(sim.expected("current_range", start, stop), np.where(in_burst, 3, 4))
    for name, period in (("gpi[0]", 2000), ("gpi[1]", 3000)):
        np.testing.assert_array_equal(sim.expected(name, start, stop), [i % period < 700 for i in ids(middle)])
    wave = 12_000 * np.sin(2 * np.pi * np.array([i % 4096 for i in ids(middle)]) / 4096)
    assert abs(sim.expected("channel_b", start, stop) - wave).max() < 60 * 6


def test_no_two_neighbours_are_further_apart_than_the_waveform_says():
    samples = sim.expected("voltage", 0, 5_000_000).astype("f8")
    assert abs(np.diff(samples)).max() < 0.01 * 2 * np.pi / 20_000 + 4e-7  # the slope, and two roundings to float32


@pytest.mark.parametrize("model", ["joulescope", "picoscope"])
def test_what_is_delivered_across_the_end_of_a_table_is_what_is_expected(model):
    first_id = (1 << 20) * 7 - 500_000
    names = ("voltage", "gpi[1]") if model == "joulescope" else ("channel_a", "channel_d")
    settings = {"model": model, "speed": "max", "seconds": 1.5, "first_id": first_id}
    device = open_device("sim", rate=1_000_000, signals=names, settings=settings)
    taken = {name: [] for name in names}

    class Outlet:
        def write(self, name, at, samples):
            assert at == first_id + sum(map(len, taken[name]))
            taken[name].append(samples)

        def tie(self, name, tie):
            assert tie.sample_id >= first_id

    assert device.run(Outlet(), threading.Event()) == sim.ENDED
    for name, parts in taken.items():
        np.testing.assert_array_equal(np.concatenate(parts), sim.expected(name, first_id, first_id + 1_500_000))
