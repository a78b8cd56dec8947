"""How weights are stored: `.safetensors` files whose header says what networks are built from.

`Checkpoint` is the base of the networks that this project trains.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, device, nn

from dreamtalk_core.errors import ModelError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._limits import check_file, parse_json
from dreamtalk_core.models.devices import without_memory

Module = TypeVar("Module", bound=nn.Module)
Network = TypeVar("Network", bound="Checkpoint")

_LARGEST_HEADER = 10_000_000
"""Bytes of the list of tensors; a network of a thousand has 100 000."""
_MOST_LAYERS, _WIDEST = 200, 65_536
"""What a network may have: what is larger does not come out of a file of weights."""
LAST_BLOCK: dict[str, Any] = {"blocks": (4,)}
"""What networks heard before it was written into their files; see `Hearing`."""


class Checkpoint(nn.Module):
    """A network that is saved with the sizes it was built from.

    FORMAT, VERSION: of its file. KIND: what it is, for messages. config: a dataclass.
    """

    FORMAT: ClassVar[str]
    VERSION: ClassVar[int] = 1
    KIND: ClassVar[str]

    config: Any

    @classmethod
    def build(cls: type[Network], sizes: Mapping[str, Any], tensors: dict[str, Tensor]) -> Network:
        """A network of these sizes with these weights.

        Raises what Python does for sizes or weights that are missing or do not fit.
        """
        raise NotImplementedError

    def tensors(self) -> dict[str, Tensor]:
        """All that is saved."""
        return self.state_dict()

    def save(self, path: Path, about: Mapping[str, str]) -> None:
        """Write weights in float16; `about`: training data, licence and the like for the header."""
        save_weights(path, self.tensors(), (self.FORMAT, self.VERSION), asdict(self.config), about)

    @classmethod
    def load(cls: type[Network], path: Path, to: device | str = "cpu") -> Network:
        """Read a weights file, frozen, in float32, on a device.

        Raises ModelError when the file is none of this version, is damaged, or holds NaN.
        """
        tensors, header = open_weights(path)
        if (header.get("format"), header.get("version")) != (cls.FORMAT, str(cls.VERSION)):
            raise ModelError(
                f"{path} is not a DreamTalk {cls.KIND} of version {cls.VERSION}. Name a file that "
                "`dreamtalk train` made with this release."
            )
        every = list(tensors.values())
        try:
            network = cls.build(parse_config(header), tensors)
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"{path} is damaged or from another release: {error}") from error
        except ModelError as error:
            raise ModelError(f"{path} is damaged: {error}") from error
        if not all(value.float().isfinite().all() for value in every):
            raise ModelError(f"{path} holds values that are not numbers. Fetch the file again.")
        return network.requires_grad_(False).eval().to(to)


def open_weights(
    path: Path, largest: int | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of real numbers and metadata header of a `.safetensors` file.

    largest: bytes. Raises ModelError when the file is missing, truncated, too large or something
    else.
    """
    check_file(path, ModelError, "weights", largest)
    _, metadata = weights_header(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if any(value.is_complex() for value in tensors.values()):
            raise ValueError("it holds complex numbers")
    except Exception as error:  # a type of numbers that this PyTorch lacks can fail in any way
        raise _no_weights(path, error) from error
    return tensors, metadata


def weights_header(path: Path) -> tuple[list[str], dict[str, str]]:
    """The names of the tensors in a `.safetensors` file, and its metadata header.

    Raises ModelError as `open_weights` does.
    """
    check_file(path, ModelError, "weights")
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= _LARGEST_HEADER:
                raise ValueError(f"its header has {length} bytes")
            header = dict(parse_json(stream.read(length), "its header", ModelError))
        metadata = dict(header.pop("__metadata__", {}))
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata are no texts")
    except (OSError, TypeError, ValueError, ModelError) as error:
        raise _no_weights(path, error) from error
    return list(header), metadata


def _no_weights(path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{path} cannot be read as safetensors weights ({shown(error)}). Reinstall the package, or "
        "name a file that `dreamtalk train` made."
    )


def parse_config(header: Mapping[str, str]) -> dict[str, Any]:
    """What the networks in a file are built from. Raises KeyError or ValueError for what is none,
    or is too large to be built."""
    config = parse_json(header["config"], "the config", ModelError)
    if not isinstance(config, dict):
        raise ValueError("its config is no object")
    waiting = [config]
    while waiting:
        for name, value in waiting.pop().items():
            if isinstance(value, dict):
                waiting.append(value)
            most = _MOST_LAYERS if name.endswith("layers") else _WIDEST
            least = 0 if isinstance(value, float) else 1
            if isinstance(value, (int, float)) and not least <= value <= most:
                raise ValueError(f"{name} is {value}")
            if isinstance(value, bool):
                raise TypeError(f"{name} is {value}")
    return config


def fill(build: Callable[[], Module], tensors: Mapping[str, Tensor]) -> Module:
    """A network with these weights, as float32.

    It is built without memory first. Raises RuntimeError where weights are missing, unknown or of
    another shape.
    """
    try:
        with without_memory():
            shapes = {name: value.shape for name, value in build().state_dict().items()}
    except Exception as error:  # sizes that do not go together can fail in any way
        raise RuntimeError(f"no network has these sizes ({shown(error)})") from error
    wrong = sorted(
        name
        for name in shapes.keys() | tensors.keys()
        if name not in shapes or name not in tensors or shapes[name] != tensors[name].shape
    )
    if wrong:
        raise RuntimeError(f"missing, unknown or of another shape: {', '.join(wrong)}")
    network = build()
    network.load_state_dict({name: value.float() for name, value in tensors.items()})
    return network


def save_weights(
    path: Path,
    tensors: Mapping[str, Tensor],
    form: tuple[str, int],
    config: Mapping[str, Any],
    about: Mapping[str, str],
) -> None:
    """Write tensors in float16 with their header, whole or not at all.

    form: name and version of the format. config: what the networks are built from. about: training
    data, licence and the like.
    """
    header = {"format": form[0], "version": str(form[1]), "config": json.dumps(config), **about}
    halves = {name: value.half().contiguous().cpu() for name, value in tensors.items()}
    with atomic_write(path) as temporary:
        save_file(halves, temporary, header)
