"""`FaceTracker`: the faces in a picture, and one face through a video.

The rules are MediaPipe's: which part of a picture the mesh network sees decides, to a pixel, what
comes out. Nothing is smoothed here; `dreamtalk_core.tracking.track` does that, with the whole clip
at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dreamtalk_core.errors import TrackingError, shown
from dreamtalk_core.models.checkpoint import open_weights
from dreamtalk_core.models.devices import choose_device, inference, side_by_side, without_memory
from dreamtalk_core.models.face_landmarker import (
    BLENDSHAPE_NAMES,
    DETECTOR_SIDE,
    MESH_SIDE,
    Blendshapes,
    Detector,
    Mesh,
)
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.progress import Progress
from dreamtalk_core.tracking.crop import Image, Region, sample
from dreamtalk_core.tracking.pose import head_angles, head_matrix
from dreamtalk_core.tracking.regions import (
    SAME,
    merge,
    overlap,
    region_of_detection,
    region_of_landmarks,
    views_of,
    whole,
)
from dreamtalk_core.warned import warn
from dreamtalk_core.weights import WEIGHTS

PRESENT = 0.5
"""The mesh network's own confidence from which on there is a face."""

DETECTED = 0.5
"""The detector's confidence from which on the mesh network has a look."""

LOOK_AROUND = 90
"""Frames between two looks at the whole picture while a face is followed: about three seconds."""

SEARCH_AGAIN = 15
"""Frames between two thorough searches while there is no face: about half a second."""

OUTSIDE = 0.1
"""Share of the landmarks outside the picture from which on a face is guessed for a good part."""

CUT = 20.0
"""Mean difference of two frames, of 255, that only a cut makes."""


Network = TypeVar("Network", bound=nn.Module)

# "_neutral" comes first and is nobody's.
_COLUMNS = [INDEX[name] for name in BLENDSHAPE_NAMES[1:]]


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture.

    landmarks: float32 [478, 3], x to the right and y down in pixels; z in the same unit, smaller is
        nearer to the viewer.
    weights: float32 [52] in 0..1, ARKit's shapes in `ARKIT_NAMES` order, as the network gives them.
    matrix: float32 [4, 4], the canonical face (cm) in front of the camera: x right, y up, z towards
        the viewer.
    score: how sure the network is that this is a face, 0..1.
    """

    landmarks: NDArray[np.float32]
    weights: NDArray[np.float32]
    matrix: NDArray[np.float32]
    score: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the landmarks, in pixels."""
        low, high = self.landmarks[:, :2].min(0), self.landmarks[:, :2].max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def size(self) -> float:
        """The longer side of the box, in pixels."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def head_rotation(self) -> NDArray[np.float32]:
        """Pitch, yaw and roll, float32 [3] in degrees, as `Motion.head_rotation`."""
        return head_angles(self.matrix)


class FaceTracker:
    """Finds faces in pictures and follows one through a video. Make one with `load`."""

    def __init__(self, tensors: dict[str, Tensor], device: torch.device) -> None:
        self._device = device
        self.canonical: NDArray[np.float32] = tensors["canonical.vertices"].numpy()
        """The canonical face [468, 3] in centimetres; irises are not in it."""
        self._fit = tensors["canonical.weights"].numpy()
        self._detector = _network(Detector, "detector.", tensors, device)
        self._mesh = _network(Mesh, "mesh.", tensors, device)
        self._blendshapes = _network(Blendshapes, "blendshapes.", tensors, device)

    @classmethod
    def load(cls, device: str | torch.device = "cpu") -> FaceTracker:
        """The shipped networks on a device: `auto`, or one of torch's."""
        tensors, _ = open_weights(WEIGHTS / "tracker.safetensors")
        return cls(tensors, choose_device(device))

    def find(self, image: Image, progress: Progress | None = None) -> list[Face]:
        """Every face in a picture uint8 [H, W, 3], the largest first; an empty list if none.

        Small faces, and faces that fill the picture, are searched for where the first look at the
        whole finds none. progress is called with the looks that were taken, of those there may be.
        """
        found = self._search(image, views_of(image), progress)
        return sorted(found, key=lambda face: -face.size)

    def follow(
        self, images: Iterable[Image], choice: str | int = "largest"
    ) -> Iterator[Face | None]:
        """One face through a video: for each frame the face, or None where it is not seen.

        choice: "largest", or a number that counts from left to right (0 is the first) in the first
            frame with faces. After a loss it goes on with the face nearest to where the last one
            was, and where none is near, with the choice once more.

        Raises TrackingError if there are fewer faces than the number asks for.
        """
        face: Face | None = None
        last: Face | None = None
        after = None
        for number, image in enumerate(images):
            before, after = after, thumbnail(image)
            if face is not None:
                look = number % LOOK_AROUND == 0 or is_cut(before, after)
                face = self._track(image, face, look)
            if face is None:
                # A thorough search takes time: while nobody is there, once in a while.
                thorough = number % SEARCH_AGAIN == 0
                found = self._search(image, views_of(image) if thorough else [[whole(image)]])
                if found and last:
                    face = go_on(found, choice, last)
                elif found:
                    face = choose_face(found, choice)
                    if len(found) > 1 and choice == "largest":
                        warn(several_faces(found, face))
            last = face or last
            yield face

    def _track(self, image: Image, face: Face, look_around: bool) -> Face | None:
        """The face in the next frame, if it is still where it was."""
        region = region_of_landmarks(face.landmarks)
        if look_around:
            seen = [overlap(region.box, other.box) for other in self._detect(image, whole(image))]
            # The mesh network sees heads that the detector does not, but it also sees faces in
            # what a cut has left in their place.
            if seen and max(seen) < SAME:
                return None
        found = self.read(image, [region])
        return found[0] if found else None

    def _search(
        self, image: Image, groups: Sequence[Sequence[Region]], progress: Progress | None = None
    ) -> list[Face]:
        """All faces in a picture, in no order: those in the first group of views that shows any."""
        done, total = 0, sum(map(len, groups))
        for views in groups:
            regions: list[Region] = []
            for seen in side_by_side(partial(self._detect, image), views, self._device):
                regions += seen
                done += 1
                if progress is not None:
                    progress(done, total)
            faces: list[Face] = []
            for face in self.read(image, regions):
                if all(overlap(face.box, other.box) < SAME for other in faces):
                    faces.append(face)
            if faces:
                return faces
        return []

    @inference()
    def _detect(self, image: Image, view: Region) -> list[Region]:
        """Where the mesh network should look, going by a view of the picture."""
        picture = sample(image, view, DETECTOR_SIDE, self._device, black_border=True)
        scores, points = (out[0].cpu().numpy() for out in self._detector(picture / 127.5 - 1))
        chosen = scores >= DETECTED
        return [
            region_of_detection(face, view)
            for face in merge(scores[chosen], points[chosen].astype(np.float64))
        ]

    @inference()
    def read(self, image: Image, regions: Iterable[Region]) -> list[Face]:
        """The faces that the mesh network sees in regions of a picture: none where it sees none."""
        faces = []
        for region in regions:
            picture = sample(image, region, MESH_SIDE, self._device, black_border=False) / 255
            points, score = self._mesh(picture.contiguous(memory_format=torch.channels_last))
            if score < PRESENT:
                continue
            landmarks = region.place(points[0].double().cpu().numpy() / MESH_SIDE)
            faces.append(self.face_of(image, landmarks.astype(np.float32), float(score)))
        return faces

    @inference()
    def face_of(self, image: Image, landmarks: NDArray[np.float32], score: float = 0.0) -> Face:
        """The face with these landmarks [478, 3], in pixels of a picture."""
        height, width = image.shape[:2]
        # Not those of the turned crop: the network knows heads that lean.
        shapes = self._blendshapes(torch.from_numpy(landmarks)[None].to(self._device))
        weights = np.zeros(len(ARKIT_NAMES), np.float32)
        weights[_COLUMNS] = shapes[0, 1:].cpu().numpy()
        matrix = head_matrix(landmarks, width, height, self.canonical, self._fit)
        return Face(landmarks, weights, matrix, score)


