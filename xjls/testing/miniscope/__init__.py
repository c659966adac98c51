"""Miniscope streams and SD card images written byte by byte, independently of the reader: frames -> buffers -> bits.

``config`` says how frames are sent, ``pixels`` makes them and their bytes, ``headers`` the words of every layout.
``buffers`` are what is sent at once, to be dropped, swapped and broken; ``stream`` and ``card`` make bytes of them.
``truth`` says what a reader must find, ``by_mio`` what mio makes of a stream; ``scenarios`` make dozens of all that.
"""

from xjls.testing.miniscope.buffers import Buffer, Start, buffers_of, flipped, idling, without
from xjls.testing.miniscope.by_mio import frames_by_mio
from xjls.testing.miniscope.card import Card, CardConfig, card_buffers_of, encode_card, stale
from xjls.testing.miniscope.config import FrameConfig, StreamConfig, tiny
from xjls.testing.miniscope.pixels import noise, pack, ramps, unpack
from xjls.testing.miniscope.stream import Stream, encode, random_stream, turned
from xjls.testing.miniscope.truth import Truth, truth_of
from xjls.testing.miniscope.writing import write_stream

__all__ = [
    "Buffer",
    "Card",
    "CardConfig",
    "FrameConfig",
    "Start",
    "Stream",
    "StreamConfig",
    "Truth",
    "buffers_of",
    "card_buffers_of",
    "encode",
    "encode_card",
    "flipped",
    "frames_by_mio",
    "idling",
    "noise",
    "pack",
    "ramps",
    "random_stream",
    "stale",
    "tiny",
    "truth_of",
    "turned",
    "unpack",
    "without",
    "write_stream",
]
