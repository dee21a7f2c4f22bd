"""Repairs of what surrounds code: colons, bodies, indentation, brackets and quotes. Strategies of `syntax`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quantatissu.rewriting.broken import HEADER, Broken, Candidate
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.scan import Bracket

_OPEN, _CLOSE = {"(": ")", "[": "]", "{": "}"}, {")": "(", "]": "[", "}": "{"}


# -- headers and bodies ---------------------------------------------------------------------------------------------


def colons(broken: Broken) -> Iterator[Candidate]:
    """A missing colon, one too many, or another sign in its place."""
    told = -1.0 if broken.said("expected ':'") else 0.0
    for number, cost in broken.near:
        content, end = broken.content(number), broken.code_end(number)
        if HEADER.match(content) or re.match(r"[ \t]*\w+ \w+.*$", content):
            header = 0.0 if HEADER.match(content) else 2.0
            if not broken.text[:end].endswith(":"):
                if broken.text[end - 1 : end] in ";.,=":
                    yield cost + header + told + 0.6, (Edit(end - 1, end, ":"),)
                yield cost + header + told + 1.0, (Edit(end, end, ":"),)
            elif header:
                yield cost + 2.0, (Edit(end - 1, end, ""),)
            for word in re.finditer(r"\)|\]|\w", content):
                if header == 0.0 and broken.said("expected ':'") and number == broken.line:
                    at = broken.start(number) + word.end()
                    yield cost + 1.6 + 0.01 * abs(at - broken.at), (Edit(at, at, ":"),)
        elif broken.text[:end].endswith(":") and end > broken.start(number):
            yield cost + 1.8, (Edit(end - 1, end, ""),)


def bodies(broken: Broken) -> Iterator[Candidate]:
    """A header without a body: `pass`, or the lines below indented; a `try` without a handler."""
    if broken.said("expected 'except' or 'finally'"):
        yield from _handlers(broken)
    if not broken.said("expected an indented block"):
        return
    found = re.search(r"on line (\d+)", broken.message)
    header = int(found.group(1)) if found else max(1, broken.line - 1)
    end = broken.starts[header - 1] + len(broken.content(header))
    indent = broken.indent(header)
    yield 0.6, (Edit(end, end, f"{broken.newline}{indent}{broken.unit}pass"),)
    code = broken.code_end(header)
    yield 1.6, (Edit(code, code, " pass"),)
    lines: list[Edit] = []
    for number in range(broken.line, min(len(broken.lines), broken.line + 40) + 1):
        content = broken.content(number)
        if not content.strip():
            continue
        if not content.startswith(indent) or (lines and content[: len(indent) + 1].strip() and HEADER.match(content)):
            break
        at = broken.start(number) + len(indent)
        lines.append(Edit(at, at, broken.unit))
        if len(lines) <= 6:
            yield 0.2 + 0.3 * len(lines), tuple(lines)
    if lines:
        yield 2.2, tuple(lines)


def _handlers(broken: Broken) -> Iterator[Candidate]:
    """A handler for a `try` that has none, or its block without it."""
    lead = broken.indent(broken.line)
    for number in range(broken.line - 1, 0, -1):
        header = broken.indent(number)
        if re.match(r"[ \t]*try[ \t]*:", broken.content(number)) and len(header) >= len(lead):
            at = max(broken.code_end(line) for line in range(number, broken.line) if broken.content(line).strip())
            new = broken.newline
            for cost, clause in ((0.5, "except Exception:"), (1.0, "finally:")):
                yield cost, (Edit(at, at, f"{new}{header}{clause}{new}{header}{broken.unit}pass"),)
            dedented = [
                Edit(broken.start(line), broken.start(line) + len(header + broken.unit), header)
                for line in range(number + 1, broken.line) if broken.content(line).startswith(header + broken.unit)
            ]  # fmt: skip
            yield 0.3, (Edit(broken.start(number), broken.starts[number], ""), *dedented)
            return


def indentation(broken: Broken) -> Iterator[Candidate]:
    """A line or a block indented too far or not far enough; tabs between spaces."""
    told = -0.8 if broken.said("indent", "tab") else 0.8
    for number, cost in broken.near[:3]:
        lead, at = broken.indent(number), broken.start(number)
        above = range(max(1, number - 12), number)
        options = {broken.indent(other) for other in above if broken.content(other).strip()}
        options |= {lead + broken.unit, lead.removesuffix(broken.unit), lead.expandtabs(4), lead.expandtabs(8)}
        for other in sorted(options - {lead}, key=lambda item: (abs(len(item) - len(lead)), item)):
            distance = abs(len(other.expandtabs(4)) - len(lead.expandtabs(4))) / 4
            yield told + cost + 0.7 + 0.3 * distance, (Edit(at, at + len(lead), other),)
            block = [Edit(at, at + len(lead), other)]
            for below in range(number + 1, min(len(broken.lines), number + 60) + 1):
                content = broken.content(below)
                if content.strip() and not content.startswith(lead):
                    break
                if content.strip() and lead:
                    block.append(Edit(broken.start(below), broken.start(below) + len(lead), other))
                    if len(block) in (2, 3, 4):
                        yield told + cost + 0.9 + 0.3 * distance + 0.1 * len(block), tuple(block)
            if len(block) > 1:
                yield told + cost + 1.2 + 0.3 * distance, tuple(block)
    if broken.said("unindent"):
        yield from _odd_indentation(broken)
    if broken.said("tab", "indent") and "\t" in broken.text:
        for width in (4, 8):
            tabs = [
                Edit(broken.start(number), broken.start(number) + len(lead), lead.expandtabs(width))
                for number in range(1, len(broken.lines) + 1)
                if "\t" in (lead := broken.indent(number)) and number not in broken.scan.string_lines
            ]
            if tabs:
                yield 0.4 + 0.1 * (width == 4), tuple(tabs)


def _odd_indentation(broken: Broken) -> Iterator[Candidate]:
    """A line further up whose indentation is no multiple of the unit, and that opened a block nobody wanted."""
    width = len(broken.unit)
    for number in range(broken.line - 1, max(0, broken.line - 40), -1):
        lead, at = broken.indent(number), broken.start(number)
        if broken.content(number).strip() and "\t" not in lead and width > 1 and len(lead) % width:
            for size in (len(lead) + width - len(lead) % width, len(lead) - len(lead) % width):
                yield 0.3 + 0.02 * (broken.line - number), (Edit(at, at + len(lead), " " * size),)


# -- brackets and quotes --------------------------------------------------------------------------------------------


def brackets(broken: Broken) -> Iterator[Candidate]:
    """A bracket missing, one too many, or of the wrong kind."""
    told = -1.0 if broken.said("never closed", "unmatched", "does not match", "closing parenthesis") else 0.0
    for opened in broken.scan.unclosed[-3:]:
        close = _OPEN[opened.sign]
        for at, cost in _closing_places(broken, opened):
            yield told + cost, (Edit(at, at, close),)
        yield told + 1.5, (Edit(opened.at, opened.at + 1, ""),)
    for extra in broken.scan.unmatched[:3]:
        yield told + 0.3, (Edit(extra.at, extra.at + 1, ""),)
        for number in dict.fromkeys([broken.line_at(extra.at), *(number for number, _ in broken.near)]):
            for at, cost in _starts(broken, number, extra.at):
                yield told + 0.8 + cost, (Edit(at, at, _CLOSE[extra.sign]),)
        if extra.expected:
            yield told + 0.2, (Edit(extra.at, extra.at + 1, extra.expected),)
            yield told + 0.7, (Edit(extra.at, extra.at, extra.expected),)
            if extra.opener is not None:
                yield told + 0.5, (Edit(extra.opener, extra.opener + 1, _CLOSE[extra.sign]),)


def _closing_places(broken: Broken, opened: Bracket) -> Iterator[tuple[int, float]]:
    """Where an open bracket may close: line ends first, then before a colon or comma, then behind each word."""
    first = broken.line_at(opened.at)
    last = min(len(broken.lines), max(first, broken.line) + 1, first + 12)
    for number in range(first, last + 1):
        end, start = broken.code_end(number), max(broken.start(number), opened.at + 1)
        if end <= opened.at:
            continue
        far = 0.25 * (number - first)
        if broken.text[end - 1 : end] == ":":
            yield end - 1, far + 0.1
        elif broken.text[end - 1 : end] == ",":
            yield end - 1, far + 0.5
        yield end, far + 0.3
        for word in re.finditer(r"[\w\"')\]}]+", broken.text[start:end]):
            yield start + word.end(), far + 0.8 + 0.004 * (end - start - word.end())
    lead = len(broken.indent(first))
    for number in range(last + 1, len(broken.lines) + 1):  # a long display: up to where its statement must be over
        content = broken.content(number)
        if (content.strip() and len(broken.indent(number)) <= lead) or number == len(broken.lines):
            above = next(line for line in range(number - 1, 0, -1) if broken.content(line).strip())
            yield broken.code_end(above), 0.5
            if above + 1 < number:
                yield broken.start(above + 1), 0.4
            break


def _starts(broken: Broken, number: int, before: int) -> Iterator[tuple[int, float]]:
    start = broken.start(number)
    code = broken.text[start : min(before, broken.code_end(number))]
    for index, word in enumerate(re.finditer(r"(?<!\w)[\w\"'(\[{]", code)):
        yield start + word.start(), 0.15 * index


def quotes(broken: Broken) -> Iterator[Candidate]:
    """A string that does not end, quotes inside an f-string's braces, quotes of the wrong kind."""
    told = -1.0 if broken.said("unterminated", "EOL", "EOF", "f-string") else 0.4
    for opened in broken.scan.open_strings[:3]:
        number = broken.line_at(opened.at)
        if len(opened.sign) == 3:
            for where in (number, broken.line, len(broken.lines)):
                end = broken.start(where) + len(broken.content(where).rstrip())
                yield told + 0.5 + 0.3 * (where != number), (Edit(end, end, opened.sign),)
            yield told + 0.9, (Edit(opened.at, opened.at + 3, opened.sign[0]),)
            stripped = broken.text.rstrip()
            yield told + 1.0, (Edit(len(stripped), len(stripped), broken.newline + opened.sign),)
            continue
        content_end = broken.start(number) + len(broken.content(number).rstrip())
        rest = broken.text[opened.at + 1 : content_end]
        yield told + 0.6, (Edit(content_end, content_end, opened.sign),)
        for sign in re.finditer(r"[)\]}:,]|\s#|\s*$", rest):
            at = opened.at + 1 + sign.start()
            yield told + 0.3 + 0.004 * (content_end - at), (Edit(at, at, opened.sign),)
        for sign in re.finditer("['\"]", rest):
            at = opened.at + 1 + sign.start()
            if sign.group() != opened.sign:
                yield told + 0.4, (Edit(at, at + 1, opened.sign),)
                yield told + 0.5, (Edit(opened.at, opened.at + 1, sign.group()),)
        yield told + 1.2, (Edit(opened.at, opened.at + 1, ""),)
        for word in re.finditer(r"(?<![\w'\"])[\w]", broken.content(number)):
            at = broken.start(number) + word.start()
            if at < opened.at:
                yield told + 1.0 + 0.004 * (opened.at - at), (Edit(at, at, opened.sign),)
        yield told + 1.1, (Edit(content_end, content_end, "\\"),)
    for number, cost in broken.near[:2]:
        yield from _quotes_of_line(broken, number, told + cost)


