"""mio's buffer models by their own names: what a script of either generation does gives what mio gives."""

import pickle
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest

from xjls.compat.mio import (
    ADCScaling,
    BufferHeader,
    BufferHeaderFormat,
    RefusedError,
    RuntimeMetadata,
    SDBufferHeader,
    SDBufferHeaderFormat,
    StreamBufferHeader,
    StreamBufferHeaderFormat,
    ValidationError,
)
from xjls.errors import CorruptError

VALUES = [0, 7, 56, 0, 55, 0, 350, 5032, 12, 189, 108]
NAMES = [
    "linked_list",
    "frame_num",
    "buffer_count",
    "frame_buffer_count",
    "write_buffer_count",
    "dropped_buffer_count",
    "timestamp",
    "write_timestamp",
]
STREAM_NAMES = [*NAMES, "pixel_count", "battery_voltage_raw", "input_voltage_raw"]
HOST = {
    "buffer_recv_index": -1, "buffer_recv_unix_time": -1.0, "black_padding_px": -1, "reconstructed_frame_index": -1,
}  # fmt: skip
COLUMNS = [*NAMES[:-1], "pixel_count", "write_timestamp", "battery_voltage_raw", "input_voltage_raw", *HOST]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return what is mio's folder of the user for the test; nobody makes it."""
    monkeypatch.setenv("MIO_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


def basic(**changes):
    return BufferHeaderFormat(**{"id": "basic", **{name: place for place, name in enumerate(NAMES)}, **changes})


def shipped():
    return StreamBufferHeaderFormat.from_id("stream-buffer-header")


class TestFormats:
    def test_dump(self):
        assert basic().model_dump() == {
            "id": "basic", "mio_model": "mio.models.buffer.BufferHeaderFormat", "mio_version": "0.10.0",
            **{name: place for place, name in enumerate(NAMES)},
        }  # fmt: skip
        places = dict(zip(STREAM_NAMES, [*range(7), 8, 7, 9, 10], strict=True))
        assert list(shipped().model_dump().items())[3:] == list(places.items())
        assert repr(basic()).startswith(
            "BufferHeaderFormat(id='basic', mio_model='mio.models.buffer.BufferHeaderFormat'"
        )

    def test_positions_are_converted_like_mio_does(self):
        assert basic(frame_num="3", timestamp=4.0, linked_list=np.uint8(5)).model_dump()["frame_num"] == 3
        with pytest.raises(
            ValidationError, match="frame_num: 'x' is no whole number; timestamp: None is no whole"
        ) as caught:
            basic(frame_num="x", timestamp=None)
        assert caught.value.error_count() == 2
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        assert caught.value.errors()[0] == {"loc": ("frame_num",), "msg": "'x' is no whole number", "input": "x"}

    def test_what_is_missing_is_named(self):
        with pytest.raises(ValueError, match="linked_list: it is missing; frame_num: it is missing"):
            BufferHeaderFormat(id="a")
        with pytest.raises(ValidationError, match="pixel_count: it is missing"):
            StreamBufferHeaderFormat(**basic().model_dump())

    @pytest.mark.parametrize("given", ["a", "wire/less#1-x_y", "é"])
    def test_ids(self, given):
        assert basic(id=given).id == given

    @pytest.mark.parametrize("given", ["", "...", "has.dot", "a b", "a\n"])
    def test_ids_that_from_any_would_not_find_are_refused(self, given):
        with pytest.raises(ValidationError, match=r"id: .* is not letters, digits and any of _ - / #"):
            basic(id=given)

    @pytest.mark.parametrize(("model", "good"), [("a", 1), ("a.b", 1), ("1a", 0), ("a-b", 0), ("a.", 0), ("", 0)])
    def test_models_are_dotted_names(self, model, good):
        if good:
            assert basic(mio_model=model).mio_model == model
            return
        with pytest.raises(ValidationError, match=r"mio_model: .* is no dotted name"):
            basic(mio_model=model)

    def test_positions_before_the_first_word_are_refused(self):
        with pytest.raises(ValidationError, match="frame_num: -1 is before the first word"):
            basic(frame_num=-1)

    def test_sd_cards_have_defaults_and_gaps(self):
        assert list(SDBufferHeaderFormat().positions().items()) == [
            ("linked_list", 1), ("frame_num", 2), ("buffer_count", 3), ("frame_buffer_count", 4),
            ("write_buffer_count", 5), ("dropped_buffer_count", 6), ("timestamp", 7), ("length", 0), ("data_length", 8),
        ]  # fmt: skip
        assert SDBufferHeaderFormat().write_timestamp is None
        battery = SDBufferHeaderFormat.from_id("wirefree-sd-layout-battery")
        assert (battery.write_timestamp, battery.battery_voltage) == (9, 10)

    def test_copies_and_equality(self):
        assert basic() == basic()
        assert basic() != basic(frame_num=5)
        assert basic().model_copy(update={"frame_num": 5}) == basic(frame_num=5)
        assert pickle.loads(pickle.dumps(basic())) == basic()
        assert BufferHeaderFormat.model_validate(basic().model_dump()) == basic()


class TestFindingFormats:
    def test_yaml(self, tmp_path):
        path = tmp_path / "a.yaml"
        text = "frame_num: 10\nLSB: true\n" + "".join(f"{name}: {i}\n" for i, name in enumerate(NAMES) if i != 1)
        path.write_text(text + "id: last\n")
        assert BufferHeaderFormat.from_yaml(path).frame_num == 10
        assert BufferHeaderFormat.from_any(str(path)).id == "last"
        assert path.read_text() == text + "id: last\n"
        assert list(tmp_path.iterdir()) == [path]

    def test_the_users_folder_goes_first(self, folder):
        (folder / "deep").mkdir(parents=True)
        (folder / "broken.yml").write_text("{")
        dump = {**shipped().model_dump(), "frame_num": 10}
        (folder / "deep" / "mine.yaml").write_text("".join(f"{name}: {value}\n" for name, value in dump.items()))
        assert StreamBufferHeaderFormat.from_id("stream-buffer-header").frame_num == 10
        assert StreamBufferHeaderFormat.from_any("deep/mine.yaml").frame_num == 10
        assert not (folder.parent / "mio").exists()

    def test_nothing_is_made(self, folder):
        shipped()
        assert not folder.exists()

    def test_without_the_variable_it_is_mios_own_folder(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MIO_CONFIG_DIR")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        (tmp_path / "mio" / "config").mkdir(parents=True)
        (tmp_path / "mio" / "config" / "a.yaml").write_text("id: card\nbuffer: {write_timestamp: 9}\n")
        assert SDBufferHeaderFormat.from_id("card").write_timestamp == 9

    def test_layouts_and_positions_are_read_too(self, tmp_path):
        path = tmp_path / "card.yaml"
        path.write_text("id: card\nsectors: {data: 1024}\nbuffer: {battery_voltage: 10}\n")
        assert SDBufferHeaderFormat.from_yaml(path).model_dump()["battery_voltage"] == 10
        path.write_text("POSITIONS: {linked_list: 3, write_timestamp: 4}\n")
        assert SDBufferHeaderFormat.from_yaml(path).linked_list == 3

    def test_from_any(self):
        made = shipped()
        assert StreamBufferHeaderFormat.from_any(made) is made
        assert BufferHeaderFormat.from_any(made) is made
        assert StreamBufferHeaderFormat.from_any("stream-buffer-header") == made

    def test_what_is_not_found(self, tmp_path):
        with pytest.raises(KeyError, match=r"no header format has the id 'nope'\. Ids: stream-buffer-header"):
            BufferHeaderFormat.from_id("nope")
        with pytest.raises(RefusedError, match=r"there is no file 'nope\.yaml'"):
            BufferHeaderFormat.from_any("nope.yaml")
        with pytest.raises(ValueError, match=r"'nope\.txt' is neither an id nor a YAML file"):
            BufferHeaderFormat.from_any("nope.txt")
        with pytest.raises(TypeError):
            BufferHeaderFormat.from_any(5)
        path = tmp_path / "a.yaml"
        path.write_text("id: a\nlinked_list: x\n")
        with pytest.raises(ValidationError, match=r"BufferHeaderFormat '.*a\.yaml' is not valid: linked_list: 'x'"):
            BufferHeaderFormat.from_yaml(path)
        path.write_text("5")
        with pytest.raises(CorruptError, match="a header format is a mapping, not int"):
            BufferHeaderFormat.from_yaml(path)


class TestHeaders:
    def test_from_format(self):
        header = StreamBufferHeader.from_format(VALUES, shipped())
        named = dict(zip(STREAM_NAMES, [0, 7, 56, 0, 55, 0, 350, 12, 5032, 189, 108], strict=True))
        assert header.model_dump() == {**named, "runtime_metadata": HOST, "battery_voltage": 189, "input_voltage": 108}
        assert list(header.model_dump()) == [*STREAM_NAMES, "runtime_metadata", "battery_voltage", "input_voltage"]
        assert StreamBufferHeader.from_format(VALUES, shipped(), construct=True) == header
        assert "runtime_metadata=RuntimeMetadata(buffer_recv_index=-1" in repr(header)
        assert BufferHeader.from_format(VALUES, shipped()).model_dump() == {name: named[name] for name in NAMES}

    def test_from_sequence(self):
        header = StreamBufferHeader.from_sequence(VALUES, black_padding_px=4, frame_num=77, foo=1)
        assert list(header.model_dump()) == [*STREAM_NAMES, *HOST, "battery_voltage", "input_voltage"]
        assert (header.frame_num, header.black_padding_px, header.buffer_recv_index) == (77, 4, -1)
        assert not hasattr(header, "foo")
        made = StreamBufferHeader.from_sequence(VALUES, construct=True, black_padding_px=4, frame_num=77)
        assert made == header
        assert BufferHeader.from_sequence(VALUES).write_timestamp == 5032
        card = SDBufferHeader.from_sequence(range(12))
        assert card.model_dump() == {
            **{name: place for place, name in enumerate(NAMES[:-1], 1)}, "write_timestamp": None, "length": 0,
            "data_length": 8, "battery_voltage": None,
        }  # fmt: skip

    def test_sd_cards_by_format(self):
        battery = SDBufferHeaderFormat.from_id("wirefree-sd-layout-battery")
        header = SDBufferHeader.from_format([11, *range(1, 9), 4321, 190], battery)
        assert (header.length, header.write_timestamp, header.battery_voltage) == (11, 4321, 190)

    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            ("1", 1), (" 7 ", 7), ("1_0", 10), ("-3", -3), ("1.0", 1), (b"5", 5), (8.0, 8), (True, 1), (10**30, 10**30),
            (np.uint32(9), 9), (np.float32(2), 2),
        ],
    )  # fmt: skip
    def test_numbers_are_converted(self, given, taken):
        header = BufferHeader.from_sequence([0, given, *VALUES[2:]])
        assert header.frame_num == taken
        assert type(header.frame_num) is int

    @pytest.mark.parametrize("given", ["a", 1.5, None, "0x10", float("nan"), float("inf"), "1.5", 1j, "", "٣"])
    def test_what_is_no_number_is_refused_unless_constructed(self, given):
        values = [0, given, *VALUES[2:]]
        with pytest.raises(ValidationError, match=r"BufferHeader is not valid: frame_num: .* is no whole number"):
            BufferHeader.from_sequence(values)
        assert BufferHeader.from_sequence(values, construct=True).frame_num is given

    def test_constructed_values_stay_what_they_are(self):
        values = np.array(VALUES, np.uint32)
        assert type(StreamBufferHeader.from_format(values, shipped(), construct=True).frame_num) is np.uint32
        assert type(StreamBufferHeader.from_format(values, shipped()).frame_num) is int

    @pytest.mark.parametrize("construct", [False, True])
    def test_too_few_values(self, construct):
        for values in (VALUES[:5], np.array(VALUES[:5])):
            with pytest.raises(IndexError):
                StreamBufferHeader.from_format(values, shipped(), construct)

    def test_a_format_that_does_not_have_all(self):
        with pytest.raises(ValidationError, match="pixel_count: it is missing; battery_voltage_raw"):
            StreamBufferHeader.from_format(VALUES, basic())
        made = StreamBufferHeader.from_format(VALUES, basic(), construct=True)
        assert list(made.model_dump()) == [*NAMES, "runtime_metadata"]
        assert not hasattr(made, "pixel_count")

    def test_voltages(self):
        header = StreamBufferHeader.from_sequence(VALUES)
        assert header.adc_scaling is None
        assert (header.battery_voltage, header.input_voltage) == (189, 108)
        header.adc_scaling = ADCScaling()
        assert (header.battery_voltage, header.input_voltage) == (4.060546875, 5.243906250000001)
        assert header.model_dump()["battery_voltage"] == 4.060546875
        header.adc_scaling = ADCScaling(ref_voltage="2", bitdepth=10.0)
        assert header.battery_voltage == 189 / 1024 * 2 * 5
        with pytest.raises(ValidationError, match="ADCScaling is not valid: ref_voltage: 'x' is no number"):
            ADCScaling(ref_voltage="x")

    def test_what_the_host_knows(self):
        told = RuntimeMetadata(buffer_recv_index=3, buffer_recv_unix_time=5)
        header = StreamBufferHeader.from_format(VALUES, shipped(), runtime_metadata=told)
        header.runtime_metadata.black_padding_px = 8
        header.reconstructed_frame_index = 9
        assert (header.buffer_recv_index, header.black_padding_px, told.reconstructed_frame_index) == (3, 8, 9)
        assert header.model_dump_all()["buffer_recv_unix_time"] == 5.0
        assert list(header.model_dump_all())[-6:] == ["battery_voltage", "input_voltage", *HOST]
        copied = header.model_copy(update={"frame_num": 1, "black_padding_px": 2})
        assert (copied.frame_num, copied.black_padding_px, header.black_padding_px) == (1, 2, 8)
        copied.black_padding_px = 7
        assert (copied.black_padding_px, copied.runtime_metadata.black_padding_px, header.black_padding_px) == (7, 7, 8)
        assert pickle.loads(pickle.dumps(header)) == header
        nested = StreamBufferHeader(**dict.fromkeys(STREAM_NAMES, 1), runtime_metadata={"black_padding_px": 3})
        assert nested.black_padding_px == 3

    def test_columns_of_the_csv(self):
        assert StreamBufferHeader.csv_header_cols() == COLUMNS
        assert StreamBufferHeader.csv_header_cols(shipped()) == COLUMNS
        permuted = shipped().model_copy(update={"frame_num": 30})
        assert StreamBufferHeader.csv_header_cols(permuted)[10] == "frame_num"
        assert SDBufferHeader.csv_header_cols() == [
            "length", *NAMES[:-1], "data_length", "write_timestamp", "battery_voltage",
        ]  # fmt: skip

    def test_subclasses_have_positions_and_fields_of_their_own(self):
        class Newer(StreamBufferHeader):
            POSITIONS: ClassVar[dict[str, int]] = {**StreamBufferHeader.POSITIONS, "gain": 11, "frame_num": 12}
            gain: int
            label: str = "none"
            ratio: float | None = None

        header = Newer.from_sequence([*VALUES, "4", 99], label="x")
        assert (header.gain, header.frame_num, header.label, header.ratio) == (4, 99, "x", None)
        assert Newer.csv_header_cols()[-8:-6] == ["gain", "frame_num"]
        with pytest.raises(ValidationError, match="label: 5 is no text; ratio: 'y' is no number"):
            Newer.from_sequence([*VALUES, 4, 99], label=5, ratio="y")

    def test_values_may_be_changed(self):
        header = BufferHeader.from_sequence(VALUES)
        header.frame_num = 5
        assert header.frame_num == 5
        with pytest.raises(TypeError, match="unhashable"):
            hash(header)


class TestStreams:
    def test_columns_are_what_headers_say_one_by_one(self):
        words = np.random.default_rng(3).integers(0, 1 << 32, (50, 13), np.uint32)
        for layout, header in (
            (shipped(), StreamBufferHeader),
            (SDBufferHeaderFormat.from_id("wirefree-sd-layout-battery"), SDBufferHeader),
        ):
            columns = layout.decode(words)
            assert set(columns) == set(layout.positions())
            made = [header.from_format(row, layout) for row in words]
            for name, column in columns.items():
                assert column.tolist() == [getattr(one, name) for one in made]
            whole = layout.to_header_format().decode(words)
            assert np.array_equal(whole["frame_num"], columns["frame_num"])

    def test_too_few_words_are_refused(self):
        with pytest.raises(RefusedError, match=r"headers are of the shape \(4, 9\). Give \[buffer, 11 words or more\]"):
            shipped().decode(np.zeros((4, 9), np.uint32))

    def test_little_is_imported(self):
        script = "import sys, xjls.compat.mio; print(*{name.partition('.')[0] for name in sys.modules})"
        loaded = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.split()
        assert "xjls" in loaded
        assert not {"mio", "pydantic", "yaml", "numba", "xarray"} & set(loaded)
