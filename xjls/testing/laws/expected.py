"""What is true of a recording, in terms of any format: what the laws hold it to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.annotation import Annotation, UserData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.testing.jls2 import SignalTruth, Truth


_KINDS = {"vmarker": "vertical_marker", "hmarker": "horizontal_marker"}


_UNIX_2018_S = 1_514_764_800


_MAX_NS = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedSignal:
    """What is true of one signal."""

    name: str
    units: str
    rate_hz: int | Fraction
    """0: it carries annotations only."""
    first_id: int
    samples: NDArray[Any] | None
    """Shape ``(n,)``, as stored; in lost windows anything. None for a signal that carries annotations only."""
    lost: tuple[tuple[int, int], ...] = ()
    """Half-open windows of positions, from 0, that were counted and cannot be read."""
    origin_id: int | None = None
    """The sample id from which seconds count, where that is no sample's."""
    ties: tuple[tuple[int, int], ...] = ()
    """(sample id, UTC in ns) in the order in which they were written."""
    is_summarised_where_lost: bool = False
    """Whether levels still tell what lost samples were, so that ``samples`` must hold it."""

    @property
    def valid(self) -> NDArray[np.bool_]:
        """For each sample, whether it can be read."""
        valid = np.ones(self._array.size, np.bool_)
        for start, stop in self.lost:
            valid[start:stop] = False
        return valid

    @property
    def read(self) -> NDArray[Any]:
        """The samples as a reader gives them: NaN, or 0 in integer signals, where they are lost."""
        samples = self._array.copy()
        samples[~self.valid] = np.nan if samples.dtype.kind == "f" else 0
        return samples

    @property
    def _array(self) -> NDArray[Any]:
        return np.empty(0, np.float32) if self.samples is None else self.samples


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """What is true of a recording.

    Examples
    --------
    >>> from xjls.testing.jls2 import Definition, Fsr, truth_of
    >>> expected = Expected.of(truth_of(Definition([Fsr("gpi", [0, 1, 1], dtype="u1", ties=[(0, 1 << 30)])])))
    >>> expected.signals["gpi"].samples, expected.signals["gpi"].ties
    (array([False,  True,  True]), ((0, 1514764801000000000),))
    """

    signals: Mapping[str, ExpectedSignal]
    """By name, in the order of their numbers."""
    annotations: tuple[Annotation, ...] = ()
    """A signal after another; those that are placed by sample id without their time."""
    user_data: tuple[UserData, ...] = ()

    @classmethod
    def of(cls, truth: Truth, *, is_summarised_where_lost: bool = False) -> Expected:
        """Return what a JLS v2 recording's truth says in terms of any recording."""
        found = sorted(truth.signals.values(), key=lambda signal: signal.signal_id)
        signals = {s.name: _expected(s, is_summarised_where_lost) for s in found if s.signal_id}
        notes = tuple(_annotation(signal, note) for signal in found for note in signal.annotations)
        kept = tuple(
            UserData(meta=one.meta, data=_as_json(one.data)) for one in truth.user_data if one.data is not None
        )
        return cls(signals=signals, annotations=notes, user_data=kept)


def jls_time_ns(time: int) -> int:
    """Convert JLS time, 2⁻³⁰ s since 2018, to UTC in ns: the nearest, of two the later.

    Examples
    --------
    >>> jls_time_ns(3 << 29) - jls_time_ns(1 << 30)
    500000000
    """
    exact = Fraction(time * 10**9, 1 << 30) + _UNIX_2018_S * 10**9
    return max(-_MAX_NS, min(math.floor(exact + Fraction(1, 2)), _MAX_NS))


def _expected(signal: SignalTruth, summarised: bool) -> ExpectedSignal:
    return ExpectedSignal(
        name=signal.name, units=signal.units, rate_hz=signal.rate_hz, first_id=signal.first_id, samples=signal.samples,
        lost=signal.lost, ties=tuple((i, jls_time_ns(time)) for i, time in signal.ties),
        is_summarised_where_lost=summarised,
    )  # fmt: skip


def _annotation(signal: SignalTruth, note: Any) -> Annotation:
    sample_id, time_ns = (note.timestamp, None) if signal.rate_hz else (None, jls_time_ns(note.timestamp))
    y = None if note.y is None else float(np.float32(note.y))
    return Annotation(
        signal=signal.name if signal.signal_id else "", sample_id=sample_id, time_ns=time_ns,
        kind=_KINDS.get(note.type, note.type), group=note.group, y=y, data=_as_json(note.data),
    )  # fmt: skip


def _as_json(data: Any) -> Any:
    """Return what text or JSON becomes on its way through a file; bytes stay."""
    return data if isinstance(data, bytes | str) else json.loads(json.dumps(data))
