"""What Joulescope's buffers get wrong, each with what they do and what we do instead."""

import os

import numpy as np
import pytest

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # no driver is loaded

from joulescope.v0 import stream_buffer as oracle

from xjls.compat import joulescope as ours
from xjls.compat.joulescope.v0 import OUTPUT_RATES
from xjls.testing.joulescope import counting_words, usb_packets


def pair(*arguments, name="StreamBuffer", packets=3, mode="off"):
    made = [getattr(module, name)(*arguments) for module in (oracle, ours)]
    for buffer in made:
        buffer.suppress_mode = mode
        buffer.insert(usb_packets(0, packets))
        buffer.process()
    return made


# ---- samples -------------------------------------------------------------------------------------------------------


def test_samples_that_are_not_there_are_invented():
    theirs, mine = pair(0.2, [], 1000.0)
    assert mine.sample_id_range == (178, 378)
    assert len(theirs.samples_get(0, 10, "current")) == 10  # those of other ids
    for window in ((0, 10), (370, 380)):
        with pytest.raises(ours.RefusedError, match=r"are not in the buffer. It has \[178, 378\)") as refused:
            mine.samples_get(*window, "current")
        assert isinstance(refused.value, ValueError)


def test_an_empty_window_is_the_whole_ring():
    theirs, mine = pair(1.0, [], 1000.0)
    assert len(theirs.samples_get(10, 10, "current")) == 1000
    assert len(mine.samples_get(10, 10, "current")) == 0


def test_arrays_are_views_of_the_live_ring():
    theirs, mine = pair(0.378, [], 1000.0)
    kept = [buffer.samples_get(0, 100, "current") for buffer in (theirs, mine)]
    for buffer in (theirs, mine):
        buffer.insert(usb_packets(3, 3))
        buffer.process()
    assert kept[0][0] != 0
    assert np.array_equal(kept[1], np.arange(100) * 2)


def test_packets_of_read_only_arrays_are_refused():
    packets = usb_packets(0)
    packets.flags.writeable = False
    theirs, mine = oracle.StreamBuffer(1.0, [], 1000.0), ours.StreamBuffer(1.0, [], 1000.0)
    with pytest.raises(ValueError, match="read-only"):
        theirs.insert(packets)
    assert not mine.insert(packets)
    assert not mine.insert(usb_packets(1).tobytes())
    assert not mine.insert(bytes(usb_packets(2)) + b"\x01" * 100)  # what is cut off is left out
    assert mine.status()["device_sample_id"]["value"] == 378


def test_who_joins_late_gets_samples_that_were_never_due():
    theirs, mine = oracle.StreamBuffer(1.0, [], 1000.0), ours.StreamBuffer(1.0, [], 1000.0)
    for buffer in (theirs, mine):
        buffer.insert(usb_packets(5))
        buffer.process()
    assert theirs.sample_id_range == (0, 756)
    assert np.isnan(theirs.samples_get(0, 630, "current")).all()
    assert mine.sample_id_range == (0, 126)


def test_samples_of_spoilt_packets_count():
    """Of a wrong length, or type: theirs takes the one's samples, and a hole behind the other; here both are a gap."""
    for word, value in ((1, 100), (0, 0x80)):
        packets = usb_packets(0, 3)
        packets.view("<u2").reshape(3, -1)[1, word] = value
        mine = ours.StreamBuffer(1.0, [], 1000.0)
        mine.insert(packets)
        mine.process()
        assert mine.sample_id_range == (0, 378)
        current = mine.samples_get(0, 378, "current")
        assert np.isnan(current[126:252]).all()
        assert current[252] == 504
        assert mine.status()["sample_missing_count"]["value"] == 126


def test_an_odd_number_of_missing_samples_counts_twice():
    """Theirs takes the bit that changes with each sample for that of the sample before those that are missing."""
    counts = []
    for module in (oracle, ours):
        buffer = module.StreamBuffer(1.0, [], 1000.0)
        words = counting_words(0, 300)
        words[50:53] = 0xFFFF
        buffer.insert_raw(words)
        buffer.process()
        counts.append({name: buffer.status()[name]["value"] for name in ("skip_count", "sample_sync_count")})
    assert counts == [{"skip_count": 2, "sample_sync_count": 1}, {"skip_count": 1, "sample_sync_count": 0}]


