"""Sums of short runs of numbers, sixteen at a time: what a loop of numba's does one by one, or only for long runs.

A run is some dozens of samples or entries. The lanes that its end does not fill are masked, so that it needs no loop of
its own; on processors without masks LLVM makes branches of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from xjls.kernels.jit import instruction
from xjls.kernels.memory import I64, call, pointer

__all__ = ["entry_sums", "larger", "sample_sums", "smaller"]

LANES = 16
ENTRY = 4
"""Numbers of an entry: mean, standard deviation, minimum and maximum."""

_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)
_MAY_FUSE = ("contract",)
_INFINITY = float("inf")

Build = Callable[[Any, Any, Any], Any]


def sample_sums(width: int, kind: str) -> Any:
    """Make the instruction that sums up samples of `width` bytes, of NumPy's `kind`.

    ``sums(place, count, centre)`` returns of `count` samples at address `place` the sum of their distances from
    `centre`, that of the squares of these, minimum and maximum. With NaN or infinity the first sum is not finite, and
    the others are void.
    """

    def build(builder: Any, place: Any, count: Any, centre: Any) -> Any:
        centres = _lanes(builder, [centre] * LANES)
        total, squares, low, high = _accumulated(builder, _Numbers(width, kind, place, count), centres, centres)
        sums = (_folded(builder, vector, combine, 1) for vector, combine in ((total, _plus), (squares, _plus)))
        extremes = (_folded(builder, vector, combine, 1) for vector, combine in ((low, smaller), (high, larger)))
        return _packed(builder, [_lane(builder, vector, 0) for vector in (*sums, *extremes)])

    return _sums(build)


def entry_sums(width: int) -> Any:
    """Make the instruction that sums up entries of four floats of `width` bytes each.

    ``sums(place, count, centre)`` returns of `count` entries at address `place` the sum of the distances of their means
    from `centre`, that of the squares of these and of the deviations, the least minimum and the greatest maximum.
    """

    def build(builder: Any, place: Any, count: Any, centre: Any) -> Any:
        zero = ir.Constant(_DOUBLE, 0.0)
        least, most = ir.Constant(_DOUBLE, _INFINITY), ir.Constant(_DOUBLE, -_INFINITY)
        numbers = _Numbers(width, "f", place, builder.mul(count, I64(ENTRY)))
        centres = _lanes(builder, [centre, zero, zero, zero] * (LANES // ENTRY))
        neutral = _lanes(builder, [centre, zero, least, most] * (LANES // ENTRY))
        total, squares, low, high = _accumulated(builder, numbers, centres, neutral)
        total, squares = (_folded(builder, vector, _plus, ENTRY) for vector in (total, squares))
        low, high = _folded(builder, low, smaller, ENTRY), _folded(builder, high, larger, ENTRY)
        both = builder.fadd(_lane(builder, squares, 0), _lane(builder, squares, 1))
        return _packed(builder, [_lane(builder, total, 0), both, _lane(builder, low, 2), _lane(builder, high, 3)])

    return _sums(build)


_sums = instruction(types.UniTuple(types.float64, 4), types.int64, types.int64, types.float64)


class _Numbers:
    """Numbers in memory, loaded as vectors of float64."""

    def __init__(self, width: int, kind: str, place: Any, count: Any) -> None:
        floats = {4: ir.FloatType(), 8: _DOUBLE}
        self._kind = kind
        self._width = width
        self._vector = ir.VectorType(floats[width] if kind == "f" else ir.IntType(8 * width), LANES)
        self._place = place
        self.count = count

    def load(self, builder: Any, at: Any) -> Any:
        """Load those from number `at` on."""
        return self._double(builder, builder.load(self._pointer(builder, at), align=1))

    def load_some(self, builder: Any, at: Any, mask: Any) -> Any:
        """Load those that a mask selects; nothing else is touched."""
        name = f"llvm.masked.load.{self._suffix}.p0"
        nothing = ir.Constant(self._vector, None)
        align = ir.IntType(32)(1)
        place = self._pointer(builder, at)
        return self._double(builder, call(builder, name, self._vector, place, align, mask, nothing))

    @property
    def _suffix(self) -> str:
        return f"v{LANES}{'f' if self._kind == 'f' else 'i'}{8 * self._width}"

    def _pointer(self, builder: Any, at: Any) -> Any:
        return pointer(builder, builder.add(self._place, builder.mul(at, I64(self._width))), self._vector)

    def _double(self, builder: Any, vector: Any) -> Any:
        if self._kind == "f":
            return vector if self._vector == _VECTOR else builder.fpext(vector, _VECTOR)
        return builder.sitofp(vector, _VECTOR) if self._kind == "i" else builder.uitofp(vector, _VECTOR)


def _accumulated(builder: Any, numbers: _Numbers, centres: Any, neutral: Any) -> list[Any]:
    """Build the loop; return the lanes' sums of distances and of their squares, minima and maxima.

    `neutral` is what the lanes behind the end count as.
    """
    whole = builder.and_(numbers.count, I64(-LANES))
    before = builder.block
    inside, end = (builder.append_basic_block(f"lanes.{name}") for name in ("inside", "end"))
    nothing = [_constant(value) for value in (0.0, 0.0, _INFINITY, -_INFINITY)]
    builder.cbranch(builder.icmp_signed(">", whole, I64(0)), inside, end)

    builder.position_at_end(inside)
    at, *found = (builder.phi(kind) for kind in (I64, *[_VECTOR] * 4))
    more = _added(builder, numbers.load(builder, at), centres, found)
    after = builder.add(at, I64(LANES))
    for phi, first, again in zip((at, *found), (I64(0), *nothing), (after, *more), strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(again, inside)
    builder.cbranch(builder.icmp_signed("<", after, whole), inside, end)

    builder.position_at_end(end)
    found = [builder.phi(_VECTOR) for _ in nothing]
    for phi, first, again in zip(found, nothing, more, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(again, inside)
    places = ir.Constant(ir.VectorType(I64, LANES), list(range(LANES)))
    left = _lanes(builder, [builder.sub(numbers.count, whole)] * LANES)
    mask = builder.icmp_signed("<", places, left)
    rest = builder.select(mask, numbers.load_some(builder, whole, mask), neutral)
    return _added(builder, rest, centres, found)


def _added(builder: Any, x: Any, centres: Any, found: list[Any]) -> list[Any]:
    total, squares, low, high = found
    distance = builder.fsub(x, centres)
    square = builder.fmul(distance, distance, flags=_MAY_FUSE)
    return [
        builder.fadd(total, distance), builder.fadd(squares, square, flags=_MAY_FUSE), smaller(builder, x, low),
        larger(builder, x, high),
    ]  # fmt: skip


def _plus(builder: Any, a: Any, b: Any) -> Any:
    return builder.fadd(a, b)


def smaller(builder: Any, a: Any, b: Any) -> Any:
    """Build the smaller of two numbers, or of each two lanes; none is NaN."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def larger(builder: Any, a: Any, b: Any) -> Any:
    """Build the larger of two numbers, or of each two lanes; none is NaN."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _folded(builder: Any, vector: Any, combine: Build, lanes: int) -> Any:
    """Combine the halves of a vector until so many lanes are left."""
    count = vector.type.count
    while count > lanes:
        count //= 2
        low, high = (_some(builder, vector, start, count) for start in (0, count))
        vector = combine(builder, low, high)
    return vector


def _some(builder: Any, vector: Any, start: int, count: int) -> Any:
    picked = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(start, start + count)))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), picked)


def _constant(value: float) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _lane(builder: Any, vector: Any, lane: int) -> Any:
    return builder.extract_element(vector, I64(lane))


def _lanes(builder: Any, values: list[Any]) -> Any:
    vector = ir.Constant(ir.VectorType(values[0].type, LANES), ir.Undefined)
    for lane, value in enumerate(values):
        vector = builder.insert_element(vector, value, I64(lane))
    return vector


def _packed(builder: Any, values: list[Any]) -> Any:
    """Return values as numba holds a tuple of them."""
    packed = ir.Constant(ir.ArrayType(_DOUBLE, len(values)), ir.Undefined)
    for i, value in enumerate(values):
        packed = builder.insert_value(packed, value, i)
    return packed
