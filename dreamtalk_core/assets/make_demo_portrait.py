"""Make the demo's portrait from a picture in the public domain.

    pip download --no-deps --only-binary=:all: scikit-image==0.26.0
    pip install "dreamtalk[bake]"
    python -m dreamtalk_core.assets.make_demo_portrait scikit_image-0.26.0-*.whl

The upper left of NASA's portrait of the astronaut Eileen Collins (NASA Great Images database), cut
out around her face and stored as JPEG. NASA's pictures are in the public domain; they may not be
used to suggest that NASA, or who is shown, endorses anything.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.files import atomic_write

MEMBER = "skimage/data/astronaut.png"
LEFT, TOP, SIDE = 70, 0, 288
"""The square that is cut out, in pixels."""
SIZE, QUALITY = 512, 92


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    with zipfile.ZipFile(parser.parse_args().wheel) as wheel:
        content = np.frombuffer(wheel.read(MEMBER), np.uint8)
    picture: Any = cv2.imdecode(content, cv2.IMREAD_COLOR)
    square = picture[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    large = cv2.resize(square, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    _, jpeg = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    with atomic_write(DEMO_PORTRAIT) as temporary:
        temporary.write_bytes(jpeg.tobytes())
    print(f"{DEMO_PORTRAIT}: {DEMO_PORTRAIT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
