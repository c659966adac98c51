"""Instrument recordings of any length in xarray.

``xjls.open(path)`` opens a recording as a lazy Dataset, ``xjls.open_recording(path)`` as a plain object that reads
windows into arrays; ``xr.open_dataset(path, engine="jls")`` and ``xr.open_datatree`` are xarray's own doors.
``xjls.new_recording(path)`` gives a sink that writes one, ``xjls.continue_recording(path)`` one that goes on with it;
``xjls.capture(device, path)`` streams a live instrument into one.

Names are imported on first use, so that the command line starts without xarray and reads nothing that it does not
need. The accessor ``ds.xjls`` is there as soon as xarray has opened anything, or xjls was imported after xarray.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from xjls._version import __version__
from xjls.errors import (
    CaptureError,
    CorruptError,
    DamageWarning,
    DeviceError,
    FormatError,
    LostSamplesError,
    MissingDependencyError,
    NotRecognizedError,
    SelectionError,
    SinkError,
    TruncatedError,
    UnsupportedError,
    XjlsError,
)

if TYPE_CHECKING:
    from xjls.backend.opening import open  # noqa: A004 - xjls.open reads as it should
    from xjls.backend.panel import panel
    from xjls.capturing.buffer import StreamBuffer
    from xjls.capturing.outcome import Outcome
    from xjls.capturing.run import capture, start_capture
    from xjls.capturing.session import Session
    from xjls.formats import append, continue_recording, grow_recording, new_recording, open_recording
    from xjls.formats.indexing import build_levels
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.clock import Clock
    from xjls.model.recording import Recording
    from xjls.model.signal import Level, Signal, Source
    from xjls.model.status import Damage, Status
    from xjls.model.window import Gap, Window
    from xjls.query.answer import Columns, Statistics
    from xjls.widget.explorer.opening import explore
    from xjls.widget.view.marker import Marker

__all__ = [
    "Annotation",
    "CaptureError",
    "Clock",
    "Columns",
    "CorruptError",
    "Damage",
    "DamageWarning",
    "DeviceError",
    "FormatError",
    "Gap",
    "Level",
    "LostSamplesError",
    "Marker",
    "MissingDependencyError",
    "NotRecognizedError",
    "Outcome",
    "Recording",
    "SelectionError",
    "Session",
    "Signal",
    "SinkError",
    "Source",
    "Statistics",
    "Status",
    "StreamBuffer",
    "Tie",
    "TruncatedError",
    "UnsupportedError",
    "UserData",
    "Window",
    "XjlsError",
    "__version__",
    "append",
    "build_levels",
    "capture",
    "continue_recording",
    "explore",
    "grow_recording",
    "new_recording",
    "open",
    "open_recording",
    "panel",
    "start_capture",
]

_HOMES = {
    "open": "xjls.backend.opening",
    "panel": "xjls.backend.panel",
    **dict.fromkeys(
        ("append", "continue_recording", "grow_recording", "new_recording", "open_recording"), "xjls.formats"
    ),
    "build_levels": "xjls.formats.indexing",
    **dict.fromkeys(("capture", "start_capture"), "xjls.capturing.run"),
    "Outcome": "xjls.capturing.outcome",
    "Session": "xjls.capturing.session",
    "StreamBuffer": "xjls.capturing.buffer",
    "Recording": "xjls.model.recording",
    **dict.fromkeys(("Annotation", "Tie", "UserData"), "xjls.model.annotation"),
    "Clock": "xjls.model.clock",
    **dict.fromkeys(("Level", "Signal", "Source"), "xjls.model.signal"),
    **dict.fromkeys(("Damage", "Status"), "xjls.model.status"),
    **dict.fromkeys(("Gap", "Window"), "xjls.model.window"),
    **dict.fromkeys(("Columns", "Statistics"), "xjls.query.answer"),
    "Marker": "xjls.widget.view.marker",
    "explore": "xjls.widget.explorer.opening",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'xjls' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if "xarray" in sys.modules:
    import_module("xjls.backend.accessor")
