"""One run: opened, trained or gone on with, and closed with a model card."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from quantatissu.foundation import QuantaError
from quantatissu.foundation.progress import Progress, Silent
from quantatissu.foundation.recipes import as_json, as_toml, parse_recipe, plain
from quantatissu.model import ModelConfig
from quantatissu.model.decoder import Decoder
from quantatissu.training.checkpoints import Checkpoint, Checkpoints
from quantatissu.training.metrics import Peak, Sinks, measure_peak, open_sinks
from quantatissu.training.objectives import CausalLM, Objective, Tensors, Terms
from quantatissu.training.optim import Optimizers, SpikeGuard, WeightAverage
from quantatissu.training.parallel import Group, Mesh, open_group
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.run.adapting import require_adaptable, save_merged
from quantatissu.training.run.card import write_card
from quantatissu.training.run.data import Data, open_data
from quantatissu.training.run.environment import describe_environment
from quantatissu.training.run.lessons import Classroom, answer_ends, make_objective, open_lesson
from quantatissu.training.run.saving import Position, Trained
from quantatissu.training.run.setup import (
    Context,
    autocast,
    choose_device,
    compiles,
    compute_dtype,
    make_model,
    make_spread_model,
    micro_samples,
)
from quantatissu.training.run.step import Accumulate, Step
from quantatissu.training.run.stopping import Stopping, asked_to_stop
from quantatissu.training.run.trainer import Costs, Ended, Trainer

RECIPE = "recipe.toml"
_WHOLE_LAYERS = 12  # a compiler unrolls them all: more take minutes, while alike blocks are compiled once
_CHUNK_TOKENS = 512  # through the output head at a time on a CPU: larger ones cost page faults
_CHUNK_LOGITS = 1 << 29  # on a GPU: two gigabytes of them in float32 keep it busy
# What may differ between the two halves of a run: it does not change what the next step computes.
_FREE = {"name", "steps", "tokens", "device", "schedule", "checkpoint", "evaluation", "metrics", "parallel"}
_FREE_OF_OBJECTIVE = ("workers", "held_out_prompts", "held_out_samples")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left behind."""

    folder: Path
    checkpoint: Checkpoint | None
    ended: Ended
    main: bool = True
    """Whether this is the process that talks; torchrun may have started more of them."""


def train(recipe: TrainRecipe, folder: Path, *, resume: bool, progress: Progress) -> Finished:
    """Run `recipe` in `folder`. With ``resume`` go on from the last checkpoint there, if there is one.

    Under torchrun all processes call this. Raises QuantaError for a recipe, data or folder that cannot be used, and
    when the memory does not suffice: on one process; the others end with SystemExit.
    """
    with open_group(recipe.parallel, choose_device(recipe)) as group, asked_to_stop() as stopping:
        try:
            return _train(recipe, folder, resume, group, stopping, progress if group.main else Silent())
        except torch.OutOfMemoryError as error:
            raise QuantaError(_memory_advice(recipe, group.device, str(error))) from error
        except RuntimeError as error:
            if "allocate memory" not in str(error):
                raise
            raise QuantaError(_memory_advice(recipe, group.device, str(error))) from error


def _train(
    recipe: TrainRecipe, folder: Path, resume: bool, group: Group, stopping: Stopping, progress: Progress
) -> Finished:
    checkpoints = Checkpoints(folder / "checkpoints", group, background=recipe.checkpoint.background)
    checkpoints.clean()
    last = checkpoints.last() if resume else None
    require_adaptable(recipe, group.size)
    data = open_data(recipe)
    if last is not None:
        _require_same(recipe, data, last)
    folder.mkdir(parents=True, exist_ok=True)
    with checkpoints.written():
        trainer, position = _assemble(recipe, folder, data, checkpoints, last, group, progress)
        ended = trainer.run(position, stopping)
    group.wait()
    checkpoint = checkpoints.last()
    if ended.done and checkpoint is not None and group.main:
        write_card(folder, recipe, checkpoint)
        if recipe.adapter is not None:
            progress.note(f"with the adapter folded in: {save_merged(recipe, checkpoint, folder)}")
    if not ended.done and not ended.signal:
        ended = replace(ended, signal=signal.SIGTERM)  # another process was asked, and all stop together
    return Finished(folder, checkpoint, ended, group.main)


def _assemble(
    recipe: TrainRecipe,
    folder: Path,
    data: Data,
    checkpoints: Checkpoints,
    last: Checkpoint | None,
    group: Group,
    progress: Progress,
) -> tuple[Trainer, Position]:
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
    if group.main:
        (folder / RECIPE).write_text(as_toml(recipe), encoding="utf-8")
    progress.note(
        f"{model.config.parameters:,} parameters, {str(dtype).removeprefix('torch.')}, peak {peak}, "
        f"{recipe.batch.samples * recipe.data.length:,} tokens a step in {recipe.batch.samples // rows} pieces"
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
    return config.model_copy(update={"eos_token_id": tuple(sorted({*before, *ends}))})


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


def _require_same(recipe: TrainRecipe, data: Data, last: Checkpoint) -> None:
    """Raises QuantaError when going on from `last` would not be the same run."""
    stored = last.training()
    # What a recipe of another version did not know has its default.
    before, now = {**plain(TrainRecipe()), **stored["recipe"]}, plain(recipe)
    for table in (before, now):
        table["batch"].pop("micro", None)  # how a step is cut in pieces changes nothing but rounding
        for name in _FREE_OF_OBJECTIVE:
            table["objective"].pop(name, None)
    changed = sorted(key for key in now if key not in _FREE and before.get(key) != now[key])
    if "data" in changed and stored["data"] == data.samples.fingerprint:
        changed.remove("data")  # moved to another folder, or read ahead differently: the samples are the same
    elif stored["data"] != data.samples.fingerprint and "data" not in changed:
        changed.append("data")
    if changed:
        raise QuantaError(
            f"this is another run than the one in {last.path.parent.parent}: {', '.join(changed)} changed",
            hint="Resume with its own recipe.toml; or train its weights on as a new run: --init CHECKPOINT --out DIR.",
        )


def stored_recipe(folder: Path, overrides: list[str]) -> TrainRecipe:
    """The recipe of the run in `folder`, with settings laid over it. Raises QuantaError when there is none."""
    path = folder / RECIPE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise QuantaError(f"{folder} holds no run to resume", hint="Pass its folder as --out.") from error
    return parse_recipe(text, TrainRecipe, overrides, name=str(path))


def _memory_advice(recipe: TrainRecipe, device: torch.device, error: str) -> str:
    rows = micro_samples(recipe, device, 1)
    less = f"batch.micro={max(1, rows // 2)}" if rows > 1 else f"data.length={recipe.data.length // 2}"
    where = "GPU" if device.type == "cuda" else "machine"
    more = "" if recipe.model.recompute == "full" else ", then model.recompute=full"
    return (
        f"the {where}'s memory does not suffice ({error.splitlines()[0][:120]})\n"
        f"Try {less}{more}; `--dry-run` estimates what a recipe needs."
    )
