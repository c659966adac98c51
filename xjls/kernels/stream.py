"""Loops over bytes that come from memory rather than from a cache, 256 at a time.

Processors fetch ahead by themselves, but not past the end of a 4 KiB page, and they do not know where the next chunk of
a signal begins. So the loops ask for the bytes to come, and towards the end of one chunk for the beginning of the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from xjls.kernels.jit import instruction, part
from xjls.kernels.memory import I8, I32, I64, call, copy, pointer

__all__ = [
    "AHEAD_BYTES",
    "BLOCK_BYTES",
    "VECTOR",
    "VECTOR_BYTES",
    "Span",
    "copy_ahead",
    "loop",
    "prefetch",
    "take_block",
    "whole_blocks",
]

VECTOR_BYTES = 64
BLOCK_BYTES = 256
AHEAD_BYTES = 4096
"""How far ahead bytes are asked for: about what arrives from memory in the time that a request takes.

Half as far leaves the loops waiting; twice as far is no faster, and slower where chunks of several signals alternate.
"""

VECTOR = ir.VectorType(I64, VECTOR_BYTES // 8)


class Span(NamedTuple):
    """The bytes of a loop, as LLVM values (int64)."""

    source: Any
    destination: Any
    """Where they are copied to; None: nowhere."""
    size: Any
    """How many; a multiple of 256."""
    following: Any
    """Address of the bytes that are read next."""


@part
def whole_blocks(count: int) -> int:
    """Return the largest multiple of 256 up to `count`."""
    return count & ~(BLOCK_BYTES - 1)


def prefetch(builder: Any, place: Any) -> None:
    """Ask for the cache line at `place`, to be read soon. The address need not exist."""
    for_read, keep_in_all_levels, is_data = I32(0), I32(3), I32(1)
    line = pointer(builder, place, I8)
    call(builder, "llvm.prefetch.p0", ir.VoidType(), line, for_read, keep_in_all_levels, is_data)


def take_block(builder: Any, span: Span, offset: Any) -> list[Any]:
    """Build the loads of the 256 bytes at `offset`, their stores, and the requests for those far ahead."""
    ahead = builder.add(offset, I64(AHEAD_BYTES))
    here, there = builder.add(span.source, ahead), builder.add(span.following, builder.sub(ahead, span.size))
    wanted = builder.select(builder.icmp_signed("<", ahead, span.size), here, there)
    vectors = []
    for place in range(0, BLOCK_BYTES, VECTOR_BYTES):
        prefetch(builder, builder.add(wanted, I64(place)))
        position = builder.add(offset, I64(place))
        vector = builder.load(pointer(builder, builder.add(span.source, position), VECTOR), align=1)
        if span.destination is not None:
            builder.store(vector, pointer(builder, builder.add(span.destination, position), VECTOR), align=1)
        vectors.append(vector)
    return vectors


def loop(
    builder: Any, start: int, size: Any, carried: list[Any], body: Callable[[Any, list[Any]], list[Any]]
) -> list[Any]:
    """Build ``for offset in range(start, size, 256): carried = body(offset, carried)``; return `carried` after it."""
    before = builder.block
    head, inside, end = (builder.append_basic_block(f"stream.{name}") for name in ("head", "inside", "end"))
    builder.branch(head)

    builder.position_at_end(head)
    offset, *values = (builder.phi(value.type) for value in (I64(start), *carried))
    builder.cbranch(builder.icmp_signed("<", offset, size), inside, end)

    builder.position_at_end(inside)
    after = [builder.add(offset, I64(BLOCK_BYTES)), *body(offset, values)]
    for phi, first, again in zip((offset, *values), (I64(start), *carried), after, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(again, inside)
    builder.branch(head)

    builder.position_at_end(end)
    return values


@instruction(types.void, types.int64, types.int64, types.int64, types.int64)
def _copy_blocks(builder: Any, destination: Any, source: Any, size: Any, following: Any) -> None:
    """Copy `size` bytes, a multiple of 256."""
    span = Span(source, destination, size, following)

    def body(offset: Any, _carried: list[Any]) -> list[Any]:
        take_block(builder, span, offset)
        return []

    loop(builder, 0, size, [], body)


@part
def copy_ahead(destination: int, source: int, count: int, following: int) -> None:
    """Copy `count` bytes between places that do not overlap; those at address `following` are read next."""
    whole = whole_blocks(count)
    _copy_blocks(destination, source, whole, following)
    copy(destination + whole, source + whole, count - whole)
