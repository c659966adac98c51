"""Damaged JLS v1 files: what opens is right or named as lost, and nothing shifts, wherever a file is cut or flipped.

Currents are read as they were measured: what is lost may decide those next to it where switches are suppressed, and of
these only that is asked. ``python -m tests.campaigns.fuzz`` goes on from here.
"""

import json
import os

import numpy as np
import pytest

import xjls
from xjls.errors import CorruptError, FormatError, NotRecognizedError, TruncatedError, UnsupportedError, XjlsError
from xjls.model.annotation import UserData
from xjls.testing.jls1 import Definition, Sizes, encode, record, records_of, truth_of
from xjls.testing.jls1.records import file_header
from xjls.testing.jls1.scenarios.raw import raw
from xjls.testing.jls1.scenarios.rows import floats_of
from xjls.testing.jls2 import flip, truncate, zero
from xjls.testing.laws import Expected, ExpectedSignal, damage_is_named, equal_values, windows_are_slices

SMALL = Sizes(5, 2, 2)
FRAGILE = {
    "words": lambda: raw(93, seed=30, sizes=SMALL, v_ranges=(0, 1), user_data={"a": [1]}, footer_user_data="end"),
    "floats": lambda: Definition(floats=floats_of(93, "c"), sizes=SMALL, calibration=None, footer_user_data=b"end"),
    "deflated": lambda: raw(53, seed=31, sizes=SMALL, deflated=True, user_data={"a": "b" * 100}),
    "generation_1": lambda: raw(90, seed=32, sizes=SMALL, generation=1, rows="v1", row_fields=3),
    "unfinished": lambda: raw(93, seed=33, sizes=SMALL, is_closed=False),
}
"""Small files that show all there is to break."""
LAWS = (windows_are_slices,)
UNSUPPRESSED = {"suppress": "off"}
REACH = 64
"""Samples beside a loss whose currents it may change, where switches of ranges are suppressed."""
STEP = 13
"""Bytes from one that is flipped to the next; the campaign takes all."""


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    return tmp_path_factory.mktemp("damage") / "run.jls"


def opener(path, suppressed="off"):
    return lambda on_damage: xjls.open_recording(
        path, on_damage=on_damage, format_options={"suppress": suppressed}
    )  # fmt: skip


def whole(definition, path):
    """Write a file; return its bytes, and what is true of it."""
    data = encode(definition)
    path.write_bytes(data)
    truth = truth_of(definition, suppressed="off")
    with opener(path)("gap") as recording:
        told = recording.user_data
        kept = tuple(UserData(meta=place, data=data) for place, data in truth.user_data)
        assert told[: len(kept)] == kept
    signals = {
        name: ExpectedSignal(name=name, units=truth.units[name], rate_hz=truth.rate_hz, first_id=0, samples=values)
        for name, values in truth.signals.items()
    }
    return data, Expected(signals=signals, user_data=told)


def borders(data):
    """Return the places where records begin and end, and those around them."""
    spans = records_of(data)
    edges = {0, 32, len(data)} | {edge for span in spans for edge in (span.offset, span.value.stop, span.stop)}
    return sorted({edge + i for edge in edges for i in range(-8, 9) if 0 <= edge + i <= len(data)})


def withstands(path, data, expected):
    """Hold broken bytes to the law of damage; return whether they open."""
    path.write_bytes(data)
    opened = damage_is_named(opener(path), expected, laws=LAWS)
    assert path.read_bytes() == data, "the file was changed"
    return opened


# ---- any byte ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FRAGILE)
def test_a_file_that_is_cut_at_any_border_has_what_is_before_it(target, kind):
    data, expected = whole(FRAGILE[kind](), target)
    opened = 0
    for size in borders(data)[::3]:
        opened += withstands(target, truncate(data, size), expected)
    assert opened > 20


@pytest.mark.parametrize("kind", FRAGILE)
def test_a_flipped_bit_shifts_nothing(target, kind):
    data, expected = whole(FRAGILE[kind](), target)
    opened = 0
    for offset in range(len(FRAGILE) % STEP, len(data), STEP):
        opened += withstands(target, flip(data, offset, offset % 8), expected)
    assert opened > len(data) // STEP // 4


@pytest.mark.parametrize("kind", FRAGILE)
def test_bytes_that_are_zero_shift_nothing(target, kind):
    data, expected = whole(FRAGILE[kind](), target)
    for offset in range(3, len(data), 5 * STEP):
        for length in (8, 100, 600):
            withstands(target, zero(data, offset, offset + length), expected)


@pytest.mark.parametrize("suppressed", ["normal", "mean_8_n_8", "nan_0_n_0"])
def test_what_is_lost_changes_nothing_far_from_it(target, suppressed):
    definition = raw(900, seed=34, v_ranges=(0, 1))
    data, _ = whole(definition, target)
    truth = truth_of(definition, suppressed=suppressed)
    for span in [span for span in records_of(data) if span.tag in ("ABN", "CLS", "CLE")]:
        target.write_bytes(flip(data, span.offset + 12, 3))
        with opener(target, suppressed)("gap") as recording:
            for name, values in truth.signals.items():
                found, valid = recording.read(name), recording.read_valid(name)
                assert len(found) == len(values), (span, name)
                near = np.convolve(~valid, np.ones(2 * REACH + 1), "same") > 0.5
                assert equal_values(found[~near], values[~near]), (span, name)
                assert (~valid).sum() <= definition.sizes.samples_per_block


