"""JLS v2 recordings written byte by byte, independently of the reader: definition -> calls -> tracks -> tape -> bytes.

``definitions`` say what to write; ``writer`` turns them into the calls of a recorder; ``tracks`` block what arrives
and make its levels with ``summaries``; ``tape`` links the chunks whose bytes ``records`` knows. ``truth`` says what a
reader must find in the result, ``damage`` breaks it.
"""

from xjls.testing.jls2.damage import Chunk, chunks_of, flip, truncate, zero
from xjls.testing.jls2.definitions import (
    Annotation,
    Definition,
    Fsr,
    Source,
    UserData,
    Vsr,
    numbered_signals,
    numbered_sources,
)
from xjls.testing.jls2.releases import RELEASES, Release
from xjls.testing.jls2.sample_types import SAMPLE_TYPES, Blocks, SampleType
from xjls.testing.jls2.truth import SignalTruth, Truth, truth_of
from xjls.testing.jls2.writer import Call, encode, encode_calls, encode_definition, iter_calls, write

__all__ = [
    "RELEASES",
    "SAMPLE_TYPES",
    "Annotation",
    "Blocks",
    "Call",
    "Chunk",
    "Definition",
    "Fsr",
    "Release",
    "SampleType",
    "SignalTruth",
    "Source",
    "Truth",
    "UserData",
    "Vsr",
    "chunks_of",
    "encode",
    "encode_calls",
    "encode_definition",
    "flip",
    "iter_calls",
    "numbered_signals",
    "numbered_sources",
    "truncate",
    "truth_of",
    "write",
    "zero",
]
