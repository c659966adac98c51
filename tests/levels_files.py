"""What tests of sidecars share: recordings whose levels are hidden, and blocks so small that there are many of them."""

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xjls
from xjls.formats import registry
from xjls.formats.jls2.reader import Jls2Reader
from xjls.formats.jls2.reader import recognizes as recognizes_jls2
from xjls.formats.levels import layout
from xjls.model.recording import Recording
from xjls.storage import absolute_path
from xjls.testing.jls2 import Definition, Fsr, write
from xjls.testing.picostream import write_picostream

BLOCK, PIECE_BLOCKS, SHARD_BLOCKS = 20, 20, 50
PIECE = PIECE_BLOCKS * BLOCK
"""Entries of level 1 that are made together."""


class BareReader(Jls2Reader):
    """A JLS reader that hides the levels of its files."""

    def describe(self, name):
        return replace(super().describe(name), level_factors=())


def open_bare(path, *, storage_options, on_damage, verify):
    options = {"storage_options": dict(storage_options)} if storage_options else {}
    return Recording(absolute_path(path), BareReader, options=options, on_damage=on_damage, verify=verify)


def hide_levels(patch):
    """Make JLS a format without levels."""
    bare = registry.Format("Bare", (".jls",), recognizes_jls2, open_bare, None, None, None, lacks_levels=True)
    rows = tuple(row for row in registry.FORMATS if row.name != "JLS v2")
    patch.setattr(registry, "FORMATS", (bare, *rows))


def make_small(patch):
    """Make blocks, files and pieces so small that some ten thousand samples have several."""
    patch.setattr(layout, "BLOCK_ENTRIES", BLOCK)
    patch.setattr(layout, "PIECE_BLOCKS", PIECE_BLOCKS)
    patch.setattr(layout, "SHARD_BLOCKS", SHARD_BLOCKS)


def write_bare(path, samples, dtype="f32", **how):
    """Write a recording of one signal, x."""
    definition = Definition([Fsr("x", samples, dtype=dtype, **how)])
    return write(path, definition.sources, definition.signals)


def write_counts(path, n=300_000, *, marks=(), **how):
    """Write a PicoStream file of a wave, with markers in windows of samples; return its path and its counts."""
    k = np.arange(n)
    counts = (np.sin(k * 1e-3) * 20_000 + k % 37 * 16).astype("i2")
    for start, stop in marks:
        counts[start:stop] = -32768
    return Path(write_picostream(path, counts, **how)), counts


def sidecar_of(path):
    return Path(f"{path}.levels.zarr")


def files_of(folder):
    """Return the bytes of all files in a folder, by their names in it."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def true_entries(samples, factor):
    """Return whole entries by NumPy, in float64; -32768 among int16 does not count."""
    n = len(samples) // factor
    values = samples[: n * factor].reshape(n, factor).astype("f8")
    if samples.dtype == np.int16:
        values[values == -32768] = np.nan
    out = np.full((n, 4), np.nan)
    some = np.isfinite(values).any(axis=1)
    values = np.where(np.isfinite(values), values, np.nan)[some]
    out[some] = np.stack(
        [np.nanmean(values, 1), np.nanstd(values, 1), np.nanmin(values, 1), np.nanmax(values, 1)], axis=1
    )
    return out


def next_level(entries):
    """Return whole entries of the next level by NumPy, in float64: finite ones weigh the same."""
    n = len(entries) // 20
    below = entries[: n * 20].reshape(n, 20, 4)
    out = np.full((n, 4), np.nan)
    for i, group in enumerate(below):
        group = group[np.isfinite(group[:, 0])]  # noqa: PLW2901 - what is left of the group
        if len(group):
            mean = group[:, 0].mean()
            std = np.sqrt((group[:, 1] ** 2 + (group[:, 0] - mean) ** 2).mean())
            out[i] = mean, std, group[:, 2].min(), group[:, 3].max()
    return out


def ask(recording, name, windows):
    """Return the statistics of windows, and columns of the whole, as arrays of count, lost, mean, std, min, max."""
    told = [recording.statistics(name, window) for window in windows]
    rows = [(s.count, s.lost, s.mean, s.std, s.min, s.max) for s in told]
    c = recording.columns(name, None, 37)
    return np.array([*rows, *zip(c.count, c.lost, c.mean, c.std, c.min, c.max, strict=True)], "f8")


def some_windows(signal, count=25, seed=0):
    rng = np.random.default_rng(seed)
    first, last = signal.window.start, signal.window.stop
    return [(first, last), *map(tuple, np.sort(rng.integers(first, last + 1, (count, 2)), axis=1).tolist())]


def require_same_answers(path, **how):
    """Require that a recording answers alike with and without its sidecar; return how many levels it has."""
    with (
        xjls.open_recording(path, on_damage="gap", sidecar=False, **how) as bare,
        xjls.open_recording(path, on_damage="gap", **how) as levelled,
    ):
        names = [name for name, one in bare.signals.items() if one.has_samples]
        for name in names:
            windows = some_windows(bare.signal(name))
            wanted, found = ask(bare, name, windows), ask(levelled, name, windows)
            np.testing.assert_array_equal(found[:, [0, 1, 4, 5]], wanted[:, [0, 1, 4, 5]])
            scale = np.nanmax(np.abs(wanted[:, 2:]), initial=1e-30)
            np.testing.assert_allclose(found[:, 2:4], wanted[:, 2:4], rtol=1e-5, atol=1e-6 * scale)
        return max(len(levelled.signal(name).levels) for name in names)


@contextlib.contextmanager
def copied(path, to):
    """Copy a recording and its sidecar with their times; yield the path of the copy."""
    copy = Path(to) / Path(path).name
    shutil.copy2(path, copy)
    shutil.copytree(sidecar_of(path), sidecar_of(copy))
    yield copy
    shutil.rmtree(sidecar_of(copy), ignore_errors=True)
    copy.unlink()


@pytest.fixture
def bare(monkeypatch):
    """Hide the levels of JLS files in a test."""
    hide_levels(monkeypatch)


@pytest.fixture
def small_blocks(monkeypatch):
    """Make blocks small in a test."""
    make_small(monkeypatch)
