"""Capture panels for tests, and a browser that is none."""

import json
import threading
import time

import numpy as np

from xjls.backend.panel import panel as make_panel


class Browser:
    """Takes what is sent, and says so, unless it is busy."""

    def __init__(self, panel, *, answers=True):
        self.panel, self.answers = panel, answers
        self.pushes = []
        self.columns = {}
        panel._pusher._send = self.take

    def take(self, content, buffers):
        assert json.loads(json.dumps(content)) == content  # nothing but what JSON knows
        self.pushes.append(content)
        for lane in content["lanes"]:
            kept = {} if content["reset"] else self.columns.setdefault(lane["key"], {})
            means = np.frombuffer(buffers[0], "f4", lane["n"], lane["at"]["mean"])
            fills = np.frombuffer(buffers[0], "u1", lane["n"], lane["at"]["fill"])
            for i in range(lane["n"]):
                kept[lane["k0"] + i] = (float(means[i]) + lane["y0"], int(fills[i]), lane["per"])
            self.columns[lane["key"]] = kept
        if self.answers:
            self.say({"type": "ack", "id": content["id"]})

    def say(self, content):
        self.panel._canvas._handle_custom_msg(content, [])


def made_panels(monkeypatch, tmp_path):
    """Yield what makes panels; in the end they are closed, and nothing went wrong that nobody was told of."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    made = []

    def make(device="sim", store=None, **told):
        made.append(make_panel(device, store, **{"rate": "20 kHz", "remember": False} | told))
        return made[-1]

    yield make
    for panel in made:
        panel.close()
    assert not [panel._pusher.error for panel in made if panel._pusher.error is not None]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("xjls")]


def wait_until(holds, seconds=60):
    """Wait for a state."""
    until = time.monotonic() + seconds
    event = threading.Event()
    while not holds():
        assert time.monotonic() < until, "it takes too long"
        event.wait(0.005)


def recorded(panel, seconds):
    """Wait until so much is recorded."""
    wait_until(lambda: panel.part is not None and panel.part.counts.recorded_s >= seconds)
