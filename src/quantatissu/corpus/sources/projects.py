"""What a project's own manifests say about it: its name, version and licences, whatever its packaging tool."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quantatissu.corpus.sources.licences import METADATA_FOLDER
from quantatissu.corpus.sources.metadata import metadata_licences, normal_name, parse_metadata
from quantatissu.corpus.stages.licence import declared_licences

LARGEST_MANIFEST = 1 << 20
"""Bytes; a longer one is not looked at."""
# From the surest to the least sure: what was built says it after all that is dynamic has been filled in.
_MANIFESTS = ("METADATA", "PKG-INFO", "Cargo.toml", "pyproject.toml", "package.json", "composer.json")


@dataclass(frozen=True, slots=True)
class Project:
    """What a manifest says, its licences as SPDX expressions; empty where it says nothing."""

    name: str = ""
    version: str = ""
    licences: tuple[str, ...] = ()


def manifest_rank(path: str) -> int | None:
    """How sure a manifest is, 0 the surest; None for a file that is no manifest of the whole.

    ``path`` is relative to the project's root, where manifests lie (a wheel's METADATA one folder below).
    """
    metadata = METADATA_FOLDER.match(path)
    name = path[metadata.end() :] if metadata else path
    if metadata and name not in ("METADATA", "PKG-INFO"):
        return None
    return _MANIFESTS.index(name) if name in _MANIFESTS else None


def read_manifest(path: str, data: bytes) -> Project:
    """What the manifest at ``path`` says. Never raises: a broken manifest says nothing."""
    name = path.rpartition("/")[2]
    try:
        if name in ("METADATA", "PKG-INFO"):
            return _core_metadata(data)
        if name.endswith(".json"):
            return _json(json.loads(data))
        tables = tomllib.loads(data.decode())
        return _pyproject(tables) if name == "pyproject.toml" else _table(_mapping(tables.get("package")))
    except (ValueError, RecursionError):
        return Project()


def merged(manifests: Mapping[str, bytes]) -> Project:
    """What several manifests of one project, by path, say together: for each thing, the surest that says it."""
    ranked = sorted((rank, path) for path in manifests if (rank := manifest_rank(path)) is not None)
    found = [read_manifest(path, manifests[path]) for _, path in ranked]
    return Project(
        name=next((one.name for one in found if one.name), ""),
        version=next((one.version for one in found if one.version), ""),
        licences=next((one.licences for one in found if one.licences), ()),
    )


def _core_metadata(data: bytes) -> Project:
    metadata = parse_metadata(data)
    name, version = (str(metadata.get(key) or "").strip() for key in ("Name", "Version"))
    return Project(normal_name(name), version, metadata_licences(metadata))


def _json(manifest: Any) -> Project:
    """npm's package.json and PHP's composer.json: ``license`` is an expression, a list, or (old) a list of tables."""
    table = _mapping(manifest)
    said = table.get("license") or table.get("licenses") or ""
    parts = said if isinstance(said, list) else [said]
    texts = [str(part.get("type", "")) if isinstance(part, dict) else str(part) for part in parts]
    return _table({**table, "license": " OR ".join(text for text in texts if text)})


def _pyproject(tables: Mapping[str, Any]) -> Project:
    project = _mapping(tables.get("project")) or _mapping(_mapping(tables.get("tool")).get("poetry"))
    said = project.get("license")
    if isinstance(said, dict):
        said = said.get("text", "")
    found = _table({**project, "license": said})
    return Project(normal_name(found.name), found.version, found.licences)


def _table(table: Mapping[str, Any]) -> Project:
    """A table with ``name``, ``version`` and ``license``, an SPDX expression or a licence's usual name."""
    name, version, said = (
        value if isinstance(value := table.get(key), str) else "" for key in ("name", "version", "license")
    )
    return Project(name, version, declared_licences(licence=said))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
