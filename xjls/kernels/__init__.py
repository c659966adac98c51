"""Numba kernels on plain arrays: checksum and copy, unpack, reduce. Imported on the first read, never on open.

Nothing is imported here: ``faults`` needs no numba, and whoever wants a kernel names its module.

``gather``, ``index``   many chunks of a mapped file -> one array       built on ``chunk``, ``crc``, ``unpack``
``reduce``              samples -> summary entries -> coarser entries
``crc``                 CRC-32C three ways, chosen by ``cpu``            ``fold512``, ``crc32q``, ``slicing``
``stream``              loops that ask for bytes ahead of their time
``memory``              loads, stores and copies at an address, whatever its alignment
``jit``                 the decorators that compile all of it
"""
