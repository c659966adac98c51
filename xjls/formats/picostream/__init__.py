"""PicoStream: what it records from a PicoScope, one channel of counts in an HDF5 file.

Field notes:

- A file is one dataset, ``adc_counts``, of int16 counts in chunks of one second, neither compressed nor checked. What
  they mean stands in attributes: of the root, or of a group ``metadata`` in the oldest files.
- The versions that files, package and project carry move independently: vintages are told apart by the keys there are.
- The oldest files say 80 ns and 2560 samples, whatever was captured: nothing in them tells the real rate.
- The driver scales counts to 16 bits at every resolution. Where the maximum count is missing it is 32767, at 8 bits
  32512; PicoStream's own reader takes 2047 for such files of 12 bits, and reads voltages 16 times too large.
- ``sample_interval_ns`` is that before the scope's own downsampling. ``average`` files have one value a timestep,
  ``aggregate`` files two, the minimum first; both values of a pair are of one time.
- -32768 is no count: older drivers mark lost data with it. It is kept as it is where counts are read, and no sample.
- An analogue offset is added to the input ahead of the converter, so that the input was the reading minus the offset.
  PicoStream adds it once more: ``offset_sign="add"`` gives its numbers.
- Files that are limited to their last seconds are emptied and filled again. If an attribute has the samples in all,
  sample ids go on counting from the beginning of the capture; else they begin with what the file holds.
- HDF5 keeps what is where in memory until it is flushed: of a writer that was killed before, nothing can be read, and
  nothing tells whether a file was closed. One whose writer holds a lock is taken for one that grows.
- Emptying a file, and closing one, cuts it off: one that grows is read without a mapping, which would kill the process.
- HDF5 2.0.0 does not survive a disk that is full: the process dies when the file is closed, or later (see `medium`).
- It changes its structures in place, one by one: a writer that is killed in a flush leaves a file that nobody opens. So
  what is to be changed stands, while it is, in a record at the file's end (see `held`): xjls reads the file as if it
  were done, and going on with it does it. At any other moment any program that knows HDF5 reads what was flushed.
- HDF5 looks through all chunks for the place of one, and fills what a dataset is cut down to inside a chunk; where it
  frees room, it uses that again at once (see `values`, `rolling`).
- From superblock 3 on (``libver="latest"``) a file says that it is open to write, and after a kill HDF5 opens it no
  more: such files are not gone on with.

What is written passes `sink` (what it means), `body` (one file), `values` or `rolling` (counts), and `medium` (bytes).
"""
