"""JLS v2: Joulescope's recording format.

Field notes, from files that other releases of the JLS library wrote:

- "v2" is a product name; the version in the file is 1.0.0. Version 0.1.1 (library ≤ 0.2.6) is another format.
- The index tree is not complete: a tail that fills no summary entry is in no index (every release). The lists are
  complete, so each level's last indexed chunk is followed by its ``item_next``.
- Summaries of 32-bit integers and of all 64-bit types hold only the first half of their entries (every release).
- 0.4.0 – 0.6.0 wrote the sample standard deviation on level 1, 0.6.1 wrote NaN on every level above, and before 0.7.0
  the timestamps of levels ≥ 3 are wrong: blocks are numbered by their place in the list, never by their timestamp.
- 0.8.0 – 0.13.1 leave out constant chunks by default, and any chunk when asked to "omit": the latter are gone.
- ``payload_prev_length`` is not reliable, and ``length`` in the file header is 0 until the file is closed.
- A file that xjls went on with, or that it flushed while it grew, has chunks that no list leads to: what was not full
  then. Their successors begin at the same sample, and are longer.
- While xjls writes a recording that grows, ``length`` in the file header is how far all is on the disk and linked; what
  the JLS library writes has 0 there until it is closed. Its readers go by END.
- Gaps that a writer of xjls knew of stand in records of user data; all others are filling that nothing tells apart.
- Sample ids in the file start at the first chunk's timestamp; all blocks and entries align to it.
"""
