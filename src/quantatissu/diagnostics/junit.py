"""JUnit XML, as pytest and its kin write it.

The XML may come from code that is not trusted: a document type declaration ends the reading before it can define or
fetch anything, and what was read before an error still counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from xml.parsers import expat

from quantatissu.diagnostics.comparison import sides
from quantatissu.diagnostics.model import Diagnostic, Location
from quantatissu.diagnostics.pytest_body import parse_body
from quantatissu.diagnostics.text import clean
from quantatissu.diagnostics.tracebacks import exception, exception_kind


class _ForbiddenPartError(Exception):
    """The document has a part that no report has a use for."""


@dataclass
class _Case:
    classname: str
    name: str
    file: str | None


def parse_junit(xml: bytes) -> list[Diagnostic]:
    """One diagnostic for every ``failure`` and ``error`` of the report. Never raises.

    A report that is malformed, or has a document type declaration, adds a last diagnostic with the code
    ``MalformedReport`` that says where reading stopped: an empty list means that nothing failed.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(xml, True)
    except (expat.ExpatError, _ForbiddenPartError, ValueError, LookupError, RecursionError, MemoryError) as error:
        message = f"the report cannot be read: {error}; {reader.cases} test cases were read before"
        place = Location("<junit>", reader.parser.CurrentLineNumber, reader.parser.CurrentColumnNumber + 1)
        reader.found.append(Diagnostic("junit", "runtime", "error", message, place, "MalformedReport"))
    return reader.found


class _Reader:
    """Gathers diagnostics while the parser walks over the report."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.cases = 0
        self._case: _Case | None = None
        self._failure: dict[str, str] | None = None
        self._text: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _doctype(self, *_: object) -> None:
        raise _ForbiddenPartError("document type declarations are not allowed")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "testcase":
            self._case = _Case(attributes.get("classname", ""), attributes.get("name", ""), attributes.get("file"))
            self.cases += 1
        elif tag in {"failure", "error"} and self._case is not None and self._failure is None:
            self._failure, self._text = attributes, []

    def _characters(self, text: str) -> None:
        if self._failure is not None:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        if tag in {"failure", "error"} and self._failure is not None and self._case is not None:
            self.found.append(_read_failure(self._case, self._failure, "".join(self._text)))
            self._failure = None
        elif tag == "testcase":
            self._case = None


def _read_failure(case: _Case, attributes: dict[str, str], text: str) -> Diagnostic:
    # Control characters are not allowed in XML; pytest writes them as #x1B.
    body = clean(text.replace("#x1B", "\x1b"))
    summary = clean(attributes.get("message", "").replace("#x1B", "\x1b"))
    if body.startswith("+ Exception Group"):
        body = "  " + body  # pytest has stripped the text
    found = parse_body(body.strip("\n").split("\n"))
    if found.code is None and found.test is None:
        first, _, rest = summary.partition("\n")
        named = exception(first) if not first.startswith("assert") else None
        code = attributes.get("type") or None
        if named is not None and ":" in first:
            code, message = named[0], f"{named[1]}\n{rest}".rstrip()
        else:
            message = found.message or summary
        expected, actual = sides(code, message)
        kind = exception_kind(code, found.kind)
        found = replace(found, code=code, kind=kind, message=message, expected=expected, actual=actual)
    return replace(found, test=found.test or _test_id(case, found), raw=body)


def _test_id(case: _Case, found: Diagnostic) -> str:
    """The id as pytest prints it, ``folder/test_x.py::Class::name``; the class path alone where no file is known."""
    if not case.classname:
        return case.file or (case.name.replace(".", "/") + ".py" if found.tool == "pytest" else case.name)
    paths = [case.file] if case.file else [frame.path for frame in found.frames]
    for path in paths:
        dotted = path.removesuffix(".py").strip("/").replace("/", ".").replace("\\", ".")
        # A frame's path may be absolute, and the class path relative to any folder above it.
        for start in (0, *(at + 1 for at, char in enumerate(dotted) if char == ".")):
            module = dotted[start:]
            if case.classname == module or case.classname.startswith(module + "."):
                classes = case.classname[len(module) + 1 :]
                file = path if case.file else module.replace(".", "/") + ".py"
                return "::".join([file, *(classes.split(".") if classes else ()), case.name])
    modules = case.classname.split(".")
    at = next((at for at, part in enumerate(modules) if part[:1].isupper()), len(modules))
    if at == 0:
        return f"{case.classname}.{case.name}"
    return "::".join(["/".join(modules[:at]) + ".py", *modules[at:], case.name])
