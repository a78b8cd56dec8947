"""The sliders of a face, as rows of inputs: its behaviour, and the animator's controls.

They are optional, so that a graph that was made before one of them came still runs.
"""

from __future__ import annotations

from comfy_api.latest import io

from dreamtalk_core.parameters import Behaviour, Controls, Parameter, parameters

from .schema import ADVANCED

_EVERYDAY = {"blinks", "lips", "head"}
"""What many will turn when they sample."""


def behaviour_inputs() -> list[io.Float.Input]:
    """One for each setting of the core's `Behaviour`."""
    return [_slider(own, folded=True) for own in parameters(Behaviour)]


def control_inputs(sampling: bool) -> list[io.Float.Input]:
    """One for each setting of the core's `Controls`; lips close only where speech is known.

    sampling: newer hosts fold away what is not for every day; elsewhere it is what one came for.
    """
    shown = [own for own in parameters(Controls) if sampling or own.name != "closure"]
    return [_slider(own, folded=sampling) for own in shown]


def _slider(own: Parameter, folded: bool) -> io.Float.Input:
    return io.Float.Input(
        own.name,
        default=own.default,
        min=own.low,
        max=own.most,
        step=0.05,
        optional=True,
        tooltip=f"{own.help}.",
        **(ADVANCED if folded and own.name not in _EVERYDAY else {}),
    )
