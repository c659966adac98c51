"""The documentation is complete: every public name, command and page has its place in it."""

import argparse
import re
from pathlib import Path

import pytest

import xjls
from xjls.cli.parser import make_parser
from xjls.formats.registry import FORMATS

DOCS = Path(__file__).parents[1] / "docs"
REFERENCE = "\n".join(page.read_text() for page in sorted((DOCS / "reference").glob("*.md")))
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page != DOCS / "index.md"]
NOTEBOOKS = sorted((DOCS.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("name", sorted(set(xjls.__all__) - {"__version__"}))
def test_public_name_is_in_the_reference(name):
    assert re.search(rf"^\.\. auto\w+:: (xjls\.)?{name}$", REFERENCE, re.MULTILINE)


def test_commands_are_in_the_reference():
    (commands,) = (action for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction))
    assert set(re.findall(r"^```\{command-help\} (\w+)$", REFERENCE, re.MULTILINE)) == set(commands.choices)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_page_is_in_a_table_of_contents(page):
    listed = []
    for index in DOCS.rglob("*.md"):
        for toctree in re.findall(r"^```\{toctree\}\n(.*?)^```$", index.read_text(), re.MULTILINE | re.DOTALL):
            listed += [found for entry in toctree.split() for found in index.parent.glob(f"{entry}.md")]
    assert page in listed


def test_every_notebook_is_a_page():
    listed = re.findall(r"^notebooks/.*$", (DOCS / "notebooks.md").read_text(), re.MULTILINE)
    assert sorted((DOCS / f"{entry}.ipynb").resolve() for entry in listed) == NOTEBOOKS


def test_every_format_has_a_page():
    titles = [page.read_text().partition("\n")[0] for page in sorted((DOCS / "reference").glob("format-*.md"))]
    names = [form.name for form in FORMATS]
    assert sorted(name for title in titles for name in names if title.startswith(f"# {name}")) == sorted(names)
    assert len(titles) == len(names)
