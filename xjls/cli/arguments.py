"""Arguments that several commands have, and what their texts are read as."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Opening: TypeAlias = Mapping[str, Any]
"""How a command opens its recordings: arguments of `xjls.open_recording`."""
PLAINLY: Opening = MappingProxyType({})
_WORDS = {"true": True, "false": False, "null": None}
"""As YAML has them, in whose files the keys of configurations are written otherwise."""


def add_file(command: argparse.ArgumentParser, *, sidecar: bool = True) -> None:
    """Add the recording that a command is about, and how it is opened; with ``sidecar``, where its levels may be."""
    command.add_argument("path", metavar="FILE", help="a local path, or an address such as s3://bucket/run.jls")
    add_options(command)
    if sidecar:
        command.add_argument("--sidecar", metavar="PATH", help="where xjls index --to has put the levels of FILE")


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the format, and what only one format asks; `opening` makes an argument of them."""
    command.add_argument(
        "--format", "-F", metavar="NAME", help="the format of what nothing in it tells: miniscope (default: by the "
        "first bytes)",
    )  # fmt: skip
    command.add_argument(
        "--option", "-O", dest="format_options", action="append", type=option, default=[], metavar="NAME=VALUE",
        help="what only one format asks, as units=mV of PicoStream, suppress=off of JLS v1, or config=wireless-200px "
        "of miniscope; may be repeated",
    )  # fmt: skip


def opening(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a command, those of how recordings are opened made into one, ``opening``.

    >>> opening({"path": "run.hdf5", "format_options": [("units", "mV")], "sidecar": "levels.zarr"})
    {'path': 'run.hdf5', 'opening': {'format_options': {'units': 'mV'}, 'sidecar': 'levels.zarr'}}
    >>> opening({"path": "run.bin", "format_options": [("dummy_words", 0)], "format": "miniscope"})
    {'path': 'run.bin', 'opening': {'format_options': {'dummy_words': 0}, 'format': 'miniscope'}}
    """
    kept = dict(options)
    pairs = kept.pop("format_options", None)
    asked = {name: kept.pop(name, None) for name in ("format", "sidecar")}
    if pairs is not None:
        told = {"format_options": {name: _as_config(name, value) for name, value in pairs}}
        kept["opening"] = told | {name: value for name, value in asked.items() if value}
    return kept


def _as_config(name: str, value: Any) -> Any:
    """Return the value of an option: words of a miniscope's configuration are true, false and null.

    >>> _as_config("reverse_header_bits", "true"), _as_config("units", "true")
    (True, 'true')
    """
    if not isinstance(value, str) or value not in _WORDS:
        return value
    # Here, so that nothing but such a word loads the formats before a command does
    from xjls.formats.miniscope.opening import OF_CONFIG

    return _WORDS[value] if name in OF_CONFIG else value


def option(text: str) -> tuple[str, str | int | float]:
    """Read an option as people type it.

    >>> option("max_adc=32512"), option("units=mV"), option("suppress=nan")
    (('max_adc', 32512), ('units', 'mV'), ('suppress', 'nan'))
    """
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    for number in (int, float):
        with contextlib.suppress(ValueError):
            found = number(value)
            # "nan" and "inf" are words: no option of a format is such a number
            return name, found if math.isfinite(found) else value
    return name, value


def add_output(command: argparse.ArgumentParser) -> None:
    """Add the recording that a command makes."""
    command.add_argument("out", metavar="OUT", help="the new recording: .jls, .zarr, which may have an address, or "
                         ".hdf5 of one channel's counts")  # fmt: skip
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
