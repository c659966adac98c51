"""PicoStream recordings of every age, written with h5py as their own program does, independently of the reader.

``counts`` are what an instrument delivers, ``vintages`` say what a file tells of itself, and ``writer`` makes the file,
whole or block by block. ``truth`` says what a reader must find in it; ``scenarios`` make dozens of both.
"""

from xjls.testing.picostream.counts import LOST, counts_of
from xjls.testing.picostream.truth import Truth, truth_of
from xjls.testing.picostream.vintages import VINTAGES, Capture, Mode, Vintage
from xjls.testing.picostream.writer import DATASET, GrowingPicoStream, write_picostream

__all__ = [
    "DATASET",
    "LOST",
    "VINTAGES",
    "Capture",
    "GrowingPicoStream",
    "Mode",
    "Truth",
    "Vintage",
    "counts_of",
    "truth_of",
    "write_picostream",
]
