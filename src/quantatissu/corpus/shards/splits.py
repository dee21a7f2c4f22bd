"""Which repositories are held out for validation: whole ones, so that no held-out file has a sibling in training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

TRAIN, VALIDATION = "train", "validation"
FEW = 2_000
"""Up to so many repositories chance would hold out none, or half of a corpus in one: there their sizes count too."""
_ENOUGH = 5  # repositories, of which one can be spared though it is larger than the share asked for


@dataclass(frozen=True, slots=True)
class Splits:
    """Tells of a repository in which split its documents are. Without ``held_out``, a set of names, those are held out
    whose name has a hash in the lowest ``share`` of all hashes.
    """

    share: float
    held_out: frozenset[str] | None = None

    @property
    def described(self) -> tuple[float, list[str] | None]:
        """What it is, as plain values in a defined order."""
        return self.share, None if self.held_out is None else sorted(self.held_out)

    def of(self, repository: str) -> str:
        """``train`` or ``validation``."""
        out = _place(repository) < self.share if self.held_out is None else repository in self.held_out
        return VALIDATION if out else TRAIN


def choose_splits(sizes: Mapping[str, int], share: float) -> Splits:
    """Splits of a few repositories with about ``share`` of all bytes held out: repositories in the order of their
    hashes, as many as fit. Where each is larger than the share, the smallest one, if there are at least five.
    """
    wanted = share * sum(sizes.values())
    held_out: set[str] = set()
    taken = 0
    for repository in sorted(sizes, key=lambda name: (_place(name), name)) if share else ():
        if taken + sizes[repository] <= wanted:
            held_out.add(repository)
            taken += sizes[repository]
    if share and not held_out and len(sizes) >= _ENOUGH:
        held_out.add(min(sizes, key=lambda name: (sizes[name], _place(name), name)))
    return Splits(share, frozenset(held_out))


def _place(repository: str) -> float:
    """Where a name lies between 0 and 1: evenly spread, and the same in every corpus."""
    digest = hashlib.blake2b(repository.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
