"""The options of the commands that run a model on this machine, and opening it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.inference.local import LocalEngine

Model = Annotated[str, typer.Option(metavar="MODEL", help="A model's folder, or the name of a packaged one.")]
Quantise = Annotated[str | None, typer.Option(metavar="int8|int4", help="Weights in fewer bits.")]
Engine = Annotated[
    str, typer.Option(metavar="auto|light|torch", help="light: eight bits, no torch. auto: light where it can.")
]
Precision = Annotated[str, typer.Option(metavar="auto|f32|bf16", help="Of the torch engine.")]
Devices = Annotated[int, typer.Option(metavar="N", help="Divide the model among so many GPUs, or processes.", min=1)]
Draft = Annotated[
    str | None, typer.Option(metavar="MODEL", help="A smaller model of the same vocabulary that guesses ahead.")
]
Adapter = Annotated[Path | None, typer.Option(metavar="FOLDER", help="A LoRA adapter to answer under.")]


def open_local(
    model: str,
    quantise: str | None,
    engine: str,
    precision: str,
    *,
    devices: int = 1,
    adapters: Sequence[tuple[str, Path]] = (),
    draft: str | None = None,
) -> LocalEngine:
    """The engine behind the options of that name. Raises QuantaError for a word that is none of theirs."""
    from quantatissu.inference import open_engine
    from quantatissu.inference.speculation import PromptLookup

    for name, word, words in (
        ("quantise", quantise, (None, "int8", "int4")),
        ("engine", engine, ("auto", "light", "torch")),
        ("precision", precision, ("auto", "f32", "bf16")),
    ):
        if word not in words:
            raise QuantaError(f"--{name} is {word!r}", hint=f"There are: {', '.join(filter(None, words))}.")
    names = [name for name, _ in adapters]
    if len(set(names)) < len(names):
        raise QuantaError("two adapters have one name", hint="Write --adapter NAME=FOLDER.")
    return open_engine(
        model,
        engine=engine,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
        quantise=quantise,  # type: ignore[arg-type]
        drafter=PromptLookup(),
        adapters=dict(adapters),
        devices=devices,
        draft=draft,
    )


def named_adapter(word: str | Path) -> tuple[str, Path]:
    """From ``NAME=FOLDER``, or a folder that is called as the adapter."""
    name, equals, folder = str(word).partition("=")
    return (name, Path(folder)) if equals else (Path(word).resolve().name, Path(word))
