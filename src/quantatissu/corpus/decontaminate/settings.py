"""The recipe's table ``[decontaminate]``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DecontaminateSettings(BaseModel):
    """``folder`` holds the benchmark files; without one nothing is checked. ``action`` says what happens to a document
    with a match: ``cut`` takes the matching functions out and keeps the rest where that leaves a clean document that
    still parses, ``drop`` leaves the document out. ``function_bits`` and ``ngram_bits`` are the least information a
    solution and a run of words must have to be held against a document; ``similarity`` the Jaccard index from which on
    a function counts as an edited copy; ``coverage`` the share of a problem's word runs that makes an overlap.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = None
    action: Literal["cut", "drop"] = "cut"
    function_bits: float = Field(default=49.0, ge=0)
    ngram_bits: float = Field(default=24.0, ge=0)
    similarity: float = Field(default=0.85, gt=0, le=1)
    coverage: float = Field(default=0.25, gt=0, le=1)
