"""What a recording says of its samples: the records ``config`` at its beginning and ``footer`` at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Self, TypeAlias

from xjls.errors import CorruptError, UnsupportedError

DataFormat: TypeAlias = Literal["raw", "float32_v2", "none"]
FIELDS = ("current", "voltage", "power", "current_range", "current_lsb", "voltage_lsb")
"""What samples and reductions are of, in the order of their numbers."""
_MOST_SAMPLES = 1 << 40
_SLOWEST, _FASTEST = 1e-6, 1e12
"""Hz that an instrument may have."""
_VERSIONS = ("1", "2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The facts of a recording.

    Examples
    --------
    >>> config = Config(rate_hz=Fraction(2_000_000), samples_per_reduction=20_000, samples_per_tlv=400_000,
    ...                 samples_per_block=2_000_000)
    >>> Config.decode(config.encode()) == config
    True
    >>> config.tlvs_per_block
    5
    """

    rate_hz: Fraction
    """Samples a second; 0 in a recording without any."""
    samples_per_reduction: int
    samples_per_tlv: int
    """Samples of each record of them but the last."""
    samples_per_block: int
    fields: tuple[str, ...] = FIELDS
    """What reductions are of."""
    data_format: DataFormat = "raw"
    reduction_format: Literal["v1", "v2"] = "v2"
    version: str = "2"

    @property
    def tlvs_per_block(self) -> int:
        """Records of samples in each block but the last; 0 in a recording without any."""
        return self.samples_per_block // max(self.samples_per_tlv, 1)

    @property
    def reductions_bytes(self) -> int:
        """Bytes of the value that holds the reductions of a full block."""
        rows = self.samples_per_block // max(self.samples_per_reduction, 1)
        if self.reduction_format == "v1":
            return 16 * rows * len(self.fields)
        # A head for 25 arrays: 64-bit counts, and four numbers of each field
        return 216 + 8 * rows + 4 * len(FIELDS) * (4 * rows + 4 * (rows % 2))

    def encode(self) -> bytes:
        """Return the value of the record."""
        rate = self.rate_hz
        facts = {
            "type": "config", "data_recorder_format_version": self.version,
            "sampling_frequency": rate.numerator if rate.denominator == 1 else float(rate),
            "samples_per_reduction": self.samples_per_reduction, "samples_per_tlv": self.samples_per_tlv,
            "samples_per_block": self.samples_per_block, "reduction_fields": list(self.fields),
            "data_format": self.data_format, "reduction_format": self.reduction_format,
        }  # fmt: skip
        return json.dumps(facts).encode()

    @classmethod
    def decode(cls, value: bytes, path: str = "", offset: int = -1) -> Self:
        """Decode the value of the record; what older recordings do not say has its default.

        Raises
        ------
        UnsupportedError
            A version, or a form of data, that is not known.
        CorruptError
            It is no such record, or its numbers cannot be.
        """
        facts = decode_json(value, path, offset)
        if "data_recorder_format_version" not in facts and "reductions" in facts:
            raise UnsupportedError(
                "the recording is of a generation before 0.3 of Joulescope's software, and has another layout", path,
                offset, "Convert it with the software that wrote it.",
            )  # fmt: skip
        try:
            made = cls._of(facts)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            problem = f"the configuration cannot be read ({type(error).__name__}: {error})"
            raise CorruptError(problem, path, offset) from None
        known = made.data_format in ("raw", "float32_v2", "none") and made.reduction_format in ("v1", "v2")
        if made.version not in _VERSIONS or not known:
            told = f"version {made.version!r} with data {made.data_format!r} and reductions {made.reduction_format!r}"
            raise UnsupportedError(f"the recording is of {told}, which xjls does not read", path, offset)
        return made

    @classmethod
    def _of(cls, facts: Mapping[str, Any]) -> Self:
        sizes = [facts[f"samples_per_{what}"] for what in ("reduction", "tlv", "block")]
        rate, data_format = facts["sampling_frequency"], facts.get("data_format", "raw")
        empty = data_format == "none" and not any(sizes)
        if any(isinstance(number, bool) or not isinstance(number, int) for number in sizes):
            raise ValueError(f"sizes {sizes} are not whole numbers")
        reduction, tlv, block = sizes
        if not empty and not (0 < reduction <= tlv <= block < _MOST_SAMPLES and tlv % reduction == block % tlv == 0):
            raise ValueError(f"sizes {sizes} do not fit into one another")
        if isinstance(rate, bool | str) or not (_SLOWEST <= rate <= _FASTEST or (empty and rate == 0)):
            raise ValueError(f"a rate of {rate!r}")
        fields = facts.get("reduction_fields", list(FIELDS[:3]))
        if not isinstance(fields, list) or not fields or len(set(map(str, fields)) & set(FIELDS)) < len(fields):
            raise ValueError(f"reductions of {fields!r}")
        return cls(
            rate_hz=_rate(rate), samples_per_reduction=reduction, samples_per_tlv=tlv, samples_per_block=block,
            fields=tuple(fields), data_format=data_format,
            reduction_format=facts.get("reduction_format", "v1"),
            version=str(facts.get("data_recorder_format_version", "1")),
        )  # fmt: skip


def _rate(number: float) -> Fraction:
    """Return a rate as a fraction: 1/3 Hz where it was meant."""
    simple = Fraction(number).limit_denominator(1_000_000)
    return simple if float(simple) == float(number) else Fraction(number)


def encode_footer(size: int) -> bytes:
    """Return the value of the footer of a recording of so many samples.

    Examples
    --------
    >>> decode_footer(encode_footer(5))
    5
    """
    return json.dumps({"type": "footer", "size": size}).encode()


def decode_footer(value: bytes, path: str = "", offset: int = -1) -> int:
    """Return the samples of a recording, as its footer says."""
    size = decode_json(value, path, offset).get("size")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < _MOST_SAMPLES:
        raise CorruptError(f"the footer says that there are {size!r} samples", path, offset)
    return size


def decode_json(value: bytes, path: str = "", offset: int = -1) -> Mapping[str, Any]:
    """Return the object that a value is in JSON; bare NaN is taken too."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"what should be JSON is none ({error})", path, offset) from None
    if not isinstance(found, dict):
        raise CorruptError(f"JSON is {type(found).__name__}, expected an object", path, offset)
    return found
