"""Streams and cards become the frames that were sent; what did not arrive is marked, and nothing is moved for it."""

import hashlib
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.errors import CorruptError, NotRecognizedError, SelectionError
from xjls.formats.miniscope.as_mio import place_as_mio
from xjls.formats.miniscope.buffers import find_buffers
from xjls.formats.miniscope.card import find_card_buffers, read_card_config
from xjls.formats.miniscope.checks import BufferFlag, check_numbers, unwrapped
from xjls.formats.miniscope.config import load_config
from xjls.formats.miniscope.frames import read_frames
from xjls.formats.miniscope.grid import place_buffers
from xjls.formats.miniscope.header_format import HeaderFlag
from xjls.formats.miniscope.shape import FrameShape
from xjls.testing.miniscope import (
    CardConfig,
    Start,
    buffers_of,
    card_buffers_of,
    encode,
    encode_card,
    flipped,
    frames_by_mio,
    idling,
    noise,
    tiny,
    truth_of,
    write_stream,
)
from xjls.testing.miniscope.headers import FIELD_NUMBERS, TEMPERATURE_CENTI
from xjls.testing.miniscope.scenarios import SCENARIOS

MAKERS = {make.__name__: make for make in SCENARIOS}
STREAMS = [name for name in MAKERS if not name.startswith("card_")]
CARDS = [name for name in MAKERS if name.startswith("card_")]
OF_BYTES = [name for name in STREAMS if not name.startswith(("depth_", "naneye")) and "protobuf" not in name]
PROTOBUF = {
    "id": "as-written", "words": 16, "crc": {"word": 15, "stop_byte": 60},
    "protobuf": {"first_byte": 0, "n_bytes": 60, "fields": {number: name for name, number in FIELD_NUMBERS.items()}},
}  # fmt: skip


def config_of(config, **changes):
    facts = asdict(config)
    layout = facts.pop("layout")
    return load_config({**facts, **changes}, header_format=PROTOBUF if layout == "stream-protobuf" else layout)


def array_of(data):
    return np.frombuffer(data, np.uint8)


def found_in(tmp_path, name, **how):
    """Return a scenario, its data, the buffers in it and their grid."""
    made = MAKERS[name](tmp_path)
    data = array_of(made.path.read_bytes())
    if isinstance(made.config, CardConfig):
        buffers = find_card_buffers(data, read_card_config(data))
    else:
        buffers = find_buffers(data, config_of(made.config), **how)
    return made, data, buffers, place_buffers(buffers)


def grid_of(data, config):
    return place_buffers(find_buffers(data, config_of(config)))


# ---- every scenario ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MAKERS)
def test_buffers_are_what_the_truth_says(tmp_path, name):
    made, _, buffers, _ = found_in(tmp_path, name)
    truth = made.truth
    expected = truth.bit_offset if name in CARDS else truth.preambles
    np.testing.assert_array_equal(buffers.bit_offset, expected)
    at = np.searchsorted(buffers.bit_offset, truth.bit_offset)
    believed, whole = np.zeros((2, len(buffers)), np.bool_)
    believed[at], whole[at] = truth.header_ok, truth.whole
    np.testing.assert_array_equal(buffers.header_ok, believed)
    np.testing.assert_array_equal(buffers.whole, whole)
    if len(truth.bit_offset):
        np.testing.assert_array_equal(buffers.words[at], truth.words)


@pytest.mark.parametrize("name", MAKERS)
def test_columns_are_what_was_sent(tmp_path, name):
    made, _, buffers, _ = found_in(tmp_path, name)
    at = np.searchsorted(buffers.bit_offset, made.truth.bit_offset)[made.truth.header_ok]
    compared = set(made.truth.columns) & set(buffers.columns)
    assert {"frame_num", "buffer_count", "frame_buffer_count", "timestamp"} <= compared | {"timestamp"}
    for column in compared - ({"timestamp"} if "wrong_bit" in name else set()):
        sent = made.truth.columns[column][made.truth.header_ok]
        np.testing.assert_array_equal(buffers.columns[column][at], sent & 0xFFFF_FFFF)


@pytest.mark.parametrize("name", MAKERS)
def test_frames_are_what_the_truth_says(tmp_path, name):
    made, data, _, grid = found_in(tmp_path, name)
    truth = made.truth
    np.testing.assert_array_equal(grid.device_frame, truth.device_frame)
    np.testing.assert_array_equal(grid.present, truth.present)
    losses = grid.losses()
    assert (losses.missing, losses.lost_between, losses.duplicates) == (
        truth.missing, truth.lost_between, truth.duplicates,
    )  # fmt: skip
    assert losses.complete == truth.present.all(axis=1).sum()
    assert losses.empty == (~truth.present.any(axis=1)).sum()
    frames = read_frames(data, grid, 0, len(grid))
    assert frames.dtype == truth.frames.dtype
    same = (frames == truth.frames).all(axis=(1, 2))
    np.testing.assert_array_equal(same, ~(truth.present & ~truth.intact).any(axis=1))


