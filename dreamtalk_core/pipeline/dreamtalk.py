"""DreamTalk: the road from speech to motion as one object.

talk = DreamTalk.load()
talk.animate("line.wav", style="happy").save("line.csv")
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dreamtalk_core.animation.calibration import resting_face
from dreamtalk_core.animation.noise import own_seed
from dreamtalk_core.animation.postprocess import Voice, postprocess
from dreamtalk_core.assets import DEMO_VOICE
from dreamtalk_core.errors import StyleError
from dreamtalk_core.files import name_key
from dreamtalk_core.models.devices import choose_device, inference
from dreamtalk_core.models.motion_model import MotionModel
from dreamtalk_core.models.sampler import draw_noise, encode_content
from dreamtalk_core.models.style_predictor import StylePredictor, summarise_speech
from dreamtalk_core.motion import Motion
from dreamtalk_core.parameters import Behaviour, Controls, Listener, Sampling, changed
from dreamtalk_core.pipeline.base import (
    ATTENTIVE,
    AUTO,
    NEUTRAL,
    UNCHANGED,
    USUAL,
    AnySpeech,
    AnyStyle,
    Other,
    Pipeline,
    Watch,
    names_auto,
    talkers_of,
)
from dreamtalk_core.pipeline.performance import Performance, read_performance, useful_parts
from dreamtalk_core.pipeline.sampling import (
    DEFAULT_STEPS,
    by_feature,
    reported_phones,
    sample_frames,
)
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.articulation import FEATURES
from dreamtalk_core.speech.features import SpeechFeatures
from dreamtalk_core.speech.phonetics import PhoneticEncoder
from dreamtalk_core.speech.written import read_hint
from dreamtalk_core.style import (
    SUFFIX,
    Heard,
    Style,
    StyleLibrary,
    StyleTrack,
    check_fits,
    extract_style,
    fingerprint,
    load_style_file,
    named_style,
    parse_style,
)
from dreamtalk_core.weights import WEIGHTS

DEFAULT_MODEL = WEIGHTS / "default.safetensors"
RESEARCH_MODEL = WEIGHTS / "research" / "model.safetensors"
MODELS = {"default": DEFAULT_MODEL, "research": RESEARCH_MODEL}
"""Models that are shipped, by name; `research` may be used for research only."""
PREDICTOR = "predictor.safetensors"
"""The style predictor of a model, in the folder of its weights."""
VOICED_FRAMES = 12
"""Frames with voice (half a second) below which there is nothing to hear a style in."""
SURENESS, INTENSITY = (0.3, 0.7), (0.15, 1.0)
"""Intensity of a predicted style by its probability: what is sure shows in full, a guess hardly."""


class DreamTalk(Pipeline):
    """The pipeline of a model of ours."""

    def __init__(self, model: MotionModel, phonetics: PhoneticEncoder, home: Path) -> None:
        """home: folder of the model's weights, where its style predictor is, too."""
        self.library = StyleLibrary.default()
        self.model = model
        self.phonetics = phonetics
        self.home = home

    @staticmethod
    def load(model: str | Path = "default", device: str = "auto") -> DreamTalk:
        """Open a shipped model by its name (see MODELS), or another one by its path.

        device: `auto` (CUDA or Apple's GPU where there is one, else the CPU) or a torch device.
        Raises ModelError for a file that is no motion model, DreamTalkError for an unknown device.
        """
        chosen, path = choose_device(device), MODELS.get(str(model), Path(model))
        loaded = MotionModel.load(path, chosen)
        return DreamTalk(loaded, PhoneticEncoder.load(chosen), path.parent)

    @property
    def networks(self) -> list[torch.nn.Module]:
        """The motion model, the recogniser, and the style predictor if there is one."""
        networks: list[torch.nn.Module] = [self.model, self.phonetics]
        return [*networks, self.predictor] if (self.home / PREDICTOR).is_file() else networks

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.model)

    @property
    def style_names(self) -> tuple[str, ...]:
        """Names of the styles that there are: the model's own and those in the library."""
        return self.library.names(self.model)

    def find_style(self, name: str) -> Style:
        """The style of one of `style_names`. Raises StyleError."""
        return self.library.find(name, self.model, self._worn)

    def extract_style(
        self,
        performance: Performance | Sequence[Performance],
        *,
        neutral: Performance | None = None,
        face: str | int = "largest",
        progress: Progress | None = None,
    ) -> Style:
        if isinstance(performance, str) or not isinstance(performance, Sequence):
            performance = [performance]
        rest = None
        if neutral is not None:
            rest = read_performance(neutral, face, device=self.device)[0]
        found = [useful_parts(part, rest, face, progress, self.device) for part in performance]
        return extract_style(
            self.model,
            [part for parts, _ in found for part in parts],
            next(
                (Path(part).stem for part in performance if isinstance(part, (str, Path))), "mine"
            ),
            "; ".join(source for _, source in found),
            self._worn,
        )

    def _worn(self, style: Style) -> NDArray[np.float32]:
        """[52] the mean face of the demo's voice in a style, as it is sampled."""
        channels, content = self.model.config.channels, self._said.to(self.model.mean.device)
        with inference():
            motion = sample_frames(
                self.model,
                iter([content]),
                len(content),
                style,
                1.0,
                draw_noise(len(channels), seed=0),
                DEFAULT_STEPS,
                lambda _: None,
            )
        face: NDArray[np.float32] = motion.to_arkit().weights.clip(0, 1).mean(0)
        return face

    @cached_property
    def _said(self) -> Tensor:
        """[T, width] what some speech asks of the face, to see styles on, on the CPU."""
        features = self.analyse(self.load_speech(DEMO_VOICE))
        with inference():
            rows = features.rows(lambda _: None)
            denoiser = self.model.denoiser
            pieces = encode_content(denoiser, rows, features.frames, lambda _: None)
            return torch.cat(list(pieces)).cpu()

    def analyse(self, speech: AnySpeech) -> SpeechFeatures:
        if isinstance(speech, SpeechFeatures):
            return speech
        return SpeechFeatures(speech, self.phonetics)

    def predict_style(
        self,
        speech: AnySpeech,
        portrait: Performance | None = None,
        *,
        seed: int = 0,
    ) -> Style:
        """The style that a speech calls for, heard from the voice alone or seen on a portrait too.

        portrait: the speaker's resting face: a photo, a clip, or a motion tracked from one. Another
        seed is another way to show it. Where there is less than half a second of voice, it is
        neutral. `Style.heard` says which emotion was heard and how surely; the intensity follows.
        Raises SpeechError, MotionError, TrackingError.
        """
        rest = None
        if portrait is not None:
            seen = read_performance(portrait, device=self.device)[0]
            rest = resting_face(seen.to_arkit().weights)
        features = self.analyse(speech).beginning
        source = features.speech.source
        if np.isfinite(features.prosody.pitch).sum() < VOICED_FRAMES:
            return replace(named_style(self.model, NEUTRAL), name=AUTO, source=source)
        probabilities = self.predictor.listen(summarise_speech(features))
        heard = Heard(*max(probabilities.items(), key=itemgetter(1)))
        style = Style(
            self.predictor.predict(heard.emotion, rest, seed),
            AUTO,
            source,
            float(np.interp(heard.probability, SURENESS, INTENSITY)),
            self.predictor.config.model,
            heard=heard,
        )
        check_fits(style, self.model)
        return style

    def load_style(
        self,
        style: AnyStyle,
        speech: AnySpeech | None = None,
        portrait: Performance | None = None,
    ) -> Style | StyleTrack:
        """A style in any form: a style, a motion, a file, or text as of `parse_style`.

        Names are looked for in the style library first, then among the model's own. Files are
        style files, or motions and videos, from which the style is extracted; give a Path, or a
        str with a suffix. `auto` in a text is the style predicted for `speech` and `portrait`,
        see `predict_style`.
        Raises StyleError.
        """
        if isinstance(style, Motion):
            return self.extract_style(style)
        if isinstance(style, Path):
            return self._resolve(str(style), speech, portrait)
        if isinstance(style, str):
            return parse_style(style, lambda text: self._resolve(text, speech, portrait))
        check_fits(style, self.model)
        return style

    def _resolve(self, text: str, speech: AnySpeech | None, portrait: Performance | None) -> Style:
        """A style by its name or file name."""
        if names_auto(text):
            if speech is None:
                raise StyleError(
                    "The style 'auto' is heard from a speech: give one, or name another style."
                )
            return self.predict_style(speech, portrait)
        suffix = Path(text).suffix.lower()
        # A name may have a dot in it, too.
        if not suffix or name_key(text) in map(name_key, self.style_names):
            return self.find_style(text)
        if suffix == SUFFIX:
            return load_style_file(text, self.model, self._worn)
        return self.extract_style(text)

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
        **settings: Any,
    ) -> Motion:
        sampling, behaviour, controls, listener = changed(
            settings, sampling, behaviour or Behaviour(), controls, listener
        )
        steps = sampling.steps or DEFAULT_STEPS
        features = self.analyse(speech)
        chosen = self.load_style(style, features)
        frames, duration = features.frames, features.speech.duration
        # Features, content, then each step: the frames go by once for each.
        total, done = frames * (steps + 2), 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if progress:
                progress(done, total)

        hint = None
        if transcript.strip():
            hint = read_hint(features.speech, self.phonetics, transcript, lambda: advance(0))
        # One array for all: many small ones would keep the memory between them from the system.
        phones = np.empty((2 * frames + 1, len(FEATURES)), np.float16)

        def rows_of_speech() -> Iterator[Tensor]:
            known, heard = 0, features.rows(advance)
            for rows in heard if hint is None else hint.correct(heard):
                phones[known : (known := known + len(rows))] = reported_phones(rows)
                yield rows

        talkers, hearer = talkers_of(others, listener)
        voice = features.voice if features.voice or not others else hearer
        with inference():
            content = encode_content(self.model.denoiser, rows_of_speech(), frames, advance)
            seed = own_seed(sampling.seed, voice)
            noise = draw_noise(len(self.model.config.channels), seed)
            guidance_scale = sampling.guidance_scale
            motion = sample_frames(
                self.model,
                content,
                frames,
                chosen,
                guidance_scale,
                noise,
                steps,
                advance,
                watch=watch,
            )
        loudness, pitch = features.prosody.loudness, features.prosody.pitch
        return postprocess(
            motion,
            Voice(loudness, pitch, by_feature(phones), features.beside_words, voice, talkers),
            sampling,
            behaviour,
            controls,
            duration,
            between=lambda: advance(0),
            listening=listener.listening,
        )

    @cached_property
    def predictor(self) -> StylePredictor:
        """The style predictor, loaded when it is first needed.

        Raises StyleError if this model has none.
        """
        path = self.home / PREDICTOR
        if not path.is_file():
            raise StyleError(
                f"This model has no style predictor ({path}), and so no style 'auto'. Train one, "
                f"or name a style: {', '.join(self.style_names)}."
            )
        return StylePredictor.load(path, self.device)
