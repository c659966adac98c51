"""The page as text: what it holds as JSON, the front end as one module, and a picture for who runs no scripts."""

from __future__ import annotations

import base64
import json
from html import escape
from string import Template
from typing import Any

from xjls.widget.modules import STATIC, joined, styles

ENTRY = "page/index.js"
TEMPLATE = "page/page.html"


def assemble(title: str, note: str, data: dict[str, Any], picture: bytes | None) -> str:
    """Return the page.

    Parameters
    ----------
    title, note
        Plain text: the page's name, and how closely one can look.
    data
        What ``static/page/index.js`` gets.
    picture
        A PNG that stands for the explorer where no scripts run; None for words only.
    """
    return Template((STATIC / TEMPLATE).read_text("utf-8")).substitute(
        title=escape(title), note=escape(note), style=_style(styles("explorer", "page/page.css")),
        data=script_json(data), module=script_text(joined(ENTRY)), picture=_picture(picture, title),
    )  # fmt: skip


def script_json(data: Any) -> str:
    r"""Return JSON that ends no script element, whatever texts are in it.

    Examples
    --------
    >>> script_json({"name": "</script><b>"})
    '{"name":"\\u003c/script>\\u003cb>"}'
    """
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")


def script_text(module: str) -> str:
    r"""Return a module that ends no script element: what would do so can only stand in its strings and comments.

    Examples
    --------
    >>> script_text('text = "</script>"')
    'text = "<\\/script>"'
    """
    return module.replace("</script", r"<\/script").replace("<!--", r"<\!--")


def _style(sheet: str) -> str:
    return sheet.replace("</style", r"<\/style")


def _picture(picture: bytes | None, title: str) -> str:
    if picture is None:
        return "<p>This page draws itself by a script of its own, and scripts are switched off.</p>"
    text = base64.b64encode(picture).decode("ascii")
    return f'<img alt="{escape(title, quote=True)}" src="data:image/png;base64,{text}">'