@pytest.mark.parametrize("name", OF_BYTES)
def test_frames_of_mio_are_those_that_mio_makes(tmp_path, name):
    made, data, buffers, _ = found_in(tmp_path, name)
    grid = place_as_mio(buffers, config_of(made.config).header_reversal)
    frames = read_frames(data, grid, 0, len(grid))
    np.testing.assert_array_equal(frames, frames_by_mio(made.config, data.tobytes()))


@pytest.mark.parametrize("name", ["golden_tiny", "lost_20_percent", "preambles_all_over", "depth_12_msb", "card_wide"])
def test_any_window_of_frames_needs_only_its_own_bytes(tmp_path, name):
    made, data, _, grid = found_in(tmp_path, name)
    for start in range(0, len(grid), 3):
        for stop in (start, start + 1, min(start + 4, len(grid))):
            first, last = grid.byte_window(start, stop)
            frames = read_frames(data[first:last], grid, start, stop, first_byte=first)
            np.testing.assert_array_equal(frames, made.truth.frames[start:stop])


@pytest.mark.parametrize("chunk_bytes", [1, 3, 44, 5024, 1 << 20])
@pytest.mark.parametrize("name", ["golden_tiny", "preambles_all_over", "phase_of_every_frame"])
def test_chunks_of_any_size_find_the_same(tmp_path, name, chunk_bytes):
    _, data, buffers, _ = found_in(tmp_path, name)
    made = MAKERS[name](tmp_path)
    again = find_buffers(data, config_of(made.config), chunk_bytes)
    np.testing.assert_array_equal(again.bit_offset, buffers.bit_offset)
    np.testing.assert_array_equal(again.words, buffers.words)


def test_golden_frames_of_mio_are_nine_and_seven(tmp_path):
    for name, n in (("golden_200px", 9), ("golden_tiny", 7)):
        made, data, buffers, _ = found_in(tmp_path, name)
        grid = place_as_mio(buffers, 3)
        np.testing.assert_array_equal(read_frames(data, grid, 0, len(grid)), made.truth.frames[:n])
    assert hashlib.sha256(data).hexdigest()[:16] == "1a6a3b263e463686"


# ---- anything lost -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), lost=st.sets(st.integers(0, 39), max_size=24),
    flips=st.lists(st.floats(0, 1, exclude_max=True), max_size=4), phase=st.integers(0, 7),
    chunk_bytes=st.sampled_from([7, 64, 129, 5024]), packing=st.sampled_from([(8, "bytes"), (10, "msb"), (12, "lsb")]),
)  # fmt: skip
def test_whatever_is_lost_complete_frames_are_right(seed, lost, flips, phase, chunk_bytes, packing):
    """Each flipped bit costs its own buffer, or changes one pixel; nothing else changes, and nothing moves."""
    config = tiny(pix_depth=packing[0], packing=packing[1], frame_height=12)
    frames = noise(config, 10, seed=seed)
    idle = np.random.default_rng(seed).integers(1, 200, 10).tolist()
    sent = idling(buffers_of(config, frames), idle, seed=seed)
    kept = [buffer for i, buffer in enumerate(sent) if i not in lost]
    stream = encode(config, kept, before=np.zeros(phase, np.uint8))
    bits = np.unpackbits(array_of(stream.data))
    for flip in flips:
        bits[int(flip * len(bits))] ^= 1
    data = np.packbits(bits)
    grid = place_buffers(find_buffers(data, config_of(config), chunk_bytes))
    truth = truth_of(config, kept, stream)
    if not len(grid):
        assert truth.present.sum() <= len(flips)
        return
    first = grid.first_frame - 12824
    assert 0 <= first <= first + len(grid) <= 10
    there = np.zeros((10, len(config.sizes)), np.bool_)
    there[first : first + len(grid)] = grid.present
    whole = np.zeros_like(there)
    whole[truth.device_frame - 12824] = truth.present
    assert not (there & ~whole).any()
    assert (whole & ~there).sum() <= len(flips)
    found = read_frames(data, grid, 0, len(grid))
    complete = grid.present.all(axis=1)
    assert (found != frames[first : first + len(grid)])[complete].sum() <= len(flips)
    partial = replace(truth, present=there, device_frame=np.arange(10), frames=frames).pixel_present
    partial = partial[first : first + len(grid)]
    assert not found[~partial].any()
    assert (found != frames[first : first + len(grid)])[partial].sum() <= len(flips)


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 4000), first=st.integers(0, 4000))
def test_any_piece_of_a_stream_has_its_own_frames(cut, first):
    config = tiny()
    frames = noise(config, 7)
    data = array_of(encode(config, idling(buffers_of(config, frames), [9, 70])).data)[first : 4000 - cut]
    grid = grid_of(data, config)
    found = read_frames(data, grid, 0, len(grid))
    held = np.repeat(grid.present, (72, 72, 72, 40), axis=1).reshape(found.shape)
    expected = frames[grid.device_frame - 12824]
    np.testing.assert_array_equal(found, np.where(held, expected, 0))


