"""Recordings that this process opened for tasks from elsewhere, while they are in use.

A recording pickles as its path and options. A task for each chunk would open the file a thousand times; so all of
them that mean the same recording share one.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xjls.model.reader import OnDamage, Reader
    from xjls.model.recording import Recording

Key: TypeAlias = "tuple[object, ...]"

_open: WeakValueDictionary[Key, Recording] = WeakValueDictionary()


def key_of(opener: Callable[..., Reader], options: Mapping[str, Any], token: tuple[object, ...]) -> Key:
    """Return what two recordings have in common that may share one reader."""
    return opener, repr(options), token


def share(key: Key, recording: Recording) -> None:
    """Let whoever asks for the key have this recording, as long as somebody uses it."""
    _open[key] = recording


def forget(key: Key) -> Recording | None:
    """Let nobody have the key's recording any more; return it."""
    return _open.pop(key, None)


def reopen(
    kind: type[Recording],
    path: str,
    opener: Callable[..., Reader],
    options: dict[str, Any],
    on_damage: OnDamage,
    verify: bool,
    token: tuple[object, ...],
) -> Recording:
    """Return the recording that was pickled: the one that is open here, or opened now; pickles call it."""
    recording = _open.get(key_of(opener, options, token))
    if recording is None:
        recording = kind(path, opener, options=options, on_damage=on_damage, verify=verify)
        if recording.token != token:
            warnings.warn(
                f"{path} has changed since it was opened elsewhere; this process reads what is there now",
                RuntimeWarning,
                stacklevel=2,
            )
        share(key_of(opener, options, recording.token), recording)
    return recording
