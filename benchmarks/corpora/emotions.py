"""Does a face in a style look like the clip that the style was taken from?

Style accuracy is measured as in DreamTalk (arXiv 2312.09767): a classifier that knows real faces
names the emotion of a generated one. It is trained on some people and asked about another's style,
and about the named styles. The real clips: see `performances`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.corpora.performances import NEUTRAL, Performance
from dreamtalk_core.evaluation.clips import TrackedClip
from dreamtalk_core.evaluation.signals import bootstrap_interval, correlation
from dreamtalk_core.evaluation.tables import aligned, number
from dreamtalk_core.motion import MODEL_FPS, Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, REGIONS
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.dreamtalk import DreamTalk

Array = NDArray[np.float64]

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

UPPER = np.array([not ARKIT_NAMES[i].startswith("mouth") for i in EXPRESSION])
"""Which of EXPRESSION are in the upper face."""

WINDOW = 50
"""Frames of the stretches that the classifier learns from; they overlap by half."""

SPREAD_FLOOR = 0.03
"""Added to a channel's deviation before dividing by it: what hardly moves may not decide."""

SPEECHES, SECONDS = 3, 8
"""Recordings that each style is put on, and how much of them."""

SAME = {"disgusted": "disgust", "surprised": "surprise"}
"""Emotions of the clips by the names that our styles have."""

STEPS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Guidance at which the intensity is looked at."""


@dataclass(frozen=True)
class EmotionResult:
    """What came of one performance's style."""

    person: str
    emotion: str
    likeness: float
    """Correlation of the generated mean face with the clip's, over EXPRESSION."""
    strength: float
    """How much of the clip's way from its neutral face the generated face goes: 1 is all of it."""
    size: float
    """How far the generated upper face is from its neutral one, over what the clip's is."""
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


def mean_face(motions: Sequence[Motion]) -> Array:
    """[E] mean over all frames of the EXPRESSION channels."""
    weights = np.concatenate([motion.to_arkit().weights for motion in motions])
    face: Array = weights[:, EXPRESSION].mean(axis=0, dtype=np.float64)
    return face


def neutral_faces(performances: Sequence[Performance]) -> dict[str, Array]:
    """Each person's mean face in their neutral clips."""
    plain = [p for p in performances if p.emotion == NEUTRAL]
    return {
        person: mean_face([p.motion for p in plain if p.person == person])
        for person in {p.person for p in plain}
    }


