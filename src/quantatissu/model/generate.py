"""Plain generation with a cache, one token at a time: the reference that faster engines are checked against."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from quantatissu.model.cache import ContiguousCache
from quantatissu.model.decoder import Decoder


@torch.no_grad()
def generate(
    model: Decoder,
    tokens_BT: Tensor,
    *,
    new_tokens: int,
    temperature: float = 0.0,
    stop: Collection[int] = (),
    generator: torch.Generator | None = None,
) -> Tensor:
    """``tokens_BT`` int64 [B, T] continued by up to ``new_tokens`` [B, T + new].

    ``temperature`` 0 takes the most probable token. A row that has produced a token of ``stop`` repeats it; when all
    rows have, generation ends.
    """
    rows, length = tokens_BT.shape
    weight = model.head_weight
    cache = ContiguousCache(
        model.config, rows=rows, capacity=length + new_tokens, dtype=weight.dtype, device=weight.device
    )
    stops = torch.tensor(sorted(stop), dtype=torch.int64, device=tokens_BT.device)
    done = torch.zeros(rows, 1, dtype=torch.bool, device=tokens_BT.device)
    step = tokens_BT
    for _ in range(new_tokens):
        logits = model.logits(model(step, cache=cache)[:, -1]).float()
        if temperature > 0:
            chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        else:
            chosen = logits.argmax(-1, keepdim=True)
        step = torch.where(done, tokens_BT[:, -1:], chosen)
        tokens_BT = torch.cat((tokens_BT, step), dim=1)
        done = done | torch.isin(step, stops)
        if bool(done.all()):
            break
    return tokens_BT
