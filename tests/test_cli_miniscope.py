"""Each command on a miniscope's recording: what it prints is what was sent, and what it cannot do it says."""

import csv
import json
import re
from dataclasses import asdict

import numpy as np
import pytest

import xjls
from xjls.cli import parser
from xjls.cli.arguments import opening
from xjls.cli.frame_window import frame_window, label_window
from xjls.cli.main import main
from xjls.errors import SelectionError
from xjls.plot import mosaic
from xjls.query.frame_report import rate_of
from xjls.testing import write_demo
from xjls.testing.miniscope import buffers_of, encode, flipped, ramps, tiny
from xjls.testing.miniscope.scenarios import SCENARIOS

MAKERS = {make.__name__: make for make in SCENARIOS}
SEVERAL = [
    "golden_200px", "lost_20_percent", "lost_60_percent", "frame_of_wrong_headers", "duplicated", "wide",
    "depth_12_msb", "starts_inside_a_frame", "ends_inside_pixels", "card_with_frame_lost", "card_with_tails_lost",
]  # fmt: skip


def typed(config):
    """Return a configuration as options, every value as people type it."""
    facts = asdict(config)
    facts["header_format"] = facts.pop("layout")
    words = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in facts.items()}
    return [part for name, value in words.items() for part in ("-O", f"{name}={value}")]


def how(made):
    """Return the arguments that open a scenario: a card tells itself what it is."""
    return ["-F", "miniscope", *([] if made.path.suffix == ".img" else typed(made.config))]


def run(capsys, *arguments, status=0):
    assert main([str(argument) for argument in arguments]) == status
    out, err = capsys.readouterr()
    return err if status == 2 else out


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    return MAKERS["lost_60_percent"](tmp_path_factory.mktemp("lossy"))


@pytest.fixture
def recording(lossy):
    config = asdict(lossy.config)
    config["header_format"] = config.pop("layout")
    with xjls.open_recording(lossy.path, format="miniscope", format_options={"config": config}) as opened:
        yield opened


# ---- opening -------------------------------------------------------------------------------------------------------


def test_a_configuration_is_typed_option_by_option(tmp_path, capsys):
    made = MAKERS["without_dummies"](tmp_path)
    facts = json.loads(run(capsys, "info", "--json", made.path, *how(made)))
    told = facts["user_data"][0]["data"]
    assert {name: told[name] for name in ("dummy_words", "reverse_header_bits", "packing")} == {
        "dummy_words": 0, "reverse_header_bits": True, "packing": "bytes",
    }  # fmt: skip


def test_a_known_configuration_is_named_and_changed(tmp_path, capsys):
    made = MAKERS["golden_200px"](tmp_path)
    assert "10, #12824 to #12833" in run(
        capsys, "info", made.path, "--format", "miniscope", "-O", "config=wireless-200px"
    )
    wrong = ["-O", "config=wireless-200px", "-O", "reverse_header_bits=false"]
    assert "Is the configuration that of this stream?" in run(
        capsys, "info", made.path, "-F", "miniscope", *wrong, status=2
    )


def test_words_of_other_formats_stay_words():
    assert parser.option("units=true") == ("units", "true")
    options = {"path": "run.hdf5", "format_options": [("units", "true"), ("reverse_header_bits", "true")]}
    assert opening(options)["opening"] == {"format_options": {"units": "true", "reverse_header_bits": True}}
    assert opening({"format_options": [("adc_scale", "null")]})["opening"] == {"format_options": {"adc_scale": None}}


def test_without_the_format_the_message_names_it(tmp_path, capsys):
    made = MAKERS["golden_tiny"](tmp_path)
    assert "format='miniscope'" in run(capsys, "info", made.path, status=2)
    assert "no format 'mniscope'" in run(capsys, "info", made.path, "-F", "mniscope", status=2)


# ---- info and check ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEVERAL)
def test_info_in_json_counts_what_was_sent(tmp_path, capsys, name):
    made = MAKERS[name](tmp_path)
    truth = made.truth
    found = json.loads(run(capsys, "info", "--json", made.path, *how(made)))["frames"]
    lost = ~truth.present.any(axis=1)
    assert (found["frames"], found["first_id"]) == (len(truth.frames), truth.device_frame[0])
    assert tuple(found["shape"]) == truth.frames.shape[1:]
    assert (found["complete"], found["empty"]) == (truth.present.all(axis=1).sum(), lost.sum())
    assert found["partial"] == found["frames"] - found["complete"] - found["empty"]
    assert found["missing_by_slot"] == (~truth.present).sum(axis=0).tolist()
    assert (found["lost_between"], found["duplicates"]) == (truth.lost_between, truth.duplicates)
    runs = max((len(part) for part in re.findall("1+", "".join("01"[int(one)] for one in lost))), default=0)
    assert (found["longest_lost"] is None) == (runs == 0)
    assert runs == 0 or found["longest_lost"][1] - found["longest_lost"][0] == runs


