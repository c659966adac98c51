"""Classes whose annotations say what they hold: values by name, converted and validated as mio's models do."""

from __future__ import annotations

import inspect
import math
import operator
import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from xjls.compat.errors import RefusedError

__all__ = ["Model", "Rule", "ValidationError", "whole_number"]

_MISSING: Any = object()
_INTEGER = re.compile(r"\s*[+-]?\d+(_\d+)*(\.0*)?\s*", re.ASCII)


class ValidationError(RefusedError):
    """Values that a model does not take; what is wrong of each is in `errors`.

    Examples
    --------
    >>> print(ValidationError("BufferHeader", [("frame_num", "it is missing", None)]))
    BufferHeader is not valid: frame_num: it is missing. Give each field what is said here.
    """

    def __init__(self, title: str, wrong: list[tuple[str, str, Any]]) -> None:
        told = "; ".join(f"{name}: {problem}" for name, problem, _ in wrong)
        super().__init__(f"{title} is not valid: {told}", "Give each field what is said here.")
        self.args = (title, wrong)
        self.title = title

    def error_count(self) -> int:
        """Return how many fields are wrong."""
        return len(self.args[1])

    def errors(self) -> list[dict[str, Any]]:
        """Return what is wrong: the field in ``loc``, the sentence in ``msg``, the value in ``input``."""
        return [{"loc": (name,), "msg": problem, "input": value} for name, problem, value in self.args[1]]


class Rule(NamedTuple):
    """What a field takes."""

    convert: Callable[[Any], Any]
    """Raises ValueError with what is allowed."""
    default: Any
    """What it is if it is not given."""

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is _MISSING


class Model:
    """Values by name; subclasses say which, by annotations, and may add to those of their base."""

    model_fields: ClassVar[Mapping[str, Rule]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {
            name: Rule(_converter(annotation), vars(cls).get(name, _MISSING))
            for name, annotation in inspect.get_annotations(cls).items()
            if not name.startswith("_") and "ClassVar" not in str(annotation)
        }
        cls.model_fields = {**cls.model_fields, **own}

    def __init__(self, **values: Any) -> None:
        found, wrong = {}, []
        for name, rule in self.model_fields.items():
            if name not in values and rule.required:
                wrong.append((name, "it is missing", None))
                continue
            try:
                found[name] = rule.convert(values[name]) if name in values else rule.default
            except ValueError as error:
                wrong.append((name, str(error), values[name]))
        if wrong:
            raise ValidationError(type(self).__name__, wrong)
        self.__dict__.update(found)
        self._complete()

    @classmethod
    def model_construct(cls, **values: Any) -> Self:
        """Return a model of values as they are, not validated; what is not given has its default, or is not there."""
        made = cls.__new__(cls)
        for name, rule in cls.model_fields.items():
            if name in values or not rule.required:
                made.__dict__[name] = values.get(name, rule.default)
        made._complete()
        return made

    @classmethod
    def model_validate(cls, values: Mapping[str, Any]) -> Self:
        """Return a model of values by name."""
        return cls(**values)

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return a copy with some values changed, which are not validated."""
        made = type(self).__new__(type(self))
        made.__dict__.update({**self.__dict__, **(update or {})})
        return made

    def model_dump(self) -> dict[str, Any]:
        """Return the values by name."""
        return {name: self.__dict__[name] for name in self.model_fields if name in self.__dict__}

    def _complete(self) -> None:
        """Fill in what depends on other values; called once the values are there."""

    def _told(self) -> dict[str, Any]:
        return self.model_dump()

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self._told().items())
        return f"{type(self).__name__}({told})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    __hash__ = None  # type: ignore[assignment]  # values may be changed


def whole_number(value: Any) -> int:
    """Return a whole number: of a number, or of text that says one.

    Raises
    ------
    ValueError
        It is none.

    Examples
    --------
    >>> whole_number("1"), whole_number(8.0), whole_number(np.uint32(7)), whole_number(True)
    (1, 8, 7, 1)
    """
    problem = f"{reprlib.repr(value)} is no whole number"
    if isinstance(value, str | bytes | bytearray):
        text = value if isinstance(value, str) else bytes(value).decode("ascii", "replace")
        if not _INTEGER.fullmatch(text):
            raise ValueError(problem)
        return int(text.partition(".")[0])
    if isinstance(value, float | np.floating):
        if not math.isfinite(value) or value != int(value):
            raise ValueError(problem)
        return int(value)
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(problem) from None


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{reprlib.repr(value)} is no number") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{reprlib.repr(value)} is no text")  # noqa: TRY004  # the model tells it as a ValidationError
    return value


def _anything(value: Any) -> Any:
    return value


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {"int": whole_number, "float": _number, "str": _text}


def _converter(annotation: Any) -> Callable[[Any], Any]:
    """Return what converts values to an annotated type: numbers and text, or None where it allows that."""
    told = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    kinds = {kind.strip() for kind in told.removeprefix("Optional[").removesuffix("]").split("|")}
    optional = told.startswith("Optional[") or "None" in kinds
    convert = _CONVERTERS.get(next(iter(kinds - {"None"})), _anything) if len(kinds - {"None"}) == 1 else _anything
    return (lambda value: None if value is None else convert(value)) if optional else convert
