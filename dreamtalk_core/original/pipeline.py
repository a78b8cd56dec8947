"""The original DreamTalk with the steps of our own: for whoever holds its checkpoints.

talk = OriginalDreamTalk.load("denoising_network.pth")
face = talk.animate("line.wav", style="angry.mat")
face.to_motion().save("line.csv")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from dreamtalk_core.errors import ModelError, StyleError
from dreamtalk_core.models.devices import choose_device
from dreamtalk_core.models.diffusion import frame_noise
from dreamtalk_core.motion import Motion, frame_count
from dreamtalk_core.original.checkpoint import load_motion_model, load_renderer
from dreamtalk_core.original.coefficients import Coefficients, holds_coefficients
from dreamtalk_core.original.denoiser import STRIDE, OriginalMotionModel, Sampler
from dreamtalk_core.original.layout import (
    EXPRESSION,
    FPS,
    Array,
    Extension,
    extended_pose,
    still_pose,
)
from dreamtalk_core.original.renderer import PIRenderer
from dreamtalk_core.original.wav2vec import MODEL, Wav2Vec
from dreamtalk_core.parameters import Sampling, changed
from dreamtalk_core.pipeline.performance import Performance, useful_parts
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.style import SUFFIX, Style, StyleTrack, read_style_file

STEPS = 10
"""DDIM steps of the public code."""
NEUTRAL = "neutral"
USUAL = Sampling()

Image = npt.NDArray[np.uint8]
AnyStyle = Style | StyleTrack | Coefficients | Performance


class OriginalDreamTalk:
    """Speech in, coefficients of the Basel face model out. Holds nothing between calls but weights.

    The numbers are those of the public code; a frame comes out the same whatever is said behind it
    (up to 30 s of speech, see `models.wav2vec`).
    """

    def __init__(self, model: OriginalMotionModel, wav2vec: Wav2Vec, device: torch.device) -> None:
        if wav2vec.width != model.sizes.audio:
            raise ModelError(
                f"The wav2vec2 model gives {wav2vec.width} numbers a row, but the motion model "
                f"takes {model.sizes.audio}. Give {MODEL}."
            )
        self.model = model
        self.wav2vec = wav2vec
        self.device = device

    @staticmethod
    def load(
        model: str | Path, device: str = "auto", wav2vec: str | Path = MODEL
    ) -> OriginalDreamTalk:
        """Open `denoising_network.pth`, or what `dreamtalk import` made of it.

        wav2vec: a folder, or the name of a model in the Hugging Face cache. Raises ModelError for
        files that are missing, damaged, another network or would run code; DreamTalkError for an
        unknown device.
        """
        chosen = choose_device(device)
        loaded = load_motion_model(model, chosen)
        return OriginalDreamTalk(loaded, Wav2Vec.load(wav2vec, chosen), chosen)

    def load_speech(self, path: str | Path) -> Speech:
        """The sound of any file that PyAV opens. Raises SpeechError."""
        return Speech.load(path)

    def analyse(self, speech: Speech) -> Speech:
        """The speech: what wav2vec2 hears in it passes through, and is not kept."""
        return speech

    @torch.inference_mode()
    def extract_style(self, clip: Coefficients | Performance) -> Style:
        """The style of a clip: coefficients or a file of them (`.mat`, `.npz`), or any performance.

        A performance (a motion, or the file of one or of a video) goes through the linear maps of
        `bfm`, which know the jaw, the lips and little else: the style comes out weaker. Of a clip
        longer than 256 frames the beginning counts, as in the public code.
        Raises MotionError, TrackingError or StyleError for a file that holds none.
        """
        name = "clip" if isinstance(clip, (Coefficients, Motion)) else Path(clip).stem
        source = "the clip"
        if isinstance(clip, Coefficients):
            expression = clip.expression
        elif not isinstance(clip, Motion) and holds_coefficients(clip):
            expression, source = Coefficients.load(clip).expression, str(clip)
        else:
            parts, source = useful_parts(clip, device=self.device)
            expression = np.concatenate(
                [Coefficients.from_motion(part).expression for part in parts]
            )
        code = self.model.style_code(torch.tensor(expression, device=self.device))
        return Style(code.cpu().numpy(), name, source, model=self.model.fingerprint)

    def predict_style(self, speech: Speech) -> Style:
        """Always raises StyleError: the original has no style predictor."""
        raise StyleError(
            "The original model cannot hear a style in a voice. Give a style clip (.mat), or "
            f"'{NEUTRAL}'."
        )

    @torch.inference_mode()
    def load_style(self, style: AnyStyle) -> Style:
        """A style in any form: a style, a clip or its file, a style file, or `neutral`.

        Raises StyleError for a style of another model or an unknown one, and what `extract_style`
        does.
        """
        if isinstance(style, StyleTrack):
            raise StyleError("The original model speaks a line in one style. Give one.")
        if isinstance(style, (Coefficients, Motion)):
            return self.extract_style(style)
        if isinstance(style, Style):
            self._check_fits(style)
            return style
        if str(style).casefold() == NEUTRAL:
            code = self.model.null_code.cpu().numpy()
            return Style(code, NEUTRAL, "no clip", model=self.model.fingerprint)
        suffix = Path(style).suffix.lower()
        if suffix == SUFFIX:
            return self.load_style(read_style_file(style))
        if suffix:
            return self.extract_style(style)
        raise StyleError(
            f"The original model has no style '{style}'. Give a style clip (.mat), a video or a "
            f"motion to take one from, a style file made with this model, or '{NEUTRAL}'."
        )

    def load_pose(self, clip: Coefficients | str | Path) -> Array:
        """How the head moves in a clip, [P, 9]. Raises MotionError for a file that holds none."""
        return (clip if isinstance(clip, Coefficients) else Coefficients.load(clip)).pose

    @torch.inference_mode()
    def sample_motion(
        self,
        speech: Speech,
        style: AnyStyle,
        *,
        sampling: Sampling = USUAL,
        pose: Array | None = None,
        extension: Extension = "mirror",
        autocast: bool = False,
        progress: Progress | None = None,
        **settings: Any,
    ) -> Coefficients:
        """A face for a speech in a style: round(duration x 25) frames.

        style: in any form that `load_style` takes. settings: of `Sampling` by name, such as
        seed=3; a guidance_scale of 0 is no style, and 0 and 1 take half the time. pose: [P, 9],
        cut or extended to the length of the speech, see `extended_pose`; without, the head is
        still. autocast: half precision on a GPU: faster, not the same to the last digit.
        Raises DreamTalkError for values out of range, and what `load_style` does.
        """
        (sampling,) = changed(settings, sampling)
        steps = sampling.steps or STEPS
        chosen = self.load_style(style)
        frames = frame_count(speech.duration, FPS)
        # Hearing, then each step: the frames go by once for each.
        total, done = frames * (steps + 1), 0

        def advance(count: int) -> None:
            nonlocal done
            done = min(done + count, total)
            if progress:
                progress(done, total)

        code = torch.tensor(chosen.code, device=self.device)
        sampler = Sampler(self.model, code, sampling.guidance_scale * chosen.intensity)
        noise = frame_noise(frames, EXPRESSION, sampling.seed)
        expression = np.empty((frames, EXPRESSION), np.float32)
        start = 0
        precision = torch.bfloat16 if self.device.type == "cpu" else torch.float16
        with torch.autocast(self.device.type, precision, enabled=autocast):
            for rows in self._rows(speech, frames, sampler.frames):
                content = self.model.content(rows)
                advance(len(content))
                stop = start + len(content)
                part = noise[start:stop].to(self.device)
                expression[start:stop] = sampler.sample(content, part, steps, advance).cpu()
                start = stop
        head = still_pose(frames) if pose is None else extended_pose(pose, frames, extension)
        return Coefficients(expression, head)

    def animate(
        self,
        speech: Speech | str | Path,
        style: AnyStyle = NEUTRAL,
        *,
        pose: Coefficients | str | Path | None = None,
        **options: Any,
    ) -> Coefficients:
        """All of the road but rendering: `load_speech`, `load_style`, `load_pose`, `sample_motion`.

        options: those of `sample_motion`. Raises what they raise.
        """
        heard = speech if isinstance(speech, Speech) else self.load_speech(speech)
        head = None if pose is None else self.load_pose(pose)
        return self.sample_motion(heard, style, pose=head, **options)

    def _rows(self, speech: Speech, frames: int, most: int) -> Iterator[Tensor]:
        """Feature rows [2 (n - 1) + window, width] of n <= `most` frames at a time, in order.

        Rows before and after the speech are zeros, as in the public code.
        """
        window = self.model.sizes.window
        held = torch.zeros(self.model.reach, self.wav2vec.width, device=self.device)
        left = frames
        for piece in self.wav2vec.stream(speech.waveform):
            held = torch.cat([held, piece])
            while left > most and len(held) >= STRIDE * most + window:
                yield held[: STRIDE * (most - 1) + window]
                held, left = held[STRIDE * most :], left - most
        held = F.pad(held, (0, 0, 0, max(0, STRIDE * (left - 1) + window - len(held))))
        while left:
            count = min(left, most)
            yield held[: STRIDE * (count - 1) + window]
            held, left = held[STRIDE * count :], left - count

    def _check_fits(self, style: Style) -> None:
        own, width = self.model.fingerprint, self.model.sizes.width
        if style.model not in ("", own) or len(style.code) != width:
            raise StyleError(
                f"Style '{style.name}' belongs to another model ({style.model or 'unknown'}, "
                f"{len(style.code)} numbers) than the one in use ({own}, {width} numbers). Extract "
                f"it again with this model from a .mat clip; it came from: {style.source}."
            )


class OriginalRenderer:
    """A portrait that speaks, 256 x 256 pixels. Holds nothing between calls but weights."""

    def __init__(self, renderer: PIRenderer) -> None:
        self.renderer = renderer

    @staticmethod
    def load(path: str | Path, device: str = "auto") -> OriginalRenderer:
        """Open `renderer.pt`, or what `dreamtalk import` made of it.

        Raises ModelError for a file that is missing, damaged, another network or would run code;
        DreamTalkError for an unknown device.
        """
        return OriginalRenderer(load_renderer(path, choose_device(device)))

    def render(
        self,
        motion: Coefficients | Motion,
        portrait: str | Path | Image,
        path: str | Path,
        audio: Speech | str | Path | None = None,
        *,
        crop: bool = True,
        face: str | int = "largest",
        autocast: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Write an MP4 of a portrait that moves, with sound if given.

        motion: a `Motion`, ours for instance, goes through the linear maps of `bfm`. portrait: a
        picture; crop: cut it as the public code does; without, it is only brought to size.
        face: which one of several, see `read_portrait`. autocast: half precision on a GPU.
        Raises TrackingError for a picture that cannot be read or has no face, RenderError,
        SpeechError.
        """
        # Tracking and video encoding, which curves alone need not wait for.
        from dreamtalk_core.original.render import OriginalPictures, crop_portrait, fit_square
        from dreamtalk_core.render.job import render
        from dreamtalk_core.render.output.video import check_video_path
        from dreamtalk_core.tracking.portrait import read_portrait
        from dreamtalk_core.tracking.video import read_image

        check_video_path(path)
        if crop:
            found = read_portrait(portrait, choice=face)
            picture = crop_portrait(found.image, found.face.landmarks)
        else:
            picture = fit_square(
                portrait if isinstance(portrait, np.ndarray) else read_image(portrait)
            )
        pictures = OriginalPictures(self.renderer, picture, motion, autocast)
        render(pictures, path, audio, progress)
