"""What can be asked in time, and what not: signals of numbers at a steady rate, and frames and their buffers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from xjls.model.recording import Recording

REMEDY = (
    "xjls info, check, plot, convert and export --axis take frames and buffers; in Python, xjls.open gives arrays of "
    "them."
)


def require_in_time(recording: Recording, names: Iterable[str] | None = None) -> None:
    """Refuse what is no numbers at a steady rate: signals along an axis of their own, or a recording of such only.

    Parameters
    ----------
    recording
        Whose signals.
    names
        Those that are asked for; ones that are not there are for others to refuse. None: all that can be.

    Raises
    ------
    SelectionError
        One of them counts frames or buffers; or nothing else is there.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing.miniscope.scenarios.cards import card_304px
    >>> recording = xjls.open_recording(card_304px(tempfile.mkdtemp()).path, format="miniscope")
    >>> try:
    ...     require_in_time(recording, ["time"])
    ... except SelectionError as error:
    ...     print(error.problem)
    'time' has a sample a frame, and none at a steady rate
    """
    signals = recording.signals
    if names is not None:
        for signal in (signals[name] for name in names if name in signals):
            if signal.axis:
                raise SelectionError(f"{signal.name!r} has a sample a {signal.axis}, and none at a steady rate", REMEDY)
        return
    axes = dict.fromkeys(signal.axis for signal in signals.values() if signal.axis)
    if axes and not any(signal.is_series for signal in signals.values()):
        raise SelectionError(
            f"signals of {recording.path} count {' and '.join(f'{axis}s' for axis in axes)}: none is a series in time",
            REMEDY,
        )
