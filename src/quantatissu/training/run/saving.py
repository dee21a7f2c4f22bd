"""What a checkpoint of a run holds, and how it is read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from quantatissu.foundation import QuantaError
from quantatissu.model.adapters import AdapterConfig, adapter_tensors, save_adapter_tensors
from quantatissu.model.decoder import Decoder
from quantatissu.tokenizer import ChatTemplate, Tokenizer, save_tokenizer
from quantatissu.training.checkpoints import (
    TRAINING,
    Checkpoint,
    copied,
    load_tensors,
    random_states,
    restore_random,
    save_tensors,
    write_weights,
)
from quantatissu.training.optim import Optimizers, SpikeGuard, WeightAverage
from quantatissu.training.parallel import Group, settle

_STATE = "state"
_OPTIMIZER, _AVERAGE = "optimizer.", "average."


@dataclass
class Position:
    """How far a run is: everything that changes from step to step and is no tensor."""

    step: int = 0
    """Updates done, skipped ones included."""
    index: int = 0
    """The first sample not used yet."""
    tokens: int = 0
    """Scored so far; gone through, where it is not tokens that are scored."""
    seconds: float = 0.0
    """Spent in steps, over all sessions."""
    best: float | None = None
    """The best score so far, and the step it was measured at."""
    best_step: int | None = None
    skipped: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    """The last evaluation."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The parts of a run that a checkpoint saves and restores."""

    model: Decoder
    tokenizer: Tokenizer
    optimizers: Optimizers
    guard: SpikeGuard
    average: WeightAverage | None
    group: Group
    template: ChatTemplate | None = None
    """For chats; None: ours, if the vocabulary has its tokens."""
    adapter: AdapterConfig | None = None
    """Of a run that trains one: its checkpoints hold the adapter, and not the weights that never change."""

    def save(self, folder: Path, position: Position, about: Mapping[str, Any]) -> Callable[[], None]:
        """Copy everything as it is now; ``about`` goes beside it (recipe, fingerprint, environment). What is returned
        writes the copies into `folder`, in any thread, while training goes on: on every process of the group.
        """
        settle(self.model)
        weights = copied({} if self.adapter else dict(self.model.named_parameters()))
        adapter = copied(adapter_tensors(self.model)) if self.adapter else {}
        tensors = copied(self._tensors(self.optimizers.state()))
        state = {
            "position": vars(position),
            "random": random_states(),
            "norms": self.guard.state,
            "averaged": self.average.updates if self.average else 0,
            **about,
        }
        text = json.dumps(state, indent=1, ensure_ascii=False) + "\n"

        def write() -> None:
            if self.group.main:
                save_tokenizer(self.tokenizer, folder, template=self.template)
                (folder / TRAINING).write_text(text, encoding="utf-8")
            save_tensors(tensors, folder / _STATE, self.group.writers)
            if self.adapter:
                save_adapter_tensors(adapter, self.adapter, folder)
            else:
                write_weights(self.model.config, weights, folder, self.group.writers)

        return write

    def restore(self, checkpoint: Checkpoint) -> Position:
        """Go on from `checkpoint`, whose weights the model was loaded from."""
        state = checkpoint.training()
        try:
            position = Position(**state["position"])
            load_tensors(self._tensors(self.optimizers.prepare()), checkpoint.path / _STATE, self.group.writers)
            self.guard.restore(state["norms"])
            if self.average is not None:
                self.average.updates = state["averaged"]
            restore_random(state["random"])
        except (KeyError, TypeError) as error:
            raise QuantaError(f"the checkpoint {checkpoint.path} was written by another version: {error}") from error
        return position

    def _tensors(self, optimizer: Mapping[str, Tensor]) -> dict[str, Tensor]:
        tensors = {_OPTIMIZER + name: value for name, value in optimizer.items()}
        if self.average is not None:
            tensors |= {_AVERAGE + name: value for name, value in self.average.weights.items()}
        return tensors
