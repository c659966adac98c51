"""Recordings that other releases of the JLS library wrote: each gives what its writer was given."""

import re

import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.testing.laws import (
    LAWS,
    Expected,
    ExpectedSignal,
    closing_twice_is_harmless,
    jls_time_ns,
    reduce_finite,
)

SIZE = 200_000
TWO_SIGNALS = ["0.5.3", "0.6.1", "0.8.2", "0.13.2"]
RELEASES = ["0.3.4", *TWO_SIGNALS]
OMITTED_LENGTH = 199_680
"""Whole entries of 1024 samples: how far a constant signal reaches whose last, partial chunk was left out."""
LOSSY = {"sig#1": ("f4", 1), "sig#2": ("f8", 1), "sig#3": ("i2", 100), "sig#4": ("i4", 1000)}
LOSSY_LENGTH = 12_928
"""Whole entries of 128 samples, of 13 000."""
LOSSY_FIRST_CHUNK = 1280


def out_file(release):
    """Return the truth of an ``out_`` file."""
    first = 1000 if release == "0.8.2" else 0
    ties = tuple((first + 500 * i, jls_time_ns(i << 29)) for i in range(250))
    common = {"rate_hz": 1000, "first_id": first, "units": "A"}
    signals = {"sig": ExpectedSignal(name="sig", samples=np.arange(SIZE, dtype="f4"), ties=ties, **common)}
    if release in TWO_SIGNALS:
        length = OMITTED_LENGTH if release == "0.8.2" else SIZE
        signals["u8"] = ExpectedSignal(name="u8", samples=np.full(length, 5, "u1"), **common)
    note = xjls.Annotation(signal="sig", sample_id=first + 5, time_ns=None, kind="text", group=3, y=1.5, data="hi")
    return Expected(signals=signals, annotations=(note,), user_data=(xjls.UserData(meta=0x12, data="hello"),))


def ramp_file(first_id):
    samples = np.arange(60_000, dtype="f4")
    sig = ExpectedSignal(name="sig", units="A", rate_hz=1000, first_id=first_id, samples=samples)
    return Expected(signals={"sig": sig})


def lossy_file():
    """Return the truth of ``om_v0.9.7``; the entries of the 64-bit levels are half gone as well."""
    wave = np.sin(0.01 * np.arange(13_000)).astype("f4")[:LOSSY_LENGTH]
    signals = {
        name: ExpectedSignal(
            name=name, units="A", rate_hz=1000, first_id=0, samples=(wave * scale).astype(dtype),
            lost=((LOSSY_FIRST_CHUNK, LOSSY_LENGTH),), is_summarised_where_lost=dtype in ("f4", "i2"),
        )
        for name, (dtype, scale) in LOSSY.items()
    }  # fmt: skip
    return Expected(signals=signals)


FILES = {
    **{f"out_v{release}": out_file(release) for release in RELEASES},
    "s_v0.6.3": ramp_file(0),
    "so_v0.7.3": ramp_file(5000),
    "om_v0.9.7": lossy_file(),
}


