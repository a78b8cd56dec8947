"""Does a face in a style look like the clip that the style was taken from?

Real performances: `CORPUS/style_clips/PERSON_VIEW_EMOTION_LEVEL_TAKE.npz` (arkit [T, 52] at 25
fps): two people (of MEAD, K. Wang et al., 2020) in seven emotions and neutral. Style accuracy is
measured as in DreamTalk (arXiv 2312.09767): a classifier that knows real faces names the emotion of
a generated one. It is trained on one person and asked about the other's style.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.animation.calibration import calibrate
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.evaluation.clips import TrackedClip
from dreamtalk_core.evaluation.signals import bootstrap_interval, correlation
from dreamtalk_core.evaluation.tables import aligned, number
from dreamtalk_core.formats._limits import read_arrays
from dreamtalk_core.motion import MODEL_FPS, Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, REGIONS
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk

Array = NDArray[np.float64]

NEUTRAL = "neutral"

EXPRESSION: tuple[int, ...] = tuple(
    INDEX[name]
    for name in (
        *(name for region in ("brows", "eyelids", "cheeks_nose") for name in REGIONS[region]),
        *(
            f"mouth{shape}{side}"
            for shape in ("Smile", "Frown", "Dimple", "Stretch", "Press")
            for side in ("Left", "Right")
        ),
    )
)
"""Channels of brows, eyelids, cheeks and nose, and the corners of the mouth."""

WINDOW = 50
"""Frames of the stretches that the classifier learns from; they overlap by half."""

SPREAD_FLOOR = 0.03
"""Added to a channel's deviation before dividing by it: what hardly moves may not decide."""

SPEECHES, SECONDS = 3, 8
"""Recordings that each style is put on, and how much of them."""

STEPS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Guidance at which the intensity is looked at."""


@dataclass(frozen=True, eq=False)
class Performance:
    """A clip of somebody in an emotion."""

    person: str
    emotion: str
    motion: Motion
    """Over the 52 ARKit shapes, less the person's resting face."""


@dataclass(frozen=True)
class EmotionResult:
    """What came of one performance's style."""

    person: str
    emotion: str
    likeness: float
    """Correlation of the generated mean face with the clip's, over EXPRESSION."""
    strength: float
    """How much of the clip's way from its neutral face the generated face goes: 1 is all of it."""
    named: str
    """The emotion that a classifier trained on the other people sees in it."""
    real_named: str
    """The emotion that it sees in the real clip: the ceiling."""
    intensities: tuple[float, ...]
    """How far the mean face has gone from guidance 0 towards guidance 1, at each of STEPS."""

    @property
    def grows(self) -> bool:
        """Whether the intensity grows with every step of guidance."""
        return all(a < b for a, b in pairwise(self.intensities))


class EmotionClassifier:
    """Nearest mean face: which emotion's is closest, each channel in units of its deviation."""

    def __init__(self, faces: Mapping[str, Sequence[Array]]) -> None:
        """faces: emotion -> faces [E] less the same person's neutral face, several of each."""
        self.emotions = tuple(faces)
        groups = [np.stack(faces[emotion]) for emotion in self.emotions]
        self.spread = np.concatenate(groups).std(axis=0) + SPREAD_FLOOR
        self.centres = np.stack([group.mean(axis=0) for group in groups])

    def __call__(self, face: ArrayLike) -> str:
        """The emotion of a face [E], less the neutral face of the same person or model."""
        apart = (np.asarray(face) - self.centres) / self.spread
        return self.emotions[int(np.square(apart).sum(axis=1).argmin())]


def read_performances(corpus: Path) -> list[Performance]:
    """The clips of `CORPUS/style_clips`. Raises CorpusError if they, or a neutral one, are missing.

    The resting face is taken from the person's neutral clip, not from the clip itself: what an
    angry face never lets go of is its anger.
    """
    folder = corpus / "style_clips"
    raw: dict[tuple[str, str], Motion] = {}
    for path in sorted(folder.glob("*.npz")):
        person, _, emotion, *_ = path.stem.split("_")
        raw[person, emotion] = Motion(
            ARKIT_NAMES, read_arrays(path, CorpusError)["arkit"], Fraction(25)
        )
    people = {person for person, _ in raw}
    if not people or any((person, NEUTRAL) not in raw for person in people):
        raise CorpusError(f"{folder} should hold PERSON_VIEW_EMOTION_*.npz, neutral among them.")
    return [
        Performance(person, emotion, calibrate(motion, raw[person, NEUTRAL]))
        for (person, emotion), motion in raw.items()
    ]


def mean_face(motions: Sequence[Motion]) -> Array:
    """[E] mean over all frames of the EXPRESSION channels."""
    weights = np.concatenate([motion.to_arkit().weights for motion in motions])
    face: Array = weights[:, EXPRESSION].mean(axis=0, dtype=np.float64)
    return face


