"""``ds.xjls``: what a Dataset's recording knows beside the samples, and exact answers about its variables."""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING, Any, cast

import xarray as xr

from xjls.backend import answers, reductions, tables
from xjls.backend import histogram as histograms
from xjls.backend.index import TimeIndex
from xjls.backend.labelled import how_to_select
from xjls.backend.pixels import pixel_present
from xjls.backend.sampled import sampled
from xjls.backend.writing import write_dataset
from xjls.errors import SelectionError
from xjls.storage.new_file import local_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from xjls.model.recording import Recording
    from xjls.model.status import Status
    from xjls.progress import Progress
    from xjls.query.answer import Nans
    from xjls.widget.explorer.widget import Explorer


@xr.register_dataset_accessor("xjls")
class XjlsAccessor:
    """The recording behind a Dataset.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> ds.xjls.recording.format, ds.xjls.status.complete
    ('JLS v2', True)
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    @property
    def recording(self) -> Recording:
        """The recording that the Dataset's variables were opened from.

        Raises
        ------
        SelectionError
            None of them was opened from one, or they come from several.
        """
        variables = self._dataset.variables.values()
        found = [v.encoding["recording"] for v in variables if "recording" in v.encoding]
        if not variables and "recording" in self._dataset.encoding:  # annotations only
            found = [self._dataset.encoding["recording"]]
        if not found:
            raise SelectionError(
                "no variable of this Dataset comes straight from a recording", "Open it with xjls.open_recording(path)."
            )
        if len({recording.token for recording in found}) > 1:
            raise SelectionError(
                "the variables of this Dataset come from several recordings", "Select those of one, or open it alone."
            )
        return cast("Recording", found[0])

    @property
    def status(self) -> Status:
        """The recording's health: at opening, and from every read since."""
        return self.recording.status

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the recording, or why there is not one."""
        try:
            return self.recording._repr_html_()
        except SelectionError as error:
            return f"<div>{escape(str(error))}</div>"

    def sel(self, time: slice) -> xr.Dataset:
        """Select a span of time on every time axis at once: samples and all levels, of all signals.

        Parameters
        ----------
        time
            A slice of labels as ``Dataset.sel`` takes them: UTC or seconds, both ends included. A level keeps every
            entry whose cell the span touches.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.2), time="seconds")
        >>> near = ds.xjls.sel(slice(0.05, 0.06))
        >>> near.sizes["time"] < ds.sizes["time"], near.sizes["time_x128"] < ds.sizes["time_x128"]
        (True, True)
        """
        if not isinstance(time, slice):
            raise SelectionError(
                f"{time!r} is one label; levels cannot be cut to one", "Give a slice, or use Dataset.sel."
            )
        dims = [str(name) for name, index in self._dataset.xindexes.items() if isinstance(index, TimeIndex)]
        if not dims:
            raise SelectionError("the Dataset has no time axis of a recording", how_to_select(self._dataset))
        return self._dataset.sel(dict.fromkeys(dims, time))

    @property
    def annotations(self) -> pd.DataFrame:
        """Annotations of the Dataset's signals and of the whole recording, within the Dataset's span, by time.

        Columns: ``time`` (UTC; NaT where no clock is known), ``signal`` (``""``: the whole recording), ``kind``,
        ``group``, ``y``, ``data``, ``sample_id`` (NA where only a time was written).
        """
        return tables.annotations_of(self._dataset, self.recording)

    @property
    def ties(self) -> pd.DataFrame:
        """The ties of the Dataset's signals as they were written: ``signal``, ``sample_id``, ``time`` (UTC)."""
        return tables.ties_of(self._dataset, self.recording)

    # -- answers -----------------------------------------------------------------------------------------------------

    def statistics(
        self, signals: str | Iterable[str] | None = None, *, ddof: int = 0, nans: Nans = "auto"
    ) -> xr.Dataset:
        """Return exact statistics of every signal over all that the Dataset shows.

        Variables that are the recording's own, sliced or renamed but otherwise untouched, are answered by its levels,
        in microseconds at any length. Others (scaled, masked, filtered, derived) are reduced from their values.

        Parameters
        ----------
        signals
            Names of variables; None takes all that hold samples.
        ddof
            The standard deviation divides by ``count - ddof``: 0, that of the population, or 1.
        nans
            How far to look for NaN that levels do not show; see `xjls.Recording.statistics`.

        Returns
        -------
        xarray.Dataset
            A float64 variable a signal over ``statistic``: ``count``, ``mean``, ``std``, ``min``, ``max`` and
            ``integral``; over ``bound`` as well where it has two extremes side by side. Its attributes say the
            ``units``, the ``integral_units`` (C for A, J for W), how many ``samples`` there are, how many of these are
            ``nan`` (or infinite) or ``lost``, and if it is ``exact``: 1. Those that bounds do not share are lists.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.2), time="seconds")
        >>> found = ds.sel(time=slice(0.05, 0.15)).xjls.statistics()
        >>> found.current.sizes, found.current.attrs["integral_units"], found.current.attrs["exact"]
        (Frozen({'statistic': 6}), 'C', 1)
        """
        return answers.statistics(self._dataset, signals, ddof, nans)

    def columns(
        self,
        n: int = 1000,
        signals: str | Iterable[str] | None = None,
        *,
        increment: int | None = None,
        ddof: int = 0,
        nans: Nans = "auto",
    ) -> xr.Dataset:
        """Return the same statistics for each of ``n`` equal spans of time: what a screen needs.

        Parameters
        ----------
        n
            Columns along each time axis; fewer where there are fewer samples.
        signals, ddof, nans
            As of `statistics`.
        increment
            Samples a column, instead of ``n``; what is left at the end is in no column.

        Returns
        -------
        xarray.Dataset
            A variable a signal, (time, statistic). Time is that of each column's first sample, its attribute ``end``
            that of the last column's end (ns, or seconds); ``samples_time`` is the length of each column.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.2))
        >>> ds.xjls.columns(100).current.sel(statistic="max").sizes
        Frozen({'time': 100})
        """
        return answers.columns(self._dataset, n, signals, increment, ddof, nans)

    def integrate(self, signals: str | Iterable[str] | None = None, *, nans: Nans = "auto") -> xr.Dataset:
        """Return the integral of every signal over time: charge of currents, energy of powers; ``units`` says it.

        Samples that are missing add nothing.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.2))
        >>> ds.xjls.integrate("power").power.attrs["units"]
        'J'
        """
        return answers.integrate(self._dataset, signals, nans)

    def reduce(
        self,
        statistics: Sequence[str] = ("count", "mean", "std", "min", "max", "sum"),
        *,
        ddof: int = 0,
        dim: str | None = None,
    ) -> xr.Dataset:
        """Reduce the values of every variable in one pass, lazily with dask; see `xjls.backend.reductions.reduce`."""
        return reductions.reduce(self._dataset, statistics, ddof=ddof, dim=dim)

    def histogram(
        self,
        bins: int | None = None,
        range: tuple[float, float] | None = None,  # noqa: A002 - as NumPy calls it
        signals: str | Iterable[str] | None = None,
        *,
        density: bool = False,
    ) -> xr.Dataset:
        """Count how many samples fall into bins of equal width; see `xjls.backend.histogram.histogram`.

        Without ``range`` it reaches from the smallest to the largest sample, which the levels tell.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.2))
        >>> int(ds.xjls.histogram(50, signals="current").current.sum()) == ds.sizes["time"]
        True
        """
        names = list(dict.fromkeys(one.name for one in sampled(self._dataset, signals)))
        known = answers.known_extremes(self._dataset, names) if range is None else {}
        return histograms.histogram(self._dataset, bins, range, names, density=density, extremes=known)

    def cdf(self, bins: int | None = None, **options: Any) -> xr.Dataset:
        """Return the share of samples below each edge of the bins; options as of `histogram`."""
        return histograms.cdf(self.histogram(bins, **options))

    def ccdf(self, bins: int | None = None, **options: Any) -> xr.Dataset:
        """Return the share of samples from each edge of the bins on; options as of `histogram`."""
        return histograms.ccdf(self.histogram(bins, **options))

    def spectrum(self, signals: str | Sequence[str] | None = None, **options: Any) -> xr.Dataset:
        """Return Welch's power spectrum of every signal; see `xjls.backend.spectrum.spectrum`. Needs scipy."""
        from xjls.backend.spectrum import spectrum

        return spectrum(self._dataset, signals, **options)

    def plot(self, signals: str | Iterable[str] | None = None, **options: Any) -> Figure:
        """Draw every signal, at a cost that follows the pixels; see `xjls.plot.plot_recording`. Needs matplotlib.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.2))
        >>> ds.xjls.plot(std=True).savefig(tempfile.mkdtemp() + "/run.png")
        """
        from xjls.backend.plotting import plot

        return plot(self._dataset, signals, **options)

    def explore(self, signals: str | Iterable[str] | None = None, **options: Any) -> Explorer:
        """Pan, zoom, mark and measure in a notebook; see `xjls.explore` for the options. Needs the extra ``notebook``.

        What the Dataset shows of a recording is shown, from its levels at any length. Variables that are computed are
        computed once, and kept in memory.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.5))
        >>> span = slice("2026-03-01T10:00:00.1", "2026-03-01T10:00:00.2")
        >>> w = ds.xjls.explore(["current", "voltage"], markers=[span])
        >>> w.statistics(w.markers[0].at)["current"]["n"]
        50500
        >>> w.close()
        """
        from xjls.backend.exploring import explore

        return explore(self._dataset, signals, **options)

    def pixel_present(self) -> xr.DataArray:
        """Return which pixels of frames arrived: bool like ``image``, lazy if it is in chunks; refuse binned frames.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing.miniscope import write_stream
        >>> path, config = write_stream(tempfile.mkdtemp() + "/run.bin", lost=[(1, 0)])
        >>> ds = xjls.open(path, format="miniscope", format_options={"config": config})
        >>> float(ds.image.where(ds.xjls.pixel_present()).isnull().mean())
        0.03515625
        """
        return pixel_present(self._dataset)

    # -- files -------------------------------------------------------------------------------------------------------

    def to_jls(
        self,
        path: str | os.PathLike[str],
        signals: str | Iterable[str] | None = None,
        *,
        overwrite: bool = False,
        progress: Progress | bool | None = None,
    ) -> Path:
        """Write the Dataset's signals to a JLS v2 file, with levels, chunk by chunk.

        Variables that are a recording's own keep their stored type, their sample ids and ties, and annotations and user
        data go along. Others are written in their own type: beside such a variable with its sample ids and ties, else
        from sample id 0, with ties at their ends where they are labelled with UTC.

        Parameters
        ----------
        path
            On this machine, in a folder that is there, whatever its ending. It appears when it is complete.
        signals
            Names of variables; None takes all that hold samples.
        overwrite
            Whether a file that is there already is replaced.
        progress
            True shows on the error stream how far it is; a function is called with (samples done, in all) now and then.

        Raises
        ------
        FileExistsError, FileNotFoundError
            The file is there already; the folder is not.
        SelectionError
            A variable's type, rate or labels, or an annotation, are not what JLS can hold; the message says which, and
            what to change.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> folder = tempfile.mkdtemp()
        >>> ds = xjls.open(write_demo(folder + "/run.jls", seconds=0.2))
        >>> path = ds.isel(time=slice(1000, 21_000)).xjls.to_jls(folder + "/part.jls", ["current", "voltage"])
        >>> xjls.open(path).sizes["time"]
        20000
        """
        write_dataset(self._dataset, path, signals, format_name="JLS v2", overwrite=overwrite, progress=progress)
        return local_target(path)

    def to_zarr(
        self,
        store: str | os.PathLike[str],
        signals: str | Iterable[str] | None = None,
        *,
        overwrite: bool = False,
        codec: str | None = None,
        progress: Progress | bool | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> str:
        """Write the Dataset's signals to a Zarr store, with levels, chunk by chunk; return where it is.

        It opens as a recording, ``xjls.open(store)``, and is plain Zarr v3: ``xr.open_datatree(store, engine="zarr")``
        reads samples and levels without xjls. What goes over is as of `to_jls`, and also gaps and rates of any kind,
        and frames and buffers: variables along labels that count, with the coordinates of these. Such labels must
        follow each other.

        Parameters
        ----------
        store, storage_options
            A local path in a folder that is there, which appears when it is complete; or an address that fsspec
            understands, and what it needs.
        signals, overwrite, progress
            As of `to_jls`. A folder that is no store is never replaced.
        codec
            ``"blosc"`` or ``"zstd"`` compress all samples; None, the fastest, only those of one and four bits.

        Examples
        --------
        >>> import tempfile, xjls
        >>> from xjls.testing import write_demo
        >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.2))
        >>> store = ds.isel(time=slice(1000, 21_000)).xjls.to_zarr(tempfile.mkdtemp() + "/part.zarr")
        >>> xjls.open(store).sizes["time"], xr.open_datatree(store, engine="zarr")["1"].sizes["time"]
        (20000, 156)
        """
        how: dict[str, Any] = {"overwrite": overwrite, "codec": codec, "storage_options": storage_options}
        write_dataset(self._dataset, store, signals, format_name="Zarr", progress=progress, **how)
        return os.fspath(store)
