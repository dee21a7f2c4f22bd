"""The recipe's table ``[dedup]``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DedupSettings(BaseModel):
    """``threshold`` is the Jaccard index of 5-token shingle sets from which on two documents are near duplicates,
    ``recall`` the least probability with which a pair right at the threshold becomes a candidate. ``near`` off leaves
    exact duplicates only. ``texts_megabytes`` bounds the text held at once while candidates are verified and
    ``rows_per_pass`` the band rows that are grouped at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exact: bool = True
    near: bool = True
    threshold: float = Field(default=0.8, ge=0.3, le=1.0)
    recall: float = Field(default=0.995, gt=0.0, lt=1.0)
    texts_megabytes: int = Field(default=256, ge=1)
    rows_per_pass: int = Field(default=20_000_000, ge=1000)
