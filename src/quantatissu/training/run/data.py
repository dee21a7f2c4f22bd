"""What a run reads: corpora of documents, or records of conversations, preferences or prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from quantatissu.corpus.shards import Corpus, NoSplitError, open_shards, shard_folder, tokenizer_folder
from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import ChatTemplate, Encoded, Tokenizer, find_template, load_template, load_tokenizer
from quantatissu.training.conversations import Chat, ConversationSamples, read_conversations
from quantatissu.training.data import DataSettings, Samples
from quantatissu.training.objectives import GrpoSettings
from quantatissu.training.preferences import PairSamples, read_preferences
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.rollouts import Prompt, PromptOrder, read_prompts


@dataclass(frozen=True, slots=True)
class Data:
    """``samples`` to train on, of which ``per_epoch`` are a pass over the ``tokens``; what is held out, in the form of
    its kind; and how text becomes ids. ``notes`` are to be told to whoever started the run.
    """

    samples: Samples | ConversationSamples | PairSamples | PromptOrder
    tokenizer: Tokenizer
    template: ChatTemplate | None
    tokens: int
    per_epoch: int
    validation: Sequence[Corpus] = ()
    conversations: Sequence[tuple[Encoded, str]] = ()
    pairs: PairSamples | None = None
    prompts: Sequence[Prompt] = ()
    notes: list[str] = field(default_factory=list)


def open_data(recipe: TrainRecipe) -> Data:
    """Open what the recipe reads. Raises QuantaError when there is nothing, or it does not go together."""
    if recipe.data.records:
        return _open_records(recipe)
    table = recipe.data
    if not table.corpus:
        raise QuantaError(
            "there is nothing to train on",
            hint="Pass --data FOLDER with a corpus that `quanta corpus build` made, or set data.corpus in the recipe.",
        )
    folders = [shard_folder(one.path) for one in table.corpus]
    file = table.tokenizer or tokenizer_folder(table.corpus[0].path)
    tokenizer = load_tokenizer(file)
    try:
        corpora = [open_shards(folder) for folder in folders]
        validation = [found for folder in folders if (found := _validation(folder)) is not None]
        settings = DataSettings(length=table.length, packing=table.packing, fim=table.fim, seed=recipe.seed)
        weights = [one.weight for one in table.corpus if one.weight is not None] or None
        fim, answers = [one.fim for one in table.corpus], [one.answers for one in table.corpus]
        samples = Samples(corpora, tokenizer, settings, weights=weights, fim=fim, answers=answers)
    except ValueError as error:
        raise QuantaError(f"the data cannot be used: {error}") from error
    return Data(
        samples,
        tokenizer,
        _template(recipe, file),
        tokens=sum(corpus.tokens for corpus in corpora),
        per_epoch=sum(samples.per_epoch.values()),
        validation=validation,
    )


def _validation(folder: Path) -> Corpus | None:
    try:
        return open_shards(folder, split="validation")
    except NoSplitError:
        return None


def _template(recipe: TrainRecipe, tokenizer: Path) -> ChatTemplate | None:
    """The template that the recipe names, else the one beside the tokenizer or the weights; None: ours, if any."""
    own = recipe.data.chat_template
    beside = [path for path in (tokenizer, recipe.model.init) if path is not None]
    found = next((template for path in beside if (template := load_template(path)) is not None), None)
    if own is None:
        return found
    try:
        source = own.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QuantaError(f"data.chat_template cannot be read: {error}") from error
    return ChatTemplate(source, {} if found is None else found.variables)


def _open_records(recipe: TrainRecipe) -> Data:
    table, seed = recipe.data, recipe.seed
    file = table.tokenizer or recipe.model.init
    if file is None:
        raise QuantaError(
            "which vocabulary do the records become ids by?",
            hint="Start from a checkpoint (--init FOLDER), or set data.tokenizer.",
        )
    tokenizer = load_tokenizer(file)
    template = _template(recipe, file)
    chat = Chat(tokenizer, template or _ours(tokenizer))
    if table.conversations:
        talks = read_conversations(table.conversations, chat, length=table.length, share=table.held_out)
        learnt = ConversationSamples(talks.train, length=table.length, seed=seed, pad=chat.pad)
        notes = _told(talks.cut, "conversations are longer than data.length and lose their end")
        notes += _told(talks.empty, "conversations have nothing to learn before that and are left out")
        return Data(
            learnt, tokenizer, template, learnt.tokens, learnt.per_epoch[0], conversations=talks.held, notes=notes
        )
    if table.preferences:
        pairs = read_preferences(table.preferences, chat, length=table.length, share=table.held_out)
        samples, held = (
            PairSamples(part, length=table.length, seed=seed, pad=chat.pad) for part in (pairs.train, pairs.held)
        )
        notes = _told(pairs.long, "pairs do not fit into data.length and are left out")
        return Data(samples, tokenizer, template, samples.tokens, samples.per_epoch[0], pairs=held, notes=notes)
    objective = recipe.objective
    assert isinstance(objective, GrpoSettings)
    prompts = read_prompts(table.prompts, chat, longest=table.length - objective.max_tokens, share=table.held_out)
    order = PromptOrder(prompts.train, seed=seed)
    passed = len(prompts.train) * objective.group * objective.reuse
    notes = _told(prompts.long, "prompts leave no room for objective.max_tokens in data.length and are left out")
    size = sum(len(one.ids) for one in prompts.train)
    return Data(order, tokenizer, template, size, passed, prompts=prompts.held, notes=notes)


def _ours(tokenizer: Tokenizer) -> ChatTemplate | None:
    try:
        return find_template(tokenizer)
    except QuantaError:
        return None


def _told(count: int, what: str) -> list[str]:
    return [f"{count:,} {what}"] if count else []
