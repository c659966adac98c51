"""The way into the format: what is looked at to tell it, and the door. Loads the rest when a file is opened."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.model.recording import Recording
from xjls.storage import absolute_path

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy as np

    from xjls.formats.jls1.levels import Use
    from xjls.model.reader import OnDamage

MAGIC = b"\xd3tagfmt \r\n \n  \x1a\x1c"
_MOST_SECONDS = 9_200_000_000
"""Since 1970 or before it, of times that int64 can tell in ns."""
OPTIONS = ("suppress", "start", "reductions", "calibration")
USES = ("auto", "trust", "ignore")
_NAME = re.compile(r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)(?!\d)[^/\\]*$")
_TIME = re.compile(r"(?P<time>\d{4}[-\d]*([T ][\d:.]+)?)(Z|(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))?")
"""ISO 8601; a date with a zone only, as nobody writes it, would be taken for another date."""


def recognizes(head: bytes) -> bool:
    """Whether the first bytes of a file are those of JLS v1."""
    return head.startswith(MAGIC)


def open_jls1(
    path: str, *, storage_options: Mapping[str, Any] | None, on_damage: OnDamage, verify: bool,
    suppress: str | bool | None = "normal", start: str | dt.datetime | np.datetime64 | None = None,
    reductions: Use = "auto", calibration: str | os.PathLike[str] = "",
) -> Recording:  # fmt: skip
    """Open a JLS v1 recording; see `xjls.open_recording`.

    Parameters
    ----------
    path, storage_options, on_damage, verify
        As there.
    suppress
        What becomes of currents that range switches distort, in recordings of raw words: ``"normal"`` draws a line
        (``"interp_1_n_1"``); ``"mean"`` or ``"nan"`` in the same windows; ``"off"``; or all of it, ``"mean_2_m_3"``.
    start
        When the first sample was taken, which the format does not tell: UTC, in ISO 8601 or as datetime; ``"name"``
        takes it from a file that is called ``20210304_050607.jls``.
    reductions
        Whether the recording's own are used as levels: ``"auto"`` where samples agree with some that are compared;
        ``"trust"`` in any case; ``"ignore"`` makes all of samples.
    calibration
        A recording of the same instrument whose calibration is taken instead.
    """
    from xjls.formats.jls1.reader import Jls1Reader
    from xjls.formats.jls1.suppression import Suppression

    if reductions not in USES:
        raise SelectionError(f"reductions={reductions!r} is no use of them", f"Choose one of {', '.join(USES)}.")
    told = {
        "storage_options": dict(storage_options) if storage_options else None,
        "suppress": str(Suppression.of(spelled(suppress))),
        "start_ns": None if start is None else _start_ns(start, path), "reductions": reductions,
        "calibration": absolute_path(str(calibration)) if calibration else None,
    }  # fmt: skip
    options = {name: value for name, value in told.items() if value is not None}
    return Recording(absolute_path(path), Jls1Reader, options=options, on_damage=on_damage, verify=verify)


def spelled(suppress: object) -> str:
    """Return a way of suppression as it is spelled in full, of what short forms there are.

    Examples
    --------
    >>> spelled("mean"), spelled(None), spelled("mean_2_m_3")
    ('mean_1_n_1', 'off', 'mean_2_m_3')
    """
    if suppress in (None, False, ""):
        return "off"
    if not isinstance(suppress, str):
        raise SelectionError(
            f"suppress={suppress!r} is no way of suppression", 'Give "normal", "off", "mean" or "nan".'
        )
    return {"mean": "mean_1_n_1", "nan": "nan_0_n_0", "interp": "interp_1_n_1"}.get(suppress, suppress)


def _start_ns(start: object, path: str) -> int:
    """Return a time in ns since 1970, UTC."""
    import numpy as np

    if start == "name":
        found = _NAME.search(path)
        if found is None:
            raise SelectionError(f"the name of {path} has no time", "Give it: start='2021-03-04T05:06:07'.")
        start = "{}-{}-{}T{}:{}:{}".format(*found.groups())
    problem, remedy = f"start={start!r} is no time", "Give UTC, as '2021-03-04T05:06:07' or datetime64."
    text = start.isoformat() if isinstance(start, dt.datetime) else str(start)
    told = _TIME.fullmatch(text) if isinstance(start, str | dt.datetime | np.datetime64) else None
    if told is None:
        raise SelectionError(problem, remedy)
    try:
        # Units are given: of more digits than those of ns others would be chosen, which tell a few days
        seconds, moment = np.datetime64(told["time"], "s"), np.datetime64(told["time"], "ns")
    except ValueError:
        raise SelectionError(problem, remedy) from None
    if abs(int(seconds.astype(np.int64))) >= _MOST_SECONDS:
        raise SelectionError(problem, "Give a year from 1678 to 2261.")
    ns = int(moment.astype(np.int64))
    ahead = 60 * int(told["hours"] or 0) + int(told["minutes"] or 0)
    return ns + 60_000_000_000 * (ahead if told["sign"] == "-" else -ahead)
