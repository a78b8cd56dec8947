"""The original DreamTalk with the steps of our own: for whoever holds its checkpoints.

talk = OriginalDreamTalk.load("denoising_network.pth")
talk.animate("line.wav", style="angry.mat").save("line.csv")
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dreamtalk_core.animation.postprocess import Voice, postprocess
from dreamtalk_core.errors import ModelError, StyleError, shown
from dreamtalk_core.files import name_key
from dreamtalk_core.models.devices import choose_device
from dreamtalk_core.models.diffusion import frame_noise
from dreamtalk_core.motion import Motion, frame_count
from dreamtalk_core.original.checkpoint import load_motion_model
from dreamtalk_core.original.coefficients import Coefficients, holds_coefficients
from dreamtalk_core.original.denoiser import STRIDE, OriginalMotionModel, Sampler
from dreamtalk_core.original.layout import (
    EXPRESSION,
    FPS,
    Array,
    extended_pose,
    still_pose,
)
from dreamtalk_core.original.motion import OriginalMotion
from dreamtalk_core.original.options import Pose
from dreamtalk_core.original.wav2vec import MODEL, Wav2Vec
from dreamtalk_core.parameters import Behaviour, Controls, Listener, Sampling, changed, parameters
from dreamtalk_core.pipeline.base import (
    ATTENTIVE,
    NEUTRAL,
    UNCHANGED,
    USUAL,
    AnySpeech,
    Other,
    Pipeline,
    Watch,
    names_auto,
    spoken_in,
    talkers_of,
)
from dreamtalk_core.pipeline.base import AnyStyle as CommonStyle
from dreamtalk_core.pipeline.performance import Performance, read_performance, useful_parts
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.audio import Speech
from dreamtalk_core.speech.prosody import measure_prosody, number_voice
from dreamtalk_core.speech.vocal import hear_beside_words
from dreamtalk_core.style import SUFFIX, Style, StyleLibrary, StyleTrack, read_style_file
from dreamtalk_core.warned import warn

STEPS = 10
"""DDIM steps of the public code."""
_NONE = np.zeros(0, np.float32)
_BEHAVIOUR = {setting.name for setting in parameters(Behaviour)}
NO_MODEL: Any = SimpleNamespace(styles={})
"""For the names of a library alone."""

AnyStyle = CommonStyle | Coefficients


class OriginalDreamTalk(Pipeline):
    """The pipeline of an original checkpoint: it draws coefficients of the Basel face model.

    The numbers are those of the public code; a frame comes out the same whatever is said behind it
    (up to 30 s of speech, see `models.wav2vec`).
    """

    default_style = NEUTRAL

    def __init__(self, model: OriginalMotionModel, wav2vec: Wav2Vec) -> None:
        if wav2vec.width != model.sizes.audio:
            raise ModelError(
                f"The wav2vec2 model gives {wav2vec.width} numbers a row, but the motion model "
                f"takes {model.sizes.audio}. Give {MODEL}."
            )
        self.library = StyleLibrary.default()
        self.model = model
        self.wav2vec = wav2vec

    @staticmethod
    def load(
        model: str | Path, device: str = "auto", wav2vec: str | Path | None = None
    ) -> OriginalDreamTalk:
        """Open `denoising_network.pth`, or what `dreamtalk import` made of it.

        wav2vec: a folder, or the name of a model in the Hugging Face cache. Raises ModelError for
        files that are missing, damaged, another network or would run code; DreamTalkError for an
        unknown device.
        """
        chosen = choose_device(device)
        loaded = load_motion_model(model, chosen)
        return OriginalDreamTalk(loaded, Wav2Vec.load(wav2vec or MODEL, chosen))

    @property
    def networks(self) -> list[torch.nn.Module]:
        """The motion model and wav2vec2."""
        return [self.model, self.wav2vec]

    @property
    def fingerprint(self) -> str:
        return self.model.fingerprint

    @property
    def style_names(self) -> tuple[str, ...]:
        """`neutral`, and the names in the library, some of which may be of other models."""
        found = (self.library.where(name) for name in self.library.names(NO_MODEL))
        return (NEUTRAL, *(path.stem for _, path in found if path is not None))

    @torch.inference_mode()
    def extract_style(
        self,
        performance: Coefficients | Performance | Sequence[Coefficients | Performance],
        *,
        neutral: Performance | None = None,
        face: str | int = "largest",
        progress: Progress | None = None,
    ) -> Style:
        """The style of a clip: coefficients or a file of them (`.mat`, `.npz`), or any performance.

        A performance (a motion, or the file of one or of a video) goes through the linear maps of
        `bfm`, which know the jaw, the lips and little else: the style comes out weaker. Of a clip
        longer than 256 frames the beginning counts, as in the public code.
        Raises MotionError, TrackingError or StyleError for a file that holds none.
        """
        if isinstance(performance, str) or not isinstance(performance, Sequence):
            performance = [performance]
        rest = None
        if neutral is not None:
            rest = read_performance(neutral, face, device=self.device)[0]
        found = [self._expression(clip, rest, face, progress) for clip in performance]
        files = (Path(clip).stem for clip in performance if isinstance(clip, (str, Path)))
        expression = np.concatenate([values for values, _ in found])
        code = self.model.style_code(torch.tensor(expression, device=self.device))
        source = "; ".join(source for _, source in found)
        return Style(code.cpu().numpy(), next(files, "clip"), source, model=self.model.fingerprint)

    def _expression(
        self,
        clip: Coefficients | Performance,
        rest: Motion | None,
        face: str | int,
        progress: Progress | None,
    ) -> tuple[Array, str]:
        """The expression [T, 64] of a clip, and where it is from, in words."""
        if isinstance(clip, Coefficients):
            return clip.expression, "the clip"
        if isinstance(clip, (str, Path)) and holds_coefficients(clip):
            return Coefficients.load(clip).expression, str(clip)
        parts, source = useful_parts(clip, rest, face, progress, self.device)
        return np.concatenate([Coefficients.from_motion(part).expression for part in parts]), source

    def predict_style(
        self, speech: AnySpeech, portrait: Performance | None = None, *, seed: int = 0
    ) -> Style:
        """Always raises StyleError: the original has no style predictor."""
        raise StyleError(
            "An original checkpoint cannot hear a style in a voice. Give a style clip (.mat), or "
            f"'{NEUTRAL}'."
        )

    def find_style(self, name: str) -> Style:
        """`neutral`, or a style of this model in the library. Raises StyleError."""
        if name_key(name) == NEUTRAL:
            code = self.model.null_code.cpu().numpy()
            return Style(code, NEUTRAL, "no clip", model=self.model.fingerprint)
        _, path = self.library.where(name)
        if path is None:
            raise StyleError(
                f"The original model has no style '{shown(name)}'. Give a style clip (.mat), a "
                "video or a motion to take one from, a style file made with this model, or "
                f"'{NEUTRAL}'."
            )
        return self.load_style(read_style_file(path))

    @torch.inference_mode()
    def load_style(
        self,
        style: AnyStyle,
        speech: AnySpeech | None = None,
        portrait: Performance | None = None,
    ) -> Style:
        """A style in any form: a style, a clip or its file, a style file, or a name. `auto` is
        `neutral`: the original hears no style in a speech, and sees none on a portrait.

        Raises StyleError for a style of another model or an unknown one, and what `extract_style`
        does.
        """
        if isinstance(style, StyleTrack):
            raise StyleError(
                "An original checkpoint cannot change its style over a line: it speaks it in one "
                "style. Give one."
            )
        if isinstance(style, (Coefficients, Motion)):
            return self.extract_style(style)
        if isinstance(style, Style):
            self._check_fits(style)
            return style
        if names_auto(style):
            if portrait is not None:
                warn("An original checkpoint sees no style on a portrait: it speaks in neutral.")
            return self.find_style(NEUTRAL)
        suffix = Path(style).suffix.lower()
        if suffix == SUFFIX:
            return self.load_style(read_style_file(style))
        if suffix:
            return self.extract_style(style)
        return self.find_style(str(style))

    @torch.inference_mode()
    def sample_motion(
        self,
        speech: AnySpeech,
        style: AnyStyle,
        *,
        sampling: Sampling = USUAL,
        behaviour: Behaviour | None = None,
        controls: Controls = UNCHANGED,
        listener: Listener = ATTENTIVE,
        others: Sequence[Other | AnySpeech] = (),
        transcript: str = "",
        progress: Progress | None = None,
        watch: Watch | None = None,
        autocast: bool = False,
        **settings: Any,
    ) -> OriginalMotion:
        """A face for a speech in a style, as of every pipeline.

        A guidance_scale of 0 is no style, 0 and 1 take half the time. behaviour: nothing is put on
        unless it, one of its settings, or others are given. settings: those of `Pose`, too.
        autocast: half precision on a GPU: faster, not the same to the last digit. transcript:
        changes nothing, with a warning.
        Raises DreamTalkError for values out of range, and what `load_style` does.
        """
        alive = behaviour is not None or bool(others) or bool(settings.keys() & _BEHAVIOUR)
        sampling, behaviour, controls, listener, pose = changed(
            settings, sampling, behaviour or Behaviour(), controls, listener, Pose()
        )
        if transcript.strip():
            warn("A transcript does not change the face of an original checkpoint.")
        spoken = spoken_in(speech)
        head = _head(pose, frame_count(spoken.duration, FPS))
        expression = self._sample(spoken, self.load_style(style), sampling, progress, autocast)
        face = Coefficients(expression, head)
        motion = postprocess(
            face.to_motion(),
            _voice(spoken, others, listener) if alive else Voice(_NONE, _NONE),
            sampling,
            behaviour if alive else None,
            controls,
            spoken.duration,
            listening=listener.listening,
        )
        return OriginalMotion(
            motion.names,
            motion.weights,
            motion.fps,
            motion.head_rotation,
            coefficients=face,
            is_changed=alive or controls != UNCHANGED,
        )

    def _sample(
        self,
        speech: Speech,
        style: Style,
        sampling: Sampling,
        progress: Progress | None,
        autocast: bool,
    ) -> Array:
        """The expression [T, 64] that the network draws."""
        frames, steps = frame_count(speech.duration, FPS), sampling.steps or STEPS
        # Hearing, then each step: the frames go by once for each.
        total, done = frames * (steps + 1), 0

        def advance(count: int) -> None:
            nonlocal done
            done = min(done + count, total)
            if progress:
                progress(done, total)

        code = torch.tensor(style.code, device=self.device)
        sampler = Sampler(self.model, code, sampling.guidance_scale * style.intensity)
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
        return expression

    def _rows(self, speech: Speech, frames: int, most: int) -> Iterator[Tensor]:
        """Feature rows [2 (n - 1) + window, width] of n <= `most` frames at a time, in order.

        Rows before and after the speech are zeros, as in the public code.
        """
        window = self.model.sizes.window
        rows = torch.zeros(self.model.reach, self.wav2vec.width, device=self.device)
        left = frames
        for piece in self.wav2vec.stream(speech.waveform):
            rows = torch.cat([rows, piece])
            while left > most and len(rows) >= STRIDE * most + window:
                yield rows[: STRIDE * (most - 1) + window]
                rows, left = rows[STRIDE * most :], left - most
        rows = F.pad(rows, (0, 0, 0, max(0, STRIDE * (left - 1) + window - len(rows))))
        while left:
            count = min(left, most)
            yield rows[: STRIDE * (count - 1) + window]
            rows, left = rows[STRIDE * count :], left - count

    def _check_fits(self, style: Style) -> None:
        used, width = self.model.fingerprint, self.model.sizes.width
        if style.model not in ("", used) or len(style.code) != width:
            raise StyleError(
                f"Style '{style.name}' belongs to another model ({style.model or 'unknown'}, "
                f"{len(style.code)} numbers) than the one in use ({used}, {width} numbers). "
                f"Extract it again with this model from a .mat clip; it came from: {style.source}."
            )


def _voice(speech: Speech, others: Sequence[Other | AnySpeech], listener: Listener) -> Voice:
    prosody = measure_prosody(speech.waveform)
    heard = hear_beside_words(speech.waveform, prosody)
    talkers, hearer = talkers_of(others, listener)
    said = number_voice(speech.waveform) or (hearer if talkers else 0)
    return Voice(prosody.loudness, prosody.pitch, heard=heard, said=said, talkers=talkers)


def _head(pose: Pose, frames: int) -> Array:
    """The pose [frames, 9] that is asked for. Raises MotionError for a file that holds none."""
    if pose.pose is None:
        return still_pose(frames)
    clip = pose.pose
    if isinstance(clip, (str, Path)):
        clip = Coefficients.load(clip)
    known = clip.pose if isinstance(clip, Coefficients) else np.asarray(clip, np.float32)
    return extended_pose(known, frames, "loop" if pose.pose_extension == "loop" else "mirror")
