"""What an address means, and what a miniscope can be told."""

from __future__ import annotations

import os
import re
import socket
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from xjls.capturing.device import Device, Found, Request, Setting
from xjls.capturing.devices.miniscope.scope import Miniscope
from xjls.capturing.devices.miniscope.sources import WAIT_S, FileBytes, PipeBytes, SerialBytes, SocketBytes
from xjls.errors import DeviceError, MissingDependencyError, SelectionError
from xjls.formats.miniscope.opening import OF_CONFIG
from xjls.model.amounts import seconds_of

if TYPE_CHECKING:
    from xjls.capturing.devices.miniscope.sources import ByteSource

__all__ = ["SETTINGS", "find_devices", "open_device", "open_source"]

_MEANINGS: Mapping[str, str] = {
    "frame_width": "pixels in a row", "frame_height": "rows of pixels", "pix_depth": "bits of a pixel",
    "packing": "bytes, msb, lsb, u16 or framed", "fs": "frames a second, as they should be",
    "preamble": "a number, or hexadecimal digits behind 0x",
    "header_len": "bits of a header, those of its preamble among them",
    "buffer_block_length": "blocks of a buffer", "block_size": "bytes of a block",
    "num_buffers": "buffers in the instrument's ring", "dummy_words": "words of 32 bits ahead of a preamble",
    "header_format": "what the words of a header mean: an id, or the path of a YAML file",
    "header_crc": "whether the header format is stream-crc", "adc_scale": "a mapping as mio's, for voltages",
}  # fmt: skip
SETTINGS = (
    Setting(name="config", default=None, meaning="how it sends: wireless-200px, or the path of a YAML file of mio"),
    *(
        Setting(name=name, default=None, meaning=_MEANINGS.get(name, "true or false") + "; the config's unless said")
        for name in OF_CONFIG
    ),
    Setting(name="baudrate", default=115_200, meaning="bits a second of a serial port; no matter over USB alone"),
    Setting(name="timeout_s", default=5, meaning="seconds without buffers after which what is held back is delivered"),
    Setting(name="speed", default=1, meaning="of a file, seconds of frames a second; max: as fast as they are taken"),
    Setting(name="follow", default=False, meaning="whether a file still grows, and more is waited for at its end"),
)  # fmt: skip
_PORT = re.compile(r"COM\d+", re.IGNORECASE)
_TCP = "tcp://"


def find_devices() -> Iterable[Found]:
    """Return none: nothing tells a miniscope's port from others."""
    return ()


def open_device(request: Request) -> Device:
    """Open a miniscope; see `xjls.capturing.registry.open_device`."""
    if not request.address:
        raise SelectionError(
            "miniscope needs a port, a file or a connection",
            "Give one, as in miniscope:/dev/ttyUSB0, miniscope:run.bin or miniscope:tcp://localhost:5000.",
        )
    return Miniscope(request, open_source)


def open_source(request: Request) -> ByteSource:
    """Open what an address names: ``-``, ``tcp://HOST:PORT``, a file, a pipe or a serial port.

    Raises
    ------
    SelectionError
        The address is none.
    DeviceError
        It is not there, or refuses.
    MissingDependencyError
        It is a serial port, and pyserial is not installed.
    """
    address = request.address
    if address == "-":
        return PipeBytes(sys.stdin.fileno(), is_owned=False, has_writer=True)
    if address.startswith(_TCP):
        return SocketBytes(_connected(address, float(seconds_of(request.settings["timeout_s"]))))
    if "://" in address or _PORT.fullmatch(address):
        return SerialBytes(_port(address, request.settings))
    try:
        mode = Path(address).stat().st_mode
        if stat.S_ISFIFO(mode):
            return PipeBytes(os.open(address, os.O_RDONLY | os.O_NONBLOCK), is_owned=True, has_writer=False)
        if not stat.S_ISCHR(mode):
            return FileBytes(address, follow=bool(request.settings["follow"]))
    except OSError as error:
        raise DeviceError(
            f"it cannot be opened ({error.strerror})", address, "Is it plugged in, and the address right?"
        ) from error
    return SerialBytes(_port(address, request.settings))


def _connected(address: str, timeout_s: float) -> socket.socket:
    try:
        place = urlsplit(address)
        host, port = place.hostname, place.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise SelectionError(f"{address!r} is no address", "Give host and port, as in tcp://localhost:5000.")
    try:
        return socket.create_connection((host, port), timeout=timeout_s)
    except OSError as error:
        raise DeviceError(
            f"there is no connection ({error.strerror or error})", address, "Does somebody listen there?"
        ) from error


def _port(address: str, settings: Mapping[str, Any]) -> Any:
    """Return an open port of pyserial."""
    try:
        import serial
    except ImportError:
        raise MissingDependencyError("pyserial", "serial") from None
    # Two readers of one port would share its bytes; the ports that are no files know nothing of that
    alone = {} if "://" in address else {"exclusive": True}
    try:
        return serial.serial_for_url(address, baudrate=settings["baudrate"], timeout=WAIT_S, **alone)
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"the port cannot be opened ({error})", address, "Is it plugged in, and used by nobody else?"
        ) from error
