"""JLS v1 files that tell of what cannot be: little is read of them, little is kept, and every error is one of ours."""

import json
import struct
import tracemalloc

import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.compat.joulescope import DataReader
from xjls.errors import CorruptError, LostSamplesError
from xjls.formats.jls1.walk import Walk
from xjls.storage import open_storage
from xjls.testing.jls1 import Definition, Floats, Sizes, encode, record, records_of, truth_of, words_of, write_jls1
from xjls.testing.jls1.records import arrays, container, file_header, with_crc
from xjls.testing.jls2 import flip

SIZES = Sizes(20, 4, 3)
SIGNALS = ("current", "voltage", "power", "current_range", "gpi0", "gpi1")
ENCRYPTED = 0x40
MOST_BYTES = 50 << 20
"""That a file of some hundred bytes may take."""


@pytest.fixture
def target(tmp_path):
    return tmp_path / "run.jls"


@pytest.fixture(scope="module", autouse=True)
def _made(tmp_path_factory):
    """Ask once for all that is measured below: kernels are made then, which takes memory of its own."""
    path = write_jls1(tmp_path_factory.mktemp("hostile") / "run.jls", Definition(words=words_of([3] * 1000)))
    with xjls.open_recording(path) as recording:
        for name in recording.signals:
            recording.statistics(name)
        recording.check()
    with DataReader().open(path) as reader:
        reader.data_get(None, None, 10)


def config(**facts):
    told = {
        "type": "config", "data_recorder_format_version": "2", "sampling_frequency": 2_000_000,
        "samples_per_reduction": 10, "samples_per_tlv": 100, "samples_per_block": 100, "data_format": "raw",
        "reduction_format": "v2", **facts,
    }  # fmt: skip
    return record("MJS", json.dumps(told).encode())


def footer(size):
    return record("MJS", json.dumps({"type": "footer", "size": size}).encode())


def start(number, **facts):
    """Return the start of a collection that does not say where it ends."""
    return record("CLS", struct.pack("<QHBB", 0, number, 0, 0) + (json.dumps(facts).encode() if number else b""))


def block(value, **facts):
    return [start(1, **facts), record("ABN", value), record("CLE")]


OUTER = start(0)
STOP = record("CLE")
WORDS = words_of(np.full(100, 3), seed=1)


# ---- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data_format", ["raw", "float32_v2"])
@pytest.mark.parametrize("size", [2_000_000, (1 << 40) - 1])
@pytest.mark.parametrize("reduction", [1, 1000])
def test_samples_of_which_a_file_has_no_room_take_none(target, size, data_format, reduction):
    size -= size % reduction
    told = config(
        samples_per_reduction=reduction, samples_per_tlv=size, samples_per_block=size, data_format=data_format
    )
    target.write_bytes(container([told, OUTER, STOP, footer(size)]))
    tracemalloc.start()
    try:
        with xjls.open_recording(target, on_damage="gap") as recording:
            for name in recording.signals:
                assert recording.signal(name).length == 0
                assert recording.statistics(name).count == 0
            damage = recording.check()
        with DataReader().open(target) as reader:
            assert reader.sample_id_range == [0, 0]
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert [one for one in damage if f"the footer tells of {size:_} samples" in one.problem]


@pytest.mark.parametrize("size", [2_000_000, 1 << 38])
def test_a_footer_that_tells_of_more_than_the_records_hold_adds_no_samples(target, size):
    sizes = {"samples_per_reduction": 1, "samples_per_tlv": 1 << 38, "samples_per_block": 1 << 38}
    target.write_bytes(container([config(**sizes), OUTER, *block(WORDS.tobytes(), v_range=0), STOP, footer(size)]))
    tracemalloc.start()
    try:
        with xjls.open_recording(target, on_damage="gap", format_options={"suppress": "off"}) as recording:
            assert recording.signal("voltage").length == len(WORDS)
            assert np.array_equal(recording.read("voltage"), (WORDS[:, 1] >> 2).astype("f4"))
            found = recording.statistics("voltage")
            assert (found.count, found.mean) == (len(WORDS), pytest.approx((WORDS[:, 1] >> 2).mean()))
            recording.check()
        with DataReader().open(target) as reader:
            assert len(reader.data_get(None, None, 10)) == len(WORDS) // 10
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_a_footer_of_samples_that_may_have_been_lost_is_still_believed(target):
    """Room for them is in the file: a record that is broken is lost, and not forgotten."""
    definition = Definition(words=words_of(np.full(480, 3)), sizes=SIZES, calibration=None)
    data = encode(definition)
    last = [span for span in records_of(data) if span.tag == "ABN"][-1]
    target.write_bytes(flip(data, last.offset + 1, 3))
    with xjls.open_recording(target, on_damage="gap") as recording:
        assert recording.signal("current").length == definition.length
        assert recording.read_valid("current").sum() == definition.length - SIZES.samples_per_tlv


