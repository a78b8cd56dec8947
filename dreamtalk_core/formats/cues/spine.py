"""Spine's JSON: attachment keys of one slot, `mouth`, whose attachments are `mouth_A` to `mouth_X`.

A skeleton with no more than that, to be imported beside the character's own: a bone `root`, the
slot, and an animation `DreamTalk` with a key for each change of Rhubarb's mouths, in seconds.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dreamtalk_core.files import atomic_write

if TYPE_CHECKING:
    from dreamtalk_core.formats.cues import Spoken

_SLOT, _ANIMATION = "mouth", "DreamTalk"


def write(path: Path, spoken: Spoken, fps: Fraction, sound: str) -> None:
    """Write the keys; the last one, X, lies where the sound ends, so that it lasts as long."""
    track = spoken.mouths("rhubarb")
    keys = [(cue.start, cue.name) for cue in track.cues] + [(track.duration, "X")]
    attachment = [{"time": round(float(at), 4), "name": f"{_SLOT}_{name}"} for at, name in keys]
    document = {
        "skeleton": {"spine": "4.1.00"},
        "bones": [{"name": "root"}],
        "slots": [{"name": _SLOT, "bone": "root", "attachment": f"{_SLOT}_X"}],
        "skins": [{"name": "default"}],
        "animations": {_ANIMATION: {"slots": {_SLOT: {"attachment": attachment}}}},
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1), encoding="utf-8", newline="\n")
