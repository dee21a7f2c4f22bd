"""The table ``[shards]`` of a recipe."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ShardSettings(BaseModel):
    """How tokens are laid out on disk, and which documents are held out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: int = Field(default=1 << 26, ge=1)
    """Tokens a shard holds at most; a longer document has a shard of its own."""
    block: int = Field(default=1 << 20, ge=1 << 12, le=1 << 26)
    """Bytes per checksum: what is read and checked together when a document is first touched."""
    validation: float = Field(default=0.01, ge=0, lt=1)
    """Share of the text, in whole repositories, held out in the split ``validation`` (see `splits`)."""
