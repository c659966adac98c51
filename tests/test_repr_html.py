"""What a notebook shows of a recording: facts and a line of each signal, whatever state it is in, at a bounded cost."""

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import xjls
from xjls.formats import new_recording
from xjls.model import signal as model
from xjls.model.glance import COLUMNS, FEW, MOST_SIGNALS, fold, glance
from xjls.model.signal import Signal
from xjls.model.window import Gap, Window
from xjls.plot.glance import glance_html, svg_line
from xjls.testing import write_demo
from xjls.testing.jls2 import Fsr, Source, Vsr, write
from xjls.testing.sparse import write_sparse

TAGS = {"div", "b", "span", "table", "thead", "tbody", "tr", "th", "td", "svg", "path"}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_demo(str(tmp_path_factory.mktemp("glance") / "run.jls"), seconds=2)


def well_formed(html):
    """Return the table and its surroundings as XML: every element is closed, every attribute quoted but colspan."""
    body = html.split("</style>")[1]
    root = ElementTree.fromstring(re.sub(r"colspan=(\d+)", r'colspan="\1"', body))
    assert {element.tag for element in root.iter()} <= TAGS
    assert not {name for element in root.iter() for name in element.attrib} & {"src", "href", "onerror", "onload"}
    return root


def test_it_tells_what_there_is(path):
    with xjls.open_recording(path) as recording:
        html = recording._repr_html_()
    text = " ".join(well_formed(html).itertext())
    for told in ("run.jls", "JLS v2", "2026-03-01 10:00:00 UTC", "JS220-000123", "5 annotations", "current", "500 kHz",
                 "2 s", "1,000,000", "×128", "gpi[0]"):  # fmt: skip
        assert told in text
    assert html.count("<svg") == 5
    assert len(html) < 60_000


def test_the_dataset_shows_the_same(path):
    dataset = xjls.open(path)
    assert dataset.xjls._repr_html_() == glance_html(dataset.xjls.recording)
    assert (
        "no variable of this Dataset comes straight" in (dataset[["current"]] * 2).drop_vars("time").xjls._repr_html_()
    )


def test_the_line_is_of_the_samples(path):
    with xjls.open_recording(path) as recording:
        seen = glance(recording)
        for line in seen.lines:
            samples = recording.read(line.signal.name).astype("f8")
            assert len(line.columns.mean) <= COLUMNS
            assert line.columns.min.min() >= samples.min()
            assert line.columns.max.max() <= samples.max()
            assert line.columns.mean.mean() == pytest.approx(samples.mean(), abs=0.05 * np.ptp(samples))
            assert (line.columns.min <= line.columns.mean).all()
            assert (line.columns.mean <= line.columns.max).all()


def test_names_are_only_ever_text(tmp_path):
    hostile = ["</td><script>alert(1)</script>", '"><img src=x>', "a&b", "x" * 200]
    run = write(tmp_path / "<b>.jls", [Source(hostile[0])], [Fsr(name, np.arange(10), units="<i>") for name in hostile])
    with xjls.open_recording(run) as recording:
        html = recording._repr_html_()
    root = well_formed(html)
    assert [cell.attrib["title"] for cell in root.iter("span") if "title" in cell.attrib] == hostile


