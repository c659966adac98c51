"""mio's headers: the values of one, picked from its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from xjls.compat.mio.model import Model
from xjls.formats.miniscope.positions import BASIC, SD_POSITIONS, STREAM_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xjls.compat.mio.formats import BufferHeaderFormat


class ADCScaling(Model):
    """What the integers of the instrument's converter are in volts.

    Examples
    --------
    >>> ADCScaling().scale_battery_voltage(189), ADCScaling().scale_input_voltage(108)
    (4.060546875, 5.243906250000001)
    """

    ref_voltage: float = 1.1
    """What the largest integer, and one more, stands for."""
    bitdepth: int = 8
    battery_div_factor: float = 5.0
    """By which the battery's voltage is divided before it is converted."""
    vin_div_factor: float = 11.3
    """By which the voltage of the power input is."""

    def scale_battery_voltage(self, voltage_raw: float) -> float:
        """Return volts of the battery."""
        return voltage_raw / (1 << self.bitdepth) * self.ref_voltage * self.battery_div_factor

    def scale_input_voltage(self, voltage_raw: float) -> float:
        """Return volts of the power input."""
        return voltage_raw / (1 << self.bitdepth) * self.ref_voltage * self.vin_div_factor


class RuntimeMetadata(Model):
    """What the host knows of a buffer; -1 where it does not."""

    buffer_recv_index: int = -1
    buffer_recv_unix_time: float = -1.0
    """Seconds."""
    black_padding_px: int = -1
    reconstructed_frame_index: int = -1


class BufferHeader(Model):
    """A header's values by name.

    Raises
    ------
    ValidationError
        A value is missing, or is no whole number.

    Examples
    --------
    >>> header = StreamBufferHeader.from_sequence([0, 7, 56, 0, 56, 0, 350, 5032, 0, 189, 108])
    >>> header.frame_num, header.pixel_count, header.battery_voltage
    (7, 5032, 189)
    >>> header.adc_scaling = ADCScaling()
    >>> header.battery_voltage
    4.060546875
    """

    POSITIONS: ClassVar[Mapping[str, int | None]] = dict(zip(BASIC, range(len(BASIC)), strict=True))
    """Where `from_sequence` finds each value; subclasses may have others."""
    linked_list: int
    frame_num: int
    buffer_count: int
    frame_buffer_count: int
    write_buffer_count: int
    dropped_buffer_count: int
    timestamp: int
    """In ms."""
    write_timestamp: int
    """In ms."""

    @classmethod
    def from_format(
        cls,
        vals: Sequence[Any] | NDArray[Any],
        format: BufferHeaderFormat,  # noqa: A002  # as in mio
        construct: bool = False,
    ) -> Self:
        """Return the header that values in the order of words are.

        Parameters
        ----------
        vals
            Words behind the preamble.
        format
            Which of them are which.
        construct
            Whether to take them as they are, not validated: faster.

        Raises
        ------
        IndexError
            There are too few values.
        ValidationError
            One is no whole number, or the format does not say where it is.
        """
        return cls._picked(vals, format.positions(), {}, construct)

    @classmethod
    def from_sequence(cls, vals: Sequence[Any] | NDArray[Any], construct: bool = False, **kwargs: Any) -> Self:
        """Return the header that values in the order of words are, by `POSITIONS`; named ones go before those.

        Raises
        ------
        IndexError
            There are too few values.
        ValidationError
            One is no whole number.
        """
        return cls._picked(vals, cls.POSITIONS, kwargs, construct)

    @classmethod
    def csv_header_cols(cls, header_format: BufferHeaderFormat | None = None) -> list[str]:
        """Return the columns of mio's CSV: the values in the order of their words, then the others."""
        positions = cls.POSITIONS if header_format is None else header_format.positions()
        placed = {name: place for name, place in positions.items() if place is not None}
        first = sorted(placed, key=lambda name: placed[name])
        return [*first, *(name for name in cls._columns() if name not in placed)]

    @classmethod
    def _picked(cls, vals: Any, positions: Mapping[str, int | None], named: Mapping[str, Any], construct: bool) -> Self:
        values = {name: vals[place] for name, place in positions.items() if place is not None}
        values.update(named)
        return cls.model_construct(**values) if construct else cls(**values)

    @classmethod
    def _columns(cls) -> list[str]:
        return list(cls.model_fields)


