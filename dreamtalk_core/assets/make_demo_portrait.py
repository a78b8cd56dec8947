"""Make the demo's portrait from a picture in the public domain.

    pip download --no-deps --only-binary=:all: matplotlib==3.11.2
    pip install "dreamtalk[bake]"
    python -m dreamtalk_core.assets.make_demo_portrait matplotlib-3.11.2-*.whl

The US Navy's official portrait of Commodore Grace Hopper (NH 96919-KN), cut out around her face,
enlarged and stored as JPEG. It is a work of the federal government and in the public domain; it may
not be used to suggest that the Navy, or who is shown, endorses anything.
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

MEMBER = "matplotlib/mpl-data/sample_data/grace_hopper.jpg"
LEFT, TOP, SIDE = 43, 12, 440
"""The square that is cut out, in pixels."""
SIZE, QUALITY = 768, 90


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
