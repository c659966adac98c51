"""``xjls recover``: what is intact comes over, what is lost is said, and the damaged file stays as it is."""

import numpy as np
import pyjls
import pytest

import xjls
from xjls.cli.main import main
from xjls.model.window import Window
from xjls.testing import laws
from xjls.testing.jls2 import Annotation, Fsr, Source, UserData, Vsr, chunks_of, flip, truth_of, write
from xjls.testing.scenarios import SCENARIOS

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(10_000)


def recorded():
    ties = [(i * 1000, EPOCH + i * SECOND) for i in range(11)]
    return [
        Fsr("current", K.astype("f4"), units="A", ties=ties, annotations=[Annotation(1500, data="in")], **SMALL),
        Fsr("counter", K, dtype="i16", q=4, **SMALL),
        Vsr("events", annotations=[Annotation(EPOCH, data="bang")]),
    ]


@pytest.fixture
def damaged(tmp_path):
    """Return a recording that lacks samples 640 to 704 of both signals."""
    path = write(tmp_path / "run.jls", [Source("s")], recorded(), [UserData(3, "kept")])
    data = path.read_bytes()
    chunks = chunks_of(data)
    for number in (1, 2):
        data = flip(data, [c for c in chunks if c.tag == 0x22 and c.meta == number][10].offset + 60)
    path.write_bytes(data)
    return path


def test_what_is_intact_comes_over(damaged, tmp_path, capsys):
    before, out = damaged.read_bytes(), tmp_path / "saved.jls"
    assert main(["recover", str(damaged), str(out)]) == 1
    text = capsys.readouterr().out
    assert f"wrote {out}" in text
    assert "19,872 of 20,000 samples" in text
    assert "current: samples 640–704 are lost" in text
    assert damaged.read_bytes() == before
    recording = xjls.open_recording(out)
    assert recording.was_closed
    assert recording.check() == ()
    current = K.astype("f4")
    current[640:704] = np.nan
    assert laws.equal_values(recording.read("current"), current)
    assert laws.equal_values(recording.read("counter"), np.where((K >= 640) & (K < 704), 0, K).astype("i2"))
    old = xjls.open_recording(damaged, on_damage="gap")
    assert recording.annotations == old.annotations
    assert recording.ties("current") == old.ties("current")
    assert recording.signal("counter").scale_factor == 2**-4
    assert [record.data for record in recording.user_data] == ["kept"]
    for name in ("current", "counter"):
        (gap,) = recording.skipped(name)
        assert (gap.window, gap.reason) == (Window(640, 704), "the payload disagrees with its checksum")
    assert recording.statistics("counter").count == 10_000 - 64


@pytest.mark.parametrize("made", SCENARIOS, ids=lambda made: made.__name__)
def test_every_scenario_is_saved_as_far_as_it_can_be_read(made, tmp_path):
    """Whatever its release did, closed or not: every sample that can be read, and pyjls reads the result."""
    scenario = made()
    (tmp_path / "run.jls").write_bytes(scenario.data)
    status = main(["recover", str(tmp_path / "run.jls"), str(tmp_path / "saved.jls")])
    expected = laws.Expected.of(truth_of(scenario.definition))
    saved = xjls.open_recording(tmp_path / "saved.jls")
    assert status == (1 if any(truth.lost for truth in expected.signals.values()) else 0)
    assert list(saved.signals) == list(expected.signals)
    for name, truth in expected.signals.items():
        if truth.samples is not None:
            found = saved.read(name)
            assert laws.equal_values(found, truth.read[: len(found)])
            assert not truth.valid[len(found) :].any()
            if truth.samples.size:
                assert saved.signal(name).first_id == truth.first_id or truth.lost
            assert tuple((tie.sample_id, tie.time_ns) for tie in saved.ties(name)) == truth.ties
    with pyjls.Reader(str(tmp_path / "saved.jls")) as reader:
        for signal in saved.signals.values():
            assert reader.signals[signal.id].length == signal.length


def test_nothing_is_overwritten_and_nothing_left_behind(damaged, tmp_path, capsys):
    out = tmp_path / "saved.jls"
    out.write_bytes(b"precious")
    assert main(["recover", str(damaged), str(out)]) == 2
    assert "overwrite" in capsys.readouterr().err
    assert out.read_bytes() == b"precious"
    assert main(["recover", str(damaged), str(out), "--overwrite"]) == 1
    assert main(["recover", str(tmp_path / "nowhere.jls"), str(tmp_path / "x.jls")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.jls", "saved.jls"]
