"""Licences recognised by a few distinctive phrases of their texts and notices.

A text is normalised to lower-case words with single spaces, so reflowing, comment prefixes, quotes and hyphenation do
not matter. A licence is recognised where all its phrases occur and none of those that tell it from a relative. Several
licences in one text all apply: ``A AND B``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from quantatissu.corpus.stages.licence.spdx import Expression, Licence, every, parse_expression


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``expression`` is found where all of ``phrases`` occur, at least one of ``either`` and none of ``absent``."""

    expression: str
    phrases: tuple[str, ...]
    absent: tuple[str, ...] = ()
    either: tuple[str, ...] = ()

    def matches(self, words: str) -> bool:
        """Whether normalised text carries it."""
        return (
            all(phrase in words for phrase in self.phrases)
            and (not self.either or any(phrase in words for phrase in self.either))
            and not any(phrase in words for phrase in self.absent)
        )


_GRANT = "permission is hereby granted free of charge to any person obtaining a copy"
_KEEP_NOTICE = "permission notice shall be included"
_REDISTRIBUTE = "redistribution and use in source and binary forms with or without modification"
_BINARY = "redistributions in binary form must reproduce"
_ENDORSE = ("endorse or promote", "neither the name", "promote products derived")
_ADVERTISE = "all advertising materials mentioning"
_FEE = "for any purpose with or without fee is hereby granted"
_OLD_FEE = (
    "for any purpose and without fee",
    "for any purpose without fee",
    "for any purpose is hereby granted without fee",
)
_CC = "creative commons"

