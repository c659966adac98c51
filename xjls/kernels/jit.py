"""How this package is compiled: Python calls a ``kernel``, which consists of ``part`` and ``instruction``.

A kernel is cached on disk together with the machine code of all its parts. Numba only looks at the kernel's own source
file to see whether a cached kernel is stale, so a changed part in another file would go unnoticed; hence the stamp
below, which stands for the sources of the whole package.
"""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import types
from numba.extending import intrinsic

__all__ = [
    "BYTES",
    "INTEGERS",
    "READ_BYTES",
    "READ_INTEGERS",
    "READ_TABLE",
    "inlined",
    "instruction",
    "kernel",
    "part",
]

Function = TypeVar("Function", bound=Callable[..., Any])

BYTES = types.Array(types.uint8, 1, "C")
INTEGERS = types.Array(types.int64, 1, "C")
READ_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
READ_INTEGERS = types.Array(types.int64, 1, "C", readonly=True)
READ_TABLE = types.Array(types.int64, 2, "C", readonly=True)
"""Types of arguments. Kernels that only read an array take writable ones as well."""


def kernel(function: Function) -> Function:
    """Compile `function` on its first call, without the GIL, and keep the machine code on disk."""
    try:
        dispatcher = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # Neither the package nor the user's own directories can be written: compile anew in every process
        return cast("Function", numba.njit(nogil=True)(function))
    _stamp_cache(dispatcher, _SOURCES)
    return cast("Function", dispatcher)


def kernel_for(*arguments: Any) -> Callable[[Function], Function]:
    """As `kernel`, but for these types of arguments and no others.

    Otherwise numba would spend seconds on each new combination: an enumeration for an integer, a writable array for a
    read-only one. What converts is converted, and a `TypeError` refuses the rest.
    """

    def decorate(function: Function) -> Function:
        dispatcher: Any = kernel(function)
        lock = threading.Lock()

        def compile_once(*_values: Any) -> Any:
            with lock:
                if dispatcher._can_compile:
                    dispatcher.compile(arguments)
                    dispatcher.disable_compile()
            return dispatcher

        dispatcher._compile_for_args = compile_once  # numba asks this for a function to call instead
        return cast("Function", dispatcher)

    return decorate


def part(function: Function) -> Function:
    """Compile `function` into the kernels that call it."""
    return cast("Function", numba.njit(nogil=True)(function))


def inlined(function: Function) -> Function:
    """As `part`, but put into the code that calls it: for what is called for a handful of items at a time."""
    return cast("Function", numba.njit(nogil=True, forceinline=True)(function))


def instruction(result: Any, *parameters: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make ``build(builder, *values)``, which adds LLVM code and returns its value, callable from parts.

    `result` and `parameters` are numba's types; `build` returns None for a `result` of ``void``.
    """

    def generate(build: Callable[..., Any]) -> Callable[..., Any]:
        def code(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            value = build(builder, *values)
            return context.get_dummy_value() if value is None else value

        return code

    def decorate(build: Callable[..., Any]) -> Any:
        def define(_typing: Any, *_arguments: Any) -> Any:
            return result(*parameters), generate(build)

        define.__name__, define.__doc__ = build.__name__, build.__doc__
        vars(define)["__signature__"] = inspect.signature(build)  # numba counts the arguments by it
        return intrinsic(define)

    return decorate


def _source_digest() -> str:
    """Digest of every source file of this package; contents, as the files of a wheel may share one time stamp."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


_SOURCES = _source_digest()


def _stamp_cache(dispatcher: Any, stamp: str) -> None:
    """Make the cache of `dispatcher` stale as soon as `stamp` changes.

    Reaches into numba, which has no public way. Where another release keeps its stamp elsewhere, numba's own stands.
    """
    cache_file: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if hasattr(cache_file, "_source_stamp"):
        cache_file._source_stamp = stamp
