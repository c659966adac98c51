"""Shipped helpers for tests: recordings written byte by byte, scenarios and laws. No room imports it at run time."""
