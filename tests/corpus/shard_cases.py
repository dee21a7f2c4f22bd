"""A small vocabulary, documents, and folders of shards."""

from __future__ import annotations

import functools
import hashlib
import textwrap
from collections.abc import Sequence
from pathlib import Path

from quantatissu.corpus.shards import Placement, ShardSettings, ShardWriter
from quantatissu.tokenizer import Tokenizer, TrainSettings, train_tokenizer

SMALL = ShardSettings(tokens=2000, block=4096)


@functools.cache
def tokenizer() -> Tokenizer:
    text = Path(textwrap.__file__).read_text(encoding="utf-8")
    return train_tokenizer([text], TrainSettings(vocabulary=320))


def identity(number: int) -> str:
    return hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()


def documents(count: int = 40) -> list[str]:
    """Texts of many lengths, the first one empty."""
    return ["".join(f"def f{line}(x):\n    return x + {line}\n" for line in range(number)) for number in range(count)]


def write(
    folder: Path, texts: Sequence[str], settings: ShardSettings = SMALL, *, languages: Sequence[str] = ("python",)
) -> list[Placement]:
    with ShardWriter(folder, tokenizer(), settings) as writer:
        return [
            writer.add(identity(number), text, language=languages[number % len(languages)])
            for number, text in enumerate(texts)
        ]
