"""What an answer is worth: a callable that a recipe names."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from quantatissu.foundation import QuantaError
from quantatissu.training.rollouts.prompts import Prompt

_PACKAGED = {
    "exact_answer": "quantatissu.training.rollouts.scoring:exact_answer",
    "tests_in_sandbox": "quantatissu.training.rollouts.sandboxed:tests_in_sandbox",
}


class Scorer(Protocol):
    """Judges one answer; called from several threads where ``workers`` is above 1."""

    def __call__(self, prompt: Prompt, completion: str, /) -> float:
        """The more the better; 1 is a full success unless the recipe says otherwise. ``completion`` is without the
        token that ends it.
        """


def exact_answer(prompt: Prompt, completion: str) -> float:
    """1 for the record's ``answer`` to the letter, white space around it aside; else 0."""
    wanted = prompt.record.get("answer")
    if not isinstance(wanted, str):
        raise ValueError("the record has no text in its field answer")
    return float(completion.strip() == wanted.strip())


def open_scorer(name: str) -> Scorer:
    """The scorer called `name`: one of the package, or "module:function", importable from the current folder too.

    Raises QuantaError when it cannot be had.
    """
    path = _PACKAGED.get(name, name)
    module_name, colon, function = path.partition(":")
    if not colon:
        raise QuantaError(
            f"objective.score: there is no scorer {name}",
            hint=f"Give module:function, or one of: {', '.join(sorted(_PACKAGED))}.",
        )
    with _current_folder():
        try:
            found = getattr(importlib.import_module(module_name), function)
        except (ImportError, AttributeError) as error:
            raise QuantaError(f"objective.score: {name} cannot be imported: {error}") from error
    if not callable(found):
        raise QuantaError(f"objective.score: {name} is no function")
    scorer: Scorer = found
    return scorer


def score_all(scorer: Scorer, answers: Sequence[tuple[Prompt, str]], *, workers: int = 1) -> list[float]:
    """The score of each answer, in order; up to ``workers`` at the same time.

    Raises QuantaError that names the record when the scorer fails, or gives what is no finite number.
    """
    if workers == 1 or len(answers) < 2:
        return [_score(scorer, prompt, text) for prompt, text in answers]
    with ThreadPoolExecutor(min(workers, len(answers)), thread_name_prefix="quanta-score") as pool:
        return list(pool.map(lambda one: _score(scorer, *one), answers))


def _score(scorer: Scorer, prompt: Prompt, completion: str) -> float:
    try:
        score = float(scorer(prompt, completion))
    except QuantaError as error:
        raise QuantaError(f"{prompt.where}: {error}", hint=error.hint) from error
    except Exception as error:  # somebody else's code
        raise QuantaError(
            f"the scorer failed on an answer to {prompt.where}: {type(error).__name__}: {error}"
        ) from error
    if not math.isfinite(score):
        raise QuantaError(f"the scorer gave {score} for an answer to {prompt.where}")
    return score


@contextmanager
def _current_folder() -> Iterator[None]:
    """Modules beside which the command runs are found, as with ``python -m``."""
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        yield
    finally:
        if added:
            sys.path.remove(here)
