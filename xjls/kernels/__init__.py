"""Numba kernels on plain arrays: checksum and copy, unpack, reduce. Imported on the first read, never on open."""
