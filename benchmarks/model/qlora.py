"""QLoRA against LoRA: the same small pretrained model, fine-tuned on the same data with the same seed.

A decoder over bytes is pretrained on modules of this Python's standard library, then adapted to kinds of module it has
not seen. Both adapters start from the same weights and see the same batches; only the frozen weights differ: fp32 for
LoRA, NF4 with double quantisation for QLoRA. The gap is between their losses on held-out text. Then the QLoRA adapter
goes to PEFT, over a transformers model with the same (rounded) weights, which has to give the same logits.
"""

from __future__ import annotations

import argparse
import copy
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import Outcome, benchmark

if TYPE_CHECKING:
    from torch import Tensor

    from quantatissu.model.adapters import AdapterConfig
    from quantatissu.model.decoder import Decoder

GAP, LOGITS = 0.02, 1e-4
ROWS, LENGTH = 8, 256
HELD_OUT = 16  # batches


@benchmark(name="qlora-gap", bar="<2%", describe="held-out loss of QLoRA over that of LoRA, less one; PEFT agrees")
def measure(arguments: Sequence[str]) -> Outcome:
    parser = argparse.ArgumentParser(prog="python -m benchmarks qlora-gap", description=__doc__)
    parser.add_argument("--pretrain", type=int, default=250, help="steps of pretraining")
    parser.add_argument("--steps", type=int, default=100, help="steps of fine-tuning")
    options = parser.parse_args(arguments)
    import torch

    from quantatissu.model.adapters import AdapterConfig, adapter_parameters, attach

    modules, others = corpus()
    split = len(others) * 4 // 5
    torch.manual_seed(0)
    base = small_decoder()
    train(base, list(base.parameters()), modules, steps=options.pretrain, rate=3e-3)
    held_out = batches(others[split:], HELD_OUT, seed=99)
    print(f"pretrained: {loss_on(base, held_out):.4f} nats a byte on held-out text", flush=True)
    losses, models = {}, {}
    for name, kind in (("LoRA", "none"), ("QLoRA", "nf4")):
        config = AdapterConfig(rank=8, alpha=16, quantise=kind)
        models[name] = model = copy.deepcopy(base)
        torch.manual_seed(1)
        attach(model, config)
        before = loss_on(model, held_out)
        train(model, list(adapter_parameters(model).values()), others[:split], steps=options.steps, rate=2e-3)
        losses[name] = loss_on(model, held_out)
        print(f"{name}: {before:.4f} before, {losses[name]:.4f} after", flush=True)
    gap = losses["QLoRA"] / losses["LoRA"] - 1
    difference = difference_in_peft(models["QLoRA"], config)
    print(f"largest difference of a logit in PEFT: {difference:.1e} (bar {LOGITS:.0e})", flush=True)
    return Outcome(f"{gap:.2%}", gap < GAP and difference < LOGITS)


def small_decoder() -> Decoder:
    """About 1.4 million parameters over bytes."""
    from quantatissu.model import ModelConfig
    from quantatissu.model.decoder import Decoder

    return Decoder(
        ModelConfig(
            vocab_size=256,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=3,
            num_key_value_heads=3,
            head_dim=64,
            tie_word_embeddings=True,
        )
    )


def corpus() -> tuple[Tensor, Tensor]:
    """Bytes of the standard library's modules, and of some of its packages."""
    import torch

    library = Path(sysconfig.get_paths()["stdlib"])
    packages = [path for name in ("unittest", "email", "asyncio") for path in sorted(library.glob(f"{name}/*.py"))]
    modules, others = (
        torch.frombuffer(bytearray(b"\n".join(path.read_bytes() for path in paths)), dtype=torch.uint8)
        for paths in (sorted(library.glob("*.py")), packages)
    )
    return modules, others


def batches(data: Tensor, count: int, *, seed: int) -> list[Tensor]:
    """``count`` seeded batches [ROWS, LENGTH + 1] of windows."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, len(data) - LENGTH - 1, (count, ROWS), generator=generator)
    return [torch.stack([data[start : start + LENGTH + 1] for start in row.tolist()]).long() for row in starts]


def train(model: Decoder, parameters: list[Tensor], data: Tensor, *, steps: int, rate: float) -> None:
    """AdamW with warmup and a linear decay, bf16 autocast."""
    import torch

    from quantatissu.model.loss import cross_entropy

    optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    for step, batch in enumerate(batches(data, steps, seed=0)):
        for group in optimizer.param_groups:
            group["lr"] = rate * min((step + 1) / 20, (steps - step) / steps)
        with torch.autocast("cpu", torch.bfloat16):
            sums = cross_entropy(model(batch[:, :-1]), model.head_weight, batch[:, 1:])
        (sums.objective / sums.tokens).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()


def loss_on(model: Decoder, held_out: list[Tensor]) -> float:
    """Mean loss in nats a byte."""
    import torch

    from quantatissu.model.loss import cross_entropy

    with torch.no_grad():
        sums = [cross_entropy(model(batch[:, :-1]), model.head_weight, batch[:, 1:]) for batch in held_out]
    return float(sum(one.loss for one in sums) / sum(one.tokens for one in sums))


def difference_in_peft(model: Decoder, config: AdapterConfig) -> float:
    """Largest difference of a logit to PEFT's model, over transformers' with the same dequantised weights."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from quantatissu.model.adapters import merge, save_adapter
    from quantatissu.model.adapters.attach import adapted
    from quantatissu.model.folders import save_model

    ids = torch.randint(0, 256, (2, LENGTH))
    bare = copy.deepcopy(model)
    with torch.no_grad():
        for _, layer in adapted(bare):
            layer.lora_B.weight.zero_()
    merge(bare)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        save_model(bare, Path(folder, "base"))
        save_adapter(model, config, Path(folder, "adapter"))
        theirs = AutoModelForCausalLM.from_pretrained(Path(folder, "base"), dtype=torch.float32)
        theirs = PeftModel.from_pretrained(theirs, Path(folder, "adapter")).eval()
        return float((theirs(ids).logits - model.eval().logits(model(ids))).abs().max())
