"""Learning a vocabulary from code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quantatissu.tokenizer import bytelevel, pattern, special
from quantatissu.tokenizer.core import Tokenizer
from quantatissu.tokenizer.files import parse_tokenizer

_SMALLEST = len(special.ALL) + 256
_SCORE_DIGITS = 8
_STEP = 0.0001  # between the scores that the trainer gives to bytes which did not occur


class TrainSettings(BaseModel):
    """The table ``train`` of ``[tokenizer]`` in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocabulary: int = Field(default=8192, ge=_SMALLEST, le=1 << 20)
    """Tokens in all, special ones included. Fewer are made when the text does not hold as many pairs."""
    kind: Literal["bpe", "unigram"] = "bpe"
    longest: int = Field(default=32, ge=1)
    """Bytes of the longest token: keeps rulers of dashes out of the vocabulary."""
    minimum: int = Field(default=2, ge=1)
    """How often a pair must occur to become a token (BPE)."""


def train_tokenizer(texts: Iterable[str], settings: TrainSettings | None = None) -> Tokenizer:
    """A byte-level vocabulary for `texts`, which are read once, in order, and not kept.

    The result depends on the texts and the settings alone. BPE after Sennrich et al. (2016); Unigram after Kudo (2018).
    Raises ValueError when there is no text at all.
    """
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    settings = settings or TrainSettings()
    model = tokenizers.Tokenizer(models.BPE() if settings.kind == "bpe" else models.Unigram())
    model.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(pattern.UNICODE), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    model.decoder = decoders.ByteLevel()
    shared: dict[str, Any] = {
        "vocab_size": settings.vocabulary,
        "special_tokens": [tokenizers.AddedToken(name, special=True, normalized=False) for name in special.ALL],
        "initial_alphabet": bytelevel.CHARACTERS,
        "show_progress": False,
    }
    trainer = (
        trainers.BpeTrainer(**shared, min_frequency=settings.minimum, max_token_length=settings.longest)
        if settings.kind == "bpe"
        else trainers.UnigramTrainer(**shared, unk_token=special.ALL[-1], max_piece_length=min(settings.longest, 16))
    )
    model.train_from_iterator(_counted(texts), trainer)
    state = json.loads(model.to_str())
    if settings.kind == "unigram":
        state["model"]["vocab"] = _canonical(state["model"]["vocab"])
    return parse_tokenizer(json.dumps(state, indent=2, ensure_ascii=False) + "\n")


def _canonical(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """A trained Unigram vocabulary without the marks of hash order, which the trainer leaves in it.

    Log-probabilities differ in their last bits from run to run, and with them the order of equal pieces: they are
    rounded and sorted. Bytes without a probability of their own get the lowest one plus a step for each, in any order:
    they all get the lowest one.
    """
    fixed, learnt = pieces[: len(special.ALL)], pieces[len(special.ALL) :]
    lowest = min(score for _, score in learnt)

    def settled(piece: str, score: float) -> float:
        steps = (score - lowest) / _STEP
        given = len(piece) == 1 and steps < 256.5 and abs(steps - round(steps)) < 1e-6
        return round(lowest if given else score, _SCORE_DIGITS)

    rounded = [(piece, settled(piece, score)) for piece, score in learnt]
    return [*fixed, *sorted(rounded, key=lambda scored: (-scored[1], scored[0]))]


def _counted(texts: Iterable[str]) -> Iterator[str]:
    some = False
    for text in texts:
        some = some or bool(text)
        yield text
    if not some:
        raise ValueError("a tokenizer cannot be trained on no text")
