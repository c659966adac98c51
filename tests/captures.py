"""What tests of captures share: stores, what goes wrong, and sessions of the simulator."""

import contextlib
import threading

import xjls
from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.registry import open_device
from xjls.capturing.session import Session
from xjls.capturing.target import Target, open_target
from xjls.capturing.until import Until
from xjls.capturing.writing import Pace
from xjls.testing.captured import RefusingSink

STORES = ("run.zarr", "run.jls", "run.hdf5")
PATIENT = Pace(flush_s=0.05, sync_s=0.2, tick_s=0.02, patience_s=60)
SCRIPTS = {
    "nothing goes wrong": "",
    "samples are dropped": "drop@100ms:5000; drop@200ms:1",
    "ids jump": "jump@50ms:123; jump@300ms:40000",
    "both, at once": "drop@100ms:500; jump@100ms:20; drop@100ms:7",
    "it goes over range": "over@150ms:30",
}
ALL = {"joulescope": ["current", "voltage", "power", "current_range", "gpi[0]", "gpi[1]"], "picoscope": ["channel_a"]}


def uri(store, script="", **settings):
    model = "picoscope" if store.endswith(".hdf5") else "joulescope"
    told = {"model": model, "speed": "max", "script": script} | settings
    return "sim?" + "&".join(f"{name}={value}" for name, value in told.items())


def signals(store):
    return ALL["picoscope" if store.endswith(".hdf5") else "joulescope"]


def captured(path, address, *, names=None, rate=1_000_000, pace=PATIENT, ring_bytes=None, refuses=None, **until):
    device = open_device(address, rate=rate, signals=names or signals(str(path)))
    target = open_target(path, device.signals) if refuses is None else refusing(path, refuses)
    session = Session(device, [target], uri=address, until=Until.of(**until), pace=pace, ring_bytes=ring_bytes)
    return session.start().wait()


def refusing(path, refuses):
    return Target(str(path), RefusingSink(xjls.grow_recording(path), refuses), lambda: xjls.open_recording(path))


def of_device(path, run, *, names=("current", "voltage"), live=False, pace=None, **until):
    """Return a session of a device that does something else than the simulator."""
    device = open_device("sim?speed=max", rate=100_000, signals=list(names))
    if run is not None:
        device.run = run
    buffer = StreamBuffer(device.signals, seconds=1) if live else None
    return Session(device, [open_target(path, device.signals)], until=Until.of(**until), live=buffer, pace=pace), device


@contextlib.contextmanager
def running(*targets, stop):
    """Run functions on threads of their own, and end them."""
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