def test_missing_pixels_are_filled(tmp_path):
    made, data, _, grid = found_in(tmp_path, "middle_buffer_lost")
    frames = read_frames(data, grid, 2, 3, fill=9)
    expected = made.truth.frames[2].reshape(-1).copy()
    expected[72:144] = 9
    np.testing.assert_array_equal(frames.reshape(-1), expected)


# ---- which headers are believed ------------------------------------------------------------------------------------


def test_reasons_are_told(tmp_path):
    def reason(name):
        _, _, buffers, _ = found_in(tmp_path, name)
        return {int(flag) for flag in buffers.flags} - {0, int(BufferFlag.CUT_OFF)}

    assert reason("frame_num_with_bit_0_wrong") == {HeaderFlag.COUNTERS}
    assert reason("linked_list_with_bit_2_wrong") == {HeaderFlag.RING}
    assert reason("pixel_count_with_bit_3_wrong") == {HeaderFlag.PIXELS}
    assert reason("stream_3_with_wrong_time") == {HeaderFlag.CRC}
    assert reason("temperature_instead_of_slots") == set()
    assert reason("golden_tiny") == set()


def test_counters_that_begin_again_are_believed_and_one_broken_frame_is_not():
    config = tiny()
    before = buffers_of(config, noise(config, 8))
    after = buffers_of(config, noise(config, 8, seed=1), Start(frame=12840, buffer=5))
    grid = grid_of(array_of(encode(config, [*before, *after]).data), config)
    assert grid.device_frame[[0, -1]].tolist() == [12824, 12847]
    assert grid.present.all(axis=1).tolist() == [True] * 8 + [False] * 8 + [True] * 8
    broken = [flipped(b, "frame_num", 7) if b.frame == 2 else b for b in before]
    grid = grid_of(array_of(encode(config, broken).data), config)
    assert grid.present.all(axis=1).tolist() == [True, True, False, True, True, True, True, True]


def test_a_far_frame_is_not_believed_where_no_count_contradicts_it():
    config = tiny()
    buffers = buffers_of(config, noise(config, 6))
    buffers[9] = flipped(buffers[9], "frame_num", 29)
    data = array_of(encode(config, buffers).data)
    named = {"frame_num": 1, "frame_buffer_count": 3}
    found = (
        find_buffers(data, load_config({**asdict(replace(config)), "layout": None} | {}, header_format=named))
        if (False)
        else find_buffers(
            data,
            replace(
                config_of(config),
                header_format=load_config(frame_width=9, frame_height=9, header_format=named).header_format,
            ),
        )
    )
    assert found.flags[9] == BufferFlag.FAR
    assert len(place_buffers(found)) == 6


def test_numbers_go_on_past_32_bits():
    config = tiny()
    start = Start(frame=2**32 - 3, buffer=(2**32 - 3) * 4 % 2**32)
    buffers = [replace(b, words=b.words) for b in buffers_of(config, noise(config, 2), start)]
    grid = grid_of(array_of(encode(config, buffers).data), config)
    assert grid.device_frame.tolist() == [2**32 - 3, 2**32 - 2]
    assert unwrapped(np.array([3, 2**32 - 1, 0, 1], np.uint32)).tolist() == [2**32 + 3, 2**32 - 1, 2**32, 2**32 + 1]
    far = check_numbers(np.array([5, 6, 2**31, 7], np.uint32), np.array([True, True, True, False]))
    assert far.tolist() == [False, False, True, False]


def test_headers_without_numbers_of_frames_are_refused():
    config = load_config(frame_width=16, frame_height=16, header_len=544, dummy_words=2)
    with pytest.raises(SelectionError, match=r"'stream-protobuf' has no frame_num, frame_buffer_count.*names"):
        place_buffers(find_buffers(np.zeros(99, np.uint8), config))


