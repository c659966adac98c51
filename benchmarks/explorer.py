"""The explorer: how long a tile takes in Python, and a change of the view in JupyterLab until it is painted.

The browser, the server and the kernel are processes of this machine and talk over loopback. A change of the view is
timed in the page: from the call that sets it to the frame in which the tile that answers it is painted.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.bench import Bench
from benchmarks.report import Row, Target, absolute, at_least, at_most
from benchmarks.timing import interleave, steady
from tests.jupyter.browser import SIZE, running_browser
from tests.jupyter.explorer import ExplorerPage
from tests.jupyter.page import open_page
from tests.jupyter.server import running_lab
from xjls import open_recording
from xjls.testing import SparseTruth, write_sparse
from xjls.widget.view.lane import Source
from xjls.widget.view.view import View

LANES = ("current", "voltage", "power")
COLUMNS = 2000
ZOOMS = (1.0, 0.1, 0.01, 0.001, 0.0001)
"""Shares of a recording that are looked at."""
SPARSE_SAMPLES = 10**11
SPARSE_STEP = 655_360_000
"""Samples of a block of entries of the fourth level: with one position in each, all entries from there up exist."""
LEAST_STEPS = 4
"""Of a view: fewer would be drawn from entries of lower levels, which are holes."""
CHANGES, MANY_CHANGES = 40, 200
DRAG_STEPS = 240
MEMORY = "(lambda m: m.rss - m.shared)(__import__('psutil').Process().memory_info())"
"""What the kernel holds itself; the pages of a mapped file are not its own."""


def tiles(bench: Bench) -> Iterator[Row]:
    """Time tiles of three lanes, none of which was asked for before."""
    with open_recording(bench.files.big) as recording:
        view = View([Source(recording, LANES)])
        for share in ZOOMS:
            spans = iter(random_spans(view.extent, share, bench.many + 1))
            timings = interleave({"tile": steady(lambda spans=spans: view.tile(*next(spans), COLUMNS))}, bench.many)
            what = f"tile: 3 lanes x {COLUMNS} columns, {share:.2%} of the recording"
            yield absolute("tile", what, timings.wall["tile"], timings.cpu["tile"], "ms", at_most(15))


def in_jupyterlab(bench: Bench) -> Iterator[Row]:
    """Time changes of the view, a drag, and what the kernel keeps of many views."""
    truth = write_sparse(
        bench.files.directory / "sparse-explored.jls", SPARSE_SAMPLES, data_at=range(0, SPARSE_SAMPLES, SPARSE_STEP)
    )
    try:
        with ExitStack() as stack:
            lab = stack.enter_context(running_lab(Path(stack.enter_context(TemporaryDirectory()))))
            browser = stack.enter_context(running_browser())
            with open_page(browser, lab, viewport=SIZE) as page:
                yield from of_a_real_one(ExplorerPage(page), bench.files.big)
            with open_page(browser, lab, viewport=SIZE) as page:
                yield from of_a_sparse_one(ExplorerPage(page), truth)
    finally:
        truth.path.unlink()


def of_a_real_one(explorer: ExplorerPage, path: Path) -> Iterator[Row]:
    """Measure on a recording whose samples are all there."""
    explorer.explore(f"{str(path)!r}, signals={list(LANES)}")
    size = f"{path.stat().st_size / 1e9:.2g} GB"
    extent = explorer.view()
    yield from changes(f"view change, {size}", explorer, mixed_spans(extent, CHANGES))
    explorer.set_view(*middle(extent, 0.1))
    yield figure("   frames a second in a drag", explorer.drag_frames(DRAG_STEPS), "1/s", at_least(50))
    explorer.set_view(*extent)
    before = explorer.page.python(MEMORY)
    explorer.time_views(mixed_spans(extent, MANY_CHANGES, seed=1))
    after = explorer.page.python(MEMORY)
    explorer.time_views(mixed_spans(extent, MANY_CHANGES, seed=2))
    later = explorer.page.python(MEMORY)
    yield figure(f"   kernel's memory: {MANY_CHANGES} views add", (after - before) / 1e6, "MB", at_most(100))
    yield figure(f"   kernel's memory: {MANY_CHANGES} more add", (later - after) / 1e6, "MB", at_most(10))


def of_a_sparse_one(explorer: ExplorerPage, truth: SparseTruth) -> Iterator[Row]:
    """Measure on an enormous recording, between positions whose samples are there."""
    # Its picture would be drawn from samples between those positions, which are holes
    explorer.explore(f"{str(truth.path)!r}, picture=False")
    x0, x1 = explorer.view()
    starts = np.arange(0, truth.samples, SPARSE_STEP)
    times = x0 + starts / truth.samples * (x1 - x0)
    rng = np.random.default_rng(0)
    pairs = (np.sort(rng.choice(len(times), 2, replace=False)) for _ in range(10 * CHANGES))
    spans = [(float(times[a]), float(times[b])) for a, b in pairs if LEAST_STEPS <= b - a <= len(times) // 3]
    yield from changes(f"view change, {truth.samples:.0e} samples", explorer, apart(spans)[:CHANGES])


def changes(what: str, explorer: ExplorerPage, spans: Sequence[tuple[float, float]]) -> Iterator[Row]:
    """Yield the median and the 95th percentile of changes of the view, in ms."""
    took = explorer.time_views(spans)
    yield figure(f"{what}: median of {len(took)}", statistics.median(took), "ms", at_most(50))
    yield figure("   95th percentile", float(np.percentile(took, 95)), "ms")


def mixed_spans(extent: Sequence[float], count: int, seed: int = 0) -> list[tuple[float, float]]:
    """Return spans of all zooms in turn, so that no tile serves two of them."""
    by_zoom = [random_spans(extent, share, count, seed) for share in ZOOMS[1:]]
    return [by_zoom[i % len(by_zoom)][i] for i in range(count)]


def apart(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return those that the tile of the one before, with half a screen more on each side, does not hold."""
    kept = list(spans[:1])
    for start, stop in spans[1:]:
        before, behind = kept[-1]
        pad = (behind - before) / 2
        if start < before - pad or stop > behind + pad:
            kept.append((start, stop))
    return kept


def random_spans(extent: Sequence[float], share: float, count: int, seed: int = 0) -> list[tuple[float, float]]:
    """Return spans of a share of the extent, anywhere in it, each a little longer than the one before."""
    x0, x1 = extent
    lengths = (x1 - x0) * share * (1 - 0.2 * np.arange(count, 0, -1) / count)
    starts = x0 + np.random.default_rng(seed).random(count) * (x1 - x0 - lengths)
    return [(float(start), float(start + length)) for start, length in zip(starts, lengths, strict=True)]


def middle(extent: Sequence[float], share: float) -> tuple[float, float]:
    """Return the middle part of an extent."""
    x0, x1 = extent
    return x0 + (x1 - x0) * (1 - share) / 2, x0 + (x1 - x0) * (1 + share) / 2


def figure(what: str, value: float, unit: str, target: Target | None = None) -> Row:
    """Return one figure of what was seen in JupyterLab."""
    return Row(goal="lab", what=what, ours_s=0.0, value=value, low=value, high=value, unit=unit, target=target)
