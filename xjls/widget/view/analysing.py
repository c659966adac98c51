"""What the samples of a span are like: how often which value, how often more than it, and which frequencies.

Spans of more samples than a person waits for are looked at in pieces that lie evenly in them, and the answer says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xjls.errors import SelectionError
from xjls.model.amounts import counted
from xjls.model.window import Window, valid_mask
from xjls.query.histogram import OUTSIDE, choose_bins
from xjls.query.histogram import count as count_in
from xjls.query.spectrum import Segments, Welch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xjls.widget.view.track import Track

Analysis: TypeAlias = Literal["histogram", "ccdf", "spectrum"]
ANALYSES: tuple[Analysis, ...] = ("histogram", "ccdf", "spectrum")

MOST_SAMPLES = 1 << 26
"""Looked at for one answer."""
_PIECE = 1 << 20
_SEGMENT = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """An answer, as it is drawn."""

    title: str
    x: NDArray[np.float64]
    """Shape (point,): centres of bins, their left edges, or frequencies in Hz."""
    y: NDArray[np.float64]
    """Shape (point,)."""
    x_units: str
    y_label: str
    y_units: str
    is_log: tuple[bool, bool]
    """Whether x, and whether y, are best seen on a logarithmic axis."""
    text: str
    """What it is of."""


def analyse(track: Track, start: float, stop: float, kind: Analysis) -> Curve:
    """Return what the samples of the first signal of a track between two times are like.

    Raises
    ------
    SelectionError
        There are too few samples; there is no such analysis.
    MissingDependencyError
        SciPy is not installed, which spectra need.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> from xjls.widget.view.lane import Source, lanes_of
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> (track,) = lanes_of([Source(recording, ("current_range",))])[1][0].tracks
    >>> curve = analyse(track, *track.extent, "histogram")
    >>> int(curve.y.sum()), curve.text
    (50000, '50,000 samples')
    """
    if kind not in ANALYSES:
        raise SelectionError(f"there is no analysis {kind!r}", f"Choose one of {', '.join(ANALYSES)}.")
    window = track.window(min(start, stop), max(start, stop))
    if not window.length:
        raise SelectionError(f"there is no sample of {track.name!r} in the span", "Choose a longer one.")
    return _spectrum(track, window) if kind == "spectrum" else _distribution(track, window, kind)


def _distribution(track: Track, window: Window, kind: Analysis) -> Curve:
    signal, windows = track.signal, _pieces(window)
    known = track.recording.statistics(signal.name, window, nans="trust")
    bins = choose_bins(signal.dtype if not signal.is_scaled else np.dtype("f8"), known.min, known.max)
    counts = count_in(_read(track, windows), bins)
    inside, outside = counts[: bins.number].astype(np.float64), dict(zip(OUTSIDE, counts[bins.number :], strict=True))
    text = _of(window, windows, int(outside["lost"]), int(outside["not_finite"]))
    if kind == "histogram":
        return Curve("histogram", bins.centres, inside, signal.units, "samples", "", (False, False), text)
    share = np.cumsum(inside[::-1])[::-1] / max(inside.sum(), 1.0)
    return Curve(
        "share of samples from a value on", bins.edges[:-1], share, signal.units, "share", "", (False, True), text
    )


def _spectrum(track: Track, window: Window) -> Curve:
    signal, windows = track.signal, _pieces(window)
    length = min(_SEGMENT, window.length)
    total: NDArray[np.float64] | None = None
    taken, frequency = 0, np.empty(0)
    # In a row they are one, whose segments reach over the borders of its pieces
    for piece in [window] if window.length <= MOST_SAMPLES else windows:
        welch = Welch(Segments(length=length), float(signal.rate_hz))
        for values, valid in _read(track, _steps(piece)):
            welch.add(values, valid)
        frequency, taken = welch.frequency, taken + welch.taken
        if welch.taken:
            total = welch.average * welch.taken + (0.0 if total is None else total)
    if total is None:
        raise SelectionError(f"no {length:,} samples in a row of {track.name!r} are there", "Choose another span.")
    text = f"{_of(window, windows)}, {counted(taken, 'segment')} of {length:,}"
    density = f"{signal.units or '1'}²/Hz"
    return Curve("power spectral density", frequency, total / taken, "Hz", "density", density, (True, True), text)


def _pieces(window: Window) -> list[Window]:
    """Return all of a window, in pieces; or as many as can be looked at, evenly spaced in it."""
    if window.length <= MOST_SAMPLES:
        return _steps(window)
    number = MOST_SAMPLES // _PIECE
    starts = np.linspace(window.start, window.stop - _PIECE, number).astype(np.int64).tolist()
    return [Window(start, start + _PIECE) for start in starts]


def _steps(window: Window) -> list[Window]:
    return [Window(a, min(a + _PIECE, window.stop)) for a in range(window.start, window.stop, _PIECE)]


def _read(track: Track, windows: list[Window]) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_] | None]]:
    signal = track.signal
    for window in windows:
        values, gaps = track.recording.read_with_gaps(signal.name, window)
        yield signal.physical(values), valid_mask(window, gaps) if gaps else None


def _of(window: Window, windows: list[Window], lost: int = 0, not_finite: int = 0) -> str:
    """Return of which samples an answer is."""
    looked = sum(piece.length for piece in windows)
    parts = [f"{looked:,} samples"]
    if looked < window.length:
        parts = [f"{looked:,} of {window.length:,} samples, in {len(windows)} pieces spread evenly"]
    parts += [f"{lost:,} lost"] if lost else []
    parts += [f"{not_finite:,} not finite"] if not_finite else []
    return ", ".join(parts)
