"""What every source is: groups of inputs, each read lazily, and a record of what could not be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from quantatissu.corpus.document import Origin, RawFile


@dataclass(frozen=True, slots=True)
class Group:
    """A unit of work and of resume, about ``group_bytes`` (16 MiB unless set) of raw input.

    ``key`` is unique within the source and safe as a file name; ``items`` are what the source itself understands (file
    names, byte ranges, blob ids); ``fingerprint`` changes when what `Source.read` would give has changed.
    """

    source: str
    key: str
    items: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """An input that gave no file: where it is, a reason in snake_case, and a detail for people (never its content)."""

    origin: Origin
    reason: str
    detail: str = ""
    size: int = 0  # bytes, 0 when unknown


Report = Callable[[Skipped], None]
"""Told of every skipped input, in the order of reading."""


def ignore(skipped: Skipped) -> None:
    """The `Report` of somebody who does not want to know."""


class Source(Protocol):
    """Where raw files come from. Picklable: it travels to workers and opens things only in its methods.

    The same inputs give the same groups, and a group the same files in the same order, on any machine.
    """

    @property
    def name(self) -> str:
        """The source's name in the recipe."""
        ...

    def groups(self) -> list[Group]:
        """All units of work in a fixed order. Raises QuantaError when the source as a whole cannot be read."""
        ...

    def read(self, group: Group, report: Report = ignore) -> Iterator[RawFile]:
        """The group's files, one at a time. What cannot be read yields nothing and is told to ``report``."""
        ...

    def describe(self) -> dict[str, str]:
        """For the manifest: ``kind``, ``location``, and where there is one ``revision``, ``version``, ``columns``."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One item on its way into a group: what `Group.items` will hold, its size in bytes, and what identifies it."""

    item: str
    size: int
    identity: str


def pack(source: str, entries: Iterable[Entry], group_bytes: int) -> list[Group]:
    """Entries in their own order, in groups of at most ``group_bytes`` (one that is larger stands alone)."""
    groups: list[Group] = []
    held: list[Entry] = []
    size = 0

    def close() -> None:
        items = tuple(entry.item for entry in held)
        fingerprint = digest_of(part for entry in held for part in (entry.item, entry.identity))
        groups.append(Group(source, f"{len(groups):06d}", items, fingerprint))

    for entry in entries:
        if held and size + entry.size > group_bytes:
            close()
            held, size = [], 0
        held.append(entry)
        size += entry.size
    if held:
        close()
    return groups


MOST_PARTS = 32
"""Parts of one compressed file. Each part decompresses all before it again: with so many, that stays a tenth of the
work that follows even where it is fast."""


def cut(sizes: Iterable[int], group_bytes: int) -> list[tuple[int, int | None, int]]:
    """Parts of a sequence of sizes, each of at most ``group_bytes`` or one member, and at most `MOST_PARTS`.

    Each is (first, the one after the last or None for the end, bytes); the last part is open, so that whoever reads it
    also meets what comes after the last known member.
    """
    known = list(sizes)
    most = max(group_bytes, -(-sum(known) // MOST_PARTS))
    parts: list[tuple[int, int | None, int]] = []
    start = held = 0
    for number, size in enumerate(known):
        if held and held + size > most and len(parts) < MOST_PARTS - 1:
            parts.append((start, number, held))
            start, held = number, 0
        held += size
    return [*parts, (start, None, held)]


def digest_of(parts: Iterable[str]) -> str:
    """32 hexadecimal digits of a sequence of texts; where one text ends and the next begins counts."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()


def digest_of_bytes(data: bytes) -> str:
    """32 hexadecimal digits of a file's content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
