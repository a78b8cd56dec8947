"""The door for clients of Audio2Face-3D, asked over its socket."""

from __future__ import annotations

import queue
import random
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from dreamtalk_core import DreamTalk
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.pipeline.stream import MotionStream
from dreamtalk_core.serve.audio2face.asked import wire_name
from dreamtalk_core.serve.audio2face.door import open_door
from dreamtalk_core.serve.limits import Limits
from dreamtalk_core.speech.audio import Speech
from tests.serve.audio2face import peer
from tests.serve.audio2face.peer import END, RATE, ask, call, clip, header, piece
from tests.serve.server import serving

pytestmark = pytest.mark.slow
VOICE = (Speech.load(DEMO_VOICE).waveform * 32767).round().astype(np.int16)[: 4 * RATE + 500]


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@pytest.fixture(scope="module")
def door(talk: DreamTalk) -> Iterator[str]:
    with open_door(talk, "127.0.0.1", 0, Limits(), None) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def strict(talk: DreamTalk) -> Iterator[str]:
    """One that takes little, and has no patience."""
    limits = Limits(speech=21, upload=1.0, queue=2)
    with open_door(talk, "127.0.0.1", 0, limits, None) as port:
        yield f"127.0.0.1:{port}"


def streamed(talk: DreamTalk, style: Any, samples: Any, **settings: Any) -> Any:
    """Weights [T, 68] that the same pieces give without a door."""
    stream = MotionStream(talk, style, **settings)
    made = [stream.feed(samples[at : at + RATE]) for at in range(0, len(samples), RATE)]
    made.append(stream.finish())
    return np.concatenate([motion.over(FACE_NAMES).weights for motion in made if motion])


def refused(address: str, messages: Any, code: grpc.StatusCode, word: str, token: str = "") -> None:
    with pytest.raises(grpc.RpcError) as caught:
        ask(address, messages, token, seconds=30)
    assert caught.value.code() == code, caught.value  # type: ignore[attr-defined]
    text = caught.value.details()  # type: ignore[attr-defined]
    assert word in text
    assert "\n" not in text


def free(address: str) -> None:
    """Waits until a client is let in again."""
    until = time.monotonic() + 20
    while True:
        try:
            assert ask(address, clip(VOICE[:RATE])).status
            return
        except grpc.RpcError:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_clip_becomes_the_curves_of_the_stream(talk: DreamTalk, door: str) -> None:
    heard = ask(door, clip(VOICE, (0.0, {"joy": 1.0})))
    assert heard.names == [wire_name(name) for name in FACE_NAMES]
    assert heard.names[17] == "JawOpen"
    assert np.array_equal(heard.weights, streamed(talk, "happy", VOICE))
    assert heard.times == [frame / 25 for frame in range(101)]
    assert heard.said == heard.times
    assert heard.rate == RATE
    assert heard.sound == VOICE.tobytes()
    assert heard.events == 1
    assert heard.status == (0, "All 101 frames are sent.")
    # The mouth opens and shuts.
    assert np.ptp(heard.weights[:, 17]) > 0.2


def test_what_a_header_asks_for_is_obeyed(talk: DreamTalk, door: str) -> None:
    asked = {
        "face": {"lowerFaceStrength": 0.625, "upperFaceStrength": 0.5, "skinStrength": 0.8},
        "multipliers": {"JawOpen": 2.0, "MouthSmileLeft": 0.0, "NoSuchShape": 3.0},
        "offsets": {"JawOpen": -0.2, "BrowInnerUp": 0.25},
    }
    plain = streamed(talk, "neutral", VOICE, lips=0.5, jaw=0.5, cheeks=0.5, brows=0.5, eyes=0.5)
    expected = plain.copy()
    expected[:, 17] = plain[:, 17] * np.float32(2) - np.float32(0.2)
    expected[:, FACE_NAMES.index("mouthSmileLeft")] = 0
    expected[:, FACE_NAMES.index("browInnerUp")] += np.float32(0.25)
    heard = ask(door, clip(VOICE, **asked))
    np.testing.assert_allclose(heard.weights, expected, atol=1e-6)
    assert heard.weights.min() < 0
    assert heard.status is not None
    assert "skinStrength" in heard.status[1]
    assert "NoSuchShape" in heard.status[1]
    clamped = ask(door, clip(VOICE, clamped=True, **asked)).weights
    np.testing.assert_allclose(clamped, expected.clip(0, 1), atol=1e-6)
    half = streamed(talk, "angry*0.5", VOICE)
    mood = peer.single(5, 0.3)
    made = ask(door, clip(VOICE, (0.0, {"anger": 1.0}), mood=mood)).weights
    np.testing.assert_allclose(made, half, atol=1e-5)


