"""Which frame each buffer of a stream is told to be of, where a stream does not begin as it goes on."""

from dataclasses import asdict

import numpy as np
import pytest

from xjls.formats.miniscope.config import load_config
from xjls.formats.miniscope.live import LiveStream
from xjls.testing.miniscope import buffers_of, encode, flipped, noise, tiny

FIRST = 12824
PLAIN = {"frame_num": 1, "frame_buffer_count": 3}
"""A header that nothing confirms."""


def stream_of(header_format="stream-1"):
    facts = asdict(tiny())
    del facts["layout"]
    return LiveStream(load_config(facts, header_format=header_format))


def samples(told, name):
    return np.concatenate([row.samples for row in told if row.name == name])


@pytest.mark.parametrize("size", [99, 100_000])
def test_a_first_buffer_of_another_frame_is_no_beginning(size):
    buffers = buffers_of(tiny(), noise(tiny(), 12))
    buffers[0] = flipped(buffers[0], "frame_num", 9)
    data, stream = encode(tiny(), buffers).data, stream_of(PLAIN)
    told = [row for at in range(0, len(data), size) for row in stream.feed(data[at : at + size], 1.0)]
    told += stream.flush(1.0)
    assert [row.first_id for row in told if row.name == "image"] == list(range(FIRST, FIRST + 12))
    assert samples(told, "frame_number")[:5].tolist() == [-1, FIRST, FIRST, FIRST, FIRST + 1]
    assert samples(told, "n_missing").tolist() == [1] + [0] * 11
    assert stream.tallies["late buffers"] == 1


def test_a_buffer_ahead_of_the_first_frame_is_of_none():
    sent, stream = buffers_of(tiny(), noise(tiny(), 2)), stream_of()
    told = stream.feed(encode(tiny(), sent[4:], terminated=False).data, 1.0) + stream.settle()
    told += stream.feed(encode(tiny(), sent[:4], terminated=False).data, 2.0) + stream.flush(2.0)
    assert [row.first_id for row in told if row.name == "image"] == [FIRST + 1]
    assert samples(told, "frame_number").tolist() == [FIRST + 1] * 4 + [-1] * 4
    assert stream.tallies["late buffers"] == 4
