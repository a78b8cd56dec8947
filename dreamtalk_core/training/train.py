"""The training loop. Read it from top to bottom.

dreamtalk train CONFIG --corpus CORPUS --output RUN
torchrun --nproc-per-node 4 -m dreamtalk_core.cli train CONFIG --corpus CORPUS --output RUN
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from dreamtalk_core.errors import CorpusError, DreamTalkError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.models.checkpoint import weights_header
from dreamtalk_core.models.denoiser import DenoiserConfig
from dreamtalk_core.models.devices import choose_device, inference
from dreamtalk_core.models.diffusion import TRAIN_STEPS, add_noise
from dreamtalk_core.models.lip_expert import LipExpert
from dreamtalk_core.models.motion_model import ModelConfig, MotionModel
from dreamtalk_core.models.style_encoder import StyleEncoderConfig
from dreamtalk_core.speech.phonetics import BLOCKS, HIDDEN, WIDTH
from dreamtalk_core.training.actor import (
    Anchor,
    at_rest,
    copy_predictor,
    load_start,
    start_expert,
)
from dreamtalk_core.training.config import hearing, read_config
from dreamtalk_core.training.data import (
    CHANNELS,
    Batch,
    Source,
    digest,
    draw_batch,
    draw_style_clip,
    silent_source,
)
from dreamtalk_core.training.expert import sync_loss, train_expert
from dreamtalk_core.training.synthetic_styles import LIPS, NAMED, ROUNDING, SyntheticStyle
from dreamtalk_core.training.validation import Judge, load_split

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SAVE_EVERY = 500
EXPERT_ENTRIES = (
    *("expert", "blocks", "sources", "validation", "babble", "variants", "amplitude", "narrowing"),
    *("pucker", "gap", "effort", "silence", "batch", "frames", "seed"),
)
"""What a lip expert follows from, beside the recordings."""
CLOSED = 0.03
"""jawOpen minus mouthClose at which lips count as hardly closed any more."""


def train(config_path: Path, corpus: Path, output: Path, device_name: str = "auto") -> Path:
    """Train a motion model and write OUTPUT/model.safetensors; goes on where it was stopped.

    A new one, with the lip expert that guides it, which is trained first and written to
    OUTPUT/lip_expert.safetensors; or, with `from` in the configuration, one that is there already.
    With `validation` it is the weights of the step that did best on what was kept out.
    config_path: see default.json, actor.json. Raises CorpusError when corpus or configuration do
    not fit, ModelError for weights to start from that cannot be used.
    """
    config = read_config(config_path)
    with together(choose_device(device_name)) as team:
        return _train(config, corpus, output, team)


def _train(config: Mapping[str, Any], corpus: Path, output: Path, team: Team) -> Path:
    rank, device = team.rank, team.device
    given = load_start(config) if "from" in config else None
    log = open_log(output / "log") if rank == 0 else None
    torch.manual_seed(config["seed"])
    with team.first_alone():  # the first makes features and lip expert, the others read them
        sources, kept = load_split(config, corpus, output / "cache")
        sources.append(silent_source(config))
        weights = [source["weight"] for source in config["sources"]]
        shares = [weight / sum(weights) * (1 - config["silence"]) for weight in weights]
        shares.append(1 - sum(shares))
        expert = lip_expert(config, sources, shares, output / "lip_expert.safetensors", device)

    torch.manual_seed(config["seed"])
    model = (given or build_model(config, sources, shares)).to(device)
    objective = Objective(model, expert, config)
    parallel = DistributedDataParallel(objective) if team.size > 1 else objective
    optimizer = torch.optim.AdamW(
        [value for value in model.parameters() if value.requires_grad],
        config["learning_rate"],
        weight_decay=0.0 if given else config["weight_decay"],
    )
    anchor = Anchor(model) if given else None
    average = copy.deepcopy(model).requires_grad_(False)
    judge = Judge(Objective(average, expert, config), kept, config, device) if kept else None
    made_from = made_of(config, sources)
    start = load_checkpoint(output / "checkpoint.pt", model, average, optimizer, judge, made_from)

    bar = tqdm(
        range(start, config["steps"]), initial=start, total=config["steps"], disable=rank > 0
    )
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        # Seeded by the step: a resumed run draws what an uninterrupted one would have drawn.
        rng = np.random.default_rng([config["seed"], step, rank])
        torch.manual_seed(int(rng.integers(2**62)))
        batch = draw_batch(sources, shares, config["batch"], config["frames"], rng)
        losses = parallel(batch.to(device))
        optimizer.zero_grad()
        losses["total"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if anchor:
            anchor.draw(learning_rate(step, config) * config["weight_decay"])
        with torch.no_grad():
            decay = min(config["ema"], (step + 1) / (step + 10))
            for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
        if log and step % 20 == 0:
            bar.set_postfix({name: f"{value.item():.3f}" for name, value in losses.items()})
            for name, value in losses.items():
                log.add_scalar(f"loss/{name}", value.item(), step)
        if log is None:
            continue
        save = step + 1 == config["steps"] or (step + 1) % SAVE_EVERY == 0
        best = save and judge is None
        if judge and (step + 1 == config["steps"] or (step + 1) % judge.every == 0):
            log.add_scalar("loss/validation", loss := judge.loss(), step)
            best = loss < judge.best
            judge.best = min(loss, judge.best)
        if best:
            save_model(output, average, sources, config, step + 1)
        if save:
            path = output / "checkpoint.pt"
            save_checkpoint(path, step + 1, model, average, optimizer, judge, made_from)
    if judge and not judge.best < np.inf:
        raise CorpusError(
            "The loss on what was kept out has never been a number: the run has diverged. Give a "
            "smaller learning_rate, and another --output."
        )
    return output / "model.safetensors"


@dataclass(frozen=True)
class Team:
    """The processes that train together, of which this is one."""

    rank: int
    size: int
    device: torch.device
    patient: distributed.ProcessGroup | None
    """A group to wait in for as long as it takes; None for a process alone."""

    @contextlib.contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process goes through before the others do."""
        if self.rank and self.patient:
            distributed.barrier(self.patient)
        yield
        if self.rank == 0 and self.patient:
            distributed.barrier(self.patient)


