"""One emulated JS110: requests and answers, and a stream of packets whose every sample is known by its id."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from struct import Struct
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from usb.core import USBError, USBTimeoutError

from xjls.capturing.timing import SystemTiming
from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.processor import RawProcessor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.timing import Timing

    Words = Callable[[int, int], NDArray[np.uint16]]

RATE_HZ = 2_000_000
SAMPLES = 126
PACKET_BYTES = 512
PERIOD = SAMPLES << 12
"""Samples after which the words repeat."""
WINDOW = 20_000
"""Samples that the statistics of a status are of."""
CALIBRATION = Calibration(
    current_offset=(-2807.1, -2810.2, -2811.9, -2813.3, -2823.8, -2815.5, -2817.25),
    current_gain=(6.829e-4, 1.6375e-4, 1.4626e-5, 1.49376e-6, 1.49705e-7, 1.49839e-8, 1.49845e-9),
    voltage_offset=(-1150.6, -2041.7), voltage_gain=(9.468e-4, 2.934e-4), serial_number="a5" * 16,
)  # fmt: skip
_SETTINGS = bytes.fromhex("0110010000000000 0180c00000000000")
_EXTIO = bytes.fromhex("0118030000000000 0000000000000000 00000000 e40c0000")
_STATUS = Struct("<BBBxI iII4B qqqq iii iii iii ii i")
_STALE = 50_000
"""Number of the first packet that another program has not read."""
_ENDS = ("halt", "stall", "mute", "unplug")


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that happens to a packet, by its number from the start of the stream."""

    kind: str
    """``"lose"`` so many packets; another ``"status"``, ``"length"`` or ``"type"`` of this one; from here on the
    ``"voltage"`` range 0 or 1; ``"halt"`` the endpoint; ``"stall"`` for so many seconds; be ``"mute"``; ``"unplug"``.
    """
    at: int
    value: float = 0


@cache
def _one_period() -> NDArray[np.uint16]:
    i = np.arange(PERIOD)
    ranges = np.where(i % 50_000 < 5_000, 4, 3)
    current = 2_000 + i * 13 % 12_000
    voltage = 5_000 + i % 1_000
    words = np.empty((PERIOD, 2), np.uint16)
    words[:, 0] = current << 2 | ranges & 3
    words[:, 1] = voltage << 2 | (i & 1) << 1 | ranges >> 2
    words.flags.writeable = False
    return words


def words_at(start: int, stop: int) -> NDArray[np.uint16]:
    """Return the words of samples [start, stop), u16[time, 2].

    Examples
    --------
    >>> words_at(PERIOD - 1, PERIOD + 1) >> 2
    array([[3235, 5095],
           [2000, 5000]], dtype=uint16)
    """
    return np.take(_one_period(), np.arange(start, stop), axis=0, mode="wrap")


