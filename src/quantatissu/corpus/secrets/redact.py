"""Secrets taken out of a text, and the stage that does it to documents."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from quantatissu.corpus.document import Document, Drop, Stage
from quantatissu.corpus.secrets.find import find_secrets
from quantatissu.corpus.secrets.spans import Secret

# A secret of this length is taken out wherever it stands in a text, not only where it gave itself away.
_UNMISTAKABLE = 8


class SecretSettings(BaseModel):
    """The recipe's table ``[secrets]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    personal: bool = Field(default=True, description="redact e-mail and public IP addresses and telephone numbers too")
    keep: frozenset[str] = Field(default=frozenset(), description="kinds that are left in the text")
    most: int = Field(default=200, ge=0, description="a document with more secrets than this is a dump, and is dropped")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets, and how many of each kind were taken out, by kind in order."""

    text: str
    counts: dict[str, int]


def redact(text: str, *, personal: bool = True, keep: frozenset[str] = frozenset()) -> Redacted:
    """`text` with every secret replaced by a placeholder that depends on its kind alone.

    In quotes that is ``<SECRET:kind>``; elsewhere, where angle brackets might not parse, ``SECRET_kind``. A secret of
    eight characters or more is replaced at all its places. Redacting the result again changes nothing.
    """
    counts: Counter[str] = Counter()
    while found := [secret for secret in find_secrets(text, personal=personal) if secret.kind not in keep]:
        counts.update(secret.kind for secret in found)
        text = _replaced(text, _everywhere(text, found))
    return Redacted(text, dict(sorted(counts.items())))


def secret_stage(settings: SecretSettings) -> Stage:
    """The stage ``secrets``: redacts, counts in `Document.redactions`, drops dumps (reason ``too_many_secrets``)."""
    return _SecretStage(settings)


@dataclass(slots=True)
class _SecretStage:
    settings: SecretSettings
    name: str = "secrets"

    def __call__(self, document: Document) -> Document | Drop:
        redacted = redact(document.text, personal=self.settings.personal, keep=self.settings.keep)
        if not redacted.counts:
            return document
        total = sum(redacted.counts.values())
        if total > self.settings.most:
            return Drop(self.name, "too_many_secrets", f"{total} secrets, at most {self.settings.most}")
        counts = Counter(document.redactions) + Counter(redacted.counts)
        return document.with_(text=redacted.text, redactions=dict(sorted(counts.items())))


def _everywhere(text: str, found: list[Secret]) -> list[Secret]:
    """`found`, and the other places of the same values, in order and without overlaps."""
    kinds: dict[str, str] = {}
    for secret in found:
        if secret.end - secret.start >= _UNMISTAKABLE:
            kinds.setdefault(text[secret.start : secret.end], secret.kind)
    places = [(secret.start, -secret.end, secret.kind) for secret in found]
    # Longest first, so that a value which begins another one does not cut it short.
    values = sorted(kinds, key=lambda value: (-len(value), value))
    if values:
        pattern = re.compile("|".join(map(re.escape, values)))
        places.extend((match.start(), -match.end(), kinds[match[0]]) for match in pattern.finditer(text))
    result: list[Secret] = []
    for start, negative_end, kind in sorted(places):
        if not result or start >= result[-1].end:
            result.append(Secret(start, -negative_end, kind))
    return result


def _replaced(text: str, secrets: list[Secret]) -> str:
    parts: list[str] = []
    done = 0
    for secret in secrets:
        parts += text[done : secret.start], _placeholder(text, secret)
        done = secret.end
    return "".join([*parts, text[done:]])


def _placeholder(text: str, secret: Secret) -> str:
    """The angle form when a quote opened before the secret on its line and closes after it; else a plain word."""
    before = text[text.rfind("\n", 0, secret.start) + 1 : secret.start]
    line_end = text.find("\n", secret.end)
    after = text[secret.end : line_end if line_end >= 0 else len(text)]
    quoted = any(before.count(quote) % 2 == 1 and quote in after for quote in "\"'`")
    return f"<SECRET:{secret.kind}>" if quoted else f"SECRET_{secret.kind}"