def _network(
    kind: Callable[[], Network], prefix: str, tensors: dict[str, Tensor], device: torch.device
) -> Network:
    state = {
        name.removeprefix(prefix): tensor.to(device, torch.float32)
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    with without_memory():
        network = kind()
    network.load_state_dict(state, assign=True)
    network.eval().requires_grad_(False)
    # All channels of a pixel side by side: a quarter faster on a CPU.
    for tensor in network.parameters():
        if tensor.ndim == 4:
            tensor.data = tensor.contiguous(memory_format=torch.channels_last)
    return network


def choose_face(faces: Sequence[Face], choice: str | int) -> Face:
    """One of at least one face: the "largest", or one by number from the left, from 0 up.

    Raises TrackingError if there are fewer than the number asks for, or for another word.
    """
    if choice == "largest":
        return max(faces, key=lambda face: face.size)
    if isinstance(choice, str):
        raise TrackingError(
            f"There is no face '{shown(choice)}'. Give largest, or a number from the left, from 0 "
            "up."
        )
    if not 0 <= choice < len(faces):
        raise TrackingError(
            f"The picture does not show so many faces, but {len(faces)}. Choose a lower number as "
            "'face', or the largest; 'dreamtalk portrait' shows how they are numbered."
        )
    return from_left(faces)[choice]


def from_left(faces: Sequence[Face]) -> list[Face]:
    """Faces in the order of their numbers."""
    return sorted(faces, key=lambda face: face.box[0])


def several_faces(faces: Sequence[Face], chosen: Face) -> str:
    """What to tell of a choice between faces."""
    number = from_left(faces).index(chosen)
    return (
        f"There are {len(faces)} faces; number {number} from the left, counted from 0, was taken. "
        "If that is the wrong one, give the number of another."
    )


def outside(face: Face, size: tuple[int, ...]) -> float:
    """Share of the landmarks of a face that are outside a picture of size (height, width)."""
    inside = (face.landmarks[:, :2] >= 0) & (face.landmarks[:, :2] < np.array(size)[::-1])
    return float(1 - inside.all(1).mean())


def go_on(faces: list[Face], choice: str | int, last: Face) -> Face:
    """The face that is most likely the one which was last seen."""
    nearest = min(faces, key=lambda face: _distance(face, last))
    if _distance(nearest, last) < 1:
        return nearest
    return choose_face(faces, choice if isinstance(choice, str) else min(choice, len(faces) - 1))


def _distance(one: Face, other: Face) -> float:
    """Between the middles of two faces, in sizes of the larger one."""
    middles = [(np.array(face.box[:2]) + face.box[2:]) / 2 for face in (one, other)]
    return float(np.linalg.norm(middles[0] - middles[1])) / max(one.size, other.size)


def thumbnail(image: Image) -> NDArray[np.int16]:
    """A few thousand pixels of a picture, to compare it with the next."""
    step = max(1, min(image.shape[:2]) // 48)
    return image[::step, ::step].astype(np.int16)


def is_cut(before: NDArray[np.int16] | None, after: NDArray[np.int16]) -> bool:
    """Whether thumbnails of one picture and the next show different shots; the first is new."""
    if before is None or before.shape != after.shape:
        return True
    return float(np.abs(after - before).mean()) > CUT
