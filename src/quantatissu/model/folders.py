"""Models as Hugging Face folders: ``config.json`` and safetensors, sharded above a size; or packed (see `packed`).

Weights are read from safetensors only: a ``.bin`` or ``.pt`` file is a program, and is never unpickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from quantatissu.foundation import QuantaError
from quantatissu.model.config import ModelConfig
from quantatissu.model.decoder import Decoder
from quantatissu.model.hf_config import CONFIG, load_config, read_json, to_hugging_face
from quantatissu.model.packed import is_packed, read_packed

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD_BYTES = 5 * 10**9
_SHOWN = 3


def load_model(folder: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu") -> Decoder:
    """The model in ``folder``, in training mode, on ``device``; ``dtype`` None keeps that of the files.

    Reads tensor by tensor: the most that is held twice is one tensor. Raises QuantaError for what cannot be read, and
    for weights that do not fit the config.
    """
    folder = Path(folder)
    config = load_config(folder)
    expected = expected_shapes(config)
    found: dict[str, Tensor] = {}
    unknown: list[str] = []
    for name, tensor in _tensors(folder, str(device)):
        if name not in expected:
            if not _redundant(name, config):
                unknown.append(name)
        elif tensor.shape != expected[name]:
            raise QuantaError(
                f"{folder}: {name} is {list(tensor.shape)}, {CONFIG} says {list(expected[name])}",
            )
        else:
            found[name] = tensor if dtype is None else tensor.to(dtype)
    missing = [name for name in expected if name not in found]
    if missing or unknown:
        parts = [f"lacks {_some(missing)}"] * bool(missing) + [f"has {_some(unknown)} too many"] * bool(unknown)
        raise QuantaError(f"{folder}: the weights do not fit {CONFIG}: it {' and '.join(parts)}")
    with torch.device("meta"):
        model = Decoder(config)
    model.load_state_dict(found, assign=True)
    return model.requires_grad_(True)


def save_model(
    model: Decoder, folder: str | Path, *, dtype: torch.dtype | None = None, shard_bytes: int = SHARD_BYTES
) -> None:
    """Write ``model`` to ``folder``, made if need be, as ``dtype`` (None: its own), in files up to ``shard_bytes``."""
    save_weights(model.config, model.state_dict(), folder, dtype=dtype, shard_bytes=shard_bytes)


def save_weights(
    config: ModelConfig,
    state: Mapping[str, Tensor],
    folder: str | Path,
    *,
    dtype: torch.dtype | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """`save_model` for a state dict gathered elsewhere, such as from the ranks of a training.

    Every file appears complete or not at all, and ``config.json`` last: a folder with one has its weights. Weights of
    an earlier save that are not part of this one are removed.
    """
    assert state.keys() == expected_shapes(config).keys(), "not a bare decoder's weights; adapters are merged first"
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shards = _shards(state, dtype, shard_bytes)
    names = (
        [WEIGHTS]
        if len(shards) == 1
        else [f"model-{i:05}-of-{len(shards):05}.safetensors" for i in range(1, len(shards) + 1)]
    )
    (folder / CONFIG).unlink(missing_ok=True)
    for name, shard in zip(names, shards, strict=True):
        tensors = {key: state[key].detach().to(device="cpu", dtype=dtype).contiguous() for key in shard}
        partial = folder / f".{name}.partial"
        save_file(tensors, partial, metadata={"format": "pt"})
        partial.chmod(_readable())  # as any other file: the library leaves it to its owner alone
        partial.replace(folder / name)
    for old in folder.glob("model*.safetensors"):
        if old.name not in names:
            old.unlink()
    if len(names) > 1:
        weight_map = {key: name for name, shard in zip(names, shards, strict=True) for key in shard}
        total = sum(_bytes(tensor, dtype) for tensor in state.values())
        _write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})
    else:
        (folder / INDEX).unlink(missing_ok=True)
    stored = dtype or next(iter(state.values())).dtype
    _write_json(folder / CONFIG, to_hugging_face(config, dtype=str(stored).removeprefix("torch.")))


def _readable() -> int:
    """The permissions that a new file gets."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def expected_shapes(config: ModelConfig) -> dict[str, torch.Size]:
    """The shape of every parameter, by name."""
    with torch.device("meta"):
        return {name: parameter.shape for name, parameter in Decoder(config).named_parameters()}


def read_tensors(folder: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Name and weights, float32, of every parameter in ``folder``, one after another; what is redundant is left out.

    Raises QuantaError for what cannot be read or does not fit the config.
    """
    config = load_config(folder)
    shapes = expected_shapes(config)
    for name, tensor in _tensors(folder, "cpu"):
        if _redundant(name, config):
            continue
        if tensor.shape != shapes.pop(name, None):
            raise QuantaError(f"{folder}: {name} {list(tensor.shape)} does not fit {CONFIG}")
        yield name, tensor.float().numpy()
    if shapes:
        raise QuantaError(f"{folder}: the weights lack {_some(list(shapes))}")


def _redundant(name: str, config: ModelConfig) -> bool:
    """What older exports carry without need: RoPE's frequencies, and a head that is the tied embedding."""
    return name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and config.tie_word_embeddings)


def _tensors(folder: Path, device: str) -> Iterator[tuple[str, Tensor]]:
    if is_packed(folder):
        for name, weights in read_packed(folder):
            yield name, torch.from_numpy(weights).to(device)
        return
    for name in _weight_files(folder):
        path = folder / name
        try:
            with safe_open(path, framework="pt", device=device) as file:
                for key in file.keys():  # noqa: SIM118 - not a dict
                    yield key, file.get_tensor(key)
        except FileNotFoundError:
            raise QuantaError(f"{folder}: {name} is missing, which {INDEX} names") from None
        except (OSError, SafetensorError) as error:
            raise QuantaError(f"{path} cannot be read: {error}") from error


def _weight_files(folder: Path) -> list[str]:
    if (folder / INDEX).is_file():
        weight_map = read_json(folder / INDEX, folder).get("weight_map")
        names = sorted(set(weight_map.values())) if isinstance(weight_map, dict) else []
        if not names or any(not isinstance(name, str) or name != Path(name).name for name in names):
            raise QuantaError(f"{folder / INDEX}: no weight_map of files in this folder")
        return names
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    pickled = [path.name for path in sorted(folder.glob("*.bin")) + sorted(folder.glob("*.pt"))]
    hint = f"{pickled[0]} would have to be unpickled, which runs code; convert it to safetensors." if pickled else None
    raise QuantaError(f"{folder}: there is no {WEIGHTS}", hint=hint)


def _shards(state: Mapping[str, Tensor], dtype: torch.dtype | None, shard_bytes: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    used = 0
    for name, tensor in state.items():
        size = _bytes(tensor, dtype)
        if shards[-1] and used + size > shard_bytes:
            shards.append([])
            used = 0
        shards[-1].append(name)
        used += size
    return shards


def _bytes(tensor: Tensor, dtype: torch.dtype | None) -> int:
    return tensor.numel() * (dtype or tensor.dtype).itemsize


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _write_json(path: Path, table: Mapping[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
