"""From columns to a picture: traces and marks, laid out in lanes over one time axis, drawn by matplotlib.

::

    recording ─ traces ─▶ Trace ┐
    recording ─ marks ──▶ Mark  ┼─ lanes ─▶ Lane ─ figure, draw, marking ─▶ Figure
    Dataset (xjls.backend) ─────┘            timescale, engineering ─▶ labels
    recording ─ model.glance ─▶ glance ─▶ HTML, without matplotlib

A picture is made of columns, about one a pixel, so that its cost follows its width and not the recording's length. What
a picture shows is decided in plain values (`Trace`, `Lane`, ticks as text); only ``canvas``, ``draw`` and ``marking``
know matplotlib, which is imported when the first picture is made. Nothing uses pyplot: pictures may be made in any
thread, and none stays behind.
"""

from xjls.plot.figure import plot_recording, plot_traces
from xjls.plot.glance import glance_html
from xjls.plot.trace import Mark, Span, Trace

__all__ = ["Mark", "Span", "Trace", "glance_html", "plot_recording", "plot_traces"]
