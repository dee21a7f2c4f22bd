"""What the programs of this folder share: the model, real prompts, and turns."""

from __future__ import annotations

import statistics
import sysconfig
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any


def model_folder(name: str = "tissu") -> Path:
    """The folder of a packaged model, or of one given by its path."""
    from quantatissu.model.packaged import packaged

    return packaged(name) or Path(name)


def prompts(folder: Path, count: int, length: int) -> list[list[int]]:
    """``count`` pieces of ``length`` tokens of the standard library, from as many places."""
    from quantatissu.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(folder)
    found: list[list[int]] = []
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        ids = tokenizer.encode(file.read_text(encoding="utf-8", errors="replace")[:60_000]).tolist()
        found += [ids[start : start + length] for start in range(0, len(ids) - length, 3 * length)]
    return found[:: max(1, len(found) // count)][:count]


def hugging_face(folder: Path, target: Path, kind: str = "f32") -> Path:
    """``folder`` as transformers reads it."""
    from quantatissu.model.exporting import export_folder

    export_folder(folder, target, kind=kind)
    return target


def turns(contenders: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Median seconds of each, taking turns, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def quiet() -> Any:
    """transformers without its progress bars and warnings."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def random_model(shape_name: str, target: Path) -> Path:
    """A checkpoint of a named shape with untrained weights and the vocabulary of the packaged model, in ``target``."""
    import torch

    from quantatissu.model import shape
    from quantatissu.model.decoder import Decoder
    from quantatissu.model.folders import save_model

    tokenizer = model_folder() / "tokenizer.json"
    config = replace(shape(shape_name), vocab_size=8192, max_position_embeddings=4096)
    torch.manual_seed(0)
    model = Decoder(config)
    model.initialise()
    save_model(model, target)
    (target / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    return target
