"""Samples of a run: number i of a seed is always the same, whoever asks and whatever was read before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantatissu.corpus.shards import Corpus
from quantatissu.tokenizer import Ids, Tokenizer
from quantatissu.training.data.fim import FillInTheMiddle
from quantatissu.training.data.packing import BestFit, Concatenate, Epoch, Piece, Plan
from quantatissu.training.data.settings import AnswerSettings, DataSettings, FimSettings
from quantatissu.training.data.shuffling import Draws, permutation

IGNORED = -100
"""The target of a position that is not scored; torch's own default."""
_PERIOD = 4096
_EPOCHS_KEPT = 2  # ranks and threads may be on both sides of an epoch's end


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of samples [rows, length], all arrays alike.

    ``tokens`` int64, padded with the end-of-text token. ``targets`` int64: the token that follows in the same document,
    or `IGNORED` for the last one of a document and for padding. ``documents`` int32: numbers the documents of a row
    from 0, padding is -1; a token attends to earlier ones of the same number. ``positions`` int64: start at 0 in every
    document. ``index`` is the first global sample index that was *not* used up when this batch was made: to resume
    behind it, start there.
    """

    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    documents: NDArray[np.int32]
    positions: NDArray[np.int64]
    index: int

    @property
    def loss_mask(self) -> NDArray[np.bool_]:
        """Where the loss counts."""
        return np.not_equal(self.targets, IGNORED)


@dataclass(frozen=True, slots=True)
class WeightedBatch(Batch):
    """Rows whose targets do not all count alike: ``weights`` float32 [rows, length]."""

    weights: NDArray[np.float32]


class Part(NamedTuple):
    """What a sample holds of a document: ``tokens`` as the model sees them."""

    piece: Piece
    tokens: Ids
    mode: Literal["plain", "psm", "spm"]


class Place(NamedTuple):
    """Where a sample comes from: which corpus, which pass over it, and which sample of that."""

    corpus: int
    epoch: int
    sample: int


class Samples:
    """Samples drawn from `corpora`, in proportion to `weights` (by default to their tokens).

    ``fim`` gives single corpora fill-in-the-middle settings of their own, in the order of `corpora`; None: those of
    `settings`. ``answers`` says likewise of which corpora only answers are learnt.

    Shares are kept exactly in every 4,096 samples, so a weight must be at least about 1/8,192 of all. Memory: about 80
    bytes a document and 16 a sample. Raises ValueError for an empty corpus, a corpus of another vocabulary, or weights
    that make no sense.
    """

    def __init__(
        self,
        corpora: Sequence[Corpus],
        tokenizer: Tokenizer,
        settings: DataSettings | None = None,
        *,
        weights: Sequence[float] | None = None,
        fim: Sequence[FimSettings | None] | None = None,
        answers: Sequence[AnswerSettings | None] | None = None,
    ) -> None:
        self.settings = settings or DataSettings()
        self.corpora = tuple(corpora)
        for corpus in self.corpora:
            if not len(corpus):
                raise ValueError(f"{corpus.folder} has no documents in the split {corpus.split}")
            if corpus.manifest.tokenizer != tokenizer.fingerprint:
                raise ValueError(f"{corpus.folder} was made with another tokenizer")
        assert tokenizer.end_of_text is not None  # no shard can be written without
        self._end = tokenizer.end_of_text
        self._shares = _shares([corpus.tokens for corpus in corpora] if weights is None else weights, len(corpora))
        own = fim or [None] * len(self.corpora)
        self._fims = [one or self.settings.fim for one in own]
        self._answers = list(answers or [None] * len(self.corpora))
        self._markers = [None if one is None else _marker(tokenizer, one) for one in self._answers]
        self._rates = [
            np.array([one.rate_for(language) for language in corpus.languages])
            for corpus, one in zip(self.corpora, self._fims, strict=True)
        ]
        self._fim = FillInTheMiddle(tokenizer) if any(rates.any() for rates in self._rates) else None
        packing = BestFit if self.settings.packing == "best-fit" else Concatenate
        self._plans: list[Plan] = [packing(corpus.lengths, self.settings.capacity) for corpus in corpora]
        self._epoch = lru_cache(maxsize=_EPOCHS_KEPT * len(self.corpora))(self._make_epoch)
        self._schedule = lru_cache(maxsize=_EPOCHS_KEPT)(self._make_schedule)

    @property
    def fingerprint(self) -> str:
        """Of everything that decides what sample i is: settings, weights, and what is in the corpora. Two runs with the
        same one see the same samples.
        """
        sources = [(c.split, c.manifest) for c in self.corpora]
        state = repr((self.settings, self._fims, self._shares.tolist(), sources))
        if any(self._answers):
            state += repr(self._answers)
        return hashlib.blake2b(state.encode(), digest_size=16).hexdigest()

    @property
    def per_epoch(self) -> Mapping[int, int]:
        """Samples in one pass over each corpus."""
        return {number: plan.samples for number, plan in enumerate(self._plans)}

    def locate(self, index: int) -> Place:
        """Where sample `index` comes from."""
        if len(self.corpora) == 1:
            corpus, drawn = 0, index
        else:
            period, at = divmod(index, _PERIOD)
            chosen, before = self._schedule(period)
            corpus = int(chosen[at])
            drawn = period * int(self._shares[corpus]) + int(before[at])
        epoch, sample = divmod(drawn, self._plans[corpus].samples)
        return Place(corpus, epoch, sample)

    def parts(self, index: int) -> list[Part]:
        """What sample `index` holds, in order: `settings.length` tokens together at most."""
        place = self.locate(index)
        corpus, rates = self.corpora[place.corpus], self._rates[place.corpus]
        pieces = self._epoch(place.corpus, place.epoch).pieces(place.sample)
        draws = Draws(self.settings.seed, "fim", index)
        free = self.settings.length - sum(piece.stop - piece.start for piece in pieces)
        parts = []
        for piece in pieces:
            part = Part(piece, corpus.read(*piece), "plain")
            rate = float(rates[corpus.language_numbers[piece.document]])
            if self._fim and rate and draws.unit() < rate:
                part = self._transformed(self._fim, part, draws, free, self._fims[place.corpus])
                free -= len(part.tokens) - (piece.stop - piece.start)
            parts.append(part)
        return parts

    def batch(self, indices: Sequence[int], *, index: int | None = None) -> Batch:
        """The samples `indices` as rows. ``index`` of the batch is by default one more than the highest."""
        shape = (len(indices), self.settings.length)
        tokens = np.full(shape, self._end, np.int64)
        targets = np.full(shape, IGNORED, np.int64)
        documents = np.full(shape, -1, np.int32)
        positions = np.zeros(shape, np.int64)
        weights = np.ones(shape, np.float32) if any(self._answers) else None
        for row, number in enumerate(indices):
            at, corpus = 0, self.locate(number).corpus
            answers, marker = self._answers[corpus], self._markers[corpus]
            for document, part in enumerate(self.parts(number)):
                end = at + len(part.tokens)
                tokens[row, at:end] = part.tokens
                targets[row, at : end - 1] = part.tokens[1:]
                documents[row, at:end] = document
                positions[row, at:end] = np.arange(end - at)
                if answers is not None and weights is not None:
                    question = int(np.argmax(part.tokens == marker))
                    targets[row, at : at + question] = IGNORED
                    weights[row, at:end] = answers.weight
                at = end
        after = max(indices) + 1 if index is None else index
        if weights is None:
            return Batch(tokens, targets, documents, positions, after)
        return WeightedBatch(tokens, targets, documents, positions, after, weights)

    def _transformed(self, fim: FillInTheMiddle, part: Part, draws: Draws, free: int, table: FimSettings) -> Part:
        closed = bool(len(part.tokens)) and int(part.tokens[-1]) == self._end
        content = part.tokens[:-1] if closed else part.tokens
        mode: Literal["psm", "spm"] = "spm" if draws.unit() < table.spm else "psm"
        made = fim(content, draws, mode, len(part.tokens) + free, short=draws.unit() < table.short)
        return part if made is None else Part(part.piece, made, mode)

    def _make_epoch(self, corpus: int, epoch: int) -> Epoch:
        return self._plans[corpus].epoch(self.settings.seed, corpus, epoch)

    def _make_schedule(self, period: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each sample of a period its corpus, and how many samples of that corpus came before in the period."""
        chosen = np.repeat(np.arange(len(self._shares)), self._shares)[
            permutation(_PERIOD, self.settings.seed, "mixture", period)
        ]
        before = np.empty(_PERIOD, np.int64)
        for corpus, share in enumerate(self._shares):
            before[chosen == corpus] = np.arange(share)
        return chosen, before


def _marker(tokenizer: Tokenizer, answers: AnswerSettings) -> int:
    if answers.after not in tokenizer.control:
        raise ValueError(f"the vocabulary has no token {answers.after}, which answers would begin behind")
    return tokenizer.control[answers.after]


def _shares(weights: Sequence[float], count: int) -> NDArray[np.int64]:
    """Samples of each corpus in a period, by largest remainder."""
    if not count:
        raise ValueError("there is no corpus to draw from")
    given = np.array(weights, np.float64)
    if len(given) != count or not np.isfinite(given).all() or (given <= 0).any():
        raise ValueError("weights are positive numbers, one for each corpus")
    exact = given / given.sum() * _PERIOD
    shares: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    shares[np.argsort(shares - exact, kind="stable")[: _PERIOD - int(shares.sum())]] += 1
    if (shares == 0).any():
        raise ValueError(f"the weight of corpus {int(np.argmin(shares))} is too small: it would never be drawn")
    return shares
