"""Levels of recordings that have none: built once into a sidecar, and used as if the file had them.

No format, but what stands above them, as the registry does: any reader whose signals lack levels can have a sidecar,
and what that is made of are the documents and codecs of the Zarr format.

- A sidecar is the folder ``<file>.levels.zarr``, plain Zarr v3: a group a level, an array a signal in it, of entries in
  little-endian floats. ``layout`` has it all.
- Entries lie in blocks, each with its CRC-32C behind it: an inner chunk of a shard, so that programs that read Zarr
  verify them too, and xjls uses them where they lie in a mapping of a few files, whatever the length. A block that
  does not agree with its checksum is not believed; its entries are made from the level below, finally from samples.
- The first two levels are written piece by piece, by threads in any order, and ``journal`` tells of each piece that is
  done, with the float64 entries of level 3 that follow from it: what was killed is gone on with, and its bytes are
  those of a build that was not. Coarser levels follow in order, each from float64 entries of the one below.
- What is being built lies in ``.<file>.levels.zarr.part``, and gets its name when it is complete.
- A recorder that goes on after the levels were built makes a longer file, and so a stale sidecar: ``freshness``.
"""
