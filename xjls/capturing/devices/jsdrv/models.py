"""What each model has: its signals, at what rates, and the driver's topics for what it can be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

from xjls.capturing.device import Setting
from xjls.errors import SelectionError

SETTINGS = (
    Setting(
        name="open", default="defaults",
        meaning="what happens when it is opened: defaults (all as after power-on), or restore (all as it stands)",
    ),
    Setting(name="current_range", default=None, meaning="auto, off, or 10 A … 18 µA; auto after open=defaults"),
    Setting(name="voltage_range", default=None, meaning="auto, 15 V or 2 V; of a JS110: 15 V or 5 V"),
    Setting(name="filter", default=None, meaning="of a JS220: wideband (on the host) or sinc1 (in the instrument)"),
    Setting(name="suppression", default=None, meaning="how a JS110 covers range switches: off, mean, interp or nan"),
    Setting(name="gpio_voltage", default=None, meaning="of inputs and outputs: extern or 3.3V; 1.8V … 5.0V of a JS110"),
)  # fmt: skip
"""None leaves as it is."""
OPEN_MODES = ("defaults", "restore")
Publications: TypeAlias = tuple[tuple[str, Any], ...]
"""Topics below the instrument's own, and what is published there."""


@dataclass(frozen=True, slots=True)
class Port:
    """One stream of an instrument."""

    name: str
    """Of the signal."""
    units: str
    stored_type: str
    topic: str
    """``ctrl`` and ``!data`` are below it."""
    own_rate: bool = False
    """Whether it stays at the instrument's rate for inputs, whatever rate is asked for."""


_PORTS = (
    Port("current", "A", "f32", "s/i"),
    Port("voltage", "V", "f32", "s/v"),
    Port("power", "W", "f32", "s/p"),
    Port("current_range", "", "u4", "s/i/range", own_rate=True),
    *(Port(f"gpi[{i}]", "", "u1", f"s/gpi/{i}", own_rate=True) for i in range(4)),
    Port("trigger_in", "", "u1", "s/gpi/7", own_rate=True),
)
UNASKED = ("current", "voltage", "power")
"""Delivered where no signals are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One kind of Joulescope."""

    name: str
    tick_hz: int
    """What sample ids count."""
    top_hz: int
    """The highest rate; others are one, two or five times a power of ten below it."""
    inputs_hz: int | None
    """Rate of range and inputs; None where they come at that of the rest."""
    ports: tuple[Port, ...]
    topics: Mapping[str, Callable[[Any], Publications]] = field(default_factory=dict)
    """What a setting publishes, by its name."""
    at_start: Mapping[str, Any] = field(default_factory=dict)
    """Settings after ``open=defaults`` where nothing else was said."""
    fills_bytes: bool = False
    """Whether the last byte of a message of bits may hold fewer."""
    counts_losses: bool = True
    """Whether sample ids go on counting while packets are lost."""

    @property
    def rates_hz(self) -> tuple[int, ...]:
        """All rates, the highest first.

        Examples
        --------
        >>> MODELS["js220"].rates_hz[:4], len(MODELS["js110"].rates_hz)
        ((1000000, 500000, 200000, 100000), 20)
        """
        steps = (digit * 10**power for power in range(6, -1, -1) for digit in (5, 2, 1))
        return tuple(step for step in steps if step <= self.top_hz)

    def port(self, name: str) -> Port:
        """Return a port by the name of its signal."""
        for port in self.ports:
            if port.name == name:
                return port
        there = ", ".join(port.name for port in self.ports)
        raise SelectionError(f"a {self.name} has no signal {name!r}", f"Signals: {there}.")

    def decimation(self, port: Port, rate_hz: int) -> int:
        """Return how many ticks a sample of a port takes.

        Examples
        --------
        >>> js220 = MODELS["js220"]
        >>> js220.decimation(js220.port("current"), 10_000), js220.decimation(js220.port("gpi[0]"), 10_000)
        (200, 1)
        """
        return self.tick_hz // (self.inputs_hz if port.own_rate and self.inputs_hz else rate_hz)

    def rate(self, wanted_hz: Fraction | None, filtered: Any) -> int:
        """Return the rate that is meant; refuse one that it does not have."""
        if wanted_hz is None:
            return self.top_hz
        if wanted_hz not in self.rates_hz:
            there = ", ".join(f"{rate:_}" for rate in self.rates_hz)
            raise SelectionError(
                f"a {self.name} does not sample at {float(wanted_hz):_.12g} Hz", f"Rates in Hz: {there}."
            )
        if self.name == "JS220" and filtered == "sinc1" and wanted_hz == 500_000:
            raise SelectionError(
                "a JS220 that filters itself delivers 250 kHz where 500 kHz are asked for, and calls them 500 kHz",
                "Choose 1 MHz or 200 kHz, or filter=wideband.",
            )
        return int(wanted_hz)

    def publications(self, name: str, value: Any) -> Publications:
        """Return what a setting publishes."""
        if name not in self.topics:
            there = ", ".join(("open", *self.topics))
            raise SelectionError(f"a {self.name} has no setting {name!r}", f"Settings: {there}.")
        return self.topics[name](value)


def _plain(topic: str) -> Callable[[Any], Publications]:
    return lambda value: ((topic, value),)


def _ranged(topic: str) -> Callable[[Any], Publications]:
    """Return what chooses a range: one of them, or a mode."""
    return lambda value: (
        ((f"{topic}/mode", value),)
        if value in ("auto", "off")
        else ((f"{topic}/select", value), (f"{topic}/mode", "manual"))
    )


_RANGES = {"current_range": _ranged("s/i/range"), "voltage_range": _ranged("s/v/range")}
MODELS: Mapping[str, Model] = {
    "js110": Model(
        name="JS110", tick_hz=2_000_000, top_hz=2_000_000, inputs_hz=None, ports=_PORTS[:6],
        fills_bytes=True, counts_losses=False, at_start={"current_range": "auto", "voltage_range": "15 V"},
        topics={
            "current_range": _plain("s/i/range/select"), "voltage_range": _plain("s/v/range/select"),
            "suppression": _plain("s/i/range/mode"), "gpio_voltage": _plain("s/extio/voltage"),
        },
    ),
    "js220": Model(
        name="JS220", tick_hz=2_000_000, top_hz=1_000_000, inputs_hz=2_000_000, ports=_PORTS,
        at_start={"current_range": "auto", "voltage_range": "auto"},
        topics={**_RANGES, "filter": _plain("h/filter"), "gpio_voltage": _plain("c/gpio/vref")},
    ),
    "js320": Model(
        name="JS320", tick_hz=16_000_000, top_hz=1_000_000, inputs_hz=1_000_000, ports=_PORTS,
        at_start={"current_range": "auto"}, topics={**_RANGES, "gpio_voltage": _plain("c/gpio/vref")},
    ),
}  # fmt: skip
"""By the middle of their paths, as in ``u/js220/000415``."""
