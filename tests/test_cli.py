"""The command line: what it prints, on which stream, and the exit status that scripts rely on."""

import importlib.metadata
import json
import os
import subprocess
import sys

import fsspec
import numpy as np
import pytest

import xjls
from xjls.cli.main import main
from xjls.testing import write_sparse
from xjls.testing.jls2 import Annotation, Fsr, Source, UserData, Vsr, chunks_of, flip, write
from xjls.testing.picostream import GrowingPicoStream

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}


def signals():
    notes = [
        Annotation(500, data="first  light\nof day"),
        Annotation(7, "user", data=b"\x00\x01"),
        Annotation(9, data={"k": [1]}),
    ]
    ties = [(0, EPOCH), (2500, EPOCH + 5 * SECOND // 2)]
    return [
        Fsr("current", np.sin(np.arange(2500) * 0.01), units="A", ties=ties, annotations=notes, **SMALL),
        Fsr("fine", np.arange(2500), dtype="i16", q=8, rate_hz=2_000_000, first_id=-5, **SMALL),
        Fsr("empty", rate_hz=50),
        Vsr("events", annotations=[Annotation(EPOCH + SECOND // 2, "vmarker", data="1a")]),
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    source = Source("js220", "Joulescope", "JS220", "1.2.3", "000415")
    user_data = [UserData(5, "notes of the day"), UserData(1, {"zoom": 2})]
    return write(tmp_path_factory.mktemp("cli") / "run.jls", [source], signals(), user_data)


@pytest.fixture
def unclosed(tmp_path):
    return write(tmp_path / "unclosed.jls", [Source("js220")], signals(), closed=False)


@pytest.fixture
def damaged(whole, tmp_path):
    """Return a recording with a broken chunk of samples, and the chunk's offset."""
    data = whole.read_bytes()
    chunk = [c for c in chunks_of(data) if (c.tag, c.meta) == (0x22, 1)][4]
    (tmp_path / "damaged.jls").write_bytes(flip(data, chunk.payload.start + 30))
    return tmp_path / "damaged.jls", chunk.offset


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


# ---- info ----------------------------------------------------------------------------------------------------------


def test_info_says_what_a_recording_holds(capsys, whole):
    status, out, err = run(capsys, "info", whole)
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == str(whole)
    assert lines[1].startswith("JLS v2, ")
    assert lines[1].endswith(", closed")
    for expected in (
        "1 js220 Joulescope JS220 1.2.3 000415",
        "name type units rate samples duration first sample levels (samples an entry)",
        "current f32 A 1 kHz 2,500 2.5 s 2026-03-01T10:00:00Z 16 160 1,600",
        "fine i16 2 MHz 2,500 1.25 ms – 16 160 1,600",
        "empty f32 50 Hz 0 0 s – none",
        "events – – – – – annotations only",
        "annotations: 4",
        "2026-03-01T10:00:00.5Z current text first light of day",
        "2026-03-01T10:00:00.5Z events vertical_marker 1a",
        "user data: 2",
        "5 notes of the day",
    ):
        assert expected in lines
    assert "status" not in lines


def test_info_in_json_says_the_same(capsys, whole):
    status, out, err = run(capsys, "info", "--json", whole)
    assert (status, err) == (0, "")
    facts = json.loads(out)
    assert facts["path"] == str(whole)
    assert facts["format"] == "JLS v2"
    assert facts["sources"] == [
        {
            "id": 1,
            "name": "js220",
            "vendor": "Joulescope",
            "model": "JS220",
            "version": "1.2.3",
            "serial_number": "000415",
        }
    ]
    current, fine, empty, events = facts["signals"]
    assert current == {
        "id": 1, "name": "current", "units": "A", "type": "f32", "source": 1, "rate_hz": 1000, "first_id": 0,
        "length": 2500, "scale_factor": 1.0, "add_offset": 0.0, "missing_value": None, "origin_id": None,
        "bound": None, "facts": {}, "first_time": "2026-03-01T10:00:00Z",
        "last_time": "2026-03-01T10:00:02.499Z", "ties": 2, "gaps": [], "levels": [
            {"index": 1, "factor": 16, "length": 156}, {"index": 2, "factor": 160, "length": 15},
            {"index": 3, "factor": 1600, "length": 1},
        ],
    }  # fmt: skip
    assert (fine["first_id"], fine["scale_factor"], fine["first_time"], fine["type"]) == (-5, 1 / 256, None, "i16")
    assert (empty["length"], empty["levels"], empty["first_time"]) == (0, [], None)
    assert (events["rate_hz"], events["length"], events["levels"]) == (0, 0, [])
    assert [note["data"] for note in facts["annotations"]] == [
        "first  light\nof day",
        repr(b"\x00\x01"),
        {"k": [1]},
        "1a",
    ]
    assert facts["annotations"][0]["sample_id"] == 500
    assert facts["annotations"][3]["sample_id"] is None
    assert facts["user_data"] == [{"meta": 5, "data": "notes of the day"}, {"meta": 1, "data": {"zoom": 2}}]
    assert (facts["status"]["closed"], facts["status"]["damage"], facts["status"]["gaps"]) == (True, [], {})
    assert facts["status"]["size_bytes"] == whole.stat().st_size


def test_info_of_an_unclosed_recording_says_so(capsys, unclosed):
    status, out, _ = run(capsys, "info", unclosed)
    assert status == 0
    assert "not closed by its writer" in out.splitlines()[1]
    assert "2,496" in out
    facts = json.loads(run(capsys, "info", "--json", unclosed)[1])
    assert not facts["status"]["closed"]


def test_info_of_a_lossy_recording_does_not_call_it_complete(capsys, unpacked):
    """The index tells what was left out; to look at it costs no sample."""
    for arguments in (["info"], ["info", "--json"]):
        _, out, _ = run(capsys, *arguments, unpacked("om_v0.9.7"))
        assert "left out" in out
        assert "12_928" in out or "12928" in out
        assert "complete" not in out


@pytest.mark.parametrize("kind", [0x32, 0x02, 0x23, 0x40, 0x3A, 0x3C])
def test_info_shows_the_damage_that_it_met(capsys, whole, tmp_path, kind):
    """Whatever it had to read for what it prints: annotations, definitions, index, user data, ties."""
    data = whole.read_bytes()
    chunk = [c for c in chunks_of(data) if c.tag == kind and c.payload.stop > c.payload.start][-1]
    path = tmp_path / "damaged.jls"
    path.write_bytes(flip(data, chunk.payload.start + 3))
    facts = json.loads(run(capsys, "info", "--json", path)[1])
    _, out, _ = run(capsys, "info", path)
    assert ", complete" not in out
    if facts["status"]["damage"]:
        assert "damage: bytes" in out
    else:
        assert kind == 0x3A  # a closed file's ties are read from their SUMMARY


def test_info_shortens_what_is_long(capsys, tmp_path):
    notes = [Annotation(i, data="x" * 500) for i in range(40)]
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", np.arange(100), annotations=notes)])
    status, out, _ = run(capsys, "info", path)
    assert status == 0
    assert "annotations: 40" in out
    assert "and 28 more" in out
    assert max(map(len, out.splitlines())) < 200
    assert len(json.loads(run(capsys, "info", "--json", path)[1])["annotations"]) == 40


def test_info_of_an_enormous_recording(capsys, tmp_path):
    truth = write_sparse(tmp_path / "run.jls", 10**11)
    status, out, _ = run(capsys, "info", truth.path)
    assert status == 0
    for text in ("100,000,000,000", "13 h 53 min", "414 GB", "20,480,000"):
        assert text in out


def test_info_reads_remote_objects(capsys, whole):
    files = fsspec.filesystem("memory")
    files.pipe("/cli/run.jls", whole.read_bytes())
    try:
        status, out, _ = run(capsys, "info", "memory://cli/run.jls")
    finally:
        files.rm("/cli", recursive=True)
    assert status == 0
    assert out.splitlines()[0] == "memory://cli/run.jls"
    assert "2026-03-01T10:00:00Z" in out


# ---- check ---------------------------------------------------------------------------------------------------------


def test_check_passes_a_whole_recording(capsys, whole):
    status, out, err = run(capsys, "check", whole)
    assert (status, err) == (0, "")
    assert out == f"{whole}: whole, {whole.stat().st_size / 1000:.3g} kB checked\n"
    assert run(capsys, "check", "--quiet", whole) == (0, "", "")
    facts = json.loads(run(capsys, "check", "--json", whole)[1])
    assert (facts["complete"], facts["damage"], facts["gaps"]) == (True, [], {})


def test_check_says_what_is_damaged_where(capsys, damaged):
    path, offset = damaged
    status, out, err = run(capsys, "check", path)
    assert (status, err) == (1, "")
    first, *rest = out.splitlines()
    assert first.startswith(f"{path}: damaged or incomplete")
    (line,) = [line for line in rest if "damage:" in line]
    assert f"bytes {offset:_}" in line
    assert "payload CRC-32C is 0x" in line
    assert "FSR_DATA of signal 1" in line
    assert run(capsys, "check", "-q", path) == (1, "", "")
    status, out, _ = run(capsys, "check", "--json", path)
    assert status == 1
    (found,) = json.loads(out)["damage"]
    assert found["offset"] == offset


def test_check_names_the_samples_that_are_lost(capsys, damaged):
    """What a broken chunk costs, in the signal's own name and samples, not only in bytes."""
    _, out, _ = run(capsys, "check", damaged[0])
    assert "256–320" in out
    assert "current" in out


def test_check_of_an_unclosed_recording_fails(capsys, unclosed):
    status, out, _ = run(capsys, "check", unclosed)
    assert status == 1
    assert "damaged or incomplete" in out
    assert "no END chunk" in out
    facts = json.loads(run(capsys, "check", "--json", unclosed)[1])
    assert not facts["closed"]


def test_a_capture_says_when_its_samples_begin_and_that_it_goes_on(capsys, tmp_path):
    """What is left of one that kept its last seconds; while it is written, that is why it is not whole."""
    path = tmp_path / "live.hdf5"
    with GrowingPicoStream(path, flush=True, total_name="total_samples") as growing:
        growing.append(np.arange(1000))
        growing.reset()
        growing.append(np.arange(1000))
        growing.flush()
        status, out, _ = run(capsys, "check", path)
        assert (status, out.splitlines()[0]) == (
            1, f"{path}: damaged or incomplete, not closed by its writer, {path.stat().st_size / 1000:.3g} kB checked"
        )  # fmt: skip
    (row,) = [line for line in run(capsys, "info", path)[1].splitlines() if line.startswith("  channel_a ")]
    assert row.split()[-3:] == ["+16", "µs", "none"]
    assert run(capsys, "check", path)[0] == 0


def test_check_of_a_lossy_recording_fails(capsys, unpacked):
    status, out, _ = run(capsys, "check", unpacked("om_v0.9.7"))
    assert status == 1
    assert "sig#3: samples 1_280–12_928 are lost, left out" in out


@pytest.mark.parametrize("release", ["0.3.4", "0.5.3", "0.6.1", "0.8.2", "0.13.2"])
def test_check_passes_what_other_releases_wrote(capsys, unpacked, release):
    assert run(capsys, "check", "-q", unpacked(f"out_v{release}")) == (0, "", "")


# ---- what cannot be done -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["info", "check"])
@pytest.mark.parametrize(
    ("content", "match"),
    [(b"", "there are none"), (b"not a recording at all", "no format claims"), (None, "No such file or directory")],
    ids=["empty", "text", "missing"],
)
def test_what_is_no_recording_is_an_error(capsys, tmp_path, command, content, match):
    path = tmp_path / "file.jls"
    if content is not None:
        path.write_bytes(content)
    status, out, err = run(capsys, command, path)
    assert (status, out) == (2, "")
    assert err.startswith("xjls: ")
    assert match in err
    assert str(path) in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["info", "check"])
def test_an_unsupported_recording_is_an_error(capsys, unpacked, command):
    status, out, err = run(capsys, command, unpacked("out_v0.2.6"))
    assert (status, out) == (2, "")
    assert "version 0.1.1" in err


def test_a_directory_is_an_error(capsys, tmp_path):
    status, _, err = run(capsys, "check", tmp_path)
    assert status == 2
    assert "Is a directory" in err


@pytest.mark.parametrize("arguments", [[], ["inform", "x"], ["info"], ["check", "--fast", "x"]], ids=str)
def test_wrong_usage_exits_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: xjls" in capsys.readouterr().err


def test_help_and_version(capsys):
    for arguments, text in (
        (["--version"], f"xjls {xjls.__version__}"),
        (["--help"], "commands"),
        (["check", "--help"], "exit status"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert text in capsys.readouterr().out


def test_an_interrupt_is_not_a_traceback(capsys, whole, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("xjls.cli.info.info", interrupted)
    assert run(capsys, "info", whole) == (130, "", "xjls: interrupted\n")


def test_check_shows_its_progress_on_a_terminal_only(capsys, whole, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    status, out, err = run(capsys, "check", whole)
    assert status == 0
    assert "\r100% of " in err
    assert err.endswith("\r\x1b[K")
    assert out.startswith(f"{whole}: whole")


# ---- as a program --------------------------------------------------------------------------------------------------


def test_it_runs_as_a_module_and_stops_at_a_closed_pipe(whole):
    done = subprocess.run(
        [sys.executable, "-m", "xjls", "check", str(whole)], capture_output=True, text=True, check=True
    )
    assert "whole" in done.stdout
    read, write_end = os.pipe()
    os.close(read)
    with os.fdopen(write_end, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "xjls", "info", str(whole)],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_script_is_installed():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="xjls")
    assert script.value == "xjls.cli.main:main"
