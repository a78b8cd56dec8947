"""USD: the built-in head with its shapes, skinned, and the motion as a UsdSkel animation.

Write only.

- Y up, centimetres (`metersPerUnit` .01), the face along +z. The default prim is `/DreamTalk`, a
  SkelRoot of `Head` (a Mesh with a BlendShape for each shape below it), `Skeleton` and `Animation`.
- The shapes are ARKit's 52 and, where the motion has a tongue, its sixteen, by those names;
  other channels are left out.
- Frame i lies at time code i; `timeCodesPerSecond` and `framesPerSecond` are the motion's rate.
- Two joints, `Neck` (still) and `Neck/HeadRotation`, which turns.

.usda is text, .usdc binary, and .usd binary as well. Needs usd-core: `pip install dreamtalk[usd]`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion.rotation import quaternions
from dreamtalk_core.motion.tongue import face_of
from dreamtalk_core.rig.head import Head, load_head
from dreamtalk_core.version import __version__

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

CENTIMETRES = 0.1
"""Of a millimetre, in which the head is measured."""
_JOINTS = ["Neck", "Neck/HeadRotation"]


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write the head with this motion.

    Raises `MotionError` without usd-core, or if the motion moves none of the head's shapes,
    `DreamTalkError` if the file cannot be written.
    """
    try:
        from pxr import Usd, UsdGeom, UsdSkel
    except ImportError as error:
        raise MotionError(
            "USD needs usd-core. Install it with: pip install dreamtalk[usd]"
        ) from error
    face = face_of(motion)
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    stage.SetTimeCodesPerSecond(float(face.fps))
    stage.SetFramesPerSecond(float(face.fps))
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(face) - 1)
    layer = stage.GetRootLayer()
    layer.documentation = f"DreamTalk {__version__}. Head mesh and shapes: MakeHuman/MPFB, CC0"
    if provenance:
        layer.customLayerData = {"dreamtalk": json.dumps(dict(provenance), ensure_ascii=False)}
    root = UsdSkel.Root.Define(stage, "/DreamTalk")
    stage.SetDefaultPrim(root.GetPrim())
    Usd.ModelAPI(root.GetPrim()).SetKind("component")
    _skeleton(stage)
    _mesh(stage, load_head(), face.names)
    _animate(stage, face)
    with atomic_write(path) as temporary:
        layer.Export(str(temporary))


def _skeleton(stage: Any) -> None:
    from pxr import Gf, UsdSkel, Vt

    skeleton = UsdSkel.Skeleton.Define(stage, "/DreamTalk/Skeleton")
    rest = Vt.Matrix4dArray([Gf.Matrix4d(1)] * len(_JOINTS))
    skeleton.CreateJointsAttr(_JOINTS)
    skeleton.CreateBindTransformsAttr(rest)
    skeleton.CreateRestTransformsAttr(rest)
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets(["/DreamTalk/Animation"])


def _mesh(stage: Any, head: Head, names: tuple[str, ...]) -> None:
    from pxr import Sdf, UsdGeom, UsdSkel, Vt

    mesh = UsdGeom.Mesh.Define(stage, "/DreamTalk/Head")
    points = head.vertices * np.float32(CENTIMETRES)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(head.triangles), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(head.triangles.ravel()))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([points.min(0), points.max(0)])))
    mesh.CreateDoubleSidedAttr(True)
    colours = mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex)
    colours.Set(Vt.Vec3fArray.FromNumpy(_colours(head)))
    primvars = UsdGeom.PrimvarsAPI(mesh)
    places = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex)
    # Theirs begin at the bottom of a picture.
    places.Set(Vt.Vec2fArray.FromNumpy(np.stack([head.uv[:, 0], 1 - head.uv[:, 1]], axis=1)))
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets(["/DreamTalk/Skeleton"])
    count, joints = len(points), len(_JOINTS)
    indices = np.tile(np.arange(joints, dtype=np.int32), count)
    shares = np.stack([1 - head.neck, head.neck], axis=1).astype(np.float32)
    binding.CreateJointIndicesPrimvar(False, joints).Set(Vt.IntArray.FromNumpy(indices))
    binding.CreateJointWeightsPrimvar(False, joints).Set(Vt.FloatArray.FromNumpy(shares.ravel()))
    targets = []
    for name, deltas in zip(names, head.face_deltas, strict=False):
        moved = np.flatnonzero(deltas.any(axis=1)).astype(np.int32)
        shape = UsdSkel.BlendShape.Define(stage, f"/DreamTalk/Head/{name}")
        offsets = deltas[moved] * np.float32(CENTIMETRES)
        shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(offsets))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(moved))
        targets.append(shape.GetPath())
    binding.CreateBlendShapesAttr(list(names))
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def _colours(head: Head) -> np.ndarray:
    """Linear colours [V, 3] of the vertices: the atlas where they are in it, with its shading."""
    size = np.array(head.atlas.shape[1::-1])
    columns, rows = np.clip((head.uv * size).astype(np.int64), 0, size - 1).T
    texels = head.atlas[rows, columns] / 255
    linear = np.where(texels <= 0.04045, texels / 12.92, ((texels + 0.055) / 1.055) ** 2.4)
    return (linear * head.colours).astype(np.float32)


def _animate(stage: Any, face: Motion) -> None:
    from pxr import Gf, UsdSkel, Vt

    animation = UsdSkel.Animation.Define(stage, "/DreamTalk/Animation")
    animation.CreateBlendShapesAttr(list(face.names))
    weights = animation.CreateBlendShapeWeightsAttr()
    animation.CreateJointsAttr(_JOINTS)
    animation.CreateTranslationsAttr(Vt.Vec3fArray(len(_JOINTS), Gf.Vec3f(0)))
    animation.CreateScalesAttr(Vt.Vec3hArray(len(_JOINTS), Gf.Vec3h(1)))
    rotations = animation.CreateRotationsAttr()
    still = Gf.Quatf(1)
    for i, turn in enumerate(quaternions(face.head_rotation).tolist()):
        weights.Set(Vt.FloatArray.FromNumpy(np.ascontiguousarray(face.weights[i])), i)
        rotations.Set(Vt.QuatfArray([still, Gf.Quatf(turn[3], *turn[:3])]), i)
