"""The capture panel: a widget that starts, stops, watches and records.

::

    session ─ Watch (xjls.capturing) ─ feed ─▶ columns ┐
                                       pictures ───────┤   of frames
                                       numbers ────────┼─ pushing ─▶ canvas ⇄ browser (static/panel)
    session counts ─ health ───────────────────────────┘   acknowledged, word of two is waited for
    buttons (controls) ⇄ panel ─▶ streaming ─▶ session, recordings

Only ``canvas``, ``controls`` and ``panel`` know Jupyter. The session's own threads do the capture; one thread more
pushes what is new, and ends with the stream. What no browser takes goes with the next push, and is counted as skipped:
it is no loss of data. After a second without word one more push goes out: word may wait until a cell ends.
"""
