"""Repairs of signs and words: operators, commas, keywords, stray characters, conflicts. Strategies of `syntax`."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from difflib import get_close_matches

from quantatissu.rewriting.broken import HEADER, Broken, Candidate
from quantatissu.rewriting.edits import Edit

_WORD = re.compile(r"[^\W\d]\w*")
_LOOKALIKES = str.maketrans({
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "−": "-", "×": "*", "÷": "/", "，": ",",
    "：": ":", "；": ";", "（": "(", "）": ")", "\u00a0": " ", "\u200b": None, "\ufeff": None, "≤": "<=", "≥": ">=",
    "≠": "!=", "…": "...",
})  # fmt: skip


# -- signs and words ------------------------------------------------------------------------------------------------


def equals(broken: Broken) -> Iterator[Candidate]:
    """`=` for `==` in a condition, `==` for `=` in a call's keyword or an assignment."""
    told = -0.6 if broken.said("'=='", "':='", "cannot assign", "Maybe you meant", "expression cannot contain") else 0.0
    for number, cost in broken.near[:3]:
        for found in re.finditer(r"(?<![=!<>:+\-*/%&|^@])=(?!=)", broken.content(number)):
            at = broken.start(number) + found.start()
            header = 0.0 if HEADER.match(broken.content(number)) else 0.8
            yield told + cost + 0.3 + header, (Edit(at, at + 1, "=="),)
            yield told + cost + 1.5, (Edit(at, at + 1, ":="),)
            yield told + cost + 1.6, (Edit(at, at + 1, ":"),)
        for found in re.finditer(r"===?|!==|=<|=>|<>|=!|&&|\|\||=\+|=-(?!\d)|\+\+|--", broken.content(number)):
            at = broken.start(number) + found.start()
            for text, more in _SIGNS.get(found.group(), ()):
                yield cost + more, (Edit(at, at + len(found.group()), text),)
        content = broken.content(number)
        plain = _FOREIGN_SIGN.sub(lambda sign: _PLAIN[sign.group().strip()], content)
        if plain != content:
            yield cost + 0.3, (Edit(broken.start(number), broken.start(number) + len(content), plain),)
        for found in re.finditer(r"!(?!=)[ \t]*", broken.content(number)):
            at = broken.start(number) + found.start()
            yield cost + 0.6, (Edit(at, at + len(found.group()), "not "),)


_FOREIGN_SIGN = re.compile(r"\b(?:null|true|false)\b|&&|\|\||!(?!=)[ \t]*")
_PLAIN = {"null": "None", "true": "True", "false": "False", "&&": "and", "||": "or", "!": "not "}
_SIGNS: dict[str, tuple[tuple[str, float], ...]] = {
    "==": (("=", 0.9), ("!=", 2.5)), "===": (("==", 0.1),), "!==": (("!=", 0.1),), "=<": (("<=", 0.2),),
    "=>": ((">=", 0.2), ("->", 0.6)), "<>": (("!=", 0.1),), "=!": (("!=", 0.2),), "&&": (("and", 0.1), ("&", 0.9)),
    "||": (("or", 0.1), ("|", 0.9)), "=+": (("+=", 0.4),), "=-": (("-=", 0.4),), "++": ((" += 1", 0.2), ("+", 0.8)),
    "--": ((" -= 1", 0.2), ("-", 0.8)),
}  # fmt: skip


