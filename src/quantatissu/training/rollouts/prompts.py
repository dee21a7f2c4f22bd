"""What is asked: prompts from files, in an order that depends on the seed alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import Ids
from quantatissu.training.conversations import Chat, Prompted, check, held_out, plain_messages, read_records
from quantatissu.training.data.shuffling import permutation

_EPOCHS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question. ``prompt`` as its record has it, messages or a text; ``record`` the whole record, for whatever its
    scorer needs (an ``answer``, ``tests``, …); ``where`` the place it came from; ``ids`` what the model is given.
    """

    prompt: str | Sequence[Mapping[str, Any]]
    record: Mapping[str, Any]
    where: str
    ids: Ids = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prompts:
    """What files hold; ``long`` prompts leave no room for an answer in a sample, and were left out."""

    train: list[Prompt]
    held: list[Prompt]
    long: int


def read_prompts(paths: Sequence[Path], chat: Chat, *, longest: int, share: float) -> Prompts:
    """Read ``{"prompt": text or messages, ...}`` records of ``longest`` tokens at most; ``share`` of them is held out,
    by prompt (or by ``group``, for records that have one). Raises QuantaError that names the place of a bad record.
    """
    found = Prompts([], [], 0)
    long = 0
    for record in read_records(paths):
        prompted = check(record, Prompted)
        ids = chat.prompt(record, prompted)
        if not len(ids):
            raise QuantaError(f"{record.where}: the prompt is empty")
        asked = prompted.prompt if isinstance(prompted.prompt, str) else plain_messages(prompted.prompt)
        prompt = Prompt(asked, record.fields, record.where, ids)
        if len(ids) > longest:
            long += 1
        elif held_out(record.group(record.fields["prompt"]), share):
            found.held.append(prompt)
        else:
            found.train.append(prompt)
    if not found.train:
        advice = f" {long} leave no room for objective.max_tokens in data.length." if long else ""
        raise QuantaError(f"there is no prompt to train on in {', '.join(map(str, paths))}.{advice}")
    return Prompts(found.train, found.held, long)


class PromptOrder:
    """The prompts of a run: number `index` is always the same for a seed; each pass asks every one once."""

    def __init__(self, prompts: Sequence[Prompt], *, seed: int) -> None:
        self.prompts, self._seed = prompts, seed
        self._epoch = lru_cache(maxsize=_EPOCHS_KEPT)(self._make_epoch)

    @property
    def fingerprint(self) -> str:
        """Of everything that decides what prompt `index` is, and what its scorer sees of it."""
        digest = hashlib.blake2b(repr(("prompts", self._seed)).encode(), digest_size=16)
        for one in self.prompts:
            digest.update(repr((one.ids.tolist(), one.record)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def __getitem__(self, index: int) -> Prompt:
        epoch, at = divmod(index, len(self.prompts))
        return self.prompts[int(self._epoch(epoch)[at])]

    def _make_epoch(self, epoch: int) -> NDArray[np.int64]:
        return permutation(len(self.prompts), self._seed, "prompts", epoch)
