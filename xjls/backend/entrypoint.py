"""The door that xarray knows: ``engine="jls"``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr
from xarray.backends import BackendEntrypoint

from xjls.backend import accessor as _accessor  # noqa: F401 - registers ds.xjls
from xjls.backend.dataset import Choice, open_group, open_groups, open_samples
from xjls.errors import SelectionError
from xjls.formats import guess_format, open_recording

if TYPE_CHECKING:
    from xjls.backend.axes import Join, TimeUnit
    from xjls.backend.dataset import Levels
    from xjls.formats.levels.opening import WhichSidecar
    from xjls.model.reader import OnDamage
    from xjls.model.recording import Recording


class JlsBackendEntrypoint(BackendEntrypoint):
    """Open instrument recordings (JLS v2 and v1, PicoStream HDF5, miniscopes, Zarr) as lazy, labelled Datasets.

    Examples
    --------
    >>> import tempfile, xarray as xr
    >>> from xjls.testing import write_demo
    >>> ds = xr.open_dataset(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1), engine="jls", chunks={})
    >>> ds.current.dims, ds.current.attrs["units"]
    (('time',), 'A')
    """

    description = (
        "Open instrument recordings of any length: Joulescope's JLS v2 and v1 (.jls), PicoStream's HDF5 (.hdf5), "
        "Zarr (.zarr)"
    )
    url = "https://github.com/xjls/xjls"
    supports_groups = True

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        format: str | None = None,  # noqa: A002 - as `xjls.open_recording` has it
        drop_variables: str | Iterable[str] | None = None,
        signals: str | Iterable[str] | None = None,
        levels: Levels = "auto",
        time: TimeUnit = "auto",
        join: Join = "inner",
        group: str | None = None,
        on_damage: OnDamage = "raise",
        verify: bool = True,
        mask_and_scale: bool | None = None,
        decode_times: bool | None = None,
        storage_options: Mapping[str, Any] | None = None,
        format_options: Mapping[str, Any] | None = None,
        sidecar: WhichSidecar = None,
    ) -> xr.Dataset:
        """Open a recording as a Dataset; see `xjls.open` for the parameters."""
        choice = _choice(drop_variables, signals, levels, time, join, mask_and_scale, decode_times)
        recording = _open(
            filename_or_obj, format=format, on_damage=on_damage, verify=verify, storage_options=storage_options,
            format_options=format_options, sidecar=sidecar,
        )  # fmt: skip
        try:
            dataset = open_samples(recording, choice) if group is None else open_group(recording, str(group), choice)
        except BaseException:
            recording.close()
            raise
        return _finished(dataset, recording)

    def open_datatree(self, filename_or_obj: Any, **options: Any) -> xr.DataTree:
        """Open the pyramid: ``/0`` the samples, ``/1`` and up the levels; every node's first dimension is ``time``."""
        groups = self.open_groups_as_dict(filename_or_obj, **options)
        tree = xr.DataTree.from_dict(groups)
        tree.set_close(groups["/0"].close)
        return tree

    def open_groups_as_dict(
        self,
        filename_or_obj: Any,
        *,
        format: str | None = None,  # noqa: A002 - as `xjls.open_recording` has it
        drop_variables: str | Iterable[str] | None = None,
        signals: str | Iterable[str] | None = None,
        time: TimeUnit = "auto",
        join: Join = "inner",
        on_damage: OnDamage = "raise",
        verify: bool = True,
        mask_and_scale: bool | None = None,
        decode_times: bool | None = None,
        storage_options: Mapping[str, Any] | None = None,
        format_options: Mapping[str, Any] | None = None,
        sidecar: WhichSidecar = None,
    ) -> dict[str, xr.Dataset]:
        """Open the pyramid as one Dataset a group; see `open_datatree`."""
        choice = _choice(drop_variables, signals, False, time, join, mask_and_scale, decode_times)
        recording = _open(
            filename_or_obj, format=format, on_damage=on_damage, verify=verify, storage_options=storage_options,
            format_options=format_options, sidecar=sidecar,
        )  # fmt: skip
        try:
            groups = open_groups(recording, choice)
        except BaseException:
            recording.close()
            raise
        return {name: _finished(dataset, recording) for name, dataset in groups.items()}

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether the first bytes of a file, or the name of a remote object, are a recording's."""
        return isinstance(filename_or_obj, str | os.PathLike) and guess_format(filename_or_obj) is not None


def _open(filename_or_obj: Any, **options: Any) -> Recording:
    if not isinstance(filename_or_obj, str | os.PathLike):
        raise SelectionError(
            f"a {type(filename_or_obj).__name__} cannot be opened: recordings are read from many places at once",
            "Give a path, or an address with storage_options.",
        )
    return open_recording(filename_or_obj, **options)


def _finished(dataset: xr.Dataset, recording: Recording) -> xr.Dataset:
    """Tie a Dataset to its recording: what closes it, and where it came from."""
    dataset.set_close(recording.close)
    dataset.encoding.update(source=recording.path, recording=recording)
    return dataset


def _choice(
    drop_variables: str | Iterable[str] | None, signals: str | Iterable[str] | None, levels: Levels, time: TimeUnit,
    join: Join, mask_and_scale: bool | None, decode_times: bool | None,
) -> Choice:  # fmt: skip
    if decode_times is False and time == "utc":
        raise SelectionError('decode_times=False contradicts time="utc"', "Leave one of them out.")
    return Choice(
        signals=None if signals is None else _names(signals), levels=levels, join=join,
        time="seconds" if decode_times is False else time, scaled=mask_and_scale is not False,
        drop=frozenset(() if drop_variables is None else _names(drop_variables)),
    )  # fmt: skip


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
