"""What is kept out of training, to choose a run's best weights by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.models.devices import inference
from dreamtalk_core.training.config import Validation
from dreamtalk_core.training.data import Source, draw_batch, load_sources

BATCHES = 6
"""Of a validation: always the same ones, with the same noise."""


def load_split(
    config: Mapping[str, Any], corpus: Path, cache: Path
) -> tuple[list[Source], list[Source]]:
    """(what is trained on, what is kept out of it) as `validation` in the configuration says.

    Raises CorpusError as `load_sources` does.
    """
    rules = config.get("validation", {})
    sources, kept = keep_out(load_sources(config, corpus, cache), rules.get("share", 0.0))
    for speaker in rules.get("speakers", []):
        alone = {"name": speaker, "where": {"speaker": [speaker]}, "weight": 1.0}
        plain = {"sources": [alone], "babble": [], "variants": 1, "validation": {}}
        kept += load_sources({**config, **plain}, corpus, cache)
    return sources, kept


def keep_out(sources: Sequence[Source], share: float) -> tuple[list[Source], list[Source]]:
    """(what is trained on, what is kept out): of each source every so-manieth recording, as it was
    made; of few, the shortest.

    Raises CorpusError where nothing would be kept out.
    """
    if not share:
        return list(sources), []
    every = max(2, round(1 / share))
    train: list[Source] = []
    kept: list[Source] = []
    for source in sources:
        few = sorted(source, key=lambda one: len(one.variants[0].values))[:1]
        out = (source[every // 2 :: every] or few) if len(source) > 1 else []
        train.append([one for one in source if not any(one is other for other in out)])
        if out:
            kept.append([replace(one, variants=one.variants[:1]) for one in out])
    if not kept:
        raise CorpusError(
            f"Of no source a share of {share:g} can be kept out for validation: they have one clip "
            "each. Give more clips, or a validation share of 0."
        )
    return train, kept


class Judge:
    """Measures a model on what was kept out, and remembers the best."""

    def __init__(
        self,
        objective: nn.Module,
        kept: Sequence[Source],
        config: Mapping[str, Any],
        device: torch.device,
    ) -> None:
        """objective: `train.Objective` of the model that will be saved."""
        self.objective = objective
        self.seed = config["seed"]
        self.every = config["validation"].get("every", Validation.every)
        self.best = float("inf")
        rng = np.random.default_rng([self.seed, 2])
        even = [1 / len(kept)] * len(kept)
        self.batches = [
            draw_batch(kept, even, config["batch"], config["frames"], rng).to(device)
            for _ in range(BATCHES)
        ]

    @inference()
    def loss(self) -> float:
        """The mean loss, with nothing hidden and nothing dropped."""
        self.objective.eval()
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            losses = [float(self.objective(batch)["total"]) for batch in self.batches]
        return sum(losses) / len(losses)
