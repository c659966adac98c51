"""Header formats from YAML: mio's of either generation and our own; what is wrong is named with file and field."""

import numpy as np
import pytest

from xjls.errors import CorruptError, SelectionError
from xjls.formats.miniscope.header_files import load_header_format, read_header_file
from xjls.formats.miniscope.layouts import find_layout, sd_layout

STREAM = """\
id: {id}
mio_model: mio.models.stream.StreamBufferHeaderFormat
mio_version: 0.8.1
linked_list: 10
frame_num: 9
buffer_count: 8
frame_buffer_count: 7
write_buffer_count: 6
dropped_buffer_count: 5
timestamp: 4
write_timestamp: 3
pixel_count: 2
battery_voltage_raw: 1
input_voltage_raw: 0
"""
SD = """\
id: my-card
mio_model: mio.models.sdcard.SDLayout
sectors: {header: 1022, config: 1023, data: 1024, size: 512}
word_size: 4
config: {width: 0, height: 1}
buffer: {length: 0, data_length: 8, write_timestamp: 9, battery_voltage: 10}
"""
OWN = """\
id: my-scope
words: 13
preamble: 0x7856_3412
fields:
  frame_num: 1
  mcu_temperature_raw: {word: 0, bits: 16, signed: true, scale: 0.01, units: degC, invalid: 0x7fff}
  phase_error: {byte: 33}
  nibble: {byte: 33, first_bit: 4, bits: 4, value: amount, scale: 2, offset: 1}
  battery_voltage_raw: {word: 9, bits: 8}
  black_reference: {first_byte: 44, n_bytes: 4}
protobuf:
  first_byte: 8
  n_bytes: 8
  fields:
    3: {name: cold_raw, type: sint32, scale: 0.5}
crc: {word: 12, first_bit: 8, bits: 24, stop_byte: 49}
adc_scale: {ref_voltage: 2, bitdepth: 8, battery_div_factor: 4}
"""


def words_of(*headers):
    return np.array(headers, np.uint32)


