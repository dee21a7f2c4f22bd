"""What a decoder looks like: `ModelConfig`, in Hugging Face's own field names, and the counts that follow from it.

Names of dimensions, here and in the other files of this room, as suffixes of tensors and in formulas:
B batch, T time, D model, H query heads, K key and value heads, N head dimension, F feed-forward, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, TypeVar, get_args

Architecture = Literal["qwen3", "qwen2", "llama"]
T = TypeVar("T")

# Checked by hand: a validation library takes longer to import than the built-in model to load.
_COUNTS = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"),
    *("num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearScaling:
    """Positions divided by ``factor`` (Chen et al., 2023, https://arxiv.org/abs/2306.15595)."""

    rope_type: Literal["linear"] = "linear"
    factor: float

    def __post_init__(self) -> None:
        _number(self, "factor", least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicScaling:
    """NTK-aware: the base grows with the length once it passes ``max_position_embeddings`` of the model.

    ``original_max_position_embeddings`` is what some folders state beside it; it changes nothing.
    """

    rope_type: Literal["dynamic"] = "dynamic"
    factor: float
    original_max_position_embeddings: int | None = None

    def __post_init__(self) -> None:
        _number(self, "factor", least=1)
        _count(self, "original_max_position_embeddings", optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class YarnScaling:
    """YaRN: low frequencies interpolated, high ones kept, attention rescaled (Peng et al., 2023,
    https://arxiv.org/abs/2309.00071).

    ``original_max_position_embeddings`` is the length the model was trained at; left out, it is the model's
    ``max_position_embeddings``.
    """

    rope_type: Literal["yarn"] = "yarn"
    factor: float
    original_max_position_embeddings: int | None = None
    attention_factor: float | None = None
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    mscale: float | None = None
    mscale_all_dim: float | None = None
    truncate: bool = True

    def __post_init__(self) -> None:
        _number(self, "factor", least=1)
        _count(self, "original_max_position_embeddings", optional=True)
        _number(self, "attention_factor", above=0, optional=True)
        for name in ("beta_fast", "beta_slow"):
            _number(self, name)
        for name in ("mscale", "mscale_all_dim"):
            _number(self, name, optional=True)
        _flag(self, "truncate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Llama3Scaling:
    """Llama 3.1's: wavelengths beyond the trained length divided by ``factor``, smooth in between."""

    rope_type: Literal["llama3"] = "llama3"
    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_max_position_embeddings: int

    def __post_init__(self) -> None:
        _number(self, "factor", least=1)
        for name in ("low_freq_factor", "high_freq_factor"):
            _number(self, name)
        _count(self, "original_max_position_embeddings")


RopeScaling = LinearScaling | DynamicScaling | YarnScaling | Llama3Scaling
_SCALINGS: dict[str, type[RopeScaling]] = {
    "linear": LinearScaling,
    "dynamic": DynamicScaling,
    "yarn": YarnScaling,
    "llama3": Llama3Scaling,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A decoder of the Llama family: RMSNorm before each block, RoPE, grouped-query attention, SwiGLU.

    ``architecture`` decides what the fields do not say: ``qwen3`` normalises queries and keys per head, ``qwen2`` has
    biases on q, k and v only, ``llama`` has neither. ``attention_bias`` adds biases to all four projections of
    attention (qwen3, llama). ``head_dim`` left out (0) is ``hidden_size / num_attention_heads``.

    Raises ValueError for values that make no decoder, in a sentence that names the field.
    """

    architecture: Architecture = "qwen3"
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int = 0
    max_position_embeddings: int = 4096
    rope_theta: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    initializer_range: float = 0.02
    bos_token_id: int | None = None
    eos_token_id: int | tuple[int, ...] | None = None
    pad_token_id: int | None = None

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> ModelConfig:
        """The config with the fields of a table, ``rope_scaling`` a table of its own.

        Raises ValueError for unknown names, too.
        """
        told = dict(table)
        if told.get("head_dim", 0) is None:
            del told["head_dim"]
        if isinstance(scaling := told.get("rope_scaling"), Mapping):
            kind = _SCALINGS.get(scaling.get("rope_type", ""))
            if kind is None:
                known = ", ".join(_SCALINGS)
                raise ValueError(f"rope_scaling: rope_type {scaling.get('rope_type')!r} is none of {known}")
            told["rope_scaling"] = _made(kind, scaling, "rope_scaling: ")
        return _made(cls, told)

    def __post_init__(self) -> None:
        if self.architecture not in get_args(Architecture):
            raise ValueError(f"architecture {self.architecture!r} is none of {', '.join(get_args(Architecture))}")
        if self.head_dim == 0 and isinstance(self.hidden_size, int) and isinstance(self.num_attention_heads, int):
            object.__setattr__(self, "head_dim", self.hidden_size // max(1, self.num_attention_heads))
        for name in _COUNTS:
            _count(self, name)
        for name in ("rope_theta", "rms_norm_eps", "initializer_range"):
            _number(self, name, above=0)
        for name in ("tie_word_embeddings", "attention_bias", "mlp_bias"):
            _flag(self, name)
        if self.rope_scaling is not None and not isinstance(self.rope_scaling, RopeScaling):
            raise ValueError(f"rope_scaling {self.rope_scaling!r} is no scaling")
        self._require_ids()
        self._require_consistent()

    def _require_ids(self) -> None:
        if isinstance(self.eos_token_id, list):
            object.__setattr__(self, "eos_token_id", tuple(self.eos_token_id))
        ends = self.eos_token_id if isinstance(self.eos_token_id, tuple) else (self.eos_token_id,)
        for name, ids in (("bos", (self.bos_token_id,)), ("eos", ends), ("pad", (self.pad_token_id,))):
            for number in ids:
                if number is not None and type(number) is not int:
                    raise ValueError(f"{name}_token_id must be a whole number, not {number!r}")

    def _require_consistent(self) -> None:
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


def _made(kind: type[T], table: Mapping[str, Any], where: str = "") -> T:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - known):
        raise ValueError(f"{where}there is no {unknown[0]}; known are {', '.join(sorted(known))}")
    needed = [field.name for field in fields(kind) if field.default is MISSING]  # type: ignore[arg-type]
    if missing := [name for name in needed if name not in table]:
        raise ValueError(f"{where}{missing[0]} is missing")
    try:
        return kind(**table)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None


def _count(self: object, name: str, *, optional: bool = False) -> None:
    value = getattr(self, name)
    if isinstance(value, float) and value.is_integer():  # as some tools write them
        object.__setattr__(self, name, int(value))
        value = int(value)
    if not (optional and value is None) and (type(value) is not int or value <= 0):
        raise ValueError(f"{name} must be a whole number above 0, not {value!r}")


def _number(
    self: object, name: str, *, least: float | None = None, above: float | None = None, optional: bool = False
) -> None:
    value = getattr(self, name)
    if optional and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if (least is not None and value < least) or (above is not None and value <= above):
        bound = f"at least {least:g}" if least is not None else f"above {above:g}"
        raise ValueError(f"{name} must be {bound}, not {value!r}")
    object.__setattr__(self, name, float(value))


def _flag(self: object, name: str) -> None:
    if not isinstance(getattr(self, name), bool):
        raise ValueError(f"{name} must be true or false, not {getattr(self, name)!r}")
