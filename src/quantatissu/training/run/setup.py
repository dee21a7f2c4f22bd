"""From a recipe to the objects of a run: model, device, precision."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, fields
from pathlib import Path

import torch

from quantatissu.foundation import QuantaError
from quantatissu.model import ModelConfig, shape
from quantatissu.model.decoder import Decoder
from quantatissu.model.folders import load_model
from quantatissu.model.hf_config import load_config
from quantatissu.tokenizer import Tokenizer, load_tokenizer
from quantatissu.training.parallel import Mesh, local_rank
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.run.adapting import adapted
from quantatissu.training.run.float8 import require_float8, use_float8

Context = Callable[[], AbstractContextManager[object]]
_TOKENS_AT_ONCE = {"cpu": 2_048, "cuda": 32_768}
_FIELDS = frozenset(field.name for field in fields(ModelConfig))
_MOST_REPLICAS = 8  # each holds gradients of its own
_TYPES = {"fp8": torch.bfloat16, "bf16": torch.bfloat16, "fp32": torch.float32, "fp64": torch.float64}


def model_config(recipe: TrainRecipe, tokenizer: Tokenizer) -> ModelConfig:
    """The shape of the model, its vocabulary that of the tokenizer. Raises QuantaError for overrides that make none."""
    table = recipe.model
    config = shape(table.shape)
    overrides = dict(table.override)
    unknown = sorted(set(overrides) - set(_FIELDS))
    if unknown:
        raise QuantaError(
            f"model.override: a model has no {unknown[0]}",
            hint=f"There are: {', '.join(sorted(_FIELDS))}",
        )
    fixed = {"vocab_size": tokenizer.vocabulary, "eos_token_id": tokenizer.end_of_text, "bos_token_id": None}
    longest = max(recipe.data.length, config.max_position_embeddings)
    try:
        return ModelConfig.of({**asdict(config), **fixed, "max_position_embeddings": longest, **overrides})
    except ValueError as error:
        raise QuantaError(f"model.override: {error}") from None


def make_model(
    recipe: TrainRecipe, tokenizer: Tokenizer, device: torch.device, *, weights: Path | None = None
) -> Decoder:
    """The model on `device`: read from the checkpoint `weights`, or as the recipe starts it."""
    dtype = torch.float64 if recipe.precision.compute == "fp64" else torch.float32
    source = recipe.model.init if recipe.adapter else weights or recipe.model.init
    if source is None:
        with torch.device("meta"):
            model = Decoder(model_config(recipe, tokenizer))
        model.to_empty(device="cpu")
        torch.manual_seed(recipe.seed)
        model.initialise()
        model.to(dtype=dtype)
    else:
        model = load_model(source, dtype=dtype)
        for parameter in model.parameters():
            # Out of the file's pages into memory that is aligned: products of other addresses may round differently.
            parameter.data = parameter.data.clone()
        _require_vocabulary(source, model.config, tokenizer)
    if recipe.adapter is not None:
        model = adapted(model, recipe.adapter, seed=recipe.seed, weights=weights)
    model.set_recompute(recipe.model.recompute)
    model.to(device)
    if recipe.precision.compute == "fp8":
        require_float8(device)
        use_float8(model)
    return model


def make_spread_model(recipe: TrainRecipe, tokenizer: Tokenizer, mesh: Mesh, *, weights: Path | None = None) -> Decoder:
    """This process's part of the model that `make_model` makes. Raises QuantaError when it cannot be divided so."""
    from quantatissu.training.parallel.filling import draw_weights, read_weights
    from quantatissu.training.parallel.spread import spread

    if recipe.precision.compute == "fp8":
        raise QuantaError("precision.compute is fp8, which runs on one process only", hint="Leave it out for bf16.")
    dtype = torch.float64 if recipe.precision.compute == "fp64" else torch.float32
    source = weights or recipe.model.init
    config = model_config(recipe, tokenizer) if source is None else load_config(source)
    if source is not None:
        _require_vocabulary(source, config, tokenizer)
    part = spread(
        config,
        mesh,
        dtype=dtype,
        compute=compute_dtype(recipe, mesh.device),
        compiled=compiles(recipe, mesh.device),
        recompute=recipe.model.recompute,
    )
    if source is None:
        draw_weights(part, recipe.seed)
    else:
        read_weights(part, source, mesh)
    return part


def _require_vocabulary(source: Path, config: ModelConfig, tokenizer: Tokenizer) -> None:
    """Raises QuantaError when ids of the data mean other tokens to the checkpoint."""
    hint = "Build the corpus with the tokenizer of that checkpoint: [tokenizer] path = …"
    own = source / "tokenizer.json"
    if own.is_file() and load_tokenizer(own).fingerprint != tokenizer.fingerprint:
        raise QuantaError(f"the data was made with another tokenizer than {source}", hint=hint)
    if config.vocab_size < tokenizer.vocabulary:
        raise QuantaError(
            f"{source} knows {config.vocab_size:,} tokens, the data has {tokenizer.vocabulary:,}", hint=hint
        )


