"""``quanta serve``: a model behind OpenAI's HTTP interface."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from quantatissu.cli.local import Devices, Draft, Engine, Model, Precision, Quantise, named_adapter, open_local
from quantatissu.foundation import QuantaError

_TOKEN = "QUANTA_SERVE_TOKEN"  # noqa: S105 - the name of a variable
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    model: Model = "tissu",
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="0: any that is free.", min=0, max=65535)] = 8000,
    token: Annotated[
        bool, typer.Option("--token/--no-token", help=f"Ask for a token: {_TOKEN}, or a new one each time.")
    ] = True,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name it may be called by; repeatable.")
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="Requests at once; more get a 429.", min=1)] = 64,
    grace: Annotated[float, typer.Option(metavar="S", help="Seconds for running answers at the end.", min=0)] = 30.0,
    quantise: Quantise = None,
    engine: Engine = "auto",
    precision: Precision = "auto",
    adapter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="A LoRA adapter, asked for as model NAME; repeatable."),
    ] = None,
    devices: Devices = 1,
    draft: Draft = None,
) -> Callable[[], int]:
    """Answer requests as OpenAI's interface does: chat, responses, completions, models, /health, /metrics.

    Ctrl-C or SIGTERM ends it when the running answers are done.
    """

    def work() -> int:
        import secrets

        from quantatissu.model.packaged import packaged
        from quantatissu.server import ServerSettings, make_app
        from quantatissu.server import serve as run
        from quantatissu.server.running import listen

        if host not in _LOOPBACK and not token:
            raise QuantaError(
                f"{host} can be reached by others: a token is needed",
                hint="Leave out --no-token, or stay on 127.0.0.1.",
            )
        key = (os.environ.get(_TOKEN) or secrets.token_urlsafe(24)) if token else None
        settings = ServerSettings(key, (host, *(allow_host or ())), concurrency=concurrency, grace=grace)
        named = [named_adapter(one) for one in adapter or ()]
        opened = listen(host, port)
        with (
            opened,
            open_local(model, quantise, engine, precision, devices=devices, adapters=named, draft=draft) as made,
        ):
            app = make_app(made, settings, folder=packaged(model) or Path(model))
            shown = f"[{host}]" if ":" in host else host
            url = f"http://{shown}:{opened.getsockname()[1]}/v1"

            def ready() -> None:
                typer.echo(f"{made.name} answers at {url}")
                typer.echo(f"export OPENAI_BASE_URL={url} OPENAI_API_KEY={key or 'none'}")

            run(app, opened, settings, ready=ready)
        return 0

    return work
