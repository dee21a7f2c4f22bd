"""Tell a file's language from its name and its content.

A name decides where it is enough; a shebang decides for files without a telling name; and where one extension is shared
(``.h``, ``.m``, ``.ts``, ``.pl`` ...) the content does, by constructs that only one of the candidates has.
"""

from __future__ import annotations

import re
from typing import Final

from quantatissu.corpus.languages import LANGUAGES


def _languages_by_extension() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for language in LANGUAGES:
        for extension in language.extensions:
            table.setdefault(extension, []).append(language.name)
    return {extension: tuple(names) for extension, names in table.items()}


_EXTENSIONS: Final = _languages_by_extension()
_FILENAMES: Final = {filename: language.name for language in LANGUAGES for filename in language.filenames}
_INTERPRETERS: Final = {name: language.name for language in LANGUAGES for name in language.interpreters}

# Asked in order for an extension; the last entry has no pattern and is what remains. An empty name means: not source.
_M = re.MULTILINE
_CONTENT: Final[dict[str, tuple[tuple[str, re.Pattern[str] | None], ...]]] = {
    ".h": (
        ("objective-c", re.compile(r"^\s*(?:@(?:interface|protocol|property|class|end)\b|#import\b)", _M)),
        (
            "c++",
            re.compile(
                r"^\s*(?:template\s*<|namespace\b[^;\n]*\{?\s*$|using\s+(?:namespace|\w+\s*=)|(?:public|private|protected)\s*:"
                r"|class\s+(?:\w+\s+)*\w+\s*(?:final\s*)?[:{;]|class\s+\w+\s*$|virtual\b|constexpr\b|enum\s+class\b"
                r"|#\s*include\s*<(?:c?std\w+|string|vector|map|memory|utility|functional|algorithm|iostream|type_traits)>)"
                r"|\bstd::|\boperator\s*(?:==|<<|\(\))|\bstatic_cast<|\bnoexcept\b",
                _M,
            ),
        ),
        ("c", None),
    ),
    ".m": (
        (
            "objective-c",
            re.compile(
                r"^\s*(?:@(?:interface|implementation|protocol|property|class|end|import)\b|#(?:import|include)\b)", _M
            ),
        ),
        ("", re.compile(r"^\s*\(\*|\w+\[[^\]\n]*_\]\s*:=", _M)),  # Mathematica
        ("matlab", None),
    ),
    ".ts": (("xml", re.compile(r"\A\s*(?:<\?xml|<!DOCTYPE\s+TS|<TS\b)")), ("typescript", None)),
    ".tsx": (("xml", re.compile(r"\A\s*<\?xml")), ("typescript", None)),
    ".rs": (("xml", re.compile(r"\A\s*<\?xml")), ("rust", None)),
    ".pl": (
        (
            "perl",
            re.compile(
                r"^\s*(?:use\s+(?:strict|warnings|[A-Z][\w:]*|v?5)|package\s+\w|sub\s+\w|my\s+[$@%(])|[$@]\w+\s*=", _M
            ),
        ),
        ("prolog", re.compile(r"^\s*:-|^[a-z]\w*(?:\([^\n]*\))?\s*:-|^[a-z]\w*\([^\n]*\)\.\s*$", _M)),
        ("perl", None),
    ),
    ".t": (("perl", re.compile(r"^\s*(?:use\s+\w|package\s+\w|my\s+[$@%(])", _M)), ("", None)),
    ".inc": (("php", re.compile(r"<\?php")), ("", None)),
    ".md": (("", re.compile(r"^\(define_(?:insn|expand|attr|constants)\b", _M)), ("markdown", None)),
    ".r": (("", re.compile(r"\A\s*rebol\b", re.IGNORECASE)), ("r", None)),
    ".pro": (("prolog", re.compile(r"^\s*:-|^[a-z]\w*\([^\n]*\)\s*(?::-|\.\s*$)", _M)), ("", None)),
    ".cs": (("", re.compile(r"\A\s*(?:<\?xml|[#!]\s*smalltalk)", re.IGNORECASE)), ("c#", None)),
    ".sql": (("sql", None),),
}
_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*(?:\w+=\S*\s+)*)?(?:\S*/)?([A-Za-z][\w+-]*)")
_PHP_OPENING = re.compile(r"\A\s*<\?php\b")
_CONTENT_CHARACTERS = 20_000


def detect(path: str, text: str) -> str:
    """The name of the language of a file, or an empty string.

    ``path`` is POSIX, ``text`` the decoded content, of which the first 20,000 characters are looked at.
    """
    filename = path.rpartition("/")[2].lower()
    if filename in _FILENAMES:
        return _FILENAMES[filename]
    extension = _extension(filename)
    candidates = _EXTENSIONS.get(extension, ())
    rules = _CONTENT.get(extension)
    if rules is not None:
        head = text[:_CONTENT_CHARACTERS]
        return next(name for name, pattern in rules if pattern is None or pattern.search(head))
    if candidates:
        return candidates[0]
    if filename.startswith(("dockerfile.", "containerfile.")):
        return "dockerfile"
    return "" if extension else _by_content(text)


def _extension(filename: str) -> str:
    dot = filename.rfind(".")
    return filename[dot:] if dot > 0 else ""


def _by_content(text: str) -> str:
    """The language of a file whose name says nothing, from its shebang or opening tag."""
    if text.startswith("#!"):
        match = _SHEBANG.match(text)
        if match is None:
            return ""
        interpreter = match[1].lower()
        return _INTERPRETERS.get(interpreter) or _INTERPRETERS.get(interpreter.rstrip("0123456789.-"), "")
    return "php" if _PHP_OPENING.match(text) else ""