_FINGERPRINTS: Final[tuple[Fingerprint, ...]] = (
    # The grants in the manner of MIT.
    Fingerprint(
        "MIT",
        (_GRANT, _KEEP_NOTICE),
        (
            "except as contained in this notice the name",
            "for good not evil",
            "commons clause",
            "all advertising materials",
            "redistributions of source code must retain",
            "unicode data files",
        ),
    ),
    Fingerprint("X11", (_GRANT, _KEEP_NOTICE, "except as contained in this notice the name")),
    Fingerprint(
        "MIT-0",
        (_GRANT, "the software is provided as is"),
        (
            _KEEP_NOTICE,
            "or organization obtaining a copy",
            "above copyright notice",
            "redistributions of source code",
            "accompany all copies",
        ),
    ),
    Fingerprint("JSON", (_GRANT, "for good not evil")),
    Fingerprint("NCSA", (_GRANT, "redistributions of source code must retain", "neither the names")),
    Fingerprint(
        "BSL-1.0", ("any person or organization obtaining a copy of the software and accompanying documentation",)
    ),
    Fingerprint("BSL-1.0", ("boost software license version 1 0",)),
    Fingerprint("UPL-1.0", ("universal permissive license",), (), ("larger works", "upl version 1 0", "version 1 0")),
    Fingerprint("Unicode-3.0", ("unicode license v3",)),
    Fingerprint("Unicode-DFS-2016", (_GRANT, "unicode data files"), ("unicode license v3",)),
    # BSD and its kin.
    Fingerprint(
        "BSD-3-Clause",
        (_REDISTRIBUTE, _BINARY),
        (_ADVERTISE, "patent rights are granted", "apache software foundation"),
        _ENDORSE,
    ),
    Fingerprint("BSD-2-Clause", (_REDISTRIBUTE, _BINARY), (_ADVERTISE, "patent license", *_ENDORSE)),
    Fingerprint("BSD-2-Clause-Patent", (_REDISTRIBUTE, _BINARY, "patent license"), _ENDORSE),
    Fingerprint("BSD-1-Clause", (_REDISTRIBUTE, "redistributions of source code must retain"), (_BINARY, *_ENDORSE)),
    Fingerprint(
        "BSD-4-Clause", (_REDISTRIBUTE, _BINARY, _ADVERTISE), ("openssl toolkit", "apache software foundation")
    ),
    Fingerprint("BSD-3-Clause-Clear", (_REDISTRIBUTE, _BINARY, "no express or implied licenses to any party s patent")),
    Fingerprint("OpenSSL", ("openssl toolkit", _ADVERTISE)),
    Fingerprint("Apache-1.1", (_REDISTRIBUTE, "apache software foundation", "end user documentation included")),
    # ISC, HPND and older grants.
    Fingerprint("ISC", (_FEE, "notice and this permission notice appear in all copies")),
    Fingerprint("0BSD", (_FEE,), ("notice and this permission notice appear",)),
    Fingerprint(
        "HPND",
        ("permission to use copy modify", "supporting documentation"),
        ("by obtaining using and or copying", "cnri", "stichting mathematisch"),
        _OLD_FEE,
    ),
    Fingerprint("MIT-CMU", ("permission to use copy modify", "by obtaining using and or copying this software")),
    Fingerprint(
        "PostgreSQL",
        ("without a written agreement is hereby granted", "in no event shall the university of california"),
    ),
    Fingerprint(
        "curl",
        (
            "permission to use copy modify and distribute this software for any purpose with or without fee",
            "except as contained in this notice the name",
        ),
        ("appear in all copies and",),
    ),
    Fingerprint(
        "NTP", ("suitability this software for any purpose",), ("supporting documentation and that the name of pillow",)
    ),
    Fingerprint(
        "Zlib",
        ("the origin of this software must not be misrepresented", "altered source versions must be plainly marked"),
    ),
    Fingerprint("Zlib", ("zlib license", "altered source versions")),
    Fingerprint(
        "bzip2-1.0.6", ("the origin of this software must not be misrepresented", "endorse or promote products derived")
    ),
    # Apache.
    Fingerprint("Apache-2.0", ("apache license version 2 0",), ("llvm exception",)),
    Fingerprint("Apache-2.0", ("licensed under the apache license 2 0",)),
    Fingerprint("Apache-2.0", ("apache org licenses license 2 0",), ("llvm exception",)),
    Fingerprint("Apache-2.0 WITH LLVM-exception", ("apache license", "llvm exception")),
    # Python.
    Fingerprint("Python-2.0", ("python software foundation license version 2", "beopen python open source license")),
    Fingerprint("PSF-2.0", ("python software foundation license version 2",), ("beopen python open source license",)),
    Fingerprint("PSF-2.0", ("licensed to psf under a contributor agreement",)),
    Fingerprint("CNRI-Python", ("cnri open source license agreement",), ("beopen python open source license",)),
    # Public domain and its like.
    Fingerprint("Unlicense", ("free and unencumbered software released into the public domain",)),
    Fingerprint("CC0-1.0", ("cc0 1 0 universal",)),
    Fingerprint("CC0-1.0", (_CC, "publicdomain zero 1 0")),
    Fingerprint("WTFPL", ("do what the fuck you want to public license",)),
    Fingerprint("CC-PDDC", ("released into the public domain",), ("free and unencumbered",)),
    Fingerprint("CC-PDDC", ("placed in the public domain",)),
    # Copyleft by full text or by title.
    Fingerprint("GPL-1.0-or-later", ("gnu general public license version 1 february 1989",)),
    Fingerprint("GPL-2.0-only", ("gnu general public license version 2 june 1991",)),
    Fingerprint("GPL-3.0-only", ("gnu general public license version 3 29 june 2007",)),
    Fingerprint("AGPL-3.0-only", ("gnu affero general public license version 3 19 november 2007",)),
    Fingerprint("LGPL-2.0-only", ("gnu library general public license version 2 june 1991",)),
    Fingerprint("LGPL-2.1-only", ("gnu lesser general public license version 2 1 february 1999",)),
    Fingerprint("LGPL-3.0-only", ("gnu lesser general public license version 3 29 june 2007",)),
    Fingerprint(
        "MPL-2.0",
        ("mozilla public license",),
        (),
        (
            "mozilla public license version 2 0 1 definitions",
            "terms of the mozilla public license v 2 0",
            "mozilla public license version 2 0",
            "mozilla org mpl 2 0",
        ),
    ),
    Fingerprint("MPL-1.1", ("mozilla public license version 1 1",)),
    Fingerprint(
        "EPL-2.0", ("eclipse public license",), (), ("eclipse public license v 2 0", "public license version 2 0")
    ),
    Fingerprint("EPL-1.0", ("eclipse public license", "v 1 0"), ("v 2 0",)),
    Fingerprint("CDDL-1.0", ("common development and distribution license",)),
    Fingerprint("EUPL-1.2", ("european union public license v 1 2",)),
    Fingerprint("GFDL-1.3-only", ("gnu free documentation license",)),
    Fingerprint("Artistic-1.0-Perl", ("the artistic license", "conditions under which a package may be copied")),
    Fingerprint("Artistic-2.0", ("artistic license 2 0",)),
    Fingerprint("OFL-1.1", ("sil open font license",)),
    Fingerprint("MS-PL", ("microsoft public license", "ms pl")),
    Fingerprint("ZPL-2.1", ("zope public license", "zpl", "version 2 1")),
    Fingerprint("ZPL-2.1", ("zope public license version 2 1",)),
    Fingerprint("BlueOak-1.0.0", ("blue oak model license",)),
    Fingerprint("PHP-3.01", ("the php license version 3 01",)),
    Fingerprint("PHP-3.01", ("version 3 01 of the php license",)),
    Fingerprint("FTL", ("the freetype project license",)),
    Fingerprint("IJG", ("independent jpeg group s software",)),
    # Creative Commons.
    Fingerprint("CC-BY-4.0", (_CC, "attribution 4 0 international"), ("sharealike 4 0", "noncommercial")),
    Fingerprint("CC-BY-SA-4.0", (_CC, "sharealike 4 0 international"), ("noncommercial",)),
    Fingerprint("CC-BY-SA-3.0", (_CC, "sharealike 3 0"), ("noncommercial",)),
    Fingerprint("CC-BY-NC-4.0", (_CC, "noncommercial 4 0 international")),
    Fingerprint("CC-BY-NC-SA-4.0", (_CC, "noncommercial sharealike 4 0")),
    # Source available, and not open at all.
    Fingerprint("SSPL-1.0", ("server side public license",)),
    Fingerprint("BUSL-1.1", ("business source license 1 1",)),
    Fingerprint("Elastic-2.0", ("elastic license 2 0",)),
    Fingerprint("LicenseRef-Commons-Clause", ("commons clause license condition",)),
    Fingerprint(
        "LicenseRef-Proprietary",
        ("all rights reserved",),
        (),
        (
            "strictly prohibited",
            "proprietary and confidential",
            "confidential and proprietary",
            "retain all intellectual property",
            "express license agreement",
            "license agreement between you and",
        ),
    ),
    Fingerprint("LicenseRef-Proprietary", ("end user license agreement",), ("gnu general public license",)),
)

