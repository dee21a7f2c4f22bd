"""Engines around tiny random models, and what the decoder itself says."""

from __future__ import annotations

import copy
import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from quantatissu.inference.local import LocalEngine
from quantatissu.inference.torch_runner import TorchRunner
from quantatissu.model import ModelConfig
from quantatissu.model.decoder import Decoder
from quantatissu.model.generate import generate
from quantatissu.tokenizer import Tokenizer, TrainSettings, train_tokenizer

torch.set_num_threads(1)

# Fixed, since what tiny random models say to its prompts is: some tests need an answer that ends, or none that does.
TEXT = Path(__file__).with_name("engine_text.txt").read_text(encoding="utf-8")
SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "qwen2": {"architecture": "qwen2"},
    "llama": {"architecture": "llama", "tie_word_embeddings": False, "num_key_value_heads": 4},
}


@functools.cache
def tokenizer() -> Tokenizer:
    return train_tokenizer([TEXT], TrainSettings(vocabulary=300))


@functools.cache
def model(name: str = "qwen3") -> Decoder:
    fields: dict[str, Any] = {
        "vocab_size": tokenizer().vocabulary,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 256,
        "tie_word_embeddings": True,
    }
    made = Decoder(ModelConfig.of(fields | SHAPES[name]))
    generator = torch.Generator().manual_seed(len(name))
    with torch.no_grad():
        for key, parameter in made.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.3
            parameter.copy_(noise + (1.0 if "norm" in key else 0.0))
    return made.eval()


def engine(name: str = "qwen3", *, pages: int = 64, **options: Any) -> LocalEngine:
    return LocalEngine(TorchRunner(model(name)), tokenizer(), pages=pages, **options)


def roomy() -> LocalEngine:
    """The tiny model with a context that holds tools and turns."""
    made = copy.copy(model())
    made.config = replace(made.config, max_position_embeddings=1024)
    return LocalEngine(TorchRunner(made), tokenizer(), pages=512)


def prompt(number: int, length: int) -> tuple[int, ...]:
    ids = tokenizer().encode(TEXT).tolist()
    start = (97 * number) % (len(ids) - length)
    return tuple(ids[start : start + length])


def greedy(tokens: tuple[int, ...], count: int, name: str = "qwen3") -> tuple[int, ...]:
    out = generate(model(name), torch.tensor([tokens]), new_tokens=count)
    return tuple(out[0, len(tokens) :].tolist())


@torch.no_grad()
def logprobs(tokens: tuple[int, ...], name: str = "qwen3") -> torch.Tensor:
    """Of every next token behind every one of ``tokens`` [T, V]."""
    decoder = model(name)
    return decoder.logits(decoder(torch.tensor([tokens])))[0].log_softmax(-1)
