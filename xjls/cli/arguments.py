"""Arguments that several commands have, and what their texts are read as."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def add_file(command: argparse.ArgumentParser) -> None:
    """Add the recording that a command is about."""
    command.add_argument("path", metavar="FILE", help="a local path, or an address such as s3://bucket/run.jls")


def add_output(command: argparse.ArgumentParser) -> None:
    """Add the recording that a command makes."""
    command.add_argument("out", metavar="OUT", help="the new recording: .jls, or .zarr, which may have an address")
    command.add_argument("--overwrite", action="store_true", help="replace it if it is there already")


def add_window(command: argparse.ArgumentParser) -> None:
    """Add what a command needs to know of a part of a recording."""
    add_file(command)
    command.add_argument("--from", dest="start", metavar="T", help="UTC, seconds such as 1.5 or 20ms, or #SAMPLE")
    command.add_argument("--to", dest="stop", metavar="T", help="the end, not included; as --from")
    command.add_argument("--signal", "-s", dest="signals", action="append", default=[], metavar="NAME",
                         help="a signal; may be repeated (default: all)")  # fmt: skip


def between(low: float, high: float | None = None, what: str = "", *, whole: bool = True) -> Callable[[str], float]:
    """Return what reads a number for argparse, and refuses those below ``low`` and above ``high``.

    >>> between(100, 20_000, "pixels")("50")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: 50 is not between 100 and 20,000 pixels
    """
    limits = f"at least {low:,}" if high is None else f"between {low:,} and {high:,}"

    def number(text: str) -> float:
        try:
            found = int(text) if whole else float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no {'whole ' if whole else ''}number") from None
        if not low <= found <= (math.inf if high is None else high):
            raise argparse.ArgumentTypeError(f"{text} is not {limits} {what}".rstrip())
        return found

    return number
