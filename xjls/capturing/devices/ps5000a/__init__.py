"""PicoScope 5000A series: streams of counts, through PicoSDK and its wrapper picosdk (extra ``picoscope``).

``setup`` makes sense of what is asked for, ``scope`` makes the driver's calls in the driver's order, ``opening`` does
both and says what comes of it, and ``streaming`` polls. ``words`` are the driver's numbers. What its manual does not
say, or not as loudly as it should:

* 282 and 286, from opening on, are questions: it runs on USB power, or on a slower port, once that is agreed to;
* the channels that nobody sets up may be on, and a trigger may be: both are turned off;
* the interval is granted in whole units of the one that it was asked in, so it is asked in ns or finer;
* the callback runs inside the call that polls, and must never raise; buffers and callback live as long as the stream;
* ``overflow`` says that the input was beyond its range, channel by channel, and nothing of lost samples;
* nothing counts samples that are lost: a stall is a status, and after it the stream goes on as if nothing had been.
"""

from xjls.capturing.devices.ps5000a.opening import Ps5000a, find_devices, open_device
from xjls.capturing.devices.ps5000a.setup import SETTINGS

__all__ = ["SETTINGS", "Ps5000a", "find_devices", "open_device"]