# What a file under one of the GNU licences says about itself: the version, and whether a later one will do.
_GNU = re.compile(
    r"(?:terms of|under|licensed under) (?:version (?P<before>\d(?: \d)?) (?:or later )?of )?the gnu "
    r"(?P<kind>general|lesser general|library general|affero general) public licen[cs]e"
    r"(?P<rest>.{0,220})"
)
_GNU_VERSION = re.compile(r"\b(?:version|v) ?(\d)(?: ([01])\b)?|\bv(\d)\b")
_GNU_KINDS = {"general": "GPL", "lesser general": "LGPL", "library general": "LGPL", "affero general": "AGPL"}
_LATER = re.compile(r"any later version|or later|or newer|or any later")
_WORDS = re.compile(r"[^a-z0-9]+")


def normalise(text: str) -> str:
    """Lower-case words and numbers, separated by single spaces."""
    return _WORDS.sub(" ", text.lower().replace("licence", "license"))


@lru_cache(maxsize=2_048)
def recognise(text: str) -> Expression | None:
    """The licences whose text or notice `text` carries, all together; None if there is none that we know."""
    words = normalise(text)
    # A full text of a GNU licence ends with a sample notice, and Python's tells of former licences: neither is meant.
    found = [fingerprint for fingerprint in _FINGERPRINTS if fingerprint.matches(words)]
    tells_of_others = any(
        "GPL-" in fingerprint.expression or "Python" in fingerprint.expression for fingerprint in found
    )
    return every(_expressions(found, [] if tells_of_others else list(_gnu_notices(words))))


def _expressions(found: list[Fingerprint], notices: list[str]) -> Iterator[Expression]:
    for expression in (*(fingerprint.expression for fingerprint in found), *notices):
        yield parse_expression(expression) or Licence(expression)


def _gnu_notices(words: str) -> Iterator[str]:
    for match in _GNU.finditer(words):
        version = _GNU_VERSION.search(match["rest"])
        kind = _GNU_KINDS[match["kind"]]
        number = (match["before"] or "").replace(" ", ".")
        if not number and version:
            number = (version[1] or version[3]) + (f".{version[2]}" if version[2] else "")
        later = "+" if _LATER.search(match["rest"]) or not number else ""
        yield f"{kind}-{number or {'GPL': '1.0', 'LGPL': '2.0', 'AGPL': '3.0'}[kind]}{later}"
