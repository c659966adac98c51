"""A recording as one self-contained HTML page, with the explorer in it and no kernel behind it.

::

    View ─ tables, packing ─▶ columns as text ┐
    View ─ content ─▶ traits, exact numbers   ┼─ html ─▶ one page
    static (explorer, core, page) ────────────┘

In the page ``static/page`` answers in Python's place, from the columns. Nothing is fetched: a policy in the page's head
has the browser refuse it.
"""

from xjls.widget.page.content import COLUMNS, page_html
from xjls.widget.page.writing import write_page
from xjls.widget.view.strip import MOST_COLUMNS

__all__ = ["COLUMNS", "MOST_COLUMNS", "page_html", "write_page"]
