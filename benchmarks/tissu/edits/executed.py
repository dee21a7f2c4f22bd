"""Records with evidence: faults that a call in the sandbox or the linter shows, made by the corpus's own injection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.tissu.edits.example import PREFIX_LINES, SUFFIX_LINES, Example
from quantatissu.corpus.document import Document
from quantatissu.corpus.synthetic import EditRecord, Evidence, SyntheticSettings, inject

_LINE = 160
SETTINGS = SyntheticSettings.model_validate(
    {
        "mutants_per_function": 3,
        "functions_per_document": 4,
        "bugs_per_document": 3,
        "lint_per_document": 1,
        "document_characters": 60_000,
        "temperature": 1.5,
        "inputs": 24,
        "call_seconds": 0.2,
    }
)


def examples(
    documents: Iterable[Document], seed: int, settings: SyntheticSettings = SETTINGS
) -> Iterator[tuple[str, Example]]:
    """(id of the document, record) for every fault that was shown, in the order of the documents."""
    for record in inject(documents, settings, seed):
        if record.before.count("\n") <= 4 and record.after.count("\n") <= 6:
            yield record.document, of_record(record)


def of_record(record: EditRecord) -> Example:
    """A record of the corpus, cut to the room there is."""
    before = record.context[: record.start].splitlines(keepends=True)
    after = record.context[record.end :].splitlines(keepends=True)
    return Example(
        f"{record.kind} shown by {record.evidence.method}",
        prefix="".join(before[-PREFIX_LINES:]),
        old=record.before,
        suffix="".join(after[:SUFFIX_LINES]),
        new=record.after,
        evidence=evidence_text(record.evidence),
    )


def evidence_text(evidence: Evidence) -> str:
    """What shows a fault, in a few short lines."""
    if evidence.method == "linter":
        return f"{evidence.code} {evidence.message}"[:_LINE]
    asked = evidence.call or evidence.assertion
    parts = [asked, f"expected: {evidence.expected}", f"got: {evidence.actual}"]
    return "\n".join(_short(part) for part in parts if part)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LINE else f"{line[: _LINE * 2 // 3]} ... {line[-_LINE // 4 :]}"
