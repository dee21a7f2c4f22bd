"""What a file's own head says about its licence: SPDX lines, licence texts and notices, ``License: MIT`` lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quantatissu.corpus.stages.licence.declared import understand
from quantatissu.corpus.stages.licence.spdx import Expression, Licence, every, parse_expression
from quantatissu.corpus.stages.licence.texts import recognise

HEAD_CHARACTERS = 4_000

# An SPDX line is a comment of its own. The same words inside a program's string literal are not about the program.
_SPDX = re.compile(r"^[^\w\n'\"]{0,12}SPDX-License-Identifier:[ \t]*(.+?)[ \t]*(?:\*/|-->|\*\)|$)", re.MULTILINE)
_FIELD = re.compile(
    r"^[^\w\n'\"]{0,8}(?:[:@]?licen[cs]e[ \t]*:|__licen[cs]e__[ \t]*=[ \t]*['\"])[ \t]*([^\n'\"]{2,80})",
    re.MULTILINE | re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"\b(?:[Ll]icen[cs]ed?|[Rr]eleased|[Dd]istributed|[Aa]vailable|[Pp]ublished|[Pp]rovided|[Cc]overed)"
    r"\s+(?:under|by)\s+(?:the\s+)?(?:terms\s+(?:and\s+conditions\s+)?of\s+)?(?:the\s+)?"
    r"([A-Z][\w .+/-]{1,50}?)(?=[,;:.]?(?:\s|$))",
    re.MULTILINE,
)
_MENTIONS = (
    "icense",
    "icence",
    "ICENSE",
    "ermission",
    "edistribut",
    "ublic domain",
    "roprietary",
    "ed under",
    "ble under",
)


def notice(text: str) -> Expression | None:
    """The licence that the first 4,000 characters of a file state, everything they state at once; None if nothing.

    SPDX lines count for more than prose: where there are any, prose is not read. An SPDX line that names something
    unknown is ``LicenseRef-Unrecognised``, which no allowlist contains by accident.
    """
    head = text[:HEAD_CHARACTERS]
    if not any(mention in head for mention in _MENTIONS):
        return None
    lines = _SPDX.findall(head)
    if lines:
        return every(parse_expression(line) or Licence("LicenseRef-Unrecognised") for line in lines)
    return recognise(head) or every(_short_statements(head))


def _short_statements(head: str) -> Iterator[Expression]:
    for match in _FIELD.finditer(head):
        if found := understand(match[1].strip(" \t.*/#")):
            yield found
    for match in _SENTENCE.finditer(head):
        # The pattern stops at the first word's end; a name is up to five words, the longest known one counts.
        words = head[match.start(1) : match.start(1) + 60].split("\n\n", maxsplit=1)[0].split()[:5]
        for count in range(len(words), 0, -1):
            if found := understand(" ".join(words[:count]).strip(" .,;:*/#()")):
                yield found
                break
