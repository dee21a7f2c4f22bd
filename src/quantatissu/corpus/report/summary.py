"""A build folder summed up into a `Report`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantatissu.corpus.report.build import Build, date_span, open_build
from quantatissu.corpus.report.clusters import read_clusters
from quantatissu.corpus.report.contamination import read_hits
from quantatissu.corpus.report.dropped import Dropped, read_dropped
from quantatissu.corpus.report.kept import Kept, read_kept
from quantatissu.corpus.report.lengths import empty, lengths, quantile
from quantatissu.corpus.report.model import Amount, Duplicates, LanguageLine, Report, SourceLine, Split, Step
from quantatissu.corpus.report.synthetic import read_synthetic

EXACT, NEAR, LEFT = "exact duplicates", "near duplicates", "not in shards"
# As the pipeline runs them; a stage that is not named here comes before deduplication.
_STAGES = (
    "read",
    "decode",
    "reserved",
    "language",
    "licence",
    "generated",
    "quality",
    "parse",
    "secrets",
    "decontaminate",
)
_LAST = (EXACT, NEAR, LEFT)
_NAMED = 5  # repositories of a split


@dataclass(frozen=True, slots=True)
class _Lot:
    """Documents alike: where they came from, and the step that took them out (None: they are in a split)."""

    source: str
    language: str
    step: str | None
    amount: Amount
    split: str = ""
    tokens: int = 0


def summary(folder: Path) -> Report:
    """What the corpus in `folder` is. Goes through the folder's tables but for the texts, a piece at a time, in memory
    that does not grow with the corpus. QuantaError when there is no finished build.
    """
    build = open_build(folder)
    dropped, kept = read_dropped(build), read_kept(build)
    octaves, largest = read_clusters(build)
    lots = [*_lots_dropped(dropped), *_lots_kept(kept)]
    lost = _amounts((lot.step, lot) for lot in lots if lot.step)
    recipe = build.manifest.get("recipe", {})
    return Report(
        name=str(recipe.get("name", folder.name)),
        recipe_hash=str(build.manifest.get("recipe_hash", "")),
        recipe=recipe,
        versions=build.manifest.get("versions", {}),
        read=_total(lots),
        kept=_total(lot for lot in lots if not lot.step),
        tokens=sum(lot.tokens for lot in lots),
        sources=tuple(_sources(build, lots)),
        repositories=kept.repositories,
        funnel=tuple(_funnel(_total(lots), lost)),
        languages=_languages(lots, kept),
        reasons=dropped.reasons,
        licences=kept.licences,
        file_bytes=lengths(sum(kept.file_bytes.values(), empty())),
        file_tokens=lengths(kept.file_tokens),
        duplicates=Duplicates(
            exact=lost.get(EXACT, Amount()),
            near=lost.get(NEAR, Amount()),
            clusters=sum(octaves.values()),
            sizes=tuple(octaves.items()),
            largest=largest,
        ),
        hits=read_hits(build),
        redactions=kept.redactions,
        splits=tuple(_splits(build, kept, lots)),
        synthetic=read_synthetic(build),
    )


def _lots_dropped(dropped: Dropped) -> Iterator[_Lot]:
    for row in dropped.counts:
        amount = Amount(row["documents"], row["bytes"])
        yield _Lot(row["source"], row["language"] or "unknown", row["stage"], amount)


def _lots_kept(kept: Kept) -> Iterator[_Lot]:
    steps = {"exact": EXACT, "near": NEAR}
    for row in kept.cells:
        amount, split = Amount(row["documents"], row["bytes"]), row["split"]
        step = None if split else steps.get(row["kind"], LEFT)
        yield _Lot(row["source"], row["language"] or "unknown", step, amount, split or "", row["tokens"] or 0)


def _total(lots: Iterable[_Lot]) -> Amount:
    return sum((lot.amount for lot in lots), Amount())


def _amounts(keyed: Iterable[tuple[str, _Lot]]) -> dict[str, Amount]:
    amounts: dict[str, Amount] = defaultdict(Amount)
    for key, lot in keyed:
        amounts[key] += lot.amount
    return dict(amounts)


def _ordered(stages: Iterable[str]) -> list[str]:
    """Stages in the order in which documents meet them."""
    order = {stage: place for place, stage in enumerate(_STAGES)}
    order |= {stage: len(_STAGES) + 1 + place for place, stage in enumerate(_LAST)}
    return sorted(stages, key=lambda stage: (order.get(stage, len(_STAGES)), stage))


def _funnel(read: Amount, lost: Mapping[str, Amount]) -> Iterator[Step]:
    left = read
    for stage in _ordered(lost):
        left = Amount(left.documents - lost[stage].documents, left.bytes - lost[stage].bytes)
        yield Step(stage, lost[stage], left)


def _languages(lots: Iterable[_Lot], kept: Kept) -> tuple[LanguageLine, ...]:
    by_language: dict[str, list[_Lot]] = defaultdict(list)
    for lot in lots:
        by_language[lot.language].append(lot)
    lines = []
    for language, own in by_language.items():
        lost = _amounts((lot.step, lot) for lot in own if lot.step)
        sizes = kept.file_bytes.get(language, empty())
        lines.append(
            LanguageLine(
                language=language,
                read=_total(own),
                dropped={stage: lost[stage] for stage in _ordered(lost)},
                kept=_total(lot for lot in own if not lot.step),
                tokens=sum(lot.tokens for lot in own),
                median_bytes=quantile(sizes, 0.5),
                largest_tenth_bytes=quantile(sizes, 0.9),
            )
        )
    return tuple(sorted(lines, key=lambda line: (-line.kept.bytes, -line.read.bytes, line.language)))


def _sources(build: Build, lots: Iterable[_Lot]) -> Iterator[SourceLine]:
    by_source: dict[str, list[_Lot]] = defaultdict(list)
    for lot in lots:
        by_source[lot.source].append(lot)
    described: Mapping[str, Any] = build.manifest.get("sources", {})
    for name in sorted({*by_source, *described}):
        own = by_source[name]
        oldest, newest = date_span(build, name)
        yield SourceLine(
            name=name,
            described={key: str(value) for key, value in sorted(described.get(name, {}).items())},
            groups=build.groups(name),
            read=_total(own),
            kept=_total(lot for lot in own if not lot.step),
            oldest=oldest,
            newest=newest,
        )


def _splits(build: Build, kept: Kept, lots: Iterable[_Lot]) -> Iterator[Split]:
    by_split: dict[str, list[_Lot]] = defaultdict(list)
    for lot in lots:
        if not lot.step:
            by_split[lot.split].append(lot)
    for name, own in sorted(by_split.items(), key=lambda item: (-sum(lot.tokens for lot in item[1]), item[0])):
        repositories = kept.splits.get(name, ())
        tokens = sum(lot.tokens for lot in own)
        yield Split(name, _total(own), tokens, build.shards(name), len(repositories), repositories[:_NAMED])
