"""The gallery: its script runs, and its page shows what the script makes."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_can_be_made(gallery, tmp_path):
    made = gallery.make(tmp_path, size=0.02)
    assert sorted(path.name for path in made) == sorted(path.name for path in (DOCS / "pictures").glob("gallery-*.png"))
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made)


def test_the_page_shows_every_picture(gallery):
    shown = re.findall(r"\]\(pictures/gallery-(\w+)\.png\)", (DOCS / "gallery.md").read_text())
    assert shown == list(gallery.GALLERY)


def test_pictures_are_small():
    for picture in (DOCS / "pictures").glob("gallery-*.png"):
        assert picture.stat().st_size <= 250_000
