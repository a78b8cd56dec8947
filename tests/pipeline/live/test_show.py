"""Sound in, frames out, by the clock."""

from __future__ import annotations

import queue
import threading

import numpy as np
import pytest

from dreamtalk_core import DreamTalk
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.live.frame import Frame
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.pipeline.ear import SAMPLES
from dreamtalk_core.pipeline.live.pacer import Pacer
from dreamtalk_core.pipeline.live.show import Show
from dreamtalk_core.pipeline.live.sources import _Queue
from dreamtalk_core.pipeline.stream import MotionStream
from dreamtalk_core.speech.audio import SAMPLE_RATE, Speech
from tests.pipeline.live.test_pacer import Recorder
from tests.pipeline.live.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


def show(talk: DreamTalk, own: _Queue, *, other: _Queue | None = None) -> tuple[Show, Recorder]:
    recorder = Recorder()
    stream = MotionStream(talk, "neutral", lookahead=4, context=50)
    said: list[str] = []
    one = Show(stream, own, Pacer([recorder], "face"), other, queue.SimpleQueue(), said.append)
    return one, recorder


def jaws(frames: list[tuple[float, Frame]]) -> np.ndarray:
    return np.array([frame.weights[INDEX["jawOpen"]] for _, frame in frames])


def test_speech_then_nothing_then_speech(talk: DreamTalk) -> None:
    """Whoever sends stops without a word: the face goes to rest, lives on, and speaks again."""
    own = _Queue()
    one, recorder = show(talk, own)
    speech = Speech.load(DEMO_VOICE).waveform[2 * SAMPLE_RATE : 4 * SAMPLE_RATE]
    running = threading.Thread(target=one.run, args=(lambda: None,))
    running.start()
    own.put(speech)
    until(lambda: one.fed > 5 * SAMPLE_RATE, 60)
    again = one.fed // SAMPLES
    own.put(speech)
    until(lambda: one.fed > again * SAMPLES + 3 * SAMPLE_RATE, 60)
    own.close()
    running.join(60)
    one.pacer.close()
    assert not running.is_alive()
    # The clock ran on: no frame for what was no time; and half a second to rest, and rest.
    assert len(recorder.frames) == pytest.approx(one.fed / SAMPLES + 13, abs=1)
    moved = jaws(recorder.frames)
    first, pause, second = moved[10:50], moved[75:115], moved[again : again + 75]
    assert first.max() > 0.15
    assert second.max() > 0.15
    assert pause.max() < 0.5 * first.max()
    assert np.ptp([frame.head for _, frame in recorder.frames[75:115]], axis=0).max() > 0.05
    assert not moved[-1]


def test_styles_change_while_it_runs_and_wrong_ones_do_not_end_it(talk: DreamTalk) -> None:
    own = _Queue()
    one, _ = show(talk, own)
    said: list[str] = []
    one.tell = said.append
    for line in ("style angry\n", "style no-such-style", "style auto", "dance", ""):
        one.commands.put(line)
    running = threading.Thread(target=one.run, args=(lambda: None,))
    running.start()
    until(lambda: one.fed > SAMPLE_RATE // 2, 60)
    assert running.is_alive()
    one.commands.put("quit")
    running.join(60)
    assert not running.is_alive()
    one.pacer.close()
    assert one.stream.style.name == "angry"  # type: ignore[union-attr]
    assert said[0] == "style angry"
    assert len(said) == 4
    assert "style NAME" in said[3]


def test_a_face_listens_to_somebody_else(talk: DreamTalk) -> None:
    own, other = _Queue(), _Queue()
    one, recorder = show(talk, own, other=other)
    other.put(Speech.load(DEMO_VOICE).waveform[: 4 * SAMPLE_RATE])
    running = threading.Thread(target=one.run, args=(lambda: None,))
    running.start()
    until(lambda: one.fed > 4 * SAMPLE_RATE, 60)
    one.commands.put("quit")
    running.join(60)
    one.pacer.close()
    assert one.stream.ear is not None
    assert jaws(recorder.frames).max() < 0.2
    assert len(recorder.frames) > 60
