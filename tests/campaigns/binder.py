"""``python -m tests.campaigns.binder``: what Binder would build of this checkout, built here.

A copy of the checkout, a fresh environment from ``binder/requirements.txt``, ``binder/postBuild`` run in it, and then
every notebook by ``jupyter execute``. ``runtime.txt`` names the Python that Binder takes; here it is the one that runs
this.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEFT_OUT = (".git", ".venv", "venv", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", "build", "dist", "_build")
"""What a clone of the repository does not have, and .git."""


def main():
    """Build and run; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.binder", description=__doc__.split("\n\n")[0])
    parser.add_argument("--notebooks", nargs="*", help="only those with these names (default: all)")
    parser.add_argument("--timeout", type=int, default=300, help="seconds that a cell may take (default: 300)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xjls-binder-") as folder:
        tree, home = Path(folder, "tree"), Path(folder, "home")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_OUT))
        with step("environment"):
            venv.create(home, with_pip=True)
            run(home, tree, "python", "-m", "pip", "install", "-q", "-r", "binder/requirements.txt")
        with step("postBuild"):
            run(home, tree, "binder/postBuild")
        for notebook in notebooks(tree, asked.notebooks):
            with step(notebook.name):
                run(home, notebook.parent, "jupyter", "execute", f"--timeout={asked.timeout}", notebook.name)
    return 0


def notebooks(tree, names):
    """Return the paths of the notebooks that were asked for."""
    found = sorted((tree / "notebooks").glob("*.ipynb"))
    if names:
        found = [path for path in found if path.stem in names]
    if not found:
        raise SystemExit(f"there is no notebook of these names: {', '.join(names or ['any'])}")
    return found


@contextlib.contextmanager
def step(name):
    """Say how long a step took."""
    started = time.monotonic()
    yield
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def run(home, place, *command):
    """Run a command in the environment, as if it were the only one."""
    own = {"PATH": f"{home}/bin{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(home), "HOME": str(home),
           "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONNOUSERSITE": "1"}  # fmt: skip
    left = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    subprocess.run(command, check=True, cwd=place, env={**left, **own}, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
