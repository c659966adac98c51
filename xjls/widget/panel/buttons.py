"""What the controls do: they ask the panel, remember what was chosen, and show how it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import RLock, local
from typing import TYPE_CHECKING, Any

from xjls.capturing.outcome import text_of
from xjls.errors import XjlsError
from xjls.widget.panel import stored
from xjls.widget.panel.naming import FIRST, offered_name

if TYPE_CHECKING:
    from xjls.capturing.outcome import Outcome
    from xjls.capturing.part import Part
    from xjls.widget.panel.canvas import Canvas
    from xjls.widget.panel.controls import Controls
    from xjls.widget.panel.panel import Panel

_log = logging.getLogger(__name__)


class Buttons:
    """Join controls and panel.

    Parameters
    ----------
    panel
        Is asked.
    controls, canvas
        Are pressed, and show.
    place
        Where choices are remembered; None for nowhere.
    """

    def __init__(self, panel: Panel, controls: Controls, canvas: Canvas, place: Path | None) -> None:
        self._panel, self._controls, self._canvas, self._place = panel, controls, canvas, place
        self._guard = RLock()
        self._here = local()
        """``is_showing``, of each thread: what one shows is no press, and what is pressed meanwhile is one."""
        self._saved = controls.choices()
        self.mark = self._pressed(panel.mark)
        """Called with the text of a mark: what is wrong is shown."""

    def connect(self) -> None:
        """Have them do what they say."""
        controls, panel = self._controls, self._panel
        controls.start.observe(self._pressed(self._toggle_start), "value")
        controls.record.observe(self._pressed(self._toggle_record), "value")
        controls.search.on_click(self._pressed(lambda _: controls.look_for_devices()))
        controls.zero.on_click(self._pressed(lambda _: panel.zero()))
        controls.window.observe(self._pressed(lambda _: panel.choose()), "value")
        for one in (controls.units, controls.freeze):
            one.observe(self._pressed(lambda _: self._draw_anew()), "value")
        for one in (controls.window, controls.units, controls.duration, controls.size, controls.stops_after):
            one.observe(self._pressed(lambda _: self._remember()), "value")

    def show(self, *, streams: bool, records: bool) -> None:
        """Show whether it streams and records, and which name is offered."""
        controls = self._controls
        with self._guard:
            self._here.is_showing = True
            try:
                controls.show_streaming(streams, records)
                if not records:
                    controls.show_progress(None)
                if not records and not controls.go_on.value:
                    controls.path.value = offered_name(controls.path.value or FIRST)
            finally:
                self._here.is_showing = False

    def say_error(self, error: BaseException) -> None:
        """Show what is wrong, in words that stay."""
        self._say_wrong(text_of(error))

    def say_end(self, outcome: Outcome) -> None:
        """Show how a stream ended, and what is wrong with it: of the device, or of recordings."""
        wrong = [] if outcome.error is None else [text_of(outcome.error)]
        wrong += [f"{path} took no more: {text_of(error)}" for path, error in outcome.failed.items()]
        if wrong:
            self._say_wrong("; ".join(wrong))
        else:
            self._controls.say(f"ended because {outcome.reason}")

    def say_recorded(self, part: Part, *, is_wrong: bool) -> None:
        """Show why a recording ended on its own."""
        if part.error is not None:
            self._say_wrong(f"{part.path} took no more: {text_of(part.error)}")
        else:
            self._controls.say(f"recorded {part.path}: {part.reason}", is_wrong=is_wrong)

    def say_not_shown(self, error: Exception) -> None:
        """Show why the picture stands still."""
        self._say_wrong(f"the picture goes on no more, recordings do: {text_of(error)}")

    def forget_error(self) -> None:
        """Show nothing of what was wrong before."""
        self._controls.say("")
        self._canvas.note = ""

    def _say_wrong(self, text: str) -> None:
        self._controls.say(text, is_wrong=True)
        self._canvas.note = text

    def _pressed(self, act: Callable[[Any], object]) -> Callable[[Any], None]:
        """Return what a control calls: what is wrong is shown, and the buttons show how it is."""

        def press(change: Any) -> None:
            if getattr(self._here, "is_showing", False):
                return
            try:
                act(change)
            except Exception as error:  # noqa: BLE001 - of a device, a disk or a cloud: who pressed must be told
                if not isinstance(error, (XjlsError, OSError)):
                    _log.exception("what was pressed could not be done")
                self.say_error(error)
            finally:
                self._panel.show()

        return press

    def _toggle_start(self, change: Any) -> None:
        if change["new"]:
            self._panel.start()
        else:
            self._panel.stop()

    def _toggle_record(self, change: Any) -> None:
        if change["new"]:
            self._panel.record()
            self.forget_error()  # what was refused before is put right
        else:
            self._panel.stop_recording()

    def _draw_anew(self) -> None:
        self._canvas.settings = canvas_settings(self._controls)

    def _remember(self) -> None:
        """Keep what was chosen, where it is something else."""
        choices = self._controls.choices()
        if self._place is not None and choices != self._saved:
            try:
                stored.save(self._place, choices)
                self._saved = choices
            except OSError as error:
                self._controls.say(f"choices are not remembered: {error}", is_wrong=True)


def canvas_settings(controls: Controls) -> dict[str, Any]:
    """Return what the browser draws by."""
    return {"units": controls.units.value, "frozen": controls.freeze.value, "theme": "auto", "digits": 5}
