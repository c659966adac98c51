"""What is known of a store's health: collected by every read, from any thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from xjls.model.status import Damage, Status
from xjls.model.window import Gap, merge_gaps

if TYPE_CHECKING:
    from xjls.formats.zarr.objects import Fault


class Health:
    """Collect damage and gaps. A store has many objects: what is damaged is named by its key."""

    def __init__(self) -> None:
        self._damage: dict[tuple[str, str], Damage] = {}
        self._gaps: dict[str, tuple[Gap, ...]] = {}
        self._lock = threading.Lock()

    def add(self, key: str, fault: Fault, consequence: str) -> None:
        """Note what is damaged or missing of an object."""
        damage = Damage(fault.offset, fault.stop, f"{key}: {fault.reason}", consequence)
        with self._lock:
            self._damage.setdefault((key, consequence), damage)

    def add_gaps(self, name: str, gaps: tuple[Gap, ...]) -> None:
        """Note samples of a signal that are lost."""
        if gaps:
            with self._lock:
                self._gaps[name] = merge_gaps((*self._gaps.get(name, ()), *gaps))

    def status(self, *, closed: bool, size_bytes: int) -> Status:
        """Return what is known so far."""
        with self._lock:
            damage = tuple(damage for _, damage in sorted(self._damage.items()))
            return Status(closed, size_bytes, damage, dict(self._gaps))
