"""The cases. Only what has long been public is used, or older revisions cannot be measured."""

from __future__ import annotations

import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from dreamtalk_core.animation.behaviour import enliven
from dreamtalk_core.animation.controls import apply_controls
from dreamtalk_core.formats import FORMATS, WRITABLE
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.curves import smooth
from dreamtalk_core.parameters import Controls
from dreamtalk_core.retarget import match, scheme_mapping
from dreamtalk_core.retarget.visemes import VISEMES, solve

if TYPE_CHECKING:
    from dreamtalk_core import DreamTalk, Speech

# What needs torch, numba or OpenCV is imported by the cases that need it: the others are light.

MINUTE = 60 * 25
"""Frames."""

# The processor's time: by the clock, what else a machine does makes a third of difference.
pytestmark = pytest.mark.benchmark(timer=time.process_time)


def time_of_children() -> float:
    """The processor's time of processes that have ended, in seconds."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="session")
def motion() -> Motion:
    """A minute in which every channel moves, at paces of its own."""
    seconds = np.arange(MINUTE)[:, None] / 25
    weights = 0.3 + 0.3 * np.sin(seconds * np.linspace(1, 15, 52))
    turns = 8 * np.sin(seconds * [1.0, 2.0, 3.0])
    return Motion(ARKIT_NAMES, weights.astype(np.float32), 25, turns.astype(np.float32))


@pytest.fixture(scope="session")
def talk() -> DreamTalk:
    from dreamtalk_core import DreamTalk

    return DreamTalk.load(device="cpu")


def speech_of(seconds: int) -> Speech:
    """The demo voice over and over."""
    from dreamtalk_core import Speech
    from dreamtalk_core.assets import DEMO_VOICE

    voice = Speech.load(DEMO_VOICE).waveform
    return Speech.from_array(np.resize(voice, seconds * 16_000), 16_000)


def run(benchmark: BenchmarkFixture, work: Callable[[], object], rounds: int = 5) -> None:
    """Measured round by round after one that is not: it compiles kernels and fills caches."""
    benchmark.pedantic(work, rounds=rounds, warmup_rounds=1)


# --- the light layer ---------------------------------------------------------------------------


@pytest.mark.light
@pytest.mark.benchmark(timer=time_of_children)
def test_import_light_layer(benchmark: BenchmarkFixture) -> None:
    """In a new process, with Python and numpy."""
    names = ("motion", "formats.livelink", "animation.controls", "retarget", "rig.head")
    program = "import " + ", ".join(f"dreamtalk_core.{name}" for name in names)
    run(benchmark, lambda: subprocess.run([sys.executable, "-c", program], check=True))


@pytest.mark.light
@pytest.mark.parametrize("suffix", WRITABLE)
def test_write_minute(
    benchmark: BenchmarkFixture, motion: Motion, tmp_path: Path, suffix: str
) -> None:
    run(benchmark, lambda: motion.save(tmp_path / f"minute{suffix}"))


@pytest.mark.light
@pytest.mark.parametrize("ending", [kind.ending for kind in FORMATS if kind.reads and kind.writes])
def test_read_minute(
    benchmark: BenchmarkFixture, motion: Motion, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"minute{ending}"
    motion.save(path)
    run(benchmark, lambda: Motion.load(path))


@pytest.mark.light
def test_smooth_minute(benchmark: BenchmarkFixture, motion: Motion) -> None:
    run(benchmark, lambda: smooth(motion.weights, 25, 6), 20)


@pytest.mark.light
def test_resample_minute(benchmark: BenchmarkFixture, motion: Motion) -> None:
    run(benchmark, lambda: motion.resample("24000/1001"), 20)


@pytest.mark.light
def test_controls_of_minute(benchmark: BenchmarkFixture, motion: Motion) -> None:
    controls = Controls(lips=0.8, smoothing=0.3)
    run(benchmark, lambda: apply_controls(motion, controls), 20)


@pytest.mark.light
def test_behaviour_of_minute(benchmark: BenchmarkFixture, motion: Motion) -> None:
    seconds = np.arange(MINUTE) / 25
    silent = seconds % 3.2 < 0.6
    loudness = np.where(silent, -60.0, -14 + 5 * np.sin(2 * np.pi * 4.5 * seconds))
    pitch = np.where(silent, np.nan, 2 - seconds % 3.2)
    run(benchmark, lambda: enliven(motion, loudness, pitch, 0))


@pytest.mark.light
@pytest.mark.parametrize("frames", [1, MINUTE])
def test_visemes(benchmark: BenchmarkFixture, motion: Motion, frames: int) -> None:
    run(benchmark, lambda: solve(motion.weights[:frames], list(VISEMES)), 10)


@pytest.mark.light
def test_match_face_of_thousands_of_keys(benchmark: BenchmarkFixture) -> None:
    names = [*scheme_mapping("metahuman").targets, *(f"corrective_{i}_jaw" for i in range(4000))]
    run(benchmark, lambda: match(names))


# --- speech ------------------------------------------------------------------------------------


def test_load_pipeline(benchmark: BenchmarkFixture) -> None:
    """Without the import of torch."""
    from dreamtalk_core import DreamTalk

    run(benchmark, lambda: DreamTalk.load(device="cpu"))


@pytest.mark.parametrize("seconds", [5, 60])
def test_animate(benchmark: BenchmarkFixture, talk: DreamTalk, seconds: int) -> None:
    speech = speech_of(seconds)
    run(benchmark, lambda: talk.animate(speech, "auto"))


@pytest.fixture(scope="session", params=[6, 60])
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV file at 48 kHz."""
    samples = np.repeat(speech_of(request.param).waveform, 3)
    path = tmp_path_factory.mktemp("line") / f"{request.param}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def test_stage_all(benchmark: BenchmarkFixture, talk: DreamTalk, line: Path) -> None:
    """WAV to CSV; the other stages are what it is made of."""
    run(benchmark, lambda: talk.animate(line).save(line.with_suffix(".csv")))


