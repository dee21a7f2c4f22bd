"""Operators on text that is filled in: f-strings, replacement fields, percent formats."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.foundation.syntax import parsed
from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.strings import is_text, parts, plain_text

_FIELD = re.compile(r"(?<!\{)(?:\{\{)*\{(?P<name>[^{}!:\"'\\\s]*)(?P<convert>![rsa])?(?P<spec>:[^{}]*)?\}")
_PERCENT = re.compile(r"%(?P<flags>[-+ #0]*)(?P<width>\d*)(?P<precision>\.\d+)?(?P<type>[srdfgeixXo])")


@expression("add_f_prefix", ast.Constant, family="string", prior=-1.2, inverse="drop_f_prefix")
def add_f_prefix(node: ast.Constant, here: Context) -> Changes:
    """``'{x}'`` -> ``f'{x}'`` where the braces hold names in scope."""
    found = plain_text(node, here)
    if found is None or isinstance(node.value, bytes) or "{" not in found[1]:
        return
    part, body = found
    fields = [match["name"] for match in _FIELD.finditer(body)]
    roots = [re.split(r"[.\[(]", name)[0] for name in fields]
    known = here.names(node)
    if not fields or "u" in part.prefix.lower() or not all(root in known for root in roots):
        return
    try:
        parsed(f"f{here.text[part.start : part.end]}", mode="eval")
    except SyntaxError:
        return
    formatted = isinstance(here.parents.get(node), ast.Attribute)
    yield (here.put(part.start, part.start, "f"),), 2.0 if formatted else 0.0


@expression("drop_f_prefix", ast.JoinedStr, family="string", prior=-5.0, inverse="add_f_prefix")
def drop_f_prefix(node: ast.JoinedStr, here: Context) -> Changes:
    """``f'{x}'`` -> ``'{x}'``."""
    found = parts(node, here) if not isinstance(here.parents.get(node), ast.FormattedValue) else []
    if len(found) == 1 and here.span(node) == (found[0].start, found[0].end):
        part = found[0]
        prefix = part.prefix.replace("f", "").replace("F", "")
        yield (Edit(part.start, part.start + len(part.prefix), prefix),), 0.0


@expression("change_field", ast.Constant, ast.JoinedStr, family="string", prior=-2.8)
def change_field(node: ast.Constant | ast.JoinedStr, here: Context) -> Changes:
    """``{x:.1f}`` -> ``{x:.2f}``, ``{x}`` -> ``{x!r}``, alignment, width, fill and type of a replacement field."""
    if isinstance(node, ast.Constant) and (not isinstance(node.value, str) or "{" not in node.value):
        return
    if isinstance(here.parents.get(node), ast.JoinedStr | ast.FormattedValue):
        return
    for part in parts(node, here):
        for match in _FIELD.finditer(here.text, part.body_start, part.body_end):
            if match["convert"]:
                start, end = match.span("convert")
                yield (Edit(start, end, ""),), 0.3
                for index, other in enumerate("rsa"):
                    if other != match["convert"][1]:
                        yield (Edit(start + 1, end, other),), 0.5 + 0.5 * index
            elif match["name"] or isinstance(node, ast.Constant):
                at = match.end("name")
                yield (Edit(at, at, "!r"),), 0.3
            if match["spec"]:
                start = match.start("spec") + 1
                for spec, cost in _other_specs(match["spec"][1:]):
                    yield (Edit(start, match.end("spec"), spec),), cost
                yield (Edit(start - 1, match.end("spec"), ""),), 1.2
            elif match["name"]:
                at = match.end() - 1
                for index, spec in enumerate((".2f", ".1f", "d", ",", "02d", ".0f")):
                    yield (Edit(at, at, ":" + spec),), 1.5 + 0.3 * index


def _other_specs(spec: str) -> Iterator[tuple[str, float]]:
    """Format specifications one slip away from `spec`, with costs."""
    match = re.fullmatch(r"(.?[<>^=])?([-+ ]?)(#?)(0?)(\d*)([,_]?)(\.\d+)?([a-zA-Z%]?)", spec)
    if match is None:
        return
    align, sign, alternate, zero, width, group, precision, letter = (part or "" for part in match.groups())

    def built(**change: str) -> str:
        fields = {"align": align, "zero": zero, "width": width, "precision": precision, "letter": letter, **change}
        middle = f"{fields['zero']}{fields['width']}{fields.get('group', group)}"
        return f"{fields['align']}{fields.get('sign', sign)}{alternate}{middle}{fields['precision']}{fields['letter']}"

    if precision:
        digits = int(precision[1:])
        for count in {digits + 1, max(0, digits - 1)} - {digits}:
            yield built(precision=f".{count}"), 0.0
    elif letter in ("f", "e", "g", "%"):
        yield built(precision=".2"), 0.3
        yield built(precision=".1"), 0.5
    if align:
        for other in "<>^":
            if other != align[-1]:
                yield built(align=align[:-1] + other), 0.2 if other != "^" else 0.7
    elif width:
        for other in ">", "<", "^":
            yield built(align=other), 0.8
    if width:
        yield built(width=str(int(width) + 1)), 0.5
        if int(width) > 1:
            yield built(width=str(int(width) - 1)), 0.5
        yield built(zero="" if zero else "0"), 0.4
    if letter:
        for other in "dfegsxX%":
            if other != letter and not (precision and other in "dxX"):
                yield built(letter=other), 0.6 if {letter, other} <= set("feg") | set("xX") | set("ds") else 1.5
    yield built(group="" if group else ","), 1.0
    yield built(sign="" if sign else "+"), 1.5


@expression("change_percent", ast.Constant, family="string", prior=-3.1)
def change_percent(node: ast.Constant, here: Context) -> Changes:
    """``%d`` -> ``%s``, ``%.1f`` -> ``%.2f``, ``%5d`` -> ``%05d``."""
    if not isinstance(node.value, str | bytes):
        return
    percent = "%" if isinstance(node.value, str) else b"%"
    if percent not in node.value:  # type: ignore[operator]
        return
    for part in parts(node, here):
        for match in _PERCENT.finditer(here.text, part.body_start, part.body_end):
            start, end = match.span("type")
            for index, letter in enumerate("sdrfgx"):
                if letter != match["type"]:
                    yield (Edit(start, end, letter),), 0.3 * index
            if match["precision"]:
                low, high = match.span("precision")
                digits = int(match["precision"][1:])
                for other in {digits + 1, max(0, digits - 1)} - {digits}:
                    yield (Edit(low, high, f".{other}"),), 0.2
            if match["width"] and "-" not in match["flags"]:
                low = match.start("flags")
                zero = match["flags"].replace("0", "") if "0" in match["flags"] else match["flags"] + "0"
                yield (Edit(low, match.end("flags"), zero),), 0.6


@expression("wrap_format", ast.BinOp, family="string", prior=-2.0, inverse="unwrap_format")
def wrap_format(node: ast.BinOp, here: Context) -> Changes:
    """``'%s' % x`` -> ``'%s' % (x,)``."""
    if isinstance(node.op, ast.Mod) and is_text(node.left) and not isinstance(node.right, ast.Tuple | ast.Dict):
        yield (here.replace_outer(node.right, f"({here.code(node.right, Level.TEST)},)"),), 0.0


@expression("unwrap_format", ast.BinOp, family="string", prior=-4.0, inverse="wrap_format")
def unwrap_format(node: ast.BinOp, here: Context) -> Changes:
    """``'%s' % (x,)`` -> ``'%s' % x``."""
    right = node.right
    if isinstance(node.op, ast.Mod) and is_text(node.left) and isinstance(right, ast.Tuple) and len(right.elts) == 1:
        yield (here.replace_with(right, right.elts[0]),), 0.0
