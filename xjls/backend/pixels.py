"""Which pixels of frames arrived: what is known of each buffer, spread over the pixels that it held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xjls.errors import SelectionError
from xjls.model.slots import FRAME_SIDES, PAYLOAD_BYTES, slots_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["pixel_present"]

_MASK = "ancillary_variables"


def pixel_present(dataset: xr.Dataset) -> xr.DataArray:
    """Return which pixels of a Dataset's frames arrived; see `XjlsAccessor.pixel_present`."""
    image, present = _frames(dataset)
    slot = next(str(dim) for dim in present.dims if dim not in image.dims)
    sides = [str(dim) for dim in image.dims if dim not in present.dims]
    shape = tuple(image.sizes[side] for side in sides)
    spans = slots_of(image.attrs, present.sizes[slot], shape)
    if not spans or any(image.attrs.get(fact) != image.sizes.get(side) for side, fact in FRAME_SIDES.items()):
        raise SelectionError(
            f"{image.name!r} has a part of its rows, columns or buffers only",
            "Mask it first, ds.image.where(ds.xjls.pixel_present()), and select behind that.",
        )
    if image.chunks is not None:  # a chunk of flags would be one of thousands of frames
        present = present.chunk({dim: image.chunksizes[dim] for dim in present.dims if dim != slot})
    found: xr.DataArray = xr.apply_ufunc(
        _spread, present, kwargs={"spans": spans, "shape": shape}, input_core_dims=[[slot]], output_core_dims=[sides],
        dask="parallelized", output_dtypes=[np.bool_],
        dask_gufunc_kwargs={"output_sizes": dict(zip(sides, shape, strict=True))},
    )  # fmt: skip
    return found.rename("pixel_present").assign_attrs(long_name=f"which pixels of {image.name} arrived")


def _frames(dataset: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the frames, and what is known of their buffers."""
    images = [variable for variable in dataset.data_vars.values() if PAYLOAD_BYTES in variable.attrs]
    masks = [str(image.attrs.get(_MASK, "")) for image in images]
    found = [(image, dataset[mask]) for image, mask in zip(images, masks, strict=True) if mask in dataset.data_vars]
    if not found:
        there = ", ".join(map(str, dataset.data_vars)) or "none"
        raise SelectionError(
            "no variable of this Dataset holds frames whose buffers are known",
            f"Variables: {there}. Keep image and buffer_present as xjls.open gives them.",
        )
    return found[0]


def _spread(flags: NDArray[np.bool_], spans: Sequence[tuple[int, int]], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return flags of buffers [..., slot] as such of pixels [..., height, width]; one of two buffers needs both."""
    pixels = np.ones((*flags.shape[:-1], spans[-1][1]), np.bool_)
    for slot, (first, stop) in enumerate(spans):
        pixels[..., first:stop] &= flags[..., slot, np.newaxis]
    return pixels.reshape(*flags.shape[:-1], *shape)
