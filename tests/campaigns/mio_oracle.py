"""``python -m tests.campaigns.mio_oracle --python ENV/bin/python``: mio itself, over every stream that it can be given.

mio has requirements of its own, so it runs in an environment of its own, which ``--make DIR`` makes; its folders go to
a temporary home. Over the streams of `xjls.testing.miniscope.scenarios` and random ones (losses, idle links, wrong
bits, all flags, sizes and reads), its pipeline must emit the frames of ``layout="mio"``, and its CSV the same headers.
Frames that are complete in the device's layout must be among those that mio emits, or be as they were sent. The exit
status is 1 where they are not.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import xjls
from xjls.errors import NotRecognizedError
from xjls.testing.miniscope import StreamConfig, noise, random_stream, truth_of
from xjls.testing.miniscope.scenarios import SCENARIOS
from xjls.testing.miniscope.truth import Truth

MIO = "mio==0.12.1"
DRIVER = Path(__file__).with_name("mio_driver.py")
WORDS = (
    "linked_list", "frame_num", "buffer_count", "frame_buffer_count", "write_buffer_count", "dropped_buffer_count",
    "timestamp", "pixel_count", "write_timestamp", "battery_voltage_raw", "input_voltage_raw",
)  # fmt: skip
"""Of mio's headers, in their order."""
NOT_MIO = ("depth_", "naneye", "layout_stream_protobuf", "stream_protobuf")
"""Scenarios whose pixels or headers mio cannot be told of."""


@dataclass(frozen=True)
class Case:
    """One dump, and what was sent."""

    name: str
    path: Path
    config: StreamConfig
    truth: Truth
    chunk_bytes: int = 0


@dataclass
class Found:
    """What the comparison of all cases has come to."""

    counts: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def hold(self, what, is_so, told):
        """Count what was compared, and keep what differs."""
        self.counts[what] += 1
        if not is_so:
            self.wrong.append(told)


def main():
    """Run the campaign; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.mio_oracle", description=__doc__.split("\n\n")[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--python", type=Path, help="the interpreter of an environment that has mio")
    where.add_argument("--make", type=Path, metavar="DIR", help="make the environment here, and use it")
    parser.add_argument("--random", type=int, default=100, help="random streams (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of these")
    options = parser.parse_args()
    python = options.python or make(options.make)
    found = Found()
    with tempfile.TemporaryDirectory(prefix="xjls-mio-") as folder:
        cases = [*from_scenarios(Path(folder)), *at_random(Path(folder), options.random, options.seed)]
        run(python, Path(folder), cases)
        for case in cases:
            compare(case, found)
    for what, count in found.counts.items():
        print(f"{count:7,}  {what}")
    print("\n".join([f"{len(found.wrong)} differences", *found.wrong]))
    return 1 if found.wrong else 0


def make(folder):
    """Return the interpreter of a new environment with mio."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", MIO], check=True, stdin=subprocess.DEVNULL)
    return python


def run(python, folder, cases):
    """Let mio decode all cases; what it says goes to a file."""
    jobs = []
    for case in cases:
        config = case.path.with_suffix(".yaml")
        config.write_text(case.config.yaml())
        out = str(case.path.with_suffix(""))
        jobs.append({"data": str(case.path), "config": str(config), "out": out, "chunk_bytes": case.chunk_bytes})
    (folder / "jobs.json").write_text(json.dumps(jobs))
    with (folder / "told").open("wb") as told:
        command = [python, DRIVER, "frames", folder / "jobs.json"]
        subprocess.run(command, check=True, env=at_home(folder), stdout=told, stderr=told, stdin=subprocess.DEVNULL)


def at_home(folder):
    """Return the variables of an environment in which mio makes its folders here."""
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MIO_", "PYTHON"))}
    return kept | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home)}


# ---- streams -------------------------------------------------------------------------------------------------------


def from_scenarios(folder):
    """Yield the scenarios of streams that mio has a configuration for."""
    for scenario in SCENARIOS:
        name = scenario.__name__
        if not name.startswith(("card_", *NOT_MIO)):
            made = scenario(folder)
            yield Case(name, made.path, made.config, made.truth)


