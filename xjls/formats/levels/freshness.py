"""Whether a file is the one that levels were built of: its size, when it was changed, and a probe of its content.

Size and time of change alone decide where both agree, which costs one question to the operating system. A copy has
another time: then the probe decides, so that a file and its sidecar can be moved together. Programs that change single
samples of a finished recording, and leave its size, can escape the probe; recorders do not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from xjls.errors import SelectionError
from xjls.storage import local_path, open_storage

if TYPE_CHECKING:
    from xjls.storage import Storage

PAGE_BYTES = 1 << 12
END_PAGES = 16
"""Pages at either end that are looked at: where formats keep what they say of themselves."""
SPREAD_PAGES = 16
"""Pages that are looked at between them."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells a file from others."""

    size_bytes: int
    mtime_ns: int
    """When it was changed, in ns since 1970; -1 where its storage does not tell, as of an address."""
    probe: int
    """CRC-32C of pages from all over it."""

    @classmethod
    def of(cls, path: str, storage_options: Mapping[str, Any] | None) -> Fingerprint:
        """Look at a file.

        Raises
        ------
        SelectionError
            It is a folder.
        """
        local = local_path(path)
        if local is not None and os.path.isdir(local):  # noqa: PTH112 - str to bool
            raise SelectionError(
                f"{path} is a folder, and levels are built beside recordings that are one file",
                "Write it to a format that has levels: xjls convert.",
            )
        with open_storage(path, storage_options) as storage:
            return cls(storage.size, _stat(path)[1], _probe(storage))

    def encode(self) -> dict[str, int]:
        """Return it as JSON; `decode` undoes it."""
        return {"size_bytes": self.size_bytes, "mtime_ns": self.mtime_ns, "probe": self.probe}

    @classmethod
    def decode(cls, document: Mapping[str, Any]) -> Fingerprint:
        """Return what JSON says; raise KeyError, TypeError or ValueError where it says something else."""
        return cls(int(document["size_bytes"]), int(document["mtime_ns"]), int(document["probe"]))

    def differs(self, path: str, storage_options: Mapping[str, Any] | None, *, probe: bool = False) -> str:
        """Return what has changed since, as a clause; "" where nothing has.

        With ``probe`` the content is looked at even where size and time agree.
        """
        if not probe and _stat(path) == (self.size_bytes, self.mtime_ns):
            return ""
        now = Fingerprint.of(path, storage_options)
        if now.size_bytes != self.size_bytes:
            return f"the file has {now.size_bytes:_} bytes, and had {self.size_bytes:_} when they were built"
        return "" if now.probe == self.probe else "the file's content is not what it was when they were built"


def _stat(path: str) -> tuple[int, int]:
    """Return size and time of change of a local file; (-2, -1), which is no file's, of what has an address."""
    if (local := local_path(path)) is None:
        return -2, -1
    found = os.stat(local)  # noqa: PTH116 - opening must not wait for a Path
    return found.st_size, found.st_mtime_ns


def _probe(storage: Storage) -> int:
    """Return the checksum of the first and last pages, and of some between them."""
    n_pages = -(-storage.size // PAGE_BYTES)
    inner = np.linspace(0, max(n_pages - 1, 0), SPREAD_PAGES + 2, dtype=np.int64)
    ends = np.arange(END_PAGES)
    pages = np.unique(np.concatenate([ends, n_pages - 1 - ends, inner]).clip(0, max(n_pages - 1, 0)))
    if not storage.size:
        return 0
    buffer, places = storage.spans(pages * PAGE_BYTES, PAGE_BYTES)
    lengths = np.minimum(storage.size - pages * PAGE_BYTES, PAGE_BYTES)
    found = (buffer[at : at + n].tobytes() for at, n in zip(places.tolist(), lengths.tolist(), strict=True))
    return int(google_crc32c.value(b"".join(found)))
