"""Annotations, user data and gaps as they are written: as many as they become, each is encoded and stored once.

The root has the last ones of each kind. Where these become many they move to a page, a chunk of texts in an array of
the group ``records``, which does not change any more: neither a flush nor an opening takes longer for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from xjls.formats.zarr.codecs import encode_page
from xjls.formats.zarr.metadata import encode_group, encode_texts_array
from xjls.formats.zarr.series import RollingSeries

if TYPE_CHECKING:
    from xjls.formats.zarr.codecs import Parts
    from xjls.formats.zarr.series import Series
    from xjls.model.documents import Document

PAGE_RECORDS = 512
"""Records of a page. What a page has not is the empty text."""
PAGE_BYTES = 1 << 15
"""Of JSON that the root has of one kind, at most, but for one record."""
GROUP = "records"


class RecordLog:
    """Records of one kind, in the order of the calls.

    Parameters
    ----------
    series
        Where its pages are put.
    """

    def __init__(self, series: Series) -> None:
        self._series = series
        self.first_page = 0
        """Page before which all are let go."""
        self._ends: list[tuple[int, Mapping[str, int]]] = []
        """Pages, and how many samples each signal had when they were written, where old ones are let go."""
        self._named: set[str] = set()
        """Signals that records speak of which are in no page."""
        self._told: dict[int, set[str]] = {}
        """The same of pages that are not among `_ends` yet."""
        self._pages: list[Parts] = []
        """Those that are full, and not written yet."""
        self._written = 0
        self._texts: list[str] = []
        self._n_bytes = 0

    @property
    def n_pages(self) -> int:
        """Pages so far."""
        return self._written + len(self._pages)

    @property
    def n_bytes(self) -> int:
        """Bytes of the pages that were put."""
        return self._series.n_bytes

    def append(self, document: Document) -> None:
        """Add a record, as it is now."""
        text = json.dumps(document, ensure_ascii=False)
        self._texts.append(text)
        self._n_bytes += len(text)
        self._named.add(document.get("signal", ""))
        if len(self._texts) == PAGE_RECORDS or self._n_bytes >= PAGE_BYTES:
            if isinstance(self._series, RollingSeries):
                self._told[self.n_pages] = self._named
            self._pages.append(encode_page(self._texts, PAGE_RECORDS))
            self._texts, self._n_bytes, self._named = [], 0, set()

    def put(self) -> None:
        """Write the pages that are full."""
        while self._pages:
            self._series.put(self._written, self._pages[0])
            del self._pages[0]
            self._written += 1

    def resume(self, first_page: int, n_pages: int, last: Iterable[Document]) -> None:
        """Go on behind pages that are there, and records that are in none."""
        self.first_page, self._written = first_page, n_pages
        self._series.resume(first_page, n_pages)
        for document in last:
            self.append(document)

    def expire(self, lengths: Mapping[str, int], dropped: Mapping[str, int]) -> None:
        """Let go of pages that speak of samples only which are not there any more.

        Parameters
        ----------
        lengths, dropped
            By signal: samples so far, and those of them that were dropped.
        """
        known = self._ends[-1][0] + 1 if self._ends else self.first_page
        for page in range(known, self._written):
            # What is said of a signal before its first sample is said of samples to come
            named = self._told.pop(page, lengths)
            self._ends.append((page, {name: max(count, name in named) for name, count in lengths.items()}))
        if not any(dropped.values()):
            return
        while self._ends and all(dropped.get(name, 0) >= count for name, count in self._ends[0][1].items()):
            self.first_page = self._ends.pop(0)[0] + 1

    def remove(self, first_page: int) -> None:
        """Remove the pages before one."""
        if isinstance(self._series, RollingSeries):
            self._series.remove_before(first_page)

    def last(self) -> list[Document]:
        """Return what is in no page."""
        return [json.loads(text) for text in self._texts]


def describe_pages(logs: Iterable[tuple[str, RecordLog]]) -> Iterator[tuple[str, Document]]:
    """Yield the paths and metadata of all pages."""
    paged = [(kind, log) for kind, log in logs if log.n_pages]
    if paged:
        yield GROUP, encode_group()
    for kind, log in paged:
        yield f"{GROUP}/{kind}", encode_texts_array(log.n_pages * PAGE_RECORDS, kind, PAGE_RECORDS)
