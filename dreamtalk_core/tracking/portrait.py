"""Reading a portrait: the face in a photo, a painting or a drawing, and whether it will serve."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import NoFaceError, TrackingError, shown
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, mouth_opening
from dreamtalk_core.progress import Progress
from dreamtalk_core.tracking.crop import Image, Region, crop
from dreamtalk_core.tracking.regions import region_of_landmarks
from dreamtalk_core.tracking.tracker import (
    OUTSIDE,
    Face,
    FaceTracker,
    choose_face,
    from_left,
    outside,
    several_faces,
)
from dreamtalk_core.tracking.video import LONGEST_PHOTO, read_image
from dreamtalk_core.warned import warn

Array = NDArray[np.float64]

EYES = ((33, 133), (362, 263))
"""The corners of the eye on the left of the picture, and of the other."""
MOUTH = (13, 14)
"""The middles of the inner lips."""
_AROUND_EYES = [33, 133, 145, 159, 263, 362, 374, 386]
_AROUND_MOUTH = [0, 13, 14, 17, 37, 61, 78, 84, 267, 291, 308, 314]

LOOKS = 6
"""How often a face is looked at, each time a little moved, turned and scaled, to see what is sure.
"""
UNSURE = {"mouth": 0.0036, "eyes": 0.0036, "face": 0.015}
"""Spread of the landmarks between looks, in sizes of the face, above which they are guessed. On
portraits in clear view it is up to .0028; with the mouth or the eyes covered, .0044 and more there;
on a cat's face, .025."""
SMALL = 96
"""Pixels below which a face is too small to be drawn well."""
TURNED = 25.0
"""Degrees of yaw or pitch above which one side of the face is hidden."""
OPEN, SHUT = 0.2, 0.6
"""jawOpen and eyeBlink from which on a face is not at rest."""
APART = 0.05
"""How far the lips are apart in an open mouth or a smile with teeth, in heights of the face: .1 and
more in clips of two actors, up to .006 in portraits with closed lips."""

BRUSHWORK = 1 / 400
"""Of a picture's longer side, how far it is blurred where no face is found in it as it is: strong
strokes, hatching and grain hide a face from networks that look at one pixel of several.
"""

CROP_SIDE = 1.9
"""Side of the crop, in sizes of the face: hair and shoulders are in it."""


