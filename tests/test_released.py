"""A recording that nobody holds any more is closed at once: its file is not kept by a circle until it is collected.

On some systems a file that is mapped cannot be deleted; and a program that never collects would keep all of them.
"""

import gc
import weakref
from itertools import product

import numpy as np
import pytest

import xjls
from tests.zarr_stores import write_small
from xjls.compat.joulescope import DataReader
from xjls.testing.jls1 import Definition, Floats, Sizes, ranges_of, words_of, write_jls1
from xjls.testing.picostream import write_picostream
from xjls.testing.scenarios.shapes import orphan_tail_level_1

SIZES = Sizes(20, 4, 3)


def jls1(folder):
    return write_jls1(folder / "run.jls", Definition(words=words_of(ranges_of(1610)), sizes=SIZES, v_ranges=(0, 1)))


def jls1_of_floats(folder):
    n = 1610
    kept = {name: np.linspace(1, 2, n, dtype="f4") for name in ("current", "voltage", "power")}
    states = {"current_range": np.full(n, 3, "f4"), "gpi0": np.ones(n, "f4"), "gpi1": np.zeros(n, "f4")}
    return write_jls1(folder / "run.jls", Definition(floats=Floats(**kept, **states), sizes=SIZES))


def jls2(folder):
    (folder / "run.jls").write_bytes(orphan_tail_level_1().data)
    return folder / "run.jls"


def picostream(folder):
    return write_picostream(folder / "run.hdf5", np.arange(5000) % 777)


def zarr(folder):
    return write_small(folder / "run.zarr")


FORMATS = {
    "JLS v1": jls1, "JLS v1 of floats": jls1_of_floats, "JLS v2": jls2, "PicoStream HDF5": picostream, "zarr": zarr,
}  # fmt: skip
QUESTIONS = {
    "nothing": lambda recording, name: recording.signals[name],
    "samples": lambda recording, name: recording.read(name),
    "statistics": lambda recording, name: recording.statistics(name),
    "columns": lambda recording, name: recording.columns(name, n=7),
    "a level": lambda recording, name: recording.read_level(name, 1) if recording.signal(name).levels else None,
    "its status": lambda recording, name: (recording.check(), recording.status),
}


@pytest.fixture
def uncollected():
    """Leave what is in a circle where it is."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a file of each format; each was asked once, since kernels that are made keep who asked for them."""
    made = {name: make(tmp_path_factory.mktemp("released")) for name, make in FORMATS.items()}
    for path in made.values():
        with xjls.open_recording(path, on_damage="gap") as recording:
            for ask, name in product(QUESTIONS.values(), recording.signals):
                ask(recording, name)
    return made


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", FORMATS)
def test_a_recording_is_closed_with_its_last_name(files, name, question):
    recording = xjls.open_recording(files[name], on_damage="gap")
    for signal in recording.signals:
        QUESTIONS[question](recording, signal)
    reader = weakref.ref(recording.reader)
    del recording
    assert reader() is None


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("name", FORMATS)
def test_a_recording_is_closed_with_its_last_name_where_it_was_closed_before(files, name):
    with xjls.open_recording(files[name], on_damage="gap") as recording:
        reader = weakref.ref(recording.reader)
        for signal in recording.signals:
            recording.statistics(signal)
    del recording
    assert reader() is None


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    "format_options", [{"suppress": "off"}, {"reductions": "ignore"}, {"suppress": "mean_8_n_8"}], ids=str
)
def test_no_option_makes_a_circle(files, format_options):
    recording = xjls.open_recording(files["JLS v1"], format_options=format_options)
    for signal in recording.signals:
        recording.statistics(signal), recording.columns(signal, n=20)
    reader = weakref.ref(recording.reader)
    del recording
    assert reader() is None


@pytest.mark.usefixtures("uncollected")
def test_a_file_that_no_format_claims_is_held_by_its_error_alone(tmp_path):
    (tmp_path / "run.jls").write_bytes(bytes(1000))
    with pytest.raises(xjls.NotRecognizedError) as caught:
        xjls.open_recording(tmp_path / "run.jls")
    assert caught.value.__traceback__ is not None


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("modes", [[], ["off"], ["off", "mean_1_n_1"]], ids=len)
def test_a_class_of_joulescope_is_closed_with_its_last_name(files, modes):
    """Each way of suppression has a recording of its own."""
    with DataReader().open(files["JLS v1"]) as reader:
        readers = []
        for mode in ["normal", *modes]:
            reader.raw_processor.suppress_mode = mode
            reader.data_get(0, 1600, 20), reader.samples_get(0, 100), reader.statistics_get(0, 1000)
            readers.append(weakref.ref(reader.recording.reader))
    del reader
    assert [one() for one in readers] == [None] * len(readers)
