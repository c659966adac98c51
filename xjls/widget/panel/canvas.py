"""The part of the panel that is drawn: the live picture, numbers beside it, how it does, and a field to mark it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from xjls.widget.modules import joined, styles


class Canvas(anywidget.AnyWidget):
    """Show what is pushed, and say when it was drawn.

    Parameters
    ----------
    acknowledged
        Called with the number of a push that was drawn.
    shown
        Called when a browser shows it anew, and knows nothing yet.
    marked
        Called with the text of a mark that is wanted.
    **traits
        Of it.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    """``units`` ("si", "hours"), ``theme`` ("auto", "light", "dark"), ``frozen``, ``digits``."""
    note = traitlets.Unicode().tag(sync=True)
    """A sentence, where something went wrong."""
    last = traitlets.Dict().tag(sync=True)
    """The last picture and numbers, for whoever opens the notebook without a kernel: a push, its buffer as ``data``."""

    def __init__(
        self, acknowledged: Callable[[int], object], shown: Callable[[], object], marked: Callable[[str], object],
        **traits: Any,
    ) -> None:  # fmt: skip
        super().__init__(**traits)
        self._acknowledged = acknowledged
        self._shown = shown
        self._marked = marked
        self.on_msg(self._take)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return joined("panel/index.js")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return styles("panel/panel.css")

    def _take(self, _: object, content: dict[str, Any], buffers: object) -> None:  # noqa: ARG002 - ipywidgets' own
        if content.get("type") == "ack":
            self._acknowledged(int(content["id"]))
        elif content.get("type") == "hello":
            self._shown()
        elif content.get("type") == "mark":
            self._marked(str(content.get("text", "")))
