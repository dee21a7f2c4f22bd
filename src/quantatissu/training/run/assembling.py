"""From a recipe and its data to a trainer with everything in place, at its first step or behind its last checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from quantatissu.foundation import QuantaError
from quantatissu.foundation.progress import Progress
from quantatissu.foundation.recipes import as_json, plain
from quantatissu.model import ModelConfig
from quantatissu.model.decoder import Decoder
from quantatissu.training.checkpoints import Checkpoint, Checkpoints
from quantatissu.training.metrics import Peak, Sinks, measure_peak, open_sinks
from quantatissu.training.objectives import CausalLM, Objective, Tensors, Terms
from quantatissu.training.optim import Optimizers, SpikeGuard, WeightAverage
from quantatissu.training.parallel import Group, Mesh
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.run.data import Data
from quantatissu.training.run.environment import describe_environment
from quantatissu.training.run.lessons import Classroom, answer_ends, make_objective, open_lesson
from quantatissu.training.run.replicas import Replicas
from quantatissu.training.run.saving import Position, Trained
from quantatissu.training.run.setup import (
    Context,
    autocast,
    compiles,
    compute_dtype,
    make_model,
    make_spread_model,
    micro_samples,
    replicas,
)
from quantatissu.training.run.step import Accumulate, Step
from quantatissu.training.run.trainer import Costs, Trainer

_WHOLE_LAYERS = 12  # a compiler unrolls them all: more take minutes, while alike blocks are compiled once
_CHUNK_TOKENS = 512  # through the output head at a time on a CPU: larger ones cost page faults
_CHUNK_LOGITS = 1 << 29  # on a GPU: two gigabytes of them in float32 keep it busy


def assemble(
    recipe: TrainRecipe,
    folder: Path,
    data: Data,
    checkpoints: Checkpoints,
    last: Checkpoint | None,
    group: Group,
    progress: Progress,
) -> tuple[Trainer, Position]:
    """The trainer of `recipe` in `folder`, and where it stands. Raises QuantaError for what does not go together."""
    device = group.device
    weights = last.path if last else None
    rows = micro_samples(recipe, device, group.world)
    dtype = compute_dtype(recipe, device)
    if isinstance(group, Mesh):
        model = make_spread_model(recipe, data.tokenizer, group, weights=weights)
    else:
        model = make_model(recipe, data.tokenizer, device, weights=weights)
    if recipe.data.records:
        model.config = _ending(model.config, answer_ends(data))
    context = autocast(device, dtype)
    objective = make_objective(recipe, _chunk(model, device))
    trained = Trained(
        model,
        data.tokenizer,
        Optimizers(model, recipe.optimizer),
        SpikeGuard(recipe.spikes),
        WeightAverage(model, recipe.average) if recipe.average.kind == "ema" else None,
        group,
        data.template,
        recipe.adapter,
    )
    position = trained.restore(last) if last else Position()
    per_step = recipe.batch.samples // (rows * group.world)
    whole, accumulate = model, None
    if isinstance(group, Mesh):
        whole, accumulate = _spread(recipe, model, objective, group, (rows, recipe.data.length), per_step, context)
    side_by_side = replicas(recipe, device, group.world, per_step)
    if side_by_side > 1:
        accumulate = Replicas(model, objective, context, side_by_side)
    step = Step(
        _forward(recipe, whole, objective, group),
        objective,
        trained.optimizers,
        trained.guard,
        group,
        clip=recipe.optimizer.clip,
        average=trained.average,
        context=context,
        accumulate=accumulate,
    )
    lesson = open_lesson(
        Classroom(
            recipe,
            folder,
            data,
            whole,
            objective,
            trained.average,
            group,
            context,
            rows,
            checkpoints,
            begun=last is not None,
            progress=progress,
        )
    )
    peak = _peak(group, dtype)
    about = _about(recipe, data, model, group)
    trainer = Trainer(
        recipe,
        trained,
        step,
        lesson.batches,
        per_step=per_step,
        evaluate=lesson.evaluate,
        checkpoints=checkpoints,
        sinks=_sinks(recipe, folder, position, group),
        costs=Costs(model.config.flops_per_token(recipe.data.length), peak),
        group=group,
        about=about,
        progress=progress,
    )
    progress.note(
        f"{model.config.parameters:,} parameters, {str(dtype).removeprefix('torch.')}, peak {peak}, "
        f"{recipe.batch.samples * recipe.data.length:,} tokens a step in {recipe.batch.samples // rows} pieces"
        + (f" on {side_by_side} replicas" if side_by_side > 1 else "")
    )
    if last:
        progress.note(f"resuming behind step {position.step:,}")
    return trainer, position


def _spread(
    recipe: TrainRecipe,
    part: Decoder,
    objective: Objective,
    mesh: Mesh,
    shape: tuple[int, int],
    pieces: int,
    context: Context,
) -> tuple[Decoder, Accumulate | None]:
    """The model as it is called, and how a pipeline goes through a step's `pieces` of `shape`."""
    from quantatissu.training.parallel.whole import Whole

    if mesh.plan.pipeline > 1 and not isinstance(objective, CausalLM):
        raise QuantaError(
            f"parallel.pipeline: the objective {recipe.objective.kind} cannot be spread over a pipeline",
            hint="Use parallel.shard or parallel.tensor.",
        )
    whole = Whole(part, mesh)
    if mesh.plan.pipeline == 1:
        return whole, None
    from quantatissu.training.parallel.pipeline import Pipeline

    compute = compute_dtype(recipe, mesh.device)
    return whole, Pipeline(part, objective, mesh, pieces=pieces, shape=shape, compute=compute, context=context)


