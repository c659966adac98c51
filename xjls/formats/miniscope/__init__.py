"""Miniscope streams and SD card images: buffers of pixels behind headers, which are described by data.

Field notes:

- No two firmwares agree on the words of a header, and none says which layout it sends: `layouts` has those that are
  known, `header_files` reads others from a file.
- ``header_len`` of a configuration counts bits, and the preamble with them. Words of a header count from the one behind
  the preamble.
- A CRC covers either what is behind the preamble (firmware), or the preamble too (the ``wireless-200px-crc``
  configuration of mio).
- Slot 1 of the firmware was a ring slot, and is a temperature in newer releases: "the count modulo the ring" is a check
  of the old layout alone.
- ``dropped_buffer_count`` stays 0 on the optical path of older firmware, whatever was lost.
- On SD cards the first word of a header is the header's own length in words.
- mio's class defaults of an SD layout and its files of one differ by a sector: `layouts` has words alone.
"""
