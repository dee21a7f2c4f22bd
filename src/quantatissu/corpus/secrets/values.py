"""Is a value a real secret? Placeholders, examples, names and hashes say no; mixed characters without words say yes."""

from __future__ import annotations

import math
import re
from collections import Counter

# Values that documentation uses, and what stands where a value will be filled in.
_EXAMPLE = re.compile(
    r"example|placeholder|change.?me|redacted|dummy|sample|lorem|insert|replace|foobar|your[_-]|[_-]your|my[_-]?(?:secret|"
    r"password|token|api)|not[_-]?(?:a[_-])?real|notasecret|x{4}|\*{3}|\.{3}|([0-9A-Za-z])\1{5}|01234567|12345678|"
    r"23456789|abcdefgh|qwerty|deadbeef|cafebabe|(?-i:SECRET[:_][a-z])|s[ae]cr?[ea]t[_-]?here",
    re.IGNORECASE,
)
# Placeholders of format strings and of shells; pieces of regular expressions; characters written as escapes.
_TEMPLATE = re.compile(r"[<{\[(]|\$\w|%[sdr](?![A-Za-z0-9])|%[({]|_\?[a-z]|^\.\*|\.\*$|\\[A-Za-z0-9]")
# Names of algorithms, encodings and types that end in a number.
_ALGORITHM = re.compile(
    r"(?:sha|md|aes|utf|base|pbkdf|latin|cp|iso|hs|rs|es|u?int|float|x|oauth|http|mt|win|crc|ascii|rfc)[-_]?\d[\d._a-z-]*",
    re.IGNORECASE,
)
_WORDS_CASED = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
_UNSPEAKABLE = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}", re.IGNORECASE)
_OPAQUE = re.compile(r"[A-Za-z0-9+/_.~=%!@#^&*-]+")
# The commonest passwords of examples and tests: in a corpus they give nobody's account away.
_WEAK = frozenset(
    """
    admin administrator changeit default demo guest hunter2 letmein login none null pass pass123 passw0rd passwd
    password password1 password123 password2 p@ssw0rd p@ssword postgres pw pwd root secret secret123 security test
    test123 testing testpass token user username welcome1 abc123 abc1234 admin123 1234 12345 123456
    foo bar baz spam eggs
    """.split()  # noqa: SIM905 - a list of forty strings is harder to read
)
_MARKS = frozenset("!@#$%^&*+=?~|")


def entropy(value: str) -> float:
    """Shannon entropy of the characters of `value`, in bits per character; 0 for the empty string."""
    length = len(value)
    return -sum(n / length * math.log2(n / length) for n in Counter(value).values()) if length else 0.0


def is_example(value: str) -> bool:
    """Whether `value` is a placeholder, a template, or a value known from documentation."""
    return len(set(value)) < 5 or _EXAMPLE.search(value) is not None


def is_wordy(value: str) -> bool:
    """Whether `value` reads as words, so that it is a name, a path or a phrase rather than something random.

    More than six tenths of it are runs of letters in one case, fewer than fifteen hundredths digits, and nowhere do six
    consonants follow one another.
    """
    digits = sum(map(str.isdigit, value))
    if digits >= 0.15 * len(value) or _UNSPEAKABLE.search(value):
        return False
    return sum(map(len, _WORDS_CASED.findall(value))) > 0.6 * len(value)


def is_key(value: str) -> bool:
    """Whether `value` looks like a generated key: sixteen characters or more, opaque, mixed, high in entropy.

    Mixed is letters with two digits or more, or at twenty characters both cases, a fifth each.
    """
    if len(value) < 16 or not _OPAQUE.fullmatch(value) or is_example(value) or is_wordy(value):
        return False
    digits, upper, lower = (sum(map(is_one, value)) for is_one in (str.isdigit, str.isupper, str.islower))
    both_cases = len(value) >= 20 and min(upper, lower) >= 0.2 * len(value)
    return (both_cases or (digits >= 2 and upper + lower >= 2)) and entropy(value) >= 2.8


def is_password(value: str) -> bool:
    """Whether `value` looks like a password somebody uses: six characters or more of two sorts."""
    if not 6 <= len(value) <= 128 or value.lower() in _WEAK or is_example(value) or _TEMPLATE.search(value):
        return False
    if any(map(str.isspace, value)) or "://" in value or value.startswith(("/", "./", "--", "$", "@", "#")):
        return False
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    marks = sum(character in _MARKS for character in value)
    if not letters or not digits + marks or _ALGORITHM.fullmatch(value):
        return False
    if not is_wordy(value) or marks > 0:
        return True
    return digits >= 2 and len(_WORDS_CASED.findall(value)) < 3
