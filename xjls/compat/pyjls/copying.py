"""One file to another: everything that is intact, whatever state the first is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xjls.formats import open_recording
from xjls.formats.carry import Losses, carry
from xjls.formats.jls2.sink import Jls2Sink
from xjls.storage.new_file import new_file

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator


def copy(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    msg_fn: Callable[[str], object] | None = None,
    progress_fn: Callable[[float], object] | None = None,
) -> None:
    """Write what is intact of a file to another one, which appears under its name when it is complete.

    Parameters
    ----------
    src
        A closed, unclosed or damaged file; it is not changed.
    dst
        A local path; a file that is there is replaced.
    msg_fn
        Called with a line of text for each thing that is wrong with ``src``, and for what is lost.
    progress_fn
        Called with what is done, from 0.0 to 1.0, at the end always with 1.0.

    Notes
    -----
    Samples that are lost become NaN, or 0 in integer signals, and xjls reads them as gaps. Signals are cut to
    the library's default blocks. UTC pairs, and times of annotations that have no sample id, are kept to the
    nanosecond: a JLS time may differ by one tick of 0.93 ns.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.compat.pyjls import Reader
    >>> from xjls.testing import write_demo
    >>> folder = tempfile.mkdtemp()
    >>> copy(write_demo(folder + "/run.jls", seconds=0.1), folder + "/copy.jls")
    >>> Reader(folder + "/copy.jls").signal_lookup("current").length
    50000
    """

    def report(done: int, total: int) -> None:
        if progress_fn is not None and done < total:
            progress_fn(done / total)

    with open_recording(src, on_damage="gap") as recording:
        with new_file(dst, overwrite=True) as place, Jls2Sink(place) as sink:
            losses = carry(recording, sink, report)
        status = recording.status
    if msg_fn is not None:
        for line in (*map(str, status.damage), *status.notes, *_lines(losses)):
            msg_fn(line)
    if progress_fn is not None:
        progress_fn(1.0)


def _lines(losses: Losses) -> Iterator[str]:
    for name, gaps in losses.items():
        for gap in gaps:
            yield f"{name}: samples {gap.window} are lost, {gap.reason}"
