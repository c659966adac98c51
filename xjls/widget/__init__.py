"""Recordings and captures in a notebook: look, zoom, measure, follow.

::

    Recording ─ view ─▶ Tile ─ wire ─▶ explorer ⇄ browser (static)
    Session ─ panel ─▶ browser
    Recording ─ page ─▶ HTML without a kernel

Imports go one way: ``view`` ◀ ``page`` ◀ ``explorer``, and ``view`` ◀ ``panel``. ``view`` is pure Python and knows no
Jupyter; ``explorer`` and ``panel`` are anywidgets, which need the extra ``notebook``; ``page`` writes files. What
passes between Python and the browser is in docs/explanation/wire.md.
"""
