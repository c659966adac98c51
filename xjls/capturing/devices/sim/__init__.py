"""A simulated instrument: signals like those of a Joulescope or a PicoScope, or the frames of a miniscope.

Every sample is a function of its id (`expected`), and so is every frame (`expected_frame`), so that continuity is
checked by arithmetic. A script makes it drop samples, jump, stall, go over range, or be unplugged, at known moments.

``instrument`` makes samples in time, ``miniscope`` the bits that a miniscope sends; ``script`` says what goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

from xjls.capturing.device import UNPLUGGED, Device, Found, Request, Setting
from xjls.capturing.devices.sim.instrument import MODELS, Simulator, expected, one_period, source_of
from xjls.capturing.devices.sim.miniscope import MODEL, SimulatedMiniscope, expected_frame
from xjls.capturing.devices.sim.script import DROPPED, ENDED, Mishap, parse_script

__all__ = [
    "DROPPED",
    "ENDED",
    "SETTINGS",
    "UNPLUGGED",
    "Mishap",
    "SimulatedMiniscope",
    "Simulator",
    "expected",
    "expected_frame",
    "find_devices",
    "one_period",
    "open_device",
    "parse_script",
]

SETTINGS = (
    Setting(name="model", default="joulescope", meaning="joulescope, picoscope or miniscope"),
    Setting(name="speed", default=1, meaning="seconds of samples a second; max for as fast as they are taken"),
    Setting(name="block_s", default=0.02, meaning="seconds of samples in a block"),
    Setting(name="seconds", default=0, meaning="seconds of samples after which it ends; 0 for never"),
    Setting(name="first_id", default=0, meaning="sample id of the first sample"),
    Setting(name="start_ns", default=0, meaning="UTC of the first sample, in ns since 1970; 0 for now"),
    Setting(
        name="script", default="",
        meaning="what goes wrong when, as drop@1.5s:5000;jump@2s:100;stall@3s:200ms;over@4s:10;unplug@5s",
    ),
    Setting(name="width", default=200, meaning="pixels of a miniscope's frames, in a row"),
    Setting(name="height", default=200, meaning="rows of pixels of a miniscope's frames"),
    Setting(name="loss", default=0, meaning="share of a miniscope's buffers that are lost, 0 to 1"),
    Setting(name="swaps", default=0, meaning="share of a miniscope's buffers that come behind the next one, 0 to 1"),
    Setting(name="bit_errors", default=0, meaning="share of a miniscope's bits that arrive wrong, 0 to 1"),
)  # fmt: skip


def find_devices() -> Iterable[Found]:
    """Return all models: they are always there."""
    return [Found(uri=f"sim?model={model}", source=source_of(model)) for model in (*MODELS, MODEL)]


def open_device(request: Request) -> Device:
    """Open a simulated instrument; see `xjls.capturing.registry.open_device`."""
    return SimulatedMiniscope(request) if request.settings["model"] == MODEL else Simulator(request)
