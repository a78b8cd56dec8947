"""Bake `matte.safetensors` from MediaPipe's Selfie Segmentation (Apache-2.0) in an npm package.

    python -m dreamtalk_core.weights.make_matte mediapipe-selfie_segmentation-0.1.1675465747.tgz

Get the package with `npm pack @mediapipe/selfie_segmentation@0.1.1675465747`, and
`pip install tflite`. Its tensors get the names of `dreamtalk_core.models.selfie` and stay the
float16 numbers that they are.
"""

from __future__ import annotations

import argparse
import tarfile
from hashlib import sha256
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from dreamtalk_core.files import atomic_write
from dreamtalk_core.models.selfie import SelfieSegmentation
from dreamtalk_core.weights.make_tracker import constants

VERSION = "0.1.1675465747"
NETWORK = "package/selfie_segmentation.tflite"
SHA256 = "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help=f"mediapipe-selfie_segmentation-{VERSION}.tgz")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(__file__).with_name("matte.safetensors")
    )
    arguments = parser.parse_args()
    with tarfile.open(arguments.package) as package:
        file = package.extractfile(NETWORK)
        content = file.read() if file else b""
    if sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{arguments.package} holds another network than {VERSION}'s.")
    # The network uses its tensors in the order in which the modules are made.
    names = list(SelfieSegmentation().state_dict())
    tensors = dict(zip(names, constants(content), strict=True))
    # An operator of MediaPipe's own, [outputs, height, width, inputs].
    tensors["out.weight"] = tensors["out.weight"].reshape(1, 2, 2, 16).transpose(3, 0, 1, 2)
    tensors = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}
    metadata = {
        "format": "dreamtalk-matte",
        "version": "1",
        "source": f"MediaPipe Selfie Segmentation, from npm package "
        f"@mediapipe/selfie_segmentation {VERSION}, {NETWORK}",
        "sha256": SHA256,
        "licence": "Apache-2.0",
    }
    with atomic_write(arguments.output) as temporary:
        save_file(tensors, temporary, metadata)


if __name__ == "__main__":
    main()
