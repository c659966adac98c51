"""The tail of a store, read: samples that its writer has put into no shard yet.

Objects of the tail do not stay: what they have moves to shards. Who finds one gone looks at the root again, where all
that was there is said to be somewhere else. Positions mean the same samples as long as there is the recording.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.errors import TruncatedError, XjlsError
from xjls.formats.zarr.codecs import decode_chunk
from xjls.formats.zarr.objects import NO_OBJECT, Fault
from xjls.formats.zarr.tail_object import PATH, decode_directory, tail_key
from xjls.model.window import Window
from xjls.storage import open_storage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.metadata import ArrayFacts
    from xjls.formats.zarr.objects import Chunk, Objects
    from xjls.formats.zarr.root import Root
    from xjls.formats.zarr.tail_object import TailPart
    from xjls.storage import Storage

LOOKS = 8
"""Times that the root is looked at again, at most, for one read: it takes a flush to make one necessary."""

Part: TypeAlias = "tuple[str, Window, Chunk, int]"
"""Key of an object; positions of the first axis; a chunk's values, or why there are none; its first position."""


@dataclass(slots=True, eq=False)
class _Opened:
    """An object that was found."""

    storage: Storage
    parts: Mapping[str, TailPart]
    values: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Of parts that were read, and found to be intact."""


class Tail:
    """Read the tail, from any thread.

    Parameters
    ----------
    path, storage_options
        Where the store is.
    root
        What is known of it.
    look
        Reads the root again.
    objects
        The shards, of which it is told when they may be other ones.
    """

    def __init__(
        self, path: str, storage_options: Mapping[str, Any] | None, root: Root, look: Callable[[], Root],
        objects: Objects,
    ) -> None:  # fmt: skip
        self._path = path
        self._options = storage_options
        self._root = root
        self._look = look
        self._objects = objects
        self._opened: dict[int, _Opened | Fault] = {}
        self._lock = threading.RLock()

    def find(self, array: str, start: int, stop: int, *, verify: bool) -> tuple[ArrayFacts, list[Part]]:
        """Return what shards have, by now, and what of positions [start, stop) they lack: parts without a hole."""
        for look in range(LOOKS):
            root = self._root
            facts = root.arrays[f"0/{array}"]
            begin, numbers = max(start, facts.shape[0]), root.record.tail
            try:
                return facts, self._parts(numbers, array, begin, stop, verify=verify)
            except FileNotFoundError:
                if look == LOOKS - 1 or not self._renew(root):
                    break
        there = tuple(number for number in numbers if self._is_there(number))
        return facts, self._parts(there, array, begin, stop, verify=verify)

    def newest(self) -> Root:
        """Return the root as it is now."""
        self._renew(self._root)
        return self._root

    def close(self) -> None:
        """Give back what is held."""
        with self._lock:
            opened, self._opened = self._opened, {}
        for one in opened.values():
            if isinstance(one, _Opened):
                one.storage.close()

    def _parts(self, numbers: tuple[int, ...], array: str, begin: int, stop: int, *, verify: bool) -> list[Part]:
        """Return what objects have of positions [begin, stop); raise FileNotFoundError where one is gone."""
        found: list[Part] = []
        fault, key = Fault(NO_OBJECT, whole=True), PATH
        for number in reversed(numbers):  # what is asked for is mostly new
            if begin >= stop:
                break
            opened = self._object(number)
            if isinstance(opened, Fault):
                fault, key = opened, tail_key(number)
            elif (part := opened.parts.get(array)) and part.start < stop and part.stop > begin:
                if part.stop < stop:
                    found.append((key, Window(part.stop, stop), fault, part.stop))
                window = Window(max(part.start, begin), min(part.stop, stop))
                found.append((tail_key(number), window, self._values(number, opened, array, verify=verify), part.start))
                stop = window.start
        if begin < stop:
            found.append((key, Window(begin, stop), fault, begin))
        return found[::-1]

    def _object(self, number: int) -> _Opened | Fault:
        with self._lock:
            if (known := self._opened.get(number)) is not None:
                return known
        self._objects.require_open()
        storage = open_storage(f"{self._path}/{tail_key(number)}", self._options)
        made: _Opened | Fault
        try:
            made = _Opened(storage, decode_directory(storage, number))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            made = Fault(str(error), 0, storage.size, whole=True)
            storage.close()
        with self._lock:
            return self._opened.setdefault(number, made)

    def _is_there(self, number: int) -> bool:
        try:
            self._object(number)
        except FileNotFoundError:
            return False
        return True

    def _values(self, number: int, opened: _Opened, array: str, *, verify: bool) -> Chunk:
        """Return the samples of a part, (sample, number), or why there are none."""
        if (known := opened.values.get(array)) is not None:
            return known
        part, facts = opened.parts[array], self._root.arrays[f"0/{array}"]
        try:
            buffer, places = opened.storage.spans(np.array([part.offset]), part.n_bytes)
            data = buffer[places[0] : places[0] + part.n_bytes]
            values = decode_chunk(data, facts.dtype, part.codec, verify=verify).reshape(part.length, facts.row)
        except FileNotFoundError:  # an address is asked anew each time
            with self._lock:
                self._opened.pop(number, None)
            raise
        except (ValueError, RuntimeError, TruncatedError) as error:
            self._objects.require_open()
            return Fault(str(error), part.offset, part.offset + part.n_bytes)
        if verify:
            opened.values[array] = values
        return values

    def _renew(self, before: Root) -> bool:
        """Look at the root again; return whether it says something else than before, of the same recording."""
        with self._lock:
            if self._root is not before:
                return True  # another thread has
            try:
                root = self._look()
            except (XjlsError, OSError):
                return False
            if root.token == before.token or root.record.identity != before.record.identity:
                return False
            self._root = root
            self._objects.forget()
            return True
