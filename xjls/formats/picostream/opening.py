"""The way into the format: what is looked at to tell it, and the door. Loads the rest when a file is opened."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.model.recording import Recording
from xjls.storage import absolute_path
from xjls.storage.new_file import local_target, new_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xjls.formats.picostream.attributes import OffsetSign
    from xjls.formats.picostream.sink import PicoSink
    from xjls.model.reader import OnDamage
    from xjls.model.sink import Sink

MAGIC = b"\x89HDF\r\n\x1a\n"
MAGIC_AT = (0, 512, 1024, 2048)
"""Where HDF5 looks for it: bytes of another kind may stand in front."""
COUNTS = "adc_counts"
"""The dataset: HDF5 has its name among the first bytes of a file that begins with it."""
NETCDF = b"_NCProperties"
"""An attribute of netCDF's own files, whatever their variables are called."""
OPTIONS = ("units", "offset_sign", "max_adc", "sample_interval_ns")
UNITS = {"V": 1.0, "mV": 1e3}


def recognizes(head: bytes) -> bool:
    """Whether a file begins as one of PicoStream does; many other programs write HDF5, of which netCDF's says so."""
    return is_hdf5(head) and COUNTS.encode() in head and NETCDF not in head


def is_hdf5(head: bytes) -> bool:
    """Whether a file that begins so is one of HDF5."""
    return any(head.startswith(MAGIC, at) for at in MAGIC_AT)


def open_picostream(
    path: str, *, storage_options: Mapping[str, Any] | None, on_damage: OnDamage, verify: bool, units: str = "V",
    offset_sign: OffsetSign = "subtract", max_adc: int | None = None, sample_interval_ns: float | None = None,
) -> Recording:  # fmt: skip
    """Open a PicoStream file; see `xjls.open_recording`.

    Parameters
    ----------
    path, storage_options, on_damage, verify
        As there. HDF5 has no checksums unless a filter makes them.
    units
        Of physical values: ``"V"`` or ``"mV"``.
    offset_sign
        What becomes of the analogue offset: ``"subtract"`` gives the voltage at the input, which the scope had added
        it to; ``"add"`` gives the numbers of PicoStream's own reader.
    max_adc, sample_interval_ns
        The count of full scale, and nanoseconds between samples before downsampling, where one knows better than the
        file.
    """
    from xjls.formats.picostream.reader import PicoReader

    if units not in UNITS:
        raise SelectionError(f"units={units!r} are none of PicoStream's", f"Choose one of {', '.join(UNITS)}.")
    told = {
        "storage_options": dict(storage_options) if storage_options else None, "units": units,
        "offset_sign": offset_sign, "max_adc": max_adc, "sample_interval_ns": sample_interval_ns,
    }  # fmt: skip
    options = {name: value for name, value in told.items() if value is not None}
    return Recording(absolute_path(path), PicoReader, options=options, on_damage=on_damage, verify=verify)


@contextlib.contextmanager
def new_picostream(
    path: str,
    *,
    overwrite: bool,
    option: str,
    codec: str | None,
    storage_options: Mapping[str, Any] | None,  # noqa: ARG001 - of the table; files are local
) -> Iterator[Sink]:
    """Give a sink for a new file; see `xjls.formats.new_recording`."""
    from xjls.formats.picostream.sink import PicoSink

    _require_plain(codec)
    with new_file(path, overwrite=overwrite, option=option) as part, PicoSink(part) as sink:
        yield sink


def grow_picostream(
    path: str,
    *,
    codec: str | None,
    keep_s: float | None,
    storage_options: Mapping[str, Any] | None,  # noqa: ARG001 - of the table; files are local
) -> PicoSink:
    """Give a sink for a file that is there at once; see `xjls.formats.grow_recording`."""
    from xjls.formats.picostream.sink import PicoSink

    _require_plain(codec)
    _require_sensible(keep_s)
    return PicoSink(str(local_target(path)), grows=True, keep_s=keep_s)


def resume_picostream(
    path: str,
    *,
    keep_s: float | None = None,
    storage_options: Mapping[str, Any] | None = None,  # noqa: ARG001 - of the table; files are local
) -> PicoSink:
    """Give a sink that goes on with a file; see `xjls.formats.continue_recording`."""
    from xjls.formats.picostream.sink import PicoSink

    _require_sensible(keep_s)
    return PicoSink(str(local_target(path)), append=True, keep_s=keep_s)


def _require_plain(codec: str | None) -> None:
    if codec is not None:
        raise SelectionError(
            f"PicoStream does not compress counts, with {codec!r} or otherwise", "Choose a Zarr store."
        )


def _require_sensible(keep_s: float | None) -> None:
    if keep_s is not None and not 0 < keep_s < math.inf:
        raise SelectionError(f"keep_s={keep_s!r} is no time to keep samples for", "Give seconds above 0, or None.")
