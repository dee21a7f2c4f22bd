"""How documents become samples: the table ``[data]`` of a training recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class FimSettings(BaseModel):
    """Fill-in-the-middle (Bavarian et al., 2022), decided for each piece of a document each time it is seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: float = Field(default=0.5, ge=0, le=1)
    """Share of pieces that are transformed."""
    languages: dict[str, float] = Field(default_factory=dict)
    """Rates for languages that need another one, by name."""
    spm: float = Field(default=0.5, ge=0, le=1)
    """Of those, the share in suffix-prefix-middle order; the others are prefix-suffix-middle."""
    short: float = Field(default=0.5, ge=0, le=1)
    """Of those, the share whose middle is a line, the rest of one, a few lines or a few words; the others are cut at
    any two characters."""

    @field_validator("languages")
    @classmethod
    def _shares(cls, rates: dict[str, float]) -> dict[str, float]:
        for language, rate in rates.items():
            if not 0 <= rate <= 1:
                raise ValueError(f"the rate for {language} is a share from 0 to 1, not {rate}")
        return rates

    def rate_for(self, language: str) -> float:
        """The share of this language's pieces that are transformed."""
        return self.languages.get(language, self.rate)


class AnswerSettings(BaseModel):
    """A corpus whose documents are questions with an answer: only the answer is learnt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: str
    """The control token that ends the question. A document without it is learnt whole."""
    weight: float = Field(default=1.0, gt=0)
    """How much each token of an answer weighs in the loss, against a token of any other document."""


class DataSettings(BaseModel):
    """How samples are made. ``seed`` decides every order and every draw."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    length: int = Field(default=1024, ge=16)
    """Tokens per sample."""
    packing: Literal["best-fit", "concatenate"] = "best-fit"
    """``best-fit`` cuts no document that fits into a sample (Ding et al., 2024); ``concatenate`` fills every sample to
    the end and cuts whatever is there."""
    fim: FimSettings = Field(default_factory=FimSettings)
    reserve: int | None = Field(default=None, ge=0)
    """Tokens of each sample kept free for what fill-in-the-middle adds. By default 1/64 of the length and at least 12,
    or none when every rate is zero. A piece that would not fit is left as it is."""
    seed: int = 0

    @property
    def capacity(self) -> int:
        """Tokens of documents in a sample."""
        if self.reserve is not None:
            return max(self.length - self.reserve, 1)
        used = self.fim.rate > 0 or any(self.fim.languages.values())
        return self.length - (max(12, self.length // 64) if used else 0)
