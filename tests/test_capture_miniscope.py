"""The device `miniscope`: whatever bytes come through, frames and headers are those of the file."""

import contextlib
import json
import os
import socket
import sys
import threading
import tty
from types import SimpleNamespace

import numpy as np
import pytest

import xjls
from xjls.capturing.device import STOPPED, UNPLUGGED, Request
from xjls.capturing.devices import miniscope
from xjls.capturing.devices.miniscope import sources
from xjls.capturing.devices.miniscope.opening import open_source
from xjls.capturing.devices.miniscope.scope import NOTHING_BELIEVED
from xjls.capturing.registry import find_devices, open_device
from xjls.cli.main import main
from xjls.errors import DeviceError, MissingDependencyError, SelectionError
from xjls.testing.miniscope import Start, buffers_of, encode, idling, noise, tiny, write_stream
from xjls.testing.outlet import BEGIN_NS, LONG_S, ListOutlet, Run, SteppedTiming

N = 9
TINY = {
    "frame_width": 16, "frame_height": 16, "buffer_block_length": 4, "block_size": 32, "dummy_words": 2,
    "num_buffers": 8, "reverse_header_bits": True, "reverse_header_bytes": True, "reverse_payload_bits": True,
    "reverse_payload_bytes": True,
}  # fmt: skip
FRAMES = noise(tiny(), N)
SENT = encode(tiny(), idling(buffers_of(tiny(), FRAMES), [13, 300, 0])).data


class Waited(ListOutlet):
    """An outlet that tells when the last frame but the one that is held has come."""

    def __init__(self, n=N):
        super().__init__()
        self.wanted, self.came = n, threading.Event()

    def write(self, name, first_id, samples):
        super().write(name, first_id, samples)
        if name == "image" and len(self.writes["image"]) >= self.wanted:
            self.came.set()


class Scripted:
    """A source that has these pieces, one a read; None is its end."""

    is_live, waits, ended = False, False, "the script ends"

    def __init__(self, pieces):
        self.pieces, self.is_closed = list(pieces), False

    def read(self, most):
        return self.pieces.pop(0) if self.pieces else None

    def close(self):
        self.is_closed = True


def request(address="", **told):
    settings = {setting.name: setting.default for setting in miniscope.SETTINGS} | TINY | told
    return Request(address=address, settings=settings, signals=settings.pop("signals", None))


def scope(source, timing=None, **told):
    return miniscope.Miniscope(request("a", **told), lambda _: source, timing)


@contextlib.contextmanager
def opened(address, timing=None, **told):
    device = miniscope.Miniscope(request(address, **told), open_source, timing)
    try:
        yield device
    finally:
        device.close()


def frames_in(outlet):
    return np.concatenate([samples for _, samples in outlet.writes["image"]])


def check(outlet):
    np.testing.assert_array_equal(frames_in(outlet), FRAMES)
    assert outlet.of("image").window == xjls.Window(12824, 12824 + N)


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run.bin"
    path.write_bytes(SENT)
    return path


# ---- files ---------------------------------------------------------------------------------------------------------


def test_a_file_is_delivered_as_it_opens(run):
    outlet = ListOutlet()
    with opened(str(run), speed="max") as device:
        assert not device.is_live
        assert device.run(outlet, threading.Event()) == sources.FILE_ENDED
        tallies = device.tallies
    check(outlet)
    with xjls.open_recording(str(run), format="miniscope", format_options={"config": TINY}) as recording:
        for name, signal in recording.signals.items():
            found = outlet.of(name)
            assert found.window == signal.window
            np.testing.assert_array_equal(found.samples, recording.read(name))
    assert tallies == {
        "missing buffers": 0, "duplicate buffers": 0, "late buffers": 0, "quarantined buffers": 0, "cut buffers": 1,
    }  # fmt: skip
    assert json.loads(json.dumps(device.settings)) == device.settings
    assert (device.settings["frame_width"], device.settings["header_format"]) == (16, "stream-1")


def test_only_the_signals_that_are_wanted_are_delivered(run):
    outlet = ListOutlet()
    with opened(str(run), speed="max", signals=["time", "image"]) as device:
        assert [signal.name for signal in device.signals] == ["image", "time"]
        device.run(outlet, threading.Event())
    assert set(outlet.writes) == {"image", "time"}


