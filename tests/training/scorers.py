"""Scorers that recipes of the tests name."""

from __future__ import annotations

from quantatissu.training.rollouts import Prompt

names: list[str] = []


def backwards(prompt: Prompt, completion: str) -> float:
    """The share of the answer's characters that are right from its beginning."""
    wanted = str(prompt.record["answer"])
    right = 0
    for given, expected in zip(completion, wanted, strict=False):
        if given != expected:
            break
        right += 1
    return right / max(len(wanted), len(completion))


def broken(prompt: Prompt, completion: str) -> float:
    raise ZeroDivisionError("nothing to divide by")


def endless(prompt: Prompt, completion: str) -> float:
    return float("nan")


def named(prompt: Prompt, completion: str) -> float:
    return float(completion)
