"""What a signal says that its definition has no room for: a record of user data, right behind the definition.

It is written before anything else, so that it is found where the definition ends, in a file of any length that anyone
goes on with. Other readers pass the record over as user data that are not theirs, and see the integers as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls2.events import decode_user_data
from xjls.formats.jls2.rates import RATE_KEYS, decode_rate, encode_rate
from xjls.formats.jls2.wire import Tag
from xjls.model.facts import decode_facts, encode_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.wire import SignalDef
    from xjls.model.annotation import Json, UserData
    from xjls.model.signal import Signal

SIGNAL_META = 0x6A6
"""The number of these records."""
_KEY = "xjls_signal"
_ID = "signal"


def encode_signal_record(signal_id: int, signal: Signal, *, scaled: bool) -> Json:
    """Return the JSON of a signal's record, with number `SIGNAL_META`; None where its definition says it all.

    Parameters
    ----------
    signal_id
        Its number in the file.
    signal
        What it says.
    scaled
        Whether its definition has the scale.

    Examples
    --------
    >>> from fractions import Fraction
    >>> import numpy as np
    >>> from xjls.model.signal import Signal, Source
    >>> signal = Signal(id=7, name="a", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(10**9, 12),
    ...                 source=Source(id=1, name="scope"), scale_factor=0.5)
    >>> encode_signal_record(2, signal, scaled=True)
    {'xjls_signal': {'signal': 2, 'rate_hz': '250000000/3'}}
    >>> encode_signal_record(2, signal, scaled=False)
    {'xjls_signal': {'signal': 2, 'scale_factor': 0.5, 'rate_hz': '250000000/3'}}
    """
    said = encode_facts(signal)
    if scaled:
        said.pop("scale_factor", None)
    said |= encode_rate(signal.rate_hz)
    return {_KEY: {_ID: signal_id, **said}} if said else None


def is_signal_record(record: UserData) -> bool:
    """Whether a record of user data is one of these."""
    return _content(record) is not None


def read_signal_record(chunks: ChunkFile, offset: int, definition: SignalDef, path: str) -> dict[str, Any]:
    """Return what the chunk behind a signal's definition says of it; nothing where that is another one, or cut off.

    Raises
    ------
    CorruptError
        It is damaged, or says what makes no sense.
    """
    try:
        chunk = chunks.header(offset)
        if chunk.tag != Tag.USER_DATA or chunk.meta & 0xFFF != SIGNAL_META:
            return {}
        (record,) = decode_user_data([chunks.record(offset)])
    except TruncatedError:
        return {}
    return decode_signal_record(record, definition, path, offset)


def decode_signal_record(record: UserData, definition: SignalDef, path: str = "", offset: int = -1) -> dict[str, Any]:
    """Return what a record says of a signal, by the names in `Signal`; nothing where it is no record of that signal.

    Parameters
    ----------
    record, definition
        Of the signal.
    path, offset
        Where it is, for the error.

    Raises
    ------
    CorruptError
        It is one, and says what makes no sense.
    """
    content = _content(record)
    if content is None or content[_ID] != definition.id:
        return {}
    said = {key: value for key, value in content.items() if key not in (_ID, *RATE_KEYS)}
    try:
        facts = decode_facts(said)
        if (rate_hz := decode_rate(content, definition.rate_hz)) is not None:
            facts["rate_hz"] = rate_hz
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        problem = f"a record says of signal {definition.id} what makes no sense ({error})"
        raise CorruptError(problem, path, offset) from error
    return facts


def _content(record: UserData) -> Mapping[str, Any] | None:
    """Return what a record of ours says; None of all others."""
    content = record.data.get(_KEY) if record.meta == SIGNAL_META and isinstance(record.data, dict) else None
    return content if isinstance(content, dict) and isinstance(content.get(_ID), int) else None