@pytest.mark.parametrize(("speed", "seconds"), [(1, N / 20), (3, N / 60)])
def test_a_file_comes_when_it_is_due(run, speed, seconds):
    timing, outlet = SteppedTiming(), ListOutlet()
    with opened(str(run), timing, speed=speed) as device:
        assert device.run(outlet, threading.Event()) == sources.FILE_ENDED
    assert timing.elapsed_s() == pytest.approx(seconds, abs=1 / 20 / speed)
    check(outlet)
    received = np.concatenate([samples for _, samples in outlet.writes["host_time"]])
    assert received[0] == pytest.approx(BEGIN_NS / 1e9)
    assert received[-1] - received[0] == pytest.approx(seconds, abs=4 / 20 / speed)
    assert (np.diff(received) >= 0).all()


def test_a_file_that_grows_is_followed(tmp_path):
    path = tmp_path / "run.bin"
    path.write_bytes(b"")
    rest = [SENT[at : at + 99] for at in range(0, len(SENT), 99)]

    def grow():
        if rest:
            with path.open("ab") as file:
                file.write(rest.pop(0))

    timing, outlet = SteppedTiming(followers=[grow], stop_at_s=30), ListOutlet()
    with opened(str(path), timing, speed="max", follow=True) as device:
        assert device.run(outlet, threading.Event()) == STOPPED
    check(outlet)
    assert outlet.told == ["no bytes have come for 5 s"]


def test_a_file_that_becomes_shorter_ends(run):
    timing = SteppedTiming(followers=[lambda: os.truncate(run, 10)], stop_at_s=30)
    with opened(str(run), timing, speed="max", follow=True) as device:
        assert device.run(ListOutlet(), threading.Event()) == sources.FILE_CUT


# ---- serial ports --------------------------------------------------------------------------------------------------


def test_a_serial_port_is_read_until_it_is_unplugged():
    pytest.importorskip("serial")
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    outlet = Waited(N - 1)
    with opened(os.ttyname(theirs)) as device:
        os.close(theirs)
        assert device.is_live
        with Run(device, outlet) as running:
            os.write(ours, SENT)
            assert outlet.came.wait(LONG_S)
            os.close(ours)
            assert running.wait() == UNPLUGGED
    assert running.error is None
    check(outlet)


def test_a_serial_port_ends_as_it_is_closed_or_stopped():
    serial = pytest.importorskip("serial")
    for ending in (STOPPED, UNPLUGGED):
        port, outlet = serial.serial_for_url("loop://", timeout=sources.WAIT_S), Waited(N - 1)
        device = scope(sources.SerialBytes(port))
        with Run(device, outlet) as running:
            port.write(SENT)
            assert outlet.came.wait(LONG_S)
            running.stop.set() if ending == STOPPED else port.close()
            assert running.wait() == ending
        device.close()
        check(outlet)


def test_addresses_of_pyserial_are_opened_by_it():
    pytest.importorskip("serial")
    with opened("loop://") as device:
        stop = threading.Event()
        stop.set()
        assert device.run(ListOutlet(), stop) == STOPPED
    with pytest.raises(DeviceError, match=r"the port cannot be opened .*nowhere"):
        open_source(request("nowhere://"))
    with pytest.raises(DeviceError, match="the port cannot be opened"):
        open_source(request("/dev/null"))


def test_without_pyserial_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(MissingDependencyError, match=r"pyserial is not installed.*xjls\[serial\]"):
        open_device("miniscope:/dev/null?config=wireless-200px")


# ---- sockets and pipes ---------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(LONG_S)
        yield listening


def test_a_connection_is_read_until_it_is_closed(server):
    outlet = ListOutlet()
    with opened(f"tcp://127.0.0.1:{server.getsockname()[1]}") as device:
        assert device.is_live
        theirs, _ = server.accept()
        with theirs:
            theirs.sendall(SENT)
        assert device.run(outlet, threading.Event()) == sources.CLOSED
    check(outlet)


def test_a_connection_that_is_broken_ends(server):
    with opened(f"tcp://127.0.0.1:{server.getsockname()[1]}") as device:
        theirs, _ = server.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset in place of an end
        theirs.close()
        assert device.run(ListOutlet(), threading.Event()).startswith(f"{sources.CLOSED} (")


def test_a_connection_that_is_silent_is_stopped(server):
    with opened(f"tcp://127.0.0.1:{server.getsockname()[1]}") as device:
        theirs, _ = server.accept()
        with theirs, Run(device, ListOutlet()) as running:
            running.stop.set()
            assert running.wait() == STOPPED


