"""The explorer with a kernel behind it, in a browser without a notebook: a page of one cell, served by Voilà."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xjls.cli import EXIT_FAILED
from xjls.cli.arguments import Opening
from xjls.errors import MissingDependencyError
from xjls.storage import local_path

_NEEDED = ("voila", "anywidget", "ipykernel")
_LOOK_S = 0.05


def serve_explorer(
    path: str, signals: Sequence[str] | None, view: slice | None, opening: Opening, *, show: bool
) -> int:
    """Serve a recording on this machine, to who knows the address, until Ctrl-C; return the exit status.

    Raises
    ------
    MissingDependencyError
        Voilà, or what the explorer needs, is not installed.
    """
    require_voila()
    with tempfile.TemporaryDirectory(prefix="xjls-explore-") as folder:
        page = Path(folder, f"{Path(path.rstrip('/')).stem or 'recording'}.ipynb")
        page.write_text(json.dumps(notebook(cell(path, signals, view, opening))), "utf-8")
        return _serve(page, show=show)


def require_voila() -> None:
    """Raise MissingDependencyError where Voilà, or what the explorer needs in it, is not installed."""
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise MissingDependencyError(name, "serve")


def _serve(page: Path, *, show: bool) -> int:
    """Serve a notebook on this machine only, to who knows the token, which no list of processes shows."""
    port, token = free_port(), secrets.token_urlsafe(24)
    environment = {**os.environ, "JUPYTER_TOKEN": token}
    with subprocess.Popen(command(page, port), env=environment) as server:  # noqa: S603 - this Python, our own notebook
        try:
            if not _answers(server, port):
                return EXIT_FAILED
            address = f"http://127.0.0.1:{port}/?token={token}"
            print(f"{address}\nCtrl-C ends it", flush=True)
            if show:
                webbrowser.open(address)
            return EXIT_FAILED if server.wait() else 0
        except KeyboardInterrupt:
            return 0
        finally:
            # Ctrl-C went to it as well where both have one terminal; to end it twice is no harm
            server.terminate()


def command(page: Path, port: int) -> list[str]:
    """Return what serves a notebook."""
    return [
        sys.executable, "-m", "voila", str(page), "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}",
        "--Voila.port_retries=0", "--Voila.auto_token=True", "--Voila.log_level=WARN",
    ]  # fmt: skip


def free_port() -> int:
    """Return a port that nobody listens at on this machine."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until a server listens; False if it ends before."""
    while server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(_LOOK_S)
    return False


def cell(path: str, signals: Sequence[str] | None, view: slice | None, opening: Opening) -> str:
    r"""Return the code that makes the explorer.

    >>> print(cell("/data/run.jls", ("current",), slice(0.5, 1.0), {"sidecar": "levels.zarr"}))
    import xjls
    recording = xjls.open_recording('/data/run.jls', on_damage='gap', **{'sidecar': 'levels.zarr'})
    xjls.explore(recording, ['current'], view=slice(0.5, 1.0))
    """
    local = local_path(path)
    where = path if local is None else str(Path(local).expanduser().resolve())
    names = None if signals is None else list(signals)
    shown = "None" if view is None else f"slice({_label(view.start)}, {_label(view.stop)})"
    return (
        f"import xjls\nrecording = xjls.open_recording({where!r}, on_damage='gap', **{_plain(opening)!r})\n"
        f"xjls.explore(recording, {names!r}, view={shown})"
    )


def _label(label: Any) -> str:
    return repr(str(label)) if isinstance(label, np.datetime64) else repr(float(label))


def _plain(opening: Opening) -> dict[str, Any]:
    """Return options as literals; a sidecar's path holds wherever it is served from."""
    options = dict(opening)
    if (sidecar := options.get("sidecar")) and (local := local_path(sidecar)) is not None and Path(local).exists():
        options["sidecar"] = str(Path(local).resolve())
    return options


def notebook(code: str) -> dict[str, Any]:
    """Return a notebook of one cell (nbformat 4.5)."""
    made: dict[str, Any] = {
        "cell_type": "code", "id": "explore", "metadata": {}, "execution_count": None, "outputs": [], "source": code,
    }  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": [made], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
