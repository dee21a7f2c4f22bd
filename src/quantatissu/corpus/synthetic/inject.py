"""From documents to records: a stream that can be cut anywhere and resumed at any document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from quantatissu.corpus.document import Document
from quantatissu.corpus.synthetic import execution, lint
from quantatissu.corpus.synthetic.record import EditRecord, Injected
from quantatissu.corpus.synthetic.settings import SyntheticSettings

_BATCH = 64  # documents that share one run of the linter and one interpreter in the sandbox


def inject(
    documents: Iterable[Document],
    settings: SyntheticSettings,
    seed: int,
    *,
    tally: Counter[str] | None = None,
) -> Iterator[EditRecord]:
    """Wrong versions of Python documents without tests, each with its evidence, in the order of the documents.

    The records of a document depend on that document, the settings, the seed, and the versions of Python and ruff; not
    on the documents around it. ``tally`` counts what became of every injection: ``told_apart`` and ``survived`` for
    bugs (``unanswered`` where the interpreter died), ``linted`` and ``unnoticed`` for lint errors; ``documents`` counts
    those looked at.

    Raises QuantaError when ruff is wanted and missing, or the sandbox cannot be built.
    """
    counted = Counter[str]() if tally is None else tally
    if settings.lint:
        lint.find_ruff()
    wanted = (
        document
        for document in documents
        if document.language == "python" and len(document.text) <= settings.document_characters
    )
    while batch := list(islice(wanted, _BATCH)):
        counted["documents"] += len(batch)
        yield from _batch(batch, settings, seed, counted)


def _batch(
    documents: list[Document], settings: SyntheticSettings, seed: int, tally: Counter[str]
) -> Iterator[EditRecord]:
    bugs: list[list[EditRecord]] = [[] for _ in documents]
    lints: list[list[EditRecord]] = [[] for _ in documents]
    if settings.bugs:
        jobs = [(place, job) for place, one in enumerate(documents) for job in _jobs(one, settings, seed)]
        found = execution.told_apart([job for _, job in jobs], settings, tally)
        for (place, _), records in zip(jobs, found, strict=True):
            bugs[place] += records
    if settings.lint:
        edits = [(document, _proposals(document, settings, seed)) for document in documents]
        lints = list(lint.linted(edits, settings, tally))
    for some, others in zip(bugs, lints, strict=True):
        yield from some[: settings.bugs_per_document]
        yield from others


# Code may nest deeper than Python's own recursion goes; such documents are left alone.


def _jobs(document: Document, settings: SyntheticSettings, seed: int) -> list[execution.Job]:
    try:
        return list(execution.jobs_of(document, settings, seed))
    except RecursionError:
        return []


def _proposals(document: Document, settings: SyntheticSettings, seed: int) -> list[Injected]:
    try:
        return lint.proposals(document, settings, seed)
    except RecursionError:
        return []
