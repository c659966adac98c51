"""``xjls check``: walk and verify every chunk, and say what is wrong where."""

from __future__ import annotations

import json
import sys
import time

from xjls.cli import EXIT_DAMAGED
from xjls.cli.info import status_facts, status_text
from xjls.cli.text import size
from xjls.formats import open_recording


def check(path: str, *, as_json: bool = False, quiet: bool = False) -> int:
    """Verify a recording; print what is wrong, return the exit status."""
    show = not (quiet or as_json) and sys.stderr.isatty()
    with open_recording(path, on_damage="gap") as recording:
        recording.check(_progress if show else None)
        status = recording.status
    if show:
        print("\r\x1b[K", end="", file=sys.stderr)
    if as_json:
        facts = {"path": recording.path, "complete": status.complete, **status_facts(status)}
        print(json.dumps(facts, indent=2))
    elif not quiet:
        verdict = "whole" if status.complete else "damaged or incomplete"
        print(f"{path}: {verdict}, {size(status.size_bytes)} checked")
        if found := status_text(status):
            print(found)
    return 0 if status.complete else EXIT_DAMAGED


_last_shown = [0.0]


def _progress(done: int, total: int) -> None:
    now = time.monotonic()
    if now - _last_shown[0] > 0.1 or done == total:
        _last_shown[0] = now
        print(f"\r{done / max(total, 1):4.0%} of {size(total)}", end="", file=sys.stderr, flush=True)