@contextlib.contextmanager
def together(device: torch.device) -> Iterator[Team]:
    """The team that torchrun has started, taken leave of at the end, whatever happens."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield Team(0, 1, device, None)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        # Features of a large corpus take hours; in training, minutes without a word are a fault.
        patient = distributed.new_group(backend="gloo", timeout=timedelta(days=7))
        yield Team(distributed.get_rank(), size, device, patient)
    finally:
        distributed.destroy_process_group()


def open_log(folder: Path) -> SummaryWriter:
    """Raises DreamTalkError where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise DreamTalkError(
            'Training keeps its log with TensorBoard: pip install "dreamtalk[train]"'
        ) from error
    return SummaryWriter(folder)


class Objective(nn.Module):
    """The training losses of a batch; a module of its own so that it can run on several devices."""

    channel_weight: Tensor
    rounding: Tensor

    def __init__(
        self, model: MotionModel, expert: LipExpert | None, config: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.model = model
        self.expert = expert
        # A run from weights that are there has the expert of those, which is.
        self.style_aware = "expert" not in config or config["expert"]["style_aware"]
        self.sync_weight = config["sync_weight"]
        self.style_dropout = config["style_dropout"]
        self.feature_dropout = (config["hidden_dropout"], config["phone_dropout"])
        self.velocity_weight = config["velocity_weight"]
        self.opening_weight = config["opening_weight"]
        self.held_weight = config["held_weight"]
        weight = torch.tensor([config["lip_weight"] if name in LIPS else 1.0 for name in CHANNELS])
        rounding = torch.tensor([name in ROUNDING for name in CHANNELS])
        weight[rounding] = config["rounding_weight"]
        self.register_buffer("rounding", rounding)
        self.lips = [CHANNELS.index(name) for name in LIPS]
        self.register_buffer("channel_weight", weight)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        model = self.model
        style = model.style_encoder(model.normalise(batch.clip), batch.padding)
        dropout = self.style_dropout if self.training else 0.0
        mask = torch.rand(len(style), 1, device=style.device) >= dropout
        clean = model.normalise(batch.target)
        step = torch.randint(1, TRAIN_STEPS + 1, (len(clean),), device=clean.device)
        noised = add_noise(clean, torch.randn_like(clean), step)
        features = self.hide_features(batch.features) if self.training else batch.features
        content = model.denoiser.content(features)
        predicted = model.denoiser(noised, step, content, style * mask)

        weight = batch.weight * self.channel_weight
        error = (weight * (predicted - clean) ** 2).sum() / weight.sum()
        change = (weight[:, 1:] * (predicted - clean).diff(dim=1) ** 2).sum() / weight.sum()
        held = self.held_error(predicted, clean, batch.weight)
        opening = self.opening_error(predicted, clean, batch.weight)
        # Small codes keep the space smooth enough to mix styles in.
        size = style.square().mean()
        total = error + self.velocity_weight * change + self.opening_weight * opening + 1e-3 * size
        total = total + self.held_weight * held
        losses = {
            "motion": error, "velocity": change, "opening": opening, "held": held, "style": size
        }  # fmt: skip
        if self.expert is not None:
            values = predicted * model.scale + model.mean
            # How far the mouth narrows is read from each speaker's geometry; the expert, which is
            # content with less, would wear it off.
            values = torch.where(self.rounding, values.detach(), values)
            known = batch.weight[:, 0, self.lips].amin(1)
            losses["sync"] = sync_loss(self.expert, batch, values, known, self.style_aware)
            total = total + self.sync_weight * losses["sync"]
        return {"total": total, **losses}

    def held_error(self, predicted: Tensor, clean: Tensor, weight: Tensor) -> Tensor:
        """Error of the face that is held: of each channel's mean over the clip.

        It is what a style mostly is, and small beside the movement that the other losses see.
        """
        count = weight.sum(1).clamp(min=1.0)
        off = (weight * (predicted - clean)).sum(1) / count
        known = weight.amax(1)
        return (known * off**2).sum() / known.sum()

    def opening_error(self, predicted: Tensor, clean: Tensor, weight: Tensor) -> Tensor:
        """Error of the mouth's opening, jawOpen less mouthClose; it counts for more near closure.

        Two channels make it, and a mean over all channels hardly feels how they go together.
        Closures are short: to a mean over all frames they hardly matter, to whoever watches an /m/
        they matter most.
        """
        pair = [CHANNELS.index("jawOpen"), CHANNELS.index("mouthClose")]
        scale = self.model.scale[pair] * self.channel_weight.new_tensor([1.0, -1.0])
        opening = clean[..., pair] @ scale + self.model.mean[pair] @ scale.sign()
        miss = (predicted - clean)[..., pair] @ scale / scale[0]
        closed = torch.exp(-opening.clamp(min=0) / CLOSED)
        known = weight[..., pair[0]]
        return (known * (1 + closed) * miss**2).sum() / known.sum().clamp(min=1.0)

    def hide_features(self, features: Tensor) -> Tensor:
        """Features with outputs of the recogniser's blocks, or its phones, hidden at random.

        None may be relied on alone: the hidden states know more, the phones carry over better to
        voices and languages that are not in the training.
        """
        hidden, phones = self.feature_dropout
        luck = torch.rand(len(features), 1, len(BLOCKS) + 1, device=features.device)
        widths = luck.new_tensor([*[WIDTH] * len(BLOCKS), features.shape[-1] - HIDDEN]).long()
        shown = luck >= luck.new_tensor([*[hidden] * len(BLOCKS), phones])
        return features * shown.repeat_interleave(widths, -1)


def lip_expert(
    config: Mapping[str, Any],
    sources: list[Source],
    shares: list[float],
    path: Path,
    device: torch.device,
) -> LipExpert | None:
    """The lip expert of a run, trained if there is none yet; None if the run does not use one.

    Raises CorpusError if the one that is there was made by another configuration, or of others.
    """
    if not config["sync_weight"]:
        return None
    if "from" in config:
        return LipExpert.load(start_expert(config), device)
    made_from = digest([[config.get(name) for name in EXPERT_ENTRIES], recorded(sources)])
    if not path.exists():
        steps = config["expert"]["steps"]
        header = about(config, steps) | {"made_from": made_from}
        return train_expert(config, sources, shares, path, header, device)
    if weights_header(path)[1].get("made_from") != made_from:
        raise CorpusError(
            f"{path} was trained by another configuration, or on other recordings. Choose another "
            "--output, or delete it."
        )
    return LipExpert.load(path, device)


def build_model(
    config: Mapping[str, Any], sources: list[Source], shares: list[float]
) -> MotionModel:
    """A fresh model whose motion space fits what it will see."""
    rng = np.random.default_rng(config["seed"])
    batch = draw_batch(sources, shares, 800, config["frames"], rng)
    count = batch.weight.sum((0, 1))
    mean = (batch.target * batch.weight).sum((0, 1)) / count
    variance = ((batch.target - mean) ** 2 * batch.weight).sum((0, 1)) / count
    channels = len(CHANNELS)
    sizes = ModelConfig(
        CHANNELS,
        DenoiserConfig(channels, **hearing(config), **config["denoiser"]),
        StyleEncoderConfig(channels, **config["style_encoder"]),
    )
    # Shapes that hardly ever move must not turn their noise into signal.
    return MotionModel(sizes, mean, variance.sqrt().clamp(min=0.02))


def learning_rate(step: int, config: Mapping[str, Any]) -> float:
    """Warm-up over 3 % of the steps, then constant: the running average settles the weights.

    A decay to nothing fits the few speakers better and speakers that were never seen worse.
    """
    peak: float = config["learning_rate"]
    return peak * min(1.0, (step + 1) / (0.03 * config["steps"]))


def save_model(
    output: Path, model: MotionModel, sources: list[Source], config: Mapping[str, Any], steps: int
) -> None:
    """Write a run's weights with their named styles."""
    speakers, own = [source for source in sources if source[0].observed.all()], {}
    if "from" in config:  # styles are put on the actor's face as it is without any
        rng = np.random.default_rng(config["seed"])
        own = {config["style"]: style_code(model, speakers, SyntheticStyle(), rng)}
        speakers = [at_rest(speaker) for speaker in speakers]
        copy_predictor(config, output)
    model.styles = name_styles(model, speakers, config["seed"]) | own
    model.save(output / "model.safetensors", about(config, steps))


def name_styles(model: MotionModel, speakers: list[Source], seed: int) -> dict[str, Tensor]:
    """Codes of the named styles: means over clips of all tracked speakers in that style."""
    rng = np.random.default_rng(seed)
    return {name: style_code(model, speakers, style, rng) for name, style in NAMED.items()}


@inference()
def style_code(
    model: MotionModel, speakers: list[Source], style: SyntheticStyle, rng: np.random.Generator
) -> Tensor:
    """The mean code of clips of speakers in a style."""
    was_training = model.training
    model.eval()
    clips = [draw_style_clip(speaker, style, rng) for speaker in speakers for _ in range(24)]
    one_by_one = [
        model.style_encoder(model.normalise(torch.from_numpy(clip).to(model.mean.device))[None])[0]
        for clip in clips
    ]
    model.train(was_training)
    return torch.stack(one_by_one).mean(0)


def about(config: Mapping[str, Any], steps: int) -> dict[str, str]:
    """Header of the weights: what they were made from."""
    return {
        "about": config["about"],
        "licence": config["licence"],
        "training_data": ", ".join(source["name"] for source in config["sources"]),
        "heard_behind_them": ", ".join(config["babble"]),
        "training_steps": str(steps),
    }


def made_of(config: Mapping[str, Any], sources: Sequence[Source]) -> str:
    """What a run goes on with: its configuration, but for how long it lasts, and its recordings."""
    settings = {name: entry for name, entry in config.items() if name != "steps"}
    return digest([settings, recorded(sources)])


def recorded(sources: Sequence[Source]) -> list[list[tuple[int, str]]]:
    """How many frames each recording has, and what is heard in it."""
    return [[(len(one.variants[0].values), one.sound) for one in source] for source in sources]


def save_checkpoint(
    path: Path,
    step: int,
    model: MotionModel,
    average: MotionModel,
    optimizer: torch.optim.Optimizer,
    judge: Judge | None,
    made_from: str,
) -> None:
    """Everything that is needed to go on."""
    state = {
        "made_from": made_from,
        "step": step,
        "best": judge.best if judge else None,
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(
    path: Path,
    model: MotionModel,
    average: MotionModel,
    optimizer: torch.optim.Optimizer,
    judge: Judge | None,
    made_from: str,
) -> int:
    """Restore a checkpoint if there is one; returns the step to go on from.

    Raises CorpusError if it is of another configuration, or of this one on other recordings.
    """
    state = None
    with contextlib.suppress(FileNotFoundError):
        state = torch.load(path, map_location="cpu", weights_only=True)
    if state is None:
        return 0
    if state.get("made_from") != made_from:
        raise CorpusError(
            f"{path} belongs to another configuration, or to other recordings. Choose another "
            "--output, or delete it."
        )
    try:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        if judge:
            judge.best = float(state["best"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CorpusError(
            f"{path} belongs to another configuration ({error}). Choose another --output."
        ) from error
    return int(state["step"])
