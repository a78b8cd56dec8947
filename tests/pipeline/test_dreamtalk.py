"""The pipeline with the shipped model on real speech."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dreamtalk_core import DreamTalk, Motion, Speech
from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.errors import DreamTalkError, ModelError, StyleError
from dreamtalk_core.models.sampler import WINDOW, windows
from dreamtalk_core.motion import frame_count
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.parameters import Behaviour, Controls
from dreamtalk_core.pipeline.base import STILL
from dreamtalk_core.pipeline.dreamtalk import DEFAULT_MODEL
from dreamtalk_core.rig.head import load_head
from dreamtalk_core.speech.articulation import FEATURES
from dreamtalk_core.speech.features import encode_speech
from dreamtalk_core.speech.phonetics import reported_features
from dreamtalk_core.style import Heard, Style

pytestmark = pytest.mark.slow

EMOTIONS = {"happy", "sad", "angry", "fear", "disgust", "surprise", "contempt"}


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@pytest.fixture(scope="module")
def speech() -> Speech:
    return Speech.load(DEMO_VOICE)


@pytest.fixture(scope="module")
def motion(talk: DreamTalk, speech: Speech) -> Motion:
    return talk.animate(speech, "neutral")


def aperture(motion: Motion) -> np.ndarray:
    return motion.channel("jawOpen") - motion.channel("mouthClose")


def cut(speech: Speech, start: float, stop: float) -> Speech:
    return Speech(speech.waveform[int(start * 16_000) : int(stop * 16_000)], "cut")


def test_motion_is_all_of_arkit(motion: Motion, speech: Speech) -> None:
    assert motion.names == FACE_NAMES
    assert len(motion) == round(speech.duration * 25)
    assert np.abs(motion.head_rotation).max() < 30


@pytest.mark.parametrize("fps", ["23.976", "24", "25", "29.97", "30", "50", "60"])
def test_frame_count_is_exact(talk: DreamTalk, speech: Speech, fps: str) -> None:
    short = cut(speech, 0, 1.237)
    rate = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001)}.get(fps, Fraction(fps))
    made = talk.animate(short, fps=fps, steps=1)
    assert made.fps == rate
    assert len(made) == frame_count(short.duration, rate)


def test_it_speaks_and_rests(motion: Motion, speech: Speech) -> None:
    loud = np.abs(speech.waveform[: len(motion) * 640]).reshape(-1, 640).max(1)
    quiet = np.convolve(loud < 0.02, np.ones(9), "same") >= 9  # in the middle of a pause
    quiet[:10] = False  # a mouth opens before it speaks
    assert quiet.sum() > 5
    assert aperture(motion).std() > 0.03
    assert aperture(motion)[quiet].mean() < 0.4 * aperture(motion)[loud > 0.1].mean()


def test_same_seed_same_take_other_seed_other_take(
    talk: DreamTalk, speech: Speech, motion: Motion
) -> None:
    assert talk.animate(speech, "neutral") == motion
    other = talk.animate(speech, "neutral", seed=1)
    assert np.corrcoef(aperture(other), aperture(motion))[0, 1] > 0.9
    assert np.abs(other.weights - motion.weights).mean() > 1e-3


def test_a_cut_does_not_show(talk: DreamTalk, speech: Speech, motion: Motion) -> None:
    start = 4.0
    part = talk.animate(cut(speech, start, 12.0), "neutral")
    same = slice(25, -25)
    whole = motion.weights[int(start * 25) :][: len(part)]
    lips = [INDEX[name] for name in ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel")]
    difference = np.abs(part.weights - whole)[same][:, lips]
    assert difference.mean() < 0.02


def test_windows_of_the_denoiser_leave_no_seam(
    talk: DreamTalk, speech: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = cut(speech, 0, 8)
    whole = talk.animate(short)
    monkeypatch.setattr("dreamtalk_core.models.sampler.WINDOW", 37)
    np.testing.assert_allclose(talk.animate(short).weights, whole.weights, atol=2e-5)


def test_windows_cover_everything_once() -> None:
    frames = 3 * WINDOW + 5
    inner_frames = [np.arange(frames)[outer][inner] for inner, outer in windows(frames, 24)]
    np.testing.assert_array_equal(np.concatenate(inner_frames), np.arange(frames))


def test_silence_is_calm(talk: DreamTalk) -> None:
    motion = talk.animate(Speech(np.zeros(5 * 16_000, np.float32), "silence"))
    assert aperture(motion).max() < 0.06
    assert motion.channel("mouthPucker").max() < 0.2


def test_styles_look_like_their_names(talk: DreamTalk, speech: Speech, motion: Motion) -> None:
    assert set(talk.style_names) >= EMOTIONS | {"neutral"}
    means = {
        name: talk.animate(speech, name, steps=3).weights.mean(0)
        for name in ("happy", "sad", "angry")
    }

    def most(shape: str) -> str:
        return max(means, key=lambda name: means[name][INDEX[shape]])

    assert most("mouthSmileLeft") == "happy"
    assert most("mouthFrownRight") == "sad"
    assert most("browDownLeft") == "angry"
    assert (
        means["happy"][INDEX["mouthSmileLeft"]]
        > motion.weights.mean(0)[INDEX["mouthSmileLeft"]] + 0.1
    )


def test_guidance_sets_the_strength(talk: DreamTalk, speech: Speech) -> None:
    def smile(guidance: float) -> float:
        motion = talk.animate(cut(speech, 0, 4), "happy", guidance_scale=guidance)
        return float(motion.channel("mouthSmileLeft").mean())

    none, full = smile(0.0), smile(1.0)
    assert full > none + 0.2
    neutral = talk.animate(cut(speech, 0, 4), "neutral")
    assert none == pytest.approx(float(neutral.channel("mouthSmileLeft").mean()), abs=1e-3)
    assert smile(0.5) == pytest.approx((none + full) / 2, rel=0.1)
    # At times the corners can go no further.
    assert smile(1.5) == pytest.approx(full + (full - none) / 2, rel=0.15)


def test_style_of_a_performance(
    talk: DreamTalk, speech: Speech, motion: Motion, tmp_path: Path
) -> None:
    happy = talk.animate(speech, "happy", seed=3)
    path = tmp_path / "fröhlich take.csv"
    happy.save(path)
    style = talk.load_style(path)
    again = talk.animate(speech, style, seed=4).channel("mouthSmileLeft").mean()
    plain = motion.channel("mouthSmileLeft").mean()
    assert again > plain + 0.5 * (happy.channel("mouthSmileLeft").mean() - plain)


def test_a_style_changes_over_the_line(talk: DreamTalk, speech: Speech) -> None:
    short = cut(speech, 0, 6)
    brow = talk.animate(short, "neutral@1, angry@3, angry*0.5@5").channel("browDownLeft")
    angry = talk.animate(short, "angry").channel("browDownLeft")
    plain = talk.animate(short, "neutral").channel("browDownLeft")
    np.testing.assert_allclose(brow[:10], plain[:10], atol=1e-3)
    assert abs(brow[70:80].mean() - angry[70:80].mean()) < 0.1
    halfway = (plain[130:] + angry[130:]) / 2
    assert abs(brow[130:].mean() - halfway.mean()) < 0.08


def test_a_mixed_style_saved_in_a_file_is_the_same_style(
    talk: DreamTalk, speech: Speech, tmp_path: Path
) -> None:
    short = cut(speech, 0, 3)
    mixed = talk.load_style("happy*0.6+surprise*0.4")
    assert isinstance(mixed, Style)
    path = tmp_path / "froh überrascht.safetensors"
    mixed.save(path)
    assert talk.animate(short, path) == talk.animate(short, mixed)


def test_auto_is_predicted_from_the_speech(talk: DreamTalk, speech: Speech) -> None:
    style = talk.predict_style(speech)
    assert style.name == "auto"
    assert talk.animate(speech) == talk.animate(speech, style)
    neutral = Motion(ARKIT_NAMES, np.zeros((1, 52), np.float32), Fraction(25))
    assert np.isfinite(talk.predict_style(speech, neutral).code).all()
    quiet = talk.predict_style(Speech(np.zeros(48_000, np.float32), "silence"))
    np.testing.assert_array_equal(quiet.code, talk.model.styles["neutral"].numpy())
    assert not np.array_equal(style.code, quiet.code)
    assert quiet.heard is None
    with pytest.raises(StyleError, match="heard from a speech"):
        talk.load_style("auto")


@pytest.mark.parametrize(
    ("probability", "intensity"), [(0.2, 0.15), (0.5, 0.575), (0.7, 1.0), (1.0, 1.0)]
)
def test_a_sure_emotion_shows_in_full_and_a_guess_hardly(
    talk: DreamTalk,
    speech: Speech,
    monkeypatch: pytest.MonkeyPatch,
    probability: float,
    intensity: float,
) -> None:
    rest = (1 - probability) / 7
    heard = dict.fromkeys(talk.predictor.config.emotions, rest) | {"angry": probability}
    monkeypatch.setattr(talk.predictor, "listen", lambda summary: heard)
    style = talk.predict_style(cut(speech, 0, 2))
    assert style.heard == Heard("angry", probability)
    assert style.intensity == pytest.approx(intensity)
    apart = {
        name: np.linalg.norm(style.code - talk.model.styles[name].numpy())
        for name in ("neutral", "angry", "happy", "sad")
    }
    assert min(apart, key=apart.__getitem__) == "angry"


def test_bilabials_shut_the_lips_in_every_emotion(talk: DreamTalk, speech: Speech) -> None:
    rows = torch.cat(list(encode_speech(talk.phonetics, speech.waveform, 346, lambda _: None)))
    peaks = (
        np.flatnonzero(reported_features(rows)[:, FEATURES.index("bilabial")].numpy() > 0.3) / 50
    )
    assert len(peaks) > 5
    for name in EMOTIONS:
        gap = load_head().lip_gap_mm(talk.animate(speech, name, guidance_scale=1.5).weights)
        times = (np.arange(len(gap)) + 0.5) / 25
        lowest = [gap[(times > s - 0.14) & (times < s + 0.04)].min() for s in peaks]
        assert max(lowest) < 1.0, name


def test_behaviour_and_controls_reach_the_motion(talk: DreamTalk, speech: Speech) -> None:
    short = cut(speech, 0, 8)
    still = talk.animate(short, "neutral", behaviour=Behaviour(0, 0, 0, 0))
    alive = talk.animate(short, "neutral")
    # But for where no breath is heard before a phrase, as the mouth opens.
    apart = np.abs(aperture(alive) - aperture(still))
    assert np.quantile(apart, 0.95) < 0.01
    assert apart.max() < 0.06
    assert alive.channel("eyeBlinkLeft").max() > 0.9
    assert alive.head_rotation.std(0).sum() > still.head_rotation.std(0).sum() + 1
    firm = talk.animate(short, "neutral", controls=Controls(jaw=0.5, head=0, max_opening=0.2))
    assert firm.channel("jawOpen").max() <= 0.2
    assert not firm.head_rotation.any()


def test_a_portrait_is_rendered_and_is_a_face_for_auto(
    talk: DreamTalk, speech: Speech, tmp_path: Path
) -> None:
    short = cut(speech, 0, 1)
    path = tmp_path / "sie.mp4"
    style = talk.predict_style(short, DEMO_PORTRAIT)
    assert not np.array_equal(style.code, talk.predict_style(short).code)
    talk.render(talk.animate(short, style), path, short, portrait=DEMO_PORTRAIT)
    with av.open(str(path)) as file:
        assert file.streams.video[0].frames == 25
        assert (file.streams.video[0].width, file.streams.video[0].height) == (768, 768)


def test_wrong_requests_say_what_to_do(talk: DreamTalk, speech: Speech, tmp_path: Path) -> None:
    with pytest.raises(StyleError, match=r"no style 'jolly'.*happy"):
        talk.animate(speech, "jolly")
    with pytest.raises(StyleError, match="at least 1 s"):
        talk.load_style(Motion(("jawOpen",), np.zeros((5, 1)), Fraction(25)))
    with pytest.raises(StyleError, match="another model"):
        talk.sample_motion(speech, Style(np.zeros(5, np.float32), "foreign", "elsewhere"))
    with pytest.raises(DreamTalkError, match="steps"):
        talk.animate(speech, steps=0)
    with pytest.raises(DreamTalkError, match="guidance"):
        talk.animate(speech, guidance_scale=float("nan"))
    with pytest.raises(DreamTalkError, match="seed"):
        talk.animate(speech, seed=-1)
    with pytest.raises(ModelError, match=r"is a folder|no such file"):
        DreamTalk.load(tmp_path)
    with pytest.raises(DreamTalkError, match="Device 'gpu9'"):
        DreamTalk.load(device="gpu9")
    with pytest.raises(ModelError, match=r"nowhere\.safetensors"):
        DreamTalk.load(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("damage", ["truncated", "foreign", "nan", "missing tensor"])
def test_damaged_weights_are_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors = load_file(DEFAULT_MODEL)
    if damage == "truncated":
        path.write_bytes(DEFAULT_MODEL.read_bytes()[:10_000])
    elif damage == "foreign":
        save_file({"weight": torch.zeros(3)}, path)
    else:
        if damage == "nan":
            tensors["denoiser.motion.weight"][0, 0] = float("nan")
        else:
            del tensors["denoiser.motion.weight"]
        from safetensors import safe_open

        with safe_open(DEFAULT_MODEL, "pt") as file:
            save_file(tensors, path, file.metadata())
    with pytest.raises(ModelError):
        DreamTalk.load(path, "cpu")


def test_frames_are_seen_while_more_are_made(talk: DreamTalk, speech: Speech) -> None:
    seen: list[Motion] = []
    motion = talk.sample_motion(speech, "happy", behaviour=STILL, watch=seen.append)
    assert {len(frame) for frame in seen} == {1}
    last = seen[-1].over(motion.names).weights[0]
    assert np.abs(last - motion.weights[-1]).max() < 0.1


def test_progress_reaches_the_end_and_can_cancel(talk: DreamTalk, speech: Speech) -> None:
    seen: list[tuple[int, int]] = []
    talk.animate(cut(speech, 0, 3), progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]

    class CancelledError(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        talk.animate(speech, progress=cancel)
