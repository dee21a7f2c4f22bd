"""The limits of quality, in general and per language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from quantatissu.corpus.languages import find


class Thresholds(BaseModel):
    """Limits on one text. Lengths in characters, shares between 0 and 1; None asks nothing.

    The defaults are StarCoder's where it has the rule, else set by looking at what they drop from a standard library
    and installed packages. StarCoder's shares of comments, 0.01 and 0.8, are for recipes to ask for: over 0.8 lie many
    modules that are short beside their documentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_characters: int | None = 1_000_000
    min_characters: int | None = 50
    min_lines: int | None = 3  # that are not blank
    max_line: int | None = 1_000
    max_mean_line: float | None = 100
    min_alphanumeric: float | None = 0.25
    max_digits: float | None = 0.35
    max_non_ascii: float | None = 0.3
    min_mean_word: float | None = 2
    max_mean_word: float | None = 25
    max_encoded: float | None = 0.2
    max_repeated_lines: float | None = 0.75
    max_todo: float | None = 0.2
    max_assertions: float | None = 0.7
    max_empty_functions: float | None = 0.8
    max_string: int | None = 20_000
    max_strings: float | None = 0.8
    min_comments: float | None = None
    max_comments: float | None = 0.9
    min_visible_text: float | None = 0.2
    max_xml: int | None = 0


_PROSE = {
    "max_line": 5_000, "max_mean_line": 500, "max_non_ascii": 0.5, "max_comments": None,
}  # fmt: skip
DEFAULT_OVERRIDES: Mapping[str, Mapping[str, float | None]] = {
    "markdown": _PROSE,
    "restructuredtext": _PROSE,
    "text": _PROSE,
    "xml": {"max_xml": None},
    "html": {"max_xml": None},
    "json": {"max_strings": None, "max_digits": 0.5},
}


class QualitySettings(Thresholds):
    """General thresholds, and under a language's name those that differ: ``[quality.python] max_line = 500``.

    A general threshold in the recipe does not touch the built-in ones of a language that differ (prose has long lines).
    """

    languages: dict[str, dict[str, float | None]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, values: Any) -> Any:
        """Move tables named after languages under ``languages``."""
        if not isinstance(values, Mapping):
            return values
        own = {key: value for key, value in values.items() if not _is_language_table(key, value)}
        tables = dict(own.pop("languages", {}))
        for key, value in values.items():
            if _is_language_table(key, value):
                language = find(key)
                if language is None:
                    raise ValueError(f"no language is called {key}")
                tables[language.name] = dict(value)
        for name, table in tables.items():
            unknown = sorted(set(table) - set(Thresholds.model_fields))
            if unknown:
                raise ValueError(f"{name} has no threshold {', '.join(unknown)}")
        return {**own, "languages": tables}

    def for_language(self, language: str) -> Thresholds:
        """The thresholds of a language: what the recipe says of it, else what is built in, else the general ones."""
        general = self.model_dump(exclude={"languages"})
        own = {**DEFAULT_OVERRIDES.get(language, {}), **self.languages.get(language, {})}
        return Thresholds(**{**general, **own})


def _is_language_table(key: str, value: object) -> bool:
    return isinstance(value, Mapping) and key != "languages"