def test_stage_read(benchmark: BenchmarkFixture, line: Path) -> None:
    from dreamtalk_core import Speech

    run(benchmark, lambda: Speech.load(line))


def test_stage_phonetics(benchmark: BenchmarkFixture, talk: DreamTalk, line: Path) -> None:
    waveform = talk.load_speech(line).waveform
    run(benchmark, lambda: list(talk.phonetics.stream(waveform)))


def test_stage_prosody(benchmark: BenchmarkFixture, talk: DreamTalk, line: Path) -> None:
    from dreamtalk_core.speech.prosody import measure_prosody

    waveform = talk.load_speech(line).waveform
    run(benchmark, lambda: measure_prosody(waveform))


def test_stage_auto(benchmark: BenchmarkFixture, talk: DreamTalk, line: Path) -> None:
    """The speech's beginning has been analysed."""
    features = talk.analyse(talk.load_speech(line))
    run(benchmark, lambda: talk.predict_style(features))


def test_stage_sample(benchmark: BenchmarkFixture, talk: DreamTalk, line: Path) -> None:
    """With the phonetic encoder, where the speech is long: of a short one it has been analysed."""
    features = talk.analyse(talk.load_speech(line))
    run(benchmark, lambda: talk.sample_motion(features, "happy*0.5"))


def test_stage_csv(benchmark: BenchmarkFixture, talk: DreamTalk, line: Path) -> None:
    motion = talk.animate(line, "neutral", steps=1)
    run(benchmark, lambda: motion.save(line.with_suffix(".csv")))


def test_stream_piece(benchmark: BenchmarkFixture, talk: DreamTalk) -> None:
    """The first second of speech, in which the first curves come out."""
    from dreamtalk_core import MotionStream

    style, second = talk.load_style("happy"), speech_of(1).waveform
    run(benchmark, lambda: MotionStream(talk, style).feed(second))


# --- pictures ----------------------------------------------------------------------------------


def test_head_frame(benchmark: BenchmarkFixture, motion: Motion) -> None:
    """512 x 512 pixels."""
    from dreamtalk_core.render.head.renderer import HeadRenderer

    renderer = HeadRenderer(512)
    run(benchmark, lambda: renderer.render(motion.weights[40], motion.head_rotation[40]), 20)


def test_portrait_frame(benchmark: BenchmarkFixture, motion: Motion) -> None:
    """1080 x 1080 pixels."""
    from dreamtalk_core.assets import DEMO_PORTRAIT
    from dreamtalk_core.render.portrait.renderer import PortraitRenderer
    from dreamtalk_core.tracking.portrait import read_portrait

    found = read_portrait(DEMO_PORTRAIT, crop=1080)
    face = found.face
    renderer = PortraitRenderer(found.image, face.landmarks, face.matrix, face.weights)
    run(benchmark, lambda: renderer.render(motion.weights[40], motion.head_rotation[40]), 20)


def test_tracking_frame(benchmark: BenchmarkFixture) -> None:
    """The face is looked for in all of a photo."""
    from dreamtalk_core.assets import DEMO_PORTRAIT
    from dreamtalk_core.tracking.tracker import FaceTracker
    from dreamtalk_core.tracking.video import read_image

    tracker, image = FaceTracker.load(), read_image(DEMO_PORTRAIT)
    run(benchmark, lambda: tracker.find(image), 20)
