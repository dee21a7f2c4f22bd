"""Records of faults in functions whose lines are marked: where is it, and what belongs there.

    python -m benchmarks.tissu.marked BUILD OUT --selection FILE [--minutes M]

A function is shown whole (see `quantatissu.repair.learned.marks`); the answer is the place and the right lines, or that
nothing is wrong. Faults are rows of the operator table run backwards and corruptions of statements, several of each
function: what differs between two records is the fault alone. OUT gets shards in the build's vocabulary. What each
piece of work gave is kept in OUT/work: a call that was cut off, or that ran out of ``--minutes``, can be called again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import pickle
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from benchmarks.tissu.choose import SPLITS, capped
from benchmarks.tissu.documents import Build
from benchmarks.tissu.edits.build import Job, Pair, copies, key_of, release_pairs
from benchmarks.tissu.edits.drawing import SHARES, rows, tree_of
from benchmarks.tissu.edits.example import OTHER_SEPARATORS
from benchmarks.tissu.edits.releases import changes
from benchmarks.tissu.edits.statements import corrupt
from quantatissu.corpus.shards import ShardWriter
from quantatissu.corpus.synthetic.chances import chance
from quantatissu.corpus.synthetic.functions import Function, functions, inside
from quantatissu.corpus.synthetic.mutants import backward_priors
from quantatissu.repair.learned.lines import line_change, trimmed
from quantatissu.repair.learned.marks import MOST_LINES, Layout, Marks, layout
from quantatissu.rewriting import Project, Rewrite, Source, rewrites
from quantatissu.rewriting.source import Statement

LANGUAGE = "marked"
"""The language of the documents in the shards."""

_CHARACTERS = 40_000
_LEAST_LINES, _MOST_FUNCTION_LINES = 3, 200
_LONGEST = 800  # tokens of a prompt
_MOST_CHANGED = 8
_STATEMENTS = 4
_EACH = 3  # faults of one statement
_TEMPERATURE = 1.5
_HEADS = 0.1  # share of functions whose definition may be at fault
_CORRUPTIONS = 2
_RIGHT = 0.8  # records of a function without a fault
_TESTS = 0.15  # share of test files that are used
_CHUNK = 16
_REPOSITORY_TOKENS = 500_000
_CORRUPTED = ("insert statement", "insert block", "remove block", "moved", "similar line")


class Shown:
    """A right function, and the records of its faults."""

    def __init__(self, source: Source, place: Layout, marks: Marks) -> None:
        self._marks, self.place = marks, place
        self._lines = source.lines
        self._encoded: dict[str, np.ndarray] = {}
        self._owners = [self._ids(source.lines[line - 1]) for line in place.owners]

    def record(self, start: int, stop: int, new: Sequence[str], draws: random.Random) -> np.ndarray | None:
        """The record of the fault that made lines `start` until `stop` (from 1) into `new`; None: it is not shown."""
        fault = trimmed(start, self._lines[start - 1 : stop - 1], new)
        start, stop, wrong, right = fault.start, fault.stop, fault.new, self._lines[fault.start - 1 : fault.stop - 1]
        if not (wrong or right) or max(len(wrong), len(right)) > _MOST_CHANGED:
            return None
        shown = self._shown(start, stop, draws)
        before = sum(line < start for line in shown)
        if shown[before : before + stop - start] != list(range(start, stop)):
            return None
        ids = [self._ids(self._lines[line - 1]) for line in shown]
        ids[before : before + stop - start] = [self._ids(line) for line in wrong]
        if len(ids) > MOST_LINES:
            return None
        return self._whole(ids, self._marks.answer(before, before + len(wrong), right))

    def right(self, draws: random.Random) -> np.ndarray | None:
        """The record that says that nothing is wrong."""
        shown = draws.choice(self.place.parts())
        return self._whole([self._ids(self._lines[line - 1]) for line in shown], self._marks.nothing)

    def _shown(self, start: int, stop: int, draws: random.Random) -> list[int]:
        parts = self.place.parts()
        return draws.choice([part for part in parts if start in part and stop - 1 in part] or parts)

    def _whole(self, ids: Sequence[np.ndarray], answer: np.ndarray) -> np.ndarray | None:
        prompt = self._marks.joined(self._owners, ids)
        return np.concatenate([prompt, answer]) if len(prompt) <= _LONGEST else None

    def _ids(self, line: str) -> np.ndarray:
        found = self._encoded.get(line)
        if found is None:
            found = self._encoded[line] = self._marks.tokenizer.encode(line)
        return found


def records(identity: str, text: str, marks: Marks, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """(kind, ids) of the faults of a document's functions. They depend on the arguments alone."""
    if len(text) > _CHARACTERS or OTHER_SEPARATORS.search(text) or not text.endswith("\n"):
        return
    try:
        source = Source(text)
        found = functions(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    project = Project([source])
    for function in found:
        if not _LEAST_LINES <= function.last - function.first + 1 <= _MOST_FUNCTION_LINES:
            continue
        low, high = source.line_span(function.first, function.last)
        if not text[low:high].isascii():
            continue
        draws = chance(seed, identity, function.name, function.first)
        shown = Shown(source, layout(source, function.node), marks)
        if draws.random() < _RIGHT and (ids := shown.right(draws)) is not None:
            yield "right", ids
        try:
            yield from _faults(source, project, function, shown, draws)
        except RecursionError:
            continue


def _faults(
    source: Source, project: Project, function: Function, shown: Shown, draws: random.Random
) -> Iterator[tuple[str, np.ndarray]]:
    statements = function.statements()
    if draws.random() >= _HEADS:
        statements.remove(function.node)
    draws.shuffle(statements)
    made: list[Rewrite] = []
    for statement in statements[: min(_STATEMENTS, 1 + len(statements) // 3)]:
        made += _drawn(source, project, function, statement, draws)
    for rewrite in made:
        ids = _of_edits(source, function, shown, [rewrite], draws)
        if ids is not None:
            yield rewrite.operator, ids
    pairs = [(one, other) for one in made for other in made if one.line < other.line <= one.line + 2]
    if pairs and (ids := _of_edits(source, function, shown, draws.choice(pairs), draws)) is not None:
        yield "compound", ids
    kinds = draws.choices(_CORRUPTED, [SHARES[kind] for kind in _CORRUPTED], k=_CORRUPTIONS)
    for kind in dict.fromkeys(kinds):
        wrong = corrupt(kind, source.lines, function, draws)
        if wrong is None:
            continue
        fault = trimmed(1, source.lines, wrong)
        if not _parses(source, function, fault.start, fault.stop, fault.new):
            continue
        ids_or_none = shown.record(fault.start, fault.stop, fault.new, draws)
        if ids_or_none is not None:
            yield kind, ids_or_none


def _drawn(
    source: Source, project: Project, function: Function, statement: Statement, draws: random.Random
) -> list[Rewrite]:
    """A few rewrites of a statement, no two by one row: kinds by their share of real repairs, rows within a kind by
    their priors, each row's own by cost.
    """
    found = [
        one
        for one in rewrites(source, statement, project, only=rows()["compound"])
        if inside(source, function, one.edits)
    ]
    by_row: dict[str, list[Rewrite]] = {}
    for one in sorted(found, key=lambda one: (one.operator, one.edits)):
        by_row.setdefault(one.operator, []).append(one)
    order = sorted(by_row, key=lambda name: draws.expovariate(_weights()[name]))
    return [draws.choices(some, [2.0**-one.cost for one in some])[0] for some in (by_row[n] for n in order[:_EACH])]


@lru_cache(maxsize=1)
def _weights() -> dict[str, float]:
    """How likely each row is: its kind's share, dealt out by priors."""
    priors, found = backward_priors(), dict[str, float]()
    for kind, names in rows().items():
        if kind != "compound":
            whole = sum(math.exp(priors[name] / _TEMPERATURE) for name in names)
            found |= {name: SHARES[kind] * math.exp(priors[name] / _TEMPERATURE) / whole for name in names}
    return found


def _of_edits(
    source: Source, function: Function, shown: Shown, made: Sequence[Rewrite], draws: random.Random
) -> np.ndarray | None:
    fault = line_change(source, [edit for one in made for edit in one.edits])
    if fault is None or not "".join(fault.new).isascii():
        return None
    right = source.lines[fault.start - 1 : fault.stop - 1]
    if "".join("".join(fault.new).split()) == "".join("".join(right).split()):
        return None  # of another form only
    if not _parses(source, function, fault.start, fault.stop, fault.new):
        return None
    return shown.record(fault.start, fault.stop, fault.new, draws)


def _parses(source: Source, function: Function, start: int, stop: int, new: Sequence[str]) -> bool:
    """Whether the function parses with lines `start` until `stop` replaced."""
    before = source.lines[function.first - 1 : start - 1]
    return tree_of("".join([*before, *new, *source.lines[stop - 1 : function.last]])) is not None


def of_releases(job: Pair) -> list[tuple[str, str, bytes]]:
    """(id, kind, ids) of the small changes between two releases, the older as the wrong one."""
    marks = Marks(Build(job.folder).tokenizer)
    found = []
    for name, some in changes(job.older, job.newer):
        draws = chance(job.seed, job.newer.name, name)
        for change in some:
            lines, first = "".join(change.wrong), change.function.first
            if not (lines + "".join(change.right)).isascii():
                continue
            shown = Shown(change.source, layout(change.source, change.function.node), marks)
            ids = shown.record(first, first + len(change.right), change.wrong, draws)
            if ids is not None:
                found.append(_kept("release", ids))
    return found


def _kept(kind: str, ids: np.ndarray) -> tuple[str, str, bytes]:
    return hashlib.blake2b(ids.tobytes(), digest_size=16).hexdigest(), kind, ids.tobytes()


def of_documents(job: Job) -> list[tuple[str, str, bytes]]:
    """(id, kind, ids) of one job's records."""
    build = Build(job.folder, job.split)
    marks = Marks(build.tokenizer)
    return [
        _kept(kind, ids) for row in job.rows for kind, ids in records(row.id, build.text(row.number), marks, job.seed)
    ]


def carry_out(task: tuple[Job | Pair, Path, float]) -> None:
    """Do a job before the deadline, and write its records to a file, which appears whole or not at all."""
    job, path, deadline = task
    if path.exists() or time.time() > deadline:
        return
    temporary = path.with_suffix(".tmp")
    done = (job.split, of_documents(job)) if isinstance(job, Job) else ("train", of_releases(job))
    temporary.write_bytes(pickle.dumps(done))
    temporary.replace(path)


def jobs(folder: Path, without: frozenset[str], seed: int) -> Iterator[Job]:
    """All work on a build's documents, in a seeded order, the validation split's first."""
    for split in reversed(SPLITS):
        found = [
            row
            for row in Build(folder, split).rows()
            if row.language == "python"
            and f"{row.repository}:{row.path}" not in without
            and ("test" not in row.path.lower() or chance(seed, row.id).random() < _TESTS)
        ]
        found = capped(found, _REPOSITORY_TOKENS, seed)
        chance(seed, split, "marked").shuffle(found)
        stream = iter(found)
        while chunk := tuple(islice(stream, _CHUNK)):
            yield Job(folder, split, chunk, run=False, seed=seed)


def write(spool: Path, build: Path, out: Path, most: int) -> dict[str, object]:
    """The shards of all records found so far, at most `most` tokens of them for training. Returns a summary."""
    kinds: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    tokens = Counter[str]()
    seen: set[str] = set()
    tokenizer = Build(build).tokenizer
    with ShardWriter(out / "shards", tokenizer) as writer:
        for path in sorted(spool.glob("*.pickle")):
            split, found = pickle.loads(path.read_bytes())
            for identity, kind, data in found:
                ids = np.frombuffer(data, tokenizer.dtype)
                if identity in seen or (split == "train" and tokens[split] + len(ids) > most):
                    continue
                seen.add(identity)
                writer.add_tokens(identity, ids, language=LANGUAGE, split=split)
                kinds[split][kind] += 1
                tokens[split] += len(ids)
    (out / "tokenizer.json").write_bytes((build / "tokenizer.json").read_bytes())
    return {
        split: {
            "records": sum(kinds[split].values()),
            "tokens": tokens[split],
            "kinds": dict(kinds[split].most_common()),
        }
        for split in SPLITS
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissu.marked", description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--selection", type=Path, help="selection.json of `choose`: copies found there are left out")
    parser.add_argument("--releases", type=Path, help="folder of wheels with consecutive releases")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop making records after so long")
    parser.add_argument("--tokens", type=int, default=1 << 62, help="of the records in the training split, at most")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    spool = options.out / "work"
    spool.mkdir(parents=True, exist_ok=True)
    deadline = time.time() + 60 * options.minutes
    work: list[Job | Pair] = []
    if options.releases:
        work += release_pairs(options.releases, options.build, options.seed)
    work += jobs(options.build, copies(options.selection), options.seed)
    with Pool(options.workers) as pool:
        for _ in pool.imap_unordered(carry_out, [(job, spool / f"{key_of(job)}.pickle", deadline) for job in work]):
            pass
    summary = write(spool, options.build, options.out, options.tokens)
    (options.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