class StreamBufferHeader(BufferHeader):
    """A header of a stream, and what the host knows of its buffer.

    What the host knows is in ``runtime_metadata``, as in mio 0.10, and the same by name, as in 0.12. `model_dump` has
    it in the way in which the header was made: nested by `from_format`, by name by `from_sequence`.
    """

    POSITIONS: ClassVar[Mapping[str, int | None]] = dict(STREAM_POSITIONS)
    pixel_count: int
    battery_voltage_raw: int
    input_voltage_raw: int
    _adc: ADCScaling | None

    def __init__(self, **values: Any) -> None:
        known = {name: values[name] for name in RuntimeMetadata.model_fields if name in values}
        super().__init__(**values)
        self._take(values.get("runtime_metadata"), RuntimeMetadata(**known))

    @classmethod
    def model_construct(cls, **values: Any) -> Self:
        """Return a header of values as they are, not validated."""
        made = super().model_construct(**values)
        known = {name: values[name] for name in RuntimeMetadata.model_fields if name in values}
        made._take(values.get("runtime_metadata"), RuntimeMetadata.model_construct(**known))
        return made

    @classmethod
    def from_format(
        cls, vals: Sequence[Any] | NDArray[Any], format: BufferHeaderFormat, construct: bool = False,  # noqa: A002  # as in mio
        runtime_metadata: RuntimeMetadata | None = None,
    ) -> Self:  # fmt: skip
        """Return the header that values in the order of words are; see `BufferHeader.from_format`."""
        told = RuntimeMetadata() if runtime_metadata is None else runtime_metadata
        return cls._picked(vals, format.positions(), {"runtime_metadata": told}, construct)

    @property
    def adc_scaling(self) -> ADCScaling | None:
        """What the converter's integers are in volts; None: `battery_voltage` and `input_voltage` are the integers."""
        return self._adc

    @adc_scaling.setter
    def adc_scaling(self, scaling: ADCScaling | None) -> None:
        self._adc = scaling

    @property
    def battery_voltage(self) -> float:
        """Of the battery, in volts."""
        raw = self.battery_voltage_raw
        return raw if self._adc is None else self._adc.scale_battery_voltage(raw)

    @property
    def input_voltage(self) -> float:
        """Of the power input, in volts."""
        raw = self.input_voltage_raw
        return raw if self._adc is None else self._adc.scale_input_voltage(raw)

    def model_dump(self) -> dict[str, Any]:
        """Return the values by name, the voltages too."""
        known = self.runtime_metadata.model_dump()
        return {**super().model_dump(), **({"runtime_metadata": known} if self._nested else known), **self._voltages()}

    def model_dump_all(self, warning: bool = False) -> dict[str, Any]:  # noqa: ARG002  # as in mio
        """Return the values by name, the voltages, and what the host knows by name."""
        return {**super().model_dump(), **self._voltages(), **self.runtime_metadata.model_dump()}

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return a copy with some values changed, which are not validated."""
        changes = dict(update or {})
        known = {name: changes.pop(name) for name in RuntimeMetadata.model_fields if name in changes}
        made = super().model_copy(update=changes)
        made.runtime_metadata = made.runtime_metadata.model_copy(update=known)
        return made

    def _take(self, nested: Any, flat: RuntimeMetadata) -> None:
        told = RuntimeMetadata(**nested) if isinstance(nested, Mapping) else nested
        self.runtime_metadata = flat if told is None else told
        self._nested = told is not None
        self._adc = None

    def _told(self) -> dict[str, Any]:
        nested = {"runtime_metadata": self.runtime_metadata} if self._nested else {}
        return {**self.model_dump(), **nested}

    def _voltages(self) -> dict[str, Any]:
        there = {name: self.__dict__.get(f"{name}_raw") for name in ("battery_voltage", "input_voltage")}
        return {name: getattr(self, name) for name, raw in there.items() if raw is not None}

    @classmethod
    def _columns(cls) -> list[str]:
        return [*cls.model_fields, *RuntimeMetadata.model_fields]

    def __getattr__(self, name: str) -> Any:
        if name in RuntimeMetadata.model_fields and "runtime_metadata" in self.__dict__:
            return getattr(self.runtime_metadata, name)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        target = self.runtime_metadata if name in RuntimeMetadata.model_fields else self
        object.__setattr__(target, name, value)


class SDBufferHeader(BufferHeader):
    """A header on an SD card."""

    POSITIONS: ClassVar[Mapping[str, int | None]] = {name: at for name, at in SD_POSITIONS.items() if at is not None}
    write_timestamp: int | None = None  # type: ignore[assignment]  # as in mio: on SD cards it may not be there
    length: int
    """In words."""
    data_length: int
    """In bytes."""
    battery_voltage: int | None = None
    """The converter's integer."""
