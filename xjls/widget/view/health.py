"""What a screen says of a recording's health, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xjls.model.recording import Recording


def health(recording: Recording) -> str:
    """Return a sentence on what is wrong with a recording; empty where nothing is known to be."""
    status = recording.status
    told = [] if status.closed else ["not closed by its writer"]
    if status.damage:
        told.append(f"damaged in {len(status.damage):,} place{'s' * (len(status.damage) != 1)}")
    return ", ".join(told)
