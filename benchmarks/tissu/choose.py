"""Choose the documents of a corpus build that travel: every repository up to a share, until the room is used up.

    python -m benchmarks.tissu.choose BUILD OUT --tokens 55_000_000 [--apart FOLDER]

Writes shards and the tokenizer to OUT, and OUT/selection.json with what was taken. Large repositories are cut by a
seeded draw of their documents, so that none is more than ``--share`` of all; validation repositories are treated alike.
Copies of the packages whose wheels lie in ``--apart`` are left out (see `apart`).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.tissu.apart import Apart
from benchmarks.tissu.documents import Build, Row, Split
from quantatissu.corpus.shards import ShardWriter
from quantatissu.corpus.synthetic.chances import chance

SPLITS: tuple[Split, ...] = ("train", "validation")
_LARGEST = 60_000  # tokens: longer documents are tables more often than not
_OTHER_LANGUAGES = 0.03  # share of the tokens that need not be Python


def capped(rows: Iterable[Row], cap: int, seed: int) -> list[Row]:
    """Documents in a seeded order, each repository's until it has `cap` tokens; sorted as they came."""
    by_repository: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_repository[row.repository].append(row)
    taken: list[Row] = []
    for repository, some in by_repository.items():
        chance(seed, repository).shuffle(some)
        room = cap
        for row in some:
            if row.tokens <= room:
                room -= row.tokens
                taken.append(row)
    return sorted(taken, key=lambda row: row.number)


def fitting(rows: Sequence[Row], tokens: int, seed: int) -> list[Row]:
    """The largest cap on repositories under which all together stay below `tokens`, to one part in a thousand."""
    low, high = 0, max((row.tokens for row in rows), default=0) * len(rows)
    while high - low > max(low // 1000, 1):
        middle = (low + high) // 2
        if sum(row.tokens for row in capped(rows, middle, seed)) <= tokens:
            low = middle
        else:
            high = middle
    return capped(rows, low, seed)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissu.choose", description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokens", type=int, required=True, help="of the training split, at most")
    parser.add_argument("--apart", type=Path, help="a folder of wheels whose code must not be in it")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    summary: dict[str, object] = {"copies left out": []}
    copies: list[str] = []
    with ShardWriter(options.out / "shards", Build(options.build).tokenizer) as writer:
        for split in SPLITS:
            build = Build(options.build, split)
            rows = [row for row in build.rows() if row.tokens <= _LARGEST]
            if options.apart:
                apart = Apart(options.apart)
                apart.without_usual(build.text(row.number) for row in rows if row.language == "python")
                found = {row.number for row in rows if apart.copied(build.text(row.number))}
                copies += [f"{row.repository}:{row.path}" for row in rows if row.number in found]
                rows = [row for row in rows if row.number not in found]
            most = options.tokens if split == "train" else options.tokens // 80
            python = fitting(
                [row for row in rows if row.language == "python"], int(most * (1 - _OTHER_LANGUAGES)), options.seed
            )
            others = fitting(
                [row for row in rows if row.language != "python"], int(most * _OTHER_LANGUAGES), options.seed
            )
            # Neighbours from one package compress better (by 3%); samples are shuffled when they are read.
            chosen = sorted([*python, *others], key=lambda row: (row.language, row.repository, row.path))
            for row in chosen:
                writer.add_tokens(row.id, build.corpus[row.number][:-1], language=row.language, split=split)
            summary[split] = _described(chosen)
    summary["copies left out"] = copies
    (options.out / "tokenizer.json").write_bytes((options.build / "tokenizer.json").read_bytes())
    (options.out / "selection.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1)[:3000])


def _described(rows: Sequence[Row]) -> dict[str, object]:
    tokens, licences, repositories = Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        tokens[row.language] += row.tokens
        licences[" AND ".join(row.licences)] += row.tokens
        repositories[row.repository] += row.tokens
    return {
        "documents": len(rows),
        "tokens": sum(tokens.values()),
        "repositories": len(repositories),
        "largest repositories": dict(repositories.most_common(10)),
        "languages": dict(tokens.most_common()),
        "licences": dict(licences.most_common(25)),
    }


if __name__ == "__main__":
    main()
