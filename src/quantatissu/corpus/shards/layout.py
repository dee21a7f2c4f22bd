"""What a folder of shards looks like on disk.

``<split>-NNNNN.bin`` holds, all little-endian:

    16 bytes   magic
    tokens     uint16 or uint32 each, document after document, each document closed by the end-of-text token
    padding    zeros up to a multiple of 8
    offsets    uint64 [documents + 1], in tokens: document d is tokens[offsets[d]:offsets[d + 1]]
    ids        16 bytes [documents]
    languages  uint16 [documents], indices into the header's table

``<split>-NNNNN.json`` is its header: counts, the table of languages, the BLAKE2b of each block of the
file and of the whole (that of the list of blocks: bytes are hashed once).
``manifest.json`` lists the shards with the digests of both files. Header and manifest end in a digest of themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError

MAGIC = b"QTSHARD\x01\0\0\0\0\0\0\0\0"
MANIFEST = "manifest.json"
VERSION = 1
_REBUILD = "build the corpus again, or copy the folder again from where it is whole"


class ShardError(QuantaError):
    """A folder of shards that is torn, altered, incomplete, or not one at all."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}", hint=_REBUILD)


class NoSplitError(ShardError):
    """The shards are whole, and none is of the split that was asked for."""


@dataclass(frozen=True, slots=True)
class Header:
    """One shard. ``bytes`` is the size of the .bin, ``blocks`` the digests (8 bytes, hexadecimal) of its blocks of
    ``block`` bytes, ``digest`` (16 bytes) that of all of it.
    """

    split: str
    dtype: str
    tokens: int
    documents: int
    languages: tuple[str, ...]
    bytes: int
    block: int
    blocks: tuple[str, ...]
    digest: str

    @property
    def offsets_at(self) -> int:
        """Where the index starts, in bytes."""
        end = len(MAGIC) + self.tokens * int(self.dtype[-1])
        return end + -end % 8

    @property
    def size(self) -> int:
        """Bytes the .bin must have by its counts."""
        return self.offsets_at + 8 * (self.documents + 1) + 18 * self.documents


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """A shard as the manifest lists it; the digests are those of its two files."""

    name: str
    split: str
    tokens: int
    documents: int
    bytes: int
    digest: str
    header_digest: str


@dataclass(frozen=True, slots=True)
class ShardManifest:
    """What a folder of shards holds. ``tokenizer`` is the fingerprint of the vocabulary that made it, ``vocabulary``
    its size, ``end_of_text`` the id that closes every document.
    """

    dtype: str
    vocabulary: int
    tokenizer: str
    end_of_text: int
    shards: tuple[ShardEntry, ...]

    @property
    def tokens(self) -> int:
        return sum(shard.tokens for shard in self.shards)

    @property
    def documents(self) -> int:
        return sum(shard.documents for shard in self.shards)


def digest(data: bytes) -> str:
    """BLAKE2b, 16 bytes, hexadecimal."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def seal(record: Header | ShardManifest) -> bytes:
    """`record` as JSON with a digest of itself: the same bytes for the same record, always."""
    state = {"version": VERSION, **asdict(record)}
    state["seal"] = digest(_canonical(state))
    return (json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def open_header(path: Path, data: bytes) -> Header:
    """The header in `data`, read from `path`. Raises ShardError when it is torn or altered."""
    state = _unseal(path, data)
    with _Shape(path):
        state["languages"], state["blocks"] = tuple(state["languages"]), tuple(state["blocks"])
        return Header(**state)


def open_manifest(path: Path, data: bytes) -> ShardManifest:
    """The manifest in `data`, read from `path`. Raises ShardError when it is torn or altered."""
    state = _unseal(path, data)
    with _Shape(path):
        state["shards"] = tuple(ShardEntry(**entry) for entry in state["shards"])
        return ShardManifest(**state)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that it is there in full or not at all, also after a power cut."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _unseal(path: Path, data: bytes) -> dict[str, Any]:
    try:
        state = json.loads(data)
    except ValueError as error:
        raise ShardError(path, "it is torn: not JSON any more") from error
    if not isinstance(state, dict) or "seal" not in state:
        raise ShardError(path, "it is not part of a folder of shards")
    sealed = state.pop("seal")
    if digest(_canonical(state)) != sealed:
        raise ShardError(path, "it was altered: it does not match its own checksum")
    if state.pop("version", None) != VERSION:
        raise ShardError(path, f"it was written by another version; this one reads version {VERSION}")
    return state


def _canonical(state: dict[str, Any]) -> bytes:
    return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()


class _Shape:
    """Turns the errors of a record with the wrong fields into a ShardError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TypeError | KeyError):
            raise ShardError(self.path, f"its fields are not those of a shard ({error})") from error
