"""Checkpoints of the original DreamTalk: opened without running what is in them, checked, imported.

They are pickles, which can hold any program. PyTorch reads tensors from them and nothing else
(`weights_only=True`), and a file that asks for more is refused. `import_checkpoint` turns one into
`.safetensors`, which cannot hold a program at all. All weights stay in float32: the numbers are to
be those of the original.
"""

from __future__ import annotations

import re
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dreamtalk_core.errors import ModelError, shown
from dreamtalk_core.files import atomic_write, check_target, digest_of
from dreamtalk_core.formats._limits import check_file
from dreamtalk_core.models.checkpoint import open_weights, weights_header
from dreamtalk_core.original.denoiser import OriginalMotionModel, motion_model_shapes
from dreamtalk_core.original.renderer import PIRenderer, renderer_shapes

VERSION = 1
RIGHTS = (
    "Weights of the original DreamTalk, imported by whoever has this file from a checkpoint of "
    "their own. Not made, trained or distributed by this project: licence and rights are those "
    "under which they got the checkpoint."
)

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Kind:
    """One of the two original networks.

    name: for messages. file: of its checkpoint. entry, prefix: where the tensors are in there.
    mark: how names begin by which it is known. strict: whether it may hold nothing else.
    shapes: the tensors it must have, from those it has.
    """

    name: str
    file: str
    entry: str
    prefix: str
    mark: str
    strict: bool
    format: str
    shapes: Callable[[Mapping[str, tuple[int, ...]]], Shapes]


MOTION = Kind(
    "original motion model",
    "denoising_network.pth",
    "model_state_dict",
    "diff_net.",
    "net.",
    True,
    "dreamtalk-original-motion",
    motion_model_shapes,
)
# The public code loads its renderer non-strictly: the file may hold more than the network.
RENDERER = Kind(
    "original renderer",
    "renderer.pt",
    "net_G_ema",
    "",
    "mapping_net.",
    False,
    "dreamtalk-original-renderer",
    renderer_shapes,
)
KINDS = (MOTION, RENDERER)


def load_motion_model(path: str | Path, device: torch.device | str = "cpu") -> OriginalMotionModel:
    """The original motion model from its checkpoint, or from an imported one.

    Raises ModelError if the file is missing, damaged, another network, or would run code.
    """
    tensors = read_checkpoint(path, MOTION)
    try:
        return OriginalMotionModel.build(tensors, device)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def load_renderer(path: str | Path, device: torch.device | str = "cpu") -> PIRenderer:
    """The original renderer from its checkpoint, or from an imported one.

    Raises ModelError if the file is missing, damaged, another network, or would run code.
    """
    return PIRenderer.build(read_checkpoint(path, RENDERER), device)


def import_checkpoint(source: str | Path, target: str | Path) -> Kind:
    """Write a checkpoint as `.safetensors`, checked; returns what it was.

    Raises ModelError as `read_checkpoint` does or if the target has another suffix, DreamTalkError
    if it cannot be written.
    """
    from safetensors.torch import save_file

    target = Path(target)
    if target.suffix.lower() != ".safetensors":
        raise ModelError(f"{target} does not end in .safetensors. Give it that ending.")
    check_target(target)
    source = Path(source)
    kind, tensors = _read(source)
    header = {
        "format": kind.format,
        "version": str(VERSION),
        "network": kind.name,
        "rights": RIGHTS,
        "source_file": source.name.encode("utf-8", "replace").decode("utf-8"),
        "source_sha256": digest_of(source),
    }
    with atomic_write(target) as temporary:
        save_file({name: value.contiguous() for name, value in tensors.items()}, temporary, header)
    return kind


def is_original(path: str | Path) -> bool:
    """Whether a weights file is one of these: a PyTorch file by its suffix, or an imported one."""
    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        return path.suffix.lower() in (".pth", ".pt", ".ckpt", ".bin")
    try:
        names, metadata = weights_header(path)
    except ModelError:
        return False
    form = metadata.get("format")
    return any(form == kind.format or (form is None and _marked(names, kind)) for kind in KINDS)


def read_checkpoint(path: str | Path, kind: Kind) -> dict[str, Tensor]:
    """Tensors of a network by the names of the original, float32 (but for a mask), on the CPU.

    Raises ModelError, with every missing, unexpected or misshapen tensor, if it is not this kind.
    """
    found, tensors = _read(Path(path))
    if found is not kind:
        raise ModelError(
            f"{path} is the {found.name}; this needs the {kind.name} ({kind.file}). Give that file."
        )
    return tensors


