"""``xjls plot``, and windows as people type them."""

import numpy as np
import pytest

import xjls
from xjls.cli.plot import plot
from xjls.cli.window import window_of
from xjls.errors import SelectionError
from xjls.testing.jls2 import Annotation, Fsr, Source, Vsr, write

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
N = 5000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    ties = [(100, EPOCH), (100 + N, EPOCH + 5 * SECOND)]
    signals = [
        Fsr(
            "current",
            np.sin(np.arange(N) * 0.01),
            units="A",
            first_id=100,
            ties=ties,
            annotations=[Annotation(7, data="忘")],
        ),
        Fsr("untied", np.arange(2 * N), rate_hz=2000),
        Fsr("empty", rate_hz=50),
        Vsr("events"),
    ]
    return write(tmp_path_factory.mktemp("cli") / "run.jls", [Source("js220")], signals)


@pytest.fixture
def recording(path):
    with xjls.open_recording(path) as opened:
        yield opened


# ---- windows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (None, None, (100, 5100)),
        ("#200", "#1_300", (200, 1300)),
        ("#-5", "#200", (100, 200)),
        ("1", "2.5", (1100, 2600)),
        ("1s", "1500 ms", (1100, 1600)),
        ("2e6us", "3000000µs", (2100, 3100)),
        ("0.5ms", "2ms", (101, 102)),
        ("1000000000ns", None, (1100, 5100)),
        (None, "0.05min", (100, 3100)),
        ("-1h", "1d", (100, 5100)),
        ("2026-03-01T10:00:01", "2026-03-01T10:00:02.5Z", (1100, 2600)),
        ("2026-03-01 10:00", "2026-03-01T11:00:00.001+01:00", (100, 101)),
        ("2026-03-01T10:00:00.000000001", None, (101, 5100)),
        ("2026-03-01", "2026-03-02", (100, 5100)),
        (" 2s ", "#2_200", (2100, 2200)),
    ],
)
def test_a_window_is_the_samples_from_one_moment_to_another(recording, start, stop, expected):
    assert window_of(recording, "current", start, stop) == expected


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("soon", "'soon' names no moment. Give UTC as in .*, a time from .*, or a sample id"),
        ("", "names no moment"),
        ("1 parsec", "names no moment"),
        ("1.2.3", "names no moment"),
        ("10:00:05", "names no moment"),
        ("#", "'#' is no sample id"),
        ("#12.5", "is no sample id"),
        ("2026-13-01", "is no time: .*month"),
        ("2026-03-01T25:00", "is no time: .*hour"),
        ("2026-03-01T10:00+25:00", r"is no time: .*[^.]\. Give UTC"),
    ],
)
def test_what_is_no_moment_is_an_error(recording, text, match):
    for window in ((text, None), (None, text)):
        with pytest.raises(SelectionError, match=match):
            window_of(recording, "current", *window)


def test_utc_of_a_signal_without_ties_is_an_error(recording):
    with pytest.raises(SelectionError, match=r"no UTC is known for 'untied'\. Give seconds from the beginning"):
        window_of(recording, "untied", "2026-03-01", None)
    assert window_of(recording, "untied", "1", "2") == (2000, 4000)


def test_a_window_without_samples_says_where_there_are_some(recording):
    with pytest.raises(SelectionError) as caught:
        window_of(recording, "current", "2025-01-01", "2025-01-02")
    assert str(caught.value) == (
        "'current' has no sample from 2025-01-01 to 2025-01-02. It has samples from 2026-03-01T10:00:00Z to "
        "2026-03-01T10:00:04.999Z, 0 s to 4.999 s, #100 to #5099."
    )
    for window, name in ((("2", "1"), "current"), (("6", None), "untied"), ((None, None), "empty")):
        with pytest.raises(SelectionError, match="has no sample"):
            window_of(recording, name, *window)
    with pytest.raises(SelectionError, match="no signal 'curent'"):
        window_of(recording, "curent", None, None)


# ---- pictures ------------------------------------------------------------------------------------------------------


def size_of(png):
    data = png.read_bytes()
    assert data.startswith(b"\x89PNG")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def test_a_picture_has_the_size_that_was_asked_for(path, tmp_path, capsys):
    out = tmp_path / "out.png"
    assert plot(str(path), str(out), width=640, height=480, tz="UTC") == 0
    assert size_of(out) == (640, 480)
    assert capsys.readouterr().out == f"wrote {out}, {out.stat().st_size / 1000:.3g} kB\n"


def test_a_picture_is_as_high_as_its_axes_need(path, tmp_path, capsys):
    sizes = []
    for signals in (["current"], ["current", "untied"]):
        assert plot(str(path), str(tmp_path / "out.png"), signals=signals) == 0
        sizes.append(size_of(tmp_path / "out.png"))
    assert sizes[0][0] == sizes[1][0] == 1000
    assert sizes[0][1] < sizes[1][1]


@pytest.mark.parametrize("ending", ["svg", "pdf", "PNG"])
def test_the_ending_says_the_format(path, tmp_path, capsys, ending):
    options = {"start": "1", "stop": "#2000", "std": True, "scale": "log", "title": "t", "tz": "Europe/Zurich"}
    assert plot(str(path), str(tmp_path / f"out.{ending}"), signals=["current"], **options) == 0
    assert (tmp_path / f"out.{ending}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "out", "match"),
    [
        ({}, "out.docx", "names no format of pictures. Choose one of .*png"),
        ({}, "out", "names no format of pictures"),
        ({"signals": ["curent"]}, "out.png", "no signal 'curent'"),
        ({"signals": ["events"]}, "out.png", "has no samples, only annotations"),
        ({"start": "soon"}, "out.png", "names no moment"),
        ({"tz": "Mars"}, "out.png", "no time zone"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_and_leaves_no_file(path, tmp_path, options, out, match):
    with pytest.raises(SelectionError, match=match):
        plot(str(path), str(tmp_path / out), **options)
    assert not list(tmp_path.iterdir())


def test_a_recording_without_samples_is_an_error(tmp_path):
    path = write(tmp_path / "run.jls", [Source()], [Fsr("empty", rate_hz=50), Vsr("events")])
    with pytest.raises(SelectionError, match="has samples to draw"):
        plot(str(path), str(tmp_path / "out.png"))
