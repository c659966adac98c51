"""Goals 1 and 1b: opening, plain and through xarray, and that it does not depend on the length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyjls
import xarray as xr
from xarray.backends import BackendEntrypoint

from benchmarks.bench import Bench
from benchmarks.report import Row, above, at_least, at_most, faster, longer
from benchmarks.timing import interleave, repeated
from xjls import open_recording

CALLS = 2


def plain(bench: Bench) -> Iterator[Row]:
    """Goal 1: open and close; and the same with a look at how long every signal is, which pyjls always takes."""
    big, small = bench.files.big, bench.files.small
    check(big)
    ways = {
        f"{side} {name}": repeated(opener, path, calls=CALLS)
        for side, opener in (("xjls", open_xjls), ("lengths", open_lengths), ("pyjls", open_pyjls))
        for name, path in (("long", big), ("short", small))
    }
    timings = interleave(ways, bench.many, calls=CALLS)
    for side, what in (("xjls", "open + close"), ("lengths", "open + all lengths + close")):
        for name, path in (("long", big), ("short", small)):
            words = f"{what}, {gigabytes(path)}"
            yield faster("1", words, timings, f"pyjls {name}", at_least(2.5), ours=f"{side} {name}")
        words = f"{what}, {gigabytes(big)} : {gigabytes(small)}"
        yield longer("1", words, timings, f"{side} short", at_most(1.2), ours=f"{side} long")


def labelled(bench: Bench) -> Iterator[Row]:
    """Goal 1b: ``xr.open_dataset`` without chunks."""
    path = bench.files.big
    ways = {
        "xjls": repeated(open_dataset("jls", levels=False), path, calls=CALLS),
        "with levels": repeated(open_dataset("jls"), path, calls=CALLS),
        "null backend": repeated(open_dataset(NullBackend), path, calls=CALLS),
        "pyjls": repeated(open_pyjls, path, calls=CALLS),
    }
    timings = interleave(ways, bench.many, calls=CALLS)
    for ours, words in (("xjls", "levels=False"), ("with levels", "levels by default")):
        what = f"xr.open_dataset, {words}"
        yield faster("1b", what, timings, "pyjls", at_least(0.8), ours=ours)
        yield above("1b", what, timings, "null backend", "ms", at_most(0.3), ours=ours)


class NullBackend(BackendEntrypoint):
    """What xarray itself costs: a backend that opens nothing."""

    def open_dataset(self, filename_or_obj: Any, *, drop_variables: Any = None) -> xr.Dataset:  # noqa: ARG002
        """Return an empty Dataset."""
        return xr.Dataset()


def open_dataset(engine: Any, **options: Any) -> Callable[[Path], None]:
    """Return what opens and closes a Dataset."""

    def run(path: Path) -> None:
        xr.open_dataset(path, engine=engine, **options).close()

    return run


def open_xjls(path: Path) -> None:
    """Open and close by xjls."""
    open_recording(path).close()


def open_lengths(path: Path) -> None:
    """Open by xjls, ask for the window of every signal, and close."""
    with open_recording(path) as recording:
        for signal in recording.signals.values():
            _ = signal.window


def open_pyjls(path: Path) -> None:
    """Open and close by pyjls."""
    pyjls.Reader(str(path)).close()


def check(path: Path) -> None:
    """Raise unless both find the same signals."""
    with open_recording(path) as recording, pyjls.Reader(str(path)) as reader:
        ours = {signal.name: signal.window.length for signal in recording.signals.values()}
        theirs = {signal.name: signal.length for signal in reader.signals.values() if signal.signal_id}
    if ours != theirs:
        raise RuntimeError(f"{ours} is not {theirs}")


def gigabytes(path: Path) -> str:
    """Return the size of a file in words."""
    return f"{path.stat().st_size / 1e9:.2g} GB"
