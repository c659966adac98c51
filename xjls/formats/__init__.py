"""Bytes to Recordings, and back: one folder a format; siblings never meet."""

from xjls.formats.carry import carry
from xjls.formats.registry import guess_format, new_recording, open_recording

__all__ = ["carry", "guess_format", "new_recording", "open_recording"]
