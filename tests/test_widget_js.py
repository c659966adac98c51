"""The front end without a browser: its own tests under Node, and the one module that a browser gets."""

import functools
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from xjls.widget import modules

JS_TESTS = Path(__file__).parent / "js"
ENTRIES = sorted(path.relative_to(modules.STATIC).as_posix() for path in modules.STATIC.glob("*/index.js"))
SOURCES = sorted(modules.STATIC.glob("*/*.js"))
_NAME = re.compile(
    r"^(?:export )?(?:async )?(?:function\*?|class|const|let|var) (?:\{([^}]*)\}|\[([^\]]*)\]|([\w$]+))", re.MULTILINE
)
_TOTAL = re.compile(r"^# tests (\d+)$", re.MULTILINE)


@functools.cache
def node():
    """Return Node, or the one that Playwright brings along; skip where there is neither."""
    found = shutil.which("node") or _driver()
    if found is None:
        pytest.skip("Node is neither on the path nor brought by Playwright: the front end's tests cannot run")
    return found


def _driver():
    try:
        from playwright._impl._driver import compute_driver_executable
    except ImportError:
        return None
    path = Path(compute_driver_executable()[0])
    return str(path) if path.name.startswith("node") and path.exists() else None


def run(*arguments):
    return subprocess.run([node(), *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)


def write(folder, **files):
    """Write modules, ``name=text``, and return what `joined` needs to find them."""
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text, "utf-8")
    return folder


# ---- the modules themselves -----------------------------------------------------------------------------------------


def test_the_front_ends_own_tests_pass():
    tests = sorted(JS_TESTS.glob("*.test.js"))
    done = run("--test", "--test-reporter=tap", *tests)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert int(_TOTAL.search(done.stdout)[1]) >= len(tests) > 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports_are_those_that_can_be_joined(path):
    text = path.read_text("utf-8")
    said = re.findall(r"^(?:import\b|export (?:\*|\{)).*?;$", text, re.MULTILINE | re.DOTALL)
    for one in said:
        assert re.fullmatch(r'import\s*\{[\w$\s,]*\}\s*from\s*"\.{1,2}/[^"]+";', one), one
        assert " as " not in one, one
    assert not re.search(r"\b(fetch\(|XMLHttpRequest|WebSocket\(|import\()", text), "the front end fetches nothing"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_imported_is_exported(path):
    for names, target in re.findall(
        r'^import\s*\{([^}]*)\}\s*from\s*"([^"]+)";', path.read_text("utf-8"), re.MULTILINE
    ):
        exported = re.findall(
            r"^export (?:async )?(?:function\*?|class|const|let) ([\w$]+)",
            (path.parent / target).read_text("utf-8"),
            re.MULTILINE,
        )
        missing = {name.strip() for name in names.split(",") if name.strip()} - set(exported)
        assert not missing, f"{target} has no {missing}"


def test_the_core_knows_no_browser():
    core = sorted((modules.STATIC / "core").glob("*.js"))
    assert core
    for path in core:
        code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", path.read_text("utf-8"))
        assert not re.search(r"\b(document|window|navigator|performance|setTimeout|requestAnimationFrame)\b", code), (
            path
        )


# ---- joined ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_two_files_of_an_entry_share_a_name(entry):
    names = Counter(
        name.strip().split(":")[-1].strip()
        for found in _NAME.findall(modules.joined(entry))
        for name in "".join(found).split(",")
        if name.strip()
    )
    twice = [name for name, count in names.items() if count > 1]
    where = {name: [path.name for path in SOURCES if _defines(path, name)] for name in twice}
    assert not twice, f"names of joined modules share one scope; rename one each: {where}"


def _defines(path, name):
    return any(name in "".join(found) for found in _NAME.findall(path.read_text("utf-8")))


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_joined_is_a_module(entry, tmp_path):
    (tmp_path / "joined.mjs").write_text(modules.joined(entry), "utf-8")
    done = run("--check", tmp_path / "joined.mjs")
    assert done.returncode == 0, done.stderr[-2000:]


def test_modules_stand_behind_what_they_import(tmp_path):
    write(
        tmp_path,
        deep='export const deep = 40;\n',
        left='import { deep } from "./deep.js";\n\nexport function left() {\n  return deep + 1;\n}\n',
        right='import {\n  deep,\n} from "./deep.js";\nexport class Right {}\n'
        "export async function wait() { return deep; }\n",
        index='import { left } from "./left.js";\nimport { Right, wait } from "./right.js";\n\n'
        "export default { sum: left() + (await wait()) + typeof Right };\n",
    )  # fmt: skip
    text = modules.joined("index.js", tmp_path)
    assert not re.search("^import", text, re.MULTILINE)
    assert re.findall("^export.*", text, re.MULTILINE) == [
        "export default { sum: left() + (await wait()) + typeof Right };"
    ]
    places = [text.index(part) for part in ("const deep", "function left", "class Right", "export default")]
    assert places == sorted(places)
    assert text.count("const deep") == 1
    (tmp_path / "joined.mjs").write_text(f"{text}\n", "utf-8")
    script = f'import("{(tmp_path / "joined.mjs").as_uri()}").then((module) => console.log(module.default.sum))'
    assert run("--eval", script).stdout == "81function\n"


def test_a_circle_is_an_error(tmp_path):
    write(tmp_path, a='import { b } from "./b.js";\n', b='import { a } from "./a.js";\n')
    with pytest.raises(ValueError, match=re.escape("circle: a.js → b.js → a.js")):
        modules.joined("a.js", tmp_path)


def test_styles_stand_one_behind_another():
    names = sorted(path.relative_to(modules.STATIC).as_posix() for path in modules.STATIC.glob("*/*.css"))
    assert names
    assert modules.styles(*names) == "\n".join((modules.STATIC / name).read_text("utf-8") for name in names)
