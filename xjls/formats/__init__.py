"""Bytes to Recordings: one folder a format; siblings never meet."""
