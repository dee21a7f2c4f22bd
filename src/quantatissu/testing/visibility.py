"""Which host paths an interpreter needs to see, read from the disk before it is ever run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlparse

from quantatissu.testing.executables import (
    SYSTEM,
    absolute,
    base_prefixes,
    editable_mappings,
    may_be_shown,
    pth_targets,
    site_folders,
    user_sites,
)
from quantatissu.testing.reading import read_text


def readable_roots(
    python: Path, root: Path, *, environment: Mapping[str, str] | None = None, extra: Iterable[Path] = ()
) -> tuple[Path, ...]:
    """Host paths that must be readable for ``python`` to run, known without running it.

    Its venv, every prefix behind it, folders that ``.pth`` files, editable installs and ``PYTHONPATH`` point at, and
    the user's site-packages. System folders and the project itself are left out; so is what `may_be_shown` refuses.
    """
    found: list[Path] = []
    for prefix in base_prefixes(python):
        found += [prefix, Path(os.path.realpath(prefix))]
    if any(path.is_relative_to("/home/linuxbrew/.linuxbrew") for path in found):
        found.append(Path("/home/linuxbrew/.linuxbrew"))
    found += user_sites(python)
    found += editable_targets(site_folders(python))
    path_variable = (environment or {}).get("PYTHONPATH", "")
    found += [absolute(root / entry) for entry in path_variable.split(os.pathsep) if entry]
    return outermost([*found, *extra], root)


def outermost(paths: Iterable[Path], root: Path) -> tuple[Path, ...]:
    """Existing paths that may be shown, without those inside another, the project, or a system folder."""
    root = absolute(root)
    kept: list[Path] = []
    for path in sorted(dict.fromkeys(map(absolute, paths)), key=lambda path: len(path.parts)):
        covered = any(path.is_relative_to(outer) for outer in (*kept, *SYSTEM, root))
        if not covered and path.exists() and may_be_shown(path):
            kept.append(path)
    return tuple(kept)


def editable_targets(sites: Iterable[Path]) -> tuple[Path, ...]:
    """Folders that editable installs in these site folders point at: ``.pth``, ``direct_url.json``, finder modules."""
    found: list[Path] = []
    for site in sites:
        found += pth_targets(site)
        found += editable_mappings(site)
        for record in sorted(site.glob("*.dist-info/direct_url.json")):
            try:
                data = json.loads(read_text(record, limit=1 << 16) or "{}")
                url = urlparse(data["url"]) if data["dir_info"].get("editable") else None
            except (ValueError, KeyError, AttributeError, TypeError):
                continue
            if url is not None and url.scheme == "file":
                found.append(Path(unquote(url.path)))
    return tuple(dict.fromkeys(path for path in map(absolute, found) if path.exists()))