def _quotes_of_line(broken: Broken, number: int, cost: float) -> Iterator[Candidate]:
    """Other quotes for the strings of a line: within f-string braces, around apostrophes, escaped ones."""
    start, content = broken.start(number), broken.content(number)
    for found in re.finditer(r"[fF][rR]?(['\"])", content):
        sign = found.group(1)
        other = "'" if sign == '"' else '"'
        inner = [at for at in range(found.end(), len(content)) if content[at] == sign]
        if len(inner) > 2:
            yield cost + 0.1, tuple(Edit(start + at, start + at + 1, other) for at in inner[:-1])
            outer = (found.end() - 1, inner[-1])
            yield cost + 0.4, tuple(Edit(start + at, start + at + 1, other) for at in outer)
            yield cost + 0.3, tuple(Edit(start + at, start + at + 1, other) for at in inner[:2])
        opens, closes = content.count("{"), content.count("}")
        if opens != closes:
            for sign_at in range(found.end(), len(content)):
                if opens > closes and not content[sign_at].isalnum():
                    yield cost + 0.5, (Edit(start + sign_at, start + sign_at, "}"),)
                if content[sign_at] in "{}":
                    yield cost + 0.9, (Edit(start + sign_at, start + sign_at + 1, ""),)
                    yield cost + 0.8, (Edit(start + sign_at, start + sign_at, content[sign_at]),)
    for sign in ("'", '"'):
        if content.count(sign) % 2:  # one is missing: behind a word, or in front of one
            for place in re.finditer(r"(?<=[\w.!?%-])(?=[,)\]}:])|(?<=[(\[{, =])(?=\w)", content):
                yield cost + 0.6, (Edit(start + place.start(), start + place.start(), sign),)
    signs = [at for at, character in enumerate(content) if character in "'\""]
    for index, at in enumerate(signs[:8]):
        if 0 < index < len(signs) - 1:
            yield cost + 1.0, (Edit(start + at, start + at, "\\"),)
    for first, last in ((signs[0], signs[-1]),) if len(signs) >= 3 else ():
        other = '"' if content[first] == "'" else "'"
        yield cost + 0.7, (Edit(start + first, start + first + 1, other), Edit(start + last, start + last + 1, other))
