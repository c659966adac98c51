"""The documents of a sidecar: what makes it plain Zarr, what it says of the recording, and the gaps that were seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xjls.formats.levels.gaps import Reasons
from xjls.formats.levels.layout import GAP_COLUMNS, GAPS, KEY, SidecarRecord, encode_record
from xjls.formats.zarr.codecs import encode_chunk, encode_texts
from xjls.formats.zarr.folder import LocalFolder
from xjls.formats.zarr.metadata import (
    CONVENTIONS,
    encode_array,
    encode_group,
    encode_json,
    encode_root,
    encode_statistic,
)
from xjls.formats.zarr.naming import axes
from xjls.formats.zarr.opening import ROOT
from xjls.model.describing import describing_entries, packing_of_entries
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from pathlib import Path

    from xjls.formats.levels.freshness import Fingerprint
    from xjls.formats.levels.layout import SidecarSignal
    from xjls.model.documents import Document
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.window import Gap


def write_documents(
    folder: Path, recording: Recording, file: Fingerprint, records: Sequence[SidecarSignal],
    gaps: Mapping[str, Sequence[Gap]],
) -> None:  # fmt: skip
    """Write all documents, the root last.

    Nobody waits for the disk: what a power cut leaves of a sidecar is found to be damaged, and can be built again.
    """
    store, reasons = LocalFolder(str(folder)), Reasons()
    members = _levels(store, recording, records)
    tables = {record.array: reasons.encode(gaps[record.name]) for record in records if gaps[record.name]}
    if tables:
        members[GAPS] = encode_group()
    for array, table in tables.items():
        path = f"{GAPS}/{array}"
        members[path] = encode_array(
            table.dtype, table.shape, [f"gap_{array}", "column"], {"columns": list(GAP_COLUMNS)}, chunk=len(table)
        )
        store.put(f"{path}/c.0.0", encode_chunk(table, None))
    for path, document in members.items():
        store.put(f"{path}/{ROOT}", [encode_json(document)])
    record = SidecarRecord(
        file=file, signals=tuple(records), reasons=reasons.known,
        gaps={record.name: len(tables[record.array]) for record in records if record.array in tables},
    )  # fmt: skip
    attributes = {"Conventions": CONVENTIONS, KEY: encode_record(record)}
    store.put(ROOT, [encode_json(encode_root(attributes, members))])


def _levels(store: LocalFolder, recording: Recording, records: Sequence[SidecarSignal]) -> dict[str, Document]:
    """Write the labels of entries' numbers; return the documents of groups and arrays, by their paths."""
    members: dict[str, Document] = {}
    for level in range(1, max(len(record.cuts) for record in records) + 1):
        members[str(level)] = encode_group()
        members[f"{level}/statistic"] = encode_statistic()
        store.put(f"{level}/statistic/c.0", [encode_texts(STATISTICS)])
        there = [(record.array, (record, recording.signal(record.name))) for record in records]
        reaching = [(array, one) for array, one in there if len(one[0].cuts) >= level]
        for dim, group in axes(reaching, lambda one: _grid(*one)).items():
            for _, (record, signal) in group:
                cut = record.cuts[level - 1]
                told = describing_entries(signal, level, record.factors[level - 1]) | packing_of_entries(signal)
                members[cut.path] = encode_array(
                    cut.dtype, [cut.length, len(STATISTICS)], [dim, "statistic"], told,
                    chunk=cut.block_entries, shard=cut.shard_blocks * cut.block_entries,
                )  # fmt: skip
    return members


def _grid(record: SidecarSignal, signal: Signal) -> tuple[object, ...]:
    """Return what is equal for signals whose entries are of the same moments."""
    return signal.source.id, signal.rate_hz, signal.window, record.factors
