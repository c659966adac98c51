"""Laws of `xjls.kernels.spans`: rows of spans of one block of samples are what NumPy says of them."""

from __future__ import annotations

import numpy as np
import pytest

from xjls.kernels.spans import make_facts, summarize_spans

SAMPLES = 200
NAMES = {
    "f32": "f4",
    "f64": "f8",
    **{f"{kind}{bits}": f"{kind}{bits // 8}" for kind in "ui" for bits in (8, 16, 32, 64)},
}


def rows_of(samples: np.ndarray, stored_type: str, edges: np.ndarray) -> np.ndarray:
    """Return rows from the kernel, of samples that are one block without levels."""
    facts = make_facts(stored_type, len(samples), (), len(samples), 1, wide=False)
    rows, missing = np.empty((len(edges) - 1, 6)), np.empty(1, np.int64)
    where = np.array([samples.ctypes.data], np.int64)
    assert summarize_spans(where, facts, edges, 0, rows, missing) == 0
    return rows


def expected(samples: np.ndarray) -> list[float]:
    """Return the same by NumPy."""
    finite = samples[np.isfinite(samples)].astype(np.float64)
    if not len(finite):
        return [0, 0, *[np.nan] * 4]
    return [len(finite), 0, finite.mean(), len(finite) * finite.var(), finite.min(), finite.max()]


@pytest.mark.parametrize("stored_type", NAMES)
def test_runs_of_every_length_and_offset(stored_type: str) -> None:
    dtype = np.dtype(NAMES[stored_type])
    rng = np.random.default_rng(1)
    if dtype.kind == "f":
        samples = (1000 + rng.standard_normal(SAMPLES)).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        samples = rng.integers(limits.min, limits.max, SAMPLES, dtype, endpoint=True)
    for start in (0, 1, 7):
        edges = start + np.cumsum([0, *range(18)])
        for row, lo, hi in zip(rows_of(samples, stored_type, edges), edges[:-1], edges[1:], strict=True):
            np.testing.assert_allclose(row, expected(samples[lo:hi]), rtol=1e-9)
    np.testing.assert_allclose(rows_of(samples, stored_type, np.array([0, SAMPLES])), [expected(samples)], rtol=1e-9)


@pytest.mark.parametrize("stored_type", ["f32", "f64"])
@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [[0], [15], [16], [40], [0, 1, 2], list(range(41))])
def test_what_is_not_finite_does_not_count(stored_type: str, hole: float, at: list[int]) -> None:
    samples = np.random.default_rng(2).standard_normal(41).astype(NAMES[stored_type])
    samples[at] = hole
    np.testing.assert_allclose(rows_of(samples, stored_type, np.array([0, 41])), [expected(samples)], rtol=1e-9)


def test_nothing_behind_a_run_is_touched() -> None:
    samples = np.full(64, np.nan, np.float32)
    samples[3:20] = 5
    np.testing.assert_array_equal(rows_of(samples, "f32", np.array([3, 20])), [[17, 0, 5, 0, 5, 5]])
