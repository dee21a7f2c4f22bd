"""Which licences cover which file of a package or repository: what it declares, and the licence files nearest to it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quantatissu.corpus.sources.names import is_licence_file

LARGEST_LICENCE_FILE = 256 << 10
"""Bytes. The longest licence in use (GPL-3.0) has 35 kB; what is longer is a collection of third parties' licences."""

METADATA_FOLDER = re.compile(r"[^/]+\.(?:dist|egg)-info/")
"""Where an installed package or a wheel keeps what is said about it."""


def licence_scope(path: str) -> str | None:
    """For a licence file, the path whose folder, with all below, it covers; None for any other file.

    ``x.dist-info/licenses/src/a/vendor/LICENSE`` carries the path that it had in the project (PEP 639).
    """
    if not is_licence_file(path.rpartition("/")[2]):
        return None
    metadata = METADATA_FOLDER.match(path)
    if metadata is None:
        return path
    kept = path[metadata.end() :]
    for prefix in ("licenses/", "license_files/", "src/"):
        kept = kept.removeprefix(prefix)
    return kept


@dataclass(frozen=True, slots=True)
class Licences:
    """``declared``: SPDX expressions that the whole declares about itself. ``texts``: the texts of licence files by the
    folder that they cover, ``""`` the root.
    """

    declared: tuple[str, ...] = ()
    texts: Mapping[str, tuple[str, ...]] | None = None

    def covering(self, path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The declared licences and the licence texts for the file at ``path``.

        The nearest folder upwards that holds a licence file decides. Below the root that is somebody else's code
        (vendored), for which the whole's own declaration says nothing.
        """
        texts = self.texts or {}
        folder = posixpath.dirname(path)
        while folder:
            if folder in texts:
                return (), texts[folder]
            folder = posixpath.dirname(folder)
        return self.declared, texts.get("", ())


def texts_by_folder(files: Iterable[tuple[str, bytes]]) -> dict[str, tuple[str, ...]]:
    """Licence files, given as path and content, by folder; in the order of their paths."""
    found: dict[str, list[str]] = {}
    for path, data in sorted(files):
        if len(data) <= LARGEST_LICENCE_FILE:
            found.setdefault(posixpath.dirname(path), []).append(data.decode("utf-8", "replace"))
    return {folder: tuple(texts) for folder, texts in found.items()}
