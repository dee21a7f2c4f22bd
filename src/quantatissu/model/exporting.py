"""A model for other engines: its folder written anew, as a Hugging Face folder or as GGUF, with its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from quantatissu.foundation import QuantaError
from quantatissu.foundation.amounts import size
from quantatissu.model.config import ModelConfig
from quantatissu.model.folders import load_model, save_model
from quantatissu.model.gguf import Kind, Written, export_gguf
from quantatissu.model.hf_config import load_config
from quantatissu.tokenizer import load_tokenizer, save_tokenizer
from quantatissu.tokenizer.chat import load_template

CARD = "README.md"
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def export_folder(source: Path, target: Path, *, kind: str = "bf16") -> None:
    """Write the model of ``source`` to ``target`` as transformers, vLLM and their kin read it, weights as ``kind``.

    Raises QuantaError for what cannot be read or written.
    """
    model = load_model(source, dtype=TYPES[kind])
    tokenizer = load_tokenizer(source)
    try:
        save_model(model, target)
        save_tokenizer(tokenizer, target, template=load_template(source))
        _write_json(target / "generation_config.json", _generation(model.config))
        _write_card(source, target, f"Weights in {kind}, for transformers, vLLM and whatever else reads such folders.")
    except OSError as error:
        raise QuantaError(f"cannot write {target}: {error.strerror or error}") from error


def export_gguf_folder(source: Path, target: Path, *, name: str, kind: Kind) -> Written:
    """Write ``target``/``name``-``kind``.gguf and the card beside it. Raises QuantaError as `export_gguf` does."""
    written = export_gguf(source, target / f"{name}-{kind}.gguf", kind=kind, name=name)
    told = [f"`{written.path.name}` ({size(written.size)}) for llama.cpp, Ollama and whatever else reads GGUF."]
    if not written.same_tokens:
        told.append(TOKENS_DIFFER)
    _write_card(source, target, " ".join(told))
    return written


TOKENS_DIFFER = (
    "llama.cpp has no rule that cuts text as this vocabulary does; the nearest is used. From token ids it computes the "
    "same, from text it makes other tokens where a word follows indentation, and answers worse."
)


def _generation(config: ModelConfig) -> dict[str, Any]:
    ends = config.eos_token_id
    table = {
        "bos_token_id": config.bos_token_id,
        "eos_token_id": list(ends) if isinstance(ends, tuple) else ends,
        "pad_token_id": config.pad_token_id,
    }
    return {key: value for key, value in table.items() if value is not None}


def _write_card(source: Path, target: Path, about: str) -> None:
    """The card of the model with a section on this copy of it; a plain one for a model without."""
    card = source / CARD
    parameters = f"A decoder of {load_config(source).parameters:,} parameters."
    text = card.read_text(encoding="utf-8") if card.is_file() else f"# {source.resolve().name}\n\n{parameters}\n"
    text = text.split("\n## This copy\n")[0].rstrip()
    (target / CARD).write_text(f"{text}\n\n## This copy\n\n{about}\n", encoding="utf-8")


def _write_json(path: Path, table: dict[str, Any]) -> None:
    path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
