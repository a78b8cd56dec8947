"""`OriginalRenderer`: a portrait that speaks, drawn by the original's renderer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from dreamtalk_core.models.devices import choose_device
from dreamtalk_core.motion import Motion
from dreamtalk_core.original.checkpoint import load_renderer
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.motion import OriginalMotion
from dreamtalk_core.original.renderer import PIRenderer
from dreamtalk_core.progress import Progress
from dreamtalk_core.speech.audio import Speech

Image = npt.NDArray[np.uint8]


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

        motion: a `Motion` goes through the linear maps of `bfm`, but for an `OriginalMotion` that
        nothing was put onto: its coefficients are drawn. portrait: a picture; crop: cut it as the
        public code does; without, it is only brought to size.
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
        if isinstance(motion, OriginalMotion) and not motion.is_changed:
            motion = motion.coefficients
        pictures = OriginalPictures(self.renderer, picture, motion, autocast)
        render(pictures, path, audio, progress)
