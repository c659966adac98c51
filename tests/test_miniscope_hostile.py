"""Whatever bytes a stream has, it opens or is refused, in bounded memory; buffers that are whole are where they belong.

``python -m tests.campaigns.fuzz`` goes on from here.
"""

import tracemalloc
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import xjls
from xjls.errors import XjlsError
from xjls.testing.miniscope import Buffer, StreamConfig, buffers_of, encode, encode_card, idling, noise, tiny
from xjls.testing.miniscope.card import CardConfig, card_buffers_of
from xjls.testing.miniscope.config import HEADER_BITS

MEMORY_BYTES = 48 << 20
"""What opening may take of a stream of some kilobytes: tables of as many absent frames as are believed, most of it."""
LAYOUTS = [layout for layout in HEADER_BITS if layout != "stream-protobuf"]
N_FRAMES = 8
PACKINGS = [(8, "bytes"), (7, "bytes"), (10, "msb"), (12, "lsb"), (16, "u16"), (10, "framed")]


@dataclass(frozen=True)
class Sent:
    """A stream as it was sent."""

    config: StreamConfig
    buffers: list[Buffer]
    bits: NDArray[np.uint8]
    places: list[int]
    """Bits at which buffers begin, preambles among them."""
    frames: NDArray[np.uint8]

    @property
    def span(self) -> int:
        """Bits from a preamble to the end of its buffer."""
        return 8 * self.config.buffer_bytes - 32 * self.config.dummy_words


def sent_of(config, seed):
    frames = noise(config, N_FRAMES, seed=seed)
    buffers = idling(buffers_of(config, frames), np.random.default_rng(seed).integers(0, 300, N_FRAMES).tolist())
    stream = encode(config, buffers)
    bits = np.unpackbits(np.frombuffer(stream.data, np.uint8))
    return Sent(config, buffers, bits, stream.bit_offsets.tolist(), frames)


def options_of(config, **more):
    """Return the options that open a stream."""
    facts = asdict(config)
    facts["header_format"] = facts.pop("layout")
    return {"config": facts, **more}


def opened(path, options):
    """Return the recording of any bytes; None where they are refused."""
    try:
        return xjls.open_recording(path, format="miniscope", format_options=options)
    except XjlsError:
        return None


def hold(path, options, rng):
    """Open any bytes, and read of all signals; return whether they are a recording."""
    tracemalloc.start()
    try:
        recording = opened(path, options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_BYTES, f"{peak:,} bytes to open {path.stat().st_size:,}"
    if recording is None:
        return False
    with recording:
        for name, signal in recording.signals.items():
            for start in (signal.first_id, int(rng.integers(signal.first_id, signal.first_id + signal.length + 1))):
                window = (start, min(start + 4, signal.first_id + signal.length))
                read = recording.read(name, window)
                assert read.shape == (window[1] - window[0], *signal.sample_shape)
                assert read.dtype == signal.dtype
        assert recording.check() == recording.status.damage
        assert all(0 <= damage.offset <= damage.stop <= path.stat().st_size for damage in recording.status.damage)
        assert recording.signal("image").length == recording.signal("n_missing").length
        assert recording.status.notes
    return True


def buffers_are_right(path, sent, *, whole=True):
    """Hold every buffer of which each bit is as it was sent to its pixels, and to its place.

    `whole`: such buffers must be on the device's axis. They need not where most of the others are broken.
    """
    damaged = np.unpackbits(np.frombuffer(path.read_bytes(), np.uint8))
    recording = opened(path, options_of(sent.config))
    if recording is None:
        assert not whole
        return
    originals = {
        (buffer.values["frame_num"], buffer.slot): sent.bits[at : at + sent.span]
        for buffer, at in zip(sent.buffers, sent.places, strict=True)
    }
    with recording:
        columns = {
            name: recording.read(name) for name in ("frame_num", "frame_buffer_count", "bit_offset", "header_ok")
        }
        last, untouched = {}, set()
        for number, slot, at, is_good in zip(*columns.values(), strict=True):
            place = (int(number), int(slot))
            if place in originals and np.array_equal(damaged[at : at + sent.span], originals[place]):
                untouched.add(place)
                last[place] = True
            elif is_good and at + sent.span <= damaged.size:
                last[place] = False  # a header that can be believed, and other pixels
        first = recording.signal("image").first_id
        frames, present = recording.read("image"), recording.read("buffer_present")
    edges = np.cumsum([0, *sent.config.sizes])
    for number, slot in untouched:
        row = number - first
        is_there = 0 <= row < len(present) and present[row, slot]
        assert is_there or not whole
        if is_there and last[number, slot]:
            start, stop = edges[slot], edges[slot + 1]
            expected = sent.frames[number - sent.buffers[0].values["frame_num"]].reshape(-1)[start:stop]
            np.testing.assert_array_equal(frames[row].reshape(-1)[start:stop], expected)


# ---- any bytes -----------------------------------------------------------------------------------------------------


@st.composite
def configurations(draw):
    """Draw any configuration that is valid."""
    layout = draw(st.sampled_from(LAYOUTS))
    depth, packing = draw(st.sampled_from(PACKINGS))
    dummies, payload = draw(st.integers(0, 4)), draw(st.integers(1, 130))
    header_len = HEADER_BITS[layout] + 32 * draw(st.integers(0, 2))
    flags = ("reverse_header_bits", "reverse_header_bytes", "reverse_payload_bits", "reverse_payload_bytes")
    return StreamConfig(
        frame_width=draw(st.integers(1, 30)), frame_height=draw(st.integers(1, 30)), pix_depth=depth, packing=packing,
        layout=layout, header_len=header_len, dummy_words=dummies, num_buffers=draw(st.sampled_from([1, 8, 32])),
        buffer_block_length=1, block_size=header_len // 8 + 4 * dummies + payload,
        preamble=draw(st.sampled_from([0x1234_5678, 0x5555_5555, 0, 0xFFFF_FFFF, 1])),
        **{flag: draw(st.booleans()) for flag in flags},
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=3000), config=configurations(), layout=st.sampled_from(["device", "mio"]))
def test_any_bytes_open_or_are_refused(tmp_path_factory, data, config, layout):
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(data)
    hold(path, options_of(config, layout=layout), np.random.default_rng(len(data)))


