"""What a format gives, and a `Recording` asks: the seam between bytes and everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Level, Signal, Source
    from xjls.model.status import Damage, Status
    from xjls.model.window import Gap, Window
    from xjls.progress import Progress

OnDamage: TypeAlias = Literal["raise", "gap"]


class Places(Protocol):
    """Where the blocks of one signal lie in memory; what a reader gives for questions that are asked by the thousand.

    Blocks are numbered from the signal's first sample on. An address is good while something is kept that `hold`
    returned. All methods are called from any thread.
    """

    in_place: bool
    """Whether blocks are used where they lie at all; else every address is 0, and reading one costs a copy at least."""
    counts_samples: bool
    """Whether entries that can be believed tell how many finite samples they are of: no look at these is needed."""
    block_samples: int
    """Samples of a block."""
    block_entries: int
    """Entries of a block, of every level."""

    def hold(self) -> object:
        """Return what keeps the bytes where they are, whatever other threads close; called for each question.

        Raises ValueError or TruncatedError where they are no longer what they were.
        """
        ...

    def samples(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of samples, in the signal's ``stored_type``; 0 where it must be read.

        ``numbers`` rise. A block that has an address is whole and verified.
        """
        ...

    def entries(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the address of each block of entries; 0 where `stored` must tell which of them can be believed.

        ``numbers`` rise. All entries of a block that has an address are finite, and so are their neighbours.
        """
        ...

    def stored(self, level: int, start: int, stop: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return entries [start, stop) of a level as float[n, 4], and which of them can be believed.

        One that can is NaN throughout where none of its samples is finite.
        """
        ...

    def reduced(self, start: int, stop: int) -> NDArray[np.float64] | None:
        """Return rows that together are samples [start, stop), from one pass over them where they lie.

        float64[n, 6], see `xjls.query.answer.ROW`. None where they must be read: elsewhere, or not all of them intact.
        """
        ...


class Reader(Protocol):
    """What a format gives: facts at once, arrays on request. All methods are called from any thread, in any order."""

    format: str
    """Short name, as in messages: ``"JLS v2"``."""
    token: tuple[object, ...]
    """What tells this content from another: path, size, modification time."""
    was_closed: bool
    """Whether the recording's writer closed it."""
    restarts: bool
    """Whether writers of this format may empty a recording and begin anew: fewer samples than before are other ones."""
    sources: tuple[Source, ...]
    names: tuple[str, ...]
    """Of the signals, unique, in the order of their numbers."""

    def describe(self, name: str) -> Signal:
        """Return one signal's facts; called once for each that is asked for, may read its index."""
        ...

    def read(
        self, signal: Signal, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read the samples of a window that lies inside the signal; gaps hold NaN, or 0 in integer signals.

        Damage raises LostSamplesError where ``on_damage`` says so; what was `skipped` never does.
        """
        ...

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[Any]:
        """Read entries ``[start, stop)`` of a level as float[n, 4], made right where the file's are wrong."""
        ...

    def places(self, signal: Signal, verify: bool) -> Places:
        """Return where a signal's samples and entries lie; called once for each signal that is asked questions."""
        ...

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return the samples that the index alone shows to be lost, and those skipped, without reading samples."""
        ...

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:
        """Return the gaps that the writer recorded: samples that nobody delivered. `gaps` has them too."""
        ...

    def ties(self, signal: Signal) -> tuple[Tie, ...]:
        """Return a signal's ties in the order in which they were written."""
        ...

    def annotations(self) -> tuple[Annotation, ...]:
        """Return all annotations, a signal after another, each in the order in which they were written.

        Those that are placed by sample id have no time yet: `Recording` dates them by its clock.
        """
        ...

    def user_data(self) -> tuple[UserData, ...]:
        """Return all user data in file order."""
        ...

    def status(self) -> Status:
        """Return what is known of the recording's health so far; reads nothing."""
        ...

    def check(self, progress: Progress | None) -> tuple[Damage, ...]:
        """Walk and verify every byte; ``progress`` is called with (bytes done, bytes in all) now and then."""
        ...

    def close(self) -> None:
        """Give back what is held; twice is harmless."""
        ...
