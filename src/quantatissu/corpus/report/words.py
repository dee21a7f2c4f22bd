"""How stages, reasons and files are put to a reader who does not know the pipeline."""

from __future__ import annotations

from quantatissu.corpus.languages import find
from quantatissu.corpus.report.model import Place
from quantatissu.foundation.page import Html, code, element

STAGES = {
    "read": ("Reading", "what the source could not open or refused"),
    "decode": ("Decoding", "empty, not text, or in no encoding that can be told"),
    "reserved": ("Reserved", "packages that are kept apart by name"),
    "language": ("Language", "none that the recipe wants"),
    "licence": ("Licence", "unknown, or not on the recipe's list"),
    "generated": ("Generated", "made by a program, minified, copied in or data"),
    "quality": ("Quality", "measures of the text outside the recipe's bounds"),
    "parse": ("Parsing", "not valid in its language"),
    "secrets": ("Secrets", "too many to take out"),
    "decontaminate": ("Decontamination", "holds a benchmark's problem"),
    "exact duplicates": ("Exact duplicates", "equal to another file once layout is normalised"),
    "near duplicates": ("Near duplicates", "almost equal to another file"),
    "not in shards": ("Not written to the shards", ""),
}


def stage_name(stage: str) -> str:
    """A stage in a word or two: ``Near duplicates``."""
    return STAGES.get(stage, (stage.replace("_", " ").capitalize(), ""))[0]


def stage_takes(stage: str) -> str:
    """What a stage leaves out; empty for one that is not known here."""
    return STAGES.get(stage, ("", ""))[1]


def reason_words(reason: str) -> str:
    """``too_many_digits`` as words."""
    return reason.replace("_", " ").strip().capitalize() or "No reason given"


def language_name(language: str) -> str:
    """A language as people write it: ``C++`` for ``c++``."""
    known = find(language)
    return known.label if known else language.capitalize()


def place(where: Place) -> Html:
    """A file's place: repository, revision, path."""
    revision = where.revision[:12] if len(where.revision) == 40 else where.revision
    holder = " ".join(part for part in (where.repository, revision) if part)
    return element("span", [element("span", holder, " ", class_="holder") if holder else None, code(where.path)])
