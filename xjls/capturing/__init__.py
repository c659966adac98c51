"""Live devices into stores that open the same way: device, ring, session, sinks.

A device (`devices`, one file each) delivers blocks to an outlet, `ring`, that never makes it wait. One writer, of the
`session`, drains the ring into sinks and the live `buffer`. What nobody could take is a gap, which is written.
"""
