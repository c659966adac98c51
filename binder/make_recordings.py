"""``python binder/make_recordings.py FOLDER``: recordings to look at, made here and now.

A device that sleeps, measures and transmits, in a Joulescope's format, and captures of the simulator in Zarr and in
PicoStream's HDF5. Each is opened again and asked for its statistics and a picture's columns.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import sys
from pathlib import Path

import xjls
from xjls.testing import write_demo

LIMIT_BYTES = 50_000_000
"""What all of them may take: images are to be pulled fast."""

CAPTURES = (
    ("joulescope.zarr", "sim?model=joulescope", 200_000, None),
    ("scope.hdf5", "sim?model=picoscope", 1_000_000, ["channel_a"]),
)
"""Name, device, rate in Hz, and the signals if not all."""


def main() -> int:
    """Make the recordings; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="where they go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    paths = [write_demo(folder / "radio.jls", seconds=3)]
    for name, device, rate, signals in CAPTURES:
        paths.append(folder / name)
        xjls.capture(device, paths[-1], duration="4s", rate=rate, signals=signals)
    for path in paths:
        with xjls.open(path) as dataset:
            dataset.xjls.columns(100)
            print(f"{path.name}: {bytes_of(path) / 1e6:.1f} MB\n{dataset.xjls.statistics().to_dataframe()}\n")
    total = sum(map(bytes_of, paths))
    print(f"together {total / 1e6:.1f} MB, at most {LIMIT_BYTES / 1e6:.0f} MB are allowed")
    return 0 if total <= LIMIT_BYTES else 1


def bytes_of(path: Path) -> int:
    """Return the size of a recording, be it a file or a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


if __name__ == "__main__":
    sys.exit(main())