def test_info_says_what_a_recording_holds_and_lacks(lossy, capsys):
    lines = [" ".join(line.split()) for line in run(capsys, "info", lossy.path, *how(lossy)).splitlines()]
    for expected in (
        "name type units along samples first each is",
        "image u8 frame 40 #12824 height × width: 16 × 16",
        "buffer_present u1 frame 40 #12824 slot: 4",
        "battery_voltage f64 V buffer 60 #0",
        "frames 40, #12824 to #12863",
        "each 16 × 16 pixels, uint8",
        "duration 1.907 s by the device's clock, 624.224 s to 626.131 s",
        "rate 20.41 a second by the device's clock, 20 nominal",
        "buffers 60 came, 4 make a frame",
        "frames 0 complete, 33 in part, 7 lost",
        "longest run lost 2 frames, #12839 to #12840",
        "buffers missing 101 of 160 (63.12%)",
        "by place in frame 0: 30 1: 20 2: 27 3: 24",
        "lost between 96 buffers between the first and the last, by their counter",
        "quarantined 0 headers that cannot be believed",
        "cut off 1 buffer in which the data end",
        "dropped by device 0 buffers by its own count",
        "image frames 12_834–12_835 50 ms no buffer arrived",
    ):
        assert expected in lines


def test_info_of_a_recording_in_time_has_no_word_of_frames(tmp_path, capsys):
    path = write_demo(tmp_path / "run.jls", seconds=0.1)
    assert "frames" not in run(capsys, "info", path)
    facts = json.loads(run(capsys, "info", "--json", path))
    assert "frames" not in facts
    assert "axis" not in facts["signals"][0]


def test_a_time_that_goes_back_is_told(tmp_path, capsys):
    config, path = tiny(), tmp_path / "run.bin"
    buffers = list(buffers_of(config, ramps(config, 6)))
    first_of_third = next(i for i, one in enumerate(buffers) if one.frame == buffers[0].frame + 2)
    buffers[first_of_third] = flipped(buffers[first_of_third], "timestamp", 20, noticed=False)
    path.write_bytes(encode(config, buffers).data)
    arguments = ["-F", "miniscope", *typed(config)]
    found = json.loads(run(capsys, "info", "--json", path, *arguments))["frames"]
    assert (found["backward"], found["rate_hz"]) == (1, pytest.approx(1 / 0.049))
    assert "the clock goes back at 1 frame\n" in run(capsys, "info", path, *arguments)


def test_a_few_wrong_times_do_not_change_the_rate():
    ids = np.arange(2000)
    times = np.round(ids / 20.5, 3)
    times[::97] = 2.0**40
    assert rate_of(ids, times) == pytest.approx(20.5, rel=1e-4)
    assert rate_of(ids[:1], times[:1]) is None
    assert rate_of(ids, np.zeros(2000)) is None


def test_a_lost_buffer_is_no_damage_and_a_broken_header_is(lossy, tmp_path, capsys):
    assert "whole" in run(capsys, "check", lossy.path, *how(lossy))
    made = MAKERS["header_of_noise"](tmp_path)
    text = run(capsys, "check", made.path, *how(made), status=1)
    place = int(made.truth.bit_offset[~made.truth.header_ok][0]) // 8
    assert "damaged or incomplete" in text
    assert f"damage: bytes {place:_}–" in text
    assert "its buffer is in no frame" in text
    (damage,) = json.loads(run(capsys, "check", "--json", made.path, *how(made), status=1))["damage"]
    assert damage["offset"] == place
    assert run(capsys, "check", "-q", made.path, *how(made), status=1) == ""


