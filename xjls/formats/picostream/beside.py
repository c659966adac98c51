"""The dataset beside the counts as it is written: whole when it is made, then line by line what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.picostream.extras import DATASET, Extras, encode_extras, encode_more

if TYPE_CHECKING:
    import h5py

_CHUNK_BYTES = 1 << 12
"""What is new rewrites one of them, or makes some."""


class Beside:
    """What a file says beside its counts.

    Parameters
    ----------
    file
        The file.
    written
        What it says already; None where it has no such dataset.
    plain
        What it says without one.
    """

    def __init__(self, file: h5py.File, written: Extras | None, plain: Extras) -> None:
        self._file = file
        self._written = written
        self._plain = plain

    def say(self, extras: Extras, *, anew: bool = False) -> None:
        """Write what is not written; ``anew`` where some of what was written is dropped."""
        if extras == (self._written or self._plain):
            return
        if self._written is None or anew:
            self._put(encode_extras(extras), 0)
        else:
            self._put(encode_more(extras, self._written), self._file[DATASET].shape[0])
        self._written = extras

    def _put(self, data: bytes, at: int) -> None:
        if DATASET not in self._file:
            self._file.create_dataset(DATASET, (0,), "u1", maxshape=(None,), chunks=(_CHUNK_BYTES,))
        self._file[DATASET].resize((at + len(data),))
        self._file[DATASET][at:] = np.frombuffer(data, np.uint8)
