"""Labelled power spectra of any window, from streamed samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from xjls.backend.rates import is_even, rate_hz_of
from xjls.backend.sampled import Sampled, iter_pieces, sampled, together
from xjls.errors import SelectionError
from xjls.query.spectrum import Segments, Welch

if TYPE_CHECKING:
    from xjls.query.spectrum import Scaling

__all__ = ["spectrum"]

DEFAULT_LENGTH = 8192
_LONG_NAMES = {"density": "power spectral density", "spectrum": "power spectrum", "amplitude": "amplitude density"}


def spectrum(
    data: xr.Dataset | xr.DataArray,
    signals: str | Sequence[str] | None = None,
    *,
    segment_length: int | None = None,
    resolution_hz: float | None = None,
    window: Any = "hann",
    overlap: float = 0.5,
    scaling: Scaling = "density",
    detrend: Literal["constant", "linear", False] = "constant",
) -> xr.Dataset:
    """Estimate power spectra by Welch's method, as `scipy.signal.welch` does of all samples at once.

    Samples are read in order, a piece at a time, and computed with in float64: the memory needed does not grow with the
    length. Segments with a sample that is lost or not finite are left out.

    Parameters
    ----------
    data
        A Dataset or one variable; variables have one dimension, time.
    signals
        Names; None takes all that hold samples.
    segment_length, resolution_hz
        Samples of a segment, or the distance of frequencies that they follow from; neither takes 8192 samples, or all
        there are.
    window, overlap, detrend
        Of segments: SciPy's name of the window, the share that the next segment has too, and what is taken away before,
        ``"constant"``, ``"linear"`` or False.
    scaling
        ``"density"``: power density (units²/Hz); ``"spectrum"``: power (units²); ``"amplitude"``: the density's root
        (units/√Hz).

    Returns
    -------
    xarray.Dataset
        ``<signal>(frequency)``, float64; signals whose frequencies differ from the first one's have
        ``frequency_<signal>``. Attributes count ``segments`` and ``segments_left_out``.

    Raises
    ------
    SelectionError
        No such signal, fewer samples than a segment has, or no even sample rate.
    MissingDependencyError
        SciPy is not installed: ``pip install "xjls[spectrum]"``.

    Examples
    --------
    >>> import numpy as np
    >>> time = np.arange(4000) / 1000
    >>> ds = xr.Dataset({"voltage": ("time", np.sin(2 * np.pi * 50 * time), {"units": "V"})}, {"time": time})
    >>> power = spectrum(ds, resolution_hz=1)
    >>> power.voltage.idxmax().item(), power.voltage.attrs["units"]
    (50.0, 'V²/Hz')
    """
    if segment_length is not None and resolution_hz is not None:
        raise SelectionError("segment_length and resolution_hz say the same", "Give one of them.")
    grids: dict[tuple[float, int], str] = {}
    found, coords = [], {}
    for one in sampled(data, signals):
        rate_hz = _rate_hz(data, one)
        length = _segment_length(one, rate_hz, segment_length, resolution_hz)
        segments = Segments(length=length, overlap=overlap, window=window, detrend=detrend, scaling=scaling)
        welch = _welch(one, segments, rate_hz)
        dim = grids.setdefault((rate_hz, length), f"frequency_{one.name}" if grids else "frequency")
        coords[dim] = xr.Variable((dim,), welch.frequency, {"units": "Hz", "long_name": "frequency"})
        found.append((one, xr.Variable((dim,), welch.average, _attributes(one, segments, welch))))
    variables, bounds = together(found)
    return xr.Dataset(variables, bounds | coords)


def _welch(one: Sampled, segments: Segments, rate_hz: float) -> Welch:
    if one.variable.ndim != 1:
        raise SelectionError(
            f"{one.name!r} has the dimensions {', '.join(map(str, one.variable.dims))}", "Select one series of it."
        )
    welch = Welch(segments, rate_hz)
    for values, valid in iter_pieces(one):
        welch.add(values, valid)
    return welch


def _segment_length(one: Sampled, rate_hz: float, length: int | None, resolution_hz: float | None) -> int:
    if resolution_hz is not None:
        if not 0 < resolution_hz < math.inf:
            raise SelectionError(f"a resolution of {resolution_hz} Hz is none", "Give a positive one.")
        length = max(math.ceil(rate_hz / resolution_hz), 1)
    if length is None:
        length = max(min(DEFAULT_LENGTH, one.length), 1)
    if one.length < length:
        raise SelectionError(
            f"{one.name!r} has {one.length:_} samples, fewer than the {length:_} of a segment",
            "Take a longer window or shorter segments, or name other signals.",
        )
    return length


def _rate_hz(data: xr.Dataset | xr.DataArray, one: Sampled) -> float:
    """Return the rate of a variable whose samples follow each other evenly."""
    if not is_even(data, one):
        raise SelectionError(f"the labels of {one.dim!r} are not evenly spaced", "Select a window without gaps.")
    found = rate_hz_of(data, one)
    if found is None:
        raise SelectionError(f"the sample rate of {one.name!r} is not known", f"Give {one.dim!r} a coordinate.")
    return found


def _attributes(one: Sampled, segments: Segments, welch: Welch) -> dict[str, Any]:
    units = {"density": "{}²/Hz", "spectrum": "{}²", "amplitude": "{}/√Hz"}[segments.scaling].format(one.units or "1")
    return {
        "units": units,
        "long_name": f"{_LONG_NAMES[segments.scaling]} of {one.name}",
        "segments": welch.taken,
        "segments_left_out": welch.left_out,
        "segment_length": segments.length,
        "overlap": segments.overlap,
        "window": str(segments.window),
    }
