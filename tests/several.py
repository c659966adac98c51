"""A recording of several signals, sources, rates, types and kinds of records, for all that writes Datasets."""

import numpy as np

from xjls.testing.jls2 import Annotation, Fsr, Source, UserData, Vsr, write

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(20_000)
FIRST_ID = 1000


def truth_with(current):
    """Return the samples of all signals by name."""
    return {
        "current": current.astype("f4"),
        "range": (K // 100 % 16).astype("u1"),
        "fine": (K - 10_000).astype("i2"),
        "gpi": np.arange(40_000) // 500 % 2 == 1,
    }


def write_several(path, truth):
    """Write these signals, with ties, annotations and user data; return the path."""
    ties = [(FIRST_ID + i * 1000, EPOCH + i * SECOND + i * i * 1000) for i in range(-2, 25)]
    notes = [Annotation(FIRST_ID + 500, data="early", y=0.5), Annotation(FIRST_ID + 19_000, "vmarker", 1, data="1a")]
    signals = [
        Fsr("current", truth["current"], units="A", first_id=FIRST_ID, ties=ties, annotations=notes, **SMALL),
        Fsr("range", truth["range"], dtype="u4", first_id=FIRST_ID, source=2, **SMALL),
        Fsr("fine", truth["fine"], dtype="i16", q=8, units="V", first_id=FIRST_ID, **SMALL),
        Fsr("gpi", truth["gpi"], dtype="u1", rate_hz=2000, first_id=2 * FIRST_ID, **SMALL),
        Vsr("events", annotations=[Annotation(EPOCH, data="bang")]),
    ]
    sources = [Source("js220", "Joulescope", "JS220", "1.2", "0042"), Source("other")]
    records = [UserData(5, "notes"), UserData(6, {"k": [1]}), UserData(7, b"\0\1")]
    return write(path, sources, signals, records)
