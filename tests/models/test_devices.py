from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dreamtalk_core import DreamTalk, MotionStream, Speech
from dreamtalk_core.assets import DEMO_PORTRAIT, DEMO_VOICE
from dreamtalk_core.models.devices import inference, side_by_side
from dreamtalk_core.pipeline.sync import measure_sync
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.track import track_faces

CPU = torch.device("cpu")
HOST = 3
"""Threads that the host has asked torch for."""


@pytest.fixture(autouse=True)
def host_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(HOST)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


@pytest.fixture(scope="module")
def speech() -> Speech:
    """12 s: more than one window of each network."""
    return Speech.from_array(np.resize(Speech.load(DEMO_VOICE).waveform, 12 * 16_000 * 2), 16_000)


@pytest.fixture
def threads_of_networks() -> Iterator[set[tuple[int, bool]]]:
    """Torch's threads, and whether it keeps account for training, at every call of a network."""
    seen: set[tuple[int, bool]] = set()
    hook = nn.modules.module.register_module_forward_pre_hook(
        lambda *_: seen.add((torch.get_num_threads(), torch.is_inference_mode_enabled()))
    )
    yield seen
    hook.remove()


def in_a_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


class TestInference:
    def test_is_one_thread_and_gives_back_what_the_host_had(self) -> None:
        with inference():
            assert torch.get_num_threads() == 1
            with inference():
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 1, "an inner one must not end the outer one"
        assert torch.get_num_threads() == HOST
        assert not torch.is_inference_mode_enabled()

    def test_gives_back_after_an_error(self) -> None:
        with pytest.raises(KeyError), inference():
            raise KeyError
        assert torch.get_num_threads() == HOST

    def test_a_thread_that_starts_meanwhile_gets_what_the_host_had(self) -> None:
        """It begins with what it finds, which is ours, and leaves what was there before us."""
        left = []

        def work() -> None:
            with inference():
                pass
            left.append(torch.get_num_threads())

        with inference():
            in_a_thread(work)
            assert torch.get_num_threads() == 1
        assert left == [HOST]
        in_a_thread(lambda: left.append(torch.get_num_threads()))
        assert left == [HOST, HOST]


class TestSideBySide:
    def test_keeps_the_order(self) -> None:
        assert list(side_by_side(lambda x: x * x, range(20), CPU)) == [x * x for x in range(20)]
        assert list(side_by_side(str, [], CPU)) == []

    def test_runs_as_many_at_a_time_as_the_host_allows(self) -> None:
        together = threading.Barrier(HOST, timeout=30)
        numbers = list(
            side_by_side(lambda _: (together.wait(), torch.get_num_threads())[1], range(6), CPU)
        )
        assert numbers == [1] * 6
        assert torch.get_num_threads() == HOST

    def test_leaves_nothing_on_between_results(self) -> None:
        for items in (range(1), range(9)):
            for _ in side_by_side(lambda x: x, items, CPU):
                assert not torch.is_inference_mode_enabled()
                assert torch.get_num_threads() == HOST

    def test_does_not_run_far_ahead(self) -> None:
        begun: list[int] = []
        results = side_by_side(lambda x: begun.append(x), range(100), CPU)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert len(begun) <= HOST + 1

    def test_raises_what_the_function_raises_in_its_turn(self) -> None:
        results = side_by_side(lambda x: 1 // (2 - x), range(9), CPU)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(results)
        assert torch.get_num_threads() == HOST


def animate(talk: DreamTalk, speech: Speech, folder: Path) -> object:
    return talk.animate(speech)


def stream(talk: DreamTalk, speech: Speech, folder: Path) -> object:
    return MotionStream(talk, talk.load_style("happy")).feed(speech.waveform[:16_000])


def extract_style(talk: DreamTalk, speech: Speech, folder: Path) -> object:
    talk.animate(speech, "happy").save(folder / "take.csv")
    return talk.extract_style(folder / "take.csv")


def sync(talk: DreamTalk, speech: Speech, folder: Path) -> object:
    return measure_sync(speech, talk.animate(speech, "neutral"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "work",
    [
        animate,
        stream,
        extract_style,
        sync,
        lambda *_: read_portrait(DEMO_PORTRAIT),
        lambda *_: track_faces(DEMO_PORTRAIT),
    ],
    ids=["animate", "stream", "extract style", "sync", "portrait", "track"],
)
def test_every_network_runs_on_one_thread(
    work: Callable[[DreamTalk, Speech, Path], object],
    talk: DreamTalk,
    speech: Speech,
    tmp_path: Path,
    threads_of_networks: set[tuple[int, bool]],
) -> None:
    """On several they wait for each other as soon as somebody else uses the processor, too."""
    work(talk, speech, tmp_path)
    assert threads_of_networks == {(1, True)}
    assert torch.get_num_threads() == HOST


@pytest.mark.slow
def test_windows_side_by_side_are_the_same_as_one_after_the_other(
    talk: DreamTalk, speech: Speech
) -> None:
    many = talk.animate(speech, "happy")
    torch.set_num_threads(1)
    one = talk.animate(speech, "happy")
    np.testing.assert_array_equal(many.weights, one.weights)