# ---- holes ---------------------------------------------------------------------------------------------------------


def bytes_read(target, monkeypatch, holes):
    """Return what is read of a file with so many holes while it is opened, and how long it is."""
    hole = record("UBN") + b"\xaa" * 8
    data = container([config(), OUTER, *[hole] * holes])
    target.write_bytes(data)
    read, heads = [], []
    with open_storage(target) as storage:
        kind = type(storage)
    plain, head = kind.read, Walk.head
    with monkeypatch.context() as patch:
        patch.setattr(kind, "read", lambda self, at, n: read.append(n) or plain(self, at, n))
        patch.setattr(Walk, "head", lambda self, at: heads.append(at) or head(self, at))
        with xjls.open_recording(target, on_damage="gap") as recording:
            assert not recording.status.complete
    assert len(heads) < 10 * holes + 100
    return sum(read), len(data)


def test_the_way_behind_many_holes_is_as_long_as_the_file(target, monkeypatch):
    few, short = bytes_read(target, monkeypatch, 1000)
    many, long = bytes_read(target, monkeypatch, 4000)
    assert many / few < 1.5 * long / short


def test_the_way_behind_a_large_hole_is_looked_for_in_large_pieces(target, monkeypatch):
    target.write_bytes(container([config(), OUTER, b"\xaa" * (6 << 20), *block(WORDS.tobytes()), STOP]))
    read = []
    with open_storage(target) as storage:
        kind = type(storage)
    plain = kind.read
    with monkeypatch.context() as patch:
        patch.setattr(kind, "read", lambda self, at, n: read.append(n) or plain(self, at, n))
        xjls.open_recording(target, on_damage="gap").close()
    assert 6 << 20 <= sum(read) < 10 << 20
    assert len(read) < 100


# ---- what a configuration says -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction_format", ["v1", "v2"])
@pytest.mark.parametrize(
    "fields",
    [["foo"], [], [["a"]], "current", ["current", "current"], {"current": 1}, [None], 3, ["current", "x"]],
    ids=str,
)
def test_reductions_of_fields_that_there_are_not_are_refused(target, fields, reduction_format):
    told = config(reduction_fields=fields, reduction_format=reduction_format)
    target.write_bytes(container([told, OUTER, *block(WORDS.tobytes()), STOP, footer(100)]))
    with pytest.raises(CorruptError, match=r"the configuration cannot be read \(ValueError: reductions of"):
        xjls.open_recording(target)


