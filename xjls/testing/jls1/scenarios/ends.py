"""What stands around the samples, and files that lack an end or a middle."""

from __future__ import annotations

from xjls.testing.jls1.definition import Definition
from xjls.testing.jls1.records import records_of
from xjls.testing.jls1.scenarios.raw import raw
from xjls.testing.jls1.scenarios.registry import Made, scenario
from xjls.testing.jls1.scenarios.rows import floats_of
from xjls.testing.jls1.writer import encode

NOTES = {"name": "größer ☃", "list": [1, 2.5, None, True], "nested": {"a": {}}}

# ---- user data -----------------------------------------------------------------------------------------------------


@scenario
def user_data() -> Definition:
    """Have JSON before the samples and behind them."""
    return raw(300, user_data=NOTES, footer_user_data=["the end", 1])


@scenario
def binary_user_data() -> Definition:
    """Have bytes before the samples and behind them."""
    return raw(300, user_data=bytes(range(256)), footer_user_data=b"\0the end")


@scenario
def deflated_metadata() -> Definition:
    """Deflate all that is no sample."""
    return raw(300, user_data=NOTES, footer_user_data=NOTES, deflated=True)


# ---- empty ---------------------------------------------------------------------------------------------------------


@scenario
def empty() -> Definition:
    """Record nothing."""
    return Definition(calibration=None)


@scenario
def empty_with_user_data() -> Definition:
    """Record nothing, with a calibration and notes."""
    return Definition(user_data=NOTES)


# ---- unfinished ----------------------------------------------------------------------------------------------------


@scenario
def unfinished() -> Definition:
    """Be killed with whole records written."""
    return raw(1600, seed=20, is_closed=False, v_ranges=(0, 1))


@scenario
def unfinished_in_the_first_block() -> Definition:
    """Be killed before any block has an end."""
    return raw(160, seed=21, is_closed=False)


@scenario
def unfinished_floats() -> Definition:
    """Be killed while calibrated samples are stored."""
    return Definition(floats=floats_of(1600, "c"), is_closed=False)


@scenario
def unfinished_torn() -> Made:
    """Be killed within a record."""
    definition = raw(1600, seed=22, is_closed=False)
    return Made(encode(definition)[:-100], definition, size=1520, is_whole=False)


# ---- copies that were cut off --------------------------------------------------------------------------------------


@scenario
def cut_within_samples() -> Made:
    """Be a copy that ends within the second record of the fifth block."""
    definition = raw(seed=23, v_ranges=(0, 1))
    data = encode(definition)
    ninth = [span for span in records_of(data) if span.tag == "ABN"][13]
    return Made(data[: ninth.offset + 50], definition, size=13 * 80, is_whole=False)


@scenario
def cut_within_the_footer() -> Made:
    """Be a copy that lacks its last 20 bytes."""
    definition = raw(seed=24)
    return Made(encode(definition)[:-20], definition, is_whole=False)


@scenario
def cut_behind_a_block() -> Made:
    """Be a copy that ends where a block does."""
    definition = raw(seed=25)
    data = encode(definition)
    third = [span for span in records_of(data) if span.tag == "CLE"][2]
    return Made(data[: third.stop], definition, size=720, is_whole=False)


# ---- broken records ------------------------------------------------------------------------------------------------


@scenario
def broken_records() -> Made:
    """Have two records of samples with a wrong checksum, one of them the last of a block."""
    definition = raw(seed=26)
    data = bytearray(encode(definition))
    spans = [span for span in records_of(bytes(data)) if span.tag == "ABN"]
    for number in (4, 8):
        data[spans[number].offset + 100] ^= 0x10
    return Made(bytes(data), definition, lost=((320, 400), (640, 720)), is_whole=False)


@scenario
def broken_floats() -> Made:
    """Have a broken record of calibrated samples."""
    definition = Definition(floats=floats_of(1000, "c"))
    data = bytearray(encode(definition))
    spans = [span for span in records_of(bytes(data)) if span.tag == "ABN"]
    data[spans[5].stop - 20] ^= 1
    return Made(bytes(data), definition, lost=((400, 480),), is_whole=False)


@scenario
def broken_rows() -> Made:
    """Have reductions with a wrong checksum at the end of two blocks."""
    definition = raw(seed=27)
    data = bytearray(encode(definition))
    ends = [span for span in records_of(bytes(data)) if span.tag == "CLE"]
    for number in (1, 4):
        data[ends[number].offset + 300] ^= 0x80
    return Made(bytes(data), definition, is_whole=False)
