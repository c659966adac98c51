"""JLS v1 recordings written byte by byte, independently of the reader: definition -> records -> bytes.

``definition`` says what to write, with ``calibrations`` in every layout and ``words`` as an instrument sends them;
``writer`` makes the file of ``records`` and ``reductions``. ``truth`` says what a reader must find in it, with
``suppressing`` for what becomes of switches of ranges; ``scenarios`` make dozens of both.
"""

from xjls.testing.jls1.calibrations import Calibration
from xjls.testing.jls1.definition import Definition, Floats, Sizes
from xjls.testing.jls1.records import RecordSpan, record, records_of
from xjls.testing.jls1.suppressing import suppress
from xjls.testing.jls1.truth import Truth, truth_of
from xjls.testing.jls1.words import ranges_of, words_of
from xjls.testing.jls1.writer import encode, write_jls1

__all__ = [
    "Calibration",
    "Definition",
    "Floats",
    "RecordSpan",
    "Sizes",
    "Truth",
    "encode",
    "ranges_of",
    "record",
    "records_of",
    "suppress",
    "truth_of",
    "words_of",
    "write_jls1",
]
