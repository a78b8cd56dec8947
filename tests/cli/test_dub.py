"""`dreamtalk dub`, run in this process on the built-in head."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.cli import main
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.output.video import write_video
from dreamtalk_core.speech.sound import read_sound, write_wav

SIZE, FRAMES, RATE = 160, 20, 16000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a video of somebody who hums a tone, and a word of noise."""
    monkeypatch.chdir(tmp_path)
    head, weights = HeadRenderer(SIZE), np.zeros(52, np.float32)
    pictures = []
    for frame in range(FRAMES):
        weights[INDEX["jawOpen"]] = 0.15 + 0.15 * np.sin(frame)
        pictures.append(np.ascontiguousarray(head.render(weights)[..., :3]))
    times = np.arange(RATE * FRAMES // 25) / RATE
    write_wav(tmp_path / "hum.wav", 0.3 * np.sin(2 * np.pi * 200 * times)[None], RATE)
    write_video(tmp_path / "video.mp4", pictures, Fraction(25), tmp_path / "hum.wav")
    noise = np.random.default_rng(0).normal(0, 0.1, (1, RATE // 5))
    write_wav(tmp_path / "word.wav", noise.astype(np.float32), RATE)
    return tmp_path


@pytest.mark.slow
def test_a_word_is_put_into_a_video(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["dub", "video.mp4", "word.wav", "-o", "out.mp4", "--style", "happy"]
    assert main([*arguments, "--start", "0.4", "--jaw", "1.5", "--only-speech"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "out.mp4"
    with av.open(str(folder / "out.mp4")) as file:
        assert "dubbed by DreamTalk" in file.metadata["comment"]
        assert file.streams.video[0].frames == FRAMES
        assert (file.streams.video[0].width, file.streams.video[0].height) == (SIZE, SIZE)
    sound, rate = read_sound(folder / "out.mp4")
    spectrum = [
        np.abs(np.fft.rfft(sound[0, round(start * rate) : round((start + 0.1) * rate)]))
        for start in (0.1, 0.45, 0.65)
    ]
    pure = [float(part.max() / part.sum()) for part in spectrum]
    assert min(pure[0], pure[2]) > 3 * pure[1], "the hum stays around the word"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--strength", "2"], "strength"),
        (["--start", "1", "--end", "0.5"], "end"),
        (["--blinks", "1"], "blinks"),
        (["-o", "out.txt"], "suffix"),
    ],
)
def test_mistakes_are_told_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    arguments = ["dub", str(DEMO_VOICE), str(DEMO_VOICE), "-o", str(tmp_path / "out.mp4")]
    assert main([*arguments, *more]) != 0
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.mp4").exists()
