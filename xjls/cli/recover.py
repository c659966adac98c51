"""``xjls recover``: everything that can be saved of a damaged recording, and a report of what cannot."""

from __future__ import annotations

from pathlib import Path

from xjls.cli import EXIT_DAMAGED
from xjls.cli.info import status_text
from xjls.cli.progress import shown
from xjls.cli.text import size
from xjls.formats import open_recording


def recover(path: str, out: str, *, overwrite: bool = False) -> int:
    """Write what is intact to a new file, print what is lost; return the exit status."""
    from xjls.formats.carry import carry
    from xjls.formats.jls2.sink import Jls2Sink
    from xjls.formats.jls2.writer import new_file

    with open_recording(path, on_damage="gap") as recording:
        with new_file(out, overwrite=overwrite, option="--overwrite") as part, Jls2Sink(part) as sink:
            losses = carry(recording, sink, shown())
        lost = sum(gap.window.length for gaps in losses.values() for gap in gaps)
        total = sum(signal.length for signal in recording.signals.values())
        print(f"wrote {out}, {size(Path(out).stat().st_size)}: {total - lost:,} of {total:,} samples")
        if found := status_text(recording.status):
            print(found)
        return EXIT_DAMAGED if losses else 0
