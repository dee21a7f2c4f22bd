"""A vocabulary in use: text to ids and back, exactly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.tokenizer import bytelevel, pattern
from quantatissu.tokenizer.special import find_end_of_text, find_fim

if TYPE_CHECKING:
    import tokenizers

Ids = NDArray[Any]  # one dimension, uint16 or uint32
_CACHED_PIECES = 1 << 19  # about 100 MB when full
_CACHED_LENGTH = 64
_INVALID = re.compile("[\udc80-\udcff]+")


class Tokenizer:
    """A Hugging Face tokenizer with what training needs from it. Made by `load_tokenizer` and `train_tokenizer`.

    ``source`` is the text of its ``tokenizer.json``, ``vocabulary`` one more than the highest id, ``dtype`` the
    smallest of uint16 and uint32 that holds the ids, ``fim`` and ``end_of_text`` the ids of those tokens or None,
    ``control`` the added tokens by name, ``byte_level`` whether any bytes can be encoded, ``lines_independent`` whether
    the ids of a text are those of its lines one after another. Names of control tokens inside a text are encoded as
    ordinary text: no file can forge the end of a document.

    Safe to pickle and to use from several threads.
    """

    def __init__(self, model: tokenizers.Tokenizer, source: str, *, ours: bool) -> None:
        self._model = model
        self.source = source
        added = {token.content: number for number, token in model.get_added_tokens_decoder().items()}
        everything = model.get_vocab(with_added_tokens=True)
        model.encode_special_tokens = True
        self.control: dict[str, int] = added
        self.vocabulary: int = max(everything.values()) + 1
        self.dtype: np.dtype[Any] = np.dtype("<u2" if self.vocabulary <= 1 << 16 else "<u4")
        self.fim = find_fim(everything)
        self.end_of_text = find_end_of_text(everything)
        self._bytes = bytelevel.token_bytes(model.get_vocab(with_added_tokens=False), added)
        self.byte_level = self._bytes is not None
        self.lines_independent = self.byte_level and ours
        self._pieces = _Pieces(self._whole, self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        from quantatissu.tokenizer.files import parse_tokenizer

        return parse_tokenizer, (self.source,)

    @property
    def fingerprint(self) -> str:
        """BLAKE2b (16 bytes, hexadecimal) of ``tokenizer.json``."""
        return hashlib.blake2b(self.source.encode(), digest_size=16).hexdigest()

    def id(self, name: str) -> int:
        """The id of a token by name. Raises ValueError when the vocabulary lacks it."""
        number: int | None = self._model.token_to_id(name)
        if number is None:
            raise ValueError(f"the vocabulary has no token {name!r}")
        return number

    def encode(self, text: str) -> Ids:
        """The ids of `text`, without any control token."""
        if not self.lines_independent:
            return np.array(self._whole(text), dtype=self.dtype)
        if text.isascii():
            packed = self._ascii(text)
        else:
            packed = b"".join(
                self._ascii(run) if ascii_only else np.array(self._whole(run), dtype=self.dtype).tobytes()
                for ascii_only, run in pattern.runs(text)
            )
        return np.frombuffer(packed, dtype=self.dtype)

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """`encode` for each text; faster than one by one where `tokenizers` does the work in threads."""
        if self.lines_independent:
            return [self.encode(text) for text in texts]
        encodings = self._model.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, dtype=self.dtype) for encoding in encodings]

    def encode_bytes(self, data: bytes) -> Ids:
        """The ids of any bytes; what is not UTF-8 becomes one token a byte.

        Raises ValueError unless the vocabulary is byte-level.
        """
        table = self._byte_ids
        text = data.decode("utf-8", "surrogateescape")
        if _INVALID.search(text) is None:
            return self.encode(text)
        parts: list[Ids] = []
        done = 0
        for match in _INVALID.finditer(text):
            parts.append(self.encode(text[done : match.start()]))
            parts.append(np.array([table[ord(lost) - 0xDC00] for lost in match.group()], dtype=self.dtype))
            done = match.end()
        return np.concatenate([*parts, self.encode(text[done:])])

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, control tokens by their names; bytes that are not UTF-8 become U+FFFD."""
        if self._bytes is not None:
            return self.decode_bytes(ids).decode("utf-8", "replace")
        text: str = self._model.decode([int(number) for number in ids], skip_special_tokens=False)
        return text

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes of `ids`. Raises ValueError unless the vocabulary is byte-level."""
        table = self._bytes
        if table is None:
            raise ValueError("this vocabulary is not byte-level: use decode")
        return b"".join(map(table.__getitem__, ids.tolist() if isinstance(ids, np.ndarray) else ids))

    def token_bytes(self) -> list[bytes]:
        """The bytes of every token, by id. Raises ValueError unless the vocabulary is byte-level."""
        if self._bytes is None:
            raise ValueError("this vocabulary is not byte-level")
        return self._bytes

    def _whole(self, text: str) -> list[int]:
        ids: list[int] = self._model.encode(text, add_special_tokens=False).ids
        return ids

    def _ascii(self, text: str) -> bytes:
        return b"".join(map(self._pieces.__getitem__, pattern.ASCII.findall(text)))

    @cached_property
    def _byte_ids(self) -> list[int]:
        if self._bytes is None:
            raise ValueError("this vocabulary is not byte-level: it cannot encode arbitrary bytes")
        return [self.id(character) for character in bytelevel.CHARACTERS]


class _Pieces(dict[str, bytes]):
    """Packed ids by piece of text, filled as pieces turn up.

    Code repeats itself: about 96 of 100 pieces are there already, so that a text costs one dictionary look-up per
    piece, about an eighth of what the same costs inside `tokenizers`.
    """

    def __init__(self, encode: Any, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self._encode = encode
        self._dtype = dtype

    def __missing__(self, piece: str) -> bytes:
        packed = np.array(self._encode(piece), dtype=self._dtype).tobytes()
        if len(piece) <= _CACHED_LENGTH:
            if len(self) >= _CACHED_PIECES:
                self.clear()
            self[piece] = packed
        return packed
