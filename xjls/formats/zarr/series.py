"""The objects of one array, put in turn, and what they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xjls.formats.zarr.folder import PART

if TYPE_CHECKING:
    from xjls.formats.zarr.codecs import Parts
    from xjls.formats.zarr.folder import Folder


class Series:
    """The chunks or shards of one array, which are put in turn: only the last one is put again.

    Parameters
    ----------
    folder, path
        Where to, and the array's path there.
    rank
        Dimensions of the array.
    separator
        Between the numbers in a key.
    """

    def __init__(self, folder: Folder, path: str, rank: int = 1, separator: str = ".") -> None:
        self.path = path
        self.separator = separator
        self._folder = folder
        self._behind = f"{separator}0" * (rank - 1)
        self._before_bytes = 0
        self._last = (-1, 0)
        """Number and bytes of the last one."""

    @property
    def n_bytes(self) -> int:
        """Bytes of all of them that are known."""
        return self._before_bytes + self._last[1]

    def put(self, number: int, parts: Parts) -> None:
        """Write an object, or replace the last one."""
        self._folder.put(self._key(number), parts)
        if number != self._last[0]:
            self._before_bytes += self._last[1]
        self._last = number, size_of(parts)

    def leave_out(self, number: int) -> None:
        """Make sure that there is no object of a number: a killed writer may have put one with more in it."""
        if number == self._last[0]:
            self._folder.remove(self._key(number))
            self._last = number, 0

    def resume(self, first: int, end: int) -> None:
        """Go on with objects [first, end) that are there; those of other numbers count for nothing, and are removed.

        Only the last one is looked at: of the others nobody asks here what they take.
        """
        for name in self._folder.names(self.path):
            if name.endswith(PART):  # of a writer that was killed
                self._folder.remove(f"{self.path}/{name}")
        for number in self._numbers():
            if not first <= number < end:
                self._folder.remove(self._key(number))
        self._last = end - 1, self._folder.size(self._key(end - 1)) if end > first else 0

    def _numbers(self) -> list[int]:
        """Return the numbers of the objects that are there."""
        if self.separator == ".":
            keys = [name.split(".") for name in self._folder.names(self.path)]
            return [int(key[1]) for key in keys if key[0] == "c" and len(key) > 1 and key[1].isdecimal()]
        return [int(name) for name in self._folder.names(f"{self.path}/c") if name.isdecimal()]

    def _key(self, number: int) -> str:
        return f"{self.path}/c{self.separator}{number}{self._behind}"


class RollingSeries(Series):
    """A series whose first objects are removed after a while: it knows them all."""

    def __init__(self, folder: Folder, path: str, rank: int = 1, separator: str = ".") -> None:
        super().__init__(folder, path, rank, separator)
        self._sizes: dict[int, int] = {}
        """Bytes by number, which rise."""
        self._n_bytes = 0

    @property
    def n_bytes(self) -> int:
        """Bytes of all of them."""
        return self._n_bytes

    def put(self, number: int, parts: Parts) -> None:
        """Write an object, or replace the last one."""
        self._folder.put(self._key(number), parts)
        self._n_bytes += size_of(parts) - self._sizes.get(number, 0)
        self._sizes[number] = size_of(parts)

    def resume(self, first: int, end: int) -> None:
        """Go on with objects [first, end) that are there; others are removed."""
        super().resume(first, end)
        self._sizes = {number: self._folder.size(self._key(number)) for number in sorted(self._numbers())}
        self._n_bytes = sum(self._sizes.values())

    def leave_out(self, number: int) -> None:
        """Make sure that there is no object of a number."""
        if number in self._sizes:
            self._folder.remove(self._key(number))
            self._n_bytes -= self._sizes.pop(number)

    def remove_before(self, number: int) -> None:
        """Remove the objects before a number."""
        while self._sizes and (first := next(iter(self._sizes))) < number:
            self._folder.remove(self._key(first))
            self._n_bytes -= self._sizes.pop(first)


def size_of(parts: Parts) -> int:
    """Return the bytes of an object."""
    return sum(len(part) for part in parts)
