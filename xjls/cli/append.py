"""``xjls append``: recordings behind another one, in its file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xjls.cli import EXIT_DAMAGED
from xjls.cli.arguments import PLAINLY, Opening
from xjls.formats import open_recording
from xjls.formats.appending import append as append_recording
from xjls.model.amounts import quantity
from xjls.progress import shown

if TYPE_CHECKING:
    from xjls.formats.appending import By, Placed
    from xjls.model.recording import Recording


def append(path: str, more: Sequence[str], *, by: By = "auto", opening: Opening = PLAINLY) -> int:
    """Append recordings one after the other, print where their samples went; return the exit status."""
    status = 0
    for name in more:
        with open_recording(name, on_damage="gap", **opening) as recording:
            placed, losses = append_recording(path, recording, by=by, progress=shown())
            print(f"appended {name} to {path}")
            for signal, where in placed.items():
                print(f"  {signal}: {_text(recording, signal, where)}")
            for signal, gaps in losses.items():
                for gap in gaps:
                    print(f"  {signal}: samples {gap.window} of {name} are lost, {gap.reason}")
            status = EXIT_DAMAGED if losses else status
    return status


def _text(recording: Recording, signal: str, where: Placed) -> str:
    gap = ""
    if where.gap:
        seconds = float(where.gap / recording.signal(signal).rate_hz)
        gap = f", behind a gap of {where.gap:,} samples ({quantity(seconds, 's')})"
    return f"{where.length:,} samples from #{where.first_id} on{gap}"
