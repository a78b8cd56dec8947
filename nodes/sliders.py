"""The sliders of a face, as rows of inputs: the living face, and the animator's controls.

They are optional, so that a graph that was made before one of them came still runs.
"""

from __future__ import annotations

from comfy_api.latest import io

from .schema import ADVANCED

_LIVING = {
    "blinks": "How often the eyes blink: 0 never, 1 about 17 times a minute.",
    "gaze": "Size of the gaze shifts: 0 stares, 1 is natural.",
    "gestures": "Size of nods, turns and brow flashes that follow the voice.",
    "idle": "Size of sway, breathing and the like, which go on in silence.",
}
_STRENGTHS = {
    "lips": "Strength of the lips: 1 as sampled. Lower it if they overact.",
    "jaw": "Strength of the jaw: 1 as sampled.",
    "brows": "Strength of the brows: 1 as sampled.",
    "eyes": "Strength of lids and gaze: 1 as sampled.",
    "cheeks": "Strength of cheeks and nose: 1 as sampled.",
    "head": "Strength of the turns of the head: 0 holds it still.",
}
_LIMITS = {
    "smoothing": (0.0, 0.0, "Takes out what is quick: 0 nothing, 1 all but slow moves."),
    "max_opening": (1.0, 0.0, "The widest that the jaw may open."),
    "asymmetry": (0.0, -1.0, "Above 0 the character's right side moves less, below 0 the left."),
}
_CLOSURE = (1.0, 0.0, "How firmly the lips meet at p, b and m, and bite at f and v.")
_EVERYDAY = {"blinks", "lips", "head"}
"""What many will turn when they sample."""


def living_inputs() -> list[io.Float.Input]:
    """One for each field of the core's `Living`."""
    return [_slider(name, 1.0, 0.0, 3.0, meaning, True) for name, meaning in _LIVING.items()]


def control_inputs(sampling: bool) -> list[io.Float.Input]:
    """One for each field of the core's `Controls`; lips close only where speech is known.

    sampling: newer hosts fold away what is not for every day; elsewhere it is what one came for.
    """
    limits = {"closure": _CLOSURE, **_LIMITS} if sampling else _LIMITS
    return [
        *(_slider(name, 1.0, 0.0, 3.0, meaning, sampling) for name, meaning in _STRENGTHS.items()),
        *(
            _slider(name, default, least, 1.0, meaning, sampling)
            for name, (default, least, meaning) in limits.items()
        ),
    ]


def _slider(
    name: str, default: float, least: float, most: float, meaning: str, folded: bool
) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=default,
        min=least,
        max=most,
        step=0.05,
        optional=True,
        tooltip=meaning,
        **(ADVANCED if folded and name not in _EVERYDAY else {}),
    )
