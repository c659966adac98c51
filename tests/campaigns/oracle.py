"""``python -m tests.campaigns.oracle --minutes N``: the property tests of samples and of answers, for long.

Those of ``MODULES`` take turns: every test draws new examples until its share of the time is over; failing examples
are printed as Hypothesis shrinks them, and the exit status is 1.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import faulthandler
import importlib
import os
import sys
import time
import traceback

MODULES = ("tests.test_jls2_oracle", "tests.test_query_oracle", "tests.test_query_exact")
ROUND = 200
"""Examples a test draws in one go."""
ROUND_S = 900
"""A round that takes longer ends the campaign with a traceback: the oracle has endless loops of its own."""


def main():
    """Run the campaign; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.oracle", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: 10)")
    parser.add_argument("--only", default="", help="only tests whose name contains this")
    options = parser.parse_args()
    os.environ["XJLS_EXAMPLES"] = str(ROUND)  # read when a module is imported
    found = {name: test for module in MODULES for name, test in vars(importlib.import_module(module)).items()}
    chosen = {name: test for name, test in found.items() if options.only in name and hasattr(test, "hypothesis")}
    stop = time.monotonic() + options.minutes * 60
    rounds, failed = 0, set()
    while time.monotonic() < stop and len(failed) < len(chosen):
        for name, test in chosen.items():
            if name in failed or time.monotonic() > stop:
                continue
            print(f"{name}: round {rounds + 1}", flush=True)
            faulthandler.dump_traceback_later(ROUND_S, exit=True)
            try:
                test()
            except Exception:  # noqa: BLE001 - whatever comes out is a finding
                traceback.print_exc()
                failed.add(name)
        rounds += 1
    print(f"{rounds} rounds of {ROUND} examples, failed: {', '.join(sorted(failed)) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
