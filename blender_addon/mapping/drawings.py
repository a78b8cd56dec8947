# SPDX-License-Identifier: GPL-3.0-or-later
"""Mouths that are drawn: the drawings of a Grease Pencil, or the pictures of an image sequence.

Which drawing is shown is a whole number: the offset of a Time Offset modifier, or of the image user
in a plane's material. Rows with such a target say which drawing belongs to what.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.retarget import Mapping, Row
from dreamtalk_core.retarget.visemes import VISEMES

from ..properties import properties
from ..rigs import targets
from ..rigs.characters import node_trees
from .data import store
from .operators import CharacterTool

_MOUTH = "DreamTalk Mouth"
"""What the modifier, or the node, is called that shows the drawings."""
_NINE = "PP/kk DD SS CH I/E/aa/O RR/U/FF/TH nn/sil"
"""A to H and X, as animators call them: shut, teeth, open, wide, round, puckered, F, L, rest."""
_CHARTS = {
    "FIFTEEN": {name: i + 1 for i, name in enumerate(VISEMES)},
    "NINE": {
        f"viseme_{sound}": 1 + i
        for i, sounds in enumerate(_NINE.split("/"))
        for sound in sounds.split()
    },
}
"""The number of each viseme's drawing."""


def ensure_target(objects: Sequence[bpy.types.Object]) -> tuple[str, int]:
    """The property that says which drawing of a character is shown, and what it is for the first.

    It is of the first object that has one. A Grease Pencil is given a modifier for it, the image
    node of a plane a name. Raises DreamTalkError where nothing is drawn.
    """
    for thing in (own for own in objects if own.type == "GREASEPENCIL"):
        modifier = thing.modifiers.get(_MOUTH)
        if modifier is None:
            modifier = thing.modifiers.new(_MOUTH, "GREASE_PENCIL_TIME")
            modifier.mode, modifier.offset = "FIX", 1
        return f'modifiers["{_MOUTH}"].offset', 1
    for tree in (own for thing in objects for own in node_trees(thing)):
        for node in tree.nodes:
            image = getattr(node, "image", None)
            if node.type == "TEX_IMAGE" and image is not None and image.source == "SEQUENCE":
                # Of one frame, so that the offset alone tells which picture it is.
                node.image_user.frame_duration = node.image_user.frame_start = 1
                node.image_user.use_auto_refresh = True
                # By default all image nodes are called alike, those of the eyes as well.
                node.name = _MOUTH
                return f'nodes["{_MOUTH}"].image_user.frame_offset', 0
    raise DreamTalkError(
        "Nothing is drawn here. Click a Grease Pencil with a drawing on each of its first frames, "
        "or a plane with an image sequence."
    )


@properties()
class DREAMTALK_OT_draw_mouth(CharacterTool):
    bl_idname = "dreamtalk.draw_mouth"
    bl_label = "Mouth Drawings"
    bl_description = (
        "Show a drawing for each sound: of a Grease Pencil the drawings on its first frames, of a "
        "plane the pictures of its image sequence"
    )

    chart: str = bpy.props.EnumProperty(
        name="Drawings",
        description="Which drawings there are, in order",
        items=[
            ("NINE", "Nine", "A to H and X: shut, teeth, open, wide, round, puckered, F, L, rest"),
            ("FIFTEEN", "Fifteen", "Those of Oculus: rest, PP, FF, TH, DD, kk, CH, SS, nn, RR"),
        ],
    )

    def run(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> str:
        target, first = ensure_target(sorted(objects, key=lambda own: own != context.active_object))
        numbers = _CHARTS[self.chart]
        rows = [Row(name, target, float(number - 1 + first)) for name, number in numbers.items()]
        others = [row for row in targets.table_of(objects).rows if row.target != target]
        store(objects, Mapping((*others, *rows)))
        return f"{len(set(numbers.values()))} drawings are expected."


CLASSES = (DREAMTALK_OT_draw_mouth,)
