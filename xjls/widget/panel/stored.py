"""What the panel remembers from one time to the next: a few choices, in a file of the user's own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xjls.capturing.history import KEPT_S
from xjls.errors import SelectionError, XjlsError
from xjls.model.amounts import bytes_of, seconds_of

DEFAULTS: dict[str, Any] = {
    "window": "30s", "units": "si", "theme": "auto", "duration": "", "size": "", "stops_after": False,
}  # fmt: skip
"""All choices that are remembered; others in the file are left out."""
LEAST_S, MOST_S = 0.1, float(KEPT_S)
"""Of a window."""


def window_s(text: str) -> float:
    """Return how far a picture reaches back, in seconds.

    Raises
    ------
    SelectionError
        It is no length of time, or none that a picture can show.

    Examples
    --------
    >>> window_s("2min")
    120.0
    """
    seconds = seconds_of(text)
    if not LEAST_S <= seconds <= MOST_S:
        raise SelectionError(f"a picture cannot reach back {text}", f"Give {LEAST_S} s to {MOST_S / 60:.0f} min.")
    return float(seconds)


_READ: dict[str, Callable[[Any], object]] = {
    "window": window_s, "units": ("si", "hours").index, "theme": ("auto", "light", "dark").index,
    "duration": lambda text: text and seconds_of(text), "size": lambda text: text and bytes_of(text),
}  # fmt: skip
"""What raises where a text is none that can be chosen."""


def place() -> Path | None:
    """Return where choices are kept: ``xjls/panel.json`` in the user's folder of configurations; None without one."""
    try:
        base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    except RuntimeError:  # a user without a home, as in a container
        return None
    return Path(base) / "xjls" / "panel.json"


def load(path: Path) -> tuple[dict[str, Any], str]:
    """Return what is remembered, defaults for the rest, and what is wrong with the file, ``""`` if nothing is.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "panel.json"
    >>> save(file, {"window": "5s"})
    >>> load(file)[0]["window"], load(file.with_name("none.json")) == (DEFAULTS, "")
    ('5s', True)
    """
    try:
        told = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return dict(DEFAULTS), ""
    except (OSError, ValueError, RecursionError) as error:
        return dict(DEFAULTS), f"{path} is not read: {error}. Choices begin anew"
    if not isinstance(told, dict):
        return dict(DEFAULTS), f"{path} holds no table. Choices begin anew"
    wrong = [name for name, value in told.items() if name in DEFAULTS and not _can_be(name, value)]
    known = {name: value for name, value in told.items() if name in DEFAULTS and name not in wrong}
    return DEFAULTS | known, f"{path}: {', '.join(wrong)} cannot be that" if wrong else ""


def _can_be(name: str, value: object) -> bool:
    if type(value) is not type(DEFAULTS[name]):
        return False
    try:
        _READ.get(name, bool)(value)
    except (XjlsError, ValueError):
        return False
    return True


def save(path: Path, choices: dict[str, Any]) -> None:
    """Keep choices; what is there is replaced at once. Raises OSError where that cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    told = {name: choices.get(name, value) for name, value in DEFAULTS.items()}
    new.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    new.replace(path)
