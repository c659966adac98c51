"""Lists of records, completed where they are not: by a walk over a file that is damaged, and by what no link leads to.

A writer that was killed has appended chunks that it had no time to link; a damaged chunk ends the list that it is in.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from xjls.errors import CorruptError
from xjls.formats.jls2 import events
from xjls.formats.jls2.survey import Survey
from xjls.model.status import Damage

if TYPE_CHECKING:
    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.health import Health
    from xjls.formats.jls2.wire import Chunk


class Records:
    """Read the lists of a file; from any thread.

    Parameters
    ----------
    chunks
        The file.
    health
        Takes what is found to be damaged.
    """

    def __init__(self, chunks: ChunkFile, health: Health) -> None:
        self._chunks = chunks
        self._health = health
        self._lock = threading.Lock()
        self._survey: Survey | None = None
        self._unlinked: dict[tuple[int, int], list[Chunk]] = defaultdict(list)

    @property
    def surveyed(self) -> bool:
        """Whether the file was walked as a whole."""
        return self._survey is not None

    def survey(self) -> Survey:
        """Return what a walk over the whole file finds; it is made once."""
        with self._lock:
            if self._survey is None:
                self._survey = Survey(self._chunks)
                for start, stop in self._survey.holes:
                    self._health.add(Damage(start, stop, "no intact chunk"))
            return self._survey

    def take_unlinked(self, chunk: Chunk) -> None:
        """Note a chunk that no link may lead to."""
        self._unlinked[chunk.tag, chunk.meta].append(chunk)

    def unlinked(self, tag: int, meta: int | None = None) -> list[Chunk]:
        """Return the chunks of a kind that no link may lead to; ``meta`` None takes any."""
        return sorted(c for (t, m), cs in self._unlinked.items() if t == tag and meta in (None, m) for c in cs)

    def read(self, start: int, tag: int, meta: int | None = None, *, closed: bool) -> list[tuple[Chunk, bytes]]:
        """Read a list; complete it from a survey where it is broken, and with what was written but not linked."""
        found = events.read_list(self._chunks, start, tag, meta)
        if found.error and (closed or isinstance(found.error, CorruptError)):
            self._health.add_error(found.error, "the list is completed by a walk over the whole file")
            return list(events.read_chunks(self._chunks, self.survey().chunks_of(tag, meta)))
        known = {chunk.offset for chunk, _ in found.records}
        missing = [chunk for chunk in self.unlinked(tag, meta) if chunk.offset not in known]
        return [*found.records, *events.read_chunks(self._chunks, missing)]
