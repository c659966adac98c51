"""``xjls index``: build the summary levels of a recording that has none, into a sidecar; or check that one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xjls.cli import EXIT_DAMAGED
from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.text import size, written
from xjls.formats import open_recording
from xjls.formats.indexing import place_of
from xjls.formats.levels.build import build
from xjls.formats.levels.opening import SUFFIX, UnfitError, look
from xjls.model.amounts import quantity
from xjls.progress import shown
from xjls.storage import absolute_path

if TYPE_CHECKING:
    from pathlib import Path

    from xjls.model.recording import Recording


def index(
    path: str, *, to: str | None = None, workers: int | None = None, check: bool = False, force: bool = False,
    opening: Opening = PLAINLY,
) -> int:  # fmt: skip
    """Build what a recording lacks, and say what became of it; return the exit status."""
    place, name = place_of(absolute_path(path), to), to or path + SUFFIX
    with open_recording(path, on_damage="gap", sidecar=False, **opening) as recording:
        if check:
            return _check(recording, place, name)
        began = time.monotonic()
        if not build(recording, place, force=force, progress=shown(), workers=workers):
            print(f"{name} fits {path}: there is nothing to do (--force builds it anew)")
            return 0
        samples = sum(signal.length for signal in recording.signals.values())
        took = quantity(float(f"{time.monotonic() - began:.3g}"), "s")
        print(f"{written(name)}: levels of {samples:,} samples, built in {took}")
        if not recording.was_closed:
            print(f"  {path} is not closed by its writer: once it grows, they are not used until this is run again")
        return 0


def _check(recording: Recording, place: Path, name: str) -> int:
    """Compare a sidecar with its checksums, and the file with what it was built of; ``name`` is what people call it."""
    if not place.exists():
        print(f"{name}: there is none; xjls index without --check builds it")
        return EXIT_DAMAGED
    try:
        with look(recording.reader, recording.path, str(place), None, probe=True) as sidecar:
            n_bytes, problems = sidecar.check(shown(size))
    except UnfitError as problem:
        print(f"{name}: not used, {problem}")
        return EXIT_DAMAGED
    verdict = "damaged; what is damaged is made from samples, slowly" if problems else "whole, and fits the recording"
    print("\n".join([f"{name}: {verdict}, {size(n_bytes)} checked", *(f"  {problem}" for problem in problems)]))
    return EXIT_DAMAGED if problems else 0
