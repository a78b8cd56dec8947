"""PNG files, read back by another decoder."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from dreamtalk_core.formats.png import encode_png


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 13), (64, 48)])
def test_every_pixel_comes_back(height: int, width: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    with av.open(io.BytesIO(encode_png(picture))) as image:
        read = next(image.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(read, picture)


def test_transparency_comes_back() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 11, 4), np.uint8)
    with av.open(io.BytesIO(encode_png(picture, {"Comment": "é"}, level=1))) as image:
        read = next(image.decode(video=0)).to_ndarray(format="rgba")
    np.testing.assert_array_equal(read, picture)
