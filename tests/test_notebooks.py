"""Every notebook runs from its first cell to its last, and is stored with its output.

What a cell prints, or what its last line is worth, is compared with what is stored; pictures and HTML are not. Cells
whose output is another each time (times of day, how far a capture came) have the tag ``varies``.
"""

import copy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_there_are_notebooks():
    assert NOTEBOOKS


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts_of(cell):
    """Return what a cell shows as text, all that it prints as one."""
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    values = [output.data["text/plain"] for output in cell.outputs if "text/plain" in output.get("data", {})]
    return [printed, *values]


def test_notebook_runs_and_shows_what_is_stored(notebook, tmp_path):
    run = copy.deepcopy(notebook)
    for cell in code_cells(run):
        cell.outputs = []
    NotebookClient(run, kernel_name="python3", timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    assert not list(tmp_path.iterdir()), "a notebook leaves nothing behind"
    for stored, cell in zip(code_cells(notebook), code_cells(run), strict=True):
        if "varies" not in cell.metadata.get("tags", ()):
            assert texts_of(cell) == texts_of(stored)


def test_notebook_is_stored_with_output_and_without_paths(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    text = nbformat.writes(notebook)
    assert "/tmp" not in text
    assert "/home/" not in text


def test_an_explorer_has_a_picture_for_where_no_kernel_is(notebook):
    shown = [output.data for cell in code_cells(notebook) for output in cell.outputs if "data" in output]
    explorers = [data for data in shown if data.get("text/plain", "").startswith("<xjls.Explorer")]
    assert explorers or "explore" not in nbformat.writes(notebook)
    assert all("image/png" in data and "application/vnd.jupyter.widget-view+json" in data for data in explorers)


def test_no_state_of_widgets_is_stored(notebook):
    assert "widgets" not in notebook.metadata
