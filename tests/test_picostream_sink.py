"""What is written to a PicoStream file: held to h5py on the same bytes; what it cannot hold is refused before that."""

import math
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xjls
from xjls.errors import CorruptError, SelectionError
from xjls.formats.picostream.extras import DATASET, Extras, StoredSignal, decode_extras, encode_extras, plain_extras
from xjls.formats.picostream.sink import PicoSink
from xjls.formats.picostream.telling import told_of
from xjls.model.window import Gap, Window

SCOPE = xjls.Source(id=4, name="scope", vendor="maker")
SIGNAL = xjls.Signal(
    id=3, name="probe", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(10**6), source=SCOPE, stored_type="i16",
    scale_factor=0.001,
)  # fmt: skip
PAIR = tuple(replace(SIGNAL, id=i, name=f"p_{bound}", bound=("p", bound)) for i, bound in ((8, "min"), (9, "max")))
COUNTS = np.arange(-500, 500, dtype="i2")
LOST = -32768
NOTE = xjls.Annotation(signal="probe", sample_id=5, time_ns=None, kind="text", group=0, y=1.5, data="here")
OFF = Gap(Window(1000, 1010), "unplugged", skipped=True)


def begun(path, *signals):
    """Return a sink with signals, or with one."""
    sink = PicoSink(str(path))
    sink.add_source(SCOPE)
    for signal in signals or (SIGNAL,):
        sink.add_signal(signal)
    return sink


def counts_in(path):
    with h5py.File(path) as file:
        return file["adc_counts"][:]


def attributes_in(path):
    with h5py.File(path) as file:
        return dict(file.attrs)


def extras_in(path, *, paired=False):
    with h5py.File(path) as file:
        return decode_extras(file[DATASET][()].tobytes(), str(path), paired=paired)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.hdf5"


# ---- the file ------------------------------------------------------------------------------------------------------


def test_the_file_is_as_picostream_writes_it(path):
    """Types of attributes included: int64, float64, and text of any length."""
    with begun(path, replace(SIGNAL, add_offset=0.25)) as sink:
        sink.write("probe", 0, COUNTS)
    with h5py.File(path) as file:
        counts = file["adc_counts"]
        assert (counts.dtype, counts.maxshape, counts.shape) == (np.dtype("<i2"), (None,), (1000,))
        assert counts.compression is None
        assert np.array_equal(counts[:], COUNTS)
        kinds = {key: file.attrs.get_id(key).dtype for key in file.attrs}
    assert attributes_in(path) == {
        "sample_interval_ns": 1000, "hardware_downsample_ratio": 1, "downsample_mode": "average", "max_adc": 32767,
        "voltage_range_v": 32.767, "analog_offset_v": -0.25, "data_format_version": "2.0",
    }  # fmt: skip
    assert {key for key, kind in kinds.items() if kind == "i8"} == {
        "sample_interval_ns", "hardware_downsample_ratio", "max_adc"
    }  # fmt: skip
    assert {key for key, kind in kinds.items() if kind == "f8"} == {"voltage_range_v", "analog_offset_v"}
    assert all(h5py.check_string_dtype(kind).length is None for kind in kinds.values() if kind.kind == "O")


def test_pairs_lie_one_after_the_other(path):
    """The minimum first, whichever is defined or written first."""
    with begun(path, *reversed(PAIR)) as sink:
        sink.write("p_max", 0, COUNTS + 7)
        sink.write("p_min", 0, COUNTS[:600])
        sink.write("p_min", 600, COUNTS[600:])
    assert np.array_equal(counts_in(path).reshape(-1, 2), np.stack([COUNTS, COUNTS + 7], axis=1))
    found = attributes_in(path)
    assert (found["downsample_mode"], found["aggregate_format"]) == ("aggregate", "interleaved_min_max")
    extras = extras_in(path, paired=True)
    assert [(signal.id, signal.name) for signal in extras.signals] == [(8, "p_min"), (9, "p_max")]
    assert extras.quantity == "p"


@pytest.mark.parametrize(
    ("rate", "n", "each", "chunk"),
    [(10, 10_000, 1, 4096), (5000, 12_000, 1, 5000), (5000, 100, 1, 100), (5000, 12_000, 2, 10_000)],
)
def test_chunks_are_of_a_second(path, rate, n, each, chunk):
    """Not of a few values, and no longer than the file."""
    signals = [replace(one, rate_hz=Fraction(rate)) for one in (PAIR if each == 2 else (SIGNAL,))]
    with begun(path, *signals) as sink:
        for one in signals:
            sink.write(one.name, 0, np.arange(n).astype("i2"))
    with h5py.File(path) as file:
        assert file["adc_counts"].chunks == (chunk,)
        assert np.array_equal(file["adc_counts"][::each], np.arange(n).astype("i2"))


