"""The stage that leaves out what nobody wrote by hand for this place."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from quantatissu.corpus.document import Document, Drop
from quantatissu.corpus.languages import BY_NAME
from quantatissu.corpus.stages.generated import contents, names
from quantatissu.corpus.stages.view import view


class GeneratedSettings(BaseModel):
    """Which kinds to leave out, and how they are told. Folder names match whole parts of a path, in any case.

    ``max_literal_lines`` and ``max_numbers`` are shares of lines and of characters; above either a text is a table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    generated: bool = True
    minified: bool = True
    vendored: bool = True
    fixtures: bool = True
    lock_files: bool = True
    data_like: bool = True
    vendored_folders: tuple[str, ...] = names.VENDORED_FOLDERS
    fixture_folders: tuple[str, ...] = names.FIXTURE_FOLDERS
    max_literal_lines: float = 0.8
    max_numbers: float = 0.5


@dataclass(frozen=True, slots=True)
class GeneratedStage:
    """Reasons: ``vendored``, ``test_fixture``, ``lock_file``, ``minified``, ``generated``, ``data_table``."""

    settings: GeneratedSettings
    vendored_folders: frozenset[str]
    fixture_folders: frozenset[str]
    name: str = "generated"

    def __call__(self, document: Document) -> Document | Drop:
        return self._by_path(document.origin.path.lower()) or self._by_content(document) or document

    def _by_path(self, path: str) -> Drop | None:
        settings = self.settings
        folder, _, filename = path.rpartition("/")
        if settings.lock_files and names.is_lock_file(filename):
            return Drop(self.name, "lock_file", filename)
        if settings.vendored and (part := names.vendored(folder, self.vendored_folders)):
            return Drop(self.name, "vendored", f"below {part}/")
        if settings.fixtures and (part := names.fixture(folder, self.fixture_folders)):
            return Drop(self.name, "test_fixture", f"below {part}/")
        if settings.minified and names.is_minified_name(folder, filename):
            return Drop(self.name, "minified", f"called {filename}")
        if settings.generated and names.is_generated_name(filename):
            return Drop(self.name, "generated", f"called {filename}")
        return None

    def _by_content(self, document: Document) -> Drop | None:
        settings = self.settings
        looked_at = view(document.text, document.language)
        if settings.generated and (mark := contents.generator_mark(looked_at)):
            return Drop(self.name, "generated", mark)
        if settings.minified and (detail := contents.minified(looked_at)):
            return Drop(self.name, "minified", detail)
        language = BY_NAME.get(document.language)
        if not settings.data_like or language is None or language.data or language.prose:
            return None
        if (share := contents.number_runs(looked_at)) > settings.max_numbers:
            return Drop(self.name, "data_table", f"share of numbers {share:.2f} > {settings.max_numbers}")
        if (share := contents.literal_lines(looked_at)) > settings.max_literal_lines:
            return Drop(
                self.name, "data_table", f"share of lines of literals {share:.2f} > {settings.max_literal_lines}"
            )
        return None


def generated_stage(settings: GeneratedSettings) -> GeneratedStage:
    """The stage for these settings."""
    return GeneratedStage(
        settings,
        frozenset(map(str.lower, settings.vendored_folders)),
        frozenset(map(str.lower, settings.fixture_folders)),
    )
