"""Scenarios of miniscopes as Datasets, and recordings of whatever else has frames, for tests of what is labelled."""

from dataclasses import asdict
from fractions import Fraction

import numpy as np
import xarray as xr

import xjls
from xjls.backend import accessor as _accessor  # noqa: F401 - registers ds.xjls
from xjls.formats.memory.sink import MemorySink
from xjls.model.signal import Signal, Source
from xjls.testing.miniscope import CardConfig
from xjls.testing.miniscope.headers import FIELD_NUMBERS
from xjls.testing.miniscope.scenarios import SCENARIOS

MAKERS = {make.__name__: make for make in SCENARIOS}
WITHOUT_FRAMES = ("empty", "noise_only", "terminator_only")
OPENED = [name for name in MAKERS if name not in WITHOUT_FRAMES]
PROTOBUF = {
    "id": "as-written", "words": 16, "crc": {"word": 15, "stop_byte": 60},
    "protobuf": {"first_byte": 0, "n_bytes": 60, "fields": {number: name for name, number in FIELD_NUMBERS.items()}},
}  # fmt: skip
SOURCE = Source(id=1, name="scope")
UNIX = "seconds since 1970-01-01T00:00:00Z"


def how_to_open(config, **options):
    """Return the arguments of the doors for what a scenario has written."""
    if isinstance(config, CardConfig):
        return {"format": "miniscope", "format_options": options}
    told = asdict(config)
    layout = told.pop("layout")
    told["header_format"] = PROTOBUF if layout == "stream-protobuf" else layout
    return {"format": "miniscope", "format_options": {"config": told, **options}}


def recording_of(made, **how):
    """Return the recording of what a scenario has written."""
    return xjls.open_recording(made.path, **how_to_open(made.config), **how)


def opened(folder, name, chunks=None, options=None, **how):
    """Return a scenario, and its Dataset."""
    made = MAKERS[name](folder)
    how |= how_to_open(made.config, **(options or {}))
    return made, xr.open_dataset(made.path, engine="jls", chunks=chunks, **how)


def signal(name, **facts):
    given = {"units": "", "dtype": np.dtype("u1"), "rate_hz": Fraction(20), "source": SOURCE, "stored_type": ""}
    return Signal(name=name, **(given | facts))


def frames_signal(number, name="image", **facts):
    given = {"axis": "frame", "sample_shape": (4, 3), "sample_dims": ("height", "width"), "stored_type": "u8"}
    return signal(name, id=number, **(given | facts))


def recorded(*signals):
    """Return a recording of (signal, first id, samples)."""
    sink = MemorySink()
    for source in dict.fromkeys(one.source for one, _, _ in signals):
        sink.add_source(source)
    for one, _, _ in signals:
        sink.add_signal(one)
    for one, first_id, samples in signals:
        sink.write(one.name, first_id, samples)
    sink.close()
    return sink.recording
