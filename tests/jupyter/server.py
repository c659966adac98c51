"""A JupyterLab of the tests' own: its settings, kernels and notebooks are in one folder, and nobody else's.

It takes a free port and a token of its own, and looks for no updates and no news.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60
"""How long a server may take to start, or to end, on a machine that does much else."""
QUIET = {
    "buildCheck": False,
    "buildAvailable": False,
    "exposeAppInBrowser": True,
    "disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True},
}
"""What would open dialogs of its own is off."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A server that runs."""

    url: str
    """With a slash at its end."""
    token: str
    notebooks: Path
    """The folder whose files it serves."""
    log: Path

    def ask(self, path, method="GET"):
        """Return what the server's API says, or None where it says nothing."""
        head = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}api/{path}", method=method, headers=head)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def end_sessions(self):
        """End every kernel."""
        for session in self.ask("sessions"):
            self.ask(f"sessions/{session['id']}", "DELETE")


@contextlib.contextmanager
def running_lab(folder):
    """Start a JupyterLab in an empty folder; yield it when it answers, and end it and its kernels afterwards."""
    notebooks, token, log = folder / "notebooks", secrets.token_hex(16), folder / "log"
    notebooks.mkdir()
    _write_settings(folder)
    with log.open("wb") as written:
        process = subprocess.Popen(
            _command(notebooks, token), cwd=notebooks, env=_environment(folder), stdin=subprocess.DEVNULL,
            stdout=written, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        lab = Lab(_address(folder, process, log), token, notebooks, log)
        _wait(lambda: _answers(lab), process, log)
        yield lab
        lab.end_sessions()
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(notebooks, token):
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": "0",
        "ServerApp.root_dir": str(notebooks),
        "IdentityProvider.token": token,
        "LabApp.extension_manager": "readonly",
        "LabApp.news_url": "None",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", *as_root, *given]


def _environment(folder):
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
              "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
              "IPYTHONDIR": "ipython", "XDG_CONFIG_HOME": "user"}  # fmt: skip
    own = {name: str(folder / place) for name, place in places.items()}
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {**os.environ, **own, "PYTHONPATH": paths, "JUPYTER_PREFER_ENV_PATH": "1", "ANYWIDGET_HMR": "0"}


def _write_settings(folder):
    place = folder / "config" / "labconfig"
    place.mkdir(parents=True)
    (place / "page_config.json").write_text(json.dumps(QUIET))


def _address(folder, process, log):
    """Return where the server listens, from the file that it writes then."""

    def written():
        for file in (folder / "runtime").glob("jpserver-*.json"):
            with contextlib.suppress(ValueError):  # half written
                return json.loads(file.read_text())["url"]
        return None

    return _wait(written, process, log)


def _answers(lab):
    with contextlib.suppress(urllib.error.URLError):
        return lab.ask("status")
    return None


def _wait(found, process, log):
    """Return the first true answer of ``found``."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise RuntimeError(f"JupyterLab does not start: {log.read_text(errors='replace')[-2000:]}")
