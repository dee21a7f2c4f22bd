"""Personal data: e-mail addresses, public IP addresses, telephone numbers where there is no doubt."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from quantatissu.corpus.secrets.spans import Secret

_HOST = re.compile(
    r"@(?P<host>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?P<top>[A-Za-z]{2,13}))(?![\w@(]|\.\w)"
)
# The part of a URL before its host: what stands there are credentials (see `structures.url_password`).
_USERINFO = re.compile(r"://[^\s/?#]*\Z")
_LOCAL = re.compile(r"[A-Za-z0-9._%+-]+\Z")
_GENERIC_TOPS = frozenset(
    """
    com org net edu gov mil int info biz dev app cloud xyz online site tech name email pro mobi asia store blog company
    solutions systems software agency digital network space world life live club academy institute berlin london
    consulting ventures group team codes computer engineering science international
    """.split()  # noqa: SIM905 - far easier to read than a list
)
# Two-letter endings of files and of attributes in code that are country codes too.
_NOT_COUNTRIES = frozenset("py rs md sh pl so js ts cc ps mm".split())  # noqa: SIM905
_PLACEHOLDER_HOSTS = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local|internal|localdomain)$|(?:^|\.)example\d?\.\w+$|^test\.\w+$|"
    r"^(?:your|my|some|foo|bar|baz|acme|company|domain|email|mail|host|server|site|website|mycompany|yourdomain|mydomain|"
    r"somedomain|somewhere|nowhere|abc|xyz|x|y|a|b|c|d)\.(?:com|org|net|io|co|tld)$|(?:^|\.)noreply\.|users\.noreply|"
    r"(?:^|\.)(?:your|my|some)[a-z-]*\.(?:com|org|net)$"
)
_PLACEHOLDER_LOCALS = re.compile(
    r"^(?:git|hg|svn|no-?reply|do-?not-?reply|noreply\+.*|user(?:name)?|you|your[._-]?(?:name|email)|name|email|"
    r"someone|somebody|nobody|foo|bar|test|me|example|x|xx|xxx|postmaster|mailer-daemon|SECRET_\w+)$",
    re.IGNORECASE,
)

# A network (1.2.0.0/16) is no person's; a fifth part makes it a version or an object identifier.
_QUAD_TAIL = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.]*\d|\.\w|/\d)")
_VERSIONED = re.compile(
    r"(?:version|ver|v|release|rev|/|oid|chrome|build|section|==|>=|<=|~=)[\s:=\"'(]*\d{1,3}\Z", re.IGNORECASE
)
_IPV6 = re.compile(r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w.:%]|/\d)")
# Public resolvers and other addresses that belong to a service everybody knows.
_KNOWN_ADDRESSES = frozenset(
    """
    8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 208.67.222.222 208.67.220.220 2001:4860:4860::8888 2001:4860:4860::8844
    2606:4700:4700::1111 2606:4700:4700::1001 2620:fe::fe 12.34.56.78 123.45.67.89 11.22.33.44
    """.split()  # noqa: SIM905 - far easier to read than a list
)

# ITU-T E.164: the assigned country codes.
_COUNTRY = (
    r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|"
    r"2[1-689]\d|3[578]\d|42\d|50\d|59\d|6[789]\d|8[058]\d|9[679]\d)"
)
_PHONE = re.compile(rf"\+{_COUNTRY}[ .-](?:\(0\))?\(?\d{{1,4}}\)?(?:[ .-]\d{{2,4}}){{2,4}}(?![\w.-]*\d)")
_TEL = re.compile(rf"tel:(?P<secret>\+{_COUNTRY}\d{{6,12}})(?!\d)")
_NORTH_AMERICAN = re.compile(r"\([2-9]\d\d\) ?[2-9]\d\d-\d{4}(?!\d)")


def personal_data(text: str) -> Iterator[Secret]:
    """Every piece of personal data in `text`, kind by kind."""
    if "@" in text:
        yield from _emails(text)
    yield from _addresses(text)
    yield from _phones(text)


def _emails(text: str) -> Iterator[Secret]:
    for match in _HOST.finditer(text):
        place = match.start()
        local = _LOCAL.search(text[max(0, place - 64) : place])
        if local is None:
            continue
        name = local[0].lstrip(".-%+")
        host, top = match["host"].lower(), match["top"]
        country = len(top) == 2 and top.islower() and top not in _NOT_COUNTRIES
        if not name or not (country or top.lower() in _GENERIC_TOPS):
            continue
        if _PLACEHOLDER_HOSTS.search(host) or _PLACEHOLDER_LOCALS.match(name):
            continue
        if not _USERINFO.search(text[max(0, place - 200) : place]):
            yield Secret(place - len(name), match.end(), "email")


def _addresses(text: str) -> Iterator[Secret]:
    for match in _QUAD_TAIL.finditer(text):
        floor = max(0, match.start() - 32)
        before = text[floor : match.start()]
        digits = len(before) - len(before.rstrip("0123456789"))
        start = match.start() - digits
        if not 1 <= digits <= 3 or text[start - 1 : start] in {".", "-", "_"} or text[start - 1 : start].isalpha():
            continue
        quad = text[start : match.end()]
        if sum(len(part) >= 2 for part in quad.split(".")) >= 2 and not _VERSIONED.search(before) and _is_public(quad):
            yield Secret(start, match.end(), "ip_address")
    for match in _IPV6.finditer(text):
        start = match.start()
        if not (text[start - 1 : start].isalnum() or text[start - 1 : start] in {":", ".", "_"}) and _is_public(
            match[0]
        ):
            yield Secret(start, match.end(), "ip_address")


def _is_public(address: str) -> bool:
    if address.lower() in _KNOWN_ADDRESSES:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.is_global and not parsed.is_multicast


def _phones(text: str) -> Iterator[Secret]:
    if "+" in text:
        for match in _PHONE.finditer(text):
            before = text[max(0, match.start() - 1) : match.start()]
            if 10 <= sum(map(str.isdigit, match[0])) <= 15 and not (before.isalnum() or before in {")", "]", "_"}):
                yield from _unless_fictional(match)
    for match in _TEL.finditer(text):
        yield from _unless_fictional(match, "secret")
    for match in _NORTH_AMERICAN.finditer(text):
        yield from _unless_fictional(match)


def _unless_fictional(match: re.Match[str], group: str | int = 0) -> Iterator[Secret]:
    """The number, unless it is one set aside for fiction (555) or counts up."""
    digits = "".join(filter(str.isdigit, match[group]))
    if "555" not in digits and "123456" not in digits and "234567" not in digits and len(set(digits)) > 3:
        yield Secret(*match.span(group), "phone")
