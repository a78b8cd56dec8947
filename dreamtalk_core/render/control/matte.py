"""Who is in a portrait and what is behind: head, hair, neck and shoulders as a soft mask.

The built-in head, put over the face, says where a person is for certain and where nobody is;
colours decide about the rest (GrabCut; C. Rother et al., "Interactive foreground extraction using
iterated graph cuts", 2004). That finds hats and hair, which no head has, where they differ from
what is behind them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_ROUNDS = 5
# All in sizes of the face, from forehead to chin.
_SURE = 0.06
"""How far within the head's outline there is nobody else for certain."""
_LIKELY, _BESIDE, _ABOVE = 0.25, 0.5, 0.75
"""How far outside it a person is likely, and how far at most beside it and above it."""
_NECK, _SLOPE, _HALF, _WIDEST = 0.25, 1.1, 0.35, 0.7
"""How far below the chin shoulders begin, how they widen, and half their width there; and half of
what may be somebody's at the height of the chin."""
_SOFT = 0.015


def person_matte(picture: Bytes, head: Bytes, chin: tuple[float, float], size: float) -> Float:
    """How much of each pixel is the person: float32 [H, W], 0..1.

    picture: uint8 [H, W, 3], best small. head: uint8 [H, W], 1 where the head that was put over it
    is. chin: x and y of the chin; size: of the face, in pixels.
    """
    height, width = head.shape
    rows, columns = np.mgrid[:height, :width]
    below, aside = (rows - chin[1]) / size, np.abs(columns - chin[0]) / size
    away = cv2.distanceTransform(1 - head, cv2.DIST_L2, 5) / size
    likely = away < _LIKELY
    likely |= (below > _NECK) & (aside < _HALF + _SLOPE * (below - _NECK).clip(0, 1))
    marks = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    far = np.where(below < -1, _ABOVE, _BESIDE)
    marks[(away > far) & (below < 0)] = cv2.GC_BGD
    marks[(below >= 0) & (aside > _WIDEST + 2 * below)] = cv2.GC_BGD
    # At the upper edge there is more often a wall than a hat.
    marks[:2][away[:2] > _LIKELY / 2] = cv2.GC_BGD
    inner = np.ones((3, 3), np.uint8)
    sure = cv2.erode(head, inner, iterations=max(1, round(_SURE * size))) > 0
    sure |= (below > 3 * _NECK) & (aside < _HALF)
    marks[sure] = cv2.GC_FGD
    if sure.all() or not sure.any():
        return np.ones(head.shape, np.float32)
    state = np.zeros((2, 1, 65))
    # Its clusters are drawn from OpenCV's own generator.
    cv2.setRNGSeed(0)
    if np.isin(marks, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():
        cv2.grabCut(picture, marks, None, state[0], state[1], _ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, parts = cv2.connectedComponents(found)
    whole = np.isin(parts, np.unique(parts[sure])).astype(np.float32)
    soft: Float = cv2.GaussianBlur(whole, (0, 0), max(_SOFT * size, 0.5))
    return soft
