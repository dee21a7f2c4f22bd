"""The shapes that training is measured at: Qwen3's, vocabulary 8,192, tied embeddings."""

from __future__ import annotations

from typing import Any

LENGTH = 512
VOCABULARY = 8192

SHAPES: dict[str, dict[str, int]] = {
    "25m": {"hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 7, "heads": 8, "keys": 4},
    "60m": {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 9, "heads": 12, "keys": 4},
}


def fields(name: str) -> dict[str, Any]:
    """The shape `name` in the names of ``config.json``."""
    shape = SHAPES[name]
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": shape["hidden_size"],
        "intermediate_size": shape["intermediate_size"],
        "num_hidden_layers": shape["num_hidden_layers"],
        "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape["keys"],
        "head_dim": 64,
        "max_position_embeddings": LENGTH,
        "tie_word_embeddings": True,
    }
