"""How HDF5 keeps a file: filters, layouts, byte orders, chunk sizes and indices, holes, what lies beside the counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from xjls.testing.picostream.counts import counts_of
from xjls.testing.picostream.scenarios.registry import scenario, written
from xjls.testing.picostream.truth import Truth, truth_of
from xjls.testing.picostream.vintages import Mode
from xjls.testing.picostream.writer import DATASET, write_picostream

SIZE = 4000


def _kept(path: Path, **stored: Any) -> Truth:
    return written(path, counts_of("average", SIZE), stored=stored)


# ---- filters -------------------------------------------------------------------------------------------------------


@scenario
def gzip(path: Path) -> Truth:
    """Compress with gzip."""
    return _kept(path, compression="gzip")


@scenario
def gzip_shuffled_and_checked(path: Path) -> Truth:
    """Shuffle, compress and check."""
    return _kept(path, compression="gzip", shuffle=True, fletcher32=True)


@scenario
def checked_only(path: Path) -> Truth:
    """Check without compressing: chunks are as long as others and 4 bytes more."""
    return _kept(path, fletcher32=True)


@scenario
def shuffled_only(path: Path) -> Truth:
    """Shuffle without compressing: chunks are as long as others."""
    return _kept(path, shuffle=True)


@scenario
def lzf_pairs(path: Path) -> Truth:
    """Compress pairs with lzf, big-endian."""
    counts = counts_of("aggregate", SIZE, ratio=10)
    stored = {"compression": "lzf", "dtype": ">i2"}
    return written(path, counts, mode="aggregate", ratio=10, stored=stored)


@scenario
def unfiltered_chunk(path: Path) -> Truth:
    """Skip the filters of one chunk, as HDF5 does where compressing gains nothing: its mask says so."""
    counts = counts_of("average", SIZE)
    write_picostream(path, counts, compression="gzip")
    with h5py.File(path, "r+") as file:
        file[DATASET].id.write_direct_chunk((1000,), counts[1000:2000].tobytes(), filter_mask=1)
    return truth_of(counts)


# ---- layouts -------------------------------------------------------------------------------------------------------


@scenario
def contiguous(path: Path) -> Truth:
    """Keep all values in one piece."""
    return _kept(path, chunks=None)


@scenario
def contiguous_big_endian(path: Path) -> Truth:
    """Keep all values in one piece, the high byte first."""
    return _kept(path, chunks=None, dtype=">i2")


@scenario
def compact(path: Path) -> Truth:
    """Keep values in the dataset's own header."""
    counts = counts_of("average", 500)
    write_picostream(path, [])
    with h5py.File(path, "r+") as file:
        del file[DATASET]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((500,))
        data = h5py.h5d.create(file.id, DATASET.encode(), h5py.h5t.STD_I16LE, space, properties)
        data.write(h5py.h5s.ALL, h5py.h5s.ALL, counts)
    return truth_of(counts)


@scenario
def big_endian(path: Path) -> Truth:
    """Store the high byte first."""
    return _kept(path, dtype=">i2")


@scenario
def tiny_chunks(path: Path) -> Truth:
    """Store three values in a chunk."""
    return _kept(path, chunks=(3,))


@scenario
def odd_chunks_of_pairs(path: Path) -> Truth:
    """Let chunks of seven values cut pairs in half."""
    counts = counts_of("aggregate", 700, ratio=10)
    return written(path, counts, mode="aggregate", ratio=10, stored={"chunks": (7,)})


@scenario
def large_chunk(path: Path) -> Truth:
    """Have one chunk that is longer than the data."""
    return _kept(path, chunks=(100_000,))


@scenario
def user_block(path: Path) -> Truth:
    """Begin behind 1024 bytes that are no HDF5: all addresses count from there."""
    return _kept(path, file_options={"userblock_size": 1024})


@scenario
def full_user_block(path: Path) -> Truth:
    """Begin behind a user block with something in it."""
    truth = _kept(path, file_options={"userblock_size": 512})
    with path.open("r+b") as file:
        file.write(b"A note in front of the file.")
    return truth


@scenario
def latest(path: Path) -> Truth:
    """Use the newest structures: superblock 3, chunks in an extensible array."""
    return _kept(path, file_options={"libver": "latest"})


