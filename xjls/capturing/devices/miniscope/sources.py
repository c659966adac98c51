"""Where bytes come from: a serial port, a socket, a pipe, a file. Each says why it ends; none waits for long."""

from __future__ import annotations

import os
import select
import socket
from pathlib import Path
from typing import Any, Protocol

from xjls.capturing.device import UNPLUGGED

__all__ = ["FILE_ENDED", "ByteSource", "FileBytes", "PipeBytes", "SerialBytes", "SocketBytes"]

FILE_ENDED = "the file ends"
CLOSED = "the connection was closed"
PIPE_CLOSED = "the pipe was closed"
FILE_CUT = "the file became shorter"
WAIT_S = 0.05
"""How long a source waits for bytes."""
_MOST_BYTES = 1 << 16


class ByteSource(Protocol):
    """Bytes as they come, read by one thread."""

    is_live: bool
    """Whether bytes are lost that nobody takes in time."""
    waits: bool
    """Whether a read that finds nothing has waited for it."""
    ended: str
    """Why there are no more, once a read has returned None."""

    def read(self, most: int) -> bytes | None:
        """Return the bytes that are there, ``most`` of them at most; none after `WAIT_S`; None at the end."""
        ...

    def close(self) -> None:
        """Give it back; twice is harmless."""
        ...


class SerialBytes:
    """Bytes of a serial port.

    Parameters
    ----------
    port
        A port of pyserial that is open; its ``timeout`` is `WAIT_S`.
    """

    is_live = True
    waits = True
    ended = UNPLUGGED

    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self, most: int) -> bytes | None:
        """Read; see `ByteSource`."""
        try:
            found: bytes = self._port.read(max(min(self._port.in_waiting, most), 1))
        except (OSError, TypeError):  # pyserial's own is an OSError; some of its ports raise TypeError once closed
            return None
        return found

    def close(self) -> None:
        """Close the port."""
        self._port.close()


class SocketBytes:
    """Bytes of a connection.

    Parameters
    ----------
    connection
        A socket that is connected.
    """

    is_live = True
    waits = True
    ended = CLOSED

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(WAIT_S)
        self._socket = connection

    def read(self, most: int) -> bytes | None:
        """Read; see `ByteSource`."""
        try:
            return self._socket.recv(min(most, _MOST_BYTES)) or None
        except TimeoutError:
            return b""
        except OSError as error:
            self.ended = f"{CLOSED} ({error.strerror or error})"
            return None

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class PipeBytes:
    """Bytes of a pipe or of the standard input.

    A pipe that nobody has opened for writing yet has no bytes; it ends when all who wrote to it have closed it.

    Parameters
    ----------
    descriptor
        Where to read.
    is_owned
        Whether it is closed with this.
    has_writer
        Whether there is a writer from the beginning on.
    """

    is_live = False
    waits = True
    ended = PIPE_CLOSED

    def __init__(self, descriptor: int, *, is_owned: bool, has_writer: bool) -> None:
        self._descriptor, self._is_owned, self._has_writer = descriptor, is_owned, has_writer

    def read(self, most: int) -> bytes | None:
        """Read; see `ByteSource`."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        events = poll.poll(1000 * WAIT_S)
        if not events:
            return b""
        try:
            found = os.read(self._descriptor, min(most, _MOST_BYTES))
        except OSError:
            return None
        self._has_writer = self._has_writer or bool(found)
        self.waits = bool(found) or self._has_writer
        return found if found or not self._has_writer else None

    def close(self) -> None:
        """Close it, if it is owned."""
        if self._is_owned:
            self._is_owned = False
            os.close(self._descriptor)


class FileBytes:
    """Bytes of a file.

    Parameters
    ----------
    path
        Its path.
    follow
        Whether more may come at its end.
    """

    is_live = False
    waits = False
    ended = FILE_ENDED

    def __init__(self, path: str, *, follow: bool) -> None:
        self._file = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed by `close`
        self._follow = follow

    def read(self, most: int) -> bytes | None:
        """Read; see `ByteSource`."""
        try:
            found = self._file.read(most)
            is_cut = not found and os.fstat(self._file.fileno()).st_size < self._file.tell()
        except OSError as error:
            self.ended = f"the file cannot be read ({error.strerror})"
            return None
        if is_cut:
            self.ended = FILE_CUT
            return None
        return found if found or self._follow else None

    def close(self) -> None:
        """Close the file."""
        self._file.close()
