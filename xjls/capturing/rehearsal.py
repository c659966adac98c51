"""A capture that nobody keeps, before the one that counts: what is compiled or loaded on first use is there then.

Loading kernels takes a second or two. While it does, a device would fill the ring.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from xjls.capturing.axes import sample_bytes, series_of
from xjls.capturing.buffer import StreamBuffer
from xjls.errors import XjlsError
from xjls.formats import grow_recording
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xjls.model.signal import Signal
    from xjls.model.sink import Sink

SAMPLES = 50_000
"""Of each signal: enough for entries of two levels."""
MOST_BYTES = 1 << 20
"""Of the samples of a signal: of frames one may be more."""
SHOWN_S = 0.001


def rehearse(stores: Iterable[str], codec: str | None, signals: Sequence[Signal]) -> None:
    """Write a few samples as they will be written and shown, to places that are given up; once a process.

    What a format refuses is passed over: it will refuse it of the capture that counts. So is a place that is full.
    """
    plain = tuple(replace(signal, facts={}) for signal in signals)
    for suffix in sorted({"", *(Path(store).suffix for store in stores)}):
        _rehearsed(suffix, codec, plain)


@cache
def _rehearsed(suffix: str, codec: str | None, signals: tuple[Signal, ...]) -> None:
    """Rehearse a format; ``""`` is that of the last seconds."""
    if not suffix:
        play(StreamBuffer((), seconds=SHOWN_S), series_of(signals))
        return
    with (
        contextlib.suppress(XjlsError, OSError),
        TemporaryDirectory(prefix="xjls-") as place,
        grow_recording(f"{place}/rehearsal{suffix}", codec=codec) as sink,
    ):
        play(sink, signals)


def play(sink: Sink, signals: Sequence[Signal]) -> None:
    """Write a gap and some samples of each signal."""
    for source in {signal.source.id: signal.source for signal in signals}.values():
        sink.add_source(source)
    for signal in signals:
        sink.add_signal(signal)
    for signal in signals:
        n = min(SAMPLES, max(MOST_BYTES // sample_bytes(signal), 1))
        sink.write(signal.name, 0, np.zeros((n, *signal.sample_shape), signal.dtype))
        sink.skip(signal.name, Gap(Window(n, n + 1), "rehearsed", skipped=True))
    sink.flush()
