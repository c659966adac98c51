"""Streams that come in pieces of any size give the buffers and frames that the file reader finds in the whole."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.errors import SelectionError
from xjls.formats.miniscope.assembly import FrameAssembler
from xjls.formats.miniscope.buffers import find_buffers
from xjls.formats.miniscope.checks import BufferFlag
from xjls.formats.miniscope.config import load_config
from xjls.formats.miniscope.header_format import HeaderFlag
from xjls.formats.miniscope.live import LiveStream, Lost
from xjls.formats.miniscope.push import StreamParser
from xjls.formats.miniscope.reader import MiniscopeReader
from xjls.formats.miniscope.sending import BitPacker, buffers_on_wire
from xjls.formats.miniscope.shape import FrameShape
from xjls.formats.miniscope.trust import HELD_FRAMES
from xjls.model.signal import Source
from xjls.testing.miniscope import Start, buffers_of, encode, flipped, idling, noise, ramps, tiny
from xjls.testing.miniscope.headers import FIELD_NUMBERS
from xjls.testing.miniscope.scenarios import SCENARIOS

MAKERS = {make.__name__: make for make in SCENARIOS}
STREAMS = [name for name in MAKERS if not name.startswith("card_")]
WITHOUT_HEADERS = ("empty", "noise_only", "terminator_only")
PROTOBUF = {
    "id": "as-written", "words": 16, "crc": {"word": 15, "stop_byte": 60},
    "protobuf": {"first_byte": 0, "n_bytes": 60, "fields": {number: name for name, number in FIELD_NUMBERS.items()}},
}  # fmt: skip
SCOPE = Source(id=1, name="miniscope")
DESCRIBED = (
    "axis", "dtype", "units", "sample_shape", "sample_dims", "rate_hz", "describes_axis", "stored_type",
)  # fmt: skip
IN_BUFFERS = ("bit_offset", "words", "flags", "whole", "header_ok")


def config_of(config, **changes):
    facts = asdict(config)
    layout = facts.pop("layout")
    return load_config({**facts, **changes}, header_format=PROTOBUF if layout == "stream-protobuf" else layout)


def array_of(data):
    return np.frombuffer(data, np.uint8)


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def parsed(config, parts):
    """Return what a parser makes of parts, one array a fact."""
    parser = StreamParser(config)
    found = [*(parser.feed(part) for part in parts), parser.flush()]
    facts = {name: np.concatenate([getattr(one.buffers, name) for one in found]) for name in IN_BUFFERS}
    facts |= {name: np.concatenate([getattr(one, name) for one in found]) for name in ("frame", "stretch", "is_stray")}
    return facts | {"payload": [pixels for one in found for pixels in one.payload]}


def rows_of(config, parts, now_s=1.0):
    """Return what a stream delivers, by signal, its ids, and the stream."""
    stream = LiveStream(config)
    told = [row for part in parts for row in stream.feed(part, now_s)] + stream.flush(now_s)
    ids, samples = {}, {}
    for row in told:
        if isinstance(row, Lost):
            ids.setdefault(row.name, []).extend(range(row.gap.window.start, row.gap.window.stop))
            continue
        ids.setdefault(row.name, []).extend(range(row.first_id, row.first_id + len(row.samples)))
        samples.setdefault(row.name, {}).update(enumerate(row.samples, row.first_id))
    return ids, samples, stream


# ---- against the file reader ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
def test_pieces_of_any_size_have_the_buffers_of_the_whole(tmp_path, name):
    made = MAKERS[name](tmp_path)
    data, config = made.path.read_bytes(), config_of(made.config)
    whole = find_buffers(array_of(data), config)
    for size in (1, 3, 5024, len(data) + 1):
        if size < 9 and len(data) > 50_000:
            continue
        found = parsed(config, pieces(data, size))
        for fact in IN_BUFFERS:
            np.testing.assert_array_equal(found[fact], getattr(whole, fact), err_msg=f"{fact} by {size}")
        assert [pixels is not None for pixels in found["payload"]] == whole.header_ok.tolist()


@pytest.mark.parametrize("name", STREAMS)
def test_rows_are_those_of_the_file(tmp_path, name):
    made = MAKERS[name](tmp_path)
    data, config = made.path.read_bytes(), config_of(made.config)
    ids, samples, stream = rows_of(config, pieces(data, 97))
    if name in WITHOUT_HEADERS:
        assert not stream.has_begun
        assert "image" not in ids
        return
    reader = MiniscopeReader(str(made.path), config=config)
    signals = {signal.name: signal for signal in stream.signals(SCOPE)}
    assert [one for one in signals if not one.startswith("host_time")] == list(reader.names)
    for one in reader.names:
        signal = reader.describe(one)
        for fact in DESCRIBED:
            assert getattr(signals[one], fact) == getattr(signal, fact)
        assert signal.facts.get("refers_to") == signals[one].facts.get("refers_to")
        assert ids[one] == list(range(signal.window.start, signal.window.stop))
        expected, gaps = reader.read(signal, signal.window, None, "gap", True)
        found = np.zeros_like(expected)
        for at, sample in samples[one].items():
            found[at - signal.first_id] = sample
        np.testing.assert_array_equal(found, expected, err_msg=one)
        lost = [at for gap in gaps for at in range(gap.window.start, gap.window.stop)]
        assert sorted(samples[one]) == [at for at in ids[one] if at not in lost]
    losses, told = reader.grid.losses(), stream.tallies
    assert (stream.counts.frames, stream.counts.complete, stream.counts.empty) == (
        losses.frames, losses.complete, losses.empty,
    )  # fmt: skip
    assert told == {
        "missing buffers": losses.missing, "duplicate buffers": losses.duplicates, "late buffers": 0,
        "quarantined buffers": losses.quarantined, "cut buffers": losses.cut,
    }  # fmt: skip
    reader.close()


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), lost=st.sets(st.integers(0, 47), max_size=30),
    flips=st.lists(st.floats(0, 1, exclude_max=True), max_size=5), phase=st.integers(0, 7),
    sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=9),
)  # fmt: skip
def test_whatever_is_lost_and_wrong_nothing_is_shifted(seed, lost, flips, phase, sizes):
    config = tiny()
    frames = noise(config, 12, seed=seed)
    sent = idling(buffers_of(config, frames), [9, 300, 0, 70], seed=seed)
    kept = [buffer for number, buffer in enumerate(sent) if number not in lost]
    bits = np.unpackbits(array_of(encode(config, kept, before=np.zeros(phase, np.uint8)).data))
    for flip in flips:
        bits[int(flip * len(bits))] ^= 1
    data = np.packbits(bits).tobytes()
    parts, at = [], 0
    while at < len(data):
        size = sizes[len(parts) % len(sizes)]
        parts.append(data[at : at + size])
        at += size
    whole = find_buffers(array_of(data), config_of(config))
    found = parsed(config_of(config), parts)
    np.testing.assert_array_equal(found["bit_offset"], whole.bit_offset)
    np.testing.assert_array_equal(found["words"], whole.words)
    _, samples, _ = rows_of(config_of(config), parts)
    wrong = 0
    for number, pixels in samples.get("image", {}).items():
        assert 12824 <= number < 12836
        there = np.repeat(samples["buffer_present"][number], (72, 72, 72, 40)).reshape(16, 16)
        wrong += np.count_nonzero(pixels[there] != frames[number - 12824][there])
        assert not pixels[~there].any()
    assert wrong <= len(flips)


# ---- what is kept --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["noise", "zeros", "preambles", "buffers"])
def test_less_than_a_buffer_is_kept_whatever_comes(what):
    config = config_of(tiny())
    data = {
        "noise": np.random.default_rng(1).bytes(60_000), "zeros": bytes(60_000),
        "preambles": config.pattern.to_bytes(4, "big") * 15_000,
        "buffers": encode(tiny(), buffers_of(tiny(), noise(tiny(), 30))).data,
    }[what]  # fmt: skip
    parser = StreamParser(config)
    most, n = config.buffer_bytes + 4, 0
    for part in pieces(data, 1000):
        n += len(parser.feed(part))
        assert parser.held_bytes <= most
    n += len(parser.flush())
    assert n == len(find_buffers(array_of(data), config))


def test_a_preamble_that_is_everywhere_is_refused():
    parser = StreamParser(load_config("wireless-200px", preamble=0))
    with pytest.raises(SelectionError, match=r"stands .* times in .* Is 'preamble' right"):
        parser.feed(bytes(1 << 20))


def test_headers_are_held_back_until_counters_are_known_and_no_longer():
    config = tiny()
    stream = encode(config, buffers_of(config, noise(config, 20)))
    parser = StreamParser(config_of(config))
    came = [len(parser.feed(part)) for part in pieces(stream.data, config.buffer_bytes)]
    first = next(at for at, n in enumerate(came) if n)
    assert sum(came[: first + 1]) == 13  # three frames, and one buffer
    assert first <= 13
    assert set(came[first + 1 : 20 * 4]) == {1}
    assert parser.most_held == 26


def test_settling_decides_about_what_is_held_back():
    config = tiny()
    stream = encode(config, buffers_of(config, noise(config, 1)), terminated=False)
    parser = StreamParser(config_of(config))
    assert len(parser.feed(stream.data)) == 0
    assert parser.settle().frame.tolist() == [12824] * 4
    assert len(parser.flush()) == 0


# ---- which headers are believed ------------------------------------------------------------------------------------


def test_a_broken_header_costs_itself_alone():
    config = tiny()
    buffers = buffers_of(config, noise(config, 12))
    buffers[30] = flipped(buffers[30], "buffer_count", 5)
    buffers[35] = flipped(buffers[35], "linked_list", 2)
    flags = parsed(config_of(config), [encode(config, buffers).data])["flags"]
    assert {at: int(flag) for at, flag in enumerate(flags[:-1]) if flag} == {
        30: HeaderFlag.COUNTERS,
        35: HeaderFlag.RING,
    }


def test_what_the_device_drops_itself_is_no_contradiction():
    config = tiny()
    sent = []
    for buffer in buffers_of(config, noise(config, 30)):
        dropped = buffer.frame // 3  # the count of buffers is less by what was dropped
        words = buffer.words.copy()
        words[2] -= dropped
        words[0] = words[2] % 8
        words[5] = dropped
        sent.append(replace(buffer, words=words))
    data = encode(config, sent).data
    whole = find_buffers(array_of(data), config_of(config))
    np.testing.assert_array_equal(parsed(config_of(config), pieces(data, 50))["flags"], whole.flags)
    assert whole.header_ok.sum() == 120


def test_an_instrument_that_starts_anew_goes_on_with_other_numbers():
    config = tiny()
    before, after = noise(config, 8), noise(config, 9, seed=1)
    sent = [*buffers_of(config, before), *buffers_of(config, after, Start(frame=3, timestamp_ms=40))]
    stream = LiveStream(config_of(config))
    told, notes = [], []
    for part in pieces(encode(config, sent).data, 77):
        told += stream.feed(part, 1.0)
        notes += stream.notes
    told += stream.flush(1.0)
    frames = {row.first_id: row.samples[0] for row in told if row.name == "image"}
    assert list(frames) == list(range(12824, 12841))
    np.testing.assert_array_equal(np.stack(list(frames.values())), np.concatenate([before, after]))
    assert notes == ["the instrument started anew: its frame 3 is frame 12832 of the recording"]
    numbers = np.concatenate([row.samples for row in told if row.name == "frame_num"])
    assert numbers[32:36].tolist() == [3, 3, 3, 3]
    placed = np.concatenate([row.samples for row in told if row.name == "frame_number"])
    assert placed[:68].tolist() == np.repeat(np.arange(12824, 12841), 4).tolist()
    times = np.concatenate([row.samples for row in told if row.name == "time"])
    assert times[8] == pytest.approx(0.04)


def test_numbers_go_on_past_32_bits():
    config = tiny()
    start = Start(frame=2**32 - 5, buffer=(2**32 - 5) * 4 % 2**32)
    buffers = buffers_of(config, noise(config, 5), start)
    later = buffers_of(config, noise(config, 9, seed=1), Start(frame=0, timestamp_ms=624218 + 5 * 49))
    ids, _, stream = rows_of(config_of(config), [encode(config, [*buffers, *later]).data])
    assert ids["image"] == list(range(2**32 - 5, 2**32 + 9))
    assert stream.tallies["quarantined buffers"] == 0


@pytest.mark.parametrize(("bit", "flag"), [(9, 0), (29, BufferFlag.FAR)])
def test_a_frame_that_nothing_confirms_is_no_jump(bit, flag):
    config = tiny()
    buffers = buffers_of(config, noise(config, 12))
    buffers[30] = flipped(buffers[30], "frame_num", bit)
    named = {"frame_num": 1, "frame_buffer_count": 3}
    format_of = load_config(frame_width=9, frame_height=9, header_format=named).header_format
    plain = replace(config_of(config), header_format=format_of)
    data = encode(config, buffers).data
    found = parsed(plain, [data])
    assert (found["flags"][30], found["is_stray"][30]) == (flag, flag == 0)
    ids, samples, stream = rows_of(plain, [data])
    assert ids["image"] == list(range(12824, 12836))
    assert stream.tallies["late buffers"] == (flag == 0)
    assert samples["frame_number"][30] == -1
    gone = [buffer for buffer in buffers_of(config, noise(config, 40)) if not 12 <= buffer.frame < 30]
    ids, samples, _ = rows_of(plain, [encode(config, gone).data])
    assert ids["image"] == list(range(12824, 12864))
    assert sorted(samples["image"]) == [*range(12824, 12836), *range(12854, 12864)]


def test_headers_that_do_not_say_where_buffers_belong_are_refused():
    config = load_config(frame_width=16, frame_height=16, header_len=544, dummy_words=2)
    with pytest.raises(SelectionError, match="'stream-protobuf' has no frame_num, frame_buffer_count"):
        StreamParser(config)


# ---- frames --------------------------------------------------------------------------------------------------------


def assembler(first=0):
    return FrameAssembler(FrameShape(width=2, height=2, payload_bytes=2), first)


def put(frames, number, slot, value=1):
    return [(done.first, done.pixels is None, done.present.tolist()) for done in frames.add(
        number, slot, np.full(2, value, np.uint8), 0.1 * number + 0.01 * slot, 5.0)]  # fmt: skip


def test_a_late_buffer_finds_its_place_while_its_frame_is_held():
    frames = assembler()
    put(frames, 0, 0)
    for number in range(1, HELD_FRAMES):
        assert put(frames, number, 0) == []
        assert put(frames, number, 1) == []
    done = put(frames, 0, 1)
    assert [first for first, _, _ in done] == list(range(HELD_FRAMES))
    assert frames.counts.late == 0
    put(frames, 4, 0)
    assert put(frames, 4 + HELD_FRAMES, 0) == [(4, False, [[True, False]])]
    assert put(frames, 4, 1) == []
    assert put(frames, 4, 0) == []
    assert (frames.counts.late, frames.counts.duplicates) == (1, 1)


def test_lost_frames_are_told_together_in_their_place():
    frames = assembler()
    put(frames, 0, 0)
    assert put(frames, 50_000, 0) == [
        (0, False, [[True, False]]), (1, True, [[False, False]] * (50_000 - HELD_FRAMES)),
    ]  # fmt: skip
    held = frames.flush()
    assert [(one.first, len(one.present)) for one in held] == [(50_001 - HELD_FRAMES, HELD_FRAMES - 1), (50_000, 1)]
    assert (frames.counts.frames, frames.counts.empty) == (50_001, 49_999)
    assert frames.counts.missing == 2 * 49_999 + 2
    assert frames.flush() == []


def test_a_frame_has_the_times_of_its_first_buffer_and_the_last_pixels():
    frames = assembler()
    put(frames, 3, 1, 7)
    put(frames, 3, 1, 9)
    done = frames.add(3, 0, np.full(2, 1, np.uint8), 0.25, 6.0)
    assert frames.counts.duplicates == 1
    assert done == []  # frames 0 to 2 may still come
    *_, last = frames.flush()
    assert (last.time_s, last.received_s, last.pixels.tolist()) == (0.25, 6.0, [[1, 1], [9, 9]])


# ---- sending -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [(0, 0, 0, 0), (1, 1, 1, 1), (1, 0, 1, 0), (0, 1, 0, 1), (1, 1, 0, 0)])
def test_what_is_sent_is_what_the_tests_write(flags):
    names = ("reverse_header_bits", "reverse_header_bytes", "reverse_payload_bits", "reverse_payload_bytes")
    config = tiny(**dict(zip(names, map(bool, flags), strict=True)))
    frames = ramps(config, 2)
    sent = []
    for k, pixels in enumerate(frames):
        number = 12824 + k
        values = {"frame_num": number, "buffer_count": 4 * number, "timestamp": 624218 + 49 * k,
                  "battery_voltage_raw": 190, "input_voltage_raw": 30}  # fmt: skip
        sent += buffers_on_wire(config_of(config), pixels, values, buffer_ms=2)
    expected = encode(config, buffers_of(config, frames), terminated=False).data
    assert BitPacker().pack(sent) == expected


def test_frames_of_deep_pixels_are_not_sent():
    config = load_config(frame_width=4, frame_height=4, pix_depth=12, packing="msb")
    with pytest.raises(SelectionError, match="not sent with the packing 'msb'"):
        buffers_on_wire(config, np.zeros((4, 4), np.uint8), {})


def test_signals_that_are_not_there_are_refused():
    stream = LiveStream(load_config("wireless-200px"))
    assert [one.name for one in stream.signals(SCOPE, ["time", "image"])] == ["image", "time"]
    with pytest.raises(SelectionError, match=r"has no signal 'picture'. Signals: image, buffer_present"):
        stream.signals(SCOPE, ["picture"])
    with pytest.raises(SelectionError, match="no signals were asked for"):
        stream.signals(SCOPE, [])