def train_classifier(performances: Sequence[Performance]) -> EmotionClassifier:
    """A classifier of emotions from real clips; every person among them has a neutral clip."""
    neutral = {p.person: mean_face([p.motion]) for p in performances if p.emotion == NEUTRAL}
    faces: dict[str, list[Array]] = {}
    for performance in performances:
        weights = performance.motion.weights[:, EXPRESSION]
        for start in range(0, max(1, len(weights) - WINDOW + 1), WINDOW // 2):
            face = weights[start : start + WINDOW].mean(axis=0, dtype=np.float64)
            faces.setdefault(performance.emotion, []).append(face - neutral[performance.person])
    return EmotionClassifier(faces)


def emotion_results(
    animate: Callable[[Performance, float], Sequence[Motion]], performances: Sequence[Performance]
) -> list[EmotionResult]:
    """What comes of the style of each performance.

    animate: some speeches in the style of a performance at a guidance. Called for each performance
    with each of STEPS.
    """
    faces = {
        (p.person, p.emotion): [mean_face(animate(p, guidance)) for guidance in STEPS]
        for p in performances
    }
    plain = STEPS.index(1.0)
    results = []
    for performance in performances:
        person, emotion = performance.person, performance.emotion
        others = [p for p in performances if p.person != person]
        (real_neutral,) = (
            mean_face([p.motion])
            for p in performances
            if (p.person, p.emotion) == (person, NEUTRAL)
        )
        classify = train_classifier(others)
        steps = faces[person, emotion]
        real = mean_face([performance.motion])
        neutral = faces[person, NEUTRAL][plain]
        results.append(
            EmotionResult(
                person,
                emotion,
                correlation(steps[plain], real),
                share_of_way(steps[plain] - neutral, real - real_neutral),
                classify(steps[plain] - neutral),
                classify(real - real_neutral),
                intensities(steps),
            )
        )
    return results


def some_speeches(clips: Sequence[TrackedClip]) -> list[Speech]:
    """`SPEECHES` recordings out of clips, of `SECONDS` at most, to put styles on."""
    clips = [clip for clip in clips if len(clip.lip_gap) >= 4 * MODEL_FPS] or list(clips)
    chosen = clips[:: max(1, len(clips) // SPEECHES)][:SPEECHES]
    return [Speech(clip.waveform()[: SECONDS * SAMPLE_RATE], clip.id) for clip in chosen]


def style_results(talk: DreamTalk, corpus: Path, speeches: Sequence[Speech]) -> list[EmotionResult]:
    """What a model makes of the styles of the real clips of a corpus, as of `emotion_results`."""
    performances = read_performances(corpus)
    styles = {(p.person, p.emotion): talk.extract_style(p.motion) for p in performances}

    def animate(performance: Performance, guidance: float) -> list[Motion]:
        style = styles[performance.person, performance.emotion]
        return [talk.sample_motion(speech, style, guidance_scale=guidance) for speech in speeches]

    return emotion_results(animate, performances)


def table(results: Sequence[EmotionResult]) -> str:
    """A text table of results, and a summary with 95 % intervals over the clips."""
    steps = " ".join(f"{step:g}" for step in STEPS)
    rows = [
        [
            "style of",
            "likeness",
            "strength",
            "seen as",
            "real seen as",
            f"intensity at guidance {steps}",
        ]
    ]
    rows += [
        [
            f"{result.person} {result.emotion}",
            number(result.likeness, 2),
            number(result.strength, 2),
            result.named,
            result.real_named,
            " ".join(number(value, 2) for value in result.intensities)
            + ("" if result.grows else " !"),
        ]
        for result in results
    ]
    likeness = [result.likeness for result in results if result.emotion != NEUTRAL]
    summary: dict[str, Sequence[float]] = {
        "likeness, without neutral": likeness,
        "strength, without neutral": [r.strength for r in results if r.emotion != NEUTRAL],
        "emotion recovered": [result.named == result.emotion for result in results],
        "emotion recovered from the real clips": [r.real_named == r.emotion for r in results],
        "intensity grows": [result.grows for result in results],
    }
    lines = [f"{what}: {mean_text(values)}" for what, values in summary.items()]
    return "\n".join([*aligned(rows), "", *lines]) + "\n"


def mean_text(values: Sequence[float]) -> str:
    """`.81 [.62 .94]`: a mean with its interval."""
    sample = np.array(values, np.float64)
    mean, (low, high) = float(np.nanmean(sample)), bootstrap_interval(sample)
    return f"{number(mean, 2)} [{number(low, 2)} {number(high, 2)}]"


def intensities(faces: Sequence[Array]) -> tuple[float, ...]:
    """How far each face [E], one for each of STEPS, has gone from the first to that at guidance 1.

    The first is at 0 and the third at 1: positions along the line through both.
    """
    way = faces[STEPS.index(1.0)] - faces[0]
    return tuple(share_of_way(face - faces[0], way) for face in faces)


def share_of_way(step: Array, way: Array) -> float:
    """How far a step [E] goes along a way [E]: 0 not at all, 1 to its end; NaN for no way."""
    length = float(way @ way)
    return float(step @ way) / length if length > 0 else float("nan")
