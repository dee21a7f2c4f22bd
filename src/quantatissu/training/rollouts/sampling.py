"""Answers drawn from a model: many rows at once, each with random numbers of its own.

Which token is drawn depends on the model and on the row's numbers alone, not on what else is drawn beside it. Faster
engines serve answers elsewhere; this one needs the weights as they are in the middle of training, and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quantatissu.model.decoder import Decoder
from quantatissu.tokenizer import Ids
from quantatissu.training.data.shuffling import keys
from quantatissu.training.rollouts.cache import PaddedCache

Context = Callable[[], AbstractContextManager[object]]
_TOKENS_AT_ONCE = 32_768


def uniforms(count: int, *where: int | str) -> NDArray[np.float64]:
    """`count` numbers in [0, 1) for this place, the same whenever they are asked for."""
    return (keys(count, *where) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@torch.no_grad()
def sample(
    model: Decoder,
    prompts: Sequence[Ids],
    numbers: NDArray[np.float64],
    *,
    stop: Collection[int],
    width: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    context: Context,
    together: Callable[[bool], bool] = bool,
) -> list[list[Ids]]:
    """For each prompt its answers: ids up to a token of ``stop``, which they end with, or as many as there are numbers.

    ``numbers`` float64 [prompts, answers, tokens] in [0, 1): what is drawn with. ``width``: tokens that no prompt with
    its answer exceeds. ``temperature`` 0 takes the most likely token; ``top_p``: draw from the most likely ones that
    hold so much of the probability (Holtzman et al., 2020). ``together`` says whether any process of a group has rows
    left, for models that all must call alike: then all must have as many prompts, and as many numbers for each.
    """
    was_training = model.training
    model.eval()
    made: list[list[Ids]] = []
    # So many prompts at a time that the cache stays of a size; at least one.
    portion = max(1, _TOKENS_AT_ONCE // (numbers.shape[1] * width))
    for first in range(0, len(prompts), portion):
        last = first + portion
        rows = _Rows(model, prompts[first:last], numbers[first:last], stop, temperature, top_p, context)
        with context():
            while together(rows.unfinished):
                rows.advance()
        made += rows.answers()
    model.train(was_training)
    return made


class _Rows:
    """Answers being drawn. Rows that have ended leave the batch as soon as they are half of it."""

    def __init__(
        self,
        model: Decoder,
        prompts: Sequence[Ids],
        numbers: NDArray[np.float64],
        stop: Collection[int],
        temperature: float,
        top_p: float,
        context: Context,
    ) -> None:
        self._model, self._temperature, self._top_p = model, temperature, top_p
        device = next(model.parameters()).device
        count, self._answers, self._limit = numbers.shape
        self._dtype = prompts[0].dtype
        self._numbers = torch.from_numpy(numbers.reshape(count * self._answers, -1)).to(device)
        self._stop = torch.tensor(sorted(stop), dtype=torch.int64, device=device)
        widest = max(len(prompt) for prompt in prompts)
        tokens = np.zeros((count, widest), np.int64)
        for row, prompt in enumerate(prompts):
            tokens[row, widest - len(prompt) :] = prompt
        padding = torch.tensor([widest - len(prompt) for prompt in prompts], device=device)
        dtype = _compute_dtype(model, device, context)
        self._cache = PaddedCache(model.config, padding, capacity=widest + self._limit, dtype=dtype)
        self._next = torch.from_numpy(tokens).to(device)
        self._rows = torch.arange(count * self._answers, device=device)  # which answers are in the batch
        self._alive = torch.ones(count * self._answers, dtype=torch.bool, device=device)
        self._made = torch.full((count * self._answers, self._limit), -1, dtype=torch.int64, device=device)
        self._drawn = 0

    @property
    def unfinished(self) -> bool:
        return self._drawn < self._limit and bool(self._alive.any())

    def advance(self) -> None:
        """One more token for each row."""
        hidden = self._model(self._next, cache=self._cache)[:, -1]
        logits = self._model.logits(hidden).float()
        if self._drawn == 0:  # the prompt was computed once for all its answers
            self._cache.repeat(self._answers)
            logits = logits.repeat_interleave(self._answers, dim=0)
        chosen = choose(logits, self._numbers[self._rows, self._drawn], self._temperature, self._top_p)
        self._made[self._rows[self._alive], self._drawn] = chosen[self._alive]
        self._alive = self._alive & ~torch.isin(chosen, self._stop)
        self._next = chosen[:, None]
        self._drawn += 1
        self._leave()

    def answers(self) -> list[list[Ids]]:
        made = self._made.cpu().numpy()
        ids = [row[row >= 0].astype(self._dtype) for row in made]
        return [ids[first : first + self._answers] for first in range(0, len(ids), self._answers)]

    def _leave(self) -> None:
        left = int(self._alive.sum())
        if 0 < left <= len(self._alive) // 2:
            rows = self._alive.nonzero()[:, 0]
            self._cache.keep(rows)
            self._rows, self._alive, self._next = self._rows[rows], self._alive[rows], self._next[rows]


def choose(logits: Tensor, numbers: Tensor, temperature: float, top_p: float) -> Tensor:
    """A token for each row [B] of ``logits`` fp32 [B, V], drawn with ``numbers`` [B] in [0, 1) by inversion: the first
    token behind which that share of the mass lies. Below ``top_p`` 1 tokens come in falling order of their probability,
    and those are left out before which ``top_p`` of the mass lies already.
    """
    if temperature == 0:
        return logits.argmax(-1)
    shares = (logits / temperature).double().softmax(-1)
    order = None
    if top_p < 1:
        shares, order = shares.sort(dim=-1, descending=True, stable=True)
    mass = shares.cumsum(-1)
    # All of the mass may be gone before the last tokens, whose share is zero: they are never the first.
    last = (mass - shares < (1.0 if order is None else top_p)).sum(-1, keepdim=True) - 1
    place = torch.searchsorted(mass, numbers[:, None] * mass.gather(1, last), right=True)
    place = torch.minimum(place, last)
    return (place if order is None else order.gather(1, place))[:, 0]


def _compute_dtype(model: Decoder, device: torch.device, context: Context) -> torch.dtype:
    """What keys and values come in: autocast's dtype, or the weights'."""
    with context():
        if torch.is_autocast_enabled(device.type):
            return torch.get_autocast_dtype(device.type)
    return next(model.parameters()).dtype
