"""Styles: how somebody speaks, as a code that the denoiser understands.

Styles can be named, taken from a clip, mixed, kept in a file, and changed over a line. All of it
can be written as text, see `parse_style`.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.numpy import save

from dreamtalk_core.errors import ModelError, StyleError
from dreamtalk_core.files import atomic_write, check_target
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.motion import Motion
from dreamtalk_core.weights import open_weights

MIN_SECONDS = 1.0
MAX_FRAMES = 256
"""Longer clips are read in pieces of at most this many frames whose codes are averaged."""

FORMAT = "dreamtalk-style"
VERSION = 1
SUFFIX = ".safetensors"


@dataclass(frozen=True, eq=False)
class Style:
    """A speaking style.

    code: float32 [D], read-only. name: what it is called. source: where it came from.
    intensity: how strongly it shows; 0 not at all, 1 as it is, more exaggerates it. It multiplies
    the guidance of sampling. model: `fingerprint` of the model that understands the code; empty
    for a code whose model is not known, which is taken to fit.

    Raises StyleError for a code that is not a row of finite numbers, or an intensity below 0.
    """

    code: NDArray[np.float32]
    name: str
    source: str
    intensity: float = 1.0
    model: str = ""

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
        """Write a style file (`.safetensors`), whole or not at all; `load_style_file` reads it.

        Raises StyleError for another suffix or a style whose model is not known, DreamTalkError
        where the file cannot be written.
        """
        check_style_path(path)
        if not self.model:
            raise StyleError(
                f"Style '{self.name}' does not say which model it belongs to. Make it with "
                "extract_style, or give Style(..., model=fingerprint(model))."
            )
        header = {
            "format": FORMAT,
            "version": str(VERSION),
            "name": _writable(self.name),
            "source": _writable(self.source),
            "intensity": repr(self.intensity),
            "model": self.model,
        }
        with atomic_write(path) as temporary:
            temporary.write_bytes(save({"code": self.code}, header))


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
        _check_times([time for time, _ in keys])
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
        share = way * way * (3 - 2 * way)
        # Not a + share (b - a): this form is exact at both ends.
        return ((1 - share) * values[before] + share * values[after]).astype(np.float32)


def as_track(style: Style | StyleTrack) -> StyleTrack:
    """A style as a track that never changes; a track as it is."""
    return style if isinstance(style, StyleTrack) else StyleTrack(((0.0, style),))


def named_style(model: MotionModel, name: str) -> Style:
    """A style that ships with the model. Raises StyleError, listing the names, if there is none."""
    if name not in model.styles:
        raise StyleError(
            f"There is no style '{name}'. This model has: {', '.join(sorted(model.styles))}."
        )
    code = model.styles[name].cpu().numpy()
    return Style(code, name, "shipped with the model", model=fingerprint(model))


def extract_style(model: MotionModel, motion: Motion, name: str, source: str) -> Style:
    """The style of a clip of facial motion, at least one second long.

    Raises StyleError for a shorter clip.
    """
    if motion.duration < MIN_SECONDS:
        raise StyleError(
            f"{source} lasts {float(motion.duration):.2f} s; a style needs at least "
            f"{MIN_SECONDS:g} s."
        )
    clip = motion.to_arkit().resample(model.config.fps)
    head = clip.head_rotation - clip.head_rotation.mean(0)
    values = torch.from_numpy(np.concatenate([clip.weights, head], 1)).to(model.mean.device)
    # Pieces of nearly the same length: none is too short to tell anything.
    pieces = values.tensor_split(math.ceil(len(values) / MAX_FRAMES))
    with torch.inference_mode():
        code = sum(
            model.style_encoder(model.normalise(piece)[None])[0] * (len(piece) / len(values))
            for piece in pieces
        )
    return Style(code.cpu().numpy(), name, source, model=fingerprint(model))


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
        _check_space(part, model, f"Style '{part.name}'")


def check_style_path(path: str | Path) -> None:
    """Raises StyleError for another suffix than `.safetensors`, DreamTalkError where no file
    can be written; for a check before any work.
    """
    if Path(path).suffix.lower() != SUFFIX:
        raise StyleError(f"{path} does not end in {SUFFIX}. A style file needs that ending.")
    check_target(Path(path))


def load_style_file(path: str | Path, model: MotionModel) -> Style:
    """Read a file that `Style.save` wrote.

    Raises StyleError when there is no such file, when it is something else or damaged, or when the
    style belongs to another model.
    """
    path = Path(path)
    if not path.is_file():
        raise StyleError(f"There is no style file {path}. Check the name and the folder.")
    try:
        tensors, header = open_weights(path)
    except ModelError as error:
        raise StyleError(
            f"{path} is damaged or no style file. Give one that was saved as a style."
        ) from error
    if header.get("format") != FORMAT:
        raise StyleError(
            f"{path} holds {header.get('format', 'something else')}, not a style. Give a file that "
            "was saved as a style."
        )
    if header.get("version") != str(VERSION):
        raise StyleError(
            f"{path} is a style file of version {header.get('version')}; this release reads "
            f"version {VERSION}. Update DreamTalk, or extract the style again."
        )
    try:
        style = Style(
            tensors["code"].numpy(),
            header["name"],
            header["source"],
            float(header["intensity"]),
            header["model"],
        )
    except (KeyError, TypeError, ValueError, StyleError) as error:
        raise StyleError(f"{path} is damaged ({error}). Extract the style again.") from error
    _check_space(style, model, str(path))
    return style


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


def parse_style(text: str, resolve: Callable[[str], Style]) -> Style | StyleTrack:
    """A style, or a style that changes, written as text.

        angry                           a name
        takes/rage.csv                  a file
        angry*1.5                       half as strong again
        happy*0.7+surprise*0.3          a mix; without numbers in equal shares
        neutral@0, angry*1.5@2.5        over time: neutral at the start, angry at 2.5 s

        line = key ("," key)*      key = mix ["@" seconds]
        mix = term ("+" term)*     term = name ["*" number]

    A file name that holds one of , @ + * stands in double quotes, unless it is the whole text and
    the file exists. resolve: makes a Style of a name or file name; called once for each, after all
    of the text has been understood. The number of a single term multiplies the style's intensity.

    Raises StyleError for what cannot be understood, besides what `resolve` raises.
    """
    if _is_file(text):
        return resolve(text)
    if text.count('"') % 2:
        raise _misread(text, "a double quote is not closed", '"my take, loud.csv"*1.5')
    pieces = _split(text, ",")
    keys = [_read_key(piece) for piece in pieces]
    resolve_once = cache(resolve)
    if len(keys) == 1 and keys[0][0] is None:
        return _make_mix(keys[0][1], resolve_once)
    times = []
    for piece, (time, _) in zip(pieces, keys, strict=True):
        if time is None:
            raise _misread(
                piece,
                "where several styles follow each other, each needs its time in seconds, and "
                "numbers have a decimal point, not a comma",
                "neutral@0, angry@2.5",
            )
        times.append(time)
    _check_times(times)
    mixes = [_make_mix(mix, resolve_once) for _, mix in keys]
    return StyleTrack(tuple(zip(times, mixes, strict=True)))


_Mix = list[tuple[str, float | None]]
"""Terms of a mix: name or file name, and its number if one was given."""

_NUMBER = re.compile(r"\d{1,9}(\.\d{0,9})?|\.\d{1,9}", re.ASCII)
_QUOTES = "a file name that holds one of , @ + * stands in double quotes"


def _read_key(text: str) -> tuple[float | None, _Mix]:
    """Time in seconds, if there is one, and what is to be mixed."""
    mix, *times = _split(text, "@")
    if len(times) > 1:
        raise _misread(text, f"there is more than one @; {_QUOTES}", "neutral@0, angry@2.5")
    time = _read_number(times[0], text, "a time in seconds", "angry@2.5") if times else None
    terms = [_read_term(term, text) for term in _split(mix, "+")]
    if len({number is None for _, number in terms}) > 1:
        raise _misread(text, "give every style of a mix a share, or none", "happy*0.7+surprise*0.3")
    return time, terms


def _read_term(text: str, around: str) -> tuple[str, float | None]:
    name, *numbers = _split(text, "*")
    if len(numbers) > 1:
        raise _misread(text, f"there is more than one *; {_QUOTES}", "angry*1.5")
    number = _read_number(numbers[0], text, "a number from 0 up", "angry*1.5") if numbers else None
    if len(name) > 1 and name[0] == name[-1] == '"' and name.count('"') == 2:
        name = name[1:-1]
    elif '"' in name:
        raise _misread(text, "double quotes stand around a whole name", '"my take, loud.csv"*1.5')
    if not name:
        raise _misread(around, "a style is missing", "neutral@0, happy+surprise@2.5")
    return name, number


def _read_number(text: str, around: str, what: str, example: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _misread(around, f"'{text}' is not {what}; {_QUOTES}", example)
    return float(text)


def _split(text: str, mark: str) -> list[str]:
    """Parts of a text between the marks outside double quotes, without the space around them."""
    # Outside: an even number of quotes follows.
    marks = rf'{re.escape(mark)}(?=(?:[^"]*"[^"]*")*[^"]*$)'
    return [part.strip() for part in re.split(marks, text)]


def _make_mix(mix: _Mix, resolve: Callable[[str], Style]) -> Style:
    if len(mix) == 1:
        ((name, number),) = mix
        style = resolve(name)
        return style if number is None else replace(style, intensity=style.intensity * number)
    return mix_styles([(resolve(name), 1 if share is None else share) for name, share in mix])


def _misread(piece: str, why: str, example: str) -> StyleError:
    return StyleError(f"Cannot read the style '{piece}': {why}. Write it as {example}.")


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a file name, or characters that none can have
        return False


def _check_times(times: Sequence[float]) -> None:
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


def _check_space(style: Style, model: MotionModel, what: str) -> None:
    own, width = fingerprint(model), model.config.style_encoder.style
    if style.model not in ("", own) or len(style.code) != width:
        raise StyleError(
            f"{what} belongs to another model ({style.model or 'unknown'}, {len(style.code)} "
            f"numbers) than the one in use ({own}, {width} numbers), which cannot understand it. "
            f"Extract it again with this model; it came from: {style.source}."
        )


def _writable(text: str) -> str:
    """Text that UTF-8 can hold: a file name of another encoding may be part of it."""
    return text.encode("utf-8", "replace").decode("utf-8")
