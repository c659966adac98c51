"""From windows and pixels to columns, numbers and finds: what a screen shows of recordings; no Jupyter.

::

    Source ─ lane, track ─▶ View ┬ strip (cache, missing) ─ wire ─▶ tile
                                 ├ measuring (missing) ─▶ numbers
                                 ├ searching, analysing ─▶ finds, curves
                                 └ marker, notes, picture ─▶ what lies over it
"""
