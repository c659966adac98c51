"""What files say: vintages, modes, lengths, resolutions, offsets, marks of lost data, unknown attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from xjls.testing.picostream.counts import LOST, counts_of
from xjls.testing.picostream.scenarios.registry import scenario, written
from xjls.testing.picostream.truth import Truth, truth_of
from xjls.testing.picostream.vintages import Mode, Vintage
from xjls.testing.picostream.writer import GrowingPicoStream

SIZE = 4000
"""Timesteps of most files: four chunks."""


def _of(path: Path, vintage: Vintage, mode: Mode, **how: Any) -> Truth:
    """Write a file of ordinary counts, which are reduced from 10 raw ones in an aggregate file."""
    ratio = 10 if mode == "aggregate" else 1
    return written(path, counts_of(mode, SIZE, ratio=ratio), vintage=vintage, mode=mode, ratio=ratio, **how)


# ---- vintages ------------------------------------------------------------------------------------------------------


@scenario
def f0_with_constants(path: Path) -> Truth:
    """Say 2560 samples and 80 ns, whatever was captured, and the range by its number, as the first program did."""
    return _of(path, "F0", "average", range_v=5.0)


@scenario
def f1_with_facts(path: Path) -> Truth:
    """Keep the same group with the real length and interval."""
    return _of(path, "F1", "average", interval_ns=16, range_v=0.05)


@scenario
def f2_flat(path: Path) -> Truth:
    """Say no more than the three attributes that counts cannot do without."""
    return _of(path, "F2", "average")


@scenario
def f2_aggregate(path: Path) -> Truth:
    """Say the mode as well, and no version."""
    return _of(path, "F2", "aggregate")


@scenario
def f3_average(path: Path) -> Truth:
    """Say version 1.0, and False for pairs."""
    return _of(path, "F3", "average")


@scenario
def f3_aggregate(path: Path) -> Truth:
    """Say version 1.0, and True for pairs."""
    return _of(path, "F3", "aggregate")


@scenario
def f4_12_bit(path: Path) -> Truth:
    """Leave out the largest count, which is 32767."""
    return _of(path, "F4", "average")


@scenario
def f4_8_bit(path: Path) -> Truth:
    """Leave out the largest count, which is 32512 at 8 bits."""
    counts = counts_of("average", SIZE, bits=8, max_adc=32512)
    return written(path, counts, vintage="F4", resolution="PS5000A_DR_8BIT")


@scenario
def f4_aggregate(path: Path) -> Truth:
    """Leave out the largest count where there are pairs."""
    return _of(path, "F4", "aggregate")


@scenario
def f5_average(path: Path) -> Truth:
    """Be an ordinary file of today."""
    return _of(path, "F5", "average")


@scenario
def f5_average_of_many(path: Path) -> Truth:
    """Average in the scope: the interval of the file is that before."""
    return written(path, counts_of("average", SIZE, ratio=16), ratio=16, interval_ns=8)


@scenario
def f5_aggregate(path: Path) -> Truth:
    """Keep the minimum and the maximum of each moment, one after the other."""
    return _of(path, "F5", "aggregate")


@scenario
def uneven_rate(path: Path) -> Truth:
    """Have timesteps a second that no float holds."""
    return written(path, counts_of("average", SIZE), ratio=3, interval_ns=16)


# ---- lengths -------------------------------------------------------------------------------------------------------


@scenario
def no_values(path: Path) -> Truth:
    """Stop before the first block was full."""
    return written(path, [])


@scenario
def no_pairs(path: Path) -> Truth:
    """Stop an aggregate capture before the first block was full."""
    return written(path, [], mode="aggregate", ratio=10)


@scenario
def one_value(path: Path) -> Truth:
    """Hold a single value."""
    return written(path, [-4096])


@scenario
def half_a_pair(path: Path) -> Truth:
    """Hold a single value where there should be two: no timestep is whole."""
    return written(path, [16], mode="aggregate", ratio=10)


@scenario
def partial_last_block(path: Path) -> Truth:
    """End inside a chunk, as files of other writers do."""
    return written(path, counts_of("average", 3333))


@scenario
def aggregate_of_odd_length(path: Path) -> Truth:
    """End with a minimum that has no maximum, as files of other writers may."""
    return written(path, counts_of("aggregate", 1001, ratio=4)[:2001], mode="aggregate", ratio=4)


# ---- scales --------------------------------------------------------------------------------------------------------


@scenario
def bits_8(path: Path) -> Truth:
    """Deliver multiples of 256 up to 32512."""
    counts = counts_of("average", SIZE, bits=8, max_adc=32512)
    return written(path, counts, max_adc=32512, resolution="PS5000A_DR_8BIT", range_v=0.01)


@scenario
def bits_12_old_driver(path: Path) -> Truth:
    """Deliver multiples of 16 up to 32752, which an older driver calls full scale."""
    return written(path, counts_of("average", SIZE, max_adc=32752), max_adc=32752)


@scenario
def bits_16(path: Path) -> Truth:
    """Deliver every count up to 32767."""
    counts = counts_of("average", SIZE, bits=16)
    return written(path, counts, resolution="PS5000A_DR_16BIT", range_v=20.0)


@scenario
def offset_above(path: Path) -> Truth:
    """Add half a volt to the input ahead of the converter."""
    return written(path, counts_of("average", SIZE), ratio=16, offset_v=0.5)


@scenario
def offset_below(path: Path) -> Truth:
    """Take 1.2 volts from the input ahead of the converter, in pairs."""
    return _of(path, "F5", "aggregate", offset_v=-1.2)


# ---- lost data -----------------------------------------------------------------------------------------------------


@scenario
def lost_runs(path: Path) -> Truth:
    """Mark samples as lost: at both ends, across chunks, and one alone."""
    counts = counts_of("average", SIZE)
    for run in (slice(0, 3), slice(990, 2010), slice(2500, 2501), slice(SIZE - 7, SIZE)):
        counts[run] = LOST
    return written(path, counts, offset_v=0.25)


@scenario
def lost_halves_of_pairs(path: Path) -> Truth:
    """Mark only the minimum of some pairs as lost, both values of others."""
    counts = counts_of("aggregate", SIZE, ratio=10)
    counts[200:300:2] = LOST
    counts[1000:1010] = LOST
    return written(path, counts, mode="aggregate", ratio=10)


@scenario
def nothing_but_lost(path: Path) -> Truth:
    """Mark every sample as lost."""
    return written(path, np.full(1500, LOST, np.int16))


# ---- live only -----------------------------------------------------------------------------------------------------


@scenario
def live_only_with_total(path: Path) -> Truth:
    """Drop five blocks, fill two again, and count seven: the file begins behind what was dropped."""
    return _refilled(path, "average", total_name="total_samples", first_id=5000)


@scenario
def live_only_pairs_with_total(path: Path) -> Truth:
    """Count the values of pairs in the total."""
    return _refilled(path, "aggregate", total_name="total_samples_captured", first_id=5000)


@scenario
def live_only_without_total(path: Path) -> Truth:
    """Drop five blocks and fill two again, without a word of it: nothing tells when the file begins."""
    return _refilled(path, "average", total_name=None, first_id=0)


@scenario
def live_only_just_emptied(path: Path) -> Truth:
    """Be caught right behind a reset."""
    return _refilled(path, "average", total_name="total_samples", first_id=5000, refill=0)


def _refilled(path: Path, mode: Mode, *, total_name: str | None, first_id: int, refill: int = 2) -> Truth:
    how: dict[str, Any] = {"mode": mode, "ratio": 4}
    counts = counts_of(mode, (5 + refill) * 1000, ratio=4).reshape(5 + refill, -1)
    with GrowingPicoStream(path, total_name=total_name, **how) as growing:
        for number, block in enumerate(counts):
            if number == 5:
                growing.reset()
            growing.append(block)
        if not refill:
            growing.reset()
    return truth_of(counts[5:].ravel(), first_id=first_id, **how)


# ---- attributes ----------------------------------------------------------------------------------------------------


@scenario
def unknown_attributes(path: Path) -> Truth:
    """Say things of every type that HDF5 has."""
    return written(path, counts_of("average", 1000), stored={"extra": attributes_of_every_type()})


@scenario
def numbers_of_other_types(path: Path) -> Truth:
    """Say what is needed in other types of number, and as arrays of one, as foreign writers do."""
    odd: dict[str, Any] = {
        "sample_interval_ns": np.float32(16), "voltage_range_v": np.array([2], "i1"), "max_adc": np.array(32767, "u2"),
        "hardware_downsample_ratio": np.array([[1]], ">i4"), "analog_offset_v": np.float32(0.5),
        "downsample_mode": np.bytes_(b"average"),
    }  # fmt: skip
    write = {"extra": odd}
    return written(path, counts_of("average", 1000), stored=write, offset_v=0.5)


def attributes_of_every_type() -> dict[str, Any]:
    """Return attributes of every HDF5 type that h5py writes, some of them empty.

    Examples
    --------
    >>> attributes_of_every_type()["note"]
    'größer ☃'
    """
    return {
        **{f"an_{kind}": np.dtype(kind).type(7) for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")},
        **{f"an_{kind}": np.dtype(kind).type(0.5) for kind in ("f2", "f4", "f8")},
        "most": np.uint64(2**64 - 1), "infinite": -np.inf, "complex": 1 + 2j, "yes": True,
        "note": "größer ☃", "nothing": "", "fixed": np.bytes_(b"abc"), "not_utf8": np.bytes_(b"\xff\x00\xfe"),
        "list": [1, 2, 3], "table": np.arange(6.0).reshape(2, 3), "texts": ["a", "ß"], "zero_long": np.zeros(0),
        "big_endian": np.array([1, 2], ">i4"), "empty": h5py.Empty("f4"), "empty_text": h5py.Empty("S1"),
        "compound": np.array((1, 2.5), [("a", "i4"), ("b", "f8")]), "opaque": np.void(b"\x00\x01"),
        "when": np.array("2026-03-01T10:00", "M8[ns]").astype(h5py.opaque_dtype("M8[ns]")),
        "enum": np.array(1, h5py.enum_dtype({"RED": 1, "BLUE": 2})),
        "ragged": _ragged(),
    }  # fmt: skip


def _ragged() -> Any:
    rows = np.empty(2, h5py.vlen_dtype(np.int32))
    rows[0], rows[1] = np.arange(3, dtype="i4"), np.arange(1, dtype="i4")
    return rows
