"""The sampler: phonetic features and style codes in, motion out, in flat memory.

Everything passes through piece by piece: a window goes through a network as soon as all that it
sees is there, and what no window sees any more is forgotten. What comes out is, bit for bit, what
one network after the other makes of the whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from dreamtalk_core.models.denoiser import Denoiser
from dreamtalk_core.models.devices import side_by_side
from dreamtalk_core.models.diffusion import alphas_cumprod, ddim_step, timesteps
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.progress import Advance

WINDOW = 400
"""Frames that the denoiser handles at a time."""
SECTION = 16
"""Pieces that one network goes through before the next one does: enough for several cores."""

LIP_TEMPERATURE = 0.3
FACE_TEMPERATURE = 0.9
"""Strengths of the first noise, see `temperature`."""

Cut = tuple[slice, slice]
"""See `windows`."""


def encode_content(
    denoiser: Denoiser, rows: Iterator[Tensor], frames: int, advance: Advance
) -> Iterator[Tensor]:
    """What the speech asks of the face, [t, width], in order; rows: of `SpeechFeatures`."""
    features = _Tail(0)

    def content(cut: Cut) -> Tensor:
        inner, outer = cut
        part = features.part(2 * outer.start, 2 * outer.stop + 1).float()
        return denoiser.content(part[None])[0, inner]

    windowed = _Windowed(content, frames, denoiser.content_reach, advance)
    for number, piece in enumerate(rows, 1):
        features.add(piece)
        if number % SECTION == 0 or features.stop > 2 * frames:
            yield from windowed.up_to((features.stop - 1) // 2, piece.device)
            features.forget(2 * windowed.first)


def denoise(
    model: MotionModel,
    content: Iterator[Tensor],
    frames: int,
    codes: Callable[[slice], Tensor],
    noise: Iterator[Tensor],
    num_steps: int,
    advance: Advance,
) -> Iterator[Tensor]:
    """Normalised motion [K, t, C] in K styles, all from the same noise, in order.

    content: [t, width], together all `frames`; codes: of some of the frames, [K, 1 or t, style];
    noise: [t or more, C] of unit strength for each piece of content.
    """
    denoiser, device = model.denoiser, model.mean.device
    alphas, visited = alphas_cumprod(device), timesteps(num_steps)
    # motions[i]: the motion as noised as it is before step i; the last one is clean.
    contents, motions = _Tail(0), [_Tail(1) for _ in range(num_steps + 1)]

    def denoise_step(number: int) -> Callable[[Cut], Tensor]:
        step, previous = visited[number], [*visited[1:], 0][number]

        def window(cut: Cut) -> Tensor:
            inner, outer = cut
            noised, style = motions[number].part(outer.start, outer.stop), codes(outer)
            at = torch.full((len(noised),), step, device=device)
            around = contents.part(outer.start, outer.stop).expand(len(noised), -1, -1)
            clean = denoiser(noised, at, around, style)[:, inner]
            return ddim_step(noised[:, inner], clean, alphas[step], alphas[previous])

        return window

    steps = [
        _Windowed(denoise_step(number), frames, denoiser.reach, advance)
        for number in range(num_steps)
    ]
    for number, (piece, drawn) in enumerate(zip(content, noise, strict=False), 1):
        contents.add(piece)
        start = drawn[: len(piece)].to(device) * temperature(model)
        motions[0].add(start.expand(len(codes(slice(0, 1))), -1, -1))
        if number % SECTION and contents.stop < frames:
            continue
        for step, noised, denoised in zip(steps, motions[:-1], motions[1:], strict=True):
            for done in step.up_to(noised.stop, device):
                denoised.add(done)
            noised.forget(step.first)
        contents.forget(steps[-1].first)
        if (last := motions[-1]).stop > last.first:
            yield last.part(last.first, last.stop)
            last.forget(last.stop)


def draw_noise(channels: int, seed: int) -> Iterator[Tensor]:
    """Gaussian noise without end, [WINDOW, channels] at a time, as of `frame_noise`."""
    rng = np.random.default_rng(seed)
    while True:
        yield torch.from_numpy(rng.standard_normal((WINDOW, channels), np.float32))


class _Tail:
    """What is still needed of a sequence that grows: `first` to `stop`, along an axis."""

    def __init__(self, axis: int) -> None:
        self.axis, self.first, self.stop = axis, 0, 0
        self._pieces: list[Tensor] = []

    def add(self, piece: Tensor) -> None:
        self._pieces.append(piece)
        self.stop += piece.shape[self.axis]

    def part(self, start: int, stop: int) -> Tensor:
        """From `start` to `stop`, counted from the beginning of the sequence."""
        if len(self._pieces) > 1:
            self._pieces = [torch.cat(self._pieces, self.axis)]
        return self._pieces[0].narrow(self.axis, start - self.first, stop - start)

    def forget(self, first: int) -> None:
        """Drop what is before `first`."""
        if first > self.first:
            # A copy, or the whole would stay in memory.
            self._pieces = [self.part(first, self.stop).clone()]
            self.first = first


class _Windowed:
    """A network that runs, window by window, over a sequence of which more and more is known."""

    def __init__(
        self, network: Callable[[Cut], Tensor], frames: int, reach: int, advance: Advance
    ) -> None:
        self._network, self._frames, self._advance = network, frames, advance
        self._cuts = deque(windows(frames, reach))

    @property
    def first(self) -> int:
        """The first frame that it will see again."""
        return self._cuts[0][1].start if self._cuts else self._frames

    def up_to(self, known: int, device: torch.device) -> Iterator[Tensor]:
        """What it makes of the windows that see nothing beyond the first `known` frames."""
        ready = []
        while self._cuts and self._cuts[0][1].stop <= known:
            ready.append(self._cuts.popleft())
        for cut, done in zip(ready, side_by_side(self._network, ready, device), strict=True):
            self._advance(cut[0].stop - cut[0].start)
            yield done


def temperature(model: MotionModel) -> Tensor:
    """Strength of the first noise per channel [C].

    What the lips do follows from the speech, so they start near the most likely motion; the rest of
    the face is free to differ from take to take.
    """
    lips = [name.startswith(("jaw", "mouth", "tongue")) for name in model.config.channels]
    return torch.where(
        torch.tensor(lips, device=model.mean.device), LIP_TEMPERATURE, FACE_TEMPERATURE
    )


def windows(frames: int, reach: int) -> Iterator[Cut]:
    """Cuts of a sequence for a network that sees `reach` frames to each side.

    Yields (inner, outer): give the network `outer` of the sequence and keep `inner` of what comes
    back. Joined, these parts equal what the network would make of the whole.
    """
    for start in range(0, frames, WINDOW):
        stop = min(start + WINDOW, frames)
        first, last = max(0, start - reach), min(frames, stop + reach)
        yield slice(start - first, stop - first), slice(first, last)
