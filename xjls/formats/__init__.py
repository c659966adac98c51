"""Bytes to Recordings, and back: one folder a format; siblings never meet."""

from xjls.formats.appending import append, continue_recording
from xjls.formats.carry import carry
from xjls.formats.registry import grow_recording, guess_format, new_recording, open_recording

__all__ = [
    "append",
    "carry",
    "continue_recording",
    "grow_recording",
    "guess_format",
    "new_recording",
    "open_recording",
]
