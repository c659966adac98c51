"""How Sphinx builds these pages."""

import argparse
from importlib import import_module

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import xjls

project = "xjls"
author = "The xjls developers"
copyright = author  # noqa: A001 - the name that Sphinx reads
release = version = xjls.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "xjls"
default_role = "py:obj"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

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


def setup(app):
    """Add the directive ``{command-help}``, and hear docstrings before napoleon does."""
    app.add_directive("command-help", CommandHelp)
    app.connect("autodoc-process-docstring", keep_first_line, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
