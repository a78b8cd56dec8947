"""Training of the style predictor: what a speech sounds like, and the style that suits it.

train_predictor(Path("dreamtalk_core/training/predictor.json"), CORPUS, OUTPUT)

Speech is what tracked people said in no mood, synthetic voices made emotional (`acting` in the
configuration), and corpora of emotional speech with labels, if it names any. (Making emotional what
GRID's speakers say was tried: read commands are spoken so unlike anything else that it did harm.)
Faces are the speaker's own or else some tracked person's, in the synthetic style of the emotion.
The face at rest that goes with it is one of the same person in another recording and in another
mood, or the predictor would read the answer from it.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from dreamtalk_core.animation.calibration import resting_face
from dreamtalk_core.corpus import Clip, read_manifest
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.models.devices import choose_device
from dreamtalk_core.models.diffusion import TRAIN_STEPS, alphas_cumprod
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.models.style_predictor import (
    SUMMARY,
    PredictorConfig,
    StylePredictor,
    speech_summary,
)
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.pipeline.dreamtalk import MODELS, PREDICTOR
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.phonetics import PhoneticEncoder
from dreamtalk_core.style import fingerprint
from dreamtalk_core.training.augment import AUGMENTATION, vary
from dreamtalk_core.training.config import read_config
from dreamtalk_core.training.data import (
    Recording,
    Variant,
    calibrate,
    digest,
    draw_style_clip,
    source_digests,
)
from dreamtalk_core.training.emotional_speech import draw_emotional_voice, make_emotional
from dreamtalk_core.training.synthetic_styles import NAMED
from dreamtalk_core.training.voices import draw_voices, read_labels

Array = npt.NDArray[np.float32]

ROWS = "float16"
"""Kind of the phonetic rows that summaries are made of, as in `SpeechFeatures`."""
CLIPS = 30
"""Clips of one speaker that are used; more say little new."""
NOISES = 16
"""Noised codes that the denoiser is shown for each speech of a batch."""
PIECES = 5
"""Pieces of a speech that are shown at a time: quicker, and no two showings are the same."""
PIECE = 4 * SAMPLE_RATE
"""Long recordings are cut to this length."""
PLAIN, EMOTIONAL = "plain", "acted"
"""Origins of the examples that are people's plain speech, and emotional synthetic speech."""


@dataclass(frozen=True, eq=False)
class Example:
    """A speech, its emotion, and whose voice it is."""

    summaries: Array
    """[N, len(SUMMARY)]"""
    emotion: str
    speaker: str
    origin: str
    """Which share of the training it counts to: PLAIN, EMOTIONAL or a labelled corpus's folder."""


@dataclass(frozen=True, eq=False)
class Face:
    """A tracked person: codes of the person's styles, and the person at rest."""

    codes: dict[str, Array]
    """emotion -> [K, D]"""
    rests: Array
    """[R, 52] raw weights at rest or in a moment of speech, in no mood."""
    clip_rests: dict[str, Array]
    """emotion -> [K, 52]: the rest of the very clip that a code was read from, mood and all."""


def train_predictor(
    config_path: Path,
    corpus: Path,
    output: Path,
    device_name: str = "auto",
    model_name: str | Path = "default",
) -> Path:
    """Train a style predictor for a motion model and write OUTPUT/predictor.safetensors.

    config_path: see predictor.json. model_name: name or path of the motion model. Features of the
    speech are kept in OUTPUT/cache.
    Raises CorpusError when corpus or configuration do not fit, or espeak-ng is missing.
    """
    config = read_config(config_path)
    model = MotionModel.load(MODELS.get(str(model_name), Path(model_name)))
    output.mkdir(parents=True, exist_ok=True)
    examples = load_examples(config, corpus, output / "cache")
    faces = load_faces(
        config, read_config(config_path.parent / config["calibration"]), corpus, model
    )
    predictor = fit(config, examples, faces, fingerprint(model), device_name)
    path = output / PREDICTOR
    about = {key: config[key] for key in ("about", "licence", "training_data")}
    predictor.save(path, about)
    return path


# --- speech


def load_examples(config: Mapping[str, Any], corpus: Path, cache: Path) -> list[Example]:
    """All speech of the configuration; from the cache once it has been analysed."""
    emotional = {key: config[key] for key in ("seed", "voices", "sentences", "acting", "examples")}
    examples = _cached(cache, emotional, [], partial(_emotional_examples, config))
    plain = {key: config[key] for key in ("seed", "faces", "recordings", "variants")}
    recorded = [path for paths in _recordings(config, corpus).values() for path in paths]
    examples += _cached(cache, plain, recorded, partial(_plain_examples, config, corpus))
    for source in config["sources"]:
        labelled = {"seed": config["seed"], **source}
        folder = corpus / source["folder"]
        labels = read_labels(folder)
        sounds = [folder / "labels.tsv", *(folder / f"{row['id']}.flac" for row in labels)]
        examples += _cached(
            cache, labelled, sounds, partial(_labelled_examples, config, source, corpus)
        )
    return examples


