"""The row ``gguf-agreement``: what llama.cpp makes of an exported file, against the decoder it came from."""

from __future__ import annotations

import argparse
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark

BAR = 0.99
_PROMPTS = 200
_LENGTH = 192


@benchmark(name="gguf-agreement", bar="99%", describe="next token of llama.cpp on an exported f16 file, 200 prompts")
def measure(arguments: Sequence[str]) -> Outcome:
    """Prompts are token ids of the standard library, up to 192 of them; the value is f16's, the others are printed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks gguf-agreement", description=__doc__)
    parser.add_argument("--model", default="tissu", help="a folder, or the name of a packaged model")
    given = parser.parse_args(arguments)
    try:
        import llama_cpp  # noqa: F401
    except ImportError as error:
        raise Skip("llama-cpp-python is not installed") from error
    import torch

    from quantatissu.model.folders import load_model
    from quantatissu.model.gguf import export_gguf, import_gguf
    from quantatissu.model.packaged import packaged

    folder = packaged(given.model) or Path(given.model)
    prompts = _prompts(folder)
    wanted = _ours(load_model(folder, dtype=torch.float32), prompts)
    shares = {}
    with tempfile.TemporaryDirectory() as name:
        for kind in ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1"):
            file = Path(name) / f"{kind}.gguf"
            export_gguf(folder, file, kind=kind)  # type: ignore[arg-type]
            found = _llama(file, prompts)
            shares[kind] = sum(a == b for a, b in zip(wanted, found, strict=True)) / len(prompts)
            print(
                f"{kind}: {100 * shares[kind]:.1f}% of {len(prompts)} next tokens, {file.stat().st_size / 1e6:.1f} MB"
            )
        import_gguf(Path(name) / "f16.gguf", Path(name) / "back", dtype=torch.float16)
        back = _ours(load_model(Path(name) / "back", dtype=torch.float32), prompts)
        same = sum(a == b for a, b in zip(wanted, back, strict=True)) / len(prompts)
        print(f"imported again from f16: {100 * same:.1f}%")
    return Outcome(f"{100 * shares['f16']:.1f}%", shares["f16"] >= BAR)


def _prompts(folder: Path) -> list[list[int]]:
    from quantatissu.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(folder)
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    made: list[list[int]] = []
    for number, file in enumerate(files):
        ids = tokenizer.encode(file.read_text(encoding="utf-8", errors="replace")[:40_000]).tolist()
        starts = range(0, len(ids) - _LENGTH, 4000)
        made += [ids[start : start + 16 + (37 * number + start) % (_LENGTH - 16)] for start in starts]
    return made[:: max(1, len(made) // _PROMPTS)][:_PROMPTS]


def _ours(model: Any, prompts: list[list[int]]) -> list[int]:
    import torch

    with torch.no_grad():
        return [int(model.logits(model(torch.tensor([ids]))[:, -1]).argmax()) for ids in prompts]


def _llama(file: Path, prompts: list[list[int]]) -> list[int]:
    from llama_cpp import Llama

    model = Llama(str(file), n_ctx=512, logits_all=True, verbose=False, n_threads=2)
    found = []
    for ids in prompts:
        model.reset()
        model.eval(ids)
        found.append(int(model.scores[model.n_tokens - 1].argmax()))
    model.close()
    return found
