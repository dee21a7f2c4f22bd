"""The decoder: embedding, blocks of attention and feed-forward, final norm, head. Read top to bottom.

Qwen3, Qwen2 and Llama in one file; `ModelConfig` says which. Modules are named as in Hugging Face checkpoints, so the
names of parameters are theirs (``model.layers.0.self_attn.q_proj.weight``).

Suffixes of tensors: B batch, T time, D model, H query heads, K key and value heads, N head dimension, F feed-forward,
V vocabulary. Not here: how weights are split over devices (training), files (`folders`), caches (`cache`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from quantatissu.model.cache import Cache
from quantatissu.model.checkpointing import Recompute, recomputed
from quantatissu.model.config import ModelConfig
from quantatissu.model.fused import rms_norm, rotate
from quantatissu.model.masks import Mask, attend, build_mask
from quantatissu.model.rope import angles


class Linear(nn.Linear):
    """torch's, without initial weights: `Decoder.initialise` draws them, once."""

    def reset_parameters(self) -> None:
        pass


class Embedding(nn.Embedding):
    """torch's, without initial weights."""

    def reset_parameters(self) -> None:
        pass


class RMSNorm(nn.Module):
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last dimension (Zhang and Sennrich, 2019)."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)


class Attention(nn.Module):
    """Grouped-query attention with RoPE; q and k normalised per head where the architecture does."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        hidden, size = config.hidden_size, config.head_dim
        heads, keys = config.num_attention_heads * size, config.num_key_value_heads * size
        self.layer, self.head_dim = layer, size
        self.q_proj = Linear(hidden, heads, bias=config.qkv_bias)
        self.k_proj = Linear(hidden, keys, bias=config.qkv_bias)
        self.v_proj = Linear(hidden, keys, bias=config.qkv_bias)
        self.o_proj = Linear(heads, hidden, bias=config.attention_bias)
        self.q_norm = RMSNorm(size, config.rms_norm_eps) if config.qk_norm else None
        self.k_norm = RMSNorm(size, config.rms_norm_eps) if config.qk_norm else None

    def forward(self, x_BTD: Tensor, turns: tuple[Tensor, Tensor], mask: Mask, cache: Cache | None = None) -> Tensor:
        B, T, _ = x_BTD.shape
        # -1: under tensor parallelism a rank holds only its share of the heads.
        q_BTHN = self.q_proj(x_BTD).view(B, T, -1, self.head_dim)
        k_BTKN = self.k_proj(x_BTD).view(B, T, -1, self.head_dim)
        v_BTKN = self.v_proj(x_BTD).view(B, T, -1, self.head_dim)
        if self.q_norm is not None and self.k_norm is not None:
            q_BTHN, k_BTKN = self.q_norm(q_BTHN), self.k_norm(k_BTKN)
        cos, sin = turns
        q, k, v = (
            rotate(q_BTHN, cos, sin).transpose(1, 2),
            rotate(k_BTKN, cos, sin).transpose(1, 2),
            v_BTKN.transpose(1, 2),
        )
        if cache is not None:
            k, v = cache.update(self.layer, k, v)
        out_BHTN = attend(q, k, v, mask)
        out_BTD: Tensor = self.o_proj(out_BHTN.transpose(1, 2).reshape(B, T, -1))
        return out_BTD


class FeedForward(nn.Module):
    """SwiGLU: ``down(silu(gate(x)) * up(x))`` (Shazeer, 2020)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden, inner, bias = config.hidden_size, config.intermediate_size, config.mlp_bias
        self.gate_proj = Linear(hidden, inner, bias=bias)
        self.up_proj = Linear(hidden, inner, bias=bias)
        self.down_proj = Linear(inner, hidden, bias=bias)

    def forward(self, x_BTD: Tensor) -> Tensor:
        out_BTD: Tensor = self.down_proj(F.silu(self.gate_proj(x_BTD)) * self.up_proj(x_BTD))
        return out_BTD


class Block(nn.Module):
    """Attention and feed-forward, each behind a norm and added to the residual stream.

    ``recompute`` says what the forward pass keeps for the backward pass.
    """

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)
        self.recompute: Recompute = "none"

    def forward(self, x_BTD: Tensor, turns: tuple[Tensor, Tensor], mask: Mask, cache: Cache | None = None) -> Tensor:
        return recomputed(self._forward, self.recompute, x_BTD, turns, mask, cache)

    def _forward(self, x_BTD: Tensor, turns: tuple[Tensor, Tensor], mask: Mask, cache: Cache | None) -> Tensor:
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), turns, mask, cache)
        change_BTD: Tensor = self.mlp(self.post_attention_layernorm(x_BTD))
        return x_BTD + change_BTD


