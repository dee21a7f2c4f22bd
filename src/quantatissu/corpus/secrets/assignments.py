"""Values given to tell-tale names: ``password = "..."``, ``"api_key": "..."``, ``set_token("...")``, ``DB_PASS=...``.

A name says what a value is for, the signs between them that it is a value, and the value itself whether it is a real
one (see `values`). All three must agree: most strings of high entropy in code are hashes, identifiers and test data.
"""

from __future__ import annotations

import re
import string

from quantatissu.corpus.secrets.spans import Secret
from quantatissu.corpus.secrets.values import is_key, is_password

ANCHORS = ("pass", "pwd", "secret", "token", "key", "cred", "auth")

_NAME_CHARACTERS = string.ascii_letters + string.digits + "_.-"
_NAME = r"[\w.-]{3,60}"
# What may stand between a name and a quoted value: the name's own closing quote or bracket; a type; the sign.
_QUOTED = re.compile(
    _NAME + r"""(?P<closing>\\?["'`]?\]?)(?:\[\w*\])?"""
    r"""(?:\s{0,4}:\s{0,4}[&A-Za-z][\w .\[\]<>|&'?*]{0,40}?|\s{1,4}(?:string|str|String))?"""
    r"""(?P<sign>\s{0,40}(?:=>|:=|\?\?=?|\|\|=?|[=!]==?|[:=,(]|\+=)\s{0,80}|\s{1,40}(?=["'])|\s+value\s?=\s?)"""
    r"""(?:(?:new )?(?:[A-Za-z]*String(?:::from)?|Some|SecretStr|bytes|str|Buffer\.from|std::string|aws\.String)\()?"""
    r"""[brufBRUFL@$]{0,2}"""
    r"""(?P<quote>\\?["'`])(?P<secret>(?:(?!(?P=quote))[^\s\\]|\\[^\s"'`]){6,512})(?P=quote)"""
)
# A whole line of an environment or properties file, or YAML.
_LINE = re.compile(
    _NAME + r"""[ \t]?[=:][ \t]{0,20}(?P<secret>[^\s"'`<>(){}\[\],;$]{6,256})[ \t]*\r?$""",
    re.MULTILINE,
)
_FLAG = re.compile(_NAME + r"""[ =]["']?(?P<secret>[^\s"'`<>(){}$]{6,256})""")
# Inside a string: a header, a connection string or the query of a URL.
_EMBEDDED = re.compile(r"""[\w -]{3,40}(?:=|: ?)(?P<secret>[^\s;&"'`<>(){}$,\\]{6,256})(?=[\s;&"'`,\\]|$)""")
_ELEMENT = re.compile(_NAME + r""">(?P<secret>[^\s<>&]{6,256})</""")

