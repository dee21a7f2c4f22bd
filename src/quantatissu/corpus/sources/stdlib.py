"""The running Python's standard library: there on every machine, offline."""

from __future__ import annotations

import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quantatissu.corpus.document import Origin, RawFile
from quantatissu.corpus.sources.base import Entry, Group, Report, Skipped, ignore, pack
from quantatissu.corpus.sources.files import Unreadable, files_below, identity_and_size, read_bounded
from quantatissu.corpus.sources.licences import LARGEST_LICENCE_FILE
from quantatissu.corpus.sources.names import may_be_code
from quantatissu.corpus.sources.settings import StdlibSettings
from quantatissu.foundation import QuantaError

_NOT_THE_LIBRARY = ("site-packages/", "dist-packages/", "lib-dynload/", "config-")


@dataclass(frozen=True, slots=True)
class StdlibSource:
    """The files as Python's own repository names them (``Lib/json/decoder.py``), all under the PSF's licence."""

    name: str
    settings: StdlibSettings

    def groups(self) -> list[Group]:
        """Groups in the order of paths. Raises QuantaError where the library is not there as files."""
        root = _root()
        entries = []
        for path in files_below(root, _belongs):
            if _belongs(path):
                identity, size = identity_and_size(root / path, self.settings.max_file_bytes)
                entries.append(Entry(path, size, identity))
        if not entries:
            raise QuantaError(
                f"no standard library as files in {root}",
                hint='A Python in one archive has none; use [[source]] kind = "installed" or another Python.',
            )
        return pack(self.name, entries, self.settings.group_bytes)

    def read(self, group: Group, report: Report = ignore) -> Iterator[RawFile]:
        """See `Source.read`."""
        root, version = _root(), platform.python_version()
        texts = _licence_text(root)
        for path in group.items:
            origin = Origin(self.name, platform.python_implementation().lower(), version, "Lib/" + path)
            try:
                data = read_bounded(root / path, self.settings.max_file_bytes)
            except Unreadable as error:
                report(Skipped(origin, error.reason, error.detail, error.size))
            else:
                yield RawFile(origin, data, ("PSF-2.0",), texts)

    def describe(self) -> dict[str, str]:
        """See `Source.describe`."""
        return {
            "kind": "stdlib",
            "location": "standard library",
            "version": f"{platform.python_implementation()} {platform.python_version()}",
        }


def _root() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def _belongs(path: str) -> bool:
    # _sysconfigdata is written when Python is built and names that machine's folders.
    return not path.startswith((*_NOT_THE_LIBRARY, "_sysconfigdata")) and may_be_code(path)


def _licence_text(root: Path) -> tuple[str, ...]:
    try:
        return (read_bounded(root / "LICENSE.txt", LARGEST_LICENCE_FILE).decode("utf-8", "replace"),)
    except Unreadable:
        return ()  # distributions move it elsewhere; the licence itself is known
