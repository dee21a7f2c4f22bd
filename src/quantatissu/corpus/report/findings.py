"""The sections of a report on what was found in files: why they left, duplicates, benchmark problems, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from quantatissu.corpus.report.model import Cluster, Example, Hit, Member, Reason, Report
from quantatissu.corpus.report.words import language_name, place, reason_words, stage_name
from quantatissu.foundation.amounts import count, counted, share, size
from quantatissu.foundation.charts import bar
from quantatissu.foundation.page import Column, Content, Html, Section, block, code, details, element, paragraph, table

_HITS = 100  # tasks named for each benchmark; report.json has more


def reasons(report: Report) -> Section:
    """Why files were dropped, with examples."""
    if not report.reasons:
        return Section("Why files were left out", "No stage left anything out.")
    dropped = sum(reason.dropped.documents for reason in report.reasons)
    most = max(reason.dropped.documents for reason in report.reasons)
    overview = table(
        "Reasons",
        [
            Column("Reason"),
            Column("Stage"),
            Column("Files", "number"),
            Column("Relative number", "bar"),
            Column("Share", "number"),
            Column("Bytes", "number"),
        ],
        (
            (
                reason_words(reason.reason),
                stage_name(reason.stage),
                count(reason.dropped.documents),
                bar([0, reason.dropped.documents], most),
                share(reason.dropped.documents, dropped),
                size(reason.dropped.bytes),
            )
            for reason in report.reasons
        ),
    )
    return Section(
        "Why files were left out",
        "Every reason for which a stage left files out, most frequent first, then a few files for each, to judge with "
        "your own eyes whether the stage was right. Duplicates have a section of their own.",
        [overview, element("h3", "Examples"), [_examples(reason) for reason in report.reasons]],
    )


def _examples(reason: Reason) -> Html:
    aside = element("span", f" {stage_name(reason.stage)}, {counted(reason.dropped.documents, 'file')}", class_="aside")
    return details(
        [reason_words(reason.reason), aside],
        element("ul", (element("li", _example(each)) for each in reason.examples), class_="items"),
    )


def _example(each: Example) -> Content:
    about = [language_name(each.language) if each.language else "", size(each.size), each.detail]
    return [
        place(each),
        element("span", " · ".join(part for part in about if part), class_="note"),
        block(each.excerpt) if each.excerpt.strip() else None,
    ]


def duplicates(report: Report) -> Section:
    """What deduplication removed."""
    found = report.duplicates
    lead = (
        "Files that repeat another one. Of each cluster one file stays, from the source named first in the recipe. "
        "Near duplicates were compared in full: a Jaccard similarity of 1 means that all 5-token pieces are the same."
    )
    if not found.clusters:
        return Section("Duplicates", "No file repeats another one.")
    removed = found.exact + found.near
    most = max(number for _, number in found.sizes)
    sizes = table(
        "Clusters by size",
        [
            Column("Files in the cluster"),
            Column("Clusters", "number"),
            Column("Relative number", "bar"),
        ],
        ((_octave(start), count(number), bar([0, 0, number], most)) for start, number in found.sizes),
    )
    summary = paragraph(
        f"{counted(found.clusters, 'cluster')}; {counted(removed.documents, 'file')} ({size(removed.bytes)}) removed: "
        f"{count(found.exact.documents)} exact and {count(found.near.documents)} near duplicates."
    )
    return Section(
        "Duplicates", lead, [summary, sizes, element("h3", "Largest clusters"), [_cluster(c) for c in found.largest]]
    )


def _octave(start: int) -> str:
    return "2 or 3" if start == 2 else f"{count(start)} to {count(2 * start - 1)}"


def _cluster(cluster: Cluster) -> Html:
    kept, others = cluster.members[0], cluster.members[1:]
    more = cluster.documents - len(cluster.members)
    aside = element("span", f" {counted(cluster.documents, 'file')} alike, {size(kept.size)}", class_="aside")

    def row(member: Member) -> tuple[Content, ...]:
        similarity = "" if member.kind == "kept" else f"{member.jaccard:.2f}"
        return place(member), member.kind, similarity, size(member.size)

    members = table(
        "Kept, and some of the files that repeat it",
        [Column("File"), Column("What it is"), Column("Jaccard", "number"), Column("Size", "number")],
        map(row, (kept, *others)),
    )
    rest = paragraph(f"And {counted(more, 'more file')}.", note=True) if more else None
    return details([code(kept.path), aside], members, rest)


def benchmarks(report: Report) -> Section:
    """Which benchmark problems turned up in the sources."""
    if not report.hits:
        return Section("Benchmark problems", _nothing_hit(report))
    return Section(
        "Benchmark problems",
        "Tasks of evaluation benchmarks that turned up in the sources, and where. What matched is not in the corpus: "
        "the file was left out, or where it says so just the function was cut out of it and the rest stayed.",
        [_benchmark(name, list(hits)) for name, hits in groupby(report.hits, key=lambda hit: hit.benchmark)],
    )


def _nothing_hit(report: Report) -> str:
    settings = report.recipe.get("decontaminate")
    if isinstance(settings, Mapping) and settings.get("folder"):
        return f"No problem of the benchmarks in {settings['folder']} was found in the files."
    return (
        "The files were not compared with any benchmark: the recipe names no folder under decontaminate. Scores of a "
        "model trained on this corpus may owe something to answers it has seen."
    )


def _benchmark(name: str, hits: list[Hit]) -> Content:
    rows = (
        (
            hit.task or "(whole)",
            reason_words(hit.reason),
            count(hit.documents),
            [element("div", place(example)) for example in hit.examples],
        )
        for hit in hits[:_HITS]
    )
    tasks = len({hit.task for hit in hits})
    hidden = len(hits) - _HITS
    return [
        element("h3", name or "(unnamed)"),
        table(
            f"{counted(tasks, 'task')}, {counted(sum(hit.documents for hit in hits), 'match', 'matches')}",
            [Column("Task"), Column("How it matched"), Column("Files", "number"), Column("Found in")],
            rows,
        ),
        paragraph(f"And {counted(hidden, 'more row')} in report.json.", note=True) if hidden > 0 else None,
    ]


def secrets(report: Report) -> Section:
    """Secrets and personal data that were taken out, by kind. Never what they were."""
    if not report.redactions:
        return Section("Secrets taken out", "No secrets were found in the files in the shards.")
    most = report.redactions[0].found
    return Section(
        "Secrets taken out",
        "Credentials and personal data that were replaced by placeholders in files of the shards, by kind. What they "
        "were is recorded nowhere.",
        table(
            "Redactions by kind",
            [
                Column("Kind"),
                Column("Redactions", "number"),
                Column("Files", "number"),
                Column("Relative number", "bar"),
            ],
            (
                (code(line.kind), count(line.found), count(line.documents), bar([0, line.found], most))
                for line in report.redactions
            ),
        ),
    )
