"""``xjls devices``: the kinds of devices, those that are there, and what each can be told."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from xjls.capturing.registry import KINDS, Kind, find_devices, kind_named
from xjls.cli.text import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xjls.capturing.device import Found
    from xjls.model.annotation import Json


def devices(*, kind: str | None = None, as_json: bool = False) -> int:
    """Print all kinds and the devices that are there; or what one kind can be told."""
    if kind is not None:
        one = kind_named(kind)
        print(json.dumps([asdict(setting) for setting in one.settings], indent=2) if as_json else _told(one))
        return 0
    looked = list(find_devices())
    if as_json:
        print(json.dumps([_as_json(*one) for one in looked], indent=2))
        return 0
    width = max(len(kind.name) for kind in KINDS)
    for one, there, why in looked:
        print(f"{one.name:<{width}}  {one.what}")
        lines = [f"{found.uri}  {found.source}" for found in there] + ([f"cannot be looked for: {why}"] if why else [])
        if not lines and one.is_looked_for:
            lines = ["none is there"]
        print(*(f"{'':<{width}}    {line}\n" for line in lines), sep="", end="")
    return 0


def _as_json(kind: Kind, found: Sequence[Found], why: str) -> dict[str, object]:
    there = [{"device": one.uri, "is": str(one.source)} for one in found]
    return {"kind": kind.name, "what": kind.what, "found": there, "problem": why}


def _told(kind: Kind) -> str:
    """Return what a kind can be told, a line each."""
    rows = [["setting", "default", ""]]
    rows += [[setting.name, _default(setting.default), setting.meaning] for setting in kind.settings]
    return f"{kind.name}: {kind.what}\n\n{table(rows)}"


def _default(value: Json) -> str:
    """Return a default as it would be given; there may be none."""
    return "–" if value in (None, "") else str(value)
