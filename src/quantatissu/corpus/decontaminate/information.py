"""How much a sequence of tokens says: enough that two people would not write it by chance.

`return a + b` is in a benchmark and in every second project. The information of a token is ``-log2`` of its share among
the tokens of ordinary code (Shannon 1948), that of a sequence the sum over its tokens. What says too little is never
held against a document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from quantatissu.corpus.decontaminate.vocabulary import FIXED

# Bits of the commonest canonical tokens over all functions of the standard library of Python 3.11 (982,000 tokens).
# fmt: off
_BITS = {
    "Attribute": 3.3, "Call": 3.7, "end": 4.0, "Assign": 4.5, "Expr": 5.2, "If": 5.4, "Compare": 5.9, "Return": 6.0,
    "=None": 6.4, "BinOp": 6.4, "Subscript": 6.5, "Tuple": 6.5, "keyword": 6.9, "=1": 7.1, "=0": 7.2, "Add": 7.4,
    "UnaryOp": 7.4, "Eq": 7.7, "Raise": 7.8, "BoolOp": 7.9, "Not": 8.0, "List": 8.2, "For": 8.3, "Try": 8.3, "Is": 8.4,
    "Mod": 8.4, "ExceptHandler": 8.4, "And": 8.6, "=False": 8.6, "Slice": 8.7, "=True": 8.7, "len": 8.7, "IsNot": 8.8,
    ".append": 8.8, "In": 8.9, "USub": 9.0, "isinstance": 9.1, "=2": 9.1, "=''": 9.1, "Or": 9.2, "Sub": 9.3,
}
_NAMES = (3.6, 4.3, 4.9, 5.3, 5.7, 6.1, 6.4, 6.8, 7.1, 7.4, 7.7, 7.9, 8.1)  # $0, $1, ...
# fmt: on
_RARE = 10.0


def function_bits(tokens: Iterable[str]) -> float:
    """The information of a canonical function in bits."""
    total = 0.0
    for token in tokens:
        if token.startswith("$"):
            number = int(token[1:])
            total += _NAMES[number] if number < len(_NAMES) else _RARE
        else:
            total += _BITS.get(token, _RARE)
    return total


def run_bits(words: Sequence[str], size: int, common: Collection[str]) -> npt.NDArray[np.float64]:
    """A rough measure in bits of every run of `size` words: ``[words - size + 1]``; a word counts once in a run.

    `common` are words that many problems share. A run without a name of its own, such as ``1 2 3 4 5 6 7``, says
    nothing, however long.
    """
    bits = np.array([_word_bits(word, common) for word in words])
    runs = len(words) - size + 1
    last: dict[str, int] = {}
    before = np.full(len(words), -1)  # where the same word stood last
    for at, word in enumerate(words):
        before[at] = last.get(word, -1)
        last[word] = at
    total, named = np.zeros(runs), np.zeros(runs, np.bool_)
    start = np.arange(runs)
    for place in range(size):
        first = before[place : place + runs] < start
        own = bits[place : place + runs]
        total += np.where(first, own, 0.0)
        named |= own >= _NAME
    return np.where(named, total, 0.0)


_NAME, _COMPOUND, _COMMON = 7.0, 12.0, 3.0


def _word_bits(word: str, common: Collection[str]) -> float:
    if word[0].isdigit():
        return min(2.0 * len(word), _NAME - 1)
    if word in FIXED or word in common or len(word) == 1:
        return _COMMON
    return _COMPOUND if "_" in word.strip("_") else _NAME
