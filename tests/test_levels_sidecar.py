"""Recordings that are opened with a sidecar: when it is used, and that nothing in it can make an answer wrong."""

import json
import os
import pickle
import shutil
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.levels_files import (
    ask,
    bare,
    copied,
    hide_levels,
    make_small,
    require_same_answers,
    sidecar_of,
    small_blocks,
    some_windows,
    true_entries,
    write_bare,
    write_counts,
)
from xjls.errors import CorruptError, NotRecognizedError, SelectionError, TruncatedError, UnsupportedError
from xjls.formats.levels import reader as levels_reader
from xjls.formats.levels.layout import LAYOUT, decode_record, encode_record, seal
from xjls.formats.levels.sidecar import Sidecar
from xjls.model.sample_type import level_factors_of
from xjls.testing.laws import LAWS, closing_twice_is_harmless
from xjls.testing.picostream import GrowingPicoStream, write_picostream
from xjls.testing.picostream.scenarios import SCENARIOS as PICO_SCENARIOS
from xjls.testing.scenarios import SCENARIOS

__all__ = ["bare", "small_blocks"]
MARKS = ((5_000, 5_100), (70_000, 73_000))


@pytest.fixture
def built(tmp_path, small_blocks):
    """Return the path of a recording with a sidecar of several levels and blocks."""
    path, _ = write_counts(tmp_path / "run.hdf5", marks=MARKS)
    xjls.build_levels(path)
    return path


def levels_of(path, **how):
    with xjls.open_recording(path, **how) as recording:
        return len(recording.signal("channel_a").levels)


def built_if_long(path, **how):
    """Build levels; return False where all signals are shorter than an entry, which the error must say."""
    with xjls.open_recording(path, sidecar=False) as recording:
        signals = recording.signals.values()
        is_long = any(one.length >= level_factors_of(one.stored_type)[0] for one in signals if one.has_samples)
    if is_long:
        xjls.build_levels(path, **how)
    else:
        with pytest.raises(SelectionError, match="there is nothing to build"):
            xjls.build_levels(path, **how)
    return is_long


# ---- laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_damage", ["raise", "gap"])
@pytest.mark.parametrize("name", [make.__name__ for make in SCENARIOS])
def test_every_law_holds_with_a_sidecar(scenario, tmp_path, bare, small_blocks, name, on_damage):
    path, expected = scenario(name)
    signals = {k: replace(one, is_summarised_where_lost=False) for k, one in expected.signals.items()}
    expected = replace(expected, signals=signals)
    place = tmp_path / "levels"
    if not built_if_long(path, to=place):
        return
    with xjls.open_recording(path, on_damage=on_damage, sidecar=place) as recording:
        for law in (*LAWS, closing_twice_is_harmless):
            law(recording, expected)


@pytest.mark.parametrize("make", PICO_SCENARIOS, ids=lambda make: make.__name__)
def test_every_oddity_answers_as_without(tmp_path, small_blocks, make):
    made = make(tmp_path)
    if built_if_long(made.path):
        require_same_answers(made.path)


