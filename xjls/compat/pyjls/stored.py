"""Records of a JLS v2 file as they are stored: definitions with all block parameters, times in JLS time.

A Recording counts nanoseconds and names signals uniquely; pyjls's callers see 2⁻³⁰ s and the names in the file. Where
lists are damaged, these records are completed as a Recording's are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xjls.compat.pyjls.structs import SignalDef, SourceDef
from xjls.formats.jls2.definitions import NO_HEADS
from xjls.formats.jls2.events import decode_annotations
from xjls.formats.jls2.wire import TIE_BYTES, AnnotationRecord, Tag, decode_tie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.definitions import Definitions
    from xjls.formats.jls2.reader import Jls2Reader


def source_defs(definitions: Definitions) -> dict[int, SourceDef]:
    """Return the sources by their numbers, with the file's own, 0."""
    return {number: SourceDef(*source) for number, source in sorted(definitions.sources.items())}


def signal_defs(definitions: Definitions) -> dict[int, SignalDef]:
    """Return the signals by their numbers, with the file's own, 0; as yet without lengths and offsets."""
    return {
        number: SignalDef(
            number, signal.source_id, signal.signal_type, signal.data_type, signal.rate_hz,
            samples_per_data=signal.samples_per_data, sample_decimate_factor=signal.sample_decimate,
            entries_per_summary=signal.entries_per_summary, summary_decimate_factor=signal.summary_decimate,
            annotation_decimate_factor=signal.annotation_decimate, utc_decimate_factor=signal.utc_decimate,
            name=signal.name, units=signal.units,
        )
        for number, signal in sorted(definitions.signals.items())
    }  # fmt: skip


def read_pairs(reader: Jls2Reader, signal_id: int) -> NDArray[np.int64]:
    """Return UTC pairs as int64[pair, 2]: sample ids of the file and JLS times, in the order of writing."""
    start = _first(reader.definitions, signal_id, Tag.UTC_HEAD)
    found = reader.records(start, Tag.UTC_DATA, signal_id)
    pairs = [decode_tie(payload) for _, payload in found if len(payload) >= TIE_BYTES]
    return np.array(pairs, np.int64).reshape(-1, 2)


def read_notes(reader: Jls2Reader, signal_id: int) -> list[AnnotationRecord]:
    """Return annotations at sample ids of the file, or JLS times, in the order of writing."""
    start = _first(reader.definitions, signal_id, Tag.ANNOTATION_HEAD)
    return decode_annotations(reader.records(start, Tag.ANNOTATION_DATA, signal_id))


def _first(definitions: Definitions, signal_id: int, head: int) -> int:
    """Return the offset of a list's first DATA chunk, 0 where there is none."""
    return definitions.heads.get((signal_id, head), NO_HEADS)[0]