@pytest.mark.parametrize("fields", [["voltage"], ["power", "current"], ["current", "voltage", "power"]], ids=str)
def test_reductions_of_some_fields_are_of_these(target, fields):
    told = config(reduction_fields=fields, reduction_format="v1")
    counts = (WORDS[:, 1] >> 2).reshape(10, 10).astype("f8")
    numbers = [counts.mean(axis=1), counts.var(axis=1), counts.min(axis=1), counts.max(axis=1)]
    rows = np.repeat(np.stack(numbers, axis=1)[:, None], len(fields), axis=1).astype("<f4")
    records = [start(1, v_range=0), record("ABN", WORDS.tobytes()), record("CLE", rows.tobytes())]
    target.write_bytes(container([told, OUTER, *records, STOP, footer(100)]))
    for reductions in ("auto", "trust"):
        with xjls.open_recording(target, format_options={"suppress": "off", "reductions": reductions}) as recording:
            entries = recording.read_level("voltage", 1)
            np.testing.assert_allclose(entries[:, 0], counts.mean(axis=1), rtol=1e-6)
            np.testing.assert_allclose(entries[:, 1], counts.std(axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    "rate", [1e300, 1e-300, 1.1e12, 0.9e-6, 0, -1, float("nan"), float("inf"), 10**400, True, "fast", None, [1]],
    ids=lambda rate: str(rate)[:8],
)  # fmt: skip
def test_a_rate_that_no_instrument_has_is_refused(target, rate):
    target.write_bytes(container([config(sampling_frequency=rate), OUTER, *block(WORDS.tobytes()), STOP, footer(100)]))
    with pytest.raises(CorruptError, match="the configuration cannot be read"):
        xjls.open_recording(target)


@pytest.mark.parametrize("rate", [1e-6, 1 / 3, 1e12])
def test_rates_of_slow_and_fast_instruments_have_times(target, rate):
    target.write_bytes(container([config(sampling_frequency=rate), OUTER, *block(WORDS.tobytes()), STOP, footer(100)]))
    with xjls.open_recording(target) as recording:
        assert float(recording.signal("current").rate_hz) == rate
        assert recording.statistics("voltage").count == 100
    with xr.open_dataset(target, engine="jls") as dataset:
        assert dataset.time.values[-1] == pytest.approx(99 / rate, abs=2e-9)
        assert repr(dataset)


# ---- what records say ----------------------------------------------------------------------------------------------


IDS = (0x01, 0x11, 0x21, 0x31, 0x41, 0x51)
STORED = [np.arange(100).astype("f4")] * 3 + [np.full(100, 15, "u1")] * 3


@pytest.mark.parametrize("on_damage", ["raise", "gap"])
@pytest.mark.parametrize("ids", [(1, 0x11), (1, 0x11, 0x21, 0x31, 0x41, 0x61), (0x99,), (0x41, 0x31)], ids=str)
def test_a_record_without_some_of_the_signals_has_lost_them(target, ids, on_damage):
    kept = dict(zip(IDS, STORED, strict=True))
    value = arrays({number: kept.get(number, STORED[0]) for number in ids})
    target.write_bytes(
        container([config(data_format="float32_v2"), OUTER, *block(value), STOP, footer(100)])
    )  # fmt: skip
    with xjls.open_recording(target, on_damage=on_damage) as recording:
        for name, number in zip(SIGNALS, IDS, strict=True):
            if name not in recording.signals:
                continue
            if number in ids:
                assert np.isfinite(recording.read(name)).all()
            elif on_damage == "raise":
                with pytest.raises(LostSamplesError, match=f"samples 0–100 of '{name}' are lost"):
                    recording.read(name)
            else:
                assert np.isnan(recording.read(name)).all()
                assert recording.statistics(name).count == 0
                assert recording.status.gaps[name][0].window.length == 100


def test_an_array_of_another_type_is_lost(target):
    value = arrays(dict(zip(IDS, [STORED[0].astype("f8"), *STORED[1:]], strict=True)))
    target.write_bytes(container([config(data_format="float32_v2"), OUTER, *block(value), STOP, footer(100)]))
    with (
        xjls.open_recording(target) as recording,
        pytest.raises(LostSamplesError, match="samples 0–100 of 'current' are lost"),
    ):
        recording.read("current")


@pytest.mark.parametrize("told", [2, -1, 0.5, "x", "1", None, [1], {"a": 1}], ids=str)
def test_a_voltage_range_that_there_is_not_leaves_no_voltage(target, told):
    """It was taken for 15 V."""
    records = [*block(WORDS.tobytes(), v_range=0), *block(WORDS.tobytes(), v_range=told)]
    target.write_bytes(container([config(), OUTER, *records, STOP, footer(200)]))
    with xjls.open_recording(target, on_damage="gap", format_options={"suppress": "off"}) as recording:
        for name in ("voltage", "power"):
            assert np.isnan(recording.read(name)).tolist() == [False] * 100 + [True] * 100
            assert recording.statistics(name).count == 100
            assert [gap.reason for gap in recording.status.gaps[name]] == ["the voltage range is damaged"]
        assert np.array_equal(recording.read("current"), np.tile((WORDS[:, 0] >> 2).astype("f4"), 2))
    with xjls.open_recording(target) as recording, pytest.raises(LostSamplesError, match="voltage range is damaged"):
        recording.read("voltage")


def test_user_data_that_is_encrypted_leaves_the_samples_as_they_are(target):
    definition = Definition(words=words_of(np.full(480, 3)), sizes=SIZES, user_data={"a": 1}, footer_user_data={"b": 2})
    secret = with_crc(b"UJS" + struct.pack("<BI", ENCRYPTED, 20) + bytes(range(20))) + record("ENC", bytes(80))
    body = encode(definition)[32:]
    size = len(record("UJS", json.dumps({"a": 1}).encode()))
    body = secret + body[size:]
    for span in [span for span in records_of(file_header(0) + body) if span.tag == "CLS"]:
        at = span.value.start - 32
        end = struct.unpack_from("<Q", body, at)[0] + len(secret) - size
        moved = record("CLS", struct.pack("<Q", end) + body[at + 8 : at + span.size])
        body = body[: span.offset - 32] + moved + body[span.stop - 32 :]
    target.write_bytes(file_header(32 + len(body)) + body)
    truth = truth_of(definition)
    with xjls.open_recording(target) as recording:
        for name, wanted in truth.signals.items():
            assert np.array_equal(recording.read(name), wanted, equal_nan=True)
        assert recording.user_data[0].data == {"b": 2}
        damage = recording.status.damage
        assert [one.offset for one in damage] == [32]
        assert "encrypted" in damage[0].problem


# ---- what is checked -----------------------------------------------------------------------------------------------


@pytest.fixture
def checked_in_parts(monkeypatch):
    monkeypatch.setattr("xjls.formats.jls1.reader._STEP", 3 * SIZES.samples_per_tlv)


@pytest.mark.usefixtures("checked_in_parts")
def test_checking_tells_what_all_signals_have_lost_wherever_that_is(target):
    definition = Definition(words=words_of(np.full(3000, 3)), sizes=SIZES)
    data = encode(definition)
    span = [span for span in records_of(data) if span.tag == "ABN"][20]
    target.write_bytes(flip(data, span.value.start + 7, 1))
    size = SIZES.samples_per_tlv
    with xjls.open_recording(target, on_damage="gap") as recording:
        assert recording.check()
        lost = {name: [str(gap.window) for gap in gaps] for name, gaps in recording.status.gaps.items()}
    assert lost.keys() == set(SIGNALS)
    assert {len(windows) for windows in lost.values()} == {1}
    with xjls.open_recording(target, on_damage="gap") as recording:
        recording.check()
        for name in SIGNALS:
            window = recording.status.gaps[name][0].window
            assert (window.start, window.stop) == (20 * size, 21 * size)


@pytest.mark.usefixtures("checked_in_parts")
def test_checking_tells_where_nobody_knows_the_voltage_range(target):
    definition = Definition(words=words_of(np.full(3000, 3)), sizes=SIZES, v_ranges=(0, 1))
    data = encode(definition)
    span = [span for span in records_of(data) if span.tag == "CLS"][1 + 8]
    target.write_bytes(flip(data, span.value.start + 14, 1))
    size = SIZES.samples_per_block
    with xjls.open_recording(target, on_damage="gap") as recording:
        recording.check()
        assert set(recording.status.gaps) == {"voltage", "power"}
        for name in ("voltage", "power"):
            windows = [(gap.window.start, gap.window.stop) for gap in recording.status.gaps[name]]
            assert windows == [(8 * size, 9 * size)]


@pytest.mark.usefixtures("checked_in_parts")
def test_checking_a_sound_recording_reads_one_signal(target, monkeypatch):
    write_jls1(target, Definition(words=words_of(np.full(3000, 3)), sizes=SIZES, v_ranges=(0, 1)))
    with xjls.open_recording(target) as recording:
        read, kind = [], type(recording.reader)
        plain = kind.read
        monkeypatch.setattr(kind, "read", lambda self, *how: read.append(how[0].name) or plain(self, *how))
        assert not recording.check()
        assert set(read) == {"current"}


# ---- floats --------------------------------------------------------------------------------------------------------


def test_producers_are_looked_for_in_few_records(target, monkeypatch):
    """Opening reads eight of them, and those of eight reductions, however many there are."""
    from xjls.formats.jls1.records import SampleRecords

    n = 200 * SIZES.samples_per_tlv
    kept = Floats(
        current=np.ones(n, "f4"), voltage=np.ones(n, "f4"), power=np.ones(n, "f4"),
        current_range=np.full(n, 3, "f4"), gpi0=np.zeros(n, "f4"), gpi1=np.zeros(n, "f4"),
    )  # fmt: skip
    write_jls1(target, Definition(floats=kept, sizes=SIZES))
    read, plain = set(), SampleRecords.value
    monkeypatch.setattr(
        SampleRecords, "value", lambda self, number, **how: read.add(number) or plain(self, number, **how)
    )
    with xjls.open_recording(target) as recording:
        assert "current_range" in recording.signals
    assert 0 < len(read) <= 16
