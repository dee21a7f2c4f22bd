"""The documents of a finished corpus build, with where each comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from quantatissu.corpus.shards import Corpus, open_shards
from quantatissu.tokenizer import Tokenizer, load_tokenizer

Split = Literal["train", "validation"]


@dataclass(frozen=True, slots=True)
class Row:
    """Document ``number`` of a split: its length in ``tokens``, language and origin."""

    number: int
    id: str
    repository: str
    path: str
    language: str
    licences: tuple[str, ...]
    tokens: int


class Build:
    """A folder that ``quanta corpus build`` made. Cheap to open in every worker process."""

    def __init__(self, folder: Path, split: Split = "train") -> None:
        self.folder = folder
        self.tokenizer: Tokenizer = load_tokenizer(folder / "tokenizer.json")
        self.corpus: Corpus = open_shards(folder / "shards", split=split, full=False)

    def text(self, number: int) -> str:
        """A document's text, as it is in the corpus."""
        return self.tokenizer.decode_bytes(self.corpus[number][:-1]).decode("utf-8", "replace")

    def rows(self) -> Iterator[Row]:
        """All documents of the split, in the order of the shards."""
        columns = ["id", "repository", "path", "licences"]
        table = pq.read_table(self.folder / "provenance.parquet", columns=columns).to_pydict()
        origins = dict(zip(table["id"], zip(*(table[name] for name in columns[1:]), strict=True), strict=True))
        languages = self.corpus.languages
        for number, (language, length) in enumerate(
            zip(self.corpus.language_numbers.tolist(), self.corpus.lengths.tolist(), strict=True)
        ):
            identity = self.corpus.document_id(number)
            repository, path, licences = origins[identity]
            yield Row(number, identity, repository, path, languages[language], tuple(licences), length)
