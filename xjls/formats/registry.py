"""The table of formats, and the one way in: look at first bytes (of a file in a folder), let the format do the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from xjls.errors import NotRecognizedError, SelectionError
from xjls.formats.jls1 import opening as jls1
from xjls.formats.jls2 import reader as jls2
from xjls.formats.jls2.sink import grow_jls2, new_jls2, resume_jls2
from xjls.formats.levels.opening import SUFFIX, with_levels
from xjls.formats.miniscope import opening as miniscope
from xjls.formats.picostream import opening as picostream
from xjls.formats.zarr import opening as zarr
from xjls.model.sink import Sink
from xjls.storage import local_path, open_storage
from xjls.storage.new_file import local_target

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

    from xjls.formats.levels.opening import WhichSidecar
    from xjls.model.reader import OnDamage
    from xjls.model.recording import Recording

HEAD_BYTES = 1 << 12
ROOT_BYTES = 1 << 24
"""Of the file that tells what a folder is: all of it, as a rule."""


class OpenSink(Sink, Protocol):
    """A sink that a ``with`` block closes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table."""

    name: str
    suffixes: tuple[str, ...]
    """Of file names, lower case; they only help to guess at what cannot be looked into cheaply."""
    recognizes: Callable[[bytes], bool]
    """Tells by the first 4 KiB; of a folder's root by its first 16 MiB."""
    open: Callable[..., Recording]
    """Raises NotRecognizedError, before it reads much, when the bytes are not of this format."""
    new: Callable[..., AbstractContextManager[Sink]] | None
    """Makes one, which appears under its name when it is complete; None where xjls only reads the format."""
    grow: Callable[..., OpenSink] | None
    """Makes one that is there under its name at once; what is flushed can be read, also once its writer was killed."""
    resume: Callable[..., OpenSink] | None
    """Goes on with one in the same way."""
    root: str = ""
    """Name of the file that is looked at, in a format that is a folder; else a recording is one file."""
    options: tuple[str, ...] = ()
    """What ``format_options`` may say, as keyword arguments of ``open``."""
    shares_suffix: bool = False
    """Whether files of other programs have the same endings."""
    by_name: bool = False
    """Whether nothing in a file tells its format: it is opened as one where somebody says so."""
    lacks_levels: bool = False
    """Whether its recordings have no summary levels of their own, and may have a sidecar instead."""


FORMATS = (
    Format("JLS v2", (".jls",), jls2.recognizes, jls2.open_jls2, new_jls2, grow_jls2, resume_jls2),
    Format(
        "Zarr", (".zarr",), zarr.recognizes, zarr.open_zarr, zarr.new_zarr, zarr.grow_zarr, zarr.resume_zarr, zarr.ROOT
    ),
    Format(
        "PicoStream",
        (".hdf5", ".h5"),
        picostream.recognizes,
        picostream.open_picostream,
        picostream.new_picostream,
        picostream.grow_picostream,
        picostream.resume_picostream,
        options=picostream.OPTIONS,
        shares_suffix=True,
        lacks_levels=True,
    ),
    Format("JLS v1", (".jls",), jls1.recognizes, jls1.open_jls1, None, None, None, options=jls1.OPTIONS),
    Format(
        "miniscope",
        (".bin", ".img"),
        miniscope.recognizes,
        miniscope.open_miniscope,
        None,
        None,
        None,
        options=miniscope.OPTIONS,
        shares_suffix=True,
        by_name=True,
    ),
)


def guess_format(path: str | os.PathLike[str]) -> Format | None:
    """Return the format of a local file or folder by its first bytes, of a remote one by its name; None if none fits.

    Never raises: this is what asks whether xjls could open something.
    """
    local = local_path(path)
    if local is None:
        name = os.fspath(path).lower().rstrip("/")
        return next((row for row in FORMATS if name.endswith(row.suffixes) and not row.shares_suffix), None)
    full = os.path.expanduser(local)  # noqa: PTH111 - a tenth of a Path's price
    return next((row for row in FORMATS if row.recognizes(_head(full, row))), None)


