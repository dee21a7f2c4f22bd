"""Tells which documents copy code that must stay apart from training: the packages that repairs are measured on.

The corpus recipe leaves packages out by name; this finds copies under other names, by lines that occur in few places.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

_LEAST_CHARACTERS = 32
_LEAST_LINES = 6


class Apart:
    """Lines of the packages whose wheels lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.lines: frozenset[str] = frozenset(
            line for wheel in sorted(folder.glob("*.whl")) for text in _texts(wheel) for line in telling(text)
        )

    def without_usual(self, texts: Iterable[str], most: int = 20) -> None:
        """Forget lines that more than `most` of `texts` hold: idioms, which prove nothing."""
        often = Counter(line for text in texts for line in set(telling(text)) & self.lines)
        self.lines -= {line for line, count in often.items() if count > most}

    def copied(self, text: str) -> bool:
        """Whether a text holds several of the lines."""
        return len(self.lines.intersection(telling(text))) >= _LEAST_LINES


def telling(text: str) -> Iterator[str]:
    """The lines of a text that are long enough to tell where they come from."""
    for line in text.splitlines():
        bare = line.strip()
        if len(bare) >= _LEAST_CHARACTERS and not bare.startswith(("#", "import ", "from ", "@")):
            yield bare


def _texts(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".py"):
                yield archive.read(name).decode("utf-8", "replace")
