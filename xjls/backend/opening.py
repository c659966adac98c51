"""``xjls.open``: the engine, with chunks by default."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr

from xjls.backend.dataset import restore_time

if TYPE_CHECKING:
    from xjls.backend.axes import Join, TimeUnit
    from xjls.backend.dataset import Levels
    from xjls.formats.levels.opening import WhichSidecar
    from xjls.model.reader import OnDamage


def open(  # noqa: A001 - xjls.open reads as it should
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - as `open_recording` has it
    chunks: Any = {},  # noqa: B006 - xarray's own word for "as the file is cut", never changed
    signals: str | Iterable[str] | None = None,
    levels: Levels = "auto",
    time: TimeUnit = "auto",
    join: Join = "inner",
    group: str | None = None,
    on_damage: OnDamage = "raise",
    verify: bool = True,
    drop_variables: str | Iterable[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    format_options: Mapping[str, Any] | None = None,
    sidecar: WhichSidecar = None,
    **options: Any,
) -> xr.Dataset:
    """Open a recording as a lazy Dataset: the same as ``xr.open_dataset(path, engine="jls", chunks={})``.

    Parameters
    ----------
    path
        A local path, or an address that fsspec understands (``s3://…``).
    format
        Name of the format, as ``"miniscope"``, of which nothing in the bytes tells; None finds it by these.
    chunks
        As of ``xr.open_dataset``: ``{}`` cuts dask chunks on borders of the file, of about 8 million samples, or of
        whole frames of 32 MiB together; None gives lazy arrays without dask, which are read as a whole when they are
        computed with.
    signals
        Names of the signals to open; None opens all that have samples. The two extremes of one quantity are one
        variable, ``channel_a(time, bound)``, of the quantity's name; named for themselves, they stand for themselves.
    levels
        Summary levels as coarsened variables, ``current_x128(time_x128, statistic)``: ``"auto"`` those of at most 2²⁰
        entries, True all, ``[1, 2]`` some, False none.
    time
        Labels: ``"utc"`` datetime64[ns]; ``"seconds"`` float seconds from the first sample, or from the beginning of
        the capture where that is known; ``"auto"`` UTC where the recording has a tie. Frames and buffers are labelled
        by their numbers in any case; ``"seconds"`` leaves their host's times as numbers.
    join
        What becomes of signals with different extents: ``"inner"`` cuts to the common window and warns when more than a
        second or 1 % is lost; ``"outer"`` keeps all, NaN in floating signals, 0 in others with a ``<name>_valid``
        beside them; ``"none"`` gives every signal an axis of its own.
    group
        One level instead: ``"0"`` the samples, ``"1"`` the finest level, and so on.
    on_damage
        ``"raise"``: computing damaged or lost samples raises `LostSamplesError`; ``"gap"``: they are NaN, or 0 in
        integer signals with a ``<name>_valid`` beside them.
    verify
        Whether every read checks the checksums of what it reads.
    drop_variables
        Names of variables to leave out.
    storage_options
        For fsspec: credentials, endpoint, and so on.
    format_options
        What only one format has to ask, by name: see its page of the documentation.
    sidecar
        Of a format without levels, where those are that `build_levels` has built: None looks for
        ``<path>.levels.zarr``, False for none.
    **options
        Others of ``xr.open_dataset``: ``cache``, ``inline_array``, ``mask_and_scale``, ``decode_times`` …

    Returns
    -------
    xarray.Dataset
        One variable a signal. Time coordinates are computed when asked for, exactly, at any length. Signals of frames
        are variables as ``image(frame, height, width)``, and what tells of frames or buffers is a coordinate of them,
        as ``time(frame)``.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1), levels=False)
    >>> sorted(ds.data_vars)
    ['current', 'current_range', 'gpi[0]', 'power', 'voltage']
    """
    dataset = xr.open_dataset(
        path, engine="jls", format=format, chunks=chunks, signals=signals, levels=levels, time=time, join=join,
        group=group, on_damage=on_damage, verify=verify, drop_variables=drop_variables,
        storage_options=storage_options, format_options=format_options, sidecar=sidecar, **options,
    )  # fmt: skip
    return restore_time(dataset)
