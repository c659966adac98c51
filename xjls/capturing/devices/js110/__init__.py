"""Joulescope JS110, over USB: 2 MS/s of current, voltage, power, current range and two inputs.

``link`` reaches it, ``wire`` knows its requests, ``options`` what it can be told, ``instrument`` opens and sets it up,
``packets`` are what it streams, and ``stream`` makes samples of them, by `xjls.formats.jls1.processor`.

Field notes:

- A settings packet carries the whole state, the power of the load included: what is in force is read back first, and
  nothing is sent where nothing changes. So a load goes on running from one capture to the next.
- Every packet has its number and holds 126 samples: what is lost is counted by the numbers, which begin anew after
  65,536 packets, 4.13 s. Where more was lost than that nobody can tell how much, and the stream ends.
- Packets of another type or length hold no samples: there is a gap where they should have been. What a status other
  than 0 means is not known: such samples are kept, and an annotation says so.
- An input, where it is recorded, takes the place of the lowest bit of the current's or the voltage's code.
- Nothing tells when a sample was taken, nor that the input was over range.
- With synchronous transfers nobody listens between two reads: some ten microseconds, in which the instrument's own
  memory must do. Loss shows by the numbers.
- No real instrument was used to write this: it was tested against an emulated one.
"""

from xjls.capturing.devices.js110.instrument import Js110, find_devices, open_device
from xjls.capturing.devices.js110.options import SETTINGS

__all__ = ["SETTINGS", "Js110", "find_devices", "open_device"]