class Trunk(nn.Module):
    """What checkpoints call ``model``: everything but the head. A pipeline stage may hold a part of it: the embedding
    and the norm are None, and layers missing, where they belong to another stage.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens: nn.Embedding | None = Embedding(config.vocab_size, config.hidden_size)
        # By name, not by place: a stage that drops layers keeps the names of the others.
        self.layers = nn.ModuleDict({str(layer): Block(config, layer) for layer in range(config.num_hidden_layers)})
        self.norm: RMSNorm | None = RMSNorm(config.hidden_size, config.rms_norm_eps)


class Decoder(nn.Module):
    """Tokens to hidden states (`forward`), hidden states to logits (`logits`).

    The two are apart because training never wants all logits at once: see `quantatissu.model.loss`.
    Weights are drawn at construction from torch's global generator; on the meta device nothing is drawn, call
    `initialise` after ``to_empty``.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Trunk(config)
        self.lm_head: nn.Linear | None = None
        if not config.tie_word_embeddings:
            self.lm_head = Linear(config.hidden_size, config.vocab_size, bias=False)
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        """Draw all weights anew: normal with ``initializer_range``, the projections back into the residual stream
        divided by sqrt(2 layers) (GPT-2); norms 1, biases 0.
        """
        std = self.config.initializer_range
        for name, parameter in self.named_parameters():
            if parameter.dim() == 1:
                parameter.fill_(0.0 if name.endswith(".bias") else 1.0)
            elif name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.normal_(parameter, std=std * (2 * self.config.num_hidden_layers) ** -0.5)
            else:
                nn.init.normal_(parameter, std=std)

    def set_recompute(self, mode: Recompute) -> None:
        """Activation checkpointing of all blocks: ``none``, ``selective`` or ``full`` (see `checkpointing`)."""
        for layer in self.model.layers.values():
            assert isinstance(layer, Block)
            layer.recompute = mode

    @property
    def head_weight(self) -> Tensor:
        """The output head [V, D]: the embedding table when the two are tied."""
        if self.lm_head is not None:
            return self.lm_head.weight
        assert self.model.embed_tokens is not None, "tied weights live on one pipeline stage"
        return self.model.embed_tokens.weight

    def forward(
        self,
        tokens: Tensor,
        *,
        positions_BT: Tensor | None = None,
        documents_BT: Tensor | None = None,
        mask: Mask | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """Hidden states after the final norm [B, T, D] of ``tokens`` int64 [B, T].

        ``positions_BT`` int64 [B or 1, T]: 0, 1, ... when left out, or following on in the ``cache``.
        ``documents_BT`` int32 [B, T]: a token attends only to its own document (see `build_mask`); None: the whole row.
        ``mask``: one already built by `build_mask`, in place of ``documents_BT``. A ``cache`` excludes both.
        On a pipeline stage without the embedding ``tokens`` are the hidden states [B, T, D] of the stage before.
        Under autocast the residual stream is kept in autocast's dtype.
        """
        assert cache is None or (documents_BT is None and mask is None), "a cache brings its own mask"
        x_BTD = self._embed(tokens)
        length, device = x_BTD.shape[1], x_BTD.device
        if mask is None:
            mask = build_mask(documents_BT) if cache is None else cache.mask(length, device)
        if positions_BT is None:
            positions_BT = (
                torch.arange(length, device=device)[None] if cache is None else cache.positions(length, device)
            )
        cos, sin = angles(self.config, positions_BT)
        turns = cos.unsqueeze(2), sin.unsqueeze(2)  # the same for every head
        for layer in self.model.layers.values():
            x_BTD = layer(x_BTD, turns, mask, cache)
        if cache is not None:
            cache.advance(length)
        return x_BTD if self.model.norm is None else self.model.norm(x_BTD)

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """Logits [B, T, V] of hidden states, in their dtype (autocast's under autocast)."""
        return F.linear(hidden_BTD, self.head_weight)

    def _embed(self, tokens: Tensor) -> Tensor:
        if self.model.embed_tokens is None:
            return tokens
        x_BTD: Tensor = self.model.embed_tokens(tokens)
        kind = x_BTD.device.type
        return x_BTD.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x_BTD
