"""Faces at the sounds that matter: `python benchmarks/contact_sheet.py SPEECH... -o OUT.png`.

One row per recording: the built-in head where the phonetic encoder hears lips meet (m b p), lip on
teeth (f v), rounding (u o w), spreading (i e), opening (a), hissing (s), and the tongue (th, l, n t
d, k g), and in pauses. The
moments are picked by the recogniser's confidence alone, not by how they look. Under the heads: what
the mouth does over the whole recording, with the picked moments marked and all m, b, p ticked at
the bottom. Also prints how far the lips are apart at all moments of each kind.

Needs matplotlib. The recogniser's peaks follow the sound; `DELAY` is taken off.
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.posteriors import phone_posteriors  # noqa: E402
from dreamtalk_core import DreamTalk, Motion, Speech  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.lips import aperture  # noqa: E402
from dreamtalk_core.files import atomic_write  # noqa: E402
from dreamtalk_core.motion.tongue import FACE_NAMES  # noqa: E402
from dreamtalk_core.render.head.renderer import HeadRenderer  # noqa: E402
from dreamtalk_core.rig.head import load_head  # noqa: E402

KINDS = {
    "m b p": "mbpɓʙ",
    "f v": "fvɱʋ",
    "u o w": "uowʊyʏøɥɔœʉ",
    "i e": "ieɪj",
    "a": "aɑæɐɒ",
    "s ʃ": "szʃʒɕʑʂʐ",
    "th": "θð",
    "l": "lɫ",
    "n t d": "ntd",
    "k g": "kgɡŋ",
}
OTHER = "other"
"""The sounds that ask little of the lips: what the rest is to be held against."""
PAUSE = "pause"
PICKS = {PAUSE: 1}
"""Pictures of a kind; two if it is not named here."""

DELAY = 0.05
"""Seconds by which a peak of the recogniser follows the middle of the sound."""
CONFIDENT = 0.4
"""Posterior that a peak must reach to count."""
SILENT = 0.5
"""Seconds between two peaks that are a pause."""
NEAR = 2
"""Frames around a moment that are searched for a closure: sounds are long and peaks wander."""
CLOSED_MM = 1.5

# The lower face in a picture of the whole head, as shares of its size: top, bottom, left, right.
LOWER_FACE = (0.54, 0.84, 0.35, 0.65)


@dataclass(frozen=True)
class Moment:
    """A sound: its kind, the phone recognised, when (seconds), and how surely."""

    kind: str
    phone: str
    time: float
    share: float


@dataclass(frozen=True)
class Recording:
    """A recording with the motion made for it and the sounds found in it."""

    name: str
    speech: Speech
    motion: Motion
    moments: list[Moment]

    def frame(self, moment: Moment) -> int:
        return min(max(int(moment.time * self.motion.fps), 0), len(self.motion) - 1)

    def near(self, moment: Moment) -> slice:
        frame = self.frame(moment)
        return slice(max(0, frame - NEAR), frame + NEAR + 1)


def kind_of(phone: str) -> str:
    """What the lips do for a phone, by its first letter."""
    first = unicodedata.normalize("NFD", phone)[0]
    if phone.startswith("t͡"):
        first = phone[-1]
    return next((kind for kind, letters in KINDS.items() if first in letters), OTHER)


def moments(speech: Speech) -> list[Moment]:
    """The sounds that matter in a speech, in order, and its pauses."""
    posteriors, phones = phone_posteriors(speech.waveform)
    shares = np.exp(posteriors)
    path = shares.argmax(axis=1)
    edges = np.flatnonzero(np.diff(path, prepend=-1, append=-1))
    found, times = [], [0.0]
    for first, stop in pairwise(edges):
        phone = phones[path[first]]
        peak = int(first + shares[first:stop, path[first]].argmax())
        if phone.startswith("<") or shares[peak, path[first]] < CONFIDENT:
            continue
        time = max(0.0, peak / 50 - DELAY)
        times.append(time)
        found.append(Moment(kind_of(phone), phone, time, float(shares[peak, path[first]])))
    times.append(float(speech.duration))
    for before, after in pairwise(times):
        if after - before >= SILENT:
            found.append(Moment(PAUSE, PAUSE, (before + after) / 2, after - before))
    return sorted(found, key=lambda moment: moment.time)


def picked(found: Sequence[Moment]) -> list[Moment]:
    """The surest moments of each kind, of different phones where there are."""
    chosen = []
    for kind in (*KINDS, PAUSE):
        ranked = sorted((m for m in found if m.kind == kind), key=lambda m: -m.share)
        surest = {m.phone: m for m in reversed(ranked)}
        others = [m for m in ranked if m is not surest[m.phone]]
        firsts = sorted(surest.values(), key=lambda m: -m.share)
        chosen += [*firsts, *others][: PICKS.get(kind, 2)]
    return chosen


def report(recording: Recording) -> str:
    """A table, kind by kind: how far the lips are apart at the moment and near it, and shapes."""
    head, weights = load_head(), recording.motion.weights
    gap, width = head.lip_gap_mm(weights), head.lip_width_mm(weights)
    shapes = ("jawOpen", "mouthPucker", "mouthRollLower")
    measures = (gap, width, *map(recording.motion.channel, shapes))
    seconds = float(recording.speech.duration)
    lines = [
        f"{recording.name}: {seconds:.1f} s; medians; gap, least gap near it and mouth width in mm",
        "           n   gap  <1.5  least  <1.5  width   jaw  pucker  roll",
    ]
    for kind in (*KINDS, OTHER, PAUSE):
        found = [moment for moment in recording.moments if moment.kind == kind]
        if not found:
            continue
        at = [recording.frame(moment) for moment in found]
        least = np.array([gap[recording.near(moment)].min() for moment in found])
        here, wide, open_, round_, rolled = (np.median(values[at]) for values in measures)
        lines.append(
            f"{kind:8}{len(found):4}{here:6.1f}{np.mean(gap[at] < CLOSED_MM):6.0%}"
            f"{np.median(least):7.1f}{np.mean(least < CLOSED_MM):6.0%}"
            f"{wide:7.1f}{open_:6.2f}{round_:8.2f}{rolled:6.2f}"
        )
    return "\n".join(lines)


def draw(recordings: Sequence[Recording], path: Path, whole: bool) -> None:
    """Write the sheet in the format of its suffix."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = max(len(picked(recording.moments)) for recording in recordings)
    figure = plt.figure(
        figsize=(1.45 * columns, 3.1 * len(recordings)), layout="constrained", dpi=110
    )
    grid = figure.add_gridspec(
        2 * len(recordings), columns, height_ratios=[1.45, 1] * len(recordings)
    )
    renderer = HeadRenderer(640)
    for row, recording in enumerate(recordings):
        gap = load_head().lip_gap_mm(recording.motion.weights)
        shown = picked(recording.moments)
        for column, moment in enumerate(shown):
            axes = figure.add_subplot(grid[2 * row, column])
            frame = recording.frame(moment)
            picture = renderer.render(recording.motion.weights[frame])
            axes.imshow(picture if whole else lower_face(picture))
            axes.set_axis_off()
            axes.set_title(moment.phone, fontsize=13, pad=3)
            label = f"{moment.time:.2f} s   {gap[frame]:.1f} mm"
            axes.text(
                0.5, -0.02, label, fontsize=7, ha="center", va="top", transform=axes.transAxes
            )
        strip = figure.add_subplot(grid[2 * row + 1, :])
        envelope = loudness(recording.speech, len(recording.motion))
        times = recording.motion.times
        strip.fill_between(times, envelope, color="0.85", label="loudness")
        strip.plot(
            times,
            aperture(recording.motion.to_arkit().weights),
            lw=1.2,
            label="jawOpen - mouthClose",
        )
        strip.plot(times, recording.motion.channel("mouthPucker"), lw=1, label="mouthPucker")
        closures = [moment.time for moment in recording.moments if moment.kind == "m b p"]
        strip.plot(closures, np.full(len(closures), -0.03), "k|", ms=6, label="m b p")
        for moment in shown:
            strip.axvline(moment.time, color="0.6", lw=0.6)
            strip.text(moment.time, 0.92, moment.phone, fontsize=8, ha="center", va="top")
        strip.set(xlim=(0, float(recording.speech.duration)), ylim=(-0.07, 0.95))
        strip.set_ylabel(recording.name, fontsize=8)
        strip.tick_params(labelsize=7)
        if not row:
            strip.legend(fontsize=7, ncols=4, loc="upper right", bbox_to_anchor=(1, 0.88))
    with atomic_write(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)