def test_columns_are_exact(built):
    with xjls.open_recording(built) as recording:
        signal = recording.signal("channel_a")
        counts = recording.read("channel_a").astype("f8")
        counts[counts == -32768] = np.nan
        columns = recording.columns("channel_a", (11, 290_011), 29)
        rows = counts[11:290_011].reshape(29, -1)
        np.testing.assert_allclose(columns.mean, np.nanmean(rows, 1) * signal.scale_factor, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(columns.max, np.nanmax(rows, 1) * signal.scale_factor)
        np.testing.assert_array_equal(columns.count, np.isfinite(rows).sum(1))
        assert columns.exact


def test_samples_are_not_read_where_entries_tell(tmp_path, small_blocks, monkeypatch):
    path, _ = write_counts(tmp_path / "run.hdf5", marks=MARKS, block=300_000)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        recording.statistics("channel_a", (0, 1))
        reader, reads = recording._pyramid("channel_a")._blocks._reader, []
        real = reader.read
        monkeypatch.setattr(reader, "read", lambda signal, at, *how: reads.append(at) or real(signal, at, *how))
        assert recording.statistics("channel_a", (110_000, 200_000)).count == 90_000
        assert not reads
        assert recording.statistics("channel_a").count == 296_900
        assert 3_100 < sum(window.length for window in reads) < 20_000  # entries that touch markers


# ---- doors -----------------------------------------------------------------------------------------------------------


def test_every_door_has_the_levels(built):
    factors = [256, 5120, 102_400]
    ds = xjls.open(built, levels=True)
    assert {f"channel_a_x{factor}" for factor in factors} <= set(ds.data_vars)
    assert ds.xjls.statistics("channel_a").channel_a.sizes == {"statistic": 6}
    assert set(xjls.open(built, levels=True, sidecar=False).data_vars) == {"channel_a"}
    with xr.open_datatree(built, engine="jls", chunks={}) as tree:
        assert list(tree.children) == ["0", "1", "2", "3"]
        entries = tree["2/channel_a"].values
    with xr.open_datatree(built, engine="jls", chunks={}, sidecar=False) as tree:
        assert list(tree.children) == ["0"]
    with xjls.open_recording(built) as recording:
        signal = recording.signal("channel_a")
        mean = recording.read_level("channel_a", 2)[:, 0] * signal.scale_factor + signal.add_offset
        np.testing.assert_allclose(entries[:, 0], mean, rtol=1e-6)


def test_it_opens_again_in_another_process(built):
    with xjls.open_recording(built) as recording:
        with pickle.loads(pickle.dumps(recording)) as other:
            assert len(other.signal("channel_a").levels) == 3
            assert other.token == recording.token
        with xjls.open_recording(built, sidecar=False) as without:
            assert without.token != recording.token


def test_a_pickled_one_does_without_where_the_sidecar_is_gone(built):
    with xjls.open_recording(built) as recording:
        pickled = pickle.dumps(recording)
    shutil.rmtree(sidecar_of(built))
    with pytest.warns(RuntimeWarning, match="has changed since"), pickle.loads(pickled) as other:
        assert other.signal("channel_a").levels == ()


def test_files_that_are_not_remembered_close(built):
    with xjls.open_recording(built) as recording:
        recording.statistics("channel_a")
    with pytest.raises(ValueError, match="is closed"):
        recording.statistics("channel_a")
    with pytest.raises(ValueError, match="is closed"):
        recording.read_level("channel_a", 1)


def test_many_threads_ask_at_once(built):
    with xjls.open_recording(built) as recording:
        windows = some_windows(recording.signal("channel_a"))
        wanted = ask(recording, "channel_a", windows)
    with xjls.open_recording(built) as recording:
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(ask(recording, "channel_a", windows))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in found:
            np.testing.assert_array_equal(one, wanted)


def test_what_is_closed_while_it_is_taken_hold_of_is_not_used(built):
    """Addresses of entries would be used that nobody keeps."""
    recording = xjls.open_recording(built)
    recording.statistics("channel_a")
    places = recording._reader.places(recording.signal("channel_a"), verify=True)
    places._hold = recording.close
    with pytest.raises(ValueError, match="is closed"):
        places.hold()


def test_an_address_has_its_sidecar_beside_it(built):
    fs = fsspec.filesystem("memory")
    fs.put(str(built), "/lab/run.hdf5")
    fs.put(str(sidecar_of(built)), "/lab/run.hdf5.levels.zarr", recursive=True)
    fs.put(str(built), "/lab/lonely.hdf5")
    try:
        assert levels_of("memory://lab/run.hdf5") == 3
        assert levels_of("memory://lab/run.hdf5", sidecar=False) == 0
        assert levels_of("memory://lab/lonely.hdf5") == 0
        assert levels_of("memory://lab/lonely.hdf5", sidecar=sidecar_of(built)) == 3
        with xjls.open_recording(built) as near, xjls.open_recording("memory://lab/run.hdf5") as afar:
            windows = some_windows(near.signal("channel_a"))
            wanted = ask(near, "channel_a", windows)
            np.testing.assert_allclose(ask(afar, "channel_a", windows), wanted, rtol=1e-12)
            np.testing.assert_array_equal(afar.read_level("channel_a", 1), near.read_level("channel_a", 1))
    finally:
        fs.rm("/lab", recursive=True)


def test_levels_of_an_address_are_built_on_this_machine(built, tmp_path):
    fs = fsspec.filesystem("memory")
    fs.put(str(built), "/lab/run.hdf5")
    try:
        place = xjls.build_levels("memory://lab/run.hdf5", to=tmp_path / "afar")
        assert levels_of("memory://lab/run.hdf5", sidecar=place) == 3
    finally:
        fs.rm("/lab", recursive=True)


def test_what_has_levels_is_not_given_others(tmp_path, built):
    path = write_bare(tmp_path / "run.jls", np.arange(100_000.0))
    with pytest.raises(SelectionError, match=r"JLS v2 has levels of its own, and takes none of .*Leave sidecar= out"):
        xjls.open_recording(path, sidecar=sidecar_of(built))
    with xjls.open_recording(path, sidecar=False) as recording:
        assert len(recording.signal("x").levels) == 3


def test_options_have_names(built):
    with pytest.raises(SelectionError, match=r"format_options='units=mV' are none. Give them by name"):
        xjls.open_recording(built, format_options="units=mV")


def test_a_sidecar_names_the_recording_to_open(built):
    assert xjls.formats.guess_format(sidecar_of(built)) is None
    with pytest.raises(NotRecognizedError, match=r"these are the levels of a recording: .*Open .*run\.hdf5 itself"):
        xjls.open_recording(sidecar_of(built))


# ---- freshness -------------------------------------------------------------------------------------------------------


def opened_with_warning(path, match, **how):
    with pytest.warns(UserWarning, match=match) as caught:
        count = levels_of(path, **how)
    assert len(caught) == 1
    assert "Build them again: xjls index" in str(caught[0].message)
    assert caught[0].filename == __file__
    return count


def test_a_file_that_grew_has_no_levels(built):
    write_counts(built, 400_000)
    assert opened_with_warning(built, r"the file has 8\d\d_\d\d\d bytes, and had 6\d\d_\d\d\d when") == 0


@pytest.mark.parametrize(
    "door", [xjls.open, lambda path: xr.open_dataset(path, engine="jls"), lambda path: xr.open_datatree(path)]
)
def test_every_door_warns_of_the_line_that_opened_it(built, door):
    write_counts(built, 400_000)
    with pytest.warns(UserWarning, match="are not used: the file has") as caught:
        door(built).close()
    assert [one.filename for one in caught] == [__file__]


def test_a_file_of_other_content_has_no_levels(built):
    write_counts(built, marks=[(0, 300_000)])
    assert opened_with_warning(built, "the file's content is not what it was") == 0


def test_a_copy_of_a_file_has_its_levels(built, tmp_path):
    os.utime(built, ns=(1, 1))
    assert levels_of(built) == 3


def test_a_sidecar_of_another_reader_s_signals_is_not_used(built, monkeypatch):
    root = (sidecar_of(built) / "zarr.json").read_text()
    told = Sidecar(str(sidecar_of(built))).record
    other = replace(told, signals=(replace(told.signals[0], first_id=5),))
    (sidecar_of(built) / "zarr.json").write_text(
        root.replace('"first_sample_id": 0, "length"', '"first_sample_id": 5, "length"').replace(
            f'"crc32c": {encode_record(told)["crc32c"]}', f'"crc32c": {encode_record(other)["crc32c"]}'
        )
    )
    assert opened_with_warning(built, "they were built of another signal 'channel_a'") == 0


def test_one_that_is_said_to_be_somewhere_must_be_there(built, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no sidecar .*elsewhere\. Build one: xjls index"):
        xjls.open_recording(built, sidecar=tmp_path / "elsewhere")


def test_the_warning_says_where_it_was_told_to_look(built, tmp_path):
    place = tmp_path / "elsewhere"
    sidecar_of(built).rename(place)
    write_counts(built, 400_000)
    assert opened_with_warning(built, f"--to {place}", sidecar=place) == 0


def test_a_folder_that_is_no_sidecar_is_none(built):
    shutil.rmtree(sidecar_of(built))
    sidecar_of(built).mkdir()
    assert levels_of(built) == 0
    (sidecar_of(built) / "zarr.json").write_text('{"node_type": "group", "attributes": {}}')
    assert opened_with_warning(built, "it is no sidecar, but other Zarr") == 0


def test_what_is_being_built_is_not_used(built):
    sidecar_of(built).rename(built.with_name(f".{sidecar_of(built).name}.part"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert levels_of(built) == 0


def test_a_recording_that_grows_loses_levels_that_do_not_fit(tmp_path, small_blocks):
    path = tmp_path / "run.hdf5"
    block = np.arange(50_000, dtype="i2")
    with GrowingPicoStream(path, block=50_000, flush=True) as growing:
        growing.append(block)
        growing.append(block)
        xjls.build_levels(path)
        with xjls.open_recording(path) as recording:
            assert len(recording.signal("channel_a").levels) == 2
            wanted = recording.statistics("channel_a", (1, 99_000))
            growing.append(block)
            assert recording.refresh()
            assert recording.signal("channel_a").length == 150_000
            assert recording.signal("channel_a").levels == ()
            assert recording.statistics("channel_a", (1, 99_000)).mean == pytest.approx(wanted.mean)


def test_a_sidecar_that_is_built_again_is_seen_on_refresh(built):
    with xjls.open_recording(built) as recording:
        assert not recording.refresh()
        write_counts(built, 400_000)
        assert recording.refresh()
        assert recording.signal("channel_a").levels == ()
        xjls.build_levels(built)
        assert recording.refresh()
        assert len(recording.signal("channel_a").levels) == 3


def test_levels_of_another_file_are_not_taken_for_its_own(built):
    """Who has a recording open that was replaced goes on with what there was, sidecar or not."""
    with xjls.open_recording(built) as recording, xjls.open_recording(built, sidecar=False) as bare:
        wanted = bare.statistics("channel_a")
        other = write_picostream(
            built.with_name("other.hdf5"), -write_counts(built.with_name("more.hdf5"))[1], block=10_000
        )
        Path(other).replace(built)
        assert xjls.build_levels(built)
        found = recording.statistics("channel_a")
        assert (found.count, found.min, found.max) == (wanted.count, wanted.min, wanted.max)
        assert (found.mean, found.std) == pytest.approx((wanted.mean, wanted.std))


# ---- damage ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """Return a recording with a sidecar, and what it answers."""
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        path, _ = write_counts(tmp_path_factory.mktemp("truth") / "run.hdf5", 120_000, marks=MARKS)
        xjls.build_levels(path)
        with xjls.open_recording(path, on_damage="gap", sidecar=False) as recording:
            windows = some_windows(recording.signal("channel_a"), 8)
            yield path, windows, ask(recording, "channel_a", windows)


def answers_stay(path, windows, wanted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        recording = xjls.open_recording(path, on_damage="gap")
    with recording:
        found = ask(recording, "channel_a", windows)
        np.testing.assert_array_equal(found[:, [0, 1, 4, 5]], wanted[:, [0, 1, 4, 5]])
        np.testing.assert_allclose(found[:, 2:4], wanted[:, 2:4], rtol=1e-5, atol=1e-6)
        for level in recording.signal("channel_a").levels:
            entries = recording.read_level("channel_a", level.index)
            counts = recording.read("channel_a")
            np.testing.assert_array_equal(entries[:, 3], true_entries(counts, level.factor)[:, 3])
        return list(recording.status.notes)


def a_file(folder, data):
    """Draw one of the files below a folder."""
    return data.draw(st.sampled_from([file for file in sorted(folder.rglob("*")) if file.is_file()]))


@given(st.data())
@settings(max_examples=150)
def test_any_byte_may_flip(tmp_path_factory, truth, data):
    path, windows, wanted = truth
    with pytest.MonkeyPatch.context() as patch, copied(path, tmp_path_factory.mktemp("flip")) as copy:
        make_small(patch)
        file = a_file(sidecar_of(copy), data)
        content = bytearray(file.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        file.write_bytes(content)
        answers_stay(copy, windows, wanted)


@given(st.data())
@settings(max_examples=40)
def test_any_file_may_be_cut_or_missing(tmp_path_factory, truth, data):
    path, windows, wanted = truth
    with pytest.MonkeyPatch.context() as patch, copied(path, tmp_path_factory.mktemp("cut")) as copy:
        make_small(patch)
        file = a_file(sidecar_of(copy), data)
        if size := data.draw(st.integers(0, file.stat().st_size - 1)):
            os.truncate(file, size)
        elif data.draw(st.booleans()):
            os.truncate(file, 0)
        else:
            file.unlink()
        answers_stay(copy, windows, wanted)


def test_damage_is_told(built):
    shard = sidecar_of(built) / "1/channel_a/c.0.0"
    content = bytearray(shard.read_bytes())
    content[5] ^= 1
    shard.write_bytes(content)
    with xjls.open_recording(built) as recording:
        assert not recording.status.notes
        recording.read_level("channel_a", 1)
        assert "1 of 59 chunks of level 1 of 'channel_a' are damaged, and made anew" in recording.status.notes[0]
        assert np.isfinite(recording.read_level("channel_a", 1)[:20]).all()


def test_unverified_reads_believe_what_is_there(built):
    shard = sidecar_of(built) / "1/channel_a/c.0.0"
    content = bytearray(shard.read_bytes())
    content[5] ^= 1
    shard.write_bytes(content)
    with xjls.open_recording(built) as recording, xjls.open_recording(built, verify=False) as trusting:
        assert trusting.read_level("channel_a", 1)[0, 1] != recording.read_level("channel_a", 1)[0, 1]


def test_a_file_of_levels_that_shrinks_raises(built):
    with xjls.open_recording(built) as recording:
        recording.statistics("channel_a", (3, 200_000))
        os.truncate(sidecar_of(built) / "1/channel_a/c.0.0", 100)
        with pytest.raises(TruncatedError, match="shrank"):
            recording.statistics("channel_a", (3, 200_000))


def test_lists_of_gaps_are_checked(built):
    (sidecar_of(built) / "gaps/channel_a/c.0.0").write_bytes(b"x" * 68)
    with pytest.raises(CorruptError, match="does not tell any more which samples of 'channel_a' are none"):
        Sidecar(str(sidecar_of(built)))


HUGE = {"length": 1 << 64, "samples_per_entry": [factor for factor in level_factors_of("i16") if factor <= 1 << 64]}

NO_LEVEL = {"length": 1, "samples_per_entry": []}


def sealed(told):
    return told | {"crc32c": seal(told)}


@pytest.mark.parametrize(
    ("strange", "problem"), [({"reasons": []}, "does not tell any more"), (HUGE, "another signal")]
)
def test_records_that_make_no_sense_are_left_aside(built, strange, problem):
    root = sidecar_of(built) / "zarr.json"
    document = json.loads(root.read_bytes())
    told = document["attributes"]["xjls_levels"]
    signals = [told["signals"][0] | {key: strange[key] for key in strange if key in told["signals"][0]}]
    told |= {"signals": signals} | {key: strange[key] for key in strange if key in told}
    document["attributes"]["xjls_levels"] = sealed(told)
    root.write_text(json.dumps(document))
    with pytest.warns(UserWarning, match=problem), xjls.open_recording(built) as recording:
        assert recording.signal("channel_a").levels == ()


def test_records_are_checked(built):
    told = encode_record(Sidecar(str(sidecar_of(built))).record)
    with pytest.raises(UnsupportedError, match=f"layout 99.*This one reads layout {LAYOUT}"):
        decode_record(told | {"layout": 99}, "x")
    with pytest.raises(CorruptError, match="the checksum of its attribute 'xjls_levels' differs"):
        decode_record(told | {"block_entries": 640}, "x")
    with pytest.raises(CorruptError, match="is damaged"):
        decode_record({key: value for key, value in told.items() if key != "signals"}, "x")
    with pytest.raises(CorruptError, match="is damaged"):
        decode_record([], "x")
    for strange in ({"gaps": ""}, {"gaps": "many"}, {"length": "long"}, {"length": 1}, NO_LEVEL, {"stored_type": "e5"}):
        with pytest.raises(CorruptError, match="is damaged"):
            decode_record(sealed(told | {"signals": [told["signals"][0] | strange]}), "x")
    root = sidecar_of(built) / "zarr.json"
    root.write_text("[]")
    with pytest.raises(CorruptError, match=r"its zarr\.json is damaged"):
        Sidecar(str(sidecar_of(built)))
    root.write_text('{"attributes": {}}')
    with pytest.raises(NotRecognizedError, match="other Zarr"):
        Sidecar(str(sidecar_of(built)))
    assert seal(told) == told["crc32c"]


# ---- floats ----------------------------------------------------------------------------------------------------------


HOLES = ([], [(300, 301)], [(0, 5000)], [(7_000, 70_000), (70_001, 70_002)], [(199_000, 200_000)])


@pytest.mark.parametrize("holes", HOLES, ids=str)
def test_nan_is_counted_as_without(tmp_path, bare, small_blocks, holes):
    samples = np.sin(np.arange(200_000) * 1e-3)
    for start, stop in holes:
        samples[start:stop] = np.nan
    path = write_bare(tmp_path / "run.jls", samples.astype("f4"))
    xjls.build_levels(path)
    assert require_same_answers(path) == 3
    with xjls.open_recording(path) as recording:
        found = recording.statistics("x")
        assert found.nan == sum(stop - start for start, stop in holes)
        assert found.exact


def test_what_a_float_recording_skipped_is_kept(tmp_path, monkeypatch, small_blocks):
    path = tmp_path / "run.jls"
    with xjls.new_recording(path) as sink:
        source = xjls.Source(id=1, name="bench")
        sink.add_source(source)
        described = {"units": "A", "rate_hz": 1000, "source": source}
        floats = xjls.Signal(id=1, name="x", dtype=np.dtype("f4"), stored_type="f32", **described)
        counts = xjls.Signal(id=2, name="y", dtype=np.dtype("i2"), stored_type="i16", **described)
        for one, values in ((floats, np.ones(30_000, "f4")), (counts, np.ones(30_000, "i2"))):
            sink.add_signal(one)
            sink.write(one.name, 0, values)
            sink.skip(one.name, xjls.Gap(xjls.Window(30_000, 60_000), "unplugged", skipped=True))
            sink.write(one.name, 60_000, values)
    hide_levels(monkeypatch)
    xjls.build_levels(path)
    require_same_answers(path)
    with xjls.open_recording(path) as recording:
        for name in ("x", "y"):
            assert [str(gap.window) for gap in recording.skipped(name)] == ["30_000–60_000"]
            assert recording.statistics(name).count == 60_000


def test_gaps_are_put_together_once(built, tmp_path, monkeypatch):
    """There may be a million of them."""
    merges = []
    real = levels_reader.merge_gaps
    monkeypatch.setattr(levels_reader, "merge_gaps", lambda gaps: merges.append(1) or real(gaps))
    with xjls.open_recording(built) as recording:
        for ask_for in (recording.gaps, recording.skipped):
            gaps = ask_for("channel_a")
            assert [(gap.window.start, gap.window.stop) for gap in gaps] == list(MARKS)
            assert ask_for("channel_a") is gaps
        assert not merges  # the file tells of none
        told = xjls.Gap(xjls.Window(5_100, 5_200), recording.gaps("channel_a")[0].reason, skipped=True)
    with xjls.open_recording(built) as recording:
        for name in ("gaps", "skipped"):
            monkeypatch.setattr(recording.reader._reader, name, lambda signal: (told,))
            gaps = getattr(recording, name)("channel_a")
            assert (gaps[0].window.start, gaps[0].window.stop, len(gaps)) == (5_000, 5_200, 2)
            assert getattr(recording, name)("channel_a") is gaps
        assert len(merges) == 2


def test_two_signals_of_which_one_is_short(tmp_path, bare, small_blocks):
    from xjls.testing.jls2 import Definition, Fsr, Vsr, write

    definition = Definition([Fsr("long", np.arange(9000)), Fsr("short", np.arange(9)), Vsr("notes")])
    path = write(tmp_path / "run.jls", definition.sources, definition.signals)
    xjls.build_levels(path)
    with xjls.open_recording(path) as recording:
        assert [len(recording.signal(name).levels) for name in ("long", "short", "notes")] == [2, 0, 0]
        assert recording.statistics("short").max == 8
        assert recording.signal("short").level_factors == ()


def test_opening_without_a_sidecar_asks_the_system_little(tmp_path, monkeypatch):
    path = write_picostream(tmp_path / "run.hdf5", np.zeros(1000, "i2"))
    asked = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: asked.append(str(path)) or real(path, **how))
    xjls.open_recording(path).close()
    assert [one for one in asked if "levels" in one] == [f"{path}.levels.zarr/zarr.json"]
