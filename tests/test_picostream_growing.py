"""A PicoStream file that is there at once: what was flushed is found whatever happens, killed at any write or not."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xjls
from xjls.errors import FormatError, NotRecognizedError
from xjls.formats.picostream import file, medium
from xjls.formats.picostream.held import Held, encode_redo, read_redo
from xjls.formats.picostream.medium import Medium
from xjls.formats.picostream.values import Values
from xjls.model.window import Gap, Window

SCOPE = xjls.Source(id=4, name="scope", vendor="maker")
SIGNAL = xjls.Signal(
    id=3, name="probe", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(10**6), source=SCOPE, stored_type="i16",
    scale_factor=0.001,
)  # fmt: skip
PAIR = tuple(replace(SIGNAL, id=i, name=f"p_{bound}", bound=("p", bound)) for i, bound in ((8, "min"), (9, "max")))
LOST = -32768
FIRST = 1000


def counts(start, stop, name=""):
    """Return what every sample is, by its id: so that none can be taken for another."""
    return ((np.arange(start, stop) * 7 + len(name)) % 30_011).astype("i2")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.hdf5"


@pytest.fixture
def small(monkeypatch):
    """Make chunks so small that there are many."""
    for name, value in (("FEWEST", 1), ("MOST", 32), ("_FILL", 7)):
        monkeypatch.setattr(f"xjls.formats.picostream.sink.{name}", value)
    monkeypatch.setattr("xjls.formats.picostream.beside._CHUNK_BYTES", 256)


@dataclass
class Truth:
    """What was handed in, of one signal or of two."""

    names: tuple[str, ...]
    ids: dict = field(default_factory=dict)
    """Of each signal, the values by sample id; -32768 where none was delivered."""
    gaps: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    ties: dict = field(default_factory=dict)
    first: int = FIRST

    def next_id(self, name):
        return self.first + len(self.ids.setdefault(name, []))

    def copy(self):
        return replace(
            self, ids={k: list(v) for k, v in self.ids.items()}, notes=list(self.notes),
            gaps={k: set(v) for k, v in self.gaps.items()}, ties={k: list(v) for k, v in self.ties.items()},
        )  # fmt: skip


class Hand:
    """Hand things to a sink, and to the truth."""

    def __init__(self, sink, truth):
        self.sink, self.truth = sink, truth

    def write(self, name, step, ahead=0):
        start = self.truth.next_id(name)
        at = start + ahead
        # After the truth: what is killed on the way may be there
        self.truth.ids[name] += [LOST] * ahead + counts(at, at + step, name).tolist()
        self.truth.gaps.setdefault(name, set()).update((i, "not delivered") for i in range(start, at))
        self.sink.write(name, at, counts(at, at + step, name))

    def skip(self, name, step, reason):
        start = self.truth.next_id(name)
        self.truth.ids[name] += [LOST] * step
        self.truth.gaps.setdefault(name, set()).update((i, reason) for i in range(start, start + step))
        self.sink.skip(name, Gap(Window(start, start + step), reason, skipped=True))

    def note(self, name):
        at = self.truth.next_id(name)
        note = xjls.Annotation(signal=name, sample_id=at, time_ns=None, kind="text", group=0, y=None, data=f"at {at}")
        self.truth.notes.append(note)
        self.sink.annotate(note)

    def tie(self, name):
        tie = xjls.Tie(sample_id=self.truth.next_id(name), time_ns=10**18 + self.truth.next_id(name) * 1000)
        self.truth.ties.setdefault(name, []).append(tie)
        self.sink.tie(name, tie)


def grown(path, *signals, **options):
    sink = xjls.grow_recording(path, **options)
    sink.add_source(SCOPE)
    for one in signals or (SIGNAL,):
        sink.add_signal(one)
    return sink


def assert_between(path, flushed, handed, kept=None):
    """Hold a file to what had been flushed, at least, and what had been handed in, at most; return it as found."""
    with xjls.open_recording(path) as recording:
        found = flushed.copy()
        lengths = {recording.signal(name).window.stop - handed.first for name in flushed.names}
        assert len(lengths) == 1
        stop = max(lengths.pop(), 0)
        assert min(len(flushed.ids.get(name, ())) for name in flushed.names) <= stop
        for name in flushed.names:
            first = recording.signal(name).first_id - handed.first if stop else 0
            if kept is not None:
                assert stop - first >= min(kept, len(flushed.ids.get(name, ())))
            values = recording.read(name)
            assert values.tolist() == handed.ids.get(name, [])[first:stop]
            known = {
                (i, gap.reason) for gap in recording.read_with_gaps(name)[1] for i in range(*_ends(gap.window))
            }  # fmt: skip
            window = range(handed.first + first, handed.first + stop)
            assert known == {(i, why) for i, why in handed.gaps.get(name, ()) if i in window}
            found.ids[name] = handed.ids.get(name, [])[:stop]
            found.gaps[name] = {(i, why) for i, why in handed.gaps.get(name, ()) if i < handed.first + stop}
            if kept is None:
                n_ties = len(recording.ties(name))
                assert recording.ties(name) == tuple(handed.ties.get(name, ()))[:n_ties]
                assert n_ties >= len(flushed.ties.get(name, ()))
                found.ties[name] = list(recording.ties(name))
        if kept is None:
            n_notes = len(recording.annotations)
            assert [note.data for note in recording.annotations] == [note.data for note in handed.notes[:n_notes]]
            assert n_notes >= len(flushed.notes)
            found.notes = handed.notes[:n_notes]
        return found


def assert_nothing_yet(path):
    """Hold a file to nothing: it is none of its kind yet, or has its signals already."""
    try:
        with xjls.open_recording(path) as recording:
            assert {signal.length for signal in recording.signals.values()} == {0}
    except FormatError as error:
        assert isinstance(error, NotRecognizedError) or "before it flushed anything" in str(error)  # noqa: PT017 - or none


def _ends(window):
    return window.start, window.stop


# ---- what is seen while it grows -----------------------------------------------------------------------------------


def test_it_is_there_at_once_and_opens_before_there_is_a_sample(path):
    with grown(path) as sink:
        for opened in (xjls.open_recording(path), xjls.open_recording(path)):
            with opened as recording:
                assert recording.signal("probe").length == 0
                assert recording.signal("probe").rate_hz == 10**6
                assert recording.sources == (SCOPE,)
                assert not recording.was_closed
        sink.write("probe", 5, counts(5, 10))
    with xjls.open_recording(path) as recording:
        assert recording.was_closed
        assert recording.signal("probe").window == Window(5, 10)


def test_there_is_nothing_to_open_before_the_signals_are_defined(path):
    with xjls.grow_recording(path) as sink:
        with pytest.raises(NotRecognizedError, match="no format claims the first bytes, there are none"):
            xjls.open_recording(path)
        sink.add_source(SCOPE)
        sink.add_signal(SIGNAL)
    with pytest.raises(FileExistsError):
        xjls.grow_recording(path)


SEEN = """
import sys, json, h5py, xjls
from xjls.compat.picostream import PicoStreamReader
path = sys.argv[1]
for line in sys.stdin:
    with h5py.File(path, "r", locking=False) as file, xjls.open_recording(path) as recording:
        with PicoStreamReader(path) as reader:
            counts = file["adc_counts"][:]
            ours = recording.read("probe")
            assert counts.tolist() == ours.tolist()
            print(json.dumps([len(counts), int(counts.astype(int).sum()), reader.num_samples,
                              len(recording.annotations), len(recording.ties("probe"))]), flush=True)
