"""Arguments that several commands have, and what their texts are read as."""

from __future__ import annotations

import argparse


def add_file(command: argparse.ArgumentParser) -> None:
    """Add the recording that a command is about."""
    command.add_argument("path", metavar="FILE", help="a local path, or an address such as s3://bucket/run.jls")


def add_output(command: argparse.ArgumentParser) -> None:
    """Add the recording that a command makes."""
    command.add_argument("out", metavar="OUT", help="the new recording")
    command.add_argument("--overwrite", action="store_true", help="replace it if it is there already")


def add_window(command: argparse.ArgumentParser) -> None:
    """Add what a command needs to know of a part of a recording."""
    add_file(command)
    command.add_argument("--from", dest="start", metavar="T", help="UTC, seconds such as 1.5 or 20ms, or #SAMPLE")
    command.add_argument("--to", dest="stop", metavar="T", help="the end, not included; as --from")
    command.add_argument("--signal", "-s", dest="signals", action="append", default=[], metavar="NAME",
                         help="a signal; may be repeated (default: all)")  # fmt: skip


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def count(text: str) -> int:
    """Return a number of things, for argparse."""
    number = _integer(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 1,000,000")
    return number


def positive_integer(text: str) -> int:
    """Return a number of samples, for argparse."""
    number = _integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def pixels(text: str) -> int:
    """Return a size of a picture, for argparse."""
    number = _integer(text)
    if not 100 <= number <= 20_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 100 and 20,000 pixels")
    return number


def positive(text: str) -> float:
    """Return a length of time in seconds, for argparse."""
    seconds = float(text)
    if not 1e-3 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} s is not between 1 ms and an hour")
    return seconds
