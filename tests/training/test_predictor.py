"""Training the style predictor, end to end, on a corpus that the test writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.models.denoiser import DenoiserConfig
from dreamtalk_core.models.motion_model import HEAD, ModelConfig, MotionModel
from dreamtalk_core.models.style_encoder import StyleEncoderConfig
from dreamtalk_core.models.style_predictor import SUMMARY, PredictorConfig, StylePredictor
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.speech.phonetics import FEATURE_WIDTH
from dreamtalk_core.style import fingerprint
from dreamtalk_core.training import examples as speech
from dreamtalk_core.training import predictor as training
from dreamtalk_core.training.hearing import balance, folds, teach_hearing
from dreamtalk_core.training.train import read_config
from tests.test_corpus import write_sound, write_tracked

pytestmark = pytest.mark.slow

CONFIG = Path(training.__file__).with_name("predictor.json")
EMOTIONS = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise", "bored")
HEARING = {"width": 16, "dropout": 0.0, "steps": 60, "folds": 2}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    settings = read_config(CONFIG) | {
        "calibration": str(CONFIG.with_name("default.json")),
        "faces": {"licence": ["CC0"]},
        "recordings": [],
        "variants": 2,
        "sources": [],
        "shares": {"plain": 1.0},
        "hearing": read_config(CONFIG)["hearing"] | HEARING | {"steps": 3},
        "codes": 3,
        "width": 16,
        "steps": 3,
        "batch": 4,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name, speaker in (("a1", "A"), ("a2", "A"), ("b1", "B")):
        write_tracked(tmp_path / "corpus", name, speaker)
    return tmp_path / "corpus"


@pytest.fixture
def model() -> MotionModel:
    torch.manual_seed(0)
    channels = (*ARKIT_NAMES, *HEAD)
    sizes = {"style": 8, "width": 16, "heads": 2, "layers": 1}
    config = ModelConfig(
        channels,
        DenoiserConfig(len(channels), FEATURE_WIDTH, span=2, **sizes),
        StyleEncoderConfig(len(channels), **sizes),
    )
    scale = torch.full((len(channels),), 0.2)
    return MotionModel(config, torch.zeros(len(channels)), scale).eval()


def test_the_weights_speak_the_code_space_of_their_model(
    config: Path, corpus: Path, model: MotionModel, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.safetensors", {})
    made = training.train_predictor(
        config, corpus, tmp_path / "run", "cpu", tmp_path / "model.safetensors"
    )
    predictor = StylePredictor.load(made)
    assert predictor.config.model == fingerprint(MotionModel.load(tmp_path / "model.safetensors"))
    assert predictor.config.style == 8
    again = training.train_predictor(
        config, corpus, tmp_path / "run", "cpu", tmp_path / "model.safetensors"
    )
    assert made.read_bytes() == again.read_bytes()
    assert len(list((tmp_path / "run" / "cache").iterdir())) == 1


def faces(spread: float = 0.1) -> dict[str, training.Face]:
    """Two people. The first eight numbers of a code tell the emotion, the others the person."""
    rng = np.random.default_rng(0)
    found = {}
    for number, name in enumerate("AB"):
        codes, clip_rests = {}, {}
        rest = np.full(52, 0.2 * number, np.float32)
        for index, emotion in enumerate(EMOTIONS[:2]):
            code = np.repeat(np.float32([2 * index - 1, 2 * number - 1]), 8)
            codes[emotion] = code + spread * rng.standard_normal((5, 16)).astype(np.float32)
            clip_rests[emotion] = np.tile(rest, (5, 1)) + 0.5 * index
        found[name] = training.Face(codes, rest[None], clip_rests)
    return found


def examples(count: int = 60, speakers: int = 6) -> list[speech.Example]:
    """Speech whose first numbers tell the emotion, always said by a stranger."""
    rng = np.random.default_rng(1)
    made = []
    for index in range(count):
        summary = rng.standard_normal(len(SUMMARY)).astype(np.float32)
        summary[:20] += 4 * (index % 2) - 2
        name = f"stranger {index // 2 % speakers}"
        made.append(speech.Example(summary, EMOTIONS[index % 2], name, "acts"))
    return made


def small(**changes: object) -> dict[str, object]:
    settings = read_config(CONFIG)
    return settings | {
        "emotions": list(EMOTIONS[:2]),
        "shares": {"acts": 1.0},
        "hearing": settings["hearing"] | HEARING,
        "width": 32,
        "steps": 200,
        "batch": 32,
        "learning_rate": 4e-3,
        **changes,
    }


def heard(predictor: StylePredictor, example: speech.Example) -> str:
    return max(
        (probability, name) for name, probability in predictor.listen(example.summary).items()
    )[1]


def test_emotion_comes_from_the_speech_and_the_rest_from_the_face() -> None:
    people = faces()
    predictor = training.fit(small(), examples(), people, "x")
    unheard = examples(80)[60:]
    right = [heard(predictor, example) == example.emotion for example in unheard]
    assert np.mean(right) > 0.8
    for index, emotion in enumerate(EMOTIONS[:2]):
        for number, name in enumerate("AB"):
            code = predictor.predict(emotion, people[name].rests[0], seed=index)
            assert code[:8].mean() == pytest.approx(2 * index - 1, abs=0.4)
            assert code[8:].mean() == pytest.approx(2 * number - 1, abs=0.4)


def test_a_share_is_split_evenly_among_emotions_and_no_speaker_is_in_two_folds() -> None:
    many = [*examples(60), *examples(20)[::2]]
    weight = balance(many, {"acts": 0.7})
    emotion = np.array([example.emotion for example in many])
    assert weight[emotion == "neutral"].sum() == pytest.approx(0.5)
    assert weight.sum() == pytest.approx(1)
    masks = folds(many, 3)
    assert torch.stack(masks).sum(0).tolist() == [1] * len(many)
    for mask in masks:
        kept = {example.speaker for example, out in zip(many, mask, strict=True) if out}
        assert not kept & {e.speaker for e, out in zip(many, mask, strict=True) if not out}


def test_labels_that_tell_nothing_make_it_unsure() -> None:
    """How sure it is comes from speakers that were kept out, not from what it knows by heart."""
    rng = np.random.default_rng(0)
    guesses = [
        speech.Example(one.summary, EMOTIONS[rng.integers(2)], one.speaker, "acts")
        for one in examples(60)
    ]
    config = small()
    for said, surest in ((examples(60), (0.8, 1.0)), (guesses, (0.4, 0.8))):
        torch.manual_seed(0)
        predictor = StylePredictor(PredictorConfig(16, "x", EMOTIONS[:2], 32, 16, 0.0))
        teach_hearing(predictor, said, config)
        sure = [max(predictor.listen(example.summary).values()) for example in said]
        assert surest[0] < np.mean(sure) < surest[1]


def test_without_a_face_some_face_is_imagined() -> None:
    """Diffusion decides for one of the faces there are; a regression gives what lies between."""
    people, said = faces(), examples()
    decided = training.fit(small(face_dropout=1.0), said, people, "x")
    codes = [decided.predict("happy", seed=seed)[8:].mean() for seed in range(12)]
    assert np.median(np.abs(codes)) > 0.6
    assert min(codes) < 0 < max(codes)
    between = training.fit(small(face_dropout=1.0, regression=True), said, people, "x")
    nobody = torch.zeros(1, 52), torch.tensor([False])
    with torch.no_grad():
        asked = between.ask(torch.tensor([[0.0, 1.0]]), *nobody)
        code = between.denoise(asked, torch.zeros(1, 16), torch.tensor([1000]))[0]
    assert abs(float((code * between.code_scale + between.code_mean)[8:].mean())) < 0.3


def test_a_portrait_is_of_another_moment_and_says_nothing_of_the_mood() -> None:
    people = faces()
    rng = np.random.default_rng(0)
    config = {"cross_identity": True}
    rests = {
        mood: np.mean(
            [training.draw_rest(people["A"], mood, 0, config, rng) for _ in range(2000)], 0
        )
        for mood in EMOTIONS[:2]
    }
    assert np.abs(rests["neutral"] - rests["happy"]).max() < 0.05
    rest_of_clip = training.draw_rest(people["A"], "happy", 0, {"cross_identity": False}, rng)
    assert rest_of_clip[0] == pytest.approx(0.5)


def test_faces_are_read_with_their_resting_offset(corpus: Path, model: MotionModel) -> None:
    settings = small(faces={"licence": ["CC0"]}, codes=4, emotions=list(EMOTIONS))
    people = training.load_faces(
        settings, read_config(CONFIG.with_name("default.json")), corpus, model
    )
    assert set(people) == {"A", "B"}
    rest = people["A"].rests
    assert rest.shape == (8, 52)  # two clips, each at rest and in three moments
    assert rest[0, INDEX["browInnerUp"]] == pytest.approx(0.05, abs=1e-3)
    assert people["B"].codes["sad"].shape == (4, 8)
    assert np.abs(people["B"].codes["sad"].mean(0) - people["B"].codes["angry"].mean(0)).max() > 0.1
    shown = people["A"].clip_rests["angry"][:, INDEX["browDownLeft"]]
    assert (shown > 0.3).all()


def test_labelled_speech_is_used_in_variants(config: Path, corpus: Path, tmp_path: Path) -> None:
    (corpus / "acts").mkdir()
    write_sound(corpus / "acts" / "one.flac")
    (corpus / "acts" / "labels.tsv").write_text("id\tspeaker\temotion\none\tX\tsad\n", "utf-8")
    settings = read_config(config) | {"sources": [{"folder": "acts", "variants": 3}]}
    examples = speech.load_examples(settings, corpus, tmp_path / "cache")
    plain = [example for example in examples if example.origin == "plain"]
    assert {(one.emotion, one.speaker) for one in plain} == {("neutral", "A"), ("neutral", "B")}
    labelled = [example for example in examples if example.origin == "acts"]
    assert [(one.emotion, one.speaker) for one in labelled] == [("sad", "X")] * 3
    assert np.abs(labelled[0].summary - labelled[1].summary).max() > 0.1


def test_what_does_not_fit_is_refused(config: Path, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="labels"):
        speech.read_labels(corpus / "none")
    (corpus / "acts").mkdir()
    (corpus / "acts" / "labels.tsv").write_text("id\tspeaker\temotion\none\tX\tglee\n", "utf-8")
    settings = read_config(config) | {"sources": [{"folder": "acts", "variants": 1}]}
    with pytest.raises(CorpusError, match="does not name: glee"):
        speech.load_examples(settings, corpus, tmp_path / "cache")
