"""Every way in: sound files of each kind, what mutates them, and what reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
import torch

from dreamtalk_core.errors import StyleError
from dreamtalk_core.formats import FORMATS
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.models.style_predictor import StylePredictor
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.original.checkpoint import import_checkpoint
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.render.head.foreign import load_glb_head
from dreamtalk_core.retarget.presets import read_preset
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.style.file import save_style
from dreamtalk_core.style.load import read_style_file
from dreamtalk_core.style.style import Style
from dreamtalk_core.style.text import parse_style
from dreamtalk_core.tracking.video import open_images
from dreamtalk_core.training.train import read_config
from tests.fuzz import mutations
from tests.fuzz.mutations import Mutation

ASSETS = Path(__file__).resolve().parents[2] / "dreamtalk_core" / "assets"

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """name: as the command line takes it. seeds: file names and contents, sound ones.
    read: reads one file, as its users would; may raise DreamTalkError, nothing else."""

    name: str
    seeds: tuple[tuple[str, bytes], ...]
    mutations: tuple[Mutation, ...]
    read: Read

    def case(self, number: int) -> tuple[str, bytes]:
        """The file of a number: its name and content."""
        random = Random(f"{self.name} {number}")
        name, data = self.seeds[number % len(self.seeds)]
        return name, random.choice(self.mutations)(random, data)


_FOREIGN = (
    ("a2f", "seed.a2f.json", mutations.JSON),
    ("lam", "seed.lam.json", mutations.JSON),
    ("talkinghead", "seed.talkinghead.json", mutations.JSON),
    ("mediapipe", "seed.mediapipe.json", mutations.JSON),
    ("facecap", "seed.facecap.txt", mutations.CSV),
    ("ifacialmocap", "seed.ifacialmocap.txt", mutations.TEXT),
    ("columns", "seed.columns.csv", mutations.CSV),
    ("unity", "seed.anim", mutations.TEXT),
    ("godot", "seed.tres", mutations.TEXT),
    ("maya", "seed.ma", mutations.TEXT),
    ("mmd", "seed.vmd", mutations.BYTES),
)
"""Name, file and damages of what other programs write."""


def make_seeds(folder: Path) -> None:
    """Write sound files of every kind into an empty folder, for `readers`."""
    _make_motions(folder)
    _make_sounds(folder)
    _make_pictures(folder)
    _make_style(folder)
    torch.save({"net": {"layer.weight": torch.zeros(3, 4)}}, folder / "a.pth")


def readers(folder: Path) -> Iterator[Reader]:
    """All of them. folder: that of `make_seeds`."""

    def seeds(*names: str) -> tuple[tuple[str, bytes], ...]:
        return tuple((name, (folder / name).read_bytes()) for name in names)

    for suffix, how in (
        ("csv", mutations.CSV),
        ("json", mutations.JSON),
        ("npz", (*mutations.NPZ, mutations.zip_bomb)),
    ):
        yield Reader(suffix, seeds(f"seed.{suffix}"), how, _read_motion)
    for name, file, how in _FOREIGN:
        yield Reader(name, seeds(file), how, _read_motion)
    yield Reader("glb", seeds("seed.glb"), mutations.GLB, _read_head)
    yield Reader("sound", seeds(*_SOUNDS), mutations.BYTES, _read_speech)
    yield Reader("pictures", seeds(*_PICTURES), mutations.BYTES, _read_pictures)
    yield Reader("style", seeds("seed.safetensors"), mutations.SAFETENSORS, _read_style)
    weights = ASSETS.parent / "weights"
    yield Reader(
        "weights",
        tuple(
            (f"{name}.safetensors", (weights / f"{name}.safetensors").read_bytes())
            for name in ("default", "predictor")
        ),
        mutations.SAFETENSORS,
        _read_weights,
    )
    preset = {
        "format": "dreamtalk-mapping",
        "version": 1,
        "name": "Mine",
        "rows": [
            {"source": "jawOpen", "target": "Jaw", "scale": 1.0, "offset": 0.0},
            {"source": "mouthClose", "target": "Lips"},
        ],
    }
    yield Reader("preset", (("a.json", json.dumps(preset).encode()),), mutations.JSON, _read_preset)
    training = ASSETS.parent / "training"
    configs = tuple(
        (f"{name}.json", (training / f"{name}.json").read_bytes())
        for name in ("default", "predictor")
    )
    yield Reader("config", configs, mutations.JSON, _read_config)
    yield Reader(
        "checkpoint",
        (*seeds("a.pth"), ("a.mat", b"MATLAB 5.0 MAT-file".ljust(128) + bytes(99))),
        mutations.BYTES,
        _read_checkpoint,
    )
    texts = ("happy*0.7+surprise*0.3", "neutral@0, angry*1.5@2.5", '"a b.csv"*1.5', "auto")
    yield Reader(
        "styles",
        tuple(("text", text.encode()) for text in texts),
        (mutations.words,),
        _parse_style,
    )


# --- what reads ----------------------------------------------------------------------------------


def _read_motion(path: Path) -> None:
    motion = Motion.load(path).to_arkit()
    assert len(motion) > 0
    assert np.isfinite(motion.weights).all()
    assert np.isfinite(motion.head_rotation).all()


def _read_head(path: Path) -> None:
    head = load_glb_head(path)
    assert np.isfinite(head.vertices).all()
    assert head.triangles.max() < len(head.vertices)


def _read_speech(path: Path) -> None:
    waveform = Speech.load(path).waveform
    assert np.isfinite(waveform).all()
    assert np.abs(waveform).max() <= 1


def _read_pictures(path: Path) -> None:
    assert sum(1 for _ in open_images(path)) > 0


def _read_style(path: Path) -> None:
    style = read_style_file(path)
    assert np.isfinite(style.code).all()


def _read_weights(path: Path) -> None:
    if path.stem == "default":
        MotionModel.load(path)
    else:
        StylePredictor.load(path)


def _read_preset(path: Path) -> None:
    read_preset(path)


def _read_config(path: Path) -> None:
    read_config(path)


def _read_checkpoint(path: Path) -> None:
    if path.suffix == ".mat":
        Coefficients.load(path)
    else:
        import_checkpoint(path, path.with_name("out.safetensors"))


def _parse_style(path: Path) -> None:
    def resolve(name: str) -> Style:
        if len(name) > 20:
            raise StyleError("There is no such style.")
        return Style(np.zeros(4, np.float32), name, "a file")

    parse_style(path.read_bytes().decode("utf-8", "surrogatepass"), resolve)


# --- sound files ---------------------------------------------------------------------------------


def _make_motions(folder: Path) -> None:
    draw = np.random.default_rng(0)
    weights = draw.random((12, len(ARKIT_NAMES)), np.float32)
    turns = draw.normal(0, 5, (12, 3)).astype(np.float32)
    motion = Motion(ARKIT_NAMES, weights, Fraction(30000, 1001), turns)
    for kind in FORMATS:
        if (kind.reads and kind.writes) or kind.ending == ".glb":
            motion.save(folder / f"seed{kind.ending}")
    scores = [dict(zip(ARKIT_NAMES[:20], row, strict=False)) for row in weights.tolist()]
    frames = [
        {
            "timestamp": i * 40,
            "faceBlendshapes": [
                {"categories": [{"categoryName": n, "score": s} for n, s in frame.items()]}
            ],
            "facialTransformationMatrixes": [{"data": np.eye(4).ravel().tolist()}],
        }
        for i, frame in enumerate(scores)
    ]
    (folder / "seed.mediapipe.json").write_text(json.dumps(frames))
    rows = [
        [f"{value:.4f}" for value in (0, *turn, 1, 2, 3, 4, *row)]
        for turn, row in zip(turns, weights, strict=True)
    ]
    lines = [f"k,{i * 33},0,0," + ",".join(row) for i, row in enumerate(rows)]
    text = "\n".join(["info,0", "bs," + ",".join(ARKIT_NAMES), *lines])
    (folder / "seed.facecap.txt").write_text(text)
    shares = ["|".join(f"{n}-{s * 100:.0f}" for n, s in frame.items()) for frame in scores]
    text = "\n".join(f"{i / 60:.4f} {share}|=head#1,2,3,0,0,0|" for i, share in enumerate(shares))
    (folder / "seed.ifacialmocap.txt").write_text(text)
    lines = [
        ";".join([f"{i / 25}", *map(str, row)]).replace(".", ",")
        for i, row in enumerate(weights.tolist())
    ]
    text = "\n".join([";".join(["time", *ARKIT_NAMES]), *lines])
    (folder / "seed.columns.csv").write_text(text)


_SOUNDS = {
    "a.wav": "pcm_s16le",
    "a.flac": "flac",
    "a.ogg": "libopus",
    "a.mp3": "libmp3lame",
    "a.m4a": "aac",
    "a.mkv": "libopus",
    "a.mp4": "aac",
    "b.wav": "pcm_f32le",
    "a.aiff": "pcm_s16be",
}


def _make_sounds(folder: Path) -> None:
    voice = Speech.load(ASSETS / "demo_voice.flac").waveform[16_000:36_000]
    for name, codec in _SOUNDS.items():
        path = folder / name
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=16_000 if codec != "libopus" else 48_000)
            stream.codec_context.layout = "mono"
            frame = av.AudioFrame.from_ndarray(voice[None], "flt", "mono")
            frame.sample_rate, frame.pts = 16_000, 0
            resampler = av.AudioResampler(
                stream.codec_context.format,
                "mono",
                stream.codec_context.sample_rate,
                stream.codec_context.frame_size or 1024,
            )
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(piece))
            container.mux(stream.encode(None))


_PICTURES = {
    "p.png": ("png", "rgb24", 1),
    "p.jpg": ("mjpeg", "yuvj420p", 1),
    "p.gif": ("gif", "rgb8", 6),
    "p.mp4": ("libx264", "yuv420p", 10),
    "p.mkv": ("libvpx-vp9", "yuv420p", 6),
    "p.webp": ("libwebp", "yuv420p", 1),
    "p.tiff": ("tiff", "rgb24", 1),
    "p.bmp": ("bmp", "bgr24", 1),
}


def _make_pictures(folder: Path) -> None:
    draw = np.random.default_rng(0)
    pixels = np.kron(draw.integers(0, 256, (12, 16, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    for name, (codec, form, count) in _PICTURES.items():
        path = folder / name
        options = {"update": "1"} if name.endswith((".png", ".jpg", ".tiff", ".bmp")) else {}
        with av.open(str(path), "w", options=options) as container:
            stream: Any = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], form
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(np.roll(pixels, number * 3, 1), "rgb24")
                container.mux(stream.encode(frame.reformat(format=form)))
            container.mux(stream.encode(None))


def _make_style(folder: Path) -> None:
    clip = Motion(
        ARKIT_NAMES,
        np.full((30, 52), 0.25, np.float32),
        Fraction(25),
        np.zeros((30, 3), np.float32),
    )
    code = np.linspace(-1, 1, 128, dtype=np.float32)
    style = Style(
        code, "Grandma", "a.mp4", 1.0, "0123456789abcdef", ("warm", "old"), clip, b"\x89PNG"
    )
    save_style(style, folder / "seed.safetensors")
