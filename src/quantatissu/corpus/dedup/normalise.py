"""What two documents must share to be exact duplicates: everything but white space and a byte order mark."""

from __future__ import annotations

import hashlib

from quantatissu.corpus.dedup.tokens import encode

HASH_BYTES = 16


def normalise(text: str) -> str:
    """`text` without a byte order mark and with every run of white space as one space, none at the ends."""
    return " ".join(text.removeprefix("\ufeff").split())


def content_hash(text: str) -> bytes:
    """16 bytes of BLAKE2b over the normalised text."""
    return hashlib.blake2b(encode(normalise(text)), digest_size=HASH_BYTES).digest()
