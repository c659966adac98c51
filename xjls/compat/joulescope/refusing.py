"""Errors of xjls as Joulescope's callers expect them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from xjls.compat.errors import RefusedError
from xjls.errors import SelectionError


@contextmanager
def refusing() -> Iterator[None]:
    """Raise what xjls refuses as an error that is a ValueError as well."""
    try:
        yield
    except SelectionError as error:
        raise RefusedError(error.problem, error.remedy) from error