def test_a_pipe_is_read_from_its_first_writer_to_its_last(tmp_path):
    path, outlet = str(tmp_path / "pipe"), Waited(N - 1)
    os.mkfifo(path)
    timing = SteppedTiming(stop_at_s=1)
    with opened(path, timing) as device:
        assert not device.is_live
        os.close(os.open(path, os.O_WRONLY))  # who writes nothing ends nothing
        assert device.run(ListOutlet(), threading.Event()) == STOPPED
    assert timing.elapsed_s() == pytest.approx(1)
    with opened(path) as device, Run(device, ListOutlet()) as running:
        running.stop.set()
        assert running.wait() == STOPPED
    with opened(path) as device, Run(device, outlet) as running:
        theirs = os.open(path, os.O_WRONLY)
        os.write(theirs, SENT)
        os.close(theirs)
        assert running.wait() == sources.PIPE_CLOSED
    check(outlet)


def test_the_standard_input_is_read(monkeypatch):
    ours, theirs = os.pipe()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=lambda: ours))
    outlet = ListOutlet()
    os.write(theirs, SENT)
    os.close(theirs)
    with opened("-") as device:
        assert device.run(outlet, threading.Event()) == sources.PIPE_CLOSED
    check(outlet)
    os.close(ours)


# ---- what is odd ---------------------------------------------------------------------------------------------------


NOISE = np.random.default_rng(5).bytes(400)


@pytest.mark.parametrize(("what", "silence"), [("bytes", [b""] * 150), ("buffers", [b"", NOISE] * 150)])
def test_silence_is_noted_and_what_is_held_back_is_delivered(what, silence):
    config = tiny()
    lost = [buffer for buffer in buffers_of(config, FRAMES) if (buffer.frame, buffer.slot) != (6, 3)]
    data = encode(config, lost, terminated=False).data
    cut = len(encode(config, [b for b in lost if b.frame < 7], terminated=False).data)
    timing, outlet = SteppedTiming(), ListOutlet()
    held = []

    class Counted(Scripted):
        def read(self, most):
            held.append(len(outlet.writes.get("image", ())))
            return super().read(most)

    source = Counted([data[:cut], *silence, data[cut:]])
    assert scope(source, timing, timeout_s=2, speed="max").run(outlet, threading.Event()) == source.ended
    assert outlet.told == [f"no {what} have come for 2 s", f"{what} come again"]
    assert (held[1], held[-3]) == (6, 7)
    assert outlet.notes[0].time_ns - BEGIN_NS == pytest.approx(2e9, abs=1e8)
    assert len(frames_in(outlet)) == N


def test_bytes_of_which_nothing_can_be_made_are_noted_once():
    timing, outlet = SteppedTiming(), ListOutlet()
    noise_bytes = np.random.default_rng(3).bytes(500)
    pieces = [piece for _ in range(200) for piece in (noise_bytes, b"")]
    assert scope(Scripted(pieces), timing).run(outlet, threading.Event()) == "the script ends"
    assert outlet.told == [NOTHING_BELIEVED]
    assert outlet.writes == {}


def test_a_preamble_that_is_everywhere_ends_a_run():
    device = scope(Scripted([bytes(1 << 16)] * 9), preamble=0)
    outlet = ListOutlet()
    assert "Is 'preamble' right" in device.run(outlet, threading.Event())


def test_what_is_held_is_delivered_ahead_of_an_end_by_a_fault(monkeypatch):
    outlet = ListOutlet()

    class Refused(Scripted):
        def read(self, most):
            if len(self.pieces) == 1:
                monkeypatch.setattr("xjls.formats.miniscope.push._SPARE_PREAMBLES", -(10**6))
            return super().read(most)

    source = Refused([SENT[:-60], SENT])  # the last buffer is cut
    assert "Is 'preamble' right" in scope(source).run(outlet, threading.Event())
    assert len(frames_in(outlet)) == N


@pytest.mark.parametrize("seed", range(4))
def test_hostile_bytes_do_no_harm(seed):
    rng = np.random.default_rng(seed)
    pieces = []
    for _ in range(60):
        what = rng.integers(4)
        at = int(rng.integers(len(SENT)))
        pieces.append([rng.bytes(int(rng.integers(1, 700))), SENT[at : at + 600], bytes.fromhex("1e6a2c48") * 40,
                       b"\0" * 50][what])  # fmt: skip
    outlet = ListOutlet()
    assert scope(Scripted(pieces)).run(outlet, threading.Event()) == "the script ends"
    for name, writes in outlet.writes.items():
        ids = [first for first, _ in writes]
        assert ids == sorted(ids), name
    for name in ("n_missing", "time", "host_time"):
        if name in outlet.writes:
            assert outlet.of(name).gaps == ()


