"""Recordings that grow, of any format that goes on with one: sinks that flush all they have, now and then.

What a kill leaves must open with every sample, gap, tie and annotation that was flushed, and hold nothing that was not
given; then the next process goes on with it, or a last one closes it.
"""

import os
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import count

import numpy as np

import xjls
from tests.campaigns.killing import Subject
from xjls.errors import NotRecognizedError
from xjls.formats.appending import continue_recording
from xjls.formats.registry import FORMATS, grow_recording
from xjls.model.annotation import Annotation, Tie
from xjls.model.sample_type import SAMPLE_TYPES, bits_of, dtype_of
from xjls.model.window import Gap, Window

FIRST_ID = 1 << 20
BEGIN_NS = 1_790_000_000 * 10**9
STEPS = 20
"""By which a recording is gone on with before it is closed."""
BENCH = xjls.Source(id=1, name="bench")
ONE_CHANNEL = frozenset({"PicoStream"})
"""Formats that hold one signal of counts."""


@dataclass(frozen=True)
class Case:
    """One recording: its signals by name, each with its type and how many samples a step brings."""

    signals: tuple[tuple[str, str, int], ...]
    rate_hz: int
    flush_every: int
    gap_every: int

    def is_gap(self, step):
        """Whether the samples of a step are not delivered."""
        return bool(self.gap_every) and step % self.gap_every == self.gap_every - 1

    def valid(self, size, stop):
        """Return which samples of a signal are delivered, from the first on."""
        return np.array([not self.is_gap(step) for step in range(-(-stop // size))], bool).repeat(size)[:stop]


def draw(name, rng):
    """Draw a case for a format."""
    sizes = [1, 37, 512, 5000]
    if name in ONE_CHANNEL:
        signals = (("s0", "i16", rng.choice(sizes)),)
    else:
        signals = tuple((f"s{i}", rng.choice(SAMPLE_TYPES), rng.choice(sizes)) for i in range(rng.randint(1, 3)))
    return Case(signals, rng.choice([20, 1000, 10_000, 1_000_000]), rng.choice([1, 3, 10]), rng.choice([0, 0, 7]))


def values(dtype, start, stop):
    """Return the samples of a signal, counted from its first one."""
    return (np.arange(start, stop) * 7 % 251 % 2 ** min(bits_of(dtype) - 1, 7)).astype(dtype_of(dtype))


def write(path, case, told, steps=None):
    """Begin a recording, or go on with one; tell which steps are flushed."""
    stops, noted, tied = {}, set(), set()
    if path.exists():
        with xjls.open_recording(path) as recording:
            stops = {name: max(signal.window.stop - FIRST_ID, 0) for name, signal in recording.signals.items()}
            noted = {(note.signal, note.data) for note in recording.annotations}
            tied = {(name, tie.sample_id) for name in stops for tie in recording.ties(name)}
    sink = continue_recording(path) if stops else grow_recording(path)
    if not stops:
        define(sink, case)
        sink.flush()
    at = {name: stops.get(name, 0) for name, _, _ in case.signals}
    first = min(at[name] // size for name, _, size in case.signals)
    for step in range(first, first + steps) if steps else count(first):
        for name, dtype, size in case.signals:
            if at[name] < (step + 1) * size:
                begin = FIRST_ID + step * size
                if (name, begin) not in tied:
                    sink.tie(name, Tie(sample_id=begin, time_ns=BEGIN_NS + step * 10**9))
                if (name, f"step {step}") not in noted:
                    sink.annotate(note_of(name, begin, f"step {step}"))
                give(sink, case, name, dtype, Window(at[name], (step + 1) * size))
                at[name] = (step + 1) * size
        if step % case.flush_every == 0:
            sink.flush(sync=step % 7 == 0)
            os.write(told, f"{step}\n".encode())
    sink.close()


def define(sink, case):
    """Give a sink its signals."""
    sink.add_source(BENCH)
    for number, (name, stored, _) in enumerate(case.signals, 1):
        signal = xjls.Signal(
            id=number, name=name, units="V", dtype=dtype_of(stored), rate_hz=Fraction(case.rate_hz), source=BENCH,
            stored_type=stored,
        )  # fmt: skip
        sink.add_signal(signal)


def give(sink, case, name, dtype, window):
    """Give a sink the samples of a window, or say that nobody delivered them."""
    ids = Window(FIRST_ID + window.start, FIRST_ID + window.stop)
    if case.is_gap((window.stop - 1) // next(size for other, _, size in case.signals if other == name)):
        sink.skip(name, Gap(ids, "unplugged"))
    else:
        sink.write(name, ids.start, values(dtype, window.start, window.stop))


def note_of(name, sample_id, text):
    """Return an annotation."""
    return Annotation(signal=name, sample_id=sample_id, time_ns=None, kind="text", group=0, y=None, data=text)


def check(path, case, flushed):
    """Hold what is left of a recording to what was given to its sink."""
    if flushed < 0 and not is_begun(path):
        path.unlink()
        return
    with xjls.open_recording(path) as recording:
        notes = [(note.signal, note.sample_id, note.data) for note in recording.annotations]
        for name, dtype, size in case.signals:
            if name not in recording.signals:
                assert flushed < 0, f"{name} is not there"
                continue
            length = check_samples(recording, case, name, dtype, size)
            assert length >= (flushed + 1) * size, f"{name} lacks {(flushed + 1) * size - length} flushed samples"
            ids = [FIRST_ID + step * size for step in range(-(-length // size) + 2 * case.flush_every + 1)]
            found = [tie.sample_id for tie in recording.ties(name)]
            assert found == ids[: len(found)], f"{name} has other ties"
            assert len(found) > flushed, f"{name} lacks ties"
            mine = [note for note in notes if note[0] == name]
            assert mine == [(name, at, f"step {i}") for i, at in enumerate(ids[: len(mine)])], f"{name} has other notes"
            assert len(mine) > flushed, f"{name} lacks notes"


def is_begun(path):
    """Whether a file can be opened: of one of PicoStream, what it begins with is written last."""
    try:
        xjls.open_recording(path).close()
    except NotRecognizedError:
        return False
    return True


def check_samples(recording, case, name, dtype, size):
    """Hold the samples of a signal to what was given, with their gaps and statistics; return how many there are."""
    signal, found = recording.signal(name), recording.read(name)
    if not len(found):
        return 0
    assert signal.first_id == FIRST_ID, f"{name} begins at {signal.first_id}"
    wanted, valid = values(dtype, 0, len(found)), case.valid(size, len(found))
    assert np.array_equal(recording.read_valid(name), valid), f"{name} has other gaps"
    assert np.array_equal(found[valid], wanted[valid]), f"{name} differs"
    told = recording.statistics(name)
    assert told.count == np.count_nonzero(valid), f"{name} counts {told.count}"
    if told.count:
        assert (told.min, told.max) == (wanted[valid].min(), wanted[valid].max()), f"{name} has other extremes"
    return len(found)


def finish(path, case):
    """Go on with a recording, close it, and hold it to what was given."""
    with open(os.devnull, "wb") as null:  # noqa: PTH123 - a descriptor is what is told on
        write(path, case, null.fileno(), STEPS)
    check(path, case, -1)
    with xjls.open_recording(path) as recording:
        assert recording.was_closed
        assert recording.check() == ()


GROWING = tuple(
    Subject(f"growing {row.name}", row.suffixes[0], partial(draw, row.name), write, check, finish)
    for row in FORMATS
    if row.resume is not None
)
"""Of each format that goes on with a recording."""