def at_random(folder, count, seed):
    """Yield random streams: any flags and sizes, losses, idle bits, and wrong bits in every other one."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        config = random_config(rng)
        frames = noise(config, int(rng.integers(4, 24)), seed=number)
        loss = float(rng.choice([0, 0.05, 0.2]))
        kept, stream = random_stream(config, frames, rng, idle=(1, int(rng.integers(2, 900))), loss=loss)
        truth = truth_of(config, kept, stream)
        bits = np.unpackbits(np.frombuffer(stream.data, np.uint8))
        if number % 2:
            bits ^= (rng.random(bits.size) < 1e-4).astype(np.uint8)
        path = folder / f"random_{number}.bin"
        path.write_bytes(np.packbits(bits).tobytes())
        yield Case(path.stem, path, config, truth, int(rng.choice([0, 0, 16, 1000])))


def random_config(rng):
    """Return a configuration that mio takes."""
    flags = ("reverse_header_bits", "reverse_header_bytes", "reverse_payload_bits", "reverse_payload_bytes")
    return StreamConfig(
        frame_width=int(rng.integers(8, 40)), frame_height=int(rng.integers(8, 40)),
        buffer_block_length=int(rng.integers(3, 9)), block_size=int(rng.choice([32, 64])),
        dummy_words=int(rng.integers(0, 6)), num_buffers=int(rng.integers(4, 33)),
        preamble=int(rng.choice([0x1234_5678, 0x7856_3412, 0xDEAD_BEEF])),
        **{flag: bool(rng.integers(0, 2)) for flag in flags},
    )  # fmt: skip


# ---- comparing -----------------------------------------------------------------------------------------------------


def compare(case, found):
    """Hold what was read of one case, in both layouts, to what mio has made of it."""
    error = case.path.with_suffix(".error")
    if error.exists():
        found.counts["streams that mio raises at"] += 1
        print(f"mio raises at {case.name}: {error.read_text()}")
        return
    shape = (-1, case.config.frame_width, case.config.frame_height)
    frames = case.path.with_suffix(".frames")
    theirs = np.frombuffer(frames.read_bytes() if frames.exists() else b"", np.uint8).reshape(shape)
    rows = rows_of(case.path.with_suffix(".csv"))
    found.counts["streams"] += 1
    found.counts["frames of mio"] += len(theirs)
    as_mio(case, theirs, rows, found)
    as_device(case, theirs, rows, found)


def rows_of(path):
    """Return the columns of mio's CSV, i64[row] each, in the order in which buffers came."""
    with path.open(newline="") as file:
        read = csv.DictReader(file)
        rows, names = list(read), read.fieldnames
    # Of buffers that one read brings, its pipeline writes those first whose slot no frame has
    rows.sort(key=lambda row: int(row["buffer_recv_index"]))
    return {name: np.array([int(float(row[name])) for row in rows], np.int64) for name in names}


def opened(case, layout):
    """Return the recording of a case; None where nothing in it can be believed, or mio emits no frame."""
    facts = asdict(case.config)
    # mio has one layout of words, whatever the firmware sent
    facts["header_format"] = "stream-1" if layout == "mio" else facts["layout"]
    del facts["layout"]
    try:
        return xjls.open_recording(case.path, format="miniscope", format_options={"config": facts, "layout": layout})
    except NotRecognizedError:
        return None


def as_mio(case, theirs, rows, found):
    """Compare all frames and all rows with ``layout="mio"``."""
    recording = opened(case, "mio")
    if recording is None:
        found.hold("streams of which neither emits a frame", not len(theirs), f"{case.name}: mio emits {len(theirs)}")
        return
    with recording:
        ours = recording.read("image")
        found.hold("streams compared as mio's", np.array_equal(ours, theirs), f"{case.name}: frames differ")
        columns = {name: recording.read(name).astype(np.int64) for name in (*WORDS, "bit_offset", "frame_number")}
    reach = np.diff(columns["bit_offset"])
    slot = columns["frame_buffer_count"][:-1]
    begins = np.flatnonzero(slot == 0)  # mio waits for one
    used = np.arange(begins[0] if begins.size else len(slot), len(slot))
    # A preamble inside a header ends it for mio, and is a word of it for a reader of whole buffers
    whole = reach[used] >= case.config.header_len
    found.counts["rows of mio"] += len(rows["frame_num"])
    found.counts["rows that another preamble cuts"] += int(np.count_nonzero(~whole))
    same_length = len(used) == len(rows["frame_num"])
    found.hold("tables compared", same_length, f"{case.name}: {len(used)} rows, mio has {len(rows['frame_num'])}")
    if not same_length:
        return
    for name in WORDS:
        same = np.array_equal(columns[name][used][whole], rows[name][whole])
        found.hold("columns compared", same, f"{case.name}: {name} differs")
    index = columns["frame_number"][used]
    placed = index >= 0
    same = np.array_equal(index[placed], rows["reconstructed_frame_index"][placed])
    found.hold("indices of frames compared", same, f"{case.name}: frames of rows differ")


def as_device(case, theirs, rows, found):
    """Compare the frames that are complete on the device's axis, and that mio has in one piece, with mio's."""
    recording = opened(case, "device")
    if recording is None:
        return
    with recording:
        signal = recording.signal("image")
        complete = recording.read("buffer_present").all(axis=1)
        ours = recording.read("image").reshape(len(complete), -1)
    sent = dict(zip(case.truth.device_frame.tolist(), case.truth.frames, strict=True))
    for place in np.flatnonzero(complete):
        number = signal.first_id + int(place)
        mine = np.unique(rows["reconstructed_frame_index"][rows["frame_num"] == number])
        emitted = [theirs[i].reshape(-1) for i in mine if 0 <= i < len(theirs)]
        found.counts["complete frames of the device's layout"] += 1
        if any(np.array_equal(frame, ours[place]) for frame in emitted):
            found.counts["of these, mio has the same"] += 1
            continue
        is_sent = number in sent and np.array_equal(ours[place], sent[number].reshape(-1))
        why = "never emitted by mio" if not emitted else "in mio with other pixels, and here as sent"
        found.hold(f"of these, {why}", is_sent or not emitted, f"{case.name}: frame {number} is neither's nor as sent")


if __name__ == "__main__":
    sys.exit(main())
