"""Buttons, texts and selectors of the panel: plain ipywidgets, so that they look and act as others do."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from xjls.capturing.registry import find_devices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xjls.model.amounts import Amount

WINDOWS = ("5s", "10s", "30s", "1min", "2min", "5min", "10min")
UNITS = (("C, J", "si"), ("Ah, Wh", "hours"))


def _wide(width: str) -> widgets.Layout:
    return widgets.Layout(width=width)


def _text(placeholder: str, width: str, tooltip: str, value: str = "") -> widgets.Text:
    return widgets.Text(value, placeholder=placeholder, tooltip=tooltip, layout=_wide(width), continuous_update=False)


class Controls:
    """All controls, and in which rows they are.

    Parameters
    ----------
    choices
        What is chosen at first: see `xjls.widget.panel.stored.DEFAULTS`.
    device
        The device that is named; None to let people choose among those that are there.
    path
        The recording that is offered.
    """

    def __init__(self, choices: Mapping[str, Any], device: str | None, path: str) -> None:
        self.device = widgets.Dropdown(options=[device] if device else [], layout=_wide("16em"), tooltip="The device")
        self.search = widgets.Button(icon="refresh", tooltip="Look for devices", layout=_wide("2.6em"))
        self.start = widgets.ToggleButton(description="Start", icon="play", tooltip="Stream the device; records "
                                          "nothing by itself", layout=_wide("6.5em"))  # fmt: skip
        self.record = widgets.ToggleButton(description="Record", icon="circle", layout=_wide("7em"),
                                           tooltip="Record what comes from now on")  # fmt: skip
        self.path = _text("run_001.zarr, .jls …", "17em", "The recording", path)
        self.go_on = widgets.Checkbox(description="go on with it", indent=False, layout=_wide("8em"),
                                      tooltip="Where there is such a recording: add to it, rather than take the next "
                                      "free name")  # fmt: skip
        self.duration = _text("for: 10min", "7em", "End a recording after so long, as in 1h30min", choices["duration"])
        self.size = _text("size: 2 GB", "7em", "End a recording after so many bytes", choices["size"])
        self.stop_at = _text("at: 17:30", "7em", "Stop at this time of day, or date and time")
        self.stops_after = widgets.Checkbox(choices["stops_after"], description="then stop", indent=False,
                                            tooltip="A recording that has what was asked for stops the stream",
                                            layout=_wide("7em"))  # fmt: skip
        windows = WINDOWS if choices["window"] in WINDOWS else (choices["window"], *WINDOWS)
        self.window = widgets.Dropdown(options=windows, value=choices["window"], layout=_wide("5.5em"),
                                       tooltip="How far the picture reaches back")  # fmt: skip
        self.freeze = widgets.ToggleButton(description="Freeze", icon="snowflake-o", layout=_wide("6.5em"),
                                           tooltip="Hold the picture; the capture goes on")  # fmt: skip
        self.units = widgets.Dropdown(options=UNITS, value=choices["units"], layout=_wide("6em"),
                                      tooltip="Units of what is accumulated")  # fmt: skip
        self.zero = widgets.Button(description="Zero", icon="undo", tooltip="Accumulate anew; recordings stay as they "
                                   "are", layout=_wide("5.5em"))  # fmt: skip
        self.progress = widgets.FloatProgress(min=0, max=1, layout=widgets.Layout(width="10em", visibility="hidden"))
        self.told = widgets.HTML()
        self._names_device = device is not None

    @property
    def rows(self) -> tuple[widgets.HBox, ...]:
        """Return them as they stand."""
        device = () if self._names_device else (self.device, self.search)
        rows = (
            (*device, self.start, self.record, self.path, self.go_on, self.duration, self.size, self.stops_after,
             self.stop_at),
            (self.window, self.freeze, self.units, self.zero, self.progress, self.told),
        )  # fmt: skip
        return tuple(
            widgets.HBox(row, layout=widgets.Layout(flex_flow="row wrap", align_items="center")) for row in rows
        )

    @property
    def all(self) -> tuple[widgets.Widget, ...]:
        """All of them."""
        return tuple(one for one in vars(self).values() if isinstance(one, widgets.Widget))

    def choices(self) -> dict[str, Any]:
        """Return what is chosen, of what is remembered."""
        return {
            "window": self.window.value, "units": self.units.value, "duration": self.duration.value,
            "size": self.size.value, "stops_after": self.stops_after.value,
        }  # fmt: skip

    def look_for_devices(self) -> None:
        """Offer the devices that are there."""
        found = [(f"{one.uri} · {one.source.name}", one.uri) for _, there, _ in find_devices() for one in there]
        self.device.options = found or [("no device is there", "")]

    def show_streaming(self, streams: bool, records: bool) -> None:
        """Show whether it streams and records."""
        self.start.description, self.start.icon = ("Stop", "stop") if streams else ("Start", "play")
        self.start.value = streams
        self.record.value = records
        self.record.button_style = "danger" if streams and records else ""
        for one in (self.path, self.go_on, self.duration, self.size):
            one.disabled = streams and records
        self.device.disabled = self.search.disabled = streams

    def say(self, text: str, *, is_wrong: bool = False) -> None:
        """Show a sentence."""
        color = "color:var(--jp-error-color1,#c62828);font-weight:600" if is_wrong else ""
        shown = f'<span role="status" style="{color}">{escape(text)}</span>'
        if self.told.value != shown:
            self.told.value = shown

    def show_progress(self, done: float | None) -> None:
        """Show how far a recording is; None where it has no end."""
        self.progress.layout.visibility = "hidden" if done is None else "visible"
        self.progress.value = done or 0.0


def text_of(amount: Amount | None) -> str | None:
    """Return an amount as people would write it; None of none."""
    return amount if amount is None or isinstance(amount, str) else f"{float(amount):.12g}"
