"""What a store that is gone on with has from before, and nobody needs once there is a new root."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xjls.formats.zarr.folder import Folder


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What is removed after the first root."""

    folder: Folder
    members: frozenset[str]
    """Groups and arrays that the root before it had."""
    recut: tuple[str, ...]
    """Arrays whose objects have other keys now."""

    def keys(self, members: Collection[str]) -> list[str]:
        """Return the objects that a root of other groups and arrays does not speak of."""
        gone = self.members.difference(members)
        found = {key for path in gone for key in self.folder.below(path)}
        found |= {f"{path}/{name}" for path in self.recut for name in self.folder.names(path) if name.startswith("c.")}
        return sorted(found)