def compiles(recipe: TrainRecipe, device: torch.device) -> bool:
    """Whether torch.compile is used."""
    wanted = recipe.precision.compile
    return wanted == "on" or (wanted == "auto" and device.type == "cuda")


def choose_device(recipe: TrainRecipe) -> torch.device:
    """The GPU if there is one and the recipe does not say otherwise. Raises QuantaError for one that is not there."""
    if recipe.device == "cuda" and not torch.cuda.is_available():
        raise QuantaError("device: there is no GPU that torch can use here", hint="Leave device out, or set it to cpu.")
    if recipe.device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    number = local_rank()
    if number >= torch.cuda.device_count():
        raise QuantaError(f"process {number} of this machine has no GPU: there are {torch.cuda.device_count()}")
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def compute_dtype(recipe: TrainRecipe, device: torch.device) -> torch.dtype:
    """What matrix products are done in."""
    wanted = recipe.precision.compute
    if wanted != "auto":
        return _TYPES[wanted]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if _multiplies_bf16() else torch.float32


def _multiplies_bf16() -> bool:
    """Whether this CPU has instructions for it; emulated, bfloat16 is slower than float32."""
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def autocast(device: torch.device, dtype: torch.dtype) -> Context:
    """The context that forward passes run in."""
    if dtype != torch.bfloat16:
        return nullcontext
    return lambda: torch.autocast(device.type, dtype=dtype)


def micro_samples(recipe: TrainRecipe, device: torch.device, world: int) -> int:
    """Samples per forward pass and process. Raises QuantaError when they do not divide a step's."""
    samples, stages = recipe.batch.samples, recipe.parallel.pipeline
    if samples % world:
        raise QuantaError(f"batch.samples is {samples}, which {world} processes cannot share evenly")
    share = samples // world
    if share < stages:
        raise QuantaError(
            f"parallel.pipeline is {stages}, and a process has only {share} of the {samples} samples of a step",
            hint="Every stage needs one to work on: raise batch.samples.",
        )
    wanted = _wanted_samples(recipe, share)
    if wanted is not None:
        if share % wanted:
            raise QuantaError(f"batch.micro is {wanted}: it must divide the {share} samples of a process in a step")
        return wanted
    largest = max(1, _TOKENS_AT_ONCE[device.type] // recipe.data.length)
    sides = 2 * stages if stages > 1 else _replicas_wanted(recipe, device, world)
    largest = min(largest, max(1, share // sides))
    # What replicas share evenly comes first: a piece left over would keep only one of them busy.
    return max(
        (size for size in range(1, largest + 1) if share % size == 0),
        key=lambda size: ((share // size) % sides == 0 or stages > 1, size),
    )


def replicas(recipe: TrainRecipe, device: torch.device, world: int, pieces: int) -> int:
    """Replicas of the model that work side by side on the ``pieces`` of a step."""
    return min(pieces, _replicas_wanted(recipe, device, world))


def _replicas_wanted(recipe: TrainRecipe, device: torch.device, world: int) -> int:
    processes = world * recipe.parallel.tensor * recipe.parallel.pipeline
    if device.type != "cpu" or processes > 1 or compiles(recipe, device):
        return 1
    wanted = recipe.batch.replicas
    if recipe.adapter is not None and recipe.adapter.dropout > 0:
        # Drawn from one generator: in threads the order of the draws, and with it the run, would be left to chance.
        if wanted is not None and wanted > 1:
            raise QuantaError(
                f"batch.replicas is {wanted}: with adapter.dropout a run on replicas could not be repeated",
                hint="Leave out one of the two.",
            )
        return 1
    return wanted or min(torch.get_num_threads(), _MOST_REPLICAS)


def _wanted_samples(recipe: TrainRecipe, share: int) -> int | None:
    """What the recipe says of a forward pass; never more than the ``share`` of a process."""
    stages, pieces = recipe.parallel.pipeline, recipe.parallel.microbatches
    if stages > 1 and pieces is not None:
        if share % pieces or pieces < stages:
            raise QuantaError(
                f"parallel.microbatches is {pieces}: it must divide the {share} samples of a process in a step, and be "
                f"at least the {stages} stages"
            )
        return share // pieces
    micro = recipe.batch.micro
    if micro is None:
        return None
    # Fewer, where more processes share a step than the recipe was written for.
    return min(micro, share // stages)
