"""What the calls of drop-in classes raise: errors that say what to do, and are caught by what caught the originals'."""

from __future__ import annotations

from xjls.errors import SelectionError


class RefusedError(SelectionError, ValueError, RuntimeError):
    """A call that cannot be fulfilled; pyjls and PicoStream raise RuntimeError or ValueError, or return something else.

    Examples
    --------
    >>> issubclass(RefusedError, ValueError), issubclass(RefusedError, RuntimeError)
    (True, True)
    >>> print(RefusedError("the length is -1", "Give 0 or more."))
    the length is -1. Give 0 or more.
    """
