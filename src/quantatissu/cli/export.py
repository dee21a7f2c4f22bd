"""``quanta export`` and ``quanta import``: models to and from the files of other engines."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from quantatissu.foundation import QuantaError

_FORMATS = ("hf", "gguf")


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder, or the name of a packaged one.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Where it goes; made if need be.")],
    form: Annotated[str, typer.Option("--format", metavar="hf|gguf", help="A Hugging Face folder, or GGUF.")] = "hf",
    kind: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="Of the weights: f32, f16, bf16; for GGUF also q8_0, q4_0, q4_1. [default: bf16, GGUF f16]",
        ),
    ] = None,
) -> Callable[[], int]:
    """Write a model for transformers and vLLM, or for llama.cpp and Ollama, with its card."""
    return lambda: run_export(model, out, form=form, kind=kind)


def import_model(
    file: Annotated[Path, typer.Argument(metavar="FILE.gguf", help="A model of the Llama, Qwen2 or Qwen3 family.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    kind: Annotated[str, typer.Option("--type", metavar="TYPE", help="Of the weights: f32, f16, bf16.")] = "bf16",
    tokenizer: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A tokenizer.json or a folder with one, if the file lacks it."),
    ] = None,
) -> Callable[[], int]:
    """Turn a GGUF file into a folder that everything here and transformers read."""
    return lambda: run_import(file, out, kind=kind, tokenizer=tokenizer)


def run_export(model: str, out: Path, *, form: str, kind: str | None) -> int:
    """Export and say what came of it. Raises QuantaError for settings that make no sense."""
    _require_torch()
    from quantatissu.foundation.amounts import size
    from quantatissu.model.exporting import TOKENS_DIFFER, TYPES, export_folder, export_gguf_folder
    from quantatissu.model.gguf import KINDS
    from quantatissu.model.packaged import packaged

    _require_one_of("--format", form, _FORMATS)
    kinds = tuple(TYPES) if form == "hf" else KINDS
    chosen = kind or ("bf16" if form == "hf" else "f16")
    _require_one_of("--type", chosen, kinds)
    source = packaged(model) or Path(model)
    name = Path(model).resolve().name
    if source.resolve() == out.resolve():
        raise QuantaError("a model cannot be exported onto itself", hint="Give another folder.")
    if form == "hf":
        export_folder(source, out, kind=chosen)
        print(f"{out}: {chosen}, for transformers and vLLM")
        return 0
    written = export_gguf_folder(source, out, name=name, kind=next(one for one in KINDS if one == chosen))
    print(f"{written.path}: {size(written.size)}, for llama.cpp and Ollama")
    if not written.same_tokens:
        print(f"note: {TOKENS_DIFFER}")
    return 0


def run_import(file: Path, out: Path, *, kind: str, tokenizer: Path | None) -> int:
    """Import and say what came of it. Raises QuantaError for files that cannot be read."""
    _require_torch()
    from quantatissu.model.exporting import TYPES
    from quantatissu.model.gguf import import_gguf

    _require_one_of("--type", kind, tuple(TYPES))
    if (out / "config.json").exists():
        raise QuantaError(f"{out} holds a model already", hint="Give another folder.")
    config = import_gguf(file, out, dtype=TYPES[kind], tokenizer=tokenizer)
    print(f"{out}: {config.architecture}, {config.parameters:,} parameters, {kind}")
    return 0


def _require_one_of(option: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise QuantaError(f"{option} is {given!r}", hint=f"There are: {', '.join(known)}.")


def _require_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise QuantaError("this needs torch", hint="pip install 'quantatissu[train,export]'")
