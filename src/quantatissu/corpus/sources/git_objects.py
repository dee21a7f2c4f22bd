"""A git repository's objects, read by a confined git that runs nothing of the repository's (see `sandbox.git`).

Only object plumbing is used: no work tree, no index, no attributes, so no filter, hook or monitor has an occasion.
Building a sandbox costs more than what git does in it, so every question is asked for many objects at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.names import path_text
from quantatissu.foundation import QuantaError
from quantatissu.sandbox import Finished, open_sandbox, run_git
from quantatissu.sandbox.git import GIT_LIMITS

_BATCH_BYTES = GIT_LIMITS.output_bytes // 4
_COMMITTER = re.compile(rb"^committer .* (\d{1,12}) [+-]\d{4}$", re.MULTILINE)
_URL = re.compile(r"(?:https?|ssh|git|git\+ssh|git\+https)://(?:[^/@]*@)?([^/:]+)(?::\d+)?/(.+)")
_SCP = re.compile(r"(?:[^@/:]+@)?([^/:@]+):(?![:/])(.+)")


@dataclass(frozen=True, slots=True)
class Blob:
    """One entry of a commit's tree: ``kind`` is ``file``, ``link`` or ``submodule``; ``size`` in bytes."""

    path: str
    kind: str
    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's id and its committer's date (ISO 8601, UTC)."""

    id: str
    date: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A local repository, its top folder or a bare one. Every method raises QuantaError when git cannot read it."""

    folder: Path

    def commit(self, wanted: str = "") -> Commit:
        """The commit that ``wanted`` names, or the head of the default branch: in a clone the one that ``origin`` named
        when it was last asked, else whatever is checked out.
        """
        names = [wanted] if wanted else ["refs/remotes/origin/HEAD", "HEAD"]
        if any("\n" in name for name in names):
            raise QuantaError(f"{self.folder}: a commit's name has no line end in it")
        answer = self._answer("cat-file", "--batch", stdin="".join(f"{name}^{{commit}}\n" for name in names).encode())
        position = 0
        for _ in names:
            fields, start, end = _header(answer, position)
            if fields[1:2] == [b"commit"]:
                committer = _COMMITTER.search(answer[start:end].partition(b"\n\n")[0])
                return Commit(fields[0].decode(), _iso(int(committer[1])) if committer else "")
            position = start
        raise QuantaError(
            f"{self.folder}: no commit {wanted}" if wanted else f"{self.folder}: the repository has no commit yet",
            hint="`git log` there shows what it has." if wanted else None,
        )

    def remote(self) -> str:
        """Where ``origin`` is: see `host_and_path`. Raises QuantaError for a partial clone: git would fetch what it
        lacks from whatever its configuration names, and is stopped at a point that varies.
        """
        pattern = r"^(remote\.origin\.url|remote\..*\.promisor|extensions\.partialclone)$"
        found = self._git("config", "--null", "--get-regexp", pattern)
        settings = dict(line.partition("\n")[::2] for line in found.stdout.decode("utf-8", "replace").split("\0"))
        url = settings.pop("remote.origin.url", "")
        if any(settings):
            raise QuantaError(
                f"{self.folder}: it is a partial clone, and nothing is fetched while a corpus is built",
                hint="Make a full clone of it.",
            )
        return host_and_path(url.strip())

    def tree(self, commit: str) -> Iterator[Blob]:
        """All blobs of a commit's tree, in git's order (by path, as bytes)."""
        return self._listed(commit, b"")

    def read(self, blobs: Sequence[Blob]) -> Iterator[bytes | Unreadable]:
        """The content of each blob, in order; memory is bounded by the larger of 16 MiB and the largest blob."""
        batch: list[Blob] = []
        held = 0
        for blob in blobs:
            if batch and held + blob.size > _BATCH_BYTES:
                yield from self._read(batch)
                batch, held = [], 0
            batch.append(blob)
            held += blob.size + 256
        if batch:
            yield from self._read(batch)

    def _read(self, blobs: Sequence[Blob]) -> Iterator[bytes | Unreadable]:
        output = self._git("cat-file", "--batch", stdin="".join(f"{blob.id}\n" for blob in blobs).encode()).stdout
        position = 0
        for blob in blobs:
            fields, start, end = _header(output, position)
            if fields[1:] == [b"missing"]:
                position = start
                yield Unreadable("missing_object", blob.id, blob.size)
            elif fields[1:] == [b"blob", b"%d" % blob.size] and end < len(output):
                position = end + 1
                yield output[start:end]
            else:
                position = len(output)  # git gave up on this object, and with it on all that follow
                yield Unreadable("damaged_object", blob.id, blob.size)

    def _listed(self, tree: str, prefix: bytes) -> Iterator[Blob]:
        whole = self._answer("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
        if len(whole) <= GIT_LIMITS.output_bytes:
            yield from (_blob(line, prefix) for line in whole.split(b"\0")[:-1])
            return
        # Too many names for one answer (half a million files or more): folder by folder.
        for line in self._answer("ls-tree", "-z", "-l", "--full-tree", tree).split(b"\0")[:-1]:
            about, _, name = line.partition(b"\t")
            fields = about.split()
            if fields[1] == b"tree":
                yield from self._listed(fields[2].decode(), prefix + name + b"/")
            else:
                yield _blob(line, prefix)

    def _git(self, *args: str, stdin: bytes | None = None) -> Finished:
        return run_git(open_sandbox(), self.folder, args, stdin=stdin)

    def _answer(self, *args: str, stdin: bytes | None = None) -> bytes:
        answer = self._git(*args, stdin=stdin)
        if answer.ok:
            return answer.stdout
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines() or ["it failed"]
        fatal = next((line for line in said if line.startswith("fatal: ")), said[0])
        why = f"it passed the limit on {answer.limit}" if answer.limit else fatal.removeprefix("fatal: ")
        raise QuantaError(
            f"{self.folder}: git cannot read it: {why}",
            hint="Objects borrowed from another repository (alternates) are not followed; a full clone has its own.",
        )


def host_and_path(url: str) -> str:
    """A remote's address as ``host/owner/name``: no scheme, user, password or port. Empty for a path or a program."""
    match = _URL.fullmatch(url) or (None if "://" in url else _SCP.fullmatch(url))
    return f"{match[1]}/{match[2].strip('/').removesuffix('.git')}" if match else ""


def _header(output: bytes, position: int) -> tuple[list[bytes], int, int]:
    """The fields of a ``cat-file --batch`` answer's first line, and where its content starts and ends."""
    line_end = output.find(b"\n", position)
    fields = output[position:line_end].split() if line_end >= 0 else []
    start = line_end + 1 if fields else len(output)
    return fields, start, start + int(fields[2]) if len(fields) == 3 and fields[2].isdigit() else start


def _blob(line: bytes, prefix: bytes) -> Blob:
    """``MODE TYPE ID SIZE<tab>NAME`` of ``git ls-tree -l``."""
    about, _, name = line.partition(b"\t")
    mode, _, name_of_object, size = about.split()
    kind = {b"120000": "link", b"160000": "submodule"}.get(mode, "file")
    return Blob(path_text(prefix + name), kind, name_of_object.decode(), int(size) if size.isdigit() else 0)


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
