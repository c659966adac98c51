"""``xjls check``: walk and verify every chunk, and say what is wrong where."""

from __future__ import annotations

import json
import sys

from xjls.cli import EXIT_DAMAGED
from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.info import status_facts, status_text
from xjls.cli.text import size
from xjls.formats import open_recording
from xjls.progress import shown


def check(path: str, *, as_json: bool = False, quiet: bool = False, opening: Opening = PLAINLY) -> int:
    """Verify a recording; print what is wrong, return the exit status."""
    show = None if quiet or as_json else shown(size)
    with open_recording(path, on_damage="gap", **opening) as recording:
        recording.check(show)
        status = recording.status
    if show:
        print("\r\x1b[K", end="", file=sys.stderr)
    if as_json:
        facts = {"path": recording.path, "complete": status.complete, **status_facts(status)}
        print(json.dumps(facts, indent=2))
    elif not quiet:
        verdict = "whole" if status.complete else "damaged or incomplete"
        unclosed = "" if status.closed else ", not closed by its writer"
        print(f"{path}: {verdict}{unclosed}, {size(status.size_bytes)} checked")
        if found := status_text(status):
            print(found)
    return 0 if status.complete else EXIT_DAMAGED