def test_emotions_change_over_time(talk: DreamTalk, door: str) -> None:
    beginning = peer.single(1, 1.0)
    keys = ((0.0, {"joy": 1.0}), (2.0, {"anger": 1.0}))
    heard = ask(door, clip(VOICE, *keys, beginning=beginning)).weights
    expected = streamed(talk, "happy@0, happy@2, angry@3", VOICE)
    np.testing.assert_allclose(heard, expected, atol=1e-6)
    frown, smile = FACE_NAMES.index("browDownLeft"), FACE_NAMES.index("mouthSmileLeft")
    assert heard[:45, smile].mean() > heard[80:, smile].mean() + 0.1
    assert heard[80:, frown].mean() > heard[:45, frown].mean() + 0.1


def test_answers_come_while_the_sound_does(door: str) -> None:
    waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    answers, channel = call(door, iter(waiting.get, None))
    heard = peer.Heard()
    with channel:
        waiting.put(header())
        heard.add(next(answers))
        assert heard.names
        for second in range(3):
            for at in range(0, RATE, 160):  # a hundredth of a second each
                waiting.put(piece(VOICE[second * RATE + at :][:160]))
            while len(heard.rows) < 25 * (second + 1) - 5:
                heard.add(next(answers))
        waiting.put(None)  # the end of the stream is the end of the sound
        for data in answers:
            heard.add(data)
    assert len(heard.rows) == 75
    assert heard.status is not None
    assert heard.sound == VOICE[: 3 * RATE].tobytes()


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
def test_any_sample_rate(door: str, rate: int) -> None:
    import soxr

    plain = ask(door, clip(VOICE[: 3 * RATE])).weights
    other = (soxr.resample(VOICE[: 3 * RATE] / 32768, RATE, rate).clip(-1, 1) * 32767).astype(
        np.int16
    )
    heard = ask(door, clip(other, rate=rate))
    assert heard.rate == rate
    assert heard.sound == other.tobytes()
    assert len(heard.rows) == 75
    jaw = np.corrcoef(plain[:, 17], heard.weights[:, 17])[0, 1]
    assert jaw > (0.8 if rate == 8000 else 0.95)


def test_twenty_clients_at_once(door: str) -> None:
    alone = ask(door, clip(VOICE, (0.0, {"joy": 0.7}))).weights
    with ThreadPoolExecutor(20) as pool:
        made = list(
            pool.map(lambda _: ask(door, clip(VOICE, (0.0, {"joy": 0.7}))).weights, range(20))
        )
    for other in made:
        assert np.array_equal(other, alone)


def test_who_vanishes_makes_room(strict: str) -> None:
    for _ in range(6):  # three times as many as have room
        answers, channel = call(strict, clip(np.tile(VOICE, 10)))
        next(answers)
        channel.close()
        free(strict)


def test_who_does_not_read_or_speak_is_not_waited_for(strict: str) -> None:
    silent, channel = call(strict, iter(queue.SimpleQueue[bytes]().get, None))
    deaf, other = call(strict, clip(np.tile(VOICE, 5)), window=1 << 16)
    time.sleep(0.3)
    refused(strict, clip(VOICE), grpc.StatusCode.RESOURCE_EXHAUSTED, "Try again")
    free(strict)
    with pytest.raises(grpc.RpcError) as caught:
        list(silent)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
    with pytest.raises(grpc.RpcError) as caught:
        list(deaf)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
    channel.close()
    other.close()
    free(strict)


PIECE = piece(VOICE[:3200])
NAN = float("nan")


