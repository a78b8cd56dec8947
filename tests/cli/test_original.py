"""The original checkpoints on the command line, with networks that nobody trained."""

from __future__ import annotations

import importlib.util
import shutil
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dreamtalk_core import Motion
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.cli import main
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.denoiser import Sizes
from dreamtalk_core.original.layout import still_pose
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.worker.methods import Methods

pytestmark = pytest.mark.slow

transformers = pytest.importorskip(
    "transformers", reason="needs transformers: pip install dreamtalk[original]"
)

WIDTH = 16
FRAMES = 346


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint as the original holds it, the ears for it, and a style clip."""
    spec = importlib.util.spec_from_file_location("original", root / "benchmarks" / "original.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sizes = Sizes(
        width=16, feed_forward=24, content_layers=1, style_layers=1, decoder_layers=2,
        audio=WIDTH, window=11, clip=256,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("original")
    tensors = module.random_model(sizes).state_dict()
    named = {f"diff_net.{name}": value for name, value in tensors.items()}
    torch.save({"model_state_dict": named}, folder / "denoising_network.pth")
    config = transformers.Wav2Vec2Config(
        hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
        feat_extract_norm="layer", do_stable_layer_norm=True,
    )  # fmt: skip
    transformers.Wav2Vec2Model(config).save_pretrained(folder / "ears")
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder / "ears")
    draw = np.random.default_rng(0)
    clip = Coefficients(draw.normal(size=(40, 64)), still_pose(40))
    replace(clip, pose=still_pose(40) + 0.1).save(folder / "clip.mat")
    return folder


def test_a_line_in_the_style_of_a_clip_with_its_head(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, clip = tmp_path / "mine.safetensors", str(folder / "clip.mat")
    assert main(["import", str(folder / "denoising_network.pth"), str(model)]) == 0
    assert "original motion model" in capsys.readouterr().out
    mat, curves = tmp_path / "line.mat", tmp_path / "line.npz"
    words = ["animate", str(DEMO_VOICE), "--wav2vec", str(folder / "ears"), "--fps", "30"]
    words += ["-o", str(mat), "-o", str(curves), "--style", clip, "--pose", clip]
    assert main([*words, "--model", str(model)]) == 0
    face = Coefficients.load(mat)
    assert len(face) == FRAMES
    np.testing.assert_allclose(face.pose, still_pose(FRAMES) + 0.1, rtol=1e-6)
    motion = Motion.load(curves)
    assert motion.fps == 30
    expected = face.to_motion().resample(30, motion.duration)
    np.testing.assert_allclose(motion.weights, expected.weights, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "a.csv", "--style", "happy"], "no style 'happy'"),
        (["-o", "a.csv", "--style", "clip.csv"], "clip.csv"),
        (["-o", "a.csv", "--wav2vec", "nowhere"], "nowhere"),
        (["-o", "a.xyz"], ".csv"),
        (["-o", "a.csv", "--preview", "a.xyz"], "a.xyz"),
        (["-o", "a.csv", "--pose-extension", "up"], "pose-extension"),
    ],
)
def test_mistakes_are_reported_once(
    options: list[str],
    words: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    ears = [] if "--wav2vec" in options else ["--wav2vec", str(folder / "ears")]
    model = ["--model", str(folder / "denoising_network.pth")]
    assert main(["animate", str(DEMO_VOICE), *options, *ears, *model]) in (2, 3, 4)
    (error,) = capsys.readouterr().err.split("dreamtalk: ")[1:]
    assert words in error
    assert not list(tmp_path.iterdir())


def test_render_wants_the_renderer(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["render", str(folder / "clip.mat"), str(folder / "clip.mat")]
    words += ["-o", str(tmp_path / "a.mp4"), "--renderer", str(folder / "denoising_network.pth")]
    assert main(words) in (2, 3, 4)
    assert "this needs the original renderer (renderer.pt)" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main([*words, "--crop", "256"]) in (2, 3, 4)
    assert "--crop does not go with --renderer" in capsys.readouterr().err


def test_behaviour_controls_and_a_preview(folder: Path, tmp_path: Path) -> None:
    """As with a model of ours; what is not asked for is not put on."""
    line = tmp_path / "line.wav"
    speech = Speech.load(DEMO_VOICE).waveform[: 3 * 16_000]
    with wave.open(str(line), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((speech * 32767).astype(np.int16).tobytes())
    words = ["animate", str(line), "--wav2vec", str(folder / "ears"), "--steps", "1"]
    words += ["--model", str(folder / "denoising_network.pth")]
    for name, more in {
        "plain": ["--preview", str(tmp_path / "plain.mp4")],
        "alive": ["--blinks", "2", "--jaw", "0"],
    }.items():
        assert main([*words, "-o", str(tmp_path / f"{name}.npz"), *more]) == 0
    plain, alive = (Motion.load(tmp_path / f"{name}.npz") for name in ("plain", "alive"))
    assert (tmp_path / "plain.mp4").is_file()
    assert plain.weights.any()  # of which curves, random weights do not promise
    assert not alive.channel("jawOpen").any()
    assert alive.channel("eyeBlinkLeft").max() > 0.8


def test_the_worker_animates_with_an_original(folder: Path, tmp_path: Path) -> None:
    methods, clip = Methods(), str(folder / "clip.mat")
    model = {"model": str(folder / "denoising_network.pth"), "device": "cpu"}
    common = {"speech": str(DEMO_VOICE), **model, "project": str(tmp_path)}
    ears = {"wav2vec": str(folder / "ears")}

    def animate(name: str, **settings: Any) -> dict[str, Any]:
        output = str(tmp_path / name)
        return methods.animate(lambda *_: None, output=output, **common, steps=1, **settings)

    answer = animate("line.npz", **ears, style=clip, pose=clip, fps="30", blinks=1)
    assert answer["frames"] == len(Motion.load(tmp_path / "line.npz")) == round(346 * 30 / 25)
    style = methods.extract_style(
        lambda *_: None, performance=[clip], name="cross", shelf="project", project=str(tmp_path),
        **model,
    )  # fmt: skip
    assert style["shelf"] == "project"
    assert animate("line.mat", **ears, style="cross")["frames"] == FRAMES
    # Another recogniser is another pipeline, for the same sound.
    shutil.copytree(folder / "ears", tmp_path / "other ears")
    other = {"wav2vec": str(tmp_path / "other ears")}
    assert animate("line.npz", **other, style=clip)["frames"] == FRAMES
    shutil.copy(clip, tmp_path / "clip.mat")
    with pytest.raises(DreamTalkError, match="it is read as well"):
        animate("clip.mat", **ears, pose=str(tmp_path / "clip.mat"))
    assert len(Coefficients.load(tmp_path / "line.mat")) == FRAMES
    names = [one["name"] for one in methods.styles(lambda *_: None, **model)["styles"]]
    assert names[0] == "neutral"
    with pytest.raises(DreamTalkError, match="pose is for an original checkpoint"):
        methods.animate(
            lambda *_: None, speech=str(DEMO_VOICE), output=str(tmp_path / "a.csv"), pose=clip
        )
