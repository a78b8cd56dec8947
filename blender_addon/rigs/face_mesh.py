# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes as the worker sees them: a GLB at rest, with the colours that a face is known by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats.gltf.container import write_glb
from dreamtalk_core.formats.gltf.writer import Writer
from dreamtalk_core.formats.png import encode_png

from .curve import Floats
from .shape_keys import has_keys, points_of

_LONGEST_PICTURE = 1024

# Blender's z is up, glTF's is y.
_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)


def to_file(points: Floats) -> Floats:
    """Places in the world [N, 3] as they are in the file."""
    turned: Floats = points @ _UP.T
    return turned


def to_world(points: Floats) -> Floats:
    """The reverse of `to_file`."""
    turned: Floats = points @ _UP
    return turned


def write_meshes(things: Sequence[bpy.types.Object], path: Path) -> list[np.ndarray[Any, Any]]:
    """Write meshes at rest, where they stand; of each, the vertex that each one in the file is of.

    Raises DreamTalkError for one in edit mode, or where there is no face.
    """
    writer, meshes, sources = Writer(), [], []
    materials: list[Any] = []
    images: list[Any] = []
    for thing in things:
        if thing.mode == "EDIT":
            raise DreamTalkError(f"'{thing.name}' is in edit mode. Leave it first: press Tab.")
        source, primitives = _primitives(thing, writer, materials, images)
        sources.append(source)
        meshes.append({"name": thing.name, "primitives": primitives})
    if not any(len(source) for source in sources):
        raise DreamTalkError("There is no mesh with faces. Select the head.")
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [n for n, mesh in enumerate(meshes) if mesh["primitives"]]}],
        "nodes": [{"name": mesh["name"], "mesh": n} for n, mesh in enumerate(meshes)],
        "meshes": [mesh if mesh["primitives"] else {"primitives": []} for mesh in meshes],
        "materials": materials,
        "images": images,
        "textures": [{"source": n} for n in range(len(images))],
    }
    write_glb(path, {**document, **writer.tables()}, writer.data)
    return sources


def _primitives(
    thing: bpy.types.Object, writer: Writer, materials: list[Any], images: list[Any]
) -> tuple[np.ndarray[Any, Any], list[dict[str, Any]]]:
    mesh = thing.data
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    loops, slots = np.empty(3 * count, np.int32), np.empty(count, np.int32)
    mesh.loop_triangles.foreach_get("loops", loops)
    mesh.loop_triangles.foreach_get("material_index", slots)
    vertices = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    uv = np.zeros((len(mesh.loops), 2), np.float32)
    if mesh.uv_layers.active:
        mesh.uv_layers.active.uv.foreach_get("vector", uv.ravel())
    uv[:, 1] = 1 - uv[:, 1]
    places = _world_points(thing)
    made, sources = [], []
    for slot in np.unique(slots):
        corners = loops.reshape(-1, 3)[slots == slot].ravel()
        # A vertex with two places on the picture is two in the file.
        key = np.column_stack([vertices[corners], np.round(uv[corners] * 8192)]).astype(np.int64)
        _, first, indices = np.unique(key, axis=0, return_index=True, return_inverse=True)
        own = corners[first]
        sources.append(vertices[own])
        chosen = mesh.materials[slot] if slot < len(mesh.materials) else None
        materials.append(_material(chosen, writer, images))
        made.append(
            {
                "attributes": {
                    "POSITION": writer.accessor(
                        to_file(places[vertices[own]]).astype(np.float32), bounds=True
                    ),
                    "TEXCOORD_0": writer.accessor(uv[own]),
                },
                "indices": writer.accessor(indices.ravel().astype(np.uint32)),
                "material": len(materials) - 1,
            }
        )
    return np.concatenate([np.empty(0, np.int32), *sources]), made


def _world_points(thing: bpy.types.Object) -> Floats:
    if has_keys(thing):
        local = points_of(thing.data.shape_keys.reference_key)
    else:
        local = np.empty((len(thing.data.vertices), 3), np.float32)
        thing.data.vertices.foreach_get("co", local.ravel())
    matrix = np.array(thing.matrix_world)
    placed: Floats = local @ matrix[:3, :3].T + matrix[:3, 3]
    return placed


def _material(
    material: bpy.types.Material | None, writer: Writer, images: list[Any]
) -> dict[str, Any]:
    if material is None:
        return {"name": ""}
    base: dict[str, Any] = {}
    nodes = list(material.node_tree.nodes) if material.node_tree else []
    shaders = [node for node in nodes if node.type == "BSDF_PRINCIPLED"]
    if shaders:
        base["baseColorFactor"] = [*shaders[0].inputs["Base Color"].default_value[:3], 1.0]
    picture = _picture(shaders, nodes)
    if picture is not None:
        base["baseColorFactor"] = [1, 1, 1, 1]
        base["baseColorTexture"] = {"index": len(images)}
        view = writer.view(encode_png(picture))
        images.append({"mimeType": "image/png", "bufferView": view})
    return {"name": material.name, "pbrMetallicRoughness": base}


def _picture(shaders: Sequence[Any], nodes: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    """The pixels [H, W, 3] of what colours a material, from the top; None if nothing does."""
    linked = [link.from_node for node in shaders for link in node.inputs["Base Color"].links]
    pictured = [node for node in linked or nodes if node.type == "TEX_IMAGE" and node.image]
    if not pictured or not all(pictured[0].image.size):
        return None
    image = pictured[0].image
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    step = -(-max(width, height) // _LONGEST_PICTURE)
    colours = pixels.reshape(height, width, image.channels)[::-step, ::step, :3]
    if colours.shape[2] < 3:
        colours = np.repeat(colours[..., :1], 3, axis=2)
    return np.round(255 * np.clip(colours, 0, 1)).astype(np.uint8)
