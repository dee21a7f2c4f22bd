"""The sections of a report on what is in the shards: licences, lengths, tokens, and synthetic records beside them."""

from __future__ import annotations

from collections.abc import Callable

from quantatissu.corpus.report.model import Lengths, Report, Synthetic, Wrong
from quantatissu.corpus.report.words import language_name, place, reason_words
from quantatissu.foundation.amounts import count, counted, share, size
from quantatissu.foundation.charts import Bin, bar, columns, side_by_side
from quantatissu.foundation.page import Column, Content, Html, Section, block, details, element, table

_LICENCES = 25
_OPERATORS = 8
_LINES = 30


def licences(report: Report) -> Section:
    """Under which licences the corpus stands."""
    shown, others = report.licences[:_LICENCES], report.licences[_LICENCES:]
    rows = [(_licence(line.licences), line.kept.documents, line.kept.bytes) for line in shown]
    if others:
        rows.append(
            (
                counted(len(others), "other combination"),
                sum(line.kept.documents for line in others),
                sum(line.kept.bytes for line in others),
            )
        )
    return Section(
        "Licences",
        "The licences of the files in the shards, as SPDX identifiers. A row with several stands for files to which "
        "each of them may apply. The licence of every single file is in provenance.parquet.",
        table(
            "Files by licence",
            [
                Column("Licences"),
                Column("Files", "number"),
                Column("Bytes", "number"),
                Column("Share of the corpus's bytes", "bar"),
                Column("", "number"),
            ],
            (
                (name, count(files), size(volume), bar([volume], report.kept.bytes), share(volume, report.kept.bytes))
                for name, files, volume in rows
            ),
        ),
    )


def _licence(names: tuple[str, ...]) -> str:
    return " + ".join(names) or "None known"


def file_lengths(report: Report) -> Section:
    """How long the files in the shards are."""
    charts = side_by_side(
        _distribution(
            report.file_bytes,
            "Size of a file",
            "bytes (1k is 1,024), doubling from column to column",
            size,
        ),
        _distribution(
            report.file_tokens,
            "Tokens in a file",
            "tokens (1k is 1,024), doubling from column to column",
            count,
        ),
    )
    return Section(
        "Lengths",
        "How long the files in the shards are. The scale doubles from column to column, so equal distances are equal "
        "ratios; a file stands in the column whose left edge it reaches.",
        charts,
    )


def _distribution(lengths: Lengths, caption: str, across: str, shown: Callable[[int], str]) -> Html:
    bins = [
        Bin(_binary(start), documents, f"{shown(start)} to {shown(2 * start)}: {counted(documents, 'file')}")
        for start, documents in lengths.bins
    ]
    summary = (
        f"Half are no longer than {shown(lengths.median)}, nine in ten than {shown(lengths.largest_tenth)}, "
        f"99 in 100 than {shown(lengths.largest_hundredth)}."
    )
    return columns(bins, caption=caption, across=across, upwards="number of files", summary=summary)


def _binary(number: int) -> str:
    """A power of two at a column's edge: ``512``, ``4k``, ``1M`` (in steps of 1024)."""
    for letter, scale in (("G", 1 << 30), ("M", 1 << 20), ("k", 1 << 10)):
        if number >= scale:
            return f"{number // scale}{letter}"
    return str(number)


def tokens(report: Report) -> Section:
    """Splits, and what a token is worth in each language."""
    splits = table(
        "Splits",
        [
            Column("Split"),
            Column("Repositories", "number"),
            Column("Largest"),
            Column("Files", "number"),
            Column("Bytes", "number"),
            Column("Tokens", "number"),
            Column("Share of tokens", "bar"),
            Column("", "number"),
            Column("Shards", "number"),
        ],
        (
            (
                split.name,
                count(split.repositories),
                ", ".join(split.largest),
                count(split.kept.documents),
                size(split.kept.bytes),
                count(split.tokens),
                bar([split.tokens], report.tokens),
                share(split.tokens, report.tokens),
                count(split.shards),
            )
            for split in report.splits
        ),
    )
    spoken = [line for line in report.languages if line.tokens]
    best = max((line.bytes_per_token for line in spoken), default=0.0)
    by_language = table(
        "Tokens by language",
        [
            Column("Language"),
            Column("Tokens", "number"),
            Column("Share", "number"),
            Column("Bytes per token", "bar"),
            Column("", "number"),
            Column("Median file", "number"),
            Column("Nine in ten below", "number"),
        ],
        (
            (
                language_name(line.language),
                count(line.tokens),
                share(line.tokens, report.tokens),
                bar([line.bytes_per_token], best),
                f"{line.bytes_per_token:.2f}",
                size(line.median_bytes),
                size(line.largest_tenth_bytes),
            )
            for line in spoken
        ),
    )
    held_out = (
        "Validation holds whole repositories: no file of theirs is in training. "
        if any(split.name == "validation" for split in report.splits)
        else "Nothing is held out: the recipe asks for none, or there are too few repositories to spare a whole one. "
    )
    return Section(
        "Tokens and splits",
        f"What training sees. {held_out}Bytes per token say how well the tokenizer fits a language: where they are "
        "low, the same code costs more tokens, time and context.",
        [splits, by_language],
    )


def synthetic(report: Report) -> Section:
    """Programs made wrong on purpose, with what shows it."""
    ways = table(
        "Records",
        [
            Column("Kind"),
            Column("Shown to be wrong by"),
            Column("Records", "number"),
            Column("Most frequent operators"),
        ],
        (
            (
                reason_words(line.kind),
                line.method,
                count(line.records),
                ", ".join(f"{name} ({count(number)})" for name, number in list(line.operators.items())[:_OPERATORS]),
            )
            for line in report.synthetic
        ),
    )
    return Section(
        "Synthetic records",
        "Right programs that were made wrong on purpose, each with its correction and the evidence that it is wrong: "
        "a failing test, a call with another result, or a linter's message. They are for training repair, and lie "
        "beside the shards.",
        [ways, [_wrongs(line) for line in report.synthetic]],
    )


def _wrongs(line: Synthetic) -> Html:
    aside = element("span", f"{line.method}, {counted(line.records, 'record')}", class_="aside")
    return details(
        [f"Examples: {line.kind}", aside],
        element("ul", (element("li", _wrong(w)) for w in line.examples), class_="items"),
    )


def _wrong(each: Wrong) -> Content:
    lines = [f"- {line}" for line in each.before.splitlines()] + [f"+ {line}" for line in each.after.splitlines()]
    return [
        place(each),
        element("span", " · ".join(part for part in (each.operator, each.evidence[:300]) if part), class_="note"),
        block("\n".join(lines[:_LINES])),
    ]
