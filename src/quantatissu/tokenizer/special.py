"""The special tokens, in one place: those of our own vocabularies, and what other vocabularies call the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

END_OF_TEXT = "<|endoftext|>"
FIM_PREFIX = "<|fim_prefix|>"
FIM_MIDDLE = "<|fim_middle|>"
FIM_SUFFIX = "<|fim_suffix|>"
FIM_PAD = "<|fim_pad|>"
SYSTEM = "<|system|>"
USER = "<|user|>"
ASSISTANT = "<|assistant|>"
END_OF_TURN = "<|end_of_turn|>"
TOOL_CALL = "<|tool_call|>"
TOOL_CALL_END = "<|tool_call_end|>"
TOOL_RESULT = "<|tool_result|>"
TOOL_RESULT_END = "<|tool_result_end|>"
EDIT_SPAN = "<|edit_span|>"
EDIT_SPAN_END = "<|edit_span_end|>"
EDIT_REPLACEMENT = "<|edit_replacement|>"
EDIT_REPLACEMENT_END = "<|edit_replacement_end|>"

# In the order of their ids. The reserved ones let a later job get a token without moving every other id.
ALL: tuple[str, ...] = (
    END_OF_TEXT,
    FIM_PREFIX,
    FIM_MIDDLE,
    FIM_SUFFIX,
    FIM_PAD,
    SYSTEM,
    USER,
    ASSISTANT,
    END_OF_TURN,
    TOOL_CALL,
    TOOL_CALL_END,
    TOOL_RESULT,
    TOOL_RESULT_END,
    EDIT_SPAN,
    EDIT_SPAN_END,
    EDIT_REPLACEMENT,
    EDIT_REPLACEMENT_END,
    *(f"<|reserved_{number}|>" for number in range(7)),
)

END_OF_TEXT_NAMES = (
    END_OF_TEXT,
    "<|end_of_text|>",
    "<｜end▁of▁sentence｜>",
    "<eos>",
    "</s>",
)

# Prefix, middle, suffix, pad (or nothing) as released vocabularies call them. DeepSeek's "hole" stands where the suffix
# begins and its "end" where the middle begins: the same prefix-suffix-middle layout under other names.
FIM_NAMES: tuple[tuple[str, str, str, str], ...] = (
    (FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, FIM_PAD),  # Qwen2.5-Coder, CodeGemma, ours
    ("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>"),  # StarCoder, Granite
    ("<fim-prefix>", "<fim-middle>", "<fim-suffix>", "<fim-pad>"),  # SantaCoder
    ("<｜fim▁begin｜>", "<｜fim▁end｜>", "<｜fim▁hole｜>", ""),  # DeepSeek-Coder
    ("▁<PRE>", "▁<MID>", "▁<SUF>", ""),  # Code Llama
    ("[PREFIX]", "[MIDDLE]", "[SUFFIX]", ""),  # Codestral
)


@dataclass(frozen=True, slots=True)
class FimTokens:
    """Ids of the fill-in-the-middle sentinels; ``pad`` is None where a vocabulary has none."""

    prefix: int
    middle: int
    suffix: int
    pad: int | None = None


def find_fim(ids: Mapping[str, int]) -> FimTokens | None:
    """The fill-in-the-middle sentinels among the tokens `ids` (name to id), or None when they are not all there."""
    for prefix, middle, suffix, pad in FIM_NAMES:
        if prefix in ids and middle in ids and suffix in ids:
            return FimTokens(ids[prefix], ids[middle], ids[suffix], ids.get(pad))
    return None


def find_end_of_text(ids: Mapping[str, int]) -> int | None:
    """The token that ends a document, among the tokens `ids` (name to id), or None."""
    return next((ids[name] for name in END_OF_TEXT_NAMES if name in ids), None)


def is_control(name: str) -> bool:
    """Whether a token is one that must never come out of ordinary text."""
    return name in _CONTROL


_CONTROL = frozenset(ALL) | frozenset(END_OF_TEXT_NAMES) | frozenset(name for names in FIM_NAMES for name in names)
