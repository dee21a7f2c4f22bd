"""Adapters on disk, as PEFT writes and reads them: ``adapter_config.json`` and ``adapter_model.safetensors``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from quantatissu.foundation import QuantaError
from quantatissu.model.adapters.attach import adapted, attach
from quantatissu.model.adapters.config import PROJECTIONS, AdapterConfig
from quantatissu.model.decoder import Decoder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_WEIGHTS = ("lora_A.weight", "lora_B.weight", "lora_magnitude_vector")
# Settings of PEFT that change what is computed, with the values under which they change nothing.
_INERT: dict[str, tuple[Any, ...]] = {
    "bias": ("none",),
    "fan_in_fan_out": (False,),
    "lora_bias": (False,),
    "modules_to_save": (None, []),
    "layers_to_transform": (None, []),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "layer_replication": (None, []),
    "trainable_token_indices": (None,),
    "target_parameters": (None, []),
    "use_qalora": (False,),
    "use_bdlora": (None, False),
    "velora_config": (None,),
    "arrow_config": (None,),
    "kasa_config": (None,),
    "monteclora_config": (None,),
    "alora_invocation_tokens": (None,),
}


def save_adapter(model: Decoder, config: AdapterConfig, folder: str | Path, *, base: str | None = None) -> None:
    """Write the adapters of ``model`` to ``folder``; ``base`` is the path or name of the model they belong to."""
    save_adapter_tensors(adapter_tensors(model), config, folder, base=base)


def adapter_tensors(model: Decoder) -> dict[str, Tensor]:
    """The adapters' weights under PEFT's names; views of the model's own."""
    return {
        f"{_PREFIX}{name}.{part}": tensor.detach()
        for name, layer in adapted(model)
        for part, tensor in layer.state_dict().items()
        if part in _WEIGHTS
    }


def save_adapter_tensors(
    tensors: Mapping[str, Tensor], config: AdapterConfig, folder: str | Path, *, base: str | None = None
) -> None:
    """`save_adapter` for what `adapter_tensors` gave, copied perhaps while training goes on."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    assert tensors, "no adapter is attached"
    weights = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    partial = folder / f".{WEIGHTS}.partial"
    save_file(weights, partial, metadata={"format": "pt"})
    partial.replace(folder / WEIGHTS)
    partial = folder / f".{CONFIG}.partial"
    partial.write_text(json.dumps(_to_peft(config, base), indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / CONFIG)


def load_adapter(model: Decoder, folder: str | Path, *, quantise: bool = False) -> AdapterConfig:
    """Attach the adapter in ``folder``, ours or PEFT's, to ``model`` in place; ``quantise`` the frozen weights to NF4.

    Raises QuantaError as `read_adapter` does.
    """
    config, weights = read_adapter(model, folder)
    config = config.model_copy(update={"quantise": "nf4" if quantise else "none"})
    attach(model, config)
    layers = dict(adapted(model))
    with torch.no_grad():
        for (name, part), tensor in weights.items():
            layers[name].get_parameter(part).copy_(tensor)
    return config


def read_adapter(model: Decoder, folder: str | Path) -> tuple[AdapterConfig, dict[tuple[str, str], Tensor]]:
    """The adapter in ``folder``, ours or PEFT's, which must fit ``model``: its settings, and its weights by the name of
    the layer and that of the parameter in `AdaptedLinear`.

    Raises QuantaError for an adapter that is not LoRA or DoRA on the projections of this model, and for what else PEFT
    can add.
    """
    folder = Path(folder)
    table = _read_config(folder)
    weights = _read_weights(folder)
    targets = {_split(key)[0].rpartition(".")[2] for key in weights}
    if not targets or not targets <= set(PROJECTIONS):
        raise QuantaError(
            f"{folder}: it adapts {', '.join(sorted(targets - set(PROJECTIONS))) or 'nothing'}",
            hint=f"Supported are: {', '.join(PROJECTIONS)}.",
        )
    config = AdapterConfig(
        rank=table["r"],
        alpha=table["lora_alpha"],
        dropout=table.get("lora_dropout") or 0.0,
        targets=tuple(name for name in PROJECTIONS if name in targets),
        dora=bool(table.get("use_dora")),
        rank_stabilised=bool(table.get("use_rslora")),
    )
    expected = _expected(model, config)
    if {key: tensor.shape for key, tensor in weights.items()} != expected:
        odd = sorted((expected.keys() ^ weights.keys()) or expected)[0]
        raise QuantaError(f"{folder}: the adapter does not fit the model, for instance at {odd}")
    return config, {_split(key): tensor for key, tensor in weights.items()}


def _split(key: str) -> tuple[str, str]:
    name, _, part = key.removeprefix(_PREFIX).rpartition(".lora_")
    return name, f"lora_{part}"


def _expected(model: Decoder, config: AdapterConfig) -> dict[str, torch.Size]:
    shapes = {}
    for name, parameter in model.named_parameters():
        layer, _, kind = name.rpartition(".")
        if kind == "weight" and layer.rpartition(".")[2] in config.targets:
            out_features, in_features = parameter.shape
            shapes[f"{_PREFIX}{layer}.lora_A.weight"] = torch.Size((config.rank, in_features))
            shapes[f"{_PREFIX}{layer}.lora_B.weight"] = torch.Size((out_features, config.rank))
            if config.dora:
                shapes[f"{_PREFIX}{layer}.lora_magnitude_vector"] = torch.Size((out_features,))
    return shapes


def _to_peft(config: AdapterConfig, base: str | None) -> dict[str, Any]:
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": config.rank,
        "lora_alpha": int(config.alpha) if config.alpha == int(config.alpha) else config.alpha,
        "lora_dropout": config.dropout,
        "target_modules": sorted(config.targets),
        "use_dora": config.dora,
        "use_rslora": config.rank_stabilised,
        "bias": "none",
        "fan_in_fan_out": False,
        "modules_to_save": None,
        "init_lora_weights": True,
    }


def _read_config(folder: Path) -> Mapping[str, Any]:
    path = folder / CONFIG
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise QuantaError(f"{folder} is not the folder of an adapter: there is no {CONFIG}") from None
    except (OSError, ValueError) as error:
        raise QuantaError(f"{path} cannot be read: {error}") from error
    if not isinstance(table, dict) or table.get("peft_type") != "LORA":
        raise QuantaError(f"{path}: not a LoRA adapter")
    for name, inert in _INERT.items():
        if name in table and table[name] not in inert:
            raise QuantaError(f"{path}: {name} {table[name]!r} is not supported")
    if not isinstance(table.get("r"), int) or not isinstance(table.get("lora_alpha"), int | float):
        raise QuantaError(f"{path}: r and lora_alpha must be numbers")
    return table


def _read_weights(folder: Path) -> dict[str, Tensor]:
    path = folder / WEIGHTS
    try:
        weights: dict[str, Tensor] = load_file(path)
    except FileNotFoundError:
        hint = "An adapter_model.bin would have to be unpickled, which runs code; save it again as safetensors."
        raise QuantaError(f"{folder}: there is no {WEIGHTS}", hint=hint) from None
    except (OSError, SafetensorError) as error:
        raise QuantaError(f"{path} cannot be read: {error}") from error
    return weights
