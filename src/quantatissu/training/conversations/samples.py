"""Conversations as samples: packed, scored on the assistant's tokens only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import Encoded
from quantatissu.training.conversations.records import held_out, read_records
from quantatissu.training.conversations.rows import Packing, Rows
from quantatissu.training.conversations.schema import Chat, Conversation, check
from quantatissu.training.data import Batch


@dataclass(frozen=True, slots=True)
class Conversations:
    """What files hold: conversations to train on, and held-out ones with the name of their file.

    ``cut`` are those that were longer than a sample and lost their end; ``empty`` those that had nothing to learn in
    front of it, and were left out.
    """

    train: list[Encoded]
    held: list[tuple[Encoded, str]]
    cut: int
    empty: int


def read_conversations(paths: Sequence[Path], chat: Chat, *, length: int, share: float) -> Conversations:
    """Read ``{"messages": [...], "tools": [...]}`` records; ``share`` of them is held out.

    Conversations that begin alike (up to the assistant's first word) are on the same side of the split, and so are
    those with the same ``group``, for records that have one. Raises QuantaError that names the place of a bad record.
    """
    found = Conversations([], [], 0, 0)
    cut = empty = 0
    for path in paths:
        for record in read_records([path]):
            conversation = check(record, Conversation)
            encoded = chat.conversation(record, conversation)
            cut += len(encoded.ids) > length
            encoded = Encoded(encoded.ids[:length], encoded.mask[:length])
            if not encoded.mask[1:].any():
                empty += 1
            elif held_out(record.group(conversation.opening), share):
                found.held.append((encoded, path.stem))
            else:
                found.train.append(encoded)
    if not found.train:
        raise QuantaError(f"there is no conversation to train on in {', '.join(map(str, paths))}")
    return Conversations(found.train, found.held, cut, empty)


class ConversationSamples:
    """Samples of a run from encoded conversations: row `index` is always the same for a seed.

    ``conversations`` have at most ``length`` tokens each; ``pad`` fills rows up.
    """

    def __init__(self, conversations: Sequence[Encoded], *, length: int, seed: int, pad: int) -> None:
        self._conversations, self._length, self._seed, self._pad = conversations, length, seed, pad
        sizes = np.array([len(one.ids) for one in conversations], np.int64)
        self._packing = Packing(sizes, length=length, seed=seed)
        self.tokens = int(sizes.sum())
        """In one pass."""

    @property
    def fingerprint(self) -> str:
        """Of everything that decides what sample i is."""
        return fingerprint(self._conversations, "conversations", self._length, self._seed)

    @property
    def per_epoch(self) -> Mapping[int, int]:
        """Samples in one pass over the conversations."""
        return {0: self._packing.rows}

    def batch(self, indices: Sequence[int], *, index: int | None = None) -> Batch:
        """The samples `indices` as rows. ``index`` of the batch is by default one more than the highest."""
        rows = Rows(len(indices), self._length, self._pad)
        for row, number in enumerate(indices):
            for item in self._packing.items(number):
                rows.add(row, self._conversations[item])
        return rows.batch(max(indices) + 1 if index is None else index)


def fingerprint(documents: Sequence[Encoded], *settings: object) -> str:
    """BLAKE2b (16 bytes, hexadecimal) of documents in their order, and of settings."""
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=16)
    for ids, mask in documents:
        digest.update(len(ids).to_bytes(8, "little"))
        digest.update(ids.tobytes())
        digest.update(mask.tobytes())
    return digest.hexdigest()