def _cached(
    cache: Path,
    made_from: Mapping[str, Any],
    sounds: Sequence[Path],
    make: Callable[[], Iterator[Example]],
) -> list[Example]:
    name = digest([made_from, SUMMARY, source_digests(sounds), ROWS, AUGMENTATION])
    path = cache / f"speech-{name}.safetensors"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = {
            json.dumps([index, one.emotion, one.speaker, one.origin]): one.summaries
            for index, one in enumerate(make())
        }
        with atomic_write(path) as temporary:
            save_file(made, temporary)
    entries = {tuple(json.loads(key)): value for key, value in load_file(path).items()}
    return [Example(entries[key], *key[1:]) for key in sorted(entries)]


def _emotional_examples(config: Mapping[str, Any]) -> Iterator[Example]:
    rng = np.random.default_rng(config["seed"])
    encoder = PhoneticEncoder.load()
    plain = list(_speak(config["voices"], config["sentences"]))
    voices = _by_voice(plain)
    emotions = list(config["acting"])
    for index in tqdm(range(config["examples"]), desc="acting", unit="speech"):
        voice, waveform = plain[rng.integers(len(plain))]
        emotion = emotions[index % len(emotions)]
        emotional = make_emotional(
            waveform, draw_emotional_voice(config["acting"][emotion], rng), rng
        )
        varied, _ = vary(emotional, draw_voices(voices, voice, rng), rng)
        yield Example(_summaries(encoder, varied), emotion, voice, EMOTIONAL)


def _speak(voices: Sequence[str], sentences: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """(voice, waveform) of every sentence by every voice of espeak-ng."""
    if shutil.which("espeak-ng") is None:
        raise CorpusError("espeak-ng is needed to make training speech. Install it, it is free.")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "speech.wav")
        for voice in voices:
            for sentence in sentences:
                subprocess.run(
                    ["espeak-ng", "-v", voice, "-w", path, "--", sentence],
                    check=True,
                    capture_output=True,
                )
                yield voice, Speech.load(path).waveform


def _plain_examples(config: Mapping[str, Any], corpus: Path) -> Iterator[Example]:
    rng = np.random.default_rng(config["seed"])
    encoder = PhoneticEncoder.load()
    recorded = list(_recorded(config, corpus))
    voices = _by_voice(recorded)
    for speaker, waveform in tqdm(recorded, desc="plain", unit="speech"):
        for variant in range(config["variants"]):
            others = draw_voices(voices, speaker, rng)
            varied = vary(waveform, others, rng)[0] if variant else waveform
            yield Example(_summaries(encoder, varied), "neutral", speaker, PLAIN)


def _recordings(config: Mapping[str, Any], corpus: Path) -> dict[str, list[Path]]:
    """The sounds of what people said in no mood: at most CLIPS of each speaker."""
    sounds = {
        speaker: [clip.audio for clip in clips]
        for speaker, clips in _by_speaker(config["faces"], corpus).items()
    }
    for folder in config["recordings"]:
        sounds[folder] = sorted((corpus / folder).glob("*.flac"))[:CLIPS]
        if not sounds[folder]:
            raise CorpusError(f"{corpus / folder} holds no .flac files. Give another folder.")
    return sounds


