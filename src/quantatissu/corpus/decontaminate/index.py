"""The index of a benchmark folder: small arrays of hashes that every worker can hold and pickle."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quantatissu.corpus.decontaminate.functions import canonical, fingerprint, parse, shape, walk
from quantatissu.corpus.decontaminate.information import function_bits, run_bits
from quantatissu.corpus.decontaminate.problems import Problem, read_problems
from quantatissu.corpus.decontaminate.settings import DecontaminateSettings
from quantatissu.corpus.decontaminate.stream import DEF, views
from quantatissu.corpus.decontaminate.table import Table, build_table
from quantatissu.corpus.dedup.tokens import U64, Positions, encode, prefixes, windows

SIZES = (5, 8, 13)  # words of a run; the longest that a text is long enough for
SKELETON = 6  # skeleton tokens of a run
ANCHORED = 16  # tokens of the longest function that is looked for as a whole, from its `def` on
COMMON_FAMILIES = 4  # a run of words in the texts of so many tasks is boilerplate
_WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")


@dataclass(frozen=True, slots=True)
class Index:
    """What to look for, by its hashes. ``*_problem[owner]`` is the place in ``names`` of a table's owner.

    ``words`` has the runs of words of texts, ``skeletons`` the runs of skeleton tokens of code (owners in ``foreign``
    are code that is not Python), ``shapes`` the runs of canonical tokens of functions. ``anchored`` has whole short
    skeletons, ``tiny`` the words of functions that say too little to be known without their names. ``exact`` maps the
    fingerprint of a function, ``verbatim`` that of a tiny one with its names, to its problem.
    """

    names: tuple[str, ...]
    words: Table
    word_problem: tuple[int, ...]
    skeletons: Table
    skeleton_problem: tuple[int, ...]
    foreign: frozenset[int]
    anchored: Table
    tiny: Table
    shapes: Table
    shape_problem: tuple[int, ...]
    exact: Mapping[int, int]
    verbatim: Mapping[int, int]


def build_index(folder: Path, settings: DecontaminateSettings | None = None) -> Index:
    """Index every benchmark file below `folder`. What says less than `settings` ask for is left out.

    Raises QuantaError when the folder holds no benchmark.
    """
    return index_problems(list(read_problems(folder)), settings)


def index_problems(problems: Sequence[Problem], settings: DecontaminateSettings | None = None) -> Index:
    """Index problems that are read already."""
    settings = settings or DecontaminateSettings()
    words, word_problem = _index_words(problems, settings.ngram_bits)
    code = _Code(settings.function_bits)
    for number, problem in enumerate(problems):
        for source in problem.code:
            code.add(number, source.strip("\n") + "\n")
    kept = list(code.skeletons.values())
    return Index(
        names=tuple(problem.name for problem in problems),
        words=words,
        word_problem=word_problem,
        skeletons=build_table([windows(hashes, SKELETON) for _, _, hashes in kept]),
        skeleton_problem=tuple(number for number, _, _ in kept),
        foreign=frozenset(owner for owner, (_, foreign, _) in enumerate(kept) if foreign),
        anchored=_anchored([hashes for _, foreign, hashes in kept if not foreign]),
        tiny=_anchored(code.tiny),
        shapes=build_table(code.shapes),
        shape_problem=tuple(code.shape_problem),
        exact=code.exact,
        verbatim=code.verbatim,
    )


class _Code:
    """Gathers what `Index` holds about solutions."""

    def __init__(self, least_bits: float) -> None:
        self.least_bits = least_bits
        self.read: set[str] = set()
        self.exact: dict[int, int] = {}
        self.verbatim: dict[int, int] = {}
        self.shapes: list[U64] = []
        self.shape_problem: list[int] = []
        self.skeletons: dict[bytes, tuple[int, bool, U64]] = {}
        self.tiny: list[U64] = []

    def add(self, number: int, source: str) -> None:
        """Take in the source of a solution of problem `number`."""
        if source in self.read:
            return
        self.read.add(source)
        tree = parse(source)
        if tree is None:
            self._skeleton(number, views(encode(source), "java").skeleton.hashes, foreign=True)
            return
        for function in walk(tree):
            tokens, segment = canonical(function), ast.get_source_segment(source, function) or ""
            if function_bits(tokens) < self.least_bits:
                self.verbatim.setdefault(fingerprint(canonical(function, names=True)), number)
                self.tiny += [views(encode(text)).words.hashes for text in (segment, ast.unparse(function))]
                continue
            if fingerprint(tokens) not in self.exact:
                self.exact[fingerprint(tokens)] = number
                self.shapes.append(shape(tokens))
                self.shape_problem.append(number)
            for variant in (segment, renamed(function)):
                self._skeleton(number, views(encode(variant)).skeleton.hashes, foreign=False)

    def _skeleton(self, number: int, hashes: U64, *, foreign: bool) -> None:
        self.skeletons.setdefault(hashes.tobytes(), (number, foreign, hashes))


def renamed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The source of `function` without annotations, and with no name of its own that the language has as well."""
    bound = {
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    bound |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    plain = _Plain(bound).visit(ast.parse(ast.unparse(function)))
    return ast.unparse(ast.fix_missing_locations(plain))


class _Plain(ast.NodeTransformer):
    def __init__(self, bound: set[str]) -> None:
        self.bound = bound

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name("v_" if node.id in self.bound else node.id, node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg("v_", None)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns, node.name, node.decorator_list = None, "v_", []
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        return ast.Assign([node.target], node.value) if node.value else ast.Pass()


def anchored_runs(hashes: U64) -> tuple[Positions, Positions, U64]:
    """The runs of 2 to `ANCHORED` tokens that begin at a `def`: where they begin, their lengths, their hashes."""
    places = np.flatnonzero(hashes == DEF)
    within = places[:, None] + np.arange(ANCHORED)
    rows = np.where(within < len(hashes), hashes[np.minimum(within, len(hashes) - 1)], 0)
    lengths = np.tile(np.arange(1, ANCHORED + 1), (len(places), 1))
    return np.repeat(places, ANCHORED - 1), lengths[:, 1:].ravel(), prefixes(rows)[:, 1:].ravel()


def _anchored(streams: Sequence[U64]) -> Table:
    """Whole short functions."""
    short = [hashes for hashes in streams if 2 <= len(hashes) <= ANCHORED and hashes[0] == DEF]
    return build_table([windows(hashes, len(hashes)) for hashes in short])


def _index_words(problems: Sequence[Problem], least_bits: float) -> tuple[Table, tuple[int, ...]]:
    """The table of word runs, and the problem that each of its owners is a text of.

    Left out: runs that many families share, runs with little information, and texts that say nothing new about their
    family (the same prompt in the next file, the same program with another line missing).
    """
    first: dict[tuple[str, str], int] = {}
    for number, problem in enumerate(problems):
        for text in (*problem.prose, *problem.code):
            first.setdefault((problem.family, text), number)
    texts = [(number, family, text) for (family, text), number in first.items()]
    common = _common_words(list(first))
    runs: list[tuple[int, str, U64]] = []
    seen: defaultdict[str, set[int]] = defaultdict(set)
    families: defaultdict[int, set[str]] = defaultdict(set)
    for number, family, text in texts:
        hashes = _runs(text, common, least_bits)
        fresh = [value for value in hashes.tolist() if value not in seen[family]]
        if fresh and 4 * len(fresh) >= len(hashes):
            runs.append((number, family, hashes))
        seen[family].update(fresh)
        for value in fresh:
            families[value].add(family)
    boilerplate = {value for value, where in families.items() if len(where) >= COMMON_FAMILIES}
    owners = [
        (number, np.array([v for v in hashes.tolist() if v not in boilerplate], np.uint64))
        for number, _, hashes in runs
    ]
    owners = [(number, hashes) for number, hashes in owners if len(hashes)]
    return build_table([hashes for _, hashes in owners]), tuple(number for number, _ in owners)


def _common_words(texts: Sequence[tuple[str, str]]) -> frozenset[str]:
    """Words in the texts of at least one family in a hundred, and of four."""
    families: defaultdict[str, set[str]] = defaultdict(set)
    for family, text in texts:
        for word in set(_split(encode(text))):
            families[word].add(family)
    least = max(COMMON_FAMILIES, len({family for family, _ in texts}) // 100)
    return frozenset(word for word, where in families.items() if len(where) >= least)


def _split(data: bytes) -> list[str]:
    return [word.decode("utf-8", "replace") for word in _WORD.findall(data)]


def _runs(text: str, common: frozenset[str], least_bits: float) -> U64:
    """The hashes of the runs of words of `text` that say enough."""
    data = encode(text)
    hashes = views(data).words.hashes
    size = max((size for size in SIZES if size <= len(hashes)), default=0)
    if not size:
        return np.empty(0, np.uint64)
    words = _split(data)
    return windows(hashes, size)[run_bits(words, size, common) >= least_bits]
