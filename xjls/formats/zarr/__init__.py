"""Zarr: a recording as a plain store of Zarr v3, which xjls writes and whoever reads Zarr can open.

Field notes:

- One object is the recording: ``zarr.json`` at the root, with what is known of it in its attribute ``xjls``, and with
  the metadata of all arrays consolidated. It is replaced whole, after all that it speaks of is written: a killed writer
  leaves the state of its last flush, for every signal the same moment.
- It does not grow with time: of annotations, user data and gaps it has the last ones, and ``records`` has the others.
  What a flush writes does not, either: what is whole is put once, and only the last object of a kind again.
- Samples are in group ``0``, levels in ``1`` and up, as arrays that are called like their signals; names that a file
  system or an address would not take as they are have been changed, and ``xjls`` says which is which.
- Shards are whole but for the last one of a signal, which grows. Their chunks begin at multiples of 64 bytes: what lies
  between is not used, as the specification of sharding allows.
- What a store that grows has in no shard yet is in ``tail``: an object a flush, with samples of all signals. The root
  says which ones belong, and how long signals are with them; the arrays' shapes, and so others than xjls, do not know
  of them. They go away when shards have what they had (``docs/decisions/0020``).
- Chunks end with their CRC-32C. Chunks of zeros are written like others, so that a chunk that is not there is known to
  be lost; only shards, and chunks of levels, that nobody delivered a sample of are left out, and such chunks of samples
  in stores that grow.
- Arrays that were written at once are cut to their length. Who goes on with them cuts them anew, and puts what he cuts
  beside what is there: with ``/`` in the keys in the place of ``.``, until the root tells of it.
- Where only the last seconds are kept, positions stay what they were: the first shards and chunks are removed, and the
  root says how many samples that are. xarray and zarr-python show them as filling.
- zarr-python 3.1 fills in what is missing in silence and writes an array's shape before its samples. So it is neither
  the reader nor the writer here, but what the tests compare both with.
- What lies on an axis of its own, as frames do, has no levels and no tie points; an array called like the axis has the
  id of each position. Frames fill a shard in seconds for which their times need hours: shapes of arrays say how much of
  an axis all signals have in shards, so that others find one axis; the root says how much each of them has.
- xarray takes what the attribute ``coordinates`` names for coordinates, of data and of groups.
- ``ties`` holds ties as they were written. For others, CF tie points (section 8.3) beside the samples and entries say
  what time it is; they hold only what an interpolation needs.
"""
