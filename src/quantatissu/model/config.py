"""What a decoder looks like: `ModelConfig`, in Hugging Face's own field names, and the counts that follow from it.

Names of dimensions, here and in the other files of this room, as suffixes of tensors and in formulas:
B batch, T time, D model, H query heads, K key and value heads, N head dimension, F feed-forward, V vocabulary.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Architecture = Literal["qwen3", "qwen2", "llama"]
Positive = Annotated[int, Field(gt=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinearScaling(_Table):
    """Positions divided by ``factor`` (Chen et al., 2023, https://arxiv.org/abs/2306.15595)."""

    rope_type: Literal["linear"] = "linear"
    factor: Annotated[float, Field(ge=1)]


class DynamicScaling(_Table):
    """NTK-aware: the base grows with the length once it passes ``max_position_embeddings`` of the model.

    ``original_max_position_embeddings`` is what some folders state beside it; it changes nothing.
    """

    rope_type: Literal["dynamic"] = "dynamic"
    factor: Annotated[float, Field(ge=1)]
    original_max_position_embeddings: Positive | None = None


class YarnScaling(_Table):
    """YaRN: low frequencies interpolated, high ones kept, attention rescaled (Peng et al., 2023,
    https://arxiv.org/abs/2309.00071).

    ``original_max_position_embeddings`` is the length the model was trained at; left out, it is the model's
    ``max_position_embeddings``.
    """

    rope_type: Literal["yarn"] = "yarn"
    factor: Annotated[float, Field(ge=1)]
    original_max_position_embeddings: Positive | None = None
    attention_factor: Annotated[float, Field(gt=0)] | None = None
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    mscale: float | None = None
    mscale_all_dim: float | None = None
    truncate: bool = True


class Llama3Scaling(_Table):
    """Llama 3.1's: wavelengths beyond the trained length divided by ``factor``, smooth in between."""

    rope_type: Literal["llama3"] = "llama3"
    factor: Annotated[float, Field(ge=1)]
    low_freq_factor: float
    high_freq_factor: float
    original_max_position_embeddings: Positive


RopeScaling = Annotated[LinearScaling | DynamicScaling | YarnScaling | Llama3Scaling, Field(discriminator="rope_type")]


class ModelConfig(_Table):
    """A decoder of the Llama family: RMSNorm before each block, RoPE, grouped-query attention, SwiGLU.

    ``architecture`` decides what the fields do not say: ``qwen3`` normalises queries and keys per head, ``qwen2`` has
    biases on q, k and v only, ``llama`` has neither. ``attention_bias`` adds biases to all four projections of
    attention (qwen3, llama). ``head_dim`` left out is ``hidden_size / num_attention_heads``.
    """

    architecture: Architecture = "qwen3"
    vocab_size: Positive
    hidden_size: Positive
    intermediate_size: Positive
    num_hidden_layers: Positive
    num_attention_heads: Positive
    num_key_value_heads: Positive
    head_dim: Positive
    max_position_embeddings: Positive = 4096
    rope_theta: Annotated[float, Field(gt=0)] = 10_000.0
    rope_scaling: RopeScaling | None = None
    rms_norm_eps: Annotated[float, Field(gt=0)] = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    initializer_range: Annotated[float, Field(gt=0)] = 0.02
    bos_token_id: int | None = None
    eos_token_id: int | tuple[int, ...] | None = None
    pad_token_id: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _default_head_dim(cls, table: Any) -> Any:
        if isinstance(table, dict) and table.get("head_dim") is None:
            hidden, heads = table.get("hidden_size"), table.get("num_attention_heads")
            if isinstance(hidden, int) and isinstance(heads, int) and heads > 0:
                return {**table, "head_dim": hidden // heads}
        return table

    @model_validator(mode="after")
    def _consistent(self) -> ModelConfig:
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"num_attention_heads ({self.num_attention_heads}) must be a multiple of "
                f"num_key_value_heads ({self.num_key_value_heads})"
            )
        if self.head_dim % 2:
            raise ValueError(f"head_dim ({self.head_dim}) must be even: RoPE turns pairs")
        if self.architecture == "qwen2" and self.attention_bias:
            raise ValueError("qwen2 always has biases on q, k and v, and none on o; leave attention_bias out")
        if self.mlp_bias and self.architecture != "llama":
            raise ValueError("only llama has mlp_bias")
        return self

    @property
    def qk_norm(self) -> bool:
        """Whether queries and keys are normalised per head before RoPE."""
        return self.architecture == "qwen3"

    @property
    def qkv_bias(self) -> bool:
        """Whether the projections q, k and v have biases."""
        return self.attention_bias or self.architecture == "qwen2"

    @property
    def embedding_parameters(self) -> int:
        """V * D: the table of token embeddings, counted once; also the output head when the two are tied."""
        return self.vocab_size * self.hidden_size

    @property
    def matmul_parameters(self) -> int:
        """Weights each token is multiplied with: the projections of every layer and the output head."""
        heads = self.num_attention_heads * self.head_dim
        keys = self.num_key_value_heads * self.head_dim
        attention = self.hidden_size * (2 * heads + 2 * keys)
        feed_forward = 3 * self.hidden_size * self.intermediate_size
        return self.num_hidden_layers * (attention + feed_forward) + self.embedding_parameters

    @property
    def parameters(self) -> int:
        """All parameters; tied embeddings count once."""
        hidden, heads = self.hidden_size, self.num_attention_heads * self.head_dim
        keys = self.num_key_value_heads * self.head_dim
        norms = 2 * hidden + (2 * self.head_dim if self.qk_norm else 0)
        biases = (heads + 2 * keys if self.qkv_bias else 0) + (hidden if self.attention_bias else 0)
        biases += 2 * self.intermediate_size + hidden if self.mlp_bias else 0
        lookup = 0 if self.tie_word_embeddings else self.embedding_parameters
        return self.matmul_parameters + lookup + self.num_hidden_layers * (norms + biases) + hidden

    def flops_per_token(self, length: int) -> float:
        """Floating-point operations of one training step for each token, at sequences of ``length`` tokens.

        ``6 N + 6 L H N_head T``: two for each multiply-accumulate, three times for forward and backward; N counts the
        weights of `matmul_parameters`; attention is causal, so a token meets T/2 others on average, in two products
        (Chowdhery et al., 2022, appendix B, halved for causality). Recomputation is not counted.
        """
        attention = 6 * self.num_hidden_layers * self.num_attention_heads * self.head_dim * length
        return float(6 * self.matmul_parameters + attention)