# ---- what frames cannot do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "stats", "stats -s time", "stats -n 3 -s battery_voltage", "explore", "explore --from 1", "explore -s image",
        "extract out.jls", "extract -s time out.zarr", "export out.csv", "export -s image out.csv", "index",
        "convert out.jls", "convert out.hdf5", "plot -o out.docx", "plot -o out.png -s nothing",
    ],
)  # fmt: skip
def test_what_frames_cannot_do_is_refused_and_leaves_no_file(lossy, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    before = sorted(lossy.path.parent.iterdir())
    name, *rest = command.split()
    message = run(capsys, name, lossy.path, *rest, *how(lossy), status=2)
    assert re.fullmatch(r"xjls: .+\.\n", message)
    assert not list(tmp_path.iterdir())
    assert sorted(lossy.path.parent.iterdir()) == before


def test_what_is_refused_says_what_works(lossy, capsys):
    message = run(capsys, "stats", lossy.path, *how(lossy), status=2)
    assert "count frames and buffers: none is a series in time. xjls info, check, plot, convert and export" in message
    message = run(capsys, "stats", "-s", "frame_num", lossy.path, *how(lossy), status=2)
    assert message.startswith("xjls: 'frame_num' has a sample a buffer, and none at a steady rate. xjls info")


# ---- convert, export ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lost_20_percent", "depth_12_msb", "card_with_frame_lost"])
def test_a_store_holds_the_same_frames(tmp_path, capsys, name):
    made = MAKERS[name](tmp_path)
    store = tmp_path / "run.zarr"
    n = len(made.truth.frames)
    assert f": {n} of {n} frames, " in run(capsys, "convert", made.path, store, *how(made))
    found = json.loads(run(capsys, "info", "--json", store))["frames"]
    assert found == json.loads(run(capsys, "info", "--json", made.path, *how(made)))["frames"]
    assert "whole" in run(capsys, "check", store)
    assert "wrote" in run(capsys, "plot", store, "-o", tmp_path / "run.png")
    assert "frames" in run(capsys, "convert", store, tmp_path / "again.zarr")
    with xjls.open_recording(tmp_path / "again.zarr") as opened:
        np.testing.assert_array_equal(opened.read("image"), made.truth.frames)


def test_a_table_of_buffers_is_what_headers_say(lossy, tmp_path, capsys):
    out = tmp_path / "buffers.csv"
    asked = ["-s", "frame_num", "-s", "frame_buffer_count", "--from", "#3", "--to", "#7"]
    assert "4 rows of buffer" in run(capsys, "export", lossy.path, out, *asked, *how(lossy))
    rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    assert [int(row["buffer"]) for row in rows] == [3, 4, 5, 6]
    for name in ("frame_num", "frame_buffer_count"):
        assert [int(row[name]) for row in rows] == lossy.truth.columns[name][3:7].tolist()
    text = run(capsys, "export", lossy.path, "-", "--axis", "frame", "--from", "625", "--to", "#12842", *how(lossy))
    assert [line.split(",")[0] for line in text.splitlines()] == ["frame", "12841"]


# ---- windows of frames ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (None, None, None),
        ("#12830", None, (12830, 12864)),
        ("#1", " #12_830 ", (12824, 12830)),
        ("625", "625.1s", (12841, 12843)),
        (None, "624229ms", (12824, 12825)),
        ("0", "1h", (12824, 12864)),
    ],
)
def test_a_window_of_frames_is_numbers_or_seconds_of_the_device(recording, start, stop, expected):
    found = frame_window(recording, start, stop)
    assert found == expected
    if expected is not None and start == "625":
        times = recording.read("time")
        assert times[found[0] - 12824] >= 625 > np.nanmax(times[: found[0] - 12824])


@pytest.mark.parametrize(
    ("start", "stop", "match"),
    [
        ("soon", None, "names no moment. Give the device's number of a frame as in #12830"),
        ("#x", None, "'#x' is no number of a frame"),
        ("9000", None, r"no frame from 9000\. It has frames #12824 to #12863, 624.224 s to 626.131 s"),
        ("#12830", "#12830", "no frame from #12830 to #12830"),
    ],
)
def test_a_window_without_frames_is_an_error(recording, start, stop, match):
    with pytest.raises(SelectionError, match=match):
        frame_window(recording, start, stop)


def test_a_window_of_buffers_is_numbers(recording):
    assert label_window(recording, "buffer", None, None) is None
    assert label_window(recording, "buffer", "#3", None) == (3, 60)
    assert label_window(recording, "frame", "#12830", None) == (12830, 12864)
    with pytest.raises(SelectionError, match="'1' is no number of a buffer"):
        label_window(recording, "buffer", "1", None)
    with pytest.raises(SelectionError, match=r"no buffer from #60\. There are #0 to #59"):
        label_window(recording, "buffer", "#60", None)


def test_the_parser_and_the_picture_agree_on_how_many_frames():
    assert (parser.FRAMES, parser.MOST_FRAMES) == (mosaic.FRAMES, mosaic.MOST_FRAMES)
