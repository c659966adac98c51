"""What pyjls's calls raise here: errors that say what to do, and are caught by what caught pyjls's."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

from xjls.compat.errors import RefusedError
from xjls.errors import SelectionError

__all__ = ["RefusedError", "UnknownError", "refusing"]


class UnknownError(RefusedError, KeyError):
    """There is no such signal, source or name; pyjls raises KeyError for it, or ValueError.

    Examples
    --------
    >>> issubclass(UnknownError, KeyError)
    True
    """


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Raise what the writer or a clock refuses as `RefusedError`, with the same words."""
    try:
        yield
    except RefusedError:
        raise
    except SelectionError as error:
        raise RefusedError(error.problem, error.remedy) from None
    except (OverflowError, struct.error) as error:
        raise RefusedError(f"a number does not fit its place in the file: {error}", "Give a smaller one.") from None