def train_classifier(performances: Sequence[Performance]) -> EmotionClassifier:
    """A classifier of emotions from real clips; every person among them has a neutral clip."""
    neutral = neutral_faces(performances)
    faces: dict[str, list[Array]] = {}
    for performance in performances:
        weights = performance.motion.weights[:, EXPRESSION]
        for start in range(0, max(1, len(weights) - WINDOW + 1), WINDOW // 2):
            face = weights[start : start + WINDOW].mean(axis=0, dtype=np.float64)
            faces.setdefault(performance.emotion, []).append(face - neutral[performance.person])
    return EmotionClassifier(faces)


def emotion_results(
    animate: Callable[[Performance, float], Sequence[Motion]],
    performances: Sequence[Performance],
    guidances: Sequence[float] = STEPS,
) -> list[EmotionResult]:
    """What comes of the style of each performance.

    animate: some speeches in the style of a performance at a guidance. Called for each performance
    with each of guidances, 1 among them.
    """
    plain = guidances.index(1.0)
    faces = [[mean_face(animate(p, guidance)) for guidance in guidances] for p in performances]
    own_neutral = {
        person: np.mean(
            [
                steps[plain]
                for p, steps in zip(performances, faces, strict=True)
                if (p.person, p.emotion) == (person, NEUTRAL)
            ],
            axis=0,
        )
        for person in {p.person for p in performances}
    }
    neutral = neutral_faces(performances)
    classifiers = {
        person: train_classifier([p for p in performances if p.person != person])
        for person in neutral
    }
    results = []
    for performance, steps in zip(performances, faces, strict=True):
        person = performance.person
        real = mean_face([performance.motion])
        way, real_way = steps[plain] - own_neutral[person], real - neutral[person]
        results.append(
            EmotionResult(
                person,
                performance.emotion,
                correlation(steps[plain], real),
                share_of_way(way, real_way),
                upper_size(way) / max(upper_size(real_way), 1e-6),
                classifiers[person](way),
                classifiers[person](real_way),
                intensities(steps) if len(steps) == len(STEPS) else (),
            )
        )
    return results


def some_speeches(clips: Sequence[TrackedClip]) -> list[Speech]:
    """`SPEECHES` recordings out of clips, of `SECONDS` at most, to put styles on."""
    clips = [clip for clip in clips if len(clip.lip_gap) >= 4 * MODEL_FPS] or list(clips)
    chosen = clips[:: max(1, len(clips) // SPEECHES)][:SPEECHES]
    return [Speech(clip.waveform()[: SECONDS * SAMPLE_RATE], clip.id) for clip in chosen]


def style_results(
    talk: DreamTalk,
    performances: Sequence[Performance],
    speeches: Sequence[Speech],
    guidances: Sequence[float] = STEPS,
) -> list[EmotionResult]:
    """What a model makes of the styles of real clips, as of `emotion_results`."""
    styles = {id(p): talk.extract_style(p.motion) for p in performances}

    def animate(performance: Performance, guidance: float) -> list[Motion]:
        style = styles[id(performance)]
        return [talk.sample_motion(speech, style, guidance_scale=guidance) for speech in speeches]

    return emotion_results(animate, performances, guidances)


def named_results(
    talk: DreamTalk, performances: Sequence[Performance], speeches: Sequence[Speech]
) -> dict[str, str]:
    """What a classifier trained on real clips sees in each named style whose emotion it knows."""

    def face(name: str) -> Array:
        style = talk.load_style(name)
        return mean_face([talk.sample_motion(speech, style) for speech in speeches])

    classify, neutral = train_classifier(performances), face(NEUTRAL)
    known = {SAME.get(emotion, emotion): emotion for emotion in classify.emotions}
    return {
        name: SAME.get(seen, seen)
        for name in sorted(known.keys() & talk.model.styles.keys())
        for seen in [classify(face(name) - neutral)]
    }


def confusions(seen: Sequence[tuple[str, str]]) -> str:
    """A text table of (acted, seen) pairs: a row for what was acted, a column for what was seen."""
    count = Counter(seen)
    acted, names = sorted({a for a, _ in seen}), sorted({name for pair in seen for name in pair})
    rows = [["acted, seen as", *names]]
    rows += [[a, *(str(count[a, name] or "-") for name in names)] for a in acted]
    return "\n".join(aligned(rows)) + "\n"


def table(results: Sequence[EmotionResult]) -> str:
    """A text table of results, and a summary with 95 % intervals over the clips."""
    steps = " ".join(f"{step:g}" for step in STEPS)
    rows = [
        [
            "style of",
            "likeness",
            "strength",
            "size",
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
            number(result.size, 2),
            result.named,
            result.real_named,
            " ".join(number(value, 2) for value in result.intensities)
            + ("" if result.grows else " !"),
        ]
        for result in results
    ]
    return "\n".join([*aligned(rows), "", summary(results)])


def summary(results: Sequence[EmotionResult]) -> str:
    """Means with 95 % intervals over the clips."""
    moved = [result for result in results if result.emotion != NEUTRAL]
    figures: dict[str, Sequence[float]] = {
        "likeness, without neutral": [result.likeness for result in moved],
        "strength, without neutral": [result.strength for result in moved],
        "size of the upper face's expression, without neutral": [r.size for r in moved],
        "emotion recovered": [result.named == result.emotion for result in results],
        "emotion recovered from the real clips": [r.real_named == r.emotion for r in results],
        "seen as the real clip is": [result.named == result.real_named for result in results],
    }
    if all(result.intensities for result in results):
        figures["intensity grows"] = [result.grows for result in results]
    return "\n".join(f"{what}: {mean_text(values)}" for what, values in figures.items()) + "\n"


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


def upper_size(way: Array) -> float:
    """How far a way [E] leads the upper face."""
    return float(np.linalg.norm(way[UPPER]))


def share_of_way(step: Array, way: Array) -> float:
    """How far a step [E] goes along a way [E]: 0 not at all, 1 to its end; NaN for no way."""
    length = float(way @ way)
    return float(step @ way) / length if length > 0 else float("nan")
