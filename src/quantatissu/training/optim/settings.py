"""The tables ``[optimizer]``, ``[schedule]``, ``[spikes]`` and ``[average]`` of a training recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OptimizerSettings(_Table):
    """``adamw`` for every parameter, or ``muon`` for the matrices inside the layers and AdamW for the rest."""

    kind: Literal["adamw", "muon"] = "adamw"
    lr: float = Field(default=1e-3, gt=0)
    """Peak learning rate of AdamW."""
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled; norms, biases and embeddings are left out."""
    clip: float = Field(default=1.0, ge=0)
    """Gradients are scaled down to this total norm; 0: never."""
    muon_lr: float = Field(default=0.02, gt=0)
    """Peak learning rate of Muon. An update has a spectral norm of about 1, whatever the gradient's."""
    muon_momentum: float = Field(default=0.95, ge=0, lt=1)
    muon_weight_decay: float = Field(default=0.01, ge=0)


class ScheduleSettings(_Table):
    """The learning rate over a run, as a factor of its peak."""

    kind: Literal["wsd", "cosine", "constant"] = "wsd"
    warmup: float = Field(default=0.01, ge=0)
    """Steps of linear warm-up; below 1 a share of the run."""
    decay: float = Field(default=0.2, ge=0)
    """Steps of the decay that ends a warmup-stable-decay run; below 1 a share of the run."""
    shape: Literal["linear", "sqrt"] = "sqrt"
    """How ``wsd`` decays: in a straight line, or as 1 - sqrt (Hägele et al., 2024)."""
    final: float = Field(default=0.0, ge=0, le=1)
    """The factor at the end of the run."""


class SpikeSettings(_Table):
    """Steps whose gradient norm leaps up are skipped: the weights stay as they are, and the record says so."""

    factor: float = Field(default=10.0, ge=0)
    """Skip above so many times the median norm of the last ``window`` steps; 0: only what is not finite is skipped."""
    window: int = Field(default=64, ge=8)
    give_up: int = Field(default=20, ge=1)
    """After so many skipped steps on end the run stops, with advice: it will not recover by itself."""


class AverageSettings(_Table):
    """A running average of the weights, evaluated and saved in place of the last ones."""

    kind: Literal["none", "ema"] = "none"
    decay: float = Field(default=0.999, gt=0, lt=1)

    @model_validator(mode="after")
    def _told(self) -> AverageSettings:
        # The default is written out in every resolved recipe.
        if self.kind == "none" and self.decay != type(self).model_fields["decay"].default:
            raise ValueError("decay is set while kind is none; set kind to ema")
        return self
