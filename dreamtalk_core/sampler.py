"""The sampler: phonetic features and style codes in, motion out, in windows of flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from dreamtalk_core.devices import side_by_side
from dreamtalk_core.diffusion import sample
from dreamtalk_core.models.denoiser import Denoiser
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.phonetics import PhoneticEncoder

WINDOW = 400
"""Frames that the denoiser handles at a time."""

LIP_TEMPERATURE = 0.3
FACE_TEMPERATURE = 0.9
"""Strengths of the first noise, see `temperature`."""

Advance = Callable[[int], None]
"""Called with the frames that one pass over the sequence has just finished."""


def hear(phonetics: PhoneticEncoder, waveform: Tensor, frames: int, advance: Advance) -> Tensor:
    """Feature rows float16 [2 frames + 1, F] of speech [N] at 16 kHz."""
    rows: list[Tensor] = []
    heard = 0
    for piece in phonetics.stream(waveform):
        rows.append(piece.half())
        now = min(heard + len(piece) // 2, frames)
        advance(now - heard)
        heard = now
    advance(frames - heard)
    features = torch.cat(rows)
    missing = 2 * frames + 1 - len(features)
    if missing > 0:
        features = torch.cat([features, features[-1:].expand(missing, -1)])
    return features[: 2 * frames + 1]


def content_of(denoiser: Denoiser, features: Tensor, advance: Advance) -> Tensor:
    """What the speech asks of the face, [frames, width], from feature rows [2 frames + 1, F]."""

    def content(cut: tuple[slice, slice]) -> Tensor:
        inner, outer = cut
        part = features[2 * outer.start : 2 * outer.stop + 1].float()
        return denoiser.content(part[None])[0, inner]

    cuts = list(windows(len(features) // 2, denoiser.content_reach))
    return _joined(side_by_side(content, cuts, features.device), 0, advance)


def sample_takes(
    model: MotionModel, content: Tensor, codes: Tensor, noise: Tensor, steps: int, advance: Advance
) -> Tensor:
    """Normalised motion [K, T, C] in K styles, all from the same noise.

    content: [T, width]; codes: [K, 1 or T, style]; noise: [T, C] of unit strength.
    """
    denoiser, (frames, count) = model.denoiser, (len(content), len(codes))

    def denoise(noised: Tensor, step: int) -> Tensor:
        at = torch.full((count,), step, device=noised.device)

        def window(cut: tuple[slice, slice]) -> Tensor:
            inner, outer = cut
            heard = content[outer].expand(count, -1, -1)
            style = codes if codes.shape[1] == 1 else codes[:, outer]
            return denoiser(noised[:, outer], at, heard, style)[:, inner]

        cuts = list(windows(frames, denoiser.reach))
        return _joined(side_by_side(window, cuts, noised.device), 1, advance)

    start = noise.to(content.device) * temperature(model)
    return sample(denoise, start.expand(count, -1, -1), steps)


def _joined(pieces: Iterable[Tensor], axis: int, advance: Advance) -> Tensor:
    """Pieces put together along an axis of frames, which are told as they come."""
    done = []
    for piece in pieces:
        done.append(piece)
        advance(piece.shape[axis])
    return torch.cat(done, axis)


def temperature(model: MotionModel) -> Tensor:
    """Strength of the first noise per channel [C].

    What the lips do follows from the speech, so they start near the most likely motion; the rest of
    the face is free to differ from take to take.
    """
    lips = [name.startswith(("jaw", "mouth", "tongue")) for name in model.config.channels]
    return torch.where(
        torch.tensor(lips, device=model.mean.device), LIP_TEMPERATURE, FACE_TEMPERATURE
    )


def windows(frames: int, reach: int) -> Iterator[tuple[slice, slice]]:
    """Cuts of a sequence for a network that sees `reach` frames to each side.

    Yields (inner, outer): give the network `outer` of the sequence and keep `inner` of what comes
    back. Joined, the kept parts equal what the network would make of the whole.
    """
    for start in range(0, frames, WINDOW):
        stop = min(start + WINDOW, frames)
        first, last = max(0, start - reach), min(frames, stop + reach)
        yield slice(start - first, stop - first), slice(first, last)
