"""Who may come in: a check of every request before anything of it is read, and bounds while it is.

A page in somebody's browser can send requests to the loopback: so the Host header has to be one of the server's own
names (DNS rebinding), and every request has to bear the token.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from quantatissu.server.errors import Refused
from quantatissu.server.settings import ServerSettings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OPEN = frozenset({"/health"})


class Guard:
    """ASGI around an application."""

    def __init__(self, app: App, settings: ServerSettings) -> None:
        self._app, self._settings = app, settings
        self._hosts = _LOOPBACK | {host.lower() for host in settings.hosts}
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        counted = scope["method"] == "POST"
        try:
            self._check(scope["path"], headers)
            if counted and self._running >= self._settings.concurrency:
                raise Refused(
                    429,
                    f"{self._running} requests are running; there is no room for more.",
                    code="rate_limit_exceeded",
                    kind="rate_limit_error",
                    headers={"Retry-After": "1"},
                )
        except Refused as refused:
            # The connection is closed with it: what comes behind an unread body would be taken for a request.
            refused.headers["Connection"] = "close"
            await refused.response()(scope, receive, send)
            return
        self._running += counted
        try:
            await self._app(scope, self._bounded(receive), send)
        finally:
            self._running -= counted

    def _check(self, path: str, headers: dict[bytes, bytes]) -> None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if "*" not in self._hosts and name not in self._hosts:
            raise Refused(421, f"This server is not called {name or 'nothing'}.", code="unknown_host")
        token = self._settings.token
        if token is not None and path not in _OPEN:
            given = headers.get(b"authorization", b"").decode("latin-1")
            scheme, _, key = given.partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), token.encode()):
                raise Refused(
                    401,
                    "Incorrect API key provided.",
                    code="invalid_api_key",
                    kind="authentication_error",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._settings.body_bytes:
            raise self._too_large()

    def _bounded(self, receive: Receive) -> Receive:
        """A body sent in chunks tells no length before it is there."""
        read = 0

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._settings.body_bytes:
                raise self._too_large()
            return message

        return bounded

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is longer than {self._settings.body_bytes:,} bytes.", code="body_too_large")