def test_chunks_are_bounded(path, monkeypatch):
    monkeypatch.setattr("xjls.formats.picostream.sink.MOST", 8192)
    with begun(path) as sink:
        sink.write("probe", 0, np.zeros(50_000, "i2"))
    with h5py.File(path) as file:
        assert (file["adc_counts"].chunks, file["adc_counts"].shape) == ((8192,), (50_000,))


def test_a_file_may_be_empty(path):
    with begun(path) as sink:
        sink.write("probe", 70, COUNTS[:0])
    assert counts_in(path).shape == (0,)
    assert attributes_in(path)["sample_interval_ns"] == 1000
    with xjls.open_recording(path) as recording:
        assert [signal.length for signal in recording.signals.values()] == [0]


@given(data=st.data())
def test_blocks_of_any_length_make_the_same_file(tmp_path_factory, data):
    """Of one signal and of a pair, with flushes, overlaps and gaps between, in chunks so small that there are many."""
    path = tmp_path_factory.mktemp("blocks") / "run.hdf5"
    signals = data.draw(st.sampled_from([(SIGNAL,), PAIR]))
    truth = {one.name: np.full(300, LOST, "i2") for one in signals}
    at = dict.fromkeys(truth, 0)
    with pytest.MonkeyPatch.context() as patch, begun(path, *signals) as sink:
        for name, value in (("FEWEST", 1), ("MOST", 32), ("_FILL", 7)):
            patch.setattr(f"xjls.formats.picostream.sink.{name}", value)
        for _ in range(data.draw(st.integers(0, 12))):
            name = data.draw(st.sampled_from(sorted(truth)))
            step = data.draw(st.integers(0, 20))
            match data.draw(st.sampled_from(["write", "overlap", "beyond", "skip", "flush"])):
                case "flush":
                    sink.flush()
                    continue
                case "skip":
                    sink.skip(name, Gap(Window(1000 + at[name], 1000 + at[name] + step), "off", skipped=True))
                case how:
                    back = {"overlap": min(step // 2, at[name]), "beyond": -(step // 2 if at[name] else 0)}.get(how, 0)
                    values = np.arange(step, dtype="i2") + 100
                    sink.write(name, 1000 + at[name] - back, values)
                    if (stop := at[name] - back + step) <= at[name]:
                        continue
                    fresh = max(at[name], at[name] - back)
                    truth[name][fresh:stop] = values[fresh - stop :]
                    at[name] = stop
                    continue
            at[name] += step
    length = max(at.values())
    expected = np.stack([truth[one.name][:length] for one in signals], axis=1).reshape(-1)
    assert np.array_equal(counts_in(path), expected)


def test_an_early_flush_does_not_make_small_chunks(path):
    """Before there is a signal, before there are both, and after a few values."""
    with PicoSink(str(path)) as sink:
        sink.flush()
        sink.add_source(SCOPE)
        sink.add_signal(PAIR[0])
        sink.flush()
        sink.add_signal(PAIR[1])
        for at in range(0, 1000, 100):
            for one in PAIR:
                sink.write(one.name, at, COUNTS[at : at + 100])
                sink.flush()
    with h5py.File(path) as file:
        assert file["adc_counts"].chunks == (2_000_000,)
        assert np.array_equal(file["adc_counts"][::2], COUNTS)


# ---- what has no place in it ---------------------------------------------------------------------------------------


def test_what_is_beside_the_counts_is_kept(path):
    tie = xjls.Tie(sample_id=1000, time_ns=10**18)
    record = xjls.UserData(meta=7, data=b"\0\xff")
    with begun(path) as sink:
        sink.add_user_data(record)
        sink.tie("probe", tie)
        sink.annotate(NOTE)
        sink.annotate(replace(NOTE, signal="", sample_id=None, time_ns=5))
        sink.write("probe", 1000, COUNTS)
        sink.skip("probe", replace(OFF, window=Window(2000, 2010)))
        sink.write("probe", 2020, COUNTS[:5])
    found = extras_in(path)
    assert (found.first_id, found.origin_id, found.sources) == (1000, None, (SCOPE,))
    (kept,) = found.signals
    assert (kept.id, kept.name, kept.source, kept.ties) == (3, "probe", 4, (tie,))
    assert [(str(gap.window), gap.reason) for gap in kept.gaps] == [
        ("2_000–2_010", "unplugged"), ("2_010–2_020", "not delivered")
    ]  # fmt: skip
    assert found.annotations == (NOTE, replace(NOTE, signal="", sample_id=None, time_ns=5))
    assert found.user_data == (record,)
    assert set(counts_in(path)[1000:1020]) == {LOST}


def test_it_is_written_again_in_its_place(path):
    """However often a capture flushes, the file has one of it."""
    with begun(path) as sink:
        for i in range(200):
            sink.add_user_data(xjls.UserData(meta=1, data="x" * 1000))
            sink.write("probe", i * 1000, COUNTS)
            sink.flush(sync=True)
    assert len(extras_in(path).user_data) == 200
    assert path.stat().st_size < 2_500_000  # of which the chunk of a second is two


def test_facts_that_are_no_attributes_are_kept(path):
    facts = {
        "deep": {"a": [1, None]}, "mixed": [1, "a"], "zero": "a\0b", "half": "\ud800", "": 1, "a/b/c": 2, "/d": 3,
        "e/": 4, "adc_counts/f": 5, "huge": 2**70, "long": list(range(10_000)), "texts": ["a"] * 5000,
        "kinds": [1, 1.5], "ragged": [[1], [1, 2]], "bad": ["a\0"],
    }  # fmt: skip
    with begun(path, replace(SIGNAL, facts=facts | {"fits": [1, 2], "group/x": 1.5})) as sink:
        sink.write("probe", 0, COUNTS)
    assert extras_in(path).facts == facts
    assert attributes_in(path)["fits"].tolist() == [1, 2]
    with h5py.File(path) as file:
        assert file["group"].attrs["x"] == 1.5


FACTS = {
    "int": 5, "big": 2**63, "float": 5.0, "nan": math.nan, "text": "µV\n", "none": None, "no": False, "list": [1, 2],
    "floats": [1.0, 2.5], "flags": [True, False], "texts": ["a", "ü"], "table": [[1, 2], [3, 4]], "nothing": [],
    "one": [7], "empty": "",
}  # fmt: skip


def test_facts_become_attributes_of_their_types(path):
    with begun(path, replace(SIGNAL, facts=FACTS)) as sink:
        sink.write("probe", 0, COUNTS)
    with h5py.File(path) as file:
        found = {key: file.attrs[key] for key in FACTS}
        kinds = {key: file.attrs.get_id(key).dtype.kind for key in FACTS if key != "none"}
    assert isinstance(found.pop("none"), h5py.Empty)
    assert str({key: value.tolist() if hasattr(value, "tolist") else value for key, value in found.items()}) == str(
        {key: value for key, value in FACTS.items() if key != "none"}
    )
    assert kinds["int"] == kinds["list"] == "i"
    assert kinds["no"] == kinds["flags"] == "b"
    assert kinds["float"] == kinds["floats"] == "f"
    assert kinds["big"] == "u"
    with xjls.open_recording(path) as recording:
        (signal,) = recording.signals.values()
        assert str({key: signal.facts[key] for key in FACTS}) == str(FACTS)


@pytest.mark.parametrize("paired", [False, True])
def test_extras_come_back(paired):
    signals = tuple(
        StoredSignal(id=i, name=f"n{i}", source=4, ties=(xjls.Tie(sample_id=-1, time_ns=2),), gaps=(OFF,))
        for i in range(1 + paired)
    )
    extras = Extras(
        signals=signals, quantity="q", sources=(SCOPE,), first_id=-7, origin_id=0, facts={"a": [None]},
        annotations=(NOTE,), user_data=(xjls.UserData(meta=1, data={"a": math.inf}),),
    )  # fmt: skip
    for one in (extras, plain_extras(paired=paired)):
        assert decode_extras(encode_extras(one), "run.hdf5", paired=paired) == one


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "JSONDecodeError"),
        (b"[]", "TypeError"),
        (b"{}", "KeyError: 'signals'"),
        (encode_extras(plain_extras(paired=True)), "ValueError: 2 signals where there are 1"),
        (encode_extras(plain_extras(paired=False)).replace(b'"id": 1', b'"id": "x"'), "ValueError: invalid literal"),
        (b"\xff", "UnicodeDecodeError"),
    ],
)
def test_extras_that_are_none_are_refused(data, says):
    message = rf"its dataset 'xjls' is not what xjls writes \({says}.*\): run\.hdf5\. Without it the counts can be read"
    with pytest.raises(CorruptError, match=message):
        decode_extras(data, "run.hdf5", paired=False)


