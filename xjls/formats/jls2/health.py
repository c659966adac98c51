"""What is known of a file's health: collected at opening and by every read, from any thread."""

from __future__ import annotations

import threading

from xjls.errors import FormatError
from xjls.formats.jls2.wire import CHUNK_HEADER
from xjls.model.status import Damage, Status
from xjls.model.window import Gap, merge_gaps


class Health:
    """Collect damage, gaps and notes."""

    def __init__(self) -> None:
        self._damage: dict[int, Damage] = {}
        self._gaps: dict[str, tuple[Gap, ...]] = {}
        self._notes: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, damage: Damage) -> None:
        """Note a span of broken bytes; the first word on a place stands."""
        with self._lock:
            self._damage.setdefault(damage.offset, damage)

    def add_error(self, error: FormatError, consequence: str) -> None:
        """Note the chunk that an error is about."""
        offset = max(error.offset, 0)
        self.add(Damage(offset, offset + CHUNK_HEADER.size, error.problem, consequence))

    def add_index_error(self, error: FormatError) -> None:
        """Note an INDEX chunk that turned out to be damaged on a read."""
        self.add_error(error, "what it lists is found by a walk over the bytes before it")

    def add_gaps(self, name: str, gaps: tuple[Gap, ...]) -> None:
        """Note samples of a signal that are lost."""
        with self._lock:
            self._gaps[name] = merge_gaps([*self._gaps.get(name, ()), *gaps])

    def note(self, text: str) -> None:
        """Note what was put right on the way."""
        with self._lock:
            self._notes[text] = None

    def status(self, *, closed: bool, size_bytes: int) -> Status:
        """Return what is known so far."""
        with self._lock:
            damage = tuple(sorted(self._damage.values()))
            return Status(closed, size_bytes, damage, dict(self._gaps), tuple(self._notes))
