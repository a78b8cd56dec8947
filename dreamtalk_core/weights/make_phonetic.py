"""Bake `phonetic.safetensors` from the `hama` wheel (Apache-2.0).

    python -m dreamtalk_core.weights.make_phonetic hama-1.7.0-py3-none-any.whl

Get the wheel with `pip download --no-deps hama==1.7.0`. Its recogniser is stored in a container of
its own; this script reads that container, renames the tensors to those of
`dreamtalk_core.speech.phonetics.PhoneticEncoder` and writes them in float16, as they are in the
wheel.
"""

from __future__ import annotations

import argparse
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from dreamtalk_core.files import atomic_write

VERSION = "1.7.0"
ASSET = "hama/assets/asr_waveform.hama"
VOCABULARY = "hama/assets/g2p_vocab.json"
Array = npt.NDArray[Any]


def read_container(data: bytes) -> dict[str, Array]:
    """Tensors of a HAMAPK container by name."""
    if data[:6] != b"HAMAPK":
        raise ValueError("not a HAMAPK container")
    (count,) = struct.unpack_from("<I", data, 8)
    position = 12
    entries = []
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, position)
        name = data[position + 2 : position + 2 + length].decode("utf-8")
        position += 2 + length
        kind, rank = data[position], data[position + 1]
        shape = struct.unpack_from(f"<{rank}I", data, position + 2)
        offset, size = struct.unpack_from("<QQ", data, position + 2 + 4 * rank)
        position += 2 + 4 * rank + 16
        entries.append((name, np.dtype("<f2" if kind else "<f4"), shape, offset, size))
    start = -(-position // 16) * 16
    return {
        name: np.frombuffer(data[start + offset : start + offset + size], dtype).reshape(shape)
        for name, dtype, shape, offset, size in entries
    }


def rename(source: dict[str, Array], blocks: int = 4) -> dict[str, Array]:
    """Tensors under the names and in the layout of `PhoneticEncoder.state_dict()`.

    The container comes from an ONNX graph: matrix products are input-major and carry numbers
    instead of names, and batch norms are folded into the convolutions before them.
    """
    prefix = "acoustic_model.model."

    def product(number: int) -> Array:
        return np.ascontiguousarray(source[f"onnx::MatMul_{number}"].T)

    # The DFT is a plain one; only its window is information. Row 0 is cos(0) * window.
    tensors = {
        "mel": source["mel_fb"].T,
        "window": source["stft_real_kernel"][0, 0],
        "subsample.weight": source["onnx::Conv_801"],
        "subsample.bias": source["onnx::Conv_802"],
        "head.weight": source[prefix + "proj.weight"][..., 0],
        "head.bias": source[prefix + "proj.bias"],
    }
    for index in range(blocks):
        old, new = f"{prefix}blocks.{index}.", f"blocks.{index}."
        first = 829 + 9 * index
        for name, number in (("ffn1", first), ("ffn2", first + 7)):
            tensors[f"{new}{name}.0.weight"] = source[f"{old}{name}.norm.weight"]
            tensors[f"{new}{name}.0.bias"] = source[f"{old}{name}.norm.bias"]
            tensors[f"{new}{name}.1.weight"] = product(number)
            tensors[f"{new}{name}.1.bias"] = source[f"{old}{name}.fc1.bias"]
            tensors[f"{new}{name}.3.weight"] = product(number + 1)
            tensors[f"{new}{name}.3.bias"] = source[f"{old}{name}.fc2.bias"]
        tensors[f"{new}attention.in_proj_weight"] = product(first + 2)
        tensors[f"{new}attention.in_proj_bias"] = source[f"{old}attn.in_proj_bias"]
        tensors[f"{new}attention.out_proj.weight"] = product(first + 6)
        tensors[f"{new}attention.out_proj.bias"] = source[f"{old}attn.out_proj.bias"]
        for name, layer in (("pointwise1", "expand"), ("pointwise2", "project")):
            tensors[f"{new}{layer}.weight"] = source[f"{old}conv.{name}.weight"][..., 0]
            tensors[f"{new}{layer}.bias"] = source[f"{old}conv.{name}.bias"]
        tensors[f"{new}depthwise.weight"] = source[f"onnx::Conv_{804 + 3 * index}"]
        tensors[f"{new}depthwise.bias"] = source[f"onnx::Conv_{805 + 3 * index}"]
        for old_norm, new_norm in (
            ("attn_norm", "attention_norm"),
            ("conv.norm", "convolution_norm"),
            ("norm", "norm"),
        ):
            for part in ("weight", "bias"):
                tensors[f"{new}{new_norm}.{part}"] = source[f"{old}{old_norm}.{part}"]
    return {name: np.ascontiguousarray(value) for name, value in sorted(tensors.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path, help=f"hama-{VERSION}-py3-none-any.whl")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(__file__).with_name("phonetic.safetensors")
    )
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as wheel:
        tensors = rename(read_container(wheel.read(ASSET)))
        phones = [*json.loads(wheel.read(VOCABULARY))["decoder"], "<wb>", "<blank>"]
    metadata = {
        "source": f"PyPI wheel hama {VERSION}, {ASSET}",
        "licence": "Apache-2.0",
        "sample_rate": "16000",
        "frame_rate": "50",
        "phones": json.dumps(phones, ensure_ascii=False),
    }
    with atomic_write(arguments.output) as temporary:
        save_file(tensors, temporary, metadata)


if __name__ == "__main__":
    main()
