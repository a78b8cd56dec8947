"""Rhubarb Lip Sync's exchange formats: .tsv, .xml and .rhubarb.json, mouths A to H and X.

.tsv: a line `start<TAB>mouth` for each cue, seconds with two decimals, and one where the sound
ends, with X. .xml: `rhubarbResult` of `metadata` (soundFile, duration) and `mouthCues`, each
`mouthCue` with start and end. .rhubarb.json: the same members, the cues' mouth being `value`.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from dreamtalk_core.files import atomic_write

if TYPE_CHECKING:
    from dreamtalk_core.formats.cues import Spoken
    from dreamtalk_core.retarget.cues import Track


def write(path: Path, spoken: Spoken, fps: Fraction, sound: str) -> None:
    """Write the kind of file that the suffix says."""
    track = spoken.mouths("rhubarb", sound)
    text = {".tsv": _tsv, ".xml": _xml, ".json": _json}[path.suffix.lower()](track)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _tsv(track: Track) -> str:
    lines = [f"{float(cue.start):.2f}\t{cue.name}\n" for cue in track.cues]
    return "".join([*lines, f"{float(track.duration):.2f}\tX\n"])


def _xml(track: Track) -> str:
    cues = "".join(
        f'    <mouthCue start="{float(start):.2f}" end="{float(end):.2f}">{name}</mouthCue>\n'
        for start, end, name in track.cues
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rhubarbResult>\n  <metadata>\n'
        f"    <soundFile>{escape(track.sound)}</soundFile>\n"
        f"    <duration>{float(track.duration):.2f}</duration>\n  </metadata>\n"
        f"  <mouthCues>\n{cues}  </mouthCues>\n</rhubarbResult>\n"
    )


def _json(track: Track) -> str:
    about = {"soundFile": track.sound, "duration": round(float(track.duration), 2)}
    cues = ",\n".join(
        f'    {{ "start": {float(start):.2f}, "end": {float(end):.2f}, "value": "{name}" }}'
        for start, end, name in track.cues
    )
    metadata = json.dumps(about, ensure_ascii=False)
    return f'{{\n  "metadata": {metadata},\n  "mouthCues": [\n{cues}\n  ]\n}}\n'
