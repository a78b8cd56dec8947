"""A line from file to files, as a command and a batch make it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.pipeline.line import Line, sample_line, write_line
from dreamtalk_core.pipeline.load import kinds
from dreamtalk_core.speech.sound import read_sound, write_wav

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of speech."""
    samples, rate = read_sound(DEMO_VOICE)
    path = tmp_path_factory.mktemp("line") / "Zeile ü.wav"
    write_wav(path, samples[:, : 2 * rate], rate)
    return path


def unseen(_: str) -> nullcontext:
    return nullcontext(lambda done, total: None)


def test_curves_have_the_names_of_a_rig_where_a_format_allows_it(
    talk: DreamTalk, line: Path, tmp_path: Path
) -> None:
    outputs = tuple(tmp_path / f"a{ending}" for ending in (".npz", ".csv", ".tsv", ".srt"))
    made = Line(line, outputs, style="neutral", scheme="vrm1", transcript="Thank you for calling")
    take = sample_line(talk, kinds()[0], made, made.load_speeches(), unseen)
    assert list(write_line(talk, made, take, unseen)) == list(outputs)
    assert "aa" in Motion.load(outputs[0]).names
    assert Motion.load(outputs[1]).names == ARKIT_NAMES
    assert not made.is_readable(outputs[0])
    assert outputs[2].read_text(encoding="utf-8").endswith("\n2.00\tX\n")
    assert "Thank" in outputs[3].read_text(encoding="utf-8")


def test_auto_is_heard_in_the_voice_of_the_character(
    talk: DreamTalk, line: Path, tmp_path: Path
) -> None:
    made = Line(line, voice=DEMO_VOICE)
    style = sample_line(talk, kinds()[0], made, made.load_speeches(), unseen).style
    wanted = talk.load_style("auto", talk.load_speech(DEMO_VOICE))
    np.testing.assert_array_equal(style.code, wanted.code)  # type: ignore[union-attr]
