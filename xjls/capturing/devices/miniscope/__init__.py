"""A miniscope's stream as it comes: over a serial port, a socket or a pipe, or from the file that holds it.

``opening`` finds what an address means, ``sources`` are where bytes come from, ``scope`` makes blocks of them, by
`xjls.formats.miniscope.live`.

Field notes:

- Nothing in a stream tells what it is: the configuration is given, as when a file is opened. Where bytes come and no
  buffer can be believed, an annotation says so, and the capture goes on: the instrument may be switched on later.
- Nothing tells a miniscope's port from others, so none is looked for.
- Frames come when they are complete, or when a buffer comes of the fourth frame behind them; headers of the first three
  frames are held back until their counters are known.
- A link that is idle sends random bits, so that silence means that the port or its other end is dead or switched off:
  it is noted, and what is held back is delivered. It ends nothing.
- A pipe makes its writer wait, as a file does; what a serial port or a socket sends is lost if nobody takes it.
- No real instrument was used to write this: it was tested with synthetic streams through pseudo-terminals, sockets and
  pipes.
"""

from xjls.capturing.devices.miniscope.opening import SETTINGS, find_devices, open_device
from xjls.capturing.devices.miniscope.scope import Miniscope

__all__ = ["SETTINGS", "Miniscope", "find_devices", "open_device"]
