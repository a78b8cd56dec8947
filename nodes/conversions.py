"""The host's types and ours, one made of the other. Knows the host's types, not the host.

A host's AUDIO is `{"waveform": float [B, C, N], "sample_rate": int}`, an IMAGE float [B, H, W, C]
in 0..1, a MASK float [B, H, W] in 0..1.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError, SpeechError
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.sound import cut_sound

Audio = dict[str, Any]
Picture = NDArray[np.uint8]

_MOST_CHANNELS = 8
"""More the core takes for samples that lie the wrong way round."""
_MEMORY_LEFT = 0.9
"""Share of the free memory that an IMAGE may take."""


# --- AUDIO ---------------------------------------------------------------------------------------


def samples(audio: Audio) -> NDArray[np.float32]:
    """Samples [C, N] of an AUDIO. Raises SpeechError if it holds none, or several sounds.

    A silent clip has None for its AUDIO.
    """
    whole = isinstance(audio, Mapping) and {"waveform", "sample_rate"} <= audio.keys()
    waveform = audio["waveform"] if whole else torch.empty(0)
    if waveform.ndim != 3 or not waveform.numel():
        raise SpeechError(
            "This AUDIO is empty, as that of a silent clip is. Connect a sound that holds samples."
        )
    if len(waveform) > 1:
        raise SpeechError(
            f"This AUDIO is a batch of {len(waveform)} sounds. Connect one sound at a time."
        )
    array: NDArray[np.float32] = waveform[0].detach().float().cpu().numpy()
    return array


def audio_of(waveform: NDArray[np.float32], sample_rate: int) -> Audio:
    """Samples [C, N] as an AUDIO."""
    return {"waveform": torch.from_numpy(waveform)[None], "sample_rate": int(sample_rate)}


def speech_of(audio: Audio, name: str) -> Speech:
    """An AUDIO as the model hears it; name: how messages call it.

    Raises SpeechError as `samples` and `Speech.from_array` do.
    """
    waveform = samples(audio)
    mixed = waveform.mean(axis=0) if len(waveform) > _MOST_CHANNELS else waveform
    return Speech.from_array(mixed, audio["sample_rate"], name)


def cut_audio(audio: Audio, start: float | Fraction, seconds: float | Fraction) -> Audio:
    """So many seconds of an AUDIO from `start` on; silence where it has nothing."""
    waveform = audio["waveform"].detach().float().cpu().numpy()
    part = cut_sound(waveform, int(audio["sample_rate"]), start, seconds)
    return {**audio, "waveform": torch.from_numpy(part)}


def frames_audio(audio: Audio | None, frames: range, fps: Fraction) -> Audio | None:
    """The sound of some frames, with silence where it is shorter than they are.

    Raises SpeechError as `samples` does.
    """
    if audio is None:
        return None
    sound, rate = samples(audio), int(audio["sample_rate"])
    return audio_of(cut_sound(sound, rate, frames.start / fps, len(frames) / fps), rate)


# --- IMAGE and MASK ------------------------------------------------------------------------------


def check_image(image: torch.Tensor) -> None:
    """Raises RenderError for an IMAGE without a picture."""
    if image.ndim != 4 or not image.numel():
        raise RenderError("This IMAGE is empty. Connect one that holds a picture.")


def pictures(image: torch.Tensor) -> Picture:
    """An IMAGE as uint8 [B, H, W, 3]; transparency is dropped, one channel becomes three.

    NaN is black. Raises RenderError if there is none.
    """
    check_image(image)
    values = image.detach().float().cpu().nan_to_num(nan=0.0).clamp(0, 1)
    array = values.mul(255).round().byte().numpy()
    return np.ascontiguousarray(np.broadcast_to(array[..., :3], (*array.shape[:3], 3)))


@dataclass(frozen=True, eq=False)
class Frames:
    """An IMAGE as pictures in time, each converted when it is wanted.

    Raises RenderError on arriving at one that is none.
    """

    images: torch.Tensor
    fps: Fraction

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.images)

    def __iter__(self) -> Generator[Picture, None, None]:
        for number in range(len(self.images)):
            yield first_picture(self.images[number : number + 1])


def first_picture(image: torch.Tensor) -> Picture:
    """The first picture of an IMAGE, uint8 [H, W, 3]. Raises RenderError if there is none."""
    return pictures(image[:1])[0]


def digest(picture: Picture) -> str:
    """A text that is the same for the same pixels only."""
    return sha256(f"{picture.shape}".encode() + picture.tobytes()).hexdigest()


def image_of(array: Picture) -> torch.Tensor:
    """Pictures uint8 [H, W, C] or [B, H, W, C] as an IMAGE."""
    return torch.from_numpy(array if array.ndim == 4 else array[None]).float() / 255


FEWER_DRAWN = (
    "Set 'count' to {} or less, or use the VIDEO of the Render node, which is written frame by "
    "frame."
)
FEWER_FITTED = "Set 'piece' to one piece at a time, or give {} frames or less."


def check_memory(
    frames: int, sizes: Sequence[tuple[int, ...]], free: int, remedy: str = FEWER_DRAWN
) -> None:
    """Raises RenderError where frames of all these sizes, as an IMAGE, would not fit into memory.

    sizes: (height, width, ...). free: bytes. remedy: a sentence with a place for the frames that
    fit. Better a message than a computer that stands still.
    """
    need = 4 * frames * sum(int(np.prod(size)) for size in sizes)
    if need > _MEMORY_LEFT * free:
        fits = int(frames * _MEMORY_LEFT * free / need)
        height, width = sizes[0][:2]
        raise RenderError(
            f"{frames} frames of {width} x {height} pixels take {need / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free. {remedy.format(fits)}"
        )


# --- texts ---------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    """What a text lists, separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]
