"""A report as a page."""

from __future__ import annotations

import json

from quantatissu.corpus.report import contents, findings, overview
from quantatissu.corpus.report.model import Report
from quantatissu.corpus.report.words import language_name
from quantatissu.foundation.amounts import count, counted, share, short, size
from quantatissu.foundation.page import Column, Content, Section, block, code, details, facts, page, paragraph, table


def report_page(report: Report) -> str:
    """The whole HTML document."""
    sections = [
        overview.sources(report),
        overview.funnel(report),
        overview.languages(report),
        findings.reasons(report),
        contents.licences(report),
        contents.file_lengths(report),
        findings.duplicates(report),
        findings.benchmarks(report),
        findings.secrets(report),
        contents.tokens(report),
        _making(report),
    ]
    if report.synthetic:
        sections.insert(-1, contents.synthetic(report))
    return page(
        f"Corpus {report.name}",
        [paragraph(_gist(report)), facts(_facts(report))],
        sections,
        kicker="QuantaTissu corpus report",
        footer="Sizes are those of the files as read, in decimal units (1 MB is 1,000,000 bytes). Control characters "
        "in texts are written as escapes.",
    )


def _gist(report: Report) -> str:
    """The corpus in two or three sentences."""
    top = [language_name(line.language) for line in report.languages if line.kept.bytes][:3]
    made_of = f", mostly {_listed(top)}" if len(top) > 1 else f", in {top[0]}" if top else ""
    return (
        f"{counted(report.read.documents, 'file')} ({size(report.read.bytes)}) were read from "
        f"{counted(len(report.sources), 'source')}. {count(report.kept.documents)} of them "
        f"({share(report.kept.documents, report.read.documents)}; {share(report.kept.bytes, report.read.bytes)} of the "
        f"bytes) are in the training shards{made_of}."
    )


def _facts(report: Report) -> list[tuple[str, Content, Content]]:
    kept, removed = report.kept, report.duplicates.exact + report.duplicates.near
    per_token = f"{kept.bytes / report.tokens:.2f} bytes each" if report.tokens else "no shards yet"
    tasks = len({(hit.benchmark, hit.task) for hit in report.hits})
    redactions = sum(line.found for line in report.redactions)
    return [
        ("Tokens", short(report.tokens), per_token),
        ("Files", _figure(kept.documents), f"of {_figure(report.read.documents)} read"),
        ("Source code", size(kept.bytes), f"of {size(report.read.bytes)} read"),
        ("Duplicates removed", _figure(removed.documents), f"in {counted(report.duplicates.clusters, 'cluster')}"),
        ("Benchmark tasks hit", count(tasks), "and taken out" if tasks else "none found"),
        ("Secrets taken out", _figure(redactions), f"of {counted(len(report.redactions), 'kind')}"),
    ]


def _figure(number: int) -> str:
    """A number in full as long as it is easily read."""
    return count(number) if number < 100_000 else short(number)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _making(report: Report) -> Section:
    """Recipe, versions and identities: what it takes to build the same again."""
    inputs = table(
        "Inputs",
        [Column("Source"), Column("Groups of files", "number"), Column("Fingerprint of the inputs")],
        ((line.name, count(line.groups), code(line.described.get("fingerprint", "–"))) for line in report.sources),
    )
    versions = table(
        "Versions of the tools",
        [Column("Tool"), Column("Version")],
        sorted((k, str(v)) for k, v in report.versions.items()),
    )
    recipe = json.dumps(report.recipe, indent=2, ensure_ascii=False)
    return Section(
        "How it was made",
        "The same recipe over inputs with the same fingerprints, with these versions, gives the same bytes. Where "
        "every single document came from is in provenance.parquet.",
        [
            paragraph("Hash of the recipe: ", code(report.recipe_hash)) if report.recipe_hash else None,
            inputs,
            versions if report.versions else None,
            details("The resolved recipe, defaults included", block(recipe, label="Resolved recipe")),
        ],
    )
