"""What outputs depend on, as hashes: the reason to redo a piece of work, or to leave it be on resume."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from quantatissu import __version__
from quantatissu.corpus.sources import Group

_TOOLS = ("daft", "numpy", "pyarrow", "tokenizers", "datasets")


def digest(*parts: object) -> str:
    """32 hexadecimal digits of some JSON values; order counts."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """32 hexadecimal digits of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def folder_digest(folder: Path) -> str:
    """32 hexadecimal digits of the names and contents of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest(*((path.relative_to(folder).as_posix(), file_digest(path)) for path in files))


def group_key(work: str, group: Group) -> str:
    """What a group's files are made from: the ``work`` done on it, and the group itself."""
    return digest(work, group.source, group.key, group.items, group.fingerprint)


def tool_versions(*, linter: bool) -> dict[str, str]:
    """The versions of everything whose next one might give other bytes: Python, this package, the libraries below, and
    the ``linter`` where its messages are part of the output.
    """
    found = {"python": platform.python_version(), "quantatissu": __version__}
    for name in (*_TOOLS, *(["ruff"] if linter else [])):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    grammars = (one.metadata["Name"] for one in distributions() if one.metadata["Name"].startswith("tree-sitter"))
    found.update((name, version(name)) for name in grammars)
    return dict(sorted(found.items()))
