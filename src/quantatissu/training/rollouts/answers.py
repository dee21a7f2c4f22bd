"""Judged answers as arrays: what a step learns from, in memory and on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import Encoded, Ids
from quantatissu.training.conversations import Rows
from quantatissu.training.data import Batch

_WIDTH_STEP = 32  # few different widths, for whoever compiles by shape


@dataclass(frozen=True, slots=True)
class AnswerBatch(Batch):
    """One answer a row, behind its prompt. Fp32 [rows, length]: ``advantages``, ``old`` and ``reference`` at every
    scored token, as `GroupPolicy` wants them; ``rewards`` at the first token.

    The padding belongs to the row's document: nothing in front of it sees it, and attention that is causal and nothing
    else takes all rows at once.
    """

    advantages: NDArray[np.float32]
    old: NDArray[np.float32]
    reference: NDArray[np.float32]
    rewards: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Answers:
    """``tokens`` [all tokens] of every prompt with its answer, one after another; of each, ``prompt_lengths`` and
    ``lengths`` in all. ``rewards`` and ``advantages`` fp32 [answers]. ``old`` and ``reference`` fp32 [all tokens]:
    log-probabilities of each scored token, at the token before it; 0 elsewhere.
    """

    tokens: Ids
    prompt_lengths: NDArray[np.int64]
    lengths: NDArray[np.int64]
    rewards: NDArray[np.float32]
    advantages: NDArray[np.float32]
    old: NDArray[np.float32]
    reference: NDArray[np.float32]

    @classmethod
    def judged(
        cls,
        prompts: Sequence[Ids],
        answers: Sequence[Sequence[Ids]],
        rewards: NDArray[np.float64],
        advantages: NDArray[np.float64],
    ) -> Answers:
        """From prompts, the answers to each, and what those are worth, both [prompts, answers]. Without
        log-probabilities.
        """
        pairs = [(prompt, answer) for prompt, group in zip(prompts, answers, strict=True) for answer in group]
        tokens = np.concatenate([part for pair in pairs for part in pair])
        return cls(
            tokens,
            np.array([len(prompt) for prompt, _ in pairs], np.int64),
            np.array([len(prompt) + len(answer) for prompt, answer in pairs], np.int64),
            rewards.reshape(-1).astype(np.float32),
            advantages.reshape(-1).astype(np.float32),
            np.zeros(len(tokens), np.float32),
            np.zeros(len(tokens), np.float32),
        )

    def batches(self, rows: int, *, pad: int, longest: int, index: int) -> Iterator[tuple[AnswerBatch, list[int]]]:
        """Micro-batches of ``rows`` rows, the shortest answers first so that little is padded, none wider than
        ``longest``; with each the numbers of its answers. ``index`` is that of the batches.
        """
        ends = np.cumsum(self.lengths)
        ordered = np.argsort(self.lengths, kind="stable").tolist()
        for first in range(0, len(ordered), rows):
            chosen = ordered[first : first + rows]
            widest = int(self.lengths[chosen[-1]])
            yield self._batch(chosen, ends, min(-(-widest // _WIDTH_STEP) * _WIDTH_STEP, longest), pad, index), chosen

    def _batch(self, chosen: Sequence[int], ends: NDArray[np.int64], width: int, pad: int, index: int) -> AnswerBatch:
        rows = Rows(len(chosen), width, pad)
        advantages, old, reference, rewards = (np.zeros((len(chosen), width), np.float32) for _ in range(4))
        for row, number in enumerate(chosen):
            stop = int(ends[number])
            inside = slice(stop - int(self.lengths[number]), stop)
            ids = self.tokens[inside]
            place = rows.add(row, Encoded(ids, np.arange(len(ids)) >= self.prompt_lengths[number]))
            advantages[row, place] = self.advantages[number]
            old[row, place], reference[row, place] = self.old[inside], self.reference[inside]
            rewards[row, 0] = self.rewards[number]
        documents = np.zeros_like(rows.documents)
        positions = np.broadcast_to(np.arange(width), rows.positions.shape).copy()
        return AnswerBatch(rows.tokens, rows.targets, documents, positions, index, advantages, old, reference, rewards)


class KeptAnswers:
    """Answers on disk, for as long as a run that goes on may need them: with ``reuse`` above 1 a checkpoint may lie
    between two steps on the same ones, and the model that gave them is gone.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self._folder, self._rank = folder, rank

    def write(self, phase: int, answers: Answers) -> None:
        """Keep the answers of a phase, whole or not at all."""
        from safetensors.numpy import save_file

        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(phase)
        temporary = path.with_suffix(".tmp")
        save_file({one.name: np.ascontiguousarray(getattr(answers, one.name)) for one in fields(answers)}, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)

    def read(self, phase: int) -> Answers:
        """Raises QuantaError when they are not there any more."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return Answers(**load_file(self._path(phase)))
        except (OSError, SafetensorError, TypeError) as error:
            raise QuantaError(
                f"the answers that this step was learning from cannot be read: {error}",
                hint="Delete the last checkpoint to resume from the one before.",
            ) from error

    def prune(self, needed: Iterable[int]) -> None:
        """Delete those of phases before the last of the `needed` ones, but for these. Later ones stay: a checkpoint of
        theirs may be on its way to the disk.
        """
        kept = sorted(self._path(phase).name for phase in needed)
        for path in self._folder.glob(f"phase-*-{self._rank}.safetensors"):
            if kept and path.name < kept[-1] and path.name not in kept:
                path.unlink(missing_ok=True)

    def _path(self, phase: int) -> Path:
        return self._folder / f"phase-{phase:08}-{self._rank}.safetensors"
