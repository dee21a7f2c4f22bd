"""How often a model succeeds on held-out prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantatissu.tokenizer import Ids
from quantatissu.training.rollouts.collecting import Asking
from quantatissu.training.rollouts.prompts import Prompt


def success_figures(asking: Asking, prompts: Sequence[Prompt]) -> tuple[dict[str, float], list[list[Ids]]]:
    """Ask each prompt ``held_out_samples`` times, always with the same random numbers. The figures: ``success``, the
    share of answers that score ``solved`` or more; ``reward``, their mean score; ``answer_tokens``, their mean length;
    ``unfinished``, the share cut off at ``max_tokens``. And the answers.
    """
    settings = asking.settings
    places: list[tuple[int | str, ...]] = [("held-out", number) for number in range(len(prompts))]
    answers = asking.answers(prompts, places, settings.held_out_samples)
    rewards = asking.rewards(prompts, answers)
    flat = [one for several in answers for one in several]
    figures = {
        "success": float((rewards >= settings.solved).mean()),
        "reward": float(rewards.mean()),
        "answer_tokens": float(np.mean([len(one) for one in flat])),
        "unfinished": float(np.mean([not len(one) or int(one[-1]) not in asking.stop for one in flat])),
    }
    return figures, answers
