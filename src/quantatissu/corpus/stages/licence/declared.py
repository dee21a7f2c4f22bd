"""What package metadata says about licences, mapped to SPDX: expressions, trove classifiers, free-form fields.

Classifiers and fields that do not name one licence (``BSD License`` without clauses, ``Freely Distributable``) map to
nothing: the licence's text has to decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from quantatissu.corpus.stages.licence.spdx import All, Any, Expression, Licence, parse_expression
from quantatissu.corpus.stages.licence.texts import recognise

# Trove classifiers, without "License :: " and "OSI Approved :: ". A family without a version is taken at its widest.
_CLASSIFIERS: Final = {
    "academic free license (afl)": "AFL-3.0",
    "apache software license": "Apache-2.0",
    "artistic license": "Artistic-2.0",
    "blue oak model license (blueoak-1.0.0)": "BlueOak-1.0.0",
    "boost software license 1.0 (bsl-1.0)": "BSL-1.0",
    "cc0 1.0 universal (cc0 1.0) public domain dedication": "CC0-1.0",
    "cecill-b free software license agreement (cecill-b)": "CECILL-B",
    "cecill-c free software license agreement (cecill-c)": "CECILL-C",
    "common development and distribution license 1.0 (cddl-1.0)": "CDDL-1.0",
    "eclipse public license 1.0 (epl-1.0)": "EPL-1.0",
    "eclipse public license 2.0 (epl-2.0)": "EPL-2.0",
    "european union public licence 1.1 (eupl 1.1)": "EUPL-1.1",
    "european union public licence 1.2 (eupl 1.2)": "EUPL-1.2",
    "gnu affero general public license v3": "AGPL-3.0-only",
    "gnu affero general public license v3 or later (agplv3+)": "AGPL-3.0-or-later",
    "gnu general public license (gpl)": "GPL-1.0-or-later",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu lesser general public license v2 (lgplv2)": "LGPL-2.0-only",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "gnu library or lesser general public license (lgpl)": "LGPL-2.0-or-later",
    "historical permission notice and disclaimer (hpnd)": "HPND",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit no attribution license (mit-0)": "MIT-0",
    "mozilla public license 1.0 (mpl)": "MPL-1.0",
    "mozilla public license 1.1 (mpl 1.1)": "MPL-1.1",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mulan permissive software license v2 (mulanpsl-2.0)": "MulanPSL-2.0",
    "other/proprietary license": "LicenseRef-Proprietary",
    "postgresql license": "PostgreSQL",
    "python license (cnri python license)": "CNRI-Python",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "universal permissive license (upl)": "UPL-1.0",
    "university of illinois/ncsa open source license": "NCSA",
    "w3c license": "W3C",
    "zero-clause bsd (0bsd)": "0BSD",
    "zlib/libpng license": "Zlib",
    "zope public license": "ZPL-2.1",
}

# Free-form fields, after `_plain`: lower case, no "the", "license", "licence", "software", no punctuation.
_SPELLINGS: Final = {
    "0BSD": "0bsd, zero clause bsd",
    "AGPL-3.0-only": "agpl",
    "Apache-2.0": (
        "apache 2, apache 2 0, apache v2, apache v2 0, apache version 2, apache version 2 0, apache2, apache2 0, "
        "asl 2, asl 2 0, apache, al2, apl2, apachev2"
    ),
    "Artistic-2.0": "artistic 2 0",
    "BSD-2-Clause": "2 clause bsd, bsd 2, bsd 2 clause, simplified bsd, bsd simplified, freebsd, bsd 2clause",
    "BSD-3-Clause": (
        "3 clause bsd, bsd 3, bsd 3 clause, new bsd, bsd new, modified bsd, bsd modified, revised bsd, bsd "
        "revised, bsd 3clause, bsd3, three clause bsd"
    ),
    "BSL-1.0": "boost, boost 1 0",
    "BlueOak-1.0.0": "blue oak 1 0 0",
    "CC-BY-4.0": "cc by 4 0",
    "CC-PDDC": "public domain",
    "CC0-1.0": "cc0, cc0 1 0, cc0 1 0 universal",
    "EPL-2.0": "epl 2 0, eclipse public 2 0",
    "EUPL-1.2": "eupl 1 2",
    "GPL-1.0-or-later": "gpl, gnu gpl, gnu general public",
    "GPL-2.0-only": "gpl 2",
    "GPL-3.0-only": "gpl 3",
    "HPND": "hpnd",
    "ISC": "isc, iscl",
    "LGPL-2.0-or-later": "lgpl, gnu lgpl, gnu lesser general public",
    "LicenseRef-Proprietary": "proprietary, commercial, nvidia proprietary",
    "MIT": "mit, expat, mit x11, mit expat",
    "MPL-2.0": "mpl, mpl 2, mpl 2 0, mpl2, mozilla public 2 0, mozilla public version 2 0, mpl v2 0",
    "NCSA": "ncsa",
    "PSF-2.0": "psf, psf 2 0, psfl, psf 2, python, python foundation",
    "PostgreSQL": "postgresql",
    "Python-2.0": "python 2 0",
    "Unlicense": "unlicense, unlicence",
    "WTFPL": "wtfpl",
    "ZPL-2.1": "zpl, zpl 2 1",
    "Zlib": "zlib, zlib libpng",
}
_BY_SPELLING: Final = {name: identifier for identifier, names in _SPELLINGS.items() for name in names.split(", ")}
_NOISE = re.compile(r"\b(?:the|licen[cs]e[ds]?|software|see|of|terms|under)\b|[^a-z0-9+]+")
_GPL = re.compile(
    r"(?:gnu )?(?P<kind>a|l)?(?:gpl|(?P<word>affero|lesser|library)? ?general public)"
    r" ?(?:version |v)?(?P<major>[123])(?: (?P<minor>[01]))?(?: only)?"
    r"(?P<later>\+| or (?:any )?(?:later|newer|greater).*)?\Z"
)
_LONGEST_NAME = 200
_CHOICE = re.compile(r"\s+or\s+|\s*/\s*|\s*\|+\s*", re.IGNORECASE)
_BOTH = re.compile(r"\s+and\s+|\s*[,;&]\s*", re.IGNORECASE)


def declared_licences(expression: str = "", licence: str = "", classifiers: Sequence[str] = ()) -> tuple[str, ...]:
    """SPDX expressions that package metadata declares, by the most telling field alone.

    ``expression`` is ``License-Expression`` (PEP 639), ``licence`` the free-form ``License`` (a name, or a whole text),
    ``classifiers`` all trove classifiers: several licences among them all apply. In this order, but a whole text comes
    last, because it often is that of everything a package bundles.
    """
    named = [understand(classifier) for classifier in classifiers if classifier.startswith("License ::")]
    of_classifiers = tuple(dict.fromkeys(str(found) for found in named if found is not None))
    is_text = "\n" in licence.strip() or len(licence) > _LONGEST_NAME
    for statement in (expression, "" if is_text and of_classifiers else licence):
        found = understand(statement)
        if found is not None:
            return (str(found),)
    return of_classifiers


@lru_cache(maxsize=4_096)
def understand(statement: str) -> Expression | None:
    """The licence that a declaration means, be it an expression, a classifier, a name or a whole licence text."""
    statement = statement.strip()
    if not statement:
        return None
    if statement.startswith("License ::"):
        return _named(_CLASSIFIERS.get(statement.rpartition("::")[2].strip().lower()))
    if len(statement) > _LONGEST_NAME or "\n" in statement:
        return recognise(statement)
    return parse_expression(statement) or _name(statement) or _list_of_names(statement) or recognise(statement)


def _named(identifier: str | None) -> Expression | None:
    return Licence(identifier) if identifier else None


def _plain(name: str) -> str:
    return " ".join(_NOISE.sub(" ", name.lower()).split())


def _name(statement: str) -> Expression | None:
    plain = _plain(re.sub(r"\(.*?\)", " ", statement)) or _plain(statement)
    if plain in _BY_SPELLING:
        return Licence(_BY_SPELLING[plain])
    match = _GPL.match(plain)
    if match is None:
        bracketed = re.search(r"\(([^()]+)\)", statement)
        return parse_expression(bracketed[1]) if bracketed else None
    kind = match["kind"] or {"affero": "a", "lesser": "l", "library": "l"}.get(match["word"] or "", "")
    later = "+" if match["later"] else ""
    return parse_expression(f"{kind}gpl-{match['major']}.{match['minor'] or '0'}{later}")


def _list_of_names(statement: str) -> Expression | None:
    """``MIT or Apache 2.0``, ``MIT/Apache-2.0`` (a choice); ``BSD-3-Clause and MIT``, ``MIT, PSF`` (both apply)."""
    for separator, join in ((_CHOICE, Any), (_BOTH, All)):
        names = [name for name in separator.split(statement) if name]
        if len(names) > 1:
            parts = [parse_expression(name) or _name(name) for name in names]
            known = tuple(part for part in parts if part is not None)
            if len(known) == len(parts):
                return join(known)
    return None
