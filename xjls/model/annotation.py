"""What people and programs wrote beside the samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A text or marker at one moment of a signal, or of the whole recording."""

    signal: str
    """Name of the signal; ``""`` for the whole recording."""
    sample_id: int | None
    """Where on the signal; None when only a time was written."""
    time_ns: int | None
    """UTC, ns since 1970; None when the recording has no clock for it."""
    kind: str
    """``"user"``, ``"text"``, ``"vertical_marker"``, ``"horizontal_marker"``, or ``"type_<n>"``."""
    group: int
    y: float | None
    """Value on the signal's axis; None lets the viewer choose."""
    data: str | bytes | Json
    """Text, bytes or the decoded JSON."""


def text_at(signal: str, sample_id: int | None, text: str, *, time_ns: int | None = None) -> Annotation:
    """Return a text at a sample of a signal, or at a time; ``signal`` is ``""`` for the whole recording.

    Examples
    --------
    >>> text_at("current", 5, "here").kind
    'text'
    """
    return Annotation(signal=signal, sample_id=sample_id, time_ns=time_ns, kind="text", group=0, y=None, data=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserData:
    """A record that an application left in the file."""

    meta: int
    """The application's own 12-bit number."""
    data: str | bytes | Json
    """Text, bytes or the decoded JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """One pair of a clock: this sample was taken at this time."""

    sample_id: int
    time_ns: int
    """UTC, ns since 1970-01-01."""
