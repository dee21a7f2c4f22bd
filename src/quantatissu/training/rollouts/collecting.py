"""The batches of a run that learns from its own answers: asked with the weights of the moment, judged, compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from quantatissu.model.decoder import Decoder
from quantatissu.tokenizer import Ids, Tokenizer
from quantatissu.training.data import Batch, to_torch
from quantatissu.training.objectives.policy import answer_log_probabilities
from quantatissu.training.objectives.settings import GrpoSettings
from quantatissu.training.parallel import Group
from quantatissu.training.rollouts.advantages import group_advantages
from quantatissu.training.rollouts.answers import AnswerBatch, Answers, KeptAnswers
from quantatissu.training.rollouts.prompts import Prompt, PromptOrder
from quantatissu.training.rollouts.sampling import Context, sample, uniforms
from quantatissu.training.rollouts.scoring import Scorer, score_all


@dataclass(frozen=True)
class Asking:
    """How a model is asked and judged: the same in training and in evaluation."""

    model: Decoder
    tokenizer: Tokenizer
    settings: GrpoSettings
    scorer: Scorer
    stop: frozenset[int]
    length: int
    """Tokens of a prompt and its answer, at most."""
    seed: int
    context: Context
    group: Group

    def answers(
        self, prompts: Sequence[Prompt], places: Sequence[tuple[int | str, ...]], count: int
    ) -> list[list[Ids]]:
        """``count`` answers to each prompt; ``places`` say what its random numbers depend on, beside the seed.

        Where several processes share a model, all must ask as many prompts for as many answers.
        """
        tokens = self.settings.max_tokens
        numbers = np.array(
            [[uniforms(tokens, self.seed, *place, number) for number in range(count)] for place in places]
        )
        return sample(
            self.model,
            [prompt.ids for prompt in prompts],
            numbers,
            stop=self.stop,
            width=self.length,
            temperature=self.settings.temperature,
            top_p=self.settings.top_p,
            context=self.context,
            together=self.group.any if self.group.size > 1 else bool,
        )

    def text(self, answer: Ids) -> str:
        """An answer without the token that ends it."""
        ended = len(answer) and int(answer[-1]) in self.stop
        return self.tokenizer.decode(answer[:-1] if ended else answer)

    def rewards(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Ids]]) -> NDArray[np.float64]:
        """What the scorer says, [prompts, answers]."""
        asked = [(prompt, self.text(one)) for prompt, several in zip(prompts, answers, strict=True) for one in several]
        scores = score_all(self.scorer, asked, workers=self.settings.workers)
        return np.array(scores, np.float64).reshape(len(prompts), -1)


class Rollouts:
    """Micro-batches of answers, from any sample index on: the ``batches`` of a trainer.

    A phase asks ``samples / group`` prompts and is learnt from in ``reuse`` steps; what it asks and draws depends on
    the seed and the phase alone. ``rows`` answers make a micro-batch; of a phase's prompts this process takes every
    ``world``-th. ``reference``: the weights to stay near, or None. ``needed``: the steps of the checkpoints so far.
    """

    def __init__(
        self,
        asking: Asking,
        order: PromptOrder,
        *,
        samples: int,
        rows: int,
        pad: int,
        reference: Decoder | None,
        kept: KeptAnswers,
        needed: Callable[[], Sequence[int]],
    ) -> None:
        self._asking, self._order, self._reference = asking, order, reference
        self._samples, self._rows, self._pad = samples, rows, pad
        self._kept, self._needed = kept, needed
        self._reuse = asking.settings.reuse

    def __call__(self, index: int) -> Iterator[Batch]:
        """Endless; nothing is asked before the first batch of a phase is wanted."""
        step = index // self._samples
        answers: Answers | None = None
        while True:
            phase, use = divmod(step, self._reuse)
            if use == 0:
                answers = self._ask(phase)
            elif answers is None:
                answers = self._kept.read(phase)
            step += 1
            for batch, _ in self._batches(answers, step * self._samples):
                yield batch

    def _ask(self, phase: int) -> Answers:
        asking, group = self._asking, self._asking.group
        prompts = self._samples // asking.settings.group
        numbers = range(phase * prompts + group.rank, (phase + 1) * prompts, group.world)
        asked = [self._order[number] for number in numbers]
        given = asking.answers(asked, [("rollout", number) for number in numbers], asking.settings.group)
        rewards = asking.rewards(asked, given)
        advantages = group_advantages(rewards, scale=asking.settings.scale)
        answers = Answers.judged([prompt.ids for prompt in asked], given, rewards, advantages)
        if self._reuse > 1:
            answers = replace(answers, old=self._likelihoods(asking.model, answers))
        if self._reference is not None:
            answers = replace(answers, reference=self._likelihoods(self._reference, answers))
        if self._reuse > 1:
            self._kept.write(phase, answers)
            self._kept.prune(step // self._reuse for step in self._needed())
        return answers

    def _batches(self, answers: Answers, index: int) -> Iterator[tuple[AnswerBatch, list[int]]]:
        return answers.batches(self._rows, pad=self._pad, longest=self._asking.length, index=index)

    @torch.no_grad()
    def _likelihoods(self, model: Decoder, answers: Answers) -> NDArray[np.float32]:
        """Log-probability of every answer's tokens, each at the token before it [all tokens]; computed as the objective
        does, so that the ratio of a model to itself is 1.
        """
        found = np.zeros(len(answers.tokens), np.float32)
        stops = np.cumsum(answers.lengths)
        was_training = model.training
        model.eval()
        for batch, numbers in self._batches(answers, 0):
            tensors = to_torch(batch, self._asking.group.device)
            with self._asking.context():
                told = answer_log_probabilities(model, tensors, self._asking.settings.temperature)
            values = told.float().cpu().numpy()
            for row, number in enumerate(numbers):
                size = int(answers.lengths[number])
                found[stops[number] - size : stops[number]] = values[row, :size]
        model.train(was_training)
        return found
