"""What must be looked after while a stream runs: when it is to stop, and how its recording does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xjls.widget.panel.health import free_bytes
from xjls.widget.panel.moment import moment_of

if TYPE_CHECKING:
    from xjls.capturing.part import Part
    from xjls.widget.panel.buttons import Buttons
    from xjls.widget.panel.controls import Controls
    from xjls.widget.panel.messages import Messages
    from xjls.widget.panel.streaming import Streaming

LEAST_FREE_BYTES = 64 << 20
"""With less room on its disk a recording is closed, while that can still be done."""
ON_TIME = "it was the time to stop"
NO_ROOM = "its disk is nearly full"


class Lookout:
    """Look after one stream after the other; the thread that pushes asks, twenty times a second.

    Parameters
    ----------
    controls, buttons
        Are read, and say what is to be said.
    guard
        What others hold while they begin or end a recording.
    recorded
        Called, with the guard, when a recording has ended on its own.
    """

    def __init__(
        self, controls: Controls, buttons: Buttons, guard: AbstractContextManager[object],
        recorded: Callable[[], object],
    ) -> None:  # fmt: skip
        self._controls, self._buttons = controls, buttons
        self._guard, self._recorded = guard, recorded
        self._stops_at: datetime | None = None
        self._not_shown: Exception | None = None
        """What was said of the picture."""
        self._told: Part | None = None
        """The recording whose end was said."""

    def begin(self) -> None:
        """Look after another stream from now on; raise SelectionError where its end is no moment, or is over."""
        text = self._controls.stop_at.value.strip()
        self._stops_at = moment_of(text, datetime.now(UTC).astimezone()) if text else None
        self._not_shown = None

    def knows(self, part: Part | None) -> None:
        """Say nothing of the end of a recording: who ends it knows."""
        self._told = part

    def look(self, streaming: Streaming, messages: Messages | None) -> None:
        """Look once."""
        session = streaming.session
        if self._stops_at is not None and datetime.now(UTC) >= self._stops_at:
            session.stop(ON_TIME)
        if (error := session.not_shown) is not None and error is not self._not_shown:
            self._not_shown = error
            self._buttons.say_not_shown(error)
        if (part := streaming.part) is None:
            return
        if streaming.is_recording:
            self._go_on(streaming, part, messages)
        else:
            self._end(streaming, part)

    def _go_on(self, streaming: Streaming, part: Part, messages: Messages | None) -> None:
        """Look at its room and its progress."""
        if (free := free_bytes(part.path)) is not None and free < LEAST_FREE_BYTES:
            streaming.session.release(part, NO_ROOM)
        told = messages and messages.recording
        self._controls.show_progress(told["done"] if told else None)

    def _end(self, streaming: Streaming, part: Part) -> None:
        """Say once that it has ended on its own."""
        with self._guard:
            if part is self._told:
                return
            self._told = part
            self._recorded()
        self._buttons.say_recorded(part, is_wrong=part.reason == NO_ROOM)
        if self._controls.stops_after.value:
            streaming.session.stop(part.reason)
