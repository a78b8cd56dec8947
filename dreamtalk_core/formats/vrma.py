"""VRM Animation 1.0 (VRMC_vrm_animation): curves for any VRM avatar, in a GLB. Write only.

- Expressions: a node each, whose translation along x is the weight. Channels named as a preset of
  VRM 1 (aa, ih, blinkLeft ...) are that preset, all others custom: the ARKit shapes are what
  avatars with "Perfect Sync" have. For those with presets alone, convert to the scheme `vrm1`.
- Gaze is the rotation of a node of its own, between both eyes; the shapes eyeLook* are left out.
- The head turns as the humanoid bone `head`; the others that a humanoid must have rest in a T-pose.
- One animation, linear. Key i lies at i / fps, as in our GLB.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dreamtalk_core.formats.gltf.container import Table, write_glb
from dreamtalk_core.formats.gltf.writer import Writer
from dreamtalk_core.motion.rotation import quaternions
from dreamtalk_core.retarget.mapping import eye_angles
from dreamtalk_core.version import __version__

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

PRESETS = frozenset(
    (
        *("happy", "angry", "sad", "relaxed", "surprised", "neutral"),
        *("aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight"),
    )
)
"""Expressions of VRM 1; its four of looking are the node's that looks."""
_LOOKING = ("eyeLook", "lookUp", "lookDown", "lookLeft", "lookRight")


class _Bone(NamedTuple):
    name: str
    parent: str
    place: tuple[float, float, float]  # from its parent, in metres


# The fifteen that a humanoid of VRM must have.
_BONES = (
    _Bone("hips", "", (0.0, 0.95, 0.0)),
    _Bone("spine", "hips", (0.0, 0.12, 0.0)),
    _Bone("head", "spine", (0.0, 0.45, 0.0)),
    *(
        _Bone(side + name, (side + parent) if parent[0].isupper() else parent, (x * way, y, 0.0))
        for side, way in (("left", 1), ("right", -1))
        for name, parent, x, y in (
            ("UpperArm", "spine", 0.15, 0.35),
            ("LowerArm", "UpperArm", 0.26, 0.0),
            ("Hand", "LowerArm", 0.25, 0.0),
            ("UpperLeg", "hips", 0.09, -0.06),
            ("LowerLeg", "UpperLeg", 0.0, -0.42),
            ("Foot", "LowerLeg", 0.0, -0.4),
        )
    ),
)
_EYES = (0.0, 0.06, 0.08)


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write the animation. Raises `DreamTalkError` if the file cannot be written."""
    writer = Writer()
    fps = motion.fps
    times = (np.arange(len(motion)) * fps.denominator / fps.numerator).astype(np.float32)
    clock = writer.accessor(times, bounds=True)
    places = {bone.name: number for number, bone in enumerate(_BONES)}
    nodes: list[Table] = [{"name": bone.name, "translation": list(bone.place)} for bone in _BONES]
    for bone in _BONES:
        if bone.parent:
            nodes[places[bone.parent]].setdefault("children", []).append(places[bone.name])
    samplers: list[Table] = []
    channels: list[Table] = []

    def animate(node: int, what: str, values: np.ndarray) -> None:
        samplers.append(
            {"input": clock, "interpolation": "LINEAR", "output": writer.accessor(values)}
        )
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": what}})

    animate(places["head"], "rotation", quaternions(motion.head_rotation).astype(np.float32))
    gaze = eye_angles(motion.to_arkit().weights)
    pitch, yaw = ((gaze[f"eye{way}Left"] + gaze[f"eye{way}Right"]) / 2 for way in ("Pitch", "Yaw"))
    look = len(nodes)
    nodes.append({"name": "lookAt"})
    turns = np.stack([pitch, yaw, np.zeros_like(yaw)], axis=1)
    animate(look, "rotation", quaternions(turns).astype(np.float32))
    expressions: dict[str, Table] = {"preset": {}, "custom": {}}
    for name, weights in zip(motion.names, motion.weights.T, strict=True):
        if name.startswith(_LOOKING):
            continue
        expressions["preset" if name in PRESETS else "custom"][name] = {"node": len(nodes)}
        across = np.zeros((len(motion), 3), np.float32)
        across[:, 0] = weights
        animate(len(nodes), "translation", across)
        nodes.append({"name": name})
    extension = {
        "specVersion": "1.0",
        "humanoid": {"humanBones": {name: {"node": place} for name, place in places.items()}},
        "expressions": {kind: some for kind, some in expressions.items() if some},
        "lookAt": {"node": look, "offsetFromHeadBone": list(_EYES)},
    }
    document = {
        "asset": {
            "version": "2.0",
            "generator": f"DreamTalk {__version__}",
            **({"extras": {"dreamtalk": dict(provenance)}} if provenance else {}),
        },
        "extensionsUsed": ["VRMC_vrm_animation"],
        "extensions": {"VRMC_vrm_animation": extension},
        "scene": 0,
        "scenes": [{"nodes": [0, *range(len(_BONES), len(nodes))]}],
        "nodes": nodes,
        "animations": [{"name": "DreamTalk", "samplers": samplers, "channels": channels}],
        **writer.tables(),
    }
    write_glb(path, document, writer.data)
