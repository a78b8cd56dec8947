"""Long sound lies in a file, is an array all the same, and what passes over it is let go."""

from __future__ import annotations

import pickle
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk_core import DreamTalk, Speech
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import SpeechError
from dreamtalk_core.models.diffusion import frame_noise, sample
from dreamtalk_core.models.sampler import denoise, draw_noise, encode_content, temperature
from dreamtalk_core.speech import spool as spool
from dreamtalk_core.speech.features import encode_speech
from dreamtalk_core.speech.phonetics import FEATURE_WIDTH, HOP, PhoneticEncoder
from dreamtalk_core.speech.prosody import measure_prosody
from dreamtalk_core.speech.spool import IN_MEMORY, in_pieces, spooled


@pytest.fixture(scope="module")
def talk() -> DreamTalk:
    return DreamTalk.load(device="cpu")


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, count).astype(np.float32)


def resident() -> int:
    """Bytes of files that are in the memory of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("RssFile:")[1].split()[0])


@pytest.mark.parametrize("count", [1, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY])
def test_pieces_are_one_array(count: int) -> None:
    whole = noise(count)
    joined = spooled(whole[start : start + 300_000] for start in range(0, count, 300_000))
    np.testing.assert_array_equal(joined, whole)
    assert joined.flags.writeable == (count <= IN_MEMORY)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(joined)), whole)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells, and only POSIX lets go")
def test_what_has_been_passed_over_is_no_longer_in_memory() -> None:
    array = spooled(noise(IN_MEMORY) for _ in range(8))
    before, total = resident(), 0.0
    for piece in in_pieces(array[5:], IN_MEMORY):  # a part of it, as speech is cut
        total += float(piece.sum())
        assert resident() - before < 3 * 4 * IN_MEMORY
    assert total
    assert resident() - before < 4 * IN_MEMORY


def test_an_array_of_somebody_else_keeps_its_changes(tmp_path: Path) -> None:
    path = tmp_path / "samples"
    noise(IN_MEMORY).tofile(path)
    changed = np.memmap(path, np.float32, "c")
    changed[:] = 0.5
    Speech.from_array(changed, 16_000)
    assert (changed == 0.5).all()


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.tempfile, "SpooledTemporaryFile", full)
    with pytest.raises(SpeechError, match=r"no room for a temporary file.*TMPDIR"):
        spooled(iter([noise(10)]))


def test_a_spooled_speech_is_like_one_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = np.tile(Speech.load(DEMO_VOICE).waveform, 2)
    plain = Speech.from_array(sound, 22_050)
    monkeypatch.setattr(spool, "IN_MEMORY", 1000)
    in_file = Speech.from_array(sound, 22_050)
    assert plain.waveform.base is not in_file.waveform.base
    np.testing.assert_array_equal(plain.waveform, in_file.waveform)
    one, other = measure_prosody(plain.waveform), measure_prosody(in_file.waveform)
    np.testing.assert_array_equal(one.pitch, other.pitch)
    np.testing.assert_array_equal(one.loudness, other.loudness)


@pytest.mark.slow
def test_piece_by_piece_is_what_the_whole_gives(
    talk: DreamTalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit: in short sections, and each network over the whole of the speech."""
    waveform = np.tile(Speech.load(DEMO_VOICE).waveform, 6)
    frames, steps, model = len(waveform) // 640, 2, talk.model
    code = torch.stack([model.styles["happy"], model.styles["neutral"]])[:, None]

    def passed(section: int) -> list[torch.Tensor]:
        monkeypatch.setattr("dreamtalk_core.models.sampler.SECTION", section)
        with torch.inference_mode():
            rows = encode_speech(talk.phonetics, waveform, frames, lambda _: None)
            content = encode_content(model.denoiser, rows, frames, lambda _: None)
            drawn = draw_noise(len(model.config.channels), 3)
            return list(
                denoise(model, content, frames, lambda _: code, drawn, steps, lambda _: None)
            )

    pieces, whole = passed(1), passed(1000)
    assert len(pieces) > 2
    assert len(whole) == 1
    assert torch.equal(torch.cat(pieces, 1), whole[0])

    with torch.inference_mode():
        rows = torch.cat(list(encode_speech(talk.phonetics, waveform, frames, lambda _: None)))
        content = model.denoiser.content(rows.float()[None]).expand(2, -1, -1)
        start = frame_noise(frames, len(model.config.channels), 3) * temperature(model)

        def denoise_step(noised: torch.Tensor, step: int) -> torch.Tensor:
            return model.denoiser(noised, torch.full((2,), step), content, code)

        expected = sample(denoise_step, start.expand(2, -1, -1), steps)
    torch.testing.assert_close(whole[0], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells, and only POSIX lets go")
def test_memory_does_not_grow_with_the_speech(
    talk: DreamTalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all that is held at a time, from sound to curves, but for what the networks hold."""

    def rows(
        self: PhoneticEncoder, waveform: np.ndarray, begin: int, end: int
    ) -> Iterator[torch.Tensor]:
        for piece in in_pieces(waveform[HOP * begin : HOP * end], 160_000):
            yield torch.zeros(-(-len(piece) // HOP), FEATURE_WIDTH)

    monkeypatch.setattr(PhoneticEncoder, "stream", rows)
    monkeypatch.setattr(
        talk.model.denoiser, "forward", lambda noised, step, content, style: noised * 0.5
    )
    voice = Speech.load(DEMO_VOICE).waveform

    def peak(minutes: int) -> int:
        count = 60 * minutes
        pieces = ((np.resize(voice, (1, 16_000)), 16_000) for _ in range(count))
        speech = Speech._collect(pieces, "voice")
        before = resident()
        tracemalloc.start()
        numpy_only = talk.sample_motion(speech, "happy*0.5", fps=30, steps=2)
        assert len(numpy_only) == 30 * count
        used = tracemalloc.get_traced_memory()[1] + max(0, resident() - before)
        tracemalloc.stop()
        return used

    short, long = peak(3), peak(9)
    assert (long - short) / 6 < 2e6
