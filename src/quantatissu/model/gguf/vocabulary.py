"""A vocabulary as llama.cpp wants it: tokens, kinds and merges; and the whole ``tokenizer.json``, for the way back.

llama.cpp cuts text into pieces before it merges by rules that have names, not by the pattern of the file. Vocabularies
of known families get the name of theirs. Ours gets the nearest, and the caller is told: ids are what they are, but from
text llama.cpp makes other tokens wherever a word follows indentation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import Tokenizer

_NORMAL, _CONTROL, _USER, _UNUSED, _BYTE = 1, 3, 4, 5, 6
_NEAREST = "llama-bpe"

# The pattern by which a family's tokenizer.json cuts text, and llama.cpp's name for it.
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_MARKS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_KNOWN = {
    rf"{_WORDS}|\p{{N}}{{1,3}}|{_MARKS}": "llama-bpe",
    rf"{_WORDS}|\p{{N}}|{_MARKS}": "qwen2",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """``model`` and ``pre`` are llama.cpp's names; tokens by id with their kinds; ``exact``: text is cut alike."""

    model: str
    pre: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str]
    scores: list[float] | None
    exact: bool
    space_prefix: bool


def to_vocabulary(tokenizer: Tokenizer, size: int) -> Vocabulary:
    """The vocabulary of a model with ``size`` rows in its embedding. Raises QuantaError when it is not BPE."""
    state = json.loads(tokenizer.source)
    model = state["model"]
    if model.get("type") != "BPE":
        raise QuantaError(
            f"only BPE vocabularies can be written to GGUF, this one is {model.get('type')}",
            hint="Export a Hugging Face folder instead, or train with --model bpe.",
        )
    tokens = [f"[PAD{number}]" for number in range(size)]
    kinds = [_UNUSED] * size
    pieces = bool(model.get("byte_fallback"))
    for token, number in model["vocab"].items():
        tokens[number] = token
        kinds[number] = _BYTE if pieces and _is_byte(token) else _NORMAL
    for added in state.get("added_tokens") or []:
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = _CONTROL if added["special"] or added["content"] in tokenizer.control else _USER
    merges = [one if isinstance(one, str) else " ".join(one) for one in model["merges"]]
    if pieces:
        return Vocabulary("llama", "default", tokens, kinds, [], _scores(tokens, merges), True, _prefixes(state))
    if not tokenizer.byte_level:
        raise QuantaError("only byte-level BPE, and BPE with byte fallback, can be written to GGUF")
    pre = _pre(state)
    return Vocabulary("gpt2", pre or _NEAREST, tokens, kinds, merges, None, pre is not None, False)


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x") and token.endswith(">")


def _scores(tokens: list[str], merges: list[str]) -> list[float]:
    """llama.cpp merges the pair whose token scores highest: the earlier a merge, the higher."""
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(merges):
        ranks.setdefault(merge.replace(" ", ""), rank)
    return [-float(ranks[token]) if token in ranks else -1e6 for token in tokens]


def _prefixes(state: dict[str, Any]) -> bool:
    """Whether a space is put before a text."""
    return "Prepend" in json.dumps(state.get("normalizer")) or "prepend_scheme" in json.dumps(
        state.get("pre_tokenizer")
    )


def _pre(state: dict[str, Any]) -> str | None:
    steps = state.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", [steps])
    patterns = [step["pattern"].get("Regex") for step in steps if step.get("type") == "Split"]
    if patterns:
        return _KNOWN.get(patterns[0]) if len(patterns) == 1 else None
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "starcoder"
    return None
