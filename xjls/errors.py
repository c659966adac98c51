"""What can go wrong, and what to do about it.

Constructors take facts and build the sentence: what is wrong, where, so what, what now. All facts go to
``Exception.__init__`` as arguments, so that an error crosses to and from worker processes and keeps them as attributes.
"""

from __future__ import annotations

__all__ = [
    "CaptureError",
    "CorruptError",
    "DamageWarning",
    "DeviceError",
    "FormatError",
    "LostSamplesError",
    "MissingDependencyError",
    "NotRecognizedError",
    "SelectionError",
    "SinkError",
    "TruncatedError",
    "UnsupportedError",
    "XjlsError",
]


class XjlsError(Exception):
    """Base of all errors that xjls raises on purpose."""


class FormatError(XjlsError, ValueError):
    """A recording's bytes are not what its format says.

    Parameters
    ----------
    problem
        What is wrong: found and expected.
    path
        The recording; ``""`` when bytes in memory were decoded.
    offset
        Byte offset in the recording; ``-1`` when the problem has no single place.
    remedy
        What to do now, as a full sentence; ``""`` when there is nothing to do.

    Examples
    --------
    >>> print(FormatError("the moon is wrong", "run.jls", 81920, "Look again."))
    the moon is wrong at byte 81_920 of run.jls. Look again.
    """

    def __init__(self, problem: str, path: str = "", offset: int = -1, remedy: str = "") -> None:
        super().__init__(problem, path, offset, remedy)
        self.problem = problem
        self.path = path
        self.offset = offset
        self.remedy = remedy

    def __str__(self) -> str:
        place = f" at byte {self.offset:_}" if self.offset >= 0 else ""
        if self.path:
            place += f" of {self.path}" if place else f": {self.path}"
        return f"{self.problem}{place}." + (f" {self.remedy}" if self.remedy else "")


class NotRecognizedError(FormatError):
    """No format claims these bytes; the message lists what was tried."""


class UnsupportedError(FormatError):
    """A valid recording that uses a version or a feature that xjls does not read."""


class TruncatedError(FormatError):
    """The recording ends inside a record."""


class CorruptError(FormatError):
    """A checksum or a link of the recording disagrees with its bytes."""


class LostSamplesError(FormatError):
    """Samples that were asked for were counted but never stored, or were left out when the recording was written."""


class SelectionError(XjlsError, LookupError):
    """There is no such signal, level or time; the message lists what there is.

    Examples
    --------
    >>> print(SelectionError("no signal 'curent'", "Signals: current, voltage."))
    no signal 'curent'. Signals: current, voltage.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}." + (f" {self.remedy}" if self.remedy else "")


class CaptureError(XjlsError, RuntimeError):
    """A capture could not go on; what was written until then stays.

    Parameters
    ----------
    problem
        What is wrong: found and expected.
    where
        The device, by its address, or the recording; ``""`` when it is neither.
    remedy
        What to do now, as a full sentence; ``""`` when there is nothing to do.

    Examples
    --------
    >>> print(CaptureError("nothing was delivered for 5 s", "js110:000123", "Is the cable plugged in?"))
    nothing was delivered for 5 s: js110:000123. Is the cable plugged in?
    """

    def __init__(self, problem: str, where: str = "", remedy: str = "") -> None:
        super().__init__(problem, where, remedy)
        self.problem = problem
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f": {self.where}" if self.where else ""
        return f"{self.problem}{place}." + (f" {self.remedy}" if self.remedy else "")


class DeviceError(CaptureError, OSError):
    """A device is not there, refuses what it was told, or has stopped to answer."""


class SinkError(CaptureError, OSError):
    """What a capture writes to takes nothing any more."""


class DamageWarning(UserWarning):
    """Something beside a recording is damaged and was left out; the recording itself is read."""


class MissingDependencyError(XjlsError, ImportError):
    """A package that an optional part of xjls needs is not installed.

    Examples
    --------
    >>> print(MissingDependencyError("matplotlib", "plot"))
    matplotlib is not installed. Install it with: pip install "xjls[plot]"
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(package, extra)
        self.package = package
        self.extra = extra

    def __str__(self) -> str:
        return f'{self.package} is not installed. Install it with: pip install "xjls[{self.extra}]"'
