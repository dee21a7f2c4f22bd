"""What a vocabulary does to text: how much a token holds, by language, and whether everything comes back."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quantatissu.tokenizer.core import Tokenizer

_WORD = re.compile(r"\S+")
_INDENTATION = re.compile(r"(?m)^[ \t]+(?=\S)")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


@dataclass(frozen=True, slots=True)
class Measured:
    """Sums over some text. ``indentation`` and ``numbers`` are (tokens, occurrences) of those runs taken alone."""

    documents: int
    size: int
    words: int
    tokens: int
    indentation: tuple[int, int]
    numbers: tuple[int, int]
    unequal: int
    """Documents that did not come back as they were."""

    @property
    def bytes_per_token(self) -> float:
        """Compression: larger is shorter sequences."""
        return self.size / max(self.tokens, 1)

    @property
    def fertility(self) -> float:
        """Tokens per word, a word being what stands between spaces (Rust et al., 2021)."""
        return self.tokens / max(self.words, 1)


def measure_text(tokenizer: Tokenizer, texts: Iterable[str]) -> Measured:
    """Encode and decode each of `texts`, and count."""
    documents = size = words = tokens = unequal = 0
    runs: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    for text in texts:
        ids = tokenizer.encode(text)
        documents += 1
        size += len(text.encode("utf-8", "surrogatepass"))
        words += sum(1 for _ in _WORD.finditer(text))
        tokens += len(ids)
        unequal += tokenizer.decode(ids.tolist()) != text
        runs.update(_INDENTATION.findall(text))
        numbers.update(_NUMBER.findall(text))
    return Measured(documents, size, words, tokens, _cost(tokenizer, runs), _cost(tokenizer, numbers), unequal)


def _cost(tokenizer: Tokenizer, found: Mapping[str, int]) -> tuple[int, int]:
    return sum(len(tokenizer.encode(text)) * times for text, times in found.items()), sum(found.values())


@dataclass(frozen=True, slots=True)
class Proof:
    """Of the round trip on arbitrary bytes: how many strings were tried, and the first that did not come back."""

    tried: int
    failed: bytes | None


def prove_round_trip(tokenizer: Tokenizer, *, count: int = 2000, seed: int = 0) -> Proof:
    """Encode and decode random bytes: every byte alone, every pair of a lead byte and a follower, strings of any bytes,
    and text in which single bytes were broken. Raises ValueError unless the vocabulary is byte-level.
    """
    draw = random.Random(seed)  # noqa: S311 - test data
    tried = 0
    for data in _hard(draw, count):
        tried += 1
        if tokenizer.decode_bytes(tokenizer.encode_bytes(data)) != data:
            return Proof(tried, data)
    return Proof(tried, None)


def _hard(draw: random.Random, count: int) -> Iterable[bytes]:
    yield b""
    for first in range(256):
        yield bytes([first])
        yield bytes([first, 0x80 | first & 0x3F])
    text = "def größe(x):\n\treturn {'ключ': x, '鍵': 👍}\r\n    # <|endoftext|>\n".encode()
    for _ in range(count):
        yield draw.randbytes(draw.randrange(1, 64))
        broken = bytearray(text[draw.randrange(len(text)) :])
        if broken:
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        yield bytes(broken)


def used(tokenizer: Tokenizer, texts: Iterable[str]) -> int:
    """How many different tokens occur in `texts`."""
    seen: set[int] = set()
    for text in texts:
        seen.update(tokenizer.encode(text).tolist())
    return len(seen)
