"""The sixteen shapes of the tongue that ARKit lacks: channels that a motion may have beside its 52.

Names and order are Audio2Face-3D's (v3), written as ARKit's are. `tongueOut` is ARKit's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.motion.arkit import ARKIT_NAMES

if TYPE_CHECKING:
    from dreamtalk_core.motion.motion import Motion

TONGUE_NAMES: tuple[str, ...] = (
    "tongueTipUp",
    "tongueTipDown",
    "tongueTipLeft",
    "tongueTipRight",
    "tongueRollUp",
    "tongueRollDown",
    "tongueRollLeft",
    "tongueRollRight",
    "tongueUp",
    "tongueDown",
    "tongueLeft",
    "tongueRight",
    "tongueIn",
    "tongueStretch",
    "tongueWide",
    "tongueNarrow",
)

FACE_NAMES: tuple[str, ...] = (*ARKIT_NAMES, *TONGUE_NAMES)
"""All 68 channels of a motion with a tongue: ARKit's first, so that its columns stay."""


def face_of(motion: Motion) -> Motion:
    """The motion over what the built-in head has: ARKit's shapes, and the tongue's if it has any of
    them. Channels of other names are left out. Raises `MotionError` if all are."""
    if not set(motion.names) & set(FACE_NAMES):
        raise MotionError(
            f"The built-in head has none of the shapes {shown(', '.join(motion.names[:3]), 90)}. "
            "Give it curves under ARKit's names."
        )
    return motion.over(FACE_NAMES if set(motion.names) & set(TONGUE_NAMES) else ARKIT_NAMES)