# ---- what counts mean ----------------------------------------------------------------------------------------------


@given(scale=st.floats(1e-12, 1e6), unit=st.sampled_from(["V", "mV"]))
def test_the_scale_is_kept_to_the_last_bit(scale, unit):
    """In volts; of millivolts it is rounded once."""
    root = told_of(replace(SIGNAL, scale_factor=scale, units=unit), paired=False).root
    assert root["voltage_range_v"] / root["max_adc"] == (scale if unit == "V" else scale / 1000)
    assert root["max_adc"] in (32767, 32768)


def test_attributes_that_are_true_stay_and_others_are_put_right():
    """A file that says what the signal says is not touched; one that says something else is corrected, and no more."""
    facts = {
        "sample_interval_ns": 250, "hardware_downsample_ratio": 4, "voltage_range_v": 5.0, "max_adc": 32512,
        "analog_offset_v": 0.5, "resolution": "PS5000A_DR_8BIT", "operator": "me", "aggregate_format": "old",
        "downsample_mode": "average",
    }  # fmt: skip
    plain = dict(facts)
    del plain["aggregate_format"]
    true = replace(SIGNAL, scale_factor=5.0 / 32512, add_offset=-0.5, facts=plain)
    assert told_of(true, paired=False).root == plain
    assert told_of(replace(true, add_offset=0.5), paired=False).root == plain  # opened with offset_sign="add"
    in_mv = replace(true, units="mV", scale_factor=5.0 / 32512 * 1000, add_offset=-500.0)
    assert told_of(in_mv, paired=False).root == plain
    for changed in ({"rate_hz": Fraction(500_000)}, {"scale_factor": 0.5}, {"add_offset": 0.1}):
        found = told_of(replace(true, **changed, facts=facts), paired=False).root
        assert found["resolution"] == "PS5000A_DR_8BIT"
        assert found["operator"] == "me"
        assert found["hardware_downsample_ratio"] == 1
        assert "aggregate_format" not in found
        assert found["sample_interval_ns"] == (2000 if "rate_hz" in changed else 1000)


