"""What a notebook needs of xjls stays light: the packages that the extra brings, in bytes of this environment."""

from pathlib import Path

import pytest

pytest.importorskip("anywidget")

from tests.campaigns.weight import KERNEL, LIMIT_BYTES, added_bytes, files_bytes, needed


def test_the_notebook_extra_adds_little():
    added = added_bytes()
    assert set(added) >= {"anywidget", "ipywidgets"}
    assert min(added.values()) > 0, "a package that records no files cannot be weighed"
    assert sum(added.values()) <= LIMIT_BYTES, added


def test_the_front_end_itself_is_light():
    import xjls.widget

    files = [path for path in xjls.widget.__path__ for path in Path(path).rglob("*.js")]
    assert files
    assert sum(path.stat().st_size for path in files) <= 500_000


def test_what_weighs_much_would_be_seen():
    assert "llvmlite" in needed(["numba"])
    assert "llvmlite" not in needed([KERNEL])
    assert files_bytes("llvmlite") > LIMIT_BYTES