@pytest.mark.parametrize(
    ("uri", "told", "error", "message"),
    [
        ("miniscope", {}, SelectionError, r"needs a port, a file or a connection.*/dev/ttyUSB0"),
        ("miniscope:a.bin", {}, SelectionError, "nothing in a stream tells.*config=wireless-200px"),
        ("miniscope:a.bin?config=wired", {}, SelectionError, "no configuration has the id 'wired'"),
        ("miniscope:a.bin?config=wireless-200px", {"rate": 30}, SelectionError, "30 Hz is not .* 20 frames a second"),
        ("miniscope:a.bin?config=wireless-200px", {"signals": ["x"]}, SelectionError, "has no signal 'x'"),
        ("miniscope:a.bin?config=wireless-200px", {}, DeviceError, r"cannot be opened \(No such file.*a.bin"),
        ("miniscope:tcp://here?config=wireless-200px", {}, SelectionError, "'tcp://here' is no address"),
        ("miniscope:tcp://h:99999?config=wireless-200px", {}, SelectionError, "is no address"),
        ("miniscope:tcp://127.0.0.1:1?config=wireless-200px", {}, DeviceError, "there is no connection"),
        ("miniscope:a.bin?config=wireless-200px&speed=0", {}, SelectionError, "speed=0 is none"),
        ("miniscope:a.bin?config=wireless-200px&timeout_s=0", {}, SelectionError, "0 is no length of time"),
        ("miniscope:a.bin?colour=1", {}, SelectionError, "miniscope has no setting 'colour'"),
    ],
)
def test_what_cannot_be_opened_is_told(uri, told, error, message):
    with pytest.raises(error, match=message):
        open_device(uri, **told)


def test_settings_in_an_address_are_a_configuration(run):
    told = "&".join(f"{key}={str(value).lower()}" for key, value in TINY.items())
    device = open_device(f"miniscope:{run}?{told}&preamble=0x12345678&speed=max&fs=25", rate="25 Hz")
    outlet = ListOutlet()
    assert device.run(outlet, threading.Event()) == sources.FILE_ENDED
    device.close()
    check(outlet)
    assert device.signals[0].rate_hz == 25


def test_the_kind_is_listed_and_none_is_looked_for(capsys):
    (kind,) = (kind for kind, _, _ in find_devices() if kind.name == "miniscope")
    assert not kind.is_looked_for
    assert main(["devices", "miniscope"]) == 0
    printed = capsys.readouterr().out
    assert "baudrate" in printed
    assert "frame_width" in printed


def test_frames_between_two_captures_lack_all_their_buffers(tmp_path):
    """What is known of frames that nobody captured is that nothing of them is there."""
    config = tiny()
    for number, first in enumerate((100, 130)):
        sent = buffers_of(config, noise(config, 5, seed=number), Start(frame=first, buffer=4 * first))
        path = tmp_path / f"{first}.bin"
        path.write_bytes(encode(config, sent).data)
        (tmp_path / "scope.yaml").write_text(config.yaml())
        outcome = xjls.capture(f"miniscope:{path}?config={tmp_path}/scope.yaml&speed=max", tmp_path / "run.zarr")
        assert outcome.counts.recorded_s > 0
    with xjls.open(tmp_path / "run.zarr") as ds:
        np.testing.assert_array_equal(ds.n_missing, [0] * 5 + [4] * 25 + [0] * 5)
        np.testing.assert_array_equal(ds.buffer_present.any("slot"), ds.n_missing == 0)
        assert {"n_missing_valid", "buffer_present_valid"}.isdisjoint(ds.variables)
        assert ds.image.sel(frame=slice(105, 129)).max() == 0
        assert set(ds.frame_number.values) - {-1} == {*range(100, 105), *range(130, 135)}


def test_a_configuration_of_another_instrument_is_doubted(tmp_path):
    path, _ = write_stream(tmp_path / "run.bin", 20)
    store = tmp_path / "run.zarr"
    xjls.capture(f"miniscope:{path}?config=wireless-200px&speed=max", store)
    with xjls.open_recording(store) as recording:
        told = [str(note.data) for note in recording.annotations]
        assert [text for text in told if "none of" in text and "configuration that of this instrument?" in text]
