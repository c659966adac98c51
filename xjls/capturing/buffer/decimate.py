"""One signal at a lower rate: segments between gaps, each filtered for itself, and where their outputs are.

Output k is of the inputs ``[k * factor, (k + 1) * factor)`` and stands for the middle of them. Filters do not
reach over gaps: values are held at their edges, and an output beside a gap is there if half of its inputs were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.capturing.buffer.filters import Stage, designed
from xjls.capturing.timing import NS
from xjls.model.annotation import Tie
from xjls.model.sample_type import bits_of, dtype_of

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

Part: TypeAlias = "tuple[int, NDArray[Any]]"
"""First output's sample id, and outputs."""


def is_state(stored_type: str) -> bool:
    """Whether samples are names of states rather than quantities, and there is nothing between two of them.

    Examples
    --------
    >>> is_state("u1"), is_state("u4"), is_state("i16")
    (True, True, False)
    """
    return stored_type.startswith("u") and bits_of(stored_type) <= 8


class Decimator:
    """Make one sample of ``factor``.

    Parameters
    ----------
    factor
        Inputs an output.
    stored_type
        Of the samples. Of states an output is the one that most of its span is in.

    Examples
    --------
    >>> decimator = Decimator(2, "u1")
    >>> decimator.write(2, np.array([True, True, False]))
    [(1, array([ True]))]
    >>> decimator.write(5, np.array([False]))
    [(2, array([False]))]
    """

    def __init__(self, factor: int, stored_type: str) -> None:
        self.factor = factor
        self._dtype = dtype_of(stored_type)
        self._is_state = is_state(stored_type)
        self._next: int | None = None
        """Sample id of the next input; None where a segment is to begin."""
        self._seen: int | None = None
        """Sample id behind the last input there ever was."""
        self._at = 0
        """Sample id of the next output."""
        self._last: Any = 0
        """The last input."""
        self._stages: list[Stage] = []
        self._held: NDArray[Any] = np.empty(0, self._dtype)
        """States of a span that is not complete."""

    def write(self, first_id: int, samples: NDArray[Any]) -> list[Part]:
        """Take samples; return outputs. What is there already is left out, and a gap begins a segment."""
        if self._seen is not None:
            samples = samples[max(self._seen - first_id, 0) :]
            first_id = max(first_id, self._seen)
        if not len(samples):
            return []
        parts = self.finish() if self._next not in (None, first_id) else []
        end, self._last = first_id + len(samples), samples[-1]
        if self._next is None:
            samples = self._begun(first_id, samples)
        self._seen = end
        if len(samples):
            self._next = end
            parts += self._parts(self._pushed(samples))
        return parts

    def finish(self) -> list[Part]:
        """End a segment; return the outputs that are left of it."""
        if self._next is None:
            return []
        end, self._next = self._next, None
        stop = self.begin_of(end)
        out = self._settled(max(stop * self.factor - end, 0))
        return self._parts(out[: max(stop - self._at, 0)])

    def begin_of(self, sample_id: int) -> int:
        """Return the first output of a segment that begins with a sample: of spans, most of which must be there.

        It is also that behind the last one of a segment that ends before the sample.
        """
        whole, rest = divmod(sample_id, self.factor)
        return whole + (2 * rest > self.factor)

    def skip(self, stop: int) -> None:
        """Count inputs that nobody delivered, up to a sample id; the segment before is finished."""
        self._seen = stop if self._seen is None else max(self._seen, stop)

    def tie(self, tie: Tie, rate_hz: Fraction) -> Tie:
        """Return the tie of the output that a sample is in: when the middle of its span was."""
        output = tie.sample_id // self.factor
        later = (2 * output * self.factor + self.factor - 1 - 2 * tie.sample_id) * NS / (2 * rate_hz)
        return Tie(sample_id=output, time_ns=tie.time_ns + round(later))

    def _begun(self, first_id: int, samples: NDArray[Any]) -> NDArray[Any]:
        """Begin a segment on the border of a span: hold the first sample before itself, or leave out what is before."""
        self._stages = [Stage(design) for design in designed(self.factor)]
        self._held = samples[:0]
        self._at = self.begin_of(first_id)
        ahead = first_id - self._at * self.factor
        return np.concatenate([np.repeat(samples[:1], ahead), samples]) if ahead > 0 else samples[-ahead:]

    def _pushed(self, samples: NDArray[Any]) -> NDArray[Any]:
        if self._is_state:
            return self._states(np.concatenate([self._held, samples]))
        values = np.asarray(samples, np.float64)
        for stage in self._stages:
            values = stage.push(values)
        return self._typed(values)

    def _settled(self, missing: int) -> NDArray[Any]:
        """Return the outputs that wait for inputs to come; of these so many are held that a span is complete."""
        held = np.full(missing, self._last, self._dtype)
        if self._is_state:
            return self._pushed(held)
        values = np.asarray(held, np.float64)
        for stage in self._stages:
            values = np.concatenate([stage.push(values), stage.finish()])
        return self._typed(values)

    def _states(self, states: NDArray[Any]) -> NDArray[Any]:
        from xjls.kernels.fir import most_frequent

        whole = len(states) // self.factor * self.factor
        self._held = states[whole:]
        return most_frequent(states[:whole], self.factor)

    def _typed(self, values: NDArray[np.float64]) -> NDArray[Any]:
        """Return outputs in the type of the inputs."""
        if self._dtype.kind == "f":
            return values.astype(self._dtype)
        bounds = np.iinfo(self._dtype)
        return np.rint(values).clip(bounds.min, bounds.max).astype(self._dtype)

    def _parts(self, out: NDArray[Any]) -> list[Part]:
        if not len(out):
            return []
        first, self._at = self._at, self._at + len(out)
        return [(first, out)]
