"""``xjls convert`` and ``xjls recover``: everything that is intact of a recording into a new one, and what is lost."""

from __future__ import annotations

from xjls.cli import EXIT_DAMAGED
from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.info import status_text
from xjls.cli.text import written
from xjls.formats import carry, new_recording, open_recording
from xjls.progress import shown


def convert(
    path: str, out: str, *, codec: str | None = None, overwrite: bool = False, opening: Opening = PLAINLY
) -> int:
    """Write what is intact to a new recording, print what is lost; return the exit status."""
    with open_recording(path, on_damage="gap", **opening) as recording:
        with new_recording(out, overwrite=overwrite, option="--overwrite", codec=codec) as sink:
            losses = carry(recording, sink, shown())
        lost = sum(gap.window.length for gaps in losses.values() for gap in gaps)
        total = sum(signal.length for signal in recording.signals.values())
        print(f"{written(out)}: {total - lost:,} of {total:,} samples")
        if found := status_text(recording.status):
            print(found)
        return EXIT_DAMAGED if losses else 0
