"""A server around a tiny random model, in a thread, on a free port."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "inference"))

import engine_cases as cases

from quantatissu.inference.local import LocalEngine
from quantatissu.server import ServerSettings, make_app
from quantatissu.server.running import _Server, listen

TOKEN = "a-token-for-tests"
ENDLESS = dict.fromkeys(map(str, cases.tokenizer().control.values()), -100)  # no token that ends an answer


@contextmanager
def serving(engine: LocalEngine | None = None, **settings: Any) -> Iterator[tuple[str, LocalEngine]]:
    """The URL before ``/v1``, and the engine."""
    import asyncio

    import uvicorn

    made = engine or cases.roomy()
    opened = listen("127.0.0.1", 0)
    ready = threading.Event()
    app = make_app(made, ServerSettings(TOKEN, **settings))
    server = _Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=5), ready.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[opened])), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield f"http://127.0.0.1:{opened.getsockname()[1]}", made
    finally:
        server.should_exit = True
        thread.join(20)
        opened.close()
        made.close()


def settled(engine: LocalEngine, seconds: float = 20) -> bool:
    """Whether the engine comes to hold nothing that it would not give away at once."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stats = engine.stats()
        if not stats.running and not stats.waiting and stats.pages_free + stats.pages_cached == stats.pages:
            return True
        time.sleep(0.02)
    return False
