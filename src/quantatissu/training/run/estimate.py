"""What a run will need, before it begins: parameters, memory, disk and time."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from quantatissu.corpus.shards import is_built
from quantatissu.foundation.amounts import short, size
from quantatissu.foundation.progress import clock_time
from quantatissu.model import ModelConfig, shape
from quantatissu.model.hf_config import load_config
from quantatissu.tokenizer import Tokenizer
from quantatissu.training.metrics import Peak, measure_peak
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.run.data import open_data
from quantatissu.training.run.setup import choose_device, compute_dtype, micro_samples, model_config, replicas

_ASSUMED_MFU = {"cpu": 0.60, "cuda": 0.40}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes, seconds and counts. ``memory`` is of one process."""

    config: ModelConfig
    tokens: int
    data_tokens: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    checkpoint: int
    checkpoints_kept: int
    seconds: float
    peak: Peak
    assumed_mfu: float
    available: int
    disk_free: int

    @property
    def memory(self) -> int:
        """All of it together."""
        return self.weights + self.gradients + self.optimizer + self.activations

    def lines(self) -> list[str]:
        """For people."""
        passes = (
            f"{self.tokens / self.data_tokens:.2f} passes over {short(self.data_tokens)}"
            if self.data_tokens
            else ("over a corpus that is built first")
        )
        kept = self.checkpoint * self.checkpoints_kept
        found = [
            f"parameters   {self.config.parameters:,} ({self.config.embedding_parameters:,} in the embedding)",
            f"tokens       {short(self.tokens)}, {passes}",
            f"memory       {size(self.memory)} of {size(self.available)}: weights {size(self.weights)}, gradients "
            f"{size(self.gradients)}, optimizer {size(self.optimizer)}, activations about {size(self.activations)}",
            f"disk         {size(kept)} of {size(self.disk_free)} free: {self.checkpoints_kept} checkpoints of "
            f"{size(self.checkpoint)}",
            f"time         about {_long_time(self.seconds)} at {100 * self.assumed_mfu:.0f}% of {self.peak}",
        ]
        if self.memory > self.available:
            found.append("This does not fit: lower batch.micro or data.length, or set model.recompute.")
        if kept > self.disk_free:
            found.append("The disk is too small: lower checkpoint.keep.")
        return found


def estimate(recipe: TrainRecipe, folder: Path) -> Estimate:
    """Measure the device for a second, and calculate the rest. Raises QuantaError as a run would."""
    corpora, tokenizer = _data(recipe)
    device = choose_device(recipe)
    dtype = compute_dtype(recipe, device)
    config = _config(recipe, tokenizer)
    rows = micro_samples(recipe, device, 1)
    sides = replicas(recipe, device, 1, recipe.batch.samples // rows)
    width = 8 if recipe.precision.compute == "fp64" else 4
    weights = config.parameters * width
    states = _optimizer_bytes(recipe, config, width)
    average = weights if recipe.average.kind == "ema" else 0
    # A checkpoint is written behind the run's back from a copy, which on a GPU is not in the GPU's memory.
    copy = weights + states + average if recipe.checkpoint.background and device.type == "cpu" else 0
    tokens = recipe.total_steps * recipe.batch.samples * recipe.data.length
    peak = measure_peak(device, dtype)
    mfu = _ASSUMED_MFU[device.type]
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    return Estimate(
        config=config,
        tokens=tokens,
        data_tokens=corpora,
        weights=weights + average + copy,
        gradients=sides * weights,
        optimizer=states,
        activations=_activation_bytes(recipe, config, sides * rows, 2 if dtype == torch.bfloat16 else width),
        checkpoint=weights + states + average,
        checkpoints_kept=recipe.checkpoint.keep + 1,
        seconds=tokens * config.flops_per_token(recipe.data.length) / (peak.flops * mfu),
        peak=peak,
        assumed_mfu=mfu,
        available=_available(device),
        disk_free=shutil.disk_usage(existing).free,
    )


def _long_time(seconds: float) -> str:
    """Days where a clock's hours would be many."""
    days = seconds / 86_400
    return f"{days:,.1f} days" if days > 2 else clock_time(seconds)


def _data(recipe: TrainRecipe) -> tuple[int, Tokenizer | None]:
    """Tokens to train on and the vocabulary; nothing is known while there is no corpus yet."""
    built = bool(recipe.data.corpus) and all(is_built(one.path) for one in recipe.data.corpus)
    if not built and not recipe.data.records:
        return 0, None
    data = open_data(recipe)
    return data.tokens, data.tokenizer


def _config(recipe: TrainRecipe, tokenizer: Tokenizer | None) -> ModelConfig:
    if recipe.model.init is not None:
        return load_config(recipe.model.init)
    return shape(recipe.model.shape) if tokenizer is None else model_config(recipe, tokenizer)


def _optimizer_bytes(recipe: TrainRecipe, config: ModelConfig, width: int) -> int:
    """AdamW keeps two numbers a parameter, Muon one."""
    if recipe.optimizer.kind == "adamw":
        return 2 * config.parameters * width
    hidden = config.matmul_parameters - config.embedding_parameters
    return (2 * (config.parameters - hidden) + hidden) * width


def _activation_bytes(recipe: TrainRecipe, config: ModelConfig, rows: int, width: int) -> int:
    """What the backward pass keeps, by token and layer: the residual stream and norms (5 D), q, k, v and what attention
    gives, gate, up and their product; plus one chunk of logits in float32 with its gradient.
    """
    heads = (2 * config.num_attention_heads + 2 * config.num_key_value_heads) * config.head_dim
    kept = {
        "none": 5 * config.hidden_size + 2 * heads + 4 * config.intermediate_size,
        "selective": 3 * config.hidden_size + heads,
        "full": config.hidden_size,
    }[recipe.model.recompute]
    logits = 1024 * config.vocab_size * 4 * 3
    return rows * recipe.data.length * config.num_hidden_layers * kept * width + logits


def _available(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