def test_a_preamble_that_is_everywhere_is_refused():
    config = load_config("wireless-200px", preamble=0)
    with pytest.raises(SelectionError, match=r"stands .* times in .* Is 'preamble' right"):
        find_buffers(np.zeros(1 << 20, np.uint8), config, 4096)


def test_temperatures_are_columns(tmp_path):
    _, _, buffers, _ = found_in(tmp_path, "layout_stream_2")
    assert set(buffers.columns["mcu_temperature_raw"][:-1].tolist()) == {TEMPERATURE_CENTI}


# ---- configurations ------------------------------------------------------------------------------------------------


def test_files_of_mio_are_configurations(tmp_path):
    path = tmp_path / "device.yml"
    text = tiny(num_buffers=8).yaml() + "port: null\nruntime: {plot: {keys: []}}\n"
    path.write_text(text.replace("305419896", "'12345678'"))
    before = path.read_bytes()
    assert load_config(path) == config_of(tiny())
    assert path.read_bytes() == before
    path.write_text("[1]")
    with pytest.raises(CorruptError, match="a configuration is a mapping"):
        load_config(path)
    path.write_text("header_len: 383\nframe_width: 9\nframe_height: 9")
    with pytest.raises(CorruptError, match=r"'header_len' is 383.*device.yml.*multiple of 32"):
        load_config(path)


def test_the_preset_is_the_wireless_scope_with_200_pixels():
    config = load_config("wireless-200px")
    assert config.shape.sizes.tolist() == [5032] * 7 + [4776]
    assert (config.pattern, config.header_reversal, config.payload_reversal) == (0x1E6A2C48, 3, 3)
    assert load_config("wireless-200px-crc").header_format.crc.preamble
    assert load_config(config, frame_width=304).frame_width == 304
    assert load_config(config) is config
    large = load_config(config, frame_width=304, frame_height=304, buffer_block_length=40)
    assert large.shape.sizes.tolist() == [20392] * 4 + [10848]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"header_length": 384}, r"has 'header_length'.*Allowed: frame_width"),
        ({"header_len": "384"}, r"'header_len' is '384'.*whole number"),
        ({"reverse_header_bits": 1}, "'reverse_header_bits' is 1.*true or false"),
        ({"preamble": "xyz"}, "'preamble' is 'xyz'.*hexadecimal"),
        ({"preamble": 1 << 32}, "'preamble' is 4294967296.*32 bits"),
        ({"pix_depth": 12}, r"'pix_depth' is 12.*one of msb, lsb, u16, framed"),
        ({"packing": "zip"}, "'packing' is 'zip'.*bytes, msb"),
        ({"block_size": 8}, "room for -8 bytes.*'block_size'"),
        ({"header_len": 320}, "'header_len' is 320: 9 words.*'stream-1' has 11"),
        ({"header_format": "none"}, "no header format has the id 'none'"),
        ({"frame_width": None}, "lacks 'frame_width'"),
        ({"frame_height": 0}, "'frame_height' is 0"),
        ({"buffer_block_length": 0}, "'buffer_block_length' is 0"),
        ({"buffer_block_length": 1 << 20}, "at most|At most"),
        ({"frame_width": 9999, "frame_height": 9999}, "a frame has .* buffers"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_configuration_is_named(changes, match):
    with pytest.raises(SelectionError, match=match):
        load_config("wireless-200px", **changes)


def test_an_unknown_preset_is_refused():
    with pytest.raises(SelectionError, match=r"no configuration has the id 'wired'.*wireless-200px"):
        load_config("wired")


def test_frames_that_are_not_there_are_refused(tmp_path):
    _, data, buffers, grid = found_in(tmp_path, "golden_tiny")
    with pytest.raises(SelectionError, match=r"no frames 3 to 9.*0 to 8"):
        read_frames(data, grid, 3, 9)
    with pytest.raises(SelectionError, match=r"cannot be written to uint8\[1, 16\]"):
        read_frames(data, grid, 0, 1, np.empty((1, 16), np.uint8))
    with pytest.raises(SelectionError, match="begin ahead of byte 4000"):
        read_frames(data[4000:], grid, 0, 1, first_byte=4000)
    deep = replace(buffers, shape=FrameShape(width=9, height=9, pix_depth=10, packing="msb", payload_bytes=72))
    with pytest.raises(SelectionError, match="mio makes no frames of 10 bits"):
        place_as_mio(deep, 3)
    with pytest.raises(SelectionError, match="chunk_bytes is 0"):
        find_buffers(data, config_of(tiny()), 0)


# ---- cards ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARDS)
def test_cards_say_what_they_hold(tmp_path, name):
    made = MAKERS[name](tmp_path)
    config = read_card_config(array_of(made.path.read_bytes()))
    counts = (made.recorded, made.dropped) if made.config.has_counts else (0, 0)
    assert (config.recorded, config.dropped) == counts
    assert (config.has_keys, config.settings_sector) == (made.config.has_keys, made.config.settings_sector)
    assert tuple(config.settings.values()) == made.config.settings
    assert config.shape.sizes.tolist() == list(made.config.sizes)


def test_no_card_is_refused():
    with pytest.raises(NotRecognizedError, match=r"no configuration at byte 523_776. Looked behind sectors 1022, 1023"):
        read_card_config(np.zeros(1 << 20, np.uint8))
    with pytest.raises(NotRecognizedError, match="sectors 5;"):
        read_card_config(np.zeros(100, np.uint8), 5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 18 * 512 - 1), st.integers(0, 255))
