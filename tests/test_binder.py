"""Binder's files lead to what the project asks for; ``python -m tests.campaigns.binder`` builds and runs all of it."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

import xjls

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"


def requirements():
    return [line for line in (BINDER / "requirements.txt").read_text().splitlines() if not line.startswith(("#", "-"))]


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_python_is_one_that_the_project_is_tested_with():
    version = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f"Programming Language :: Python :: {version}" in project()["classifiers"]


def test_what_is_installed_is_pinned():
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {Requirement(line).name for line in requirements()} <= pinned


def test_what_the_extras_bring_is_in_the_layer_that_is_cached():
    extras = project()["optional-dependencies"]
    wanted = {Requirement(line).name for extra in ("notebook", "plot") for line in extras[extra]}
    assert wanted <= {Requirement(line).name for line in requirements()}
    assert '".[notebook,plot]"' in (BINDER / "postBuild").read_text()


def test_post_build_can_be_run():
    assert os.access(BINDER / "postBuild", os.X_OK)
    subprocess.run(["bash", "-n", BINDER / "postBuild"], check=True)
    named = re.findall(r"[\w/]+\.(?:py|txt)", (BINDER / "postBuild").read_text())
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_recordings_are_made_and_open(tmp_path):
    subprocess.run([sys.executable, BINDER / "make_recordings.py", tmp_path], check=True, stdout=subprocess.DEVNULL)
    assert {path.suffix for path in tmp_path.iterdir()} >= {".jls", ".zarr", ".hdf5"}
    for path in tmp_path.iterdir():
        if path.suffix in (".jls", ".zarr", ".hdf5"):
            with xjls.open_recording(path) as recording:
                assert recording.status.closed, recording.status
                assert not recording.status.damage, recording.status
