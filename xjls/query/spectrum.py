"""Welch's estimate of a power spectrum, from a stream of samples in bounded memory.

The spectra of overlapping segments are averaged (P. D. Welch, "The use of fast Fourier transform for the estimation of
power spectra", 1967), each of them computed by SciPy, so that the result is that of `scipy.signal.welch` of all samples
at once. A segment in which a sample is missing or not finite is left out, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xjls.errors import MissingDependencyError, SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Scaling", "Segments", "Welch"]

Scaling: TypeAlias = Literal["density", "spectrum", "amplitude"]
SCALINGS: tuple[Scaling, ...] = ("density", "spectrum", "amplitude")

_AT_ONCE = 1 << 19
"""Samples of segments transformed in one call, at least one segment: so much that the call's own cost is small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """How samples are cut into segments, and what is done with each."""

    length: int
    """Samples of a segment."""
    overlap: float = 0.5
    """Share of a segment that the next one has too; at least 0, below 1."""
    window: Any = "hann"
    """As `scipy.signal.get_window` takes it."""
    detrend: Literal["constant", "linear", False] = "constant"
    """What is taken from each segment before: its mean, its straight line, nothing."""
    scaling: Scaling = "density"
    """Power density (units²/Hz), power spectrum (units²), or amplitude density (units/√Hz)."""

    def __post_init__(self) -> None:
        if self.length < 1:
            raise SelectionError(f"a segment of {self.length} samples is none", "Give segment_length of at least 1.")
        if not 0 <= self.overlap < 1:
            raise SelectionError(f"segments cannot overlap by {self.overlap}", "Give a share from 0 to below 1.")
        if self.scaling not in SCALINGS:
            raise SelectionError(f"no scaling {self.scaling!r}", f"Choose from {', '.join(SCALINGS)}.")
        if self.detrend not in ("constant", "linear", False):
            raise SelectionError(f"no detrend {self.detrend!r}", 'Choose "constant", "linear" or False.')

    @property
    def step(self) -> int:
        """Samples from the beginning of a segment to that of the next."""
        return self.length - int(self.overlap * self.length)


class Welch:
    """The average over the segments of all samples that were added, in order.

    Parameters
    ----------
    segments
        How the samples are cut.
    rate_hz
        Samples a second.

    Raises
    ------
    MissingDependencyError
        SciPy is not installed.

    Examples
    --------
    >>> welch = Welch(Segments(length=64), 1000.0)
    >>> wave = np.sin(2 * np.pi * 250 / 1000 * np.arange(1000))
    >>> welch.add(wave[:300]); welch.add(wave[300:])
    >>> float(welch.frequency[welch.average.argmax()]), welch.taken, welch.left_out
    (250.0, 30, 0)
    """

    def __init__(self, segments: Segments, rate_hz: float) -> None:
        try:
            import scipy.signal  # type: ignore[import-untyped]
        except ImportError as error:
            raise MissingDependencyError("scipy", "spectrum") from error
        self._scipy = scipy
        self._segments = segments
        self._rate_hz = rate_hz
        self._window = scipy.signal.get_window(segments.window, segments.length)
        self._rest = np.empty(0)
        self._sum = np.zeros(segments.length // 2 + 1)
        self.taken = 0
        """Segments in the average."""
        self.left_out = 0
        """Segments that were left out."""

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Shape (frequency,): in Hz, from 0 to half the rate."""
        return np.asarray(np.fft.rfftfreq(self._segments.length, 1 / self._rate_hz), np.float64)

    @property
    def average(self) -> NDArray[np.float64]:
        """Shape (frequency,): the estimate, NaN where no segment was whole."""
        power = self._sum / self.taken if self.taken else np.full(len(self._sum), np.nan)
        return np.sqrt(power) if self._segments.scaling == "amplitude" else power

    def add(self, samples: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> None:
        """Take the samples that follow those added before; `valid` tells which of them there are."""
        samples = samples.astype(np.float64)
        if valid is not None:
            samples[~valid] = np.nan
        if len(self._rest):
            samples = np.concatenate([self._rest, samples])
        length, step = self._segments.length, self._segments.step
        if len(samples) >= length:
            cut = np.lib.stride_tricks.sliding_window_view(samples, length)[::step]
            at_once = max(_AT_ONCE // length, 1)
            for start in range(0, len(cut), at_once):
                self._add_segments(cut[start : start + at_once])
            samples = samples[len(cut) * step :]
        self._rest = samples.copy()

    def _add_segments(self, cut: NDArray[np.float64]) -> None:
        whole = np.isfinite(cut).all(axis=1)
        self.left_out += len(cut) - int(np.count_nonzero(whole))
        self.taken += int(np.count_nonzero(whole))
        if whole.any():
            _, power = self._scipy.signal.periodogram(
                cut if whole.all() else cut[whole], self._rate_hz, self._window, detrend=self._segments.detrend,
                scaling="spectrum" if self._segments.scaling == "spectrum" else "density",
            )  # fmt: skip
            self._sum += power.sum(axis=0)
