"""The decoder against transformers' Qwen3, Qwen2 and Llama: same random weights, same tokens, fp32.

Compared are the logits and the gradients of the mean next-token loss of a model of 8 layers, 512 wide, for each
architecture plain and with each RoPE scaling. Norms and biases are random too, so that leaving one out would show. The
bias of the keys is not compared: without QK-norm softmax takes no notice of it, and its true gradient is zero.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, benchmark

LOGITS, GRADIENTS = 1e-4, 1e-5
TRAINED = 256  # tokens, for the scalings: half of the length that is compared

CASES: dict[str, dict[str, Any]] = {
    "qwen3": {"tie_word_embeddings": True},
    "qwen3 untied, biases": {"attention_bias": True},
    "qwen2": {"architecture": "qwen2"},
    "llama": {"architecture": "llama"},
    "llama linear": {"architecture": "llama", "rope_scaling": {"rope_type": "linear", "factor": 2.0}},
    "llama dynamic": {
        "architecture": "llama",
        "max_position_embeddings": TRAINED,
        "rope_scaling": {"rope_type": "dynamic", "factor": 2.0},
    },
    "qwen2 yarn": {
        "architecture": "qwen2",
        "rope_scaling": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": TRAINED},
    },
    "llama llama3": {
        "architecture": "llama",
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": TRAINED,
        },
    },
}


@benchmark(
    name="model-equivalence",
    bar="logits <1e-4, gradients <1e-5",
    describe="largest difference from transformers' models, fp32",
)
def measure(arguments: Sequence[str]) -> Outcome:
    parser = argparse.ArgumentParser(prog="python -m benchmarks model-equivalence", description=__doc__)
    parser.add_argument("--length", type=int, default=512, help="tokens")
    options = parser.parse_args(arguments)
    worst_logits, worst_gradients = 0.0, 0.0
    for name, fields in CASES.items():
        logits, gradients = compare(fields, options.length)
        print(f"{name:<22} logits {logits:.1e}  gradients {gradients:.1e}", flush=True)
        worst_logits, worst_gradients = max(worst_logits, logits), max(worst_gradients, gradients)
    passed = worst_logits < LOGITS and worst_gradients < GRADIENTS
    return Outcome(f"logits {worst_logits:.1e}, gradients {worst_gradients:.1e}", passed)


def compare(fields: dict[str, Any], length: int) -> tuple[float, float]:
    """Largest absolute difference of a logit, and of a parameter's gradient relative to its norm."""
    import torch
    import torch.nn.functional as F  # noqa: N812
    import transformers

    from quantatissu.model import ModelConfig
    from quantatissu.model.decoder import Decoder
    from quantatissu.model.folders import save_model

    shape = {
        "vocab_size": 8192,
        "hidden_size": 512,
        "intermediate_size": 1408,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 64,
        "max_position_embeddings": 2048,
    }
    torch.manual_seed(0)
    ours = Decoder(ModelConfig.of(shape | fields))
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if parameter.dim() == 1:
                # Larger biases would drown the tokens, and the gradients of queries and keys in rounding.
                parameter.add_(torch.randn_like(parameter) * (0.02 if name.endswith("bias") else 0.2))
    with tempfile.TemporaryDirectory() as folder:
        save_model(ours, Path(folder))
        theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.randint(0, 8192, (1, length + 1))
    logits = ours.logits(ours(ids[:, :-1]))
    expected = theirs(ids[:, :-1]).logits
    difference = float((logits - expected).detach().abs().max())
    for result in (logits, expected):
        F.cross_entropy(result.flatten(0, 1), ids[:, 1:].flatten()).backward()
    mine = {name: parameter.grad for name, parameter in ours.named_parameters()}
    gradients = [
        float((mine[name] - parameter.grad).norm() / parameter.grad.norm())
        for name, parameter in theirs.named_parameters()
        if not name.endswith("k_proj.bias")
    ]
    return difference, max(gradients)
