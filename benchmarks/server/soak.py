"""The row ``server-soak``: many clients at once, some of which go away or send what is none of a request."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, benchmark

_CLIENTS, _SECONDS, _QUESTIONS = 64, 300, 48
_TOKEN = "soak"
_GROWTH = 1.15  # of the memory in use after a minute


@benchmark(
    name="server-soak",
    bar="nothing lost, mixed or leaked",
    describe="64 streaming clients for 5 minutes: disconnects, malformed bodies, oversize prompts",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Every whole answer is compared with the one given to the same question alone, before.

    In float32: with weights and activations in eight bits, sums in another order are rounded to other numbers.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks server-soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=_SECONDS)
    parser.add_argument("--clients", type=int, default=_CLIENTS)
    given = parser.parse_args(arguments)
    command = [sys.executable, "-m", "quantatissu", "serve", "--port", "0", "--concurrency", str(given.clients + 16)]
    command += ["--engine", "torch", "--precision", "f32"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"QUANTA_SERVE_TOKEN": _TOKEN}
    )
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None, "the server did not start"
        return asyncio.run(_soak(found[0], server.pid, given.clients, given.seconds))
    finally:
        server.terminate()
        server.wait(60)


async def _soak(url: str, pid: int, clients: int, seconds: float) -> Outcome:
    import httpx2

    limits = httpx2.Limits(max_connections=clients + 8)
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    counts: Counter[str] = Counter()
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=300, limits=limits) as client:
        alone = [await _answer(client, _question(number)) for number in range(_QUESTIONS)]
        end = time.monotonic() + seconds
        tasks = [asyncio.create_task(_one(client, number, alone, counts, end)) for number in range(clients)]
        await asyncio.sleep(min(60, seconds / 3))
        before = _memory(pid)
        await asyncio.gather(*tasks)
        await asyncio.sleep(2)
        after, left = _memory(pid), await _left(client, url)
    print(", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items())))
    print(f"memory {before / 1e6:,.0f} MB after a minute, {after / 1e6:,.0f} MB at the end; left over: {left}")
    wrong = counts["mixed"] + counts["lost"] + counts["unclear"]
    good = not wrong and after <= _GROWTH * before and not any(left.values()) and counts["right"] > clients
    return Outcome(
        f"{counts['right']:,} right, {wrong} wrong, {counts['left']:,} left, {counts['refused']:,} refused clearly, "
        f"{sum(left.values())} pages or requests left, memory {after / before:.2f} times",
        good,
    )


def _question(number: int) -> dict[str, Any]:
    return {
        "model": "tissu",
        "prompt": f"def question_{number}(first, second):\n" + "    # a line that makes it longer\n" * (number % 20),
        "max_tokens": 4 + number % 13,
        "temperature": 0,
        "stream": True,
    }


async def _answer(client: Any, body: dict[str, Any], *, leave: int | None = None) -> str | None:
    """The text of an answer; None when the client left after ``leave`` lines, or it broke off."""
    parts: list[str] = []
    async with client.stream("POST", "/completions", json=body) as response:
        assert response.status_code == 200, response.status_code
        seen = 0
        async for line in response.aiter_lines():
            seen += 1
            if leave is not None and seen > leave:
                return None
            if line == "data: [DONE]":
                return "".join(parts)
            if line.startswith("data: "):
                parts += [choice["text"] for choice in json.loads(line[6:])["choices"]]
    return None


async def _one(client: Any, number: int, alone: list[str | None], counts: Counter[str], end: float) -> None:
    draw = random.Random(number)
    while time.monotonic() < end:
        chosen, kind = draw.randrange(_QUESTIONS), draw.random()
        try:
            if kind < 0.7:
                found = await _answer(client, _question(chosen))
                counts["lost" if found is None else "right" if found == alone[chosen] else "mixed"] += 1
            elif kind < 0.85:
                await _answer(client, _question(chosen) | {"max_tokens": 200}, leave=draw.randrange(1, 8))
                counts["left"] += 1
            else:
                counts["refused" if await _malformed(client, draw) else "unclear"] += 1
        except Exception as error:
            counts["lost"] += 1
            print(f"client {number}: {error!r}")


async def _malformed(client: Any, draw: random.Random) -> bool:
    """Whether what is none of a request is answered with an error that says so."""
    bodies: list[tuple[bytes, set[int]]] = [
        (b"{", {400}),
        (b"\xff\x00", {400}),
        (b"[1, 2]", {400}),
        (json.dumps(_question(0) | {"prompt": "word " * 20_000}).encode(), {400}),
        (json.dumps(_question(0) | {"max_tokens": 10**9}).encode(), {400}),
        (json.dumps(_question(0) | {"temperature": "hot"}).encode(), {400}),
        (json.dumps(_question(0) | {"model": "another"}).encode(), {404}),
        (b" " * (5 << 20), {413}),
    ]
    body, statuses = draw.choice(bodies)
    try:
        response = await client.post("/completions", content=body)
    except Exception:
        # A server that turns a long body away need not read it to its end.
        return statuses == {413}
    return response.status_code in statuses and bool(response.json()["error"]["message"])


async def _left(client: Any, url: str) -> dict[str, int]:
    """What the engine still holds when nobody asks any more."""
    for _ in range(100):
        text = (await client.get(url.removesuffix("/v1") + "/metrics")).text
        values = {name: int(value) for name, value in re.findall(r"^quanta_(\w+) (\d+)$", text, re.MULTILINE)}
        left = {
            "running": values["running"],
            "waiting": values["waiting"],
            "pages": values["pages"] - values["pages_free"] - values["pages_cached"],
        }
        if not any(left.values()):
            break
        await asyncio.sleep(0.1)
    return left


def _memory(pid: int) -> int:
    """Resident bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
