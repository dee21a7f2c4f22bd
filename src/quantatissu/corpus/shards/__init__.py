"""Shards: a corpus as token files that cannot be torn or altered unnoticed. `layout` has the format."""

from quantatissu.corpus.shards.layout import NoSplitError, ShardEntry, ShardError, ShardManifest
from quantatissu.corpus.shards.places import is_built, shard_folder, tokenizer_folder
from quantatissu.corpus.shards.provenance import Provenance, write_provenance
from quantatissu.corpus.shards.reader import Corpus, open_shards
from quantatissu.corpus.shards.settings import ShardSettings
from quantatissu.corpus.shards.splits import Splits, choose_splits
from quantatissu.corpus.shards.writer import Placement, ShardWriter

__all__ = [
    "Corpus",
    "NoSplitError",
    "Placement",
    "Provenance",
    "ShardEntry",
    "ShardError",
    "ShardManifest",
    "ShardSettings",
    "ShardWriter",
    "Splits",
    "choose_splits",
    "is_built",
    "open_shards",
    "shard_folder",
    "tokenizer_folder",
    "write_provenance",
]
