"""README.md and the pages of the documentation say what is true: every block runs and prints what stands below it.

The blocks of a page run in order, in one namespace, in a directory of their own that holds ``demo.jls``. What a
``python`` block prints, or what its last line is worth, is compared with the ``text`` block right below it; what each
``$ xjls`` line of a ``console`` block prints, with the lines below that. "..." stands for anything, and all white space
is alike.

``python tests/test_readme.py`` writes the output that is true now into the pages.
"""

import ast
import contextlib
import doctest
import io
import re
import shlex
import shutil
import tempfile
import tomllib
from pathlib import Path

import pytest

from xjls.cli.main import main
from xjls.testing import write_demo

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *(p for p in sorted((ROOT / "docs").rglob("*.md")) if "decisions" not in p.parts)]
BLOCK = re.compile(r"^```(python|text|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_python(source, name, line, namespace):
    """Run a block as a notebook runs a cell; return what it shows."""
    tree = ast.parse("\n" * line + source, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(compile(tree, name, "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
            if value is not None:
                shown.write(f"{value!r}\n")
    return shown.getvalue()


def run_console(body):
    """Return a console block with the output of its ``$ xjls`` commands in the place of what stands there."""
    parts = []
    for part in re.split(r"^(?=\$ )", body, flags=re.MULTILINE):
        command = part.partition("\n")[0]
        if command.startswith("$ xjls "):
            with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(shown):
                main(shlex.split(command.removeprefix("$ xjls ")))
            part = f"{command}\n{shown.getvalue()}"  # noqa: PLW2901
        parts.append(part)
    return "".join(parts)


def run_page(path):
    """Run a page; return (start, stop, true text) of each block that shows output."""
    text, namespace, shown, end, results = path.read_text(), {"__name__": "__main__"}, None, 0, []
    for block in BLOCK.finditer(text):
        kind, body = block.groups()
        if kind == "python":
            line = text.count("\n", 0, block.start(2))
            shown, end = run_python(body, str(path), line, namespace), block.end()
        elif kind == "console":
            results.append((*block.span(2), run_console(body)))
        elif shown is not None and not text[end : block.start()].strip():
            results.append((*block.span(2), shown))
    return results


def is_true(shown, true):
    return doctest.OutputChecker().check_output(shown, true, FLAGS)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo") / "demo.jls")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_shows_what_is_true(page, demo, tmp_path, monkeypatch):
    shutil.copy(demo, tmp_path)
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    wrong = [
        f"line {text.count(chr(10), 0, start) + 1} shows\n{text[start:stop]}\nbut this is true\n{true}"
        for start, stop, true in run_page(page)
        if not is_true(text[start:stop], true)
    ]
    assert not wrong, "\n".join([str(page), *wrong])


def test_a_false_page_is_found_out(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n6 * 7\n```\n\n```text\n41\n```\n\n```console\n$ xjls info nowhere.jls\nall is well\n```\n"
    )
    results = run_page(page)
    assert [true.splitlines()[0] for _, _, true in results] == ["42", "$ xjls info nowhere.jls"]
    assert not any(is_true(page.read_text()[start:stop], true) for start, stop, true in results)


def test_ci_runs_the_test_command_of_the_readme():
    commands = [line for line in (ROOT / "README.md").read_text().splitlines() if "python -m pytest" in line]
    assert len(commands) == 1, "README.md has one test command"
    assert commands[0].startswith("python3 -m venv .venv && ")
    assert "grep -m 1 'python -m pytest' README.md" in (ROOT / ".ci/run").read_text()


def test_the_lock_pins_what_the_extras_ask_for_and_names_no_place():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [^/]+)?", line)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.match(r"[\w-]+", one)[0].lower() for one in asked} - {"xjls"}
    assert names <= {line.partition("==")[0] for line in lines}


def test_pictures_and_links_of_the_pages_exist():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page} leads to {target}, which is not there"


def write_true_output():
    """Write the output that is true now into every page."""
    with tempfile.TemporaryDirectory() as folder:
        demo = write_demo(f"{folder}/demo.jls")
        for number, page in enumerate(PAGES):
            place = Path(folder, str(number))
            place.mkdir()
            shutil.copy(demo, place)
            with contextlib.chdir(place):
                results = run_page(page)
            text = page.read_text()
            for start, stop, true in reversed(results):
                if not is_true(text[start:stop], true):
                    shown = re.sub(r"[ \t]+$", "", true, flags=re.MULTILINE).replace(str(place), "...")
                    text = text[:start] + shown + text[stop:]
            page.write_text(text)


if __name__ == "__main__":
    write_true_output()
