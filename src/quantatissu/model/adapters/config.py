"""The settings of an adapter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Projection = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROJECTIONS: tuple[Projection, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class AdapterConfig(BaseModel):
    """How to adapt the projections ``targets`` of every layer.

    The change of a weight W [out, in] is ``scale * B @ A`` with A [rank, in] and B [out, rank]; ``scale`` is
    ``alpha / rank``, or ``alpha / sqrt(rank)`` with ``rank_stabilised`` (Kalajdzievski, 2023). ``dropout`` acts on the
    input of A. ``dora`` learns the length of each row of the changed weight apart from its direction (Liu et al.,
    2024). ``quantise`` keeps the frozen weights in 4 bits (QLoRA: Dettmers et al., 2023).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[float, Field(gt=0)] = 32.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: Annotated[tuple[Projection, ...], Field(min_length=1)] = PROJECTIONS
    dora: bool = False
    rank_stabilised: bool = False
    quantise: Literal["none", "nf4"] = "none"

    @property
    def scale(self) -> float:
        """The factor on ``B @ A``."""
        return self.alpha / (self.rank**0.5 if self.rank_stabilised else self.rank)
