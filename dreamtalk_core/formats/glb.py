"""glTF 2.0 binary: the built-in head with 52 morph targets and the motion as animation. Write only.

What is in the file, and how it is meant:

- Metres, y up, the face along +z (glTF's own axes, which are also `Motion`'s).
- One mesh, "Head", with one primitive per material. Morph targets are named in its
  `extras.targetNames`, which Blender, three.js, Babylon.js and Unity importers read. They are
  always the 52 ARKit shapes; channels of the motion that are not ARKit's are left out.
- Skinned to two joints, "Neck" (still) and its child "HeadRotation", so that the neck bends and the
  chest stays. The motion's head rotation is a rotation track on "HeadRotation", there only if the
  head moves: quaternions of R = Ry(yaw) Rx(pitch) Rz(roll).
- One animation, "DreamTalk", linear. Key i lies at i / fps, the start of the time for which frame i
  is shown, so that in a scene at the motion's rate every key falls on a whole frame. (`Motion`
  samples in the middle of that time, half a frame later.) The speech starts at 0. Checked with
  Blender 4.5: frame i of the motion is frame i of the scene, counted from 0. In a scene with a
  frame base of 1.001 its importer applies the base twice, and the keys come 2 frames in 1000 late.
- Weights are written as they are (float32). The deltas are sparse accessors, of positions only:
  normals of morphed faces are left to the importer.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.formats.gltf.container import Table, write_glb
from dreamtalk_core.formats.gltf.writer import INDEX_BUFFER, VERTEX_BUFFER, Writer
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion.rotation import quaternions
from dreamtalk_core.motion.tongue import face_of
from dreamtalk_core.rig.head import MATERIALS, Head, load_head
from dreamtalk_core.version import __version__

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

_METRES = np.float32(0.001)
_ROUGHNESS = {"skin": 0.55, "mouth": 0.4, "teeth": 0.25, "tongue": 0.4, "eye": 0.08, "lash": 0.9}


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write the head with this motion.

    Raises `MotionError` if it moves none of the head's shapes, `DreamTalkError` if the file cannot
    be written.
    """
    face, writer = face_of(motion), Writer()
    document = _document(writer, load_head(), face)
    if provenance:
        document["asset"]["extras"] = {"provenance": dict(provenance)}
    write_glb(path, document, writer.data)


def _document(writer: Writer, head: Head, motion: Motion) -> Table:
    # Not in the binary part: from there browsers load pictures by way of an address of their own,
    # which hosts that let a page ask nobody outside (ComfyUI without API nodes) forbid as well.
    image = "data:image/png;base64," + base64.b64encode(encode_png(head.atlas)).decode("ascii")
    # The inverse bind matrices: both joints rest at the origin.
    bind = writer.accessor(np.tile(np.eye(4, dtype=np.float32).reshape(1, 16), (2, 1)))
    meshes = [
        {
            "name": "Head",
            "primitives": [
                _primitive(writer, head, kind, len(motion.names))
                for kind in np.unique(head.material).tolist()
            ],
            "weights": [0.0] * len(motion.names),
            "extras": {"targetNames": list(motion.names)},
        }
    ]
    animation = _animation(writer, motion)
    return {
        "asset": {
            "version": "2.0",
            "generator": f"DreamTalk {__version__}",
            "copyright": "Head mesh and shapes: MakeHuman/MPFB, CC0",
        },
        "scene": 0,
        "scenes": [{"name": "DreamTalk", "nodes": [0, 1]}],
        "nodes": [
            {"name": "Neck", "children": [2]},
            {"name": "Head", "mesh": 0, "skin": 0},
            {"name": "HeadRotation"},
        ],
        "skins": [{"joints": [0, 2], "skeleton": 0, "inverseBindMatrices": bind}],
        "meshes": meshes,
        "materials": [
            {
                "name": name,
                "doubleSided": name in ("lash", "teeth"),
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "metallicFactor": 0.0,
                    "roughnessFactor": _ROUGHNESS[name],
                },
            }
            for name in MATERIALS
        ],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"magFilter": 9729, "minFilter": 9729, "wrapS": 33071, "wrapT": 33071}],
        "images": [{"name": "atlas", "mimeType": "image/png", "uri": image}],
        "animations": [animation],
        **writer.tables(),
    }


def _primitive(writer: Writer, head: Head, kind: int, shapes: int) -> Table:
    """The triangles of one material, with only the vertices they use, and the first of the
    shapes of `FACE_NAMES`."""
    triangles = head.triangles[head.material == kind]
    used, indices = np.unique(triangles, return_inverse=True)
    vertices = head.vertices[used] * _METRES
    weights = np.zeros((len(used), 4), np.uint8)
    weights[:, 1] = np.round(head.neck[used] * 255)
    weights[:, 0] = 255 - weights[:, 1]
    joints = np.zeros((len(used), 4), np.uint8)
    # A joint without weight must be joint 0.
    joints[:, 1] = weights[:, 1] > 0
    colours = np.full((len(used), 4), 255, np.uint8)
    colours[:, :3] = np.round(head.colours[used] * 255)
    normals = _normals(head, triangles)[used]
    vertex = VERTEX_BUFFER
    return {
        "attributes": {
            "POSITION": writer.accessor(vertices, vertex, bounds=True),
            "NORMAL": writer.accessor(normals, vertex),
            "TEXCOORD_0": writer.accessor(head.uv[used], vertex),
            "COLOR_0": writer.accessor(colours, vertex, normalized=True),
            "JOINTS_0": writer.accessor(joints, vertex),
            "WEIGHTS_0": writer.accessor(weights, vertex, normalized=True),
        },
        "indices": writer.accessor(indices.ravel().astype(np.uint16), INDEX_BUFFER),
        "material": kind,
        "targets": [
            {"POSITION": writer.sparse(deltas[used] * _METRES)}
            for deltas in head.face_deltas[:shapes]
        ],
    }


def _normals(head: Head, triangles: NDArray[np.int32]) -> NDArray[np.float32]:
    """Unit normals [V, 3] over some triangles, weighted by their area."""
    a, b, c = (head.vertices[triangles[:, i]].astype(np.float64) for i in range(3))
    faces = np.cross(b - a, c - a)
    sums = np.zeros(head.vertices.shape)
    for corner in range(3):
        np.add.at(sums, triangles[:, corner], faces)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    result: NDArray[np.float32] = np.divide(
        sums, length, out=np.tile([0.0, 0.0, 1.0], (len(sums), 1)), where=length > 1e-9
    ).astype(np.float32)
    return result


def _animation(writer: Writer, motion: Motion) -> Table:
    fps = motion.fps
    times = (np.arange(len(motion)) * fps.denominator / fps.numerator).astype(np.float32)
    clock = writer.accessor(times, bounds=True)
    samplers = [
        {
            "input": clock,
            "interpolation": "LINEAR",
            "output": writer.accessor(motion.weights.astype(np.float32).ravel()),
        }
    ]
    channels = [{"sampler": 0, "target": {"node": 1, "path": "weights"}}]
    if motion.head_rotation.any():
        turns = quaternions(motion.head_rotation).astype(np.float32)
        samplers.append(
            {"input": clock, "interpolation": "LINEAR", "output": writer.accessor(turns)}
        )
        channels.append({"sampler": 1, "target": {"node": 2, "path": "rotation"}})
    return {"name": "DreamTalk", "samplers": samplers, "channels": channels}
