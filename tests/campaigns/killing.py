"""Kill writers at random moments, again and again, and hold what they leave to what they had flushed."""

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS = 4
"""Times that a recording is gone on with, at most."""
LONGEST_S = 0.06
FLUSHES = (0, 1, 2, 5, 20)
"""Of which the killer waits for one, drawn anew each time, before it waits for a random time."""


@dataclass(frozen=True)
class Subject:
    """What is written, killed, and looked at; a case is whatever ``draw`` returns."""

    name: str
    suffix: str
    draw: Callable[[random.Random], Any]
    write: Callable[[Path, Any, int], None]
    """(path, case, pipe): begins a recording, or goes on with one, and does not end; tells on a pipe, as lines, the
    numbers of the steps that are flushed."""
    check: Callable[[Path, Any, int], None]
    """(path, case, last step that was flushed): raises where something is missing or wrong."""
    finish: Callable[[Path, Any], None]
    """Goes on with it, closes it, and raises where that is not all that it should be."""


def killed_after(write: Callable[[int], None], flushes: int, seconds: float) -> int:
    """Run a writer in a process of its own and kill it; return the last step that it had flushed, -1 without any.

    Parameters
    ----------
    write
        Called with a pipe to tell on.
    flushes, seconds
        How many flushes the killer waits for, and how long after the last of them.
    """
    reads, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            write(told)
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(reads, "rb") as pipe:
        lines = [pipe.readline() for _ in range(flushes)]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        lines += pipe.readlines()
    if not os.WIFSIGNALED(status):
        raise AssertionError(f"the writer ended by itself, after {lines[-2:]}")
    return int(max((line for line in lines if line.endswith(b"\n")), key=int, default=-1))


def campaign(
    subject: Subject, kills: int, seed: int, keep: Path, *, tell: Callable[[str], None] = lambda _: None
) -> tuple[int, int]:
    """Kill writers; return how many kills there were, and how many recordings failed, which are kept."""
    rng, done, failed = random.Random(seed), 0, 0
    while done < kills:
        case, folder = subject.draw(rng), Path(tempfile.mkdtemp(prefix="xjls-kills-"))
        path, flushed = folder / f"run{subject.suffix}", -1
        try:
            for _ in range(min(rng.randint(1, ROUNDS), kills - done)):
                done += 1
                flushes, seconds = rng.choice(FLUSHES), rng.random() ** 2 * LONGEST_S
                found = killed_after(lambda told, at=(path, case): subject.write(*at, told), flushes, seconds)
                flushed = max(flushed, found)
                if flushed >= 0 or (path.is_file() and path.stat().st_size):
                    subject.check(path, case, flushed)
                else:
                    _remove(path)
            subject.finish(path, case)
        except Exception as error:  # noqa: BLE001 - whatever it is, the recording is kept and told
            failed += 1
            kept = keep / f"kill-{seed}-{done}{subject.suffix}"
            _keep(path, kept)
            tell(f"{subject.name}, kill {done}: {type(error).__name__}: {error}\n  {case}\n  {kept}")
        shutil.rmtree(folder)
    return done, failed


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _keep(path: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, kept)
    elif path.exists():
        shutil.copy(path, kept)
