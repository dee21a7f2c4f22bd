"""Which server a failed connection was meant for, and what that says about the machine."""

from __future__ import annotations

import re

from quantatissu.diagnostics import known
from quantatissu.diagnostics.model import Diagnostic

_REFUSED = re.compile(r"[Cc]onnection refused|\[Errno (?:111|61)\]|Connect call failed|actively refused")
_UNREACHABLE = re.compile(r"Network is unreachable|No route to host|\[Errno (?:101|113|51|65)\]")
_NO_NAME = re.compile(
    r"Temporary failure in name resolution|Name or service not known|nodename nor servname provided"
    r"|No address associated with hostname|getaddrinfo failed|NameResolutionError"
)
_PASSING = re.compile(r"Temporary failure in name resolution")
_NO_ADDRESS = re.compile(r"\[Errno 99\]|Cannot assign requested address")
_FORBIDDEN = re.compile(r"\[Errno (?:1|13)\]")
_ADDRESSES = tuple(
    re.compile(pattern)
    for pattern in (
        r"host='(?P<host>[^']+)', port=(?P<port>\d+)",
        r"server at \"(?P<host>[^\"]+)\".{0,80}?port (?P<port>\d+)",
        r"(?:connecting to|to host|connect to) (?P<host>[\w.-]+):(?P<port>\d+)",
        r"[(\[]['\"](?P<host>[\w.:-]+)['\"], ?(?P<port>\d+)",
        r"server on '(?P<host>[\w.-]+)'",
        r"(?P<host>[\w.-]+):(?P<port>\d{2,5}): \[Errno",
        r"[a-z]{2,10}://(?:[^@/\s]{1,80}@)?(?P<host>[\w.-]+)(?::(?P<port>\d+))?",
        r"resolve '(?P<host>[\w.-]+)'",
        r"(?P<host>localhost|127\.0\.0\.1|::1|0\.0\.0\.0)(?:['\"]?[:,] ?(?P<port>\d{2,5}))?",
    )
)
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1|0\.0\.0\.0|\[::1\]")
_LOOKED_AT = 50_000  # characters of a failure's text


def network_reason(link: Diagnostic, whole: Diagnostic, *, sandboxed: bool) -> tuple[str, str, str] | None:
    """(kind, message, suggestion) for a connection that failed; None where the project itself may be to blame.

    ``link`` is the exception in question, ``whole`` the failure it is part of. A refused connection to this machine
    counts only for a well-known service: at any other port the tests may expect the project's own server.
    """
    said = f"{link.code}: {link.message}"[:_LOOKED_AT]
    host, port = _address(link, whole)
    local = host is not None and _LOOPBACK.fullmatch(host) is not None
    where = (f"{host}:{port}" if port else host) if host else "a server"
    if _REFUSED.search(said):
        return _refused(link, host, port, where, local=local, sandboxed=sandboxed)
    if _NO_NAME.search(said):
        if not sandboxed and not _PASSING.search(said):
            return None  # the name was looked up, and does not exist
        return _no_network(f"the name of {where} cannot be resolved", local=local, sandboxed=sandboxed)
    if _UNREACHABLE.search(said):
        return _no_network(f"there is no network to reach {where}", local=local, sandboxed=sandboxed)
    in_socket = bool(link.frames) and re.search(r"[/\\](?:socket|socketserver)\.py$", link.frames[-1].path) is not None
    if sandboxed and local and _NO_ADDRESS.search(said):
        return _no_network(f"there is no network to listen at {where}", local=True, sandboxed=True)
    if sandboxed and in_socket and _FORBIDDEN.search(said):
        return _no_network("sockets are not permitted", local=local, sandboxed=True)
    return None


def _no_network(message: str, *, local: bool, sandboxed: bool) -> tuple[str, str, str]:
    if not sandboxed:
        return "network", message, "check this machine's network connection"
    return "network", message, "--allow network-loopback" if local else "--allow network"


def _refused(
    link: Diagnostic, host: str | None, port: int | None, where: str, *, local: bool, sandboxed: bool
) -> tuple[str, str, str] | None:
    packages = [(link.code or "").partition(".")[0]]
    packages += [part for frame in link.frames[-5:] for part in re.split(r"[/\\]", frame.path)]
    service = known.SERVICES.get(port or 0) or next(
        (known.CLIENTS[package] for package in packages if package in known.CLIENTS), None
    )
    if service is None and (local or host is None):
        return None
    what = service or "the server"
    suggestion = f"start {what} at {where}" if host else f"start {what}"
    if sandboxed:
        suggestion += " and pass --allow network"
    return "missing-service", f"{what} refuses connections at {where}", suggestion


def _address(link: Diagnostic, whole: Diagnostic) -> tuple[str | None, int | None]:
    """(host, port) of the server, from the most to the least certain place: messages, failing lines, the whole text."""
    sources = "\n".join(frame.source or "" for frame in link.frames)
    for text in (link.message, whole.message, sources, whole.raw):
        for pattern in _ADDRESSES:
            match = pattern.search(text[:_LOOKED_AT])
            if match is not None:
                groups = match.groupdict()
                port = int(groups["port"]) if groups.get("port") and len(groups["port"]) < 6 else None
                return groups["host"], port
    return None, None