def lower_face(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    top, bottom, left, right = (round(share * len(picture)) for share in LOWER_FACE)
    return picture[top:bottom, left:right]


def loudness(speech: Speech, frames: int) -> NDArray[np.float64]:
    """Loudness envelope [frames], its peak at 0.85."""
    edges = np.linspace(0, len(speech.waveform), frames + 1).astype(int)
    squares = np.add.reduceat(np.square(speech.waveform, dtype=np.float64), edges[:-1])
    envelope = np.sqrt(squares / np.maximum(np.diff(edges), 1))
    return np.asarray(0.85 * envelope / max(envelope.max(), 1e-9))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("speech", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="a PNG or JPG to write")
    parser.add_argument("--model", help="a weights file; the shipped one if left out")
    parser.add_argument("--style", default="neutral")
    parser.add_argument("--whole", action="store_true", help="the whole head, not the lower face")
    options = parser.parse_args()
    try:
        talk = DreamTalk.load(options.model) if options.model else DreamTalk.load()
        recordings = []
        for path in options.speech:
            speech = Speech.load(path)
            motion = talk.animate(speech, options.style).over(FACE_NAMES)
            recordings.append(Recording(path.stem, speech, motion, moments(speech)))
            print(report(recordings[-1]), flush=True)
        draw(recordings, options.output, options.whole)
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
