"""The middle thing between bytes and arrays: what was captured, and a way to read windows of it.

A format fulfils `Reader`; everything else (xarray, statistics, command line) uses `Recording`. Reads are thread-safe; a
recording pickles as its path and options and opens itself again in another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.model.growing import Growing, begins_anew
from xjls.model.questions import Questions
from xjls.model.reopening import forget, key_of, reopen, share
from xjls.model.timing import Timing
from xjls.model.window import Window, valid_mask

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.clock import Clock
    from xjls.model.reader import OnDamage, Reader
    from xjls.model.signal import Level, Signal, Source
    from xjls.model.status import Damage, Status
    from xjls.model.window import Gap, WindowLike


class Recording(Timing, Questions, Growing):
    """What was captured, described and readable; made by `xjls.open_recording`.

    Parameters
    ----------
    path
        Where it was opened.
    opener
        A picklable function of ``path`` and the options that opens the format's reader: in this process now, in
        another one after unpickling.
    options
        Keyword arguments of the opener.
    on_damage
        ``"raise"``: a read that meets damage raises; ``"gap"``: it returns NaN there (0 in integer signals) and
        `status` names the samples.
    verify
        Whether every read checks the checksums of what it reads.
    reader
        What the opener made of path and options, where that was called already.

    Notes
    -----
    Thread-safe. Closing is not needed for correctness: what is held is given back when the last user is gone.
    """

    def __init__(
        self,
        path: str,
        opener: Callable[..., Reader],
        *,
        options: Mapping[str, Any] | None = None,
        on_damage: OnDamage = "raise",
        verify: bool = True,
        reader: Reader | None = None,
    ) -> None:
        if on_damage not in ("raise", "gap"):
            raise SelectionError(f"on_damage={on_damage!r} is no policy", 'Choose "raise" or "gap".')
        self.path = path
        self.on_damage: OnDamage = on_damage
        self.verify = verify
        self._opener = opener
        self._options = dict(options or {})
        self._reader = opener(path, **self._options) if reader is None else reader
        self._signals: dict[str, Signal] = {}
        self._ties: dict[str, tuple[Tie, ...]] = {}
        self._clocks: dict[tuple[str, ...], Clock] = {}
        self._annotations: tuple[Annotation, ...] | None = None
        self._notes: dict[str, None] = {}
        self.epoch = 0
        """How often `refresh` found that the writer had emptied the recording: sample ids began anew each time."""
        self._forget_answers()

    @property
    def reader(self) -> Reader:
        """What the format gives: for formats, and what wraps them. `refresh` puts another one in its place."""
        return self._reader

    def wrapped(self, opener: Callable[..., Reader], reader: Reader, **options: Any) -> Recording:
        """Return a recording of a reader that wraps this one's, instead of this one; for formats.

        Elsewhere, and on `refresh`, it is made by ``opener(path, opener=..., options=..., **options)``, whose first two
        are this recording's own.
        """
        return Recording(
            self.path, opener, options={"opener": self._opener, "options": self._options, **options},
            on_damage=self.on_damage, verify=self.verify, reader=reader,
        )  # fmt: skip

    def with_gaps(self) -> Recording:
        """Return a recording of the same reader in which damage is gaps: itself, where it is so already."""
        if self.on_damage == "gap":
            return self
        return Recording(
            self.path, self._opener, options=self._options, on_damage="gap", verify=self.verify, reader=self._reader
        )

    @property
    def format(self) -> str:
        """Name of the format."""
        return self._reader.format

    @property
    def sources(self) -> tuple[Source, ...]:
        """The instruments, by their number."""
        return self._reader.sources

    @property
    def signals(self) -> Mapping[str, Signal]:
        """The signals by name, in the order of their numbers."""
        return MappingProxyType({name: self.signal(name) for name in self._reader.names})

    @property
    def was_closed(self) -> bool:
        """Whether its writer closed it; a recording that was cut off, or is still growing, was not."""
        return self._reader.was_closed

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """All annotations, in the order in which they were written on each signal; read once, on first use."""
        if self._annotations is None:
            self._annotations = tuple(self._dated(note) for note in self._reader.annotations())
        return self._annotations

    @property
    def user_data(self) -> tuple[UserData, ...]:
        """Records that applications left in the file; read at each use."""
        return self._reader.user_data()

    @property
    def status(self) -> Status:
        """What is known of the recording's health: at opening, and from every read since."""
        status = self._reader.status()
        return replace(status, notes=(*status.notes, *self._notes)) if self._notes else status

    @property
    def token(self) -> tuple[object, ...]:
        """What tells this recording, as opened, from another: for caches and task names."""
        return (*self._reader.token, self.on_damage, self.verify)

    def signal(self, name: str) -> Signal:
        """Return a signal by name.

        Raises
        ------
        SelectionError
            There is none of that name; the message lists those that exist.
        """
        kept, reader = self._signals, self._reader  # of one moment: `refresh` puts others in their places
        if name not in kept:
            if name not in reader.names:
                names = ", ".join(reader.names) or "none"
                raise SelectionError(f"no signal {name!r} in {self.path}", f"Signals: {names}.")
            kept[name] = reader.describe(name)
        return kept[name]

    def level(self, name: str, index: int) -> Level:
        """Return a summary level of a signal, 1 the finest; the error lists those that exist."""
        levels = self.signal(name).levels
        if not 1 <= index <= len(levels):
            there = ", ".join(f"{level.index} (×{level.factor})" for level in levels) or "none"
            raise SelectionError(f"signal {name!r} has no level {index}", f"Levels: {there}.")
        return levels[index - 1]

    def read(self, name: str, window: WindowLike = None, *, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read samples into an array.

        Parameters
        ----------
        name
            The signal.
        window
            Sample ids ``(start, stop)``, half-open; None at either end, or for all, takes what there is.
        out
            A C-contiguous array of the signal's dtype and of the window's length to fill instead of a new one.

        Returns
        -------
        ndarray
            One value a sample, in the signal's dtype and in the file's units: multiply by ``scale_factor`` where that
            is not 1. Lost samples are NaN, or 0 in integer signals, when it was opened with ``on_damage="gap"``.

        Raises
        ------
        SelectionError
            No such signal, or the window reaches outside it.
        LostSamplesError
            Samples of the window are damaged or were never stored, and ``on_damage`` is ``"raise"``.
        """
        signal = self._signals.get(name) or self.signal(name)
        window = Window.of(window, signal.window)
        return self._reader.read(signal, window, out, self.on_damage, self.verify)[0]

    def read_with_gaps(
        self, name: str, window: WindowLike = None, *, on_damage: OnDamage = "gap"
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read samples, whatever the recording's own ``on_damage``, and return them with the gaps; see `read`."""
        signal = self.signal(name)
        return self._reader.read(signal, Window.of(window, signal.window), None, on_damage, self.verify)

    def read_valid(self, name: str, window: WindowLike = None) -> NDArray[np.bool_]:
        """Read a window and return, for each sample, whether the recording holds its value."""
        window = Window.of(window, self.signal(name).window)
        return valid_mask(window, self.read_with_gaps(name, window)[1])

    def gaps(self, name: str) -> tuple[Gap, ...]:
        """Return the samples that a signal's index shows to be lost, and those that its writer never had.

        Damage inside chunks shows on reading only.
        """
        return self._reader.gaps(self.signal(name))

    def skipped(self, name: str) -> tuple[Gap, ...]:
        """Return the gaps that the writer recorded: sample ids that were counted, and that nobody delivered.

        They are NaN, or 0 in integer signals, whatever ``on_damage`` says; `read_valid` and statistics leave them out.
        """
        return self._reader.skipped(self.signal(name))

    def read_level(self, name: str, level: int, entries: WindowLike = None) -> NDArray[Any]:
        """Read entries of a summary level.

        Parameters
        ----------
        name, level
            The signal, and the level's index: 1 is the finest.
        entries
            Half-open range of entry numbers; entry ``i`` covers the samples ``first_id + factor * [i, i + 1)``.

        Returns
        -------
        ndarray
            float[entries, 4]: mean, population standard deviation, min and max over the finite samples.
        """
        signal, described = self.signal(name), self.level(name, level)
        span = Window.of(entries, Window(0, described.length))
        return self._reader.read_level(signal, described, span, self.on_damage, self.verify)

    def plot(self, signals: Iterable[str] | None = None, window: WindowLike = None, **options: Any) -> Figure:
        """Draw signals; see `xjls.plot.plot_recording` for the options. Needs matplotlib: the extra ``plot``.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
        >>> recording.plot(["current", "voltage"]).savefig(tempfile.mkdtemp() + "/run.png")
        """
        from xjls.plot import plot_recording

        return plot_recording(self, signals, window, **options)

    def check(self, progress: Callable[[int, int], None] | None = None) -> tuple[Damage, ...]:
        """Walk and verify every chunk of the recording; return all damage, by offset. Reads every byte once."""
        return self._reader.check(progress)

    def refresh(self) -> bool:
        """Look again at a recording that may have grown; return whether it did, or was closed.

        Windows, levels, ties, annotations and user data are then those of now. Reads under way end as they began, and
        so do Datasets that were opened before. The writer is not disturbed. Where it has emptied the recording, as
        those do that keep the last seconds only, `epoch` counts.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
        >>> recording.refresh()
        False
        """
        reader = self._opener(self.path, **self._options)
        if not reader.was_closed and reader.status().damage:
            # Its writer may have been changing a link just then
            reader.close()
            reader = self._opener(self.path, **self._options)
        # Closing what was flushed before need not write anything
        if (reader.token, reader.was_closed) == (self._reader.token, self.was_closed):
            reader.close()
            return False
        if reader.restarts and any(begins_anew(signal, self._reader, reader) for signal in self._signals.values()):
            self.epoch += 1
        # Whoever reads with the old one keeps it; it closes itself when the last of them is gone
        shared = forget(self._key())
        self._reader = reader
        if shared is self:
            share(self._key(), self)
        self._signals, self._ties, self._clocks = {}, {}, {}
        self._annotations, self._notes = None, {}
        self._forget_answers()
        return True

    def close(self) -> None:
        """Give back the file; a second call does nothing, reads afterwards raise ValueError.

        Recordings that were unpickled from one recording share it in each process, and close together.
        """
        forget(self._key())
        self._forget_answers()
        self._reader.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Recording], tuple[Any, ...]]:
        return reopen, (Recording, self.path, self._opener, self._options, self.on_damage, self.verify, self.token)

    def _key(self) -> tuple[object, ...]:
        return key_of(self._opener, self._options, self.token)

    def __repr__(self) -> str:
        names = ", ".join(self._reader.names) or "no signals"
        state = "" if self.was_closed else ", not closed"
        return f"<xjls.Recording {self.path!r} ({self.format}{state}): {names}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows; see `xjls.model.glance.glance` for what that reads."""
        from xjls.plot import glance_html

        return glance_html(self)
