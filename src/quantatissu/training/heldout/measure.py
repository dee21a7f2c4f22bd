"""What a model is worth at a moment of its training, on documents it never sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch

from quantatissu.corpus.shards import Corpus
from quantatissu.model.cache import ContiguousCache
from quantatissu.model.decoder import Decoder
from quantatissu.model.loss import token_log_probabilities
from quantatissu.model.masks import build_mask
from quantatissu.tokenizer import Tokenizer
from quantatissu.training.heldout.examples import Example, infill_examples, repair_examples
from quantatissu.training.heldout.loss import HeldOut, by_language, held_out
from quantatissu.training.metrics import bits_per_byte, perplexity
from quantatissu.training.recipe import EvaluationSettings

Context = Callable[[], AbstractContextManager[object]]
_ROW_TOKENS = 16_384  # tokens in one forward pass


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked each time: the same, so that curves can be compared."""

    held: HeldOut | None
    infill: list[Example]
    repair: list[Example]
    prompts: list[Example]


def prepare(
    corpora: Sequence[Corpus], tokenizer: Tokenizer, settings: EvaluationSettings, *, length: int, seed: int
) -> Questions:
    """Choose the questions from the held-out splits `corpora`; a kind that they cannot give is left out."""
    usable = [corpus for corpus in corpora if len(corpus)]
    if not usable:
        return Questions(None, [], [], [])
    held = None
    if settings.tokens:
        held = held_out(usable, tokenizer, tokens=settings.tokens, length=length, seed=seed)
    repair = repair_examples(usable, tokenizer, count=settings.repair, length=length, seed=seed)
    infill: list[Example] = []
    if tokenizer.fim is not None and tokenizer.byte_level and settings.infill:
        infill = infill_examples(usable[0], tokenizer, count=settings.infill, length=length, seed=seed)
    return Questions(held, infill, repair, (infill + repair)[: settings.samples])


@torch.no_grad()
def measure(model: Decoder, questions: Questions, tokenizer: Tokenizer, context: Context) -> dict[str, float]:
    """The figures by name: ``loss`` (nats a token), ``perplexity``, ``bits_per_byte``, ``loss/<language>``,
    ``infill_exact_match`` and ``repair_top1`` (shares).
    """
    found: dict[str, float] = {}
    was_training = model.training
    model.eval()
    if questions.held is not None:
        for name, (nats, tokens, size) in by_language(_nats(model, questions.held, context), questions.held).items():
            if not tokens:
                continue
            if name == "all":
                found |= {"loss": nats / tokens, "perplexity": perplexity(nats / tokens)}
                if size:
                    found["bits_per_byte"] = bits_per_byte(nats, 1, size)
            else:
                found[f"loss/{name}"] = nats / tokens
    if questions.infill:
        found["infill_exact_match"] = exact_match(model, questions.infill, tokenizer, context)
    if questions.repair:
        found["repair_top1"] = exact_match(model, questions.repair, tokenizer, context)
    model.train(was_training)
    return found


@torch.no_grad()
def exact_match(model: Decoder, examples: Sequence[Example], tokenizer: Tokenizer, context: Context) -> float:
    """The share of examples that greedy decoding answers exactly.

    Nothing is decoded: greedy decoding gives the answer just when every token of it is the most likely one after those
    before it, and one forward pass over question and answer tells that.
    """
    right = 0
    assert tokenizer.end_of_text is not None
    for group in _grouped(examples):
        widest = max(len(one.prompt) + len(one.answer) for one in group)
        tokens = np.full((len(group), widest), tokenizer.end_of_text, np.int64)
        for row, one in enumerate(group):
            tokens[row, : len(one.prompt) + len(one.answer)] = np.concatenate([one.prompt, one.answer])
        with context():
            hidden = model(torch.from_numpy(tokens).to(_device(model)))
            for row, one in enumerate(group):
                first, last = len(one.prompt) - 1, len(one.prompt) + len(one.answer) - 1
                guesses = model.logits(hidden[row, first:last]).argmax(-1).cpu().numpy()
                right += bool((guesses == one.answer).all())
    return right / len(examples)


@torch.no_grad()
def continuation(model: Decoder, example: Example, tokenizer: Tokenizer, count: int, context: Context) -> str:
    """Up to `count` tokens of greedy decoding after the question, as text."""
    cache = ContiguousCache(
        model.config,
        capacity=len(example.prompt) + count,
        dtype=_compute_dtype(model, context),
        device=_device(model),
    )
    ends = {tokenizer.end_of_text, *(n for n in tokenizer.control.values())}
    tokens = torch.from_numpy(example.prompt.astype(np.int64))[None].to(_device(model))
    made: list[int] = []
    with context():
        while len(made) < count:
            hidden = model(tokens, cache=cache)
            tokens = model.logits(hidden[:, -1:]).argmax(-1)
            made.append(int(tokens))
            if made[-1] in ends:
                break
    return tokenizer.decode(made)


def _nats(model: Decoder, held: HeldOut, context: Context) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    device = _device(model)
    rows = max(1, _ROW_TOKENS // held.tokens.shape[1])
    parts = []
    for at in range(0, len(held.tokens), rows):
        tokens, targets, documents, positions = (
            torch.from_numpy(array[at : at + rows]).to(device)
            for array in (held.tokens, held.targets, held.documents, held.positions)
        )
        with context():
            hidden = model(tokens, positions_BT=positions, mask=build_mask(documents, flex=False))
            parts.append(-token_log_probabilities(hidden, model.head_weight, targets))
    return torch.cat(parts).double().cpu().numpy()


def _grouped(examples: Sequence[Example]) -> list[list[Example]]:
    """By length, so that little is padded; as many as fill a forward pass."""
    ordered = sorted(examples, key=lambda one: len(one.prompt) + len(one.answer))
    groups: list[list[Example]] = []
    for one in ordered:
        size = len(one.prompt) + len(one.answer)
        if not groups or size * (len(groups[-1]) + 1) > _ROW_TOKENS:
            groups.append([])
        groups[-1].append(one)
    return groups


def _device(model: Decoder) -> torch.device:
    return next(model.parameters()).device


def _compute_dtype(model: Decoder, context: Context) -> torch.dtype:
    """What keys and values come in: autocast's dtype, or the weights'."""
    kind = _device(model).type
    with context():
        if torch.is_autocast_enabled(kind):
            return torch.get_autocast_dtype(kind)
    return next(model.parameters()).dtype
