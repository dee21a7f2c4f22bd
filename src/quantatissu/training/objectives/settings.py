"""The setting ``objective`` of a training recipe: what is minimised, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CausalSettings(_Table):
    """Each token from those before it: of documents (``data.corpus``), or of the assistant's part of conversations
    (``data.conversations``).
    """

    kind: Literal["causal"] = "causal"


class DpoSettings(_Table):
    """Direct preference optimisation (Rafailov et al., 2023) on ``data.preferences``; the reference is the weights that
    the run starts from.
    """

    kind: Literal["dpo"]
    beta: Annotated[float, Field(gt=0)] = 0.1
    """How hard the model is held to the reference: the reward is beta times the log-ratio of the two."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """The share of preferences that are taken to be the wrong way round (Mitchell, 2023)."""
    length_normalised: bool = False
    """Divide the log-ratio of an answer by its tokens, so that long ones weigh no more."""
    likelihood: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the chosen answer's own loss, in nats a token (Pang et al., 2024). Without it both answers may become
    less likely, the rejected one just more so."""


class GrpoSettings(_Table):
    """Group-relative policy optimisation (Shao et al., 2024) on ``data.prompts``.

    A step takes ``batch.samples`` answers, ``group`` for each prompt.
    """

    kind: Literal["grpo"]
    score: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?$")]
    """What judges answers, as "module:function"; or ``exact_answer`` or ``tests_in_sandbox``, which come with us."""
    group: Annotated[int, Field(ge=2)] = 8
    """Answers to one prompt, compared with each other."""
    max_tokens: Annotated[int, Field(ge=1)] = 256
    """Of an answer; ``data.length`` must have room for it behind the prompt."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Draw from the most likely tokens that hold so much of the probability."""
    reuse: Annotated[int, Field(ge=1)] = 1
    """Steps on the same answers. With 1 the ratio to the model that gave them is 1, and nothing is clipped."""
    clip: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The ratio counts no further than 1 - clip and 1 + clip."""
    clip_high: Annotated[float, Field(gt=0)] | None = None
    """Another limit upwards (DAPO, Yu et al., 2025: 0.28); by default ``clip``."""
    kl: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the divergence from the weights that the run starts from. Above 0 those stay in memory beside it."""
    scale: bool = True
    """Divide the advantages of a group by their standard deviation. Dr. GRPO (Liu et al., 2025) does not: it favours
    prompts that are nearly always or never solved."""
    length: Literal["answer", "constant"] = "answer"
    """What the sum over an answer's tokens is divided by: their number, or always ``max_tokens``. The latter is
    Dr. GRPO's: the former gives long wrong answers less blame."""
    solved: float = 1.0
    """From this score on an answer counts as a success."""
    workers: Annotated[int, Field(ge=1)] = 1
    """Answers judged at the same time."""
    held_out_prompts: Annotated[int, Field(ge=0)] = 64
    """Held-out prompts that are asked at each evaluation."""
    held_out_samples: Annotated[int, Field(ge=1)] = 4
    """Answers to each of them."""


ObjectiveSettings = Annotated[CausalSettings | DpoSettings | GrpoSettings, Field(discriminator="kind")]