def test_the_last_voltage_range_is_that_of_all():
    calibration = [0.0] * 7, [1.0] * 7, [0.0, 0.0], [1.0, 0.5]
    made = []
    for module in (oracle, ours):
        buffer = module.StreamBuffer(1.0, [], 1000.0)
        buffer.suppress_mode = "off"
        buffer.calibration_set(*calibration)
        buffer.insert(usb_packets(0))
        buffer.insert(usb_packets(1, voltage_range=1))
        buffer.process()
        made.append(buffer.samples_get(0, 252, "voltage"))
    codes = np.arange(252) * 2 + 1
    assert np.array_equal(made[0], codes * 0.5)
    assert np.array_equal(made[1], np.where(np.arange(252) < 126, codes, codes * 0.5))
    buffer = ours.StreamBuffer(1.0, [], 1000.0)
    buffer.suppress_mode = "off"
    buffer.calibration_set(*calibration)
    buffer.insert(np.concatenate([usb_packets(0), usb_packets(1, voltage_range=1)]))
    buffer.process()
    assert np.array_equal(buffer.samples_get(0, 252, "voltage"), made[1])


def test_what_is_behind_is_left_out():
    """Theirs skips what is pending beyond a ring; statistics and accumulators lack it."""
    told = [], []
    for module, one in zip((oracle, ours), told, strict=True):
        buffer = module.StreamBuffer(0.2, [10, 10], 1000.0)
        buffer.suppress_mode = "off"
        buffer.callback = one.append
        buffer.insert(usb_packets(0, 10))
        buffer.process()
        assert buffer.sample_id_range == (1060, 1260)
    assert len(told[1]) == 12 > len(told[0])
    assert told[1][-1]["accumulators"]["charge"]["value"] == pytest.approx(np.arange(1200).sum() * 2 / 1000)


# ---- statistics ----------------------------------------------------------------------------------------------------


def test_single_samples_have_no_extremes():
    theirs, mine = pair(1.0, [], 1000.0)
    assert np.isnan(theirs.data_get(5, 6)[0, 0]["min"])
    assert mine.data_get(5, 6)[0, 0].item() == (1, 10.0, 0.0, 10.0, 10.0)


def test_a_missing_sample_counts():
    made = []
    for module in (oracle, ours):
        buffer = module.StreamBuffer(1.0, [], 1000.0)
        words = counting_words(0, 300)
        words[10] = 0xFFFF
        buffer.insert_raw(words)
        buffer.process()
        made.append(buffer.data_get(10, 11)["length"][0, 0])
    assert made == [1, 0]


def test_spans_of_no_samples_end_the_program():
    theirs, mine = pair(1.0, [], 1000.0)
    with pytest.raises(ZeroDivisionError):
        theirs.data_get(0, 10, 0)
    with pytest.raises(ours.RefusedError, match="spans of 0 samples have none"):
        mine.data_get(0, 10, 0)


def test_spans_beyond_the_end_are_left_out_with_all_others():
    theirs, mine = pair(1.0, [], 1000.0)
    assert len(theirs.data_get(300, 500, 50)) == 0
    assert mine.data_get(300, 500, 50)["length"][:, 0].tolist() == [50, 28, 0, 0]


def test_variances_have_the_units_of_what_varies():
    stats = np.array([(3, 2.0, 2.0, 1.0, 3.0)] * 6, ours.STATS_DTYPE)
    assert oracle.stats_to_api(stats, 0.0, 1.0)["signals"]["current"]["σ2"]["units"] == "A"
    assert ours.stats_to_api(stats, 0.0, 1.0)["signals"]["current"]["σ2"]["units"] == "A²"


