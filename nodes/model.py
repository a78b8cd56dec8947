"""Models: which ones there are, and how they share the host's memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import comfy.model_management
import comfy.model_patcher
import folder_paths
import torch
from comfy_api.latest import io

from . import host
from .schema import found_by
from .values import ModelType, SpeechValue

if TYPE_CHECKING:
    from dreamtalk_core.pipeline.base import AnySpeech, Pipeline

FOLDER = "dreamtalk"
"""Of the host's models; `models/dreamtalk`."""
BUILT_IN = ("default", "research")
SUFFIXES = {".safetensors", ".pth", ".pt", ".ckpt"}


def register_folder() -> None:
    """Tell the host of `models/dreamtalk`; other places can be named in its extra paths."""
    folder_paths.add_model_folder_path(
        FOLDER, str(Path(folder_paths.models_dir) / FOLDER), is_default=True
    )


class DreamTalkNetworks(torch.nn.ModuleList):
    """What the host holds; its log calls it by this name."""


class LoadedModel:
    """A pipeline whose networks the host moves to its device when they are needed, and away when
    it needs the room. Every node asks for `ready` just before it works; the pipeline finds its
    networks where they are."""

    def __init__(self, talk: Pipeline) -> None:
        self._talk = talk
        self._patcher = comfy.model_patcher.ModelPatcher(
            DreamTalkNetworks(talk.networks),
            load_device=comfy.model_management.get_torch_device(),
            offload_device=comfy.model_management.unet_offload_device(),
        )
        # Keyed by the value rather than by its speech, which the features hold.
        self._analysed: WeakKeyDictionary[SpeechValue, AnySpeech] = WeakKeyDictionary()

    def analyse(self, value: SpeechValue) -> AnySpeech:
        """The features of a speech, for as long as the host keeps them: once for all nodes."""
        if value not in self._analysed:
            self._analysed[value] = self._talk.analyse(value.speech)
        return self._analysed[value]

    def ready(self) -> Pipeline:
        """The pipeline, on the host's device, or where the host keeps what it has no room for."""
        comfy.model_management.load_models_gpu([self._patcher])
        # The host may load a part of a network: one that is not made for that cannot be split.
        if len({tensor.device for tensor in self._tensors()}) > 1:
            self._patcher.detach()
        return self._talk

    def _tensors(self) -> Iterator[torch.Tensor]:
        for network in self._talk.networks:
            yield from chain(network.parameters(), network.buffers())


def analysed(model: LoadedModel | None, value: SpeechValue) -> AnySpeech:
    """A speech as the pipeline of a model input takes it, see `LoadedModel.analyse`."""
    return (model or load_model(BUILT_IN[0])).analyse(value)


def talk_of(model: LoadedModel | None) -> Pipeline:
    """The pipeline of a model input, ready; the built-in one where nothing is connected."""
    return (model or load_model(BUILT_IN[0])).ready()


def load_model(name: str) -> LoadedModel:
    """A model by its name in the list. Raises ModelError."""
    path = model_path(name)
    return _opened(str(path or name), host.changed(path))


@lru_cache(maxsize=2)
def _opened(model: str, state: str) -> LoadedModel:
    """state: tells a file from what it was before."""
    from dreamtalk_core.pipeline.load import kind_of, load

    found = kind_of(model).loading_of({"wav2vec": wav2vec()})
    return LoadedModel(load(model, "cpu", **found))


def model_path(name: str | None) -> Path | None:
    """The file of a model; None for one that is built in, or not known yet."""
    if name is None or name in BUILT_IN:
        return None
    return Path(folder_paths.get_full_path(FOLDER, name) or name)


def model_files() -> list[str]:
    """Weights in the model folders, as the host names them."""
    names = folder_paths.get_filename_list(FOLDER)
    return [name for name in names if Path(name).suffix.lower() in SUFFIXES and _may_speak(name)]


def _may_speak(name: str) -> bool:
    """Not the original's renderer, nor the wav2vec2 model in its folder."""
    path = Path(folder_paths.get_full_path(FOLDER, name) or name)
    return path.stem != "renderer" and not path.with_name("config.json").is_file()


def wav2vec() -> Path | None:
    """The folder of the wav2vec2 model that original checkpoints need, if `models/dreamtalk` has
    one; without, it is the one in the Hugging Face cache."""
    homes = map(Path, folder_paths.get_folder_paths(FOLDER))
    folders = (found.parent for home in homes for found in sorted(home.glob("*/config.json")))
    return next(folders, None)


class LoadModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DreamTalkLoadModel",
            display_name="Load DreamTalk Model",
            category="DreamTalk/model",
            description="Chooses the motion model. Without this node the built-in one is used. "
            "An original DreamTalk checkpoint (denoising_network.pth), if you hold it, goes into "
            "models/dreamtalk, with the wav2vec2 model in a folder beside it.",
            inputs=[
                io.Combo.Input(
                    "model",
                    options=[*BUILT_IN, *model_files()],
                    default=BUILT_IN[0],
                    tooltip="default: built in, for any use. research: built in, for research "
                    "only. The others are files in models/dreamtalk.",
                )
            ],
            outputs=[
                ModelType.Output(
                    display_name="model", tooltip="For every node that asks for a model."
                )
            ],
            **found_by("checkpoint", "lip sync"),
        )

    @classmethod
    def validate_inputs(cls, model: str | None) -> bool | str:
        return host.check_file(model_path(model))

    @classmethod
    def fingerprint_inputs(cls, model: str | None) -> str:
        return host.changed(model_path(model))

    @classmethod
    def execute(cls, model: str) -> io.NodeOutput:
        return io.NodeOutput(load_model(model))


def model_input() -> Any:
    """The same optional input for every node that needs a model."""
    return ModelType.Input(
        "model", optional=True, tooltip="From Load DreamTalk Model; the built-in one if left open."
    )
