"""The stage that keeps documents whose licence the recipe allows, and records it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from quantatissu.corpus.document import Document, Drop
from quantatissu.corpus.stages.licence.declared import understand
from quantatissu.corpus.stages.licence.identifiers import PERMISSIVE, canonical, nearest
from quantatissu.corpus.stages.licence.notices import notice
from quantatissu.corpus.stages.licence.spdx import Expression, every, identifiers, permitted
from quantatissu.corpus.stages.licence.texts import recognise


class LicenceSettings(BaseModel):
    """``allow``: SPDX identifiers, each perhaps ``WITH`` an exception; ``unknown``: what becomes of documents for which
    no licence is found.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow: tuple[str, ...] = PERMISSIVE
    unknown: Literal["drop", "keep"] = "drop"

    @field_validator("allow")
    @classmethod
    def _canonical(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_allowed_name(name) for name in names))


def _allowed_name(name: str) -> str:
    identifier, _, exception = name.partition(" WITH ")
    spelling = canonical(identifier.strip())
    if spelling is None:
        close = nearest(identifier)
        raise ValueError(f"{name} is no SPDX identifier we know" + (f"; did you mean {close}?" if close else ""))
    return f"{spelling} WITH {exception.strip()}" if exception else spelling


@dataclass(frozen=True, slots=True)
class LicenceStage:
    """What a file says about itself counts before what covers it; what is declared counts before texts beside it.

    Reasons: ``licence_unknown``; ``licence_not_allowed``; ``licence_conflict``, where the declared licence is allowed
    but the texts beside it are of others, which are not.
    """

    allow: frozenset[str]
    keep_unknown: bool
    name: str = "licence"

    def __call__(self, document: Document) -> Document | Drop:
        if own := notice(document.text):
            return self._judge(document, own, "the file's own notice")
        declared = every(found for found in map(understand, document.licences) if found)
        beside = every(found for found in map(recognise, document.licence_texts) if found)
        if declared is None:
            return self._judge(document, beside, "licence texts beside it") if beside else self._unknown(document)
        if beside and self._contradicts(declared, beside):
            return Drop(self.name, "licence_conflict", f"declared {declared}, texts of {beside}")
        return self._judge(document, declared, "declared")

    def _contradicts(self, declared: Expression, beside: Expression) -> bool:
        return not permitted(beside, self.allow) and identifiers(declared).isdisjoint(identifiers(beside))

    def _judge(self, document: Document, found: Expression, evidence: str) -> Document | Drop:
        licences = permitted(found, self.allow)
        if not licences:
            return Drop(self.name, "licence_not_allowed", f"{found} ({evidence})")
        return document.with_(licences=licences, licence_texts=())

    def _unknown(self, document: Document) -> Document | Drop:
        if self.keep_unknown:
            return document.with_(licences=(), licence_texts=())
        said = ", ".join(document.licences)[:80]
        return Drop(self.name, "licence_unknown", f"not understood: {said}" if said else "nothing says")


def licence_stage(settings: LicenceSettings) -> LicenceStage:
    """The stage for these settings."""
    return LicenceStage(frozenset(settings.allow), settings.unknown == "keep")