def commas(broken: Broken) -> Iterator[Candidate]:
    """A missing comma or operator between two words, at the error and in front of it."""
    told = -0.6 if broken.said("forgot a comma", "forgot a comma?") else 0.0
    for number, cost in broken.near[:3]:
        content, start = broken.content(number), broken.start(number)
        for found in re.finditer(r"(?<=[\w\"')\]}])([ \t]+)(?=[\w\"'(\[{])", content):
            at = start + found.start()
            near = cost + min(2.0, 0.03 * abs(at - broken.at))
            yield told + near + 0.5, (Edit(at, at, ","),)
            for sign, more in (("+", 1.4), ("=", 1.2), (".", 1.6), ("==", 1.7), ("-", 1.9), ("*", 1.9), ("in", 1.3),
                               ("and", 1.9), ("%", 2.1), ("or", 2.1), (":", 1.7), ("import", 1.8)):  # fmt: skip
                text = sign if sign == "." else ": " if sign == ":" else f" {sign} "
                yield near + more, (Edit(at, start + found.end(), text),)
        end = broken.code_end(number)
        if end > start and broken.text[end - 1] not in ",:([{":
            yield told + cost + 0.5, (Edit(end, end, ","),)
            yield cost + 1.6, (Edit(end, end, " \\"),)
            yield cost + 1.9, (Edit(end, end, " +"),)
        for found in re.finditer(r"(?<=[\"')\]}])(?=[\w\"'(\[{])|(?<=\w)(?=[\"'])", content):
            at = start + found.start()
            yield told + cost + 0.7 + min(2.0, 0.03 * abs(at - broken.at)), (Edit(at, at, ", "),)
            yield cost + 1.5 + min(2.0, 0.03 * abs(at - broken.at)), (Edit(at, at, " + "),)


def words(broken: Broken) -> Iterator[Candidate]:
    """Misspelt and foreign keywords, `else if`, a missing `in`, `print` without parentheses."""
    known = [*keyword.kwlist, "print", "self", "range", "len"]
    for number, cost in broken.near[:3]:
        content, start = broken.content(number), broken.start(number)
        for found in _WORD.finditer(content):
            at, end = start + found.start(), start + found.end()
            word = found.group()
            for text, more in _FOREIGN.get(word, ()):
                yield cost + more, (Edit(at, end, text),)
            if word not in known and len(word) > 1:
                for index, other in enumerate(get_close_matches(word, known, 3, 0.6)):
                    leading = 0.0 if not content[: found.start()].strip() else 0.3
                    yield cost + 0.5 + leading + 0.3 * index, (Edit(at, end, other),)
            for other in _GLUED:
                if word.startswith(other) and word != other and not keyword.iskeyword(word):
                    yield cost + 0.9, (Edit(at + len(other), at + len(other), " "),)
        for pattern, text, more in _PHRASES:
            for phrase in re.finditer(pattern, content):
                yield cost + more, (Edit(start + phrase.start(), start + phrase.end(), phrase.expand(text)),)


