"""What was written beside the samples: annotations, user data and gaps, read from their pages once.

It knows no track, though tracks ask it for their gaps: what knows each other is kept, with its open files, until Python
looks for circles, and who follows a store that grows leaves one reader after the other.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from xjls.formats.zarr.pages import Pages
from xjls.model.documents import decode_annotation, decode_gap, decode_user_data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xjls.formats.zarr.health import Health
    from xjls.formats.zarr.root import Root
    from xjls.formats.zarr.tail import Tail
    from xjls.model.annotation import Annotation, UserData
    from xjls.model.window import Gap


class Beside:
    """Read records of a store.

    Parameters
    ----------
    open_pages
        Returns the pages, on first use.
    names
        Of the signals, in their order.
    """

    def __init__(self, open_pages: Callable[[], Pages], names: Sequence[str]) -> None:
        self._open_pages = open_pages
        self._names = names

    @cached_property
    def _pages(self) -> Pages:
        return self._open_pages()

    @cached_property
    def annotations(self) -> tuple[Annotation, ...]:
        """All but those of damaged pages: of the whole recording first, then signal by signal."""
        numbers = {"": -1} | {name: i for i, name in enumerate(self._names)}
        notes = self._pages.read("annotations", decode_annotation)
        return tuple(sorted(notes, key=lambda note: numbers.get(note.signal, len(numbers))))

    @cached_property
    def user_data(self) -> tuple[UserData, ...]:
        """All but those of damaged pages."""
        return tuple(self._pages.read("user_data", decode_user_data))

    @cached_property
    def gaps(self) -> dict[str, list[Gap]]:
        """By signal."""
        found: dict[str, list[Gap]] = {name: [] for name in self._names}
        for name, gap in self._pages.read("gaps", decode_gap):
            found.setdefault(name, []).append(gap)
        return found

    def skipped(self, name: str) -> list[Gap]:
        """Return the gaps of a signal; raise where some are not known: their filling would pass for samples."""
        gaps = self.gaps[name]
        self._pages.require("gaps")
        return gaps


def open_pages(
    path: str, storage_options: Mapping[str, Any] | None, root: Root, tail: Tail, health: Health
) -> Pages:  # fmt: skip
    """Return where records are; of what is dropped they go away, which the newest root knows."""
    newest = root if root.record.keep_s is None else tail.newest()
    return Pages(path, storage_options, newest.record, health)
