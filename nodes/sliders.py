"""What a user can set, as rows of inputs, made from the core's tables.

Sliders are optional, so that a graph that was made before one of them came still runs.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from comfy_api.latest import io

from dreamtalk_core.parameters import Behaviour, Controls, Listener, Parameter, Sampling, parameters

from .schema import ADVANCED, SEED, nothing_comes_in

_LISTENER = {parameter.name: parameter for parameter in parameters(Listener)}
_EVERYDAY = {"blinks", "lips", "head"}
"""What many will turn when they sample."""
SAVED_AS = {"guidance_scale": "guidance"}
"""Settings whose inputs have another name: saved graphs hold it, and hosts know no second one."""


def sampling_inputs() -> list[Any]:
    """One for each setting of the core's `Sampling`."""
    return [_input(parameter) for parameter in parameters(Sampling)]


def settings_of(inputs: dict[str, Any]) -> dict[str, Any]:
    """Settings by the names that the core knows, from the values of inputs made here."""
    names = {saved: name for name, saved in SAVED_AS.items()}
    needed = [SAVED_AS.get(own.name, own.name) for own in parameters(Sampling)]
    for name, value in inputs.items():
        if value is None and name in needed:
            raise nothing_comes_in(name)
    settings = {names.get(name, name): value for name, value in inputs.items() if value is not None}
    # An input cannot be empty: 0, which is below the least, leaves the choice to the model.
    free = {parameter.name for parameter in parameters(Sampling) if parameter.default is None}
    return {name: value for name, value in settings.items() if value or name not in free}


def behaviour_inputs() -> list[io.Float.Input]:
    """One for each setting of the core's `Behaviour`."""
    return [_slider(parameter, folded=True) for parameter in parameters(Behaviour)]


def control_inputs(sampling: bool) -> list[io.Float.Input]:
    """One for each setting of the core's `Controls`; lips close only where speech is known.

    sampling: newer hosts fold away what is not for every day; elsewhere it is what one came for.
    """
    shown = [
        parameter for parameter in parameters(Controls) if sampling or parameter.name != "closure"
    ]
    return [_slider(parameter, folded=sampling) for parameter in shown]


def listening_input() -> io.Float.Input:
    """How strongly a face listens that hears somebody else."""
    return _slider(_LISTENER["listening"], folded=False)


def toward_input() -> io.Float.Input:
    """Where the one is to whom it listens."""
    return _slider(_LISTENER["toward"], folded=False, step=1.0)


def _input(parameter: Parameter) -> Any:
    kind = io.Int if parameter.kind is int else io.Float
    about: dict[str, Any] = {"tooltip": f"{parameter.help}."}
    about |= {"default": parameter.default, "min": parameter.least, "max": parameter.most}
    if parameter.name == "seed":
        about["control_after_generate"] = SEED["control_after_generate"]
    elif parameter.default is None:
        about |= {"default": 0, "min": 0, "optional": True, **ADVANCED}
        about["tooltip"] += " 0 leaves it to the model."
    if kind is io.Float:
        about["default"] = float(parameter.default)
        about["step"] = 0.001 if parameter.kind is Fraction else 0.05
    else:
        about["min"] = int(about["min"])
    return kind.Input(SAVED_AS.get(parameter.name, parameter.name), **about)


def _slider(parameter: Parameter, folded: bool, step: float = 0.05) -> io.Float.Input:
    return io.Float.Input(
        parameter.name,
        default=parameter.default,
        min=parameter.low,
        max=parameter.most,
        step=step,
        optional=True,
        tooltip=f"{parameter.help}.",
        **(ADVANCED if folded and parameter.name not in _EVERYDAY else {}),
    )