_GLUED = ("def", "return", "if", "elif", "for", "while", "class", "not", "in", "import", "from", "else")
_FOREIGN: dict[str, tuple[tuple[str, float], ...]] = {
    "elseif": (("elif", 0.1),), "elsif": (("elif", 0.1),), "function": (("def", 0.1),), "func": (("def", 0.3),),
    "fn": (("def", 0.3),), "define": (("def", 0.3),), "true": (("True", 0.4),), "false": (("False", 0.4),),
    "null": (("None", 0.4),), "switch": (("match", 0.4),), "catch": (("except", 0.1),), "throw": (("raise", 0.1),),
    "foreach": (("for", 0.2),), "unless": (("if not", 0.3),), "until": (("while not", 0.3),), "then": (("", 0.6),),
    "do": (("", 0.8),), "end": (("", 0.8),), "var": (("", 0.4),), "let": (("", 0.4),), "const": (("", 0.4),),
    "new": (("", 0.5),), "public": (("", 0.6),), "static": (("", 0.6),), "exec": (("exec(", 3.0),),
    "finaly": (("finally", 0.1),), "async": (("", 1.5),), "await": (("", 1.2),), "print": (("", 3.0),),
    "is": (("==", 2.0),), "of": (("in", 0.5),), "If": (("if", 0.1),), "For": (("for", 0.1),), "Def": (("def", 0.1),),
    "Return": (("return", 0.1),), "Class": (("class", 0.1),), "While": (("while", 0.1),), "Else": (("else", 0.1),),
}  # fmt: skip
_PHRASES: tuple[tuple[str, str, float], ...] = (
    (r"\belse[ \t]+if\b", "elif", 0.0),
    (r"\bprint[ \t]+(?!\()(.*?)(;?)[ \t]*$", r"print(\1)", 0.0),
    (r"\bprint[ \t]*>>[ \t]*([\w.]+),[ \t]*(.*)$", r"print(\2, file=\1)", 0.0),
    (r"\bexec[ \t]+(?!\()(.*)$", r"exec(\1)", 0.3),
    (r"\bexcept[ \t]+([\w.]+)[ \t]*,[ \t]*(\w+)[ \t]*:", r"except \1 as \2:", 0.0),
    (r"\bexcept[ \t]+([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)[ \t]*:", r"except (\1):", 0.0),
    (r"\braise[ \t]+([\w.]+)[ \t]*,[ \t]*(.+)$", r"raise \1(\2)", 0.1),
    (r"\bfor[ \t]+(\w+)[ \t]+(?!in\b)(\w.*)$", r"for \1 in \2", 0.4),
    (r"\bfor[ \t]+([\w, ]+?)[ \t]*[:=][ \t]*(\w.*)$", r"for \1 in \2", 0.5),
    (r"\bfrom[ \t]+([\w.]+)[ \t]+(?!import\b)(\w+)", r"from \1 import \2", 0.4),
    (r"\bimport[ \t]+([\w.]+)[ \t]+from[ \t]+([\w.]+)", r"from \2 import \1", 0.2),
    (r"\bnot[ \t]+is\b", "is not", 0.4),
    (r"\bdef[ \t]+(\w+)[ \t]*:", r"def \1():", 0.2),
    (r"\bdef[ \t]+(\w+)[ \t]+\(", r"def \1(", 1.0),
    (r"\blambda[ \t]+(\w+)[ \t]+(?!:)", r"lambda \1: ", 0.6),
    (r"\blambda[ \t]*\(([\w, ]*)\)[ \t]*:", r"lambda \1:", 0.3),
    (r"(\w+)[ \t]*\?[ \t]*([^:]+?)[ \t]*:[ \t]*(.+)$", r"\2 if \1 else \3", 0.4),
    (r"(?<=[=(,])([^=(,]+)[ \t]*\?[ \t]*([^:]+?)[ \t]*:[ \t]*([^),]+)", r" \2 if \1 else \3", 0.6),
    (r"\b0+(\d+)\b", r"\1", 0.5),
    (r"\b0(\d+)\b", r"0o\1", 0.7),
    (r"(\d+)[uUlL]\b", r"\1", 0.3),
    (r"\b(\d+)([A-Za-z_]\w*)", r"\2", 1.6),
    (r"\b(\d+)([A-Za-z_]\w*)", r"\1 * \2", 1.2),
    (r"//", "#", 0.9),
    (r"/\*", "#", 0.9),
    (r"(?<=[\w)\]])\.\.(?=\w)", ".", 0.3),
    (r",[ \t]*,", ",", 0.3),
    (r"(?<=[\w)\]])[ \t]*::[ \t]*", ":", 0.4),
    (r"\bwith[ \t]+(.+?)[ \t]+(?!as\b)(\w+):", r"with \1 as \2:", 0.9),
    (r"\bas[ \t]*:", ":", 0.5),
    (r"\breturn[ \t]*=[ \t]*", "return ", 0.4),
    (r"^([ \t]*)async[ \t]+(?!def\b|for\b|with\b)", r"\1async def ", 0.5),
    (r"\bdef[ \t]+async\b", "async def", 0.2),
)


def outside(broken: Broken) -> Iterator[Candidate]:
    """Statements the compiler refuses where they stand: `return` outside a function, `await` in a plain one, ..."""
    if broken.said("'await' outside", "asynchronous comprehension", "'async with' outside", "'async for' outside"):
        for number in range(broken.line, 0, -1):
            found = re.match(r"[ \t]*def\b", broken.content(number))
            if found and len(broken.indent(number)) < len(broken.indent(broken.line)):
                at = broken.start(number) + len(broken.indent(number))
                yield 0.1, (Edit(at, at, "async "),)
                break
        for found in re.finditer(r"\b(?:await|async)[ \t]+", broken.content(broken.line)):
            at = broken.start(broken.line) + found.start()
            yield 0.5, (Edit(at, at + len(found.group()), ""),)
    if broken.said("outside function", "outside loop", "not properly in loop"):
        lead, at = broken.indent(broken.line), broken.start(broken.line)
        for number in range(broken.line - 1, 0, -1):
            other = broken.indent(number)
            if broken.content(number).strip() and len(other) > len(lead):
                yield 0.2 + 0.1 * (broken.line - number), (Edit(at, at + len(lead), other),)
                if broken.line - number > 6:
                    break
        block = [Edit(at, at, broken.unit)]
        for number in range(broken.line - 1, 0, -1):
            content = broken.content(number)
            if HEADER.match(content) and broken.indent(number) == lead:
                yield 0.3, tuple(block)
                break
            if content.strip():
                block.append(Edit(broken.start(number), broken.start(number), broken.unit))
        yield 1.0, (Edit(at + len(lead), broken.code_end(broken.line), "pass"),)
    for pattern, text in (("follows keyword argument", ""), ("non-default argument follows", "=None")):
        if broken.said(pattern, "parameter without a default") and text:
            for found in re.finditer(r"(?<=[(,])[ \t]*\w+[ \t]*(?=[,)])", broken.content(broken.line)):
                at = broken.start(broken.line) + found.end()
                yield 0.5, (Edit(at, at, text),)
    if broken.said("follows keyword argument", "follows default", "without a default"):
        yield from _exchanged_arguments(broken)


