"""Packets of a JS110 to samples in an outlet: `Stream`.

What is missing is told by the numbers of the packets alone, never by time. Time only tells when these cannot be
trusted: then the stream ends.
"""

from __future__ import annotations

import errno
import logging
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import usb.core

from xjls.capturing.device import STOPPED, UNPLUGGED
from xjls.capturing.devices.js110.packets import Packets
from xjls.capturing.devices.js110.wire import PACKET_BYTES, PACKET_SAMPLES
from xjls.capturing.timing import Arrivals
from xjls.formats.jls1.processor import RawProcessor
from xjls.model.annotation import text_at
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xjls.capturing.device import Outlet
    from xjls.capturing.devices.js110.link import Link
    from xjls.capturing.devices.js110.packets import Run
    from xjls.capturing.timing import Timing
    from xjls.formats.jls1.calibration import Calibration
    from xjls.formats.jls1.processor import Block
    from xjls.formats.jls1.suppression import Suppression
    from xjls.model.annotation import Tie
    from xjls.model.signal import Signal

RATE_HZ = 2_000_000
BUFFER_PACKETS = 512
"""Of one read: 262,144 bytes, 32 ms."""
READ_MS = 80
REST_MS = 20
"""How long to wait for what is left when it streams no more."""
RETRY_S = 0.01
SILENT_S = 1.0
"""After so long without a packet it has stopped."""
BLIND_S = 4.0
"""After so long without a read the packets' numbers may have begun anew: they do every 4.13 s."""
SLACK_S = 1.0
"""Of samples that may have waited in buffers, longer than the last read is ago."""
MOST_LEFT = 64
"""Reads of what is left over when nothing streams any more."""
LOST, BAD = "packets lost on USB", "bad packets on USB"
SILENT = "it stopped sending"
BLIND = "it was not read for 4 s or more: how many samples were lost cannot be told"
JUMPED = "its packets are numbered as if more were lost than there was time for"
ODD_STATUS = "packets have a status other than 0; what it means is not known"
REPEATED_TOGGLE = "a sample is missing inside a packet: those that follow are later than their ids say"
_FIELDS = {"gpi[0]": "gpi0", "gpi[1]": "gpi1"}

log = logging.getLogger(__name__)


