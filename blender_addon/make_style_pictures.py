# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the pictures of the default model's styles that the extension brings along.

    python -m blender_addon.make_style_pictures

They are there before a worker is asked; it draws those of other styles. Needs all of DreamTalk.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from numpy.typing import NDArray

from blender_addon.make_extension import HERE
from dreamtalk_core.files import atomic_write
from dreamtalk_core.pipeline.dreamtalk import DreamTalk
from dreamtalk_core.style.library import StyleLibrary
from dreamtalk_core.worker.styles import PICTURE

FOLDER = HERE / "style_pictures"
_QUALITY = 3
"""JPEG's quantiser, 2 (best) to 31."""


def draw() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The name of every style that comes with the default model, and its picture [H, W, 3]."""
    talk, shipped = DreamTalk.load(), StyleLibrary(())
    for name in shipped.names(talk.model):
        yield name, read(talk.picture_style(shipped.find(name, talk.model), PICTURE))


def read(picture: bytes) -> NDArray[np.uint8]:
    """The pixels [H, W, 3] of a PNG or JPEG."""
    with av.open(BytesIO(picture), "r") as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """A JPEG of a picture [H, W, 3]."""
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuvj444p")
    codec = av.CodecContext.create("mjpeg", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuvj444p"
    codec.qmin = codec.qmax = _QUALITY
    codec.framerate = Fraction(1)
    return b"".join(bytes(packet) for given in (frame, None) for packet in codec.encode(given))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, picture in draw():
        with atomic_write(FOLDER / f"{name}.jpg") as path:
            path.write_bytes(jpeg(picture))


if __name__ == "__main__":
    main()