def _exchanged_arguments(broken: Broken) -> Iterator[Candidate]:
    content, start = broken.content(broken.line), broken.start(broken.line)
    parts = list(re.finditer(r"(?<=[(,])[ \t]*([^,()]+?)[ \t]*(?=[,)])", content))
    for index, first in enumerate(parts):
        for second in parts[index + 1 : index + 4]:
            one, two = first.span(1), second.span(1)
            yield (
                0.4,
                (
                    Edit(start + one[0], start + one[1], second.group(1)),
                    Edit(start + two[0], start + two[1], first.group(1)),
                ),
            )


def stray(broken: Broken) -> Iterator[Candidate]:
    """A character, a token or a line too many; characters that only look right; merge-conflict markers."""
    yield from _conflicts(broken)
    for number, cost in broken.near[:3]:
        content, start = broken.content(number), broken.start(number)
        plain = content.translate(_LOOKALIKES)
        if plain != content:
            yield cost + 0.1, (Edit(start, start + len(content), plain),)
        for found in re.finditer(r"\w+|[^\w\s]", content):
            at = start + found.start()
            near = min(2.5, 0.05 * abs(at - broken.at))
            odd = 0.4 if found.group() in "$?`;\\!" else 1.4
            yield cost + near + odd, (Edit(at, at + len(found.group()), ""),)
            behind = broken.text[at + len(found.group()) : at + len(found.group()) + 1]
            if behind == " " and content[: found.start()].endswith(" "):
                yield cost + near + odd - 0.05, (Edit(at, at + len(found.group()) + 1, ""),)
        if content.rstrip().endswith("\\"):
            at = start + len(content.rstrip()) - 1
            yield cost + 0.6, (Edit(at, start + len(content), ""),)
        back = re.search(r"\\[ \t]+$", content)
        if back:
            yield cost + 0.2, (Edit(start + back.start() + 1, start + len(content), ""),)
        end = broken.starts[number]
        yield cost + 2.6, (Edit(start, end, ""),)
        lead = len(broken.indent(number))
        yield cost + 3.0, (Edit(start + lead, start + lead, "# "),)


def _conflicts(broken: Broken) -> Iterator[Candidate]:
    """Keep the upper, the lower or both sides of every merge conflict."""
    text = broken.text
    pattern = re.compile(
        r"^<{7}[^\n]*\n(?P<upper>.*?)(?:^\|{7}[^\n]*\n.*?)?^={7}[^\n]*\n(?P<lower>.*?)^>{7}[^\n]*(?:\n|\Z)", re.M | re.S
    )
    found = list(pattern.finditer(text))
    if found:
        for cost, form in ((0.0, r"\g<upper>"), (0.1, r"\g<lower>"), (0.4, r"\g<upper>\g<lower>")):
            yield cost, tuple(Edit(match.start(), match.end(), match.expand(form)) for match in found)
    marker = re.compile(r"<{7}|={7}$|>{7}")
    lines = [number for number in range(1, len(broken.lines) + 1) if marker.match(broken.content(number))]
    if lines:
        yield 0.8, tuple(Edit(broken.start(number), broken.starts[number], "") for number in lines)
