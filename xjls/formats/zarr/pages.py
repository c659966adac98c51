"""Records of a store, read: annotations, user data and gaps, from pages and from the root."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from xjls.errors import CorruptError
from xjls.formats.zarr.codecs import decode_page
from xjls.formats.zarr.objects import NO_OBJECT, Fault
from xjls.formats.zarr.opening import ROOT
from xjls.formats.zarr.records import GROUP
from xjls.storage import open_storage

if TYPE_CHECKING:
    from xjls.formats.zarr.health import Health
    from xjls.formats.zarr.wire import Record
    from xjls.model.documents import Document

T = TypeVar("T")


class Pages:
    """Read records of each kind; see `xjls.formats.zarr.records` for how they are written.

    Parameters
    ----------
    root, storage_options
        Where the store is.
    record
        What its root says.
    health
        Where damage is noted.
    """

    def __init__(self, root: str, storage_options: Mapping[str, Any] | None, record: Record, health: Health) -> None:
        self._root = root
        self._options = storage_options
        self._record = record
        self._health = health
        self._faults: dict[str, tuple[str, Fault]] = {}
        """By kind of records, a page of them that is damaged."""

    def read(self, kind: str, decode: Callable[[Document], T]) -> list[T]:
        """Return the records of a kind in the order of writing; those of damaged pages are left out, and noted.

        ``decode`` raises KeyError, TypeError or ValueError where a record is none of that kind.
        """
        first = self._record.first_pages.get(kind, 0)
        keys = [f"{GROUP}/{kind}/c.{number}" for number in range(first, self._record.pages[kind])]
        found: list[T] = []
        for key in (*keys, ROOT):
            try:
                found += [decode(one) for one in (self._record.last[kind] if key == ROOT else self._documents(key))]
            except FileNotFoundError:
                self._note(kind, key, Fault(NO_OBJECT))
            except ValueError as error:
                self._note(kind, key, Fault(str(error)))
            except (KeyError, TypeError, AttributeError) as error:
                self._note(kind, key, Fault(f"it is not what xjls writes ({type(error).__name__}: {error})"))
        return found

    def require(self, kind: str) -> None:
        """Raise CorruptError where a page of a kind that was read is damaged."""
        if kind in self._faults:
            key, fault = self._faults[kind]
            raise CorruptError(
                f"some {_spoken(kind)} cannot be read: {fault.reason}",
                f"{self._root}/{key}",
                remedy='xr.open_datatree(path, engine="zarr") reads samples, with filling where there are none.',
            )

    def _documents(self, key: str) -> list[Document]:
        with open_storage(f"{self._root}/{key}", self._options) as storage:
            return [json.loads(text) for text in decode_page(storage.read(0, storage.size))]

    def _note(self, kind: str, key: str, fault: Fault) -> None:
        self._health.add(key, fault, f"some {_spoken(kind)} are lost")
        self._faults[kind] = key, fault


def _spoken(kind: str) -> str:
    return kind.replace("_", " ")
