"""One run: opened, trained or gone on with, and closed with a model card."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from quantatissu.foundation import QuantaError
from quantatissu.foundation.progress import Progress, Silent
from quantatissu.foundation.recipes import as_toml, parse_recipe, plain
from quantatissu.training.checkpoints import Checkpoint, Checkpoints
from quantatissu.training.parallel import Group, open_group
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.run.adapting import require_adaptable, save_merged
from quantatissu.training.run.assembling import assemble
from quantatissu.training.run.card import write_card
from quantatissu.training.run.data import Data, open_data
from quantatissu.training.run.setup import (
    choose_device,
    micro_samples,
)
from quantatissu.training.run.stopping import Stopping, asked_to_stop
from quantatissu.training.run.trainer import Ended

RECIPE = "recipe.toml"
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
        trainer, position = assemble(recipe, folder, data, checkpoints, last, group, progress)
        if group.main:
            (folder / RECIPE).write_text(as_toml(recipe), encoding="utf-8")
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