def _recorded(config: Mapping[str, Any], corpus: Path) -> Iterator[tuple[str, Array]]:
    """(speaker, waveform) of `_recordings`: at most CLIPS pieces of each."""
    for speaker, paths in _recordings(config, corpus).items():
        pieces: list[Array] = []
        for path in paths:
            waveform = Speech.load(path).waveform
            starts = range(0, max(1, len(waveform) - PIECE // 2), PIECE)
            pieces += [waveform[start : start + PIECE] for start in starts]
        # Evenly from all of them, the last as well.
        for index in np.unique(np.linspace(0, len(pieces) - 1, CLIPS).astype(int)):
            yield speaker, pieces[index]


def _labelled_examples(
    config: Mapping[str, Any], source: Mapping[str, Any], corpus: Path
) -> Iterator[Example]:
    rng = np.random.default_rng(config["seed"])
    encoder = PhoneticEncoder.load()
    folder = corpus / source["folder"]
    rows = read_labels(folder)
    waves = [Speech.load(folder / f"{row['id']}.flac").waveform for row in rows]
    voices = _by_voice((row["speaker"], wave) for row, wave in zip(rows, waves, strict=True))
    for row, waveform in zip(tqdm(rows, desc=source["folder"], unit="speech"), waves, strict=True):
        for variant in range(source["variants"]):
            others = draw_voices(voices, row["speaker"], rng)
            varied = vary(waveform, others, rng)[0] if variant else waveform
            yield Example(
                _summaries(encoder, varied), row["emotion"], row["speaker"], source["folder"]
            )


def _by_voice(recorded: Iterable[tuple[str, Array]]) -> dict[str, list[Array]]:
    voices: dict[str, list[Array]] = {}
    for speaker, waveform in recorded:
        voices.setdefault(speaker, []).append(waveform)
    return voices


def _summaries(encoder: PhoneticEncoder, waveform: Array) -> Array:
    return speech_summary(SpeechFeatures(Speech(waveform, "training"), encoder))


def _by_speaker(where: Mapping[str, list[str]], corpus: Path) -> dict[str, list[Clip]]:
    clips: dict[str, list[Clip]] = {}
    for clip in read_manifest(corpus, where):
        group = clips.setdefault(clip.speaker, [])
        if len(group) < CLIPS:
            group.append(clip)
    return clips


# --- faces


@torch.no_grad()
def load_faces(
    config: Mapping[str, Any], calibration: Mapping[str, Any], corpus: Path, model: MotionModel
) -> dict[str, Face]:
    """Every tracked speaker, with codes of every emotion that there is speech for."""
    rng = np.random.default_rng(config["seed"])
    faces = {}
    for speaker, clips in _by_speaker(config["faces"], corpus).items():
        values = calibrate(clips, calibration)
        observed = np.ones(values[0].shape[1], bool)
        source = [Recording((Variant(np.zeros((0, 0), np.float16), v),), observed) for v in values]
        codes, clip_rests = {}, {}
        rests = np.concatenate([_rests(clip, rng) for clip in clips])
        for emotion in config["acting"]:
            drawn = [draw_style_clip(source, NAMED[emotion], rng) for _ in range(config["codes"])]
            codes[emotion] = np.stack(
                [
                    model.style_encoder(model.normalise(torch.from_numpy(clip))[None])[0].numpy()
                    for clip in drawn
                ]
            )
            shown = [resting_face(clip[:, : len(ARKIT_NAMES)]) for clip in drawn]
            clip_rests[emotion] = (
                (np.stack(shown) + rests[rng.integers(len(rests), size=len(shown))])
                .clip(0, 1)
                .astype(np.float32)
            )
        faces[speaker] = Face(codes, rests, clip_rests)
    return faces


def _rests(clip: Clip, rng: np.random.Generator) -> Array:
    """[4, 52] the raw face at rest, and three moments that somebody could have photographed."""
    with np.load(clip.audio.with_name(f"{clip.id}.npz"), allow_pickle=False) as file:
        raw = file["arkit"].astype(np.float32)
    moments = raw[rng.integers(len(raw), size=3)]
    return np.concatenate([resting_face(raw)[None], moments]).astype(np.float32)


# --- fitting


def fit(
    config: Mapping[str, Any],
    examples: Sequence[Example],
    faces: Mapping[str, Face],
    model: str,
    device_name: str = "cpu",
) -> StylePredictor:
    """The training loop. Returns the running average of the weights, ready to predict."""
    device = choose_device(device_name)
    torch.manual_seed(config["seed"])
    rng = np.random.default_rng(config["seed"])
    codes = np.concatenate([face.codes[e] for face in faces.values() for e in face.codes])
    predictor = StylePredictor(PredictorConfig(codes.shape[1], model, **config["network"]))
    speech = np.concatenate([example.summaries for example in examples])
    for name, values in (("code", codes), ("speech", speech)):
        getattr(predictor, f"{name}_mean").copy_(torch.from_numpy(values.mean(0)))
        getattr(predictor, f"{name}_scale").copy_(torch.from_numpy(values.std(0).clip(1e-3)))
    predictor = predictor.to(device).train()
    average = copy.deepcopy(predictor).requires_grad_(False).eval()
    optimizer = torch.optim.AdamW(
        predictor.parameters(), config["learning_rate"], weight_decay=config["weight_decay"]
    )
    groups = _groups(examples, config["shares"])
    bar = tqdm(range(config["steps"]), desc="predictor", disable=None)
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = config["learning_rate"] * min(1.0, (step + 1) / (0.03 * config["steps"]))
        batch = [tensor.to(device) for tensor in draw_batch(groups, faces, config, rng)]
        loss = objective(predictor, batch, config)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(predictor.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            decay = min(config["ema"], (step + 1) / (step + 10))
            for slow, fast in zip(average.parameters(), predictor.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.3f}")
    return average


def objective(
    predictor: StylePredictor, batch: Sequence[Tensor], config: Mapping[str, Any]
) -> Tensor:
    """Squared error of the clean code."""
    speech, padding, face, known, code = batch
    speech = predictor.normalise(speech)
    speech = speech + config["speech_noise"] * torch.randn_like(speech)
    speech = speech * (torch.rand_like(speech[:, :1]) >= config["speech_dropout"])
    asked = predictor.read(speech, padding, face, known).expand(NOISES, -1, -1)
    clean = ((code - predictor.code_mean) / predictor.code_scale).expand(NOISES, -1, -1)
    step = torch.randint(1, TRAIN_STEPS + 1, clean.shape[:2], device=clean.device)
    noise = torch.randn_like(clean)
    if config["regression"]:
        step, noise = torch.full_like(step, TRAIN_STEPS), torch.zeros_like(noise)
    alpha_prod = alphas_cumprod(clean.device)[step][..., None]
    noised = (
        alpha_prod.sqrt() * clean * (not config["regression"]) + (1 - alpha_prod).sqrt() * noise
    )
    error = predictor.denoise(asked, noised, step) - clean
    # Where there is little noise the error is small by itself; that is where it decides.
    return (error.square() / (1 - alpha_prod).clamp(min=0.05)).mean()


Groups = list[tuple[float, list[list[Example]]]]
"""For each origin its share, and its examples by emotion."""


def _groups(examples: Sequence[Example], shares: Mapping[str, float]) -> Groups:
    groups = []
    for origin, share in shares.items():
        by_emotion: dict[str, list[Example]] = {}
        for example in examples:
            if example.origin == origin:
                by_emotion.setdefault(example.emotion, []).append(example)
        if by_emotion:
            groups.append((share, list(by_emotion.values())))
    total = sum(share for share, _ in groups)
    return [(share / total, by_emotion) for share, by_emotion in groups]


def draw_batch(
    groups: Groups, faces: Mapping[str, Face], config: Mapping[str, Any], rng: np.random.Generator
) -> list[Tensor]:
    """speech [B, N, S], padding [B, N], face [B, 52], known [B] and code [B, D] of one step."""
    drawn = []
    shares = [share for share, _ in groups]
    names = list(faces)
    for _ in range(config["batch"]):
        by_emotion = groups[rng.choice(len(groups), p=shares)][1]
        example = (few := by_emotion[rng.integers(len(by_emotion))])[rng.integers(len(few))]
        stranger = names[rng.integers(len(names))]
        face = faces.get(example.speaker, faces[stranger])
        which = int(rng.integers(len(face.codes[example.emotion])))
        drawn.append(
            (
                draw_pieces(example.summaries, rng),
                draw_rest(face, example.emotion, which, config, rng),
                rng.random() >= config["face_dropout"],
                face.codes[example.emotion][which],
            )
        )
    summaries, rests, known, codes = zip(*drawn, strict=True)
    longest = max(map(len, summaries))
    padded = np.stack([np.pad(s, ((0, longest - len(s)), (0, 0))) for s in summaries])
    padding = np.arange(longest)[None] >= np.array([len(s) for s in summaries])[:, None]
    arrays = (padded, padding, np.stack(rests), np.array(known), np.stack(codes))
    return [torch.from_numpy(array) for array in arrays]


def draw_pieces(summaries: Array, rng: np.random.Generator) -> Array:
    """The summary of the whole, and of at most PIECES pieces."""
    pieces = rng.permutation(np.arange(1, len(summaries)))[:PIECES]
    return summaries[[0, *np.sort(pieces)]]


def draw_rest(
    face: Face, emotion: str, which: int, config: Mapping[str, Any], rng: np.random.Generator
) -> Array:
    """[52] a portrait: the person in some other moment, in any mood."""
    if not config["cross_identity"]:
        return face.clip_rests[emotion][which]
    rest = face.rests[rng.integers(len(face.rests))]
    moods = list(face.codes)
    if rng.random() < 0.5:
        mood = NAMED[moods[rng.integers(len(moods))]].offset
        rest = (rest + rng.uniform(0, 1) * mood).clip(0, 1)
    return rest.astype(np.float32)
