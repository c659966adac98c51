"""What hardware is to a session: the seam between a device, which delivers blocks, and whatever takes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fractions import Fraction
    from threading import Event

    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Json, Tie
    from xjls.model.signal import Signal, Source
    from xjls.model.window import Gap, Window


_log = logging.getLogger(__name__)

STOPPED = "it was stopped"
UNPLUGGED = "it was unplugged"
"""Why a device ends, where it does for a reason that every one may have; see `Device.run`."""


class Outlet(Protocol):
    """Where a device puts what it has: called from any thread, by one at a time. No call ever waits for a disk.

    Where samples are lost if they are not taken at once, no call waits at all. What is not taken becomes a gap.
    """

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Deliver consecutive samples of a signal, shape ``(time, *sample_shape)``, in its ``dtype`` and unscaled.

        They are copied. Sample ids rise by one a sample, on the signal's own grid. Where ``first_id`` is beyond the
        next one, what is between is a gap. Samples that were delivered before are left out.

        Signals of one axis have the same ids for what belongs together. Of two axes the order of calls is all that
        tells: what is known of the buffers of a frame comes before the frame, or no later than the next call of it.
        """
        ...

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that the device has lost, with the reason; they continue what was delivered."""
        ...

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken: of the first one before it is delivered, where the device can tell."""
        ...

    def over_range(self, name: str, window: Window) -> None:
        """Say that somewhere in a window, of samples that were just delivered, the input was beyond its range."""
        ...

    def annotate(self, note: Annotation) -> None:
        """Tell of something that happened."""
        ...


class Device(Protocol):
    """An instrument that is open and set up; made by the ``open_device`` of its module.

    What it says of itself holds from then on: `source`, `signals` and `settings` are constant.
    """

    source: Source
    """The instrument, as it says itself; its ``id`` is 1."""
    signals: tuple[Signal, ...]
    """What it delivers: number, name, units, dtype, stored type, exact rate, scale and offset; no windows."""
    settings: Mapping[str, Json]
    """What is in force, for the record, by the names of the module's ``SETTINGS``."""
    is_live: bool
    """Whether samples are lost that nobody takes in time. Others wait until they are taken."""

    def run(self, outlet: Outlet, stop: Event) -> str:
        """Deliver until ``stop`` is set, which is `STOPPED`, or there is no more: return why, as in `UNPLUGGED`.

        Called once, on a thread of its own; what was measured before ``stop`` is delivered before it returns, and the
        instrument no longer streams then. ``stop`` is looked at ten times a second at least.

        Raises
        ------
        DeviceError
            It cannot start, or refuses to go on: why, and what to do now. What ends a stream that was under way
            (unplugged, stalled) is returned rather than raised: what was delivered is a recording.
        """
        ...

    def close(self) -> None:
        """Give the instrument back, its inputs and outputs as they are; twice is harmless."""
        ...


def tallies_of(device: Device) -> dict[str, int]:
    """Return what a device counts that is no gap, and comes into recordings as numbers and words only.

    A device whose packets may come twice, or be broken, has a property ``tallies``: how often what happened so far that
    should not, by what it is called, as in ``{"missing buffers": 5, "duplicate buffers": 2}``. What is above 0 is told
    while it runs, and at the end; what is called ``missing …`` are parts that samples lack which are there, and keeps a
    capture from being whole. It is read from any thread.
    """
    try:
        return {str(name): int(count) for name, count in getattr(device, "tallies", {}).items()}
    except Exception:  # noqa: BLE001 - of a driver's code, asked while it runs: what it counts is worth no recording
        _log.exception("what the device counts is not known")
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that a device can be told."""

    name: str
    default: Json
    """In force where nothing is said."""
    meaning: str
    """In a few words, with units and choices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device that is there."""

    uri: str
    """What opens it."""
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a device is asked for when it is opened."""

    address: str = ""
    """Which one: a serial number, a path; ``""`` for the first that is found."""
    signals: Sequence[str] | None = None
    """Names of those wanted; None for those that the device delivers unasked."""
    rate_hz: Fraction | None = None
    """Samples a second wanted; None for what the device does unasked."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """All settings of the device, defaults where nothing was said: numbers where they look like such."""
