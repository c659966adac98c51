"""Recordings in memory, as tests of views need them."""

from fractions import Fraction

import numpy as np

import xjls
from xjls.formats.memory.sink import MemorySink
from xjls.model.window import Gap, Window

BENCH = xjls.Source(id=1, name="bench")
RATE = 44_100
FIELDS = ("name", "units", "dtype", "rate_hz", "source", "stored_type", "scale_factor", "add_offset")


def signal(name, dtype="f4", rate=RATE, units="A", **facts):
    return xjls.Signal(
        id=hash(name) % 200 + 1, name=name, units=units, dtype=np.dtype(dtype), rate_hz=Fraction(rate), source=BENCH,
        stored_type={"f4": "f32", "?": "u1", "u1": "u8", "i2": "i16"}[dtype], **facts,
    )  # fmt: skip


def recorded(*written, first_id=1000, utc=True, gaps=()):
    """Return a recording in memory of (signal, samples) pairs; ``gaps`` are of all, counted from the first sample."""
    with MemorySink() as sink:
        sink.add_source(BENCH)
        for number, (one, _) in enumerate(written, 1):
            sink.add_signal(xjls.Signal(**{**{f: getattr(one, f) for f in FIELDS}, "id": number}))
        for one, samples in written:
            at = 0
            for start, stop in (*gaps, (len(samples), len(samples))):
                sink.write(one.name, first_id + at, samples[at:start])
                if stop > start:
                    sink.skip(one.name, Gap(Window(first_id + start, first_id + stop), "lost", skipped=True))
                at = stop
            if utc:
                sink.tie(one.name, xjls.Tie(sample_id=first_id, time_ns=1_700_000_000_123_456_789))
        return sink.recording
