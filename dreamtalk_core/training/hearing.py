"""How the style predictor learns to hear an emotion, and how sure it may be of it.

Balanced: a corpus counts as much as its share of the training says, within it every emotion alike,
and within an emotion a speaker with the root of what there is of them. Few people have acted, and
what a network learns of them by heart is worth nothing for others: it hears summaries with noise
and gaps, and mixtures of two (mixup: Zhang et al. 2018, arXiv 1710.09412). Speakers are then kept
out in turns, and how sure it is of what they say is made as much as it is right (temperature
scaling: Guo et al. 2017, arXiv 1706.04599).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import trange

from dreamtalk_core.models.style_predictor import StylePredictor
from dreamtalk_core.training.examples import Example

BATCH = 256
TEMPERATURES = np.geomspace(0.4, 4, 47).tolist()


def teach_hearing(
    predictor: StylePredictor, examples: Sequence[Example], config: Mapping[str, Any]
) -> float:
    """Fit the classifier of a predictor. Returns the temperature that its logits are divided by.

    config: a predictor's; of it `hearing`, `shares` and `seed`.
    """
    _, temperature = hear_kept_out(predictor, examples, config)
    fit_hearing(predictor, *_tensors(predictor, examples, config), config)
    last = predictor.hearing[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.div_(temperature)
        last.bias.div_(temperature)
    return temperature


def hear_kept_out(
    predictor: StylePredictor, examples: Sequence[Example], config: Mapping[str, Any]
) -> tuple[Tensor, float]:
    """Logits [N, E] of examples, heard when their speakers were kept out, and their temperature."""
    heard, label, weight = _tensors(predictor, examples, config)
    logits = torch.zeros(len(examples), len(predictor.config.emotions))
    for kept_out in folds(examples, config["hearing"]["folds"]):
        fit_hearing(predictor, heard[~kept_out], label[~kept_out], weight[~kept_out], config)
        with torch.no_grad():
            logits[kept_out] = predictor.hear(heard[kept_out])
    losses = [_loss(logits / each, label, weight) for each in TEMPERATURES]
    return logits, float(TEMPERATURES[int(np.argmin(losses))])


def _tensors(
    predictor: StylePredictor, examples: Sequence[Example], config: Mapping[str, Any]
) -> tuple[Tensor, Tensor, Tensor]:
    """Summaries [N, len(SUMMARY)], labels [N] and weights [N] of examples."""
    heard = torch.from_numpy(np.stack([example.summary for example in examples]))
    label = [predictor.config.emotions.index(example.emotion) for example in examples]
    return heard, torch.tensor(label), torch.from_numpy(balance(examples, config["shares"]))


def fit_hearing(
    predictor: StylePredictor,
    heard: Tensor,
    label: Tensor,
    weight: Tensor,
    config: Mapping[str, Any],
) -> None:
    """Fit the classifier anew to summaries [N, len(SUMMARY)] with labels [N] and weights [N]."""
    settings = config["hearing"]
    predictor.speech_mean.copy_(heard.mean(0))
    predictor.speech_scale.copy_(heard.std(0).clamp(min=1e-3))
    normal = predictor.normalise(heard)
    network = predictor.hearing.train()
    torch.manual_seed(config["seed"])
    for layer in network:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    rate, steps = settings["learning_rate"], settings["steps"]
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=settings["weight_decay"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.1)
    right = F.one_hot(label, len(predictor.config.emotions)).float()
    mixing = torch.distributions.Beta(settings["mixing"], settings["mixing"])
    for _ in trange(steps, desc="hearing", disable=None):
        one, other = torch.multinomial(weight, 2 * BATCH, True).view(2, BATCH)
        share = mixing.sample((BATCH, 1))
        mixed = share * normal[one] + (1 - share) * normal[other]
        wanted = share * right[one] + (1 - share) * right[other]
        noisy = mixed + settings["noise"] * torch.randn_like(mixed)
        loss = F.cross_entropy(network(F.dropout(noisy, settings["gaps"])), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    optimizer.zero_grad()
    network.eval()


def balance(examples: Sequence[Example], shares: Mapping[str, float]) -> npt.NDArray[np.float32]:
    """[N] how much each example counts, see the module; 0 of an origin without a share."""
    which = [(one.origin, one.emotion, one.speaker) for one in examples]
    count = Counter(which)
    speakers: Counter[tuple[str, str]] = Counter()
    for (origin, emotion, _), number in count.items():
        speakers[origin, emotion] += number**0.5
    emotions = Counter(origin for origin, _ in speakers)
    weight = [
        shares.get(one[0], 0) / emotions[one[0]] / speakers[one[:2]] / count[one] ** 0.5
        for one in which
    ]
    return np.array(weight, np.float32) / np.float32(sum(weight))


def folds(examples: Sequence[Example], number: int) -> list[Tensor]:
    """[N] masks of the speakers to keep out together, of each origin alike."""
    turn: dict[tuple[str, str], int] = {}
    for origin in sorted({one.origin for one in examples}):
        names = sorted({one.speaker for one in examples if one.origin == origin})
        turn |= {(origin, name): index % number for index, name in enumerate(names)}
    turns = torch.tensor([turn[one.origin, one.speaker] for one in examples])
    return [turns == index for index in range(number)]


def _loss(logits: Tensor, label: Tensor, weight: Tensor) -> float:
    return float((weight * F.cross_entropy(logits, label, reduction="none")).sum())
