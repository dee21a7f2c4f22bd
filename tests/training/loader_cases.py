"""Corpora on disk for the loader: a small vocabulary, and documents of given lengths or of real code."""

from __future__ import annotations

import functools
import hashlib
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from quantatissu.corpus.shards import Corpus, ShardSettings, ShardWriter, open_shards
from quantatissu.tokenizer import Tokenizer, TrainSettings, train_tokenizer
from quantatissu.training.data import DataSettings, FimSettings, Samples

PLAIN = FimSettings(rate=0)


@functools.cache
def source() -> str:
    return Path(textwrap.__file__).read_text(encoding="utf-8")


@functools.cache
def tokenizer() -> Tokenizer:
    return train_tokenizer([source()], TrainSettings(vocabulary=320))


def texts(count: int = 60) -> list[str]:
    """Stretches of real code, many lengths, some with characters of several bytes."""
    lines = source().splitlines(keepends=True)
    made = ["".join(lines[start * 5 : start * 5 + start % 17]) for start in range(count)]
    return [text.replace("text", "tëxt 👍") if number % 4 == 0 else text for number, text in enumerate(made)]


def corpus(folder: Path, documents: Sequence[str], languages: Sequence[str] = ("python",)) -> Corpus:
    with ShardWriter(folder, tokenizer(), ShardSettings(tokens=20_000, block=4096)) as writer:
        for number, text in enumerate(documents):
            name = hashlib.blake2b(f"{number}".encode(), digest_size=16).hexdigest()
            writer.add(name, text, language=languages[number % len(languages)])
    return open_shards(folder)


@contextmanager
def samples(documents: Sequence[str], settings: DataSettings) -> Iterator[Samples]:
    with tempfile.TemporaryDirectory() as folder:
        yield Samples([corpus(Path(folder), documents)], tokenizer(), settings)
