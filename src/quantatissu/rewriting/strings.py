"""Operators on text: contents of string literals, their prefixes and escapes, and regular expressions."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.ranking import similarity

_PART = re.compile(
    r"(?P<prefix>[rRbBuUfF]{0,2})(?P<quote>'''|\"\"\"|'|\")(?P<body>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote)", re.DOTALL
)
_MAX_SEEN = 8
_BREAKS = ("\\n", "\\r\\n", "\\t", "\\r")
_MAX_MERGED = 8
_PADS = (" ", "\\n", "/", ",", ":", ".", "s", "-", "_", "=")


@dataclass(frozen=True, slots=True)
class Part:
    """One quoted piece of a string literal, with absolute offsets: prefix at start, body inside the quotes."""

    start: int
    prefix: str
    quote: str
    body_start: int
    body_end: int
    end: int


def parts(node: ast.AST, here: Context) -> list[Part]:
    """The quoted pieces of a string literal (several when it is written as ``'a' 'b'``)."""
    start, end = here.span(node)
    found, at = [], start
    while (match := _PART.search(here.text, at, end)) is not None:
        comment = here.text.find("#", at, match.start())
        if comment >= 0:
            at = here.text.index("\n", comment)
            continue
        quote = match["quote"]
        found.append(Part(match.start(), match["prefix"], quote, match.start("body"), match.end("body"), match.end()))
        at = match.end()
    return found


def plain_text(node: ast.Constant, here: Context) -> tuple[Part, str] | None:
    """(part, body) of a plain one-piece string or bytes literal, else None."""
    if not isinstance(node.value, str | bytes):
        return None
    found = parts(node, here)
    if len(found) != 1:
        return None
    return found[0], here.text[found[0].body_start : found[0].body_end]


def _safe(body: str, part: Part) -> bool:
    """Whether `body` can stand between the quotes of `part`."""
    literal = f"{part.prefix}{part.quote}{body}{part.quote}"
    match = _PART.fullmatch(literal)
    return match is not None and (len(part.quote) == 3 or "\n" not in body)


@expression("change_case", ast.Constant, family="string", prior=-2.6)
def change_case(node: ast.Constant, here: Context) -> Changes:
    """``'Name'`` -> ``'name'``, ``'NAME'``."""
    found = plain_text(node, here)
    if found is None or not 0 < len(found[1]) <= 40 or "\\" in found[1]:
        return
    part, body = found
    forms = (body.lower(), body.capitalize(), body.upper(), body.title(), body[:1].swapcase() + body[1:])
    for index, form in enumerate(dict.fromkeys(forms)):
        if form != body and len(form) == len(body):
            yield (Edit(part.body_start, part.body_end, form),), 0.4 * index


@expression("trim_string", ast.Constant, family="string", prior=-3.1, inverse="pad_string")
def trim_string(node: ast.Constant, here: Context) -> Changes:
    """``'a '`` -> ``'a'``: the last or first character goes, or all blanks at the ends."""
    found = plain_text(node, here)
    if found is None or not found[1]:
        return
    part, body = found
    start, end = part.body_start, part.body_end
    width = 2 if len(body) > 1 and body[-2] == "\\" and "r" not in part.prefix.lower() else 1
    first = 2 if body[0] == "\\" else 1
    plain = not body[-1].isalnum() or width == 2
    bodies = {
        body[:-width]: (Edit(end - width, end, ""), 0.0 if plain else 1.5),
        body[first:]: (Edit(start, min(end, start + first), ""), 0.3 if not body[0].isalnum() else 1.8),
        body.strip(): (Edit(start, end, body.strip()), 0.3),
    }
    for shorter, (edit, cost) in bodies.items():
        if shorter != body and _safe(shorter, part):
            yield (edit,), cost


@expression("pad_string", ast.Constant, family="string", prior=-4.5, inverse="trim_string")
def pad_string(node: ast.Constant, here: Context) -> Changes:
    """``'a'`` -> ``'a '``, ``'a\\n'``, ``'a/'``, ``' a'``: one more character at either end."""
    found = plain_text(node, here)
    if found is None or len(found[1]) > 60:
        return
    part, body = found
    raw = "r" in part.prefix.lower()
    for index, pad in enumerate(_PADS):
        if raw and pad.startswith("\\"):
            continue
        if _safe(body + pad, part):
            yield (Edit(part.body_end, part.body_end, pad),), 0.2 * index
        if body and index < 3 and _safe(pad + body, part):
            yield (Edit(part.body_start, part.body_start, pad),), 0.6 + 0.3 * index


@expression("seen_string", ast.Constant, family="string", prior=-2.8, on_data=True)
def seen_string(node: ast.Constant, here: Context) -> Changes:
    """``'nmae'`` -> ``'name'``: other short literals of the function and file, close spellings first."""
    found = plain_text(node, here)
    if found is None or len(found[1]) > 40:
        return
    part, own = found[0], node.value
    ranked = []
    for text, count, near in _strings_near(node, here):
        if type(text) is type(own) and text != own:
            alike = similarity(str(own), str(text))
            cost = 1.8 - 1.8 * alike - 0.6 * near - 0.1 * min(count, 5)
            ranked.append((max(0.0, cost), repr(text), text))
    for cost, _, text in sorted(ranked)[: 2 if node in here.data else _MAX_SEEN]:
        plain = text if isinstance(text, str) else text.decode("latin-1")
        written = plain if plain.isprintable() and "\\" not in plain and part.quote not in plain else None
        if written is not None and "r" not in part.prefix.lower() and (isinstance(text, str) or plain.isascii()):
            yield (Edit(part.body_start, part.body_end, written),), round(cost, 3)
        elif written is None or "r" in part.prefix.lower():
            yield (here.replace(node, repr(text)),), round(cost, 3)


def _strings_near(node: ast.AST, here: Context) -> Iterator[tuple[str | bytes, int, bool]]:
    """(value, how often, in the same function) of the short string literals of the function, the file, the project."""
    table: Counter[str | bytes] | None = here.memory.get("strings")
    if table is None:
        table = here.memory["strings"] = Counter()
        for source in dict.fromkeys((here.source, *here.project.sources)):
            table.update(_literals(source.tree, keys_only=source is not here.source))
    function = here.source.function_of(node)
    near: Counter[str | bytes] = Counter()
    if function is not None:
        near = here.memory.get(("strings", function)) or Counter(_literals(function))
        here.memory["strings", function] = near
    for text, count in near.items():
        yield text, count, True
    for text, count in table.items():
        # Far away, only a close spelling or a separator of the same length is worth a thought.
        if text not in near and (isinstance(text, type(_constant(node)))) and _comparable(_constant(node), text):
            yield text, count, False


def _constant(node: ast.AST) -> str | bytes:
    value = getattr(node, "value", "")
    return value if isinstance(value, str | bytes) else ""


def _comparable(one: str | bytes, two: str | bytes) -> bool:
    if len(one) <= 3:
        return len(two) <= 3
    return abs(len(one) - len(two)) <= 3 and similarity(str(one), str(two)) >= 0.5


def _literals(tree: ast.AST, *, keys_only: bool = False) -> Iterator[str | bytes]:
    for node in ast.walk(tree):
        if keys_only:
            keys = node.keys if isinstance(node, ast.Dict) else [getattr(node, "slice", None)]
            candidates: list[ast.AST | None] = list(keys)
        else:
            candidates = [node]
        for found in candidates:
            value = getattr(found, "value", None)
            if not isinstance(found, ast.Constant) or not isinstance(value, str | bytes) or len(value) > 40:
                continue
            if keys_only or not _is_prose(value):
                yield value


def _is_prose(text: str | bytes) -> bool:
    return text.count(b" " if isinstance(text, bytes) else " ") > 3  # type: ignore[arg-type]


@expression("tighten_string", ast.Constant, family="string", prior=-3.2, inverse="loosen_string", on_data=True)
def tighten_string(node: ast.Constant, here: Context) -> Changes:
    """``' '`` -> ``''``, ``', '`` -> ``','``, and other blanks dropped from a separator."""
    found = plain_text(node, here)
    if found is None:
        return
    part, body = found
    if body in (" ", "-", "_", ",", "\\n", "/", ".", "0", "x", "?"):
        yield (Edit(part.body_start, part.body_end, ""),), 0.0
    for old, new, cost in ((" ", "", 0.5), ("_", "-", 1.0), ("-", "_", 1.0), ("\\n", " ", 1.0), ("  ", " ", 0.3)):
        if old in body and body != old and len(body) <= 40:
            yield (Edit(part.body_start, part.body_end, body.replace(old, new)),), cost


@expression("loosen_string", ast.Constant, family="string", prior=-3.6, inverse="tighten_string")
def loosen_string(node: ast.Constant, here: Context) -> Changes:
    """``''`` -> ``' '`` and other separators; ``'-'`` -> ``'_'``; a blank after a comma or colon."""
    found = plain_text(node, here)
    if found is None or "f" in found[0].prefix.lower():
        return
    part, body = found
    fills = (" ", "\\n", ",", ", ", "-", "_", "0", "/", ".")
    if body in ("", *fills, "\\t", ":", ";", "+", "|"):
        for index, fill in enumerate(fills):
            if fill != body and not ("r" in part.prefix.lower() and "\\" in fill):
                yield (Edit(part.body_start, part.body_end, fill),), 0.25 * index
    for sign in (",", ":", "=", "-", "_"):
        if sign in body and len(body) <= 40 and body != sign:
            if sign in ",:=":
                spaced = body.replace(sign + " ", sign).replace(sign, sign + " ")
            else:
                spaced = body.replace(sign, "_" if sign == "-" else "-")
            yield (Edit(part.body_start, part.body_end, spaced),), 1.0


@expression("change_prefix", ast.Constant, family="string", prior=-3.6)
def change_prefix(node: ast.Constant, here: Context) -> Changes:
    """``'a'`` -> ``b'a'``, ``r'a'`` and back, and ``'\\\\n'`` for ``'\\n'``."""
    found = plain_text(node, here)
    if found is None:
        return
    part, body = found
    start, prefix = part.start, part.prefix.lower()
    end = start + len(part.prefix)
    if "b" in prefix:
        yield (Edit(start, end, prefix.replace("b", "")),), 0.0
    elif body.isascii() and "u" not in prefix:
        yield (here.put(start, end, "b" + prefix),), 0.7
    if "\\" in body:
        if "r" in prefix:
            yield (Edit(start, end, prefix.replace("r", "")),), 0.5
        elif "u" not in prefix:
            yield (here.put(start, end, "r" + prefix),), 0.3


@expression("change_escape", ast.Constant, family="string", prior=-3.2)
def change_escape(node: ast.Constant, here: Context) -> Changes:
    """``'\\\\n'`` (two characters) -> ``'\\n'`` (one) and back; ``'n'`` standing alone -> ``'\\n'``."""
    found = plain_text(node, here)
    if found is None or len(found[1]) > 60 or "r" in found[0].prefix.lower():
        return
    part, body = found
    once = re.sub(r"\\\\([ntr0\\])", r"\\\1", body)
    twice = re.sub(r"(?<!\\)\\([ntr0])", r"\\\\\1", body)
    for other, cost in ((once, 0.0), (twice, 0.5)):
        if other != body and _safe(other, part):
            yield (Edit(part.body_start, part.body_end, other),), cost
    if body in ("n", "t", "r"):
        yield (Edit(part.body_start, part.body_start, "\\"),), 1.0
    elif body in _BREAKS:
        if len(body) == 2:
            yield (Edit(part.body_start, part.body_start + 1, ""),), 2.0
        for index, other in enumerate(_BREAKS):
            if other != body:
                yield (Edit(part.body_start, part.body_end, other),), 1.0 + 0.3 * index


@expression("split_string", ast.Constant, family="string", prior=-1.5, inverse="merge_strings", on_data=True)
def split_string(node: ast.Constant, here: Context) -> Changes:
    """``['a' 'b']`` -> ``['a', 'b']``: the missing comma."""
    parent = here.parents.get(node)
    if isinstance(node.value, str | bytes) and isinstance(parent, ast.List | ast.Tuple | ast.Set | ast.Call):
        found = parts(node, here)
        for left in found[:-1]:
            yield (Edit(left.end, left.end, ","),), 0.0


@expression(
    "merge_strings", ast.List, ast.Tuple, ast.Set, ast.Call, family="string", prior=-5.0, inverse="split_string"
)
def merge_strings(node: ast.List | ast.Tuple | ast.Set | ast.Call, here: Context) -> Changes:
    """``['a', 'b']`` -> ``['a' 'b']``."""
    members = node.args if isinstance(node, ast.Call) else node.elts
    if len(members) > _MAX_MERGED:
        return
    for left, right in pairwise(members):
        if is_text(left) and is_text(right) and type(left.value) is type(right.value):  # type: ignore[attr-defined]
            comma = here.token(left, right, re.compile(","))
            if comma and not here.is_grouped(left) and not here.is_grouped(right):
                start, end = comma
                yield (here.put(start, end, "" if here.text[end : end + 1].isspace() else " "),), 0.0


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


# -- regular expressions ----------------------------------------------------------------------------------------------

_REGEX_EDITS: tuple[tuple[re.Pattern[str], str, float], ...] = tuple(
    (re.compile(pattern), replacement, cost)
    for pattern, replacement, cost in (
        (r"(?<=[\w\])}.])\+(?![+?])", "*", 0.0),
        (r"(?<=[\w\])}.])\*(?![?*])", "+", 0.0),
        (r"(?<=[\w\])}.][*+])(?![?+])", "?", 0.3),
        (r"(?<=[*+])\?", "", 0.5),
        (r"(?<=[\w\])}.])\?(?![?:=!<P])", "", 0.8),
        (r"(?<=[\w\])}.])\?(?![?:=!<P])", "*", 1.0),
        (r"\\[dws](?![*+?{])", r"\g<0>+", 0.2),
        (r"\\d", r"\\w", 0.8),
        (r"\\w", r"\\d", 1.2),
        (r"\\w", r"\\S", 1.0),
        (r"\\S", r"\\w", 1.0),
        (r"\\s", r"\\S", 1.2),
        (r"\\b", "", 1.0),
        (r"(?<!\\)\.(?![*+?])", r"\\.", 0.3),
        (r"\\\.", ".", 0.8),
        (r"\[\^", "[", 0.8),
        (r"(?<!\\)\[(?!\^)", "[^", 1.2),
        (r"a-z(?!A-Z)", "a-zA-Z", 0.5),
        (r"a-zA-Z(?!0-9)", "a-zA-Z0-9", 0.7),
        (r"a-zA-Z(?!0-9)", "a-z", 1.2),
        (r"0-9", "1-9", 1.2),
        (r"1-9", "0-9", 1.0),
        (r"\(\?:", "(", 0.8),
        (r"(?<!\\)\((?!\?)", "(?:", 0.8),
        (r"\(\?!", "(?=", 0.8),
        (r"\(\?=", "(?!", 0.8),
        (r"^\^", "", 0.5),
        (r"\$$", "", 0.5),
        (r"^(?!\^)", "^", 0.7),
        (r"(?<![$\\])$", "$", 0.5),
        (r"\$$", r"\\Z", 1.0),
    )
)
_MAX_REPEATED = 4
_REGEX_USERS = frozenset(["compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"])


@expression("change_pattern", ast.Constant, family="string", prior=-2.5)
def change_pattern(node: ast.Constant, here: Context) -> Changes:
    """One quantifier, class, anchor or escape of a pattern: ``+`` -> ``*``, ``.`` -> ``\\.``, ``^`` added."""
    if not isinstance(node.value, str | bytes):
        return
    for part in parts(node, here):
        raw = "r" in part.prefix.lower()
        if not (_in_regex_call(node, here) or raw):
            continue
        body = here.text[part.body_start : part.body_end]
        for pattern, replacement, cost in _REGEX_EDITS:
            if "\\" in replacement and not raw:
                continue
            found = list(pattern.finditer(body))
            for count, match in enumerate(found[:_MAX_REPEATED]):
                new = match.expand(replacement)
                start = part.body_start + match.start()
                yield (Edit(start, part.body_start + match.end(), new),), cost + 0.1 * count
            if 1 < len(found) <= _MAX_REPEATED:  # the same slip each time
                yield (
                    tuple(
                        Edit(part.body_start + match.start(), part.body_start + match.end(), match.expand(replacement))
                        for match in found
                    ),
                    cost + 0.4,
                )


def _in_regex_call(node: ast.AST, here: Context) -> bool:
    match here.parents.get(node):
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr), args=[first, *_]):
            return attr in _REGEX_USERS and first is node
        case _:
            return False
