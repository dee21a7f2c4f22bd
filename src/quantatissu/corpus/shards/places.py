"""Where a build keeps its shards and its tokenizer: beside each other, so that either folder may be named."""

from __future__ import annotations

from pathlib import Path

from quantatissu.corpus.shards.layout import MANIFEST

_SHARDS = "shards"
_TOKENIZER = "tokenizer.json"


def is_built(path: Path) -> bool:
    """Whether the folder holds a corpus, or its shards."""
    return any((place / MANIFEST).is_file() for place in (path, path / _SHARDS))


def shard_folder(path: Path) -> Path:
    """The folder of shards of the build in `path`, or `path` where that is the shards themselves."""
    inside = path / _SHARDS
    return inside if inside.is_dir() else path


def tokenizer_folder(path: Path) -> Path:
    """The folder with the vocabulary of a build, or of shards: theirs, or the one it lies in; else `path`."""
    return next((place for place in (path, path.parent) if (place / _TOKENIZER).is_file()), path)
