"""The stage that leaves out what a recipe reserves: packages and repositories by name, wherever they lie."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from quantatissu.corpus.document import Document, Drop

_SEPARATORS = re.compile(r"[-_.]+")
_VERSION = re.compile(r"-v?\d+(?:-\w+)*\Z")
_ENDINGS = ("-git", "-dist-info", "-egg-info", "-egg", "-data", "-tar-gz", "-zip", "-whl")


class ReservedSettings(BaseModel):
    """``packages``: names of packages or repositories that must not get into the corpus."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    packages: tuple[str, ...] = ()


def normalise(name: str) -> str:
    """A name as packaging compares it (PEP 503): lower case, runs of ``-``, ``_`` and ``.`` as one ``-``."""
    return _SEPARATORS.sub("-", name.strip().lower()).strip("-")


@lru_cache(maxsize=8_192)
def _names(component: str) -> frozenset[str]:
    """What a part of a path or an address may be called: as it is, without endings and version, without ``python-``."""
    name = normalise(component)
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    bare = _VERSION.sub("", name)
    return frozenset([name, bare, bare.removeprefix("python-")])


@dataclass(frozen=True, slots=True)
class ReservedStage:
    """Drops with reason ``reserved`` what comes from a reserved repository or lies in a folder of a reserved name.

    ``python-x`` reserves ``x`` too, because that is what its folder is called. Versions do not matter:
    ``more_itertools-10.1.0/`` is ``more-itertools``.
    """

    names: frozenset[str]
    name: str = "reserved"

    def __call__(self, document: Document) -> Document | Drop:
        origin = document.origin
        folders = origin.path.rpartition("/")[0]
        for component in (*re.split(r"[/:\\]", origin.repository), *folders.split("/")):
            if component and not self.names.isdisjoint(_names(component)):
                return Drop(self.name, "reserved", f"{component} in {origin.repository}:{origin.path}"[:200])
        return document


def reserved_stage(names: Iterable[str]) -> ReservedStage:
    """The stage that reserves these names."""
    normal = {normalise(name) for name in names}
    return ReservedStage(frozenset(normal | {name.removeprefix("python-") for name in normal} - {""}))