@pytest.mark.parametrize(
    ("messages", "word"),
    [
        ([b"\xff\xfe not a message"], "no message"),
        ([b""], "first"),
        ([PIECE], "first"),
        ([END], "first"),
        ([header(), header()], "once"),
        ([header(), END], "No sound"),
        ([header()], "No sound"),
        ([header(), END, PIECE], "No sound"),
        ([header(rate=0)], "samples_per_second"),
        ([header(rate=4_000_000_000)], "samples_per_second"),
        ([header(channels=2)], "1 channel"),
        ([header(bits=24)], "16 bits"),
        ([header(), peer.block(2, peer.block(1, b"123"))], "whole samples"),
        ([header(face={"lowerFaceStrength": NAN})], "lowerFaceStrength"),
        ([header(face={"upperFaceStrength": -1.0})], "upperFaceStrength"),
        ([header(multipliers={"JawOpen": NAN})], "JawOpen"),
        ([header(offsets={"JawOpen": float("inf")})], "JawOpen"),
        ([header(beginning=peer.table(2, {"joy": 2.0}))], "joy"),
        ([header(beginning=peer.single(1, NAN))], "live_transition_time"),
        ([header(mood=peer.single(5, 7.0))], "emotion_strength"),
        ([header(mood=peer.whole(6, 0))], "max_emotions"),
        ([header(), piece(VOICE, (0.0, {"anger": NAN}))], "anger"),
        ([header(), piece(VOICE, (NAN, {"anger": 1.0}))], "time_code"),
        ([header(), piece(VOICE, (-1.0, {"anger": 1.0}))], "time_code"),
        ([header(), *[piece(np.tile(VOICE, 2))] * 3], "longer than the 21 seconds"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(strict: str, messages: Any, word: str) -> None:
    refused(strict, messages, grpc.StatusCode.INVALID_ARGUMENT, word)


def test_garbage_ends_nothing(door: str) -> None:
    chance = random.Random(5)
    good = [*clip(VOICE[:RATE], (0.1, {"joy": 0.5}), face={"blinkStrength": 1.0})]
    codes = []
    for _ in range(200):
        messages = [bytearray(message[:3000]) for message in good]
        for message in messages:
            for _ in range(chance.randrange(3) if message else 0):
                message[chance.randrange(len(message))] = chance.randrange(256)
        try:
            ask(door, [bytes(message) for message in messages], seconds=30)
        except grpc.RpcError as error:
            codes.append(error.code())  # type: ignore[attr-defined]
    assert set(codes) == {grpc.StatusCode.INVALID_ARGUMENT}
    assert len(codes) > 50
    free(door)


def test_a_taken_port_is_told_of(talk: DreamTalk, door: str) -> None:
    taken = int(door.rpartition(":")[2])
    with (
        pytest.raises(DreamTalkError, match=f"port {taken}: .*--grpc"),
        open_door(talk, "127.0.0.1", taken, Limits(), None),
    ):
        pass


def test_the_command_serves_both_and_wants_its_token(tmp_path: Path) -> None:
    with serving(tmp_path / "own", "--grpc", "0", "--host", "0.0.0.0") as server:
        assert server.process.stdout is not None
        line = server.process.stdout.readline()
        port = int(line.split()[0].rpartition(":")[2])
        address = f"127.0.0.1:{port}"
        with grpc.insecure_channel(address) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            assert check(b"", timeout=30) == b"\x08\x01"
        for token in ("", "wrong"):
            refused(address, clip(VOICE), grpc.StatusCode.UNAUTHENTICATED, "Bearer", token)
        job = threading.Thread(
            target=server.ask,
            args=("POST", "/v1/curves", DEMO_VOICE.read_bytes()),
            kwargs={"headers": {"Authorization": f"Bearer {server.token}"}},
        )
        job.start()  # the model is asked from both doors
        first = ask(address, clip(VOICE), server.token).weights
        job.join()
        assert np.array_equal(first, ask(address, clip(VOICE), server.token).weights)
        # A client that is still there does not hold up the end.
        _, channel = call(address, [header(), PIECE], server.token)
        began = time.monotonic()
        server.end()
        assert time.monotonic() - began < 15
        channel.close()
    with pytest.raises(OSError):  # noqa: PT011 (of the system, in its own words)
        socket.create_connection(("127.0.0.1", port), 5)
