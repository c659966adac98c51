"""What accepts a recording piece by piece and makes a store of it that opens again: the other seam beside `Reader`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

from xjls.errors import SelectionError
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal, Source

NOT_DELIVERED = "not delivered"
"""Why samples are missing, where a sink was told no more than the ids of those that follow."""


class Sink(Protocol):
    """One recording that is being written; called from one thread, in the order of what happened.

    What the medium refuses is raised as OSError by the call that met it; what was written before stays readable. A
    ``with`` block closes a sink, and abandons it when it raises.
    """

    def add_source(self, source: Source) -> None:
        """Define an instrument; before its signals, once."""
        ...

    def add_signal(self, signal: Signal) -> None:
        """Define a signal: its number, name, units, rate, source, type, and what it says of its values count.

        Its window and levels come of what is written. A signal of ``rate_hz`` 0 takes annotations only.
        """
        ...

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples of a signal, shape ``(time, *sample_shape)``, in its ``dtype`` and unscaled.

        The first call tells where the signal begins. Where ``first_id`` is beyond the next sample id, what is between
        is a gap; of samples that are there already, the first ones stay.
        """
        ...

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that nobody delivered, with the reason; they continue what was written."""
        ...

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken."""
        ...

    def annotate(self, note: Annotation) -> None:
        """Write an annotation of a signal, or of the whole recording where its ``signal`` is empty."""
        ...

    def add_user_data(self, record: UserData) -> None:
        """Keep a record of an application's own."""
        ...

    def gap_bytes(self, name: str, samples: int) -> int:
        """Return what a gap of so many samples costs on the medium: some formats fill it."""
        ...

    def settle(self) -> None:
        """Wait until the disk has most of what was written, so that ``sync`` finds little left; from any thread."""
        ...

    def flush(self, *, sync: bool = False) -> None:
        """Make what was written visible to others; with ``sync`` wait until the disk has it."""
        ...

    def close(self) -> None:
        """Write what is left and say that it is complete; twice is harmless."""
        ...

    def abandon(self) -> None:
        """Leave what was written as it stands: a recording that was not closed."""
        ...


class ClosedByWith:
    """A ``with`` block closes it, and abandons it when it raises."""

    def close(self) -> None:
        """Write what is left; see `Sink`."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Leave what was written as it stands; see `Sink`."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is not all that should be there must not say that it is
        if kind is None:
            self.close()
        else:
            self.abandon()


def require_type(name: str, dtype: np.dtype[Any], samples: NDArray[Any], shape: tuple[int, ...] = ()) -> None:
    """Refuse what is not consecutive samples of a signal, in its type; ``shape`` is that of one sample."""
    if samples.ndim == 0 or samples.shape[1:] != shape or samples.dtype != dtype:
        wanted = ", ".join(["n", *map(str, shape)])
        how = f"with {1 + len(shape)} dimensions" if shape else "with one dimension"
        raise SelectionError(
            f"samples are {samples.dtype}{list(samples.shape)}, those of {name!r} are {dtype}[{wanted}]",
            f"Give them as .astype({dtype.name!r}), {how}.",
        )


def require_shape(signal: Signal) -> None:
    """Refuse samples of a shape that holds nothing, or whose dimensions have no names of their own.

    Examples
    --------
    >>> import numpy as np, xjls
    >>> from fractions import Fraction
    >>> scope = xjls.Source(id=1, name="scope")
    >>> require_shape(xjls.Signal(id=1, name="image", units="", dtype=np.dtype("u1"), rate_hz=Fraction(20),
    ...     source=scope, axis="frame", sample_shape=(2, 0), sample_dims=("height", "width")))
    Traceback (most recent call last):
    xjls.errors.SelectionError: samples of 'image' are [2, 0], with the dimensions height, width. Give ...
    """
    names = (signal.axis, *signal.sample_dims)
    distinct = len(set(names)) == len(names) and (all(names) or not signal.sample_dims)
    if min(signal.sample_shape, default=1) < 1 or not distinct:
        raise SelectionError(
            f"samples of {signal.name!r} are {list(signal.sample_shape)}, with the dimensions"
            f" {', '.join(signal.sample_dims)}",
            f"Give them sizes from 1 on, and names unlike each other's and the axis's, {signal.axis!r}.",
        )


def require_series(signal: Signal, holds: str) -> None:
    """Refuse a signal whose samples lie on an axis of their own, as frames do; ``holds`` names who cannot keep it.

    Examples
    --------
    >>> import numpy as np, xjls
    >>> from fractions import Fraction
    >>> scope = xjls.Source(id=1, name="scope")
    >>> require_series(xjls.Signal(id=1, name="n_missing", units="", dtype=np.dtype("u2"), rate_hz=Fraction(20),
    ...     source=scope, axis="frame"), "a JLS file")
    Traceback (most recent call last):
    xjls.errors.SelectionError: 'n_missing' is by frame and no series in time, and a JLS file holds nothing else. ...
    """
    if signal.axis:
        raise SelectionError(
            f"{signal.name!r} is by {signal.axis} and no series in time, and {holds} holds nothing else",
            "Convert it to Zarr, or choose signals=[...] that are series.",
        )


def rest_of(gap: Gap, name: str, next_id: int | None) -> Gap:
    """Return what of a gap was not written yet; refuse one that does not continue what was.

    ``next_id`` is the signal's next sample; None before the first.

    Examples
    --------
    >>> rest_of(Gap(Window(10, 20), "unplugged"), "current", 15)
    Gap(window=Window(start=15, stop=20), reason='unplugged', offset=-1)
    """
    start = gap.window.start if next_id is None else next_id
    if not gap.window.start <= start <= gap.window.stop:
        raise SelectionError(
            f"the gap {gap.window} does not continue {name!r}, whose next sample is {start:_}",
            "Write what is between, or a gap from there on.",
        )
    return Gap(Window(start, gap.window.stop), gap.reason, skipped=True)
