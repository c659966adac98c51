"""Reductions of every format, right and wrong; files of the first generation; samples that were stored as floats."""

from __future__ import annotations

import numpy as np

from xjls.testing.jls1.definition import Definition, Floats, Producer
from xjls.testing.jls1.scenarios.raw import SIZE, raw
from xjls.testing.jls1.scenarios.registry import scenario

# ---- reductions ----------------------------------------------------------------------------------------------------


@scenario
def rows_of_another_session() -> Definition:
    """Have reductions of currents that were suppressed in another way than a reader does."""
    return raw(seed=11, rows_suppressed="mean_2_3_1")


@scenario
def rows_of_what_was_measured() -> Definition:
    """Have reductions of currents that were not suppressed."""
    return raw(seed=12, rows_suppressed="off")


@scenario
def rows_understated() -> Definition:
    """Have sums of squares that are too small, as releases up to 0.9.3 made them."""
    return raw(seed=13, rows_understated=True)


@scenario
def no_rows() -> Definition:
    """Have no reductions."""
    return raw(seed=14, rows="none")


@scenario
def rows_v1() -> Definition:
    """Have reductions of the older format in a newer file: variances, no counts."""
    return raw(seed=15, rows="v1", missing=[(100, 130), (400, 420)])


@scenario
def generation_1() -> Definition:
    """Have the config first, no formats in it, reductions of three fields, and nothing but whole records."""
    return raw(seed=16, generation=1, rows="v1", row_fields=3, v_ranges=(0, 1), rate_hz=2_000_000.0)


@scenario
def generation_1_of_six_fields() -> Definition:
    """Have reductions of six fields, and blocks that do not tell of themselves."""
    return raw(seed=17, generation=1, rows="v1", block_header="none")


# ---- inserted ------------------------------------------------------------------------------------------------------


@scenario
def inserted_words() -> Definition:
    """Have rows of no sample behind the others, as another way of recording leaves them."""
    return raw(seed=18, is_inserted=True, v_ranges=(1,))


@scenario
def inserted_floats() -> Definition:
    """Have the same with calibrated samples, whose arrays say they are longer than they are."""
    return Definition(floats=floats_of(SIZE, "c"), is_inserted=True, block_header="no v_range", calibration=None)


# ---- calibrated samples --------------------------------------------------------------------------------------------


@scenario
def floats_a() -> Definition:
    """Store ranges and inputs that are means."""
    return Definition(floats=floats_of(SIZE, "a"), rate_hz=200_000.0)


@scenario
def floats_b() -> Definition:
    """Multiply ranges and inputs twice, so that the ranges are gone."""
    return Definition(floats=floats_of(SIZE, "b"), rate_hz=1000.0)


@scenario
def floats_b_that_show_late() -> Definition:
    """Multiply twice, where inputs are zero until the last record."""
    return Definition(floats=floats_of(SIZE, "b", inputs_from=1580), rate_hz=1000.0)


@scenario
def floats_c() -> Definition:
    """Store whole ranges, and inputs that are on or off."""
    return Definition(floats=floats_of(SIZE, "c"), calibration=None, rate_hz=1_000_000)


@scenario
def floats_with_nan() -> Definition:
    """Lack samples: NaN, also in a whole reduction and in a whole record."""
    return Definition(floats=floats_of(SIZE, "c", missing=[(0, 5), (70, 90), (400, 420), (560, 640)]))


def floats_of(
    n: int, producer: Producer, *, inputs_from: int = 0, missing: list[tuple[int, int]] | None = None
) -> Floats:
    """Return calibrated samples, with fractions of ranges and inputs where a producer has them.

    Examples
    --------
    >>> floats_of(100, "c").gpi0[:4]
    array([1., 0., 1., 0.], dtype=float32)
    """
    rng = np.random.default_rng(n)
    current = (rng.normal(1, 0.2, n) * 10.0 ** rng.integers(-6, 0, n)).astype("f4")
    voltage = rng.normal(3.3, 0.01, n).astype("f4")
    for start, stop in missing or []:
        current[start:stop] = voltage[start:stop] = np.nan
    ranges, gpi0, gpi1 = np.arange(n) // 100 % 7, np.arange(n) % 2 == 0, np.arange(n) // 50 % 2 == 1
    kept = [array.astype("f4") for array in (ranges, gpi0, gpi1)]
    if producer != "c":
        part = (np.arange(n) % 100 == 0).astype("f4")
        kept = [kept[0] + part * np.float32(0.3), *(np.clip(one - part * np.float32(0.4), 0, 1) for one in kept[1:])]
    for one in kept[1:]:
        one[:inputs_from] = 0
    return Floats(
        current=current, voltage=voltage, power=current * voltage, current_range=kept[0], gpi0=kept[1], gpi1=kept[2],
        producer=producer,
    )  # fmt: skip
