"""From an engine's thread to a client, and the client's going away back to the engine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from quantatissu.llm import Delta
from quantatissu.llm.local import LocalStream

_END = object()


async def pieces(stream: LocalStream) -> AsyncIterator[Delta]:
    """The pieces of a stream, which another thread waits for. Leaving early cancels the stream."""
    queue: asyncio.Queue[Any] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def put(item: object) -> None:
        try:
            loop.call_soon_threadsafe(queue.put_nowait, item)
        except RuntimeError:  # the loop is closed: nobody waits any more
            stream.close()

    def work() -> None:
        try:
            for delta in stream:
                put(delta)
        except BaseException as error:
            put(error)
        put(_END)

    threading.Thread(target=work, name="pieces", daemon=True).start()
    try:
        while (item := await queue.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stream.close()


async def gathered(request: Request, streams: Sequence[LocalStream]) -> list[list[Delta]] | None:
    """All pieces of all streams; None when the client went away, and nobody wants them."""

    async def one(stream: LocalStream) -> list[Delta]:
        return [delta async for delta in pieces(stream)]

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    work = asyncio.ensure_future(asyncio.gather(*map(one, streams)))
    watch: asyncio.Future[None] = asyncio.create_task(gone())
    try:
        both: list[asyncio.Future[Any]] = [work, watch]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return await work
        return None
    finally:
        watch.cancel()
        if not work.done():
            work.cancel()
        for stream in streams:
            stream.close()


def events(source: AsyncIterator[dict[str, Any]], *, named: bool = False) -> StreamingResponse:
    """Server-sent events; ``named`` ones carry the type of each, and no closing mark."""

    async def lines() -> AsyncIterator[str]:
        async for event in source:
            name = f"event: {event['type']}\n" if named else ""
            yield f"{name}data: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n"
        if not named:
            yield "data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def merged(streams: Iterable[LocalStream]) -> AsyncIterator[tuple[int, Delta]]:
    """The pieces of several streams, each with the number of its stream, as they come."""
    every = list(streams)

    async def run() -> AsyncIterator[tuple[int, Delta]]:
        queue: asyncio.Queue[Any] = asyncio.Queue()

        async def feed(number: int, stream: LocalStream) -> None:
            try:
                async for delta in pieces(stream):
                    queue.put_nowait((number, delta))
            except Exception as error:
                queue.put_nowait(error)
            queue.put_nowait(_END)

        tasks = [asyncio.create_task(feed(number, stream)) for number, stream in enumerate(every)]
        left = len(tasks)
        try:
            while left:
                item = await queue.get()
                if item is _END:
                    left -= 1
                elif isinstance(item, Exception):
                    raise item
                else:
                    yield item
        finally:
            for task in tasks:
                task.cancel()
            for stream in every:
                stream.close()

    return run()
