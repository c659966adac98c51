"""The panel as a whole: what its buttons do, and what Python may ask of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from xjls.capturing.until import Until
from xjls.errors import CaptureError, SelectionError
from xjls.widget.panel import stored
from xjls.widget.panel.buttons import Buttons, canvas_settings
from xjls.widget.panel.canvas import Canvas
from xjls.widget.panel.controls import Controls, text_of
from xjls.widget.panel.keeping import Keeping
from xjls.widget.panel.looking import Lookout
from xjls.widget.panel.messages import Messages
from xjls.widget.panel.naming import FIRST, free_name, offered_name, require_name
from xjls.widget.panel.pushing import Pusher
from xjls.widget.panel.still import with_picture
from xjls.widget.panel.streaming import Streaming

if TYPE_CHECKING:
    from datetime import datetime

    from xjls.capturing.outcome import Outcome
    from xjls.capturing.part import Part
    from xjls.capturing.session import Session
    from xjls.model.amounts import Amount
    from xjls.widget.panel.pushing import Push

RELEASED = "recording was stopped"


class Panel(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Start, stop, watch and record a device in a notebook; made by `xjls.panel`.

    Parameters
    ----------
    device, store, duration, size, stop_at, signals, rate, settings, window, stops_after, remember
        See `xjls.panel`.
    how
        Of recordings: ``codec``, ``storage_options``.
    open_dataset
        Opens a recording for `dataset`.
    """

    def __init__(
        self, device: str | None = None, store: str | os.PathLike[str] | None = None, *,
        open_dataset: Callable[[str], Any], duration: Amount | None = None, size: Amount | None = None,
        stop_at: str | datetime | None = None, signals: Sequence[str] | None = None, rate: Amount | None = None,
        settings: Mapping[str, Any] | None = None, window: str | None = None, stops_after: bool | None = None,
        remember: bool = True, how: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        place = stored.place() if remember else None
        choices, wrong = (stored.DEFAULTS, "") if place is None else stored.load(place)
        wanted = {"window": window, "duration": text_of(duration), "size": text_of(size), "stops_after": stops_after}
        choices = choices | {key: value for key, value in wanted.items() if value is not None}
        self._asked: dict[str, Any] = {"signals": signals, "rate": rate, "settings": settings}
        self._how = dict(how or {})
        self._open_dataset = open_dataset
        self._guard, self._starting = RLock(), RLock()
        """The second is taken first; the thread that pushes takes the first only, as others wait for its end."""
        self._streaming: Streaming | None = None
        self._last: Streaming | None = None
        """The same, and when it has ended."""
        self._messages: Messages | None = None
        self._ended: tuple[Outcome | None, Exception | None] = (None, None)
        self._is_armed = store is not None
        self._is_closed = False
        self._part: Part | None = None
        """The last recording, of a panel that was closed."""
        self._controls = Controls(choices, device, offered_name(os.fspath(store or FIRST)))
        self._controls.stop_at.value = "" if stop_at is None else str(stop_at)
        self._canvas = Canvas(
            self._acknowledge, self._show_anew, lambda text: self._buttons.mark(text),  # noqa: PLW0108 - made below
            settings=canvas_settings(self._controls),
        )  # fmt: skip
        self._buttons = Buttons(self, self._controls, self._canvas, place)
        self._lookout = Lookout(self._controls, self._buttons, self._guard, self._recorded)
        self._keeping = Keeping(self._canvas)
        self._pusher = Pusher(
            self._canvas.send, self._make, self._look, tell=self._buttons.say_error, again=self._again
        )
        stored.window_s(self._controls.window.value)  # what is none is refused now
        if device is None:
            self._controls.look_for_devices()
        super().__init__((*self._controls.rows, self._canvas))
        self._buttons.connect()
        self.show()
        self._controls.say(wrong, is_wrong=bool(wrong))

    # -- what Python does --------------------------------------------------------------------------------------------

    def start(self) -> Panel:
        """Stream the device; record as well where a store was named, or `record` was called; return the panel.

        Raises
        ------
        SelectionError, DeviceError, SinkError, MissingDependencyError
            As of `xjls.capture`.
        """
        self._require_open()
        with self._starting:
            if not self.is_streaming:
                self._finish(self._streaming)  # the one before, which has ended
                self._pusher.stop()
                self._begin_or_say()
            if not self._pusher.is_running:  # also where somebody was interrupted between the two
                self._pusher.forget()
                self._pusher.start()
        return self

    def stop(self, reason: str = "") -> Outcome | None:
        """End the stream and what it records; return how it ended, None where none was begun."""
        try:
            if (streaming := self._begun()) is not None:
                streaming.session.stop(*([reason] if reason else []))
                self._finish(streaming)
        finally:
            self._end_pushing()
        return self._ended[0]

    def wait(self) -> Outcome:
        """Wait until the stream ends on its own, and everything is written; return how.

        Raises
        ------
        DeviceError, SinkError, CaptureError
            As of `Session.wait`; or what kept it from starting.
        """
        try:
            self._finish(self._begun())
        finally:
            self._end_pushing()
        outcome, error = self._ended
        if error is not None:
            raise error
        if outcome is None:
            raise CaptureError("nothing was begun", "", "Call start() first.")
        return outcome

    def record(self, path: str | os.PathLike[str] | None = None, *, go_on: bool = False) -> Part | None:
        """Record what comes from now on; where nothing streams yet, from the first sample on, and return None.

        Parameters
        ----------
        path
            Where to; None for what the panel shows. What is there is gone on with only if that is wanted: else the
            next free name is taken.
        go_on
            Add to what is there.
        """
        self._require_open()
        with self._guard:
            if path is not None:
                self._controls.path.value = os.fspath(path)
            self._controls.go_on.value = go_on or (path is None and self._controls.go_on.value)
            self._is_armed = True
            part = self._record() if self._streaming is not None else None
            self.show()
            return part

    def stop_recording(self, reason: str = RELEASED) -> Part | None:
        """Close what is recorded, and go on streaming; return it."""
        with self._guard:
            self._is_armed = False
            streaming, part = self._streaming, self.part
            self._lookout.knows(part)
        if streaming is not None and part is not None:
            streaming.release(part, reason)  # may wait for a disk: others are not to wait for that
        self.show()
        return None if streaming is None else part

    def mark(self, text: str = "") -> None:
        """Write an annotation at the newest sample, into what is recorded."""
        streaming = self._streaming
        if streaming is None:
            raise CaptureError("nothing streams that could be marked", "", "Call start() first.")
        if not streaming.is_recording:
            raise CaptureError("nothing is recorded that could keep a mark", "", "Call record() first.")
        streaming.session.mark(text or "mark")

    def zero(self) -> None:
        """Accumulate charge and energy anew; recordings stay as they are."""
        if (streaming := self._streaming) is not None:
            streaming.watch.zero()

    def close(self) -> None:
        """End everything: no thread and no file stays open, and the last seconds are gone; `dataset` is still there."""
        if not hasattr(self, "_pusher"):  # it was refused when it was made
            super().close()
            return
        self._is_closed = True
        self.stop()
        for one in (*self._controls.all, *self.children):
            for part in (getattr(one, "layout", None), getattr(one, "style", None), one):
                if part is not None:
                    part.close()
        with self._guard:
            self._part = self.part
            self._last = self._messages = None
        self.layout.close()
        super().close()

    @property
    def is_streaming(self) -> bool:
        """Whether a stream is under way."""
        streaming = self._streaming
        return streaming is not None and not streaming.session.has_ended()

    @property
    def session(self) -> Session | None:
        """The session, while it streams and afterwards: its ``counts``, and its ``recording`` of the last seconds."""
        last = self._last
        return None if last is None else last.session

    @property
    def part(self) -> Part | None:
        """What is recorded, or was last."""
        last = self._last
        return self._part if last is None else last.part

    @property
    def outcome(self) -> Outcome | None:
        """How the last stream ended; None while it runs."""
        return self._ended[0]

    @property
    def numbers(self) -> dict[str, Any]:
        """What the panel reads out now: ``numbers``, ``health``, ``recording`` and others; see docs/how-to/panel.md."""
        messages = self._messages
        return {} if messages is None else messages.refresh()

    @property
    def dataset(self) -> Any:
        """The recording as a Dataset: what is flushed, while it is written, and all of it afterwards."""
        part = self.part
        if part is None:
            raise SelectionError("nothing was recorded", "Call record(), or press Record.")
        return self._open_dataset(part.path)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        messages = self._messages
        kept = self._canvas.last if messages is None else messages.kept(self._pusher.skipped)
        return with_picture(super()._repr_mimebundle_(**kwargs), kept) | {"text/plain": repr(self)}

    def __repr__(self) -> str:
        streaming = self._streaming
        state = "not streaming" if streaming is None else "streaming"
        if streaming is not None and streaming.is_recording and streaming.part is not None:
            state += f", recording {streaming.part.path}"
        return f"<xjls.Panel of {self._controls.device.value or 'no device'}: {state}>"

    # -- a stream's life ---------------------------------------------------------------------------------------------

    def _require_open(self) -> None:
        if self._is_closed:
            raise CaptureError("the panel is closed", "", "Make another one.")

    def _begin_or_say(self) -> None:
        with self._guard:
            self._ended = (None, None)
            self._buttons.forget_error()
            try:
                self._begin()
            except Exception as error:
                self._ended = (None, error)
                self._buttons.say_error(error)
                raise
            finally:
                self.show()

    def _end_pushing(self) -> None:
        """Push no more, unless somebody has begun another stream."""
        with self._starting:
            if self._streaming is None:
                self._pusher.stop()

    def _begin(self) -> None:
        """Open the device, and begin; what was opened is given back where something is wrong."""
        uri = self._controls.device.value
        if not uri:
            raise SelectionError("no device is chosen", "Plug one in and look again, or name one, as in sim.")
        self._lookout.begin()
        streaming = Streaming(uri, **self._asked)
        try:
            self._streaming = self._last = streaming
            self._messages = Messages(streaming, stored.window_s(self._controls.window.value))
            if self._is_armed:
                self._record()
            streaming.session.start()
        except BaseException:
            self._streaming = None
            streaming.session.close()
            raise

    def _record(self) -> Part:
        streaming, controls = self._streaming, self._controls
        if streaming is None:
            raise CaptureError("nothing streams that could be recorded", "", "Call start() first.")
        path = controls.path.value.strip() or FIRST
        require_name(path)
        if not controls.go_on.value:
            path = free_name(path, self._how.get("storage_options"))
        until = Until.of(duration=controls.duration.value.strip() or None, size=controls.size.value.strip() or None)
        part = streaming.record(path, until, **self._how)
        controls.path.value = path
        return part

    def _begun(self) -> Streaming | None:
        """Return the stream, when whoever begins one is done."""
        with self._guard:
            return self._streaming

    def _finish(self, streaming: Streaming | None) -> None:
        """Wait for the end of the stream, and take down how it was; once, by whoever comes first."""
        if streaming is None:
            return
        outcome: Outcome | None = None
        error: Exception | None = None
        try:
            outcome = streaming.session.wait()
        except Exception as raised:  # noqa: BLE001 - of a driver, whatever it is: the panel must say it
            error = raised
        with self._guard:
            if self._streaming is not streaming:
                return
            self._streaming, self._ended = None, (outcome, error)
            self.show()
        if error is not None:
            self._buttons.say_error(error)
        elif outcome is not None:
            self._buttons.say_end(outcome)
        self._pusher.attempt(self._show_end)

    def _show_end(self) -> None:
        """Push how it was at the end, and keep it."""
        if (messages := self._messages) is not None:
            messages.refresh()
            self._keeping.renew(messages, self._pusher.skipped, anyway=True)
        self._pusher.push(anyway=True)

    # -- the pushing thread ------------------------------------------------------------------------------------------

    def _look(self) -> bool:
        """Look after what is due; return whether it streams."""
        streaming = self._streaming
        if streaming is None:
            return False
        if streaming.session.has_ended():
            self._finish(streaming)
            return False
        messages = self._messages
        self._lookout.look(streaming, messages)
        if messages is not None:
            self._keeping.renew(messages, self._pusher.skipped)
        return True

    def _recorded(self) -> None:
        """Show that a recording has ended on its own."""
        self._is_armed = self._controls.stops_after.value  # the next Start does the same again
        self.show()

    def _make(self, skipped: int) -> Push:
        messages = self._messages
        if messages is None:
            return {"reset": True, "state": "idle", "lanes": [], "skipped": skipped}, []
        return messages.make(skipped)

    def _again(self) -> None:
        if (messages := self._messages) is not None:
            messages.again()

    # -- what a browser says -----------------------------------------------------------------------------------------

    def _acknowledge(self, number: int) -> None:
        self._pusher.acknowledge(number)

    def _show_anew(self) -> None:
        self._pusher.forget()
        self._again()
        self._pusher.attempt(lambda: self._pusher.push(anyway=True))

    # -- what buttons ask ----------------------------------------------------------------------------------------

    def choose(self) -> None:
        """Show as much as was chosen."""
        if (messages := self._messages) is not None:
            messages.again(stored.window_s(self._controls.window.value))

    def show(self) -> None:
        """Show on the buttons how it is."""
        with self._guard:
            streaming = self._streaming
            records = self._is_armed if streaming is None else streaming.is_recording
            self._buttons.show(streams=streaming is not None, records=records)
