"""Sources and signals as pyjls's callers see them: plain, changeable, with its names and defaults."""

from __future__ import annotations

from dataclasses import dataclass

_SOURCE_FACTS = ("vendor", "model", "version", "serial_number")
_SIGNAL_FACTS = (
    "source_id", "signal_type", "data_type", "sample_rate", "samples_per_data", "sample_decimate_factor",
    "entries_per_summary", "summary_decimate_factor", "annotation_decimate_factor", "utc_decimate_factor",
    "sample_id_offset", "units", "length",
)  # fmt: skip


@dataclass
class SourceDef:
    """An instrument.

    Examples
    --------
    >>> print(SourceDef(1, "JS220", vendor="Jetperch").info(verbose=True))
    1: JS220
        vendor: Jetperch
        model: None
        version: None
        serial_number: None
    """

    source_id: int
    """1 to 255; 0 is the file's own."""
    name: str | None = None
    vendor: str | None = None
    model: str | None = None
    version: str | None = None
    """Of hardware or firmware, as the instrument says."""
    serial_number: str | None = None

    def info(self, verbose: bool | None = None) -> str:
        """Return one line, or with ``verbose`` a line for each fact."""
        return "\n".join([f"{self.source_id}: {self.name}", *_facts(self, _SOURCE_FACTS if verbose else ())])


@dataclass
class SignalDef:
    """A signal.

    Examples
    --------
    >>> print(SignalDef(3, 1, sample_rate=1000, name="current", length=20).info())
    3: 1.current (20 samples at 1000 Hz)
    """

    signal_id: int
    """1 to 255; 0 carries the annotations of the whole recording."""
    source_id: int
    """Of the instrument that it comes from."""
    signal_type: int = 0
    """A `SignalType`."""
    data_type: int = 0
    """A `DataType`, with the binary point of fixed-point samples in bits 23:16."""
    sample_rate: int = 0
    """Hz; 0 for VSR."""
    samples_per_data: int = 0
    """Samples of a data chunk."""
    sample_decimate_factor: int = 0
    """Samples of an entry of the first summary level."""
    entries_per_summary: int = 0
    """Entries of a summary chunk."""
    summary_decimate_factor: int = 0
    """Entries of an entry of the next level."""
    annotation_decimate_factor: int = 0
    """Annotations of a summary chunk's entry."""
    utc_decimate_factor: int = 0
    """UTC pairs of a summary chunk."""
    sample_id_offset: int = 0
    """Sample id, in the file, of the first sample: 0 in all calls of the Reader."""
    name: str | None = None
    units: str | None = None
    length: int = 0
    """Samples."""

    def info(self, verbose: bool | None = None) -> str:
        """Return one line, or with ``verbose`` a line for each fact."""
        samples = "" if self.signal_type else f" ({self.length} samples at {self.sample_rate} Hz)"
        head = f"{self.signal_id}: {self.source_id}.{self.name}{samples}"
        return "\n".join([head, *_facts(self, _SIGNAL_FACTS if verbose else ())])


def _facts(of: SourceDef | SignalDef, names: tuple[str, ...]) -> list[str]:
    return [f"    {name}: {getattr(of, name)}" for name in names]
