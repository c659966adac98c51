"""``python -m tests.campaigns.kills --kills N``: kill writers at random moments, go on with their files, kill again.

Each recording is written by a process of its own that tells what it has flushed, and is killed after a random time.
What is left must open and hold that; then the next process goes on with it. `SUBJECTS` says what is written.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import random
import sys
from pathlib import Path

from tests.campaigns.growing import GROWING
from tests.campaigns.jls_writers import JLS_WRITERS
from tests.campaigns.killing import campaign

SUBJECTS = (JLS_WRITERS, *GROWING)


def main():
    """Run the campaign; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.kills", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="how many of each subject (default: 200)")
    parser.add_argument("--seed", type=int, default=None, help="of the random choices (default: another one each time)")
    parser.add_argument("--keep", default="fuzz-failures", help="where files that fail go (default: fuzz-failures)")
    parser.add_argument("--only", default="", help="only subjects whose name contains this, as JLS or growing")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    total = lost = 0
    for subject in SUBJECTS:
        if options.only in subject.name:
            keep = Path(options.keep)
            done, failed = campaign(subject, options.kills, seed, keep, tell=lambda text: print(text, flush=True))
            print(f"{subject.name}: {done:,} kills, {failed:,} recordings failed", flush=True)
            total, lost = total + done, lost + failed
    return 1 if lost or not total else 0


if __name__ == "__main__":
    sys.exit(main())