"""


def test_what_was_flushed_is_found_by_any_reader_of_another_process(path):
    sink, truth = grown(path), Truth(("probe",))
    hand = Hand(sink, truth)
    with subprocess.Popen(
        [sys.executable, "-c", SEEN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        for step in (1, 100, 5000, 0, 1_300_000, 7):
            hand.write("probe", step)
            hand.note("probe")
            hand.tie("probe")
            sink.flush()
            other.stdin.write("\n")
            other.stdin.flush()
            length, total, seen, notes, ties = json.loads(other.stdout.readline())
            assert length == seen == len(truth.ids["probe"])
            assert total == sum(truth.ids["probe"])
            assert notes == ties == len(truth.notes)
        other.stdin.close()
        assert other.wait(60) == 0
    sink.close()


@pytest.fixture
def busy(monkeypatch):
    """Return the looks at files whose time stamps are never the same twice, as while counts come in."""
    looks, real, stamps = [], file.read_container, count()
    monkeypatch.setattr(file, "read_container", lambda storage: looks.append(storage.path) or real(storage))
    monkeypatch.setattr(file, "_changed", lambda _path: (next(stamps), 0))
    monkeypatch.setattr(file, "_PAUSE_S", 0)
    return looks


def test_a_busy_file_is_looked_at_twice_and_then_read_without_a_look(path, busy):
    """Its writer drops nothing, and what two looks find is of one moment."""
    sink = grown(path)
    sink.write("probe", 0, counts(0, 1000))
    sink.flush()
    with xjls.open_recording(path) as recording:
        assert len(busy) == 2
        for start in range(0, 1000, 100):
            assert np.array_equal(recording.read("probe", (start, start + 100)), counts(start, start + 100))
        assert len(busy) == 2
        sink.write("probe", 1000, counts(1000, 2000))
        sink.flush()
        assert recording.refresh()
        assert recording.signal("probe").length == 2000
    sink.close()


def test_two_looks_that_differ_are_none(path, busy, monkeypatch):
    """A flush came between them: the next ones tell."""
    sink = grown(path)
    sink.write("probe", 0, counts(0, 1000))

    def flushed(_seconds):
        if len(busy) < 3:
            at = 1000 * len(busy)
            sink.write("probe", at, counts(at, at + 1000))
            sink.flush()

    sink.flush()
    monkeypatch.setattr(file, "time", SimpleNamespace(sleep=flushed, time_ns=time.time_ns))
    with xjls.open_recording(path) as recording:
        assert len(busy) == 4
        assert np.array_equal(recording.read("probe"), counts(0, 3000))
    sink.close()


def test_what_is_flushed_costs_what_is_new(path, monkeypatch):
    """Not the chunk again, and not what was said before: after ten flushes, and after five hundred."""
    written = []
    real = os.pwrite
    monkeypatch.setattr(medium.os, "pwrite", lambda file, data, at: written.append(real(file, data, at)) or written[-1])
    costs = []
    with grown(path) as sink:
        hand = Hand(sink, Truth(("probe",)))
        for _ in range(520):
            written.clear()
            hand.write("probe", 10_000, ahead=1)
            hand.tie("probe")
            hand.note("probe")
            sink.flush()
            costs.append(sum(written) - 20_002)
    assert max(costs) < 40_000
    assert np.median(costs[500:]) < 1.5 * np.median(costs[10:20])


def test_nothing_is_left_of_the_writers_own(path):
    """Any program that knows HDF5 reads what was flushed, but in the moment of a flush."""
    with grown(path) as sink:
        sink.write("probe", 0, counts(0, 10))
        sink.flush()
        with h5py.File(path, locking=False) as found:
            assert set(found) == {"adc_counts", "xjls"}
        data = path.read_bytes()
        assert read_redo(lambda at, length: data[at : at + length], len(data)) is None
    assert path.stat().st_size < 2_020_000  # of which the chunk of a second is two


# ---- killed at every write -----------------------------------------------------------------------------------------


class Log:
    """Write down every call that changes a file, in order; and what was flushed meanwhile."""

    def __init__(self, monkeypatch):
        self.calls = []
        own = SimpleNamespace(**vars(os))
        own.pwrite = self._pwrite
        own.ftruncate = self._ftruncate
        monkeypatch.setattr(medium, "os", own)

    def _pwrite(self, file, data, at):
        self.calls.append(("write", at, bytes(data)))
        return os.pwrite(file, data, at)

    def _ftruncate(self, file, size):
        self.calls.append(("cut", size, b""))
        os.ftruncate(file, size)

    def states(self):
        """Yield how many calls were done, and the file's bytes: after each, and in the middle of each."""
        data = bytearray()
        yield 0, bytes(data)
        for done, (what, at, new) in enumerate(self.calls):
            if what == "cut":
                data = data[:at] + bytes(at - len(data[:at]))
            else:
                for part in sorted({len(new) // 2, len(new)}):
                    data += bytes(max(at + part - len(data), 0))
                    data[at : at + part] = new[:part]
                    if part < len(new):
                        yield done, bytes(data)
            yield done + 1, bytes(data)


def course(sink, hand, names, log, moments, steps):
    """Do everything that a sink can be told; note after each flush how far the log is."""
    for step in range(steps):
        for name in names:
            hand.write(name, 5 + 9 * (step % 5), ahead=3 * (step % 3 == 1))
            if step % 2:
                hand.note(name)
            if step % 4 == 2:
                hand.skip(name, 20, f"unplugged {step}")
            if step % 3 == 0:
                hand.tie(name)
        sink.flush(sync=step % 5 == 0)
        moments.append((len(log.calls), hand.truth.copy()))


@pytest.mark.parametrize("keep", [None, 100])
@pytest.mark.parametrize("signals", [(SIGNAL,), PAIR], ids=["one", "pair"])
@pytest.mark.usefixtures("small")
def test_killed_at_any_write_the_file_has_what_was_flushed_and_goes_on(path, tmp_path, monkeypatch, signals, keep):
    """Between any two calls to the system, and in the middle of each, inside a flush or not."""
    names = tuple(one.name for one in signals)
    with monkeypatch.context() as patch:
        log = Log(patch)
        sink = grown(path, *signals, keep_s=None if keep is None else keep / 10**6)
        truth = Truth(names)
        moments = [(len(log.calls), truth.copy())]
        course(sink, Hand(sink, truth), names, log, moments, steps=14 if keep else 9)
        sink.close()
        moments.append((len(log.calls), truth.copy()))
    left, resumed = tmp_path / "left.hdf5", 0
    for number, (done, data) in enumerate(log.states()):
        left.write_bytes(data)
        if done < moments[0][0]:
            assert_nothing_yet(left)
            continue
        flushed = [then for calls, then in moments if calls <= done][-1]
        found = assert_between(left, flushed, truth, kept=keep)
        assert left.read_bytes() == data  # who reads it writes nothing
        if number % 5 == 0:
            resumed += 1
            again = found.copy()
            with xjls.continue_recording(left) as sink:
                for name in names:
                    Hand(sink, again).write(name, 50, ahead=2 if found.ids[name] else 0)
            assert_between(left, again, again, kept=keep)
            with h5py.File(left) as whole:
                assert set(whole) == {"adc_counts", "xjls"}
    assert resumed > 30


KILLED = """
import os, signal, sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[2])
from tests import test_picostream_growing as own
from xjls.formats.picostream import beside, medium, sink as module
path, left = sys.argv[1], int(sys.argv[3])
module.FEWEST, module.MOST, beside._CHUNK_BYTES = 1, 4096, 256
real = os.pwrite
def pwrite(file, data, at):
    global left
    left -= 1
    if left == 0:
        real(file, bytes(data)[: len(data) // 2], at)
        os.kill(os.getpid(), signal.SIGKILL)
    return real(file, data, at)
medium.os = SimpleNamespace(**vars(os))
medium.os.pwrite = pwrite
fresh = not os.path.exists(path)
sink = own.grown(path) if fresh else own.xjls.continue_recording(path)
at = own.FIRST
if not fresh:
    with own.xjls.open_recording(path) as recording:
        at = max(recording.signal("probe").window.stop, at)
while True:
    sink.write("probe", at, own.counts(at, at + 1000))
    sink.skip("probe", own.Gap(own.Window(at + 1000, at + 1010), "off", skipped=True))
    sink.tie("probe", own.xjls.Tie(sample_id=at, time_ns=at * 1000))
    at += 1010
    sink.flush()
    print(at, flush=True)
"""


@pytest.mark.parametrize("seed", range(2))
def test_a_process_that_is_killed_in_the_middle_of_a_write(path, seed):
    """Again and again, gone on with each time."""
    flushed = FIRST
    for kill in np.random.default_rng(seed).integers(2, 60, 4).tolist():
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parents[1]), str(kill)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
        flushed = max([flushed, *map(int, done.stdout.split())])
        if not path.stat().st_size:
            path.unlink()
            continue
        with xjls.open_recording(path) as recording:
            window = recording.signal("probe").window
            assert window.stop >= flushed
            if not window.length:
                continue
            values, gaps = recording.read_with_gaps("probe")
            lost = np.zeros(len(values), bool)
            for gap in gaps:
                assert gap.reason == "off"
                lost[gap.window.start - FIRST : gap.window.stop - FIRST] = True
            assert np.array_equal(values == LOST, lost)
            assert np.array_equal(values[~lost], counts(FIRST, window.stop)[~lost])
            # A step was killed between its samples and its gap, or before either was said
            assert len(recording.ties("probe")) >= (flushed - FIRST) // 1010


# ---- any course of things ------------------------------------------------------------------------------------------

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["write", "ahead", "skip", "note", "tie", "flush", "killed", "closed"]),
        st.integers(0, 1), st.integers(1, 40),
    ),
    max_size=25,
)  # fmt: skip


