"""Several ES modules as the one that a browser gets; see docs/decisions/0023."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""Where the sources of the front end are."""

_IMPORT = re.compile(r'^import\s*\{[^}]*\}\s*from\s*"(?P<path>\.{1,2}/[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)


@cache
def joined(entry: str, root: Path = STATIC) -> str:
    """Return a module with all that it imports, directly or not, as one module without imports.

    Modules stand behind those that they import. All names of all of them share one scope: imports neither rename nor
    take a whole module. What the entry exports by ``export default`` stays exported.

    Parameters
    ----------
    entry
        Its path below the root, as in ``"explorer/index.js"``.
    root
        The folder of all modules.

    Raises
    ------
    ValueError
        Modules import each other in a circle.
    """
    parts: dict[Path, str] = {}
    _visit((root / entry).resolve(), parts, ())
    return "\n".join(parts.values())


@cache
def styles(*names: str) -> str:
    """Return style sheets of `STATIC` as one text; a folder stands for all that are in it, by name."""
    paths = (STATIC / name for name in names)
    sheets = (sheet for path in paths for sheet in (sorted(path.glob("*.css")) if path.is_dir() else [path]))
    return "\n".join(sheet.read_text("utf-8") for sheet in sheets)


def _visit(path: Path, parts: dict[Path, str], above: tuple[Path, ...]) -> None:
    if path in parts:
        return
    if path in above:
        circle = " → ".join(one.name for one in (*above[above.index(path) :], path))
        raise ValueError(f"modules import each other in a circle: {circle}")
    text = path.read_text("utf-8")
    for found in _IMPORT.finditer(text):
        _visit((path.parent / found["path"]).resolve(), parts, (*above, path))
    parts[path] = _EXPORT.sub("", _IMPORT.sub("", text))
