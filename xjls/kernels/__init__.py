"""Numba kernels on plain arrays: checksum and copy, unpack, reduce. Imported on the first read, never on open.

Nothing is imported here: ``faults`` needs no numba, and whoever wants a kernel names its module.

``gather``, ``index``   many chunks of a mapped file -> one array       built on ``chunk``, ``crc``, ``unpack``
``window``              the same for one window, planned inside
``window_moments``      a window of a mapped file -> rows of statistics  built on ``moments``, ``passes``, ``bits``
``moments``             samples -> rows of statistics                    built on ``passes``
``histogram``           samples -> counts in bins
``reduce``              samples -> summary entries -> coarser entries    built on ``passes``
``spans``               entries and samples of any span -> a row         built on ``items``, ``lanes``, ``bits``
``ring``                rows of entries in a ring -> a row
``fir``                 samples -> fewer samples, filtered
``joulescope``          a JS110's words -> samples, with range switches suppressed
``analyser``            samples of six signals -> records of statistics  built on ``moments``
``bitstream``           a stream of bits -> where a pattern stands; the bytes behind any bit
``entries``             which blocks of entries can be used as they are
``pack``, ``packing``   samples -> chunks of a file, packed bytes
``text``                cells of a table -> lines of text                built on ``decimal``
``crc``                 CRC-32C three ways, chosen by ``cpu``            ``fold512``, ``crc32q``, ``slicing``
``stream``              loops that ask for bytes ahead of their time
``memory``              loads, stores and copies at an address, whatever its alignment
``jit``                 the decorators that compile all of it
"""