@given(acts=ACTS, signals=st.sampled_from([(SIGNAL,), PAIR]), keep=st.sampled_from([None, None, 60]))
def test_what_is_written_is_what_is_read(tmp_path_factory, acts, signals, keep):
    """However it is written, flushed, killed and gone on with."""
    path = tmp_path_factory.mktemp("acts") / "run.hdf5"
    names, left = tuple(one.name for one in signals), path.with_name("left.hdf5")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("FEWEST", 1), ("MOST", 16), ("_FILL", 7)):
            patch.setattr(f"xjls.formats.picostream.sink.{name}", value)
        truth = Truth(names)
        hand = Hand(grown(path, *signals, keep_s=None if keep is None else keep / 10**6), truth)
        flushed = truth.copy()
        for what, which, step in acts:
            name = names[which % len(names)]
            match what:
                case "write":
                    hand.write(name, step)
                case "ahead" if truth.ids.get(name):
                    hand.write(name, step, ahead=step)
                case "skip":
                    hand.skip(name, step, f"off {step % 2}")
                case "note" | "tie":
                    getattr(hand, what)(name)
                case "flush":
                    hand.sink.flush()
                    flushed = truth.copy()
                    assert_between(path, _common(flushed), truth, kept=keep)
                case "killed" | "closed":
                    if what == "killed":
                        left.write_bytes(path.read_bytes())
                        hand.sink.abandon()
                        left.replace(path)
                    else:
                        hand.sink.close()
                        flushed = _filled(truth)
                    truth = assert_between(path, _common(flushed), _filled(truth), kept=keep)
                    flushed = truth.copy()
                    hand = Hand(xjls.continue_recording(path), truth)
        hand.sink.close()
        truth = _filled(truth)
        assert_between(path, truth, truth, kept=keep)


