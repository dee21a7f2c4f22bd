"""Runs that train an adapter instead of all weights: LoRA, DoRA, QLoRA."""

from __future__ import annotations

from pathlib import Path

import torch

from quantatissu.foundation import QuantaError
from quantatissu.model.adapters import AdapterConfig, attach, load_adapter, merge
from quantatissu.model.decoder import Decoder
from quantatissu.model.folders import load_model, save_model
from quantatissu.tokenizer import load_tokenizer, save_tokenizer
from quantatissu.tokenizer.chat import load_template
from quantatissu.training.checkpoints import Checkpoint
from quantatissu.training.recipe import TrainRecipe

MERGED = "merged"


def require_adaptable(recipe: TrainRecipe, processes: int) -> None:
    """Raises QuantaError for a run that cannot train its adapter."""
    if recipe.adapter is None:
        return
    if recipe.model.init is None:
        raise QuantaError("adapter: there is nothing to adapt", hint="Name the checkpoint to start from with --init.")
    if processes > 1:
        raise QuantaError("adapter: adapters are trained on one process", hint="Leave [adapter] out, or torchrun.")


def adapted(model: Decoder, settings: AdapterConfig, *, seed: int, weights: Path | None) -> Decoder:
    """`model` with its own weights frozen and an adapter, read from the checkpoint `weights` if there is one."""
    if weights is None:
        torch.manual_seed(seed)
        attach(model, settings)
    else:
        load_adapter(model, weights, quantise=settings.quantise != "none")
    return model


def save_merged(recipe: TrainRecipe, checkpoint: Checkpoint, folder: Path) -> Path:
    """Write the model with the adapter of `checkpoint` folded in to ``merged`` in `folder`; returns that."""
    assert recipe.model.init is not None
    model = load_model(recipe.model.init, dtype=torch.float32)
    load_adapter(model, checkpoint.path)
    merge(model)
    target = folder / MERGED
    save_model(model, target)
    save_tokenizer(load_tokenizer(checkpoint.path), target, template=load_template(checkpoint.path))
    return target
