"""Instrument recordings of any length in xarray."""

from xjls._version import __version__

__all__ = ["__version__"]