def _common(truth):
    """Return what both halves of a pair have."""
    common, length = truth.copy(), min(len(truth.ids.get(name, ())) for name in truth.names)
    common.ids = {name: list(truth.ids.get(name, ()))[:length] for name in truth.names}
    return common


def _filled(truth):
    """Return what closing makes of it: what one half has, and the other has not, was not delivered."""
    filled, length = truth.copy(), max(len(truth.ids.get(name, ())) for name in truth.names)
    for name in truth.names:
        start = truth.next_id(name)
        filled.ids[name] = truth.ids[name] + [LOST] * (length - len(truth.ids[name]))
        more = {(i, "not delivered") for i in range(start, truth.first + length)}
        filled.gaps[name] = truth.gaps.get(name, set()) | more
    return filled


# ---- what the disk refuses -----------------------------------------------------------------------------------------

FULL = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from tests import test_picostream_growing as own
from xjls.formats.picostream import sink as module
module.FEWEST, module.MOST = 1, 4096
path, keep, signals = sys.argv[1], float(sys.argv[3]) or None, own.PAIR if sys.argv[4] == "pair" else (own.SIGNAL,)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = refused = 0

def again(call, *arguments):
    global limit, refused
    while True:
        try:
            return call(*arguments)
        except OSError as error:
            assert str(error).startswith("[Errno 27] File too large: "), error
            limit, refused = limit + 777, refused + 1
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
sink = own.xjls.grow_recording(path, keep_s=keep)
sink.add_source(own.SCOPE)
truth = own.Truth(tuple(one.name for one in signals))
for one in signals:
    again(sink.add_signal, one)
