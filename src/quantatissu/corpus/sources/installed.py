"""Installed packages: every distribution a repository, its version the revision, its metadata the licence."""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from quantatissu.corpus.document import Origin, RawFile
from quantatissu.corpus.sources.base import Entry, Group, Report, Skipped, digest_of, ignore, pack
from quantatissu.corpus.sources.files import Unreadable, files_below, identity_and_size, read_bounded
from quantatissu.corpus.sources.licences import (
    LARGEST_LICENCE_FILE,
    METADATA_FOLDER,
    Licences,
    licence_scope,
    texts_by_folder,
)
from quantatissu.corpus.sources.metadata import metadata_licences, normal_name
from quantatissu.corpus.sources.names import may_be_code
from quantatissu.corpus.sources.settings import InstalledSettings
from quantatissu.foundation import QuantaError


@dataclass(frozen=True, slots=True)
class Package:
    """One installed distribution: ``name`` in its normal form (PEP 503), and the POSIX paths of its files, sorted,
    below ``folder`` (a site-packages). ``licence_files`` by the path in the package that each is about.
    """

    name: str
    version: str
    folder: Path
    paths: tuple[str, ...]
    declared: tuple[str, ...]
    licence_files: tuple[tuple[str, str], ...]  # (what it is about, where it lies)

    def licences(self) -> Licences:
        """What covers which file. Reads the licence files."""
        found = []
        for about, path in self.licence_files:
            try:
                found.append((about, read_bounded(self.folder / path, LARGEST_LICENCE_FILE)))
            except Unreadable:
                continue  # its package is then judged by what else it says
        return Licences(self.declared, texts_by_folder(found))


@dataclass(frozen=True, slots=True)
class InstalledSource:
    """All packages of an environment, in the order of their names. Editable installs are somebody's work in progress,
    not a version of anything: they are left out. ``folders`` are absolute.
    """

    name: str
    settings: InstalledSettings
    folders: tuple[Path, ...] = ()

    def groups(self) -> list[Group]:
        """Groups of whole packages where they fit. Raises QuantaError when a package asked for is not there."""
        packages = self._packages()
        wanted = {normal_name(name) for name in self.settings.packages}
        missing = wanted - packages.keys()
        if missing:
            raise QuantaError(
                f"source {self.name}: not installed: {', '.join(sorted(missing))}",
                hint=f"Looked in {', '.join(map(str, self._folders()))}. Install it there, or take it off `packages`.",
            )
        most = self.settings.max_file_bytes
        entries = []
        for package in packages.values():
            licences = package.licences()
            # The version and the licences are part of what is read, so they are part of what identifies it.
            about = digest_of((package.version, *licences.declared, *map(repr, sorted((licences.texts or {}).items()))))
            for path in package.paths:
                identity, size = identity_and_size(package.folder / path, most)
                entries.append(Entry(f"{package.name}/{path}", size, f"{about}:{identity}"))
        return pack(self.name, entries, self.settings.group_bytes)

    def read(self, group: Group, report: Report = ignore) -> Iterator[RawFile]:
        """See `Source.read`."""
        names = {item.partition("/")[0] for item in group.items}
        packages = self._packages(names)
        licences = {name: package.licences() for name, package in packages.items()}
        for item in group.items:
            name, _, path = item.partition("/")
            if name not in packages:
                report(Skipped(Origin(self.name, name, "", path), "unreadable", "the package is no longer installed"))
                continue
            package = packages[name]
            origin = Origin(self.name, name, package.version, path)
            try:
                data = read_bounded(package.folder / path, self.settings.max_file_bytes)
            except Unreadable as error:
                report(Skipped(origin, error.reason, error.detail, error.size))
            else:
                declared, texts = licences[name].covering(path)
                yield RawFile(origin, data, declared, texts)

    def describe(self) -> dict[str, str]:
        """See `Source.describe`; ``version`` names every package with its version."""
        versions = (f"{package.name} {package.version}" for package in self._packages().values())
        return {
            "kind": "installed",
            "location": ", ".join(self.settings.folders) or "installed packages",
            "version": ", ".join(versions),
        }

    def _folders(self) -> tuple[Path, ...]:
        return self.folders or tuple(dict.fromkeys(Path(sysconfig.get_path(key)) for key in ("purelib", "platlib")))

    def _packages(self, only: set[str] | None = None) -> dict[str, Package]:
        """The packages by name, sorted; where two folders hold the same one, the first counts, as for `import`."""
        wanted = {normal_name(name) for name in self.settings.packages} if only is None else only
        excluded = {normal_name(name) for name in self.settings.exclude}
        found: dict[str, Package] = {}
        for folder in self._folders():
            if not folder.is_dir():
                raise QuantaError(f"source {self.name}: no folder {folder}")
            for name, distribution in _distributions(folder):
                if name not in found and name not in excluded and (not wanted or name in wanted):
                    package = _package(name, folder, distribution)
                    if package is not None:
                        found[name] = package
        return dict(sorted(found.items()))


def _distributions(folder: Path) -> list[tuple[str, Distribution]]:
    """What is installed in a folder, by name; leftovers of other versions of the same come in the order of versions."""
    found = []
    for distribution in distributions(path=[str(folder)]):
        metadata = distribution.metadata
        if metadata["Name"]:
            found.append((normal_name(metadata["Name"]), str(metadata["Version"] or ""), distribution))
    return [(name, distribution) for name, _, distribution in sorted(found, key=lambda one: one[:2])]


def _package(name: str, folder: Path, distribution: Distribution) -> Package | None:
    if _editable(distribution):
        return None
    listed = _listed(folder, distribution)
    paths, licence_files = [], []
    for path in listed:
        about = licence_scope(path)
        if about is not None:
            licence_files.append((about, path))
        if METADATA_FOLDER.match(path) is None and may_be_code(path):
            paths.append(path)
    metadata = distribution.metadata
    return Package(
        name=name,
        version=str(metadata["Version"] or ""),
        folder=folder,
        paths=tuple(paths),
        declared=metadata_licences(metadata),  # type: ignore[arg-type]  # an email.message.Message behind its protocol
        licence_files=tuple(licence_files),
    )


def _listed(folder: Path, distribution: Distribution) -> list[str]:
    """The distribution's files below its folder, sorted: from its own list, else whatever lies under its top names."""
    files = distribution.files
    if files:
        paths = {file.as_posix() for file in files}
    else:
        paths = set()
        for top in (distribution.read_text("top_level.txt") or "").split():
            if (folder / top).is_dir():
                paths.update(f"{top}/{path}" for path in files_below(folder / top))
            elif (folder / f"{top}.py").is_file():
                paths.add(f"{top}.py")
    return sorted(path for path in paths if not path.startswith("/") and ".." not in path.split("/"))


def _editable(distribution: Distribution) -> bool:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        return bool(origin.get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError):
        return False