@dataclass(frozen=True)
class Points:
    """Where a face is, given by hand, in pixels: the middles of both eyes and of the mouth."""

    eye: tuple[float, float]
    other_eye: tuple[float, float]
    mouth: tuple[float, float]

    @staticmethod
    def parse(text: str) -> Points:
        """From "x,y x,y x,y": both eyes, then the mouth. Raises TrackingError."""
        try:
            eye, other, mouth = (
                (float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())
            )
            if not np.isfinite([eye, other, mouth]).all():
                raise ValueError("not finite")
        except ValueError as error:
            raise TrackingError(
                f"Cannot read the points '{shown(text)}'. Give both eyes and the mouth, in pixels "
                'from the top left corner, as "210,180 290,182 250,270".'
            ) from error
        return Points(eye, other, mouth)


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture with a face.

    image: uint8 [H, W, 3]. face: the chosen one. warnings: what may look bad, in whole sentences;
        `read_portrait` has warned of them.
    """

    image: Image
    face: Face
    warnings: tuple[str, ...]

    @property
    def rest(self) -> Motion:
        """The expression of the portrait, as a motion of one frame at 25 fps."""
        face = self.face
        return Motion(ARKIT_NAMES, face.weights[None], Fraction(25), face.head_rotation[None])

    @property
    def identity(self) -> NDArray[np.float32]:
        """The shape of the face [478, 3], whatever its size, place and turn.

        x to the face's left, y up, z out of it, around its middle, in distances between the outer
        corners of the eyes. The expression is in it: compare faces at rest.
        """
        points = self.face.landmarks.astype(np.float64) * [1, -1, -1]
        axes = self.face.matrix[:3, :3].astype(np.float64)
        points = (points - points.mean(0)) @ (axes / np.linalg.norm(axes[:, 0]))
        apart = np.linalg.norm(points[EYES[0][0]] - points[EYES[1][1]])
        return (points / apart).astype(np.float32)

    @property
    def square(self) -> Region:
        """The square to crop: upright, around the face with hair and shoulders, inside the picture
        as far as it reaches."""
        height, width = self.image.shape[:2]
        side = min(CROP_SIDE * self.face.size, height, width)
        left, top, right, bottom = self.face.box
        x = min(max((left + right) / 2, side / 2), width - side / 2)
        y = min(max((top + bottom) / 2, side / 2), height - side / 2)
        return Region(x, y, side, side)

    def crop(self, size: int) -> Image:
        """`square` as a picture [size, size, 3]. Raises TrackingError for an impossible size."""
        if not 16 <= size <= LONGEST_PHOTO:
            raise TrackingError(f"A crop has 16 to {LONGEST_PHOTO} pixels a side, not {size}.")
        # Reduced by whole pixels: one look at every so many pixels would alias.
        fine = max(1, int(self.square.width // size))
        picture = crop(self.image, self.square, size * fine, black_border=False)
        small: Image = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        return small


def read_portrait(
    source: str | os.PathLike[str] | Image,
    *,
    choice: str | int = "largest",
    points: Points | None = None,
    crop: int | None = None,
    tracker: FaceTracker | None = None,
    progress: Progress | None = None,
) -> Portrait:
    """The face in a picture, given as a file or as pixels [H, W, 3] uint8.

    choice: of several faces the largest, or a number from the left, from 0 up. points: where the
    face is, for a drawing in which none is found; where the network sees no face even there, a
    typical face is laid over them. crop: cut the picture down to the face, this many pixels square.
    progress: of the search, see `FaceTracker.find`.

    Raises TrackingError for a picture that cannot be read, in which no face is found, or whose face
    cannot be read, such as an animal's, and for an impossible crop.
    """
    image = source if isinstance(source, np.ndarray) else read_image(source)
    name = "the picture" if isinstance(source, np.ndarray) else shown(source)
    tracker = tracker or FaceTracker.load()
    if points is not None:
        portrait = _placed(image, points, tracker)
    else:
        portrait = _found(image, name, choice, tracker, progress)
    for text in portrait.warnings:
        warn(text)
    if crop is None:
        return portrait
    square = portrait.square
    corner = [square.x - square.width / 2, square.y - square.height / 2, 0]
    landmarks = (portrait.face.landmarks - np.array(corner)) * (crop / square.width)
    picture = portrait.crop(crop)
    face = tracker.face_of(picture, landmarks.astype(np.float32), portrait.face.score)
    return Portrait(picture, face, portrait.warnings)


def read_portraits(
    source: str | os.PathLike[str] | Image,
    choices: Sequence[str | int] | None = None,
    tracker: FaceTracker | None = None,
    progress: Progress | None = None,
) -> tuple[list[Portrait], list[Face]]:
    """Several faces in one picture, as they are chosen, and all that are in it, from the left.

    choices: see `read_portrait`; None: all of them that can be read, with a warning of others.
    Warns and raises as `read_portrait` does, and TrackingError for a face that is chosen twice.
    """
    image = source if isinstance(source, np.ndarray) else read_image(source)
    name = "the picture" if isinstance(source, np.ndarray) else shown(source)
    tracker = tracker or FaceTracker.load()
    seen, faces = _faces(image, name, tracker, progress)
    numbered = from_left(faces)
    chosen = numbered if choices is None else [choose_face(faces, choice) for choice in choices]
    for number, face in enumerate(numbered):
        if chosen.count(face) > 1:
            raise TrackingError(f"Face {number} of {name} is chosen twice. Choose each once.")
    alone = len(chosen) == 1
    portraits = []
    for face in chosen:
        try:
            portrait = _judged(seen, name, face, faces if alone else [face], tracker)
            portraits.append(replace(portrait, image=image))
        except NoFaceError:
            if choices is not None or alone:
                raise
            warn(f"Face {numbered.index(face)} of {name} cannot be read, and keeps still.")
    if not portraits:
        raise NoFaceError(f"None of the faces in {name} can be read. {BY_HAND}")
    for portrait in portraits:
        for text in portrait.warnings:
            warn(text if alone else f"Face {numbered.index(portrait.face)}: {text}")
    return portraits, numbered


def _found(
    image: Image,
    name: str,
    choice: str | int,
    tracker: FaceTracker,
    progress: Progress | None,
) -> Portrait:
    """A portrait whose face the networks find."""
    seen, faces = _faces(image, name, tracker, progress)
    portrait = _judged(seen, name, choose_face(faces, choice), faces, tracker)
    return replace(portrait, image=image)


def _faces(
    image: Image, name: str, tracker: FaceTracker, progress: Progress | None
) -> tuple[Image, list[Face]]:
    """The faces of a picture, and the picture that they are to be read in: this one or, where none
    is found in it, a softer one. Raises NoFaceError."""
    faces = tracker.find(image, progress)
    if not faces:
        image = cv2.GaussianBlur(image, (0, 0), BRUSHWORK * max(image.shape[:2]))
        # The bar stays at its end; whoever wants to stop can.
        again = None if progress is None else lambda _, total: progress(total, total)
        faces = tracker.find(image, again)
    if not faces:
        raise NoFaceError(f"There is no face in {name}. {BY_HAND}")
    return image, faces


def _judged(
    image: Image, name: str, face: Face, faces: Sequence[Face], tracker: FaceTracker
) -> Portrait:
    """The portrait of one of the faces in a picture."""
    spread = _spread(image, face, tracker)
    if spread["face"] > UNSURE["face"]:
        raise NoFaceError(f"What looks like a face in {name} cannot be read. {BY_HAND}")
    return Portrait(image, face, _warnings(image, face, faces, spread))


BY_HAND = (
    "Give a picture of a face in clear view; or, for a drawing, say where the eyes and the mouth "
    "are."
)


def _placed(image: Image, points: Points, tracker: FaceTracker) -> Portrait:
    """A portrait whose face was placed by hand."""
    landmarks = _typical(points, tracker.canonical.astype(np.float64))
    found = tracker.read(image, [region_of_landmarks(landmarks)])
    if found and _spread(image, found[0], tracker)["face"] <= UNSURE["face"]:
        return Portrait(image, found[0], _warnings(image, found[0], found, {}))
    face = tracker.face_of(image, landmarks.astype(np.float32))
    return Portrait(
        image, face, ("No face was seen there: a typical one was laid over the points.",)
    )


def _typical(points: Points, vertices: Array) -> Array:
    """Landmarks [478, 3] in pixels of the canonical face [468, 3], laid over three points."""
    eyes = sorted([points.eye, points.other_eye])
    goal = np.array([*eyes, points.mouth], np.float64)
    model = np.array([vertices[list(pair)].mean(0) for pair in (*EYES, MOUTH)])
    # Three points are an affine map: a drawing has proportions of its own.
    along = np.linalg.solve(model[1:, :2] - model[0, :2], goal[1:] - goal[0])
    if abs(np.linalg.det(along)) < 1e-3:
        raise TrackingError(
            "The eyes and the mouth lie on one line. Give the middles of the eyes and the mouth."
        )
    flat = (vertices[:, :2] - model[0, :2]) @ along + goal[0]
    scale = np.sqrt(abs(np.linalg.det(along)))
    mesh = np.column_stack([flat, -scale * (vertices[:, 2] - vertices[:, 2].mean())])
    irises = [_iris(mesh[list(pair)]) for pair in EYES]
    return np.concatenate([mesh, *irises])


def _iris(corners: Array) -> Array:
    """The five landmarks of an iris between the corners of its eye: middle, then its four ends."""
    middle, radius = corners.mean(0), np.linalg.norm(corners[1] - corners[0]) * 0.2
    ends = np.array([[0, 0, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]])
    iris: Array = middle + radius * ends
    return iris


def _spread(image: Image, face: Face, tracker: FaceTracker) -> dict[str, float]:
    """How far landmarks differ between looks at a face, in sizes of the face, by region."""
    region = region_of_landmarks(face.landmarks)
    draw = np.random.default_rng(0).uniform(-1, 1, (LOOKS, 4))
    looks = [
        Region(
            region.x + 0.04 * x * region.width,
            region.y + 0.04 * y * region.height,
            region.width * (1 + 0.08 * scale),
            region.height * (1 + 0.08 * scale),
            region.angle + 0.1 * turn,
        )
        for x, y, scale, turn in draw
    ]
    found = tracker.read(image, looks)
    if len(found) < LOOKS:
        return {"mouth": 1.0, "eyes": 1.0, "face": 1.0}
    points = np.stack([other.landmarks[:, :2] for other in found])
    away = np.linalg.norm(points - points.mean(0), axis=-1).mean(0) / face.size
    return {
        "mouth": float(away[_AROUND_MOUTH].mean()),
        "eyes": float(away[_AROUND_EYES].mean()),
        "face": float(away.mean()),
    }


def _warnings(
    image: Image, face: Face, faces: Sequence[Face], spread: dict[str, float]
) -> tuple[str, ...]:
    pitch, yaw, _ = face.head_rotation
    weight = {name: float(face.weights[INDEX[name]]) for name in ARKIT_NAMES}
    notes = []
    if len(faces) > 1:
        notes.append(several_faces(faces, face))
    if face.size < SMALL:
        notes.append(
            f"The face is only {face.size:.0f} pixels large; {2 * SMALL} and more look better."
        )
    if outside(face, image.shape[:2]) > OUTSIDE:
        notes.append(
            "Part of the face is outside the picture, and a guess; give a picture with all of it."
        )
    if abs(yaw) > TURNED or abs(pitch) > TURNED:
        notes.append(
            f"The face is turned away ({yaw:.0f} degrees aside, {pitch:.0f} down): part of it is "
            "not seen."
        )
    notes += [
        f"The {part} may be covered: {what} cannot be seen for sure."
        for part, what in (("mouth", "the lips"), ("eyes", "the lids"))
        if spread.get(part, 0) > UNSURE[part]
    ]
    upper, lower, forehead, chin = face.landmarks[[*MOUTH, 10, 152]]
    apart = np.linalg.norm(lower - upper) / np.linalg.norm(chin - forehead)
    if mouth_opening(face.weights) > OPEN or apart > APART:
        notes.append(
            "The mouth is open: to speak it is closed first, and what the lips covered of the skin "
            "is a guess, as are the teeth but for their colour. A photo with closed lips looks "
            "better."
        )
    if min(weight["eyeBlinkLeft"], weight["eyeBlinkRight"]) > SHUT:
        notes.append("The eyes are shut; a portrait with open eyes moves better.")
    return tuple(notes)