# ---- records -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 4, 8])
def test_a_broken_record_of_samples_is_lost_and_says_so(target, number):
    data, expected = whole(raw(93, seed=30, sizes=SMALL), target)
    span = [span for span in records_of(data) if span.tag == "ABN"][number]
    target.write_bytes(flip(data, span.value.start + 3, 1))
    first = number * SMALL.samples_per_tlv
    with opener(target)("raise") as recording:
        for name, signal in expected.signals.items():
            message = rf"samples {first}–{first + 10} of '{name}' are lost.*CRC.*on_damage=\"gap\""
            with pytest.raises(xjls.LostSamplesError, match=message):
                recording.read(name)
            assert equal_values(recording.read(name, (first + 10, 93)), signal.samples[first + 10 :])
    with opener(target)("gap") as recording:
        for name, signal in expected.signals.items():
            valid = recording.read_valid(name)
            assert np.flatnonzero(~valid).tolist() == list(range(first, first + 10))
            assert equal_values(recording.read(name)[valid], signal.samples[valid])
        assert not recording.status.complete
        assert recording.read_statistics("current").lost == 10


def test_checksums_are_not_asked_for_where_one_says_so(target):
    data, _ = whole(raw(93, seed=30, sizes=SMALL), target)
    span = [span for span in records_of(data) if span.tag == "ABN"][2]
    target.write_bytes(flip(data, span.value.start + 2, 5))
    with xjls.open_recording(target, verify=False) as recording:
        assert recording.read("voltage").size == 93


def test_a_start_of_a_block_that_is_broken_shifts_nothing(target):
    """Its voltage range is in it: voltages are right, or lost."""
    data, expected = whole(raw(93, seed=30, sizes=SMALL, v_ranges=(0, 1)), target)
    for span in [span for span in records_of(data) if span.tag == "CLS"]:
        for offset in range(span.offset, span.stop):
            assert withstands(target, flip(data, offset, offset % 8), expected)


def test_a_block_that_says_it_ends_elsewhere_is_read_all_the_same(target):
    """Checksums hold, but the chain leads to nowhere, or back."""
    data, expected = whole(raw(93, seed=30, sizes=SMALL), target)
    for span in [span for span in records_of(data) if span.tag == "CLS"]:
        for end in (0, 8, span.offset, span.offset + 8, len(data) - 16, len(data) + 800, 1 << 62):
            value = end.to_bytes(8, "little") + data[span.value][8:]
            broken = data[: span.offset] + record("CLS", value) + data[span.stop :]
            target.write_bytes(broken)
            assert damage_is_named(opener(target), expected, laws=LAWS)
            with opener(target)("gap") as recording:
                for name, signal in expected.signals.items():
                    assert equal_values(recording.read(name), signal.samples), (span, end)


@pytest.mark.parametrize("size", [0, 1, 92, 94, 1 << 30, -1, None, 1.5, "93"])
def test_a_footer_that_counts_otherwise_invents_nothing(target, size):
    data, expected = whole(raw(93, seed=30, sizes=SMALL), target)
    footer = [span for span in records_of(data) if span.tag == "MJS"][-1]
    told = json.dumps({"type": "footer", "size": size}).encode()
    body = data[32 : footer.offset] + record("MJS", told) + data[footer.stop :]
    target.write_bytes(file_header(32 + len(body)) + body)
    try:
        recording = opener(target)("gap")
    except XjlsError:
        return
    with recording:
        for name, signal in expected.signals.items():
            valid = recording.read_valid(name)
            assert valid.size < 1 << 20
            found = recording.read(name)[:93]
            assert equal_values(found[valid[:93]], signal.samples[: found.size][valid[:93]])
            assert not valid[93:].any()


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_other_files_are_not_recognized(target):
    data = encode(raw(93, seed=30, sizes=SMALL))
    target.write_bytes(flip(data, 3, 1))
    with pytest.raises(NotRecognizedError):
        opener(target)("gap")


@pytest.mark.parametrize("offset", [17, 20, 27, 30])
def test_a_header_that_is_broken_is_told(target, offset):
    data, expected = whole(raw(93, seed=30, sizes=SMALL), target)
    target.write_bytes(flip(data, offset, 2))
    try:
        recording = opener(target)("gap")
    except (CorruptError, UnsupportedError):
        return
    with recording:
        assert not recording.status.complete
        for name, signal in expected.signals.items():
            assert equal_values(recording.read(name), signal.samples)


def test_a_file_without_its_config_is_refused(target):
    data = encode(raw(93, seed=30, sizes=SMALL))
    config = next(span for span in records_of(data) if span.tag == "MJS")
    for broken in (flip(data, config.value.start, 1), data[:40], data[: config.offset], data[: config.offset + 20]):
        target.write_bytes(broken)
        with pytest.raises((CorruptError, TruncatedError), match=r"run\.jls"):
            opener(target)("gap")


def test_a_calibration_that_is_broken_is_no_calibration(target):
    """Without it currents would be others: refused, or all that it makes is lost."""
    data, expected = whole(raw(93, seed=30, sizes=SMALL), target)
    span = next(span for span in records_of(data) if span.tag == "SUB")
    for offset in range(span.value.start + 128, span.value.stop, 41):
        target.write_bytes(flip(data, offset, 4))
        try:
            recording = opener(target)("gap")
        except FormatError:
            continue
        with recording:
            valid = recording.read_valid("current")
            assert equal_values(recording.read("current")[valid], expected.signals["current"].samples[valid])


def test_a_broken_file_is_not_touched(tmp_path):
    path = tmp_path / "run.jls"
    path.write_bytes(encode(raw(93, seed=30, sizes=SMALL))[:-50])
    path.chmod(0o444)
    with opener(path)("gap") as recording:
        recording.check()
        assert not recording.status.complete
    assert os.listdir(tmp_path) == ["run.jls"]  # noqa: PTH208 - names
