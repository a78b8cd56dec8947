"""Styles of real clips: likeness, classification, growth."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corpora.emotions import (
    EXPRESSION,
    STEPS,
    EmotionClassifier,
    EmotionResult,
    confusions,
    emotion_results,
    mean_face,
    named_results,
    some_speeches,
    style_results,
    table,
    train_classifier,
)
from benchmarks.corpora.performances import Performance, read_javanese, read_performances
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.speech.audio import Speech

FACES = {
    "neutral": {},
    "happy": {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6},
    "angry": {"browDownLeft": 0.6, "browDownRight": 0.6, "eyeSquintLeft": 0.3},
    "surprised": {"browInnerUp": 0.7, "browOuterUpLeft": 0.5},
}


def motion(shapes: dict[str, float], seed: int, strength: float = 1.0) -> Motion:
    rng = np.random.default_rng(seed)
    weights = np.abs(rng.normal(0, 0.02, (80, 52))).astype(np.float32)
    weights[:, INDEX["jawOpen"]] = rng.uniform(0, 1, 80)
    for name, value in shapes.items():
        weights[:, INDEX[name]] += strength * value
    return Motion(ARKIT_NAMES, weights.clip(0, 1), Fraction(25))


def people(*names: str) -> list[Performance]:
    return [
        Performance(person, emotion, motion(shapes, seed=10 * i + j, strength=1 - 0.2 * i))
        for i, person in enumerate(names)
        for j, (emotion, shapes) in enumerate(FACES.items())
    ]


def test_expression_leaves_out_what_speech_and_gaze_move() -> None:
    names = {ARKIT_NAMES[i] for i in EXPRESSION}
    assert {"browInnerUp", "eyeBlinkLeft", "cheekSquintRight", "mouthSmileLeft"} <= names
    assert not {n for n in names if n.startswith(("jaw", "eyeLook", "tongue", "mouthPucker"))}
    assert len(EXPRESSION) == len(names)


def test_mean_face_weighs_frames_alike() -> None:
    still, smile = motion({}, 0), motion(FACES["happy"], 0)
    short = Motion(ARKIT_NAMES, smile.weights[:20], Fraction(25))
    column = EXPRESSION.index(INDEX["mouthSmileLeft"])
    apart = mean_face([still, short])[column] - mean_face([still])[column]
    assert apart == pytest.approx(0.6 * 20 / 100, abs=0.01)


def test_classifier_knows_the_faces_of_another_person() -> None:
    anna, bert = people("anna", "bert")[:4], people("anna", "bert")[4:]
    classify = train_classifier(anna)
    neutral = mean_face([bert[0].motion])
    for performance in bert:
        assert classify(mean_face([performance.motion]) - neutral) == performance.emotion


def test_what_hardly_moves_does_not_decide() -> None:
    # Channel 1 is noise of a thousandth; channel 0 carries the emotion.
    faces = {
        "a": [np.array([0.0, 0.001]), np.array([0.0, 0.0])],
        "b": [np.array([0.3, 0.0]), np.array([0.3, 0.0])],
    }
    assert EmotionClassifier(faces)([0.3, 0.02]) == "b"


def test_a_perfect_model_is_perfect_and_an_indifferent_one_is_not() -> None:
    performances = people("anna", "bert")

    def perfect(performance: Performance, guidance: float) -> list[Motion]:
        return [motion(FACES[performance.emotion], 3, 0.7 * guidance)]

    results = emotion_results(perfect, performances)
    assert len(results) == len(performances)
    assert all(r.named == r.emotion == r.real_named for r in results)
    assert min(r.likeness for r in results if r.emotion != "neutral") > 0.95
    assert all(r.grows for r in results if r.emotion != "neutral")
    (happy, *_) = (r for r in results if r.emotion == "happy")
    np.testing.assert_allclose(happy.intensities, STEPS, atol=0.01)
    assert happy.strength == pytest.approx(0.7, abs=0.05)
    (angry, *_) = (r for r in results if r.emotion == "angry")
    assert angry.size == pytest.approx(0.7, abs=0.05)

    still = emotion_results(lambda performance, guidance: [motion({}, 3)], performances)
    assert {r.named for r in still} == {"neutral"}
    assert not any(r.grows for r in still)
    assert all(r.real_named == r.emotion for r in still)


def test_an_intensity_that_turns_back_does_not_grow() -> None:
    result = EmotionResult("a", "happy", 1.0, 1.0, 1.0, "happy", "happy", (0.0, 0.5, 1.0, 0.9, 2.0))
    assert not result.grows


class Talk:
    """A model that puts the mean face of a style clip on, times the guidance."""

    def extract_style(self, clip: Motion) -> NDArray[np.float32]:
        return clip.weights.mean(axis=0)

    def sample_motion(
        self, speech: Speech, style: NDArray[np.float32], guidance_scale: float
    ) -> Motion:
        frames = round(float(speech.duration) * 25)
        face = np.tile(guidance_scale * style, (frames, 1)).clip(0, 1)
        return Motion(ARKIT_NAMES, face, Fraction(25))


def test_styles_of_a_corpus_are_put_on_speech_and_summed_up(tmp_path: Path) -> None:
    for person, seed in (("M1", 0), ("W1", 1)):
        for emotion, shapes in FACES.items():
            curves = motion({n: v / 2 for n, v in shapes.items()}, seed).weights
            write(tmp_path, f"{person}_front_{emotion}_level3_001", curves)
    speeches = [Speech(np.zeros(16_000, np.float32), "x")]
    results = style_results(Talk(), read_performances(tmp_path), speeches)  # type: ignore[arg-type]
    assert [r.named for r in results] == [r.emotion for r in results]
    lines = table(results).splitlines()
    assert lines[1].split()[:2] == ["M1", "angry"]
    assert "emotion recovered: 1.00 [1.00 1.00]" in lines
    assert len(lines) == 1 + 8 + 1 + 7


def test_speeches_are_few_and_short() -> None:
    @dataclass
    class Clip:
        id: str
        frames: int

        @property
        def lip_gap(self) -> NDArray[np.float32]:
            return np.zeros(self.frames, np.float32)

        def waveform(self) -> NDArray[np.float32]:
            return np.zeros(self.frames * 640, np.float32)

    clips = [Clip(str(i), 50 * i) for i in range(1, 11)]
    speeches = some_speeches(clips)  # type: ignore[arg-type]
    assert [speech.source for speech in speeches] == ["2", "5", "8"]
    assert [float(speech.duration) for speech in speeches] == [4, 8, 8]
    assert len(some_speeches(clips[:1])) == 1  # type: ignore[arg-type]


def write(
    folder: Path, name: str, weights: np.ndarray[tuple[int, int], np.dtype[np.float32]]
) -> None:
    (folder / "style_clips").mkdir(exist_ok=True)
    np.savez(folder / "style_clips" / f"{name}.npz", arkit=weights)


def test_performances_are_read_less_the_persons_rest(tmp_path: Path) -> None:
    rest = np.full((30, 52), 0.1, np.float32)
    write(tmp_path, "W1_front_neutral_level1_001", rest)
    write(tmp_path, "W1_front_happy_level3_001", rest + 0.4)
    read = {p.emotion: p for p in read_performances(tmp_path)}
    assert read["happy"].person == "W1"
    np.testing.assert_allclose(read["happy"].motion.weights, 0.4, atol=1e-6)
    np.testing.assert_allclose(read["neutral"].motion.weights, 0, atol=1e-6)


def test_missing_clips_are_reported(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="style_clips"):
        read_performances(tmp_path)
    write(tmp_path, "W1_front_happy_level3_001", np.zeros((30, 52), np.float32))
    with pytest.raises(CorpusError, match="neutral"):
        read_performances(tmp_path)


def test_takes_of_one_emotion_are_judged_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    rows = ["id\tspeaker\temotion", "wild_1\tx\thappy"]
    for person in ("jv01", "jv03"):
        for take, emotion in enumerate(("neutral", "neutral", "happy", "happy", "angry")):
            rows.append(f"jv_{person}_{take}\t{person}\t{emotion}")
            shapes = {name: value / 2 for name, value in FACES[emotion].items()}
            curves = motion(shapes, take).weights
            np.savez(tmp_path / "clips" / f"jv_{person}_{take}.npz", arkit=curves)
    (tmp_path / "manifest.tsv").write_text("\n".join(rows), encoding="utf-8")
    performances = read_javanese(tmp_path)
    assert len(performances) == 10
    speeches = [Speech(np.zeros(16_000, np.float32), "x")]
    results = style_results(Talk(), performances, speeches, [1.0])  # type: ignore[arg-type]
    assert [r.named for r in results] == [p.emotion for p in performances]
    assert all(r.intensities == () for r in results)


def test_confusions_count_what_was_seen() -> None:
    rows = confusions([("happy", "happy"), ("happy", "sad"), ("sad", "sad"), ("sad", "sad")])
    assert [line.split() for line in rows.splitlines()[1:]] == [
        ["happy", "1", "1"],
        ["sad", "-", "2"],
    ]


def test_named_styles_are_seen_under_the_names_that_they_have() -> None:
    class Named(Talk):
        class model:
            styles = dict.fromkeys(("neutral", "surprise", "angry", "whisper"))

        def load_style(self, name: str) -> NDArray[np.float32]:
            return motion(FACES[{"surprise": "surprised"}.get(name, name)], 5).weights.mean(axis=0)

        def sample_motion(
            self, speech: Speech, style: NDArray[np.float32], guidance_scale: float = 1.0
        ) -> Motion:
            return super().sample_motion(speech, style, guidance_scale)

    speeches = [Speech(np.zeros(16_000, np.float32), "x")]
    seen = named_results(Named(), people("anna", "bert"), speeches)  # type: ignore[arg-type]
    assert seen == {name: name for name in ("angry", "neutral", "surprise")}
