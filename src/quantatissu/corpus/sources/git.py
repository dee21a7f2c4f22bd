"""Local git repositories as a source: what is committed, whatever lies in the work tree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from quantatissu.corpus.document import Origin, RawFile
from quantatissu.corpus.sources.base import Entry, Group, Report, Skipped, ignore, pack
from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.git_objects import Blob, Commit, Repository
from quantatissu.corpus.sources.licences import LARGEST_LICENCE_FILE, Licences, licence_scope, texts_by_folder
from quantatissu.corpus.sources.locations import local_folders
from quantatissu.corpus.sources.names import may_be_code
from quantatissu.corpus.sources.projects import LARGEST_MANIFEST, manifest_rank, merged
from quantatissu.corpus.sources.settings import GitSettings

_LICENCE_BYTES = 8 << 20  # licence files and manifests of one repository, in all
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class Head:
    """What all items of a group share: the repository, its commit, and the blobs that say how it is licensed."""

    location: str
    label: str
    commit: Commit
    about: tuple[Blob, ...]

    def item(self) -> str:
        """As a group's first item."""
        about = [[blob.path, blob.id, blob.size] for blob in self.about]
        return json.dumps([self.location, self.label, self.commit.id, self.commit.date, about])

    @classmethod
    def of_item(cls, item: str) -> Head:
        """What `item` wrote."""
        location, label, commit, date, about = json.loads(item)
        return cls(location, label, Commit(commit, date), tuple(Blob(path, "file", *rest) for path, *rest in about))


@dataclass(frozen=True, slots=True)
class GitSource:
    """Every file of one commit of each repository. ``base``: what relative paths start from.

    A file's repository is its remote (``github.com/owner/name``), or the folder's name where there is none; its
    licences are those that the manifests at the top declare. Links, submodules and LFS pointers are skipped. A group
    never spans two repositories.
    """

    name: str
    settings: GitSettings
    base: Path

    def groups(self) -> list[Group]:
        """Groups in the order of repositories and paths. Raises QuantaError when one cannot be read."""
        found: list[Group] = []
        for location, repository, commit in self._repositories():
            label = repository.remote() or repository.folder.resolve().name.removesuffix(".git")
            blobs = list(repository.tree(commit.id))
            head = Head(location, label, commit, tuple(_about(blobs))).item()
            entries = (
                Entry(f"{blob.kind} {blob.id} {blob.size} {blob.path}", blob.size * self._fits(blob), head)
                for blob in blobs
                if may_be_code(blob.path)
            )
            for group in pack(self.name, entries, self.settings.group_bytes):
                found.append(Group(self.name, f"{len(found):06d}", (head, *group.items), group.fingerprint))
        return found

    def read(self, group: Group, report: Report = ignore) -> Iterator[RawFile]:
        """See `Source.read`."""
        head = Head.of_item(group.items[0])
        blobs = [_blob(item) for item in group.items[1:]]
        readable = [blob for blob in blobs if blob.kind == "file" and self._fits(blob)]
        contents = Repository(self.base / head.location).read([*head.about, *readable])
        licences = _licences({blob.path: next(contents) for blob in head.about})
        for blob in blobs:
            origin = Origin(self.name, head.label, head.commit.id, blob.path, head.commit.date)
            data = self._refused(blob) or next(contents)
            if isinstance(data, bytes) and data.startswith(_LFS):
                data = Unreadable("lfs_pointer", "the content is on a server", blob.size)
            if isinstance(data, Unreadable):
                report(Skipped(origin, data.reason, data.detail, data.size))
            else:
                yield RawFile(origin, data, *licences.covering(blob.path))

    def describe(self) -> dict[str, str]:
        """See `Source.describe`; ``revision`` has the commits, in the order of ``location``."""
        found = [(location, commit.id) for location, _, commit in self._repositories()]
        return {
            "kind": "git",
            "location": ", ".join(location for location, _ in found),
            "revision": ", ".join(commit for _, commit in found),
        }

    def _repositories(self) -> Iterator[tuple[str, Repository, Commit]]:
        for location in local_folders(self.name, self.settings.repositories, self.base):
            repository = Repository(self.base / location)
            yield location, repository, repository.commit(self.settings.commit)

    def _fits(self, blob: Blob) -> bool:
        return blob.size <= self.settings.max_file_bytes

    def _refused(self, blob: Blob) -> bytes | Unreadable | None:
        if blob.kind != "file":
            return Unreadable(blob.kind)
        if not self._fits(blob):
            return Unreadable("too_large", f"{blob.size} bytes, at most {self.settings.max_file_bytes}", blob.size)
        return None


def _blob(item: str) -> Blob:
    kind, name, size, path = item.split(" ", 3)
    return Blob(path, kind, name, int(size))


def _about(blobs: Iterable[Blob]) -> Iterator[Blob]:
    """The manifests at the top and all licence files, within bounds."""
    room = _LICENCE_BYTES
    for blob in blobs:
        manifest = manifest_rank(blob.path) is not None and blob.size <= LARGEST_MANIFEST
        licence = licence_scope(blob.path) is not None and blob.size <= LARGEST_LICENCE_FILE
        if blob.kind == "file" and (manifest or licence) and blob.size <= room:
            room -= blob.size
            yield blob


def _licences(contents: dict[str, bytes | Unreadable]) -> Licences:
    found = {path: data for path, data in contents.items() if isinstance(data, bytes)}
    project = merged({path: data for path, data in found.items() if manifest_rank(path) is not None})
    texts = [(scope, data) for path, data in found.items() if (scope := licence_scope(path)) is not None]
    return Licences(project.licences, texts_by_folder(texts))
