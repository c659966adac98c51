"""Runs mio's own pipeline over dumps of streams; for an environment that has mio, and nothing of this project.

``python mio_driver.py frames JOBS`` takes a JSON file of jobs, ``{"data": …, "config": …, "out": …, "chunk_bytes": …}``
each, and writes beside ``out`` the frames that mio emits (``.frames``, bytes), the rows of its CSV (``.csv``) or, where
mio raises, the last line of that (``.error``). ``python mio_driver.py time DATA CONFIG N`` prints a JSON object with N
times of decoding, in seconds, wall and processor: by the pipeline, and by its nodes called one after the other.

The driver of the instrument's receiver, which mio imports, is replaced by one that reads a file.
"""

import json
import sys
import time
import types
from pathlib import Path


class FileReceiver:
    """Stands where mio has the receiver: gives the bytes of `DATA` in reads of mio's own length."""

    DATA = b""
    CHUNK_BYTES = 0
    """Of a read; 0: as mio asks for."""

    def __init__(self, read_length, serial_id=""):
        self.read_length = self.CHUNK_BYTES or read_length

    def upload_bit(self, bit_file):
        """Have nothing to upload."""

    def set_wire(self, addr, val):
        """Have no wires."""

    def __iter__(self):
        yield from (self.DATA[at : at + self.read_length] for at in range(0, len(self.DATA), self.read_length))


class FrameFile:
    """Stands where mio has ffmpeg: keeps frames as they are."""

    def __init__(self, filename, inputdict, outputdict):
        self._file = Path(filename).open("wb")  # noqa: SIM115 - mio closes it

    def writeFrame(self, frame):
        self._file.write(frame.tobytes())

    def close(self):
        self._file.close()


TOLD, sys.stdout = sys.stdout, sys.stderr  # where mio's own messages go, which are of many lines
driver = types.ModuleType("mio.interfaces.opalkelly")
driver.okDev = FileReceiver
sys.modules[driver.__name__] = driver

from mio.devices.stream import StreamDevConfig, StreamDevice  # noqa: E402 - behind the driver that it would import
from mio.devices.stream.nodes import CombineBuffers, ParseHeader, SplitBuffers, trim_or_pad  # noqa: E402
from mio.io import video  # noqa: E402 - behind devices, as mio's rooms import each other

video.FFmpegWriter = FrameFile


def main():
    """Do what the arguments say."""
    what, *arguments = sys.argv[1:]
    if what == "frames":
        for job in json.loads(Path(arguments[0]).read_text()):
            frames_of(**job)
    else:
        print(json.dumps(times_of(*arguments)), file=TOLD)


def frames_of(data, config, out, chunk_bytes):
    """Write what mio makes of one dump."""
    FileReceiver.DATA, FileReceiver.CHUNK_BYTES = Path(data).read_bytes(), chunk_bytes
    try:
        device = StreamDevice(StreamDevConfig.from_yaml(Path(config)))
        device.capture(video=Path(f"{out}.frames"), metadata=Path(f"{out}.csv"), show_video=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        Path(f"{out}.error").write_text(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


def times_of(data, config, rounds):
    """Return how long decoding takes, (wall, processor) s each time, without any file being written."""
    FileReceiver.DATA = Path(data).read_bytes()
    device_config = StreamDevConfig.from_yaml(Path(config))
    found = {"pipeline": [], "nodes": [], "frames": 0, "bytes": len(FileReceiver.DATA)}
    for _ in range(int(rounds)):
        started = now()
        StreamDevice(device_config).capture(show_video=False)
        found["pipeline"].append([b - a for a, b in zip(started, now(), strict=True)])
        started = now()
        found["frames"] = sum(1 for _ in by_nodes(device_config))
        found["nodes"].append([b - a for a, b in zip(started, now(), strict=True)])
    return found


def now():
    """Return wall and processor time, s."""
    return time.perf_counter(), time.process_time()


def by_nodes(config):
    """Yield the frames that the pipeline's nodes make, without the pipeline."""
    split, parse, combine = (
        kind(id=kind.__name__, config=config) for kind in (SplitBuffers, ParseHeader, CombineBuffers)
    )
    combine.init()
    for chunk in FileReceiver(config.read_length):
        buffers = split.process(chunk)
        for one in buffers if isinstance(buffers, list) else ():
            header, pixels = parse.process(one)
            if hasattr(header, "frame_num"):
                trimmed, header = trim_or_pad(pixels, header, config)
                frame, _ = combine.process(trimmed, header) if hasattr(trimmed, "shape") else (None, 0)
                if hasattr(frame, "shape"):
                    yield frame


if __name__ == "__main__":
    main()
