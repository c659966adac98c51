"""A file, opened: what its first records say, where its samples lie, and what follows them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xjls.errors import CorruptError, FormatError, SelectionError
from xjls.formats.jls1.arrays import decode_places
from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.config import Config, decode_footer, decode_json
from xjls.formats.jls1.datafile import FIRST_RECORD, Record, Tag, decode_file_header
from xjls.formats.jls1.floats import HEAD_BYTES, full_length
from xjls.formats.jls1.layout import Layout, follow
from xjls.formats.jls1.raw import SAMPLE_BYTES
from xjls.formats.jls1.records import SampleRecords
from xjls.formats.jls1.walk import Walk
from xjls.model.annotation import UserData
from xjls.model.status import Damage
from xjls.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from xjls.formats.jls1.walk import Head
    from xjls.storage import Storage

_SUBFILE_NAME = 128
USER, FOOTER_USER, CALIBRATION = range(3)
"""The numbers of user data: what came with the first records, with the last ones, and the calibration's facts."""
_ROW_BYTES = 16
"""Of a reduction and its samples, at least."""
_REMEDY = 'Give one of the same instrument: format_options={"calibration": "another.jls"}.'


class File:
    """What a file says.

    Parameters
    ----------
    path, storage_options
        A local file, or an address that fsspec understands.
    calibration
        A recording, or container, whose calibration is taken instead of the file's; "" takes the file's.
    storage
        What is read instead of the path: closed with this.
    """

    def __init__(
        self, path: str, storage_options: Mapping[str, Any] | None, calibration: str = "",
        storage: Storage | None = None,
    ) -> None:  # fmt: skip
        self.storage: Storage = open_storage(path, storage_options) if storage is None else storage
        self.damage: list[Damage] = []
        """What is broken, of all but samples."""
        try:
            self.declared = self._declared()
            self.walk = Walk(self.storage)
            self.calibration: Calibration | None = None
            """None where the file has none."""
            self._spoilt: FormatError | None = None
            self._records: list[Record] = []
            begin = self._first_records()
            self.config = self._configured(path)
            self._calibrate(path, calibration)
            self.layout = self._laid_out(begin)
            self.damage += self.layout.damage
            self.length, self.was_closed = self._ended()
            self.records = SampleRecords(self.walk, self.layout, self.config, self.length)
        except BaseException:
            self.storage.close()
            raise

    @property
    def samples_per_row(self) -> int:
        """Samples of a reduction; 0 where the file has no room for as many as it tells of."""
        factor = self.config.samples_per_reduction
        return factor if factor and self.length // factor <= self.storage.size // _ROW_BYTES else 0

    @property
    def user_data(self) -> tuple[UserData, ...]:
        """What users left in it, and the calibration's facts."""
        found = [*_user_data(USER, self._records), *_user_data(FOOTER_USER, self.layout.behind)]
        if self.calibration is not None:
            found.append(UserData(meta=CALIBRATION, data={"calibration": self.calibration.facts()}))
        return tuple(found)

    def close(self) -> None:
        """Give the file back; twice is harmless."""
        self.storage.close()

    # -- first records -----------------------------------------------------------------------------------------------

    def _declared(self) -> int:
        """Return how long the file says to be; 0 where it was not closed, or does not say."""
        data = self.storage.read(0, FIRST_RECORD)
        try:
            return decode_file_header(data, self.storage.path)
        except CorruptError as error:
            self.damage.append(Damage(0, FIRST_RECORD, error.problem, "its length is not used"))
            return self.storage.size

    def _first_records(self) -> int:
        """Read what is ahead of the samples; return where these begin, or where the file ends."""
        at = FIRST_RECORD
        while (head := self._head_from(at)) is not None:
            if head.tag in (Tag.START, Tag.DATA, Tag.END):
                return head.offset
            try:
                record = self.walk.record(head)
            except FormatError as error:
                self.damage.append(Damage(head.offset, head.stop, error.problem))
                self._spoilt = error if head.tag == Tag.SUBFILE else self._spoilt
            else:
                if _is_footer(record):
                    return head.offset
                self._take_first(record)
            at = head.stop
        return self.walk.size

    def _head_from(self, at: int) -> Head | None:
        """Return the head at an offset, or the first one behind damage."""
        head = self.walk.head(at)
        if head is None and at < self.walk.size:
            head = self.walk.after_damage(at + 8)
            stop = self.walk.size if head is None else head.offset
            self.damage.append(Damage(at, stop, "no intact record"))
            self._spoilt = CorruptError("no intact record", self.storage.path, at)
        return head

    def _take_first(self, record: Record) -> None:
        if record.tag == Tag.SUBFILE and record.value[:_SUBFILE_NAME].rstrip(b"\0") == b"calibration":
            try:
                self.calibration = Calibration.decode(record.value[_SUBFILE_NAME:], self.storage.path)
            except CorruptError as error:
                stop = record.offset + len(record.value)
                self.damage.append(Damage(record.offset, stop, f"of the calibration, {error.problem}"))
                self._spoilt = error
        else:
            self._records.append(record)

    def _configured(self, path: str) -> Config:
        record = next((record for record in self._records if record.tag == Tag.META_JSON), None)
        if record is None:
            problem = "the record that tells rate and sizes is damaged, or not there"
            raise CorruptError(problem, path, FIRST_RECORD, "Without it samples have no time.")
        self.told = dict(decode_json(record.value, path, record.offset))
        """What the file says of its samples, in its own words."""
        return Config.decode(record.value, path, record.offset)

    def _calibrate(self, path: str, other: str) -> None:
        """Take another recording's calibration, where that is asked for; refuse to go without a damaged one."""
        if other:
            self.calibration = _other_calibration(other)
        elif self._spoilt is not None and self.calibration is None and self.config.data_format == "raw":
            raise CorruptError(
                f"the calibration is damaged: {self._spoilt.problem}", path, self._spoilt.offset, _REMEDY
            )

    # -- samples -----------------------------------------------------------------------------------------------------

    def _laid_out(self, begin: int) -> Layout:
        config = self.config
        if config.data_format == "none":
            return self._nothing_laid_out(begin)
        counts: dict[str, tuple[Callable[[Head], int], int]] = {
            "raw": (self._raw_count, SAMPLE_BYTES * config.samples_per_tlv),
            "float32_v2": (self._float_count, full_length(config.samples_per_tlv)),
        }
        return follow(self.walk, config, begin, *counts[config.data_format])

    def _nothing_laid_out(self, begin: int) -> Layout:
        """Return the layout of a recording without samples: what follows the first records."""
        layout, head = Layout(), self.walk.head(begin)
        while head is not None:
            if head.tag == Tag.END:
                layout.ended = True
                break
            try:
                layout.behind.append(self.walk.record(head))
            except CorruptError as error:
                layout.damage.append(Damage(head.offset, head.stop, error.problem))
            head = self.walk.head(head.stop)
        return layout

    def _raw_count(self, head: Head) -> int:
        length = len(self.walk.record(head).value) if head.flags else head.length
        count, rest = divmod(length, SAMPLE_BYTES)
        return self._possible(count, head) if not rest else self._refuse(head, f"{length:_} bytes are no samples")

    def _float_count(self, head: Head) -> int:
        if head.flags:
            value = self.walk.record(head).value
            places = decode_places(value, len(value), self.storage.path, head.offset)
        else:
            value = self.storage.read(head.value, min(HEAD_BYTES, head.length))
            places = decode_places(value, head.length, self.storage.path, head.offset)
        counts = {place.length for place in places.values()}
        return self._possible(counts.pop(), head) if len(counts) == 1 else self._refuse(head, "its arrays differ")

    def _possible(self, count: int, head: Head) -> int:
        most = self.config.samples_per_tlv
        return count if 0 < count <= most else self._refuse(head, f"{count:_} samples in it, at most {most:_} can be")

    def _refuse(self, head: Head, problem: str) -> int:
        raise CorruptError(f"a record of samples is damaged: {problem}", self.storage.path, head.offset)

    # -- end ---------------------------------------------------------------------------------------------------------

    def _ended(self) -> tuple[int, bool]:
        """Return how many samples there are, and whether the file was closed."""
        size, declared = self.storage.size, self.declared
        if declared > size:
            self.damage.append(Damage(size, declared, f"the file ends {declared - size:_} bytes early"))
        elif 0 < declared < size:
            self.damage.append(Damage(declared, size, "bytes behind the end of the recording"))
        found = self.layout.length(self.config.samples_per_tlv) if self.config.samples_per_tlv else 0
        footer = next((record for record in self.layout.behind if _is_footer(record)), None)
        told = found if footer is None else decode_footer(footer.value, self.storage.path, footer.offset)
        # Of a sample there are four bytes at least, unless they were deflated
        if footer is not None and told > found + size // SAMPLE_BYTES:
            problem = f"the footer tells of {told:_} samples, for which the file has no room"
            self.damage.append(Damage(footer.offset, footer.offset + len(footer.value), problem, "it is not believed"))
            told = found
        return told, bool(declared) and self.layout.ended


