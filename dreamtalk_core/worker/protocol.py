"""Messages of the worker: what a request may hold, and the message of an error."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from dreamtalk_core.errors import DreamTalkError, OutOfMemoryError, out_of_memory, shown
from dreamtalk_core.progress import Progress

PROTOCOL = 3

Answer = dict[str, Any]


class ProtocolError(DreamTalkError):
    """A request that is not understood."""


class Cancelled(DreamTalkError):
    """The request was cancelled."""


def no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def is_id(number: object) -> bool:
    """Whether a request may have this id, or none."""
    if isinstance(number, str):
        return len(number) <= 100
    if isinstance(number, float):
        return math.isfinite(number)
    # Python's True is a number, JSON's is not.
    return number is None or (type(number) is int and abs(number) < 1 << 63)


def error_message(error: Exception) -> Answer:
    if out_of_memory(error):
        error = OutOfMemoryError()
    if isinstance(error, DreamTalkError):
        return {"kind": type(error).__name__, "message": str(error)}
    return {"kind": "Failure", "message": shown(f"{type(error).__name__}: {error}", 1000)}


# What a parameter may be, by its annotation, and how that is called in JSON.
KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a text"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "int": (lambda value: type(value) is int, "a whole number"),
    "float": (lambda value: _is_number(value), "a number"),
    "str | int": (lambda value: isinstance(value, str) or type(value) is int, "a text or number"),
    "str | int | float": (
        lambda value: isinstance(value, str) or _is_number(value),
        "a text or a number",
    ),
    "list[str]": (lambda value: _are_texts(value), "a list of texts"),
    "list[str] | None": (lambda value: value is None or _are_texts(value), "a list of texts"),
    "dict[str, list[float]] | None": (
        lambda value: value is None or _are_places(value),
        "names with lists of numbers",
    ),
}
_TYPES: Mapping[type[Any], str] = {
    float: "float",
    int: "int",
    Fraction: "str | int | float",
    str: "str",
    Path: "str",
}


@cache
def settings_kinds() -> Mapping[str, str]:
    """Kinds of the settings, by name."""
    # Not before it is asked for: they need numpy, and the worker starts without, to say so.
    from dreamtalk_core.parameters import parameters, tables
    from dreamtalk_core.pipeline.load import model_tables

    return {
        parameter.name: _TYPES[parameter.kind]
        for table in (*tables(), *model_tables())
        for parameter in parameters(table)
    }


def _is_number(value: object) -> bool:
    """Finite: JSON itself knows no other, but 1e999 becomes one."""
    whole = type(value) is int and abs(value) < 1 << 63
    return whole or (isinstance(value, float) and math.isfinite(value))


def _is_text(text: str) -> bool:
    """No zero and no half of a pair, which JSON can write and no file's name can have."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _are_places(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(place, list) and all(map(_is_number, place)) for place in value.values()
    )


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def bound(
    method: Callable[..., Answer], progress: Progress, params: dict[str, Any]
) -> Callable[[], Answer]:
    """The call of a method. Raises ProtocolError for parameters that it does not take."""
    signature = inspect.signature(method)
    try:
        signature.bind(progress, **params)
    except TypeError as error:
        raise ProtocolError(f"{method.__name__}: {error}.") from error
    kinds = {parameter.name: parameter.annotation for parameter in signature.parameters.values()}
    if kinds.pop("settings", None):
        kinds |= settings_kinds()
    for name, value in params.items():
        if name not in kinds:
            near = get_close_matches(name, kinds, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ProtocolError(f"{method.__name__} takes no '{shown(name)}'.{hint}")
        fits, kind = KINDS[kinds[name]]
        if not fits(value):
            raise ProtocolError(f"{method.__name__}: {name} must be {kind}.")
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and not _is_text(text) for text in texts):
            raise ProtocolError(f"{method.__name__}: {name} has a letter that is none.")
    return lambda: method(progress, **params)