@pytest.mark.parametrize("on_damage", ["raise", "gap"])
def test_damage_never_raises(path, tmp_path, on_damage):
    whole = bytearray(Path(path).read_bytes())
    for start in range(2000, len(whole), len(whole) // 12):
        spoiled = bytearray(whole)
        spoiled[start : start + 3000] = bytes(3000)
        (tmp_path / "bad.jls").write_bytes(spoiled)
        with xjls.open_recording(tmp_path / "bad.jls", on_damage=on_damage) as recording:
            well_formed(recording._repr_html_())
    (tmp_path / "cut.jls").write_bytes(whole[: len(whole) // 2])
    with xjls.open_recording(tmp_path / "cut.jls", on_damage=on_damage) as recording:
        assert "not closed by its writer" in recording._repr_html_()


def test_a_closed_recording_says_so(path):
    recording = xjls.open_recording(path)
    recording.close()
    assert "is closed. Open the recording again" in recording._repr_html_()
    seen = xjls.open_recording(path)
    first = seen._repr_html_()
    seen.close()
    assert "current" in seen._repr_html_()
    assert "<svg" in first


def test_signals_without_samples_have_no_line(tmp_path):
    signals = [Fsr("empty", rate_hz=50), Vsr("events"), Fsr("one", [2.5], units="V")]
    with xjls.open_recording(write(tmp_path / "run.jls", [Source()], signals)) as recording:
        html = recording._repr_html_()
        assert [line.columns is not None for line in glance(recording).lines] == [False, False, True]
    assert html.count("<svg") == 1
    assert "annotations only" in html
    assert "2.5 … 2.5 V" in html


def test_no_signals_at_all(tmp_path):
    with xjls.open_recording(write(tmp_path / "run.jls", [Source()], [])) as recording:
        assert "no signals" in recording._repr_html_()


def test_of_many_signals_the_first_are_drawn_and_the_others_named(tmp_path):
    signals = [Fsr(f"s{i}", np.arange(20)) for i in range(MOST_SIGNALS + 10)]
    with xjls.open_recording(write(tmp_path / "run.jls", [Source()], signals)) as recording:
        html = recording._repr_html_()
    assert html.count("<svg") == MOST_SIGNALS
    assert f"also: s{MOST_SIGNALS}, " in html
    assert "and 2 more" in html


def test_what_it_reads_is_bounded(tmp_path, monkeypatch):
    write_sparse(tmp_path / "long.jls", 10**11, data_at=[10**10])
    with xjls.open_recording(tmp_path / "long.jls") as recording:
        spans = []
        read = type(recording.reader).read_level

        def counted(reader, signal, level, span, *how):
            spans.append(span.length)
            return read(reader, signal, level, span, *how)

        monkeypatch.setattr(type(recording.reader), "read_level", counted)
        monkeypatch.setattr(type(recording), "read_with_gaps", None)
        assert "100,000,000,000" in recording._repr_html_()
    assert spans
    assert max(spans) <= FEW


def test_when_its_time_is_over_no_line_is_read(path):
    moments = iter([0.0, 0.5, 2.0, 2.0, 2.0, 2.0, 2.0])
    with xjls.open_recording(path) as recording:
        seen = glance(recording, seconds=1.0, now=lambda: next(moments))
    assert [line.columns is not None for line in seen.lines] == [True, False, False, False, False]


def test_what_is_missing_is_counted_once(tmp_path):
    source = model.Source(id=1, name="s")
    signal = Signal(
        id=1, name="a", units="V", dtype=np.dtype("f4"), rate_hz=Fraction(1000), source=source, stored_type="f32"
    )
    with new_recording(tmp_path / "run.zarr") as sink:
        sink.add_source(source)
        sink.add_signal(signal)
        sink.write("a", 0, np.arange(1000, dtype="f4"))
        sink.skip("a", Gap(Window(1000, 1500), "unplugged"))
        sink.write("a", 1500, np.arange(1000, dtype="f4"))
    with xjls.open_recording(tmp_path / "run.zarr") as recording:
        assert glance(recording).lines[0].missing == 500
        assert '<td class="number">500</td>' in recording._repr_html_()


def test_gaps_part_the_line():
    rows = np.repeat(np.array([1.0, 2.0, np.nan, 3.0, np.nan, 5.0, 6.0, 7.0])[:, None], 4, axis=1)
    assert svg_line(fold(rows), "#000").count("M") == 2 * 3


def test_it_loads_no_matplotlib(path):
    code = (
        f"import sys, xjls; r = xjls.open_recording({str(path)!r}); r._repr_html_(); print('matplotlib' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_a_recording_elsewhere_is_shown_as_well(path, remote):
    with xjls.open_recording(remote(path)) as recording:
        assert recording._repr_html_().count("<svg") == 5
