"""mio's models of buffer headers over xjls: scripts that were written for them run with one import changed.

``from xjls.compat.mio import StreamBufferHeader, StreamBufferHeaderFormat``. Names, arguments and results are those of
mio 0.10 (``from_format``, formats from YAML) and of 0.12 (``POSITIONS``, ``from_sequence``) alike; nothing else of mio
is needed, nor pydantic. For whole streams, formats have `decode`, which gives a column for each field.

What differs from mio:

- The id of a format must be letters, digits and ``_ - / #`` throughout: mio accepts ids with one such character, which
  its ``from_any`` then does not find.
- Positions count from 0. mio takes negative ones, from the end of whatever it is given.
- Reading a YAML file never rewrites it, and importing makes no folders.
- Errors are `RefusedError`: caught by what caught mio's, a ``ValidationError`` as ``ValueError``, an unknown id as
  ``KeyError``.

The data flow: `model` validates what is given by name, `formats` have positions, from files that `stored` finds, and
`headers` pick values by them.
"""

from xjls.compat.errors import RefusedError
from xjls.compat.mio.formats import BufferHeaderFormat, SDBufferHeaderFormat, StreamBufferHeaderFormat
from xjls.compat.mio.headers import ADCScaling, BufferHeader, RuntimeMetadata, SDBufferHeader, StreamBufferHeader
from xjls.compat.mio.model import ValidationError

__all__ = [
    "ADCScaling",
    "BufferHeader",
    "BufferHeaderFormat",
    "RefusedError",
    "RuntimeMetadata",
    "SDBufferHeader",
    "SDBufferHeaderFormat",
    "StreamBufferHeader",
    "StreamBufferHeaderFormat",
    "ValidationError",
]