def read_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Return the calibration that a file has: a recording of JLS v1, or the container that an instrument keeps."""
    with open_storage(path) as storage:
        walk = Walk(storage)
        head = walk.head(FIRST_RECORD)
        while head is not None and head.tag not in (Tag.START, Tag.HEADER, Tag.SIGNATURE_START):
            if head.tag == Tag.SUBFILE:
                return Calibration.decode(walk.record(head).value[_SUBFILE_NAME:], storage.path)
            head = walk.head(head.stop)
        if head is None or head.tag == Tag.START:
            raise CorruptError("there is no calibration in it", storage.path)
        return Calibration.decode(storage.read(0, storage.size), storage.path)


def _other_calibration(path: str) -> Calibration:
    """Return the calibration of another file; what is wrong with that is no fault of the one that is opened."""
    try:
        return read_calibration(path)
    except (OSError, FormatError) as error:
        raise SelectionError(f"no calibration can be read from {path} ({error})", "Give one that has it.") from error


def _is_footer(record: Record) -> bool:
    if record.tag != Tag.META_JSON:
        return False
    return decode_json(record.value, "", record.offset).get("type") == "footer"


def _user_data(meta: int, records: list[Record]) -> list[UserData]:
    """Return what users left in records: JSON as what it says, bytes as they are."""
    found = []
    for record in records:
        if record.tag == Tag.USER_DATA:
            found.append(UserData(meta=meta, data=record.value))
        elif record.tag == Tag.USER_JSON:
            found.append(UserData(meta=meta, data=_plain(record)))
    return found


def _plain(record: Record) -> Any:
    try:
        return json.loads(record.value)
    except (ValueError, RecursionError):
        return record.value
