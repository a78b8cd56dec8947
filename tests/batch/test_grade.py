"""Grades: what is planted is found, and what is sound is left alone."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk_core.batch.grade import (
    Thresholds,
    badness,
    flags,
    flat_tops,
    grade,
    measure_level,
    peaks_of,
)
from dreamtalk_core.motion import Motion
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.pipeline.line import Take
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from dreamtalk_core.training.music import music

GOOD: dict[str, Any] = {
    "seconds": 3.0,
    "peak": -1.0,
    "clipped": 0.0,
    "silence": 0.2,
    "phones": 12.0,
    "closures": {"heard": 4, "shut": 4},
    "sync": {"offset": 0, "confidence": 3.5},
}


def write_wave(path: Path, sound: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({}, None),
        ({"sync": {"offset": 3, "confidence": 3.0}}, "lips late"),
        ({"sync": {"offset": -3, "confidence": 3.0}}, "lips early"),
        ({"sync": {"offset": 1, "confidence": 3.0}}, None),
        ({"sync": {"offset": 9, "confidence": 0.6}}, "lips do not follow"),
        ({"closures": {"heard": 4, "shut": 2}}, "lips open"),
        ({"closures": {"heard": 2, "shut": 0}}, None),
        ({"clipped": 0.01}, "clipped"),
        ({"phones": 1.0}, "no speech"),
        ({"silence": 0.9}, "mostly silence"),
        ({"peak": -70.0, "phones": 0.0, "silence": 1.0}, "silent"),
    ],
)
def test_flags(change: dict[str, Any], flag: str | None) -> None:
    assert flags(GOOD | change, Thresholds()) == ([flag] if flag else [])


def test_thresholds_can_be_set() -> None:
    late = GOOD | {"sync": {"offset": 3, "confidence": 3.0}}
    assert not flags(late, Thresholds(offset=4))
    assert flags(GOOD, Thresholds(phones=15)) == ["no speech"]


def test_the_worst_come_first() -> None:
    late = GOOD | {"sync": {"offset": 3, "confidence": 3.0}}
    unsure = GOOD | {"sync": {"offset": 0, "confidence": 2.0}}
    short = {name: value for name, value in GOOD.items() if name != "sync"}
    every = [short, GOOD, unsure, late]
    assert sorted(every, key=lambda one: badness(one, Thresholds())) == [late, unsure, GOOD, short]


def test_clipped_tops_are_seen_at_any_level() -> None:
    time = np.arange(4000) / SAMPLE_RATE
    voice = np.sin(2 * np.pi * 150 * time)[None].astype(np.float32)
    assert not flat_tops(0.9 * voice).any()
    flat = flat_tops(np.clip(voice, -0.5, 0.5) * 0.8)
    assert flat.mean() == pytest.approx((np.abs(voice) > 0.5).mean(), abs=0.01)
    assert not flat_tops(np.zeros((1, 100), np.float32)).any()  # silence is no clipping
    assert not flat_tops(np.ones((2, 3), np.float32)).any()


def test_level_of_a_file(tmp_path: Path) -> None:
    sound = 0.25 * np.sin(np.arange(16000) / 20)
    peak, clipped = measure_level(write_wave(tmp_path / "a.wav", sound))
    assert peak == pytest.approx(-12.04, abs=0.01)
    assert clipped == 0
    peak, clipped = measure_level(write_wave(tmp_path / "b.wav", 8 * sound))
    assert peak == pytest.approx(0, abs=0.01)
    assert clipped == pytest.approx((np.abs(8 * sound) > 1).mean(), abs=0.01)


def test_peaks() -> None:
    curve = np.array([0.9, 0.1, 0.6, 0.6, 0.2, 0.4, 0.5], np.float32)
    assert peaks_of(curve, 0.45).tolist() == [0, 3, 6]


@pytest.mark.slow
def test_planted_faults_are_found(tmp_path: Path, demo_voice: Path) -> None:
    talk, limits = DreamTalk.load(), Thresholds()
    sound = np.array(Speech.load(demo_voice).waveform)[: 5 * SAMPLE_RATE]
    speech = Speech(sound, "it")
    features = talk.analyse(speech)
    style = talk.load_style("auto", features)
    motion = talk.sample_motion(features, style)

    def graded(changed: np.ndarray, moved: Motion = motion) -> list[str]:
        path = write_wave(tmp_path / "line.wav", changed)
        take = Take(moved, talk.analyse(Speech.load(path)), style)
        return flags(grade(talk, path, take), limits)

    by = 6 * SAMPLE_RATE // 25
    assert graded(sound) == []
    assert "lips early" in graded(np.concatenate([np.zeros(by, np.float32), sound[:-by]]))
    assert "lips late" in graded(np.concatenate([sound[by:], np.zeros(by, np.float32)]))
    assert graded(sound[::-1]) != []
    assert "clipped" in graded(np.clip(8 * sound, -0.7, 0.7))
    assert graded(np.zeros_like(sound)) == ["silent"]
    rng = np.random.default_rng(3)
    assert "no speech" in graded((0.1 * music(len(sound), rng)).astype(np.float32))
    open_mouth = Motion(motion.names, np.maximum(motion.weights, 0.3), motion.fps)
    assert "lips open" in graded(sound, open_mouth)
