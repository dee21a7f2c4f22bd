"""Shards: a corpus as token files that cannot be torn or altered unnoticed. `layout` has the format."""

from quantatissu.corpus.shards.layout import ShardEntry, ShardError, ShardManifest
from quantatissu.corpus.shards.provenance import Provenance, write_provenance
from quantatissu.corpus.shards.reader import Corpus, open_shards
from quantatissu.corpus.shards.settings import ShardSettings
from quantatissu.corpus.shards.splits import Splits, choose_splits
from quantatissu.corpus.shards.writer import Placement, ShardWriter

__all__ = [
    "Corpus",
    "Placement",
    "Provenance",
    "ShardEntry",
    "ShardError",
    "ShardManifest",
    "ShardSettings",
    "ShardWriter",
    "Splits",
    "choose_splits",
    "open_shards",
    "write_provenance",
]
