"""Source archives as a source: sdists, wheels, crates, zips and tars, read in memory and within bounds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quantatissu.corpus.document import Origin, RawFile
from quantatissu.corpus.sources.base import Entry, Group, Report, Skipped, cut, ignore, pack
from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.licences import (
    LARGEST_LICENCE_FILE,
    METADATA_FOLDER,
    Licences,
    licence_scope,
    texts_by_folder,
)
from quantatissu.corpus.sources.locations import local_files
from quantatissu.corpus.sources.names import inside, may_be_code
from quantatissu.corpus.sources.projects import LARGEST_MANIFEST, Project, manifest_rank, merged
from quantatissu.corpus.sources.settings import ArchivesSettings
from quantatissu.corpus.sources.tar import Member
from quantatissu.corpus.sources.unpack import ARCHIVE_SUFFIXES, Bounds, members

_USUAL_RATIO = 4  # unpacked to packed bytes of source code, for grouping only
_LICENCE_BYTES = 8 << 20  # licence files of one archive, in all
_VERSIONED = re.compile(r"(.+?)[-_]v?(\d[\w.+!-]*)")


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first pass over an archive finds out: its project, licences, the one folder everything lies in (``top``,
    with its slash, or nothing), and for each member the bytes that reading it will give.
    """

    project: Project
    licences: Licences
    top: str
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ArchivesSource:
    """Every archive a repository, named by its metadata, else by its file. ``base``: what relative paths start from.

    An archive that is damaged or passes a bound gives nothing at all, and is reported once. Its links, devices,
    encrypted members and members with paths that lead out of it are reported one by one.
    """

    name: str
    settings: ArchivesSettings
    base: Path

    def groups(self) -> list[Group]:
        """Small archives together, large ones in parts. Raises QuantaError when a path of the recipe is not there."""
        entries: list[Entry] = []
        for location in local_files(self.name, self.settings.paths, self.base, ARCHIVE_SUFFIXES):
            path = self.base / location
            try:
                with path.open("rb") as file:
                    identity = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
                size = path.stat().st_size
            except OSError as error:
                entries.append(Entry(f"0::{location}", 0, f"unreadable:{error.strerror}"))
                continue
            for start, stop, raw in self._parts(path, size):
                end = "" if stop is None else stop
                entries.append(Entry(f"{start}:{end}:{location}", raw, identity))
        return pack(self.name, entries, self.settings.group_bytes)

    def read(self, group: Group, report: Report = ignore) -> Iterator[RawFile]:
        """See `Source.read`. A part of a large archive unpacks what lies before it again, which is far cheaper than
        what is done with it afterwards.
        """
        for item in group.items:
            start, stop, location = item.split(":", 2)
            yield from self._read(location, int(start), int(stop) if stop else None, report)

    def describe(self) -> dict[str, str]:
        """See `Source.describe`."""
        return {"kind": "archives", "location": ", ".join(self.settings.paths)}

    @property
    def _bounds(self) -> Bounds:
        return Bounds(self.settings.max_members, self.settings.max_archive_bytes, self.settings.max_ratio)

    def _parts(self, path: Path, size: int) -> list[tuple[int, int | None, int]]:
        """Ranges of members that fit a group: see `cut`."""
        if size * _USUAL_RATIO <= self.settings.group_bytes:
            return [(0, None, size * _USUAL_RATIO)]
        try:
            return cut(self._survey(path).sizes, self.settings.group_bytes)
        except Unreadable:
            return [(0, None, 0)]  # reading it will say why

    def _read(self, location: str, start: int, stop: int | None, report: Report) -> Iterator[RawFile]:
        path = self.base / location
        label = path.name
        try:
            survey = self._survey(path)
        except Unreadable as error:
            if stop is None:  # once, not for every part
                report(Skipped(Origin(self.name, label, "", ""), error.reason, error.detail, error.size))
            return
        repository, revision = _identity(label, survey.project)
        try:
            for number, member in enumerate(members(path, self._bounds)):
                if stop is not None and number >= stop:
                    return
                if number < start or member.kind == "folder":
                    continue
                relative = inside(member.path)
                kept = (relative or member.path).removeprefix(survey.top)
                origin = Origin(self.name, repository, revision, kept)
                try:
                    if relative is None:
                        raise Unreadable("unsafe_path", size=member.size)
                    if not _is_input(kept):
                        continue
                    if member.kind != "file":
                        raise Unreadable(member.kind, size=member.size)
                    data = self._take(member)
                except Unreadable as error:
                    if error.reason == "damaged_archive":
                        raise
                    report(Skipped(origin, error.reason, error.detail, error.size))
                else:
                    yield RawFile(origin, data, *survey.licences.covering(kept))
        except Unreadable as error:  # it changed since the survey
            report(Skipped(Origin(self.name, repository, revision, ""), error.reason, error.detail, error.size))

    def _take(self, member: Member) -> bytes:
        most = self.settings.max_file_bytes
        if member.size > most:
            raise Unreadable("too_large", f"{member.size} bytes, at most {most}", member.size)
        return member.take()

    def _survey(self, path: Path) -> Survey:
        """Raises `Unreadable` when the archive is damaged or passes a bound."""
        sizes: list[int] = []
        tops: set[str] = set()
        manifests: dict[str, bytes] = {}
        licences: dict[str, bytes] = {}
        room = _LICENCE_BYTES
        for member in members(path, self._bounds):
            relative = inside(member.path)
            sizes.append(0)
            if relative is None or member.kind == "folder":
                continue
            top, slash, below = relative.partition("/")
            tops.add(top + slash)
            if member.kind != "file":
                continue
            sizes[-1] = member.size if may_be_code(relative) and member.size <= self.settings.max_file_bytes else 0
            # Whether all lies in one folder is known only at the end, so both readings of the path are tried.
            if member.size <= LARGEST_MANIFEST and (manifest_rank(relative), manifest_rank(below)) != (None, None):
                manifests[relative] = member.take()
            elif member.size <= min(LARGEST_LICENCE_FILE, room) and licence_scope(relative) is not None:
                licences[relative] = member.take()
                room -= member.size
        top = next(iter(tops)) if len(tops) == 1 and next(iter(tops)).endswith("/") else ""
        project = merged({name.removeprefix(top): data for name, data in manifests.items()})
        texts = [(licence_scope(name.removeprefix(top)) or "", data) for name, data in licences.items()]
        return Survey(project, Licences(project.licences, texts_by_folder(texts)), top, tuple(sizes))


def _is_input(path: str) -> bool:
    return may_be_code(path) and METADATA_FOLDER.match(path) is None


def _identity(file_name: str, project: Project) -> tuple[str, str]:
    """Repository and revision: from the metadata, else from a file name like ``name-1.2.tar.gz``."""
    if project.name:
        return project.name, project.version
    stem = file_name
    for suffix in sorted(ARCHIVE_SUFFIXES, key=len, reverse=True):
        if file_name.lower().endswith(suffix):
            stem = file_name[: -len(suffix)]
            break
    match = _VERSIONED.fullmatch(stem)
    return (match[1], match[2]) if match else (stem, "")
