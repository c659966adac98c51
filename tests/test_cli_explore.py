"""``xjls explore``: pages, where they go, spans as people type them, and the explorer that is served."""

import ast
import contextlib
import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

import numpy as np
import pytest

import xjls
from xjls.cli import parser, serving
from xjls.cli.explore import explore, span_of
from xjls.cli.main import main
from xjls.errors import MissingDependencyError, SelectionError
from xjls.testing import write_demo
from xjls.widget import page
from xjls.widget.view.lane import Source
from xjls.widget.view.moments import times_of
from xjls.widget.view.view import View


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(write_demo(str(tmp_path_factory.mktemp("cli") / "run.jls"), seconds=2))


def facts_of(out):
    (text,) = re.findall(r'id="xjls-page-data">(.*?)</script>', out.read_text("utf-8"), re.DOTALL)
    return json.loads(text)


def test_a_page_goes_beside_the_recording_and_replaces_nothing(path, tmp_path, capsys):
    run = tmp_path / "run.jls"
    run.write_bytes(Path(path).read_bytes())
    assert main(["explore", str(run), "--columns", "50"]) == 0
    out = tmp_path / "run.html"
    assert capsys.readouterr().out == f"wrote {out}, {out.stat().st_size / 1000:.3g} kB\n"
    assert main(["explore", str(run)]) == 2
    assert "say --overwrite" in capsys.readouterr().err
    assert main(["explore", str(run), "--overwrite", "--columns", "50", "--title", "A run"]) == 0
    assert "<title>A run</title>" in out.read_text()


def test_it_is_of_the_signals_and_times_that_were_asked_for(path, tmp_path):
    out = tmp_path / "a.html"
    arguments = ["-s", "voltage", "-s", "gpi[0]", "--from", "500ms", "--to", "2026-03-01T10:00:01.5", "-o", str(out)]
    assert main(["explore", path, *arguments, "-n", "100", "--detail", "1s:1.1s"]) == 0
    data = facts_of(out)
    assert [lane["key"] for lane in data["traits"]["facts"]["lanes"]] == ["voltage", "gpi[0]"]
    start, stop = data["traits"]["facts"]["extent"]
    assert (stop - start) / 1e9 == pytest.approx(1.0, abs=1e-4)
    assert data["exact"][0]["lanes"]["voltage"]["n"] == pytest.approx(500_000, abs=5)
    assert len(data["tables"][0]["pieces"]) == 3


def test_numbers_of_the_parser_are_those_of_the_page():
    assert (parser.COLUMNS, parser.MOST_COLUMNS) == (page.COLUMNS, page.MOST_COLUMNS)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("1s:1.5s", (500_000, 750_000)),
        ("#10:#20", (10, 20)),
        (":20ms", (0, 10_000)),
        ("1.9s:", (950_000, 1_000_000)),
        ("2026-03-01T10:00:01:2026-03-01T10:00:01.5", (499_999, 749_998)),
        ("2026-03-01 10:00Z:2026-03-01T10:00:01Z", (0, 499_999)),
        ("1s:2026-03-01T10:00:01.5", (500_000, 749_998)),
    ],
)
def test_a_span_is_two_moments(path, text, ids):
    with xjls.open_recording(path, on_damage="gap") as recording:
        source = Source(recording, ("current",))
        view = View([source])
        window = view.lanes[0].tracks[0].window(*times_of(view.axis, span_of(source, text), view.extent))
    assert (window.start, window.stop) == pytest.approx(ids, abs=4)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("soon", "'soon' is no span of time. Give two moments, as in 1s:2s"),
        ("1s:never", "'never' names no moment"),
        ("2s:1s", "has no sample from 2s to 1s"),
        ("", "'' is no span of time"),
    ],
)
def test_what_is_no_span_is_an_error_and_leaves_no_file(path, tmp_path, text, match):
    with pytest.raises(SelectionError, match=match):
        explore(path, str(tmp_path / "a.html"), details=[text])
    assert not list(tmp_path.iterdir())


def test_the_browser_opens_it_only_where_that_is_asked_for(path, tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    out = str(tmp_path / "a.html")
    for flag in ([], ["--no-open"], ["--open"]):
        assert main(["explore", path, "-o", out, "--overwrite", "-n", "20", *flag]) == 0
    assert opened == [(tmp_path / "a.html").as_uri()]


# ---- served --------------------------------------------------------------------------------------------------------


def test_without_voila_it_says_what_to_install(path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "voila" else True)
    with pytest.raises(
        MissingDependencyError, match=r'voila is not installed\. Install it with: pip install "xjls\[serve\]"'
    ):
        explore(path, serve=True)


def test_what_is_served_is_what_was_asked_for(path, tmp_path):
    odd = tmp_path / 'it\'s "odd".jls'
    code = serving.cell(str(odd), ("current",), slice(0.5, 1.0), {"format_options": {"units": "mV"}})
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    told = {node.func.attr: node for node in calls if isinstance(node.func, ast.Attribute)}
    assert ast.literal_eval(told["open_recording"].args[0]) == str(odd)
    assert ast.literal_eval(told["open_recording"].keywords[-1].value) == {"format_options": {"units": "mV"}}
    assert ast.literal_eval(told["explore"].args[1]) == ["current"]
    assert serving.notebook(code)["cells"][0]["source"] == code
    utc = slice(np.datetime64("2026-03-01T10", "ns"), np.datetime64("2026-03-01T11", "ns"))
    assert "slice('2026-03-01T10:00:00.000000000', '2026-03-01T11" in serving.cell(path, None, utc, {})


def test_what_serves_listens_here_only_and_no_argument_tells_the_token(tmp_path):
    port = serving.free_port()
    arguments = serving.command(tmp_path / "run.ipynb", port)
    assert "--Voila.ip=127.0.0.1" in arguments
    assert f"--port={port}" in arguments
    assert not any("token=" in one and one != "--Voila.auto_token=True" for one in arguments)


def test_it_is_served_to_who_knows_the_token_until_ctrl_c(path, tmp_path):
    for name in ("voila", "anywidget", "ipykernel"):
        pytest.importorskip(name)
    arguments = [sys.executable, "-m", "xjls", "explore", path, "--serve", "--from", "1s", "-s", "current"]
    environment = {
        **os.environ,
        "IPYTHONDIR": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path),
        "TMPDIR": str(tmp_path),
    }
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    ) as server:
        try:
            address = server.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)
            assert server.stdout.readline() == "Ctrl-C ends it\n"
            assert "xjls-explorer" not in fetched(address.split("?")[0])
            assert "password" in fetched(address.split("?")[0])
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    assert not list(tmp_path.glob("xjls-explore-*"))
    with pytest.raises(urllib.error.URLError):
        fetched(address)


def fetched(address):
    with contextlib.closing(urllib.request.urlopen(address, timeout=30)) as answer:
        return io.TextIOWrapper(answer, "utf-8").read()
