"""The parts put together: routes, what goes wrong, and counts of both."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from quantatissu.foundation import QuantaError
from quantatissu.inference import Engine
from quantatissu.server.asked import ChatAsked, CompletionAsked, ResponseAsked
from quantatissu.server.chat import chat_completions
from quantatissu.server.completions import completions
from quantatissu.server.errors import Refused
from quantatissu.server.guard import App, Guard, Receive, Scope, Send
from quantatissu.server.metrics import Metrics
from quantatissu.server.models import Models
from quantatissu.server.responses import responses
from quantatissu.server.settings import ServerSettings

_LOG = logging.getLogger(__name__)
_Asked = TypeVar("_Asked", bound=BaseModel)


def make_app(engine: Engine, settings: ServerSettings, *, folder: Path | None = None) -> App:
    """The ASGI application. ``folder`` is where the model's chat template may lie."""
    models, metrics = Models(engine, settings, folder), Metrics()

    def answering(
        kind: type[_Asked], answer: Callable[[Request, _Asked, Models], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await answer(request, await _asked(request, kind), models)
            except Refused as refused:
                return refused.response()
            except QuantaError as error:
                return Refused(400, error.message).response()
            except ClientDisconnect:
                return Response(status_code=499)

        return endpoint

    async def listed(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [models.table(name) for name in models.chats]})

    async def one(request: Request) -> Response:
        try:
            return JSONResponse(models.table(request.path_params["name"]))
        except Refused as refused:
            return refused.response()

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def counts(request: Request) -> Response:
        return PlainTextResponse(metrics.text(engine.stats()), media_type="text/plain; version=0.0.4")

    routes = [
        Route("/v1/chat/completions", answering(ChatAsked, chat_completions), methods=["POST"]),
        Route("/v1/completions", answering(CompletionAsked, completions), methods=["POST"]),
        Route("/v1/responses", answering(ResponseAsked, responses), methods=["POST"]),
        Route("/v1/models", listed),
        Route("/v1/models/{name:path}", one),
        Route("/health", health),
        Route("/metrics", counts),
    ]
    paths = frozenset(route.path for route in routes)
    app = Starlette(routes=routes, exception_handlers={HTTPException: _missing, Exception: _broken})
    return _counted(Guard(app, settings), metrics, paths)


async def _asked(request: Request, kind: type[_Asked]) -> _Asked:
    body = await request.body()
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"] if first["type"] != "json_invalid" else f"The body is not JSON: {first['msg']}"
        raise Refused(400, f"{place}: {said}" if place else said, param=place or None) from None


async def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    said = {404: f"There is nothing at {request.url.path}.", 405: f"{request.method} is not for {request.url.path}."}
    return Refused(status, said.get(status, "This cannot be answered."), code="not_found").response()


async def _broken(request: Request, error: Exception) -> Response:
    _LOG.error("a request failed", exc_info=error)
    return Refused(500, "The server failed; its log says why.", kind="server_error").response()


def _counted(app: App, metrics: Metrics, paths: frozenset[str]) -> App:
    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, status = time.monotonic(), 499

        async def told(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, told)
        finally:
            path = scope["path"] if scope["path"] in paths else "other"
            metrics.request(path, status, time.monotonic() - began)

    return counted
