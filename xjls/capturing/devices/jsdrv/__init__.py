"""Joulescope JS110, JS220 and JS320, through the maker's driver pyjoulescope_driver (extra ``joulescope``).

``models`` say what each has, ``instrument`` opens one and talks to it, ``lane`` makes samples of the messages of one
signal, and ``streaming`` runs them all into an outlet. What the driver does that its documentation does not say, as of
release 2.2.12:

* sample ids count ticks of the converter, not samples: 2 MHz, and 16 MHz in a JS320. A JS110 begins at 0;
* bits arrive packed, the first one lowest, and the last byte of a JS110's message may be filled up with zeros; numbers
  of 4 bits arrive one a byte;
* a JS110's lost packets are counted by nobody: what follows moves up (see `xjls.capturing.shortfall`);
* a JS220 makes 250 kHz of 500 kHz where it filters itself (``filter=sinc1``), and its messages do not say so;
* the range and the inputs of a JS220 and a JS320 stay at their own rate, whatever that of current is;
* a callback that raises is logged by the driver, and the stream goes on: what went wrong must be kept aside.
"""

from xjls.capturing.devices.jsdrv.instrument import find_devices
from xjls.capturing.devices.jsdrv.models import SETTINGS
from xjls.capturing.devices.jsdrv.opening import Jsdrv, open_device

__all__ = ["SETTINGS", "Jsdrv", "find_devices", "open_device"]