def test_charge_is_cut_off_at_each_update():
    """1.9 pC an update are 1 pC to theirs."""
    told = [], []
    for module, one in zip((oracle, ours), told, strict=True):
        buffer = module.StreamBuffer(1.0, [10, 10], 1000.0)
        buffer.suppress_mode = "off"
        buffer.calibration_set([0.0] * 7, [19e-12 / 1000] * 7, [0.0] * 2, [1.0] * 2)
        buffer.callback = one.append
        words = np.full((1000, 2), 1000 << 2, np.uint16)
        words[1::2, 1] |= 2
        for start in range(0, 1000, 100):
            buffer.insert_raw(words[start : start + 100])
            buffer.process()
    assert told[0][-1]["accumulators"]["charge"]["value"] == pytest.approx(10e-12)
    assert told[1][-1]["accumulators"]["charge"]["value"] == pytest.approx(19e-12)


# ---- a lower rate --------------------------------------------------------------------------------------------------


def downsampled(module, words, rate=100_000, duration=0.5, reductions=()):
    buffer = module.DownsamplingStreamBuffer(duration, list(reductions), 2_000_000, rate)
    buffer.suppress_mode = "off"
    for start in range(0, len(words), 50_000):
        buffer.insert_raw(words[start : start + 50_000])
        buffer.process()
    return buffer


def words_of(current, lsb=None):
    words = np.empty((len(current), 2), np.uint16)
    words[:, 0] = current.astype("u2") << 2
    if lsb is not None:
        words[:, 0] = words[:, 0] & ~np.uint16(4) | lsb.astype("u2") << 2
    words[:, 1] = 4000
    words[1::2, 1] |= 2
    return words


@pytest.fixture(scope="module")
def step():
    """Return both buffers of 100 kHz, of a step of current at input 100 000, and of an input with it."""
    at = np.arange(200_000) >= 100_000
    words = words_of(np.where(at, 8000, 2000), at)
    return downsampled(oracle, words), downsampled(ours, words)


def crossing(samples):
    half = 5000
    first = int(np.argmax(samples > half))
    return first - (samples[first] - half) / (samples[first] - samples[first - 1])


def test_filters_delay_the_current_and_not_the_inputs(step):
    places = []
    for buffer in step:
        stop = buffer.sample_id_range[1]
        current = buffer.samples_get(0, stop, "current").astype("f8")
        states = buffer.samples_get(0, stop, "current_lsb")
        places.append((crossing(current), int(np.argmax(states > 0)) - 0.5))
    assert places[0][0] - places[0][1] > 15  # 19 outputs, 0.19 ms
    assert abs(places[1][0] - places[1][1]) <= 0.5
    assert abs(places[1][0] - (100_000 - 0.5 - 9.5) / 20) < 0.1


def test_filters_begin_with_zeros(step):
    theirs, mine = (buffer.samples_get(0, 200, "current") for buffer in step)
    assert abs(theirs[0]) < 10
    assert np.abs(mine - 2000).max() < 0.01


def test_inputs_are_told_in_two_scales(step):
    theirs, mine = step
    assert theirs.samples_get(9000, 9001, "current_lsb")[0] == 255
    assert theirs.data_get(9000, 9001)[0, 4]["mean"] == 1
    assert mine.samples_get(9000, 9001, "current_lsb")[0] == 1
    assert mine.data_get(9000, 9001)[0, 4]["mean"] == 1


def test_what_is_missing_spreads():
    words = words_of(np.full(100_000, 3000))
    words[50_000:50_126] = 0xFFFF
    missing = []
    for module in (oracle, ours):
        buffer = downsampled(module, words)
        missing.append(int(np.isnan(buffer.samples_get(0, 4_900, "current")).sum()))
    assert missing[0] > 40
    assert 4 <= missing[1] <= 8


def test_a_lower_rate_is_told_of_at_the_full_one():
    told = []
    words = words_of(np.arange(40_000) % 1000)
    theirs = oracle.DownsamplingStreamBuffer(0.5, [100, 100], 2_000_000, 100_000)
    mine = ours.DownsamplingStreamBuffer(0.5, [100, 100], 2_000_000, 100_000)
    for buffer in (theirs, mine):
        buffer.suppress_mode = "off"
        told.append([])
        buffer.callback = told[-1].append
        for start in range(0, 40_000, 5_000):
            buffer.insert_raw(words[start : start + 5_000])
            buffer.process()
    assert len(told[0]) == len(told[1]) == 4
    for wanted, found in zip(*told, strict=True):
        assert found["time"] == wanted["time"]
        assert found["signals"]["current"]["µ"]["value"] == pytest.approx(wanted["signals"]["current"]["µ"]["value"])
    assert (len(mine), mine.has_raw) == (len(theirs), theirs.has_raw) == (50_000, False)
    assert (mine.input_sampling_frequency, mine.output_sampling_frequency) == (2e6, 1e5)
    assert list(mine.samples_get(0, 1)["signals"]) == list(theirs.samples_get(0, 1)["signals"])
    assert mine.status()["sample_id"]["value"] == theirs.status()["sample_id"]["value"] == 40_000
    assert mine.limits_time == theirs.limits_time


