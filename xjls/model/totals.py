"""What facts of frames tell of a whole recording, and of no part of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["TOTALS", "without_totals"]

TOTALS = frozenset(
    ("frames", "complete_frames", "empty_frames", "buffers", "missing_buffers", "lost_between", "duplicate_buffers",
     "quarantined_buffers", "cut_buffers", "first_buffer_count", "last_buffer_count", "dropped_by_device")
)  # fmt: skip
"""Names of facts that count what came and what did not, from the first frame to the last."""


def without_totals(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that hold of a part as well.

    Examples
    --------
    >>> without_totals({"frames": 200, "payload_bytes": 5032})
    {'payload_bytes': 5032}
    """
    return {name: value for name, value in facts.items() if name not in TOTALS}
