"""A server's life: from listening to the last answer."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from quantatissu.foundation import QuantaError
from quantatissu.server.guard import App
from quantatissu.server.settings import ServerSettings

_BACKLOG = 256


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0 takes a free one. Raises QuantaError when that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except (OSError, OverflowError) as error:
        opened.close()
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise QuantaError(f"cannot listen on {host}:{port}: {said}", hint="Choose another with --port.") from None
    opened.listen(_BACKLOG)
    return opened


def serve(
    app: App, opened: socket.socket, settings: ServerSettings, *, ready: Callable[[], None] = lambda: None
) -> None:
    """Answer until SIGINT or SIGTERM; then nothing new begins, and what runs gets ``settings.grace`` seconds."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=int(settings.grace),
        server_header=False,
        h11_max_incomplete_event_size=64 * 1024,
    )
    asyncio.run(_Server(config, ready).serve(sockets=[opened]))


class _Server(uvicorn.Server):
    """One that ends quietly when it is told to, instead of passing the signal on."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def end(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)

        try:
            before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread: whoever runs it there ends it
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
