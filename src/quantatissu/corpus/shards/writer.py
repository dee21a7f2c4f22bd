"""Writing shards: tokens in, files out, whose bytes depend on the documents and their order alone."""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

import numpy as np

from quantatissu.corpus.shards.layout import (
    MAGIC,
    MANIFEST,
    Header,
    ShardEntry,
    ShardManifest,
    digest,
    replace_file,
    seal,
)
from quantatissu.corpus.shards.settings import ShardSettings
from quantatissu.tokenizer import Ids, Tokenizer

_FLUSH = 1 << 22
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OURS = re.compile(r"([a-z][a-z0-9_]*-\d{5,}\.(bin|json)|manifest\.json)(\.tmp)?")


class Placement(NamedTuple):
    """Where a document went: ``tokens`` (end of text included) from token ``offset`` of ``<shard>.bin``."""

    split: str
    shard: str
    offset: int
    tokens: int


class ShardWriter:
    """Writes documents into the shards of a folder; use it in a with statement.

    The manifest appears when the block ends without an error, and only then is the folder a corpus. Shards of an
    earlier build in the same folder are removed at the start. Memory per split: a few megabytes and 26 bytes a
    document of the open shard. Raises ValueError when the vocabulary has no end-of-text token.
    """

    def __init__(self, folder: Path, tokenizer: Tokenizer, settings: ShardSettings | None = None) -> None:
        if tokenizer.end_of_text is None:
            raise ValueError("shards need a vocabulary with an end-of-text token")
        self.folder = folder
        self.tokenizer = tokenizer
        self.settings = settings or ShardSettings()
        self._end = np.array([tokenizer.end_of_text], dtype=tokenizer.dtype)
        self._open: dict[str, _Shard] = {}
        self._done: list[ShardEntry] = []
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.iterdir(), key=lambda path: path.name != MANIFEST):  # the manifest goes first
            if _OURS.fullmatch(path.name):
                path.unlink()

    def add(self, document: str, text: str, *, language: str = "", split: str = "train") -> Placement:
        """Tokenise a document and append it, with the end-of-text token. See `add_tokens`."""
        return self.add_tokens(document, self.tokenizer.encode(text), language=language, split=split)

    def add_tokens(self, document: str, tokens: Ids, *, language: str = "", split: str = "train") -> Placement:
        """Append a document that was tokenised elsewhere with the same vocabulary, without its end-of-text token.

        `document` is its id, 32 hexadecimal digits. Raises ValueError for another id, a split that is not a name in
        lower case, or ids outside the vocabulary.
        """
        key = bytes.fromhex(document)
        if len(key) != 16:
            raise ValueError(f"a document id has 32 hexadecimal digits, not {document!r}")
        if not _NAME.fullmatch(split):
            raise ValueError(f"a split is a lower-case name, not {split!r}")
        if len(tokens) and int(tokens.max()) >= self.tokenizer.vocabulary:
            raise ValueError(f"document {document} has ids outside the vocabulary")
        whole = np.concatenate([tokens.astype(self.tokenizer.dtype, copy=False), self._end])
        shard = self._open.get(split)
        if shard is not None and shard.tokens + len(whole) > self.settings.tokens:
            self._finish(shard)
            shard = None
        if shard is None:
            number = sum(done.split == split for done in self._done)
            name = f"{split}-{number:05d}"
            shard = self._open[split] = _Shard(self.folder, name, split, self.tokenizer.dtype.str, self.settings.block)
        offset = shard.append(key, whole.tobytes(), len(whole), language)
        return Placement(split, shard.name, offset, len(whole))

    def close(self) -> ShardManifest:
        """Finish every shard and write the manifest. The with statement does it."""
        for split in sorted(self._open):
            self._finish(self._open[split])
        assert self.tokenizer.end_of_text is not None
        manifest = ShardManifest(
            dtype=self.tokenizer.dtype.str,
            vocabulary=self.tokenizer.vocabulary,
            tokenizer=self.tokenizer.fingerprint,
            end_of_text=self.tokenizer.end_of_text,
            shards=tuple(sorted(self._done, key=lambda entry: entry.name)),
        )
        replace_file(self.folder / MANIFEST, seal(manifest))
        return manifest

    def discard(self) -> None:
        """Throw away the unfinished shards; the folder stays without a manifest."""
        for shard in self._open.values():
            shard.discard()
        self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    def _finish(self, shard: _Shard) -> None:
        self._done.append(shard.finish())
        self._open = {split: other for split, other in self._open.items() if other is not shard}


class _Shard:
    """A shard being written to a temporary name, hashed as it goes."""

    def __init__(self, folder: Path, name: str, split: str, dtype: str, block: int) -> None:
        self.name = name
        self.tokens = 0
        self._path = folder / f"{name}.bin"
        self._temporary = folder / f"{name}.bin.tmp"
        self._split, self._dtype = split, dtype
        self._offsets = array("Q", [0])
        self._ids = bytearray()
        self._languages = array("H")
        self._language_numbers: dict[str, int] = {}
        self._pending = bytearray(MAGIC)
        self._file: IO[bytes] = self._temporary.open("wb")
        self._hashes = _Hashes(block)

    def append(self, key: bytes, data: bytes, count: int, language: str) -> int:
        offset = self.tokens
        self._pending += data
        if len(self._pending) >= _FLUSH:
            self._flush()
        self.tokens += count
        self._offsets.append(self.tokens)
        self._ids += key
        self._languages.append(self._language_numbers.setdefault(language, len(self._language_numbers)))
        return offset

    def finish(self) -> ShardEntry:
        end = len(MAGIC) + self.tokens * int(self._dtype[-1])
        self._pending += bytes(-end % 8)
        self._pending += np.asarray(self._offsets).astype("<u8").tobytes()
        self._pending += self._ids
        self._pending += np.asarray(self._languages).astype("<u2").tobytes()
        self._flush()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        blocks, whole = self._hashes.finish()
        header = Header(
            split=self._split,
            dtype=self._dtype,
            tokens=self.tokens,
            documents=len(self._languages),
            languages=tuple(self._language_numbers),
            bytes=self._hashes.size,
            block=self._hashes.block,
            blocks=blocks,
            digest=whole,
        )
        sealed = seal(header)
        self._temporary.replace(self._path)
        replace_file(self._path.with_suffix(".json"), sealed)
        return ShardEntry(
            name=self.name,
            split=self._split,
            tokens=self.tokens,
            documents=header.documents,
            bytes=header.bytes,
            digest=whole,
            header_digest=digest(sealed),
        )

    def discard(self) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        self._hashes.update(self._pending)
        self._file.write(self._pending)
        self._pending.clear()


class _Hashes:
    """The digests of a stream's blocks, and of the whole."""

    def __init__(self, block: int) -> None:
        self.block = block
        self.size = 0
        self._blocks: list[str] = []
        self._current = hashlib.blake2b(digest_size=8)

    def update(self, data: bytes | bytearray) -> None:
        view = memoryview(data)
        while view:
            room = self.block - self.size % self.block
            part = view[:room]
            self._current.update(part)
            self.size += len(part)
            view = view[room:]
            if self.size % self.block == 0:
                self._close()

    def finish(self) -> tuple[tuple[str, ...], str]:
        if self.size % self.block:
            self._close()
        return tuple(self._blocks), digest("".join(self._blocks).encode())

    def _close(self) -> None:
        self._blocks.append(self._current.hexdigest())
        self._current = hashlib.blake2b(digest_size=8)
