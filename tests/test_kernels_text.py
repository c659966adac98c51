"""Cells as text read back as what they were: floats in the fewest digits, times and integers to the last one."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xjls.kernels.text import CELL_BYTES, FLOAT32, FLOAT64, NANOSECONDS, SIGNED, UNSIGNED, UTC, write_lines

RNG = np.random.default_rng(3)
POWERS = 2.0 ** np.arange(-1074, 1024)
POWERS32 = (2.0 ** np.arange(-149, 128)).astype("f4")
WHOLE = np.concatenate([RNG.integers(-(2**63), 2**63 - 1, 2000), [0, -1, 9, 10, -(2**63), 2**63 - 1]])


def lines(bits, kind):
    cells = np.ascontiguousarray(bits, np.uint64)[np.newaxis]
    out = np.empty(cells.size * CELL_BYTES, np.uint8)
    size = write_lines(cells, np.zeros(cells.shape, np.bool_), np.array([kind]), out)
    return out[:size].tobytes().decode().split("\n")[:-1]


def as_repr(value):
    return "" if value != value else repr(value)


@pytest.mark.parametrize(
    "values",
    [
        RNG.integers(0, 2**64, 20_000, np.uint64).view("f8"),
        RNG.normal(size=20_000),
        RNG.normal(size=5000).round(3),
        np.concatenate([POWERS, -POWERS, np.nextafter(POWERS, 0), np.nextafter(POWERS, np.inf)]),
        10.0 ** np.arange(-323, 309),
        np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e16, 9999999999999998.0, 1e-4, 9.99e-5]),
    ],
    ids=["bits", "normal", "short", "powers of two", "powers of ten", "ends"],
)
def test_float64_is_written_as_repr_has_it(values):
    assert lines(values.view("u8"), FLOAT64) == [as_repr(value) for value in values.tolist()]


@given(st.floats(allow_nan=False))
def test_any_float64(value):
    assert lines(np.array([value]).view("u8"), FLOAT64) == [repr(value)]


@pytest.mark.parametrize(
    "values",
    [
        RNG.integers(0, 2**32, 20_000, np.uint32).view("f4"),
        RNG.normal(0.03, 0.001, 20_000).astype("f4"),
        np.concatenate([POWERS32, -POWERS32, np.nextafter(POWERS32, np.float32(0))]),
        (10.0 ** np.arange(-45, 39)).astype("f4"),
    ],
    ids=["bits", "normal", "powers of two", "powers of ten"],
)
def test_float32_has_the_digits_that_numpy_has(values):
    """NumPy's notation depends on the precision; the digits are the same."""
    values = values[np.isfinite(values)]
    written = lines(values.view("u4"), FLOAT32)
    assert np.array_equal(np.array([np.float32(text) for text in written]).view("u4"), values.view("u4"))
    assert [Decimal(text).normalize() for text in written] == [Decimal(str(value)).normalize() for value in values]


def test_float32_that_is_not_finite():
    assert lines(np.array([np.inf, -np.inf, np.nan, -0.0], "f4").view("u4"), FLOAT32) == ["inf", "-inf", "", "-0.0"]


def test_integers():
    assert lines(WHOLE.view("u8"), SIGNED) == [str(value) for value in WHOLE.tolist()]
    assert lines(WHOLE.view("u8"), UNSIGNED) == [str(value) for value in WHOLE.view("u8").tolist()]


def test_times():
    times = np.concatenate([WHOLE[WHOLE > -(2**63)], np.arange(-400, 400) * 86_400 * 10**9 * 30 - 1])
    assert lines(times.view("u8"), UTC) == [f"{text}Z" for text in np.datetime_as_string(times.view("M8[ns]"))]
    assert [Decimal(text) * 10**9 for text in lines(WHOLE.view("u8"), NANOSECONDS)] == WHOLE.tolist()


def test_missing_cells_are_empty():
    cells, missing = np.arange(6, dtype="u8").reshape(3, 2), np.array([[0, 1], [1, 0], [0, 1]], "?")
    out = np.empty(6 * CELL_BYTES, np.uint8)
    size = write_lines(cells, missing, np.full(3, UNSIGNED), out)
    assert out[:size].tobytes() == b"0,,4\n,3,\n"


@pytest.mark.parametrize("wrong", [{"missing": (1, 3)}, {"kinds": (2,)}, {"out": (63,)}])
def test_shapes_that_do_not_agree(wrong):
    shapes = {"missing": (1, 2), "kinds": (1,), "out": (64,)} | wrong
    arguments = [np.zeros(shapes[name], dtype) for name, dtype in (("missing", "?"), ("kinds", "i8"), ("out", "u1"))]
    with pytest.raises(ValueError, match="do not agree"):
        write_lines(np.zeros((1, 2), "u8"), *arguments)
