"""mio's formats of headers: which word each field is in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from xjls.compat.errors import RefusedError
from xjls.compat.mio.model import Model, ValidationError
from xjls.compat.mio.stored import config_folder, facts_by_id, facts_of_file
from xjls.formats.miniscope.positions import format_of_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.header_format import HeaderFormat

_ID = re.compile(r"[\w\-/#]+")
_SUFFIXES = (".yml", ".yaml")
_ABOUT = ("id", "mio_model", "mio_version")


class BufferHeaderFormat(Model):
    """Which word of a header each field is in, counted from 0 behind the preamble.

    Parameters
    ----------
    values
        By name: ``id`` and the positions.

    Raises
    ------
    ValidationError
        A field is missing or no position.

    Examples
    --------
    >>> format = StreamBufferHeaderFormat.from_id("stream-buffer-header")
    >>> words = np.array([[0, 7, 56, 0, 56, 0, 350, 5032, 0, 189, 108]], np.uint32)
    >>> format.timestamp, format.decode(words)["frame_num"]
    (6, array([7], dtype=uint32))
    """

    _model: ClassVar[str] = "mio.models.buffer.BufferHeaderFormat"
    id: str
    mio_model: str | None = None
    mio_version: str = "0.10.0"
    linked_list: int
    """Of the place of the buffer in the instrument's ring."""
    frame_num: int
    """Of the frame's index."""
    buffer_count: int
    """Of the buffer's index."""
    frame_buffer_count: int
    """Of the buffer's place in its frame, from 0."""
    write_buffer_count: int
    """Of the number of buffers that the instrument has sent."""
    dropped_buffer_count: int
    """Of the number of buffers that the instrument has lost."""
    timestamp: int
    """Of the time at which the buffer was filled, in ms."""
    write_timestamp: int
    """Of the time at which it was sent, in ms."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        wrong: list[tuple[str, str, Any]]
        wrong = [
            (name, f"{place} is before the first word, 0", place)
            for name, place in self.positions().items()
            if place < 0
        ]
        if not _ID.fullmatch(self.id):
            wrong.append(("id", f"{self.id!r} is not letters, digits and any of _ - / #", self.id))
        if not all(part.isidentifier() for part in str(self.mio_model).split(".")):
            wrong.append(("mio_model", f"{self.mio_model!r} is no dotted name of a class", self.mio_model))
        if wrong:
            raise ValidationError(type(self).__name__, wrong)

    def _complete(self) -> None:
        if self.mio_model is None:
            self.mio_model = self._model

    @classmethod
    def from_id(cls, id: str) -> Self:  # noqa: A002  # as mio's argument is called
        """Return the format with an id: the user's of mio, else those that come with mio.

        Raises
        ------
        UnknownIdError
            None has it; it is a ``KeyError`` too.
        """
        return cls._of(facts_by_id(id), id)

    @classmethod
    def from_yaml(cls, file_path: str | os.PathLike[str]) -> Self:
        """Read the format from a YAML file, which is not changed; keys that are no fields are ignored.

        Raises
        ------
        ValidationError
            A field is missing or no position.
        FormatError
            It is no YAML.
        OSError
            It cannot be read.
        """
        return cls._of(facts_of_file(Path(file_path)), os.fspath(file_path))

    @classmethod
    def from_any(cls, source: Self | str | os.PathLike[str]) -> Self:
        """Return a format by itself, by its id, or by the path of its file: as it stands, or from mio's folder.

        Raises
        ------
        RefusedError
            It is neither; it is a ``ValueError`` too.
        """
        if isinstance(source, cls):
            return source
        if isinstance(source, str) and _ID.fullmatch(source):
            return cls.from_id(source)
        path = Path(source)  # type: ignore[arg-type]  # formats of another class are refused by it
        if path.suffix not in _SUFFIXES:
            raise RefusedError(
                f"{str(source)!r} is neither an id nor a YAML file", "Give one that ends in .yaml or .yml."
            )
        for place in (path, config_folder() / path):
            if place.is_file():
                return cls.from_yaml(place)
        raise RefusedError(
            f"there is no file {str(source)!r}", f"Give a path as it stands, or within {config_folder()}."
        )

    def positions(self) -> dict[str, int]:
        """Return the positions that there are, by name."""
        held = ((name, self.__dict__.get(name)) for name in self.model_fields if name not in _ABOUT)
        return {name: place for name, place in held if place is not None}

    def to_header_format(self) -> HeaderFormat:
        """Return the format for xjls: `xjls.open` takes it for streams and SD cards."""
        return format_of_positions(self.positions(), self.id)

    def decode(self, words: NDArray[np.uint32]) -> dict[str, NDArray[Any]]:
        """Decode the headers u32[buffer, word] of a whole stream: a column [buffer] for each position, by name.

        Raises
        ------
        RefusedError
            The headers have fewer words than the format.
        """
        held = np.asarray(words)
        most = max(self.positions().values())
        if held.ndim != 2 or held.shape[1] <= most:
            raise RefusedError(f"headers are of the shape {held.shape}", f"Give [buffer, {most + 1} words or more].")
        return {name: held[:, place].copy() for name, place in self.positions().items()}

    @classmethod
    def _of(cls, facts: Mapping[str, Any], source: str) -> Self:
        try:
            return cls(**{name: value for name, value in facts.items() if name in cls.model_fields})
        except ValidationError as error:
            raise ValidationError(f"{cls.__name__} {source!r}", error.args[1]) from None


class StreamBufferHeaderFormat(BufferHeaderFormat):
    """Which word of a header in a stream each field is in."""

    _model: ClassVar[str] = "mio.models.stream.StreamBufferHeaderFormat"
    pixel_count: int
    """Of the bytes of pixels in the buffer."""
    battery_voltage_raw: int
    input_voltage_raw: int


class SDBufferHeaderFormat(BufferHeaderFormat):
    """Which word of a header on an SD card each field is in; None: the header does not have it.

    Examples
    --------
    >>> SDBufferHeaderFormat().frame_num, SDBufferHeaderFormat.from_id("wirefree-sd-layout-battery").battery_voltage
    (2, 10)
    """

    _model: ClassVar[str] = "mio.models.sdcard.SDBufferHeaderFormat"
    id: str = "sd-buffer-header"
    linked_list: int = 1
    frame_num: int = 2
    buffer_count: int = 3
    frame_buffer_count: int = 4
    write_buffer_count: int = 5
    dropped_buffer_count: int = 6
    timestamp: int = 7
    write_timestamp: int | None = None  # type: ignore[assignment]  # as in mio: on SD cards it may not be there
    length: int = 0
    """Of the words of the header."""
    data_length: int = 8
    """Of the bytes of pixels in the buffer."""
    battery_voltage: int | None = None
    """Of the converter's integer, not of volts."""