_PLAIN = re.compile(r"-.*|[A-Za-z_][A-Za-z_.:/-]*\d?[A-Za-z_.]*|[a-z]\w*_\w*|[\w.-]+:\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PASSWORD = re.compile(r"passw|passphrase|pwd|(?:^|[_.-])pass$|userpass|dbpass|(?:^|[_.-])pw$")
_KEY = re.compile(
    r"secret|token|credential|(?:^|[_.-])(?:creds?|auth)(?:$|[_.-])|auth_?key|authorization|"
    r"(?:api|app|application|access|private|encryption|encrypt|signing|sign|auth|account|client|master|service|storage|"
    r"shared|license|licence|subscription|webhook|consumer|session|deploy|admin|root|user|ssh|aes|hmac|jwt|cookie|"
    r"integration|ingest|write|server|read|stripe|openai|azure|aws|gcp|google|maps|twilio|sendgrid|github|functions?)"
    r"[_.-]?key(?:$|[_.-])"
)
# Names of things about a secret, of public values, and of tokens that open nothing.
_HARMLESS = re.compile(
    r"^(?:split|parse|check|verify|validate|is|has|find|read|prompt|ask|get|load|hash|encode|decode)_|split|"
    r"hash|digest|sha_?\d|md5|checksum|fingerprint|public|integrity|csrf|xsrf|nonce|etag|commit|"
    r"(?:page|next|continuation|sync|cancel|special|pad|eos|bos|unk|mask|sep|sub|cursor|request|sort|cache|foreign|"
    r"primary|partition|registry|row|idempotency)_?-?(?:token|key)|"
    r"tokeni[sz]|token_?s(?:tream|$)|"
    r"[_.-](?:ids?|names?|types?|ur[li]s?|paths?|files?|dirs?|fields?|labels?|headers?|prefix|suffix|regex|patterns?|re|"
    r"length|len|size|count|format|kind|class|message|msg|errors?|prompt|hint|help|text|title|description|placeholder|"
    r"expir\w*|ttl|version|env|var|param|parameter|index|offset|algorithm|alg|input|selector|endpoint|arn|ref|scopes?)$"
)
_AWS_SECRET = re.compile(r"[A-Za-z0-9+/]{40}")


def assigned(text: str, place: int) -> Secret | None:
    """The value given to the name that has an anchor at `place`, when name, context and value make a secret of it."""
    quoted = _QUOTED.match(text, place)
    if quoted is not None:
        sign = quoted["sign"].strip()
        if not quoted["closing"] and (sign == "," or (sign == ":" and quoted["quote"] == "`")):
            return None  # a positional argument; a role in reStructuredText
        if not sign and not _declared(text, place):
            return None
        return _judged(text, place, quoted, strict=sign in {",", "("})
    for pattern, allowed, strict in _UNQUOTED:
        match = pattern.match(text, place)
        if match is not None and allowed(text, _begin(text, place)):
            found = _judged(text, place, match, strict=strict)
            if found is not None:
                return found
    return None


def _judged(text: str, place: int, match: re.Match[str], *, strict: bool) -> Secret | None:
    """A secret if the whole name is tell-tale and the value fits it. `strict` where the context is weak."""
    start, end = match.span("secret")
    name = re.match(r"[\w.-]*", text[_begin(text, place) : place + 60])
    assert name is not None
    words = _CAMEL.sub("_", name[0]).lower()
    value = match["secret"]
    if _HARMLESS.search(words) or (strict and value.isalpha()):
        return None
    if _PASSWORD.search(words):
        good = is_password(value) and not (strict and _plain(value))
        return Secret(start, end, "password") if good or is_key(value) else None
    if _KEY.search(words) and is_key(value):
        return Secret(start, end, _key_kind(words, value))
    return None


def _plain(value: str) -> bool:
    """Whether `value` could be a name in code, with a digit or underscores; an option; a host and port."""
    return _PLAIN.fullmatch(value) is not None


def _key_kind(words: str, value: str) -> str:
    if _AWS_SECRET.fullmatch(value) and ("aws" in words or "secret_access" in words or "secretaccess" in words):
        return "aws_secret_key"
    for kind in "token", "secret":
        if kind in words:
            return kind
    return "api_key" if "key" in words else "credential"


def _begin(text: str, place: int) -> int:
    """Where the name begins that goes on at `place`."""
    before = text[max(0, place - 40) : place]
    return place - (len(before) - len(before.rstrip(_NAME_CHARACTERS)))


def _declared(text: str, place: int) -> bool:
    """Whether nothing but space is the sign of a value here: ``#define NAME "..."``, ``PASSWORD '...'`` in SQL."""
    return text[place : place + 3].isupper()


def _alone(text: str, begin: int) -> bool:
    """Whether nothing but a keyword or list sign comes before the name on its line."""
    line = text[text.rfind("\n", 0, begin) + 1 : begin].strip()
    return line in {"", "export", "set", "ENV", "ARG", "-", "//", "#", "$"} or line.endswith(":")


def _within(text: str, begin: int) -> bool:
    """Whether the name stands in a string, or in the query of a URL or the fields of a connection string."""
    if text[begin - 1 : begin] in {"?", "&", ";"}:
        return True
    line = text[text.rfind("\n", 0, begin) + 1 : begin]
    return any(line.count(quote) % 2 == 1 for quote in "\"'`")


def _flagged(text: str, begin: int) -> bool:
    return text.startswith("--", begin)


def _always(text: str, begin: int) -> bool:
    return True


# Pattern, where it may be, and whether a value that could be a name in code is refused there.
_UNQUOTED = (
    (_LINE, _alone, True),
    (_EMBEDDED, _within, False),
    (_ELEMENT, _always, True),
    (_FLAG, _flagged, True),
)
