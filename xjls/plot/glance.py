"""A recording as a small piece of HTML: its facts, and each signal as a line an inch wide, drawn in SVG.

Everything is in the text itself: it fetches nothing, runs nothing, and follows the colours of the page around it.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.amounts import counted, duration, quantity
from xjls.model.glance import Columns, Glance, Line, glance
from xjls.model.window import runs
from xjls.plot.engineering import AxisUnit
from xjls.plot.health import damage, ending
from xjls.plot.style import colours
from xjls.plot.trace import shape_of
from xjls.plot.wording import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from xjls.model.recording import Recording
    from xjls.model.status import Status

_WIDTH, _HEIGHT, _PAD = 200, 26, 1.5
_MOST_LEVELS = 8
_MOST_NAME = 40
_HEAD = ("signal", "", "smallest to largest", "rate", "lasts", "samples", "missing", "levels")
_RIGHT = frozenset(("rate", "lasts", "samples", "missing"))
# Colours of JupyterLab, then of xarray's own page, then what fits on any ground
_STYLE = """<style>
.xjls-glance { --ink: var(--jp-content-font-color1, var(--xr-font-color0, currentColor));
  color: var(--ink); font: 13px/1.45 var(--jp-content-font-family, system-ui, sans-serif); margin: 4px 0; }
