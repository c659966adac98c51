"""Text from files, as it fits into a picture."""

from __future__ import annotations

MOST_CHARACTERS = 28


def words(data: object, most: int = MOST_CHARACTERS) -> str:
    r"""Return text as it fits into a picture: one line, printable, not too long; nothing for what is no text.

    Examples
    --------
    >>> words("first\nlight\x00"), words(b"\x01"), words("x" * 40, 5)
    ('first light', '', 'xxxx…')
    """
    if not isinstance(data, str):
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in data).split())
    return line if len(line) <= most else line[: most - 1] + "…"
