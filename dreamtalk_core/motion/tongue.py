"""The sixteen shapes of the tongue that ARKit lacks: channels that a motion may have beside its 52.

Names and order are Audio2Face-3D's (v3), written as ARKit's are. `tongueOut` is ARKit's own.
"""

from __future__ import annotations

from dreamtalk_core.motion.arkit import ARKIT_NAMES

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
