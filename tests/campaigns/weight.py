"""``python -m tests.campaigns.weight``: how much the notebook extra adds to an environment with a kernel and xjls.

A fresh environment is measured on the disk before and after the extra is installed in it.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import subprocess
import sys
import tempfile
import tomllib
import venv
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LIMIT_BYTES = 20_000_000
KERNEL = "ipykernel"


def main():
    """Measure; return the exit status."""
    argparse.ArgumentParser(prog="python -m tests.campaigns.weight", description=__doc__.split("\n\n")[0]).parse_args()
    with tempfile.TemporaryDirectory(prefix="xjls-weight-") as folder:
        venv.create(folder, with_pip=True)
        install(folder, str(ROOT), KERNEL)
        before, had = disk_bytes(folder), packages(folder)
        install(folder, f"{ROOT}[notebook]")
        after, has = disk_bytes(folder), packages(folder)
    print(f"{KERNEL} and xjls: {before / 1e6:.1f} MB, {len(had)} packages")
    print(f"with the notebook extra: {after / 1e6:.1f} MB, {len(has)} packages: {', '.join(sorted(has - had))}")
    print(f"the extra adds {(after - before) / 1e6:.1f} MB, at most {LIMIT_BYTES / 1e6:.0f} MB are allowed")
    return 0 if after - before <= LIMIT_BYTES else 1


def install(folder, *what):
    """Install packages into an environment, in the versions of ``constraints.txt``."""
    command = [f"{folder}/bin/python", "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), *what]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def disk_bytes(folder):
    """Return the size of all files, each counted once."""
    files = (path.lstat() for path in Path(folder).rglob("*"))
    return sum({(file.st_dev, file.st_ino): file.st_size for file in files}.values())


def packages(folder):
    """Return the names of the packages in an environment."""
    command = [f"{folder}/bin/python", "-m", "pip", "list", "--format=freeze"]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return {line.partition("==")[0] for line in told.stdout.splitlines()}


def added_bytes():
    """Return, by package, the bytes of installed files that only the notebook extra brings here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bare = needed([*project["dependencies"], KERNEL])
    return {name: files_bytes(name) for name in needed(project["optional-dependencies"]["notebook"]) - bare}


def needed(requirements):
    """Return the names of the packages that requirements lead to here, themselves included."""
    found, asked = set(), [(Requirement(line), "") for line in requirements]
    while asked:
        one, extra = asked.pop()
        if one.marker is not None and not one.marker.evaluate({"extra": extra}):
            continue
        for wanted in {"", *one.extras} - {extra for name, extra in found if name == canonicalize_name(one.name)}:
            found.add((canonicalize_name(one.name), wanted))
            asked += [(Requirement(line), wanted) for line in distribution(one.name).requires or ()]
    return {name for name, _ in found}


def files_bytes(name):
    """Return the size of the files that a package has installed."""
    paths = {Path(file.locate()).resolve() for file in distribution(name).files or ()}
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
