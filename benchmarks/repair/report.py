"""Sum up the results of a run: shares with their intervals, by kind, package and rank."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
CORES = 2  # what the tool has on the machines that the figures are from


def wilson(successes: int, trials: int, *, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval for a share (E. B. Wilson, 1927), by default at 95%.

    centre = (p + z^2/2n) / (1 + z^2/n), half = z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n). (0, 1) without trials.
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; nan without values."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def interval(successes: int, trials: int) -> str:
    """``12 of 20  60.0% [38.7, 78.1]``."""
    if not trials:
        return "0 of 0"
    low, high = wilson(successes, trials)
    return f"{successes} of {trials}  {100 * successes / trials:.1f}% [{100 * low:.1f}, {100 * high:.1f}]"


def correct(records: Sequence[Record]) -> int:
    return sum(record["verdict"] == "correct" for record in records)


def plausible(records: Sequence[Record]) -> int:
    """Tasks with a patch that passes every visible test, whether or not the hidden ones agree."""
    return sum(record["verdict"] in ("correct", "plausible") for record in records)


def report(records: Sequence[Record], *, operators: bool = False) -> str:
    """The whole report as text."""
    lines = [
        f"tasks            {len(records)}",
        f"correct          {interval(correct(records), len(records))}",
        f"plausible        {interval(plausible(records), len(records))}",
    ]
    for title, key in (("source", "source"), ("kind", "kind"), ("shows in", "stage"), ("package", "package")):
        lines += ["", *_breakdown(title, key, records)]
    lines += ["", *_ranks(records), "", *_effort(records), "", *_fresh(records), "", *_breaches(records)]
    if operators:
        lines += ["", *_operators(records)]
    return "\n".join(lines)


def _breakdown(title: str, key: str, records: Sequence[Record]) -> list[str]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(str(record[key]), []).append(record)
    lines = [f"{title:<16} {'correct':<32} plausible"]
    for name, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        lines.append(f"  {name:<14} {interval(correct(members), len(members)):<32} {plausible(members)}")
    return lines


def _ranks(records: Sequence[Record]) -> list[str]:
    places = Counter(record["rank"] for record in records if record["verdict"] in ("correct", "plausible"))
    lines = ["place of the correct patch among those offered"]
    lines += [f"  {place:<14} {places[place]}" for place in sorted(place for place in places if place)]
    if places[None]:
        lines.append(f"  {'not offered':<14} {places[None]}")
    found = [record["found_at"] or record["candidates_tried"] for record in records if record["status"] == "fixed"]
    lines.append("candidates until the patch offered")
    for low, high in ((1, 10), (11, 100), (101, 1000), (1001, 10_000), (10_001, None)):
        count = sum(low <= number and (high is None or number <= high) for number in found)
        lines.append(f"  {f'{low} to {high}' if high else f'{low} and more':<14} {count}")
    return lines


def _effort(records: Sequence[Record]) -> list[str]:
    rows = {
        "seconds, fixed": [record["seconds"] for record in records if record["status"] == "fixed"],
        "seconds, all": [record["seconds"] for record in records],
        "candidates tried": [record["candidates_tried"] for record in records],
        "candidates/s": [record["candidates_per_second"] for record in records if record["candidates_tried"]],
    }
    return [f"{'':<18} {'median':>9} {'90%':>9}"] + [
        f"{name:<18} {quantile(values, 0.5):>9.1f} {quantile(values, 0.9):>9.1f}" for name, values in rows.items()
    ]


def _fresh(records: Sequence[Record]) -> list[str]:
    """What became of the same searches if every candidate were tried in a fresh process, on as many cores."""
    known = [record for record in records if record.get("fresh_seconds")]
    fixed = [record for record in known if record["status"] == "fixed" and record["found_at"]]
    in_time = sum(CORES * record["limit"] >= record["found_at"] * record["fresh_seconds"] for record in fixed)
    lines = ["with a fresh process for each candidate"]
    if not known:
        return [*lines, "  not measured"]
    took = quantile([record["fresh_seconds"] for record in known], 0.5)
    return [
        *lines,
        f"  {took:.2f} s a candidate (median), {CORES / took:.1f} candidates/s on {CORES} cores",
        f"  {in_time} of the {len(fixed)} patches offered would have been reached in the same time",
    ]


def _breaches(records: Sequence[Record]) -> list[str]:
    false_claims = [record["task"] for record in records if record["false_claim"]]
    touched = [f"{record['task']}: {', '.join(record['touched'])}" for record in records if record["touched"]]
    problems = [f"{record['task']}: {problem}" for record in records for problem in record["problems"]]
    lines = [f"false claims     {len(false_claims)}", *(f"  {line}" for line in false_claims)]
    lines += [f"touched tests    {len(touched)}", *(f"  {line}" for line in touched)]
    return [*lines, f"problems         {len(problems)}", *(f"  {line}" for line in problems)]


def _operators(records: Sequence[Record]) -> list[str]:
    """Which rewriting operators made the patches; one that made no correct patch has not earned its row yet."""
    solved: dict[str, Counter[str]] = {}
    for record in records:
        for name in set(record["operators"]):
            solved.setdefault(name, Counter())[record["verdict"]] += 1
    lines = [f"{'operator':<34} {'correct':>8} {'plausible':>10} {'wrong':>6}"]
    for name, counts in sorted(solved.items(), key=lambda item: (-item[1]["correct"], item[0])):
        lines.append(f"  {name:<32} {counts['correct']:>8} {counts['plausible']:>10} {counts['wrong']:>6}")
    return lines if solved else [*lines, "  the tool named none"]