def format_of(path: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Format:
    """Return the format of a recording that is there; raise as `open_recording` does where there is none."""
    if (row := guess_format(path)) is not None:
        return row
    with open_recording(path, storage_options=storage_options) as recording:
        return _named(recording.format)


def resuming(row: Format) -> Callable[..., OpenSink]:
    """Return what goes on with a recording of a format."""
    if row.resume is None:
        raise SelectionError(
            f"{row.name} is only read, and not gone on with", "Convert it: xjls convert old.jls new.jls."
        )
    return row.resume


def _head(path: str, row: Format) -> bytes:
    """Return the first bytes that tell whether a file or folder is of a format; none where it cannot be."""
    try:
        with open(f"{path}/{row.root}" if row.root else path, "rb") as file:  # noqa: PTH123 - str in, no Path needed
            return file.read(ROOT_BYTES if row.root else HEAD_BYTES)
    except OSError:
        return b""


def open_recording(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - as people call it
    on_damage: OnDamage = "raise",
    verify: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    format_options: Mapping[str, Any] | None = None,
    sidecar: WhichSidecar = None,
) -> Recording:
    """Open a recording: what it holds, and a way to read windows of it, without xarray.

    Parameters
    ----------
    path
        A local file or folder, or an address that fsspec understands (``s3://…``, ``https://…``).
    format
        Name of the format, as `Recording.format` has it; None finds it by the first bytes. Nothing in a miniscope's
        stream tells what it is: ``"miniscope"``.
    on_damage
        ``"raise"``: a read that meets damaged or lost samples raises `LostSamplesError`; ``"gap"``: it returns NaN
        there (0 in integer signals), and ``recording.status`` names the samples.
    verify
        Whether every read checks the checksums of the chunks that it touches.
    storage_options
        For fsspec: credentials, endpoint, and so on.
    format_options
        What only one format has to ask, by name: see its page of the documentation.
    sidecar
        Of a format without levels, where those are that `build_levels` has built: None looks for
        ``<path>.levels.zarr``, False for none. One that does not fit the file any more is ignored, with a warning.

    Returns
    -------
    Recording
        Reads of it are thread-safe, and it pickles by path.

    Raises
    ------
    NotRecognizedError
        No format claims the first bytes.
    UnsupportedError
        A version of a format that xjls does not read.
    SelectionError
        The format has no such option, or has levels of its own and takes no sidecar's.
    OSError
        The file cannot be opened.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> with xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1)) as recording:
    ...     recording.signals["current"].units, recording.read("current", (0, 3)).dtype
    ('A', dtype('float32'))
    """
    refused: list[Exception] = []
    options = {} if format_options is None else format_options
    if not isinstance(options, Mapping):
        raise SelectionError(f"format_options={options!r} are none", 'Give them by name, as {"units": "mV"}.')
    for row in _candidates(path) if format is None else (_fitting(format, path),):
        own = {name: value for name, value in options.items() if name in row.options}
        try:
            made = row.open(os.fspath(path), storage_options=storage_options, on_damage=on_damage, verify=verify, **own)
        except (NotRecognizedError, FileNotFoundError) as error:
            if format is not None:
                raise
            if row.root and isinstance(error, NotRecognizedError):
                _refuse_sidecar(os.fspath(path))
                raise  # it is a folder, and the format has said what is wrong with it
            # Its frames know this list, and what is opened next: a circle would keep that open until it is collected
            refused.append(error.with_traceback(None))
        else:
            try:
                _require_apt(row, options, sidecar)
            except SelectionError:
                made.close()
                raise
            return with_levels(made, sidecar, storage_options) if row.lacks_levels else made
    if all(isinstance(error, FileNotFoundError) for error in refused):
        raise refused[0]
    tried = ", ".join(row.name for row in FORMATS if not row.by_name)
    with open_storage(path, storage_options) as storage:
        head = storage.read(0, HEAD_BYTES)
    found = head[:16].hex(" ") or "there are none"
    problem = f"no format claims the first bytes, {found} (tried: {tried})"
    raise NotRecognizedError(
        problem, os.fspath(path), 0, "Is it a recording? A miniscope's stream or card opens with format='miniscope'."
    )


def _refuse_sidecar(path: str) -> None:
    """Say what to open instead of the levels of a recording."""
    recording, suffix, rest = path.rstrip("/").rpartition(SUFFIX)
    if suffix and not rest:
        raise NotRecognizedError("these are the levels of a recording", path, remedy=f"Open {recording} itself.")


def _require_apt(row: Format, options: Mapping[str, Any], sidecar: WhichSidecar) -> None:
    """Refuse what was asked of a format that cannot be asked of it."""
    if unknown := sorted(options.keys() - set(row.options)):
        there = ", ".join(row.options) or "none"
        raise SelectionError(f"{row.name} has no option {unknown[0]!r}", f"Options: {there}.")
    if sidecar and not row.lacks_levels:
        raise SelectionError(f"{row.name} has levels of its own, and takes none of {sidecar}", "Leave sidecar= out.")


def new_recording(
    path: str | os.PathLike[str],
    *,
    format_name: str | None = None,
    overwrite: bool = False,
    option: str = "overwrite=True",
    codec: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> AbstractContextManager[Sink]:
    """Give a sink for a new recording, which appears under its name when it is complete.

    Parameters
    ----------
    path
        In a folder that is there. Its ending says the format: ``.jls``, ``.zarr``, or ``.hdf5``, which holds one
        channel of int16. A store may also have an address that fsspec understands.
    format_name
        The format, whatever the ending: ``"JLS v2"``, ``"Zarr"`` or ``"PicoStream"``, as `Recording.format` has it.
    overwrite
        Whether to replace what is there; ``option`` is how the caller calls that, for the error's message.
    codec
        How samples are compressed, where the format does: ``"blosc"`` or ``"zstd"``.
    storage_options
        For fsspec: credentials, endpoint, and so on.

    Raises
    ------
    SelectionError
        No format has that ending or name; or the address is one of a format that is a single file.
    FileNotFoundError
        The folder is not there.
    FileExistsError
        There is something already.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.formats import carry
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> store = tempfile.mkdtemp() + "/run.zarr"
    >>> with new_recording(store) as sink:
    ...     lost = carry(recording, sink)
    >>> xjls.open_recording(store).statistics("current").count == recording.statistics("current").count
    True
    """
    name = os.fspath(path)
    row = _to_write(name, format_name)
    assert row.new is not None, "a format to write"  # noqa: S101 - an invariant, not input
    return row.new(name, overwrite=overwrite, option=option, codec=codec, storage_options=storage_options)


def grow_recording(
    path: str | os.PathLike[str],
    *,
    format_name: str | None = None,
    codec: str | None = None,
    keep_s: float | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> OpenSink:
    """Give a sink for a new recording that is there under its name at once, and that others follow while it grows.

    What was flushed opens anywhere, also when the writer was killed; `continue_recording` goes on with it.

    Parameters
    ----------
    path, format_name, codec, storage_options
        As of `new_recording`.
    keep_s
        Keep the last samples only, those of so many seconds at least, where the format can; None keeps all.

    Raises
    ------
    SelectionError
        No format has that ending or name; or it cannot do what is asked.
    FileNotFoundError
        The folder is not there.
    FileExistsError
        There is something already.

    Examples
    --------
    >>> import tempfile, numpy as np, xjls
    >>> from fractions import Fraction
    >>> bench, path = xjls.Source(id=1, name="bench"), tempfile.mkdtemp() + "/run.jls"
    >>> sink = grow_recording(path)
    >>> sink.add_source(bench)
    >>> sink.add_signal(xjls.Signal(id=1, name="current", units="A", dtype=np.dtype("f4"), rate_hz=Fraction(1000),
    ...                             source=bench, stored_type="f32"))
    >>> sink.write("current", 0, np.zeros(20_000, "f4"))
    >>> sink.flush()
    >>> xjls.open_recording(path).was_closed
    False
    >>> sink.close()
    """
    name = os.fspath(path)
    row = _to_write(name, format_name)
    assert row.grow is not None, "a format to write"  # noqa: S101 - an invariant, not input
    return row.grow(name, codec=codec, keep_s=keep_s, storage_options=storage_options)


def _to_write(name: str, format_name: str | None) -> Format:
    """Return the format that something new is written in, where it can be."""
    row = _by_ending(name) if format_name is None else _named(format_name)
    if row.new is None:
        raise SelectionError(f"{row.name} is only read", "Choose JLS v2, or another format.")
    if local_path(name) is not None:
        local_target(name)  # no format makes the folders on the way: one that is missing is a slip
    return row


def _by_ending(name: str) -> Format:
    writable = [row for row in FORMATS if row.new is not None]
    row = next((row for row in writable if name.lower().rstrip("/").endswith(row.suffixes)), None)
    if row is None:
        endings = ", ".join(suffix for row in writable for suffix in row.suffixes)
        raise SelectionError(f"no format to write is called like {name!r}", f"Give it one of these endings: {endings}.")
    return row


def _named(name: str) -> Format:
    row = next((row for row in FORMATS if row.name.lower() == str(name).lower()), None)
    if row is None:
        raise SelectionError(f"there is no format {name!r}", f"Formats: {', '.join(row.name for row in FORMATS)}.")
    return row


def _fitting(name: str, path: str | os.PathLike[str]) -> Format:
    """Return the format of a name; raise where a folder stands for a file, or a file for a folder."""
    row, local = _named(name), local_path(path)
    place = None if local is None else Path(local).expanduser()
    if place is not None and place.exists() and place.is_dir() != bool(row.root):
        is_what = "a file, and Zarr is a folder" if row.root else f"a folder, and {row.name} is one file"
        raise NotRecognizedError(f"it is {is_what}", os.fspath(path), -1, "Is it of another format?")
    return row


def _candidates(path: str | os.PathLike[str]) -> list[Format]:
    """Return the formats that something can be of: a folder, a file or, where nobody knows, first what it is called."""
    local = local_path(path)
    if local is not None:
        is_folder = os.path.isdir(os.path.expanduser(local))  # noqa: PTH111, PTH112 - a tenth of a Path's price
        return [row for row in FORMATS if bool(row.root) == is_folder and not row.by_name]
    name = os.fspath(path).lower().rstrip("/")
    found = [row for row in FORMATS if not row.by_name]
    return sorted(found, key=lambda row: not name.endswith(row.suffixes))
