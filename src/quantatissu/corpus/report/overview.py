"""The sections of a report on the way from sources to shards: sources, the funnel of stages, languages."""

from __future__ import annotations

from collections.abc import Mapping

from quantatissu.corpus.report.model import Amount, Report, SourceLine
from quantatissu.corpus.report.words import language_name, stage_name, stage_takes
from quantatissu.foundation.amounts import count, share, size
from quantatissu.foundation.charts import bar, legend
from quantatissu.foundation.page import (
    Column,
    Content,
    Html,
    Section,
    code,
    details,
    element,
    join,
    table,
)

# What a source says of itself for machines; shown with the recipe.
_IDENTITY = ("groups", "fingerprint")
_DUPLICATES = ("exact duplicates", "near duplicates")


def sources(report: Report) -> Section:
    """Where the files came from, and who gave most."""
    lines = table(
        "Sources",
        [
            Column("Source"),
            Column("What it is"),
            Column("Dated"),
            Column("Files read", "number"),
            Column("Bytes read", "number"),
            Column("Bytes kept", "number"),
            Column("Kept", "number"),
        ],
        (
            (
                line.name,
                _described(line),
                _dated(line),
                count(line.read.documents),
                size(line.read.bytes),
                size(line.kept.bytes),
                share(line.kept.bytes, line.read.bytes),
            )
            for line in report.sources
        ),
    )
    givers = table(
        "Largest contributors to the shards",
        [
            Column("Package, repository or data set"),
            Column("Files", "number"),
            Column("Bytes", "number"),
            Column("Share of the corpus's bytes", "bar"),
            Column("", "number"),
        ],
        (
            (
                repository.name or "(no name)",
                count(repository.kept.documents),
                size(repository.kept.bytes),
                bar([repository.kept.bytes], report.kept.bytes),
                share(repository.kept.bytes, report.kept.bytes),
            )
            for repository in report.repositories
        ),
    )
    return Section(
        "Where it comes from",
        "Every source of the recipe with what was read from it and what of that is in the corpus, then the packages "
        "and repositories that weigh most. Where one of them dominates, so will its style.",
        [lines, givers if report.repositories else None],
    )


def funnel(report: Report) -> Section:
    """What each stage took out."""
    rows: list[list[Content]] = [
        ["Files that the sources gave", "", "", count(report.read.documents), _left(report, report.read), "100%"]
    ]
    rows += [
        [
            _stage(step.stage),
            f"−{count(step.dropped.documents)}",
            f"−{size(step.dropped.bytes)}",
            count(step.left.documents),
            _left(report, step.left, step.dropped),
            share(step.left.bytes, report.read.bytes),
        ]
        for step in report.funnel
    ]
    heads = [
        Column("Stage and what it leaves out"),
        Column("Files out", "number"),
        Column("Bytes out", "number"),
        Column("Files left", "number"),
        Column("Bytes left and taken out", "bar"),
        Column("Bytes left", "number"),
    ]
    return Section(
        "From files to shards",
        "A file meets the stages from top to bottom and leaves at the first that objects. A long orange piece marks a "
        "stage that took out much.",
        [legend(["left after the stage", "taken out by the stage"]), table("Stages in order", heads, rows)],
    )


def _stage(stage: str) -> Content:
    takes = stage_takes(stage)
    return [stage_name(stage), element("span", f": {takes}", class_="aside") if takes else None]


def _left(report: Report, left: Amount, dropped: Amount | None = None) -> Html:
    return bar([left.bytes, dropped.bytes if dropped else 0], report.read.bytes)


def languages(report: Report) -> Section:
    """Each language's way through the stages."""
    stages = [step.stage for step in report.funnel]
    main = table(
        "Languages",
        [
            Column("Language"),
            Column("Files read", "number"),
            Column("Files kept", "number"),
            Column("Bytes kept", "number"),
            Column("Of its bytes: kept, filtered, duplicate", "bar"),
            Column("Kept", "number"),
            Column("Share of corpus", "number"),
        ],
        (
            (
                language_name(line.language),
                count(line.read.documents),
                count(line.kept.documents),
                size(line.kept.bytes),
                bar(_kept_filtered_duplicate(line.kept, line.dropped), line.read.bytes),
                share(line.kept.bytes, line.read.bytes),
                share(line.kept.bytes, report.kept.bytes),
            )
            for line in report.languages
        ),
    )

    def matrix(title: str, unit: str) -> Html:
        show = count if unit == "documents" else size
        return table(
            title,
            [Column("Language"), *(Column(head, "number") for head in ("Read", *map(stage_name, stages), "Kept"))],
            (
                (
                    language_name(line.language),
                    show(getattr(line.read, unit)),
                    *(show(getattr(line.dropped[s], unit)) if s in line.dropped else "·" for s in stages),
                    show(getattr(line.kept, unit)),
                )
                for line in report.languages
            ),
        )

    return Section(
        "Languages",
        "What was read and what was kept in each language, largest first. Files that left before their language was "
        "told stand under Unknown.",
        [
            legend(["kept", "filtered out", "duplicate"]),
            main,
            details("Files that left at each stage, by language", matrix("Files by language and stage", "documents")),
            details("Bytes that left at each stage, by language", matrix("Bytes by language and stage", "bytes")),
        ],
    )


def _kept_filtered_duplicate(kept: Amount, dropped: Mapping[str, Amount]) -> tuple[int, int, int]:
    filtered = sum(amount.bytes for stage, amount in dropped.items() if stage not in _DUPLICATES)
    return kept.bytes, filtered, sum(dropped[stage].bytes for stage in _DUPLICATES if stage in dropped)


def _described(line: SourceLine) -> Content:
    told = [(key, value) for key, value in line.described.items() if value and key not in {"kind", *_IDENTITY}]
    parts: list[Content] = [
        line.described.get("kind", ""),
        *(element("span", f"{key} ", code(value)) for key, value in told),
    ]
    return join(filter(None, parts), separator=element("br"))


def _dated(line: SourceLine) -> Content:
    if not line.newest:
        return "unknown"
    return line.newest if line.oldest == line.newest else [line.oldest, " to", element("br"), line.newest]