# ---- refusals ------------------------------------------------------------------------------------------------------


REFUSED = {
    r"'probe' is of type f32, and PicoStream's HDF5 holds i16 counts only\. Write a Zarr store \(\.zarr\) or a JLS": [
        replace(SIGNAL, stored_type="f32", dtype=np.dtype("f4"))
    ],
    "'probe' has annotations only": [replace(SIGNAL, rate_hz=Fraction(0))],
    r"'probe' is in 'A', and PicoStream's files hold volts\. Choose a signal in V or mV": [replace(SIGNAL, units="A")],
    "'probe' is in 'no units'": [replace(SIGNAL, units="")],
    "'probe' marks lost samples by 0, and PicoStream by -32_768": [replace(SIGNAL, missing_value=0)],
    "'probe' has a scale of -0.001, and PicoStream's are above 0": [replace(SIGNAL, scale_factor=-0.001)],
    r"samples of 'probe' are 333\.333 ns apart, and PicoStream keeps whole nanoseconds": [
        replace(SIGNAL, rate_hz=Fraction(3 * 10**6))
    ],
    "signal 'probe' is defined already": [SIGNAL, SIGNAL],
    "holds one signal, or minimum and maximum of one; 'b' comes beside 'probe'": [
        SIGNAL, replace(SIGNAL, id=2, name="b")
    ],
    "'p_max' comes beside 'probe'": [SIGNAL, PAIR[1]],
    "'q_max' comes beside 'p_min'": [PAIR[0], replace(PAIR[1], name="q_max", bound=("q", "max"))],
    "'again' comes beside 'p_min'": [PAIR[0], replace(PAIR[0], name="again")],
    "'third' comes beside 'p_min'": [*PAIR, replace(PAIR[1], name="third")],
    "'p_min' and 'p_max' are a pair, and differ in rate_hz, add_offset, facts": [
        PAIR[0], replace(PAIR[1], rate_hz=Fraction(10), add_offset=0.5, facts={"a": 1})
    ],
    "source 9 of 'probe' is not defined": [replace(SIGNAL, source=replace(SCOPE, id=9))],
    "'p_min' is the min of 'p', and a PicoStream file holds both bounds. Choose both": [PAIR[0]],
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_signals_that_it_cannot_hold_are_refused(path, message):
    """Nothing is left behind."""
    with pytest.raises(SelectionError, match=message), xjls.new_recording(path) as sink:  # noqa: PT012 - whichever call
        sink.add_source(SCOPE)
        for signal in REFUSED[message]:
            sink.add_signal(signal)
        sink.write(signal.name, 0, COUNTS)
    assert list(path.parent.iterdir()) == []


def test_nothing_is_no_recording(path):
    with pytest.raises(SelectionError, match="a PicoStream file holds one signal, and there is none"):
        PicoSink(str(path)).close()


def test_calls_that_make_no_sense_are_refused(path):
    with begun(path) as sink:
        with pytest.raises(SelectionError, match=r"no signal 'x' is being written\. Signals: probe"):
            sink.write("x", 0, COUNTS)
        with pytest.raises(SelectionError, match="no signal 'x' is being written"):
            sink.annotate(replace(NOTE, signal="x"))
        with pytest.raises(SelectionError, match="source 4 is defined already"):
            sink.add_source(SCOPE)
        for samples in (COUNTS.astype("f4"), COUNTS.reshape(2, -1)):
            with pytest.raises(SelectionError, match=r"samples are .*, those of 'probe' are int16\[n\]\. Give them as"):
                sink.write("probe", 0, samples)
        with pytest.raises(SelectionError, match="'probe' has samples of -32_768, which PicoStream takes for lost"):
            sink.write("probe", 0, np.array([1, LOST], "i2"))
        sink.write("probe", 0, COUNTS)
        with pytest.raises(SelectionError, match="the gap 1_005–1_010 does not continue 'probe', whose next sample"):
            sink.skip("probe", replace(OFF, window=Window(1005, 1010)))
    assert np.array_equal(counts_in(path), COUNTS)
    with pytest.raises(ValueError, match="the file is closed"):
        sink.write("probe", 1000, COUNTS)
    sink.close()


def test_marks_of_a_signal_that_has_them_are_no_samples(path):
    with begun(path, replace(SIGNAL, missing_value=LOST)) as sink:
        sink.write("probe", 0, np.array([1, LOST, 2], "i2"))
    assert counts_in(path).tolist() == [1, LOST, 2]


def test_halves_of_a_pair_begin_together_and_end_so(path):
    with begun(path, *PAIR) as sink:
        sink.write("p_min", 10, COUNTS)
        with pytest.raises(SelectionError, match="'p_max' begins at sample 11, its other half at 10"):
            sink.write("p_max", 11, COUNTS)
        sink.write("p_max", 10, COUNTS[:900])
    found = counts_in(path).reshape(-1, 2)
    assert np.array_equal(found[:, 0], COUNTS)
    assert set(found[900:, 1]) == {LOST}
    assert [str(gap.window) for gap in extras_in(path, paired=True).signals[1].gaps] == ["910–1_010"]


def test_counts_are_not_compressed(path):
    with (
        pytest.raises(SelectionError, match="does not compress counts, with 'zstd'"),
        xjls.new_recording(path, codec="zstd"),
    ):
        pass


# ---- how it ends ---------------------------------------------------------------------------------------------------


def test_a_file_appears_when_it_is_complete(path):
    with pytest.raises(ZeroDivisionError), xjls.new_recording(path) as sink:  # noqa: PT012 - what it is about
        sink.add_source(SCOPE)
        sink.add_signal(SIGNAL)
        sink.write("probe", 0, COUNTS)
        sink.flush()
        assert not path.exists()
        _ = 1 / 0
    assert list(path.parent.iterdir()) == []


def test_what_was_flushed_stays_when_it_is_abandoned(path):
    with pytest.raises(ZeroDivisionError), begun(path) as sink:  # noqa: PT012 - what it is about
        sink.write("probe", 0, COUNTS)
        sink.flush()
        sink.write("probe", 1000, COUNTS)
        _ = 1 / 0
    assert np.array_equal(counts_in(path), COUNTS)


@pytest.mark.parametrize("most", [1, 700, 2_000, 100_000, 1_000_000, 3_999_000])
def test_a_full_disk_is_said_as_the_system_says_it(tmp_path, most):
    """In a process of its own, which may write no more than so many bytes to a file, and which survives that."""
    script = f"""
import resource, signal
from dataclasses import replace
from fractions import Fraction
import numpy as np, xjls
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
scope = xjls.Source(id=1, name="scope")
try:
    with xjls.new_recording({str(tmp_path / "run.hdf5")!r}) as sink:
        sink.add_source(scope)
        sink.add_signal(xjls.Signal(id=1, name="a", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(10**5),
                                    source=scope, stored_type="i16"))
        for i in range(20):
            sink.write("a", i * 100_000, np.ones(100_000, "i2"))
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("[Errno 27] File too large: ")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
