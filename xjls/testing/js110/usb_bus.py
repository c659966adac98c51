"""What pyusb takes for a bus: emulated instruments behind its backend interface."""
# ruff: noqa: ARG002, D102, N803 - methods and their arguments are pyusb's

from __future__ import annotations

import errno
from array import array
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from usb.backend import IBackend
from usb.core import USBError

if TYPE_CHECKING:
    from xjls.testing.js110.instrument import EmulatedJs110

_DEVICE: dict[str, Any] = {
    "bLength": 18, "bDescriptorType": 1, "bcdUSB": 0x0200, "bDeviceClass": 0xFF, "bDeviceSubClass": 0,
    "bDeviceProtocol": 0, "bMaxPacketSize0": 64, "idVendor": 0x16D0, "idProduct": 0x0E88, "bcdDevice": 0x0100,
    "iManufacturer": 1, "iProduct": 2, "iSerialNumber": 3, "bNumConfigurations": 1, "port_number": None,
    "port_numbers": None, "speed": 3,
}  # fmt: skip
_CONFIGURATION: dict[str, Any] = {
    "bLength": 9, "bDescriptorType": 2, "wTotalLength": 25, "bNumInterfaces": 1, "bConfigurationValue": 1,
    "iConfiguration": 0, "bmAttributes": 0x80, "bMaxPower": 250, "extra_descriptors": [],
}  # fmt: skip
_INTERFACE: dict[str, Any] = {
    "bLength": 9, "bDescriptorType": 4, "bInterfaceNumber": 0, "bAlternateSetting": 0, "bNumEndpoints": 1,
    "bInterfaceClass": 0xFF, "bInterfaceSubClass": 0, "bInterfaceProtocol": 0, "iInterface": 0, "extra_descriptors": [],
}  # fmt: skip
_ENDPOINT: dict[str, Any] = {
    "bLength": 7, "bDescriptorType": 5, "bEndpointAddress": 0x82, "bmAttributes": 2, "wMaxPacketSize": 512,
    "bInterval": 0, "bRefresh": 0, "bSynchAddress": 0, "extra_descriptors": [],
}  # fmt: skip
_VENDOR_REQUEST = 0x40


class EmulatedBus(IBackend):  # type: ignore[misc]  # pyusb has no types
    """A bus, as ``usb.core.find(backend=…)`` takes it.

    Parameters
    ----------
    instruments
        What is plugged in.
    denied, busy
        Whether this user may not reach them, or another program has them.

    Examples
    --------
    >>> import usb.core
    >>> from xjls.testing.js110 import EmulatedJs110
    >>> usb.core.find(idVendor=0x16D0, backend=EmulatedBus([EmulatedJs110("000123")])).serial_number
    '000123'
    """

    def __init__(self, instruments: Sequence[EmulatedJs110], *, denied: bool = False, busy: bool = False) -> None:
        super().__init__()
        self.instruments = tuple(instruments)
        self.opened = 0
        """Handles that are open."""
        self._denied = denied
        self._busy = busy
        self._configurations = dict.fromkeys(range(len(self.instruments)), 0)

    def enumerate_devices(self) -> Iterator[int]:
        return iter(i for i, instrument in enumerate(self.instruments) if instrument.is_plugged_in)

    def get_parent(self, dev: int) -> None:
        return None

    def get_device_descriptor(self, dev: int) -> SimpleNamespace:
        return SimpleNamespace(**_DEVICE, bus=1, address=dev + 1)

    def get_configuration_descriptor(self, dev: int, config: int) -> SimpleNamespace:
        return _only(_CONFIGURATION, config)

    def get_interface_descriptor(self, dev: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        return _only(_INTERFACE, intf, alt, config)

    def get_endpoint_descriptor(self, dev: int, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        return _only(_ENDPOINT, ep, intf, alt, config)

    def open_device(self, dev: int) -> int:
        if self._denied:
            raise USBError("Access denied (insufficient permissions)", -3, errno.EACCES)
        self.opened += 1
        return dev

    def close_device(self, dev_handle: int) -> None:
        self.opened -= 1

    def set_configuration(self, dev_handle: int, config_value: int) -> None:
        self._configurations[dev_handle] = config_value

    def get_configuration(self, dev_handle: int) -> int:
        return self._configurations[dev_handle]

    def set_interface_altsetting(self, dev_handle: int, intf: int, altsetting: int) -> None: ...

    def claim_interface(self, dev_handle: int, intf: int) -> None:
        if self._busy:
            raise USBError("Resource busy", -6, errno.EBUSY)

    def release_interface(self, dev_handle: int, intf: int) -> None: ...

    def is_kernel_driver_active(self, dev_handle: int, intf: int) -> bool:
        return False

    def clear_halt(self, dev_handle: int, ep: int) -> None:
        self.instruments[dev_handle].clear_halt()

    def ctrl_transfer(
        self, dev_handle: int, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, data: array[int],
        timeout: int,
    ) -> int:  # fmt: skip
        instrument = self.instruments[dev_handle]
        if not bmRequestType & 0x80:
            instrument.control_out(bRequest, wValue, data.tobytes())
            return len(data)
        if bmRequestType & _VENDOR_REQUEST:
            answer = instrument.control_in(bRequest, wValue, wIndex, len(data))
        else:
            answer = _string(wValue & 0xFF, instrument.serial)[: len(data)]
        data[: len(answer)] = array("B", answer)
        return len(answer)

    def bulk_read(self, dev_handle: int, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        return self.instruments[dev_handle].read(np.frombuffer(buff, np.uint8), timeout)


def _only(facts: dict[str, Any], *indexes: int) -> SimpleNamespace:
    if any(indexes):
        raise IndexError("there is one of each")
    return SimpleNamespace(**facts)


def _string(index: int, serial: str) -> bytes:
    """Return a string descriptor: of the languages, manufacturer, product, or serial number."""
    body = b"\x09\x04" if not index else ("", "Jetperch LLC", "Joulescope", serial)[index].encode("utf-16-le")
    return bytes((2 + len(body), 3)) + body