class Stream:
    """Read packets and deliver their samples, from one thread.

    Parameters
    ----------
    link
        The instrument.
    calibration, suppression
        See `RawProcessor`.
    signals
        What is delivered.
    outlet
        Where to.
    timing
        Clocks.
    """

    def __init__(
        self, link: Link, calibration: Calibration, suppression: Suppression, signals: Sequence[Signal],
        outlet: Outlet, timing: Timing,
    ) -> None:  # fmt: skip
        self._link = link
        self._fields = {signal.name: _FIELDS.get(signal.name, signal.name) for signal in signals}
        self._outlet = outlet
        self._timing = timing
        self._packets = Packets(BUFFER_PACKETS)
        self._processor = _warm(RawProcessor(calibration, suppression=suppression))
        self._arrivals = Arrivals(Fraction(RATE_HZ))
        self._told: set[str] = set()
        self.has_begun = False
        """Whether there was a packet with samples."""
        self._read_s = self._heard_s = timing.elapsed_s()
        self._silent_s = 0.0
        """How long nothing came while somebody was listening."""

    def drop_stale(self) -> None:
        """Read away what another program has left behind."""
        for _ in range(MOST_LEFT):
            count, error = self._read(REST_MS)
            if not count or error:
                break

    def run(self, stop: Event) -> str:
        """Deliver until it is told to stop, or until the stream ends; return why."""
        self._read_s = self._heard_s = self._timing.elapsed_s()
        while not stop.is_set():
            if reason := self._step(READ_MS):
                return reason
        return STOPPED

    def take_rest(self) -> None:
        """Deliver what is left when it streams no more."""
        for _ in range(MOST_LEFT):
            if self._step(REST_MS) or self._silent_s:
                break

    def finish(self) -> None:
        """Deliver what was held back, and the last tie."""
        self._deliver(self._processor.finish())
        self._tie(self._arrivals.last())

    # -- reading -----------------------------------------------------------------------------------------------------

    def _step(self, timeout_ms: int) -> str:
        """Read once; return why the stream ends, or nothing."""
        begun_s, before_s = self._timing.elapsed_s(), self._read_s
        count, error = self._read(timeout_ms)
        if self.has_begun and self._read_s - before_s >= BLIND_S:
            return BLIND
        if count and (reason := self._take(count)):
            return reason
        if error is not None and not self._recovers(error):
            return UNPLUGGED
        self._silent_s = 0.0 if count else self._silent_s + self._timing.elapsed_s() - begun_s
        return SILENT if self._silent_s > SILENT_S else ""

    def _read(self, timeout_ms: int) -> tuple[int, usb.core.USBError | None]:
        """Read once; return how many whole packets came, and what went wrong after them."""
        error = None
        self._packets.clear()
        try:
            count = self._link.read(self._packets.buffer, timeout_ms) // PACKET_BYTES
        except usb.core.USBTimeoutError:
            count = 0
        except usb.core.USBError as caught:
            count, error = self._packets.arrived(), caught
        self._read_s = self._timing.elapsed_s()
        return count, error

    def _recovers(self, error: usb.core.USBError) -> bool:
        """Do what lets the stream go on after an error; return whether the instrument is still there."""
        if error.errno != errno.ENODEV:
            log.warning("%s: %s", self._link.where, error)
            try:
                if error.errno == errno.EPIPE:
                    self._link.resume()
            except usb.core.USBError as worse:
                error = worse
        if error.errno == errno.ENODEV:
            return False
        self._timing.wait(Event(), RETRY_S)
        return True

    # -- delivering --------------------------------------------------------------------------------------------------

    def _take(self, count: int) -> str:
        """Deliver the packets of a read; return why the stream ends, or nothing."""
        now_ns, time_s = self._timing.now_ns(), self._read_s - self._heard_s + SLACK_S
        self._heard_s = self._read_s
        for run in self._packets.runs(count):
            if run.missing * PACKET_SAMPLES > time_s * RATE_HZ:
                return JUMPED
            self._take_run(run)
        if self.has_begun:
            self._tie(self._arrivals.arrived(self._processor.next_id, now_ns))
        return ""

    def _take_run(self, run: Run) -> None:
        if not self.has_begun:
            self.has_begun = True
            self._processor.reset(run.index * PACKET_SAMPLES)
        if run.missing:
            self._skip(run.missing * PACKET_SAMPLES, BAD if run.bad == run.missing else LOST)
        first_id, toggles = self._processor.next_id, self._processor.repeated_toggles
        block = self._processor.process(run.words.reshape(-1, 2), run.voltage_ranges)
        self._deliver(block)
        if run.statuses.any():
            self._tell(ODD_STATUS, first_id + PACKET_SAMPLES * int(run.statuses.argmax()))
        if self._processor.repeated_toggles > toggles:
            self._tell(REPEATED_TOGGLE, first_id)

    def _skip(self, samples: int, reason: str) -> None:
        start = self._processor.next_id
        self._deliver(self._processor.skip(samples))
        for name in self._fields:
            self._outlet.skip(name, Gap(Window(start, start + samples), reason, skipped=True))

    def _deliver(self, block: Block) -> None:
        if len(block):
            for name, field in self._fields.items():
                self._outlet.write(name, block.first_id, getattr(block, field))

    def _tie(self, tie: Tie | None) -> None:
        if tie is not None:
            for name in self._fields:
                self._outlet.tie(name, tie)

    def _tell(self, text: str, sample_id: int) -> None:
        """Annotate what happened, the first time that it does."""
        if text not in self._told:
            self._told.add(text)
            self._outlet.annotate(text_at(next(iter(self._fields)), sample_id, text))


def _warm(processor: RawProcessor) -> RawProcessor:
    """Have a processor compiled, or loaded, before the first packet comes: that may take seconds."""
    processor.process(np.zeros((1, 2), np.uint16))
    processor.reset()
    return processor
