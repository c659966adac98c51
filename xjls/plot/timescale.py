"""The time axis: where its ticks stand, what they are called, and what is said once beside them.

Positions are float seconds from an origin of int nanoseconds, the first edge of the picture: a float holds nanoseconds
for a hundred days so, where matplotlib's dates, days since 1970, hold microseconds at best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from xjls.errors import SelectionError
from xjls.plot.engineering import numbers
from xjls.plot.trace import FIRST_SAMPLE

_S = 10**9
_MINUTE, _HOUR, _DAY = 60 * _S, 3600 * _S, 86_400 * _S
_STEPS: tuple[int, ...] = (
    *(m * 10**k for k in range(9) for m in (1, 2, 5)),
    *(m * unit for unit in (_S, _MINUTE) for m in (1, 2, 5, 10, 15, 30)),
    *(m * _HOUR for m in (1, 2, 3, 6, 12)),
    *(m * 10**k * _DAY for k in range(4) for m in (1, 2, 5)),
)
"""Distances of ticks that people count in, in ns."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FINE = {_S: "s", 10**6: "ms", 10**3: "µs", 1: "ns"}
_LONG_S = 600
"""Seconds are counted in h:mm:ss from here on."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeScale(Protocol):
    """What a time axis asks, for each draw: positions are seconds from the origin."""

    def ticks(self, low: float, high: float, most: int) -> list[float]:
        """Return the positions of at most so many ticks."""
        ...

    def labels(self, ticks: list[float], low: float) -> list[str]:
        """Return what stands at them; ``low`` is the axis' lower end."""
        ...

    def title(self, ticks: list[float], low: float, high: float) -> str:
        """Return what stands beside the axis."""
        ...


