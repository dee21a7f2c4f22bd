"""From a model's folder to an engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from quantatissu.foundation import QuantaError
from quantatissu.inference.local import LocalEngine
from quantatissu.inference.speculation import Drafter
from quantatissu.model.packaged import packaged
from quantatissu.tokenizer import load_tokenizer

if TYPE_CHECKING:
    import torch

    from quantatissu.inference.quantization import Quantisation

Precision = Literal["auto", "f32", "bf16"]
_MEMORY_SHARE = 0.25  # of what is free, for keys and values, unless told otherwise
_MOST_PAGES = 1 << 16


def open_engine(
    model: str | Path,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    memory: int | None = None,
    quantise: Quantisation | None = None,
    drafter: Drafter | None = None,
) -> LocalEngine:
    """The engine of the checkpoint in folder ``model``, or of a packaged one by its name.

    ``precision``: of weights, activations and cache; auto is bf16 where the hardware multiplies it. ``memory``: bytes
    for keys and values; by default a quarter of what is free. ``quantise``: weights in ``int8`` or ``int4``.
    Raises QuantaError for what cannot be opened.
    """
    folder = packaged(str(model)) or Path(model)
    try:
        import torch
    except ImportError:
        raise QuantaError("this needs torch", hint="pip install 'quantatissu[train]'") from None
    from quantatissu.inference.quantization import quantised
    from quantatissu.inference.torch_runner import TorchRunner
    from quantatissu.model.folders import load_model

    place = torch.device(_device(device))
    tokenizer = load_tokenizer(folder)
    make, make_head = quantised(quantise) if quantise else (None, None)
    runner = TorchRunner(
        load_model(folder), dtype=_dtype(precision, place), device=place, make_linear=make, make_head=make_head
    )
    return LocalEngine(
        runner,
        tokenizer,
        name=folder.resolve().name,
        pages=_pages(runner.page_bytes, memory, place),
        drafter=drafter,
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


def _pages(page_bytes: int, memory: int | None, device: torch.device) -> int:
    import torch

    if memory is None:
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free_memory()
        memory = int(_MEMORY_SHARE * free)
    pages = memory // page_bytes
    if pages < 2:
        raise QuantaError(f"{memory:,} bytes hold no two pages of keys and values ({page_bytes:,} bytes each)")
    return min(pages, _MOST_PAGES)


def _free_memory() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