def _read(path: Path) -> tuple[Kind, dict[str, Tensor]]:
    check_file(path, ModelError, "weights")
    if path.suffix.lower() == ".safetensors":
        content: Any = open_weights(path)[0]
    else:
        content = _unpickled(path)
    kind, tensors = _network(path, content)
    return kind, _checked(path, kind, tensors)


def _unpickled(path: Path) -> Any:
    """What a PyTorch file holds, without running anything of it."""
    try:
        # PyTorch below 2.6 reads the tar files of its first releases without this caution.
        if tarfile.is_tarfile(path):
            raise ModelError(f"{path} is a tar archive, not a PyTorch checkpoint.")
        _check_unpacked(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's advice on odd pickles is not for users
            return torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except MemoryError as error:
        raise ModelError(f"{path} does not fit into memory, or is damaged.") from error
    except Exception as error:  # a damaged pickle can fail in any way
        asked = re.search(r"(?:GLOBAL|class|function)\s+([\w.]*\w\.\w+)", str(error))
        if asked:
            raise ModelError(
                f"{path} is refused: it asks to load {asked[1]}, and loading it could run a "
                "program. A checkpoint needs nothing but tensors. If you trust whoever gave you "
                "the file, ask for one with the tensors alone."
            ) from error
        raise ModelError(
            f"{path} cannot be read as a PyTorch checkpoint: it is damaged, cut off or something "
            "else. Copy it again from where you got it."
        ) from error


def _check_unpacked(path: Path) -> None:
    """Raises ModelError for a zip file that would swell: PyTorch packs nothing."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > path.stat().st_size:
                raise ModelError(f"{path} is packed twice. Give the original file.")


def _network(path: Path, content: Any) -> tuple[Kind, dict[str, Tensor]]:
    """Which network a file's content is, and its values by the network's own names."""
    if not isinstance(content, Mapping):
        raise ModelError(f"{path} holds a {type(content).__name__}, not the tensors of a network.")
    for kind in KINDS:
        inside = content.get(kind.entry, content)
        if not isinstance(inside, Mapping):
            continue
        names = {name: str(name).removeprefix(kind.prefix) for name in inside}
        if not _marked(names.values(), kind):
            continue
        # What lies beside the network in the same entry belongs to others, and is left.
        prefixed = any(str(name).startswith(kind.prefix) for name in inside)
        return kind, {
            short: inside[name]
            for name, short in names.items()
            if not prefixed or str(name).startswith(kind.prefix)
        }
    listed = ", ".join(map(str, list(content)[:8])) or "nothing"
    raise ModelError(
        f"{path} holds neither of the original networks; at its top there is: {listed}. Give "
        f"{MOTION.file} (with an entry {MOTION.entry}) or {RENDERER.file} ({RENDERER.entry})."
    )


def _marked(names: Iterable[str], kind: Kind) -> bool:
    return any(name.startswith(kind.mark) for name in names)


def _checked(path: Path, kind: Kind, tensors: dict[str, Any]) -> dict[str, Tensor]:
    strange = [
        name
        for name, value in tensors.items()
        if not isinstance(value, Tensor)
        or value.is_complex()
        or value.is_quantized
        or _is_hollow(value)
    ]
    if strange:
        raise ModelError(
            f"{path}: these are no tensors of real numbers: {shown(', '.join(strange))}."
        )
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    try:
        expected = kind.shapes(found)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    problems = [
        _listed("missing", [n for n in expected if n not in found]),
        _listed("unexpected", [n for n in found if n not in expected] if kind.strict else []),
        _listed(
            "of another shape",
            [
                f"{n} is {list(found[n])}, not {list(shape)}"
                for n, shape in expected.items()
                if found.get(n, shape) != shape
            ],
        ),
    ]
    if any(problems):
        listed = "; ".join(filter(None, problems))
        raise ModelError(
            f"{path} is not the {kind.name} as it was published. {listed}. "
            f"Give the original {kind.file}."
        )
    chosen = {name: _as_float(tensors[name]) for name in expected}
    broken = [name for name, value in chosen.items() if not value.isfinite().all()]
    if broken:
        raise ModelError(
            f"{path} holds values that are not numbers (NaN or infinite) in: "
            f"{shown(', '.join(broken))}. "
            "Copy it again from where you got it."
        )
    return chosen


def _is_hollow(value: Tensor) -> bool:
    """Whether a tensor says that it is larger than what it holds."""
    if value.layout != torch.strided:
        return True
    return value.numel() * value.element_size() > value.untyped_storage().nbytes()


def _as_float(value: Tensor) -> Tensor:
    copied = value.detach()
    return copied if copied.dtype == torch.bool else copied.float()


def _listed(what: str, names: Iterable[str]) -> str:
    found = list(names)
    return f"{what} ({len(found)}): {shown(', '.join(found), 250)}" if found else ""
