"""What a run does with its data: the objective, the batches it learns from, and how it is examined."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from quantatissu.foundation import QuantaError
from quantatissu.foundation.progress import Progress
from quantatissu.foundation.recipes import as_json
from quantatissu.model.decoder import Decoder
from quantatissu.tokenizer import encode_conversation, find_template
from quantatissu.training.checkpoints import Checkpoints
from quantatissu.training.conversations import conversation_questions
from quantatissu.training.data import Batch, Loader
from quantatissu.training.data.loader import Source
from quantatissu.training.heldout import Questions, continuation, measure, prepare
from quantatissu.training.objectives import (
    CausalLM,
    DirectPreference,
    DpoSettings,
    GroupPolicy,
    GrpoSettings,
    Objective,
)
from quantatissu.training.optim import WeightAverage
from quantatissu.training.parallel import Group
from quantatissu.training.preferences import (
    PairSamples,
    keep_reference,
    kept_reference,
    preference_figures,
    reference_log_probabilities,
)
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.rollouts import Asking, KeptAnswers, PromptOrder, Rollouts, open_scorer, success_figures
from quantatissu.training.run.data import Data
from quantatissu.training.run.evaluating import Evaluate, evaluation, shown
from quantatissu.training.run.setup import Context, make_model

_REFERENCE, _ANSWERS = "reference.safetensors", "answers"


class Lesson(NamedTuple):
    """``batches(index)`` yields micro-batches from sample `index` on, for ever; ``evaluate`` is None where nothing is
    held out.
    """

    batches: Callable[[int], Iterator[Batch]]
    evaluate: Evaluate | None


@dataclass(frozen=True)
class Classroom:
    """A run, before its first step. ``model`` is to be called as a whole, ``rows`` samples at a time. ``begun``:
    whether it goes on from a checkpoint, so that its weights are not those it started from.
    """

    recipe: TrainRecipe
    folder: Path
    data: Data
    model: Decoder
    objective: Objective
    average: WeightAverage | None
    group: Group
    context: Context
    rows: int
    checkpoints: Checkpoints
    begun: bool
    progress: Progress

    def starting_model(self) -> Decoder:
        """The weights that the run started from, whole, on this process."""
        with torch.random.fork_rng():  # what the run draws is not to depend on this
            return make_model(self.recipe, self.data.tokenizer, self.group.device).requires_grad_(False)


def make_objective(recipe: TrainRecipe, chunk: int) -> Objective:
    """What the recipe minimises; ``chunk`` tokens go through the output head at a time."""
    settings = recipe.objective
    if isinstance(settings, DpoSettings):
        return DirectPreference(settings, chunk=chunk)
    if isinstance(settings, GrpoSettings):
        return GroupPolicy(settings, chunk=chunk)
    return CausalLM(z_loss=recipe.precision.z_loss, chunk=chunk)


def open_lesson(room: Classroom) -> Lesson:
    """Everything that depends on the kind of the data. Raises QuantaError for a scorer that cannot be had, and for a
    plan of processes that the objective does not go with.
    """
    for note in room.data.notes:
        room.progress.note(note)
    samples = room.data.samples
    if isinstance(samples, PairSamples):
        return _preferences(room, samples)
    if isinstance(samples, PromptOrder):
        return _reinforcement(room, samples)
    return Lesson(_loader(room, samples), _language(room))


def _loader(room: Classroom, samples: Source) -> Callable[[int], Iterator[Batch]]:
    group, ahead = room.group, room.recipe.data.prefetch
    return lambda index: iter(
        Loader(samples, rows=room.rows, rank=group.rank, world=group.world, start=index, prefetch=ahead)
    )


def _language(room: Classroom) -> Evaluate | None:
    """Of documents or conversations: losses, and what is filled in, repaired and answered."""
    recipe, data, model, context = room.recipe, room.data, room.model, room.context
    asked, length = recipe.evaluation, recipe.data.length
    if data.conversations:
        pad = data.tokenizer.end_of_text or 0
        questions: Questions = conversation_questions(
            data.conversations, tokens=asked.tokens, samples=asked.samples, length=length, seed=recipe.seed, pad=pad
        )
    else:
        questions = prepare(data.validation, data.tokenizer, asked, length=length, seed=recipe.seed)
    if questions.held is None and not questions.infill and not questions.repair:
        return None
    tokenizer, limit = data.tokenizer, asked.sample_tokens

    def texts() -> list[str]:
        return [
            shown(
                tokenizer.decode(one.prompt[-limit:]),
                tokenizer.decode(one.answer),
                continuation(model, one, tokenizer, limit, context),
            )
            for one in questions.prompts
        ]

    return evaluation(lambda: measure(model, questions, tokenizer, context), texts, room.average, room.group)


def _preferences(room: Classroom, samples: PairSamples) -> Lesson:
    objective, held = room.objective, room.data.pairs
    assert isinstance(objective, DirectPreference)
    for part, name in ((samples, _REFERENCE), (held, f"held-out-{_REFERENCE}")):
        if part is not None and part.pairs:
            _settle_reference(room, part, room.folder / name)
    evaluate = None
    if held is not None and held.pairs:
        evaluate = evaluation(
            lambda: preference_figures(
                room.model, held, objective, rows=room.rows, context=room.context, device=room.group.device
            ),
            list,
            room.average,
            room.group,
        )
    return Lesson(_loader(room, samples), evaluate)


def _settle_reference(room: Classroom, samples: PairSamples, path: Path) -> None:
    """Let the weights the run starts from judge all pairs, unless they have done so in this folder before."""
    recipe = room.recipe
    state = (samples.fingerprint, as_json(recipe.model), as_json(recipe.precision), recipe.seed)
    key = hashlib.blake2b(repr(state).encode(), digest_size=16).hexdigest()
    found = kept_reference(path, key)
    if room.group.any(found is None):
        room.progress.note(f"judging {len(samples.pairs):,} pairs by the starting weights")
        model = room.starting_model() if room.begun else room.model
        found = reference_log_probabilities(model, samples, rows=room.rows, context=room.context, group=room.group)
        if room.group.main:
            keep_reference(path, key, found)
    samples.reference = found


def _reinforcement(room: Classroom, order: PromptOrder) -> Lesson:
    recipe, data, group = room.recipe, room.data, room.group
    settings = recipe.objective
    assert isinstance(settings, GrpoSettings)
    if recipe.batch.samples % (settings.group * group.world):
        raise QuantaError(
            f"batch.samples is {recipe.batch.samples}, which {group.world} processes cannot share in groups of "
            f"{settings.group}"
        )
    asking = Asking(
        room.model,
        data.tokenizer,
        settings,
        open_scorer(settings.score),
        stop=answer_ends(data),
        length=recipe.data.length,
        seed=recipe.seed,
        context=room.context,
        group=group,
    )
    rollouts = Rollouts(
        asking,
        order,
        samples=recipe.batch.samples,
        rows=room.rows,
        pad=data.tokenizer.end_of_text or 0,
        reference=room.starting_model() if settings.kl else None,
        kept=KeptAnswers(room.folder / _ANSWERS, group.rank),
        needed=lambda: [one.step for one in room.checkpoints.all()],
    )
    held = data.prompts[: settings.held_out_prompts]
    if not held:
        return Lesson(rollouts, None)
    texts: list[str] = []

    def figures() -> dict[str, float]:
        found, answers = success_figures(asking, held)
        texts[:] = [
            shown(data.tokenizer.decode(prompt.ids), None, asking.text(several[0]))
            for prompt, several in zip(held[: recipe.evaluation.samples], answers, strict=False)
        ]
        return found

    return Lesson(rollouts, evaluation(figures, lambda: list(texts), room.average, group))


def answer_ends(data: Data) -> frozenset[int]:
    """The tokens that end an answer: the end of a text, and the one that closes the assistant's turn."""
    tokenizer, template = data.tokenizer, data.template
    found = set() if tokenizer.end_of_text is None else {tokenizer.end_of_text}
    turn = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    try:
        ids, mask = encode_conversation(tokenizer, turn, template=template or find_template(tokenizer))
    except QuantaError:
        return frozenset(found)  # a vocabulary for plain text only
    closing = int(ids[mask][-1])
    return frozenset(found | ({closing} & set(tokenizer.control.values())))
