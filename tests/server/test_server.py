"""Who is turned away, what is bounded, and what is left when clients go."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

import httpx2
import pytest
import server_cases as cases

BEARER = {"Authorization": f"Bearer {cases.TOKEN}"}
CHAT: dict[str, Any] = {"model": "model", "messages": [{"role": "user", "content": "Go."}]}


def test_who_may_come_in() -> None:
    with cases.serving(body_bytes=2000) as (url, _), httpx2.Client(base_url=url) as client:
        assert client.get("/health").json() == {"status": "ok"}
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": cases.TOKEN}):
            assert client.get("/v1/models", headers=headers).status_code == 401
        assert client.get("/health", headers={"Host": "evil.example"}).status_code == 421
        assert client.get("/v1/models", headers=BEARER | {"Host": "localhost:1"}).status_code == 200
        long = client.post("/v1/chat/completions", headers=BEARER, json=CHAT | {"user": "x" * 3000})
        assert long.status_code == 413
        chunks = (b"x" * 100 for _ in range(50))
        assert client.post("/v1/chat/completions", headers=BEARER, content=chunks).status_code == 413


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b"\xff\xfe", 400), (b'{"model": 3}', 400), (b"", 400)]
)
def test_bodies_that_are_none(body: bytes, status: int) -> None:
    with cases.serving() as (url, _):
        answer = httpx2.post(f"{url}/v1/chat/completions", headers=BEARER, content=body)
        assert answer.status_code == status and answer.json()["error"]["type"] == "invalid_request_error"


def test_other_places() -> None:
    with cases.serving() as (url, _), httpx2.Client(base_url=url, headers=BEARER) as client:
        assert client.get("/v1/nothing").status_code == 404
        assert client.get("/v1/chat/completions").status_code == 405
        assert (
            client.post("/v1/completions", json={"model": "model", "prompt": "x", "max_tokens": 2}).status_code == 200
        )
        counts = client.get("/metrics").text
        assert 'quanta_requests_total{path="/v1/completions",status="200"} 1' in counts
        assert 'quanta_requests_total{path="other",status="404"} 1' in counts
        assert re.search(r"^quanta_generated_tokens_total [1-9]", counts, re.MULTILINE)


def test_more_than_can_run_are_told_to_come_again() -> None:
    long = CHAT | {"max_completion_tokens": 900, "stream": True, "logit_bias": cases.ENDLESS}
    with cases.serving(concurrency=1) as (url, _), httpx2.Client(base_url=url, headers=BEARER) as client:
        with client.stream("POST", "/v1/chat/completions", json=long) as running:
            lines = running.iter_lines()
            next(lines)
            second = client.post("/v1/chat/completions", json=CHAT)
            assert second.status_code == 429 and second.headers["Retry-After"] == "1"
        for _ in range(100):
            if client.post("/v1/chat/completions", json=CHAT | {"max_completion_tokens": 1}).status_code == 200:
                break
        else:
            raise AssertionError("the place was not given back")


def test_clients_that_go_leave_nothing() -> None:
    body = CHAT | {"max_completion_tokens": 900, "logit_bias": cases.ENDLESS, "n": 4}
    with cases.serving() as (url, engine):
        for stream in (True, False):
            for _ in range(4):
                client = httpx2.Client(base_url=url, headers=BEARER, timeout=5)
                if stream:
                    with client.stream("POST", "/v1/chat/completions", json=body | {"stream": True}) as answer:
                        next(answer.iter_lines())
                else:
                    with pytest.raises(httpx2.TimeoutException):
                        client.post("/v1/chat/completions", json=body, timeout=0.02)
                client.close()
        assert cases.settled(engine)


def test_many_clients_get_their_own_answers() -> None:
    alone: dict[int, str] = {}
    together: dict[int, str] = {}

    def ask(url: str, seed: int, into: dict[int, str]) -> None:
        asked = CHAT | {"max_completion_tokens": 12, "seed": seed, "stream": seed % 2 == 0}
        answer = httpx2.post(f"{url}/v1/chat/completions", headers=BEARER, json=asked, timeout=60)
        if not asked["stream"]:
            into[seed] = answer.json()["choices"][0]["message"]["content"]
            return
        lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
        parts = [httpx2.Response(200, text=line).json()["choices"][0]["delta"].get("content", "") for line in lines]
        into[seed] = "".join(parts)

    with cases.serving() as (url, engine):
        for seed in range(12):
            ask(url, seed, alone)
        threads = [threading.Thread(target=ask, args=(url, seed, together)) for seed in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert alone == together and cases.settled(engine)


def test_the_command_serves_and_ends_when_told() -> None:
    command = [sys.executable, "-m", "quantatissu", "serve", "--port", "0", "--grace", "20"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"QUANTA_SERVE_TOKEN": "t"})
    assert process.stdout is not None
    try:
        url = re.search(r"http://\S+", process.stdout.readline())
        assert url is not None
        client = httpx2.Client(base_url=url[0], headers={"Authorization": "Bearer t"}, timeout=60)
        body = {"model": "tissu", "prompt": "import ", "max_tokens": 150, "stream": True, "temperature": 0}
        with client.stream("POST", "/completions", json=body) as answer:
            lines = answer.iter_lines()
            next(lines)
            process.send_signal(signal.SIGTERM)
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert process.wait(30) == 0
    finally:
        process.kill()


def test_a_taken_port_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "quantatissu", "serve", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2 and "cannot listen" in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "quantatissu", "serve", "--host", "0.0.0.0", "--no-token"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "a token is needed" in done.stderr
