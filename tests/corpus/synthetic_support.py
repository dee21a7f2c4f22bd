"""Documents and small projects for the tests of `quantatissu.corpus.synthetic`."""

import textwrap

from quantatissu.corpus.document import Document, Origin, document_id
from quantatissu.rewriting import Edit, apply_edits

PURE = '''
import re
from math import floor

LIMIT = 10
WORD = re.compile(r"[a-z]+")


def clamp(value, low=0, high=LIMIT):
    """The nearest number between two."""
    if low > high:
        raise ValueError("empty range")
    if value < low:
        return low
    return min(value, high)


def half(number: float) -> int:
    return floor(number / 2)


def initials(text: str) -> str:
    found = []
    for word in WORD.findall(text):
        found.append(word[0].upper())
    return "".join(found)


def countdown(n: int) -> list[int]:
    steps = []
    while n > 0:
        steps.append(n)
        n -= 1
    return steps
'''


def document(text, path="package/module.py", language="python", licences=("MIT",)):
    """A document as the stages of the corpus hand it on."""
    text = textwrap.dedent(text)
    data = text.encode()
    origin = Origin("here", "package", "1.0", path)
    return Document(document_id(origin, data), origin, text, len(data), language, licences)


def corrected(record):
    """The wrong excerpt with the record's edits made, and with its span replaced."""
    edits = [Edit(start, end, text) for start, end, text in record.edits]
    return apply_edits(record.context, edits), record.right


def wrong_text(record, right):
    """The whole wrong file, from a record and the right one: the right excerpt stands where the wrong one does."""
    lines = right.split("\n")
    start = sum(len(line) + 1 for line in lines[: record.line - 1])
    excerpt = record.right
    assert right[start : start + len(excerpt)] == excerpt
    return right[:start] + record.context + right[start + len(excerpt) :]
