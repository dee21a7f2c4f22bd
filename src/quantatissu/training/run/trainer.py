"""The loop: batches in, updates, records, evaluations and checkpoints out. Everything it uses is handed to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from quantatissu.foundation import QuantaError
from quantatissu.foundation.amounts import short
from quantatissu.foundation.progress import Progress, Stage
from quantatissu.training.checkpoints import Checkpoints
from quantatissu.training.data import Batch, to_torch
from quantatissu.training.metrics import Peak, Sinks, perplexity
from quantatissu.training.optim import lr_factor
from quantatissu.training.parallel import Group
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.run.evaluating import Evaluate
from quantatissu.training.run.saving import Position, Trained
from quantatissu.training.run.step import Outcome, Step
from quantatissu.training.run.stopping import Stopping


@dataclass(frozen=True, slots=True)
class Costs:
    """What a token costs, for the rates in the records."""

    flops: float
    """Of a training step, by token of a sample."""
    peak: Peak


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: ``done``, or stopped by a ``signal`` after the step in ``position``."""

    position: Position
    done: bool
    signal: int = 0


class Trainer:
    """Trains until the recipe's last step, or until it is asked to stop."""

    def __init__(
        self,
        recipe: TrainRecipe,
        trained: Trained,
        step: Step,
        batches: Callable[[int], Iterator[Batch]],
        *,
        per_step: int,
        evaluate: Evaluate | None,
        checkpoints: Checkpoints,
        sinks: Sinks,
        costs: Costs,
        group: Group,
        about: Mapping[str, Any],
        progress: Progress,
    ) -> None:
        """``batches(index)`` yields micro-batches from sample `index` on, ``per_step`` of which make a step."""
        self._recipe, self._trained, self._step, self._batches = recipe, trained, step, batches
        self._per_step, self._evaluate, self._checkpoints, self._sinks = per_step, evaluate, checkpoints, sinks
        self._costs, self._group, self._about, self._progress = costs, group, about, progress
        self._steps = recipe.total_steps
        self._language = recipe.objective.kind == "causal"
        self._saved_at = time.monotonic()

    def run(self, position: Position, stopping: Stopping) -> Ended:
        """Train from `position` on. Raises QuantaError when training does not get anywhere."""
        waiting = iter(self._batches(position.index))
        try:
            with self._progress.stage("training", self._steps, "steps") as stage:
                stage.skip(position.step)
                while position.step < self._steps:
                    self._advance(position, waiting, stage)
                    stopped = self._group.any(stopping.asked)
                    self._between(position, stopped)
                    if stopped and position.step < self._steps:
                        return Ended(position, done=False, signal=stopping.signal)
        finally:
            waiting.close()  # type: ignore[attr-defined]
        return Ended(position, done=True)

    def _advance(self, position: Position, waiting: Iterator[Batch], stage: Stage) -> None:
        """One step, recorded."""
        began = time.perf_counter()
        batches = [next(waiting) for _ in range(self._per_step)]
        waited = time.perf_counter() - began
        tensors = [to_torch(batch, self._group.device) for batch in batches]
        factor = lr_factor(self._recipe.schedule, position.step, self._steps)
        lr = self._trained.optimizers.set_lr(factor)
        outcome = self._step(tensors)
        seconds = time.perf_counter() - began
        position.step += 1
        position.index = batches[-1].index
        position.seconds += seconds
        passed = sum(batch.tokens.size for batch in batches) * self._group.world
        position.tokens += outcome.count if self._language else passed
        record = self._record(position, outcome, lr, passed, seconds, waited)
        if not outcome.taken:
            self._skipped(position, outcome)
        if self._group.main and (position.step % self._recipe.metrics.every == 0 or position.step == self._steps):
            self._sinks.write(record)
        stage.advance(1, _detail(record))

    def _record(
        self, position: Position, outcome: Outcome, lr: float, tokens: int, seconds: float, waited: float
    ) -> dict[str, Any]:
        record: dict[str, Any] = {"step": position.step, "kind": "step", **outcome.means}
        if self._language:
            record["perplexity"] = perplexity(outcome.means["loss"])
        record |= {
            "gradient_norm": outcome.norm,
            "lr": lr,
            "tokens": position.tokens,
            "epoch": self._about["epochs_per_sample"] * position.index,
            "tokens_per_s": tokens / seconds,
            "mfu": tokens * self._costs.flops / seconds / self._costs.peak.flops / self._about["world"],
            "seconds": seconds,
            "wait": waited,
            "elapsed": position.seconds,
            "memory": _memory(self._group.device),
        }
        return record

    def _skipped(self, position: Position, outcome: Outcome) -> None:
        position.skipped += 1
        if self._group.main:
            self._sinks.write({"step": position.step, "kind": "skip", "gradient_norm": outcome.norm})
        if self._step.hopeless:
            raise QuantaError(
                f"training broke down: the last steps up to {position.step} all had gradients beyond use",
                hint="Resume from an earlier checkpoint with a lower optimizer.lr or a longer schedule.warmup.",
            )

    def _between(self, position: Position, stopped: bool) -> None:
        """Evaluate and save where it is time to."""
        recipe, last = self._recipe, position.step == self._steps
        due = recipe.evaluation.every and position.step % recipe.evaluation.every == 0
        better = self._measure(position) if self._evaluate is not None and (due or last) else False
        every, minutes = recipe.checkpoint.every, recipe.checkpoint.minutes
        overdue = bool(minutes) and time.monotonic() - self._saved_at > 60 * minutes
        if last or stopped or better or (every and position.step % every == 0) or self._group.any(overdue):
            self.save(position)

    def _measure(self, position: Position) -> bool:
        """Evaluate; whether this is the best so far."""
        assert self._evaluate is not None
        figures, texts = self._evaluate()
        position.scores = figures
        better = self._judge(position)
        if not self._group.main:
            return better
        self._sinks.write({"step": position.step, "kind": "eval", **figures})
        for text in texts:
            self._sinks.write({"step": position.step, "kind": "sample", "text": text})
        self._progress.note(f"step {position.step:,}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
        return better

    def _judge(self, position: Position) -> bool:
        score = position.scores.get(self._recipe.checkpoint.best)
        sign = 1 if self._recipe.checkpoint.best_is == "lowest" else -1
        if score is None or (position.best is not None and sign * score >= sign * position.best):
            return False
        position.best, position.best_step = score, position.step
        return True

    def save(self, position: Position) -> None:
        """Make a checkpoint of this moment, and delete what is no longer kept."""
        self._checkpoints.write(position.step, lambda folder: self._trained.save(folder, position, self._about))
        best = [] if position.best_step is None else [position.best_step]
        self._checkpoints.prune(self._recipe.checkpoint.keep, best)
        self._saved_at = time.monotonic()


def _detail(record: Mapping[str, Any]) -> str:
    parts = [f"{name} {record[name]:.3f}" for name in ("loss", "accuracy", "reward") if name in record]
    return ", ".join([*parts, f"{short(record['tokens_per_s'])} tokens/s, MFU {100 * record['mfu']:.0f}%"])


def _memory(device: torch.device) -> int:
    """Bytes: the most that was allocated on the GPU, or what this process has resident at most."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
