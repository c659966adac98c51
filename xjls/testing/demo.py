"""A recording as a power analyser makes it: a small device that sleeps, works and transmits, for a few seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls2 import Annotation, Fsr, Source, UserData, write

RATE_HZ = 500_000
"""Sample rate of every signal of the demo."""
_START_TIME = 257_594_400 << 30
_DRIFT_PPM = 3.2
_LEVELS_A = {"sleep": 4.2e-6, "active": 7.8e-3, "burst": 0.118}
_RANGES = {"sleep": 4, "active": 2, "burst": 1}

Floats = NDArray[np.float32]


def write_demo(path: str | Path, *, seconds: float = 4.0, seed: int = 0) -> Path:
    """Write a recording of a sleeping, working and transmitting device, and return its path.

    Five signals at 500 kHz: ``current`` (A), ``voltage`` (V), ``power`` (W), ``current_range`` and ``gpi[0]``, which is
    high during radio bursts; a tie a second from about 2026-03-01T10:00:00Z on, drifting by 3.2 ppm; a text for each
    burst, a pair of markers around the first, and a note.

    Parameters
    ----------
    path
        Where to write; a file that is there is replaced.
    seconds
        Length.
    seed
        The same seed makes the same samples.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_demo(f"{folder}/demo.jls", seconds=0.1).name
    'demo.jls'
    """
    size = round(seconds * RATE_HZ)
    if size < 1:
        raise ValueError(f"a demo has at least one sample, got {seconds} s")
    rng = np.random.default_rng(seed)
    states = _states(rng, size)
    current = _current(rng, states, size)
    voltage = _voltage(rng, current)
    bursts = [(start, stop) for state, start, stop in states if state == "burst"]
    common: dict[str, Any] = {"rate_hz": RATE_HZ, "ties": _ties(size), "first_id": 0}
    signals = [
        Fsr("current", current, units="A", annotations=_notes(bursts, states), **common),
        Fsr("voltage", voltage, units="V", **common),
        Fsr("power", current * voltage, units="W", **common),
        Fsr("current_range", _per_state(states, size, _RANGES, np.uint8), dtype="u4", **common),
        Fsr("gpi[0]", _per_state(states, size, {"burst": 1}, np.bool_), dtype="u1", **common),
    ]
    source = Source("JS220-000123", "Joulescope", "JS220", "1.3.0", "000123")
    note = f"Radio module, {seconds:g} s: sleep, measure, transmit."
    return write(path, [source], signals, [UserData(0, note)])


def _states(rng: np.random.Generator, size: int) -> list[tuple[str, int, int]]:
    """Return (state, start, stop) one after the other: wake from sleep, work, transmit now and then."""
    states: list[tuple[str, int, int]] = []
    start, cycle = 0, 0
    while start < size:
        active = [("active", 0.045), ("burst", 0.012), ("active", 0.020)] if cycle % 2 else [("active", 0.060)]
        for state, seconds in [("sleep", 0.350), *active]:
            stop = min(size, start + round(seconds * RATE_HZ * rng.uniform(0.9, 1.1)))
            if stop > start:
                states.append((state, start, stop))
            start = stop
        cycle += 1
    return states


def _per_state(states: list[tuple[str, int, int]], size: int, values: dict[str, Any], dtype: Any) -> NDArray[Any]:
    made = np.zeros(size, dtype)
    for state, start, stop in states:
        made[start:stop] = values.get(state, 0)
    return made


def _current(rng: np.random.Generator, states: list[tuple[str, int, int]], size: int) -> Floats:
    """Return a level per state, rounded edges, ripple while awake, and noise that grows with the range."""
    current = _per_state(states, size, _LEVELS_A, np.float32)
    for state, start, stop in states:
        t = np.arange(stop - start, dtype=np.float32) / RATE_HZ
        level = np.float32(_LEVELS_A[state])
        if state != "sleep":
            ripple = np.sin(2 * np.pi * 1.1e3 * t, dtype=np.float32) * np.float32(0.06)
            current[start:stop] += level * (ripple + np.float32(0.35) * np.exp(-t / np.float32(0.4e-3)))
        noise = rng.standard_normal(stop - start, np.float32)
        current[start:stop] += noise * (np.float32(0.01) * level + np.float32(2e-7))
    return current


def _voltage(rng: np.random.Generator, current: Floats) -> Floats:
    """Return a battery's voltage: it sags with the current and slowly with time."""
    sag = np.linspace(0, 0.004, len(current), dtype=np.float32) + current * np.float32(0.9)
    noise = rng.standard_normal(len(current), np.float32) * np.float32(3e-4)
    return np.float32(3.3) - sag + noise


def _ties(size: int) -> list[tuple[int, int]]:
    """Return a tie a second and one at the end; the computer's clock runs a few ppm apart from the instrument's."""
    ids = [*range(0, size, RATE_HZ), size]
    return [(i, _START_TIME + round(i / RATE_HZ * (1 + _DRIFT_PPM * 1e-6) * 2**30)) for i in ids]


def _notes(bursts: list[tuple[int, int]], states: list[tuple[str, int, int]]) -> list[Annotation]:
    """Return the marker pair around the first burst, a text for each, and a height to compare with."""
    notes = [Annotation(states[0][1], "hmarker", y=_LEVELS_A["active"], data="1")]
    for number, (start, stop) in enumerate(bursts):
        if number == 0:
            notes += [Annotation(start, "vmarker", data="1a"), Annotation(stop, "vmarker", data="1b")]
        notes.append(Annotation(start, "text", 0, _LEVELS_A["burst"], data=f"transmit {number + 1}"))
    return notes
