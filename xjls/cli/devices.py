"""``xjls devices``: the kinds of devices, those that are there, and what each can be told."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from xjls.capturing.registry import KINDS, Kind, find_devices
from xjls.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xjls.capturing.device import Found


def devices(*, kind: str | None = None, as_json: bool = False) -> int:
    """Print all kinds and the devices that are there; or what one kind can be told."""
    if kind is not None:
        print(*_told(_named(kind)), sep="\n")
        return 0
    looked = list(find_devices())
    if as_json:
        json.dump([_as_json(*one) for one in looked], sys.stdout, indent=2)
        print()
        return 0
    width = max(len(kind.name) for kind in KINDS)
    for one, there, why in looked:
        print(f"{one.name:<{width}}  {one.what}")
        lines = [f"{found.uri}  {found.source}" for found in there] + ([f"cannot be looked for: {why}"] if why else [])
        print(*(f"{'':<{width}}    {line}\n" for line in lines), sep="", end="")
    return 0


def _as_json(kind: Kind, found: Sequence[Found], why: str) -> dict[str, object]:
    there = [{"device": one.uri, "is": str(one.source)} for one in found]
    return {"kind": kind.name, "what": kind.what, "found": there, "problem": why}


def _named(name: str) -> Kind:
    kind = next((kind for kind in KINDS if kind.name == name), None)
    if kind is None:
        raise SelectionError(f"there is no kind of device {name!r}", f"Kinds: {', '.join(k.name for k in KINDS)}.")
    return kind


def _told(kind: Kind) -> list[str]:
    """Return what a kind can be told, a line each."""
    rows = [(setting.name, json.dumps(setting.default), setting.meaning) for setting in kind.settings]
    widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
    lines = [f"  {name:<{widths[0]}}  {default:<{widths[1]}}  {meaning}" for name, default, meaning in rows]
    return [f"{kind.name}: {kind.what}", *lines]
