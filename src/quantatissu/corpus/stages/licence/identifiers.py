"""The SPDX identifiers that occur in code, and their canonical spelling.

Not the whole SPDX list: what is missing here is not recognised, and what is not recognised is dropped by default.
"""

from __future__ import annotations

import difflib
import re
from typing import Final

PERMISSIVE: Final = (
    "0BSD", "AFL-2.1", "AFL-3.0", "Apache-1.1", "Apache-2.0", "Artistic-2.0", "BlueOak-1.0.0", "BSD-1-Clause",
    "BSD-2-Clause", "BSD-2-Clause-Patent", "BSD-3-Clause", "BSD-3-Clause-Clear", "BSD-3-Clause-LBNL",
    "BSD-Source-Code", "BSL-1.0", "bzip2-1.0.6", "CC-BY-3.0", "CC-BY-4.0", "CC-PDDC", "CC0-1.0", "CNRI-Python",
    "curl", "ECL-2.0", "FTL", "HPND", "ICU", "IJG", "ISC", "JasPer-2.0", "libpng-2.0", "Libpng", "libtiff", "MIT",
    "MIT-0", "MIT-CMU", "MIT-Modern-Variant", "MS-PL", "MulanPSL-2.0", "NCSA", "NTP", "OLDAP-2.8", "PHP-3.0",
    "PHP-3.01", "PostgreSQL", "PSF-2.0", "Python-2.0", "Python-2.0.1", "Ruby", "TCL", "TCP-wrappers", "Unicode-3.0",
    "Unicode-DFS-2015", "Unicode-DFS-2016", "Unlicense", "UPL-1.0", "W3C", "WTFPL", "X11", "Xnet", "Zlib",
    "zlib-acknowledgement", "ZPL-2.0", "ZPL-2.1",
)  # fmt: skip
"""Licences that ask for attribution at most: the default allowlist."""

_OTHERS: Final = (
    "AGPL-1.0-only", "AGPL-3.0-only", "AGPL-3.0-or-later", "APSL-2.0", "Artistic-1.0", "Artistic-1.0-Perl",
    "BSD-4-Clause", "BSD-4-Clause-UC", "BUSL-1.1", "CC-BY-NC-4.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-3.0",
    "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CDDL-1.0", "CDDL-1.1", "CECILL-2.1",
    "CECILL-B", "CECILL-C", "CPAL-1.0", "CPL-1.0", "Elastic-2.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2",
    "GFDL-1.3-only", "GPL-1.0-only", "GPL-1.0-or-later", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only",
    "GPL-3.0-or-later", "IPL-1.0", "JSON", "LGPL-2.0-only", "LGPL-2.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later",
    "LGPL-3.0-only", "LGPL-3.0-or-later", "LPPL-1.3c", "MPL-1.0", "MPL-1.1", "MPL-2.0",
    "MPL-2.0-no-copyleft-exception", "MS-RL", "NASA-1.3", "NPL-1.1", "ODbL-1.0", "OFL-1.1", "OpenSSL", "OSL-3.0",
    "PolyForm-Noncommercial-1.0.0", "QPL-1.0", "RPL-1.5", "SISSL", "Sleepycat", "SSPL-1.0", "VSL-1.0", "Vim",
    "Watcom-1.0",
)  # fmt: skip

KNOWN: Final = frozenset(PERMISSIVE + _OTHERS)
_BY_LOWER: Final = {identifier.lower(): identifier for identifier in KNOWN}
_DEPRECATED = re.compile(r"(a?gpl|lgpl)-(\d(?:\.\d)?)(\+?)\Z")
_REFERENCE = re.compile(r"(?:DocumentRef-[\w.-]+:)?LicenseRef-[\w.-]+\Z", re.IGNORECASE)


def canonical(identifier: str) -> str | None:
    """The canonical spelling of an identifier, deprecated ``GPL-2.0`` and ``GPL-2.0+`` included; None if unknown."""
    lower = identifier.lower()
    if lower in _BY_LOWER:
        return _BY_LOWER[lower]
    if match := _DEPRECATED.match(lower):
        version = match[2] if "." in match[2] else f"{match[2]}.0"
        return _BY_LOWER.get(f"{match[1]}-{version}-{'or-later' if match[3] else 'only'}")
    if lower.endswith("+"):  # "or any later version" of a licence without an identifier of its own for that
        return _BY_LOWER.get(lower[:-1])
    return identifier if _REFERENCE.match(identifier) else None


def nearest(identifier: str) -> str | None:
    """The known identifier that a misspelt one probably means."""
    close = difflib.get_close_matches(identifier.lower(), _BY_LOWER, n=1, cutoff=0.7)
    return _BY_LOWER[close[0]] if close else None
