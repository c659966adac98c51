"""Make the pictures of the gallery: ``python docs/gallery.py`` writes them to ``docs/pictures``.

Each recording is written first, byte by byte with `xjls.testing`, or captured from the simulator, and drawn as anyone
would draw it; how it is drawn stands in ``docs/gallery.md`` too.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import xjls
from xjls.testing import write_demo
from xjls.testing.jls2 import Annotation, Fsr, Source, chunks_of, encode, flip, write
from xjls.testing.miniscope import Start, StreamConfig, buffers_of, idling, without
from xjls.testing.miniscope import encode as encode_miniscope
from xjls.testing.picostream import write_picostream

PICTURES = Path(__file__).parent / "pictures"
START = 257_594_400 << 30
"""JLS time of 2026-03-01T10:00:00Z."""
HOUR = 3600


# ---- the pictures --------------------------------------------------------------------------------------------------


def hours(path):
    with xjls.open(path) as ds:
        return ds.xjls.plot(std=True, tz="Europe/Zurich")


def burst(path):
    with xjls.open_recording(path) as recording:
        return recording.plot(["current", "voltage", "gpi[0]"], (386_000, 396_500), tz="UTC")


def gaps(path):
    with xjls.open_recording(path, on_damage="gap") as recording:
        return recording.plot(tz="UTC")


def logic(path):
    with xjls.open(path, time="seconds") as ds:
        return ds.xjls.plot()


def pairs(path):
    with xjls.open(path) as ds:
        return ds.xjls.plot()


def capture(path):
    with xjls.open_recording(path) as recording:
        return recording.plot(tz="UTC")


def frames(path):
    options = {"config": "wireless-200px"}
    with xjls.open_recording(path, format="miniscope", format_options=options) as recording:
        return recording.plot()


# ---- their recordings ----------------------------------------------------------------------------------------------


def write_hours(path, size=1.0):
    """Two days of a sensor node at 100 Hz: it wakes every forty minutes; at night its radio finds no network."""
    rate_hz, seconds = 100, 48 * HOUR * size
    n = round(rate_hz * seconds)
    rng = np.random.default_rng(3)
    t = np.arange(n) / rate_hz
    awake = (t % (2400 * size)) < 20 * size
    searching = (t % (24 * HOUR * size) > 15 * HOUR * size) & (t % (3600 * size) < 900 * size)
    current = np.where(awake, 8e-3, 3e-6) + np.where(searching, 21e-3, 0)
    current *= rng.normal(1, 0.05, n)
    drained = np.cumsum(current) / current.sum()
    voltage = 3.02 - 0.11 * drained - 2.2 * current + rng.normal(0, 4e-4, n)
    common = {"ties": [(0, START), (n, START + round(seconds * 2**30))], "rate_hz": rate_hz}
    signals = [
        Fsr("current", current.astype("f4"), units="A", **common),
        Fsr("voltage", voltage.astype("f4"), units="V", **common),
    ]
    return write(path, [Source("js110-000881", "Joulescope", "JS110")], signals)


def write_gaps(path, size=1.0):
    """A motor that runs up, with samples that the USB lost, a chunk that went bad, and notes of the person there."""
    rate_hz = 20_000
    n = round(12 * rate_hz * size)
    rng = np.random.default_rng(4)
    t = np.arange(n) / rate_hz / size
    speed = np.clip((t - 1.5) / 6, 0, 1) - np.clip((t - 10) / 1, 0, 1)
    current = 0.012 + 1.1 * speed * (1 + 0.25 * np.sin(2 * np.pi * 90 * np.cumsum(speed) / rate_hz))
    current += 2.6 * np.exp(-np.abs(t - 1.5) / 0.09) * (t > 1.5) + rng.normal(0, 0.01, n)
    voltage = 12.1 - 0.31 * current + rng.normal(0, 0.006, n)
    at = lambda second: round(second * rate_hz * size)  # noqa: E731
    for signal in (current, voltage):
        signal[at(4.1) : at(4.75)] = np.nan
        signal[at(8.3) : at(8.31)] = np.nan
    notes = [
        Annotation(0, "hmarker", y=2.5, data="fuse"),
        Annotation(at(1.5), "text", y=2.4, data="switched on"),
        Annotation(at(5.2), "vmarker", data="1a"),
        Annotation(at(7.2), "vmarker", data="1b"),
        Annotation(at(8.5), "text", y=1.6, data="bearing squeals"),
        Annotation(at(10.0), "text", y=1.45, data="switched off"),
    ]
    common = {"ties": [(0, START), (n, START + (n << 30) // rate_hz)], "rate_hz": rate_hz}
    signals = [
        Fsr("current", current.astype("f4"), units="A", annotations=notes, **common),
        Fsr("voltage", voltage.astype("f4"), units="V", **common),
    ]
    data = encode([Source("js220-001222", "Joulescope", "JS220")], signals)
    chunks = [chunk for chunk in chunks_of(data) if (chunk.tag, chunk.meta) == (0x22, 1)]
    for chunk in chunks[round(0.22 * len(chunks)) :][: max(1, len(chunks) // 25)]:
        data = flip(data, chunk.payload.start + 40)
    Path(path).write_bytes(data)
    return Path(path)


def write_logic(path, size=1.0):
    """A display that is written to over SPI: clock and data toggle far within a column, chip select frames a line."""
    rate_hz = 1_000_000
    n = round(0.06 * rate_hz * size)
    rng = np.random.default_rng(5)
    t = np.arange(n)
    period = 6000 * size
    busy = (t % period > 0.12 * period) & (t % period < 0.55 * period)
    clock = busy & (t // 4 % 2 == 1)
    data = busy & np.repeat(rng.random(n // 8 + 1) < 0.35, 8)[:n]
    frame = t > 0.3 * n
    current = 4e-3 + 6e-3 * busy + 31e-3 * (frame & (t % (n // 5) < n // 12)) * (1 - np.exp(-(t % (n // 5)) / 700))
    current = current[::2] + rng.normal(0, 3e-4, len(current[::2]))
    signals = [
        Fsr("current", current.astype("f4"), units="A", rate_hz=rate_hz // 2),
        Fsr("range", np.where(current > 0.02, 2, 3), dtype="u4", rate_hz=rate_hz // 2),
        *(
            Fsr(name, bits, dtype="u1", rate_hz=rate_hz)
            for name, bits in [("CS", ~busy), ("SCLK", clock), ("MOSI", data), ("backlight", frame)]
        ),
    ]
    return write(path, [Source("js220-001222", "Joulescope", "JS220")], signals)


def write_pairs(path, size=1.0):
    """A supply rail on a PicoScope that keeps the extremes of 625 samples: ripple, a load, and spikes of 100 ns."""
    n = round(200_000 * size)
    rng = np.random.default_rng(6)
    t = np.arange(n) / n
    loaded = (t > 0.3) & (t < 0.72)
    rail = 5 - 0.3 * loaded - 0.5 * np.exp(-np.abs(t - 0.3) / 0.015) * (t > 0.3)
    rail += 0.42 * np.exp(-np.abs(t - 0.72) / 0.02) * (t > 0.72)
    ripple = (0.03 + 0.09 * loaded) * (1 + 0.2 * np.sin(2 * np.pi * 9 * t))
    low, high = (rail + sign * (ripple + np.abs(rng.normal(0, 0.006, n))) for sign in (-1, 1))
    low[(n * np.array([0.11, 0.47, 0.48, 0.9])).astype(int)] -= (0.7, 1.1, 0.6, 0.9)
    high[(n * np.array([0.112, 0.471, 0.61, 0.902])).astype(int)] += (0.4, 0.6, 0.8, 0.5)
    counts = np.rint(np.stack([low, high], axis=1).ravel() / 10 * 32767)
    return write_picostream(path.with_suffix(".hdf5"), counts, mode="aggregate", ratio=625, range_v=10.0, block=n)


def write_burst(path, size=1.0):
    """The demonstration: a radio module that sleeps, works and transmits."""
    return write_demo(path, seconds=max(0.85, 4 * size))


def write_capture(path, size=1.0):
    """Four seconds of the simulator, which drops samples twice and is once over range."""
    at = lambda second: f"{second * size:.6f}s"  # noqa: E731
    script = f"drop@{at(1.15)}:{round(30_000 * size)};over@{at(2.16)}:9;drop@{at(3.1)}:{round(3000 * size)}"
    device = f"sim?speed=max&start_ns=1772359200000000000&script={script}"
    xjls.capture(device, path, duration=4 * size, rate="100 kHz", signals=["current", "voltage"])
    return path


def write_frames(path, size=1.0):
    """Twenty seconds of six cells that flash now and then, over a link that loses some buffers, and breaks once."""
    n, side = max(round(400 * size), 24), 200
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:side, :side]
    centres = np.array([(52, 60), (80, 142), (128, 36), (140, 150), (110, 96), (168, 92)])[..., None, None]
    cells = np.exp(-((y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2) / 60)
    decay = np.exp(-np.arange(20) / 6)
    traces = np.stack([np.convolve(rng.random(n) < 0.04, decay)[:n] for _ in cells])
    movie = 70 + 40 * np.exp(-((y - 100) ** 2 + (x - 100) ** 2) / 9000) + rng.normal(0, 0.3, (n, side, side))
    movie += 90 * np.einsum("kt,kyx->tyx", traces, cells)
    config = StreamConfig()
    sent = buffers_of(config, movie.clip(0, 255).astype("u1"), Start(frame=4200))
    lost = [(frame, slot) for frame in range(n) for slot in range(8) if rng.random() < 0.03]
    broken = [(frame, slot) for frame in range(n * 6 // 11, n * 6 // 11 + n // 33) for slot in range(8)]
    kept = without(idling(sent, rng.integers(26_000, 29_000, n)), *dict.fromkeys(lost + broken))
    path.with_suffix(".bin").write_bytes(encode_miniscope(config, kept).data)
    return path.with_suffix(".bin")


GALLERY = {
    "hours": (write_hours, hours),
    "burst": (write_burst, burst),
    "gaps": (write_gaps, gaps),
    "logic": (write_logic, logic),
    "pairs": (write_pairs, pairs),
    "capture": (write_capture, capture),
    "frames": (write_frames, frames),
}
"""For each picture who writes its recording, and who draws it."""


def make(folder, size=1.0, names=tuple(GALLERY)):
    """Write the pictures of these names into a folder, of recordings that are shorter for a smaller size."""
    written = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            record, draw = GALLERY[name]
            figure = draw(record(Path(scratch, f"{name}.jls"), size))
            written.append(Path(folder, f"gallery-{name}.png"))
            figure.savefig(written[-1], dpi=100)
    return written


if __name__ == "__main__":
    for path in make(PICTURES, names=sys.argv[1:] or tuple(GALLERY)):
        print(f"wrote {path}, {path.stat().st_size / 1000:.0f} kB")  # noqa: T201
