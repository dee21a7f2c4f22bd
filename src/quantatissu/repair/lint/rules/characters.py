"""Characters that look like others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, fixer
from quantatissu.repair.lint.rules.wrapping import tokens
from quantatissu.rewriting import Edit, Source

_MEANT = re.compile(r"Did you mean `(.+?)` \(")


@fixer("RUF001", keeps="ast")
def escaped(source: Source, finding: Finding) -> Iterator[Edits]:
    r"""An ambiguous character of a string written as its escape, ``\u0430``: the string stays the same."""
    character = source.text[finding.start : finding.end]
    token = next((one for one in tokens(source.text) if one.start < finding.start < one.end), None)
    if len(character) != 1 or token is None:
        return
    prefix = re.match(r"[A-Za-z]*", source.text[token.start : token.end])
    if prefix and not {*"rRbB"} & {*prefix.group()}:
        number = ord(character)
        escape = (
            f"\\x{number:02x}" if number < 1 << 8 else f"\\u{number:04x}" if number < 1 << 16 else f"\\U{number:08x}"
        )
        yield (Edit(finding.start, finding.end, escape),)


@fixer("RUF003", keeps="ast")
def meant(source: Source, finding: Finding) -> Iterator[Edits]:
    """The character of a comment that ruff takes to be meant."""
    if match := _MEANT.search(finding.message):
        yield (Edit(finding.start, finding.end, match[1]),)
