"""Older spellings: percent formats, unions, patterns."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, fixer, node_at
from quantatissu.rewriting import Edit, Source

_FIELD = re.compile(r"%(?:(?P<sign>%)|(?P<flags>[-+ 0#]*)(?P<width>\d+)?(?P<dot>\.\d+)?(?P<kind>[sdifrxXoeEgG]))")


@fixer("UP031")
def percent_format(source: Source, finding: Finding) -> Iterator[Edits]:
    """``"%d of %s" % (a, b)`` as an f-string, else with ``format``. ``%d`` cuts fractions off, hence ``int`` last."""
    node = node_at(source, finding, ast.BinOp)
    if node is None or not isinstance(node.left, ast.Constant) or not isinstance(node.left.value, str):
        return
    literal = source.segment(node.left)
    quoted = re.fullmatch(r"([rR]?)('''|\"\"\"|'|\")(.*)\2", literal, re.DOTALL)
    if quoted is None or quoted[2] in re.sub(r"\\.", "", quoted[3]):
        return  # several literals side by side, or a prefix nobody uses with a format
    values = list(node.right.elts) if isinstance(node.right, ast.Tuple) else [node.right]
    if any(isinstance(value, ast.Starred) for value in values) or isinstance(node.right, ast.Dict):
        return
    fields = [match for match in _FIELD.finditer(quoted[3]) if not match["sign"]]
    if len(fields) != len(values) or len(re.findall(r"%", _FIELD.sub("", quoted[3]))):
        return
    codes = [source.segment(value) for value in values]
    comment = "#" in source.text[source.span(node.left)[1] : source.span(node)[1]]
    for exact in (True, False):
        if not exact and not any(field["kind"] in "di" for field in fields):
            return
        inline = all(_inlinable(code, literal) for code in codes) and not comment
        text = _formatted(quoted[1], quoted[2], quoted[3], codes if inline else None, exact, fields)
        if text is None:
            return
        if inline:
            yield (Edit(*source.span(node), text),)
        elif exact and not comment:
            yield (Edit(*source.span(node), f"{text}.format({', '.join(codes)})"),)


def _inlinable(code: str, literal: str) -> bool:
    return not re.search(r"[\"'\\\n{}!:]|\blambda\b", code) and len(code) <= 40


def _formatted(
    raw: str, quote: str, template: str, codes: list[str] | None, exact: bool, fields: list[re.Match[str]]
) -> str | None:
    """The template with fields of ``format``, or with the values' code in them; None for what has no counterpart."""
    pieces, at, number = [], 0, 0
    for match in _FIELD.finditer(template):
        pieces.append(re.sub(r"([{}])", r"\1\1", template[at : match.start()]))
        at = match.end()
        if match["sign"]:
            pieces.append("%")
            continue
        spec = _spec(match)
        if spec is None:
            return None
        value = codes[number] if codes is not None else ""
        if match["kind"] in "di" and not exact:
            value = f"int({value})"
        pieces.append(f"{{{value}{spec}}}")
        number += 1
    pieces.append(re.sub(r"([{}])", r"\1\1", template[at:]))
    return f"{'f' if codes is not None else ''}{raw}{quote}{''.join(pieces)}{quote}"


def _spec(match: re.Match[str]) -> str | None:
    flags, width, dot, kind = match["flags"], match["width"] or "", match["dot"] or "", match["kind"]
    if kind in "sr":
        align = "" if not width else "<" if "-" in flags else ">"
        rest = f"{align}{width}{dot}"
        return f"{'!r' if kind == 'r' else ''}{':' + rest if rest else ''}"
    if "-" in flags and width:
        align, sign, zero = "<", "", ""
    else:
        align, zero = "", "0" if "0" in flags and width else ""
        sign = "+" if "+" in flags else " " if " " in flags else ""
    kind = "d" if kind in "di" else kind
    if dot and kind in "dxXo":
        if width:
            return None
        width, dot, zero = dot[1:], "", "0"  # a precision of an integer is a number of digits
    return f":{align}{sign}{'#' if '#' in flags else ''}{zero}{width}{dot}{kind}"


@fixer("UP007", "UP045")
def union_bar(source: Source, finding: Finding) -> Iterator[Edits]:
    """``Union[a, b]`` as ``a | b`` and ``Optional[a]`` as ``a | None``."""
    node = node_at(source, finding, ast.Subscript)
    if node is None:
        return
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts):
        return
    codes = [source.segment(part) for part in parts]
    if finding.code == "UP045":
        codes.append("None")
    if not any("\n" in code for code in codes):
        yield (Edit(*source.span(node), " | ".join(codes)),)


@fixer("RUF043", keeps="ast")
def raw_pattern(source: Source, finding: Finding) -> Iterator[Edits]:
    """A pattern for ``match=`` said to be one by the prefix ``r``."""
    node = node_at(source, finding, ast.Constant)
    if node is not None and source.segment(node)[:1] in ("'", '"') and "\\" not in source.segment(node):
        start = source.span(node)[0]
        yield (Edit(start, start, "r"),)
