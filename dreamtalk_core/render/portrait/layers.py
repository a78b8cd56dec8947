"""A portrait in two layers: the person, and the background, also where the person hides it.

The share of the person in each pixel is told by a network (`models.selfie`), which sees a picture
of 256 pixels, and follows the edges in the picture itself from there (K. He et al., "Guided image
filtering", 2010). Behind the person the background is made of what is around: its colours go on
smoothly, and what is fine in it is mirrored at the outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dreamtalk_core.models.checkpoint import fill, open_weights
from dreamtalk_core.models.devices import inference
from dreamtalk_core.models.selfie import SIDE, SelfieSegmentation
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.portrait.rig import FaceRig, window
from dreamtalk_core.render.raster import Float
from dreamtalk_core.weights import WEIGHTS

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_AROUND = 1.6
"""How far around the middle of the face the network looks, in sizes of the face."""

_DOUBT = (0.1, 0.4)
"""What the network takes for a person for less is background; for more, all of it is one."""

_BEYOND = 0.3
"""How far a picture is thought to go on, in sizes of the face."""

_RADIUS = 0.5
"""Of the top of a head, in sizes of the face."""

_SURE = 0.9
"""Mean share of the person in the face itself below which the network does not see one."""

_WORKING = 512
"""Pixels of the longer side at which the matte is fitted to the picture."""

_FOLLOWED = 0.03
"""How far from the network's outline the picture's own edges count, in sizes of the face."""

_MARGIN = (0.02, 0.06)
"""From how far on, in sizes of the face, a picture is more and more, and then all, background."""

_BROAD = 0.012
"""What is larger than this is broad in the background, in sizes of the face."""


@dataclass(frozen=True, eq=False)
class Layers:
    """Pictures that go on beyond the edges by a margin in pixels, mirrored there.

    image: uint8 [H, W, 3]. person: uint8 [H, W], 0 where nothing of the person is, else 1 + 254 x
    the share of the person. background: uint8 [H, W, 3], the picture where person is 0.
    """

    image: Bytes
    person: Bytes
    background: Bytes
    margin: int

    @property
    def share(self) -> Float:
        """The share of the person in each pixel of the picture itself, float32 [H, W], 0..1."""
        m = self.margin
        within = self.person[m : self.person.shape[0] - m, m : self.person.shape[1] - m]
        share: Float = np.maximum(within, 1).astype(np.float32)
        return (share - np.float32(1)) / np.float32(254)


def split(image: Bytes, rig: FaceRig) -> Layers | None:
    """The layers of a picture uint8 [H, W, 3] with a face; None where no person is made out."""
    points = rig.place(rig.rest, rig.turn)[:, :2]
    matte = _matte(image, points, rig.size)
    face = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    if not face.any() or matte[face > 0].mean() < _SURE:
        return None
    matte = np.maximum(matte, cv2.erode(face, _disc(0.04 * rig.size)))
    background, near = _behind(image, matte > 0, rig.size)
    margin = round(_BEYOND * rig.size)
    around = (margin, margin, margin, margin)
    beyond = _beyond(matte, margin, rig.size)
    near = cv2.copyMakeBorder(near, *around, cv2.BORDER_CONSTANT) | (beyond > 0)
    return Layers(
        cv2.copyMakeBorder(image, *around, cv2.BORDER_REFLECT_101),
        near * (1 + np.rint(254 * beyond)).astype(np.uint8),
        cv2.copyMakeBorder(background, *around, cv2.BORDER_REFLECT_101),
        margin,
    )


def _beyond(matte: Float, margin: int, size: float) -> Float:
    """A matte [H, W] that goes on beyond the edges of the picture by a margin: where they cut a
    head off, it is round."""
    height, width = matte.shape
    result = np.zeros((height + 2 * margin, width + 2 * margin), np.float32)
    result[margin : margin + height, margin : margin + width] = matte
    out = np.arange(margin, 0, -1)[:, None]
    for turn in range(4):
        turned = np.rot90(result, turn)
        edge = turned[margin, margin:-margin].copy()
        at = np.arange(len(edge))
        gaps = np.concatenate([[-1], np.flatnonzero(edge < 0.5), [len(edge)]])
        after = np.searchsorted(gaps, at)
        chord = (at - gaps[np.maximum(after - 1, 0)]) * (gaps[after] - at)
        # How far a circle goes on beyond a chord.
        rise = np.maximum(chord, 0) / (2 * _RADIUS * size)
        turned[:margin, margin:-margin] = edge * np.clip(rise - out + 0.5, 0, 1)
    return result


def _disc(radius: float) -> Bytes:
    side = 2 * max(1, round(radius)) + 1
    disc: Bytes = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)
    return disc


@cache
def _network() -> SelfieSegmentation:
    tensors, _ = open_weights(WEIGHTS / "matte.safetensors")
    return fill(SelfieSegmentation, tensors).eval()


@inference()
def _seen(picture: Bytes, margin: int) -> Float:
    """The share of the person in each pixel [h, w] of a picture [h, w, 3], as the network sees it.

    It looks four times, at the picture and its mirror image, and at both as if they went on
    beyond their edges by a margin in pixels: it often does not know a hat that is cut off.
    """
    views = [picture, np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), "edge")]
    small = [cv2.resize(view, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for view in views]
    batch = torch.from_numpy(np.stack([*small, *(view[:, ::-1] for view in small)]))
    one, wide, *mirrored = _network()(batch.permute(0, 3, 1, 2).float() / 255).numpy()
    one, wide = ((a + b[:, ::-1]) / 2 for a, b in zip((one, wide), mirrored, strict=True))
    height, width = picture.shape[:2]
    wide = cv2.resize(wide, views[1].shape[1::-1])[margin:, margin:][:height, :width]
    seen: Float = np.maximum(cv2.resize(one, (width, height)), wide)
    return seen


def _with_the_face(seen: Float, x: float, y: float, reach: int) -> Float:
    """Of what is seen of persons [h, w] what hangs together with a place in the face, and what is
    faint up to `reach` pixels from there."""
    _, parts = cv2.connectedComponents((seen > 0.5).astype(np.uint8), connectivity=4)
    own = parts == parts[round(y), round(x)]
    near = cv2.dilate((own & (seen > 0.5)).astype(np.uint8), _disc(reach))
    return seen * near


def _matte(image: Bytes, points: Array, size: float) -> Float:
    """The share of the person in each pixel [H, W], of the face with these points [N, 2]."""
    middle = (points.min(0) + points.max(0)) / 2
    low, high = window(middle[None], _AROUND * size, image)
    part = image[low[1] : high[1], low[0] : high[0]]
    whole = part.shape[1::-1]
    scale = min(1.0, _WORKING / max(whole))
    small = (max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale)))
    guide = cv2.resize(part, small, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    reach = max(2, round(_FOLLOWED * size * scale))
    share = cv2.resize(_seen(part, round(_BEYOND * size)), small, interpolation=cv2.INTER_AREA)
    seen = np.clip((share - _DOUBT[0]) / (_DOUBT[1] - _DOUBT[0]), 0, 1)
    x, y = np.clip((middle - low) * scale, 0, np.array(small) - 1)
    seen = _with_the_face(seen, x, y, reach)
    slope, offset = (cv2.resize(one, whole) for one in _guided(guide, seen, reach))
    fitted = (slope * (part.astype(np.float32) / 255)).sum(-1) + offset
    # Within the person and far from it the network is sure.
    inside, outside = cv2.erode(seen, _disc(reach)), cv2.dilate(seen, _disc(reach))
    fitted = np.clip(fitted, cv2.resize(inside, whole), cv2.resize(outside, whole))
    # What is nearly all or nothing is all or nothing.
    matte = np.zeros(image.shape[:2], np.float32)
    matte[low[1] : high[1], low[0] : high[0]] = np.clip((fitted - 0.06) / 0.88, 0, 1)
    return matte


def _guided(
    guide: Float, values: Float, radius: int, smoothness: float = 1e-3
) -> tuple[Float, Float]:
    """The line through the colours of a guide [h, w, 3] that fits values [h, w] best around each
    pixel: slopes [h, w, 3] and offsets [h, w]."""
    side = (2 * radius + 1, 2 * radius + 1)
    mean, mean_value = cv2.blur(guide, side), cv2.blur(values, side)
    pairs = cv2.blur((guide[..., :, None] * guide[..., None, :]).reshape(*values.shape, 9), side)
    spread = pairs.reshape(*values.shape, 3, 3) - mean[..., :, None] * mean[..., None, :]
    with_values = cv2.blur(guide * values[..., None], side) - mean * mean_value[..., None]
    spread += smoothness * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(spread, with_values[..., None])[..., 0].astype(np.float32)
    offset = mean_value - (slope * mean).sum(-1)
    return cv2.blur(slope, side), cv2.blur(offset, side)


def _behind(image: Bytes, hidden: NDArray[np.bool_], size: float) -> tuple[Bytes, Bytes]:
    """A picture whose hidden pixels [H, W] are made of those around them, and where it differs from
    the picture, uint8 [H, W] of 0 and 1: hidden pixels, and, less and less, those near them, since
    single hairs are there."""
    away = cv2.distanceTransform((~hidden).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    low, high = _MARGIN
    made = 1 - smoothstep((away / size - low) / (high - low))
    near = made > 0
    known = (~near).astype(np.float32)
    if not known.any():
        return image, near.astype(np.uint8)
    picture = image.astype(np.float32)
    soft, share = picture * known[..., None], known
    side = 2 * max(1, round(_BROAD * size)) + 1
    for _ in range(2):
        soft, share = cv2.blur(soft, (side, side)), cv2.blur(share, (side, side))
    soft /= np.maximum(share, 1e-6)[..., None]
    # The pixel beyond the outline that mirrors each one that is made.
    _, labels = cv2.distanceTransformWithLabels(
        near.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(labels.max() + 1, np.int64)
    nearest[labels[~near]] = np.flatnonzero(~near)
    y, x = np.nonzero(near)
    edge = np.unravel_index(nearest[labels[y, x]], near.shape)
    there = tuple(
        np.clip(2 * at - own, 0, length - 1)
        for at, own, length in zip(edge, (y, x), near.shape, strict=True)
    )
    # Its grain, not its edges, which are few and strong.
    fine = known[there][:, None] * (picture[there] - soft[there])
    limit = 2.5 * float(np.median(np.abs(picture - soft)[~near]))
    fine = np.clip(fine, -limit, limit)
    filled = _spread_in(soft, known)[y, x] + fine
    result = image.copy()
    mixed = picture[y, x] + made[y, x, None] * (filled - picture[y, x])
    result[y, x] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result, near.astype(np.uint8)


def _spread_in(picture: Float, known: Float) -> Float:
    """Broad colours [H, W, 3] everywhere, from those of the pixels that are known [H, W]: each
    unknown one has those of the finest octave in which something is known around it."""
    levels = [(picture * known[..., None], known)]
    while min(levels[-1][1].shape) > 2:
        colours, share = levels[-1]
        levels.append((cv2.pyrDown(colours), cv2.pyrDown(share)))
    filled = np.zeros((1, 1, 3), np.float32)
    for colours, share in reversed(levels):
        own = colours / np.maximum(share, 1e-6)[..., None]
        coarse = cv2.resize(filled, share.shape[::-1])
        filled = coarse + np.clip(12 * share, 0, 1)[..., None] * (own - coarse)
    return filled
