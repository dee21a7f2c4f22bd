"""The corpus's tokenizer: the one that the recipe names, or one trained on a seeded sample of the documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from quantatissu.corpus.engine.ids import IdSet
from quantatissu.corpus.engine.layout import Layout, write_bytes
from quantatissu.corpus.engine.plan import map_jobs
from quantatissu.corpus.engine.shuffle import order_of
from quantatissu.corpus.engine.texts import Texts
from quantatissu.corpus.recipe import Recipe
from quantatissu.corpus.shards.splits import TRAIN, Splits
from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import Tokenizer, TrainSettings, load_tokenizer, train_tokenizer

_MARGIN = 1.1  # of the share drawn: documents vary in length
_AT_ONCE = 256  # documents read together


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """Trains on some documents of the group files; in a worker, whose memory goes with its process."""

    root: Path
    files: tuple[Path, ...]
    ids: tuple[str, ...]
    settings: TrainSettings

    def __call__(self, job: str) -> str:
        tokenizer = train_tokenizer(_texts(Texts(self.files), self.ids), self.settings)
        write_bytes(Layout(self.root).tokenizer, tokenizer.source.encode())
        return tokenizer.fingerprint


def provide_tokenizer(layout: Layout, files: Sequence[Path], duplicates: IdSet, recipe: Recipe, splits: Splits) -> None:
    """Put ``tokenizer.json`` into the build folder. Raises QuantaError for one that does not do, and when there is no
    text to train one on.
    """
    settings = recipe.tokenizer
    if settings.path is not None:
        write_bytes(layout.tokenizer, require_end_of_text(settings.path).source.encode())
        return
    ids = sample(files, duplicates, recipe, splits)
    if not ids:
        raise QuantaError("no document is left to train a tokenizer on", hint="`quanta corpus why-dropped` says why.")
    work = TrainingWork(layout.root, tuple(files), tuple(ids), settings.train)
    for _ in map_jobs(work, ["tokenizer"], workers=1):
        pass


def require_end_of_text(path: Path) -> Tokenizer:
    """The tokenizer in a file. Raises QuantaError when there is none, or it cannot close documents."""
    tokenizer = load_tokenizer(path)
    if tokenizer.end_of_text is None:
        raise QuantaError(f"{path} has no end-of-text token", hint="Shards need one between documents.")
    return tokenizer


def sample(files: Sequence[Path], duplicates: IdSet, recipe: Recipe, splits: Splits) -> list[str]:
    """Ids of documents drawn by the recipe's seed, in the seeded order, up to about the sample's size. Held-out
    repositories take no part. Which are drawn does not depend on how documents are spread over files.
    """
    wanted = recipe.tokenizer.sample_megabytes * 1_000_000
    share = min(1.0, wanted / max(_bytes(files), 1) * _MARGIN)
    drawn = []
    for path in files:
        table = pq.read_table(path, columns=["id", "repository", "size"])
        unique = ~duplicates.contains(table.column("id").to_pylist())
        for row in np.flatnonzero(unique).tolist():
            identity = table.column("id")[row].as_py()
            order = order_of(identity, recipe.seed)
            if order < share * 2**64 and splits.of(table.column("repository")[row].as_py()) == TRAIN:
                drawn.append((order, identity, table.column("size")[row].as_py()))
    drawn.sort()
    ends = np.cumsum([size for _, _, size in drawn]) if drawn else np.empty(0)
    return [identity for _, identity, _ in drawn[: int(np.searchsorted(ends, wanted)) + 1]]


def _bytes(files: Sequence[Path]) -> int:
    total = 0
    for path in files:
        total += sum(pq.read_table(path, columns=["size"]).column("size").to_pylist())
    return total


def _texts(texts: Texts, ids: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        found = texts(some)
        yield from (found[identity] for identity in some)
