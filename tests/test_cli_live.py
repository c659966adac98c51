"""``xjls capture --plot``: a picture that delays nobody, and the view in a terminal with its keys."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import xjls
from xjls.capturing.watching import Watch
from xjls.cli.live_band import LABEL, band, frame
from xjls.cli.live_picture import draw_last
from xjls.cli.main import main
from xjls.testing.captured import check_captured

ROWS, COLUMNS = 30, 90
BLANK = chr(0x2800)
PATIENCE_S = 300
"""A machine with much else to do compiles for minutes before the first line is shown, and again before a picture."""


def dots_of(lines):
    """Return bool[row, column] of lines of braille."""
    places = (
        (0, 0, 0x01),
        (1, 0, 0x02),
        (2, 0, 0x04),
        (3, 0, 0x40),
        (0, 1, 0x08),
        (1, 1, 0x10),
        (2, 1, 0x20),
        (3, 1, 0x80),
    )
    found = np.zeros((4 * len(lines), 2 * len(lines[0])), bool)
    for i, text in enumerate(lines):
        for j, letter in enumerate(text):
            for down, aside, bit in places:
                found[4 * i + down, 2 * j + aside] = bool((ord(letter) - ord(BLANK)) & bit)
    return found


def test_a_band_has_its_dots_where_values_are():
    rng = np.random.default_rng(7)
    low = rng.uniform(-3, 2, 41)
    high = low + rng.uniform(0, 2, 41)
    low[5] = high[5] = np.nan
    found = dots_of(band(low, high, 3, (-3.0, 4.0)))
    assert found.shape == (12, 42)
    for i in range(41):
        rows = np.flatnonzero(found[:, i])
        if i == 5:
            assert not len(rows)
            continue
        first, last = (11 - round((value + 3) * 11 / 7) for value in (high[i], low[i]))
        assert rows.tolist() == list(range(first, last + 1))
    assert not found[:, 41].any()


def test_a_constant_and_an_empty_signal_have_a_band_too():
    assert dots_of(band(np.full(4, 3.3), np.full(4, 3.3), 1, (3.3, 3.3))).any(axis=0).all()
    assert band(np.full(4, np.nan), np.full(4, np.nan), 1, (0, 1)) == [BLANK * 2]


def buffer_of(names, rate_hz=1000):
    bench = xjls.Source(id=1, name="bench")
    kinds = {"gpi[0]": ("", "u1", "?"), "level": ("", "f32", "f4")}
    signals = []
    for i, name in enumerate(names, 1):
        units, stored_type, dtype = kinds.get(name, ("A", "f32", "f4"))
        how = {"dtype": np.dtype(dtype), "stored_type": stored_type, "rate_hz": Fraction(rate_hz), "source": bench}
        signals.append(xjls.Signal(id=i, name=name, units=units, **how))
    return Watch(signals, seconds=20)


def test_a_frame_fits_and_names_what_it_leaves_out():
    names = ["current", "gpi[0]", "level", "other", "more"]
    buffer = buffer_of(names)
    assert frame(buffer.histories, 60, 20, 10) == ["nothing has come yet"]
    for name in names:
        buffer.write(name, 0, np.arange(5000) % 2 == 0 if name == "gpi[0]" else np.linspace(0, 0.01, 5000, dtype="f4"))
    for columns, rows in ((60, 20), (100, 6), (70, 50)):
        lines = frame(buffer.histories, columns, rows, 10, colored=False)
        assert len(lines) <= rows + 1
        assert max(map(len, lines)) <= max(columns, 2 * LABEL + 30)
    assert "no room for" in frame(buffer.histories, 100, 6, 10)[-1]
    title, *lines = frame(buffer.histories, 112, 20, 10, colored=False)[:4]
    assert title == "current  9.001 mA over the last second"
    assert lines[0].startswith("      10 mA ")
    there = dots_of([text[LABEL:] for text in lines]).any(axis=0)
    assert not there[:95].any()  # half of ten seconds, of which nothing came
    assert there[105:-2].all()


def test_a_slow_picture_delays_nobody(tmp_path, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    ended = []

    def slowly(session, out):
        begun.set()
        ended.append(session.has_ended(30))  # the session ends while the picture is being drawn
        go_on.wait(30)

    monkeypatch.setattr("xjls.cli.live_picture.draw_last", slowly)
    monkeypatch.setattr("xjls.cli.live_picture.DRAW_S", 0.05)
    threading.Timer(0, lambda: (begun.wait(30), go_on.set())).start()
    store = str(tmp_path / "run.jls")
    assert (
        main(["capture", "sim", store, "-t", "0.6s", "--rate", "1000", "-q", "--plot", str(tmp_path / "run.png")]) == 0
    )
    assert ended[0] is True
    assert not [thread for thread in threading.enumerate() if thread.name == "xjls picture"]
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_what_is_gone_meanwhile_is_drawn_of_what_is_there_now(tmp_path, monkeypatch):
    buffer = buffer_of(["current"])
    buffer.write("current", 0, np.arange(1000, dtype="f4"))
    plot, tries = type(buffer.recording).plot, []

    def late(recording, *told, **how):
        if not tries:
            buffer.write("current", 1000, np.arange(40_000, dtype="f4"))
        tries.append(recording.signal("current").window)
        return plot(recording, *told, **how)

    recording = buffer.recording
    monkeypatch.setattr(type(recording), "plot", late)
    session = SimpleNamespace(recording=recording)
    assert draw_last(session, str(tmp_path / "now.png"))
    assert [window.stop for window in tries] == [1000, 41_000]
    assert [one.name for one in tmp_path.iterdir()] == ["now.png"]


def test_without_a_terminal_it_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["capture", "sim", "run.jls", "--plot", "live"]) == 2
    assert "there is no terminal that could show it. Name a picture, as in --plot out.png." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


class Terminal:
    """A terminal that a command runs in."""

    def __init__(self, *arguments):
        self.shown = ""
        self._mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        command = [sys.executable, "-m", "xjls", *arguments]
        self.before = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - Ctrl-C must reach it
        )  # fmt: skip
        self._theirs = theirs

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._mine)
        os.close(self._theirs)

    def press(self, keys):
        os.write(self._mine, keys.encode())

    def read_until(self, pattern):
        """Read until a pattern is shown, from where the last one ended."""
        until = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.shown, re.DOTALL)):
            assert time.monotonic() < until, self.shown[-2000:]
            assert self.process.poll() is None, self.shown[-2000:]
            if select.select([self._mine], [], [], 0.2)[0]:
                self.shown += os.read(self._mine, 65536).decode(errors="replace")
        self.shown = self.shown[found.end() :]
        return found

    def end(self):
        """Return the exit status; what is shown meanwhile is read."""
        until = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < until:
            if select.select([self._mine], [], [], 0.1)[0]:
                self.shown += os.read(self._mine, 65536).decode(errors="replace")
        while select.select([self._mine], [], [], 0)[0]:
            self.shown += os.read(self._mine, 65536).decode(errors="replace")
        return self.process.returncode


@pytest.mark.parametrize(("key", "reason"), [("q", "somebody pressed q"), ("\x03", "it was interrupted")])
def test_the_view_in_a_terminal_draws_takes_pictures_pauses_and_ends(tmp_path, key, reason):
    store = tmp_path / "run.zarr"
    with Terminal("capture", "sim", str(store), "--rate", "20kHz", "--plot", "live") as terminal:
        shown = terminal.read_until(r"voltage  3\.\d+ V over the last second.*?q stop")[0]
        assert any(0x2800 < ord(letter) <= 0x28FF for letter in shown)
        terminal.press("s")
        name = terminal.read_until(r"wrote (run_\d+_\d+\.png)")[1]
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        terminal.press("p")
        terminal.read_until("paused: the capture goes on")
        terminal.press("p")
        terminal.read_until(r"\d s \| nothing lost.*?q stop")
        terminal.press(key)
        assert terminal.end() == 0
        assert f"ended because {reason}" in terminal.shown
        assert termios.tcgetattr(terminal._theirs)[3] == terminal.before[3]  # letters are shown again
    with xjls.open_recording(store) as recording:
        assert recording.was_closed
        assert not any(check_captured(recording).values())


def test_the_help_names_the_keys(capsys):
    with pytest.raises(SystemExit):
        main(["capture", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "the key s draws them into a PNG beside the recording, p pauses the view, and q or Ctrl-C ends" in told
