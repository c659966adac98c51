"""What a recording is asked: statistics and columns of its signals.

The import of `query` is against the current: a recording answers for itself (docs/decisions/0010).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xjls.model.reader import OnDamage, Reader
    from xjls.model.signal import Signal
    from xjls.model.window import WindowLike
    from xjls.query.answer import Columns, Nans, Statistics
    from xjls.query.pyramid import Pyramid


class Questions:
    """What `xjls.Recording` can be asked of each of its signals."""

    on_damage: OnDamage
    verify: bool
    _reader: Reader
    _pyramids: dict[str, Pyramid]

    def signal(self, name: str) -> Signal:
        """Return a signal's facts."""
        raise NotImplementedError

    def statistics(self, name: str, window: WindowLike = None, *, ddof: int = 0, nans: Nans = "auto") -> Statistics:
        """Return count, mean, std, min, max and integral of a window, exactly, in microseconds whatever its length.

        Parameters
        ----------
        name
            The signal.
        window
            Sample ids ``(start, stop)``, half-open; None at either end, or for all, takes what there is.
        ddof
            The standard deviation divides by ``count - ddof``: 0, that of the population, or 1.
        nans
            What to do about NaN that levels do not show, in float signals: ``"auto"`` looks at samples once where a
            question needs no more than some 67 million that nobody has looked at; ``"count"`` at all; ``"trust"`` at
            none. Where entries were taken at their word the answer's ``exact`` is False.

        Returns
        -------
        Statistics
            In the signal's units: multiplied by ``scale_factor``. NaN and infinite samples are skipped and counted.

        Raises
        ------
        SelectionError
            No such signal, or the window reaches outside it.
        LostSamplesError
            The answer needs samples that are damaged or were never stored, and ``on_damage`` is ``"raise"``. Entries
            that were made of them before may still answer for them.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
        >>> recording.statistics("current", (None, None)).count == recording.signal("current").length
        True
        """
        return self._pyramid(name).statistics(window, ddof, nans)

    def read_statistics(self, name: str, window: WindowLike = None, *, ddof: int = 0) -> Statistics:
        """Return the same statistics from one pass over the samples themselves, whatever levels there are.

        Checks every sample that it counts, copies none, and takes as long as reading them: a second opinion. Lost
        samples raise or are left out, as `read` does; entries do not stand in for them.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
        >>> found, read = recording.statistics("voltage"), recording.read_statistics("voltage")
        >>> found.count == read.count, abs(found.mean / read.mean - 1) < 1e-7
        (True, True)
        """
        return self._pyramid(name).read_statistics(window, ddof)

    def columns(
        self,
        name: str,
        window: WindowLike = None,
        n: int = 1000,
        *,
        increment: int | None = None,
        ddof: int = 0,
        nans: Nans = "auto",
        snap: bool = False,
    ) -> Columns:
        """Return the same statistics for each of ``n`` equal spans of a window: what a picture of it needs.

        Parameters
        ----------
        name, window, ddof, nans
            As of `statistics`.
        n
            Columns; a window of fewer samples has one column a sample. Lengths differ by one sample at most.
        increment
            Samples a column, instead of ``n``: as many whole columns as fit, what is left at the end is in none.
        snap
            Move the inner edges to the borders of the coarsest entries that a column is longer than. That is quicker,
            and no longer what was asked for: the answer's ``edges`` tell, and its ``snapped`` says so.

        Returns
        -------
        Columns
            Arrays of shape (column,), and the ``edges`` between them in sample ids.
        """
        return self._pyramid(name).columns(window, n, increment=increment, ddof=ddof, nans=nans, snap=snap)

    def columns_between(self, name: str, edges: NDArray[np.int64], *, ddof: int = 0, nans: Nans = "auto") -> Columns:
        """Return the statistics of the spans between sample ids of one's own, as `columns` does of equal ones.

        Parameters
        ----------
        name, ddof, nans
            As of `statistics`.
        edges
            int64[column + 1]: sample ids that do not fall, all within the signal or at its end. Where two are equal
            the column between them has no samples.
        """
        return self._pyramid(name).columns_between(edges, ddof, nans)

    def _pyramid(self, name: str) -> Pyramid:
        """Return the signal's blocks, as far as questions have brought them into memory."""
        if (kept := self._pyramids.get(name)) is not None:
            return kept
        # Against the current, as in plot: a recording answers for itself (docs/decisions/0010)
        from xjls.query.pyramid import Pyramid

        made = Pyramid(self._reader, self.signal(name), on_damage=self.on_damage, verify=self.verify)
        return self._pyramids.setdefault(name, made)

    def _forget_answers(self) -> None:
        """Forget what questions have brought into memory: of a new recording, of one that grew, or that is closed."""
        self._pyramids = {}
