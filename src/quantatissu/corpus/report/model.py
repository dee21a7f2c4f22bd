"""What a corpus report says. Plain data: `summary` makes it from a build folder, the HTML page shows it.

Documents are counted as files, ``bytes`` are those of the files as read. Everything that came out of documents (paths,
excerpts, names of repositories) is untrusted text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """How much: files, and their bytes as read."""

    documents: int = 0
    bytes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.documents + other.documents, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source of the recipe: what it says of itself, its groups, what was read from it, what reached the shards, and
    the dates of its oldest and newest files (ISO 8601, empty when unknown).
    """

    name: str
    described: Mapping[str, str]
    groups: int
    read: Amount
    kept: Amount
    oldest: str
    newest: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A package, remote or data set among those that gave most bytes to the shards."""

    source: str
    name: str
    kept: Amount


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of the pipeline: what it took out, and what was left after it."""

    stage: str
    dropped: Amount
    left: Amount


@dataclass(frozen=True, slots=True)
class LanguageLine:
    """A language's way through the pipeline. ``dropped`` is by stage; ``tokens`` are those in the shards, the lengths
    (bytes of a file) those of the files in them, about.
    """

    language: str
    read: Amount
    dropped: Mapping[str, Amount]
    kept: Amount
    tokens: int
    median_bytes: int
    largest_tenth_bytes: int

    @property
    def bytes_per_token(self) -> float:
        """Bytes of source a token stands for: higher is better compression. 0 without tokens."""
        return self.kept.bytes / self.tokens if self.tokens else 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Which document something is about, and where that came from."""

    id: str
    repository: str
    revision: str
    path: str


@dataclass(frozen=True, slots=True)
class Example(Place):
    """A document that was left out. ``excerpt`` is its beginning, empty where it might show a secret."""

    source: str
    language: str
    size: int
    detail: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a stage dropped documents, how many, and a few of them: those with the lowest ids, an arbitrary but fixed
    choice, since ids are hashes.
    """

    stage: str
    reason: str
    dropped: Amount
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class LicenceLine:
    """Files in the shards under exactly these SPDX identifiers."""

    licences: tuple[str, ...]
    kept: Amount


@dataclass(frozen=True, slots=True)
class Lengths:
    """A distribution over documents. ``bins`` are ``(from, documents)``, each reaching to twice its start; empty
    documents count in the one from 1. Quantiles are right to some 5%.
    """

    bins: tuple[tuple[int, int], ...]
    median: int
    largest_tenth: int
    largest_hundredth: int


@dataclass(frozen=True, slots=True)
class Member(Place):
    """A document of a cluster of duplicates. ``jaccard`` is its similarity to the one kept (1 for that one itself)."""

    source: str
    size: int
    kind: str
    jaccard: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Duplicates of each other: how many, and some of them, the one kept first."""

    documents: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What deduplication removed, and the clusters it found: their number by size (``(at least, clusters)``, each bin
    reaching to twice its start), and the largest.
    """

    exact: Amount
    near: Amount
    clusters: int
    sizes: tuple[tuple[int, int], ...]
    largest: tuple[Cluster, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A benchmark's task that turned up in documents, how many and a few of them. ``reason`` is that for which they
    were left out, or ``function_cut_out`` where the matching functions were and the rest stayed.
    """

    benchmark: str
    task: str
    reason: str
    documents: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Redaction:
    """Secrets of one kind taken out of files in the shards: their number, and the files that held some."""

    kind: str
    found: int
    documents: int


@dataclass(frozen=True, slots=True)
class Split:
    """A part of the shards (``train``, ``validation``), of whole repositories: how many, and the largest of them."""

    name: str
    kept: Amount
    tokens: int
    shards: int
    repositories: int
    largest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wrong(Place):
    """A synthetic record: a program made wrong on purpose. ``before`` are the wrong lines, ``after`` the right ones,
    ``evidence`` what shows that they are wrong.
    """

    operator: str
    before: str
    after: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Synthetic records of a kind (``bug``, ``lint``) with one method of proof (``tests``, ``execution``, ``linter``):
    their number, their number by the operator that made them, and a few of them.
    """

    kind: str
    method: str
    records: int
    operators: Mapping[str, int]
    examples: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows. ``recipe`` is the resolved recipe, ``versions`` the tools', both from the manifest.

    ``read`` is what the sources gave, ``kept`` what is in the shards.
    """

    name: str
    recipe_hash: str
    recipe: Mapping[str, object]
    versions: Mapping[str, str]
    read: Amount
    kept: Amount
    tokens: int
    sources: tuple[SourceLine, ...]
    repositories: tuple[Repository, ...]
    funnel: tuple[Step, ...]
    languages: tuple[LanguageLine, ...]
    reasons: tuple[Reason, ...]
    licences: tuple[LicenceLine, ...]
    file_bytes: Lengths
    file_tokens: Lengths
    duplicates: Duplicates
    hits: tuple[Hit, ...]
    redactions: tuple[Redaction, ...]
    splits: tuple[Split, ...]
    synthetic: tuple[Synthetic, ...]

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """The benchmarks that had hits, in order of name."""
        return tuple(sorted({hit.benchmark for hit in self.hits}))

    def to_json(self) -> str:
        """The whole report as JSON, the same bytes for the same report."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=True) + "\n"
