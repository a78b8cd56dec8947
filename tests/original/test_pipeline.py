"""The original DreamTalk as a pipeline: style clips, guidance, poses, long speech, files."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from dreamtalk_core.errors import (
    DreamTalkError,
    DreamTalkWarning,
    ModelError,
    MotionError,
    StyleError,
)
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.denoiser import OriginalMotionModel, Sampler, Sizes
from dreamtalk_core.original.layout import still_pose
from dreamtalk_core.original.pipeline import OriginalDreamTalk
from dreamtalk_core.original.portrait import OriginalRenderer
from dreamtalk_core.parameters import Behaviour
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.media import pixels
from dreamtalk_core.style import Style, StyleLibrary, StyleTrack
from dreamtalk_core.style.library import LibraryFolder

pytestmark = pytest.mark.slow

SIZES = Sizes(
    width=16,
    feed_forward=24,
    content_layers=1,
    style_layers=1,
    decoder_layers=2,
    audio=6,
    window=11,
    clip=256,
)


class Ear:
    """Stands for wav2vec2: rows of numbers that tell the place in the speech, in uneven pieces."""

    width = SIZES.audio

    def rows(self, samples: int) -> torch.Tensor:
        count = max(0, samples - 400) // 320 + 1
        generator = torch.Generator().manual_seed(5)
        return torch.randn(count, self.width, generator=generator)

    def stream(self, waveform: np.ndarray) -> Iterator[torch.Tensor]:
        yield from self.rows(len(waveform)).split(177)


@pytest.fixture(scope="module")
def model(root: Path) -> OriginalMotionModel:
    spec = importlib.util.spec_from_file_location("original", root / "benchmarks" / "original.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.random_model(SIZES)


@pytest.fixture
def talk(model: OriginalMotionModel) -> OriginalDreamTalk:
    return OriginalDreamTalk(model, Ear())


@pytest.fixture
def speech() -> Speech:
    generator = np.random.default_rng(0)
    return Speech((0.1 * generator.standard_normal(16_000 * 12)).clip(-1, 1).astype("f4"), "test")


@pytest.fixture
def clip() -> Coefficients:
    generator = np.random.default_rng(1)
    return Coefficients(generator.standard_normal((90, 64)), still_pose(90))


@torch.inference_mode()
def test_all_at_once_and_in_pieces(
    talk: OriginalDreamTalk, speech: Speech, clip: Coefficients
) -> None:
    """300 frames go through in three pieces; the plain way takes all windows at once."""
    face = talk.sample_motion(speech, clip, steps=3, seed=4).coefficients
    assert face.expression.shape == (300, 64)
    rows = Ear().rows(len(speech.waveform))
    padded = torch.cat([torch.zeros(5, 6), rows, torch.zeros(50, 6)])
    windows = torch.stack([padded[2 * i : 2 * i + 11] for i in range(300)])
    encoder = talk.model.net.content_encoder
    content = encoder(encoder.increase_embed_dim(windows))
    code = talk.model.style_code(torch.tensor(clip.expression))
    noise = torch.from_numpy(np.random.default_rng(4).standard_normal((300, 64), np.float32))
    expected = Sampler(talk.model, code).sample(content, noise, 3)
    np.testing.assert_allclose(face.expression, expected, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 400, 640 * 2, 640 * 128, 640 * 128 + 320, 640 * 257 + 319])
def test_as_many_frames_as_the_speech_lasts(talk: OriginalDreamTalk, samples: int) -> None:
    speech = Speech(np.full(samples, 0.1, np.float32), "test")
    face = talk.sample_motion(speech, "neutral", steps=1)
    assert len(face) == max(1, (samples + 320) // 640)
    assert np.array_equal(face.coefficients.pose, still_pose(len(face)))


def test_guidance_and_intensity(
    talk: OriginalDreamTalk, speech: Speech, clip: Coefficients
) -> None:
    style = talk.extract_style(clip)

    def face(style: Style | str, guidance: float) -> np.ndarray:
        return talk.sample_motion(
            speech, style, guidance_scale=guidance, steps=2
        ).coefficients.expression

    assert np.array_equal(face(style, 0), face("neutral", 1))
    assert not np.allclose(face(style, 0), face(style, 1), atol=1e-3)
    half = Style(style.code, "half", "", 0.5, style.model)
    assert np.array_equal(face(half, 2), face(style, 1))
    assert np.array_equal(face(half, 3), face(style, 1.5))


def test_seeds(talk: OriginalDreamTalk, speech: Speech) -> None:
    first, same, other = (
        talk.animate(speech, steps=1, seed=seed).coefficients.expression for seed in (1, 1, 2)
    )
    assert np.array_equal(first, same)
    assert not np.allclose(first, other)


def test_style_in_any_form(talk: OriginalDreamTalk, clip: Coefficients, tmp_path: Path) -> None:
    style = talk.extract_style(clip)
    assert style.code.shape == (16,)
    clip.save(tmp_path / "angry.npz")
    named = talk.load_style(str(tmp_path / "angry.npz"))
    assert named.name == "angry"
    assert np.array_equal(named.code, style.code)
    style.save(tmp_path / "angry.safetensors")
    assert np.array_equal(talk.load_style(tmp_path / "angry.safetensors").code, style.code)
    assert talk.load_style(style) is style
    assert np.array_equal(talk.load_style(clip).code, style.code)


def test_style_clip_of_the_public_code(talk: OriginalDreamTalk, tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io", reason="needs SciPy")
    coeff = np.random.default_rng(2).standard_normal((40, 257)).astype(np.float32)
    scipy_io.savemat(tmp_path / "clip.mat", {"coeff": coeff})
    style = talk.load_style(tmp_path / "clip.mat")
    expected = talk.model.style_code(torch.tensor(coeff[:, 80:144]))
    np.testing.assert_allclose(style.code, expected, atol=1e-6)


def test_styles_that_do_not_fit(talk: OriginalDreamTalk, speech: Speech, tmp_path: Path) -> None:
    with pytest.raises(StyleError, match="belongs to another model"):
        talk.sample_motion(speech, Style(np.zeros(32), "wide", ""))
    with pytest.raises(StyleError, match="belongs to another model"):
        talk.sample_motion(speech, Style(np.zeros(16), "foreign", "", 1.0, "0123456789ab"))
    with pytest.raises(StyleError, match=r"no style 'happy'.*\.mat"):
        talk.animate(speech, "happy")
    with pytest.raises(StyleError, match="cannot hear a style"):
        talk.predict_style(speech)
    with pytest.raises(MotionError, match="no such file"):
        talk.animate(speech, tmp_path / "nothing.mat")


def test_head_of_a_clip(talk: OriginalDreamTalk, speech: Speech, tmp_path: Path) -> None:
    pose = np.arange(20 * 9, dtype=np.float32).reshape(20, 9)
    Coefficients(np.zeros((20, 64)), pose).save(tmp_path / "pose.npz")
    face = talk.animate(speech, pose=tmp_path / "pose.npz", steps=1).coefficients
    assert np.array_equal(face.pose[:20], pose)
    assert np.array_equal(face.pose[20], pose[18])
    looped = talk.sample_motion(speech, "neutral", pose=pose, pose_extension="loop", steps=1)
    assert np.array_equal(looped.coefficients.pose[20], pose[0])


def test_progress_and_cancelling(talk: OriginalDreamTalk, speech: Speech) -> None:
    seen: list[tuple[int, int]] = []
    talk.animate(speech, steps=2, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (900, 900)

    def cancel(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        talk.animate(speech, progress=cancel)


def test_values_out_of_range(talk: OriginalDreamTalk, speech: Speech) -> None:
    for wrong in ({"guidance_scale": -1.0}, {"steps": 0}, {"steps": 1001}, {"seed": -1}):
        with pytest.raises(DreamTalkError, match=next(iter(wrong))):
            talk.sample_motion(speech, "neutral", **wrong)


def test_style_of_other_faces(talk: OriginalDreamTalk, tmp_path: Path) -> None:
    """A motion has a style for the original model as well, through the linear maps."""
    weights = np.random.default_rng(3).random((60, 52), np.float32)
    motion = Motion(ARKIT_NAMES, weights, Fraction(25))
    motion.save(tmp_path / "take.npz")
    expected = talk.model.style_code(torch.tensor(Coefficients.from_motion(motion).expression))
    for given in (motion, tmp_path / "take.npz"):
        np.testing.assert_allclose(talk.load_style(given).code, expected, atol=1e-6)


def test_curves_for_a_rig(talk: OriginalDreamTalk, speech: Speech) -> None:
    motion = talk.animate(speech, steps=1)
    assert motion == motion.coefficients.to_motion()
    assert motion.names == ARKIT_NAMES
    assert len(motion) == len(motion.coefficients)
    assert motion.fps == 25


def test_portrait_that_speaks(shared: Path, tmp_path: Path, clip: Coefficients) -> None:
    """The road from checkpoint and picture to MP4, with weights that were never trained."""
    renderer = OriginalRenderer.load(shared / "parity" / "renderer_small.safetensors", "cpu")
    picture = sorted((shared / "media" / "portraits").glob("*.[jp][pn]g"))[0]
    few = Coefficients(clip.expression[:3], clip.pose[:3])
    steps: list[int] = []
    renderer.render(
        few, picture, tmp_path / "out.mp4", progress=lambda done, total: steps.append(done)
    )
    assert steps == [1, 2, 3]
    with av.open(str(tmp_path / "out.mp4")) as video:
        frames = [pixels(frame, "rgb24") for frame in video.decode(video=0)]
    assert [frame.shape for frame in frames] == [(256, 256, 3)] * 3
    renderer.render(few.to_motion(), picture, tmp_path / "whole.mp4", crop=False)
    assert (tmp_path / "whole.mp4").is_file()


def test_ears_that_do_not_fit(model: OriginalMotionModel) -> None:
    class Other(Ear):
        width = 768

    with pytest.raises(ModelError, match="gives 768 numbers a row"):
        OriginalDreamTalk(model, Other())


def test_a_style_that_changes_is_refused(talk: OriginalDreamTalk, clip: Coefficients) -> None:
    track = StyleTrack(((0.0, talk.extract_style(clip)), (1.0, talk.extract_style(clip))))
    with pytest.raises(StyleError, match="one style"):
        talk.load_style(track)


def test_what_is_put_on_and_what_is_not(talk: OriginalDreamTalk, speech: Speech) -> None:
    """Nothing, unless it is asked for; the coefficients stay what they are."""
    plain = talk.animate(speech, steps=1)
    alive = talk.animate(speech, steps=1, behaviour=Behaviour(), fps=30)
    assert alive.channel("eyeBlinkLeft").max() > plain.channel("eyeBlinkLeft").max() + 0.5
    assert (alive.fps, len(alive)) == (30, 360)
    assert talk.animate(speech, steps=1, idle=1.0, fps=30) == alive
    assert np.array_equal(alive.coefficients.expression, plain.coefficients.expression)
    assert not talk.animate(speech, steps=1, jaw=0.0).channel("jawOpen").any()


def test_auto_is_neutral_and_a_portrait_is_of_no_use(talk: OriginalDreamTalk) -> None:
    assert talk.load_style("Auto").name == "neutral"
    rest = Motion(ARKIT_NAMES, np.zeros((1, 52), np.float32), 25)
    with pytest.warns(DreamTalkWarning, match="portrait"):
        assert talk.load_style("auto", None, rest).name == "neutral"


def test_styles_in_the_library(talk: OriginalDreamTalk, clip: Coefficients, tmp_path: Path) -> None:
    """Those of this model can be used; those of others are refused, and named."""
    talk.library = StyleLibrary((LibraryFolder("user", tmp_path),))
    style = replace(talk.extract_style(clip), name="cross")
    talk.library.save(style)
    talk.library.save(Style(np.zeros(32), "foreign", "ours", 1.0, "0123456789ab"))
    assert talk.style_names == ("neutral", "cross", "foreign")
    assert np.array_equal(talk.load_style("Cross").code, style.code)
    with pytest.raises(StyleError, match="belongs to another model"):
        talk.find_style("foreign")


def test_several_clips_make_one_style(talk: OriginalDreamTalk, clip: Coefficients) -> None:
    halves = [Coefficients(part, still_pose(45)) for part in np.split(clip.expression, 2)]
    assert np.array_equal(talk.extract_style(halves).code, talk.extract_style(clip).code)