@scenario
def latest_of_fixed_length(path: Path) -> Truth:
    """Use the newest structures for a length that is fixed: chunks in a fixed array."""
    return _kept(path, file_options={"libver": "latest"}, shape=(SIZE,), maxshape=(SIZE,))


@scenario
def latest_one_chunk(path: Path) -> Truth:
    """Use the newest structures for one chunk, which needs no index."""
    return _kept(path, file_options={"libver": "latest"}, shape=(SIZE,), maxshape=(SIZE,), chunks=(SIZE,))


@scenario
def paged(path: Path) -> Truth:
    """Keep the file in pages."""
    return _kept(path, file_options={"fs_strategy": "page", "fs_page_size": 4096})


# ---- holes ---------------------------------------------------------------------------------------------------------


@scenario
def hole_in_the_middle(path: Path) -> Truth:
    """Never write the second and third of five chunks: HDF5 reads 0 there, which nobody measured."""
    return _holed(path, [0, 3, 4])


@scenario
def hole_at_the_start(path: Path) -> Truth:
    """Never write the first chunk."""
    return _holed(path, [1, 2])


@scenario
def hole_at_the_end(path: Path) -> Truth:
    """Grow by two chunks that were never written, as a writer is caught between resizing and writing."""
    return _holed(path, [0, 1, 2])


@scenario
def nothing_written(path: Path) -> Truth:
    """Grow without writing anything."""
    return _holed(path, [])


@scenario
def hole_of_another_value(path: Path) -> Truth:
    """Never write chunks of a dataset whose empty values are 77."""
    return _holed(path, [1, 3], fillvalue=77)


@scenario
def compressed_hole(path: Path) -> Truth:
    """Never write some of the chunks that are compressed."""
    return _holed(path, [0, 4], compression="gzip")


@scenario
def hole_that_cuts_pairs(path: Path) -> Truth:
    """Never write chunks of an odd length in an aggregate file: a minimum without its maximum, and the reverse."""
    return _holed(path, [0, 3, 4], mode="aggregate", chunk=701)


@scenario
def hole_at_the_end_that_cuts_a_pair(path: Path) -> Truth:
    """Never write the last chunks, which begin inside a pair."""
    return _holed(path, [0, 1, 2], mode="aggregate", chunk=701)


@scenario
def contiguous_never_written(path: Path) -> Truth:
    """Have no place at all for the values in one piece that nobody wrote."""
    write_picostream(path, [])
    with h5py.File(path, "r+") as file:
        del file[DATASET]
        file.create_dataset(DATASET, (1234,), "i2")
    return truth_of(np.zeros(1234), written=np.zeros(1234))


def _holed(path: Path, chunks: list[int], *, chunk: int = 700, mode: Mode = "average", **stored: Any) -> Truth:
    """Write some of five chunks."""
    counts = counts_of("average", 5 * chunk)
    written = np.zeros(5 * chunk, np.bool_)
    write_picostream(path, [], mode=mode, chunks=(chunk,), **stored)
    with h5py.File(path, "r+") as file:
        file[DATASET].resize((5 * chunk,))
        for number in chunks:
            span = slice(number * chunk, number * chunk + chunk)
            written[span] = True
            file[DATASET][span] = counts[span]
    return truth_of(counts, mode=mode, written=written)


# ---- company -------------------------------------------------------------------------------------------------------


@scenario
def company(path: Path) -> Truth:
    """Have other datasets and groups beside the counts, and attributes on the counts."""
    truth = _kept(path)
    with h5py.File(path, "r+") as file:
        file["aaa"] = np.arange(10.0)
        file["zzz"] = h5py.Empty("f4")
        file["analysis/events"] = np.zeros((3, 2))
        file["analysis"].attrs["threshold"] = 5.0
        file[DATASET].attrs["units"] = "counts"
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["elsewhere"] = h5py.ExternalLink("gone.hdf5", "/x")
    return truth


@scenario
def counts_behind_a_link(path: Path) -> Truth:
    """Reach the counts by a soft link."""
    truth = _kept(path)
    with h5py.File(path, "r+") as file:
        file.move(DATASET, "kept/counts")
        file[DATASET] = h5py.SoftLink("/kept/counts")
    return truth
