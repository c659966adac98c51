"""How Sphinx builds these pages."""

import argparse
import tempfile
from importlib import import_module
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import xjls
from xjls.testing import write_demo
from xjls.widget.page import write_page

project = "xjls"
author = "The xjls developers"
copyright = author  # noqa: A001 - the name that Sphinx reads
release = version = xjls.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "xjls"
default_role = "py:obj"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

# Notebooks are run for the pages. Where a cell shows a widget, a page has its picture: a widget would need a kernel,
# and the scripts that show one without are fetched from elsewhere.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js = {}

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_preserve_defaults = True
napoleon_google_docstring = False


class CommandHelp(SphinxDirective):
    """Show what ``xjls [COMMAND] --help`` says, from the parser itself."""

    optional_arguments = 1

    def run(self):
        parser = import_module("xjls.cli.parser").make_parser()
        for name in self.arguments:
            commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
            parser = commands.choices[name]
        parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
        text = parser.format_help().rstrip()
        return [nodes.literal_block(text, text, language="text")]


def keep_first_line(_app, what, _name, _object, _options, lines):
    """Put an empty comment before an attribute's text, or napoleon takes what stands before a colon for its type."""
    if what in ("attribute", "data", "property"):
        lines[:0] = ["..", ""]


def write_explorer(app, error):
    """Write the demonstration as a page of its own, which pages about the explorer have in a frame."""
    if error is None and app.builder.format == "html":
        with (
            tempfile.TemporaryDirectory() as folder,
            xjls.open_recording(write_demo(f"{folder}/demo.jls")) as recording,
        ):
            near = slice("2026-03-01T10:00:00.7", "2026-03-01T10:00:00.85")
            burst = xjls.Marker(slice("2026-03-01T10:00:00.775344481", "2026-03-01T10:00:00.788096521"), "transmit 1")
            what = {"signals": ["current", "voltage", "gpi[0]"], "columns": 8192, "detail": [near], "markers": [burst]}
            write_page(recording, Path(app.outdir, "explorer.html"), overwrite=True, **what)


def setup(app):
    """Add the directive ``{command-help}``, hear docstrings before napoleon does, and write the explorer's page."""
    app.add_directive("command-help", CommandHelp)
    app.connect("build-finished", write_explorer)
    app.connect("autodoc-process-docstring", keep_first_line, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
