"""The ``[synthetic]`` table of a recipe."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

# Rules whose findings a person would mend by an edit of a line or two; style rules that reformat are left out.
RULES = ("E4", "E7", "E9", "F", "W605", "B", "C4", "PIE790")


class SyntheticSettings(BaseModel):
    """How many wrong programs are made of right ones, and what they must show to be kept.

    Everything but ``workers`` decides which records come out; ``workers`` only how soon.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bugs: bool = True
    """Inject bugs, and keep those that tests or an execution tell apart from the right program."""
    lint: bool = True
    """Inject lint errors, and keep those for which ruff reports exactly one new finding. Needs ruff."""

    mutants_per_function: int = Field(6, ge=1)
    """Wrong versions tried of one function."""
    functions_per_document: int = Field(12, ge=1)
    """Functions of one document that bugs are injected into, drawn by the seed."""
    bugs_per_document: int = Field(12, ge=1)
    lint_per_document: int = Field(8, ge=1)
    """Lint errors tried in one document, each by itself."""
    temperature: float = Field(1.0, gt=0)
    """Above 1 flattens the operators' priors, so that rare kinds of bugs are drawn more often."""
    document_characters: int = Field(120_000, ge=1)
    """Longer documents are left alone."""
    context_lines: int = Field(40, ge=0)
    """Lines of the wrong file that a record keeps before and after its edit, within the function around it."""

    inputs: int = Field(40, ge=1)
    """Calls generated for a function without tests."""
    call_seconds: float = Field(0.3, gt=0)
    """Processor seconds for all calls of one version of a function; a version that takes longer is dropped."""
    memory_bytes: int = Field(1 << 30, ge=1 << 26)

    rules: tuple[str, ...] = Field(RULES, min_length=1)
    """Rules of the linter that count, as ``--select`` takes them."""

    records: int | None = Field(None, ge=1)
    """At most so many records of one project with tests; None: whatever its functions give."""
    tests_per_mutant: int = Field(60, ge=1)
    """Tests run on one mutant, of those that execute it, shortest first."""
    test_seconds: float = Field(2.0, gt=0)
    """Processor seconds for one test; a mutant on which it takes longer is dropped."""
    test_lines: int = Field(300_000, ge=1)
    """Tests that execute more lines of the project than this are not used."""
    suite_seconds: float = Field(300.0, gt=0)
    """Wall seconds for running the suite before anything is changed, and as many for tracing it."""
    test_command: str | None = None
    python: Path | None = None
    """The project's interpreter; None: found as `quanta fix` finds it."""
    workers: int = Field(0, ge=0)
    """Mutants tested at once; 0: one a core."""
