"""Tiny configs, and transformers' models to compare with."""

from typing import Any

import torch

from quantatissu.model import ModelConfig

VOCABULARY = 61

# The models are too small to share: on a busy machine the threads would only wait for each other.
torch.set_num_threads(1)

SCALINGS: dict[str, dict[str, Any]] = {
    "linear": {"rope_type": "linear", "factor": 2.5},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    "yarn-mscale": {
        "rope_type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 16,
        "mscale": 0.7,
        "mscale_all_dim": 1.1,
        "beta_fast": 16.0,
        "beta_slow": 2.0,
        "truncate": False,
    },
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    },
}


def tiny(**changes: Any) -> ModelConfig:
    """A config of a few thousand parameters."""
    fields: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 64,
        "tie_word_embeddings": True,
    }
    return ModelConfig.of(fields | changes)


def randomise(model: torch.nn.Module, seed: int = 0) -> None:
    """Weights far from their initial values: norms and biases too, so that leaving one out shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * (0.3 if parameter.dim() == 1 else 0.15)
            parameter.copy_(noise + (1.0 if "norm" in name else 0.0))


def tokens(rows: int, length: int, seed: int = 1) -> torch.Tensor:
    """Random token ids [rows, length]."""
    return torch.randint(0, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(seed))


def relative(one: torch.Tensor, other: torch.Tensor) -> float:
    """Size of the difference, over that of ``other``."""
    one, other = one.detach().double(), other.detach().double()
    return float((one - other).norm() / other.norm())