class EmulatedJs110:
    """An instrument, as far as a program can tell.

    Parameters
    ----------
    serial
        What is printed on it.
    speed
        Seconds of samples a second; None for as fast as they are read.
    mishaps
        What goes wrong.
    calibration, factory
        Both calibrations that it has: their bytes.
    busy_polls
        How often settings are still under way when it is asked.
    result
        What becomes of settings.
    left_over
        Packets that another program did not read.
    refuses
        Requests that its firmware does not know.
    old_info
        Whether a header comes before what it says of itself.
    timing
        Clocks.
    words
        What it measures.
    """

    def __init__(
        self, serial: str = "000123", *, speed: float | None = 1, mishaps: Iterable[Mishap] = (),
        calibration: bytes | None = None, factory: bytes | None = None, busy_polls: int = 3, result: int = 0,
        left_over: int = 0, refuses: Iterable[int] = (), old_info: bool = False, timing: Timing | None = None,
        words: Words = words_at,
    ) -> None:  # fmt: skip
        self.serial = serial
        self.settings, self.extio = _SETTINGS, _EXTIO
        """As they are in force."""
        self.received: list[tuple[int, bytes]] = []
        """Requests that brought data, in order."""
        self.is_plugged_in = True
        self._calibrations = (
            CALIBRATION.encode() if factory is None else factory,
            CALIBRATION.encode() if calibration is None else calibration,
        )
        self._speed = speed
        self._mishaps = tuple(mishaps)
        self._busy_polls, self._busy = busy_polls, 0
        self._result = result
        self._refuses = frozenset(refuses)
        self._old_info = old_info
        self._timing = timing or SystemTiming()
        self._words = words
        self._loopback = b""
        self._next = self._limit = 0
        self._left_over = left_over
        self._begun_s = self._silent_until_s = 0.0
        self._done: set[Mishap] = set()
        self._halted = False

    # -- requests ----------------------------------------------------------------------------------------------------

    def control_in(self, request: int, value: int, index: int, length: int) -> bytes:
        """Return the answer to a vendor request."""
        self._check()
        answers: dict[int, Callable[[], bytes]] = {
            1: lambda: self._loopback[:2], 2: lambda: self._loopback, 3: lambda: self.settings, 4: self._status,
            7: lambda: bytes.fromhex(CALIBRATION.serial_number), 8: lambda: self._calibrations[value & 1][index:],
            9: lambda: self.extio, 10: self._info,
        }  # fmt: skip
        if request not in answers or request in self._refuses:
            raise _stalled()
        return answers[request]()[:length]

    def control_out(self, request: int, value: int, data: bytes) -> None:
        """Do what a vendor request says."""
        self._check()
        if request in self._refuses:
            raise _stalled()
        self.received.append((request, data))
        if request == 3 and len(data) == 16:
            self._set(data)
        elif request == 9 and len(data) == 24:
            self.extio = data[:15] + self.extio[15:16] + data[16:]
        elif request in (1, 2):
            self._loopback = value.to_bytes(2, "little") if request == 1 else data[:132]
        else:
            raise _stalled()

    def _set(self, data: bytes) -> None:
        was, now = self.settings[12] & 3 == 3, data[12] & 3 == 3
        self.settings = data
        self._busy = self._busy_polls
        if now and not was:
            self._next, self._limit, self._begun_s = 0, 1 << 62, self._timing.elapsed_s()
            self._done, self._halted = set(), False
        elif was and not now:
            self._limit = self._next if self._speed is None else self._due()

    def _status(self) -> bytes:
        result = 19 if self._busy else self._result
        self._busy -= self._busy > 0
        return _STATUS.pack(1, _STATUS.size, 2, 0, result, self._next, 0, 0, *self.settings[9:12], *self._statistics())

    def _statistics(self) -> tuple[int, ...]:
        """Return what the instrument has worked out of the last samples, in its own fixed point."""
        total = self._next * SAMPLES if self.settings[12] else 0
        n = min(total, WINDOW)
        if not n:
            return (total, 0, 0, 0, 0, WINDOW, RATE_HZ, *[0] * 9)
        block = RawProcessor(CALIBRATION, suppression="off").process(self._words(total - n, total))
        numbers: list[int] = []
        for values, scale in ((block.current, 27), (block.voltage, 17), (block.power, 21)):
            numbers += [round(float(f(values)) * 2**scale) for f in (np.mean, np.min, np.max)]
        power = round(float(block.power.mean()) * 2**34)
        seconds = total / RATE_HZ
        charge, energy = round(numbers[0] * seconds), round(float(block.power.mean()) * seconds * 2**27)
        return (total, power, charge, energy, n, WINDOW, RATE_HZ, *numbers[:6], *numbers[7:], 0)

    def _info(self) -> bytes:
        text = json.dumps({"type": "info", "ctl": {"fw": {"ver": "1.3.2"}, "hw": {"sn_mfg": self.serial}}}).encode()
        return bytes((1, 8 + len(text) & 0xFF, 4, 0, 0, 0, 0, 0)) + text if self._old_info else text

    # -- the stream --------------------------------------------------------------------------------------------------

    def read(self, out: NDArray[np.uint8], timeout_ms: int) -> int:
        """Fill bytes with packets; return how many bytes came before the time was over.

        What came before an error is there as well, as with libusb.
        """
        self._check()
        if self._halted:
            raise _stalled()
        wanted, end = len(out) // PACKET_BYTES, self._end()
        if self._left_over:
            return self._stale(out, wanted)
        until_s = self._timing.elapsed_s() + timeout_ms / 1000
        numbers = self._numbers(wanted, self._limit if end is None else end.at, until_s)
        out[: len(numbers) * PACKET_BYTES] = self._packets(numbers).view(np.uint8).reshape(-1)
        if end is not None and self._next == end.at and len(numbers) < wanted:
            self._happen(end)
        if not len(numbers):
            self._pass_until(until_s)
            raise USBTimeoutError("nothing came in time", -7, errno.ETIMEDOUT)
        return len(numbers) * PACKET_BYTES

    def _stale(self, out: NDArray[np.uint8], wanted: int) -> int:
        """Fill bytes with what another program has not read."""
        numbers = np.arange(_STALE, _STALE + min(self._left_over, wanted))
        self._left_over -= len(numbers)
        out[: len(numbers) * PACKET_BYTES] = self._packets(numbers).view(np.uint8).reshape(-1)
        return len(numbers) * PACKET_BYTES

    def clear_halt(self) -> None:
        """Let the endpoint go on."""
        self._check()
        self._halted = False

    def _numbers(self, wanted: int, limit: int, until_s: float) -> NDArray[np.int64]:
        """Return the numbers of the next packets that come, below a limit, before the time is over."""
        self._pass_until(min(self._silent_until_s, until_s))
        while self._timing.elapsed_s() >= self._silent_until_s:
            count = min(self._wait(wanted, until_s), limit - self._next)
            numbers = np.arange(self._next, self._next + count)
            self._next += count
            if len(kept := numbers[~self._lost(numbers)]) or not count:
                return kept
        return np.arange(0)

    def _wait(self, wanted: int, until_s: float) -> int:
        """Wait until so many packets are there, or until the time is over; return how many are."""
        there = min(wanted, self._limit - self._next)
        if self._speed is None or self._limit < 1 << 62:
            return there
        full_s = self._begun_s + (self._next + there) * SAMPLES / (RATE_HZ * self._speed)
        self._pass_until(min(full_s, until_s))
        return min(there, max(self._due() - self._next, 0))

    def _due(self) -> int:
        """Return how many packets were measured by now."""
        samples = (self._timing.elapsed_s() - self._begun_s) * RATE_HZ * (self._speed or 0)
        return int(samples / SAMPLES + 1e-6)

    def _end(self) -> Mishap | None:
        """Return what ends the packets for the time being."""
        ends = [m for m in self._mishaps if m.kind in _ENDS and m.at >= self._next and m not in self._done]
        return min(ends, key=lambda mishap: mishap.at, default=None)

    def _happen(self, mishap: Mishap) -> None:
        if mishap.kind == "unplug":
            self.is_plugged_in = False
            self._check()
        if mishap.kind == "halt":
            self._done.add(mishap)
            self._halted = True
            raise _stalled()
        if mishap.kind == "stall":
            self._done.add(mishap)
            self._silent_until_s = self._timing.elapsed_s() + mishap.value
            self._begun_s += mishap.value

    def _lost(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        lost = np.zeros(len(numbers), np.bool_)
        for mishap in self._mishaps:
            if mishap.kind == "lose":
                lost |= (numbers >= mishap.at) & (numbers < mishap.at + mishap.value)
        return lost

    def _packets(self, numbers: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Return packets, u16[packet, 256]."""
        found = np.zeros((len(numbers), PACKET_BYTES // 2), np.uint16)
        if not len(numbers):
            return found
        words = self._words(int(numbers[0]) * SAMPLES, (int(numbers[-1]) + 1) * SAMPLES)
        found[:, 0], found[:, 1], found[:, 2] = 1, PACKET_BYTES, numbers & 0xFFFF
        found[:, 4:] = words.reshape(-1, 2 * SAMPLES)[numbers - numbers[0]]
        low = np.full(len(numbers), self.settings[11] >> 1 & 1)
        for mishap in self._mishaps:
            row, value = numbers == mishap.at, int(mishap.value)
            if mishap.kind == "status":
                found[row, 0] |= value << 8
            elif mishap.kind == "type":
                found[row, 0] = found[row, 0] & 0xFF00 | value
            elif mishap.kind == "length":
                found[row, 1] = value
            elif mishap.kind == "voltage":
                low[numbers >= mishap.at] = value
        found[:, 1] |= (low << 15).astype(np.uint16)
        return found

    def _check(self) -> None:
        if not self.is_plugged_in:
            raise USBError("No such device (it may have been disconnected)", -4, errno.ENODEV)

    def _pass_until(self, until_s: float) -> None:
        if (left := until_s - self._timing.elapsed_s()) > 0:
            self._timing.wait(Event(), left)


def _stalled() -> USBError:
    return USBError("Pipe error", -9, errno.EPIPE)
