"""What of a build is done, told line by line beside what is being built: a build that was killed is gone on with.

A line is a checksum and JSON. The first says what is built of which file; each other one tells of a piece of a signal:
digests of what was written of it, the entries that follow from it in float64, and the gaps that were seen. A line that
was cut off, and all behind it, count for nothing. One builder at a time holds the journal.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from xjls.formats.levels.gaps import Reasons, decode_gaps
from xjls.model.signal import STATISTICS
from xjls.storage.locks import lock

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from xjls.model.documents import Document
    from xjls.model.window import Gap

NAME = "journal"


@dataclass(frozen=True, slots=True)
class Piece:
    """What follows from some consecutive entries of level 1 of a signal."""

    digests: tuple[int, ...]
    """Of what was written of each level."""
    rows: NDArray[np.float64]
    """Entries of the finest level that was not, float64[n, 4]."""
    gaps: tuple[Gap, ...]
    """Among their samples."""


class Journal:
    """Hold a folder in which something is being built, and what is known of it.

    Parameters
    ----------
    folder
        Made if it is not there; emptied if something else was being built in it. Another builder is waited for.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.model.window import Gap, Window
    >>> folder = Path(tempfile.mkdtemp(), "x.part")
    >>> piece = Piece((1, 2), np.ones((3, 4)), (Gap(Window(5, 9), "off", skipped=True),))
    >>> with Journal(folder) as journal:
    ...     journal.begin({"of": "x"})
    ...     journal.add(0, 7, piece)
    >>> with Journal(folder) as journal:
    ...     journal.begin({"of": "x"})
    ...     found = journal.find(0, 7)
    >>> found.digests, found.rows.shape, found.gaps == piece.gaps
    ((1, 2), (3, 4), True)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Where something is being built."""
        self._file = _locked(folder)
        self._done: dict[tuple[int, int], tuple[int, int]] = {}
        """By signal and piece: where its line begins, and its length."""
        self._lock = threading.Lock()

    def begin(self, plan: Document) -> None:
        """Read what is done, if it was done for this plan; begin anew if not."""
        head, stop = _encode(plan), 0
        with os.fdopen(os.dup(self._file), "rb") as lines:
            lines.seek(0)
            if (line := lines.readline()) == head:
                stop = len(line)
                while (told := _decode(line := lines.readline())) is not None:
                    self._done[told["signal"], told["piece"]] = stop, len(line)
                    stop += len(line)
        os.ftruncate(self._file, stop)
        if not stop:
            self._clear()
            self._append(head)

    def find(self, signal: int, number: int) -> Piece | None:
        """Return what is told of a piece; None of one that is not done."""
        if (place := self._done.get((signal, number))) is None:
            return None
        told = _decode(os.pread(self._file, place[1], place[0]))
        if told is None:
            return None
        rows = np.frombuffer(base64.b64decode(told["rows"]), "<f8").reshape(-1, len(STATISTICS))
        return Piece(tuple(told["digests"]), rows, decode_gaps(told["gaps"], told["reasons"]))

    def add(self, signal: int, number: int, piece: Piece) -> None:
        """Tell of a piece that is done; from any thread."""
        reasons = Reasons()
        told = {
            "signal": signal, "piece": number, "digests": piece.digests,
            "rows": base64.b64encode(piece.rows.astype("<f8", copy=False).tobytes()).decode(),
            "gaps": reasons.encode(piece.gaps).tolist(), "reasons": reasons.known,
        }  # fmt: skip
        with self._lock:
            self._append(_encode(told))

    def discard(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self) -> None:
        """Remove the journal from the folder, which is complete."""
        (self.folder / NAME).unlink()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)  # and with it the lock

    def _append(self, line: bytes) -> None:
        if os.write(self._file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / NAME))

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != NAME:
                path.unlink()


def _locked(folder: Path) -> int:
    """Return the journal's file, made if it is not there, which nobody else holds."""
    while True:
        folder.mkdir(exist_ok=True)
        try:
            file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            continue  # whoever built there has just finished
        lock(file, wait=True)
        if _is_there(folder / NAME, file):
            return file
        os.close(file)


def _is_there(path: Path, file: int) -> bool:
    """Return whether a path still leads to an open file: who held it before may have finished, and removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _encode(told: Any) -> bytes:
    text = json.dumps(told, sort_keys=True).encode()
    return b"%08x %s\n" % (google_crc32c.value(text), text)


def _decode(line: bytes) -> Any:
    """Return what a line says; None of one that is cut off or damaged."""
    text = line[9:-1]
    whole = line.endswith(b"\n") and line[:9] == b"%08x " % google_crc32c.value(text)
    return json.loads(text) if whole else None
