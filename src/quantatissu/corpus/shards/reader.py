"""Opening shards: memory-mapped, and checked before a token of them is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.corpus.shards.layout import (
    MAGIC,
    MANIFEST,
    Header,
    NoSplitError,
    ShardEntry,
    ShardError,
    ShardManifest,
    digest,
    open_header,
    open_manifest,
)
from quantatissu.tokenizer import Ids

# Up to here every byte is checked on opening; it takes about a second.
_CHECKED_AT_ONCE = 1 << 30


def open_shards(folder: Path, *, split: str = "train", full: bool | None = None) -> Corpus:
    """The documents of one split of a folder that `ShardWriter` wrote.

    On opening, every file's presence and size, manifest, headers and index are checked, and of the tokens the first and
    the last block. With ``full`` every block is; without it each one when a document in it is first read. By default
    (None) all are checked on opening as long as the split has at most 1 GiB.

    Raises ShardError when something is missing, torn or altered, and when there is no such split.
    """
    path = folder / MANIFEST
    try:
        manifest = open_manifest(path, path.read_bytes())
    except FileNotFoundError as error:
        raise ShardError(folder, f"no {MANIFEST} here: not a folder of shards, or its build did not finish") from error
    except OSError as error:
        raise ShardError(path, f"cannot be read ({error.strerror})") from error
    entries = [entry for entry in manifest.shards if entry.split == split]
    if not entries and manifest.shards:
        names = ", ".join(sorted({entry.split for entry in manifest.shards}))
        raise NoSplitError(folder, f"there is no split {split!r}; there are: {names}")
    if full is None:
        full = sum(entry.bytes for entry in entries) <= _CHECKED_AT_ONCE
    return Corpus(folder, split, manifest, [Shard(folder, entry, manifest.dtype, full=full) for entry in entries])


class Corpus(Sequence[Ids]):
    """The documents of one split, in the order they were written, each with its closing end-of-text token.

    ``lengths`` int64 [documents], in tokens; ``language_numbers`` uint16 [documents], indices into ``languages``.
    Documents are read-only views of the mapped files.
    """

    def __init__(self, folder: Path, split: str, manifest: ShardManifest, shards: Sequence[Shard]) -> None:
        self.folder = folder
        self.split = split
        self.manifest = manifest
        self.shards = tuple(shards)
        self._firsts = np.cumsum([0, *(shard.header.documents for shard in shards)])
        self.languages = tuple(sorted({name for shard in shards for name in shard.header.languages}))
        self.lengths: NDArray[np.int64] = _joined(
            [np.diff(shard.offsets).astype(np.int64) for shard in shards], np.int64
        )
        numbers = {name: number for number, name in enumerate(self.languages)}
        self.language_numbers: NDArray[np.uint16] = _joined(
            [
                np.array([numbers[name] for name in shard.header.languages], np.uint16)[shard.language_numbers]
                for shard in shards
                if shard.header.documents
            ],
            np.uint16,
        )

    @property
    def tokens(self) -> int:
        """Tokens in all, the end-of-text tokens included."""
        return int(self.lengths.sum())

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def __getitem__(self, number: Any) -> Any:
        """Document `number` as ids [tokens]. Raises IndexError outside, ShardError when its bytes were altered."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        return self.read(int(number))

    def __iter__(self) -> Iterator[Ids]:
        return (self.read(number) for number in range(len(self)))

    def read(self, number: int, start: int = 0, stop: int | None = None) -> Ids:
        """Tokens `start` to `stop` of document `number`."""
        shard, local = self._find(number)
        return shard.read(local, start, stop)

    def document_id(self, number: int) -> str:
        """The id of document `number`, 32 hexadecimal digits."""
        shard, local = self._find(number)
        return bytes(shard.ids[local]).hex()

    def _find(self, number: int) -> tuple[Shard, int]:
        if number < 0:
            number += len(self)
        if not 0 <= number < len(self):
            raise IndexError(f"document {number} of {len(self)}")
        at = int(np.searchsorted(self._firsts, number, side="right")) - 1
        return self.shards[at], number - int(self._firsts[at])


class Shard:
    """One mapped file. ``offsets`` uint64 [documents + 1] in tokens, ``ids`` uint8 [documents, 16]."""

    def __init__(self, folder: Path, entry: ShardEntry, dtype: str, *, full: bool) -> None:
        self.path = folder / f"{entry.name}.bin"
        self.header = _header(folder / f"{entry.name}.json", entry)
        if self.header.dtype != dtype or self.header.size != self.header.bytes:
            raise ShardError(self.path, "its header contradicts itself or the manifest")
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise ShardError(self.path, f"the shard is missing ({error.strerror})") from error
        if size != self.header.bytes:
            raise ShardError(self.path, f"torn: {size:,} bytes where {self.header.bytes:,} were written")
        self._data: NDArray[np.uint8] = np.memmap(self.path, dtype=np.uint8, mode="r")
        self._unchecked = bytearray(b"\1" * len(self.header.blocks))
        at = self.header.offsets_at
        self._check(0, self.header.bytes if full else 1)
        self._check(at - 1, self.header.bytes)  # the index, and the last tokens before it
        count = self.header.documents
        if bytes(self._data[: len(MAGIC)]) != MAGIC:
            raise ShardError(self.path, "it is not a shard")
        self.tokens: Ids = self._data[len(MAGIC) :][: self.header.tokens * np.dtype(dtype).itemsize].view(dtype)
        self.offsets: NDArray[np.uint64] = self._data[at:][: 8 * (count + 1)].view("<u8")
        self.ids: NDArray[np.uint8] = self._data[at + 8 * (count + 1) :][: 16 * count].reshape(count, 16)
        self.language_numbers: NDArray[np.uint16] = self._data[self.header.bytes - 2 * count :].view("<u2")

    def read(self, number: int, start: int, stop: int | None) -> Ids:
        """Tokens `start` to `stop` of document `number` of this shard."""
        begin, end = int(self.offsets[number]), int(self.offsets[number + 1])
        first = min(begin + start, end)
        last = end if stop is None else min(begin + stop, end)
        wide = self.tokens.itemsize
        self._check(len(MAGIC) + first * wide, len(MAGIC) + last * wide)
        return self.tokens[first:last]

    def _check(self, start: int, stop: int) -> None:
        """Verify the blocks with bytes `start` to `stop`, those that were not verified yet."""
        block = self.header.block
        first, end = start // block, -(-stop // block)
        number = self._unchecked.find(1, first, end)
        while number >= 0:
            found = hashlib.blake2b(self._data[number * block : (number + 1) * block].data, digest_size=8).hexdigest()
            if found != self.header.blocks[number]:
                raise ShardError(self.path, f"altered: bytes from {number * block:,} on do not match their checksum")
            self._unchecked[number] = 0
            number = self._unchecked.find(1, number, end)


def _header(path: Path, entry: ShardEntry) -> Header:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ShardError(path, f"the shard's header is missing ({error.strerror})") from error
    if digest(data) != entry.header_digest:
        raise ShardError(path, "it is not the header that the manifest lists")
    header = open_header(path, data)
    if digest("".join(header.blocks).encode()) != entry.digest:
        raise ShardError(path, "its checksums are not those that the manifest lists")
    return header


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
