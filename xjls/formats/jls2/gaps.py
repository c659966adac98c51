"""Gaps that a writer knew of: a record of user data for each, beside the filling that the format asks for.

Other readers pass the records over as user data that are not theirs; xjls reads them back as gaps.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from xjls.model.window import Gap, Gaps, Window, merge_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from xjls.formats.jls2.layout import Layout
    from xjls.model.annotation import Json, UserData

GAP_META = 0x6A5
"""The number of these records."""
_KEY, _RESUMED = "xjls_gap", "xjls_resumed"

GapsBySignal = dict[int, tuple[Gap, ...]]
"""By signal id."""


class Skipped:
    """The gaps that the writer of one signal recorded. It filled them; what is not NaN must not be taken for samples.

    Parameters
    ----------
    layout
        The signal's extent.
    told
        Returns the gaps that records tell of.
    floating
        Whether NaN fills them.
    """

    def __init__(self, layout: Layout, told: Callable[[], tuple[Gap, ...]], *, floating: bool) -> None:
        self._layout = layout
        self._told = told
        self._floating = floating

    @cached_property
    def gaps(self) -> Gaps:
        """All of them, within the signal."""
        first_id = self._layout.first_id
        return Gaps(Gaps(self._told()).within(Window(first_id, first_id + self._layout.length)))

    @cached_property
    def told_beyond(self) -> bool:
        """Whether a gap was told of that reaches beyond the last sample: its writer had no time to fill it."""
        stop = self._layout.first_id + self._layout.length
        return any(gap.window.stop > stop for gap in self._told())

    def fills(self, starts: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
        """Return which windows of ``length`` samples, counted from the first one, hold filling other than NaN."""
        if self._floating:
            return np.zeros(len(starts), np.bool_)
        return self.gaps.touch(starts + self._layout.first_id, length)


def encode_gap(signal_id: int, gap: Gap) -> Json:
    """Return the JSON of a record, with number `GAP_META`; `decode_gaps` undoes it.

    Examples
    --------
    >>> from xjls.model.annotation import UserData
    >>> gap = Gap(Window(5, 9), "not delivered", skipped=True)
    >>> decode_gaps([UserData(meta=GAP_META, data=encode_gap(2, gap))]) == {2: (gap,)}
    True
    """
    return {_KEY: {"signal": signal_id, "start": gap.window.start, "stop": gap.window.stop, "reason": gap.reason}}


def encode_resumed(signal_id: int, next_id: int) -> Json:
    """Return the JSON of a record that says: what was told of this signal from that sample id on is no gap any more.

    A writer tells of a gap before it fills it. Who goes on with the file of one that was killed meanwhile says how far
    it came: what is written behind that are samples.
    """
    return {_RESUMED: {"signal": signal_id, "at": next_id}}


def is_gap(record: UserData) -> bool:
    """Whether a record of user data is one of these."""
    return _told(record) is not None or _resumed(record) is not None


def decode_gaps(records: Iterable[UserData]) -> GapsBySignal:
    """Return the gaps that records tell of, in file order; all other records are passed over."""
    found: dict[int, list[Gap]] = {}
    for record in records:
        if (told := _told(record)) is not None:
            found.setdefault(told[0], []).append(told[1])
        elif (resumed := _resumed(record)) is not None:
            signal_id, at = resumed
            kept = (gap & Window(min(gap.window.start, at), at) for gap in found.get(signal_id, ()))
            found[signal_id] = [gap for gap in kept if gap.window.length]
    return {signal_id: merge_gaps(gaps) for signal_id, gaps in found.items()}


def _told(record: UserData) -> tuple[int, Gap] | None:
    match _content(record, _KEY):
        case {"signal": int(signal_id), "start": int(start), "stop": int(stop), "reason": str(reason)} if start <= stop:
            return signal_id, Gap(Window(start, stop), reason, skipped=True)
    return None


def _resumed(record: UserData) -> tuple[int, int] | None:
    match _content(record, _RESUMED):
        case {"signal": int(signal_id), "at": int(at)}:
            return signal_id, at
    return None


def _content(record: UserData, key: str) -> Json:
    """Return what stands under a key in a record of ours; None in all others."""
    return record.data.get(key) if record.meta == GAP_META and isinstance(record.data, dict) else None
