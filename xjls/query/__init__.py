"""From a recording to answers: exact statistics and columns of any window, at any zoom.

An answer is exact: it is what NumPy says in float64 of the same samples. The middle of a window is taken from whole
entries of the coarsest levels that fit, its ragged ends from finer ones and, at last, from samples, so that the cost
follows the number of columns and not the length of the window.

What is finite counts: samples that are NaN or infinite are skipped and counted, as the levels themselves do it, and
samples that the recording has lost are counted apart. An entry says nothing of how many of its samples were NaN; what
xjls does about that is told in `xjls.query.blocks`.

Frames have no columns: `xjls.query.frames` tells which signals they are, and `xjls.query.frame_report` counts what of
them was lost.
"""
