"""Maya ASCII (.ma): a transform `DreamTalk` whose attributes are animated, to be imported.

It has an attribute for every channel, 0..1, and turns as the head does (degrees, rotate order zxy,
which is the motion's own). Curves are straight between keys; frame i lies at frame i of a scene
with the motion's rate, which the file sets, where Maya has a name for it; at another rate keys lie
between the frames of 30 a second. How the motion was made is in its `fileInfo`. Connect the
attributes to a blendShape node once, in MEL:

    for ($a in `listAttr -ud DreamTalk`)
        if (`attributeExists $a blendShape1`)
            connectAttr -f ("DreamTalk." + $a) ("blendShape1." + $a);
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._keys import Keys, from_keys, kept
from dreamtalk_core.formats._text import unquoted
from dreamtalk_core.motion.rotation import quaternions

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

NODE = "DreamTalk"
_UNITS = {
    Fraction(24): "film",
    Fraction(25): "pal",
    Fraction(30): "ntsc",
    Fraction(48): "show",
    Fraction(50): "palf",
    Fraction(60): "ntscf",
    Fraction(15): "game",
    Fraction(24000, 1001): "23.976fps",
    Fraction(30000, 1001): "29.97fps",
    Fraction(60000, 1001): "59.94fps",
    Fraction(48000, 1001): "47.952fps",
    **{Fraction(rate): f"{rate}fps" for rate in (10, 12, 16, 20, 40, 75, 80, 100, 120)},
}
_RATES = {unit: rate for rate, unit in _UNITS.items()}
_ANGLES = ("rotateX", "rotateY", "rotateZ")
_A_ROW = 8  # keys in a line
_UNIT = re.compile(r"^currentUnit .*-t(?:ime)? \"?([\w.]+)\"?;", re.MULTILINE)
_CURVE = re.compile(
    r'^createNode animCurve(T[UA]) -n "([^"]+)";(.*?)(?=^\S|\Z)', re.MULTILINE | re.DOTALL
)
_COUNT = re.compile(r'setAttr -s (\d{1,9}) "\.ktv')
_KEYS = re.compile(r'setAttr (?:-s \d{1,9} )?"\.ktv\[[\d:]+\]"([^;"]*);')
_MADE = re.compile(r'^fileInfo "DreamTalk" ("(?:[^"\\\n]|\\.)*");', re.MULTILINE)


def read(path: Path) -> Content:
    """Read the animation curves of a scene: those of numbers are channels, those of `rotateX`, Y
    and Z turn the head. Raises `MotionError` if there are none, or it is cut off."""
    text = path.read_text(encoding="utf-8-sig")
    unit = _UNIT.search(text)
    if unit is None or unit[1] not in _RATES or "// End of" not in text[-2000:]:
        raise MotionError(
            f"{path} is no Maya ASCII scene with a usual frame rate, or is cut off. Save it again."
        )
    fps = _RATES[unit[1]]
    curves: dict[str, Keys] = {}
    angles: dict[str, Keys] = {}
    for kind, name, body in _CURVE.findall(text):
        keys = _keys(body, fps, path)
        if kind == "TU":
            curves[name.removeprefix(f"{NODE}_")] = keys
        elif name.removeprefix(f"{NODE}_") in _ANGLES:
            angles[name.removeprefix(f"{NODE}_")] = keys
    made = _MADE.search(text)
    head = _turned(angles) if len(angles) == 3 else None
    return from_keys(path, curves, fps, head, unquoted(made[1]) if made else None)


def _keys(body: str, fps: Fraction, path: Path) -> Keys:
    count, lists = _COUNT.search(body), _KEYS.findall(body)  # of many keys there are several lists
    try:
        if count is None:
            raise ValueError
        values = np.array([float(number) for some in lists for number in some.split()])
        values = values.reshape(-1, 2)
        if len(values) != int(count[1]):
            raise ValueError
    except ValueError as error:
        raise MotionError(f"{path} has a curve without keys: it is cut off or damaged.") from error
    return values[:, 0] / float(fps), values[:, 1]


def _turned(angles: dict[str, Keys]) -> Keys:
    """Quaternions where all three angles have keys; others are between these."""
    keys = [(np.asarray(angles[name][0]), np.asarray(angles[name][1])) for name in _ANGLES]
    times = np.unique(np.concatenate([at for at, _ in keys]))
    parts = [np.interp(times, at, values) for at, values in keys]
    return times, quaternions(np.stack(parts, axis=1))


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write a scene. Raises `MotionError` for two names that Maya would write as one."""
    names = [re.sub(r"\W", "_", name, flags=re.ASCII) for name in motion.names]
    names = [f"_{name}" if name[0].isdigit() else name for name in names]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise MotionError(f"Maya would call two channels {shown(twice, 60)}. Rename one of them.")
    rate = motion.fps if motion.fps in _UNITS else Fraction(30)
    times = np.arange(len(motion), dtype=np.float64) * float(rate / motion.fps)
    curves = [("TU", name, values) for name, values in zip(names, motion.weights.T, strict=True)]
    if motion.head_rotation.any():
        turns = zip(_ANGLES, motion.head_rotation.T, strict=True)
        curves += [("TA", name, values) for name, values in turns]
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write('//Maya ASCII 2018 scene\n//Codeset: UTF-8\nrequires maya "2018";\n')
        out.write(f"currentUnit -l centimeter -a degree -t {_UNITS[rate]};\n")
        if provenance:
            made = json.dumps(json.dumps(dict(provenance)))
            out.write(f'fileInfo "DreamTalk" {made};\n')
        out.write(f'createNode transform -n "{NODE}";\n')
        for name in names:
            out.write(f'\taddAttr -ci true -k true -sn "{name}" -ln "{name}" -at "double";\n')
        out.write('\tsetAttr ".ro" 2;\n')
        for kind, name, values in curves:
            _write_curve(out, kind, name, times, values)
        for _, name, _ in curves:
            out.write(f'connectAttr "{NODE}_{name}.o" "{NODE}.{name}";\n')
        out.write(f"// End of {NODE}\n")


def _write_curve(
    out: IO[str], kind: str, name: str, times: NDArray[np.float64], values: NDArray[np.float32]
) -> None:
    keys = kept(values)
    out.write(f'createNode animCurve{kind} -n "{NODE}_{name}";\n')
    out.write('\tsetAttr ".tan" 2;\n\tsetAttr ".wgt" no;\n')
    out.write(f'\tsetAttr -s {len(keys)} ".ktv[0:{len(keys) - 1}]" ')
    texts = [f" {times[key]:.12g} {values[key]!s}" for key in keys]
    for start in range(0, len(texts), _A_ROW):
        out.write(("\n\t\t" if start else "") + "".join(texts[start : start + _A_ROW]))
    out.write(";\n")
