"""Training configurations: what may stand in them, and reading them.

The dataclasses below are the documentation: a field without a value must be there, one with a value
may be left out. Whatever does not fit is an error that says where, and what would.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.formats._limits import read_json
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.speech.phonetics import BLOCKS, heard_columns
from dreamtalk_core.training.synthetic_styles import NAMED


class Within(NamedTuple):
    """The range of a number."""

    low: float
    high: float = math.inf


class OneOf(NamedTuple):
    """The words that are known."""

    words: tuple[str, ...]


Share = Annotated[float, Within(0, 1)]
Weight = Annotated[float, Within(0)]
Count = Annotated[int, Within(1)]
Seed = Annotated[int, Within(0)]
Positive = Annotated[float, Within(1e-12)]
Channel = Annotated[str, OneOf(ARKIT_NAMES)]
Emotion = Annotated[str, OneOf(tuple(NAMED))]


@dataclass(frozen=True)
class Network:
    width: Count
    layers: Count
    heads: Count
    dropout: Share


@dataclass(frozen=True)
class StyleNetwork(Network):
    style: Count


@dataclass(frozen=True)
class DenoiserNetwork(StyleNetwork):
    content_layers: Count
    span: Count


@dataclass(frozen=True)
class LipNetwork:
    width: Count
    layers: Count
    dropout: Share
    kernel: Count = 5


@dataclass(frozen=True)
class Expert:
    """The lip expert; see `expert`."""

    network: LipNetwork
    style_encoder: StyleNetwork
    style_aware: bool
    steps: Count
    learning_rate: Positive


@dataclass(frozen=True)
class Tracked:
    """Clips of the corpus's manifest whose columns have one of some values."""

    name: str
    where: dict[str, list[str]]
    weight: Weight
    most: Count = sys.maxsize
    """Clips that are used, evenly from all; many more of one voice say little new."""


