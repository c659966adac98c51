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
_KEY = "xjls_gap"

GapsBySignal = dict[int, tuple[Gap, ...]]
"""By signal id."""


class Skipped:
    """The gaps that the writer of one signal recorded. It filled them; what is not NaN must not be taken for samples.

    Parameters
    ----------
    layout
        The signal's extent.
    told
        Returns the gaps that records tell of; called once.
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


def is_gap(record: UserData) -> bool:
    """Whether a record of user data is one of these."""
    return _decoded(record) is not None


def decode_gaps(records: Iterable[UserData]) -> GapsBySignal:
    """Return the gaps that records tell of; all other records are passed over."""
    found: dict[int, list[Gap]] = {}
    for record in records:
        if (told := _decoded(record)) is not None:
            found.setdefault(told[0], []).append(told[1])
    return {signal_id: merge_gaps(gaps) for signal_id, gaps in found.items()}


def _decoded(record: UserData) -> tuple[int, Gap] | None:
    if record.meta != GAP_META or not isinstance(record.data, dict) or not isinstance(record.data.get(_KEY), dict):
        return None
    match record.data[_KEY]:
        case {"signal": int(signal_id), "start": int(start), "stop": int(stop), "reason": str(reason)} if start <= stop:
            return signal_id, Gap(Window(start, stop), reason, skipped=True)
    return None