@dataclass(frozen=True, slots=True)
class ZonedTime:
    """Time of day in one zone; the date stands beside the axis, and at midnights.

    Examples
    --------
    >>> scale = ZonedTime(1_772_359_200_000_000_000, zone("UTC"))
    >>> ticks = scale.ticks(0, 40, most=5)
    >>> scale.labels(ticks, 0), scale.title(ticks, 0, 40)
    (['10:00:00', '10:00:10', '10:00:20', '10:00:30', '10:00:40'], 'time of day on 2026-03-01, UTC')
    >>> ticks = scale.ticks(0.001_234_5, 0.001_244_5, most=5)
    >>> scale.labels(ticks, 0.001_234_5), scale.title(ticks, 0.001_234_5, 0.001_244_5)
    (['236', '238', '240', '242', '244'], 'µs after 10:00:00.001 on 2026-03-01, UTC')
    """

    origin_ns: int
    """UTC of position 0."""
    tz: tzinfo | None
    """None is the zone of this computer."""

    def ticks(self, low: float, high: float, most: int) -> list[float]:
        """Return round times of day between two positions."""
        start, stop = self._ns(low), self._ns(high)
        step = _step(stop - start, most)
        if step < _HOUR:
            shift = self._shift_ns(start)
            found = range(-(-(start + shift) // step) * step - shift, stop + 1, step)
            return [(at - self.origin_ns) / 1e9 for at in found]
        walls = _walls(self._local(start), self._local(stop), step)
        times = sorted({at for wall in walls if start <= (at := self._utc_ns(wall)) <= stop})
        return [(at - self.origin_ns) / 1e9 for at in times]

    def labels(self, ticks: list[float], low: float) -> list[str]:
        """Return times of day; dates at midnight; below a millisecond what is beyond the time in the title."""
        times = [self._ns(tick) for tick in ticks]
        step = _smallest_step(times)
        if step < 10**6:
            unit, base = _fine_base(step, self._ns(low))
            return numbers([(at - base) / unit for at in times])
        return [self._label(at, step) for at in times]

    def title(self, ticks: list[float], low: float, high: float) -> str:
        """Return the date, once, and the zone."""
        start, stop = self._ns(low), self._ns(high)
        step = _smallest_step([self._ns(tick) for tick in ticks])
        first, last = self._local(start), self._local(stop - 1)
        zones = "/".join(dict.fromkeys((_zone_name(first), _zone_name(last))))
        if step < 10**6:
            unit, base = _fine_base(step, start)
            digits = 3 if unit == 10**3 else 6
            return f"{_FINE[unit]} after {self._clock(base, digits)} on {self._local(base):%Y-%m-%d}, {zones}"
        if first.date() == last.date():
            return f"time of day on {first:%Y-%m-%d}, {zones}"
        return f"time of day, {first:%Y-%m-%d} to {last:%Y-%m-%d}, {zones}"

    def _label(self, at: int, step: int) -> str:
        local = self._local(at)
        if step >= _HOUR and (local.hour, local.minute) == (0, 0):
            return f"{local.day} {_MONTHS[local.month - 1]}"
        if step % _MINUTE == 0:
            return f"{local:%H:%M}"
        return self._clock(at, 0 if step % _S == 0 else 1 if step % 10**8 == 0 else 2 if step % 10**7 == 0 else 3)

    def _clock(self, at: int, digits: int) -> str:
        fraction = f".{at % _S:09d}"[: digits + 1] if digits else ""
        return f"{self._local(at):%H:%M:%S}{fraction}"

    def _ns(self, position: float) -> int:
        return self.origin_ns + round(position * 1e9)

    def _local(self, at: int) -> datetime:
        return (_EPOCH + timedelta(seconds=at // _S, microseconds=at % _S // 1000)).astimezone(self.tz)

    def _shift_ns(self, at: int) -> int:
        shift = self._local(at).utcoffset()
        return round(shift.total_seconds()) * _S if shift else 0

    def _utc_ns(self, wall: datetime) -> int:
        """Return UTC of a time on the wall, where the zone's clocks are not changed twice a second."""
        return round(wall.replace(tzinfo=self.tz).timestamp()) * _S


@dataclass(frozen=True, slots=True)
class ElapsedTime:
    """Seconds since a moment, in s, ms, µs or ns; from ten minutes on in h:mm:ss.

    Examples
    --------
    >>> ElapsedTime(0).labels([0.0, 0.1, 0.2], 0), ElapsedTime(0).title([0.0, 0.1, 0.2], 0, 0.25)
    (['0', '100', '200'], 'time since the first sample (ms)')
    >>> ticks = ElapsedTime(1000).ticks(0.25, 0.250_01, most=2)
    >>> ElapsedTime(1000).labels(ticks, 0.25), ElapsedTime(1000).title(ticks, 0.25, 0.250_01)
    (['0', '5', '10'], 'µs after 1000.250 s since the first sample')
    """

    origin_s: float
    """Seconds of position 0."""
    since: str = FIRST_SAMPLE
    """What they count from."""

    def ticks(self, low: float, high: float, most: int) -> list[float]:
        """Return round numbers of seconds between two positions."""
        start, stop = self._ns(low), self._ns(high)
        step = _step(stop - start, most)
        if stop - start < _LONG_S * _S:  # decimal throughout: 15 s or 30 s are no round numbers here
            step = next(s for s in _decimal_steps() if s * most >= stop - start)
        return [(at - self._origin_ns) / 1e9 for at in range(-(-start // step) * step, stop + 1, step)]

    def labels(self, ticks: list[float], low: float) -> list[str]:
        """Return seconds, in the unit that the title says."""
        times = [self._ns(tick) for tick in ticks]
        step = _smallest_step(times)
        if _is_long(times, step):
            return [_hours(at, step) for at in times]
        unit, base = self._unit(times, step, low)
        return numbers([(at - base) / unit for at in times])

    def title(self, ticks: list[float], low: float, high: float) -> str:  # noqa: ARG002 - as the protocol has it
        """Return what is counted, in which unit."""
        times = [self._ns(tick) for tick in ticks]
        step = _smallest_step(times)
        if _is_long(times, step):
            return f"time since {self.since} ({'h:mm' if step % _MINUTE == 0 else 'h:mm:ss'})"
        unit, base = self._unit(times, step, low)
        if not base:
            return f"time since {self.since} ({_FINE[unit]})"
        digits = {10**6: 0, 10**3: 3, 1: 6}.get(unit, 0)
        return f"{_FINE[unit]} after {base / 1e9:.{digits}f} s since {self.since}"

    def _unit(self, times: list[int], step: int, low: float) -> tuple[int, int]:
        """Return the unit, and the time that counts as 0 where whole numbers would be too long."""
        largest = max(map(abs, times), default=0)
        if largest < step * 100_000:
            return next((unit for unit in _FINE if largest >= unit), 1), 0
        unit = next((unit for unit in _FINE if step >= unit), 1)
        return unit, self._ns(low) // (unit * 1000) * (unit * 1000)

    @property
    def _origin_ns(self) -> int:
        return round(self.origin_s * 1e9)

    def _ns(self, position: float) -> int:
        return self._origin_ns + round(position * 1e9)


def zone(name: str | tzinfo | None) -> tzinfo | None:
    """Return a time zone by name; None stands for the zone of this computer.

    Raises
    ------
    SelectionError
        There is none of that name.

    Examples
    --------
    >>> zone("UTC"), zone(None)
    (datetime.timezone.utc, None)
    """
    if not isinstance(name, str):
        return name
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SelectionError(f"no time zone {name!r}", 'Give a name such as "UTC" or "Europe/Zurich".') from None


def duration_text(seconds: float) -> str:
    """Return a length of time in at most two units.

    Examples
    --------
    >>> duration_text(5400), duration_text(0.25), duration_text(1e-5), duration_text(200_000)
    ('1 h 30 min', '250 ms', '10 µs', '2 d 7 h')
    """
    whole = round(seconds)
    if seconds < 60:
        unit = next((unit for unit in _FINE if seconds * 1.0000001e9 >= unit), 1)
        return f"{seconds * 1e9 / unit:.4g} {_FINE[unit]}"
    parts: list[str] = []
    for length, name in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, whole = divmod(whole, length)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
    return " ".join(part for part in parts[:2] if part)


def _step(span_ns: int, most: int) -> int:
    """Return the smallest distance that makes at most so many ticks."""
    return next((step for step in _STEPS if step * most >= span_ns), _STEPS[-1])


def _decimal_steps() -> list[int]:
    return [m * 10**k for k in range(13) for m in (1, 2, 5)]


def _smallest_step(times: list[int]) -> int:
    """Return the distance of ticks in ns; of one alone, the roundest number of ns that divides it."""
    if len(times) == 1:
        return math.gcd(times[0], _DAY)
    return max(1, min((b - a for a, b in pairwise(times)), default=_S))


def _fine_base(step: int, start: int) -> tuple[int, int]:
    """Return the unit of ticks below a millisecond apart, and the round time before them."""
    unit = 10**3 if step >= 10**3 else 1
    return unit, start // (unit * 1000) * (unit * 1000)


def _walls(first: datetime, last: datetime, step: int) -> list[datetime]:
    """Return the times on the wall that are multiples of hours or days, from before the first to the last."""
    midnight = datetime(first.year, first.month, first.day)  # noqa: DTZ001 - as it stands on the wall
    stop = last.replace(tzinfo=None) + timedelta(hours=1)
    days, hours = divmod(step // _HOUR, 24)
    if days:
        midnight -= timedelta(days=midnight.toordinal() % days)
    jump = timedelta(days=days, hours=hours)
    return [midnight + i * jump for i in range((stop - midnight) // jump + 1)]


def _zone_name(moment: datetime) -> str:
    name = moment.tzname() or "local time"
    return f"UTC{name}" if name[:1] in "+-" else name


def _is_long(times: list[int], step: int) -> bool:
    return step >= _S and max(map(abs, times), default=0) >= _LONG_S * _S


def _hours(at: int, step: int) -> str:
    sign, at = ("−" if at < 0 else ""), abs(at)
    text = f"{sign}{at // _HOUR}:{at // _MINUTE % 60:02d}"
    return text if step % _MINUTE == 0 else f"{text}:{at // _S % 60:02d}"
