"""The meshes of a glTF scene where they stand: its node tree and skins in their rest pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.formats.gltf.container import Table
from dreamtalk_core.formats.gltf.document import Array, Document, numbers, whole
from dreamtalk_core.formats.gltf.expressions import Mix, channels, expressions
from dreamtalk_core.motion.rotation import quaternion_matrix


@dataclass(eq=False)
class Primitive:
    """Triangles of one material, in the scene's space.

    entry: it in the document. names: of its node and its mesh. positions [V, 3]; triangles [F, 3];
    linear: [3, 3], or [V, 3, 3] for each vertex, from the mesh's space to the scene's.
    follows: [V] how much the head's joint moves each vertex, or None without a skin that has one.
    channels: what its morph targets are called, see `channels`.
    """

    document: Document
    entry: Table
    names: list[str]
    positions: Array
    triangles: NDArray[np.int64]
    linear: Array
    follows: Array | None
    channels: dict[str, Mix]

    def attribute(self, name: str, form: str) -> Array | None:
        """Values [V, components] of a type, see `Document.accessor`; None if it has none."""
        attributes = self.entry["attributes"]
        if name not in attributes:
            return None
        return self.document.accessor(attributes[name], form, len(self.positions))

    def moves(self, channel: str) -> NDArray[np.float32] | None:
        """How a channel moves the vertices [V, 3] at weight 1; None if nothing is moved."""
        total: Array | None = None
        for target, share in self.channels[channel]:
            moved = self.entry["targets"][target]
            if "POSITION" in moved:
                values = self.document.accessor(moved["POSITION"], "VEC3", len(self.positions))
                values = values if share == 1 else share * values
                total = values if total is None else total + values
        return None if total is None else through(self.linear, total).astype(np.float32)


class Scene:
    """The scene of a GLB file that is shown first, or all nodes if there is none."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._above: dict[int, int] = {}
        self._world = self._world_matrices()
        self._expressions = expressions(self.document)
        self._skins: dict[int, tuple[Array, Array | None]] = {}

    def primitives(self) -> list[Primitive]:
        """Whatever has triangles, node by node. Reads all positions, and no morph target."""
        nodes = sorted(i for i in self._world if "mesh" in self.document.entry("nodes", i))
        return [found for node in nodes for found in self._of_node(node)]

    def _of_node(self, number: int) -> list[Primitive]:
        node = self.document.entry("nodes", number)
        mesh = self.document.entry("meshes", node["mesh"])
        self.document.spend("primitives", len(mesh["primitives"]))
        names = [node.get("name", ""), mesh.get("name", "")]
        if not any(names) and number in self._above:
            names.append(self.document.entry("nodes", self._above[number]).get("name", ""))
        return [
            self._primitive(number, node, names, primitive)
            for primitive in mesh["primitives"]
            if primitive.get("mode", 4) == 4 and "POSITION" in primitive["attributes"]
        ]

    def _primitive(self, number: int, node: Table, names: list[str], primitive: Table) -> Primitive:
        document = self.document
        document.spend("morph targets", len(primitive.get("targets", ())))
        positions = document.accessor(primitive["attributes"]["POSITION"], "VEC3")
        count = len(positions)
        document.spend("vertices", count)
        linear, offset, follows = self._placing(number, node, primitive["attributes"], count)
        triangles = self._triangles(primitive, count)
        if np.linalg.det(linear.reshape(-1, 3, 3)[0]) < 0:
            triangles = triangles[:, ::-1]
        return Primitive(
            document,
            primitive,
            list(names),
            through(linear, positions) + offset,
            triangles,
            linear,
            follows,
            channels(document, node["mesh"], primitive, self._expressions.get(node["mesh"], {})),
        )

    def _triangles(self, primitive: Table, count: int) -> NDArray[np.int64]:
        indices = np.arange(count, dtype=np.int64)
        if "indices" in primitive:
            indices = (
                self.document.accessor(primitive["indices"], "SCALAR").ravel().astype(np.int64)
            )
        self.document.spend("corners of triangles", len(indices))
        if indices.size and not 0 <= indices.min() <= indices.max() < count:
            raise ValueError("a triangle of vertices that are not there")
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)

    def _world_matrices(self) -> dict[int, Array]:
        """Of the nodes in the scene: [4, 4] from their own space to the scene's."""
        document = self.document
        roots = range(len(document.table("nodes")))
        if document.table("scenes"):
            roots = document.entry("scenes", document.json.get("scene", 0)).get("nodes", [])
        world: dict[int, Array] = {}
        waiting = [(root, np.eye(4)) for root in dict.fromkeys(roots)]
        found = {root for root, _ in waiting}
        while waiting:
            number, above = waiting.pop()
            node = document.entry("nodes", number)
            world[number] = above @ _local_matrix(node)
            # Met before: a node of two others, or one that is below itself.
            for child in node.get("children", ()):
                if whole(child, "a child") not in found:
                    found.add(child)
                    self._above[child] = number
                    waiting.append((child, world[number]))
        return world

    def _placing(
        self, number: int, node: Table, attributes: Table, count: int
    ) -> tuple[Array, Array, Array | None]:
        """Linear part [3, 3] or [V, 3, 3], offset [3] or [V, 3], and what follows the head [V]."""
        if "skin" not in node or "JOINTS_0" not in attributes:
            matrix = self._world[number]
            return matrix[:3, :3], matrix[:3, 3], None
        placed, of_head = self._skin(node["skin"])
        chosen = self.document.accessor(attributes["JOINTS_0"], "VEC4", count).astype(np.int64)
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < len(placed):
            raise ValueError("a joint that is not there")
        shares = self.document.accessor(attributes["WEIGHTS_0"], "VEC4", count)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
        blended = np.einsum("vj,vjab->vab", shares, placed[chosen])
        follows = None if of_head is None else (shares * of_head[chosen]).sum(axis=1)
        return blended[:, :3, :3], blended[:, :3, 3], follows

    def _skin(self, number: int) -> tuple[Array, Array | None]:
        """Of its joints: [J, 4, 4] from where the skin is bound to the scene, and whether they
        follow the head."""
        skin = self.document.entry("skins", number)
        if number not in self._skins:
            joints = [whole(joint, "a joint") for joint in skin["joints"]]
            self.document.check(len(joints), "joints")
            placed = np.stack([self._world.get(joint, np.eye(4)) for joint in joints])
            if "inverseBindMatrices" in skin:
                stored = self.document.accessor(skin["inverseBindMatrices"], "MAT4", len(joints))
                placed = placed @ stored.reshape(-1, 4, 4).transpose(0, 2, 1)
            self._skins[number] = placed, self._joints_of_head(joints)
        return self._skins[number]

    def _joints_of_head(self, joints: list[int]) -> Array | None:
        """1 for joints that follow the head, else 0 [J]; None if none of them is the head."""
        entry = self.document.entry
        names = {joint: entry("nodes", joint).get("name", "").lower() for joint in joints}
        heads = [joint for joint, name in names.items() if "head" in name and "end" not in name]
        if not heads:
            return None
        # In order, and each once: a joint may be below itself.
        below = dict.fromkeys([min(heads, key=lambda joint: len(names[joint]))])
        waiting = list(below)
        while waiting:
            for child in entry("nodes", waiting.pop()).get("children", ()):
                if child not in below:
                    below[child] = None
                    waiting.append(child)
        return np.isin(joints, list(below)).astype(np.float64)


def _local_matrix(node: Table) -> Array:
    if "matrix" in node:
        return numbers(node["matrix"], 16).reshape(4, 4).T
    turn = quaternion_matrix(numbers(node.get("rotation", (0.0, 0.0, 0.0, 1.0)), 4))
    matrix = np.eye(4)
    matrix[:3, :3] = turn * numbers(node.get("scale", (1.0, 1.0, 1.0)), 3)
    matrix[:3, 3] = numbers(node.get("translation", (0.0, 0.0, 0.0)), 3)
    return matrix


def through(linear: Array, vectors: Array) -> Array:
    """Vectors [V, 3] through one matrix or one for each."""
    if linear.ndim == 2:
        return vectors @ linear.T
    result: Array = np.einsum("vab,vb->va", linear, vectors)
    return result
