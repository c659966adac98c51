"""A file that exists as a tape and tracks that go on where it ended: closed or not, whoever wrote it.

What closing left unfinished (the last chunk, the last block of every level) stays in the file, unlinked, and is written
again when it is full: so nothing that was there is ever overwritten, and a kill at any moment leaves all of it.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from xjls.formats.jls2.heads import TrackChunks
from xjls.formats.jls2.tape import Tape
from xjls.formats.jls2.wire import Tag

if TYPE_CHECKING:
    from xjls.formats.jls2.pairs import PairTrack
    from xjls.formats.jls2.past import Past
    from xjls.formats.jls2.stream import SampleTrack
    from xjls.formats.jls2.wire import SignalDef


class Resumed:
    """Put on a tape what a file holds.

    Parameters
    ----------
    past
        The file, looked at.
    """

    def __init__(self, past: Past) -> None:
        self._past = past

    @property
    def sources(self) -> set[int]:
        """Numbers of the sources."""
        return self._past.sources

    @property
    def signals(self) -> dict[int, SignalDef]:
        """Definitions of the signals, by number."""
        return self._past.signals

    def tape(self) -> Tape:
        """Return the tape behind the last chunk; tracks are resumed on it before `Tape.begin_again`."""
        tape = Tape(self._past.path, self._past.end, self._past.previous_length)
        try:
            self._require_same()
            tape.cut_links(self._past.dangling)
            for ends in (
                [self._past.found.ends[Tag.SOURCE_DEF]],
                [self._past.found.ends[Tag.SIGNAL_DEF]],
                self._past.user_data,
            ):
                tape.resume_list(ends)
        except BaseException:
            tape.close()
            raise
        return tape

    def sample_chunks(self, tape: Tape, signal_id: int) -> TrackChunks:
        """Return a signal's track of samples; what is dropped of its levels is unlinked from the top down.

        But where chunks were left out: that these exist only their INDEX tells, so that it stays until it is replaced.
        """
        chunks, found = self._track_chunks(tape, signal_id, Tag.FSR_HEAD), self._past.samples[signal_id]
        at_once = bool(found.offsets.all()) and bool(found.rest_at or not len(found.rest))
        chunks.resume(found.first, found.kept, at_once=at_once)
        for level in sorted(found.ends, reverse=True):
            tape.resume_block(found.ends[level], ends=at_once)
        if found.last:
            tape.resume_list([*found.last, found.rest_at] if found.rest_at else found.last)
            tape.resume_list(found.last[-1:], ends=False)
        else:
            chunks.restart()
        return chunks

    def restore_samples(self, track: SampleTrack, signal_id: int) -> bool:
        """Give a track what its writer knew; return whether it told of gaps that it had no time to fill."""
        found = self._past.samples[signal_id]
        for block in found.blocks:
            track.hand_up(*block)
        if found.rest.size or found.offsets.size or found.last:
            track.restore(found.first_id, found.offsets, found.entries, found.rest, found.rest_at, found.skipped)
        return found.told_beyond

    def pair_chunks(self, tape: Tape, signal_id: int, head: Tag) -> TrackChunks:
        """Return a signal's track of ties or annotations; see `sample_chunks`."""
        chunks, found = self._track_chunks(tape, signal_id, head), self._past.pairs[signal_id, head]
        chunks.resume(found.records[0][1] if found.records else 0, found.kept, at_once=True)
        for level in sorted(found.kept, reverse=True):
            tape.resume_block(found.kept[level][-1], ends=True)
        if found.records:
            tape.resume_list(found.last)
        return chunks

    def restore_pairs(self, track: PairTrack, signal_id: int, head: Tag) -> None:
        """Give a track what its writer knew; see `restore_samples`."""
        found = self._past.pairs[signal_id, head]
        track.restore(found.records, found.kept)

    def _track_chunks(self, tape: Tape, signal_id: int, head: Tag) -> TrackChunks:
        """Return a track on the tape; one that its writer had no time to define is defined now."""
        key = signal_id, int(head)
        if key not in self._past.found.heads:
            return TrackChunks(tape, signal_id, Tag(head - 1))
        return TrackChunks(
            tape, signal_id, Tag(head - 1), self._past.found.head_offsets[key], self._past.found.heads[key]
        )

    def _require_same(self) -> None:
        """Raise where somebody wrote to the file since it was looked at; nobody of xjls does from now on."""
        found = os.stat(self._past.path)  # noqa: PTH116 - str in, no Path needed
        if (found.st_size, found.st_mtime_ns) != self._past.token[1:]:
            raise BlockingIOError(errno.EWOULDBLOCK, "another process has written to it meanwhile", self._past.path)
