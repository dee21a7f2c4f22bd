"""Secrets with a grammar of their own: key blocks, credentials in URLs, headers and command lines."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from quantatissu.corpus.secrets.spans import Secret
from quantatissu.corpus.secrets.values import is_example, is_key, is_password

Detector = Callable[[str, int], Secret | None]

_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
# Without an end: lines of base64, with whatever quoting or comment signs a language puts between them.
_KEY_LINES = re.compile(r"""(?:(?:\\[nr]|[\s"'`+,#*/.\\]){0,24}[A-Za-z0-9+/]{32,}={0,2})+""")
_KEY_REACH = 16_000
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/=]{20,}")

_URL = re.compile(r"""://(?P<user>[^\s/:@"'`<>?#]{0,80}):(?P<secret>[^\s/:,@"'`<>]{3,200})@[\w.\[-]""")
_BEARER = re.compile(r"bearer\s+(?P<secret>[A-Za-z0-9._~+/-]{16,}={0,2})", re.IGNORECASE)
_BASIC = re.compile(r"basic\s+(?P<secret>[A-Za-z0-9+/]{11,}={0,2})", re.IGNORECASE)
_AUTHORIZATION = re.compile(
    r"""authorization\\?["']?\]?\s*[:=,]\s*\\?["'`]?(?:token|apikey|api-key|key|ssws|geniekey|splunk|bot)[ =:]+"""
    r"""(?P<secret>[A-Za-z0-9._~+/=-]{16,})""",
    re.IGNORECASE,
)
_CURL_USER = re.compile(r"""curl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?["']?[^\s:"']{1,80}:(?P<secret>[^\s"']{6,100})""")
_NETRC = re.compile(r"""machine\s+\S+\s+login\s+\S+\s+password\s+(?P<secret>\S{6,100})""")


def private_key(text: str, place: int) -> Secret | None:
    """A block from its BEGIN line to its END line, or as far as its base64 goes. A header alone is none."""
    begin = _KEY_BEGIN.match(text, place)
    if begin is None:
        return None
    end = _KEY_END.search(text, begin.end(), begin.end() + _KEY_REACH) or _KEY_LINES.match(text, begin.end())
    if end is None:
        return None
    body = "".join(_BASE64_RUN.findall(text, begin.end(), end.end()))
    if len(body) < 60 or len(set(body)) < 16:
        return None
    return Secret(place, end.end(), "private_key")


def url_password(text: str, place: int) -> Secret | None:
    """The password in ``scheme://user:password@host``, unless it is a placeholder."""
    match = _URL.match(text, place)
    if match is None:
        return None
    value = match["secret"]
    telling = len(value) >= 8 and value.isalnum() and not value.lower().startswith(("pass", "secret"))
    if value == match["user"] or is_example(value) or not (is_password(value) or telling):
        return None
    return Secret(*match.span("secret"), "url_password")


def bearer_token(text: str, place: int) -> Secret | None:
    """The token after ``Bearer``."""
    match = _BEARER.match(text, place)
    return Secret(*match.span("secret"), "bearer_token") if match and is_key(match["secret"]) else None


def basic_credentials(text: str, place: int) -> Secret | None:
    """The base64 after ``Basic``, when it decodes to ``user:password`` in printable ASCII."""
    match = _BASIC.match(text, place)
    if match is None:
        return None
    try:
        decoded = base64.b64decode(match["secret"], validate=True).decode("ascii")
    except ValueError:
        return None
    user, colon, password = decoded.partition(":")
    if not (colon and user and decoded.isprintable() and (is_password(password) or is_key(password))):
        return None
    return Secret(*match.span("secret"), "basic_credentials")


def authorization(text: str, place: int) -> Secret | None:
    """The token of an ``Authorization`` header with another scheme than Bearer and Basic."""
    match = _AUTHORIZATION.match(text, place)
    return Secret(*match.span("secret"), "authorization") if match and is_key(match["secret"]) else None


def command_password(text: str, place: int) -> Secret | None:
    """The password of ``curl -u user:password`` and of a line of ``.netrc``."""
    match = _CURL_USER.match(text, place) or _NETRC.match(text, place)
    return Secret(*match.span("secret"), "password") if match and is_password(match["secret"]) else None


DETECTORS: tuple[tuple[tuple[str, ...], Detector], ...] = (
    (("-----BEGIN ",), private_key),
    (("://",), url_password),
    (("bearer",), bearer_token),
    (("basic",), basic_credentials),
    (("authorization",), authorization),
    (("curl", "machine"), command_password),
)
