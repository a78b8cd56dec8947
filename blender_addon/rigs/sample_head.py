# SPDX-License-Identifier: GPL-3.0-or-later
"""Add > DreamTalk Head: the CC0 head with ARKit's 52 shape keys, the tongue's 16, materials and a
head bone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.rig.head import MATERIALS, Head, load_head

from ..properties import properties
from ..state import state
from .shape_keys import add_shapes

NAME = "DreamTalk Head"
HEAD_BONE, NECK_BONE = "head", "neck"

_ROUGHNESS = {"skin": 0.5, "mouth": 0.35, "teeth": 0.25, "tongue": 0.4, "eye": 0.08, "lash": 0.9}
_CLEAR = 0.8
"""Metres from what is beside it: out of the view of the head."""
_SKIN_SCATTER = 0.15
"""Share of light that goes under the skin."""


@properties()
class DREAMTALK_OT_add_head(bpy.types.Operator):
    bl_idname = "dreamtalk.add_head"
    bl_label = "DreamTalk Head"
    bl_description = "Add a head with all 52 ARKit shape keys, ready to speak"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    show: bool = bpy.props.BoolProperty(options={"SKIP_SAVE", "HIDDEN"})
    """Beside what would hide it, and look at it."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.mode != "OBJECT":
            cls.poll_message_set("Leave edit mode first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        state().end_trial()
        location = context.scene.cursor.location.copy()
        if self.show:
            location.x = max([location.x, *_places_beside(context, location)])
        mesh = add_head(context.collection, location)
        for other in context.selected_objects:
            other.select_set(False)
        mesh.select_set(True)
        context.view_layer.objects.active = mesh
        if self.show and bpy.ops.view3d.view_axis.poll():
            context.view_layer.update()
            bpy.ops.view3d.view_axis(type="FRONT")
            bpy.ops.view3d.view_selected()
        return {"FINISHED"}


def _places_beside(context: bpy.types.Context, location: Vector) -> Iterator[float]:
    """The x at which a head is beside each visible mesh that a place is inside of."""
    for thing in context.visible_objects:
        if thing.type == "MESH":
            corners = [thing.matrix_world @ Vector(corner) for corner in thing.bound_box]
            sides = zip(location, *corners, strict=True)
            if all(min(rest) <= own <= max(rest) for own, *rest in sides):
                yield max(corner.x for corner in corners) + _CLEAR


def add_head(collection: bpy.types.Collection, location: Vector) -> bpy.types.Object:
    """The head, life-size, facing -Y, its turning point at `location`; returns the mesh object.

    It follows the bone `head` of an armature, whose own axes are those of a motion: x to the
    character's left, y up, z out of the face.
    """
    head = load_head()
    armature = _armature(collection)
    armature.location = location
    mesh = bpy.data.meshes.new(NAME)
    _fill(mesh, head)
    thing = bpy.data.objects.new(NAME, mesh)
    collection.objects.link(thing)
    add_shapes(thing, dict(zip(FACE_NAMES, to_blender(head.face_deltas), strict=True)))
    mesh.shape_keys.name = NAME
    _bind(thing, armature, head.neck)
    return thing


def to_blender(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Head space [..., 3] (mm, y up, z forward) as Blender's (m, z up, facing -y)."""
    turned = points[..., [0, 2, 1]] * np.float32(0.001)
    turned[..., 1] *= -1
    return np.ascontiguousarray(turned)


def _fill(mesh: bpy.types.Mesh, head: Head) -> None:
    mesh.from_pydata(to_blender(head.vertices), [], head.triangles.tolist())
    mesh.shade_smooth()
    corners = head.triangles.ravel()
    mesh.polygons.foreach_set("material_index", head.material.astype(np.int32))
    uv = head.uv[corners].copy()
    uv[:, 1] = 1 - uv[:, 1]
    mesh.uv_layers.new(name="UVMap").uv.foreach_set("vector", uv.ravel())
    colours = mesh.color_attributes.new("Colour", "FLOAT_COLOR", "POINT")
    rgba = np.ones((len(head.vertices), 4), np.float32)
    rgba[:, :3] = head.colours
    colours.data.foreach_set("color", rgba.ravel())
    image = _atlas(head)
    for kind in MATERIALS:
        mesh.materials.append(_material(kind, image))


def _atlas(head: Head) -> bpy.types.Image:
    height, width, _ = head.atlas.shape
    image = bpy.data.images.new("DreamTalk Atlas", width, height)
    pixels = np.ones((height, width, 4), np.float32)
    # Blender counts rows from below.
    pixels[..., :3] = head.atlas[::-1] / np.float32(255)
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    image.pack()
    return image


def _material(kind: str, image: bpy.types.Image) -> bpy.types.Material:
    """The atlas, tinted by the mesh's colours."""
    material = bpy.data.materials.new(f"DreamTalk {kind}")
    if hasattr(material, "use_nodes") and bpy.app.version < (5, 0):
        material.use_nodes = True  # from 5.0 on it always does
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    texture.location = (-640, 320)
    colour = nodes.new("ShaderNodeVertexColor")
    colour.layer_name = "Colour"
    colour.location = (-640, 40)
    tinted = nodes.new("ShaderNodeMix")
    tinted.data_type, tinted.blend_type = "RGBA", "MULTIPLY"
    tinted.location = (-280, 300)
    tinted.inputs["Factor"].default_value = 1.0
    # The sockets of a Mix node share their names; those for colours come after the others.
    first, second = (own for own in tinted.inputs if own.type == "RGBA")
    mixed = next(own for own in tinted.outputs if own.type == "RGBA")
    links.new(texture.outputs["Color"], first)
    links.new(colour.outputs["Color"], second)
    links.new(mixed, surface.inputs["Base Color"])
    surface.inputs["Roughness"].default_value = _ROUGHNESS[kind]
    if kind == "skin":
        surface.inputs["Subsurface Weight"].default_value = _SKIN_SCATTER
        surface.inputs["Subsurface Scale"].default_value = 0.005
    return material


def _armature(collection: bpy.types.Collection) -> bpy.types.Object:
    """A still neck and, from the turning point up, the head."""
    data = bpy.data.armatures.new(f"{NAME} Rig")
    thing = bpy.data.objects.new(f"{NAME} Rig", data)
    collection.objects.link(thing)
    data.display_type = "STICK"
    with bpy.context.temp_override(active_object=thing, object=thing, selected_objects=[thing]):
        active = bpy.context.view_layer.objects.active
        bpy.context.view_layer.objects.active = thing
        bpy.ops.object.mode_set(mode="EDIT")
        neck = data.edit_bones.new(NECK_BONE)
        neck.head, neck.tail = (0, 0.02, -0.1), (0, 0, 0)
        bone = data.edit_bones.new(HEAD_BONE)
        bone.head, bone.tail = (0, 0, 0), (0, 0, 0.12)
        bone.parent = neck
        bone.roll = 0
        bpy.ops.object.mode_set(mode="OBJECT")
        bpy.context.view_layer.objects.active = active
    # R = Ry @ Rx @ Rz, so that pitch, yaw and roll are the bone's x, y and z.
    thing.pose.bones[HEAD_BONE].rotation_mode = "ZXY"
    return thing


def _bind(thing: bpy.types.Object, armature: bpy.types.Object, share: NDArray[np.float32]) -> None:
    """Make the head follow its bone, and the chest stay; between them the neck bends."""
    thing.parent = armature
    for name, weights in ((HEAD_BONE, share), (NECK_BONE, 1 - share)):
        group = thing.vertex_groups.new(name=name)
        # One call for all vertices of the same weight, as weights come in steps.
        for weight in np.unique(weights[weights > 0]):
            group.add(np.flatnonzero(weights == weight).tolist(), float(weight), "REPLACE")
    modifier = thing.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature


def menu_entry(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator(DREAMTALK_OT_add_head.bl_idname, icon="USER")


CLASSES = (DREAMTALK_OT_add_head,)


def register() -> None:
    bpy.types.VIEW3D_MT_add.append(menu_entry)


def unregister() -> None:
    bpy.types.VIEW3D_MT_add.remove(menu_entry)
