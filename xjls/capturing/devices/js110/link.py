"""What reaches a JS110: pyusb, and errors of USB in words that help."""

from __future__ import annotations

import contextlib
import errno
from array import array
from typing import Any

import usb.core
import usb.util

from xjls.capturing.devices.js110.wire import ENDPOINT, PRODUCT_ID, VENDOR_ID, Request
from xjls.errors import DeviceError

backend: Any = None
"""The ``usb.backend.IBackend`` that is used; None for what pyusb finds. An emulated instrument takes this place."""
RULE = 'SUBSYSTEM=="usb", ATTR{idVendor}=="16d0", ATTR{idProduct}=="0e88", TAG+="uaccess"'
"""The udev rule that lets whoever sits at the machine reach the instrument."""
CONTROL_MS = 1000
_NO_LIBRARY = (
    "Install it: apt install libusb-1.0-0 on Debian and Ubuntu, brew install libusb on macOS; on Windows let Zadig "
    "give the instrument the driver WinUSB."
)
_REMEDIES = {
    errno.EACCES: (
        "this user may not reach it",
        f"Put {RULE} into /etc/udev/rules.d/72-joulescope.rules, run udevadm control --reload, and plug it in again.",
    ),
    errno.EBUSY: ("another program uses it", "End that program: the Joulescope UI, or another capture."),
    errno.ENODEV: ("it was unplugged", "Plug it in again."),
    errno.EPIPE: ("it refuses", "Plug it in again, and update its firmware if that does not help."),
}
_OUT, _IN = 0x40, 0xC0


def find() -> tuple[Any, ...]:
    """Return all instruments that are plugged in, as pyusb knows them.

    Raises
    ------
    DeviceError
        There is no libusb.
    """
    try:
        return tuple(usb.core.find(find_all=True, backend=backend, idVendor=VENDOR_ID, idProduct=PRODUCT_ID))
    except usb.core.NoBackendError:
        raise DeviceError("libusb, which reaches instruments, is not installed", "js110", _NO_LIBRARY) from None
    except usb.core.USBError as error:
        raise explained(error, "USB could not be searched", "js110") from error


def serial_of(device: Any) -> str | None:
    """Return the serial number that is printed on an instrument; None where this user may not ask for it."""
    try:
        return str(device.serial_number or "")
    except (usb.core.USBError, ValueError):  # the latter where no string can be read at all
        return None
    finally:
        with contextlib.suppress(usb.core.USBError):
            usb.util.dispose_resources(device)


def explained(error: usb.core.USBError, problem: str, where: str) -> DeviceError:
    """Return an error of USB as what it means, and what to do now."""
    why, remedy = _REMEDIES.get(error.errno, (str(error.strerror or error), "Plug it in again."))
    return DeviceError(f"{problem}: {why}", where, remedy)


class Link:
    """One instrument, for one program: requests and answers, and the bytes that it streams.

    Parameters
    ----------
    device
        As `find` has it.
    where
        Its address, for messages.
    """

    def __init__(self, device: Any, where: str) -> None:
        self._device = device
        self.where = where
        try:
            self._open()
        except usb.core.USBError as error:
            self.close()
            raise explained(error, "the instrument cannot be opened", where) from error

    def _open(self) -> None:
        device = self._device
        with contextlib.suppress(NotImplementedError):  # of systems without kernel drivers to detach
            if device.is_kernel_driver_active(0):
                device.detach_kernel_driver(0)
        if not _is_configured(device):
            device.set_configuration(1)
        usb.util.claim_interface(device, 0)

    def ask(self, request: Request, length: int, *, value: int = 0, index: int = 0) -> bytes | None:
        """Return the answer to a request, of so many bytes at most; None where the instrument knows no such request."""
        try:
            return bytes(self._device.ctrl_transfer(_IN, request, value, index, length, CONTROL_MS))
        except usb.core.USBError as error:
            if error.errno == errno.EPIPE:
                return None
            raise explained(error, f"request {request.name} has no answer", self.where) from error

    def tell(self, request: Request, data: bytes) -> None:
        """Send a request with data."""
        try:
            self._device.ctrl_transfer(_OUT, request, 0, 0, data, CONTROL_MS)
        except usb.core.USBError as error:
            raise explained(error, f"request {request.name} cannot be sent", self.where) from error

    def read(self, buffer: array[int], timeout_ms: int) -> int:
        """Read what is streamed into a buffer; return how many bytes. Raises what pyusb raises."""
        return int(self._device.read(ENDPOINT, buffer, timeout_ms))

    def resume(self) -> None:
        """Let the stream go on after the endpoint was halted. Raises what pyusb raises."""
        self._device.clear_halt(ENDPOINT)

    def close(self) -> None:
        """Give it back; twice is harmless."""
        with contextlib.suppress(usb.core.USBError):
            usb.util.dispose_resources(self._device)


def _is_configured(device: Any) -> bool:
    """Whether configuration 1 is in force: setting it again would reset the instrument."""
    try:
        return int(device.get_active_configuration().bConfigurationValue) == 1
    except usb.core.USBError as error:
        if error.errno is not None:
            raise
        return False  # pyusb says so by an error of its own
