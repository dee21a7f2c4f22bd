"""Answers that a model gives in the middle of its training, and what they are worth."""

from quantatissu.training.rollouts.advantages import group_advantages
from quantatissu.training.rollouts.answers import AnswerBatch, Answers, KeptAnswers
from quantatissu.training.rollouts.collecting import Asking, Rollouts
from quantatissu.training.rollouts.measure import success_figures
from quantatissu.training.rollouts.prompts import Prompt, PromptOrder, Prompts, read_prompts
from quantatissu.training.rollouts.sampling import choose, sample, uniforms
from quantatissu.training.rollouts.scoring import Scorer, open_scorer, score_all

__all__ = [
    "AnswerBatch",
    "Answers",
    "Asking",
    "KeptAnswers",
    "Prompt",
    "PromptOrder",
    "Prompts",
    "Rollouts",
    "Scorer",
    "choose",
    "group_advantages",
    "open_scorer",
    "read_prompts",
    "sample",
    "score_all",
    "success_figures",
    "uniforms",
]