@pytest.mark.parametrize("rate", OUTPUT_RATES)
def test_every_rate_is_there(rate):
    mine = ours.DownsamplingStreamBuffer(1.0, [], 2_000_000, rate)
    assert len(mine) == len(oracle.DownsamplingStreamBuffer(1.0, [1], 2_000_000, rate)) == rate


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_nonsense_is_refused_as_theirs_does():
    for module in (oracle, ours):
        buffer = module.StreamBuffer(1.0, [10], 1000.0)
        for call in (
            lambda m=module: m.StreamBuffer(0.1, [], 1000.0),
            lambda m=module: m.StreamBuffer(1.0, [2] * 6, 1000.0),
            lambda m=module: m.DownsamplingStreamBuffer(1.0, [10], 2_000_000, 123),
            lambda b=buffer: b.insert_raw(np.zeros(3, "u2")),
            lambda b=buffer: b.insert_raw(np.zeros(4, "u4")),
            lambda b=buffer: b.calibration_set([1.0], [1.0], [1.0], [1.0]),
            lambda b=buffer: b.samples_get(0, 0, ["unknown"]),
            lambda b=buffer: setattr(b, "suppress_mode", "mean_0_"),
        ):
            with pytest.raises(ValueError, match=r".") as refused:
                call()
            assert module is oracle or isinstance(refused.value, ours.RefusedError)
    buffer = ours.StreamBuffer(1.0, [10], 1000.0)
    for call, message in (
        (lambda: ours.StreamBuffer(0.1, [], 1000.0), "100 samples are less than a packet has. Keep 126 at least"),
        (lambda: ours.StreamBuffer(1.0, [2] * 6, 1000.0), "6 reductions are too many. At most 5"),
        (
            lambda: ours.DownsamplingStreamBuffer(1.0, [10], 2_000_000, 123),
            "there is no output rate 123. Rates: 1_000_000,",
        ),
        (lambda: buffer.insert_raw(np.zeros(3, "u2")), "raw data has 3 numbers"),
        (lambda: buffer.insert_raw([1, 2]), "raw data is no array of uint16"),
        (lambda: buffer.calibration_set([1.0], [1.0], [1.0], [1.0]), "a calibration has 1 numbers. Give 7 at least"),
        (lambda: buffer.get_reduction(1, 0, 10), "there is no reduction 1. There are 1, from 0 on"),
        (lambda: buffer.samples_get(0, 0, ["unknown"]), "the buffer has no field 'unknown'"),
        (lambda: setattr(buffer, "suppress_mode", "mean_0_"), "suppression 'mean_0_' is none"),
    ):
        with pytest.raises(ours.RefusedError, match=message):
            call()


def test_modes_are_spelt_as_theirs():
    theirs, mine = oracle.StreamBuffer(1.0, [10], 1000.0), ours.StreamBuffer(1.0, [10], 1000.0)
    assert mine.suppress_mode == theirs.suppress_mode == "interp_1_n_1"
    for mode in ("", None, "off", "normal", "nan_1_3_1", "mean_2_m_1", "interp_2_n_1"):
        theirs.suppress_mode = mine.suppress_mode = mode
        assert mine.suppress_mode == theirs.suppress_mode
    mine.insert(usb_packets(0))
    mine.suppress_mode = "off"  # what was inserted goes through the mode before
    assert mine.sample_id_range == (0, 126)
    mine.insert(usb_packets(1))
    mine.process()
    assert mine.samples_get(124, 128, "current").tolist() == [248, 250, 252, 254]