.xjls-glance .what { opacity: .72; } .xjls-glance .bad { color: var(--jp-error-color1, #c62828); }
.xjls-glance table { color: var(--ink); border-collapse: collapse; margin: 6px 0; font-size: 12px; }
.xjls-glance th, .xjls-glance td { padding: 1px 10px 1px 0; text-align: left; white-space: nowrap;
  color: inherit; background: none; border: 0; }
.xjls-glance th { font-weight: 500; opacity: .72; } .xjls-glance .number { text-align: right; }
.xjls-glance svg { display: block; overflow: visible; }
[data-jp-theme-light="false"] .xjls-glance svg, html[theme="dark"] .xjls-glance svg { filter: brightness(1.7); }
</style>"""


def glance_html(recording: Recording) -> str:
    """Return a recording as HTML; see `xjls.model.glance.glance` for what that reads.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> html = glance_html(xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1)))
    >>> html.count("<svg"), "500 kHz" in html, "<script" in html
    (5, True, False)
    """
    seen = glance(recording)
    parts = [_title(recording, seen), _table(seen.lines), _rest(seen)]
    return f'{_STYLE}<div class="xjls-glance">{"".join(parts)}</div>'


def _title(recording: Recording, seen: Glance) -> str:
    name = words(recording.path.rstrip("/").rsplit("/", 1)[-1], _MOST_NAME)
    whole = escape(recording.path, quote=True)
    facts = [recording.format, *_began(seen.lines), *_sources(seen.lines)]
    if seen.annotations:
        facts.append(counted(seen.annotations, "annotation"))
    return f'<b title="{whole}">{escape(name)}</b> <span class="what">{escape(" · ".join(facts))}</span>'


def _began(lines: Iterable[Line]) -> list[str]:
    known = [line.began_ns for line in lines if line.began_ns is not None]
    if not known:
        return []
    second = np.datetime64(min(known), "ns").astype("M8[s]")
    return [f"from {str(second).replace('T', ' ')} UTC"]


def _sources(lines: Iterable[Line]) -> list[str]:
    return [words(text, _MOST_NAME) for text in dict.fromkeys(str(line.signal.source) for line in lines)]


def _rest(seen: Glance) -> str:
    """Return what is below the table: names that are not in it, and the state of the file."""
    told = []
    if seen.others:
        shown = ", ".join(words(name, _MOST_NAME) for name in seen.others[:8])
        more = f" … and {len(seen.others) - 8} more" if len(seen.others) > 8 else ""
        told.append(("what", f"{'also' if seen.lines else 'signals'}: {shown}{more}"))
    if not seen.lines and not seen.others:
        told.append(("what", "no signals"))
    if seen.problem:
        told.append(("bad", words(seen.problem, 300)))
    told += _health(seen.status)
    return "".join(f'<div class="{kind}">{escape(text)}</div>' for kind, text in told)


def _health(status: Status | None) -> list[tuple[str, str]]:
    if status is None:
        return []
    told = [("what", f"{how}: cut off, or still growing")] if (how := ending(status)) else []
    if broken := damage(status):
        told.append(("bad", f"{broken}: {words(str(status.damage[0]), 200)}"))
    return told + [("what", words(note, 200)) for note in status.notes[:4]]


# ---- the table -----------------------------------------------------------------------------------------------------


def _table(lines: tuple[Line, ...]) -> str:
    if not lines:
        return ""
    head = "".join(f"<th{_align(name)}>{name}</th>" for name in _HEAD)
    rows = "".join(f"<tr>{_row(line)}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _align(name: str) -> str:
    return ' class="number"' if name in _RIGHT else ""


def _row(line: Line) -> str:
    signal = line.signal
    if not signal.has_samples:
        return f"<td>{_name(line)}</td><td colspan={len(_HEAD) - 1}>annotations only</td>"
    if signal.axis:
        each = " × ".join(map(str, signal.sample_shape)) or "one"
        told = (_name(line), "", f"{each} {signal.dtype} a {escape(signal.axis)}", "", "", f"{signal.length:,}")
        missing = f"{line.missing:,}" if line.missing else "–"
        return "".join(
            f"<td{_align(name)}>{cell}</td>" for name, cell in zip(_HEAD, (*told, missing, "–"), strict=True)
        )
    levels = " ".join(f"×{level.factor:,}" for level in signal.levels[:_MOST_LEVELS])
    cells = (
        _name(line),
        svg_line(line.columns, _colour(line)) if line.columns else "",
        escape(_reach(line)),
        escape(quantity(float(signal.rate_hz), "Hz")),
        escape(duration(float(signal.length / signal.rate_hz))),
        f"{signal.length:,}",
        f"{line.missing:,}" if line.missing else "–",
        levels or "none",
    )
    return "".join(f"<td{_align(name)}>{cell}</td>" for name, cell in zip(_HEAD, cells, strict=True))


def _name(line: Line) -> str:
    return f'<span title="{escape(line.signal.name, quote=True)}">{escape(words(line.signal.name, _MOST_NAME))}</span>'


def _colour(line: Line) -> str:
    shape = shape_of(line.signal.dtype, line.signal.units)
    return colours(line.signal.units, 1)[0] if shape == "analog" else "#777777"


def _reach(line: Line) -> str:
    """Return the smallest and the largest value in one unit; ``""`` where they are not known."""
    if line.columns is None or not np.isfinite(line.columns.min).any():
        return ""
    low, high = float(np.nanmin(line.columns.min)), float(np.nanmax(line.columns.max))
    unit = AxisUnit.of(line.signal.units, max(abs(low), abs(high)))
    ends = " … ".join(f"{value * unit.factor:.4g}" for value in (low, high))
    return f"{ends} {unit.label}".rstrip().replace("-", "−")


# ---- the line ------------------------------------------------------------------------------------------------------


def svg_line(columns: Columns, colour: str) -> str:
    """Return columns as a picture: smallest to largest pale, the mean as a line; nothing where there are no samples.

    Examples
    --------
    >>> ramp = np.arange(3.0)
    >>> svg_line(Columns(mean=ramp, min=ramp, max=ramp), "#0072B2").count("<path")
    2
    """
    band, mean = [], []
    low, high = _range(columns)
    step = _WIDTH / len(columns.mean)
    for start, stop in runs(np.isfinite(columns.mean)):
        x = (np.arange(start, stop) + 0.5) * step
        if stop - start == 1:
            x = np.array([start * step, stop * step])
        part = slice(start, stop)
        top, bottom, middle = (_heights(v[part], low, high) for v in (columns.max, columns.min, columns.mean))
        band.append(f"M{_points(x, top)} L{_points(x[::-1], bottom[::-1])}Z")
        mean.append(f"M{_points(x, middle)}")
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-hidden="true">'
        f'<path d="{"".join(band)}" fill="{colour}" fill-opacity=".3" stroke="{colour}" stroke-opacity=".3"'
        f' stroke-width=".8"/><path d="{"".join(mean)}" fill="none" stroke="{colour}" stroke-width="1.1"/></svg>'
    )


def _range(columns: Columns) -> tuple[float, float]:
    finite = np.concatenate([v[np.isfinite(v)] for v in (columns.min, columns.max)])
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if not math.isfinite(high - low):
        return low / 2, high / 2
    return (low, high) if high > low else (low - 1, high + 1)


def _heights(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return how far below the top values are, in pixels; one value stands for both ends of its column."""
    share = np.clip((values - low) / (high - low), 0, 1)
    y = _HEIGHT - _PAD - share * (_HEIGHT - 2 * _PAD)
    return np.repeat(y, 2) if len(y) == 1 else y


def _points(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> str:
    return " ".join(f"{a:.5g},{b:.4g}" for a, b in zip(x, y, strict=True))
