"""An open file: its counts where they lie, what they mean, and whether its writer has dropped them meanwhile."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any, NoReturn

from xjls.errors import FormatError, LostSamplesError, TruncatedError
from xjls.formats.picostream.attributes import decode_settings
from xjls.formats.picostream.container import read_container
from xjls.formats.picostream.counts import Counts
from xjls.formats.picostream.extras import decode_extras, plain_extras
from xjls.model.window import Window
from xjls.storage import local_path, open_storage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xjls.formats.picostream.container import Container
    from xjls.storage import Storage

_TICK_NS = 20_000_000
"""Within it, two changes may bear one time stamp: systems count those by ticks of some milliseconds."""
_UNSETTLED = -1, -1
_LOOKS, _PAUSE_S = 8, 0.01
"""How often to look at a file that is just being changed: what is read of it may be of two moments."""
_HEAD_VALUES = 2048
"""By which a file's first samples are told from others: what refills it begins there."""


class File:
    """Open a file; give it back with `close`.

    Parameters
    ----------
    path, storage_options
        A local file, or an address that fsspec understands.
    max_adc, sample_interval_ns
        See `xjls.formats.picostream.opening.open_picostream`.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.testing.picostream import write_picostream
    >>> file = File(write_picostream(tempfile.mkdtemp() + "/run.hdf5", range(10), block=5))
    >>> file.window, file.settings.range_v, file.counts.read(3, 6)[0].tolist()
    (Window(start=0, stop=10), 2.0, [3, 4, 5])
    >>> file.close()
    """

    def __init__(
        self, path: str, storage_options: Mapping[str, Any] | None = None, *, max_adc: int | None = None,
        sample_interval_ns: float | None = None,
    ) -> None:  # fmt: skip
        self.path = path
        self._options = storage_options
        storage, self.container, self._changed = _looked_at(path, storage_options)
        self.size_bytes = storage.size
        self.token = storage.token
        try:
            self.settings = decode_settings(
                self.container.root, self.container.groups, path, max_adc=max_adc, sample_interval_ns=sample_interval_ns
            )
            paired, extra = self.settings.values_per_step > 1, self.container.extra
            self.extras = plain_extras(paired=paired) if extra is None else decode_extras(extra, path, paired=paired)
        except BaseException:
            storage.close()
            raise
        self.counts = Counts(storage, self.container)
        self._head = self._first_values() if self.container.is_growing else b""

    @property
    def window(self) -> Window:
        """The sample ids: they count from the beginning of the capture where the file says how many there were."""
        each, declared = self.settings.values_per_step, self.container.declared
        before = self.extras.first_id
        if before is None:
            before = max((self.settings.total or 0) - declared, 0) // each
        return Window(before, before + self.container.length // each)

    @property
    def _may_drop(self) -> bool:
        """Whether its writer may drop samples: unless it is of xjls, nobody knows."""
        return self.container.extra is None or self.extras.keep_s is not None

    @property
    def may_have_changed(self) -> bool:
        """Whether it is being written, or was since it was opened; of remote ones nobody asks."""
        changed = _changed(self.path)
        return any(changed) and (self.container.is_growing or changed != self._changed)

    def require_kept(self) -> None:
        """Raise where its writer has emptied it since it was opened: other samples are in the same places."""
        if not (self.container.is_growing and self._may_drop) or (changed := _changed(self.path)) == self._changed:
            return
        try:
            now = File(self.path, self._options, max_adc=1, sample_interval_ns=1)
        except FormatError:
            if changed[1] >= self.size_bytes:
                raise
            self.raise_dropped()  # just emptied: HDF5 finds nothing for a moment
        with contextlib.closing(now):
            if self.dropped_by(now):
                self.raise_dropped()
        self._changed = now._changed

    def dropped_by(self, now: File) -> bool:
        """Whether what is there by ``now`` does not go on with this: what has begun anew may be as long again."""
        return (
            now.container.declared < self.container.declared
            or now.window.start != self.window.start
            or not now._first_values().startswith(self._head)
        )

    def raise_dropped(self) -> NoReturn:
        """Say that samples were dropped."""
        raise LostSamplesError(
            "its writer, which keeps the last seconds only, has dropped these samples", self.path,
            remedy="Look at it anew, by refresh(), follow() or reset(), and read what is there now.",
        )  # fmt: skip

    def close(self) -> None:
        """Give it back; twice is harmless."""
        self.counts.close()

    def _first_values(self) -> bytes:
        try:
            return self.counts.read(0, min(self.container.length, _HEAD_VALUES))[0].tobytes()
        except TruncatedError:  # emptied just now
            return b""


def _looked_at(
    path: str, storage_options: Mapping[str, Any] | None
) -> tuple[Storage, Container, tuple[int, int]]:  # fmt: skip
    """Open a file, and read what it says of itself; return also by what its next change shows.

    What two looks have found is of one moment also where counts are written all the time: a writer of xjls changes all
    that is said of them at once, and PicoStream some of it for a moment.
    """
    last: Container | None = None
    for left in reversed(range(_LOOKS)):
        # Before anything is read: what is changed while it is read has changed since
        before, now = _changed(path), time.time_ns()
        storage = open_storage(path, storage_options)
        try:
            container = read_container(storage)
        except BaseException:
            storage.close()
            raise
        settled = _changed(path) == before and now - before[0] > _TICK_NS and not container.written_here
        agreed = last is not None and container.says_as(last)
        if settled or agreed or not left or not container.is_growing or container.written_here:
            return storage, container, before if settled else _UNSETTLED
        storage.close()
        last = container
        time.sleep(_PAUSE_S)
    raise AssertionError  # pragma: no cover - the last look returns or raises


def _changed(path: str) -> tuple[int, int]:
    """Return what changes when a local file is written to; of others, and of one that is gone, always the same."""
    try:
        found = os.stat(local_path(path) or "")  # noqa: PTH116 - str to numbers
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
