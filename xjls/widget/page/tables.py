"""The columns that a page holds: of each track the whole, and closer ones around some spans, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.window import Window
from xjls.widget.view.cache import StripCache
from xjls.widget.view.strip import offset_of, strip_of
from xjls.widget.view.wire import encode_span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.widget.page.packing import ArrayPack
    from xjls.widget.view.lane import Lane
    from xjls.widget.view.strip import Strip
    from xjls.widget.view.track import Track

DETAIL_COLUMNS = 8192
"""Of each span that is shown more closely."""


def page_strips(track: Track, columns: int, details: Iterable[tuple[float, float]] = ()) -> list[Strip]:
    """Return a track's columns, from its first sample to its last one.

    Parameters
    ----------
    track
        Of a recording in which lost samples are gaps.
    columns
        Of the whole, at least, where there are so many samples.
    details
        Spans in the axis' nanoseconds, half-open, that get `DETAIL_COLUMNS` each; where they overlap they are one.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> from xjls.widget.view import lane
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=1))
    >>> (track,) = lane.lanes_of([lane.Source(recording, ("current",))])[1][0].tracks
    >>> [(strip.step, str(strip.window)) for strip in page_strips(track, 100, [(5e8, 6e8)])]
    [(2560, '0–250_000'), (6, '250_000–300_000'), (2560, '300_000–500_000')]
    """
    samples = track.samples
    closer = merged(track.window(start, stop) for start, stop in details)
    cuts = [samples.start, *(edge for window in closer for edge in (window.start, window.stop)), samples.stop]
    windows = [Window(a, b) for a, b in pairwise(cuts) if a < b]
    return [_strip(track, window, DETAIL_COLUMNS if window in closer else _share(window, samples, columns))
            for window in windows]  # fmt: skip


def merged(windows: Iterable[Window]) -> list[Window]:
    """Return windows in order, those that touch as one, empty ones left out.

    Examples
    --------
    >>> [str(window) for window in merged([Window(5, 9), Window(0, 5), Window(20, 20), Window(12, 13)])]
    ['0–9', '12–13']
    """
    joined: list[Window] = []
    for window in sorted(window for window in windows if window.length):
        if joined and window.start <= joined[-1].stop:
            joined[-1] = Window(joined[-1].start, max(joined[-1].stop, window.stop))
        else:
            joined.append(window)
    return joined


def _share(window: Window, samples: Window, columns: int) -> int:
    return max(1, columns * window.length // samples.length)


def _strip(track: Track, window: Window, columns: int) -> Strip:
    within = replace(track, within=window)
    return strip_of(within, *within.extent, columns, StripCache(0))


def length_ns(strip: Strip) -> float:
    """Return the length of a strip's columns in time."""
    return float((strip.edges[-1] - strip.edges[0]) * strip.step / strip.window.length)


# ---- what the page gets --------------------------------------------------------------------------------------------


def pack_track(lane: Lane, which: int, strips: Sequence[Strip], pack: ArrayPack) -> dict[str, Any]:
    """Put the columns of a track into a pack, and return what the page needs to make its table of them."""
    track = lane.tracks[which]
    edges = np.concatenate([strips[0].edges[:1], *(strip.edges[1:] for strip in strips)])
    mean, low, high = (np.concatenate([getattr(s, name) for s in strips]) for name in ("mean", "min", "max"))
    y0 = offset_of(low, high)
    is_samples = all(strip.is_samples for strip in strips)
    return {
        "lane": lane.key, "track": which, "shape": lane.shape, "shift": track.shift_ns, "y0": y0, "samples": is_samples,
        "start": float(edges[0]), "step": float(edges[1] - edges[0]), "bend": pack.put(np.diff(edges, 2), "f8"),
        "pieces": [_piece(strip) for strip in strips],
        "mean": pack.put(mean - y0), "std": _std(strips, pack, is_samples),
        "min": None if is_samples else pack.put_half(low - y0, "down"),
        "max": None if is_samples else pack.put_half(high - y0, "up"),
        **_missing(strips, pack), "spans": [encode_span(span) for strip in strips for span in strip.spans],
    }  # fmt: skip


def _std(strips: Sequence[Strip], pack: ArrayPack, is_samples: bool) -> int | None:
    """Pack deviations; those of single samples are 0. There are none of steps, logic, and pairs of extremes."""
    track = strips[0].track
    if is_samples or track.shape != "analog" or len(track.signals) > 1:
        return None
    return pack.put_half(np.concatenate([np.zeros(len(s)) if s.std is None else s.std for s in strips]))


def lengths_of(strip: Strip) -> tuple[int, int, int]:
    """Return the samples of the first column of a strip, of those in it, and of its last one."""
    first_id, window, step = strip.track.signal.first_id, strip.window, strip.step
    if len(strip) == 1:
        return window.length, step, window.length
    head = step - (window.start - first_id) % step
    tail = window.length - head - (len(strip) - 2) * step
    return head, step, tail


def _piece(strip: Strip) -> dict[str, int]:
    head, step, tail = lengths_of(strip)
    return {"n": len(strip), "head": head, "step": step, "tail": tail}


def _missing(strips: Sequence[Strip], pack: ArrayPack) -> dict[str, int | None]:
    """Pack how many samples of each column its numbers are not of, and how many have no value; None where none is.

    The second is None where it is the same; else entries still answer for lost samples.
    """
    lengths = np.concatenate([_lengths(strip) for strip in strips])
    left_out = np.round((1 - np.concatenate([strip.fill for strip in strips])) * lengths)
    lost = np.concatenate([strip.missing for strip in strips])
    return {
        "missing": pack.put(left_out, "f8") if left_out.any() else None,
        "lost": pack.put(lost, "f8") if (lost != left_out).any() else None,
    }


def _lengths(strip: Strip) -> NDArray[np.float64]:
    lengths = np.full(len(strip), strip.step, np.float64)
    lengths[0], _, lengths[-1] = lengths_of(strip)
    return lengths
