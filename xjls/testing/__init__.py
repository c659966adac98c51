"""Shipped helpers for tests: recordings written byte by byte, scenarios and laws. No room imports it at run time.

``jls2`` writes JLS v2 recordings from a definition and damages them; ``scenarios`` and ``strategies`` (with Hypothesis)
make them by the dozen with the truth about each; ``write_sparse`` makes an enormous one, ``write_demo`` a pretty one.
``jls1`` writes JLS v1 files byte by byte, with scenarios of its own. ``picostream`` writes PicoStream's HDF5 files of
every age, has scenarios of its own, and loads h5py. ``miniscope`` writes miniscope streams and images of SD cards bit
by bit, with scenarios of its own.
"""

from xjls.testing.demo import write_demo
from xjls.testing.sparse import SparseTruth, write_sparse

__all__ = ["SparseTruth", "write_demo", "write_sparse"]