@settings(max_examples=60, deadline=None)
@given(
    config=configurations(), other=st.none() | configurations(), seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.floats(0, 1), max_size=6), layout=st.sampled_from(["device", "mio"]),
)  # fmt: skip
def test_any_pieces_of_a_stream_open_or_are_refused(tmp_path_factory, config, other, seed, cuts, layout):
    """Pieces in any order, some again, with noise between them; read by its own configuration, or by another one."""
    rng = np.random.default_rng(seed)
    stream = encode(config, buffers_of(config, noise(config, 3, seed=seed))).data
    ends = sorted({0, len(stream), *(int(cut * len(stream)) for cut in cuts)})
    pieces = [stream[a:b] for a, b in pairwise(ends)] or [b""]
    chosen = [pieces[i] for i in rng.integers(0, len(pieces), len(pieces) + 1)]
    path = tmp_path_factory.getbasetemp() / "pieces.bin"
    path.write_bytes(b"".join(piece + rng.bytes(int(rng.integers(0, 40))) for piece in chosen))
    hold(path, options_of(other or config, layout=layout), rng)


# ---- broken streams ------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), flips=st.lists(st.floats(0, 1, exclude_max=True), max_size=6),
    layout=st.sampled_from(LAYOUTS), first=st.floats(0, 0.4), stop=st.floats(0.6, 1),
)  # fmt: skip
def test_flips_and_cuts_cost_no_buffer_but_their_own(tmp_path_factory, seed, flips, layout, first, stop):
    sent = sent_of(tiny(layout=layout, buffer_block_length=6), seed)
    bits = sent.bits.copy()
    for flip in flips:
        bits[int(flip * len(bits))] ^= 1
    path = tmp_path_factory.getbasetemp() / "flipped.bin"
    path.write_bytes(np.packbits(bits[int(first * len(bits)) : int(stop * len(bits))]).tobytes())
    buffers_are_right(path, sent, whole=len(flips) < 3)
    hold(path, options_of(sent.config), np.random.default_rng(seed))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    between=st.integers(0, 900),
)  # fmt: skip
def test_spliced_streams_lose_what_was_cut_through_alone(tmp_path_factory, seed, cuts, between):
    """Pieces change places, come twice or not at all, by bits; random bits between them."""
    sent, rng = sent_of(tiny(), seed), np.random.default_rng(seed)
    ends = sorted({0, len(sent.bits), *(int(cut * len(sent.bits)) for cut in cuts)})
    pieces = [sent.bits[a:b] for a, b in pairwise(ends)]
    chosen = [pieces[i] for i in rng.integers(0, len(pieces), len(pieces))]
    parts = [part for piece in chosen for part in (piece, rng.integers(0, 2, between).astype(np.uint8))]
    path = tmp_path_factory.getbasetemp() / "spliced.bin"
    path.write_bytes(np.packbits(np.concatenate(parts)).tobytes())
    # A header that is cut through may be one of few; where some buffers are left they outvote it
    buffers_are_right(path, sent, whole=sum(map(len, chosen)) > 12 * sent.span * len(chosen))
    hold(path, options_of(sent.config), rng)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), config=st.sampled_from([(32, 32, 1), (20, 20, 1), (40, 25, 2)]),
    wrong=st.lists(st.tuples(st.integers(1022 * 512, 1030 * 512), st.integers(0, 255)), max_size=8),
    stop=st.integers(0, 40 * 512),
)  # fmt: skip
def test_any_card_opens_or_is_refused(tmp_path_factory, seed, config, wrong, stop):
    width, height, sectors = config
    card = CardConfig(frame_width=width, frame_height=height, buffer_sectors=sectors)
    data = bytearray(encode_card(card, card_buffers_of(card, noise(card, 5, seed=seed))).data)
    for place, value in wrong:
        if place < len(data):
            data[place] = value
    path = tmp_path_factory.getbasetemp() / "card.img"
    path.write_bytes(data[: max(len(data) - stop, 0)])
    hold(path, {}, np.random.default_rng(seed))


def test_far_frames_of_many_buffers_take_bounded_memory(tmp_path):
    """Two headers that agree name frames 9,000 apart, of 4,000 buffers each."""
    config = tiny(frame_width=200, frame_height=200, buffer_block_length=1, block_size=66, num_buffers=1)
    first, last = (buffers_of(config, noise(config, 1))[i] for i in (0, 1))
    words = last.words.copy()
    words[1] += np.uint32(9_000)
    words[2] += np.uint32(9_000 * len(config.sizes))
    path = tmp_path / "far.bin"
    path.write_bytes(encode(config, [first, first, replace(last, words=words)]).data)
    hold(path, options_of(config), np.random.default_rng(0))
