"""Make the edit records of a corpus build.

    python -m benchmarks.tissu.edits.build BUILD OUT --releases FOLDER --selection FILE [--documents N] [--run N]

Records come from the build's own Python documents (validation documents give the validation split) and from consecutive
releases in ``--releases``, but for packages that validation documents are from. OUT gets shards in the build's
vocabulary, and OUT/summary.json. What each piece of work gave is kept in OUT/work: a call that was cut off goes on
there, and one with more documents adds to it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from packaging.version import Version

from benchmarks.tissu.choose import SPLITS, capped
from benchmarks.tissu.documents import Build, Row, Split
from benchmarks.tissu.edits import executed, injected, releases
from benchmarks.tissu.edits.encode import LANGUAGE, Encoder, identity
from benchmarks.tissu.edits.example import Example
from benchmarks.tissu.fetch import normal
from quantatissu.corpus.document import Document, Origin
from quantatissu.corpus.shards import ShardWriter
from quantatissu.corpus.synthetic.chances import chance
from quantatissu.tokenizer import Ids

_LONGEST = 1000  # tokens of a record: what fits a training sample whole
_PER_DOCUMENT = 4
_PER_RELEASE = 120
_CHUNK = 64
_REPOSITORY_TOKENS = 400_000  # of one repository's documents that records are made of


@dataclass(frozen=True, slots=True)
class Made:
    """A record with its split and encoded tokens."""

    id: str
    kind: str
    split: Split
    tokens: bytes
    evidence: bool


@dataclass(frozen=True, slots=True)
class Job:
    """Some documents of a build, and how to make records of them."""

    folder: Path
    split: Split
    rows: tuple[Row, ...]
    run: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two consecutive releases of a package, for the vocabulary of a build."""

    folder: Path
    older: Path
    newer: Path
    seed: int


def key_of(job: Job | Pair) -> str:
    """What a job's file is called: the same for the same work."""
    parts = (
        [job.split, job.run, *(row.id for row in job.rows)]
        if isinstance(job, Job)
        else [job.older.name, job.newer.name]
    )
    return hashlib.blake2b(repr((parts, job.seed)).encode(), digest_size=12).hexdigest()


def carry_out(task: tuple[Job | Pair, Path]) -> None:
    """Do a job and write its records to a file, which appears whole or not at all."""
    job, path = task
    found = of_documents(job) if isinstance(job, Job) else of_release(job)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(pickle.dumps(found))
    temporary.replace(path)


@lru_cache(maxsize=2)
def _build(folder: Path, split: Split) -> Build:
    return Build(folder, split)


def of_documents(job: Job) -> list[Made]:
    """The records of one job."""
    build = _build(job.folder, job.split)
    encoder = Encoder(build.tokenizer)
    found: Iterable[Example]
    if job.run:
        documents = [
            Document(row.id, Origin("", row.repository, "", row.path), build.text(row.number), 0, language="python")
            for row in job.rows
        ]
        found = (example for _, example in executed.examples(documents, job.seed))
    else:
        found = (
            example
            for row in job.rows
            for example in injected.examples(row.id, build.text(row.number), _PER_DOCUMENT, job.seed)
        )
    return [_made(example, job.split, encoder) for example in found]


def of_release(job: Pair) -> list[Made]:
    """The records of two consecutive releases."""
    encoder = Encoder(_build(job.folder, "train").tokenizer)
    found = [example for _, example in releases.examples(job.older, job.newer, job.seed)]
    chance(job.seed, job.newer.name).shuffle(found)
    return [_made(example, "train", encoder) for example in found[:_PER_RELEASE]]


def _made(example: Example, split: Split, encoder: Encoder) -> Made:
    return Made(identity(example), example.kind, split, encoder(example).tobytes(), bool(example.evidence))


