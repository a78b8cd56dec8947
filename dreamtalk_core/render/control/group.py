"""`GroupControls`: the control pictures of several faces in one picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.render.control.drawing import SURFACE
from dreamtalk_core.render.control.pictures import AnyControls, ControlPictures, Masked
from dreamtalk_core.render.portrait.group import GroupPictures
from dreamtalk_core.warned import collect_warnings

Float = NDArray[np.float32]
Picture = NDArray[np.uint8]


class GroupControls(AnyControls):
    """Control pictures of a kind out of `KINDS` but `face`, of everybody who moves in a picture.

    Where two people are at one place, the one is seen whose face is nearer by. Everybody has the
    colour of their number in the picture. only: that number, from 0 up, of the one whose mask it
    is; None: the mask covers all of them.
    Raises `RenderError` for an unknown kind, `face`, and somebody who does not move.
    """

    def __init__(
        self,
        kind: str,
        group: GroupPictures,
        masked: Masked | None = None,
        only: int | None = None,
    ) -> None:
        super().__init__(kind, masked)
        if kind == "face":
            raise RenderError(
                "The kind 'face' is a crop of one face. Draw each face by itself: one motion, and "
                "the number of its face."
            )
        if only is not None and only not in group.numbers:
            raise RenderError(
                f"The mask of face {only + 1} is asked for, and no motion is that face's. Choose "
                "another one, or 0 for all."
            )
        self._group, self.fps = group, group.fps
        people = zip(group.motions, group.portraits, group.numbers, strict=True)
        with collect_warnings(lambda text: None):  # the group has warned
            self.people = [
                ControlPictures(
                    motion, kind, portrait=portrait, masked=replace(self._masked, person=number)
                )
                for motion, portrait, number in people
            ]
        self._only = None if only is None else group.numbers.index(only)
        self.canvas = self.size = self.people[0].canvas
        self._nearest = group.nearest()

    def __len__(self) -> int:
        return len(self._group)

    def measure(self, kind: str, frame: int) -> Float:
        drawn = [one.measure(kind, one.held(frame)) for one in self.people]
        if kind in (*SURFACE, "edges"):
            drawn = self._in_front(drawn, self._covers("person", frame))
        if kind == "normals":
            return _joined(drawn)
        seen: Float = np.maximum.reduce(drawn)
        return seen

    def who(self, frame: int) -> Picture:
        covers = self._covers("person", frame)
        drawn = [one.coloured(cover) for one, cover in zip(self.people, covers, strict=True)]
        return _joined(self._in_front(drawn, covers))

    def cover(self, part: str, frame: int) -> Float:
        covers = self._covers(part, frame)
        drawn = [cover[..., None] for cover in covers]
        if part == "person":
            drawn = self._in_front(drawn, covers)
        chosen = drawn if self._only is None else [drawn[self._only]]
        whole: Float = np.maximum.reduce(chosen)[..., 0]
        return whole

    def _rendered(self, frame: int) -> Picture:
        return self._group.draw(frame)

    def _covers(self, part: str, frame: int) -> list[Float]:
        return [one.cover(part, one.held(frame)) for one in self.people]

    def _in_front(self, drawn: list[NDArray[Any]], covers: list[Float]) -> list[NDArray[Any]]:
        """Pictures [H, W, C] of everybody, 0 where somebody else is whose face is nearer; covers:
        of the persons."""
        taken = np.take_along_axis(np.stack(covers) > 0.5, self._nearest[None], 0)[0]
        return [
            one * (~taken | (self._nearest == number))[..., None]
            for number, one in enumerate(drawn)
        ]


def _joined(drawn: list[NDArray[Any]]) -> NDArray[Any]:
    """What is seen of pictures [H, W, 3] that are 0 where there is nothing."""
    out = drawn[0].copy()
    for one in drawn[1:]:
        empty = ~out.any(-1)
        out[empty] = one[empty]
    return out
