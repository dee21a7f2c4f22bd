r"""How text is cut into pieces before a vocabulary is applied: for code, and so that lines are independent.

| piece | why |
|---|---|
| a run of two or more spaces, or of tabs | indentation stays together, whatever follows |
| a word with one space or mark before it: ``.append`` | underscores are letters: ``__init__`` can be one token |
| up to three digits, with a space before them | numbers of the same length are cut alike |
| marks in a row, with the line ends after them: ``+=``, ``):\n`` | operators stay whole |
| line ends in a row | |

No alternative looks ahead or behind, and none goes on past a line end. So the tokens of a text are those of its lines
one after another, which `Tokenizer.encode` and fill-in-the-middle rely on (a blank line belongs to the line before it).
Gluing indentation to the line end before it would give about 2% more bytes per token (7% when marks are glued too) and
lose exactly this: a prompt that ends with a line would then end inside a token.
"""

from __future__ import annotations

import re

_LETTER = r"\p{L}\p{M}_"
_MARK = rf"[^\s\p{{N}}{_LETTER}]"

# For the Oniguruma engine inside `tokenizers`, where the classes are Unicode's.
UNICODE = rf" {{2,}}|\t+|(?: |{_MARK})?[{_LETTER}]+| ?\p{{N}}{{1,3}}| ?{_MARK}+[\r\n]*|[\r\n]+|\s"

# The same over ASCII text for Python's engine. Control characters are spelt out: the engines differ on what is a space.
_ASCII_SPACE = r"\t\n\v\f\r "
_ASCII_MARK = rf"[^{_ASCII_SPACE}0-9A-Za-z_]"
ASCII = re.compile(
    rf" {{2,}}|\t+|(?: |{_ASCII_MARK})?[A-Za-z_]+| ?[0-9]{{1,3}}| ?{_ASCII_MARK}+[\r\n]*|[\r\n]+|[\f\v ]"
)

_OTHER_LINE = re.compile(r"[^\x00-\x7f][^\r\n]*[\r\n]*")


def runs(text: str) -> list[tuple[bool, str]]:
    """`text` cut at line starts into runs of lines, each with whether it is all ASCII. Joined, they are `text`."""
    found: list[tuple[bool, str]] = []
    done = 0  # where the last run of other lines ends
    begun = 0  # where it begins
    for match in _OTHER_LINE.finditer(text):
        start = max(text.rfind("\n", done, match.start()), text.rfind("\r", done, match.start())) + 1 or done
        if start > done:
            if done > begun:
                found.append((False, text[begun:done]))
            found.append((True, text[done:start]))
            begun = start
        done = match.end()
    if done > begun:
        found.append((False, text[begun:done]))
    if done < len(text):
        found.append((True, text[done:]))
    return found
