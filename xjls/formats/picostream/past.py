"""What a file holds that is to be gone on with: of xjls or of PicoStream itself, closed, killed, of any age."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xjls.errors import FormatError, UnsupportedError
from xjls.formats.picostream.container import explained
from xjls.formats.picostream.opening import MAGIC
from xjls.formats.picostream.reader import PicoReader
from xjls.formats.picostream.telling import Told
from xjls.formats.picostream.written import WrittenSignal

if TYPE_CHECKING:
    from xjls.formats.picostream.container import Container
    from xjls.formats.picostream.extras import Extras

_MARKING = 3
"""The version of HDF5's superblock from which on it has a mark that the file is open to write."""

_MOST = 1 << 31
"""Values of a chunk: HDF5's own chunks were shorter for most of its life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A file, looked at."""

    signals: tuple[WrittenSignal, ...]
    """In the order in which their values lie in the file."""
    length: int
    """Values that count."""
    told: Told
    extras: Extras
    has_extras: bool
    """Whether the file has them, or they are what is so in one without."""
    total: int | None
    """Values in all, those that were dropped included, where the file counts them."""


def read_past(path: str) -> Past:
    """Look at a file.

    Raises
    ------
    FormatError
        It is damaged, or no file of PicoStream.
    UnsupportedError
        HDF5 could read more of it than it could append.
    """
    with closing(_opened(path)) as reader:
        container, extras = reader.file.container, reader.file.extras
        _require_growable(container, len(reader.names), path)
        signals = [reader.describe(name) for name in reader.names]
        told = Told(dict(container.root), {name: dict(group) for name, group in container.groups.items()})
        told.left.update(extras.facts)
        each = reader.file.settings.values_per_step
        written = (
            WrittenSignal(
                signal, signal.first_id if signal.length else None, signal.length,
                ties=list(stored.ties), gaps=list(stored.gaps),
            )
            for signal, stored in zip(signals, extras.signals, strict=True)
        )  # fmt: skip
        return Past(
            signals=tuple(written), length=container.length // each * each, told=told, extras=extras,
            has_extras=container.extra is not None, total=reader.file.settings.total,
        )  # fmt: skip


def _opened(path: str) -> PicoReader:
    """Return a reader of the file, whose lock is ours: that it is held says nothing of what is wrong with it."""
    try:
        return PicoReader(path)
    except FormatError as error:
        if isinstance(error.__cause__, (OSError, RuntimeError, KeyError)):
            raise explained(error.__cause__, path, growing=False) from error.__cause__
        raise


def _require_growable(container: Container, n_signals: int, path: str) -> None:
    """Refuse what cannot be appended to."""
    for problem in _problems(container, n_signals, path):
        raise UnsupportedError(
            f"it can be read, but not gone on with: {problem}", path,
            remedy="Convert it to a new file first: xjls convert OLD NEW.",
        )  # fmt: skip


def _problems(container: Container, n_signals: int, path: str) -> Iterator[str]:
    if not container.in_chunks:
        yield "its counts are in one piece, which cannot grow"
    elif container.most is not None:
        yield f"its counts may not be more than {container.most:_}"
    elif n_signals > 1 and container.chunk % 2:
        yield "its chunks part the values of one time"
    elif container.chunk > _MOST:
        yield f"its chunks are of {container.chunk:_} values"
    elif container.packed:
        yield "its counts are compressed, turned round, or not where a file of HDF5 begins"
    with open(path, "rb") as head:  # noqa: PTH123 - str in, no Path needed
        if head.read(len(MAGIC) + 1)[-1] >= _MARKING:
            yield "a file of this version of HDF5 stays marked as open when its writer is killed, and opens no more"
