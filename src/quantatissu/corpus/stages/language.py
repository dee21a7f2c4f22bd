"""The stage that names a document's language and keeps those the recipe wants."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, field_validator

from quantatissu.corpus.document import Document, Drop
from quantatissu.corpus.languages import find
from quantatissu.corpus.stages.detect import detect

DEFAULT_LANGUAGES = (
    "python", "javascript", "typescript", "java", "go", "rust", "c", "c++", "c#", "ruby", "php", "shell", "sql",
    "markdown",
)  # fmt: skip


class LanguageSettings(BaseModel):
    """``keep``: the languages of the corpus, by name, label or alias; empty keeps every language the table knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep: tuple[str, ...] = DEFAULT_LANGUAGES

    @field_validator("keep")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        found = [(name, find(name)) for name in names]
        unknown = [name for name, language in found if language is None]
        if unknown:
            raise ValueError(f"no language is called {', '.join(unknown)}")
        return tuple(dict.fromkeys(language.name for _, language in found if language))


@dataclass(frozen=True, slots=True)
class LanguageStage:
    """Fills in ``language`` unless the source named one. Reasons: ``unknown_language``, ``unwanted_language``."""

    keep: frozenset[str]
    name: str = "language"

    def __call__(self, document: Document) -> Document | Drop:
        language = document.language or detect(document.origin.path, document.text)
        if not language:
            filename = document.origin.path.rpartition("/")[2]
            extension = filename[filename.rfind(".") :] if "." in filename else "no extension"
            return Drop(self.name, "unknown_language", extension)
        if self.keep and language not in self.keep:
            return Drop(self.name, "unwanted_language", language)
        return document if language == document.language else document.with_(language=language)


def language_stage(settings: LanguageSettings) -> LanguageStage:
    """The stage for these settings."""
    return LanguageStage(frozenset(settings.keep))