def jobs(folder: Path, *, documents: int, run: int, without: frozenset[str], seed: int) -> Iterator[Job]:
    """All work on a build's documents: at most `documents` by rewriting alone, and `run` others that are executed.

    `without`: documents to leave alone, each as ``repository:path``.
    """
    for split in SPLITS:
        rows = [
            row
            for row in Build(folder, split).rows()
            if row.language == "python" and f"{row.repository}:{row.path}" not in without
        ]
        rows = capped(rows, _REPOSITORY_TOKENS, seed)
        chance(seed, split).shuffle(rows)
        share = 1.0 if split == "train" else 0.04
        plain, ran = int(documents * share), int(run * share)
        # From both ends, so that asking for more of either repeats no work.
        for number, some in enumerate((rows[: min(plain, len(rows) - ran)], rows[::-1][:ran])):
            stream = iter(some)
            while chunk := tuple(islice(stream, _CHUNK)):
                yield Job(folder, split, chunk, number == 1, seed)


def copies(selection: Path | None) -> frozenset[str]:
    """The documents that `choose` left out, each as ``repository:path``; none without its selection.json."""
    return frozenset(json.loads(selection.read_text())["copies left out"]) if selection else frozenset()


def release_pairs(folder: Path, build: Path, seed: int) -> list[Pair]:
    """Neighbouring releases of each package that the build has not in its validation split."""
    held = {normal(row.repository) for row in Build(build, "validation").rows()}
    found: dict[str, list[Path]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        found.setdefault(normal(re.split("-", wheel.name)[0]), []).append(wheel)
    pairs: list[Pair] = []
    for name, wheels in sorted(found.items()):
        wheels.sort(key=lambda wheel: Version(wheel.name.split("-")[1]))
        if name not in held:
            pairs += [Pair(build, older, newer, seed) for older, newer in pairwise(wheels)]
    return pairs


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissu.edits.build", description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--releases", type=Path)
    parser.add_argument("--selection", type=Path, help="selection.json of `choose`: copies found there are left out")
    parser.add_argument("--documents", type=int, default=30_000, help="documents that faults are written into")
    parser.add_argument("--run", type=int, default=6_000, help="further documents, whose faults are shown by running")
    parser.add_argument("--tokens", type=int, default=1 << 62, help="of the records in the training split, at most")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    without = copies(options.selection)
    work: list[Job | Pair] = list(
        jobs(options.build, documents=options.documents, run=options.run, without=without, seed=options.seed)
    )
    work += release_pairs(options.releases, options.build, options.seed) if options.releases else []
    spool = options.out / "work"
    spool.mkdir(parents=True, exist_ok=True)
    waiting = [(job, spool / f"{key_of(job)}.pickle") for job in work]
    with Pool(options.workers) as pool:
        for _ in pool.imap_unordered(carry_out, [one for one in waiting if not one[1].exists()]):
            pass
    made: dict[str, Made] = {}
    for path in sorted(spool.glob("*.pickle")):
        made.update((one.id, one) for one in pickle.loads(path.read_bytes()))
    summary = write(made.values(), options.build, options.out, options.tokens, options.seed)
    (options.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1))


def write(made: Iterable[Made], build: Path, out: Path, most: int, seed: int) -> dict[str, object]:
    """Shards of the records in a seeded order, the training split cut at `most` tokens. Returns what they hold."""
    tokenizer = _build(build, "train").tokenizer
    size = tokenizer.dtype.itemsize
    fitting = sorted((one for one in made if len(one.tokens) <= _LONGEST * size), key=lambda one: one.id)
    chance(seed, "records").shuffle(fitting)
    kinds: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    tokens, shown = Counter[str](), Counter[str]()
    with ShardWriter(out / "shards", tokenizer) as writer:
        for one in fitting:
            ids: Ids = np.frombuffer(one.tokens, tokenizer.dtype)
            if one.split == "train" and tokens["train"] + len(ids) + 1 > most:
                continue
            writer.add_tokens(one.id, ids, language=LANGUAGE, split=one.split)
            tokens[one.split] += len(ids) + 1
            kinds[one.split][one.kind] += 1
            shown[one.split] += one.evidence
    return {
        split: {
            "records": sum(kinds[split].values()),
            "tokens": tokens[split],
            "mean tokens": round(tokens[split] / max(sum(kinds[split].values()), 1), 1),
            "with evidence": shown[split],
            "kinds": dict(kinds[split].most_common()),
        }
        for split in SPLITS
    }


if __name__ == "__main__":
    main()
