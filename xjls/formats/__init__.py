"""Bytes to Recordings: one folder a format; siblings never meet."""

from xjls.formats.registry import guess_format, open_recording

__all__ = ["guess_format", "open_recording"]