@pytest.fixture
def written(tmp_path):
    def write(text, name="header.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


class TestFiles:
    def test_of_mio_with_every_position_permuted(self, written):
        made = load_header_format(written(STREAM.format(id="permuted")))
        assert (made.id, made.words) == ("permuted", 11)
        columns = made.decode(words_of(range(11)))
        assert [columns[n][0] for n in ("linked_list", "frame_num", "pixel_count", "input_voltage_raw")] == [
            10,
            9,
            2,
            0,
        ]
        assert columns["battery_voltage"] == pytest.approx([1 / 256 * 1.1 * 5])
        assert made.units["timestamp"] == "ms"

    def test_mio_ignores_what_it_does_not_know_and_so_does_xjls(self, written):
        made = read_header_file(written(STREAM.format(id="a") + "LSB: true\nextra: 11\nnote: later\nearly: -1\n"))
        assert "extra" in made.names
        assert not {"LSB", "note", "early"} & set(made.names)

    def test_layouts_of_sd_cards(self, written):
        made = load_header_format(written(SD))
        assert made.names == (*sd_layout(11).names,)
        assert made.decode(words_of(range(11)))["data_length"].tolist() == [8]
        plain = load_header_format(written("id: plain\nsectors: {data: 1024}\n"))
        assert plain.names == sd_layout(9).names

    def test_formats_of_sd_cards_have_defaults(self, written):
        made = read_header_file(
            written("mio_model: a.SDBufferHeaderFormat\nid: sd\nwrite_timestamp: 9\ndata_length: null")
        )
        assert made.names == tuple(name for name in sd_layout(10).names if name != "data_length")

    @pytest.mark.parametrize("key", ["POSITIONS", "positions"])
    def test_positions_of_newer_mio(self, written, key):
        made = read_header_file(written(f"{key}: {{frame_num: 3, own: 1, write_timestamp: null}}", "my.own file.yml"))
        assert (made.id, made.names, made.words) == ("my-own-file", ("own", "frame_num"), 4)

    def test_a_bare_mapping(self, written):
        assert read_header_file(written("{frame_num: 1, timestamp: 0}")).names == ("timestamp", "frame_num")

    def test_our_own(self, written):
        made = load_header_format(written(OWN))
        assert (made.id, made.words, made.preamble) == ("my-scope", 13, 0x7856_3412)
        words = np.zeros((1, 13), np.uint32)
        words[0, :4] = 0xFF38, 7, 0x0003_1802, 0  # the message: field 3 is -2
        words[0, 8:12] = 0x0000_5A00, 128, 0, 0x0403_0201
        made.crc.seal(words, preamble=made.preamble)
        columns = made.decode(words)
        got = {name: column[0].tolist() for name, column in columns.items()}
        assert got == {
            "frame_num": 7, "mcu_temperature_raw": -200, "mcu_temperature": -2.0, "phase_error": 0x5A, "nibble": 5,
            "amount": 11.0, "battery_voltage_raw": 128, "battery_voltage": 4.0, "black_reference": [1, 2, 3, 4],
            "cold_raw": -2, "cold": -1.0,
        }  # fmt: skip
        assert made.check(words).tolist() == [0]
        assert made.units == {"mcu_temperature": "degC", "battery_voltage": "V"}

    def test_without_a_scale_voltages_are_the_integers(self):
        made = load_header_format({"fields": {"battery_voltage_raw": 0}, "adc_scale": None})
        assert made.decode(words_of([189]))["battery_voltage"].tolist() == [189.0]
        assert made.units == {}

    def test_files_stay_as_they_are(self, written, tmp_path):
        path = written("frame_num: 1\nid: last\n")
        before = path.stat()
        load_header_format(str(path))
        assert path.read_text() == "frame_num: 1\nid: last\n"
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        assert [found.name for found in tmp_path.iterdir()] == ["header.yaml"]

    def test_other_ways(self):
        made = find_layout("sd-10")
        assert load_header_format(made) is made
        assert load_header_format("stream-buffer-header") is find_layout("stream-1")
        with pytest.raises(SelectionError, match="no header format has the id 'nope'"):
            load_header_format("nope")
        with pytest.raises(FileNotFoundError):
            load_header_format("nope.yaml")

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            (
                "frame_num: one",
                r"field 'frame_num' is 'one': .*header\.yaml\. Give the whole number of a word, from 0 on",
            ),
            ("frame_num: true", "field 'frame_num' is True"),
            ("frame_num: 1.5", "field 'frame_num' is 1.5"),
            ("frame_num: -1", "field 'frame_num' is in word -1.*Words are 0 to 255"),
            ("frame_num: 100000000000000000000", "Words are 0 to 255"),
            ("1: 2", "1 is no name of a field"),
            ("frame num: 2", "'frame num' is no name of a field"),
            ("id: 5\nframe_num: 1", "'id' is 5"),
            ("id: a.b\nframe_num: 1", "'a.b' is no id"),
            ("id: lone", "'lone' has no fields"),
            ("[1, 2]", "a header format is a mapping, not list"),
            ("", "a header format is a mapping, not NoneType"),
            ("{", "it is no YAML"),
            ("a: !!python/object:os.system {}", "it is no YAML"),
            ("\x07", "it is no YAML"),
            ("[" * 20_000, "it is no YAML"),
            (STREAM.format(id="a").replace("pixel_count: 2\n", ""), "StreamBufferHeaderFormat lacks pixel_count"),
            ("mio_model: x.BufferHeaderFormat", "BufferHeaderFormat lacks linked_list, frame_num"),
            ("header_len: 384\npreamble: 1", "configuration of a device"),
            ("POSITIONS: 5", "'POSITIONS' is no mapping"),
            ("buffer: [1]", "'buffer' is no mapping"),
            ("buffer: {length: x}", "field 'length' is 'x'"),
            ("fields: 5", "'fields' of the header format is 5. *"),
            ("fields: {}", "has no fields"),
            ("fields: {a: {}}", "field 'a' has no one place"),
            ("fields: {a: {word: 1, byte: 2}}", "Give either 'word' or 'byte'"),
            ("fields: {a: {word: 1, bit: 2}}", "field 'a' has 'bit'.*Allowed: word, byte, first_bit"),
            ("fields: {a: {word: x}}", "'word' of field 'a' is 'x'.*Give a whole number"),
            ("fields: {a: {word: 1, bits: true}}", "'bits' of field 'a' is True"),
            ("fields: {a: {word: 1, signed: 1}}", "'signed' of field 'a' is 1.*Give true or false"),
            ("fields: {a: {word: 1, bits: 40, first_bit: 30}}", "field 'a' has 40 bits from bit 30"),
            ("fields: {a: {word: 1, scale: 2}}", "no name for what it means"),
            ("fields: {a_raw: {word: 1, scale: .inf}}", "'a' has the scale inf"),
            ("fields: {a_raw: {word: 1, scale: 1" + "0" * 400 + "}}", "'scale' of field 'a_raw' is too large"),
            ("fields: {a: {n_bytes: 2}}", "field 'a' lacks 'first_byte'"),
            ("fields: {a: {first_byte: -1, n_bytes: 2}}", "'a' has 2 bytes from byte -1 on"),
            ("fields: {5: {word: 2}}", "5 is no name of a field"),
            ("fields: {a: 1}\nwordz: 3", "the header format has 'wordz'.*Allowed: id, words"),
            ("fields: {a: 4}\nwords: 4", "has 4 words.*Its parts need 5"),
            ("fields: {a: 4}\ncrc: {word: 4}", "'crc' lacks 'stop_byte'"),
            ("fields: {a: 4}\ncrc: 4", "'crc' of the header format is 4.*Give a mapping"),
            ("fields: {a: 4}\nadc_scale: 4", "'adc_scale' of the header format is 4"),
            ("fields: {a: 4}\nadc_scale: {bitdepth: 80}", "'bitdepth' of 'adc_scale' is 80"),
            ("fields: {a: 4}\nprotobuf: {}", "'protobuf' lacks 'first_byte', 'n_bytes'"),
            ("protobuf: {first_byte: 0, n_bytes: 9, fields: {a: 1}}", "a field of 'protobuf' is 'a'"),
            ("protobuf: {first_byte: 0, n_bytes: 9, fields: {1: 1}}", "field 1 of 'protobuf' is 1"),
            ("protobuf: {first_byte: 0, n_bytes: 9, fields: {1: {type: x}}}", "field 1 of 'protobuf' lacks 'name'"),
            ("a: " + "x" * (1 << 20), "at most 1_048_576 bytes"),
        ],
    )
    def test_errors_name_the_file_the_field_and_what_is_allowed(self, written, text, match):
        with pytest.raises(CorruptError, match=match) as caught:
            load_header_format(written(text))
        assert caught.value.path.endswith("header.yaml")
        assert len(str(caught.value)) < 700