def _peak(group: Group, dtype: torch.dtype) -> Peak:
    """Measured by one process while the others wait: on a CPU they would take the cores from each other."""
    peak = measure_peak(group.device, dtype) if group.main else None
    flops = group.same(torch.tensor(peak.flops if peak else 0.0, dtype=torch.float64, device=group.device)).item()
    return peak or Peak(flops, 0, str(dtype).removeprefix("torch."), "measured by the main process")


def _sinks(recipe: TrainRecipe, folder: Path, position: Position, group: Group) -> Sinks:
    if not group.main:
        return Sinks([])
    return open_sinks(folder, recipe.metrics.sinks, plain(recipe), keep_to=position.step)


def _ending(config: ModelConfig, ends: frozenset[int]) -> ModelConfig:
    """The config of a model whose answers end with these tokens too, for whoever generates from it."""
    known = config.eos_token_id
    before = () if known is None else (known,) if isinstance(known, int) else known
    return replace(config, eos_token_id=tuple(sorted({*before, *ends})))


def _chunk(model: Decoder, device: torch.device) -> int:
    """Tokens that go through the output head at a time."""
    return _CHUNK_TOKENS if device.type == "cpu" else max(_CHUNK_TOKENS, _CHUNK_LOGITS // model.config.vocab_size)


def _forward(recipe: TrainRecipe, model: Decoder, objective: Objective, group: Group) -> Callable[[Tensors], Terms]:
    """The summed loss of a micro-batch, compiled where that pays: whole, or, spread or deep, block by block."""

    def forward(batch: Tensors) -> Terms:
        return objective(model, batch)

    if compiles(recipe, group.device) and group.size == 1:
        if model.config.num_hidden_layers > _WHOLE_LAYERS:
            for block in model.model.layers.values():
                block.compile(dynamic=False)
            return forward
        compiled: Callable[[Tensors], Terms] = torch.compile(forward, dynamic=False)
        return compiled
    return forward


def _about(recipe: TrainRecipe, data: Data, model: Decoder, group: Group) -> dict[str, Any]:
    return {
        "recipe": plain(recipe),
        "recipe_hash": hashlib.blake2b(as_json(recipe).encode(), digest_size=16).hexdigest(),
        "data": data.samples.fingerprint,
        "epochs_per_sample": 1.0 / data.per_epoch,
        "environment": describe_environment(group.device),
        "world": group.size,
        "model": {
            "architecture": model.config.architecture,
            "parameters": model.config.parameters,
            "flops_per_token": model.config.flops_per_token(recipe.data.length),
        },
    }
