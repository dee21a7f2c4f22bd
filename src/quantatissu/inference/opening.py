"""From a model's folder to an engine.

Most is imported only when the light engine's graphs are already being opened, in threads: it starts faster by that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from quantatissu.foundation import QuantaError
from quantatissu.model.packaged import packaged
from quantatissu.model.packed import is_packed

if TYPE_CHECKING:
    import torch

    from quantatissu.inference.light.loading import Loading
    from quantatissu.inference.local import LocalEngine
    from quantatissu.inference.quantization import Quantisation
    from quantatissu.inference.runner import Runner
    from quantatissu.inference.speculation import Drafter
    from quantatissu.inference.torch_runner import TorchRunner
    from quantatissu.inference.torch_runner.group import Group
    from quantatissu.model.config import ModelConfig
    from quantatissu.tokenizer import Tokenizer

Precision = Literal["auto", "f32", "bf16"]
Kind = Literal["auto", "light", "torch"]
_MEMORY_SHARE = 0.25  # of what is free, for keys and values, unless told otherwise
_DRAFT_SHARE = 0.25  # of that, for those of a draft model
_MOST_PAGES = 1 << 16


def open_engine(
    model: str | Path,
    *,
    engine: Kind = "auto",
    device: str = "auto",
    precision: Precision = "auto",
    memory: int | None = None,
    quantise: Quantisation | None = None,
    drafter: Drafter | None = None,
    threads: int | None = None,
    adapters: Mapping[str, str | Path] | None = None,
    devices: int = 1,
    draft: str | Path | None = None,
) -> LocalEngine:
    """The engine of the checkpoint in folder ``model``, or of a packaged one by its name.

    ``engine``: ``torch`` runs any checkpoint; ``light`` needs no torch, starts in half a second, keeps weights and
    activations in eight bits, and is what auto takes for packed weights, unless something below asks for more than it
    has. ``precision``: of weights, activations and cache; auto is bf16 where the hardware multiplies it. ``memory``:
    bytes for keys and values; by default a quarter of what is free. ``quantise``: weights in ``int8`` or ``int4``.
    ``threads``: of the light engine. ``adapters``: folders of LoRA adapters, by the names that requests use.
    ``devices``: divide every layer among so many GPUs, or processes on the CPU; a program that opens such an engine
    needs the usual ``if __name__ == "__main__":``. ``draft``: a smaller model of the same vocabulary, which guesses
    instead of ``drafter``. Raises QuantaError for what cannot be opened.
    """
    folder = packaged(str(model)) or Path(model)
    name, adapters = folder.resolve().name, adapters or {}
    if name in adapters:
        raise QuantaError(f"an adapter cannot be called {name}: the model is")
    plain = device in ("auto", "cpu") and precision == "auto" and quantise is None and not adapters and devices == 1
    if engine == "light" and not plain:
        raise QuantaError(
            "the light engine runs on the CPU in eight bits, without adapters", hint="Take --engine torch."
        )
    light = engine == "light" or (engine == "auto" and plain and is_packed(folder))
    loading = _begin(folder, threads) if light else None

    from quantatissu.inference.local import LocalEngine
    from quantatissu.model.hf_config import load_config
    from quantatissu.tokenizer import load_tokenizer

    config, tokenizer = load_config(folder), load_tokenizer(folder)
    if loading is not None and (engine == "light" or light_supports(config)):
        runner, free = _light(folder, loading, config), _free_memory()
    else:
        runner, free = _torch(folder, device, precision, quantise, adapters, devices)
    memory = int(_MEMORY_SHARE * free) if memory is None else memory
    if draft is not None:
        share = int(_DRAFT_SHARE * memory)
        drafter = _draft_model(draft, tokenizer, config.vocab_size, device, precision, threads, share)
    return LocalEngine(
        runner,
        tokenizer,
        name=name,
        pages=_pages(runner.page_bytes, memory),
        drafter=drafter,
        adapters=tuple(adapters),
    )


def light_supports(config: ModelConfig) -> bool:
    """Whether the light engine can run such a model: no biases, and RoPE as it is."""
    biases = config.attention_bias or config.mlp_bias or config.architecture == "qwen2"
    return not biases and config.rope_scaling is None


def _begin(folder: Path, threads: int | None) -> Loading:
    try:
        from quantatissu.inference.light.loading import Loading
    except ImportError as error:
        raise QuantaError(f"this needs {error.name}", hint="pip install --upgrade quantatissu") from None
    return Loading(folder, threads)


def _light(folder: Path, loading: Loading, config: ModelConfig) -> Runner:
    if not light_supports(config):
        raise QuantaError("the light engine has no biases and no scaled RoPE", hint="Take the torch engine.")
    from quantatissu.inference.light.runner import LightRunner

    try:
        return LightRunner(loading, config)
    except KeyError as error:
        raise QuantaError(f"{folder} has no weights named {error}") from None


def _draft_model(
    model: str | Path,
    tokenizer: Tokenizer,
    vocabulary: int,
    device: str,
    precision: Precision,
    threads: int | None,
    memory: int,
) -> Drafter:
    """``tokenizer`` and ``vocabulary``, the number of logits, are of the model that it guesses for."""
    from quantatissu.inference.speculation import DraftModel
    from quantatissu.model.hf_config import load_config
    from quantatissu.tokenizer import load_tokenizer

    folder = packaged(str(model)) or Path(model)
    config, own = load_config(folder), load_tokenizer(folder)
    if own.byte_level and tokenizer.byte_level and own.token_bytes() != tokenizer.token_bytes():
        raise QuantaError(f"{folder} has another vocabulary: it cannot guess for this model")
    runner: Runner
    if device in ("auto", "cpu") and precision == "auto" and is_packed(folder) and light_supports(config):
        runner = _light(folder, _begin(folder, threads), config)
    else:
        runner, _ = _torch(folder, device, precision, None, {}, 1)
    pages = max(2, min(memory // runner.page_bytes, _MOST_PAGES))
    return DraftModel(runner, vocabulary=vocabulary, pages=pages)


def _torch(
    folder: Path,
    device: str,
    precision: Precision,
    quantise: Quantisation | None,
    adapters: Mapping[str, str | Path],
    devices: int,
) -> tuple[Runner, int]:
    """The runner, and how much memory is free where it is."""
    try:
        import torch
    except ImportError:
        raise QuantaError("this needs torch", hint="pip install 'quantatissu[train]'") from None
    from quantatissu.inference.torch_runner.group import Group
    from quantatissu.inference.torch_runner.spread import SpreadRunner

    place = torch.device(_device(device))
    make = partial(_torch_runner, folder, place.type, precision, quantise, dict(adapters))
    if devices == 1:
        runner: Runner = make(Group(), place.index)
    else:
        there = torch.cuda.device_count() if place.type == "cuda" else os.cpu_count() or 1
        if not 1 <= devices <= there:
            raise QuantaError(f"{devices} devices: this machine has {there}")
        runner = SpreadRunner(make, devices, place.type)
    return runner, torch.cuda.mem_get_info(place)[0] if place.type == "cuda" else _free_memory() // devices


def _torch_runner(
    folder: Path,
    kind: str,
    precision: Precision,
    quantise: Quantisation | None,
    adapters: Mapping[str, str | Path],
    group: Group,
    number: int | None,
) -> TorchRunner:
    """Of one process."""
    import torch

    from quantatissu.inference.quantization import quantised
    from quantatissu.inference.torch_runner import TorchRunner
    from quantatissu.model.folders import load_model

    place = torch.device(kind) if number is None or kind == "cpu" else torch.device(kind, number)
    return TorchRunner(
        load_model(folder),
        dtype=_dtype(precision, place),
        device=place,
        make_linear=quantised(quantise) if quantise else None,
        adapters=adapters,
        group=group,
    )


def _device(wanted: str) -> str:
    import torch

    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype(wanted: Precision, device: torch.device) -> torch.dtype:
    import torch

    if wanted == "auto":
        if device.type == "cuda":
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    return {"f32": torch.float32, "bf16": torch.bfloat16}[wanted]


def _pages(page_bytes: int, memory: int) -> int:
    pages = memory // page_bytes
    if pages < 2:
        raise QuantaError(f"{memory:,} bytes hold no two pages of keys and values ({page_bytes:,} bytes each)")
    return min(pages, _MOST_PAGES)


def _free_memory() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
