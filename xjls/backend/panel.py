"""``xjls.panel``: the capture panel, whose recordings open as Datasets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xjls.errors import MissingDependencyError

if TYPE_CHECKING:
    from datetime import datetime

    from xjls.model.amounts import Amount
    from xjls.widget.panel.panel import Panel


def panel(
    device: str | None = None,
    store: str | os.PathLike[str] | None = None,
    *,
    duration: Amount | None = None,
    size: Amount | None = None,
    stop_at: str | datetime | None = None,
    stops_after: bool | None = None,
    signals: Sequence[str] | None = None,
    rate: Amount | None = None,
    settings: Mapping[str, Any] | None = None,
    window: str | None = None,
    codec: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    remember: bool = True,
) -> Panel:
    """Return a panel for a notebook that starts, stops, watches and records a device.

    Parameters
    ----------
    device
        As of `xjls.capture`; None to choose among those that are there.
    store
        Where to record to: from the first sample on, once it is started. None only streams, until Record is pressed.
    duration, size
        When a recording ends: after so long, exact to the sample, or so many bytes.
    stop_at
        When the stream ends: ``"17:30"``, or a date and a time; local where no zone is said.
    stops_after
        Whether a recording that has what was asked for ends the stream.
    signals, rate, settings
        What to ask the device for: see `xjls.capture`.
    window
        How far the picture reaches back at first: ``"5s"`` to ``"10min"``.
    codec, storage_options
        Of the recording: see `xjls.capture`.
    remember
        Whether choices are kept for the next time, in ``xjls/panel.json`` in the user's folder of configurations.

    Returns
    -------
    Panel
        A widget; and ``start()``, ``stop()``, ``record()``, ``mark()``, ``zero()``, ``wait()`` and ``close()`` for
        Python. Its ``dataset`` is the recording.

    Raises
    ------
    MissingDependencyError
        The extra ``notebook`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.backend.panel import panel
    >>> store = tempfile.mkdtemp() + "/run.zarr"
    >>> shown = panel("sim?speed=max", store, duration="1s", rate="10 kHz", stops_after=True, remember=False)
    >>> shown.start().wait().reason
    'it has what was asked for'
    >>> shown.dataset.current.sizes["time"], shown.close()
    (10000, None)
    """
    try:
        from xjls.widget.panel.panel import Panel
    except ImportError as error:
        raise MissingDependencyError("anywidget", "notebook") from error
    from xjls.backend.opening import open  # noqa: A004 - xjls.open reads as it should

    how = {"codec": codec, "storage_options": storage_options}
    return Panel(
        device, store, duration=duration, size=size, stop_at=stop_at, stops_after=stops_after, signals=signals,
        rate=rate, settings=settings, window=window, remember=remember, how=how,
        open_dataset=lambda path: open(path, storage_options=storage_options),
    )  # fmt: skip