def test_a_card_with_any_wrong_byte_gives_no_pixel_a_wrong_place(place, value):
    config = CardConfig(frame_width=32, frame_height=32, buffer_sectors=1)
    frames = noise(config, 6)
    card = encode_card(config, card_buffers_of(config, frames))
    data = array_of(card.data).copy()
    data[config.data_sector * 512 + place] = value
    grid = place_buffers(find_card_buffers(data, read_card_config(data, 1022)))
    assert not len(grid) or 0 <= grid.first_frame <= grid.device_frame[-1] <= 5
    found = read_frames(data, grid, 0, len(grid))
    held = np.repeat(grid.present, config.sizes, axis=1).reshape(found.shape)
    assert (found != frames[grid.device_frame])[held].sum() <= 1


# ---- what is asked wrongly -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, NotRecognizedError, r"no SD card.*nothing says how a stream was sent.*-O config="),
        ({"config": 5}, SelectionError, r"'config' is 5.*wireless-200px.*a mapping"),
        ({"config": "scope.yaml", "frame_width": 0}, SelectionError, r"^'frame_width' is 0\. Give 1"),
        ({"config": "scope.yaml", "layouts": "mio"}, SelectionError, r"no option 'layouts'"),
        ({"layout": "mio"}, SelectionError, "frames of SD cards are those of the device"),
        ({"config": "scope.yaml", "layout": "raw"}, SelectionError, "Choose one of device, mio"),
    ],
)
def test_what_is_asked_wrongly_is_said(tmp_path, monkeypatch, options, error, match):
    monkeypatch.chdir(tmp_path)
    write_stream("run.bin")
    (tmp_path / "scope.yaml").write_text(tiny().yaml())
    with pytest.raises(error, match=match):
        xjls.open_recording("run.bin", format="miniscope", format_options=options)


def test_folders_are_no_streams_and_files_no_stores(tmp_path):
    path, config = write_stream(tmp_path / "run.bin")
    with pytest.raises(NotRecognizedError, match="it is a folder, and miniscope is one file"):
        xjls.open_recording(tmp_path, format="miniscope", format_options={"config": config})
    with pytest.raises(NotRecognizedError, match="it is a file, and Zarr is a folder"):
        xjls.open_recording(path, format="zarr")
    with pytest.raises(FileNotFoundError):
        xjls.open_recording(tmp_path / "none.bin", format="miniscope", format_options={"config": config})


@pytest.mark.parametrize("ring", [4, 16, 64])
def test_a_ring_that_fits_half_of_all_headers_is_none(tmp_path, ring):
    path, config = write_stream(tmp_path / "run.bin", 20)
    options = {"config": config, "num_buffers": ring}
    with xjls.open_recording(path, format="miniscope", format_options=options) as recording:
        assert recording.read("header_ok")[:-1].all()


def test_times_of_another_stream_are_refused(tmp_path):
    path, config = write_stream(tmp_path / "run.bin")
    csv = tmp_path / "other.csv"
    csv.write_text("buffer_count,buffer_recv_unix_time\n7,1.5\n")
    with pytest.raises(SelectionError, match=r"no row of .*other.csv tells.*matched by buffer_count"):
        xjls.open_recording(path, format="miniscope", format_options={"config": config, "host_times": csv})


def test_a_configuration_may_be_remote(tmp_path, remote):
    path, _ = write_stream(tmp_path / "run.bin")
    (tmp_path / "scope.yaml").write_text(tiny().yaml())
    options = {"config": remote(tmp_path / "scope.yaml")}
    with xjls.open_recording(path, format="miniscope", format_options=options) as recording:
        assert recording.signal("image").length == 8