for step in range(25):
    for name in truth.names:
        at = truth.next_id(name)
        again(sink.write, name, at, own.counts(at, at + 1000, name))
        again(sink.skip, name, own.Gap(own.Window(at + 1000, at + 1010), "off", skipped=True))
        truth.ids[name] += own.counts(at, at + 1000, name).tolist() + [own.LOST] * 10
        truth.gaps.setdefault(name, set()).update((i, "off") for i in range(at + 1000, at + 1010))
    again(sink.flush)
    if step % 8 == 0:
        own.assert_between(path, truth, truth, kept=keep and keep * 10**6)
again(sink.close)
own.assert_between(path, truth, truth, kept=keep and keep * 10**6)
print(refused)
"""


@pytest.mark.parametrize("which", ["one", "pair"])
@pytest.mark.parametrize("keep", ["0", "0.002"])
def test_what_a_full_disk_refuses_is_tried_again_and_nothing_is_lost(path, keep, which):
    """Call by call, with a little more room each time."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(Path(__file__).parents[1]), keep, which],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert int(done.stdout) > 30


class Refusing:
    """Refuse one of the calls that write to a file, as a full disk does."""

    def __init__(self, monkeypatch, which):
        self.left = which
        own = SimpleNamespace(**vars(os))
        own.pwrite = self._pwrite
        monkeypatch.setattr(medium, "os", own)

    def _pwrite(self, file, data, at):
        self.left -= 1
        if self.left == 0:
            os.pwrite(file, bytes(data)[: len(data) // 2], at)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.pwrite(file, data, at)


class Again:
    """A sink that is called again when the disk refuses."""

    def __init__(self, sink):
        self._sink = sink

    def __getattr__(self, name):
        def call(*arguments, **options):
            try:
                return getattr(self._sink, name)(*arguments, **options)
            except OSError as error:
                assert str(error).startswith("[Errno 28] No space left on device: ")  # noqa: PT017 - and again
                return getattr(self._sink, name)(*arguments, **options)

        return call


@pytest.mark.parametrize("keep", [None, 100])
@pytest.mark.parametrize("signals", [(SIGNAL,), PAIR], ids=["one", "pair"])
@pytest.mark.usefixtures("small")
def test_whichever_call_is_refused_once_nothing_is_lost(tmp_path, monkeypatch, signals, keep):
    names = tuple(one.name for one in signals)
    for which in count(1, 3):
        path = tmp_path / f"{which}.hdf5"
        with monkeypatch.context() as patch:
            refusing = Refusing(patch, which)
            sink = Again(xjls.grow_recording(path, keep_s=None if keep is None else keep / 10**6))
            sink.add_source(SCOPE)
            for one in signals:
                sink.add_signal(one)
            truth = Truth(names)
            course(sink, Hand(sink, truth), names, SimpleNamespace(calls=()), [], steps=9)
            sink.close()
        assert_between(path, truth, truth, kept=keep)
        path.unlink()
        if refusing.left > 0:
            break
    assert which > 50


@pytest.mark.usefixtures("small")
def test_nothing_takes_the_place_of_what_is_not_dropped_yet(path, monkeypatch):
    """The disk refuses to say that the first samples are gone: until it does, no others are taken."""
    sink, at = grown(path, keep_s=0.0001), FIRST
    while not sink._body.is_due:
        sink.flush()
        sink.write("probe", at, counts(at, at + 30))
        at += 30
    with monkeypatch.context() as patch:
        refusing = Refusing(patch, 0)
        for call in (sink.flush, sink.flush, lambda: sink.write("probe", at, counts(at, at + 30))):
            refusing.left = 1
            with pytest.raises(OSError, match="No space left"):
                call()
            with xjls.open_recording(path) as recording:
                window = recording.signal("probe").window
                assert window == Window(FIRST, at - 30)
                assert np.array_equal(recording.read("probe"), counts(window.start, window.stop))
    sink.write("probe", at, counts(at, at + 30))
    with xjls.open_recording(path) as recording:
        assert recording.signal("probe").first_id > FIRST  # that was said before they were taken
    sink.close()
    with xjls.open_recording(path) as recording:
        window = recording.signal("probe").window
        assert window.stop == at + 30
        assert np.array_equal(recording.read("probe"), counts(window.start, window.stop))


# ---- what is held back ---------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), max_size=20), st.integers(0, 70))
def test_bytes_that_are_held_are_as_if_they_were_written(writes, at):
    file, held = bytearray(100), Held()
    for place, data in writes:
        file[place : place + len(data)] = data
        held.add(place, data)
    read = bytearray(30)
    held.lay_over(at, memoryview(read))
    assert read == file[at : at + 30]
    starts = [(start, start + len(part)) for start, part in held]
    assert all(stop <= start for (_, stop), (start, _) in pairwise(starts))
    record = b"old" + encode_redo(held)
    found = read_redo(lambda start, length: record[start : start + length], len(record))
    assert [*found.held] == [*held]
    assert found.size == 3


@given(st.data())
def test_a_record_that_is_none_is_passed_over(data):
    held = Held()
    held.add(3, b"abcdef")
    record = bytearray(b"x" * 50 + encode_redo(held))
    cut = data.draw(st.integers(0, len(record) - 1))
    flipped = data.draw(st.integers(50, len(record) - 1))
    for bad in (record[:cut], record[:flipped] + bytes([record[flipped] ^ 1]) + record[flipped + 1 :]):
        assert read_redo(lambda at, length, bad=bad: bytes(bad[at : at + length]), len(bad)) is None


def test_what_was_committed_stays_until_the_next_commit_is_told(path, monkeypatch):
    """HDF5 gives room that it has just freed to whoever asks, and cuts off what is free at the end."""
    with Medium(str(path)) as own, h5py.File(own, "w") as hdf5:
        old = Values.create(own, hdf5, "old", 1000)
        old.append(counts(0, 3000))
        old.settle()
        hdf5.flush()
        own.commit()
        for again in (1000, 0):
            with monkeypatch.context() as patch:
                log = Log(patch)
                before = path.read_bytes()
                del hdf5["old"]
                old = Values.create(own, hdf5, "old", 1000)
                old.append(counts(7000, 7000 + again))
                old.settle()
                hdf5.flush()
                own.commit()
            data = bytearray(before)
            for what, at, new in log.calls:
                if read_redo(lambda start, length, data=data: bytes(data[start : start + length]), len(data)):
                    break
                assert data[: len(before)] == before
                assert what == "write"
                data += bytes(max(at + len(new) - len(data), 0))
                data[at : at + len(new)] = new
            else:
                raise AssertionError("no record was written")
        hdf5.flush()