@dataclass(frozen=True)
class Folder:
    """Pairs of motion and sound; see `corpus.read_pairs`."""

    name: str
    folder: str
    licence: str
    speaker: str
    weight: Weight
    channels: dict[Channel, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Deviation:
    """Channels are brought to the deviation that one of them should have."""

    channels: list[Channel]
    measure: Channel
    deviation: Positive


@dataclass(frozen=True)
class Peak:
    """Channels are brought to the peak that one of them should reach."""

    channels: list[Channel]
    measure: Channel
    peak: Positive


@dataclass(frozen=True)
class Run:
    """What every training has."""

    about: str
    licence: str
    steps: Count
    batch: Count
    learning_rate: Positive
    weight_decay: Weight
    ema: Share
    seed: Seed
    variants: Count


@dataclass(frozen=True)
class Validation:
    """What is kept out of training; the weights that do best on it are the run's."""

    share: Annotated[float, Within(0, 0.5)] = 0.0
    """Of the clips of every source."""
    speakers: list[str] = field(default_factory=list)
    """Of the manifest: each is brought to scale by itself."""
    every: Count = 50
    """Steps from one look at it to the next."""


@dataclass(frozen=True, kw_only=True)
class MotionTraining(Run):
    """What training of a motion model has, be it a new one or not; see `train`."""

    sources: list[Tracked | Folder]
    babble: list[str]
    amplitude: list[Deviation | Peak]
    narrowing: Share
    pucker: Positive
    gap: Share
    effort: Share
    silence: Annotated[float, Within(0, 0.99)]
    style_dropout: Share
    hidden_dropout: Share
    phone_dropout: Share
    lip_weight: Weight
    rounding_weight: Weight
    velocity_weight: Weight
    opening_weight: Weight
    held_weight: Weight
    sync_weight: Weight
    frames: Annotated[int, Within(16)]
    validation: Validation = Validation()


@dataclass(frozen=True, kw_only=True)
class MotionRun(MotionTraining):
    """Training of a motion model from nothing; see default.json."""

    denoiser: DenoiserNetwork
    style_encoder: StyleNetwork
    expert: Expert
    blocks: list[Annotated[int, Within(1, len(BLOCKS))]]


@dataclass(frozen=True, kw_only=True)
class ActorRun(MotionTraining):
    """A motion model that is there already is taught how somebody speaks; see actor.json."""

    from_: str
    """`default`, `research`, or the path of a model.safetensors."""
    style: str
    """The name under which the model keeps how that person speaks."""


@dataclass(frozen=True)
class Hearing:
    """How the emotion in a voice is learnt; see `hearing`."""

    width: Count
    dropout: Share
    noise: Weight
    gaps: Share
    mixing: Positive
    steps: Count
    learning_rate: Positive
    weight_decay: Weight
    folds: Annotated[int, Within(2)]


@dataclass(frozen=True)
class Labelled:
    """A folder of emotional speech with labels; see `voices.read_labels`."""

    folder: str
    variants: Count


@dataclass(frozen=True)
class PredictorRun(Run):
    """Training of a style predictor; see `predictor` and predictor.json."""

    trains: str
    training_data: str
    calibration: str
    emotions: list[Emotion]
    faces: dict[str, list[str]]
    recordings: list[str]
    sources: list[Labelled]
    shares: dict[str, Share]
    hearing: Hearing
    codes: Count
    width: Count
    face_dropout: Share
    cross_identity: bool
    regression: bool


PREDICTOR = "style predictor"
"""What `trains` says in the configuration of one; a motion model's has no such entry."""


def find_config(path: Path) -> Path:
    """The file of a configuration that is shipped, by its name, such as `actor`, or the path."""
    shipped = Path(__file__).parent / f"{path}.json"
    return shipped if not path.is_file() and shipped.is_file() else path


def read_config(path: Path) -> dict[str, Any]:
    """A training configuration, complete and checked against the dataclass of its kind.

    One that names a `base`, a file beside it, is that configuration with its own entries in place
    of the base's; its sources come on top of the base's, or change those of the same name. One that
    starts `from` weights takes no networks and sources from its base.
    Raises CorpusError, naming the entry, when it cannot be read or something in it does not fit.
    """
    config = _read(path, ())
    trains = config.get("trains", PREDICTOR)
    if trains != PREDICTOR:
        raise CorpusError(
            f'{path}: trains is {trains!r}; write "{PREDICTOR}", or leave it out to train a motion '
            "model."
        )
    problems = _problems(config, _kind(config), "")
    if problem := next(problems, None) or _unfit(config):
        raise CorpusError(f"{path}: {problem}")
    return config


def hearing(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the networks of a run hear of the speech, for their configurations."""
    blocks = tuple(config["blocks"])
    return {"features": len(heard_columns(blocks)), "blocks": blocks}


def _kind(config: Mapping[str, Any]) -> type[Run]:
    if "trains" in config:
        return PredictorRun
    return ActorRun if "from" in config else MotionRun


_OF_NEW_MODELS = ("denoiser", "style_encoder", "expert", "blocks", "sources", "validation")


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    config = read_json(path, CorpusError, "training configuration")
    if not isinstance(config, dict):
        raise CorpusError(f"{path} is no training configuration: it must be a JSON object.")
    if "base" not in config:
        return config
    name, sources = config.pop("base"), config.get("sources", [])
    if not isinstance(name, str) or not isinstance(sources, list):
        raise CorpusError(f"{path}: base must be the name of a file, and sources a list.")
    if path.resolve() in above:
        raise CorpusError(f"{path} stands on itself: name another base.")
    base = _read(path.parent / name, (*above, path.resolve()))
    if (
        "from" in config and "from" not in base
    ):  # its networks are there, and taught what others' sources say
        base = {name: entry for name, entry in base.items() if name not in _OF_NEW_MODELS}
    return base | config | {"sources": _on_top(base.get("sources", []), sources)}


def _on_top(below: list[Any], above: list[Any]) -> list[Any]:
    """Sources with others on top; one whose name is there already changes that one's entries."""
    names = [_names_of(source).get("name") for source in below]
    merged = [*below]
    for source in above:
        if (name := _names_of(source).get("name")) in names and name is not None:
            at = names.index(name)
            merged[at] = merged[at] | source
        else:
            merged.append(source)
    return merged


def _problems(value: Any, kind: Any, at: str) -> Iterator[str]:
    """What does not fit about a value of a kind: a dataclass, a type, a union or a collection."""
    if get_origin(kind) is Annotated:
        kind, limit = get_args(kind)
        found = list(_problems(value, kind, at))
        yield from found
        if not found and (problem := _beyond(value, limit)):
            yield f"{at} is {json.dumps(value)}; {problem}"
    elif is_dataclass(kind):
        yield from _entry_problems(value, kind, at)
    elif get_origin(kind) is list:
        if not isinstance(value, list):
            yield f"{at} must be a list, not {json.dumps(value)[:40]}."
            return
        for index, item in enumerate(value):
            yield from _problems(item, get_args(kind)[0], f"{at}[{index}]")
    elif get_origin(kind) is dict:
        if not isinstance(value, dict):
            yield f"{at} must be an object, not {json.dumps(value)[:40]}."
            return
        key_kind, item_kind = get_args(kind)
        for key, item in value.items():
            yield from _problems(key, key_kind, at)
            yield from _problems(item, item_kind, f"{at}.{key}")
    elif get_args(kind):  # one of several: the one with the most of these entries
        alike = max(get_args(kind), key=lambda one: len(_names(one) & set(_names_of(value))))
        yield from _problems(value, alike, at)
    elif not _is(value, kind):
        words = {
            float: "a finite number",
            int: "a whole number",
            bool: "true or false",
            str: "a text",
        }
        yield f"{at} must be {words[kind]}, not {json.dumps(value)[:40]}."


def _entry_problems(value: Any, kind: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at} must be an object, not {json.dumps(value)[:40]}."
        return
    within = f"{at}." if at else ""
    # `from` is no name in Python, `from_` is.
    hints = {k.rstrip("_"): v for k, v in get_type_hints(kind, include_extras=True).items()}
    for name in value:
        if name not in hints:
            near = get_close_matches(name, hints, 1, 0) or [""]
            yield f"there is no entry {within}{name}; did you mean {within}{near[0]}?"
    for entry in fields(kind):
        name = entry.name.rstrip("_")
        if name in value:
            yield from _problems(value[name], hints[name], within + name)
        elif entry.default is MISSING and entry.default_factory is MISSING:
            yield f"{within}{name} is missing."


def _names(kind: Any) -> set[str]:
    return {entry.name for entry in fields(kind)}


def _names_of(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and math.isfinite(value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _beyond(value: Any, limit: Within | OneOf) -> str | None:
    """What to give instead of a value beyond its limit."""
    if isinstance(limit, OneOf):
        if value in limit.words:
            return None
        near = get_close_matches(value, limit.words, 1, 0)
        return f"did you mean {near[0]}?"
    if limit.low <= value <= limit.high:
        return None
    return f"give a number from {limit.low:g} " + (
        "up." if limit.high == math.inf else f"to {limit.high:g}."
    )


def _unfit(config: Mapping[str, Any]) -> str | None:
    """What does not go together in a configuration whose entries are right by themselves."""
    networks = {
        name: config[name] for name in ("denoiser", "style_encoder", "network") if name in config
    }
    if "expert" in config:
        networks["expert.style_encoder"] = config["expert"]["style_encoder"]
    for name, sizes in networks.items():
        if sizes["width"] % sizes["heads"]:
            return f"{name}.width must be a multiple of {name}.heads ({sizes['heads']})."
    if "trains" in config:
        if "neutral" not in config["emotions"]:
            return 'emotions must hold "neutral": what plain speech is in.'
        if not sum(config["shares"].values()):
            return "shares are all 0; give what shall be heard a share."
        return None
    if "from" not in config:
        if config["denoiser"]["style"] != config["style_encoder"]["style"]:
            return "denoiser.style and style_encoder.style must be the same."
        if not config["blocks"]:
            return "blocks must name at least one block of the phonetic encoder."
    if not sum(source["weight"] for source in config["sources"]):
        return "sources need a weight above 0."
    return None