@pytest.mark.parametrize("on_damage", ["raise", "gap"])
@pytest.mark.parametrize("law", [*LAWS, closing_twice_is_harmless], ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", FILES)
def test_every_law_holds(unpacked, name, law, on_damage):
    with xjls.open_recording(unpacked(name), on_damage=on_damage) as recording:
        law(recording, FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_the_source_is_who_wrote_it(unpacked, name):
    with xjls.open_recording(unpacked(name)) as recording:
        (source,) = recording.sources
        assert (source.id, source.name, source.vendor, source.model) == (1, "n", "v", "m")
        assert (source.version, source.serial_number) == ("1", "sn")
        assert {signal.source for signal in recording.signals.values()} == {source}
        assert recording.status.closed


@pytest.mark.parametrize("opener", [xjls.open_recording, xjls.open, xr.open_datatree])
def test_the_older_format_is_refused(unpacked, opener):
    options = {"engine": "jls"} if opener is xr.open_datatree else {}
    with pytest.raises(xjls.UnsupportedError, match=r"version 0\.1\.1 .* at byte 24 of .*0\.2\.6\.jls") as caught:
        opener(unpacked("out_v0.2.6"), **options)
    assert "convert it" in str(caught.value)
    assert isinstance(caught.value, xjls.FormatError | ValueError)


@pytest.mark.parametrize("name", FILES)
def test_xarray_gives_the_same(unpacked, name):
    truth = FILES[name]
    with xjls.open(unpacked(name), levels=True, on_damage="gap", join="none") as ds:
        for signal in truth.signals.values():
            values = ds[signal.name].values
            np.testing.assert_array_equal(values, signal.read)
            level = ds[next(v for v in ds.data_vars if re.fullmatch(re.escape(signal.name) + r"_x\d+", str(v)))]
            factor = level.attrs["samples_per_entry"]
            if signal.is_summarised_where_lost or not signal.lost:
                wanted = reduce_finite(signal.samples, factor)
                np.testing.assert_allclose(level.values, wanted, rtol=1e-6, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("release", RELEASES)
def test_times_come_from_the_ties(unpacked, release):
    first = 1000 if release == "0.8.2" else 0
    with xjls.open(unpacked(f"out_v{release}"), signals="sig", levels=False) as ds:
        assert ds.time.dtype == np.dtype("M8[ns]")
        start = np.datetime64("2018-01-01T00:00:00", "ns")
        for position in (0, 1, 500, 777, SIZE - 1):
            assert ds.time[position].values == start + position * np.timedelta64(1, "ms")
        assert ds.sig.sel(time="2018-01-01T00:01:00.5").values == 60_500
        assert ds.sig.attrs["first_sample_id"] == first


def test_levels_that_lie_are_noted(unpacked):
    said = {"0.5.3": "sample standard deviation", "0.6.1": "levels above 1 hold NaN"}
    for release, text in said.items():
        with xjls.open_recording(unpacked(f"out_v{release}")) as recording:
            recording.read_level("sig", 2)
            assert any(text in note for note in recording.status.notes)
            assert recording.status.complete
    with xjls.open_recording(unpacked("out_v0.13.2")) as recording:
        recording.read_level("sig", 2)
        assert recording.status.notes == ()


def test_omitted_constants_come_back(unpacked):
    with xjls.open_recording(unpacked("out_v0.8.2")) as recording:
        assert recording.read("u8", (150_000, 150_003)).tolist() == [5, 5, 5]
        assert recording.read_valid("u8").all()
        assert recording.status.complete


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_omission_raises_unless_gaps_are_wanted(unpacked, name):
    path = unpacked("om_v0.9.7")
    with xjls.open_recording(path) as recording:
        kept = recording.read(name, (0, LOSSY_FIRST_CHUNK))
        match = r"samples 1_280.12_928 of 'sig.*' are lost: left out when it was written.*on_damage=\"gap\""
        with pytest.raises(xjls.LostSamplesError, match=match):
            recording.read(name)
        with pytest.raises(xjls.LostSamplesError, match=r"samples 1_280.1_281 "):
            recording.read(name, (LOSSY_FIRST_CHUNK - 1, LOSSY_FIRST_CHUNK + 1))
    with xjls.open_recording(path, on_damage="gap") as recording:
        samples = recording.read(name)
        np.testing.assert_array_equal(samples[:LOSSY_FIRST_CHUNK], kept)
        gone = samples[LOSSY_FIRST_CHUNK:]
        assert np.isnan(gone).all() if gone.dtype.kind == "f" else not gone.any()
        (gap,) = recording.status.gaps[name]
        assert (gap.window.start, gap.window.stop) == (LOSSY_FIRST_CHUNK, LOSSY_LENGTH)
        assert "left out" in gap.reason


def test_an_error_names_the_signal_as_the_recording_does(unpacked):
    with (
        xjls.open_recording(unpacked("om_v0.9.7")) as recording,
        pytest.raises(xjls.LostSamplesError, match=re.escape("'sig#3'")),
    ):
        recording.read("sig#3")
