"""DreamTalk: the road from speech to motion as one object.

talk = DreamTalk.load()
talk.animate("line.wav", style="happy").save("line.csv")
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from dreamtalk_core.audio import Speech
from dreamtalk_core.curves import complete_blinks
from dreamtalk_core.diffusion import TRAIN_STEPS, frame_noise, sample
from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.models.motion_model import HEAD, MotionModel
from dreamtalk_core.motion import Motion, frame_count, parse_fps
from dreamtalk_core.phonetics import PhoneticEncoder
from dreamtalk_core.style import Style, extract_style, named_style
from dreamtalk_core.weights import WEIGHTS

DEFAULT_MODEL = WEIGHTS / "default.safetensors"
DEFAULT_STYLE = "neutral"
DEFAULT_STEPS = 4
WINDOW = 400
"""Frames that the denoiser handles at a time."""

LIP_TEMPERATURE = 0.3
FACE_TEMPERATURE = 0.9
"""Strengths of the first noise, see `DreamTalk.temperature`."""

Progress = Callable[[int, int], None]
"""Called with (done, total); an exception raised in it cancels the work."""


class DreamTalk:
    """Speech in, motion out. Not bound to one speech; holds nothing between calls but weights."""

    def __init__(
        self, model: MotionModel, phonetics: PhoneticEncoder, device: torch.device
    ) -> None:
        self.model = model
        self.phonetics = phonetics
        self.device = device

    @staticmethod
    def load(model: str | Path = DEFAULT_MODEL, device: str = "auto") -> DreamTalk:
        """Open the shipped model or another one.

        device: `auto` (CUDA or Apple's GPU where there is one, else the CPU) or a torch device.
        Raises ModelError for a file that is no motion model, DreamTalkError for an unknown device.
        """
        chosen = choose_device(device)
        return DreamTalk(
            MotionModel.load(Path(model), chosen), PhoneticEncoder.load(chosen), chosen
        )

    @property
    def style_names(self) -> tuple[str, ...]:
        """Names of the styles that the model brings."""
        return tuple(sorted(self.model.styles))

    def load_speech(self, path: str | Path) -> Speech:
        """The sound of any file that PyAV opens. Raises SpeechError."""
        return Speech.load(path)

    def extract_style(self, performance: Motion | str | Path) -> Style:
        """The style of a performance, given as Motion or motion file. Raises StyleError."""
        if isinstance(performance, Motion):
            return extract_style(self.model, performance, "performance", "the motion")
        path = Path(performance)
        return extract_style(self.model, Motion.load(path), path.stem, str(path))

    def load_style(self, style: Style | Motion | str | Path = DEFAULT_STYLE) -> Style:
        """A style by its name, by a motion file (a Path, or a str with a suffix), or as it is."""
        if isinstance(style, Style):
            return style
        if isinstance(style, str) and not Path(style).suffix:
            return named_style(self.model, style)
        return self.extract_style(style)

    def sample_motion(
        self,
        speech: Speech,
        style: Style,
        *,
        guidance: float = 1.0,
        fps: int | float | str | Fraction = 25,
        seed: int = 0,
        steps: int = DEFAULT_STEPS,
        progress: Progress | None = None,
    ) -> Motion:
        """Facial motion for a speech in a style.

        guidance: 0 leaves the style out, 1 is the style as it is, more exaggerates it (lip sync
        suffers above 2). fps: of the result; round(duration x fps) frames. steps: denoising steps.
        Raises DreamTalkError for values out of range, MotionError for an impossible fps.
        """
        if not 1 <= steps <= TRAIN_STEPS:
            raise DreamTalkError(f"steps is {steps}; give a number from 1 to {TRAIN_STEPS}.")
        if not 0 <= guidance < math.inf:
            raise DreamTalkError(f"guidance is {guidance}; give a number from 0 up, usually to 2.")
        if seed < 0:
            raise DreamTalkError(f"seed is {seed}; give a number from 0 up.")
        rate = parse_fps(fps)
        code = torch.tensor(style.code, device=self.device)
        frames = frame_count(speech.duration, self.model.config.fps)
        with torch.inference_mode():
            motion = self._sample(speech, code, frames, guidance, seed, steps, progress or _silent)
            values = self.model.restore(motion).cpu().numpy()
        names, shapes = self.model.config.channels, len(self.model.config.channels) - len(HEAD)
        own_rate = Fraction(self.model.config.fps)
        lids = [i for i, name in enumerate(names) if name.startswith("eyeBlink")]
        if lids:
            values[:, lids] = complete_blinks(values[:, lids], float(own_rate))
        own = Motion(names[:shapes], values[:, :shapes], own_rate, values[:, shapes:])
        return own.resample(rate, speech.duration)

    def render(
        self,
        motion: Motion,
        path: str | Path,
        audio: Speech | str | Path | None = None,
        size: int = 512,
        progress: Progress | None = None,
    ) -> None:
        """Write an MP4 of the built-in head, with sound if given. Raises RenderError."""
        # The rasteriser is compiled when it is imported; curves alone need not wait for it.
        from dreamtalk_core.render.preview import render_preview

        render_preview(motion, path, audio, size, progress)

    def animate(
        self,
        speech: Speech | str | Path,
        style: Style | Motion | str | Path = DEFAULT_STYLE,
        *,
        guidance: float = 1.0,
        fps: int | float | str | Fraction = 25,
        seed: int = 0,
        steps: int = DEFAULT_STEPS,
        progress: Progress | None = None,
    ) -> Motion:
        """All of the road but rendering: `load_speech`, `load_style`, `sample_motion`.

        Raises what they raise: SpeechError, StyleError, MotionError or DreamTalkError.
        """
        return self.sample_motion(
            speech if isinstance(speech, Speech) else self.load_speech(speech),
            self.load_style(style),
            guidance=guidance,
            fps=fps,
            seed=seed,
            steps=steps,
            progress=progress,
        )

    def _sample(
        self,
        speech: Speech,
        code: Tensor,
        frames: int,
        guidance: float,
        seed: int,
        steps: int,
        progress: Progress,
    ) -> Tensor:
        """Normalised motion [frames, C]."""
        # Hearing, content, then each step: the frames go by once for each.
        total = frames * (steps + 2)
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        content = self._content(speech, frames, advance)
        denoiser = self.model.denoiser
        codes = torch.stack([code] if guidance == 1 else [code, torch.zeros_like(code)])

        def denoise(noised: Tensor, step: int) -> Tensor:
            steps = torch.full((len(codes),), step, device=noised.device)
            pieces = []
            for inner, outer in windows(frames, denoiser.reach):
                heard = content[outer].expand(len(codes), -1, -1)
                pieces.append(denoiser(noised[:, outer], steps, heard, codes)[:, inner])
                advance(pieces[-1].shape[1])
            return torch.cat(pieces, 1)

        noise = frame_noise(frames, len(self.model.config.channels), seed).to(self.device)
        takes = sample(denoise, (noise * self.temperature()).expand(len(codes), -1, -1), steps)
        # Guided by outcomes rather than step by step: once the noised motion shows a style, both
        # predictions follow it, and guidance within the steps would come to nothing above 1.
        return takes[0] if guidance == 1 else guidance * takes[0] + (1 - guidance) * takes[1]

    def temperature(self) -> Tensor:
        """Strength of the first noise per channel [C].

        What the lips do follows from the speech, so they start near the most likely motion; the
        rest of the face is free to differ from take to take.
        """
        lips = [name.startswith(("jaw", "mouth", "tongue")) for name in self.model.config.channels]
        return torch.where(
            torch.tensor(lips, device=self.device), LIP_TEMPERATURE, FACE_TEMPERATURE
        )

    def _content(self, speech: Speech, frames: int, advance: Callable[[int], None]) -> Tensor:
        """What the speech asks of the face, [frames, width]."""
        rows: list[Tensor] = []
        heard = 0
        for piece in self.phonetics.stream(torch.tensor(speech.waveform)):
            rows.append(piece.half())
            now = min(heard + len(piece) // 2, frames)
            advance(now - heard)
            heard = now
        advance(frames - heard)
        features = torch.cat(rows)
        missing = 2 * frames + 1 - len(features)
        if missing > 0:
            features = F.pad(features[None], (0, 0, 0, missing), mode="replicate")[0]
        denoiser = self.model.denoiser
        pieces = []
        for inner, outer in windows(frames, denoiser.content_reach):
            part = features[2 * outer.start : 2 * outer.stop + 1].float()
            pieces.append(denoiser.content(part[None])[0, inner])
            advance(len(pieces[-1]))
        return torch.cat(pieces)


def windows(frames: int, reach: int) -> Iterator[tuple[slice, slice]]:
    """Cuts of a sequence for a network that sees `reach` frames to each side.

    Yields (inner, outer): give the network `outer` of the sequence and keep `inner` of what comes
    back. Joined, the kept parts equal what the network would make of the whole.
    """
    for start in range(0, frames, WINDOW):
        stop = min(start + WINDOW, frames)
        first, last = max(0, start - reach), min(frames, stop + reach)
        yield slice(start - first, stop - first), slice(first, last)


def choose_device(name: str) -> torch.device:
    """A torch device by name, or the best there is for `auto`."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DreamTalkError(
            f"Device '{name}' cannot be used here ({error}). Try auto or cpu."
        ) from error
    return device


def _silent(done: int, total: int) -> None:
    pass
