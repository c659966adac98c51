"""``xjls convert`` and ``xjls recover``: everything that is intact of a recording into a new one, and what is lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xjls.cli import EXIT_DAMAGED
from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.info import status_text
from xjls.cli.text import written
from xjls.errors import SelectionError
from xjls.formats import carry, new_recording, open_recording
from xjls.progress import shown
from xjls.storage import absolute_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.window import Gap


def convert(
    path: str, out: str, *, codec: str | None = None, overwrite: bool = False, opening: Opening = PLAINLY
) -> int:
    """Write what is intact to a new recording, print what is lost; return the exit status."""
    if overwrite:
        refuse_itself(path, out)
    with open_recording(path, on_damage="gap", **opening) as recording:
        with new_recording(out, overwrite=overwrite, option="--overwrite", codec=codec) as sink:
            losses = carry(recording, sink, shown())
        print(f"{written(out)}: {', '.join(_amounts(recording, losses))}")
        if found := status_text(recording.status):
            print(found)
        return EXIT_DAMAGED if losses else 0


def _amounts(recording: Recording, losses: Mapping[str, Sequence[Gap]]) -> list[str]:
    """Return how much is intact: samples of all series together, and positions of each other axis."""
    lost = {name: sum(gap.window.length for gap in gaps) for name, gaps in losses.items()}
    axes: dict[str, list[Signal]] = {}
    for signal in recording.signals.values():
        axes.setdefault(signal.axis, []).append(signal)
    found = []
    for axis, signals in axes.items():
        all_of, missing = [one.length for one in signals], [lost.get(one.name, 0) for one in signals]
        total, gone = (max(all_of), max(missing)) if axis else (sum(all_of), sum(missing))
        found.append(f"{total - gone:,} of {total:,} {axis or 'sample'}s")
    return found or ["0 of 0 samples"]


def refuse_itself(path: str, out: str) -> None:
    """Raise SelectionError where a recording would be replaced by what is made of it: that may be less.

    >>> refuse_itself("run.jls", "./run.jls")
    Traceback (most recent call last):
    xjls.errors.SelectionError: ./run.jls is the recording itself. Choose another name.
    """
    names = [absolute_path(name).rstrip("/") for name in (path, out)]
    places = [Path(name) for name in names]
    if names[0] == names[1] or (all(place.exists() for place in places) and places[0].samefile(places[1])):
        raise SelectionError(f"{out} is the recording itself", "Choose another name.")
