"""Which pixels of frames arrived: what is known of each buffer, spread over the pixels that it held.

A mask is made of whole frames. Labels, and not positions, then tell which of its pixels an image has.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from xjls.backend.labelled import SAMPLE_DIMS
from xjls.errors import SelectionError
from xjls.model.slots import FRAME_SIDES, PAYLOAD_BYTES, slots_of, spread

__all__ = ["pixel_present"]

_MASK = "ancillary_variables"
_MASK_FIRST = "Mask it first, ds.image.where(ds.xjls.pixel_present()), and go on with that."


def pixel_present(dataset: xr.Dataset) -> xr.DataArray:
    """Return which pixels of a Dataset's frames arrived: bool, along the dimensions of the image, with its labels.

    The image may be sliced, flipped, transposed or stacked. Where it is in dask's chunks the mask is lazy and cut alike
    along frames; else whole frames of it are made at once, a byte a pixel.

    Raises
    ------
    SelectionError
        There are no frames, not all of their slots, or labels that tell no pixels: of binned frames.
    """
    image, present = _frames(dataset)
    shape = _whole(image)
    chosen = {side: _numbers(image, side, size) for side, size in shape.items()}
    slot, spans = _slots(image, present, tuple(shape.values()))
    flags = present.variable
    if image.chunks is not None:  # a chunk of flags would be one of thousands of frames
        flags = flags.chunk({dim: image.chunksizes[dim] for dim in flags.dims if dim != slot})
    whole: xr.Variable = xr.apply_ufunc(
        spread, flags, kwargs={"spans": spans, "shape": tuple(shape.values())}, input_core_dims=[[slot]],
        output_core_dims=[list(shape)], dask="parallelized", output_dtypes=[np.bool_],
        dask_gufunc_kwargs={"output_sizes": shape},
    )  # fmt: skip
    parts = {side: one for side, one in chosen.items() if not np.array_equal(one.values, np.arange(shape[side]))}
    told = {"long_name": f"which pixels of {image.name} arrived"}
    found = whole.isel(parts).transpose(*image.dims)
    return xr.DataArray(found.data, image.coords, image.dims, "pixel_present", told)


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


def _whole(image: xr.DataArray) -> dict[str, int]:
    """Return how many pixels whole frames have along each side, in the order in which these are sent."""
    sides = str(image.attrs.get(SAMPLE_DIMS, "")).split()
    sizes = {side: int(image.attrs.get(FRAME_SIDES.get(side, ""), 0)) for side in sides}
    if sizes.keys() != FRAME_SIDES.keys():
        raise SelectionError(
            f"{image.name!r} does not tell in which order its pixels are sent", "Open it by xjls.open."
        )
    return sizes


def _slots(image: xr.DataArray, present: xr.DataArray, shape: tuple[int, ...]) -> tuple[str, list[tuple[int, int]]]:
    """Return the dimension of slots, and the pixels of each in the order that they have now."""
    dims = [str(dim) for dim in present.dims if dim not in image.dims]
    spans = slots_of(image.attrs, present.sizes[dims[0]], shape) if len(dims) == 1 else []
    order = _numbers(present, dims[0], len(spans)).values.tolist() if spans else []
    if not spans or sorted(order) != list(range(len(spans))):
        raise SelectionError(f"{present.name!r} has a part of the buffers of frames only", _MASK_FIRST)
    return dims[0], [spans[slot] for slot in order]


def _numbers(variable: xr.DataArray, dim: str, size: int) -> xr.Variable:
    """Return which of ``size`` positions a variable has along a dimension now; refuse labels that do not tell it."""
    labels: xr.Variable | None = variable.coords[dim].variable if dim in variable.coords else None
    if labels is None or labels.dtype.kind not in "iu" or not ((labels >= 0) & (labels < size)).all():
        raise SelectionError(f"{variable.name!r} has no labels along {dim!r} that tell its positions", _MASK_FIRST)
    return labels
