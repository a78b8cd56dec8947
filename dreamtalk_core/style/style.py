"""Styles: how somebody speaks, as a code that the denoiser understands."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import StyleError
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.style.file import save_style


@dataclass(frozen=True)
class Heard:
    """What was heard in a voice: the likeliest emotion, and its probability, 0 to 1."""

    emotion: str
    probability: float

    @property
    def sure(self) -> bool:
        """Whether it is likelier than all others together."""
        return self.probability >= 0.5

    def __str__(self) -> str:
        percent = f"{100 * self.probability:.0f} %"
        return f"{self.emotion} ({percent})" if self.sure else f"unsure, {self.emotion} ({percent})"


@dataclass(frozen=True, eq=False)
class Style:
    """A speaking style.

    code: float32 [D], read-only. name: what it is called. source: where it came from.
    intensity: how strongly it shows; 0 not at all, 1 as it is, more exaggerates it. It multiplies
    the guidance of sampling. model: `fingerprint` of the model that understands the code; empty
    for a code whose model is not known, which is taken to fit. tags: words to find it by. clip:
    the performance that it was extracted from, if it was, so that another model can read it anew.
    thumbnail: a PNG of a face in this style, or nothing. heard: in the voice that it was predicted
    from, if it was.

    Raises StyleError for a code that is not a row of finite numbers, or an intensity below 0.
    """

    code: NDArray[np.float32]
    name: str
    source: str
    intensity: float = 1.0
    model: str = ""
    tags: tuple[str, ...] = ()
    clip: Motion | None = None
    thumbnail: bytes = b""
    heard: Heard | None = None

    def __post_init__(self) -> None:
        code = np.array(self.code, np.float32)
        if code.ndim != 1 or not code.size or not np.isfinite(code).all():
            raise StyleError(
                f"The code of style '{self.name}' is not a row of finite numbers. "
                "Extract it again from its clip."
            )
        if not 0 <= self.intensity < math.inf:
            raise StyleError(
                f"The intensity of style '{self.name}' is {self.intensity}; give a number from 0 "
                "up, usually to 2."
            )
        code.flags.writeable = False
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "intensity", float(self.intensity))

    def save(self, path: str | Path) -> None:
        """Write a style file (`.safetensors`), see `dreamtalk_core.style.file`."""
        save_style(self, path)


@dataclass(frozen=True, eq=False)
class StyleTrack:
    """A style that changes over a line.

    keys: (seconds, Style) with strictly increasing times from 0 up, at least one. Between two keys
    the style goes over from one to the other, slowly at both ends (smoothstep); before the first
    key and after the last it is held.

    Raises StyleError if this does not hold, or if the styles belong to different models.
    """

    keys: tuple[tuple[float, Style], ...]

    def __post_init__(self) -> None:
        keys = tuple((float(time), style) for time, style in self.keys)
        if not keys:
            raise StyleError("A style that changes over a line needs at least one key.")
        check_times([time for time, _ in keys])
        _common_model([style for _, style in keys])
        object.__setattr__(self, "keys", keys)

    def codes(self, times: ArrayLike) -> NDArray[np.float32]:
        """Style codes float32 [T, D] at times [T] in seconds."""
        return self._between(times, np.stack([style.code for _, style in self.keys]))

    def intensities(self, times: ArrayLike) -> NDArray[np.float32]:
        """Intensities float32 [T] at times [T] in seconds."""
        values = np.array([[style.intensity] for _, style in self.keys])
        return self._between(times, values)[:, 0]

    def _between(self, times: ArrayLike, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Values [T, V] at times [T], from values [K, V] at the keys."""
        at = np.array([time for time, _ in self.keys])
        # Where we are among the keys as one number: 1.25 is a quarter of the way from key 1 to 2.
        place = np.interp(np.asarray(times, np.float64), at, np.arange(len(at)))
        before = place.astype(int)
        after = np.minimum(before + 1, len(at) - 1)
        way = (place - before)[:, None]
        share = smoothstep(way)
        # Not a + share (b - a): this form is exact at both ends.
        return ((1 - share) * values[before] + share * values[after]).astype(np.float32)


def as_track(style: Style | StyleTrack) -> StyleTrack:
    """A style as a track that never changes; a track as it is."""
    return style if isinstance(style, StyleTrack) else StyleTrack(((0.0, style),))


def fingerprint(model: MotionModel) -> str:
    """Twelve hexadecimal digits that stand for the code space of a model.

    From the weights of the style encoder as the weights file holds them (float16), so a model has
    the same one before it is saved and after, on any device.
    """
    digest = hashlib.sha256()
    for name, value in sorted(model.style_encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.half().cpu().numpy().astype("<f2").tobytes())
    return digest.hexdigest()[:12]


def check_fits(style: Style | StyleTrack, model: MotionModel) -> None:
    """Raises StyleError, saying what to do, if this model does not understand the style."""
    for _, part in as_track(style).keys:
        check_space(part, model, f"Style '{part.name}'")


def mix_styles(parts: Sequence[tuple[Style, float]], name: str | None = None) -> Style:
    """A style between others.

    parts: (style, share), shares from 0 up; only their proportions count. Code and intensity are
    the means by shares. name: made from the parts' names and shares if left out.

    Raises StyleError for no parts, impossible shares, or styles of different models.
    """
    shares = np.array([share for _, share in parts], np.float64)
    total = float(shares.sum())
    if not (shares >= 0).all() or not 0 < total < math.inf:
        given = ", ".join(f"{style.name}: {share:g}" for style, share in parts)
        raise StyleError(
            f"Styles cannot be mixed in the shares ({given}). Give numbers from 0 up, at least one "
            "of them above 0, such as happy: 0.7, surprise: 0.3."
        )
    shares /= total
    styles = [style for style, _ in parts]
    model = _common_model(styles)
    return Style(
        (shares @ np.stack([style.code for style in styles]).astype(np.float64)).astype(np.float32),
        name or "+".join(f"{s.name}*{share:.2g}" for s, share in zip(styles, shares, strict=True)),
        "; ".join(dict.fromkeys(style.source for style in styles)),
        float(shares @ [style.intensity for style in styles]),
        model,
    )


def check_times(times: Sequence[float]) -> None:
    rising = all(a < b for a, b in pairwise(times))
    if not rising or not 0 <= times[0] <= times[-1] < math.inf:
        raise StyleError(
            f"The times of a changing style must rise from 0 up, not be "
            f"{', '.join(f'{time:g}' for time in times)} s. Write it as neutral@0, angry@2.5."
        )


def _common_model(styles: Iterable[Style]) -> str:
    """The model that all of these belong to. Raises StyleError if there is none."""
    spaces = {(len(style.code), style.model): style for style in styles}
    models = {model for _, model in spaces} - {""}
    if len(models) > 1 or len({width for width, _ in spaces}) > 1:
        names = " and ".join(f"'{style.name}'" for style in spaces.values())
        raise StyleError(
            f"The styles {names} belong to different models. Extract them again with one model."
        )
    return models.pop() if models else ""


def check_space(style: Style, model: MotionModel, what: str) -> None:
    ours, width = fingerprint(model), model.config.style_encoder.style
    if style.model not in ("", ours) or len(style.code) != width:
        raise StyleError(
            f"{what} belongs to another model ({style.model or 'unknown'}, {len(style.code)} "
            f"numbers) than the one in use ({ours}, {width} numbers), which cannot understand it. "
            "Extract it again with this model, or mix or predict it again; it came from: "
            f"{style.source}."
        )
